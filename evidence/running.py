"""Trains experiments with seeds, two at a time, and says how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from evidence.results import Results
from trainer.presets import find_preset
from trainer.presets.seeds import FIRST, Source
from trainer.settings.networks import NETWORKS
from trainer.settings.shapes import SIZES

Values = Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """One experiment with one seed, trained by the lab or by plain PyTorch."""

    preset: str
    seed: int
    source: Source = "lab"

    @property
    def name(self) -> str:
        """By which its values are kept."""
        return f"{self.source}/{self.preset}"

    @property
    def weight(self) -> float:
        """How much work it is, about: multiplications of all steps, and what a step costs however small it is."""
        preset = find_preset(self.preset)
        config = preset.config
        runs = preset.search.get("candidates", 64) / 2 if preset.search is not None else 1.0
        work, kind = 0, NETWORKS[config.network]
        for lane, own in enumerate(config.lanes):
            mine = kind.multiplications(SIZES[config.dataset], config.channels, config.widths(lane))
            slow = 4 if kind.recurrent else 2 if own.batch_norm else 1  # one small operation after another
            work += slow * mine
        return runs * preset.steps * (2e6 + config.batch_size * work)


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        task: what was finished last.
        seconds: it took.
        done: how many are.
        total: how many there are.
        left_s: how long the others will take, about.
    """

    task: Task
    seconds: float
    done: int
    total: int
    left_s: float


SOURCES: Final[tuple[Source, ...]] = ("lab", "plain")


def tasks(presets: Sequence[str], seeds: int, sources: Sequence[Source] = SOURCES) -> list[Task]:
    """Every preset with every seed from the first on, all presets of one seed together.

    So that a run that is stopped leaves as many seeds of one experiment as of another.
    """
    return [
        Task(preset, seed, source) for seed in range(FIRST, FIRST + seeds) for source in sources for preset in presets
    ]


def measure_one(task: Task) -> tuple[dict[str, float], float]:
    """Train and measure in this process: the values, and the seconds it took."""
    import torch  # here: the parent process never needs it

    from evidence import measures
    from evidence.plain import measures as plain

    torch.set_num_threads(1)
    started = time.perf_counter()
    measure = measures.measure if task.source == "lab" else plain.measure
    return dict(measure(find_preset(task.preset), task.seed)), time.perf_counter() - started


def run(
    todo: Sequence[Task],
    results: Results,
    tell: Callable[[Progress], None],
    processes: int = 2,
) -> Iterator[str]:
    """Do what is not done yet, and name each preset as soon as all of it is there.

    Args:
        todo: what shall be there in the end.
        results: what is there, and where new values go.
        tell: is told of each task that is finished.
        processes: how many train at once, each with one thread.
    """
    left = [task for task in todo if results.get(task.name, task.seed) is None]
    missing = {task.preset: sum(task.preset == other.preset for other in left) for task in todo}
    yield from (preset for preset, count in missing.items() if not count)
    if not left:
        return
    with ProcessPoolExecutor(min(processes, len(left)), mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[tuple[dict[str, float], float]], Task] = {}
        try:
            waiting = {pool.submit(measure_one, task): task for task in left}
            weight, spent, started = sum(task.weight for task in left), 0.0, time.perf_counter()
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in [each for each in waiting if each in finished]:  # in the order in which they were begun
                    task = waiting.pop(future)
                    values, seconds = future.result()
                    results.put(task.name, task.seed, values)
                    spent += task.weight
                    passed = time.perf_counter() - started
                    tell(Progress(task, seconds, len(left) - len(waiting), len(left), passed * (weight / spent - 1)))
                    missing[task.preset] -= 1
                    if not missing[task.preset]:
                        yield task.preset
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
