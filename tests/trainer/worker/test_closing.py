"""A run that is closed, or fails, gives back what it took at once: on a GPU that is memory others may need."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.trainer.graphs import Trusting
from tests.trainer.worker.fakes import Day, FakeLine
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.worker.look import evaluation_trace
from trainer.worker.loop import Worker

OPEN: dict[str, Any] = {"op": "open", "run": "r", "state": "playing", "steps_per_second": None, "config": {}}
CONFIG: dict[str, Any] = {"hidden": [8], "dataset": "moons", "train_size": 64, "batch_size": 16}


class Lab:
    """A worker that is spoken to by hand, and weak references to the experiments that it was asked for."""

    def __init__(self) -> None:
        self.day = Day()
        self.made: list[weakref.ref[Experiment]] = []
        line = FakeLine(self.day, [(self.day.clock.now + 1e6, {"op": "shutdown"})])
        self.worker = Worker(line, self._make, evaluation_trace, self.day.clock)

    def _make(self, request: Mapping[str, Any]) -> Experiment:
        experiment = Experiment(parse(CONFIG), "cpu", graphs=Trusting())
        self.made.append(weakref.ref(experiment))
        return experiment

    def live(self) -> None:
        """Train, vote, draw and ask for a while."""
        self.worker.receive(OPEN)
        self.worker.receive({"op": "watch", "run": "r", "viewers": 1, "views": ["activity", "gradient", "visits"]})
        self.worker.receive({"op": "command", "run": "r", "ref": 1, "command": {"op": "ask", "x": [[0.0, 0.0]]}})
        for _ in range(12):
            self.day.clock.now += 0.1
            self.worker.turn()


@pytest.fixture
def lab() -> Iterator[Lab]:
    gc.collect()
    gc.disable()
    yield Lab()
    gc.enable()


def test_a_run_that_is_closed_leaves_nothing_to_the_garbage_collector(lab: Lab) -> None:
    lab.live()
    assert lab.day.frames("ensemble") or lab.day.frames("boundary")
    lab.worker.receive({"op": "close", "run": "r"})
    assert [made() for made in lab.made] == [None]


def test_a_run_that_fails_leaves_nothing_either(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.live()

    def fail(self: Experiment, count: int, trace: bool = False) -> Any:
        raise ArithmeticError("told to fail")

    monkeypatch.setattr(Experiment, "run", fail)
    monkeypatch.setattr("trainer.worker.loop._log.error", lambda *given, **more: None)  # pytest keeps what is logged
    lab.day.clock.now += 1
    lab.worker.turn()
    assert [told["run"] for _, told in lab.day.messages("failed")] == ["r"]
    assert [made() for made in lab.made] == [None]


def test_a_run_that_is_begun_anew_lets_go_of_its_networks(lab: Lab) -> None:
    lab.live()
    experiment = lab.made[0]()
    assert experiment is not None
    model = weakref.ref(experiment.model)
    del experiment
    lab.worker.receive({"op": "command", "run": "r", "ref": 2, "command": {"op": "reset"}})
    lab.day.clock.now += 1
    lab.worker.turn()
    assert model() is None
