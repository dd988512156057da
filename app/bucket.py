"""How often something may happen."""

from __future__ import annotations

import time
from collections.abc import Callable


class Bucket:
    """A token bucket.

    Args:
        rate: tokens that flow in each second.
        size: tokens that it holds; it begins full.
        now: the time, in seconds.
    """

    def __init__(self, rate: float, size: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = size
        self._now = now
        self._tokens = size
        self._at = now()

    @property
    def is_full(self) -> bool:
        """Whether nothing was taken for long: one that begins anew is the same."""
        return self._tokens + (self._now() - self._at) * self._rate >= self._size

    def take(self, count: float = 1) -> bool:
        """Take a token out, or more of them, if they are there."""
        self._fill()
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def spend(self, count: float) -> float:
        """Take so many out, be they there or not; in how many seconds they will all have been."""
        self._fill()
        self._tokens -= count
        return max(0.0, -self._tokens / self._rate)

    def _fill(self) -> None:
        at = self._now()
        self._tokens = min(self._size, self._tokens + (at - self._at) * self._rate)
        self._at = at
