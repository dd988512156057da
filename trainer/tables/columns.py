"""What a column of a table is, and the numbers that a network gets of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from trainer.errors import TableError
from trainer.tables.cells import LABEL_MISSING, MISSING, Cells, named
from trainer.tables.decisions import Kind
from trainer.tables.rows import distinct, quoted, short

MAX_VALUES: Final = 20  # of a column of words that get a number each
MAX_NUMBER: Final = 1e100  # its square can still be held
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
        reason: the same in plain words.
        missing_texts: what stands for no value, each with how often it does.
        marks: what often stands for no value, and is one here, likewise.
        exact: whether other texts than usual stand for no value.
        numbers: whether its cells are read as numbers.
        dots: of numbers, whether dots stand between thousands.
        codes: whether its cells could be read as numbers, and are taken as codes.
        decided: what the reader decided of it.
        trouble: whether it cannot be read as what it is said to be.
    """

    name: str
    kind: Kind
    missing: int
    values: int
    reason: str
    missing_texts: tuple[tuple[str, int], ...] = ()
    marks: tuple[tuple[str, int], ...] = ()
    exact: bool = False
    numbers: bool = False
    dots: bool = False
    codes: bool = False
    decided: dict[str, Any] = field(default_factory=dict)
    trouble: bool = False

    def described(self) -> dict[str, Any]:
        """It as plain data."""
        return {
            **vars(self),
            "missing_texts": [list(each) for each in self.missing_texts],
            "marks": [list(each) for each in self.marks],
        }


@dataclass(frozen=True, eq=False)
class Features:
    """The numbers that a network gets of a column.

    Attributes:
        names: of each.
        numbers: (n, len(names)) float64; NaN is missing.
        is_number: whether they are to be standardised; a number for a word is 0 or 1 and stays so.
        column: what the column is called.
    """

    names: tuple[str, ...]
    numbers: np.ndarray
    is_number: bool
    column: str

    def shown(self, row: int) -> str | None:
        """What was understood of a row's cell; None where it is missing."""
        if self.is_number:
            value = float(self.numbers[row, 0])
            return None if np.isnan(value) else f"{value:.6g}"
        name = self.names[int(self.numbers[row].argmax())]
        return None if name == f"{self.column} is missing" else name.removeprefix(f"{self.column} = ")


def describe_column(
    column: Cells, kind: Kind, values: int, what: str, numbers: bool = False, codes: bool = False
) -> Column:
    """A column and what there is to tell of it, whatever it is."""
    usual = LABEL_MISSING if kind == "label" else MISSING
    missing = column.missing(usual)
    texts = tuple(column.listed(missing))
    if any(cell for cell, _ in texts):
        what += f"; taken as missing: {named(texts)}"
    return Column(
        name=column.name,
        kind=kind,
        missing=sum(count for _, count in texts),
        values=values,
        reason=what,
        missing_texts=texts,
        marks=tuple(column.listed(cell for cell in column.counts if cell.lower() in MISSING and cell not in missing)),
        exact=column.is_exact(usual),
        numbers=numbers,
        dots=numbers and column.dots(missing),
        codes=codes,
        decided=column.decision.described(),
    )


def read_column(column: Cells) -> tuple[Column, Features | None]:
    """What a column is and, unless it is left out, the numbers of it.

    Raises:
        TableError: a cell that is no number among numbers, or a number that is none to learn from.
    """
    missing = column.missing(MISSING)
    numbers, words = column.numbers(missing)
    decided = column.decision.kind
    code = "" if words or decided == "number" else column.code(numbers)
    different = len(set(numbers.values()) if not code else numbers) + len(words)
    present = sum(count for cell, count in column.counts.items() if cell not in missing)

    def left_out(why: str) -> tuple[Column, None]:
        return describe_column(column, "ignored", different, f"left out: {why}"), None

    if decided == "ignored":
        return left_out("as you decided")
    if present == 0 and decided is not None:
        raise TableError(f"column {quoted(column.name)} is said to be a {decided}, and no cell of it has a value")
    if decided == "number":
        return _decided_number(column, numbers, words, missing)
    if decided == "category":
        return _category(column, missing, "")
    if present == 0:
        return left_out("it is empty")
    if different == 1 and not (words and missing):
        one = quoted(next(iter(words or numbers)))
        return left_out(f"it is {one} {'wherever it is known' if missing else 'in every row'}")
    if not words:
        _check_size(column, numbers)
        if not missing and _numbers_rows(column, numbers):
            return left_out("it numbers the rows")
        if not code:
            return _number(column, numbers, missing)
    counted = 0 if code else sum(column.counts[cell] for cell in numbers)
    if words and counted >= _MOSTLY * present and different > MAX_VALUES and not column.code(numbers):
        raise column.error(
            words[0],
            f"is not a number, but {counted:,} of the {present:,} values of this column are; "
            "write a number there, or leave it empty where it is not known",
        )
    if different > MAX_VALUES and different > _NEARLY_ALL * present:
        what = f"it has codes and no numbers, because {code}, and another one" if code else "it has another text"
        return left_out(f"{what} in nearly every row, so not useful for prediction")
    return _category(column, missing, code)


def _decided_number(
    column: Cells, numbers: dict[str, float], words: Sequence[str], missing: frozenset[str]
) -> tuple[Column, Features]:
    if words:
        more = len(words) - 1
        others = f", and {more:,} more text{' is' if more == 1 else 's are'} none" if more else ""
        raise column.error(
            words[0],
            f"is no number{others}, while the column is said to be one; say that it stands for a missing value, or "
            "make the column a category",
        )
    _check_size(column, numbers)
    return _number(column, numbers, missing)


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


def _number(column: Cells, numbers: dict[str, float], missing: frozenset[str]) -> tuple[Column, Features]:
    """A column of numbers."""
    values = set(numbers.values())
    what = f"a number from {min(values):g} to {max(values):g}"
    count = sum(column.counts[cell] for cell in missing)
    if count:
        ones = "1 missing one is" if count == 1 else f"{count:,} missing ones are"
        what += f"; {ones} replaced by the median"
    filled = np.array([numbers.get(cell, np.nan) for cell in column.cells])[:, None]  # (n, 1)
    return (
        describe_column(column, "number", len(values), what, numbers=True),
        Features((column.name,), filled, True, column.name),
    )


def _category(column: Cells, missing: frozenset[str], code: str) -> tuple[Column, Features]:
    """A column of words: a number for each of the most frequent, one for all others, one for where there is none."""
    counts = Counter({cell: count for cell, count in column.counts.items() if cell not in missing})
    ranked = sorted(counts, key=lambda cell: (-counts[cell], cell))
    kept = ranked if len(ranked) <= MAX_VALUES else ranked[: MAX_VALUES - 1]
    place = {cell: number for number, cell in enumerate(kept)}
    names = [f"{column.name} = {name}" for name in distinct([short(cell) for cell in kept])]
    rest = len(ranked) - len(kept)
    values = "value" if len(ranked) == 1 else "values"
    what = f"{len(ranked):,} different {values} ({_list(kept, counts)}), each of which becomes a number, 0 or 1"
    if rest:
        place |= dict.fromkeys(ranked[len(kept) :], len(names))
        names.append(f"{column.name} = {OTHER}")
        what = f"{len(ranked):,} different values: the {len(kept)} most frequent ({_list(kept, counts)}) each become a "
        what += f"number, 0 or 1, and the {rest:,} others one together"
    absent = sum(column.counts[cell] for cell in missing)
    if absent:
        place |= dict.fromkeys(missing, len(names))
        names.append(f"{column.name} is missing")
        what += f"; {'1 missing one counts' if absent == 1 else f'{absent:,} missing ones count'} as a value, too"
    if code:
        what += f"; they are codes and no numbers, because {code}"
    if alike := column.alike(ranked):
        what += f"; {alike}"
    hot = np.eye(len(names))[[place[cell] for cell in column.cells]]  # (n, len(names))
    return describe_column(column, "category", len(ranked), what, codes=bool(code)), Features(
        tuple(names), hot, False, column.name
    )


def _list(values: Sequence[str], counts: Counter[str], most: int = 4) -> str:
    shown = ", ".join(f"{short(value, 20)} {counts[value]:,}×" for value in values[:most])
    return shown + (", …" if len(values) > most else "")


def in_trouble(column: Cells, error: TableError) -> Column:
    """A column that cannot be read as what it is, or is said to be."""
    known = describe_column(column, column.decision.kind or "number", len(column.counts), "")
    return replace(known, reason=str(error), trouble=True)
