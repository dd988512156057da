"""Sub-networks: cut out of the weights, they say what the masked network says; their averages are averages."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn.functional import nll_loss

from tests.trainer.plain import PlainNetwork, eval_factors, plain_lane
from trainer import Experiment
from trainer.config import parse
from trainer.ensemble import CrowdInProgress
from trainer.errors import DropoutLabError, KnobError
from trainer.seeds import Purpose, WordStream, key
from trainer.thinning import CutOut, Masked

RATES = (0.2, 0.5, 0.4)
KINDS = ("inverted", "classic", "unscaled", "gaussian", "dropconnect")
CUT = KINDS[:3]  # kinds whose sub-networks really are smaller


def trained(steps: int = 40, kind: str = "inverted", order: str = "before_dropout", **lane: Any) -> Experiment:
    lanes = [{"name": "without"}, {"name": "with", "dropout": RATES, "dropout_kind": kind, **lane}]
    given: dict[str, Any] = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": lanes}
    experiment = Experiment(parse(given | {"batch_norm_order": order}), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


def masks_of(crowd: CrowdInProgress, number: int) -> list[torch.Tensor]:
    """The masks of a member that was cut out, (1, units) for each layer."""
    assert isinstance(crowd.thinned, CutOut)
    masks = []
    for kept, units in zip(crowd.thinned.kept(number), (64, 20, 12), strict=True):
        mask = torch.zeros(1, units, dtype=torch.float64)
        mask[0, slice(None) if kept is None else kept] = 1
        masks.append(mask)
    return masks


def factors_of(
    crowd: CrowdInProgress, number: int, kind: str, widths: tuple[int, ...]
) -> tuple[list[torch.Tensor | float], list[torch.Tensor | None]]:
    """What a member multiplies activations and weights with, in the lane's own widths."""
    nothing: list[torch.Tensor | None] = [None] * 3
    if kind in CUT:
        scales = [1 / (1 - rate) if kind == "inverted" else 1 for rate in RATES]
        masks = masks_of(crowd, number)
        return [mask[:, :n] * scale for mask, n, scale in zip(masks, widths, scales, strict=False)], nothing
    assert isinstance(crowd.thinned, Masked)
    crowd.thinned.member(number)
    sites = crowd.thinned.network.dropouts
    if kind == "gaussian":
        return [site.multiplier[0, :, :n] for site, n in zip(sites, widths, strict=False)], nothing
    keeps = [site.weight_keep[0, :, :n, :m] for site, (n, m) in zip(sites, pairwise(widths), strict=True)]
    return [1.0] * 3, [keep / (1 - rate) for keep, rate in zip(keeps, RATES, strict=True)]


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_votes_accuracies_and_averages_are_those_of_a_masked_plain_network(
    kind: str, batch_norm: bool, order: str
) -> None:
    experiment = trained(40, kind, order, batch_norm=batch_norm, hidden=[20, 9], seed=4)
    progress = experiment.begin_subnetworks(1, members=7, example=13)
    while not progress.advance(3):
        pass
    crowd, data = progress.result(), experiment.data
    network: PlainNetwork = plain_lane(experiment, 1).eval()
    x = torch.cat([data.val_x, data.train_x[13:14]]).double()
    with torch.no_grad():
        members = [network(x, *factors_of(progress, m, kind, (64, 20, 9, 10))) for m in range(7)]
        log_p = torch.log_softmax(torch.stack(members), dim=2)
        whole = torch.log_softmax(network(x, eval_factors(experiment.config, 1)), dim=1)
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
    assert crowd.weight_scaling_accuracy == pytest.approx(float(experiment.evaluate().val_accuracy[1]))


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
def test_a_network_that_was_cut_says_what_the_masked_copy_says(kind: str, order: str) -> None:
    """Both ways to compute a member, of the same masks: those of the copy are put where the cut ones are drawn."""
    experiment = trained(40, kind, order, batch_norm=True)
    progress = experiment.begin_subnetworks(1, members=3)
    assert isinstance(progress.thinned, CutOut)
    judged = torch.cat([experiment.data.val_x, experiment.data.train_x[:1]]).double()
    about = (experiment.model, experiment.config, experiment.data, 40, 1, experiment.config.lanes[1], judged)
    copy = Masked(*about, WordStream(key(0, Purpose.SUBNETWORKS, 40, 1)))
    with torch.no_grad():
        for number in range(3):
            assert torch.allclose(progress.thinned.member(number), copy.member(number), atol=1e-9)
        assert torch.allclose(progress.thinned.whole(), copy.whole(), atol=1e-9)


@pytest.mark.parametrize("network", ["cnn", "lstm"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_of_what_other_networks_say_is_near_what_they_say_whole(network: str, kind: str) -> None:
    """With weak dropout a member is a small perturbation of the whole network, and so is the average.

    Of the LSTM's 8 inputs, 12 states and 12 outputs a member drops none with a probability of 0.99³² = 0.72, all of 64
    members with one of 1e-9.
    """
    sites = {"cnn": 4, "lstm": 3}[network]
    lane = {"name": "with", "dropout": [0.01] * sites, "dropout_kind": kind, "batch_norm": True}
    given: dict[str, Any] = {"network": network, "hidden": [12], "batch_size": 16, "train_size": 70}
    experiment = Experiment(parse(given | {"lanes": [{"name": "without"}, lane]}), device="cpu", dtype=torch.float64)
    experiment.run(10)
    crowd = experiment.sample_subnetworks(1, members=64)
    assert crowd.rates == (0.01,) * sites
    assert not torch.allclose(crowd.votes, crowd.votes[:1].expand(64, -1))
    assert float((crowd.average_vote - crowd.scaling_vote).abs().max()) < 0.1
    scores = experiment.evaluate()
    assert crowd.weight_scaling_loss == pytest.approx(float(scores.val_loss[1]), rel=1e-5)
    assert crowd.weight_scaling_accuracy == pytest.approx(float(scores.val_accuracy[1]))


def test_a_lane_can_be_thinned_like_another() -> None:
    experiment = trained(kind="gaussian")
    alike = experiment.sample_subnetworks(0, members=2, like=1)
    assert alike.rates == RATES
    own = experiment.sample_subnetworks(1, members=2)
    assert not torch.allclose(alike.votes, own.votes)
    scores = experiment.evaluate()
    assert alike.weight_scaling_loss == pytest.approx(float(scores.val_loss[0]), rel=1e-5)


def accuracy(scores: torch.Tensor, y: torch.Tensor) -> float:
    return float((scores.argmax(dim=1) == y).double().mean())


def test_members_drop_units_at_the_stated_rates() -> None:
    """Over 500 members a layer of n units is kept 500 n (1-p) times, within seven standard deviations (below 1e-11)."""
    progress = trained(steps=1).begin_subnetworks(1, members=500)
    for layer, rate in enumerate(RATES):
        kept = [float(masks_of(progress, number)[layer].sum()) for number in range(500)]
        count = 500 * (64, 20, 12)[layer]
        bound = 7 * math.sqrt(count * rate * (1 - rate)) + count * 2**-17
        assert abs(sum(kept) - count * (1 - rate)) < bound


@pytest.mark.parametrize("kind", ["inverted", "dropconnect"])
def test_a_crowd_is_of_the_weights_as_they_were_when_it_was_begun(kind: str) -> None:
    first, second = trained(kind=kind), trained(kind=kind)
    slow = first.begin_subnetworks(1, members=6)
    slow.advance(2)
    first.set(lane=1, batch_norm=True, dropout_kind="classic", dropout=(0.1, 0.1, 0.1))
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
        ({"lane": 0, "like": 2}, "lane = 2"),
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
