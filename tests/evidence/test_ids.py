"""Every row of the evidence is measured under its own id.

Evaluations are made up here, and networks hardly trained: what is looked at is the names.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest

from evidence import trained
from evidence.measures import MEASURES, ensembles, measure, search
from evidence.trained import Trained
from trainer.insight import autoencoder
from trainer.presets import PRESETS, Preset, find_preset
from trainer.presets.expected import Row, expected_for
from trainer.settings.config import ExperimentConfig
from trainer.training.experiment import Experiment

SOME: Final = 60  # steps, after which two networks have features that correlate and draw a line in the plane


def made_up(config: ExperimentConfig, steps: int, every: int) -> Trained:
    """A run that was hardly trained, with losses that fall and accuracies that rise."""
    step = np.arange(every, steps + 1, every)
    falling = np.linspace(2.3, 0.05, len(step))[:, None] * np.linspace(1.0, 0.5, len(config.lanes))
    experiment = Experiment(config, device="cpu")
    if len(config.lanes) == 2:
        experiment.run(SOME)
    return Trained(
        config=config,
        stopped=[None] * len(config.lanes),
        experiment=experiment,
        step=step,
        train_loss=falling,
        val_loss=falling,
        train_accuracy=100 - falling,
        val_accuracy=100 - falling,
    )


@pytest.fixture(autouse=True)
def hardly_anything_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a measure looks at comes at once."""

    def train(preset: Preset, seed: int, every: int = trained.EVERY, **knobs: Any) -> Trained:
        config = preset.config.model_copy(update={"seed": seed})
        return made_up(ExperimentConfig.model_validate(config.model_dump() | knobs), preset.steps, every)

    for module in ("costs", "dense", "ensembles", "networks"):
        monkeypatch.setattr(f"evidence.measures.{module}.train", train)
    monkeypatch.setattr(search, "train_run", made_up)
    monkeypatch.setattr(ensembles, "WATCHED", 5)
    autoencoders = autoencoder.Autoencoders.__init__
    short = (*(autoencoders.__defaults__ or ())[:-1], 2)
    monkeypatch.setattr(autoencoders, "__defaults__", short)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.id))
def test_every_row_is_measured_under_its_id(preset: Preset) -> None:
    values = MEASURES[preset.id](preset, 0)
    rows = {row.id for row in expected_for(preset.id)}
    assert rows <= set(values)
    assert measure(preset, 0).keys() == rows


def test_a_row_that_nothing_measures_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*expected_for("rate"), Row("val_loss/p=7", "No such rate", "nats"))
    monkeypatch.setattr("evidence.measures.expected_for", lambda preset: rows)
    with pytest.raises(KeyError, match=r"of rate nothing measures val_loss/p=7; measured are val_loss/p=0, "):
        measure(find_preset("rate"), 0)


def test_what_a_run_does_not_have_is_measured_as_no_number() -> None:
    assert math.isnan(measure(find_preset("regularisers"), 0)["best_step/Early stopping"])  # so nothing has stopped
