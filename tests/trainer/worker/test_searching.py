"""A run that searches: every candidate trained and judged alike, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MethodType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from tests.trainer.worker.fakes import Clock, FakeExperiment, live
from trainer.errors import KnobError
from trainer.search import lanes_for, parse_search, trials
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, decode
from trainer.worker.look import evaluation_trace
from trainer.worker.pace import Ledger
from trainer.worker.searching import SearchSession, make_search_session
from trainer.worker.session import Accounts, State
from trainer.worker.sharing import Pictures

SEARCH: dict[str, Any] = {
    "input": [0.0, 0.2],
    "hidden": [0.5],
    "learning_rate": [1e-3, 2e-3, 4e-3],
    "batch": 4,
    "steps": 100,
}  # 6 candidates: a batch of 4 and one of 2


class Lanes(FakeExperiment):
    """Judges each lane by its rates and its learning rate: a different loss at every step."""

    def judged(self) -> Any:
        loss = np.array([loss_of(lane.dropout[0], lane.learning_rate or 0, self.step) for lane in self.config.lanes])
        return SimpleNamespace(
            step=self.step, train_loss=loss, val_loss=loss, train_accuracy=1 - loss, val_accuracy=1 - loss
        )


def loss_of(rate: float, learning_rate: float, step: int) -> float:
    return rate + 100 * learning_rate + step / 1000


@dataclass
class Desk:
    """A search on a worker of its own, and what it said."""

    request: Mapping[str, Any]
    real: bool = False
    clock: Clock = field(default_factory=Clock)
    said: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = self.clock.now
        self.session: SearchSession = make_search_session(
            "r",
            {"op": "open", "run": "r", "config": {"hidden": [9]}, **self.request},
            self.make,
            self,
            self.clock,
            Accounts(Ledger(0.2, now), Ledger(0.1, now), Pictures(now)),
            evaluation_trace if self.real else lambda experiment: cast(Any, experiment).look(experiment.step),
        )
        self.session.open(self.request)

    def make(self, request: Mapping[str, Any]) -> Experiment:
        if self.real:
            return Experiment(parse(request["config"]), "cpu")
        return cast(Experiment, Lanes(self.clock, request["config"]))

    def send(self, message: dict[str, Any]) -> None:
        self.said.append(message)

    def send_frame(self, frame: bytes) -> None:
        self.said.append(decode(frame))

    def command(self, operation: str, **words: Any) -> dict[str, Any]:
        """Give a command; the answer."""
        self.session.command(7, {"op": operation, **words})
        return next(each for each in reversed(self.said) if isinstance(each, dict) and each["op"] == "reply")

    def train(self, turns: int = 100_000) -> None:
        """Train until it stands still, or for so many slices."""
        for _ in range(turns):
            due = self.session.due_at(self.clock.now)
            if due == float("inf"):
                return
            self.clock.now = max(self.clock.now, due)
            self.session.train()
        assert turns < 100_000, "it never stood still"

    def changed(self) -> list[tuple[str, int]]:
        """Reasons, each with how many candidates were done."""
        told = [each for each in self.said if isinstance(each, dict) and each["op"] == "changed"]
        return [(each["reason"], each["state"]["search"]["done"]) for each in told]

    @property
    def state(self) -> dict[str, Any]:
        """The state that was told last."""
        found: dict[str, Any] = [each for each in self.said if isinstance(each, dict) and "state" in each][-1]["state"]
        return found

    @property
    def search(self) -> dict[str, Any]:
        found: dict[str, Any] = self.state["search"]
        return found


def expected(steps: int = 100) -> list[dict[str, Any]]:
    """What must come of the candidates of `SEARCH`."""
    results = []
    for number, trial in enumerate(trials(parse_search(SEARCH, parse({})).config)):
        losses = [loss_of(trial.input, trial.learning_rate, step) for step in range(25, steps + 1, 25)]
        final = sum(losses[-3:]) / len(losses[-3:])
        results.append(
            {
                "trial": number,
                "val_loss": pytest.approx(final, abs=1e-6),
                "val_accuracy": pytest.approx(1 - final, abs=1e-6),
                "best_val_loss": pytest.approx(losses[0], abs=1e-6),
                "best_step": 25,
            }
        )
    return results


def test_one_batch_follows_another_and_then_it_stands_still() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    desk.train()
    assert desk.changed() == [("batch", 4), ("pause", 6)]
    assert desk.search["results"] == expected()
    assert desk.search["best"] == 0
    assert (desk.state["state"], desk.state["step"]) == ("paused", 100)


@pytest.mark.parametrize("rate", [20, 100, 333.3, None])
def test_results_do_not_depend_on_the_pace(rate: float | None) -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": rate})
    desk.train()
    assert desk.search["results"] == expected()


def test_the_lanes_of_a_batch_are_its_candidates() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    opened = desk.state
    assert [lane["name"] for lane in opened["config"]["lanes"]] == [
        "in 0, hid .5, lr 1e-3",
        "in 0, hid .5, lr 2e-3",
        "in 0, hid .5, lr 4e-3",
        "in .2, hid .5, lr 1e-3",
    ]
    desk.train()
    assert [lane["learning_rate"] for lane in desk.state["config"]["lanes"]] == [2e-3, 4e-3]
    assert desk.state["first_config"] == desk.state["config"]


def test_frames_of_a_batch_never_follow_the_beginning_of_the_next() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    desk.train()
    places = [isinstance(each, dict) and each.get("reason") == "batch" for each in desk.said]
    before, after = desk.said[: places.index(True)], desk.said[places.index(True) + 1 :]
    for part, lanes in ((before, 4), (after, 2)):
        steps = [int(step) for each in part if is_frame(each, "steps") for step in each.tensors["step"]]
        scores = [each for each in part if is_frame(each, "scores")]
        assert steps == list(range(1, 101))
        assert [int(each.tensors["step"][0]) for each in scores] == [0, 25, 50, 75, 100]
        assert {each.tensors["val_loss"].shape for each in scores} == {(1, lanes)}


def is_frame(each: Any, kind: str) -> bool:
    return isinstance(each, Frame) and each.kind == kind


def test_the_example_that_is_followed_stays_and_the_lane_is_one_that_drops() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    desk.command("follow", lane=3, example=17)
    desk.train()
    assert desk.state["follow"]["example"] == 17
    assert desk.state["follow"]["lane"] < 2


def test_pausing_and_going_on_changes_nothing() -> None:
    desk = Desk({"search": SEARCH, "steps_per_second": None})
    while desk.search["done"] < 6:
        assert "error" not in desk.command("play")
        desk.train(3)
        if desk.session.state is State.PLAYING:  # the one step more that a pause makes falls on every place in time
            desk.command("pause")
        assert desk.session.state is State.PAUSED
    assert desk.search["results"] == expected()


@pytest.mark.parametrize("first", [23, 24, 25, 98, 99])
def test_the_step_that_a_pause_makes_counts_like_any_other(first: int) -> None:
    desk = Desk({"search": SEARCH, "steps_per_second": None})
    desk.command("step", count=first)
    desk.train()
    desk.command("play")
    desk.command("pause")  # at the next step
    assert desk.state["state"] == "paused"
    assert (desk.search["done"], desk.state["step"]) == ((4, 0) if first == 99 else (0, first + 1))
    desk.command("play")
    desk.train()
    assert desk.search["results"] == expected()


def test_single_steps_go_over_into_the_next_batch() -> None:
    desk = Desk({"search": SEARCH})
    desk.command("step", count=150)
    desk.train()
    assert (desk.state["state"], desk.state["step"], desk.search["done"]) == ("paused", 50, 4)
    desk.command("step", count=50)
    desk.train()
    assert (desk.state["state"], desk.state["step"]) == ("paused", 100)
    assert desk.search["results"] == expected()


def test_steps_that_end_with_a_batch_leave_the_next_at_its_beginning() -> None:
    desk = Desk({"search": SEARCH})
    desk.command("step", count=100)
    desk.train()
    assert (desk.state["state"], desk.state["step"], desk.search["done"]) == ("paused", 0, 4)


def test_a_scores_frame_between_two_evaluations_is_none_of_the_result() -> None:
    desk = Desk({"search": SEARCH, "steps_per_second": None})
    desk.command("step", count=90)
    desk.train()
    desk.clock.now += 10
    desk.session.work(idle=True)  # a run that stands still shows how good it is where it stands
    assert [int(each.tensors["step"][0]) for each in desk.said if is_frame(each, "scores")][-1] == 90
    desk.command("play")
    desk.train()
    assert desk.search["results"] == expected()


@pytest.mark.parametrize("steps", [25, 50, 75])
def test_a_short_search_has_fewer_evaluations(steps: int) -> None:
    desk = Desk({"search": {**SEARCH, "steps": steps}, "state": "playing", "steps_per_second": None})
    desk.train()
    assert desk.search["results"] == expected(steps)


def test_when_it_is_over_it_says_so_and_does_not_go_on() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    desk.train()
    for operation in ("play", "step"):
        error = desk.command(operation)["error"]
        assert error["message"] == "the search is over, all 6 candidates were trained: reset starts it again"
        assert desk.session.state is State.PAUSED


def test_reset_starts_it_again() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    desk.train()
    del desk.said[:]
    assert "error" not in desk.command("reset")
    assert desk.changed() == [("reset", 0)]
    assert (desk.state["step"], len(desk.state["config"]["lanes"]), desk.search["results"]) == (0, 4, [])
    desk.command("play")
    desk.train()
    assert desk.search["results"] == expected()


def test_reset_in_the_middle_of_a_batch_forgets_it() -> None:
    desk = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    desk.train(4)
    assert {each.kind for each in desk.said if isinstance(each, Frame)} >= {"steps"}
    assert desk.changed() == []
    desk.command("reset")
    assert desk.session.state is State.PLAYING
    desk.train()
    assert desk.search["results"] == expected()


@pytest.mark.parametrize(("lane", "knobs"), [(1, {"batch_norm": True}), (None, {"learning_rate": 0.1}), (0, None)])
def test_no_knob_of_a_search_can_be_turned(lane: int | None, knobs: Any) -> None:
    desk = Desk({"search": SEARCH})
    before, told = desk.state["config"], len(desk.said)
    error = desk.command("set", lane=lane, knobs=knobs)["error"]
    assert error["code"] == "bad_value"
    assert error["message"].endswith("it must be left alone: a search turns the knobs itself")
    desk.command("step", count=1)
    desk.train()
    assert desk.state["config"] == before
    news = [each for each in desk.said[told:] if isinstance(each, dict) and each["op"] == "changed"]
    assert [(each["reason"], each["changes"]) for each in news] == [("pause", "[]")]


def test_a_search_goes_on_behind_its_last_whole_batch() -> None:
    first = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    while first.search["done"] == 0:
        first.train(1)
    first.train(5)  # what was trained of the second batch is lost with its worker
    kept = {name: first.state[name] for name in ("state", "steps_per_second", "follow", "search", "stop_at")}
    again = Desk({**kept, "config": first.state["first_config"]})
    assert (again.search["done"], again.state["step"], again.state["state"]) == (4, 0, "playing")
    again.train()
    assert again.search["results"] == expected()


def test_a_search_that_was_over_is_over_wherever_it_is_opened() -> None:
    first = Desk({"search": SEARCH, "state": "playing", "steps_per_second": None})
    first.train()
    again = Desk({"search": first.search, "state": "playing", "follow": first.state["follow"]})
    assert again.state["state"] == "paused"
    assert again.search == first.search


def test_a_search_stops_nowhere_but_at_its_end() -> None:
    desk = Desk({"search": SEARCH, "stop_at": 30, "state": "playing", "steps_per_second": None})
    desk.train()
    assert desk.state["stop_at"] is None
    assert desk.search["done"] == 6


def test_a_worker_opens_a_search_and_trains_it_beside_other_runs() -> None:
    def judged(run: str, experiment: FakeExperiment) -> None:
        cast(Any, experiment).judged = MethodType(Lanes.judged, experiment)

    playing = {"state": "playing", "steps_per_second": None}
    day = live(
        3.0, [], runs={"r": {"config": {"hidden": [9]}, "search": SEARCH, **playing}, "other": playing}, tune=judged
    )
    told = [(each["reason"], each["state"]["search"]) for _, each in day.messages("changed")]
    assert [(reason, search["done"]) for reason, search in told] == [("batch", 4), ("pause", 6)]
    assert told[-1][1]["results"] == expected()
    assert day.messages("opened", "other")[0][1]["state"]["search"] is None
    assert len(day.steps("other")) > 200


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(KnobError, match=r"search\.batch"):
        Desk({"search": {**SEARCH, "batch": 0}})


def test_real_candidates_become_what_their_batch_becomes_without_a_search() -> None:
    torch.set_num_threads(1)
    base = {"dataset": "moons", "hidden": [8], "train_size": 40, "batch_size": 20}
    search = {**SEARCH, "steps": 75}
    desk = Desk({"config": base, "search": search, "state": "playing", "steps_per_second": None}, real=True)
    desk.train()
    state = parse_search(search, parse(base))
    for start in (0, 4):
        results = desk.search["results"][start : start + 4]
        batch = Experiment(lanes_for(state.trials[start : start + 4], parse(base)), "cpu")
        losses = []
        for _ in range(3):
            batch.run(25)
            losses.append(batch.evaluate().val_loss.tolist())
        for lane, result in enumerate(results):
            own = [each[lane] for each in losses]
            assert result["val_loss"] == pytest.approx(sum(own) / 3, abs=1e-6)  # it is rounded to six places
            assert result["best_val_loss"] == pytest.approx(min(own), abs=1e-6)
            assert result["best_step"] == 25 * (1 + own.index(min(own)))
