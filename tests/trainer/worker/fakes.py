"""A run whose time is told by hand, and a worker's day with it.

Nothing here trains or sleeps: a step takes as long as the test says, on a clock that the fakes move themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import torch

from trainer.errors import KnobError
from trainer.settings.changes import ChangeLog
from trainer.settings.config import parse
from trainer.wire.frames import Frame, decode
from trainer.worker.loop import Worker

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

LAYERS: Final = {"input": 64, "hidden1": 9}
TURN_S: Final = 1e-5  # what a turn of the loop costs beside the work


class Clock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stood_s = 0.0  # for how long the machine stood still meanwhile

    def __call__(self) -> float:
        return self.now

    def worked(self) -> float:
        """The time without that in which the machine stood still."""
        return self.now - self.stood_s

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which nothing works."""
        self.now += seconds
        self.stood_s += seconds


class FakeExperiment:
    """Answers like `trainer.Experiment`, at once by the wall clock, in ``step_s`` a step by the fake one.

    The followed example is in every fourth mini-batch.
    """

    def __init__(self, clock: Clock, config: Mapping[str, Any] | None = None, step_s: float = 0.001) -> None:
        self.clock = clock
        self.step_s = step_s
        self.evaluate_s, self.evaluate_pieces = 0.002, 1  # of each piece, and how many there are
        self.member_s = 0.001
        self.trace_s = 0.0  # what a close look at a step takes
        self.boundary_s = 0.02
        self.fails_at: int | None = None
        self.stands_still: tuple[int, float] | None = None  # at which step the machine does, and for how long
        self.stops_at: int | None = None  # when early stopping freezes lane 0
        self.extras_s = 0.0
        self.runs: list[tuple[int, int, bool]] = []  # first step, count, traced
        self.config = self.first_config = parse({"hidden": [9], **(config or {})})
        self.device = "fake"
        self.followed = (1, 0)
        self.stopped: list[dict[str, Any] | None] = [None] * len(self.config.lanes)
        self.diverges_at: int | None = None  # when lane 0 diverges
        self.diverged: list[dict[str, Any] | None] = [None] * len(self.config.lanes)
        self.layers = [SimpleNamespace(name=name, units=units, shape=(units,)) for name, units in LAYERS.items()]
        plane = self.config.dataset != "digits"
        count = self.config.train_size
        self.data = SimpleNamespace(
            train_x=np.zeros((count, 64)),
            train_y=np.zeros(count, int),
            train_true=np.zeros(count, int),
            val_x=np.zeros((10, 2)),
            val_y=np.zeros(10, int),
            classes=("0", "1"),
            extent=(-1.0, 1.0, -1.0, 1.0) if plane else None,
        )
        self.step = 0
        self.log = ChangeLog()

    def example_at(self, step: int) -> int:
        return self.followed[1] if step % 4 == 0 else 299

    settled = True

    def prepare(self, most: int) -> int:
        for change in self.log.at(self.step + 1):
            config = self.config.with_knobs(change["knobs"], change.get("lane"))
            self.config = self.config if config == self.config else config
        next_at = self.log.next_after(self.step + 1)
        return most if next_at is None else min(most, next_at - self.step - 1)

    def settling(self) -> Iterator[None]:
        yield from ()

    def run(self, count: int, trace: bool = False, settle: bool = True, patient: bool = False) -> Any:
        first = self.step + 1
        trace = trace and not (patient and all(step % 4 for step in range(first, first + count)))
        if self.fails_at is not None and self.fails_at < first + count:
            raise ArithmeticError("the fake was told to fail")
        self.runs.append((first, count, trace))
        self.clock.now += count * self.step_s + (self.trace_s if trace else 0.0)
        if self.stands_still is not None and self.stands_still[0] < first + count:
            self.clock.stand_still(self.stands_still[1])
            self.stands_still = None
        self.step += count
        if self.stops_at is not None and self.step >= self.stops_at:
            self.stopped = [{"step": self.stops_at, "best_step": 25, "best_loss": 0.5}, *self.stopped[1:]]
        if self.diverges_at is not None and self.step >= self.diverges_at:
            self.diverged = [{"step": self.diverges_at, "after": None}, *self.diverged[1:]]
        step = np.arange(first, first + count)
        traced = next((each for each in step[::-1] if each % 4 == 0), step[-1])
        return SimpleNamespace(
            step=step,
            loss=np.full((count, 2), np.nan),
            lane=self.followed[0],
            example=np.array([self.example_at(int(each)) for each in step]),
            kinds=torch.zeros(count, dtype=torch.int64),
            rates=torch.zeros((count, len(LAYERS))),
            group_rates=torch.zeros((count, len(LAYERS))),
            masks={layer: torch.ones((count, units), dtype=torch.bool) for layer, units in LAYERS.items()},
            kept={layer: np.full(count, units) for layer, units in LAYERS.items()},
            trace=self.look(int(traced)) if trace else None,
        )

    def look(self, step: int) -> Any:
        edges = SimpleNamespace(layer=[0], source=[1], target=[2], value=[0.5])
        return SimpleNamespace(
            step=step,
            lane=self.followed[0],
            example=self.example_at(step),
            label=3,
            kind="inverted",
            rates=[0.0] * len(LAYERS),
            group_rates=[0.0] * len(LAYERS),
            masks={layer: np.ones(units, bool) for layer, units in LAYERS.items()},
            kept=LAYERS,
            factors={},
            activations={layer: np.zeros(units) for layer, units in LAYERS.items()},
            scale=[1.0, 2.0],
            probability=[0.5, 0.5],
            edges=edges,
        )

    def move(self, knobs: Mapping[str, Any], lane: int | None = None, settle: bool = True) -> None:
        self.config = self.config.with_knobs(knobs, lane)
        self.log.insert(self.step + 1, lane, knobs)

    def follow(self, lane: int | None = None, example: int | None = None) -> None:
        was_lane, was_example = self.followed
        self.followed = (was_lane if lane is None else lane, was_example if example is None else example)

    def reset(self) -> None:
        self.step = 0
        self.log.clear()

    def evaluate_in_pieces(self) -> Generator[None, None, Any]:
        self.clock.now += self.evaluate_s
        for _ in range(self.evaluate_pieces - 1):
            yield
            self.clock.now += self.evaluate_s
        return self.judged()

    def judged(self) -> Any:
        row = np.zeros(2)
        return SimpleNamespace(step=self.step, train_loss=row, val_loss=row, train_accuracy=row, val_accuracy=row)

    def begin_subnetworks(self, lane: int, members: int, example: int, like: int, masks: str) -> FakeEnsemble:
        return FakeEnsemble(self, lane, members, self.config.lanes[like].dropout)

    def boundary_in_pieces(self, size: int) -> Generator[None, None, Any]:
        self._take(self.boundary_s)
        yield
        return np.full((2, size, size), 0.5)

    def _take(self, seconds: float) -> None:
        self.clock.now += seconds
        self.extras_s += seconds


class FakeEnsemble:
    """Sub-networks that take ``member_s`` each."""

    def __init__(self, experiment: FakeExperiment, lane: int, members: int, rates: tuple[float, ...]) -> None:
        self.experiment, self.lane, self.rates, self.step = experiment, lane, rates, experiment.step
        self.left = self.members = members

    def advance(self, members: int) -> bool:
        done = min(members, self.left)
        self.left -= done
        self.experiment._take(done * self.experiment.member_s)
        return self.left == 0

    def result(self) -> Any:
        each = np.zeros(self.members)
        names = ("accuracy", "average_accuracy", "average_loss", "geometric_accuracy", "geometric_loss")
        return SimpleNamespace(
            step=self.step,
            lane=self.lane,
            rates=self.rates,
            votes=np.zeros((self.members, 2)),
            average_vote=np.zeros(2),
            scaling_vote=np.zeros(2),
            weight_scaling_accuracy=0.5,
            weight_scaling_loss=1.0,
            **dict.fromkeys(names, each),
        )


@dataclass
class Day:
    """What a worker said in one simulated day: messages and frames with their times, in order."""

    clock: Clock = field(default_factory=Clock)
    said: list[tuple[float, dict[str, Any] | Frame]] = field(default_factory=list)
    experiments: dict[str, FakeExperiment] = field(default_factory=dict)

    def frames(self, kind: str, run: str = "r") -> list[tuple[float, Frame]]:
        return [
            (at, each) for at, each in self.said if isinstance(each, Frame) and (each.kind, each.run) == (kind, run)
        ]

    def messages(self, operation: str, run: str = "r") -> list[tuple[float, dict[str, Any]]]:
        return [
            (at, each)
            for at, each in self.said
            if isinstance(each, dict) and (each["op"], each["run"]) == (operation, run)
        ]

    def steps(self, run: str = "r") -> list[int]:
        return [int(step) for _, frame in self.frames("steps", run) for step in frame.tensors["step"]]

    def kinds(self) -> list[str]:
        return [
            each.kind if isinstance(each, Frame) else f"{each['op']} {each.get('reason', '')}".strip()
            for _, each in self.said
        ]


class FakeLine:
    """A stream on which everything comes at a set time, and what is sent has left when it is flushed; waiting moves the
    clock.
    """

    full = False

    def __init__(self, day: Day, script: list[tuple[float, dict[str, Any]]]) -> None:
        self._day = day
        self._script = sorted(script, key=lambda line: line[0])
        self._unsent: list[dict[str, Any] | Frame] = []

    def send(self, message: dict[str, Any]) -> None:
        self._unsent.append(message)

    def send_frame(self, frame: bytes) -> None:
        self._unsent.append(decode(frame))

    def flush(self) -> None:
        self._day.said += [(self._day.clock.now, each) for each in self._unsent]
        self._unsent = []

    def exchange(self, wait_s: float | None) -> list[dict[str, Any]]:
        self.flush()
        clock = self._day.clock
        clock.now += TURN_S
        if clock.now < self._script[0][0]:
            next_at = self._script[0][0]
            clock.now = next_at if wait_s is None else min(next_at, clock.now + wait_s)
        due = [message for at, message in self._script if at <= clock.now]
        del self._script[: len(due)]
        return due


def live(
    seconds: float,
    script: list[tuple[float, dict[str, Any]]],
    *,
    runs: Mapping[str, Mapping[str, Any]] | None = None,
    tune: Callable[[str, FakeExperiment], None] = lambda run, experiment: None,
    pack: Callable[[FakeExperiment], bytes | None] | None = None,
) -> Day:
    """Let a worker live for ``seconds`` on a clock of its own.

    Args:
        seconds: after which it is told to shut down.
        script: (second, message) pairs; a message without ``run`` is a command to run ``r``.
        runs: what is opened at second 0, beside their ``op``; one run ``r`` by default.
        tune: may change each experiment before it begins.
        pack: makes checkpoints; without it there are none.
    """
    day = Day()
    start = day.clock.now
    lines: list[tuple[float, dict[str, Any]]] = []
    for run, request in (runs or {"r": {}}).items():
        lines.append((start, {"op": "changes", "run": run, "changes": request.get("changes", ())}))
        lines.append((start, {"op": "open", "run": run, **request}))
    for number, (at, message) in enumerate(script):
        whole = message if "run" in message else {"op": "command", "run": "r", "ref": number, "command": message}
        lines.append((start + at, whole))
    lines.append((start + seconds, {"op": "shutdown"}))

    def make(request: Mapping[str, Any]) -> Experiment:
        if request.get("config") == "bad":
            raise KnobError("config", "bad", "a good one")
        experiment = FakeExperiment(day.clock, request.get("config"))
        experiment.log = request["changes"]
        if request.get("checkpoint") is not None:
            experiment.step = int(decode(request["checkpoint"]).meta["step"])
        tune(str(request["run"]), experiment)
        day.experiments[str(request["run"])] = experiment
        return cast("Experiment", experiment)

    def look(experiment: Experiment) -> Any:
        fake = cast(FakeExperiment, experiment)
        return fake.look(fake.step)

    packed = None if pack is None else lambda experiment: pack(cast(FakeExperiment, experiment))
    Worker(FakeLine(day, lines), make, look, day.clock, packed, day.clock.worked).serve()
    return day
