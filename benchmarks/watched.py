"""What it costs to be watched: a worker with many runs, each with a viewer, against their training alone.

``python -m benchmarks.watched``, in one process and without a network: the worker's own loop on a line that takes
everything, and `Experiment.run` over as many runs in turn, by turns. Both are timed by the processor time that they
take, which other programs on the machine do not take from them, and the worker's clock is that time.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import torch

from trainer.settings.config import parse
from trainer.training.checkpoint import packed
from trainer.training.experiment import Experiment
from trainer.wire.frames import decode, peek
from trainer.worker.look import evaluation_trace
from trainer.worker.loop import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOOR: Final = 0.6
CALLS: Final = (2, 3, 4, 5)  # steps in a call of the plain side
SPEED: Final = 100.0  # steps a second that every run asks for


class Spent:
    """A clock that runs only while it is let, by the time that the processor gives to this process.

    Args:
        slower: so many times slower than it is this machine shall seem to be.
    """

    def __init__(self, slower: float = 1.0) -> None:
        self._slower = slower
        self._before = 0.0
        self._began: float | None = None

    def __call__(self) -> float:
        """The time in seconds."""
        running = 0.0 if self._began is None else time.process_time() - self._began
        return 1.0 + (self._before + running) * self._slower

    def go(self) -> None:
        """Let it run."""
        self._began = time.process_time()

    def halt(self) -> float:
        """Stop it; the processor time since it was let, in seconds."""
        assert self._began is not None
        spent = time.process_time() - self._began
        self._before += spent
        self._began = None
        return spent


@dataclass
class Sink:
    """A line to an app that reads at once and says only what it is told to say."""

    to_say: list[dict[str, Any]]
    full: bool = False
    steps: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    failed: list[Any] = field(default_factory=list)

    def send(self, message: dict[str, Any]) -> None:
        """Take a message."""
        if message["op"] == "failed":
            self.failed.append(message["error"])

    def send_frame(self, frame: bytes) -> None:
        """Take a frame."""
        kind, run, _ = peek(frame)
        self.frames[kind] += 1
        if kind == "steps":
            self.steps[run] += len(decode(frame).tensors["step"])

    def flush(self) -> None:
        """Nothing waits."""

    def exchange(self, wait_s: float | None) -> list[dict[str, Any]]:
        """Say what is to be said."""
        said, self.to_say = self.to_say, []
        return said


def a_worker(runs: int, speed: float | None, clock: Spent) -> tuple[Worker, Sink]:
    """A worker with so many default runs that play, each with a viewer."""
    opening: list[dict[str, Any]] = []
    for number in range(runs):
        about = {"config": {"seed": number}, "state": "playing", "steps_per_second": speed}
        opening += [
            {"op": "open", "run": f"r{number}", **about},
            {"op": "watch", "run": f"r{number}", "viewers": 1},
        ]

    def make(request: Mapping[str, Any]) -> Experiment:
        return Experiment(parse(request["config"]), "cpu", changes=request["changes"])

    sink = Sink(opening)
    return Worker(sink, make, evaluation_trace, clock, packed), sink


def plainly(experiments: Sequence[Experiment]) -> Iterator[int]:
    """Train some runs in turn, in calls of a few steps; the steps of each call."""
    for experiment, count in zip(itertools.cycle(experiments), itertools.cycle(CALLS)):
        experiment.run(count)
        yield count


@dataclass(frozen=True)
class Found:
    """What came of a measurement.

    Attributes:
        plain, watched: steps a second of processor time, all runs together, in each round.
        slowest: steps of the slowest run over the mean of all.
        frames: how many frames of each kind a run sent, a second.
    """

    plain: list[float]
    watched: list[float]
    slowest: float
    frames: dict[str, float]

    @property
    def ratio(self) -> float:
        """The median over rounds of what is left."""
        return statistics.median(ours / theirs for theirs, ours in zip(self.plain, self.watched, strict=True))


def measure(runs: int, rounds: int, seconds: float, speed: float | None = SPEED, slower: float = 1.0) -> Found:
    """Let both sides take turns.

    Raises:
        RuntimeError: a run failed.
    """
    clock = Spent(slower)
    worker, sink = a_worker(runs, speed, clock)
    training = plainly([Experiment(parse({"seed": number}), "cpu") for number in range(runs)])

    def serve(for_s: float) -> tuple[int, float]:
        clock.go()
        began, before = clock(), sink.steps.total()
        while clock() - began < for_s * slower:
            worker.live()
        return sink.steps.total() - before, clock.halt()

    def train(for_s: float) -> tuple[int, float]:
        began, made = time.process_time(), 0
        while (spent := time.process_time() - began) < for_s:
            made += next(training)
        return made, spent

    train(seconds)
    while len(sink.steps) < runs and not sink.failed:  # until all are open and on their way
        serve(0.1)
    serve(seconds)
    sink.steps.clear()
    sink.frames.clear()
    plain: list[float] = []
    watched: list[float] = []
    for _ in range(rounds):
        for own, side in ((plain, train), (watched, serve)):
            made, spent = side(seconds)
            own.append(made / spent)
    if sink.failed:
        raise RuntimeError(f"{len(sink.failed)} runs failed: {sink.failed[0]}")
    each = [sink.steps[f"r{number}"] for number in range(runs)]
    frames = {kind: count / runs / (rounds * seconds * slower) for kind, count in sorted(sink.frames.items())}
    return Found(plain, watched, min(each) / statistics.mean(each), frames)


def main() -> None:
    """Print what is left of the speed of runs that are watched."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 5, 20], help="runs on the worker")
    parser.add_argument("--rounds", type=int, default=9, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time of a turn")
    parser.add_argument("--full-speed", action="store_true", help=f"as fast as it goes, not {SPEED:g} steps a second")
    parser.add_argument("--slower", type=float, default=1.0, help="so many times slower this machine shall seem")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread; steps a second of processor time, medians of {options.rounds} turns")
    print(f"{'runs':>4} {'alone':>7} {'watched':>8} {'ratio':>6} {'meant':>6} {'spread':>7} {'slowest':>8}  frames/s")
    for runs in options.runs:
        found = measure(runs, options.rounds, options.seconds, None if options.full_speed else SPEED, options.slower)
        spread = max(found.plain) / min(found.plain)
        frames = ", ".join(f"{kind} {rate:.1f}" for kind, rate in found.frames.items())
        print(
            f"{runs:>4} {statistics.median(found.plain):>7,.0f} {statistics.median(found.watched):>8,.0f} "
            f"{found.ratio:>5.2f}× {FLOOR:>5.1f}× {spread:>6.2f}× {found.slowest:>7.2f}×  {frames}",
            flush=True,
        )


if __name__ == "__main__":
    main()
