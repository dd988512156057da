"""How much longer things take here than on the machine whose time-outs are written in the tests."""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Final

QUIET_S: Final = 0.064
"""Seconds for `piece_of_work` on the machine for which the time-outs were chosen: two cores of an AMD EPYC at 2.4 GHz
with nothing else to do."""

PIECES: Final = 5
MOST: Final = 6.0
"""However slow or busy a machine is: time-outs are ten times what the slowest test takes, and what hangs has to
be told some time."""


def piece_of_work() -> int:
    """Something that the processor has to do, and that no cache or other process can do for it."""
    total = 0
    for number in range(600_000):
        total += number * number % 7
    return total


def slowness() -> float:
    """How many times longer a piece of work takes than it should, from 1 to 6: the median of five."""
    seconds = []
    for _ in range(PIECES):
        begun = time.perf_counter()
        piece_of_work()
        seconds.append(time.perf_counter() - begun)
    return min(MOST, max(1.0, median(seconds) / QUIET_S))


def crowding(load: float | None = None, cores: int | None = None) -> float:
    """How many programs want to run for each core, from 1 to 6.

    Args:
        load: programs that run or wait, over the last minute; as the system counts them if left out.
        cores: how many there are; those of this machine if left out.
    """
    try:
        load = os.getloadavg()[0] if load is None else load
    except (AttributeError, OSError):  # a system that does not count them
        return 1.0
    return min(MOST, max(1.0, load / (cores or os.cpu_count() or 1)))
