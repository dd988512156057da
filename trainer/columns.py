"""What a column of a table is, and the numbers that a network gets of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from trainer.errors import TableError
from trainer.rows import as_number, short, told

Kind = Literal["number", "category", "label", "ignored"]

MAX_VALUES: Final = 20  # of a column of words that get a number each
MAX_NUMBER: Final = 1e100  # its square can still be held
MISSING: Final = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "?", "-", "--", ".")
)
LABEL_MISSING: Final = frozenset(("", "na", "n/a", "#n/a", "nan", "null"))  # − and “none” may well be classes
OTHER: Final = "other"
_MOSTLY: Final = 0.8  # of the values: where so many are numbers, the others are mistakes
_NEARLY_ALL: Final = 0.5  # of the rows: words that differ in more than so many say nothing of other rows
_IDS: Final = ("id", "index", "nr", "no", "no.", "number", "row", "#")


@dataclass(frozen=True)
class Column:
    """What was made of a column.

    Attributes:
        name: what it is called.
        kind: what it is.
        missing: cells without a value.
        values: how many different ones there are.
        told: the same in plain words.
    """

    name: str
    kind: Kind
    missing: int
    values: int
    told: str

    def described(self) -> dict[str, Any]:
        """It as plain data."""
        return vars(self).copy()


@dataclass(frozen=True, eq=False)
class Features:
    """The numbers that a network gets of a column.

    Attributes:
        names: of each.
        numbers: (n, len(names)) float64; NaN is missing.
        is_number: whether they are to be standardised; a number for a word is 0 or 1 and stays so.
    """

    names: tuple[str, ...]
    numbers: np.ndarray
    is_number: bool


class Cells:
    """The cells of one column.

    Args:
        name: of the column.
        cells: its cells.
        lines: the line of the file on which each is.
        separator: between the cells of the file.
    """

    def __init__(self, name: str, cells: Sequence[str], lines: Sequence[int], separator: str) -> None:
        self.name, self.cells, self._lines, self._separator = name, cells, lines, separator
        self.counts = Counter(cells)

    def numbers(self, missing: frozenset[str]) -> tuple[dict[str, float], list[str]]:
        """The value of each different cell that is a number, and the cells that are neither numbers nor missing."""
        values = [cell for cell in self.counts if cell.lower() not in missing]
        commas = self._separator != "," and any("," in cell for cell in values)
        # Where a decimal comma and a dot are in one number, dots stand between thousands, in all of the column.
        dots = commas and any("," in cell and "." in cell for cell in values)
        read = {cell: as_number(cell.replace(".", "") if dots else cell, self._separator) for cell in values}
        return {cell: number for cell, number in read.items() if number is not None}, [
            cell for cell, number in read.items() if number is None
        ]

    def error(self, cell: str, what: str) -> TableError:
        """The error that names the first line on which ``cell`` stands."""
        line = self._lines[self.cells.index(cell)]
        return TableError(f"line {line:,}, column {told(self.name)}: {told(cell)} {what}")


def read_column(column: Cells) -> tuple[Column, Features | None]:
    """What a column is and, unless it is left out, the numbers of it.

    Raises:
        TableError: a cell that is no number among numbers, or a number that is none to learn from.
    """
    missing = sum(count for cell, count in column.counts.items() if cell.lower() in MISSING)
    numbers, words = column.numbers(MISSING)
    different = len(set(numbers.values())) + len(words)
    present = len(column.cells) - missing

    def left_out(why: str) -> tuple[Column, None]:
        return Column(column.name, "ignored", missing, different, f"left out: {why}"), None

    if present == 0:
        return left_out("it is empty")
    if different == 1 and not (words and missing):
        one = told(next(iter(words or numbers)))
        return left_out(f"it is {one} {'wherever it is known' if missing else 'in every row'}")
    if not words:
        _check_size(column, numbers)
        if present == len(column.cells) and _numbers_rows(column, numbers):
            return left_out("it numbers the rows")
        return _number(column, numbers, missing)
    counted = sum(column.counts[cell] for cell in numbers)
    if counted >= _MOSTLY * present and different > MAX_VALUES:
        raise column.error(
            words[0],
            f"is not a number, but {counted:,} of the {present:,} values of this column are; "
            "write a number there, or leave it empty where it is not known",
        )
    if different > MAX_VALUES and different > _NEARLY_ALL * present:
        return left_out("it has another text in nearly every row, from which nothing follows for other rows")
    return _category(column, missing)


def _check_size(column: Cells, numbers: dict[str, float]) -> None:
    for cell, number in numbers.items():
        if abs(number) > MAX_NUMBER:
            raise column.error(cell, f"cannot be learnt from: numbers may go up to {MAX_NUMBER:g}")


def _numbers_rows(column: Cells, numbers: dict[str, float]) -> bool:
    """Whether whole numbers, no two alike, count from 0 or 1 in any order, or on from row to row, or are called ids."""
    values = [numbers[cell] for cell in column.cells]
    if len(set(values)) < len(values) or not all(value.is_integer() for value in values):
        return False
    low = column.name.lower()
    if low in _IDS or low.endswith(("_id", " id", "-id")):
        return True
    counts = max(values) - min(values) == len(values) - 1
    return counts and (min(values) in (0, 1) or values == sorted(values))


def _number(column: Cells, numbers: dict[str, float], missing: int) -> tuple[Column, Features]:
    """A column of numbers."""
    values = set(numbers.values())
    what = f"a number from {min(values):g} to {max(values):g}"
    if missing:
        ones = "1 missing one is" if missing == 1 else f"{missing:,} missing ones are"
        what += f"; {ones} replaced by the median"
    filled = np.array([numbers.get(cell, np.nan) for cell in column.cells])[:, None]  # (n, 1)
    return Column(column.name, "number", missing, len(values), what), Features((column.name,), filled, True)


def _category(column: Cells, missing: int) -> tuple[Column, Features]:
    """A column of words: a number for each of the most frequent, one for all others, one for where there is none."""
    counts = Counter({cell: count for cell, count in column.counts.items() if cell.lower() not in MISSING})
    ranked = sorted(counts, key=lambda cell: (-counts[cell], cell))
    kept = ranked if len(ranked) <= MAX_VALUES else ranked[: MAX_VALUES - 1]
    place = {cell: number for number, cell in enumerate(kept)}
    names = [f"{column.name} = {short(cell)}" for cell in kept]
    rest = len(ranked) - len(kept)
    what = f"{len(ranked):,} different values ({_list(kept, counts)}), each of which becomes a number, 0 or 1"
    if rest:
        place |= dict.fromkeys(ranked[len(kept) :], len(names))
        names.append(f"{column.name} = {OTHER}")
        what = f"{len(ranked):,} different values: the {len(kept)} most frequent ({_list(kept, counts)}) each become a "
        what += f"number, 0 or 1, and the {rest:,} others one together"
    if missing:
        place |= dict.fromkeys((cell for cell in column.counts if cell not in counts), len(names))
        names.append(f"{column.name} is missing")
        what += f"; {'1 missing one counts' if missing == 1 else f'{missing:,} missing ones count'} as a value, too"
    hot = np.eye(len(names))[[place[cell] for cell in column.cells]]  # (n, len(names))
    return Column(column.name, "category", missing, len(ranked), what), Features(tuple(names), hot, False)


def _list(values: Sequence[str], counts: Counter[str], most: int = 4) -> str:
    shown = ", ".join(f"{short(value, 20)} {counts[value]:,}×" for value in values[:most])
    return shown + (", …" if len(values) > most else "")
