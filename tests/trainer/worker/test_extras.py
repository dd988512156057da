from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from tests.trainer.worker.fakes import Clock, FakeExperiment, live
from trainer.settings.config import parse
from trainer.settings.contrast import who_votes
from trainer.worker.extras import Extras
from trainer.worker.pace import Ledger

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment
    from trainer.training.trace import Steps

PLAY: dict[str, Any] = {"op": "play"}
FAST: dict[str, Any] = {"op": "speed", "steps_per_second": None}


def lanes(*rates: tuple[float, float]) -> Any:
    return parse({"hidden": [9], "lanes": [{"dropout": each} for each in rates]})


@pytest.mark.parametrize(
    ("rates", "followed", "expected"),
    [
        ([(0, 0), (0.2, 0.5)], 1, [(1, 1), (0, 1)]),
        ([(0, 0), (0.2, 0.5)], 0, [(0, 1), (1, 1)]),
        ([(0, 0.3), (0, 0), (0.2, 0.5), (0, 0)], 2, [(2, 2), (1, 2)]),
        ([(0, 0), (0, 0), (0, 0.8), (0.2, 0.5)], 1, [(1, 2), (2, 2)]),
        ([(0, 0.3), (0.2, 0.5)], 0, [(0, 0)]),
        ([(0, 0), (0, 0)], 1, [(1, 1)]),
    ],
)
def test_the_contrast_lane_is_the_documented_one(rates: Any, followed: int, expected: Any) -> None:
    assert who_votes(lanes(*rates), followed) == expected


def test_a_lane_that_drops_nothing_but_channels_counts_as_one_with_dropout() -> None:
    given = [{}, {"spatial_dropout": [0, 0.2]}]
    assert who_votes(parse({"network": "cnn", "lanes": given}), 0) == [(0, 1), (1, 1)]


def test_extras_take_a_tenth_of_the_time_at_full_speed() -> None:
    day = live(61.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}})
    spent = day.experiments["r"].extras_s
    before = 2 * 64 * 0.001 + 0.02  # while it was paused, which is free
    # A tenth of 60 seconds, what the ledger had saved, and a debt of at most one boundary.
    assert 5.5 < spent - before <= 6.0 + 0.1 + 0.02 + 1e-9


def test_many_runs_share_one_tenth() -> None:
    runs = {f"r{number}": {"config": {"dataset": "moons"}} for number in range(5)}
    playing = [
        (1.0, {"op": "command", "run": run, "ref": 0, "command": command}) for run in runs for command in (FAST, PLAY)
    ]
    day = live(61.0, playing, runs=runs)
    spent = [experiment.extras_s for experiment in day.experiments.values()]
    assert sum(spent) - 5 * 0.148 <= 6.0 + 0.1 + 0.02 + 1e-9
    assert min(spent) > 0.5 * max(spent)


def test_votes_come_at_most_twice_and_boundaries_four_times_a_second() -> None:
    def cheap(run: str, experiment: FakeExperiment) -> None:
        experiment.member_s = experiment.boundary_s = 1e-5

    day = live(11.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}}, tune=cheap)
    assert 18 <= len(day.frames("ensemble")[1:]) <= 21
    assert 36 <= len(day.frames("boundary")[1:]) <= 41


def test_digits_have_no_boundary() -> None:
    assert live(3.0, [(1.0, PLAY)]).frames("boundary") == []


def test_votes_are_of_one_step_and_in_bites_that_a_command_does_not_notice() -> None:
    def slow(run: str, experiment: FakeExperiment) -> None:
        experiment.member_s = 0.002

    commands = [(1.0 + number * 0.05, {"op": "speed", "steps_per_second": 100 + number}) for number in range(100)]
    day = live(7.0, [(0.9, PLAY), *commands], tune=slow)
    waited = [at - (1000.0 + asked) for (at, _), (asked, _) in zip(day.messages("reply")[1:], commands, strict=True)]
    # A slice of 15 steps of 1 ms, scores of 2 ms, and a bite of at most 5 members of 2 ms.
    assert max(waited) < 0.015 + 0.002 + 0.010 + 0.001


def test_votes_of_what_is_not_followed_any_more_are_not_sent() -> None:
    # The votes of step 0 take 128 ms; in their midst another example is chosen.
    day = live(2.0, [(0.05, {"op": "follow", "example": 5})])
    assert [frame.tensors["example"].tolist() for _, frame in day.frames("ensemble")] == [[5]]


def test_a_dear_boundary_does_not_keep_the_votes_from_being_counted() -> None:
    def dear(run: str, experiment: FakeExperiment) -> None:
        experiment.boundary_s = 0.05  # two a second would use up the tenth

    day = live(61.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}}, tune=dear)
    # Six seconds to share: votes of 2 · 64 sub-networks take 0.128 of them, and get half.
    assert len(day.frames("ensemble")[1:]) >= 3.0 / 0.128 - 2
    assert len(day.frames("boundary")[1:]) >= 3.0 / 0.05 - 2


def test_time_that_nobody_would_have_trained_in_is_cheaper() -> None:
    playing = live(61.0, [(1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}})
    at_full_speed = live(61.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}})
    assert playing.experiments["r"].extras_s > 1.5 * at_full_speed.experiments["r"].extras_s


# ---- views


class Looked:
    """A view that takes ``bites`` bites of ``bite_s`` and finds the step at which it began."""

    interval_s = 1.0

    def __init__(self, view: str, experiment: FakeExperiment, bites: int = 3, bite_s: float = 0.004) -> None:
        self.view, self.experiment, self.bites, self.bite_s = view, experiment, bites, bite_s
        self.settled = True
        self.steps = 0

    def saw(self, steps: Any) -> None:
        self.steps += len(steps.step)

    def look(self) -> Any:
        step = self.experiment.step
        for _ in range(self.bites):
            self.experiment._take(self.bite_s)
            yield
        return {"step": np.array([step], np.uint32)}


class Stage:
    """Extras on a clock of their own, and what they sent."""

    def __init__(self, config: Mapping[str, Any] | None = None, bite_s: float = 0.004) -> None:
        self.clock = Clock()
        self.experiment = FakeExperiment(self.clock, config)
        self.sent: list[tuple[str, int]] = []
        self.made: list[Looked] = []
        self.bites: list[float] = []

        def make(view: str, experiment: Any) -> Any:
            self.made.append(Looked(view, experiment, bite_s=bite_s))
            return self.made[-1]

        def emit(kind: str, tensors: Mapping[str, Any], **words: str) -> None:
            self.sent.append((kind, int(tensors["step"][0])))

        ledger = Ledger(1.0, self.clock.now)
        self.told: list[dict[str, str]] = []  # why what could not be made, each time that it was told
        self.extras = Extras(cast("Experiment", self.experiment), emit, ledger, self.clock, make, self._hear)

    def _hear(self) -> None:
        self.told.append({kind: why["message"] for kind, why in self.extras.failed.items()})

    def live(self, seconds: float) -> Counter[str]:
        """Work as long as there is something to do; how often each kind was sent."""
        before, end = len(self.sent), self.clock.now + seconds
        while (due := self.extras.due_at(self.clock.now, True)) < end:
            self.clock.now = max(self.clock.now, due)
            began = self.clock.now
            self.extras.work(self.clock.now, True)
            self.bites.append(self.clock.now - began)
        self.clock.now = end
        return Counter(kind for kind, _ in self.sent[before:])


def test_only_views_that_are_open_are_made() -> None:
    stage = Stage()
    assert stage.live(3.0)["activity"] == 0
    stage.extras.show(["activity"])
    assert stage.live(3.0)["activity"] == 1  # the run stands still: there is nothing new to see
    stage.experiment.step = 5
    assert stage.live(3.0) == {"activity": 1, "ensemble": 1}
    stage.extras.show([])
    stage.experiment.step = 6
    assert stage.live(3.0) == {"ensemble": 1}


def test_a_view_that_means_nothing_for_this_run_is_not_made() -> None:
    stage = Stage()
    stage.extras.show(["variance", "subnetworks", "separate", "damage"])
    assert set(stage.live(3.0)) == {"ensemble", "damage"}


def test_a_view_that_begins_to_mean_something_is_made_from_then_on() -> None:
    stage = Stage()
    stage.extras.show(["variance"])
    stage.experiment.move({"batch_norm": True}, 0)
    stage.extras.renew()
    assert stage.live(3.0)["variance"] == 1


def test_a_view_that_is_not_settled_is_looked_at_again() -> None:
    stage = Stage()
    stage.extras.show(["features"])
    stage.live(0.5)
    next(each for each in stage.made if each.view == "features").settled = False
    assert 8 <= stage.live(10.0)["features"] <= 11


def test_many_open_views_share_the_time_and_none_starves() -> None:
    stage = Stage()
    views = ["activity", "correlation", "damage", "gradient", "forgotten", "cost", "features"]
    stage.extras.show(views)
    counts: Counter[str] = Counter()
    for step in range(1, 201):
        stage.experiment.step = step
        counts += stage.live(0.1)
    assert min(counts[view] for view in views) >= 0.8 * max(counts[view] for view in views) > 10


def test_bites_of_views_are_no_longer_than_those_of_votes() -> None:
    stage = Stage(bite_s=0.003)
    stage.extras.show(["activity", "damage"])
    stage.live(3.0)
    assert max(stage.bites) <= 0.010 + 1e-9


def test_the_view_that_counts_sees_every_step_whether_it_is_open_or_not() -> None:
    stage = Stage()
    for count in (3, 4):
        stage.extras.saw(stage.experiment.run(count))
    stage.extras.show(["visits", "activity"])
    stage.extras.saw(stage.experiment.run(5))
    assert [(each.view, each.steps) for each in stage.made] == [("visits", 12), ("activity", 5)]


def test_after_a_reset_all_views_are_new() -> None:
    stage = Stage()
    stage.extras.show(["activity"])
    stage.live(2.0)
    stage.extras.restart()
    assert stage.live(2.0)["activity"] == 1
    assert [each.view for each in stage.made] == ["visits", "activity", "visits", "activity"]


def test_a_view_that_cannot_be_made_is_left_alone_until_something_changes_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage()
    stage.extras.show(["activity", "damage"])
    broken = next(each for each in stage.made if each.view == "activity")

    whole, fails = broken.look, True

    def look() -> Any:
        if fails:
            raise FloatingPointError("the fake was told to fail")
        return (yield from whole())

    broken.look = look  # type: ignore[method-assign]
    del stage.extras._makings["activity"]  # as it was before the view was told to fail
    stage.extras.show(["activity", "damage"])
    for _ in range(4):
        stage.experiment.step += 1
        sent = stage.live(3.0)
        assert sent["activity"] == 0
        assert sent["damage"] >= 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]  # once, not at every step
    assert "activity cannot be made" in caplog.text
    why = {"activity": "FloatingPointError: the fake was told to fail"}
    assert stage.told == [why]
    stage.extras.renew()
    stage.live(3.0)
    assert stage.told == [why], "it is told once"
    fails = False
    stage.extras.renew()
    assert set(stage.extras.failed) == {"activity"}, "until it is made"
    assert stage.live(3.0)["activity"] == 1
    assert stage.told == [why, {}]


def test_a_view_that_cannot_even_be_begun_is_told_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    make, fails = stage.extras._make, True

    def fail(view: str, experiment: Any) -> Any:
        if fails and view == "activity":
            raise FloatingPointError("the fake was told to fail")
        return make(view, experiment)

    stage.extras._make = fail
    stage.extras.show(["activity", "damage"])
    assert stage.live(3.0) == {"damage": 1, "ensemble": 1}
    assert stage.told == [{"activity": "FloatingPointError: the fake was told to fail"}]
    assert "activity cannot be made" in caplog.text
    fails = False
    stage.extras.renew()
    assert stage.live(3.0)["activity"] == 1
    assert stage.told[1:] == [{}]


def test_a_view_that_nobody_has_open_any_more_or_that_begins_anew_is_not_said_to_fail() -> None:
    stage = Stage()
    ends: list[Callable[[], None]] = [lambda: stage.extras.show([]), stage.extras.restart]
    for end in ends:
        stage.extras.show(["damage"])
        stage.extras._fail("damage", FloatingPointError("the fake was told to fail"))
        assert set(stage.extras.failed) == {"damage"}
        end()
        assert stage.extras.failed == {}


def test_votes_that_cannot_be_counted_are_told_in_the_state_of_the_run() -> None:
    def fails(run: str, experiment: FakeExperiment) -> None:
        def begin(*given: Any, **more: Any) -> Any:
            raise FloatingPointError("the fake was told to fail")

        experiment.begin_subnetworks = begin  # type: ignore[method-assign]

    day = live(2.0, [(1.0, PLAY)], tune=fails)
    told = [message["state"]["failed_views"] for _, message in day.messages("changed") if message["reason"] == "views"]
    assert [{kind: why["code"] for kind, why in each.items()} for each in told] == [{"ensemble": "internal"}]
    assert day.messages("opened")[0][1]["state"]["failed_views"] == {}
    assert day.steps()[-1] > 50, "the run goes on"


def test_a_view_that_cannot_count_is_given_up_alone(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    stage.extras.show(["activity"])
    counting = stage.made[0]
    counting.saw = None  # type: ignore[method-assign, assignment]
    steps = cast("Steps", SimpleNamespace(step=[1, 2]))
    stage.extras.saw(steps)
    stage.extras.saw(steps)
    assert stage.made[1].steps == 4
    assert len(caplog.records) == 1
    assert "visits has lost count" in caplog.text
    assert stage.told == [], "nobody has it open"


def test_a_view_in_the_making_is_finished_when_a_knob_moves_and_then_made_again() -> None:
    stage = Stage(bite_s=0.02)
    stage.live(1.0)
    stage.extras.show(["damage"])
    stage.extras.work(stage.clock.now, True)  # the first of three bites
    stage.extras.renew()
    assert stage.live(3.0) == {"damage": 2, "ensemble": 1}
