"""When things are due: steps at the speed that was asked for, slices of a length, extras within a share of the time.

Nothing here reads a clock of its own: the time is always handed in, in seconds, and only has to rise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Any, Final

SLICE_S: Final = 0.015  # a command waits for one slice: short enough to feel immediate, long enough to cost no speed
FRAME_S: Final = 1 / 30  # between two `steps` frames of a run
BITE_S: Final = 0.01  # a command waits for a bite as it waits for a slice
CATCH_UP_S: Final = 0.25  # after a stall, at most this much of what was missed is made up for
CROWDED_STEPS: Final = 8  # in a slice while many runs wait: what is to be done beside training is done once a slice
CROWDED_S: Final = 0.08  # but no longer than this
MAX_SLICE: Final = 1000  # steps; a tiny network makes several thousand a second


class Pace:
    """The clock that a run's steps follow.

    Args:
        steps_per_second: the speed; without one, as fast as it goes.
    """

    def __init__(self, steps_per_second: float | None) -> None:
        self.steps_per_second = steps_per_second
        self._last = -math.inf  # when the last step was due

    @property
    def next_at(self) -> float:
        """When the next step is due; in the past, when it is overdue."""
        return self._last + 1 / self.steps_per_second if self.steps_per_second is not None else -math.inf

    def start(self, now: float) -> None:
        """Make the next step due at once, and let the clock run from here."""
        self._last = now - 1 / self.steps_per_second if self.steps_per_second is not None else now

    def change(self, steps_per_second: float | None, now: float) -> None:
        """Go on at another speed; the time that has passed since the last step counts."""
        if self.steps_per_second is not None:
            self._last = min(self._last, now)  # steps that were made ahead of their time are forgiven
        self.steps_per_second = steps_per_second

    def owed(self, now: float) -> int:
        """Return how many steps are due, 0 or more."""
        if self.steps_per_second is None:
            return MAX_SLICE
        self._last = max(self._last, now - CATCH_UP_S - 1 / self.steps_per_second)
        # A billionth of a step of patience, lest rounding put off to the next turn what is due right now.
        return max(0, math.floor((now - self._last) * self.steps_per_second + 1e-9))

    def made(self, count: int, now: float) -> None:
        """Count ``count`` steps as made."""
        self._last = now if self.steps_per_second is None else self._last + count / self.steps_per_second


class Slice:
    """How many pieces of work fill a slice of time, learned from the slices so far.

    Args:
        seconds: that a slice should take.
        most: pieces in it, however fast they are.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self.each: float | None = None  # seconds that one takes

    @property
    def count(self) -> int:
        """How many to do next; 1 until something was measured."""
        return self._fitting(self._seconds, self._most)

    @property
    def crowded_count(self) -> int:
        """How many to do next while many wait: some at once, also where a slice has not time for them."""
        return max(self.count, self._fitting(CROWDED_S, CROWDED_STEPS))

    def _fitting(self, seconds: float, most: int) -> int:
        return 1 if self.each is None else max(1, min(most, int(seconds / max(self.each, 1e-9))))

    def measured(self, count: int, seconds: float) -> None:
        """Take note that ``count`` pieces took ``seconds``."""
        each = seconds / count
        self.each = each if self.each is None else 0.7 * self.each + 0.3 * each


def take_bite(job: Generator[None, None, Any], clock: Callable[[], float]) -> tuple[bool, Any]:
    """Go on with work in pieces for as long as a bite lasts, a single piece at least.

    Returns:
        Whether it has come to its end, and what came of it.
    """
    began, done, spent = clock(), 0, 0.0
    try:
        while spent + spent / max(1, done) <= BITE_S:  # as long as the next piece, too, should fit
            next(job)
            done, spent = done + 1, clock() - began
    except StopIteration as end:
        return True, end.value
    return False, None


class Ledger:
    """Keeps an extra within its share of the time: it earns as time passes, and who spends it waits until it is earned.

    Args:
        share: of all time, between 0 and 1.
        now: the time at which it begins to earn.

    Attributes:
        price: what a second counts that is spent: 2 halves the share.
    """

    CAP_S: Final = 0.1  # what it may save up, so that no idle hour is spent in one go
    MOST_S: Final = 20.0  # that anybody waits: what counts for more was no work: the machine stood still

    def __init__(self, share: float, now: float) -> None:
        self.price = 1.0
        self._share = share
        self._balance = 0.0
        self._seen = now

    def allows(self, now: float) -> bool:
        """Tell whether something may be spent now."""
        self._balance = min(self.CAP_S, self._balance + self._share * (now - self._seen))
        self._seen = now
        return self._balance >= 0

    def wait(self, now: float) -> float:
        """Return the seconds until it allows spending again, 0 or more."""
        return 0.0 if self.allows(now) else -self._balance / self._share

    def spend(self, seconds: float) -> None:
        """Write down what was spent; it may become a debt, but not one of more than `MOST_S` seconds."""
        self._balance = max(self._balance - seconds * self.price, -self._share * self.MOST_S)


class Interval:
    """Lets something happen at most so often.

    Args:
        seconds: between two times.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.last = -math.inf

    @property
    def next_at(self) -> float:
        """When it may happen again."""
        return self.last + self._seconds

    def over(self, now: float) -> bool:
        """Tell whether it may happen now."""
        return now >= self.next_at

    def mark(self, now: float) -> None:
        """Take note that it happens now."""
        self.last = now

    def forget(self) -> None:
        """Let it happen at once."""
        self.last = -math.inf
