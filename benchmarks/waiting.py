"""How threads of a worker wait for one another, on a quiet machine and a busy one: ``python -m benchmarks.waiting``.

OpenMP's threads spin before they sleep (libgomp's ``GOMP_SPINCOUNT``, ``OMP_WAIT_POLICY``). Where others want the
processor, a thread that spins keeps it from the one that it waits for. Each setting trains the same run in a process of
its own, because OpenMP reads its settings when it is loaded; the processes take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

from trainer.settings.config import parse
from trainer.training.experiment import Experiment

SETTINGS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spins 1,000": {"GOMP_SPINCOUNT": "1000"},
    "spins 10,000": {"GOMP_SPINCOUNT": "10000"},
    "spins 30,000": {"GOMP_SPINCOUNT": "30000"},
}
RUNS = {
    "twin": {},
    "twin, layers of 1,024": {"hidden": [1024, 1024, 1024], "batch_size": 256},
    "convolutional": {"model": "cnn"},
    "recurrent": {"model": "rnn"},
}
BUSY = "while True: pass"


def child(name: str, seconds: float) -> None:
    """Train one of `RUNS` and print its steps a second."""
    experiment = Experiment(parse(RUNS[name]))
    experiment.run(5)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        experiment.run(5)
        steps += 5
    print(steps / (time.perf_counter() - start))


def rate(name: str, setting: dict[str, str], threads: int, seconds: float) -> float:
    """Return steps a second of a run in a process with a setting."""
    environment = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    environment |= {**setting, "OMP_NUM_THREADS": str(threads)}
    words = [sys.executable, "-m", "benchmarks.waiting", "--child", name, "--seconds", str(seconds)]
    return float(subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print, for each run and setting, its steps a second over those of the setting as it comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", choices=RUNS)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--busy", type=int, default=os.cpu_count() or 1, help="programs that want the processor as well"
    )
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.seconds)
        return
    for busy in (0, chosen.busy):
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
        try:
            for name in RUNS:
                told: dict[str, list[float]] = {each: [] for each in SETTINGS}
                for _ in range(chosen.rounds):
                    for each, setting in SETTINGS.items():
                        told[each].append(rate(name, setting, chosen.threads, chosen.seconds))
                usual = statistics.median(told["as it comes"])
                ratios = "  ".join(f"{each} {statistics.median(rates) / usual:.2f}" for each, rates in told.items())
                print(f"{busy} others, {name}: {usual:.0f} steps/s; {ratios}", flush=True)
        finally:
            for other in others:
                other.kill()
                other.wait()


if __name__ == "__main__":
    main()
