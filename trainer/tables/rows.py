"""From the bytes of a CSV file to rows of cells: its letters, its separator, its first line.

There is no standard that such files keep to. What they mean is found out here as a careful reader would, and what was
found is kept so that it can be told.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from trainer.errors import TableError, quote
from trainer.printable import one_line, unseen_in, without_unseen

MAX_BYTES: Final = 5_000_000
MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 300
MAX_CELLS: Final = 1_000_000
MAX_LINES: Final = 500_000  # empty ones included
MAX_COMMENTS: Final = 10_000  # lines that begin with # above the table
MAX_NAME: Final = 60  # characters of a column's name that are kept
SHORT: Final = 40  # characters of a cell that are quoted

SEPARATORS: Final = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
CHARSETS: Final = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "windows-1252": "Windows-1252",
}
"""What each charset is called."""
_SAMPLE: Final = 64 * 1024  # characters by which the separator is found
_SAMPLE_ROWS: Final = 50
_HEADER_ROWS: Final = 500  # with which the first row is compared
_DIGITS: Final = 40  # a longer text is no number that anybody wrote

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT: Final = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
# Every part of a pattern can match in one way only: its time grows with the length of the text and not with its square.
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"[+-]?(?:(?:\d+|\d{1,3}(?:\.\d{3})+),\d*|,\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_COMMENT: Final = re.compile(r"[ \t]*#[^\r\n]*(?:\r\n?|\n)(?:[ \t]*(?:\r\n?|\n))*")
_INFINITE: Final = frozenset(sign + word for sign in ("", "+", "-") for word in ("inf", "infinity", "∞"))


@dataclass(frozen=True)
class Rows:
    """The rows of a file, each as long as the others.

    Attributes:
        names: of the columns, each different.
        named: whether the first row of the file named them.
        cells: the rows, without spaces around what is in a cell.
        lines: the line of the file on which each row begins, from 1.
        separator: between cells.
        charset: ``"utf-8"``, ``"utf-16"`` with a mark that tells the order of its bytes, ``"utf-16-le"`` or
            ``"utf-16-be"`` without one, or ``"windows-1252"``.
        comments: the lines above the table that begin with #.
        skipped: how many lines of the file are above the table.
        cleaned: how many cells lost characters that cannot be seen.
        renamed: in how many names of columns a line end or a tab became a blank.
    """

    names: tuple[str, ...]
    named: bool
    cells: list[list[str]]
    lines: list[int]
    separator: str
    charset: str
    comments: tuple[str, ...] = ()
    skipped: int = 0
    cleaned: int = 0
    renamed: int = 0


def read_rows(data: bytes, known: Collection[str] = ()) -> Rows:
    """Read a file.

    Args:
        data: its bytes.
        known: names of columns; a first row that has one of them names the columns.

    Raises:
        TableError: it is not a table, or too large a one; the message names the line.
    """
    text, charset = decode(data)
    _check_lines(text)
    declared = re.match(r"sep=([,;\t|])\r?\n", text, re.IGNORECASE)  # what Excel writes for itself
    skipped = 0
    if declared:
        text, skipped = text[declared.end() :], 1
    head = split_head(text, declared[1] if declared else None, known)
    skipped += head.lines
    separator = declared[1] if declared else find_separator(head.rest)
    cells, lines = _cells(head.rest, separator, skipped)
    cleaned = _clean(cells) if unseen_in(head.rest) else 0
    if not cells:
        raise TableError("the file has no rows: there is nothing in it but empty lines and cells")
    named = has_header(cells, separator, known)
    given = cells[0] if named else [""] * len(cells[0])
    names = _names(given)
    renamed = sum(re.search(r"[\t\r\n]", cell) is not None for cell in given)
    return Rows(
        names, named, cells[named:], lines[named:], separator, charset, head.comments, skipped, cleaned, renamed
    )


@dataclass(frozen=True)
class Head:
    """What stands above a table.

    Attributes:
        comments: the lines that begin with # and say something of it.
        lines: how many lines that makes, empty ones included.
        rest: the text from the table on.
    """

    comments: tuple[str, ...]
    lines: int
    rest: str


def split_head(text: str, separator: str | None, known: Collection[str] = ()) -> Head:
    """Tell the lines at the top that begin with # from the table.

    The last of them belongs to it if it has as many cells as the line below, and is a row itself, or names columns that
    nothing below names: as NumPy writes them.

    Args:
        text: of the file.
        separator: between its cells, if the file says so.
        known: names of columns.

    Raises:
        TableError: there are too many.
    """
    end = _end_of_comments(text)
    if end == 0 or not text[end:].strip():
        return Head((), 0, text)
    rest = text[end:]
    above = re.split(r"\r\n?|\n", text[:end])[:-1]
    places = [place for place, line in enumerate(above) if line.strip()]
    separator = separator or find_separator(rest)
    below = _first_rows(rest, separator)
    last = (_first_rows(above[places[-1]], separator) or [[]])[0]
    if len(last) > 1 and below and len(last) == len(below[0]):
        line = _of_table(above[places[-1]], last, below, separator, known)
        if line is not None:
            kept = tuple(above[place].strip() for place in places[:-1])
            return Head(kept, places[-1], "\n".join([line, *above[places[-1] + 1 :], rest]))
    return Head(tuple(above[place].strip() for place in places), len(above), rest)


def _check_lines(text: str) -> None:
    count = text.count("\n") + text.count("\r") - text.count("\r\n")
    if count > MAX_LINES:
        raise TableError(f"the file has {count:,} lines; at most {MAX_LINES:,} can be read, empty ones included")


def _end_of_comments(text: str) -> int:
    """Where the first line begins that is neither empty nor a comment, if the first of all is a comment; else 0."""
    end = count = 0
    while found := _COMMENT.match(text, end):
        end, count = found.end(), count + 1
        if count > MAX_COMMENTS:
            raise TableError(
                f"the file begins with more than {MAX_COMMENTS:,} lines of comments, which begin with #; take them away"
            )
    return end


def _of_table(
    line: str, cells: Sequence[str], below: Sequence[Sequence[str]], separator: str, known: Collection[str]
) -> str | None:
    """A line that begins with # and has as many cells as the next as it is to be read; None if it is a comment."""
    first = cells[0].removeprefix("#").strip()
    bare = line if not first else line.lstrip().removeprefix("#").lstrip()
    if any(name in (first, *cells[1:]) for name in known):
        return bare
    if has_header(below, separator) or as_number(first, separator) is not None:
        return None  # something else names the columns, or a row was taken out by the sign before it
    return line if any(as_number(cell, separator) is not None for cell in cells) else bare


def _first_rows(text: str, separator: str) -> list[list[str]]:
    """The first rows that are not empty, as far as they can be read."""
    rows: list[list[str]] = []
    try:
        reader = csv.reader(io.StringIO(text[:_SAMPLE], newline=""), delimiter=separator, skipinitialspace=True)
        for row in islice(reader, _HEADER_ROWS):
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])  # noqa: PERF401 - those before an error are kept
    except csv.Error:
        pass
    return rows


def _clean(cells: list[list[str]]) -> int:
    """Take out of all cells what cannot be seen; of how many."""
    cleaned = 0
    for row in cells:
        for place, cell in enumerate(row):
            if unseen_in(cell):
                row[place] = without_unseen(cell).strip()
                cleaned += 1
    return cleaned


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file, and in which charset it was: as its first bytes say, or UTF-8, or else Windows-1252.

    Raises:
        TableError: it is empty, too long, or no text.
    """
    if not data.strip():
        raise TableError("the file is empty")
    if len(data) > MAX_BYTES:
        raise TableError(f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} can be read")
    for start, what in _NOT_TEXT:
        if data.startswith(start):
            raise TableError(f"this is {what}, not a text; save the table as CSV and upload that")
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), None) or _without_bom(data)
    charset = encoding.removesuffix("-sig")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise TableError(f"the file says that it is {CHARSETS[charset]}, and it is not: {error.reason}") from None
        text, charset = _windows(data), "windows-1252"
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TableError(f"line {line:,} has a zero byte: this is not a text; save the table as CSV in UTF-8")
    return text, charset


def _without_bom(data: bytes) -> str:
    """UTF-16 gives itself away: every other byte of Latin letters and digits is zero."""
    sample = data[:2000]
    if len(sample) >= 8 and sample[1::2].count(0) > len(sample) * 0.35:
        return "utf-16-le"
    if len(sample) >= 8 and sample[0::2].count(0) > len(sample) * 0.35:
        return "utf-16-be"
    return "utf-8"


def _windows(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"line {line:,} has a byte, {data[error.start]:#04x}, that is a letter neither in UTF-8 nor in "
            "Windows-1252; save the table as CSV in UTF-8"
        ) from None


def find_separator(text: str) -> str:
    """What stands between cells: that of ``SEPARATORS`` which cuts the first rows into equally many, at least two.

    Where several do, the rarer in a text wins: a comma may be within a number, a tab hardly within anything.
    """
    sample = text[:_SAMPLE]
    counts = {separator: _widths(sample, separator, whole=len(text) <= _SAMPLE) for separator in SEPARATORS}
    for separator, widths in counts.items():
        if widths and widths[0] > 1 and len(set(widths)) == 1:
            return separator
    return max(counts, key=lambda separator: Counter(counts[separator] or [0]).most_common(1)[0][0])


def _widths(sample: str, separator: str, whole: bool) -> list[int]:
    """How many cells each of the first rows has."""
    widths: list[int] = []
    try:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
        widths.extend(len(row) for row in islice((row for row in rows if row), _SAMPLE_ROWS))
    except csv.Error:
        pass
    return widths if whole or len(widths) in (1, _SAMPLE_ROWS) else widths[:-1]  # the last one may be cut off


def _cells(text: str, separator: str, skipped: int) -> tuple[list[list[str]], list[int]]:
    """All rows that are not empty, and the lines on which they begin."""
    cells: list[list[str]] = []
    lines: list[int] = []
    for line, row in _raw_rows(text, separator, skipped):
        if len(row) > MAX_COLUMNS:
            raise TableError(f"line {line:,} has {len(row):,} columns; at most {MAX_COLUMNS} are allowed")
        stripped = [cell.strip() for cell in row]
        if not any(stripped):
            continue
        if cells and len(row) != len(cells[0]):
            raise TableError(_ragged(line, len(row), lines[0], len(cells[0]), separator))
        if len(cells) > MAX_ROWS:
            raise TableError(
                f"the table goes on after {MAX_ROWS:,} rows; at most so many can be read: take a part of it"
            )
        if len(cells) * len(row) > MAX_CELLS:
            raise TableError(
                f"the table has more than {MAX_CELLS:,} cells by line {line:,}; take fewer rows or fewer columns"
            )
        cells.append(stripped)
        lines.append(line)
    return cells, lines


def _ragged(line: int, here: int, first_line: int, there: int, separator: str) -> str:
    name = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}[separator]
    cells = "1 cell" if here == 1 else f"{here:,} cells"
    hint = f"; a text with a {name} in it must stand in double quotes" if here > there else ""
    return f"line {line:,} has {cells}, but line {first_line:,} has {there:,}{hint}"


def _raw_rows(text: str, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(_broken(line, str(error), separator)) from None
        if row:
            yield line, row


def _broken(line: int, error: str, separator: str) -> str:
    if "end of data" in error:
        return f'line {line:,} opens a double quote (") that is never closed'
    if "field larger" in error:
        most = csv.field_size_limit()
        return f'line {line:,} has a cell of more than {most:,} letters; is a double quote (") not closed?'
    if "expected after" in error:
        return (
            f'the row that begins on line {line:,} has text after a closing quote; a quote within a text is written ""'
        )
    return f"the row that begins on line {line:,} cannot be read: {error}"


def has_header(cells: Sequence[Sequence[str]], separator: str, known: Collection[str] = ()) -> bool:
    """Whether the first row names the columns: there is no number in it, and there are some below.

    In a table of words only, it does if its cells differ from each other and from all below them.
    """
    first, below = cells[0], cells[1 : 1 + _HEADER_ROWS]
    if any(name.strip() and name.strip() in first for name in known):
        return True
    if any(as_number(cell, separator) is not None for cell in first):
        return False
    if any(as_number(cell, separator) is not None for row in below for cell in row):
        return True
    named = [cell for cell in first if cell]
    recurs = any(row[place] == cell for row in below for place, cell in enumerate(first))
    return len(set(named)) == len(named) and not recurs


def _names(given: Sequence[str]) -> tuple[str, ...]:
    """Names that are short, not empty, and each different."""
    return distinct([short(cell, MAX_NAME) or f"column {number}" for number, cell in enumerate(given, start=1)])


def distinct(given: Sequence[str]) -> tuple[str, ...]:
    """The same names, with a number behind each that was there before."""
    names: list[str] = []
    taken: set[str] = set()
    for base in given:
        name, again = base, 2
        while name in taken:
            name, again = f"{base} ({again})", again + 1
        taken.add(name)
        names.append(name)
    return tuple(names)


def short(text: str, most: int = SHORT) -> str:
    """A text in one line of at most ``most`` characters that can be seen."""
    flat = one_line("".join(letter if letter.isprintable() else " " for letter in text[: 4 * most]))
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def quoted(cell: str) -> str:
    """A cell as an error quotes it."""
    return quote(short(cell))


def as_number(cell: str, separator: str = ",") -> float | None:
    """What number a cell is, if it is one; infinite if it says so or is too large to be held.

    A comma stands between thousands where commas separate cells, and is a decimal comma elsewhere.
    """
    if not cell or len(cell) > _DIGITS:
        return None
    if _NUMBER.fullmatch(cell):
        return float(cell)
    if "," in cell:
        if separator == ",":
            return float(cell.replace(",", "")) if _THOUSANDS.fullmatch(cell) else None
        return float(cell.replace(".", "").replace(",", ".")) if _COMMA_NUMBER.fullmatch(cell) else None
    return float(cell.replace("∞", "inf")) if cell.lower() in _INFINITE else None
