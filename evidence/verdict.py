"""Whether a few more seeds agree with what many gave, by a rule that can be read here; `evidence.pairs` judges pairs.

**Figures.** Ours is a mean over k seeds, theirs a mean over n others with a standard deviation, each of runs that
differ in split, labels, weights and order. If both come from the same distribution, so do their standard deviations,
and the difference of the means in units of its standard error, from the pooled deviation, follows Student's t with
n + k - 2 degrees of freedom (with k = 1 this is the prediction interval for one more run). A row is *outside* when the
difference is larger than that allows at a chosen rate of false alarms plus a margin below which nobody would care::

    |ours - theirs| > margin + t(rate; n + k - 2) · pooled · sqrt(1/n + 1/k)

With the margin added, the rate holds for all true differences up to the margin, and not only for none. Few seeds cannot
show much.

**Claims.** Some rows say what must hold of each seed, or of the mean over seeds, between limits. A claim is inside when
it holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scipy import stats

from trainer.presets.expected import Row

POINTS: Final = 0.25  # two of 797 digits: half a last digit of a rounded table is less
RELATIVE: Final = 0.02  # of losses, ratios and everything else that is not in percent or steps
STEPS: Final = 25.0  # between two evaluations

Word = Literal["inside", "outside", "not measured"]


@dataclass(frozen=True)
class Verdict:
    """What became of one row.

    Attributes:
        row: what was expected.
        values: what each seed gave; of a run that has no such figure, NaN.
        low: the least that would be inside.
        high: the greatest.
        word: how it came out.
    """

    row: Row
    values: tuple[float, ...]
    low: float
    high: float
    word: Word

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation over seeds, NaN of a single one."""
        return spread(self.values)


def judge(row: Row, values: Sequence[float], rate: float) -> Verdict:
    """Hold what was measured against what was expected.

    Args:
        row: what was expected.
        values: one number for each seed.
        rate: of false alarms of this one row.
    """
    if row.is_claim:
        low, high = -math.inf if row.low is None else row.low, math.inf if row.high is None else row.high
        held = values if row.kind == "each" else [math.fsum(values) / len(values)] if values else []
        inside = all(low <= value <= high for value in held)
    else:
        low, high = allowed(row, values, rate)
        inside = bool(values) and low <= math.fsum(values) / len(values) <= high
    if not values or (row.expected is None and not row.is_claim):
        word: Word = "not measured"
    else:
        word = "inside" if inside else "outside"
    return Verdict(row, tuple(values), low, high, word)


def allowed(row: Row, values: Sequence[float], rate: float) -> tuple[float, float]:
    """From where to where the mean of ``values`` is inside; anything, where nothing is known."""
    if row.expected is None or row.sd is None or not values:
        return -math.inf, math.inf
    own, theirs = len(values), row.seeds
    freedom = own + theirs - 2
    if freedom < 1:
        return -math.inf, math.inf
    squares = (theirs - 1) * row.sd**2 + ((own - 1) * spread(values) ** 2 if own > 1 else 0.0)
    error = math.sqrt(squares / freedom * (1 / own + 1 / theirs))
    reach = margin(row) + float(stats.t.isf(rate / 2, freedom)) * error
    return row.expected - reach, row.expected + reach


def margin(row: Row) -> float:
    """The difference below which nobody would care."""
    if row.unit in ("%", "points"):
        return POINTS
    return STEPS if row.unit == "steps" else RELATIVE * abs(row.expected or 0.0)


def spread(values: Sequence[float]) -> float:
    """Standard deviation of a sample, NaN of fewer than two numbers."""
    if len(values) < 2:
        return math.nan
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
