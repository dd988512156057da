"""How a worker's time is shared: evenly among runs, whatever a step of theirs costs, and with a budget for pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.trainer.worker.fakes import Day, FakeExperiment, live
from trainer.worker.sharing import PICTURES_SHARE, Pictures, Shares, told

FULL: dict[str, Any] = {"state": "playing", "steps_per_second": None}
USUAL: dict[str, Any] = {"state": "playing", "steps_per_second": 100}
CLASS = {f"run{number}": USUAL for number in range(20)}


def trained_s(day: Day, run: str) -> float:
    """Seconds that a run was trained."""
    experiment = day.experiments[run]
    return sum(count for _, count, _ in experiment.runs) * experiment.step_s


def heavy(run: str, experiment: FakeExperiment) -> None:
    """A step of the run ``heavy`` takes 0.2 s, one of any other run 1 ms, and nothing else takes any time."""
    experiment.step_s = 0.2 if run == "heavy" else 0.001
    experiment.evaluate_s = experiment.member_s = 0.0


def slow(run: str, experiment: FakeExperiment) -> None:
    """A machine on which a step takes 10 ms, and a close look at one 12."""
    experiment.step_s, experiment.trace_s = 0.01, 0.012
    experiment.evaluate_s = experiment.member_s = 0.001


# ---- among runs


def test_a_run_of_heavy_steps_gets_as_much_time_as_each_of_the_others_and_no_more() -> None:
    day = live(20.0, [], runs=dict.fromkeys(("heavy", "a", "b", "c"), FULL), tune=heavy)
    for run in ("heavy", "a", "b", "c"):
        assert trained_s(day, run) == pytest.approx(5.0, rel=0.06), run


def test_usual_runs_beside_a_heavy_one_keep_their_speed() -> None:
    """Three runs at 100 steps a second take 0.3 of the time, less than their share: they lose nothing."""
    day = live(20.0, [], runs={"heavy": FULL, "a": USUAL, "b": USUAL, "c": USUAL}, tune=heavy)
    for run in ("a", "b", "c"):
        assert len(day.steps(run)) > 0.85 * 2000, "what a step of 0.2 s keeps waiting is made up for"


def test_a_run_that_nobody_watches_gets_a_quarter_of_what_one_gets_that_is_watched() -> None:
    script = [(0.0, {"op": "watch", "run": "alone", "viewers": 0})]
    day = live(20.0, script, runs={"seen": FULL, "alone": FULL}, tune=heavy)
    assert trained_s(day, "alone") == pytest.approx(trained_s(day, "seen") / 4, rel=0.06)


def test_a_run_that_was_served_while_the_machine_stood_still_does_not_pay_for_it() -> None:
    """Twenty runs share a second in 50 ms each: who had a second more on the account would wait for twenty."""

    def stopped(run: str, experiment: FakeExperiment) -> None:
        experiment.evaluate_s = experiment.member_s = 0.0
        experiment.stands_still = (200, 7.0) if run == "run7" else None

    day = live(20.0, [], runs=dict.fromkeys(CLASS, FULL), tune=stopped)
    made = {run: len(day.steps(run)) for run in CLASS}
    assert min(made.values()) > 0.9 * max(made.values())


def test_who_rested_begins_level_and_gets_nothing_for_what_it_did_not_want() -> None:
    script = [(10.0, {"op": "command", "run": "late", "ref": 1, "command": {"op": "play"}})]
    day = live(20.0, script, runs={"early": FULL, "late": {"steps_per_second": None}}, tune=heavy)
    assert trained_s(day, "late") == pytest.approx(5.0, rel=0.06)


def test_a_run_that_was_served_while_the_machine_stood_still_is_not_made_to_wait_for_that() -> None:
    """A slice of the run ``a``, with a picture in it, takes 600 s: a laptop was closed."""

    def tune(run: str, experiment: FakeExperiment) -> None:
        slow(run, experiment)
        run_steps = experiment.run

        def run_once(count: int, trace: bool = False, settle: bool = True, patient: bool = False) -> Any:
            if run == "a" and trace and experiment.step > 200:
                experiment.clock.now += 600.0
                experiment.run = run_steps  # type: ignore[method-assign]
            return run_steps(count, trace, settle, patient)

        experiment.run = run_once  # type: ignore[method-assign]

    day = live(660.0, [], runs=dict.fromkeys("abcd", FULL), tune=tune)
    late = [at - 1000.0 for at, _ in day.frames("steps", "a") if at - 1000.0 > 600.0]
    assert max(after - before for before, after in pairwise(late)) < 5.0
    seen = [at for at in graphs(day, "a") if at > 1615.0]
    assert len(seen) > 10


def test_the_next_is_who_has_had_least_and_of_equal_ones_who_was_served_longest_ago() -> None:
    shares = Shares()
    for run, seconds in (("a", 0.3), ("b", 0.1), ("c", 0.1)):
        shares.begin(run)
        shares.spend(run, seconds)
    assert min("abc", key=shares.rank) == "b"
    shares.begin("b")
    shares.spend("b", 0.1, price=4.0)
    assert sorted("abcd", key=shares.rank) == ["d", "c", "a", "b"], "d is new and begins level with who is served"
    shares.forget("b")
    assert shares.rank("b") == shares.rank("d")


# ---- slices


def test_in_a_crowd_a_slice_has_several_steps_also_where_fifteen_milliseconds_have_one() -> None:
    day = live(30.0, [], runs=CLASS, tune=slow)
    counts = [count for experiment in day.experiments.values() for _, count, _ in experiment.runs[5:]]
    assert sum(counts) / len(counts) > 5
    assert max(counts) <= 8, "of 80 ms at most: a command waits for one"
    alone = live(10.0, [], runs={"r": USUAL}, tune=slow)
    assert {count for _, count, _ in alone.experiments["r"].runs} == {1}


def test_in_a_crowd_most_of_the_time_goes_to_training() -> None:
    day = live(30.0, [], runs=CLASS, tune=slow)
    each = [trained_s(day, run) for run in CLASS]
    assert sum(each) > 0.75 * 30.0
    assert min(each) > 0.8 * sum(each) / len(each)


def test_in_a_crowd_votes_and_scores_have_a_twentieth_of_the_time_each() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        slow(run, experiment)
        experiment.evaluate_s, experiment.member_s = 0.08, 0.005

    day = live(60.0, [], runs=CLASS, tune=tune)
    votes = sum(each.extras_s for each in day.experiments.values())
    scores = 0.08 * sum(len(day.frames("scores", run)) for run in CLASS)
    assert 0.03 * 60 < votes < 0.06 * 60
    assert 0.01 * 60 < scores - 20 * 0.08 < 0.06 * 60, "those of the beginning apart"


# ---- pictures


def graphs(day: Day, run: str) -> list[float]:
    """When the graphs of training passes came."""
    return [at for at, frame in day.frames("graph", run) if frame.meta["pass"] == "training"]


def test_the_pictures_of_many_runs_take_their_share_of_the_time_and_every_run_has_its_part() -> None:
    day = live(60.0, [], runs=CLASS, tune=slow)
    traced = [sum(trace for _, _, trace in each.runs) for each in day.experiments.values()]
    assert 0.5 * PICTURES_SHARE < sum(traced) * 0.012 / 60.0 < 1.25 * PICTURES_SHARE
    shown = [len(graphs(day, run)) for run in CLASS]
    assert min(shown) > 0.5 * sum(shown) / len(shown)


def test_who_is_alone_has_pictures_as_always() -> None:
    day = live(10.0, [], runs={"r": USUAL}, tune=lambda run, experiment: setattr(experiment, "trace_s", 0.002))
    assert len(graphs(day, "r")) > 60
    assert all(message["reason"] != "pictures" for _, message in day.messages("changed"))


def test_that_pictures_are_fewer_is_told_once_and_that_they_are_not_any_more_too() -> None:
    close = [(30.0, {"op": "close", "run": run}) for run in list(CLASS)[1:]]
    day = live(40.0, close, runs=CLASS, tune=slow)
    told = [(at - 1000.0, each["state"]["pictures_s"]) for at, each in day.messages("changed", "run0")]
    assert told[0][1] in (2.0, 5.0, 10.0)
    assert told[-1][0] > 30.0
    assert told[-1][1] is None
    assert len(told) <= 8, "not with every picture"


def test_a_run_that_stands_still_has_no_pictures_to_wait_for() -> None:
    pause = [(30.0, {"op": "command", "run": "run0", "ref": 1, "command": {"op": "pause"}})]
    day = live(31.0, pause, runs=CLASS, tune=slow)
    states = [each["state"]["pictures_s"] for _, each in day.messages("changed", "run0")]
    assert states[-2] is not None
    assert states[-1] is None


def test_a_busy_worker_has_a_share_for_pictures_and_an_idle_one_all_its_time() -> None:
    pictures = Pictures(0.0)
    pictures.runs = 10
    pictures.passed(100.0, 0.0)
    assert pictures.interval(0.002) == pytest.approx(10 * 0.002 / PICTURES_SHARE)
    pictures.passed(200.0, 100.0)
    assert pictures.interval(0.002) == pytest.approx(10 * 0.002)
    pictures.passed(200.0, 0.0)  # no time has passed
    assert pictures.interval(0.002) == pytest.approx(10 * 0.002)


@pytest.mark.parametrize(
    ("interval", "before", "now"),
    [
        (0.1, None, None),
        (0.2, 5.0, None),
        (0.3, 0.5, 0.5),
        (0.4, None, None),
        (0.41, None, 0.5),
        (1.7, None, 2.0),
        (2.4, 2.0, 2.0),
        (2.6, 2.0, 5.0),
        (1.3, 5.0, 5.0),
        (1.2, 5.0, 2.0),
        (999.0, None, 60.0),
    ],
)
def test_what_is_told_of_an_interval_does_not_go_to_and_fro(
    interval: float, before: float | None, now: float | None
) -> None:
    assert told(interval, before) == now
