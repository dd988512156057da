"""The cells of one column of a table: which stand for no value, which are numbers, and which only look like one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from trainer.errors import TableError
from trainer.tables.decisions import NOTHING, Decision
from trainer.tables.rows import as_number, quoted, short

MISSING: Final = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "?", "-", "--", ".")
)
LABEL_MISSING: Final = frozenset(("", "na", "n/a", "#n/a", "nan", "null"))  # − and “none” may well be classes
_NA: Final = "NA"  # also Namibia, sodium, and North America
_OF_TWO: Final = re.compile(r"[A-Z]{2}")
_AMONG: Final = 0.8  # of the other texts: where so many are codes of two capitals, NA is one of them
_LEADING_ZERO: Final = re.compile(r"0\d+", re.ASCII)
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_CODE_NAMES: Final = re.compile(r"(?:.*[\W_])?(?:zip|zip ?code|post ?code|postal ?code|plz|iban|isbn|ean|phone|id)")


class Cells:
    """The cells of one column.

    Args:
        name: of the column.
        cells: its cells.
        lines: the line of the file on which each is.
        separator: between the cells of the file.
        decision: what the reader decided of it.
    """

    def __init__(
        self, name: str, cells: Sequence[str], lines: Sequence[int], separator: str, decision: Decision = NOTHING
    ) -> None:
        self.name, self.decision = name, decision
        self._lines, self._separator = lines, separator
        self.cells = _merged(cells) if decision.merge_case else cells
        self.counts = Counter(self.cells)
        self._decided_missing = frozenset(map(self._key, decision.missing or ()))

    def _key(self, text: str) -> str:
        """What is the same of texts that count as the same."""
        return text.casefold() if self.decision.merge_case else text

    def missing(self, marks: frozenset[str]) -> frozenset[str]:
        """The different cells that stand for no value: as the reader decided, or those that usually do.

        “NA” is a value like others where nearly all of these are two capitals, too, as codes of countries are.
        """
        if self.decision.missing is not None:
            return frozenset(cell for cell in self.counts if cell == "" or self._key(cell) in self._decided_missing)
        found = {cell for cell in self.counts if cell.lower() in marks}
        return frozenset(found - {_NA} if self._has_codes_of_two(found) else found)

    def is_exact(self, marks: frozenset[str]) -> bool:
        """Whether other cells stand for no value than usually would."""
        usual = frozenset(cell for cell in self.counts if cell.lower() in marks)
        return self.decision.missing is not None or self.missing(marks) != usual

    def _has_codes_of_two(self, missing: set[str]) -> bool:
        others = [cell for cell in self.counts if cell not in missing]
        codes = sum(_OF_TWO.fullmatch(cell) is not None for cell in others)
        return _NA in missing and codes >= 2 and codes >= _AMONG * len(others)

    def dots(self, missing: frozenset[str]) -> bool:
        """Whether dots stand between thousands: a decimal comma and a dot are in one number of the column."""
        values = [cell for cell in self.counts if cell not in missing]
        return self._separator != "," and any("," in cell and "." in cell for cell in values)

    def numbers(self, missing: frozenset[str]) -> tuple[dict[str, float], list[str]]:
        """The value of each different cell that is a number, and the cells that are neither numbers nor missing."""
        values = [cell for cell in self.counts if cell not in missing]
        dots = self.dots(missing)
        read = {cell: as_number(cell.replace(".", "") if dots else cell, self._separator) for cell in values}
        return {cell: number for cell, number in read.items() if number is not None}, [
            cell for cell, number in read.items() if number is None
        ]

    def code(self, numbers: Iterable[str]) -> str:
        """Why cells that can be read as numbers are codes, in words; empty where they are none.

        They are digits only, and one begins with a zero that a number would lose, or the column is called as codes are.
        """
        cells = list(numbers)
        if not cells or not all(_DIGITS.fullmatch(cell) for cell in cells):
            return ""
        zero = next((cell for cell in cells if _LEADING_ZERO.fullmatch(cell)), None)
        if zero is not None:
            return f"{quoted(zero)} begins with 0"
        return f"the column is called {quoted(self.name)}" if _CODE_NAMES.fullmatch(self.name.lower()) else ""

    def alike(self, cells: Iterable[str]) -> str:
        """What is to be said of texts that differ only in capitals, an example of them; empty where there is none."""
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for cell in cells:
            groups[cell.casefold()].append(cell)
        several = [group for group in groups.values() if len(group) > 1]
        if not several:
            return ""
        first = sorted(several[0], key=lambda cell: (-self.counts[cell], cell))
        more = f", and {len(several) - 1} more such" if len(several) > 1 else ""
        shown = " and ".join(f"{quoted(cell)} {self.counts[cell]:,}×" for cell in first[:3])
        return f"{shown} differ only in capitals and count as different{more}"

    def listed(self, cells: Iterable[str]) -> list[tuple[str, int]]:
        """These cells with how often each is there, the most frequent first."""
        return sorted(((cell, self.counts[cell]) for cell in cells), key=lambda each: (-each[1], each[0]))

    def error(self, cell: str, what: str) -> TableError:
        """The error that names the first line on which ``cell`` stands."""
        line = self._lines[self.cells.index(cell)]
        return TableError(f"line {line:,}, column {quoted(self.name)}: {quoted(cell)} {what}")


def _merged(cells: Sequence[str]) -> Sequence[str]:
    """The cells with the most frequent spelling in place of those that differ from it only in capitals."""
    counts = Counter(cells)
    spelled: dict[str, str] = {}
    for cell in sorted(counts, key=lambda cell: (-counts[cell], cell)):
        spelled.setdefault(cell.casefold(), cell)
    return [spelled[cell.casefold()] for cell in cells]


def named(cells: Sequence[tuple[str, int]], most: int = 6) -> str:
    """Cells and their counts in words: ``“NA” 20×, empty 3×``."""
    shown = ", ".join(f"{f'“{short(cell)}”' if cell else 'empty'} {count:,}×" for cell, count in cells[:most])
    return shown + (", …" if len(cells) > most else "")
