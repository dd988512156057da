"""The trainer against the plain loop, in one process, taking turns: ``python -m benchmarks.trainer``."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmarks.plain import PlainLoop, network
from benchmarks.turns import Timing, options, print_row, print_table, take_turns
from trainer.settings.config import parse
from trainer.training.experiment import Experiment

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
    networks = [network(sizes, rates) for _ in range(case.lanes)]
    plain = PlainLoop(networks, x, y, case.batch_size, config.learning_rate)
    return take_turns(plain.run, experiment.run, case.lanes, rounds, seconds)


def main() -> None:
    """Print a table of every case with 1 thread and with 2, and on a GPU where there is one."""
    chosen = options(__doc__)
    print_table(CASES, lambda case: measure(case, chosen.rounds, chosen.seconds), chosen)
    if not torch.cuda.is_available():
        print("no GPU here: the step as a CUDA graph was not measured")
        return
    for case in CASES:
        timing = measure(case, chosen.rounds, chosen.seconds, "cuda")
        print_row(case.name, "GPU", timing, f"{GPU_FLOOR:>5.1f}×" if case.lanes == 16 else "")
    print(f"GPU: {torch.cuda.get_device_name()}")


if __name__ == "__main__":
    main()
