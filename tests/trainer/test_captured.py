"""A step that is recorded once and replayed: what it reads stays in its place, and what changes it is noticed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.captured import CapturedStep, same
from trainer.config import parse
from trainer.experiment import Experiment

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
RATES = (0.2, 0.5)
MOVES: list[dict[str, Any]] = [
    {"dropout": (0.1, 0.7)},
    {"l1": 2e-4},
    {"l2": 2e-3},
    {"weight_decay": 0.2},
    {"max_norm": 0.7},
    {"label_smoothing": 0.3},
    {"learning_rate": 0.02},
]
TURNS: list[dict[str, Any]] = [
    {"batch_norm": True},
    {"l1": 0.0},
    {"l2": 0.0},
    {"weight_decay": 0.0},
    {"max_norm": 0.0},
    {"label_smoothing": 0.0},
    {"dropout": (0.0, 0.5)},
    {"dropout_kind": "dropconnect"},
]


def experiment_of(device: str = "cpu") -> Experiment:
    knobs = {
        "l1": 1e-4,
        "l2": 1e-3,
        "weight_decay": 0.1,
        "max_norm": 1.0,
        "label_smoothing": 0.1,
        "learning_rate": 0.01,
    }
    lanes = [{"dropout": RATES, **knobs}, {"dropout": (0.0, 0.5), "learning_rate": 0.005}]
    return Experiment(parse({"hidden": [12], "train_size": 64, "batch_size": 16, "lanes": lanes}), device=device)


def places(experiment: Experiment) -> list[int]:
    """Where the tensors are that a step reads and writes."""
    optimizer = experiment._optimizer
    columns = [optimizer._rate, optimizer._l1, optimizer._l2, optimizer._kept, optimizer._limits, experiment._smoothing]
    tensors: list[Tensor] = [column.values for column in columns]
    tensors += [site.multiplier for site in experiment.model.dropouts]
    tensors += [*experiment.model.state_dict().values(), *optimizer.tensors]
    return [tensor.data_ptr() for tensor in tensors]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: next(iter(move)))
def test_a_knob_that_moves_writes_in_place_and_leaves_the_computation_as_it_is(move: dict[str, Any]) -> None:
    experiment = experiment_of()
    experiment.run(2)
    before, structure = places(experiment), experiment._structure()
    experiment.set(lane=0, **move)
    experiment.run(2)
    assert places(experiment) == before
    assert experiment._structure() == structure


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: next(iter(turn)))
def test_a_knob_that_is_turned_on_or_off_for_the_first_or_last_lane_is_another_computation(
    turn: dict[str, Any],
) -> None:
    experiment = experiment_of()
    structure = experiment._structure()
    experiment.set(lane=0, **turn)
    assert experiment._structure() != structure


def test_equal_learning_rates_are_another_computation_than_different_ones() -> None:
    experiment = experiment_of()
    structure = experiment._structure()
    experiment.set(lane=0, learning_rate=0.005)
    assert experiment._structure() != structure


def test_without_a_gpu_steps_are_made_as_they_are_written() -> None:
    seen = []

    def compute(x: Tensor, target: Tensor) -> Tensor:
        seen.append((x, target))
        return x + target

    step = CapturedStep(compute, lambda: 0, [torch.zeros(1)])
    x, target = torch.ones(2), torch.ones(2)
    assert torch.equal(step(x, target), torch.full((2,), 2.0))
    assert seen == [(x, target)]


def test_tensors_are_the_same_up_to_rounding_and_no_further() -> None:
    value = torch.tensor([1.0, -2.0, 1e-9])
    assert same(value, value * (1 + 1e-6))
    assert not same(value, value * 1.01)
    assert not same(value, torch.tensor([1.0, float("nan"), 1e-9]))
    assert same(torch.tensor([3]), torch.tensor([3]))
    assert not same(torch.tensor([3]), torch.tensor([4]))


@pytest.mark.parametrize("device", DEVICES)
def test_steps_that_may_be_recorded_are_those_that_are_traced_and_never_recorded(device: str) -> None:
    recorded, written = experiment_of(device), experiment_of(device)
    for knobs in ({}, {"dropout": (0.1, 0.7)}, {"batch_norm": True}, {"l2": 0.0}):
        for experiment in (recorded, written):
            experiment.set(lane=0, **knobs)
        recorded.run(4)
        for _ in range(4):
            written.run(1, trace=True)
    for mine, theirs in zip(recorded.model.state_dict().values(), written.model.state_dict().values(), strict=True):
        assert same(mine, theirs)
