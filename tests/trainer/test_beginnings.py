"""A network that begins anew does what a fresh one would, leaves the others as they are, and is a part of the run."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.networks import small as smallest
from tests.trainer.graphs import Recorder
from tests.trainer.plain import factors_of, plain_lane
from tests.trainer.test_experiment import assert_same_steps, assert_same_weights, rows
from tests.trainer.test_parity import LIMIT, LOSS, batch_of, optimizer_of
from tests.trainer.test_parity import assert_same_weights as assert_same_networks
from trainer import Experiment
from trainer.errors import KnobError, StateError
from trainer.insight import look_at
from trainer.settings.changes import ChangeLog
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.training.checkpoint import packed, unpack
from trainer.training.graphs import Graphs, NoGraphs

LANES: list[dict[str, Any]] = [
    {"name": "plain"},
    {"name": "dropped", "dropout": [0.1, 0.5, 0.3], "l2": 0.001},
    {"name": "normed", "dropout": [0, 0.5, 0.5], "batch_norm": True},
    {"name": "own", "seed": 9, "hidden": [9, 7], "train_size": 60, "dropout": [0.1, 0, 0.2]},
]
OWN_RATES = [{**own, "learning_rate": 0.002 * (lane + 1)} for lane, own in enumerate(LANES)]


def experiment_of(
    graphs: Graphs | None = None, changes: Any = (), dtype: Any = torch.float32, **knobs: Any
) -> Experiment:
    given = {"hidden": [13, 11], "batch_size": 16, "train_size": 70, "lanes": LANES, "seed": 5, "learning_rate": 0.01}
    return Experiment(parse(given | knobs), "cpu", dtype, changes=changes, graphs=graphs)


def parts_of(experiment: Experiment, lane: int) -> dict[str, Tensor]:
    """A copy of all that a lane is made of and its optimiser remembers."""
    made = {name: tensor[lane].clone() for name, tensor in experiment.model.state_dict().items()}
    kept = [tensor.clone() for tensor in experiment._optimizer.of_lane(lane)]
    return made | {f"optimiser {place}": tensor for place, tensor in enumerate(kept)}


def assert_same_parts(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_network_that_begins_anew_is_what_it_was_at_step_0_and_the_others_are_as_they_were(
    network: str, optimizer: str
) -> None:
    lanes = [{"name": "a"}, {"name": "b", "seed": 3}, {"name": "c", "batch_norm": True}]
    given = {**smallest(network, 13, 11), "lanes": lanes, "optimizer": optimizer, "train_size": 64, "batch_size": 16}
    experiment = Experiment(parse(given), "cpu")
    first = [parts_of(experiment, lane) for lane in range(3)]
    experiment.run(5)
    before = [parts_of(experiment, lane) for lane in range(3)]
    experiment.set(lane=1, restarts=1)
    experiment.set(lane=2, restarts=1)
    assert_same_parts(parts_of(experiment, 0), before[0])
    assert experiment.began == [0, 5, 5]
    for lane in (1, 2):
        assert_same_parts(parts_of(experiment, lane), first[lane])
        assert any(not torch.equal(each, first[lane][name]) for name, each in before[lane].items())


@pytest.mark.parametrize("lanes", [LANES, OWN_RATES], ids=["one rate", "own rates"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_others_go_on_bit_for_bit(optimizer: str, lanes: list[dict[str, Any]]) -> None:
    touched, left = (experiment_of(optimizer=optimizer, lanes=lanes) for _ in range(2))
    for at, lane in ((10, 1), (13, 2), (20, 1), (31, 0)):
        touched.run(at - touched.step)
        touched.set(lane=lane, restarts=touched.config.lanes[lane].restarts + 1)
    touched.run(40 - touched.step)
    expected = left.run(40)
    assert_same_parts(parts_of(touched, 3), parts_of(left, 3))
    for lane in (0, 1, 2):
        assert not torch.equal(touched.model.weights[0][lane], left.model.weights[0][lane])
    again = Experiment(touched.first_config, "cpu", changes=touched.changes)
    losses = again.run(40).loss
    assert torch.equal(losses[:, 3], expected.loss[:, 3])
    assert torch.equal(losses[:31, 0], expected.loss[:31, 0])
    assert not torch.equal(losses[31:, 0], expected.loss[31:, 0])
    assert_same_weights(touched, again)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_all_may_begin_anew_at_once_or_one_after_the_other(optimizer: str) -> None:
    experiment = experiment_of(optimizer=optimizer)
    for step in range(2):
        experiment.run(3)
        for lane in range(len(LANES)):
            experiment.set(lane=lane, restarts=step + 1)
    experiment.run(4)
    assert experiment.began == [6] * 4
    state = unpack(packed(experiment) or b"")
    other = experiment_of(optimizer=optimizer)
    other.load_state_dict(state, ChangeLog(experiment.changes))
    assert_same_steps(experiment.run(5), other.run(5))
    assert_same_weights(experiment, other)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("lane", range(3))
def test_it_trains_as_a_plain_network_does_with_an_optimiser_of_its_own(optimizer: str, lane: int) -> None:
    dtype = torch.float64
    experiment = experiment_of(dtype=dtype, optimizer=optimizer, hidden=[24, 16], lanes=LANES[:3], train_size=100)
    plain = plain_lane(experiment, lane)
    rule = optimizer_of(optimizer, plain, LANES[lane].get("l2", 0))
    experiment.run(7)
    experiment.set(lane=lane, restarts=1)
    for step in range(8, 18):
        losses = experiment.run(1).loss[0]
        x, y = batch_of(experiment, step, lane)
        rule.zero_grad()
        loss = LOSS(plain(x, *factors_of(experiment, lane)), y)
        loss.backward()
        rule.step()
        assert losses[lane] == pytest.approx(float(loss.detach()), rel=1e-5)  # recorded in float32
    idle = bool(plain.norms) and optimizer == "adam"
    assert_same_networks(plain_lane(experiment, lane), plain, LIMIT[dtype], idle)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_run_its_replay_and_every_checkpoint_of_it_are_the_same_bit_for_bit(optimizer: str) -> None:
    experiment = experiment_of(optimizer=optimizer)
    kept, films = [], []
    for step, lane in ((6, 2), (6, 1), (20, 1), (33, 3)):
        if step > experiment.step:
            films.append(experiment.run(step - experiment.step))
        kept.append((experiment.step, packed(experiment)))  # before,
        experiment.set(lane=lane, restarts=experiment.config.lanes[lane].restarts + 1)
        kept.append((experiment.step, packed(experiment)))  # at once,
    films.append(experiment.run(12))
    kept.append((experiment.step, packed(experiment)))  # and behind
    log = ChangeLog(experiment.changes)
    whole = Experiment(experiment.first_config, "cpu", changes=experiment.changes)
    replayed = whole.run(45)
    assert torch.equal(torch.cat([film.loss for film in films]), replayed.loss)
    assert_same_weights(experiment, whole)
    for step, data in kept:
        assert data is not None
        other = experiment_of(optimizer=optimizer)
        other.load_state_dict(unpack(data), log)
        if step < 45:
            assert_same_steps(other.run(45 - step), rows(replayed, step, 45))
        assert_same_weights(experiment, other)
        assert other.began == experiment.began == [0, 20, 6, 33]


def test_a_state_has_what_began_anew_with_its_changes_and_without_them_too() -> None:
    experiment = experiment_of()
    experiment.run(9)
    experiment.set(lane=1, restarts=1, batch_norm=True)
    other = experiment_of()
    other.load_state_dict(experiment.state_dict())
    assert_same_parts(parts_of(other, 1), parts_of(experiment, 1))
    assert torch.equal(other.evaluate().val_loss, experiment.evaluate().val_loss)
    assert_same_steps(other.run(5), experiment.run(5))


@pytest.mark.parametrize(
    "knobs", [{"restarts": 1}, {"restarts": 3, "batch_norm": True}, {"restarts": 1, "patience": 2}]
)
@pytest.mark.parametrize("lane", range(3))
def test_what_is_taken_back_before_the_next_step_leaves_no_trace(lane: int, knobs: dict[str, Any]) -> None:
    changed, left = experiment_of(), experiment_of()
    for each in (changed, left):
        each.run(30)
    before = parts_of(changed, lane)
    changed.set(lane=lane, **knobs)
    saved = unpack(packed(changed) or b"")
    back = {name: getattr(left.config.lanes[lane], name) for name in knobs}
    changed.set(lane=lane, **back)
    assert_same_parts(parts_of(changed, lane), before)
    without = experiment_of()
    without.load_state_dict(saved, ChangeLog())
    again = Experiment(changed.first_config, "cpu", changes=changed.changes)
    again.run(30)
    expected = left.run(12)
    for each in (changed, without, again):
        assert_same_steps(each.run(12), expected)
        assert_same_weights(each, left)
        assert each.began == [0] * 4


def test_batch_norm_that_comes_with_a_new_beginning_is_what_it_is_from_step_0_on() -> None:
    one, other, fresh = experiment_of(), experiment_of(), experiment_of()
    for each in (one, other):
        each.run(8)
    one.set(lane=1, batch_norm=True)
    one.set(lane=1, restarts=1)
    other.set(lane=1, restarts=1)
    other.set(lane=1, batch_norm=True)
    for each in (one, other):
        assert_same_parts(parts_of(each, 1), parts_of(fresh, 1))


def test_a_network_that_diverged_learns_again() -> None:
    experiment = experiment_of(lanes=[{"name": "a"}, {"name": "wild", "learning_rate": 1.0}], optimizer="sgd")
    experiment.set(lane=1, l2=0.1)
    with torch.no_grad():
        experiment.model.weights[0][1].fill_(math.inf)
    experiment.run(5)
    assert experiment.diverged[1] is not None
    experiment.set(lane=1, restarts=1, learning_rate=0.01, l2=0.0)
    assert experiment.diverged == [None, None]
    steps = experiment.run(10, trace=True)
    assert steps.loss.isfinite().all()
    assert experiment.diverged == [None, None]


def test_a_network_that_diverged_and_began_anew_within_one_call_is_told_as_in_many() -> None:
    given: dict[str, Any] = {
        "lanes": [{"name": "wild", "learning_rate": 1.0, "l2": 0.1}],
        "optimizer": "sgd",
        "hidden": [40, 40],
    }
    changes = [
        {"step": 3, "knobs": {"learning_rate": 0.01}},
        {"step": 60, "lane": 0, "knobs": {"restarts": 1, "learning_rate": 0.01, "l2": 0.0}},
    ]
    whole, cut = (experiment_of(changes=changes, **given) for _ in range(2))
    for each in (whole, cut):
        with torch.no_grad():
            each.model.weights[0].mul_(1e30)
    losses = whole.run(90).loss
    parts = [cut.run(1) for _ in range(90)]
    assert not losses[:59].isfinite().all()
    assert losses[59:].isfinite().all()
    assert torch.equal(losses.nan_to_num(-1), torch.cat([part.loss for part in parts]).nan_to_num(-1))
    assert whole.diverged == cut.diverged == [None]
    assert_same_weights(whole, cut)


def test_early_stopping_begins_anew_as_well() -> None:
    lanes = [{"name": "a", "patience": 1}, {"name": "b"}]
    experiment = experiment_of(lanes=lanes, train_size=20, batch_size=20)
    while experiment.stopped[0] is None:
        experiment.run(25)
        assert experiment.step < 1000
    frozen = experiment.model.weights[0][0].clone()
    experiment.set(lane=0, restarts=1)
    assert experiment.stopped[0] is None
    experiment.run(3)
    assert not torch.equal(experiment.model.weights[0][0], frozen)
    again = Experiment(experiment.first_config, "cpu", changes=experiment.changes)
    again.run(experiment.step)
    assert_same_weights(experiment, again)
    assert again.stopped == experiment.stopped


def test_a_schedule_counts_from_the_networks_own_beginning() -> None:
    lanes = [{"name": name, "dropout": [0, 0.5, 0.5], "schedule": "ramp_up", "schedule_steps": 10} for name in "ab"]
    experiment = experiment_of(lanes=lanes)
    experiment.follow(lane=1)
    first = experiment.run(14)
    experiment.set(lane=1, restarts=1)
    second = experiment.run(14)
    assert first.rates[:, 1].tolist() == pytest.approx([0.05 * min(10, step) for step in range(14)])
    assert torch.equal(first.rates, second.rates)
    film = experiment.redraw(range(1, 29))
    while True:
        try:
            next(film)
        except StopIteration as end:
            drawn = end.value
            break
    assert torch.equal(drawn.rates, torch.cat([first.rates, second.rates]))
    for name, mask in drawn.masks.items():
        assert torch.equal(mask, torch.cat([first.masks[name], second.masks[name]]))
    experiment.follow(lane=0)
    assert experiment.run(1).rates[0, 1] == 0.5


def test_a_log_knows_after_which_step_each_lane_began() -> None:
    config = parse({"lanes": [{"name": "a", "restarts": 2}, {"name": "b"}]})
    told = [(3, 0, 2), (5, 0, 3), (5, 1, 0), (9, 1, 1), (12, 1, 0), (12, 0, 3)]
    log = ChangeLog({"step": step, "lane": lane, "knobs": {"restarts": times}} for step, lane, times in told)
    found = [log.began(step, config) for step in (1, 4, 5, 8, 9, 11, 12, 99)]
    assert found == [[0, 0], [0, 0], [4, 0], [4, 0], [4, 8], [4, 8], [4, 11], [4, 11]]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("lanes", [LANES, OWN_RATES], ids=["one rate", "own rates"])
def test_a_recorded_step_is_still_good_after_it(optimizer: str, lanes: list[dict[str, Any]]) -> None:
    graphs = Recorder()
    recorded, written, plain = (
        experiment_of(given, optimizer=optimizer, lanes=lanes, dtype=torch.float64)
        for given in (graphs, NoGraphs(), None)
    )
    counts = []
    for step, lane in enumerate((1, 2, 1, 0)):
        for each in (recorded, written, plain):
            each.run(4)
            each.set(lane=lane, restarts=step + 1)
            each.run(4)
        counts.append(len(graphs.recorded))
    assert counts[1:] == [counts[0]] * 3  # with Adam, a network that counts for itself is another computation: once
    assert recorded.recording.failed == 0
    assert_same_weights(recorded, written)
    assert recorded.began == plain.began


@pytest.mark.parametrize("rates", [[0.01] * 3, [0.01, 0.02, 0.03], [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]])
def test_on_a_device_it_counts_its_own_steps_however_rates_are_grouped(rates: list[float]) -> None:
    lanes = [{"name": "n", "learning_rate": rate} for rate in rates]
    experiment = experiment_of(NoGraphs(), lanes=lanes, dtype=torch.float64, hidden=[24, 16], train_size=100)
    network = plain_lane(experiment, 1)
    experiment.run(6)
    experiment.set(lane=1, restarts=1)
    rule = torch.optim.Adam(network.parameters(), lr=rates[1])
    for step in range(7, 17):
        experiment.run(1)
        x, y = batch_of(experiment, step, 1)
        rule.zero_grad()
        LOSS(network(x), y).backward()
        rule.step()
    assert_same_networks(plain_lane(experiment, 1), network, LIMIT[torch.float64], False)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_state_of_before_there_was_such_a_thing_is_read(optimizer: str) -> None:
    experiment = experiment_of(optimizer=optimizer)
    experiment.run(11)
    state = experiment.state_dict()
    del state["began"]
    if optimizer == "adam":
        parameters = len(state["optimizer"]["weights"]["first"])
        state["optimizer"]["weights"]["steps"] = [torch.tensor(11.0) for _ in range(parameters)]
    other = experiment_of(optimizer=optimizer)
    other.load_state_dict(state)
    assert_same_steps(experiment.run(6), other.run(6))
    assert_same_weights(experiment, other)


@pytest.mark.parametrize("began", [[0, 0], [0, 0, 0, 6], [0, 0, 0, -1], [0, 0, 0, 0.5], "0000", [0, 0, 0, True]])
def test_beginnings_that_cannot_be_are_refused(began: Any) -> None:
    experiment = experiment_of()
    experiment.run(5)
    with pytest.raises(StateError, match="began"):
        experiment_of().load_state_dict(experiment.state_dict() | {"began": began})


@pytest.mark.parametrize("times", [-1, 1001, 0.5, True, None])
def test_a_number_of_beginnings_that_is_none_is_refused(times: Any) -> None:
    experiment = experiment_of()
    experiment.run(3)
    before = parts_of(experiment, 0)
    with pytest.raises(KnobError, match="restarts"):
        experiment.set(lane=0, restarts=times)
    assert_same_parts(parts_of(experiment, 0), before)
    assert experiment.changes == []


def test_at_step_0_there_is_nothing_to_begin_anew() -> None:
    experiment, left = experiment_of(), experiment_of()
    experiment.set(lane=1, restarts=1)
    assert_same_steps(experiment.run(5), left.run(5))
    assert experiment.began == [0] * 4
    assert_same_weights(experiment, left)


def test_a_reset_is_a_beginning_of_all() -> None:
    experiment, fresh = experiment_of(), experiment_of()
    experiment.run(5)
    experiment.set(lane=1, restarts=4)
    experiment.run(5)
    experiment.reset()
    assert experiment.began == [0] * 4
    assert experiment.changes == []
    assert_same_steps(experiment.run(5), fresh.run(5))
    assert copy.deepcopy(experiment.first_config.lanes[1].restarts) == 4


def test_the_masks_that_a_network_has_seen_are_counted_from_its_own_beginning() -> None:
    experiment = experiment_of()
    experiment.run(9)
    experiment.follow(lane=1)
    experiment.set(lane=1, restarts=1)
    experiment.run(4)
    assert look_at("visits", experiment)["drawn"].tolist() == [4 * 16]
