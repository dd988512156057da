"""Two sides that do the same, measured by turns in one process: what a machine does to one it does to the other."""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch

Run = Callable[[int], object]


class Named(Protocol):
    """A case: what it is called, and the least ratio that it is meant to reach."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def floor(self) -> float:
        """The least ratio meant."""


C = TypeVar("C", bound=Named)


@dataclass(frozen=True)
class Timing:
    """Network-steps a second of both sides, medians over rounds, and the median of the rounds' ratios."""

    plain: float
    lanes: float
    ratio: float


def take_turns(plain: Run, lanes: Run, networks: int, rounds: int, seconds: float) -> Timing:
    """Time two ways to make steps.

    Args:
        plain: makes so many steps the plain way.
        lanes: makes so many steps our way.
        networks: that every step trains.
        rounds: turns that each side takes.
        seconds: how long a turn takes, about.
    """
    speeds = [[networks / each for each in own] for own in times_in_turns((plain, lanes), rounds, seconds)]
    ratios = [ours / theirs for theirs, ours in zip(*speeds, strict=True)]
    return Timing(statistics.median(speeds[0]), statistics.median(speeds[1]), statistics.median(ratios))


def times_in_turns(sides: Sequence[Run], rounds: int, seconds: float) -> list[list[float]]:
    """Time any number of ways to make steps: for each side, seconds for a step in each round.

    Args:
        sides: each makes so many steps, and has made them when it returns.
        rounds: turns that each side takes.
        seconds: how long a turn takes, about.
    """
    counts = [_steps_in(run, seconds) for run in sides]
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for own, run, count in zip(times, sides, counts, strict=True):
            started = time.perf_counter()
            run(count)
            own.append((time.perf_counter() - started) / count)
    return times


def _steps_in(run: Run, seconds: float) -> int:
    """Warm up, and find how many steps take about ``seconds``."""
    run(10)
    started = time.perf_counter()
    run(10)
    return max(3, round(10 * seconds / (time.perf_counter() - started)))


def options(description: str | None) -> argparse.Namespace:
    """What one may choose on the command line: ``rounds``, ``seconds``, ``threads``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a turn takes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    return parser.parse_args()


def print_table(cases: Iterable[C], measure: Callable[[C], Timing], chosen: argparse.Namespace) -> None:
    """Measure every case with every number of threads, and print a line for each."""
    cases = list(cases)
    print(f"torch {torch.__version__}, {platform.machine()}, network-steps a second, median of {chosen.rounds} turns")
    print(f"{'case':<42} {'threads':>7} {'plain':>8} {'lanes':>8} {'ratio':>6} {'meant':>6}")
    for threads in chosen.threads:
        torch.set_num_threads(threads)
        for case in cases:
            print_row(case.name, str(threads), measure(case), f"{case.floor:>5.1f}×")


def print_row(name: str, where: str, timing: Timing, floor: str) -> None:
    """Print what one case came to."""
    figures = f"{timing.plain:>8,.0f} {timing.lanes:>8,.0f} {timing.ratio:>5.2f}× {floor}"
    print(f"{name:<42} {where:>7} {figures}", flush=True)
