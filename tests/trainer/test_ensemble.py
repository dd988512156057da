"""Sub-networks: cut out of the weights, they say what the masked network says; their averages are averages."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn.functional import nll_loss

from tests.networks import OTHERS, USUAL, places, rates, small
from tests.trainer.plain import PlainNetwork, eval_factors, plain_lane
from trainer import Experiment
from trainer.ensemble import thinning
from trainer.ensemble.subnetworks import EnsembleInProgress
from trainer.ensemble.thinning import CutOut, Masked
from trainer.errors import DropoutLabError, KnobError
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.training.experiment import SubnetworkMasks

RATES = (0.2, 0.5, 0.4)
CUT = KINDS[:3]  # kinds whose sub-networks really are smaller, where a member has one mask
MASKS: tuple[SubnetworkMasks, ...] = ("per_member", "per_example")


def trained(steps: int = 40, kind: str = "inverted", order: str = "before_dropout", **lane: Any) -> Experiment:
    lanes = [{"name": "without"}, {"name": "with", "dropout": RATES, "dropout_kind": kind, **lane}]
    given: dict[str, Any] = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": lanes}
    experiment = Experiment(parse(given | {"batch_norm_order": order}), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


def masks_of(ensemble: EnsembleInProgress, number: int) -> list[torch.Tensor]:
    """The masks of a member that was cut out, (1, units) for each layer."""
    assert isinstance(ensemble.thinned, CutOut)
    masks = []
    for kept, units in zip(ensemble.thinned.kept(number), (64, 20, 12), strict=True):
        mask = torch.zeros(1, units, dtype=torch.float64)
        mask[0, slice(None) if kept is None else kept] = 1
        masks.append(mask)
    return masks


def factors_of(
    ensemble: EnsembleInProgress, number: int, kind: str, widths: tuple[int, ...]
) -> tuple[list[torch.Tensor | float], list[torch.Tensor | None]]:
    """What a member multiplies activations and weights with, in the lane's own widths."""
    nothing: list[torch.Tensor | None] = [None] * 3
    scales = [1 / (1 - rate) if kind == "inverted" else 1 for rate in RATES]
    if isinstance(ensemble.thinned, CutOut):
        masks = masks_of(ensemble, number)
        return [mask[:, :n] * scale for mask, n, scale in zip(masks, widths, scales, strict=False)], nothing
    assert isinstance(ensemble.thinned, Masked)
    ensemble.thinned.member(number)
    sites = ensemble.thinned.network.dropouts
    if kind in CUT:
        keeps = [torch.as_tensor(site.keep)[0, :, :n].double() for site, n in zip(sites, widths, strict=False)]
        return [keep * scale for keep, scale in zip(keeps, scales, strict=True)], nothing
    if kind == "gaussian":
        return [site.multiplier[0, :, :n] for site, n in zip(sites, widths, strict=False)], nothing
    keeps = [site.weight_keep[0, :, :n, :m] for site, (n, m) in zip(sites, pairwise(widths), strict=True)]
    return [1.0] * 3, [keep / (1 - rate) for keep, rate in zip(keeps, RATES, strict=True)]


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_votes_accuracies_and_averages_are_those_of_a_masked_plain_network(
    kind: str, batch_norm: bool, order: str, masks: SubnetworkMasks
) -> None:
    experiment = trained(20, kind, order, batch_norm=batch_norm, hidden=[20, 9], seed=4)
    progress = experiment.begin_subnetworks(1, members=7, example=13, masks=masks)
    while not progress.advance(3):
        pass
    ensemble, data = progress.result(), experiment.data
    network: PlainNetwork = plain_lane(experiment, 1).eval()
    x = torch.cat([data.val_x, data.train_x[13:14]]).double()
    with torch.no_grad():
        members = [network(x, *factors_of(progress, m, kind, (64, 20, 9, 10))) for m in range(7)]
        log_p = torch.log_softmax(torch.stack(members), dim=2)
        whole = torch.log_softmax(network(x, eval_factors(experiment.config, 1)), dim=1)
    assert torch.allclose(ensemble.votes.double(), log_p[:, -1].exp(), atol=1e-6)
    assert torch.allclose(ensemble.average_vote.double(), log_p[:, -1].exp().mean(dim=0), atol=1e-6)
    assert torch.allclose(ensemble.scaling_vote.double(), whole[-1].exp(), atol=1e-6)
    log_p, whole, y = log_p[:, :-1], whole[:-1], data.val_y
    for m in range(7):
        arithmetic = log_p[: m + 1].exp().mean(dim=0).log()
        geometric = torch.log_softmax(log_p[: m + 1].mean(dim=0), dim=1)
        for mine, theirs in (
            (ensemble.accuracy[m], accuracy(log_p[m], y)),
            (ensemble.average_accuracy[m], accuracy(arithmetic, y)),
            (ensemble.average_loss[m], float(nll_loss(arithmetic, y))),
            (ensemble.geometric_accuracy[m], accuracy(geometric, y)),
            (ensemble.geometric_loss[m], float(nll_loss(geometric, y))),
        ):
            assert float(mine) == pytest.approx(theirs, rel=1e-5)
    assert ensemble.weight_scaling_accuracy == pytest.approx(accuracy(whole, y))
    assert ensemble.weight_scaling_loss == pytest.approx(float(nll_loss(whole, y)))
    assert ensemble.weight_scaling_accuracy == pytest.approx(float(experiment.evaluate().val_accuracy[1]))


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


@pytest.mark.parametrize("network", OTHERS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_of_what_other_networks_say_is_near_what_they_say_whole(network: str, kind: str) -> None:
    """With weak dropout a member is a small perturbation of the whole network, and so is the average.

    Of the LSTM's 8 inputs, 12 states and 12 outputs a member drops none with a probability of 0.99³² = 0.72, all of 64
    members with one of 1e-9.
    """
    given: dict[str, Any] = {"network": network, "hidden": [12], "batch_size": 16, "train_size": 70}
    sites = places(given)
    lane = {"name": "with", "dropout": [0.01] * sites, "dropout_kind": kind, "batch_norm": True}
    experiment = Experiment(parse(given | {"lanes": [{"name": "without"}, lane]}), device="cpu", dtype=torch.float64)
    experiment.run(10)
    ensemble = experiment.sample_subnetworks(1, members=64)
    assert ensemble.rates == (0.01,) * sites
    assert not torch.allclose(ensemble.votes, ensemble.votes[:1].expand(64, -1))
    assert float((ensemble.average_vote - ensemble.scaling_vote).abs().max()) < 0.1
    scores = experiment.evaluate()
    assert ensemble.weight_scaling_loss == pytest.approx(float(scores.val_loss[1]), rel=1e-5)
    assert ensemble.weight_scaling_accuracy == pytest.approx(float(scores.val_accuracy[1]))


@pytest.mark.parametrize("masks", MASKS)
def test_running_averages_are_those_of_all_members_taken_together(masks: SubnetworkMasks) -> None:
    experiment = trained(100)
    progress = experiment.begin_subnetworks(1, members=64, masks=masks)
    while not progress.advance(5):
        pass
    ensemble, y = progress.result(), experiment.data.val_y
    with torch.no_grad():
        log_p = torch.log_softmax(torch.stack([progress.thinned.member(m) for m in range(64)]), dim=1)[..., :-1]
    counts = torch.arange(1, 65, dtype=torch.float64)[:, None, None]
    arithmetic = (log_p.exp().cumsum(dim=0) / counts).log()
    geometric = torch.log_softmax(log_p.cumsum(dim=0) / counts, dim=1)
    for scores, right, loss in (
        (arithmetic, ensemble.average_accuracy, ensemble.average_loss),
        (geometric, ensemble.geometric_accuracy, ensemble.geometric_loss),
    ):
        assert torch.allclose(right.double(), (scores.argmax(dim=1) == y).double().mean(dim=1), atol=1e-6)
        assert torch.allclose(loss.double(), torch.stack([nll_loss(each.T, y) for each in scores]), rtol=1e-5)


# Masks of each example's own


@pytest.mark.parametrize(
    ("network", "kind"),
    [(USUAL, "inverted"), (USUAL, "gaussian"), (USUAL, "dropconnect"), *((network, "inverted") for network in OTHERS)],
)
def test_members_with_shared_and_with_fresh_masks_agree_in_expectation(network: str, kind: str) -> None:
    """What a member says of one example follows the same law in both modes: so do the means over members.

    The difference of two means of M members has a standard error of at most √((s₁² + s₂²)/M), with s the standard
    deviations of the members. M = 120 independent members: it exceeds six of them less than once in 1e7 times, by
    Student's law with some 200 degrees of freedom, and there are eleven comparisons.

    With fresh masks the examples of a member are independent, too: a member's accuracy over V of them has a variance
    of Σ q(1 - q)/V² ≤ q̄(1 - q̄)/V. The sample's variance exceeds the true one by 1 + 6·√(2/119) as rarely.
    """
    shape = small(network, 20, 12)
    lane = {"name": "with", "dropout": rates(shape, 0.3), "dropout_kind": kind}
    given = {**shape, "batch_size": 16, "train_size": 70, "lanes": [lane]}
    experiment = Experiment(parse(given), device="cpu")
    experiment.run(60)
    shared, fresh = (experiment.sample_subnetworks(0, members=120, masks=masks) for masks in MASKS)
    for one, other in ((shared.accuracy[:, None], fresh.accuracy[:, None]), (shared.votes, fresh.votes)):
        error = ((one.var(dim=0) + other.var(dim=0)) / 120).sqrt()
        assert bool(((one.mean(dim=0) - other.mean(dim=0)).abs() < 6 * error).all())
    assert not torch.equal(shared.votes, fresh.votes)
    share = float(fresh.accuracy.mean())
    assert float(fresh.accuracy.var()) < (1 + 6 * math.sqrt(2 / 119)) * share * (1 - share) / len(experiment.data.val_y)


def test_examples_that_share_a_mask_fail_together_and_those_with_their_own_do_not() -> None:
    """Of shared masks the accuracies of members scatter far beyond √(q(1 - q)/V), the bound of independent examples."""
    experiment = trained(100)
    share = float(experiment.sample_subnetworks(1, members=60, masks="per_example").accuracy.mean())
    shared = experiment.sample_subnetworks(1, members=60).accuracy
    assert float(shared.var()) > 4 * share * (1 - share) / len(experiment.data.val_y)


@pytest.mark.parametrize("kind", ["inverted", "dropconnect"])
def test_a_large_member_is_worked_on_in_parts_and_says_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 300 examples, the last of which is filled up: 798 = 300 + 300 + 198."""
    each = 64 + 20 + 12 + (64 * 20 + 20 * 12 + 12 * 10 if kind == "dropconnect" else 0)  # words of one example
    monkeypatch.setattr(thinning, "_AT_ONCE", 300 * each)
    experiment = trained(kind=kind, batch_norm=True)
    slow = experiment.begin_subnetworks(1, members=4, masks="per_example")
    assert slow.thinned.parts == 3
    assert [slow.advance(1) for _ in range(15)] == [False] * 14 + [True]  # the lane itself has three parts, too
    ensemble, at_once = slow.result(), experiment.sample_subnetworks(1, members=4, masks="per_example")
    assert torch.equal(ensemble.votes, at_once.votes)
    assert torch.equal(ensemble.average_loss, at_once.average_loss)
    alone = experiment.sample_subnetworks(1, members=1, masks="per_example")
    assert torch.equal(alone.votes[0], ensemble.votes[0])
    whole = experiment.sample_subnetworks(1, members=1, dropout=[0, 0, 0], masks="per_example")
    assert float(whole.average_loss[0]) == pytest.approx(whole.weight_scaling_loss, rel=1e-6)


def test_no_two_examples_of_a_member_share_a_mask() -> None:
    """Of 64 + 20 + 12 units: two of 798 · 3 masks are the same with a probability below 3e6 · .68⁶⁴ · .5³² < 1e-13."""
    progress = trained(steps=1).begin_subnetworks(1, members=3, masks="per_example")
    assert isinstance(progress.thinned, Masked)
    masks = []
    while progress.done < 3:
        progress.advance(1)
        keeps = [torch.as_tensor(site.keep)[0] for site in progress.thinned.network.dropouts]
        masks.append(torch.cat(keeps, dim=1).clone())
    assert len({bytes(mask) for mask in torch.cat(masks).numpy()}) == 3 * 798


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
def test_an_ensemble_is_of_the_weights_as_they_were_when_it_was_begun(kind: str) -> None:
    first, second = trained(kind=kind), trained(kind=kind)
    slow = first.begin_subnetworks(1, members=6)
    slow.advance(2)
    first.set(lane=1, batch_norm=True, dropout_kind="classic", dropout=(0.1, 0.1, 0.1))
    first.run(10)
    slow.advance(10)
    ensemble, expected = slow.result(), second.sample_subnetworks(1, members=6)
    assert ensemble.step == expected.step == 40
    assert torch.equal(ensemble.votes, expected.votes)
    assert torch.equal(ensemble.average_loss, expected.average_loss)


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
        ({"lane": 0, "masks": "per_batch"}, "masks = 'per_batch'"),
    ],
)
def test_what_cannot_be_sampled_is_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(KnobError, match=message):
        trained(steps=1).sample_subnetworks(**bad)


def test_a_network_whose_every_input_is_dropped_still_votes() -> None:
    lanes = [{"name": "a", "dropout": [0.95, 0.95]}]
    experiment = Experiment(parse({"dataset": "moons", "hidden": [2], "lanes": lanes, "train_size": 64}), device="cpu")
    ensemble = experiment.sample_subnetworks(0, members=20)  # P(all kept something) = (1 - .95²)²·⁴⁰ < 1e-40
    assert bool(torch.isfinite(ensemble.average_loss).all())
    assert torch.allclose(ensemble.votes.sum(dim=1), torch.ones(20))
