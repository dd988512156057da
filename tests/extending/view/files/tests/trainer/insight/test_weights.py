"""The weights' length and the largest of them are those of the networks as they are."""

from __future__ import annotations

import pytest
import torch

from trainer import Experiment
from trainer.insight import look_at
from trainer.settings.config import parse

LANES = [{"name": "narrow", "hidden": [5, 9]}, {"name": "wide", "dropout": [0.2, 0.5, 0.5]}]


def test_all_weights_count_and_those_that_a_narrow_lane_does_not_have_do_not() -> None:
    experiment = Experiment(parse({"hidden": [12, 9], "lanes": LANES}), device="cpu")
    experiment.run(3)
    found = look_at("weights", experiment)
    assert found["step"].tolist() == [3]
    for lane in (0, 1):
        flat = torch.cat([weight.detach()[lane].flatten() for weight in experiment.model.weights])
        assert float(found["length"][lane]) == pytest.approx(float(flat.norm()), rel=1e-5)
        assert float(found["largest"][lane]) == float(flat.abs().max())
    assert found["length"][0] < found["length"][1]
