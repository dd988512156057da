"""The default run seen from inside, at step 1,000: what dropout changes there, and what it does not.

Bounds are the safe ones: in ten seeds of plain PyTorch the ratio of mean activations was at most 0.172 in any layer,
that of firing shares 0.28 ± 0.016, 0.56 ± 0.037 and 0.81 ± 0.054 (standard deviations), that of mean correlations
0.67 ± 0.04 in the first layer, and with half the units killed dropout left 84.2 ± 1.9% against 37.0 ± 3.2%. Where a
bound is not twice as far out as anything seen, it is at least five standard deviations from the mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from trainer import Experiment, ExperimentConfig
from trainer.insight import finish, look_at, make_insight
from trainer.insight.base import Found
from trainer.insight.visits import View

LAYERS = ("hidden1", "hidden2", "hidden3")


@pytest.fixture(scope="module")
def default() -> Iterator[tuple[Experiment, Found]]:
    """The default run after 1,000 steps, and what was counted of its masks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    experiment = Experiment(ExperimentConfig(), device="cpu")
    view = make_insight("visits", experiment)
    assert isinstance(view, View)
    for _ in range(20):
        view.saw(experiment.run(50))
    yield experiment, finish(view.look())
    torch.set_num_threads(threads)


def test_units_fire_less_strongly_and_less_often_with_dropout(default: tuple[Experiment, Found]) -> None:
    found = look_at("activity", default[0])
    for layer, firing in zip(LAYERS, (0.45, 0.78, None), strict=True):
        without, dropout = found[f"mean/{layer}"]
        assert dropout / without < 0.4, layer
        if firing is not None:
            without, dropout = found[f"firing/{layer}"]
            assert dropout / without < firing, layer


def test_units_of_the_first_layer_correlate_less_with_dropout(default: tuple[Experiment, Found]) -> None:
    without, dropout = look_at("correlation", default[0])["mean/hidden1"]
    assert dropout / without < 0.9


def test_half_the_units_can_die_with_dropout(default: tuple[Experiment, Found]) -> None:
    found = look_at("damage", default[0])
    without, dropout = found["accuracy"][:, 2]
    assert dropout - without > 0.2
    assert dropout > 0.65
    assert found["spread"].max() / np.sqrt(found["draws"][0]) < 0.02


def test_every_step_trained_another_sub_network_and_no_unit_was_spared(default: tuple[Experiment, Found]) -> None:
    found = default[1]
    assert found["units"][0] == 448
    assert found["masks"][0] == found["distinct"][0] == 1000  # that two of them are the same: below 10⁶ · 0.5^384
    assert found["drawn"][0] == 64_000
    for layer, rate in zip(("input", *LAYERS), (0.2, 0.5, 0.5, 0.5), strict=True):
        # Six standard deviations: of 448 units one is as far out in 10⁻⁶ of all runs.
        assert found[f"expected/{layer}"][0] == pytest.approx(1000 * rate)
        off = np.abs(found[f"dropped/{layer}"].astype(float) - 1000 * rate)
        assert off.max() < 6 * np.sqrt(1000 * rate * (1 - rate)), layer
