from __future__ import annotations

from typing import Any

import pytest

from tests.trainer.worker.fakes import FakeExperiment, live
from trainer.worker.session import Session


def to(run: str, **command: Any) -> dict[str, Any]:
    return {"op": "command", "run": run, "ref": 1, "command": command}


def test_runs_at_full_speed_share_the_time_evenly() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.step_s = {"a": 0.0005, "b": 0.001, "c": 0.004}[run]

    runs = {run: {"state": "playing", "steps_per_second": None} for run in "abc"}
    day = live(60.0, [], runs=runs, tune=tune)
    taken = [len(day.steps(run)) * day.experiments[run].step_s for run in "abc"]
    assert min(taken) > 0.8 * max(taken)  # slices are whole steps: 15 ms holds three of 4 ms, and 12 / 15 = 0.8
    assert sum(taken) > 0.8 * 60


def test_a_slow_run_keeps_its_speed_beside_one_at_full_speed() -> None:
    runs: dict[str, Any] = {
        "fast": {"state": "playing", "steps_per_second": None},
        "r": {"state": "playing", "steps_per_second": 20},
    }
    day = live(30.0, [], runs=runs)
    assert 30 * 20 - 2 <= len(day.steps("r")) <= 30 * 20 + 1


def test_a_command_waits_for_one_piece_of_work_and_its_answer_for_none() -> None:
    """At full speed a slice takes 12 ms (three steps) and then a bite of the ensemble up to 10: never one after the
    other, and the answer leaves before the next slice.
    """

    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.step_s, experiment.member_s = 0.004, 0.002

    at = [1 + 0.0237 * index for index in range(200)]
    script = [(moment, to("r", op="speed", steps_per_second=None)) for moment in at]
    day = live(7.0, script, runs={"r": {"state": "playing", "steps_per_second": None}}, tune=tune)
    start = day.messages("opened")[0][0]
    waits = [said - start - moment for (said, _), moment in zip(day.messages("reply"), at, strict=True)]
    assert day.frames("ensemble")  # so that there were bites
    assert max(waits) < 0.0125
    assert max(waits) > 0.009  # a wait that could not be long would show nothing


def test_a_run_that_is_opened_anew_between_a_slice_and_a_bite_stays_the_new_one() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.step_s = 0.015

    opening: dict[str, Any] = {"state": "playing", "steps_per_second": None}
    script: list[tuple[float, dict[str, Any]]] = [
        (1.0, {"op": "close", "run": "r"}),
        (1.0, {"op": "open", "run": "r", **opening}),
    ]
    day = live(2.0, script, runs={"r": opening}, tune=tune)
    steps = day.steps()
    again = steps.index(1, 1)
    assert steps[again:] == list(range(1, len(steps) - again + 1))


def test_a_run_that_fails_is_closed_and_the_others_go_on() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.fails_at = 50 if run == "bad" else None

    runs = {run: {"state": "playing"} for run in ("bad", "good")}
    day = live(5.0, [(4.0, to("bad", op="play"))], runs=runs, tune=tune)
    ((_, failed),) = day.messages("failed", "bad")
    assert failed["error"] == {"code": "internal", "message": "ArithmeticError: the fake was told to fail"}
    assert day.messages("reply", "bad")[0][1]["error"]["code"] == "not_found"
    assert day.messages("failed", "good") == []
    assert len(day.steps("good")) >= 5 * 100 - 4
    assert max(day.steps("bad")) < 50


@pytest.mark.parametrize("method", ["due_at", "extra_due_at", "work", "watch", "command", "close"])
def test_whatever_fails_of_one_run_the_worker_and_the_other_runs_go_on(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(Session, method)

    def broken(self: Session, *arguments: Any) -> Any:
        if self.run == "bad":
            raise ArithmeticError("the test told it to fail")
        return real(self, *arguments)

    monkeypatch.setattr(Session, method, broken)
    runs = {run: {"state": "playing"} for run in ("bad", "good")}
    script: list[tuple[float, dict[str, Any]]] = [
        (1.0, {"op": "watch", "run": "bad", "viewers": 1}),
        (1.0, to("bad", op="play")),
        (2.0, {"op": "close", "run": "bad"}),
        (2.5, to("good", op="play")),
    ]
    day = live(5.0, script, runs=runs)
    assert [message["error"]["code"] for _, message in day.messages("failed", "bad")] == ["internal"] * (
        method != "close"
    )
    assert day.messages("failed", "good") == []
    assert len(day.messages("reply", "good")) == 1
    assert len(day.steps("good")) >= 5 * 100 - 4
    assert max(at for at, each in day.said if not isinstance(each, dict) and each.run == "bad") <= 1002.1


def test_a_run_that_cannot_be_opened_fails_with_the_reason() -> None:
    day = live(2.0, [], runs={"bad": {"config": "bad"}, "good": {}, "odd": {"steps_per_second": 0}})
    error = day.messages("failed", "bad")[0][1]["error"]
    assert (error["code"], error["knob"], error["value"]) == ("bad_value", "config", "'bad'")
    assert day.messages("failed", "odd")[0][1]["error"]["knob"] == "steps_per_second"
    assert day.messages("opened", "bad") == day.messages("opened", "odd") == []
    assert len(day.messages("opened", "good")) == 1


def test_a_loss_that_is_no_number_is_no_failure() -> None:
    day = live(2.0, [(0.5, to("r", op="play"))])  # the fake's losses are NaN
    assert len(day.steps()) > 100
    assert day.messages("failed") == []


def test_a_closed_run_says_nothing_more() -> None:
    day = live(3.0, [(0.5, to("r", op="play")), (1.0, {"op": "close", "run": "r"})])
    assert max(at for at, _ in day.said) <= 1001.02


def test_words_about_runs_that_are_not_here_do_no_harm() -> None:
    script: list[tuple[float, dict[str, Any]]] = [
        (0.5, {"op": "watch", "run": "ghost", "viewers": 1}),
        (0.5, {"op": "close", "run": "ghost"}),
        (0.5, {"op": "sing", "run": "r"}),
        (0.5, {"op": "command", "run": "r", "ref": 5, "command": "play"}),
        (1.0, to("r", op="play")),
    ]
    day = live(3.0, script)
    assert len(day.steps()) > 190
    assert day.messages("reply")[0][1]["error"]["code"] == "bad_message"


def test_an_idle_worker_sleeps_until_it_hears_something() -> None:
    day = live(1_000_000.0, [(999_999.0, to("r", op="step", count=1))])  # it would take hours in turns of 10 µs
    assert day.steps() == [1]
