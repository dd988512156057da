"""How much of the training's time watching may take, and whether there is some left."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Final

FIRST: Final = 3  # passes that are sampled whatever they cost: without them nothing is known
MOST_PER_SECOND: Final = 50.0  # more rows nobody can look at
LEAST_PER_SECOND: Final = 4.0  # fewer are no picture of a training: so many are sampled as long as all of it takes
AT_MOST: Final = 0.04  # of the time


class Budget:
    """Lets things be done for a share of the time that passes.

    What is not used is not saved up: after a pause one thing may be done at once, and not many in a row.

    Args:
        share: of the time, such as 0.03.
        now: the time, in seconds.

    Attributes:
        share: as above.
        spent_s: seconds that were spent.
    """

    def __init__(self, share: float, now: Callable[[], float] = time.perf_counter) -> None:
        self.share = share
        self.spent_s = 0.0
        self._now = now
        self._began = self._last = now()
        self._credit_s = 0.0
        self._costs: deque[float] = deque(maxlen=9)

    def spend(self, seconds: float) -> None:
        """Note what something took."""
        seconds = max(0.0, seconds)
        self._accrue()
        self.spent_s += seconds
        self._credit_s -= seconds
        self._costs.append(seconds)

    def may(self) -> bool:
        """Whether one more of what was done before fits in by now."""
        self._accrue()
        return self._credit_s >= (statistics.median(self._costs) if self._costs else 0.0)

    def _accrue(self) -> None:
        now = self._now()
        most = max(self._costs, default=0.0)
        self._credit_s = max(self._credit_s, min(most, self._credit_s + self.share * (now - self._last)))
        self._last = now

    @property
    def cost(self) -> float:
        """The share of the time that was taken, 0 to 1."""
        passed = self._now() - self._began
        return self.spent_s / passed if passed > 0 else 0.0


class Sampler:
    """Chooses which passes are sampled: the first few, then as many as the budget allows, and some four a second.

    What a sampled pass costs is what it takes longer than others of its kind.

    Args:
        budget: what may be taken.
        now: the time, in seconds.
    """

    def __init__(self, budget: Budget, now: Callable[[], float] = time.perf_counter) -> None:
        self._budget = budget
        self._now = now
        self._usual: dict[bool, deque[float]] = {True: deque(maxlen=31), False: deque(maxlen=31)}
        self._sampled: dict[bool, int] = {True: 0, False: 0}
        self._last = -1.0

    def wants(self, trains: bool) -> bool:
        """Whether the next pass is to be sampled.

        Args:
            trains: whether gradients are on.
        """
        if self._sampled[trains] < FIRST:
            return True
        since = self._now() - self._last
        if since < 1 / MOST_PER_SECOND:
            return False
        return self._budget.may() or (since >= 1 / LEAST_PER_SECOND and self._budget.share > 0 and self._is_cheap)

    @property
    def _is_cheap(self) -> bool:
        return self._budget.cost <= AT_MOST

    def passed(self, trains: bool, seconds: float) -> None:
        """A pass was not sampled."""
        self._usual[trains].append(seconds)

    def sampled(self, trains: bool, seconds: float, behind_s: float) -> None:
        """A pass was sampled.

        Args:
            trains: whether gradients were on.
            seconds: that it took.
            behind_s: that were spent on it afterwards.
        """
        self._sampled[trains] += 1
        self._last = self._now()
        usual = self._usual[trains]
        if usual:
            self._budget.spend(seconds - statistics.median(usual) + behind_s)
        elif self._sampled[trains] >= FIRST:
            self._budget.spend(seconds / 2 + behind_s)  # nothing to compare with yet: rather too much than too little
