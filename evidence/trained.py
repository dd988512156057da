"""A run of one experiment, trained to its end, with the scores of every evaluation on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.presets import Preset
from trainer.settings.config import ExperimentConfig, parse
from trainer.training.experiment import Experiment

EVERY: Final = 25  # steps between two evaluations
FINAL: Final = 3  # evaluations, the last ones, whose mean is what a run has come to

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """K evaluations of L networks in eval mode, whoever trained them.

    Attributes:
        config: of the run.
        stopped: for each lane, when early stopping froze it and which step's weights it has; None if it did not.
        step: (K,) after which each evaluation was made; none at step 0.
        train_loss: (K, L).
        val_loss: (K, L).
        train_accuracy: (K, L) in percent.
        val_accuracy: (K, L) in percent.
    """

    config: ExperimentConfig
    stopped: Sequence[Mapping[str, Any] | None]
    step: NDArray[np.int64]
    train_loss: Numbers
    val_loss: Numbers
    train_accuracy: Numbers
    val_accuracy: Numbers

    @property
    def lanes(self) -> tuple[str, ...]:
        """Names of the lanes."""
        return tuple(lane.name for lane in self.config.lanes)

    def at(self, scores: Numbers, step: int) -> Numbers:
        """The row of ``scores`` that was evaluated after ``step``, (L,)."""
        (row,) = np.flatnonzero(self.step == step)
        return np.asarray(scores[row])

    def final(self, scores: Numbers) -> Numbers:
        """What ``scores`` have come to, (L,): the mean of the last evaluations."""
        return np.asarray(scores[-FINAL:].mean(axis=0))

    def for_good(self, holds: NDArray[np.bool_]) -> float:
        """The first evaluated step from which something holds at every evaluation, NaN if at the last it does not.

        Args:
            holds: (K,).
        """
        broken = np.flatnonzero(~holds)
        first = broken[-1] + 1 if len(broken) else 0
        return float(self.step[first]) if first < len(holds) else float("nan")


@dataclass(frozen=True, kw_only=True)
class Trained(Scored):
    """A run of the lab.

    Attributes:
        experiment: as it is after the last step.
    """

    experiment: Experiment


def train(preset: Preset, seed: int, every: int = EVERY, **knobs: Any) -> Trained:
    """Train an experiment as its page does.

    Args:
        preset: which.
        seed: of the run.
        every: steps between two evaluations.
        knobs: of the run, where they shall differ from the experiment's.
    """
    config = preset.config.model_copy(update={"seed": seed}).model_dump(mode="json") | knobs
    return _train(json.dumps(config, sort_keys=True), preset.steps, every)


@lru_cache(maxsize=4)  # experiments that differ only in what is looked at follow one another
def _train(config: str, steps: int, every: int) -> Trained:
    return train_run(parse(json.loads(config)), steps, every)


def train_run(config: ExperimentConfig, steps: int, every: int) -> Trained:
    """Train a run and evaluate it after every so many steps."""
    experiment = Experiment(config, device="cpu")
    scores = []
    for _ in range(steps // every):
        experiment.run(every)
        scores.append(experiment.evaluate())

    def column(of: str, scale: float = 1.0) -> Numbers:
        return np.stack([getattr(each, of).double().numpy() for each in scores]) * scale

    return Trained(
        experiment=experiment,
        config=config,
        stopped=tuple(experiment.stopped),
        step=np.array([each.step for each in scores]),
        **{name: column(name) for name in ("train_loss", "val_loss")},
        **{name: column(name, 100.0) for name in ("train_accuracy", "val_accuracy")},
    )


Values = Mapping[str, float]
"""What one run came to: row id → value; NaN for what does not exist."""

Measure = Callable[[Preset, int], Values]
"""Trains an experiment with a seed and measures it."""

OfRun = Callable[[Scored], Values]
"""Makes the rows of an experiment of the evaluations of a run."""
