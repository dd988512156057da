"""What a search tries: candidates for the input rate, the hidden rate and the learning rate, as lanes of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

from trainer.seeds import Purpose, generator
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.search import AXES, SearchConfig


class Trial(NamedTuple):
    """One candidate."""

    input: float
    hidden: float
    learning_rate: float


def trials(config: SearchConfig) -> tuple[Trial, ...]:
    """The candidates in the order in which they are trained; the same config gives the same ones.

    Of a grid, neighbours differ in the learning rate, so that each batch holds whole squares of rates. Of a random
    search they are rounded to what is written: rates to thousandths, learning rates to three digits.
    """
    if config.method == "grid":
        return tuple(Trial(*values) for values in product(config.input, config.hidden, config.learning_rate))
    draws = generator(config.seed, Purpose.SEARCH).random((config.candidates, len(AXES)))  # (candidates, 3)
    return tuple(
        Trial(_between(config.input, one), _between(config.hidden, two), _between_logs(config.learning_rate, three))
        for one, two, three in draws.tolist()
    )


def _between(values: Sequence[float], share: float) -> float:
    return round(min(values) + share * (max(values) - min(values)), 3)


def _between_logs(values: Sequence[float], share: float) -> float:
    return float(f"{min(values) * (max(values) / min(values)) ** share:.3g}")


def lanes_for(candidates: Iterable[Trial], base: ExperimentConfig) -> ExperimentConfig:
    """A run like ``base`` whose lanes are ``candidates``, alike in everything else.

    Raises:
        KnobError: so many such networks are too much work.
    """
    hidden_places = len(base.layers) - 1
    lanes = [
        {
            "name": name_of(trial),
            "dropout": (trial.input, *(trial.hidden,) * hidden_places),
            "learning_rate": trial.learning_rate,
        }
        for trial in candidates
    ]
    return parse({**base.model_dump(exclude={"lanes"}), "lanes": lanes})


def name_of(trial: Trial) -> str:
    """A candidate's name, as short as it can be: ``in .2, hid .5, lr 2e-3``."""
    rates = [f"{rate:.3g}".removeprefix("0") or "0" for rate in (trial.input, trial.hidden)]
    digits, power = f"{trial.learning_rate:.2e}".split("e")
    return f"in {rates[0]}, hid {rates[1]}, lr {float(digits):g}e{int(power)}"
