"""``python -m tests.fuzz 100000``: so many inputs, shared out among all readers and doors; ``make fuzz`` calls it.

The same number is always the same input, but for the ids of runs. ``--reader NAME --number N`` tries one again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import warnings
from collections import Counter
from random import Random
from typing import Final

from tests.fuzz.doors import Door, complaints, doors
from tests.fuzz.readers import READERS, Reader, tried
from tests.fuzz.workers import Trial

DOORS: Final = {"request": 6, "say": 12, "tell": 6}
"""The doors of the app, each with its share."""
WORKER: Final = 6  # the share of what a worker is told
PATIENCE_S: Final = 120.0


def shares(total: int) -> dict[str, int]:
    """How many inputs each gets."""
    of = {reader.name: reader.share for reader in READERS} | DOORS | {"worker": WORKER}
    return {name: max(1, total * share // sum(of.values())) for name, share in of.items()}


def try_reader(reader: Reader, first: int, count: int) -> Counter[str]:
    """Give a reader so many inputs; what came of them."""
    return Counter("taken" if tried(reader, number) else "refused" for number in range(first, first + count))


def try_worker(first: int, count: int) -> Counter[str]:
    """Tell a worker so many things that make no sense."""
    trial, seen = Trial(), Counter[str]()
    with complaints() as heard:
        for number in range(first, first + count):
            trial.try_one(number)
            assert not heard.heard, f"worker, input {number}: {heard.heard[0]}"
            seen["survived"] += 1
    return seen


async def try_door(door: Door, name: str, first: int, count: int) -> Counter[str]:
    """Come to a door of the app so often."""
    door.answered = {}
    for number in range(first, first + count):
        try:
            await getattr(door, name)(Random(f"{name} {number}"))
        except Exception as error:
            raise AssertionError(f"{name}, input {number}: {type(error).__name__}: {error}") from error
        assert not door.heard.heard, f"{name}, input {number}: {door.heard.heard[0]}"
    return Counter(door.answered)


async def _try_doors(wanted: dict[str, int], first: int) -> dict[str, Counter[str]]:
    async with doors(PATIENCE_S) as door:
        return {name: await try_door(door, name, first, wanted[name]) for name in DOORS}


def main() -> int:
    """Try; the exit status is 0 when everything was answered or refused as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100_000, help="inputs in all")
    parser.add_argument("--first", type=int, default=0, help="the number of the first: other numbers are other inputs")
    parser.add_argument("--reader", help="one reader alone")
    parser.add_argument("--number", type=int, help="one input alone, of that reader")
    options = parser.parse_args()
    warnings.simplefilter("error")
    by_name = {reader.name: reader for reader in READERS}
    if options.number is not None:
        print("taken" if tried(by_name[options.reader], options.number) else "refused")
        return 0
    wanted, began = shares(options.count), time.monotonic()
    for name, reader in by_name.items():
        if options.reader in (None, name):
            _tell(name, try_reader(reader, options.first, wanted[name]))
    if options.reader is None:
        _tell("worker", try_worker(options.first, wanted["worker"]))
        for name, seen in asyncio.run(_try_doors(wanted, options.first)).items():
            _tell(name, seen)
        print(f"{sum(wanted.values()):,} inputs in {time.monotonic() - began:,.0f} s: no fault", flush=True)
    return 0


def _tell(name: str, seen: Counter[str]) -> None:
    most = ", ".join(f"{what} {count:,}" for what, count in seen.most_common(8))
    print(f"{name}: {seen.total():,} inputs: {most}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
