from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch

from trainer.settings.changes import ChangeLog
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.training.divergence import Divergence, last_change
from trainer.training.experiment import Experiment
from trainer.training.stopping import EarlyStopping
from trainer.worker.look import evaluation_trace

WINE: dict[str, Any] = {"dataset": "wine", "train_size": 100, "optimizer": "sgd", "hidden": [16, 16]}

CALM = {"name": "calm", "learning_rate": 0.01, "dropout": [0.2, 0.5, 0.5], "patience": 30}


def experiment_of(*lanes: dict[str, Any], **knobs: Any) -> Experiment:
    return Experiment(parse({**WINE, "lanes": [dict(lane) for lane in lanes], **knobs}), device="cpu")


def poison(experiment: Experiment, lane: int, value: float = math.nan) -> None:
    """Spoil one weight of a lane, as an overflow would."""
    with torch.no_grad():
        experiment.model.weights[0][lane, 0, 0] = value


def first_of(losses: torch.Tensor) -> int:
    """The step, counted from 1, at which losses (K,) begin to be no finite numbers."""
    return int(losses.isfinite().int().argmin()) + 1


def test_a_lane_whose_loss_overflows_has_diverged_at_that_step_and_learns_nothing_more() -> None:
    experiment = experiment_of(hidden=[128, 128, 128], lanes=[WIDE])
    losses = experiment.run(50).loss[:, 0]
    step = first_of(losses)
    assert 1 < step < 50
    assert experiment.diverged == [{"step": step, "after": None}]
    assert losses[: step - 1].isfinite().all()
    assert losses[step - 1 :].isnan().all()
    before = [weight.clone() for weight in experiment.model.weights]
    experiment.run(30)
    for was, now in zip(before, experiment.model.weights, strict=True):
        assert was.isnan().all()
        assert now.isnan().all()


WIDE: dict[str, Any] = {"dropout": [0.2, 0.5, 0.5, 0.5], "patience": 3, "learning_rate": 1.0}


def test_other_lanes_are_what_they_are_without_it_bit_for_bit() -> None:
    both, alone = experiment_of(CALM, {**CALM, "name": "spoiled"}), experiment_of(CALM)
    both.run(10)
    alone.run(10)
    poison(both, 1)
    after, plain = both.run(40, trace=True), alone.run(40, trace=True)
    assert both.diverged == [None, {"step": 11, "after": None}]
    assert torch.equal(after.loss[:, 0], plain.loss[:, 0])
    for mine, theirs in zip(both.model.state_dict().values(), alone.model.state_dict().values(), strict=True):
        assert torch.equal(mine[0], theirs[0])
    assert both.evaluate().val_loss[0] == alone.evaluate().val_loss[0]


@pytest.mark.parametrize("cuts", [(60,), (1,) * 60, (13, 12, 35), (24, 1, 35)])
@pytest.mark.parametrize("network", NETWORKS)
def test_when_it_is_found_does_not_depend_on_how_steps_are_cut(cuts: tuple[int, ...], network: str) -> None:
    knobs: dict[str, Any] = {"network": network, "optimizer": "sgd", "batch_size": 16, "train_size": 60}
    knobs |= {"hidden": [8], "channels": [2]}
    lanes: list[dict[str, Any]] = [{"patience": 2}, {"batch_norm": True}]
    whole, cut = (Experiment(parse({**knobs, "lanes": lanes}), device="cpu") for _ in range(2))
    for each in (whole, cut):
        each.run(10)
        poison(each, 0)
    losses = [whole.run(60).loss]
    parts = []
    for count in cuts:
        parts.append(cut.run(count).loss)
        cut.evaluate()
    assert whole.diverged == cut.diverged == [{"step": 11, "after": None}, None]
    assert whole.stopped == cut.stopped == [None, None]
    assert torch.equal(torch.cat(losses).nan_to_num(-1), torch.cat(parts).nan_to_num(-1))
    for mine, theirs in zip(whole.model.state_dict().values(), cut.model.state_dict().values(), strict=True):
        assert torch.equal(mine.nan_to_num(7e7), theirs.nan_to_num(7e7))


def test_a_weight_that_is_infinite_behind_a_dead_unit_is_found_at_the_next_evaluation() -> None:
    experiment = experiment_of(CALM, CALM)
    experiment.run(3)
    with torch.no_grad():
        experiment.model.weights[1][1] = -math.inf  # the bias of units, which are 0 from here on: no loss shows it
    losses = experiment.run(30).loss
    assert experiment.diverged == [None, {"step": 25, "after": None}]
    assert losses[:21, 1].isfinite().all()
    assert losses[21:, 1].isnan().all()
    assert losses[:, 0].isfinite().all()


def test_it_is_said_after_which_change_that_concerned_the_lane() -> None:
    experiment = experiment_of(CALM, {**CALM, "learning_rate": None})
    experiment.run(4)
    experiment.set(learning_rate=0.05)
    experiment.run(3)
    experiment.set(lane=1, l2=0.01)
    experiment.run(2)
    experiment.set(lane=0, l2=0.02)
    poison(experiment, 0)
    poison(experiment, 1)
    experiment.run(1)
    experiment.set(lane=1, l2=0.05)  # too late to be the cause
    own, other = experiment.diverged
    assert own == {"step": 10, "after": {"step": 10, "lane": 0, "knobs": {"l2": 0.02}}}
    assert other == {"step": 10, "after": {"step": 8, "lane": 1, "knobs": {"l2": 0.01}}}


def test_a_change_of_the_runs_rate_does_not_concern_a_lane_with_its_own() -> None:
    config = parse({**WINE, "lanes": [CALM, {**CALM, "learning_rate": None}]})
    change = {"step": 5, "knobs": {"learning_rate": 0.5}}
    changes = ChangeLog([change])
    assert last_change(changes, 9, 0, config) is None
    assert last_change(changes, 9, 1, config) == change
    assert last_change(changes, 4, 1, config) is None


def test_a_diverged_lane_is_not_stopped_early_and_gets_no_weights_back() -> None:
    experiment = experiment_of({**CALM, "patience": 1}, CALM)
    experiment.run(30)  # so that there is a best to go back to
    poison(experiment, 0)
    experiment.run(200)
    assert experiment.stopped[0] is None
    assert experiment.diverged[0] == {"step": 31, "after": None}
    assert all(bool(weight[0].isnan().all()) for weight in experiment.model.weights)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_what_is_no_number_is_never_the_best_loss(loss: float) -> None:
    weights = {"w": torch.zeros(1, 2)}
    stopping = EarlyStopping(weights, 1)
    stopping.use([2])
    for step in (25, 50, 75):
        stopping.observe(step, [loss])
    assert stopping.stopped == [None]  # there was nothing to go back to
    stopping.observe(100, [0.5])
    stopping.observe(125, [loss])
    stopping.observe(150, [loss])
    stop = stopping.stopped[0]
    assert stop is not None
    assert (stop.step, stop.best_step, stop.best_loss) == (150, 100, 0.5)


def test_beside_a_loss_that_is_no_number_there_is_no_accuracy() -> None:
    experiment = experiment_of(CALM, CALM)
    poison(experiment, 1)
    scores = experiment.evaluate()
    for values in (scores.train_loss, scores.val_loss, scores.train_accuracy, scores.val_accuracy):
        assert values.isnan().tolist() == [False, True]


def test_its_sub_networks_have_no_accuracy_beside_losses_that_are_none() -> None:
    experiment = experiment_of(CALM, CALM)
    poison(experiment, 1)
    experiment.run(1)  # which finds it, and ends all of the lane
    for lane, is_gone in ((0, False), (1, True)):
        ensemble = experiment.sample_subnetworks(lane, members=3)
        figures = [ensemble.accuracy, ensemble.average_accuracy, ensemble.average_loss, ensemble.geometric_loss]
        figures += [
            ensemble.geometric_accuracy,
            torch.tensor([ensemble.weight_scaling_accuracy, ensemble.weight_scaling_loss]),
        ]
        assert all(bool((each.isnan() == is_gone).all()) for each in figures)


def test_a_saved_run_remembers_it_and_a_reset_forgets_it() -> None:
    experiment, other = experiment_of(CALM, CALM), experiment_of(CALM, CALM)
    experiment.run(5)
    poison(experiment, 1)
    experiment.run(5)
    other.load_state_dict(copy.deepcopy(experiment.state_dict()))
    assert other.diverged == experiment.diverged == [None, {"step": 6, "after": None}]
    assert torch.equal(experiment.run(40).loss.nan_to_num(-1), other.run(40).loss.nan_to_num(-1))
    assert other.stopped == [None, None]
    experiment.reset()
    assert experiment.diverged == [None, None]
    assert experiment.run(5).loss.isfinite().all()


def test_a_close_look_at_it_shows_no_number_and_no_connection() -> None:
    experiment = experiment_of(CALM, CALM)
    experiment.follow(lane=1)
    experiment.run(5)
    poison(experiment, 1)
    for count in (1, 4, 20):
        trace = experiment.run(count, trace=True).trace
        assert trace is not None
        assert len(trace.edges.value) == 0 or trace.step == 6  # of the step at which it happens, what there still was
        assert bool(trace.edges.value.isfinite().all())
        assert trace.probability.isnan().all()
    looked = evaluation_trace(experiment)
    assert looked.probability.isnan().all()
    assert len(looked.edges.value) == 0


def test_parameters_are_looked_at_exactly() -> None:
    weights = {"a": torch.tensor([[3e38, 3e38], [1.0, 1.0], [1.0, -math.inf], [math.nan, 0.0]])}
    divergence = Divergence(weights.values(), weights.values(), 4)
    losses = torch.ones(4)
    divergence.mark(losses)
    assert losses.isnan().tolist() == [False, False, True, True]  # whose sum would overflow has not diverged
