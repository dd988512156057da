"""A search of 64 candidates against training them one after the other in a plain loop: ``python -m benchmarks.search``.

Both sides train every candidate for the same steps and evaluate it every 25; the sides take turns in one process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from benchmarks.plain import PlainLoop, network
from benchmarks.turns import Timing, print_row
from trainer.data.datasets import Dataset, Sources, load
from trainer.search import Trial, parse_search
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.lane import EVALUATE_EVERY
from trainer.training.experiment import Experiment
from trainer.worker.look import evaluation_trace
from trainer.worker.pace import Ledger
from trainer.worker.searching import make_search_session
from trainer.worker.session import Accounts, State
from trainer.worker.sharing import Pictures

BATCHES: Final = (16, 32, 64)
FLOOR: Final = 4.0  # of the default batch, with 2 threads
STEPS: Final = 100


class Nobody:
    """Hears what a session says, and keeps nothing."""

    def send(self, message: dict[str, Any]) -> None:
        """Hear a message."""

    def send_frame(self, frame: bytes) -> None:
        """Hear a frame."""


def make(request: Mapping[str, Any]) -> Experiment:
    """The experiment of a batch."""
    return Experiment(parse(request["config"]), "cpu")


def search(batch: int, steps: int) -> None:
    """Train the default candidates as a worker does, frames for a viewer included."""
    now = time.monotonic()
    request = {
        "config": {},
        "search": {"batch": batch, "steps": steps},
        "state": "playing",
        "steps_per_second": None,
    }
    accounts = Accounts(Ledger(0.2, now), Ledger(0.1, now), Pictures(now))
    session = make_search_session("r", request, make, Nobody(), time.monotonic, accounts, evaluation_trace)
    session.open(request)
    while session.state is State.PLAYING:
        session.train()


def one_by_one(trials: tuple[Trial, ...], config: ExperimentConfig, data: Dataset, steps: int) -> None:
    """Train them as one would write it: one network, one optimiser and one evaluation at a time."""
    sizes = (data.features, *config.hidden, len(data.classes))
    for trial in trials:
        one = network(sizes, (trial.input, *(trial.hidden,) * len(config.hidden)))
        plain = PlainLoop([one], data.train_x, data.train_y, config.batch_size, trial.learning_rate)
        for _ in range(0, steps, EVALUATE_EVERY):
            plain.run(EVALUATE_EVERY)
            for x, y in ((data.train_x, data.train_y), (data.val_x, data.val_y)):
                evaluate(one, x, y)


@torch.no_grad()
def evaluate(one: nn.Sequential, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Loss and accuracy in eval mode."""
    one.eval()
    logits = one(x)
    one.train()
    return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(dim=1) == y).float().mean().item()


def take_turns(
    plain: Callable[[], None], ours: Mapping[int, Callable[[], None]], rounds: int, work: int
) -> list[Timing]:
    """Time the plain way and each batch size by turns; one timing for each batch size."""
    speeds: dict[int, list[float]] = {0: [], **{batch: [] for batch in ours}}
    for _ in range(rounds):
        for batch, run in {0: plain, **ours}.items():
            began = time.perf_counter()
            run()
            speeds[batch].append(work / (time.perf_counter() - began))
    medians = {batch: statistics.median(own) for batch, own in speeds.items()}
    ratios = {
        batch: statistics.median(own / other for own, other in zip(speeds[batch], speeds[0], strict=True))
        for batch in ours
    }
    return [Timing(medians[0], medians[batch], ratios[batch]) for batch in ours]


def main() -> None:
    """Print a row for each batch size and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side takes")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each candidate, a multiple of 25")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    config = parse({})
    data = load(config, Sources())
    state = parse_search({"steps": chosen.steps}, config)
    work = len(state.trials) * chosen.steps
    print(f"torch {torch.__version__}, network-steps a second of a search of {len(state.trials)}, evaluations included")
    print(f"{'case':<42} {'threads':>7} {'plain':>8} {'lanes':>8} {'ratio':>6} {'meant':>6}")
    search(BATCHES[0], EVALUATE_EVERY)  # warm up
    for threads in chosen.threads:
        torch.set_num_threads(threads)
        ours = {batch: (lambda batch=batch: search(batch, chosen.steps)) for batch in BATCHES}
        timings = take_turns(lambda: one_by_one(state.trials, config, data, chosen.steps), ours, chosen.rounds, work)
        for batch, timing in zip(BATCHES, timings, strict=True):
            meant = f"{FLOOR:>5.1f}×" if batch == state.config.batch and threads == 2 else ""
            print_row(f"64 candidates, {batch} side by side", str(threads), timing, meant)


if __name__ == "__main__":
    main()
