"""Sub-networks in the plane: each is the network that its mask makes, and their disagreement is what it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.plain import plain_lane
from trainer import Experiment
from trainer.dropout.kinds import threshold
from trainer.errors import KnobError
from trainer.insight import finish, look_at, make_insight
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.config import parse

RATES = (0.0, 0.5, 0.4)
UNITS = (2, 16, 12)
SIZE, SHOWN, MEMBERS = 48, 16, 64


def trained(steps: int = 60, **lane: Any) -> Experiment:
    lanes = [{"name": "without"}, {"name": "with", "dropout": RATES, **lane}]
    given: dict[str, Any] = {"dataset": "moons", "hidden": [16, 12], "train_size": 60, "batch_size": 20, "lanes": lanes}
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    experiment.follow(lane=1)
    return experiment


def grid(extent: tuple[float, ...]) -> torch.Tensor:
    left, right, bottom, top = extent
    row, column = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1)
    points = np.stack([left + column * (right - left), bottom + row * (top - bottom)], axis=-1)
    return torch.from_numpy(points.reshape(-1, 2))


def entropy(probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, 1e-300, 1)
    q = np.clip(1 - probability, 1e-300, 1)
    found: np.ndarray = -(p * np.log(p) + q * np.log(q))
    return found


def test_members_average_and_doubt_are_those_of_plain_networks_with_the_masks_of_the_ensemble() -> None:
    experiment = trained()
    found = look_at("subnetworks", experiment)
    assert experiment.data.extent is not None
    x, plain = grid(experiment.data.extent), plain_lane(experiment, 1).eval()
    stream = WordStream(key(0, Purpose.SUBNETWORKS, 60, 1))
    each = []
    for member in range(MEMBERS):
        words = np.split(stream.words(member, sum(UNITS)), np.cumsum(UNITS)[:-1])
        factors = [
            torch.from_numpy((own >= threshold(rate)) / (1 - rate))[None]
            for own, rate in zip(words, RATES, strict=True)
        ]
        with torch.no_grad():
            each.append(torch.softmax(plain(x, [each if index else 1.0 for index, each in enumerate(factors)]), dim=1))
    members = torch.stack(each)[..., 1].numpy().reshape(MEMBERS, SIZE, SIZE)
    average = members.mean(axis=0)
    # A level is a probability times 255, rounded.
    assert np.abs(found["members"] - 255 * members[:SHOWN]).max() <= 0.5 + 1e-3
    assert np.abs(found["average"] - 255 * average).max() <= 0.5 + 1e-3
    assert np.allclose(found["entropy"], entropy(average), atol=1e-5)
    assert np.allclose(found["information"], entropy(average) - entropy(members).mean(axis=0), atol=1e-5)
    with torch.no_grad():
        whole = torch.softmax(plain(x), dim=1)[:, 1].numpy().reshape(SIZE, SIZE)
    assert np.abs(found["scaling"] - 255 * whole).max() <= 0.5 + 1e-3


def test_tensors_are_as_the_protocol_has_them_and_the_grid_is_that_of_the_boundary() -> None:
    experiment = trained(20)
    found = look_at("subnetworks", experiment)
    map_of = (SIZE, SIZE)
    assert {name: (array.dtype.name, array.shape) for name, array in found.items()} == {
        "step": ("uint32", (1,)),
        "lane": ("uint8", (1,)),
        "extent": ("float32", (4,)),
        "members": ("uint8", (SHOWN, *map_of)),
        "average": ("uint8", map_of),
        "scaling": ("uint8", map_of),
        "entropy": ("float32", map_of),
        "information": ("float32", map_of),
    }
    assert (found["step"].tolist(), found["lane"].tolist()) == ([20], [1])
    assert found["extent"].tolist() == pytest.approx(experiment.data.extent)
    boundary = experiment.boundary(SIZE)[1].numpy()
    assert np.abs(found["scaling"] - 255 * boundary).max() <= 0.5 + 1e-3
    assert (found["information"] >= 0).all()
    assert (found["information"] <= found["entropy"] + 1e-6).all()
    assert found["entropy"].max() <= np.log(2) + 1e-6


@pytest.mark.parametrize("kind", ["gaussian", "dropconnect"])
def test_sub_networks_of_other_kinds_of_dropout_differ_too(kind: str) -> None:
    found = look_at("subnetworks", trained(dropout_kind=kind))
    assert len({member.tobytes() for member in found["members"]}) == SHOWN
    assert found["information"].max() > 0.01


def test_a_lane_without_dropout_is_thinned_like_the_first_that_has_some() -> None:
    experiment = trained()
    experiment.follow(lane=0)
    found = look_at("subnetworks", experiment)
    assert found["lane"].tolist() == [0]
    assert len({member.tobytes() for member in found["members"]}) == SHOWN


def test_without_any_dropout_nobody_disagrees() -> None:
    found = look_at("subnetworks", trained(dropout=(0, 0, 0)))
    # The whole network is computed in the same way: not a level differs.
    assert all((member == found["scaling"]).all() for member in found["members"])
    assert found["information"].max() <= 1e-6


def test_what_is_trained_between_two_bites_does_not_show() -> None:
    experiment = trained()
    once = look_at("subnetworks", experiment)
    looking = make_insight("subnetworks", experiment).look()
    for _ in range(5):
        next(looking)
        experiment.run(3)
    slowly = finish(looking)
    for name, array in once.items():
        assert (slowly[name] == array).all(), name


def test_one_sub_network_is_a_bite() -> None:
    bites = sum(1 for _ in make_insight("subnetworks", trained(5)).look())
    assert bites == MEMBERS


def test_data_that_are_no_points_in_the_plane_are_refused() -> None:
    experiment = Experiment(parse({"hidden": [8], "lanes": [{"dropout": [0.2, 0.5]}]}), device="cpu")
    with pytest.raises(KnobError, match=r"dataset = 'digits' .* points in the plane"):
        look_at("subnetworks", experiment)
