"""What it costs a run to be kept: ``python -m benchmarks.keeping``.

Two servers, one with a store and one without, each with a run of two default networks at full speed and a viewer; they
take turns, and while one trains the other stands still.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import statistics
import tempfile
from collections.abc import Iterator
from typing import Final

import torch

from benchmarks.server import Viewer, owning, running_lab

MEANT: Final = 0.97
STEPS: Final = 1000  # before the first turn: curves have a length then


@contextlib.contextmanager
def lab(keeps: bool, data: str) -> Iterator[str]:
    """Run a server with a store, or without."""
    given = {"DROPOUT_LAB_KEEP": "true" if keeps else "false", "DROPOUT_LAB_DATA": data, "DROPOUT_LAB_WORKERS": "1"}
    before = {name: os.environ.get(name) for name in given}
    os.environ |= given
    try:
        with running_lab() as url:
            yield url
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def warm(viewer: Viewer) -> None:
    """Bring a run to where it is measured."""
    await viewer.ask("speed", steps_per_second=None)
    while viewer.traffic.steps < STEPS:
        await viewer.play(1.0)


async def measure(kept: str, unkept: str, rounds: int, seconds: float) -> list[tuple[float, float]]:
    """Let both take turns, and each be first as often as the other; steps a second of each, with and without."""
    async with owning(kept) as with_store, owning(unkept) as without:
        for viewer in (with_store, without):
            await warm(viewer)
        turns = []
        for number in range(rounds):
            if number % 2:
                theirs, ours = await without.play(seconds), await with_store.play(seconds)
            else:
                ours, theirs = await with_store.play(seconds), await without.play(seconds)
            turns.append((ours, theirs))
        return turns


def main() -> None:
    """Print what keeping costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a turn takes")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {platform.machine()}, median of {options.rounds} turns of {options.seconds:g} s")
    with tempfile.TemporaryDirectory() as data, lab(True, data) as kept, lab(False, data) as unkept:
        turns = asyncio.run(measure(kept, unkept, options.rounds, options.seconds))
    ours, theirs = (statistics.median(each) for each in zip(*turns, strict=True))
    ratios = sorted(with_store / without for with_store, without in turns)
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    print(f"steps/s of a run that is not kept   {theirs:>8,.0f}")
    print(f"steps/s of a run that is kept       {ours:>8,.0f}   {middle:.3f}× (meant: {MEANT}×)")
    print(f"half of the turns lie between       {'':>8}   {low:.3f}× and {high:.3f}×")


if __name__ == "__main__":
    main()
