"""Masks that are drawn again are those that were used, whatever the run, and the run does not notice."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import configs, tried
from tests.networks import everywhere
from tests.networks import small as narrow
from tests.trainer.test_experiment import assert_same_weights, small
from trainer import Experiment
from trainer.errors import KnobError
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS
from trainer.settings.pieces import finish
from trainer.training.trace import Steps


def assert_same_masks(one: Steps, other: Steps) -> None:
    """Everything but the losses is the same, bit for bit."""
    assert torch.equal(one.step, other.step)
    assert one.lane == other.lane
    for name in ("example", "kinds", "rates", "group_rates"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    for name in ("masks", "kept"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert list(mine) == list(theirs)
        assert all(torch.equal(mine[layer], theirs[layer]) for layer in mine), name


@pytest.mark.long
@tried(8)
@given(config=configs(), steps=st.integers(1, 40), first=st.integers(1, 20))
def test_any_runs_masks_can_be_drawn_again(config: dict[str, Any], steps: int, first: int) -> None:
    trained, fresh = (Experiment(parse(config), "cpu") for _ in range(2))
    if first > 1:
        trained.run(first - 1)
    record = trained.run(steps)
    again = finish(fresh.redraw(range(first, first + steps)))
    assert_same_masks(again, record)
    assert torch.isnan(again.loss).all()


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
def test_kinds_schedules_and_changes_count_as_they_did(network: str, mask: str) -> None:
    run = {**narrow(network, 6, 5, 4), "mask": mask, "train_size": 60, "batch_size": 16}
    lanes = [{"name": kind, "dropout_kind": kind, **everywhere(run, 0.2, 0.5)} for kind in KINDS]
    lanes.append({**lanes[0], "name": "ramp", "schedule": "ramp_up", "schedule_steps": 30})
    config = parse({**run, "lanes": lanes})
    last = len(lanes) - 1
    for lane in range(len(lanes)):
        trained = Experiment(config, "cpu")
        trained.follow(lane=lane, example=7)
        records = [trained.run(9)]
        trained.set(lane=lane, dropout=[0.4] * len(config.layers))
        trained.set(lane=last, dropout_kind=KINDS[-1])
        records.append(trained.run(9))
        trained.set(lane=lane, dropout=[0.0] * len(config.layers))
        records.append(trained.run(9))
        before = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
        for start, record in zip((1, 10, 19), records, strict=True):
            assert_same_masks(finish(trained.redraw(range(start, start + 9))), record)
        whole = finish(trained.redraw(range(5, 24)))
        parts = [(records[0], 4, 9), (records[1], 0, 9), (records[2], 0, 5)]
        for layer, masks in whole.masks.items():
            assert torch.equal(masks, torch.cat([part.masks[layer][a:b] for part, a, b in parts]))
        assert all(torch.equal(tensor, before[name]) for name, tensor in trained.model.state_dict().items())


def test_to_draw_masks_again_changes_nothing_of_the_run() -> None:
    looked, left = (small(train_size=60) for _ in range(2))
    looked.run(20)
    left.run(20)
    finish(looked.redraw(range(3, 50), lane=1, example=5))
    assert torch.equal(looked.run(10).loss, left.run(10).loss)
    assert_same_weights(looked, left)
    assert looked.followed == left.followed


def test_another_lane_and_example_than_the_followed_ones() -> None:
    run = small(train_size=60)
    other = small(train_size=60)
    other.follow(lane=1, example=11)
    assert_same_masks(finish(run.redraw(range(1, 31), lane=1, example=11)), other.run(30))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": range(5)}, "steps"),
        ({"steps": range(5, 5)}, "steps"),
        ({"steps": range(1, 9, 2)}, "steps"),
        ({"steps": range(1, 5), "lane": 9}, "lane = 9"),
        ({"steps": range(1, 5), "example": 10**6}, "example = 1000000"),
    ],
)
def test_what_there_is_not_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(KnobError, match=said):
        finish(small().redraw(**given))
