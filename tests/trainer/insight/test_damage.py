"""Killing units: which, how many, what the others make up for, and that a dead unit is as good as none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.networks import OTHERS
from tests.trainer.insight.test_activity import lanes_of, trained
from trainer import Experiment
from trainer.insight import look_at
from trainer.insight.damage import Cut, Masked, Wounded, draws_of, order_of, survivors
from trainer.models import evaluating
from trainer.models.cnn import LaneCNN
from trainer.models.lstm import LaneLSTM
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS


def logits(lanes: Wounded, left: list[list[int]]) -> Tensor:
    return torch.cat(list(lanes.passes([torch.tensor(each) for each in left])))


def whole(experiment: Experiment) -> Tensor:
    with torch.no_grad(), evaluating(experiment.model):
        said: Tensor = experiment.model(experiment.judge.val_x)
    return said


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_out_and_what_is_multiplied_by_zero_are_the_same_network(kind: str, order: str) -> None:
    own = {"dropout": [0.2, 0.5, 0.4], "dropout_kind": kind}
    lanes: list[dict[str, Any]] = [{"name": "a", **own}, {"name": "b", "hidden": [20, 9], "batch_norm": True, **own}]
    experiment = trained("mlp", lanes=lanes, batch_norm_order=order)
    cut, masked = Cut(experiment), Masked(experiment)
    for lane, sizes in enumerate([[24, 12], [20, 9]]):
        assert cut.take(lane) == masked.take(lane) == sizes
        left = [list(range(1, sizes[0], 2)), [0, 3, 4]]
        mine, theirs = logits(cut, left), logits(masked, left)
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-9)
        everything = [list(range(size)) for size in sizes]
        assert torch.allclose(logits(cut, everything), whole(experiment)[lane], rtol=0, atol=1e-9)
        assert not torch.allclose(mine, whole(experiment)[lane], atol=1e-3)


@pytest.mark.parametrize("network", OTHERS)
def test_a_lane_of_which_nothing_was_killed_says_what_it_says_in_eval_mode(network: str) -> None:
    experiment = trained(network)
    lanes = Masked(experiment)
    for lane in range(2):
        sizes = lanes.take(lane)
        mine = logits(lanes, [list(range(size)) for size in sizes])
        assert torch.allclose(mine, whole(experiment)[lane], rtol=0, atol=1e-9)


def test_a_dead_unit_of_a_recurrent_network_is_silent_at_every_time_step_and_at_the_end() -> None:
    experiment = trained("lstm")
    lanes = Masked(experiment)
    assert lanes.take(1) == [9]
    mine = logits(lanes, [[0, 1, 2, 3, 5, 6, 7, 8]])
    model = experiment.model
    assert isinstance(model, LaneLSTM)
    with torch.no_grad():
        for weight in (model.cell.weight_hh, model.output.linear.weight):
            weight[1] *= 9 / 8
            weight[1, 4] = 0
    assert torch.allclose(mine, whole(experiment)[1], rtol=0, atol=1e-9)


def test_killing_all_of_a_map_is_killing_its_channel() -> None:
    experiment = trained("cnn")
    lanes = Masked(experiment)
    sizes = lanes.take(0)
    channels = experiment.config.channels[0]
    places = sizes[0] // channels
    left = [[unit for unit in range(sizes[0]) if unit // places != 2], *(list(range(size)) for size in sizes[1:])]
    mine = logits(lanes, left)
    model = experiment.model
    assert isinstance(model, LaneCNN)
    with torch.no_grad():
        weight = model.convs[1].weight
        weight[0] *= channels / (channels - 1)
        weight[0, :, 2] = 0
    assert torch.allclose(mine, whole(experiment)[0], rtol=0, atol=1e-9)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.insight.damage.draws_of", lambda _: 5)


@pytest.mark.usefixtures("few_draws")
def test_nothing_killed_is_the_validation_accuracy_and_has_no_spread() -> None:
    experiment = trained("mlp")
    found = look_at("damage", experiment)
    assert found["share"].tolist() == [0, 0.25, 0.5, 0.75]
    assert found["accuracy"][:, 0] == pytest.approx(experiment.evaluate().val_accuracy.numpy(), abs=1e-6)
    assert found["spread"][:, 0].tolist() == [0, 0, 0]
    assert (found["spread"][0, 1:] > 0).all()


@pytest.mark.usefixtures("few_draws")
def test_a_lane_that_has_diverged_has_no_accuracy() -> None:
    experiment = trained("mlp")
    with torch.no_grad():
        experiment.model.weights[0][0] = math.nan
    found = look_at("damage", experiment)
    assert np.isnan(found["accuracy"]).all(axis=1).tolist() == [True, False, False]


def test_lanes_of_one_width_lose_the_same_units_at_every_step_and_more_of_them_at_a_larger_share() -> None:
    order = order_of(3, 1, 10, draw=4)
    assert order.tolist() == order_of(3, 1, 10, draw=4).tolist()
    assert order.tolist() != order_of(3, 1, 10, draw=5).tolist()
    few, many = set(survivors(order, 0.5)), set(survivors(order, 0.25))
    assert (len(few), len(many)) == (5, 8)
    assert few < many
    assert survivors(order, 0).tolist() == list(range(10))
    assert len(survivors(order[:1], 0.75)) == 1, "one is always left"


def test_runs_of_many_or_slow_lanes_have_fewer_choices() -> None:
    many = parse({"lanes": [{"name": str(number)} for number in range(64)]})
    assert draws_of(parse({})) == 64
    assert draws_of(many) == draws_of(parse({"network": "lstm", "lanes": lanes_of("lstm"), "hidden": [64]})) == 16
