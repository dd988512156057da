"""Whether the lab and plain PyTorch agree, row by row, by a rule that can be read here.

**Pairs.** A seed fixes the examples, their split and their wrong labels, for the lab (`evidence.measures`) as for the
reference (`evidence.plain`); weights, order of the mini-batches and masks are each side's own. Most of what a figure
varies by from seed to seed is the split's, and so is the same on both sides: what is judged is the difference of the
two, seed by seed. If both sides have the same expectation, or expectations that differ by no more than a margin below
which nobody would care, the mean of n differences is farther from zero than::

    margin + t(rate; n - 1) · s / sqrt(n)

at that rate only, where s is the standard deviation of the differences (paired t-test).

**All rows.** A table of some three hundred rows would raise false alarms one by one. Over all of them the chance of any
is held at `FALSE_ALARMS` by Holm's step-down procedure (Holm 1979), which needs no independence of the rows: a row's p
is multiplied by the number of rows whose p is no smaller. A row is *outside* when the product is below the rate.

**Claims.** Some rows say what must hold of each seed, lane against lane: they are inside when it does, in every seed,
and no chance is allowed for. Some say where the mean over seeds must lie: those are tested like a difference, against
the nearer limit.

Rows that plain PyTorch does not measure have *no reference*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scipy import stats

from evidence.verdict import margin, spread
from trainer.presets.expected import Row
from trainer.presets.seeds import Judged, Word

FALSE_ALARMS: Final = 0.05  # the chance that any of all rows is marked although nothing is wrong
FEWEST: Final = 3  # pairs, of which a deviation can be made

Values = Mapping[int, float]
"""By seed; NaN where a run had no such figure."""


@dataclass(frozen=True)
class Paired:
    """One row on both sides.

    Attributes:
        row: what it is.
        lab: the lab's value with each seed.
        plain: plain PyTorch's.
        word: how it came out.
        difference: lab minus plain, mean over the seeds that both have; of a claim on the mean, how far that lies
            beyond its limits; None where there is none.
        error: standard error of the same.
        p: of so large a difference by chance; after `judge_all`, multiplied as Holm's procedure has it.
        pairs: how many seeds both have.
    """

    row: Row
    lab: Values
    plain: Values
    word: Word = "not measured"
    difference: float | None = None
    error: float | None = None
    p: float | None = None
    pairs: int = 0

    @property
    def kept(self) -> Judged:
        """What is kept of it for the page, with as many digits as it can use."""
        return Judged(self.word, self.pairs, *(shortened(each) for each in (self.difference, self.error, self.p)))


def judge_all(rows: Sequence[Paired], rate: float = FALSE_ALARMS) -> list[Paired]:
    """Judge rows together.

    Args:
        rows: all of a table, not judged yet.
        rate: the chance of any false alarm among them.
    """
    measured = [_measured(row) for row in rows]
    chances = {place: row.p for place, row in enumerate(measured) if row.p is not None}
    adjusted = holm(chances)
    return [
        replace(row, p=adjusted[place], word="outside" if adjusted[place] < rate else "inside")
        if place in adjusted
        else row
        for place, row in enumerate(measured)
    ]


def holm(chances: Mapping[int, float]) -> dict[int, float]:
    """Each probability multiplied as Holm's procedure has it, so that all together may be held against one rate."""
    found, greatest = {}, 0.0
    for rank, (place, p) in enumerate(sorted(chances.items(), key=lambda each: each[1])):
        greatest = max(greatest, min(1.0, (len(chances) - rank) * p))
        found[place] = greatest
    return found


def _measured(row: Paired) -> Paired:
    """A row with its p, or with its verdict where chance has no part in it."""
    if row.row.kind == "each":
        return replace(row, word=_claim(row), pairs=len(row.lab))
    if row.row.kind == "mean-within":
        values = list(row.lab.values())
        if len(values) < FEWEST:
            return row
        low, high = _limits(row.row)
        mean = math.fsum(values) / len(values)
        beyond = max(low - mean, mean - high, 0.0)
        error = spread(values) / math.sqrt(len(values))
        return replace(row, difference=beyond, error=error, p=_chance(beyond, error, len(values)), pairs=len(values))
    if not row.plain:
        return replace(row, word="no reference" if row.lab else "not measured")
    differences = [
        value - row.plain[seed]
        for seed, value in row.lab.items()
        if not math.isnan(value) and not math.isnan(row.plain.get(seed, math.nan))
    ]
    if len(differences) < FEWEST:
        return row
    mean = math.fsum(differences) / len(differences)
    error = spread(differences) / math.sqrt(len(differences))
    p = _chance(max(0.0, abs(mean) - margin(row.row)), error, len(differences))
    return replace(row, difference=mean, error=error, p=p, pairs=len(differences))


def _claim(row: Paired) -> Word:
    """Whether a claim on each seed holds in each; a value that does not exist breaks it."""
    low, high = _limits(row.row)
    if not row.lab:
        return "not measured"
    return "inside" if all(low <= value <= high for value in row.lab.values()) else "outside"


def _limits(row: Row) -> tuple[float, float]:
    return -math.inf if row.low is None else row.low, math.inf if row.high is None else row.high


def _chance(distance: float, error: float, count: int) -> float:
    """The probability, on both sides, of a mean so far from what it should be."""
    if distance == 0:
        return 1.0
    if error == 0:
        return 0.0
    return float(2 * stats.t.sf(distance / error, count - 1))


def shortened(value: float | None, digits: int = 3) -> float | None:
    """A number with so many digits."""
    return None if value is None or math.isnan(value) else float(f"{value:.{digits}g}")
