"""What a run is said to take is never less than what its tensors really have, and not many times as much."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer import Experiment
from trainer.settings.config import parse
from trainer.settings.memory import BASE, lanes_that_fit, memory_of

WIDE: dict[str, Any] = {"hidden": [256] * 3, "lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5]}] * 8}
CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "wide": WIDE,
    "sgd": {**WIDE, "optimizer": "sgd"},
    "stopping": {**WIDE, "lanes": [{**WIDE["lanes"][0], "patience": 5}] * 8},
    "norm": {**WIDE, "lanes": [{**WIDE["lanes"][0], "batch_norm": True}] * 8},
    "own examples": {"lanes": [{"seed": seed, "train_size": 200 + seed} for seed in range(16)]},
    "weights": {"batch_size": 16, "lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5], "dropout_kind": "dropconnect"}]},
    "cnn": {"network": "cnn"},
    "lstm": {"network": "lstm"},
    "plane": {"dataset": "moons", "lanes": [{}] * 32},
}


def held_by(experiment: Experiment) -> int:
    """Bytes of all tensors that an experiment reaches, each memory once."""
    seen, found, todo = set(), dict[int, int](), [experiment]
    while todo:
        each: Any = todo.pop()
        if id(each) in seen or isinstance(each, ModuleType | FunctionType | type):
            continue
        seen.add(id(each))
        if isinstance(each, Tensor):
            storage = each.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        todo += gc.get_referents(each)
    return sum(found.values())


def kept_by_a_pass(experiment: Experiment) -> int:
    """Bytes that a step keeps from its pass forward to that back, each memory once, and the gradients."""
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        experiment.run(1)
    return sum(found.values()) + sum(each.nbytes for each in experiment.model.parameters())


@pytest.mark.parametrize("name", CASES)
def test_the_estimate_is_no_less_than_what_is_allocated_and_not_ten_times_as_much(name: str) -> None:
    config = parse(CASES[name])
    experiment = Experiment(config, device="cpu")
    experiment.run(30)  # past an evaluation of early stopping
    real = held_by(experiment) + kept_by_a_pass(experiment)  # what is in both counts twice
    estimate = memory_of(config)
    assert real <= estimate.total
    assert estimate.total - BASE < 10 * real


def test_twice_the_networks_take_twice_the_memory_but_for_what_they_share() -> None:
    one, two = (memory_of(parse({**WIDE, "lanes": WIDE["lanes"][:count]})) for count in (4, 8))
    assert two.lanes == 2 * one.lanes
    assert two.shared == one.shared
    assert two.total == two.lanes + two.shared


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_what_would_fit_does_and_one_more_does_not(lanes: int) -> None:
    fits = memory_of(parse({**WIDE, "lanes": WIDE["lanes"][:lanes]})).total
    assert lanes_that_fit(parse(WIDE), fits) == lanes
    assert lanes_that_fit(parse(WIDE), fits - 1) == lanes - 1
