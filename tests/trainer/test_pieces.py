"""What is cut into pieces says the same as in one piece, and no piece is longer than what is stated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.networks import USUAL, rates
from tests.networks import small as small_run
from trainer import Experiment
from trainer.insight import make_insight
from trainer.insight.asking import Asking
from trainer.models.mlp import LaneMLP
from trainer.settings import pieces
from trainer.settings.agreement import MAX_WORK
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.settings.pieces import PIECE, effort, finish
from trainer.worker.extras import EnsembleWanted, votes


def trained(steps: int = 30, network: str = USUAL, dtype: torch.dtype = torch.float64, **run: Any) -> Experiment:
    """A run of five lanes that differ in kind, batch norm and width."""
    own = small_run(network, 20, 12)
    dropout = rates(own, 0.2)
    lanes = [
        {},
        {"dropout": dropout},
        {"dropout": dropout, "dropout_kind": "classic", "batch_norm": True},
        {"dropout": dropout, "batch_norm": True, "schedule": "ramp_up", "schedule_steps": 100},
        {"dropout": dropout, "hidden": [max(1, width // 2) for width in own["hidden"]]},
    ]
    given = {"batch_size": 16, "train_size": 60, "lanes": lanes, **own, **run}
    experiment = Experiment(parse(given), device="cpu", dtype=dtype)
    if steps:
        experiment.run(steps)
    return experiment


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is so small that one lane passes 7 examples of the smallest network in it."""
    monkeypatch.setattr(pieces, "PIECE", 7 * effort(parse(small_run(USUAL, 20, 12))))


def count(job: Iterator[None]) -> int:
    return sum(1 for _ in job)


def in_one(experiment: Experiment) -> Any:
    """Scores without any cut: one pass of all lanes."""
    judge, model = experiment.judge, experiment.model
    model.eval()
    with torch.no_grad():
        log_p = torch.log_softmax(model(torch.cat([judge.train_x, judge.val_x])), dim=2)
    model.train()
    losses = -log_p[:, len(judge.train_x) :].gather(2, judge.val_y.expand(model.lanes, -1)[..., None])[..., 0]
    return losses.mean(dim=1).float()


@pytest.mark.parametrize("given", [{"dataset": "moons"}, *({"network": name} for name in NETWORKS)])
def test_the_evaluation_of_a_recommended_run_is_a_single_piece_bit_for_bit(given: dict[str, Any]) -> None:
    experiment = Experiment(parse(given), device="cpu")
    experiment.run(3)
    cut = count(experiment.judge.val_losses_in_pieces(experiment.model))
    assert cut == 0 if experiment.config.network == USUAL else cut < 8
    if cut == 0:
        assert torch.equal(experiment.evaluate().val_loss, in_one(experiment))


@pytest.mark.parametrize(("given", "widest"), [({"hidden": [20, 12]}, 64), ({"hidden": [200, 12]}, 200)])
def test_examples_that_pass_at_once_do_not_depend_on_channels_that_a_network_does_not_have(
    given: dict[str, Any], widest: int
) -> None:
    run = {"train_size": 1000, "batch_size": 16, "lanes": [{}] * 4}
    few, many = (parse({**given, **run, "channels": [channels]}) for channels in (1, 64))
    for config in (few, many):
        assert NETWORKS[config.network].widest_layer(config.size, config.channels, config.hidden) == widest
    cuts = []
    for config in (few, many):
        experiment = Experiment(config, device="cpu")
        cuts.append(count(experiment.evaluate_in_pieces()))
    assert cuts[0] == cuts[1]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("network", NETWORKS)
def test_an_evaluation_in_pieces_is_that_of_one_pass(network: str) -> None:
    """In float64: what is left is the order in which numbers are added up."""
    experiment = trained(network=network)
    assert torch.allclose(experiment.evaluate().val_loss, in_one(experiment), rtol=0, atol=1e-6)
    log_p = experiment.judge.log_probabilities(experiment.model, experiment.judge.val_x)
    with torch.no_grad():
        experiment.model.eval()
        whole = torch.log_softmax(experiment.model(experiment.judge.val_x), dim=2)
        experiment.model.train()
    assert torch.allclose(log_p, whole, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("small")
def test_evaluations_in_pieces_are_the_same_every_time_and_disturb_nothing() -> None:
    one, other = trained(), trained()
    job = one.evaluate_in_pieces()
    for _ in range(5):
        next(job)
    assert one.model.training
    scores = finish(job)
    assert torch.equal(scores.val_loss, other.evaluate().val_loss)
    assert torch.equal(one.run(10).loss, other.run(10).loss)


class Watch:
    """Multiplications of every pass that a network makes, forward only, by piece."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0
        original = LaneMLP.forward

        def forward(network: LaneMLP, x: torch.Tensor, activations: Any = None) -> torch.Tensor:
            weights = sum(layer.weight[0].numel() for layer in network.linears)
            self.now += network.lanes * x.shape[-2] * weights
            return original(network, x, activations)

        monkeypatch.setattr(LaneMLP, "forward", forward)

    def pieces(self, job: Iterator[None]) -> list[int]:
        """Multiplications of each piece."""
        found = []
        self.now = 0
        for _ in job:
            found.append(self.now)
            self.now = 0
        return [*found, self.now]


WIDE: dict[str, Any] = {"hidden": [300, 300], "train_size": 1000, "batch_size": 8}


@pytest.mark.parametrize("lanes", [1, 24])
def test_no_piece_of_an_evaluation_is_longer_than_stated(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = Experiment(parse({**WIDE, "lanes": [{"patience": 1}] * lanes}), device="cpu")
    work = lanes * effort(experiment.config) * 1797
    watch = Watch(monkeypatch)
    for job in (experiment.evaluate_in_pieces(), experiment.judge.val_losses_in_pieces(experiment.model)):
        found = watch.pieces(job)
        assert max(found) <= PIECE
    assert sum(watch.pieces(experiment.evaluate_in_pieces())) == work


@pytest.mark.parametrize("view", ["activity", "correlation", "separate", "average", "forgotten"])
def test_no_bite_of_a_view_is_longer_than_a_step_may_be(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = [{"dropout": [0.2, 0.5, 0.5], "seed": seed} for seed in range(20)]
    experiment = Experiment(parse({**WIDE, "lanes": lanes}), device="cpu")
    watch = Watch(monkeypatch)
    assert max(watch.pieces(make_insight(view, experiment).look())) <= max(PIECE, MAX_WORK // 2)


def test_votes_of_a_wide_network_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse({"hidden": [640] * 4, "lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5, 0.5]}]})
    experiment = Experiment(config, device="cpu")
    parts = -(-(len(experiment.data.val_y) + 1) // (PIECE // effort(config)))
    assert parts > 1
    job = votes(experiment, EnsembleWanted(members=3))
    assert count(job) == 3 * parts + parts  # the last of them ends it, and the lane itself comes on top
    monkeypatch.setattr(pieces, "PIECE", 10**12)
    (cut, whole) = (finish(votes(experiment, EnsembleWanted(members=3))) for _ in range(2))
    assert np.array_equal(cut["vote"], whole["vote"])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", ["inverted", "dropconnect"])
def test_sub_networks_in_parts_say_what_they_say_at_once(
    network: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = trained(network=network)
    experiment.set(1, dropout_kind=kind)
    slow = experiment.begin_subnetworks(1, members=3)
    assert slow.thinned.parts > 1
    while not slow.advance(1):
        pass
    cut = slow.result()
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    whole = experiment.sample_subnetworks(1, members=3)
    for name in ("votes", "scaling_vote", "accuracy", "average_loss", "geometric_loss"):
        assert torch.allclose(getattr(cut, name), getattr(whole, name), rtol=0, atol=1e-6), name
    assert cut.weight_scaling_loss == pytest.approx(whole.weight_scaling_loss, abs=1e-6)


# ---- batch norm


@pytest.mark.parametrize("network", NETWORKS)
def test_statistics_that_are_estimated_lane_by_lane_are_those_of_all_at_once(
    network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = trained(network=network), trained(network=network)
    whole.set(1, batch_norm=True)
    monkeypatch.setattr(pieces, "PIECE", 1)
    cut.set(1, batch_norm=True)
    for mine, theirs in zip(cut.model.norms, whole.model.norms, strict=True):
        assert torch.allclose(mine.running_mean, theirs.running_mean, rtol=0, atol=1e-12)
        assert torch.allclose(mine.running_var, theirs.running_var, rtol=0, atol=1e-12)
        assert torch.equal(mine.running_mean[2], theirs.running_mean[2])  # which had it on before


@pytest.mark.usefixtures("small")
def test_what_a_change_owes_may_be_done_later_bit_for_bit() -> None:
    now, later, never = trained(), trained(), trained()
    now.set(1, batch_norm=True)
    later.set(1, settle=False, batch_norm=True)
    assert not later.settled
    assert count(later.settling()) > 0
    assert later.settled
    never.set(1, settle=False, batch_norm=True)  # `run` does it if nobody else has
    assert torch.equal(now.run(7).loss, later.run(7).loss)
    assert torch.equal(never.run(7).loss, trained_on(now, 7))


@pytest.mark.usefixtures("small")
def test_what_a_change_owes_is_done_in_full_by_the_next_when_somebody_left_it_half_way() -> None:
    now, left = trained(), trained()
    for experiment in (now, left):
        experiment._adopt(experiment.config.with_knobs({"batch_norm": True}, 0).with_knobs({"batch_norm": True}, 1))
    now.settle()
    job = left.settling()
    next(job)  # lane 0
    job.close()
    assert not left.settled
    mine, theirs = left.model.norms[0].running_var, now.model.norms[0].running_var
    assert torch.equal(mine[0], theirs[0])
    assert not torch.equal(mine[1], theirs[1])
    assert torch.equal(left.run(7).loss, now.run(7).loss)


def trained_on(experiment: Experiment, steps: int) -> torch.Tensor:
    """Losses of the last steps of a run, made again from its changes."""
    again = Experiment(experiment.first_config, device="cpu", dtype=experiment.dtype, changes=experiment.changes)
    again.run(experiment.step - steps)
    losses: torch.Tensor = again.run(steps).loss
    return losses


# ---- early stopping


def stopping(**run: Any) -> Experiment:
    return trained(0, dtype=torch.float32, **run)


@pytest.mark.usefixtures("small")
def test_early_stopping_judges_the_same_whoever_does_it_and_when() -> None:
    at_once, cut = stopping(), stopping()
    for experiment in (at_once, cut):
        experiment.set(None, learning_rate=0.1)
        for lane in range(5):
            experiment.set(lane, patience=1)
    at_once.run(300)
    while cut.step < 300:
        steps = cut.prepare(min(40, 300 - cut.step))
        cut.run(steps, settle=False)
        owed = not cut.settled
        assert owed == (cut.step % 25 == 0 and any(stop is None for stop in at_stop(cut)))
        finish(cut.settling())
    assert cut.stopped == at_once.stopped
    assert any(stop is not None for stop in cut.stopped)
    for name, tensor in at_once.model.state_dict().items():
        assert torch.equal(tensor, cut.model.state_dict()[name]), name


@pytest.mark.usefixtures("small")
def test_a_judgement_that_somebody_left_half_way_is_passed_all_the_same() -> None:
    at_once, left = stopping(), stopping()
    for experiment in (at_once, left):
        experiment.set(None, learning_rate=0.1)
        experiment.set(1, patience=1)
    at_once.run(200)
    while left.step < 200:
        left.run(25, settle=False)
        job = left.settling()
        next(job, None)
        job.close()
    left.settle()
    assert at_once.stopped[1] is not None
    assert left.stopped == at_once.stopped


def at_stop(experiment: Experiment) -> list[Any]:
    """Who was stopped before the last step was judged."""
    return [stop if stop is None or stop["step"] < experiment.step else None for stop in experiment.stopped]


def test_steps_stop_where_there_is_something_to_judge_or_to_change() -> None:
    changes = [{"step": 12, "lane": 1, "knobs": {"batch_norm": True}}, {"step": 40, "knobs": {"learning_rate": 0.1}}]
    config = parse({**small_run(USUAL, 20, 12), "batch_size": 16, "train_size": 60, "lanes": [{"patience": 3}, {}]})
    experiment = Experiment(config, device="cpu", changes=changes)
    made = []
    while experiment.step < 60:
        count = experiment.prepare(min(1000, 60 - experiment.step))
        experiment.settle()
        experiment.run(count, settle=False)
        made.append(experiment.step)
    assert made == [11, 25, 39, 50, 60]
    plain = Experiment(config, device="cpu", changes=changes)
    plain.run(60)
    assert torch.equal(plain.run(5).loss, experiment.run(5).loss)


# ---- the plane


def test_a_boundary_in_pieces_is_of_one_step_and_is_that_of_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = trained(dataset="moons")
    monkeypatch.setattr(pieces, "PIECE", 10**12)
    whole = experiment.boundary(16)
    monkeypatch.setattr(pieces, "PIECE", 50 * effort(experiment.config))
    job = experiment.boundary_in_pieces(16)
    next(job)
    experiment.run(20)
    experiment.evaluate()
    cut = finish(job)
    assert cut.shape == whole.shape
    assert torch.allclose(cut, whole, rtol=0, atol=1e-6)


# ---- questions


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", ["inverted", "dropconnect"])
def test_an_answer_in_pieces_is_of_the_step_at_which_it_was_begun(network: str, kind: str) -> None:
    experiment = trained(network=network)
    experiment.set(1, dropout_kind=kind)
    x = experiment.data.val_x[:5].tolist()
    expected = Asking(experiment).ask(x, 1)
    job = Asking(experiment).ask_in_pieces(x, 1)
    next(job)
    experiment.run(20)
    assert not experiment.model.training or torch.is_grad_enabled()
    answer = finish(job)
    assert answer.step == expected.step == 30
    for name in ("votes", "average", "whole", "entropy", "information"):
        assert torch.equal(getattr(answer, name), getattr(expected, name)), name


def test_a_question_has_a_piece_for_each_example() -> None:
    experiment = trained()
    for examples in (1, 4, 16):
        assert count(Asking(experiment).ask_in_pieces([[0.0] * 64] * examples, 1)) == examples + 1
