"""A worker that is told what makes no sense: its runs train on, and nothing of it is an error of its own."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

import numpy as np

from tests.fuzz.mutations import mutated_frame, mutated_json
from tests.fuzz.readers import MESSAGES, saved
from trainer.data.datasets import Sources
from trainer.errors import DropoutLabError
from trainer.settings.config import parse
from trainer.tables.table import Table
from trainer.training.checkpoint import packed, state_of, unpack
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, decode, peek
from trainer.wire.stream import StreamError, pack_message
from trainer.worker.look import evaluation_trace
from trainer.worker.loop import Worker

CONFIG: Final = {
    "dataset": "moons",
    "hidden": [4],
    "train_size": 20,
    "batch_size": 10,
    "lanes": [{"dropout": [0.1, 0.5], "patience": 2}, {"batch_norm": True}],
}
CHANGES: Final = [
    {"step": 2, "lane": 1, "knobs": {"dropout": [0.1, 0.2]}},
    {"step": 3, "knobs": {"learning_rate": 0.01}},
]
OPEN: Final = {
    "op": "open",
    "run": "r",
    "config": CONFIG,
    "state": "paused",
    "steps_per_second": 100,
    "follow": {"lane": 1, "example": 3},
    "experiment": "twin",
    "stop_at": 50,
    "ensemble": {"members": 4, "masks": "per_member"},
    "reach": 2,
    "scored": True,
}
SEARCH: Final = {"input": [0, 0.1], "hidden": [0.5], "learning_rate": [0.01], "steps": 25, "batch": 2, "seed": 1}
SAID: Final = (
    OPEN,
    OPEN | {"search": SEARCH},
    OPEN | {"past": {"step": 3, "first": 1, "count": 2}},
    {"op": "changes", "run": "r", "changes": CHANGES},
    {"op": "watch", "run": "r", "viewers": 1, "views": ["activity", "cost"]},
    {"op": "close", "run": "r"},
    *({"op": "command", "run": "r", "ref": 7, "command": message} for message in MESSAGES),
)


class Ear:
    """The app's end of a line, which reads all that it is told."""

    full = False

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        pack_message(message)
        self.messages.append(message)

    def send_frame(self, frame: bytes) -> None:
        decode(frame)

    def flush(self) -> None:
        """Nothing waits."""

    def exchange(self, wait_s: float | None) -> list[dict[str, Any]]:
        return []


def make(request: Mapping[str, Any]) -> Experiment:
    """Make an experiment as `trainer.worker.__main__` does."""
    table, changes = request.get("table"), request["changes"]
    config, sources = parse(request.get("config")), Sources(Table.decode(table) if table else None)
    experiment = Experiment(config, "cpu", changes=changes, sources=sources)
    if request.get("checkpoint") is not None:
        try:
            experiment.load_state_dict(unpack(state_of(request["checkpoint"])), changes)
        except DropoutLabError:
            return Experiment(config, "cpu", changes=changes, sources=sources)
    return experiment


def small(message: Any) -> bool:
    """Whether a run that is opened so is one that trains in no time: what is large is not what is looked for here."""
    config = message.get("config") if isinstance(message, dict) else None
    lanes = config.get("lanes") if isinstance(config, dict) else None
    return not isinstance(lanes, list) or len(lanes) <= 4


class Trial:
    """A worker with a run, told one thing after the other."""

    def __init__(self) -> None:
        self.ear = Ear()
        self.worker = Worker(self.ear, make, evaluation_trace, pack=packed)

    def try_one(self, number: int) -> None:
        """Say something that was broken, let it work a little, and see that a healthy run can still be opened."""
        rng = Random(f"worker {number}")
        if rng.random() < 0.1:
            words = {"step": "3", "session": "{}"}
            frame = mutated_frame(rng, Frame("checkpoint", "r", 3, {"state": np.frombuffer(saved(), np.uint8)}, words))
            try:
                message: Any = {"op": "checkpoint", "run": peek(frame)[1], "frame": frame}
            except DropoutLabError:
                return
        else:
            message = mutated_json(rng, rng.choice(SAID))
        if not isinstance(message, dict) or not small(message) or message.get("op") == "shutdown":
            return
        try:
            self.worker.receive(message)
        except StreamError as error:
            raise AssertionError(f"{message} was not survived") from error
        for _ in range(2):
            self.worker.turn()
        if number % 20 == 0:
            self.open_anew()

    def open_anew(self) -> None:
        """Open a healthy run in place of what is there, and have it make a step."""
        self.ear.messages.clear()
        for message in ({"op": "close", "run": "r"}, OPEN | {"reach": 0}):
            self.worker.receive(message)
        for _ in range(100):
            self.worker.turn()
            if any(each["op"] == "opened" and each["run"] == "r" for each in self.ear.messages):
                return
        raise AssertionError(f"no run can be opened any more: {self.ear.messages[-3:]}")
