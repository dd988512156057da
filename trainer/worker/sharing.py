"""How a worker shares its time: among its runs, and between training and pictures.

As in `pace`, nothing here reads a clock of its own.
"""

from __future__ import annotations

import math
from typing import Final

PICTURES_SHARE: Final = 0.08  # of the worker's time for the pictures of networks, while runs wait to be trained
UNWATCHED_PRICE: Final = 4.0  # of a second of a run that nobody watches
AHEAD_S: Final = 1.0  # that a run may have had beyond the others: no step takes as long, but a machine that stood still
CROWD: Final = 3  # runs that wait to be trained, from which on slices are of several steps, and
CROWDED_PRICE: Final = {"scoring": 4.0, "extras": 2.0}  # that scores and votes cost: a twentieth of the time for each
_MEMORY_S: Final = 2.0  # over which it is averaged how much of its time a worker is idle
_LEVELS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)  # seconds between two pictures, as they are told
_USUAL_S: Final = (0.2, 0.4)  # between two pictures as always: up to the first it is so again, up to the second still


class Shares:
    """Who is next: of the runs that wait, the one that has had the least of the worker's time.

    What a run did not want while it rested is not made up for: it begins level with the one that was served last
    (start-time fair queueing, Goyal, Vin & Cheng 1997).
    """

    def __init__(self) -> None:
        self._had: dict[str, float] = {}  # seconds, at their price
        self._served: dict[str, int] = {}
        self._level = 0.0
        self._turns = 0

    def rank(self, run: str) -> tuple[float, int]:
        """Return what decides: the smallest is next; of equal ones the one that was served longest ago."""
        return max(self._had.get(run, 0.0), self._level), self._served.get(run, 0)

    def begin(self, run: str) -> None:
        """It is this run's turn."""
        self._level, _ = self.rank(run)
        self._turns += 1
        self._served[run] = self._turns

    def spend(self, run: str, seconds: float, price: float = 1.0) -> None:
        """Write down what a run was given.

        Args:
            run: its id.
            seconds: of the worker's time.
            price: what a second of it counts.
        """
        self._had[run] = min(self.rank(run)[0] + price * seconds, self._level + AHEAD_S)

    def forget(self, run: str) -> None:
        """A run is gone."""
        self._had.pop(run, None)
        self._served.pop(run, None)


class Pictures:
    """How often there may be a picture of each run: all of them together have a share of the worker's time.

    That share is `PICTURES_SHARE` of the time in which runs wait to be trained, and all of the time in which none does.
    Every run has the same part of it, whatever its pictures cost.

    Args:
        now: the time.

    Attributes:
        runs: that are drawn while they train.
    """

    def __init__(self, now: float) -> None:
        self.runs = 1
        self._idle = 1.0
        self._seen = now

    def passed(self, now: float, idle_s: float) -> None:
        """Take note of the time since the last call, of which the worker was idle for ``idle_s`` seconds."""
        seconds = now - self._seen
        if seconds > 0:
            weight = math.exp(-seconds / _MEMORY_S)
            self._idle = weight * self._idle + (1 - weight) * min(1.0, idle_s / seconds)
            self._seen = now

    def interval(self, cost_s: float) -> float:
        """Return the least seconds between two pictures of a run, each of which takes ``cost_s``."""
        share = self._idle + (1 - self._idle) * PICTURES_SHARE
        return cost_s * max(1, self.runs) / share


def told(interval_s: float, before: float | None) -> float | None:
    """Return what is told of an interval between two pictures: about so many seconds, or None if that is as usual.

    What goes to and fro is told once.

    Args:
        interval_s: seconds.
        before: what is told now.
    """
    if interval_s <= _USUAL_S[before is None]:
        return None
    if before is not None and before / 4 < interval_s <= 1.25 * before:
        return before
    return next((each for each in _LEVELS if interval_s <= each), _LEVELS[-1])
