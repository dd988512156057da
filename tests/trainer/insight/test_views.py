"""Every view finds the documented tensors, in bites, and changes nothing of the run that it looks at."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from tests.networks import USUAL, everywhere, small
from trainer import Experiment
from trainer.insight import Found, Looking, finish, look_at, make_insight
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.settings.panels import VIEWS, fits

ALIKE: Final[list[dict[str, Any]]] = [{"name": "a"}, {"name": "b", "seed": 5}]


def run_of(network: str) -> dict[str, Any]:
    """Two lanes that are alike but for their seed, and a narrow one with batch norm that drops wherever it can."""
    shape = small(network, 12, 9)
    narrow = [7, 8][-len(shape["hidden"]) :]
    return {**shape, "lanes": [*ALIKE, {**everywhere(shape, 0.2, 0.5), "batch_norm": True, "hidden": narrow}]}


RUNS: Final[dict[str, dict[str, Any]]] = {
    **{network: run_of(network) for network in NETWORKS},
    "plane": {"dataset": "moons", "hidden": [12, 9], "lanes": [*ALIKE, {"dropout": [0.0, 0.5, 0.5]}]},
    "gaussian": {
        "hidden": [12],
        "lanes": [{"dropout": [0.2, 0.5], "dropout_kind": "gaussian"}, {"train_size": 40}],
        "train_size": 60,
        "batch_size": 20,
    },
    "dropconnect": {"hidden": [12], "lanes": [{"dropout": [0.2, 0.5], "dropout_kind": "dropconnect"}]},
    "alone": {"hidden": [12], "lanes": [{}]},
}
CASES: Final = [
    pytest.param(view, run, id=f"{view}-{run}")
    for view in VIEWS
    for run, config in RUNS.items()
    if fits(view, parse(config))
]
SOME: Final = [case for case in CASES if case.values[1] in (USUAL, "plane")]
"""What does not depend on the kind of network is looked at with one."""


def trained(run: str, steps: int = 4) -> Experiment:
    experiment = Experiment(parse(RUNS[run] | {"train_size": 60, "batch_size": 20}), device="cpu")
    if steps:
        experiment.run(steps)
    return experiment


def interrupted(looking: Looking, experiment: Experiment) -> Looking:
    """The same, while the run trains on after the first bite."""
    try:
        next(looking)
    except StopIteration as end:
        found: Found = end.value
        return found
    experiment.run(3)
    return (yield from looking)


@pytest.mark.parametrize(("view", "run"), CASES)
def test_a_view_tells_the_step_in_the_types_of_the_wire(view: str, run: str) -> None:
    found = look_at(view, trained(run))
    assert found["step"].tolist() == [4]
    allowed = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}
    assert {str(tensor.dtype) for tensor in found.values()} <= allowed
    assert all(isinstance(tensor, np.ndarray) and tensor.flags.c_contiguous for tensor in found.values())


@pytest.mark.parametrize(("view", "run"), SOME)
def test_looking_in_the_midst_of_training_changes_nothing(view: str, run: str) -> None:
    looked_at, alone = trained(run), trained(run)
    looking = make_insight(view, looked_at).look()
    next(looking, None)
    looked_at.run(2)
    for _ in looking:
        pass
    alone.run(2)
    np.testing.assert_array_equal(looked_at.run(2).loss, alone.run(2).loss)


@pytest.mark.parametrize(("view", "run"), SOME)
def test_what_is_seen_is_of_the_step_at_which_the_look_began(view: str, run: str) -> None:
    experiment = trained(run)
    at_once = look_at(view, experiment)
    seen = finish(interrupted(make_insight(view, experiment).look(), experiment))
    if view == "cost":  # a time is never the same
        assert seen.keys() == at_once.keys()
        return
    assert seen["step"].tolist() == [4]
    for name, tensor in at_once.items():
        if not name.startswith(("auto/", "dropped/", "expected/")):
            np.testing.assert_array_equal(tensor, seen[name], err_msg=name)


@pytest.mark.parametrize(("view", "run"), SOME)
def test_a_view_can_be_had_before_the_first_step(view: str, run: str) -> None:
    assert look_at(view, trained(run, steps=0))["step"].tolist() == [0]
