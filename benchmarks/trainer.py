"""The trainer against the plain loop, in one process, taking turns: ``python -m benchmarks.trainer``."""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.plain import PlainLoop
from trainer.config import parse
from trainer.experiment import Experiment

RATES = (0.2, 0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Case:
    """A run to be timed: its sizes, its lanes, and the least ratio that it is meant to reach."""

    name: str
    hidden: tuple[int, ...]
    batch_size: int
    lanes: int
    floor: float


CASES = (
    Case("default twin, every mask recorded", (128, 128, 128), 64, 2, 2.0),
    Case("10 lanes of the default network", (128, 128, 128), 64, 10, 4.0),
    Case("16 lanes of 64-128-128-10, mini-batch 32", (128, 128), 32, 16, 6.0),
)


@dataclass(frozen=True)
class Timing:
    """Network-steps a second of both sides, medians over rounds, and the median of the rounds' ratios."""

    plain: float
    lanes: float
    ratio: float


GPU_FLOOR = 10.0  # of 16 lanes on a GPU, where the step is a CUDA graph


def measure(case: Case, rounds: int, seconds: float, device: str = "cpu") -> Timing:
    """Time the plain loop and the experiment by turns; dropout is on in every network of both."""
    rates = RATES[: len(case.hidden) + 1]
    config = parse(
        {
            "hidden": case.hidden,
            "batch_size": case.batch_size,
            "lanes": [{"name": f"lane {index}", "dropout": rates} for index in range(case.lanes)],
        }
    )
    experiment = Experiment(config, device=device)
    data = experiment.data
    x, y = data.train_x.to(experiment.device), data.train_y.to(experiment.device)
    sizes = (data.features, *case.hidden, len(data.classes))
    plain = PlainLoop(x, y, sizes, [rates] * case.lanes, case.batch_size, config.learning_rate)
    sides: tuple[Callable[[int], object], ...] = (plain.run, experiment.run)
    counts = [_steps_in(run, seconds) for run in sides]
    speeds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for own, run, count in zip(speeds, sides, counts, strict=True):
            started = time.perf_counter()
            run(count)
            own.append(count * case.lanes / (time.perf_counter() - started))
    ratios = [ours / theirs for theirs, ours in zip(*speeds, strict=True)]
    return Timing(statistics.median(speeds[0]), statistics.median(speeds[1]), statistics.median(ratios))


def _steps_in(run: Callable[[int], object], seconds: float) -> int:
    """Warm up, and find how many steps take about ``seconds``."""
    run(20)
    started = time.perf_counter()
    run(20)
    return max(5, round(20 * seconds / (time.perf_counter() - started)))


def main() -> None:
    """Print a table of every case with 1 thread and with 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a turn takes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {platform.machine()}, network-steps a second, median of {options.rounds} turns")
    print(f"{'case':<42} {'threads':>7} {'plain':>8} {'lanes':>8} {'ratio':>6} {'meant':>6}")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for case in CASES:
            timing = measure(case, options.rounds, options.seconds)
            print(
                f"{case.name:<42} {threads:>7} {timing.plain:>8,.0f} {timing.lanes:>8,.0f}"
                f" {timing.ratio:>5.2f}× {case.floor:>5.1f}×",
                flush=True,
            )
    if torch.cuda.is_available():
        for case in CASES:
            timing = measure(case, options.rounds, options.seconds, "cuda")
            floor = f"{GPU_FLOOR:>5.1f}×" if case.lanes == 16 else ""
            print(
                f"{case.name:<42} {'GPU':>7} {timing.plain:>8,.0f} {timing.lanes:>8,.0f} {timing.ratio:>5.2f}× {floor}",
                flush=True,
            )
        print(f"GPU: {torch.cuda.get_device_name()}")
    else:
        print("no GPU here: the step as a CUDA graph was not measured")


if __name__ == "__main__":
    main()
