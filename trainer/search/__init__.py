"""A search: candidates for the input rate, the hidden rate and the learning rate, trained as lanes, some at a time.

No torch is needed to say which candidates there are and what came of them; `trainer.worker.searching` trains them.
"""

from __future__ import annotations

from trainer.search.candidates import Trial, lanes_for, name_of, trials
from trainer.search.state import Evaluation, Result, SearchState, parse_search, results_of
from trainer.settings.search import SearchConfig

__all__ = [
    "Evaluation",
    "Result",
    "SearchConfig",
    "SearchState",
    "Trial",
    "lanes_for",
    "name_of",
    "parse_search",
    "results_of",
    "trials",
]
