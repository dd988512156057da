"""Sub-networks: cut out of the weights, they say what the masked network says; their averages are averages."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import nll_loss

from tests.trainer.plain import PlainNetwork, plain_lane
from trainer import Experiment
from trainer.config import parse
from trainer.ensemble import CrowdInProgress
from trainer.errors import DropoutLabError, KnobError

RATES = (0.2, 0.5, 0.4)


def trained(batch_norm: bool = False, steps: int = 40) -> Experiment:
    lanes = [{"name": "without"}, {"name": "with", "dropout": RATES, "batch_norm": batch_norm}]
    given: dict[str, Any] = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": lanes}
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


def masks_of(crowd: CrowdInProgress, number: int) -> list[torch.Tensor]:
    masks = []
    for kept, (weight, _) in zip(crowd._masks(number), crowd._network, strict=True):
        mask = torch.zeros(1, weight.shape[1], dtype=torch.float64)
        mask[0, slice(None) if kept is None else kept] = 1
        masks.append(mask)
    return masks


@pytest.mark.parametrize("batch_norm", [False, True])
def test_votes_accuracies_and_averages_are_those_of_a_masked_plain_network(batch_norm: bool) -> None:
    experiment = trained(batch_norm)
    progress = experiment.begin_subnetworks(1, members=7, example=13)
    while not progress.advance(3):
        pass
    crowd, data = progress.result(), experiment.data
    network: PlainNetwork = plain_lane(experiment, 1).eval()
    x = torch.cat([data.val_x, data.train_x[13:14]]).double()
    with torch.no_grad():
        log_p = torch.stack([torch.log_softmax(network(x, masks_of(progress, m)), dim=1) for m in range(7)])
        whole = torch.log_softmax(network(x), dim=1)
    assert torch.allclose(crowd.votes.double(), log_p[:, -1].exp(), atol=1e-6)
    assert torch.allclose(crowd.average_vote.double(), log_p[:, -1].exp().mean(dim=0), atol=1e-6)
    assert torch.allclose(crowd.scaling_vote.double(), whole[-1].exp(), atol=1e-6)
    log_p, whole, y = log_p[:, :-1], whole[:-1], data.val_y
    for m in range(7):
        arithmetic = log_p[: m + 1].exp().mean(dim=0).log()
        geometric = torch.log_softmax(log_p[: m + 1].mean(dim=0), dim=1)
        for mine, theirs in (
            (crowd.accuracy[m], accuracy(log_p[m], y)),
            (crowd.average_accuracy[m], accuracy(arithmetic, y)),
            (crowd.average_loss[m], float(nll_loss(arithmetic, y))),
            (crowd.geometric_accuracy[m], accuracy(geometric, y)),
            (crowd.geometric_loss[m], float(nll_loss(geometric, y))),
        ):
            assert float(mine) == pytest.approx(theirs, rel=1e-5)
    assert crowd.weight_scaling_accuracy == pytest.approx(accuracy(whole, y))
    assert crowd.weight_scaling_loss == pytest.approx(float(nll_loss(whole, y)))


def accuracy(scores: torch.Tensor, y: torch.Tensor) -> float:
    return float((scores.argmax(dim=1) == y).double().mean())


def test_members_drop_units_at_the_stated_rates() -> None:
    """Over 500 members a layer of n units is kept 500 n (1-p) times, within seven standard deviations (below 1e-11)."""
    progress = trained(steps=1).begin_subnetworks(1, members=500)
    for layer, rate in enumerate(RATES):
        kept = [float(masks_of(progress, number)[layer].sum()) for number in range(500)]
        count = 500 * progress._network[layer][0].shape[1]
        bound = 7 * math.sqrt(count * rate * (1 - rate)) + count * 2**-17
        assert abs(sum(kept) - count * (1 - rate)) < bound


def test_a_crowd_is_of_the_weights_as_they_were_when_it_was_begun() -> None:
    first, second = trained(), trained()
    slow = first.begin_subnetworks(1, members=6)
    slow.advance(2)
    first.set(lane=1, batch_norm=True)
    first.run(10)
    slow.advance(10)
    crowd, expected = slow.result(), second.sample_subnetworks(1, members=6)
    assert crowd.step == expected.step == 40
    assert torch.equal(crowd.votes, expected.votes)
    assert torch.equal(crowd.average_loss, expected.average_loss)


def test_other_rates_than_the_lanes_own_thin_it() -> None:
    experiment = trained()
    assert experiment.sample_subnetworks(0, members=2, dropout=RATES).rates == RATES
    untouched = experiment.sample_subnetworks(0, members=3)
    assert untouched.rates == (0, 0, 0)
    assert torch.allclose(untouched.votes, untouched.scaling_vote.expand(3, -1))


def test_what_was_not_finished_has_no_result() -> None:
    progress = trained(steps=1).begin_subnetworks(1, members=3)
    assert not progress.advance(2)
    with pytest.raises(DropoutLabError, match="2 of 3 sub-networks have voted"):
        progress.result()
    assert progress.advance(1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"lane": 7}, "lane = 7"),
        ({"lane": 0, "members": 0}, "members = 0"),
        ({"lane": 0, "dropout": [0.5]}, "3 rates"),
        ({"lane": 0, "dropout": [0, 0, 1]}, r"dropout\[2\] = 1"),
        ({"lane": 0, "example": 70}, "example = 70"),
    ],
)
def test_what_cannot_be_sampled_is_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(KnobError, match=message):
        trained(steps=1).sample_subnetworks(**bad)


def test_a_network_whose_every_input_is_dropped_still_votes() -> None:
    lanes = [{"name": "a", "dropout": [0.95, 0.95]}]
    experiment = Experiment(parse({"dataset": "moons", "hidden": [2], "lanes": lanes, "train_size": 64}), device="cpu")
    crowd = experiment.sample_subnetworks(0, members=20)  # P(all kept something) = (1 - .95²)²·⁴⁰ < 1e-40
    assert bool(torch.isfinite(crowd.average_loss).all())
    assert torch.allclose(crowd.votes.sum(dim=1), torch.ones(20))
