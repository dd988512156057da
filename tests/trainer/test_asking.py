"""Sub-networks vote on examples of a viewer's own: they are the networks that their masks make, and the run goes on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.networks import USUAL, everywhere, small
from tests.trainer.plain import eval_factors, plain_lane
from trainer import Experiment
from trainer.dropout.kinds import threshold
from trainer.errors import KnobError
from trainer.insight.asking import Answer, Asking, ask
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS

RATES = (0.2, 0.5, 0.4)
UNITS = (64, 20, 12)


def trained(steps: int = 30, network: str = USUAL, **lane: Any) -> Experiment:
    """A run of two lanes, the second with dropout."""
    shape = small(network, 20, 12)
    lanes = [{"name": "without"}, {"name": "with", **everywhere(shape, *RATES), **lane}]
    given: dict[str, Any] = {**shape, "batch_size": 16, "train_size": 60, "lanes": lanes}
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


def entropy(probabilities: torch.Tensor) -> torch.Tensor:
    return -(probabilities * probabilities.clamp_min(1e-300).log()).sum(dim=-1)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_member_is_the_plain_network_that_its_mask_makes_of_the_lane(kind: str, batch_norm: bool) -> None:
    experiment = trained(dropout_kind=kind, batch_norm=batch_norm)
    x, members = experiment.data.val_x[:3].double(), 5
    answer = ask(experiment, x, lane=1, members=members)
    words = WordStream(key(0, Purpose.ASKED, 30, 1)).words(0, members * sum(UNITS))
    parts = np.split(words, np.cumsum([members * units for units in UNITS])[:-1])
    plain = plain_lane(experiment, 1).eval()
    for member in range(members):
        masks = [
            torch.from_numpy(part.reshape(members, -1)[member : member + 1] >= threshold(rate)).double()
            / (1 - rate if kind == "inverted" else 1)
            for part, rate in zip(parts, RATES, strict=True)
        ]
        with torch.no_grad():
            said = torch.softmax(plain(x, masks), dim=1)
        assert torch.allclose(answer.votes[:, member].double(), said, atol=1e-6)
    with torch.no_grad():
        whole = torch.softmax(plain(x, eval_factors(experiment.config, 1)), dim=1)
    assert torch.allclose(answer.whole.double(), whole, atol=1e-6)
    assert (answer.step, answer.lane) == (30, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_and_kind_of_dropout_can_be_asked(network: str, kind: str) -> None:
    experiment = trained(10, network, dropout_kind=kind)
    x = experiment.data.val_x[:2]
    answer = ask(experiment, x, lane=1, members=6)
    votes = answer.votes.double()
    assert votes.shape == (2, 6, 10)
    assert torch.allclose(votes.sum(dim=2), torch.ones(2, 6, dtype=torch.float64), atol=1e-6)
    assert len({tuple(row) for row in votes[0].tolist()}) == 6, "every member has a mask of its own"
    assert torch.allclose(answer.average.double(), votes.mean(dim=1), atol=1e-6)
    total, alone = entropy(votes.mean(dim=1)), entropy(votes).mean(dim=1)
    assert torch.allclose(answer.entropy.double(), total, atol=1e-5)
    assert torch.allclose(answer.information.double(), total - alone, atol=1e-5)
    assert (answer.information >= 0).all()
    assert (answer.information <= answer.entropy).all()
    whole = experiment.judge.log_probabilities(experiment.model, x.double())[1].exp()
    assert torch.allclose(answer.whole.double(), whole, atol=1e-6)


@pytest.mark.parametrize("kind", ["inverted", "dropconnect"])
def test_a_member_has_the_same_mask_for_all_examples(kind: str) -> None:
    experiment = trained(dropout_kind=kind)
    x = experiment.data.val_x[:3]
    together = ask(experiment, x, lane=1)
    for row in range(3):
        assert torch.allclose(together.votes[row], ask(experiment, x[row : row + 1], lane=1).votes[0], atol=1e-6)
    assert torch.equal(ask(experiment, x[[0, 0]], lane=1).votes[0], ask(experiment, x[[0, 0]], lane=1).votes[1])


def test_the_same_question_at_the_same_step_has_the_same_answer_and_at_another_step_other_masks() -> None:
    experiment = trained()
    x = experiment.data.val_x[:2]
    before = ask(experiment, x, lane=1)
    assert torch.equal(ask(experiment, x, lane=1).votes, before.votes)
    experiment.step += 1  # and the weights stay as they are
    after = ask(experiment, x, lane=1)
    assert after.step == before.step + 1
    assert torch.equal(after.whole, before.whole)
    # Two masks of 96 units are the same with a probability of less than 2⁻³⁰.
    assert (after.votes != before.votes).any(dim=2).all()


def test_the_followed_lane_is_asked_unless_another_is_named() -> None:
    experiment = trained()
    x = experiment.data.val_x[:1]
    experiment.follow(lane=1)
    assert ask(experiment, x).lane == 1
    experiment.follow(lane=0)
    assert ask(experiment, x).lane == 0


def test_a_lane_without_dropout_is_thinned_like_the_first_lane_that_has_some() -> None:
    experiment = trained()
    x = experiment.data.val_x[:2]
    answer = ask(experiment, x, lane=0, members=4)
    lanes = experiment.config.lanes
    thinned = lanes[0].model_copy(update={"dropout": RATES})
    experiment.config = experiment.config.model_copy(update={"lanes": (thinned, lanes[1])})
    assert torch.equal(answer.votes, ask(experiment, x, lane=0, members=4).votes)
    assert len({tuple(row) for row in answer.votes[0].tolist()}) == 4


def test_without_any_dropout_all_members_are_the_whole_network() -> None:
    experiment = trained(dropout=(0, 0, 0))
    answer = ask(experiment, experiment.data.val_x[:2], lane=1, members=3)
    assert torch.allclose(answer.votes, answer.whole[:, None].expand(-1, 3, -1), atol=1e-6)
    assert (answer.information <= 1e-6).all()


def test_a_schedule_that_has_not_begun_does_not_keep_members_from_being_thinned() -> None:
    experiment = trained(5, schedule="ramp_up", schedule_steps=10_000)
    constant = trained(5, schedule="constant")
    x = experiment.data.val_x[:1]
    spread = ask(experiment, x, lane=1).votes[0].std(dim=0).max()
    assert spread > 0.3 * ask(constant, x, lane=1).votes[0].std(dim=0).max()


def test_asking_changes_nothing_of_the_run() -> None:
    asked, left_alone = trained(1), trained(1)
    asking = Asking(asked)
    for _ in range(4):
        asking.ask(asked.data.val_x[:2], lane=1)
        asking.ask(asked.data.val_x[:2], lane=0)
        one, other = asked.run(5), left_alone.run(5)
        assert torch.equal(one.loss, other.loss)
        assert all(torch.equal(one.masks[layer], other.masks[layer]) for layer in other.masks)
    for name, tensor in left_alone.model.state_dict().items():
        assert torch.equal(asked.model.state_dict()[name], tensor)
    assert asked.model.training == left_alone.model.training


def test_who_keeps_asking_is_answered_as_who_asks_anew_whatever_happens_in_between() -> None:
    experiment = trained()
    asking, x = Asking(experiment), experiment.data.val_x[:2]

    def check() -> None:
        for lane in (0, 1):
            assert torch.equal(asking.ask(x, lane).votes, ask(experiment, x, lane).votes)

    check()
    experiment.run(20)
    check()
    experiment.set(1, dropout=(0.1, 0.9, 0.1), batch_norm=True)
    check()
    experiment.set(1, dropout_kind="dropconnect")
    check()
    experiment.set(1, dropout_kind="gaussian")
    check()
    assert len(asking.ask(x, 1, members=3).votes[0]) == 3
    experiment.reset()
    check()


ROW = [0.0] * 64


@pytest.mark.parametrize(
    ("x", "knob", "allowed"),
    [
        ([], "x", "a list of 1 to 16 examples of 64 numbers from -1,000,000 to 1,000,000"),
        ([ROW] * 17, "x", "a list of 1 to 16 examples"),
        ("0" * 64, "x", "a list of 1 to 16 examples"),
        ([ROW, ROW, ROW[:63]], "x[2]", "64 numbers from -1,000,000 to 1,000,000"),
        ([ROW, 3], "x[1]", "64 numbers"),
        ([ROW, ROW, [*ROW[:17], math.nan, *ROW[18:]]], "x[2][17]", "a number from -1,000,000 to 1,000,000"),
        ([[*ROW[:63], math.inf]], "x[0][63]", "a number"),
        ([[*ROW[:63], 10**400]], "x[0][63]", "a number"),
        ([[-1_000_001.0, *ROW[1:]]], "x[0][0]", "a number"),
        ([["1", *ROW[1:]]], "x[0][0]", "a number"),
        ([[True, *ROW[1:]]], "x[0][0]", "a number"),
        ([[None, *ROW[1:]]], "x[0][0]", "a number"),
        (torch.zeros(64), "x", "a list of 1 to 16 examples"),
        (torch.zeros(1, 63), "x[0]", "64 numbers"),
    ],
)
def test_examples_that_cannot_be_are_refused_by_name(x: Any, knob: str, allowed: str) -> None:
    experiment = trained(1)
    with pytest.raises(KnobError) as refused:
        ask(experiment, x)
    assert refused.value.knob == knob
    assert refused.value.allowed.startswith(allowed)


def test_the_largest_numbers_that_are_allowed_are_answered() -> None:
    answer = ask(trained(1), [[1e6] * 64, [-1e6] * 64, [7] * 64], lane=1)
    assert torch.isfinite(answer.votes).all()


@pytest.mark.parametrize("lane", [-1, 2, True, "1", 1.0])
def test_a_lane_that_is_not_there_is_refused(lane: Any) -> None:
    with pytest.raises(KnobError, match=r"lane = .* a number from 0 to 1"):
        ask(trained(1), [ROW], lane=lane)


@pytest.mark.parametrize("members", [0, 1025, True, 2.0])
def test_an_ensemble_that_is_too_small_or_too_large_is_refused(members: Any) -> None:
    with pytest.raises(KnobError, match=r"members = .* 1 to 1,024"):
        ask(trained(1), [ROW], members=members)


def test_described_is_plain_data_with_four_decimals() -> None:
    experiment = trained()
    answer = ask(experiment, experiment.data.val_x[:2], lane=1, members=3)
    told = json.loads(json.dumps(answer.described(), allow_nan=False))
    assert list(told) == ["step", "lane", "votes", "average", "whole", "entropy", "information"]
    assert (told["step"], told["lane"]) == (30, 1)
    for name in ("votes", "average", "whole", "entropy", "information"):
        plain = torch.tensor(told[name])
        assert plain.shape == getattr(answer, name).shape
        # Half of the last decimal, and the rounding of a float32.
        assert (plain - getattr(answer, name)).abs().max() <= 0.5e-4 + 1e-6
        assert all(len(repr(value)) <= 6 for value in np.asarray(told[name]).flatten().tolist())


def test_described_says_none_of_what_is_no_number() -> None:
    experiment = trained()
    answer: Answer = ask(experiment, [ROW], lane=1, members=2)
    broken = replace(answer, entropy=torch.tensor([math.nan]), information=torch.tensor([math.inf]))
    told = json.loads(json.dumps(broken.described(), allow_nan=False))
    assert told["entropy"] == told["information"] == [None]
    assert told["votes"] == answer.described()["votes"]
