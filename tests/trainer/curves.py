"""Loss curves of scripts and of lanes, over seeds, and an exact test of whether they are of the same kind."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from typing import Any, Final

import numpy as np

from trainer import Experiment
from trainer.export import script
from trainer.settings.config import parse

SEEDS: Final = range(9)
FALSE_ALARM: Final = 1e-4  # how often a script that is right may be called wrong

Curves = np.ndarray  # (seeds, 2 · checkpoints): logarithms of training losses, then of validation losses


def run_script(text: str, steps: int) -> list[tuple[float, ...]]:
    """Run the main() of a script in a namespace of its own, and return its history."""
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "script", "exec"), namespace)
    with contextlib.redirect_stdout(io.StringIO()):
        history: list[tuple[float, ...]] = namespace["main"](steps=steps)
    return history


def script_curves(
    knobs: dict[str, Any], lane: int, steps: int, every: int, change: Callable[[str], str] = str
) -> Curves:
    """Curves of the PyTorch script of a lane, one for each seed.

    Args:
        knobs: of the run, but for its seed.
        lane: whose script.
        steps: of each run.
        every: how many steps lie between two checkpoints.
        change: what is done to the script before it runs.
    """
    rows = []
    for seed in SEEDS:
        text = change(script(parse({**knobs, "seed": seed}), lane, "pytorch"))
        history = [each for each in run_script(text, steps) if each[0] % every == 0]
        rows.append([each[1] for each in history] + [each[2] for each in history])
    return np.log(rows)


def lane_curves(knobs: dict[str, Any], steps: int, every: int) -> list[Curves]:
    """The same of the lanes themselves: the curves of every lane."""
    scores = []
    for seed in SEEDS:
        experiment = Experiment(parse({**knobs, "seed": seed}), device="cpu")
        own = []
        for _ in range(steps // every):
            experiment.run(every)
            own.append(experiment.evaluate())
        train, val = ([each.train_loss.numpy() for each in own], [each.val_loss.numpy() for each in own])
        scores.append(np.array([*train, *val]))  # (2 · checkpoints, lanes)
    return list(np.log(np.array(scores)).transpose(2, 0, 1))


@lru_cache(maxsize=4)
def _splits(count: int) -> np.ndarray:
    """Every way to choose half of ``count``: (splits, count), 1 for what is chosen."""
    chosen = np.array(list(combinations(range(count), count // 2)))
    marks = np.zeros((len(chosen), count))
    np.put_along_axis(marks, chosen, 1, axis=1)
    return marks


def p_value(first: Curves, second: Curves) -> float:
    """How often two samples of one distribution, each of k curves, differ at least as much as these two.

    The exact permutation test (Fisher 1935; Good 2005). If both are independent samples of the same distribution,
    every way to split the 2k curves into two halves is as likely as the one that was observed, whatever the
    distribution is. So the share of the splits that differ at least as much is a p-value: it is at most α with a
    probability of at most α. How much two halves differ is the largest difference of means over all checkpoints, in
    units of the standard deviation of all 2k curves there.
    """
    both = np.concatenate([first, second])
    standard = (both - both.mean(axis=0)) / both.std(axis=0)
    # The mean of one half is minus that of the other.
    differ = np.abs(_splits(len(both)) @ standard).max(axis=1)  # (splits,)
    observed = np.abs(standard[: len(first)].sum(axis=0)).max()
    return float((differ >= observed * (1 - 1e-9)).mean())
