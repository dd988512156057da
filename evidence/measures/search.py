"""What is measured of the search: the best of all candidates, against the one that is like the first experiment."""

from __future__ import annotations

from typing import Final

from evidence.trained import EVERY, Measure, Values, train_run
from trainer.presets import Preset
from trainer.search import Evaluation, Trial, parse_search

DEFAULT: Final = Trial(input=0.2, hidden=0.5, learning_rate=2e-3)


def search(preset: Preset, seed: int) -> Values:
    """Final validation loss of the best candidate and of the one with the rates of the first experiment."""
    base = preset.config.model_copy(update={"seed": seed})
    state = parse_search(preset.search, base)
    while not state.is_done:
        run = train_run(state.lanes(base), state.config.steps, EVERY)
        scores = zip(run.step.tolist(), run.val_loss.tolist(), (run.val_accuracy / 100).tolist(), strict=True)
        state.add([Evaluation(*each) for each in scores])
    losses = [float("nan") if each.val_loss is None else each.val_loss for each in state.results]
    default = losses[state.trials.index(DEFAULT)]
    best = float("nan") if state.best is None else losses[state.best]
    values = {"best_loss": best, "default_loss": default, "best_ratio": best / default}
    return values | {"best_ceiling": values["best_ratio"]}


MEASURES: Final[dict[str, Measure]] = {
    "search": search,
}
"""By the id of the experiment."""
