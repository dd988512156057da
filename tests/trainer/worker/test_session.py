from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Final

import pytest

from tests.trainer.worker.fakes import FakeExperiment, live
from trainer.settings.changes import ChangeLog
from trainer.wire.jsontext import dumps
from trainer.worker.news import LANE_TOLD_S
from trainer.worker.pace import CATCH_UP_S
from trainer.worker.session import Session, State

PLAY: dict[str, Any] = {"op": "play"}
PAUSE: dict[str, Any] = {"op": "pause"}
FAST: dict[str, Any] = {"op": "speed", "steps_per_second": None}


def speed(steps_per_second: float) -> dict[str, Any]:
    return {"op": "speed", "steps_per_second": steps_per_second}


# ---- opening


def test_a_run_opens_paused_at_step_0_and_shows_its_beginning() -> None:
    day = live(5.0, [])
    assert day.kinds() == ["opened", "data", "scores", "graph", "ensemble"]
    state = day.messages("opened")[0][1]["state"]
    assert (state["state"], state["step"], state["steps_per_second"]) == ("paused", 0, 100.0)
    assert state["follow"] == {"lane": 1, "example": 0}
    assert state["batches_per_epoch"] == 300 // 64
    assert day.frames("graph")[0][1].meta == {"pass": "evaluation"}


def test_a_run_can_be_opened_where_another_was_lost() -> None:
    request = {"state": "playing", "steps_per_second": 10, "follow": {"lane": 0, "example": 7}}
    day = live(1.05, [], runs={"r": request})
    state = day.messages("opened")[0][1]["state"]
    assert (state["state"], state["steps_per_second"]) == ("playing", 10)
    assert state["follow"] == {"lane": 0, "example": 7}
    assert day.steps() == list(range(1, 12))  # one at once, and one each tenth of a second


def test_frames_are_numbered_without_a_gap() -> None:
    day = live(3.0, [(0.5, PLAY), (1.0, FAST), (2.0, {"op": "reset"})])
    numbers = [each.seq for _, each in day.said if not isinstance(each, dict)]
    assert numbers == list(range(1, len(numbers) + 1))


# ---- pace


@pytest.mark.parametrize("rate", [0.5, 1, 7, 30, 100, 333])
def test_a_playing_run_keeps_its_speed(rate: float) -> None:
    day = live(21.0, [(0.5, speed(rate)), (1.0, PLAY), (21.0, PAUSE)])
    steps = day.steps()
    assert steps == list(range(1, len(steps) + 1))
    waiting = rate * (1 / 30 + 0.015)  # steps that are owed may wait until a frame is due, and for a bite of an extra
    assert 20 * rate - waiting <= len(steps) <= 20 * rate + 1


@pytest.mark.parametrize("rate", [1, 5, 20])
def test_a_slow_run_sends_each_step_as_soon_as_it_is_made(rate: float) -> None:
    day = live(10.0, [(1.0, speed(rate)), (1.0, PLAY)])
    frames = day.frames("steps")
    assert 9 * rate - 1 <= len(frames) <= 9 * rate + 1  # it plays for nine seconds
    for number, (at, frame) in enumerate(frames):
        assert frame.tensors["step"].tolist() == [number + 1]
        # A turn may first have to wait for a bite of something else, which is 10 ms of members that take 1 ms each.
        assert 0 <= at - (1001.0 + number / rate) < 0.025


@pytest.mark.parametrize("rate", [50, 100, 1000, None])
def test_at_speed_steps_travel_in_at_most_thirty_frames_a_second(rate: float | None) -> None:
    day = live(11.0, [(0.5, {"op": "speed", "steps_per_second": rate}), (1.0, PLAY)])
    times = [at for at, _ in day.frames("steps")]
    assert 20 * 10 <= len(times) <= 30 * 10 + 1
    assert day.steps() == list(range(1, len(day.steps()) + 1))


def test_at_full_speed_the_worker_does_little_but_train() -> None:
    day = live(11.0, [(1.0, FAST), (1.0, PLAY), (11.0, PAUSE)])
    # 10,000 steps of 1 ms fit. Scores take at most 10 × 2 ms a second, extras a tenth, the 0.1 s saved up and a bite
    # more, and a turn 10 µs for each slice, of which there are at most 2,000.
    assert 10_000 - 200 - 1000 - 100 - 10 - 20 <= len(day.steps()) <= 10_000


def test_a_slice_takes_fifteen_milliseconds() -> None:
    day = live(5.0, [(1.0, FAST), (1.0, PLAY)])
    counts = [count for _, count, _ in day.experiments["r"].runs]
    assert max(counts) <= 15
    assert sorted(counts)[len(counts) // 2] >= 14


def test_after_a_stall_only_a_moment_is_made_up_for() -> None:
    def stall(run: str, experiment: FakeExperiment) -> None:
        experiment.boundary_s = 5.0

    day = live(12.0, [(0.5, PLAY)], runs={"r": {"config": {"dataset": "moons"}}}, tune=stall)
    times = [at for at, frame in day.frames("steps") for _ in frame.tensors["step"]]
    gap, after = max((later - sooner, later) for sooner, later in pairwise(times))
    assert gap > 4.9  # there was a stall
    in_a_second = sum(after <= at <= after + 1.0 for at in times)
    assert in_a_second <= 100 * (1.0 + CATCH_UP_S) + 4  # and the steps of one frame


def test_steps_are_made_at_once_and_the_run_is_paused_again() -> None:
    day = live(3.0, [(1.0, {"op": "step", "count": 40})])
    assert day.steps() == list(range(1, 41))
    ((at, changed),) = day.messages("changed")
    assert (changed["reason"], changed["step"], changed["state"]["state"]) == ("pause", 40, "paused")
    assert at < 1001.1
    last_graph = day.frames("graph")[-1][1]
    assert last_graph.tensors["step"].tolist() == [40]
    assert last_graph.meta == {"pass": "training"}


def test_every_single_step_is_seen() -> None:
    day = live(3.0, [(1 + number / 50, {"op": "step", "count": 1}) for number in range(20)])
    assert [frame.tensors["step"].tolist() for _, frame in day.frames("steps")] == [[n] for n in range(1, 21)]
    graphs = [int(frame.tensors["step"][0]) for _, frame in day.frames("graph")]
    assert graphs == list(range(21))


def test_stepping_while_playing_ends_the_playing() -> None:
    day = live(3.0, [(0.5, PLAY), (1.0, {"op": "step", "count": 5})])
    assert [message["reason"] for _, message in day.messages("changed")] == ["play", "pause"]
    acknowledged = day.messages("reply")[1][1]["step"]
    assert day.steps()[-1] == acknowledged + 4


# ---- commands


def test_a_command_is_in_force_from_the_step_it_is_acknowledged_with() -> None:
    knobs = {"dropout": [0.0, 0.9]}
    day = live(3.0, [(0.5, FAST), (0.5, PLAY), (1.5, {"op": "set", "lane": 1, "knobs": knobs})])
    reply = day.messages("reply")[-1][1]
    assert day.experiments["r"].log.changes == [{"step": reply["step"], "lane": 1, "knobs": knobs}]
    before = [at for at, frame in day.frames("steps") if frame.tensors["step"][-1] < reply["step"]]
    assert max(before) <= day.messages("reply")[-1][0]


def test_changes_of_the_opening_are_told_when_they_take_effect_as_those_that_are_made_now() -> None:
    changes = [
        {"step": 12, "lane": 1, "knobs": {"dropout": [0.0, 0.9]}},
        {"step": 12, "knobs": {"learning_rate": 0.5}},
        {"step": 300, "lane": 0, "knobs": {"l2": 0.01}},
    ]
    day = live(4.0, [(0.5, PLAY)], runs={"r": {"changes": changes}})
    told = [message for _, message in day.messages("changed") if message["reason"] == "set"]
    assert [message["step"] for message in told] == [11, 299]  # in force from the next step on
    first, last = (message["state"]["config"] for message in told)
    assert (first["lanes"][1]["dropout"], first["learning_rate"]) == ([0.0, 0.9], 0.5)
    assert (first["lanes"][0]["l2"], last["lanes"][0]["l2"]) == (0.0, 0.01)
    assert [message["changes"] for message in told] == ["[]", "[]"]  # the app has them
    for step in (11, 299):
        frames = [frame.tensors["step"] for _, frame in day.frames("steps")]
        assert not any(step in steps and step + 1 in steps for steps in frames)


def test_changes_that_are_due_at_every_step_are_told_thirty_times_a_second_and_the_last_at_once() -> None:
    changes = [{"step": step, "lane": 0, "knobs": {"l2": step / 1e5}} for step in range(2, 2001)]
    day = live(6.0, [(0.5, FAST), (0.5, PLAY)], runs={"r": {"changes": changes}})
    told = [(at, message) for at, message in day.messages("changed") if message["reason"] == "set"]
    times = [at for at, _ in told[:-1]]
    assert len(times) > 10
    assert all(later - sooner >= 1 / 30 - 1e-9 for sooner, later in pairwise(times))
    assert told[-1][1]["step"] == 1999
    assert told[-1][1]["state"]["config"]["lanes"][0]["l2"] == 0.02
    assert day.steps() == list(range(1, len(day.steps()) + 1))


def test_what_was_trained_before_a_command_is_sent_before_its_reply_and_changed_after_it() -> None:
    day = live(3.0, [(0.5, FAST), (0.5, PLAY), (1.513, {"op": "follow", "example": 17})])
    kinds = day.kinds()
    reply = len(kinds) - 1 - kinds[::-1].index("reply")
    assert kinds[reply - 1 : reply + 2] == ["steps", "reply", "changed follow"]


def test_a_frame_of_steps_never_spans_a_change_of_what_is_followed() -> None:
    script = [(0.5, FAST), (0.5, PLAY)]
    script += [(1 + number * 0.0371, {"op": "follow", "lane": number % 2}) for number in range(20)]
    day = live(3.0, script)
    changes = {message["step"] for _, message in day.messages("changed") if message["reason"] == "follow"}
    assert len(changes) == 20
    for _, frame in day.frames("steps"):
        first, last = int(frame.tensors["step"][0]), int(frame.tensors["step"][-1])
        assert not any(first <= step < last for step in changes)
        assert len(set(frame.tensors["lane"].tolist())) == 1
    assert day.steps() == list(range(1, len(day.steps()) + 1))


def test_after_a_change_the_next_steps_are_sent_at_once() -> None:
    day = live(3.0, [(0.5, FAST), (0.5, PLAY), (1.513, {"op": "set", "lane": 1, "knobs": {"batch_norm": True}})])
    reply_at, reply = day.messages("reply")[-1]
    at = next(at for at, frame in day.frames("steps") if reply["step"] in frame.tensors["step"])
    assert at - reply_at < 0.02 + 0.012  # a slice, and at most scores and a bite of something else before it


def test_after_a_reset_nothing_of_the_old_start_is_sent() -> None:
    day = live(4.0, [(0.5, FAST), (0.5, PLAY), (2.0, {"op": "reset"})])
    kinds = day.kinds()
    reset = kinds.index("changed reset")
    assert kinds[reset - 1] == "reply"
    assert kinds[reset + 1 : reset + 3] == ["scores", "graph"]
    later = [each for _, each in day.said[reset + 1 :] if not isinstance(each, dict)]
    assert [int(frame.tensors["step"][0]) for frame in later[:2]] == [0, 0]
    steps = [int(step) for frame in later if frame.kind == "steps" for step in frame.tensors["step"]]
    assert steps == list(range(1, len(steps) + 1))
    votes = [int(frame.tensors["step"][0]) for frame in later if frame.kind == "ensemble"]
    assert votes == sorted(votes)
    assert day.said[reset][1]["state"]["state"] == "playing"  # type: ignore[index]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ({"op": "dance"}, "bad_message", "dance"),
        ({}, "bad_message", "None"),
        ({"op": "__init__"}, "bad_message", "__init__"),
        ({"op": "step", "count": 0}, "bad_value", "1 to 1,000"),
        ({"op": "step", "count": 1001}, "bad_value", "1 to 1,000"),
        ({"op": "step", "count": True}, "bad_value", "True"),
        ({"op": "step", "count": 1.5}, "bad_value", "1.5"),
        ({"op": "speed", "steps_per_second": 0}, "bad_value", "0.2 to 10,000"),
        ({"op": "speed", "steps_per_second": float("nan")}, "bad_value", "nan"),
        ({"op": "speed", "steps_per_second": "fast"}, "bad_value", "'fast'"),
        ({"op": "speed", "steps_per_second": True}, "bad_value", "True"),
        ({"op": "set", "lane": 99, "knobs": {"l2": 0.0}}, "bad_value", "99"),
        ({"op": "set", "lane": 1, "knobs": {"dropout": [0.1, 1]}}, "bad_value", "0.95"),
        ({"op": "set", "lane": 1, "knobs": {"dropout": [0.1, float("nan")]}}, "bad_value", "nan"),
        ({"op": "set", "lane": 1, "knobs": {"self": 1}}, "unknown_knob", "self"),
        ({"op": "set", "lane": 1, "knobs": {"lane": 1}}, "unknown_knob", "lane"),
        ({"op": "set", "knobs": {"seed": 1}}, "bad_value", "seed"),
        ({"op": "set", "lane": 1, "knobs": {}}, "bad_message", "knobs = {}"),
        ({"op": "set", "lane": 1, "knobs": [1]}, "bad_message", "knobs = [1]"),
        ({"op": "follow", "lane": 2}, "bad_value", "0 to 1"),
        ({"op": "follow", "example": 300}, "bad_value", "0 to 299"),
        ({"op": "follow", "example": "a"}, "bad_value", "'a'"),
    ],
)
def test_a_bad_command_is_refused_in_words_and_disturbs_nothing(command: dict[str, Any], code: str, words: str) -> None:
    day = live(3.0, [(0.5, PLAY), (1.0, command)])
    error = day.messages("reply")[1][1]["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert [message["reason"] for _, message in day.messages("changed")] == ["play"]
    assert day.steps() == list(range(1, len(day.steps()) + 1))
    assert len(day.steps()) > 200


def test_no_state_can_be_left_but_by_a_legal_move() -> None:
    day = live(1.0, [(0.5, {"op": "close", "run": "r"}), (0.6, PLAY)])
    assert day.messages("reply")[0][1]["error"]["code"] == "not_found"
    session = Session.__new__(Session)
    session.state = State.CLOSED
    with pytest.raises(RuntimeError, match="closed cannot become playing"):
        session._move(State.PLAYING)


# ---- scores and graphs


def test_a_playing_run_is_scored_at_multiples_of_25_and_at_most_ten_times_a_second() -> None:
    for rate in (100, None):
        day = live(11.0, [(0.5, {"op": "speed", "steps_per_second": rate}), (1.0, PLAY)])
        scores = day.frames("scores")
        steps = [int(frame.tensors["step"][0]) for _, frame in scores]
        assert all(step % 25 == 0 for step in steps)
        assert steps == sorted(set(steps))
        times = [at for at, _ in scores[1:]]
        gaps = [later - sooner for sooner, later in pairwise(times)]
        assert min(gaps) > 0.099
        # At 100 steps a second every multiple of 25 in ten seconds; at full speed the next one takes up to 25 ms more.
        assert len(times) >= (39 if rate == 100 else 75)


def test_at_a_hundred_steps_a_second_every_multiple_of_25_is_scored() -> None:
    day = live(11.1, [(1.0, PLAY), (11.05, PAUSE)])
    steps = [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")]
    assert [step for step in steps if step % 25 == 0] == list(range(0, 1001, 25))


def test_a_lane_that_diverged_is_told_once_and_scored_when_the_others_are() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.diverges_at = 210

    day = live(5.0, [(1.0, PLAY)], tune=tune)
    told = [message for _, message in day.messages("changed") if message["reason"] == "diverged"]
    assert len(told) == 1
    assert told[0]["state"]["diverged"] == [{"step": 210, "after": None}, None]
    assert 210 <= told[0]["step"] < 225
    scored = [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")]
    assert all(step % 25 == 0 for step in scored)
    assert 225 in scored


def test_a_lane_that_early_stopping_froze_is_told_once_and_scored_at_once() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.stops_at = 210

    day = live(5.0, [(1.0, PLAY)], tune=tune)
    told = [(at, message) for at, message in day.messages("changed") if message["reason"] == "stopped"]
    assert len(told) == 1
    at, message = told[0]
    assert message["state"]["stopped"] == [{"step": 210, "best_step": 25, "best_loss": 0.5}, None]
    assert message["step"] >= 210
    scored = [int(frame.tensors["step"][0]) for when, frame in day.frames("scores") if when >= at]
    assert scored[0] == message["step"]
    trained = [int(frame.tensors["step"][-1]) for when, frame in day.frames("steps") if when <= at]
    assert trained[-1] == message["step"]  # what led to it was sent before it


@pytest.mark.parametrize("script", [[(0.5, PLAY), (1.337, PAUSE)], [(0.5, {"op": "step", "count": 33})]])
def test_what_a_paused_run_shows_is_current_and_then_it_rests(script: list[tuple[float, dict[str, Any]]]) -> None:
    day = live(60.0, script, runs={"r": {"config": {"dataset": "moons"}}})
    step = day.experiments["r"].step
    for kind in ("scores", "ensemble", "boundary"):
        assert int(day.frames(kind)[-1][1].tensors["step"][0]) == step, kind
    assert max(at for at, _ in day.said) < 1003.0


def test_changing_a_knob_while_paused_renews_the_votes() -> None:
    day = live(4.0, [(2.0, {"op": "set", "lane": 1, "knobs": {"dropout": [0.0, 0.75]}})])
    assert [frame.tensors["rate"].tolist() for _, frame in day.frames("ensemble")][-1] == [[0.0, 0.75], [0.0, 0.75]]


def test_following_another_example_while_paused_shows_it_at_once() -> None:
    day = live(4.0, [(2.0, {"op": "follow", "example": 17})])
    at, graph = day.frames("graph")[-1]
    assert at < 1002.01
    assert graph.tensors["example"].tolist() == [17]
    assert graph.meta == {"pass": "evaluation"}
    assert day.frames("ensemble")[-1][1].tensors["example"].tolist() == [17]


def test_at_speed_graphs_are_of_the_followed_example_at_most_ten_times_a_second() -> None:
    day = live(11.0, [(1.0, FAST), (1.0, PLAY)])
    graphs = day.frames("graph")[1:]
    assert 80 <= len(graphs) <= 101
    # The first may be of any example, because nothing was seen for half a second.
    assert all(frame.tensors["example"].tolist() == [0] for _, frame in graphs[1:])


def test_another_example_is_shown_when_the_followed_one_does_not_come() -> None:
    def never(run: str, experiment: FakeExperiment) -> None:
        experiment.example_at = lambda step: 299  # type: ignore[method-assign]

    day = live(11.0, [(1.0, FAST), (1.0, PLAY)], tune=never)
    assert 18 <= len(day.frames("graph")[1:]) <= 21  # one each half second


def test_a_slow_run_shows_the_graph_of_every_step() -> None:
    day = live(6.0, [(1.0, speed(5)), (1.0, PLAY)])
    graphs = [int(frame.tensors["step"][0]) for _, frame in day.frames("graph")]
    assert graphs == list(range(day.experiments["r"].step + 1))


def test_without_viewers_no_pictures_are_made_and_with_the_first_they_are_there_again() -> None:
    watch = [(0.5, {"op": "watch", "run": "r", "viewers": 0}), (3.0, {"op": "watch", "run": "r", "viewers": 1})]
    day = live(4.0, [(1.0, PLAY), (2.0, PAUSE), *watch], runs={"r": {"config": {"dataset": "moons"}}})
    unseen = [each.kind for at, each in day.said if 1000.5 < at < 1003.0 and not isinstance(each, dict)]
    assert set(unseen) == {"steps", "scores"}
    seen = [
        (each.kind, int(each.tensors["step"][0]))
        for at, each in day.said
        if at >= 1003.0 and not isinstance(each, dict)
    ]
    step = day.experiments["r"].step
    assert {("graph", step), ("ensemble", step), ("boundary", step)} == set(seen)
    assert not any(traced for first, _, traced in day.experiments["r"].runs)


def test_the_last_step_before_a_pause_is_the_one_that_is_drawn() -> None:
    day = live(3.0, [(0.5, FAST), (0.5, PLAY), (2.0, PAUSE)])
    (_, changed) = day.messages("changed")[-1]
    assert changed["reason"] == "pause"
    graph = [frame for _, frame in day.frames("graph")][-1]
    assert int(graph.tensors["step"][0]) == changed["step"] == day.steps()[-1]
    assert graph.meta["pass"] == "training"


def test_pausing_twice_makes_no_further_step() -> None:
    once = live(3.0, [(0.5, PLAY), (2.0, PAUSE)])
    twice = live(3.0, [(0.5, PLAY), (2.0, PAUSE), (2.5, PAUSE)])
    assert twice.steps() == once.steps()


def test_batch_norm_switched_while_paused_is_scored_anew() -> None:
    switch = {"op": "set", "lane": 1, "knobs": {"batch_norm": True}}
    day = live(4.0, [(0.5, PLAY), (1.0, PAUSE), (2.0, switch)])
    assert [at for at, _ in day.frames("scores")][-1] >= 1002.0  # the day begins at 1000


def test_the_masks_of_a_graphs_step_come_before_the_graph() -> None:
    day = live(4.0, [(0.5, FAST), (0.5, PLAY), (2.0, speed(100)), (3.0, speed(3)), (3.9, PAUSE)])
    newest = 0
    graphs = 0
    for _, said in day.said:
        if not isinstance(said, dict) and said.kind == "steps":
            newest = int(said.tensors["step"][-1])
        elif not isinstance(said, dict) and said.kind == "graph":
            graphs += 1
            assert int(said.tensors["step"][0]) <= newest
    assert graphs > 20


# ---- stopping by itself


@pytest.mark.parametrize("rate", [1000, 100, None])
def test_a_run_pauses_at_the_step_at_which_it_should(rate: float | None) -> None:
    request = {"stop_at": 130, "steps_per_second": rate, "state": "playing", "experiment": "twin"}
    day = live(5.0, [], runs={"r": request})
    assert day.steps() == list(range(1, 131))
    paused = day.messages("changed")[-1][1]
    assert (paused["reason"], paused["step"], paused["state"]["state"]) == ("pause", 130, "paused")
    assert (paused["state"]["stop_at"], paused["state"]["experiment"]) == (130, "twin")
    assert int(day.frames("graph")[-1][1].tensors["step"][0]) == 130
    assert [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")][-1] == 130


@pytest.mark.parametrize("rate", [1000, None])
def test_the_last_three_evaluations_before_it_stops_are_all_made(rate: float | None) -> None:
    day = live(5.0, [], runs={"r": {"stop_at": 1000, "steps_per_second": rate, "state": "playing"}})
    scored = [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")]
    assert scored[-3:] == [950, 975, 1000]


def test_a_run_that_has_stopped_can_be_played_on() -> None:
    request = {"stop_at": 50, "steps_per_second": 100, "state": "playing"}
    day = live(3.0, [(1.0, PLAY), (2.005, PAUSE)], runs={"r": request})
    assert day.steps()[-1] > 140


def test_a_reset_run_stops_there_again() -> None:
    request = {"stop_at": 50, "steps_per_second": None, "state": "playing"}
    day = live(3.0, [(1.0, {"op": "reset"}), (1.5, PLAY)], runs={"r": request})
    assert day.steps() == [*range(1, 51), *range(1, 51)]


def test_steps_that_are_asked_for_one_by_one_go_past_it() -> None:
    day = live(3.0, [(1.0, {"op": "step", "count": 20})], runs={"r": {"stop_at": 10}})
    assert day.steps() == list(range(1, 21))


# ---- who votes


def test_an_ensemble_votes_in_the_size_that_was_asked_for() -> None:
    day = live(3.0, [(1.0, {"op": "ensemble", "members": 5, "masks": "per_example"})])
    first, second = (frame.tensors for _, frame in day.frames("ensemble"))
    assert (first["vote"].shape[1], first["fresh"].tolist()) == (64, [0])
    assert (second["vote"].shape[1], second["fresh"].tolist()) == (5, [1])
    assert day.messages("changed")[-1][1]["state"]["ensemble"] == {"members": 5, "masks": "per_example"}


def test_what_is_left_out_of_an_ensemble_stays_as_it_is() -> None:
    script: list[tuple[float, dict[str, Any]]] = [
        (1.0, {"op": "ensemble", "members": 5}),
        (2.0, {"op": "ensemble", "masks": "per_example"}),
    ]
    day = live(3.0, script, runs={"r": {"ensemble": {"members": 9, "masks": "per_member"}}})
    assert [frame.tensors["vote"].shape[1] for _, frame in day.frames("ensemble")] == [9, 5, 5]


@pytest.mark.parametrize(
    "command",
    [{"op": "ensemble", "members": 257}, {"op": "ensemble", "members": 0}, {"op": "ensemble", "masks": "none"}],
)
def test_an_ensemble_that_cannot_be_is_refused(command: dict[str, Any]) -> None:
    day = live(2.0, [(1.0, command)])
    error = day.messages("reply")[0][1]["error"]
    assert error["code"] == "bad_value"
    assert error["value"] == repr(command.get("members", command.get("masks")))


# ---- telling what changed


def turns(count: int, per_second: float) -> list[tuple[float, dict[str, Any]]]:
    """So many turns of a knob, and other commands between them, from second 1 on."""

    def command(number: int) -> dict[str, Any]:
        if number % 3 == 0:
            return {"op": "set", "lane": 0, "knobs": {"l2": number / 1e4}}
        return {"op": "follow", "example": number} if number % 3 == 1 else {"op": "ensemble", "members": 1 + number}

    return [(1 + number / per_second, command(number)) for number in range(count)]


MANY: Final[dict[str, Any]] = {"r": {"config": {"lanes": [{}] * 64}}}


def test_a_flood_of_commands_to_a_run_with_many_lanes_is_told_in_few_messages_and_all_of_it() -> None:
    """Its state is long: 64 lanes are 47 KB, and the app reads every one of them for everybody."""
    flood = turns(150, 50)
    day = live(6.0, flood, runs=MANY)
    assert len(day.messages("reply")) == 150
    waits = [at - 1000 - asked for (at, _), (asked, _) in zip(day.messages("reply"), flood, strict=True)]
    assert max(waits) < 0.05, "each is answered at once, on the clock of the test"
    told = [(at, message) for at, message in day.messages("changed") if message["reason"] != "pause"]
    interval = 64 * LANE_TOLD_S
    assert all(later - earlier >= interval for (earlier, _), (later, _) in pairwise(told))
    assert 3.0 / interval - 3 <= len(told) <= 3.0 / interval + 4  # and the last of each kind
    assert {message["reason"] for _, message in told} == {"set", "follow", "ensemble"}
    last = told[-1][1]["state"]
    assert last["config"]["lanes"][0]["l2"] == 147 / 1e4
    assert last["follow"]["example"] == 148
    assert last["ensemble"]["members"] == 150
    reader = ChangeLog()
    for _, message in told:
        for change in json.loads(message["changes"]):
            reader.insert(change["step"], change.get("lane"), change["knobs"])
    assert reader.changes == day.experiments["r"].log.changes


def test_how_many_changes_a_run_has_makes_no_message_longer_or_later() -> None:
    def many(run: str, experiment: FakeExperiment) -> None:
        for number in range(2000):
            experiment.log.insert(10_000 + number, 0, {"l2": 0.0})

    few, lots = live(4.0, turns(60, 50)), live(4.0, turns(60, 50), tune=many)
    told = [[(at, len(dumps(message))) for at, message in day.messages("changed")] for day in (few, lots)]
    assert told[0] == told[1]
    assert len(told[0]) == 60


def test_a_small_run_says_every_change_at_once() -> None:
    day = live(4.0, turns(60, 50))
    assert [message["reason"] for _, message in day.messages("changed")] == ["set", "follow", "ensemble"] * 20


def test_a_new_start_is_told_at_once_and_nothing_of_the_old_one_after_it() -> None:
    day = live(4.0, [*turns(3, 50), (1.05, {"op": "reset"})], runs=MANY)
    assert [message["reason"] for _, message in day.messages("changed")] == ["set", "reset"]
    assert day.messages("changed")[-1][0] - 1001.05 < 0.05


def test_who_follows_one_example_after_the_other_is_shown_the_first_at_once_and_then_the_last() -> None:
    flood = [(1 + number / 100, {"op": "follow", "example": number}) for number in range(60)]
    day = live(4.0, flood)
    shown = [(at - 1001, int(frame.tensors["example"][0])) for at, frame in day.frames("graph")[1:]]
    assert len(day.messages("reply")) == 60
    assert 5 <= len(shown) <= 7, "ten times a second"
    assert shown[0][0] < 0.02
    assert shown[-1][1] == day.experiments["r"].followed[1] == 59
