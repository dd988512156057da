"""When a worker makes checkpoints, and how a run goes on from one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import pytest

from tests.trainer.worker.fakes import Day, FakeExperiment, live
from trainer.wire.frames import Frame, encode
from trainer.worker.loop import SAVING_SHARE
from trainer.worker.session import SAVED_S

PLAY: Final = {"op": "play"}
PAUSE: Final = {"op": "pause"}
OTHER: Final[dict[str, dict[str, Any]]] = {"other": {}}  # keeps the place of the run that is opened later
FAST: Final = {"op": "speed", "steps_per_second": None}


def packing(seconds: float = 0.001) -> Any:
    def pack(experiment: FakeExperiment) -> bytes:
        experiment.clock.now += seconds
        return b"state of %d" % experiment.step

    return pack


def saved(day: Day, run: str = "r") -> list[tuple[float, int]]:
    """When checkpoints came, and of which steps."""
    found = []
    for at, frame in day.frames("checkpoint", run):
        step = int(frame.meta["step"])
        assert frame.tensors["state"].tobytes() == b"state of %d" % step
        found.append((at, step))
    return found


def checkpoint(step: int, session: str = "{}") -> dict[str, Any]:
    frame = Frame("checkpoint", "r", 9, {"state": np.zeros(3, np.uint8)}, {"step": str(step), "session": session})
    return {"op": "checkpoint", "run": "r", "frame": encode(frame)}


def going_on(step: int, **request: Any) -> Day:
    """A day on which the run is opened from a checkpoint; the other one keeps the script's place."""
    opening = {"op": "open", "run": "r", **request}
    return live(3.0, [(0.0, checkpoint(step)), (0.1, opening)], runs={"other": {}}, pack=packing())


@pytest.mark.parametrize("rate", [5, 100, None])
def test_a_run_that_trains_is_saved_again_and_again(rate: float | None) -> None:
    day = live(21.0, [(0.5, {"op": "speed", "steps_per_second": rate}), (1.0, PLAY)], pack=packing())
    times = [at for at, _ in saved(day)]
    # The time begins with the first step that it will hold, and is over behind a slice: of slow steps, two of them.
    most = SAVED_S + (2 / rate if rate else 0.1) + 0.1
    assert len(times) >= 20 / most - 1
    assert all(later - sooner < most for sooner, later in pairwise(times))


def test_all_that_was_trained_until_then_is_sent_before_a_checkpoint() -> None:
    day = live(11.0, [(0.5, FAST), (1.0, PLAY)], pack=packing())
    last = 0
    for _, each in day.said:
        if isinstance(each, Frame) and each.kind == "steps":
            last = int(each.tensors["step"][-1])
        elif isinstance(each, Frame) and each.kind == "checkpoint":
            assert int(each.meta["step"]) == last
    assert last > 0


def test_a_pause_is_saved_at_once_and_once() -> None:
    day = live(9.0, [(1.0, PLAY), (1.5, PAUSE)], pack=packing())
    ((at, step),) = [each for each in saved(day) if each[0] >= 1001.5]
    assert at < 1001.6
    assert step == day.steps()[-1]


def test_nothing_is_saved_of_a_run_that_was_never_trained() -> None:
    assert saved(live(9.0, [], pack=packing())) == []


def test_steps_that_are_made_by_hand_are_saved_when_they_are_made() -> None:
    day = live(9.0, [(1.0, {"op": "step", "count": 3}), (5.0, {"op": "step"})], pack=packing())
    assert [step for _, step in saved(day)] == [3, 4]


def test_checkpoints_take_at_most_their_share_of_the_time() -> None:
    seconds = 0.2
    day = live(61.0, [(0.5, FAST), (1.0, PLAY)], pack=packing(seconds))
    assert len(saved(day)) * seconds <= 60 * SAVING_SHARE + 2 * seconds  # what was earned before, and the last one
    assert len(saved(day)) * seconds >= 60 * SAVING_SHARE - 2 * seconds


def test_what_other_runs_take_is_not_on_the_account_of_checkpoints() -> None:
    def slow_scores(run: str, experiment: FakeExperiment) -> None:
        experiment.evaluate_s, experiment.evaluate_pieces = 0.005, 8

    runs: dict[str, dict[str, Any]] = {f"r{number}": {} for number in range(10)}
    playing = [(1.0, {"op": "command", "run": run, "ref": 0, "command": each}) for run in runs for each in (FAST, PLAY)]
    day = live(61.0, playing, runs=runs, tune=slow_scores, pack=packing())
    for run in runs:
        times = [at for at, _ in saved(day, run)]
        assert all(later - sooner < SAVED_S + 1.0 for sooner, later in pairwise(times))
        assert len(times) > 55 / (SAVED_S + 1.0)


def test_a_run_that_is_too_large_is_not_saved_and_trains_on() -> None:
    day = live(9.0, [(1.0, FAST), (1.0, PLAY)], pack=lambda experiment: None)
    assert saved(day) == []
    assert day.steps()[-1] > 1000


def test_after_a_reset_the_new_start_is_saved_when_it_was_trained() -> None:
    day = live(
        20.0,
        [(1.0, {"op": "step", "count": 5}), (3.0, {"op": "reset"}), (9.0, {"op": "step", "count": 5})],
        pack=packing(),
    )
    assert [step for _, step in saved(day)] == [5, 5]


# ---- going on


def test_a_run_that_plays_goes_on_from_its_checkpoint() -> None:
    day = going_on(40, state="playing", steps_per_second=10)
    assert day.messages("opened")[0][1]["state"]["step"] == 40
    assert day.steps() == list(range(41, 41 + len(day.steps())))
    assert [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")][:1] == [50]


def test_a_run_that_hurries_to_where_it_was_is_evaluated_as_often_as_it_could_have_been_before() -> None:
    def slow(run: str, experiment: FakeExperiment) -> None:
        experiment.evaluate_s = 0.05  # of which no account for scores would pay one every 25 steps

    opening = {"op": "open", "run": "r", "state": "paused", "reach": 250, "scored": True}
    day = live(20.0, [(0.0, checkpoint(40)), (0.1, opening)], runs={"other": {}}, pack=packing(), tune=slow)
    scored = [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")]
    assert scored == list(range(50, 251, 25))


def test_a_run_that_stood_still_stands_still_there_and_shows_it() -> None:
    day = going_on(40, state="paused", reach=40, scored=True)
    assert day.steps() == []
    assert day.frames("scores") == []
    assert [int(frame.tensors["step"][0]) for _, frame in day.frames("graph")] == [40]


def test_what_was_not_evaluated_before_is_evaluated_where_it_stands() -> None:
    day = going_on(40, state="paused", reach=40, scored=False)
    assert [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")] == [40]


def test_a_run_that_stood_further_on_is_trained_up_to_there() -> None:
    day = going_on(40, state="paused", reach=52, scored=True)
    assert day.steps() == list(range(41, 53))
    assert day.messages("changed")[-1][1]["state"]["state"] == "paused"


def test_a_run_that_played_further_on_hurries_there_and_plays_on_at_its_speed() -> None:
    day = going_on(40, state="playing", reach=540, scored=True, steps_per_second=10)
    steps = [(at, int(step)) for at, frame in day.frames("steps") for step in frame.tensors["step"]]
    assert [step for _, step in steps] == list(range(41, 41 + len(steps)))
    arrived = next(at for at, step in steps if step == 540)
    opened = day.messages("opened")[0][0]
    # A fake step takes a millisecond, and an evaluation of 25 steps two: at ten steps a second it would take 50 s.
    assert arrived - opened < 1
    behind = [step for at, step in steps if step > 540]
    assert len(behind) == pytest.approx(10 * (1003.0 - arrived), abs=1)
    assert [each["reason"] for _, each in day.messages("changed")][-1] == "play"


def test_what_counts_from_the_next_step_on_waits_until_it_is_there() -> None:
    moved = {"op": "set", "knobs": {"learning_rate": 0.5}}
    commands = [{"op": "speed", "steps_per_second": 5}, moved, {"op": "step", "count": 3}]
    script = [{"op": "command", "run": "r", "ref": ref, "command": each} for ref, each in enumerate(commands)]
    opening = {"op": "open", "run": "r", "state": "paused", "reach": 340}
    lines = [(0.0, checkpoint(40)), (0.1, opening), *[(0.11, each) for each in script]]
    day = live(3.0, lines, runs={"other": {}}, pack=packing())
    assert day.steps() == list(range(41, 344))
    assert day.experiments["r"].log.changes == [{"step": 341, "knobs": {"learning_rate": 0.5}}]
    assert [(each["ref"], each["step"]) for _, each in day.messages("reply")][1:] == [(1, 341), (2, 341)]
    assert day.messages("reply")[0][1]["step"] < 341, "a speed is the viewer's business, and waits for nothing"


def test_a_pause_meanwhile_is_one_where_it_was_before() -> None:
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 340}
    pause = {"op": "command", "run": "r", "ref": 0, "command": PAUSE}
    day = live(3.0, [(0.0, checkpoint(40)), (0.1, opening), (0.11, pause)], runs={"other": {}}, pack=packing())
    assert day.steps() == list(range(41, 341))
    assert day.messages("changed")[-1][1]["state"]["state"] == "paused"


def test_a_reset_meanwhile_is_not_waited_for() -> None:
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 3400, "steps_per_second": 10}
    reset = {"op": "command", "run": "r", "ref": 0, "command": {"op": "reset"}}
    day = live(3.0, [(0.0, checkpoint(40)), (0.1, opening), (0.5, reset)], runs={"other": {}}, pack=packing())
    again = day.steps().index(1)
    assert max(day.steps()[:again]) < 3400
    assert day.messages("changed")[-1][1]["state"]["state"] == "playing"


def test_a_checkpoint_serves_the_next_opening_and_no_later_one() -> None:
    script = [
        (0.0, checkpoint(40)),
        (0.1, {"op": "open", "run": "r"}),
        (1.0, {"op": "close", "run": "r"}),
        (1.1, {"op": "open", "run": "r"}),
    ]
    day = live(3.0, script, runs={"other": {}}, pack=packing())
    assert [message["state"]["step"] for _, message in day.messages("opened")] == [40, 0]


# ---- handing over


def test_a_run_that_is_handed_over_leaves_its_last_step_behind_and_nothing_follows() -> None:
    leave = {"op": "hand_over", "run": "r"}
    late = {"op": "command", "run": "r", "ref": 9, "command": PAUSE}
    day = live(9.0, [(1.0, PLAY), (5.03, leave), (5.5, late)], pack=packing())
    [(at, told)] = day.messages("handed_over")
    assert at < 1005.1
    assert told == {"op": "handed_over", "run": "r", "step": day.steps()[-1]}
    assert saved(day)[-1][1] == day.steps()[-1]
    before = [each for when, each in day.said if when <= at]
    after = [each for when, each in day.said if when > at]
    assert before[-1] == told
    assert [each["error"]["code"] for each in after if isinstance(each, dict)] == ["not_found"]
    assert not any(isinstance(each, Frame) for each in after)


def test_a_run_that_is_too_large_for_a_checkpoint_is_not_handed_over() -> None:
    day = live(9.0, [(1.0, PLAY), (5.0, {"op": "hand_over", "run": "r"})], pack=lambda experiment: None)
    assert [each["step"] for _, each in day.messages("handed_over")] == [None]
    assert day.steps()[-1] > 700


def test_a_run_that_hurries_to_where_it_was_can_be_handed_over_on_its_way() -> None:
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 4000, "scored": True}
    script = [(0.0, checkpoint(40)), (0.1, opening), (1.0, {"op": "hand_over", "run": "r"})]
    day = live(3.0, script, runs={"other": {}}, pack=packing())
    [(_, told)] = day.messages("handed_over")
    assert 40 < told["step"] == day.steps()[-1] < 4000


def test_a_run_that_has_something_to_bring_to_its_end_is_not_handed_over() -> None:
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 900, "scored": True}
    turn = {"op": "command", "run": "r", "ref": 3, "command": {"op": "set", "lane": 0, "knobs": {"l2": 0.01}}}
    leave = {"op": "hand_over", "run": "r"}
    day = live(5.0, [(0.0, checkpoint(40)), (0.1, opening), (0.2, turn), (0.3, leave)], runs=OTHER, pack=packing())
    assert [each["why"] for _, each in day.messages("handed_over")] == ["bound"]
    assert [each["ref"] for _, each in day.messages("reply") if each["run"] == "r"] == [3]
    day = live(9.0, [(1.0, PLAY), (2.0, {"op": "step", "count": 500}), (2.1, leave)], pack=packing())
    assert [each["why"] for _, each in day.messages("handed_over")] == ["bound"]
    assert len(day.steps()) == day.steps()[-1] < 700


def test_steps_by_hand_are_made_to_their_end_elsewhere() -> None:
    """Of many it is told before they are made where they will end, and a worker that takes over stops there."""
    day = live(3.0, [(1.0, PLAY), (1.5, {"op": "step", "count": 800})], pack=packing())
    told = [each["state"]["steps_to"] for _, each in day.messages("changed")]
    end = day.steps()[-1]
    assert told[-2:] == [end, None]
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 300, "steps_to": 500, "scored": True}
    day = live(5.0, [(0.0, checkpoint(40)), (0.1, opening)], runs=OTHER, pack=packing())
    assert day.steps("r") == list(range(41, 501))
    last = [each for _, each in day.messages("changed") if each["run"] == "r"][-1]
    assert (last["state"]["state"], last["state"]["steps_to"]) == ("paused", None)
    there = {"op": "open", "run": "r", "state": "playing", "steps_to": 40, "scored": True}
    assert live(5.0, [(0.0, checkpoint(40)), (0.1, there)], runs=OTHER, pack=packing()).steps("r") == []


def test_a_pause_while_a_run_hurries_is_told_at_once_with_where_it_will_stand() -> None:
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 4000, "scored": True}
    pause = {"op": "command", "run": "r", "ref": 1, "command": PAUSE}
    day = live(2.0, [(0.0, checkpoint(40)), (0.1, opening), (0.5, pause)], runs=OTHER, pack=packing())
    [(at, told)] = [each for each in day.messages("changed") if each[1]["run"] == "r"]
    assert at < 1000.6
    assert told["state"]["steps_to"] == 4000


def test_while_a_run_hurries_only_what_counts_from_a_step_waits() -> None:
    opening = {"op": "open", "run": "r", "state": "playing", "reach": 4000, "scored": True}
    said = [
        PLAY,
        {"op": "set", "lane": 0, "knobs": {"l2": 0.01}},
        {"op": "step"},
        {"op": "speed", "steps_per_second": 7},
    ]
    said += [PAUSE, {"op": "reset"}]
    script = [
        (0.3 + 0.01 * ref, {"op": "command", "run": "r", "ref": ref, "command": each}) for ref, each in enumerate(said)
    ]
    day = live(2.0, [(0.0, checkpoint(40)), (0.1, opening), *script], runs=OTHER, pack=packing())
    replies = [each["ref"] for _, each in day.messages("reply") if each["run"] == "r"]
    assert replies == [0, 3, 4, 1, 2, 5]
    last = [each for _, each in day.messages("changed") if each["run"] == "r"][-1]
    assert (last["reason"], last["state"]["step"], last["state"]["state"]) == ("reset", 0, "paused")
