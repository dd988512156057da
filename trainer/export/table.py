"""The part of a script that reads the table which a run was given, and treats its columns as the lab does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trainer.errors import KnobError
from trainer.export.recipe import Recipe
from trainer.export.text import block, inside, lines, quoted, when, word_set
from trainer.printable import UNSEEN_IN_CELLS, base_name
from trainer.tables.cells import LABEL_MISSING, MISSING
from trainer.tables.columns import MAX_VALUES
from trainer.tables.table import KEPT_ROWS, MOST_DEVIATIONS, pool_size

Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]

_ENCODINGS: Final = {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}  # what Python calls otherwise than the table


def table_data(recipe: Recipe) -> Parts:
    """Standard imports, imports, constants and functions, as `trainer.export.data.Data` has them.

    Raises:
        KnobError: it is not said what the table is like.
    """
    table = recipe.table
    if table is None:
        raise KnobError("table", recipe.config.table, "a table that was uploaded to this server")
    kinds = [column["kind"] for column in table["columns"]]
    numbers, words = (_places(table, kind) for kind in ("number", "category"))
    label = kinds.index("label")
    separator, charset = table.get("separator", ","), table.get("charset", "utf-8")
    columns = table["columns"]
    own = [place for place in (*numbers, *words) if columns[place]["exact"]]
    dotted = [place for place in numbers if columns[place]["dots"]]
    alike = [place for place in (label, *words) if columns[place]["decided"].get("merge_case")]
    skipped = table.get("skipped", 0)
    constants = (
        f"PATH = {quoted(base_name(table['name']) or 'table.csv')}",
        f"SEPARATOR = {quoted(separator)}",
        f"ENCODING = {quoted(_ENCODINGS.get(charset, charset))}",
        *when(skipped, f"SKIPPED = {skipped}  # lines above the table"),
        f"LABEL = {label}  # the column to be learnt{_called(table, [label])}; columns count from 0",
        *when(numbers, *_listed("NUMBERS", numbers, table)),
        *when(words, *_listed("WORDS", words, table)),
        *when(dotted, f"DOTTED = {dotted!r}  # columns of numbers with dots between thousands"),
        *when(alike, f"MERGED = {alike!r}  # columns whose capitals do not matter"),
        *when(numbers or words, f"MISSING = {word_set(MISSING)}"),
        *when(own, "MISSING_IN = {  # in these columns, in place of the above", *_own_missing(columns, own), "}"),
        f"NO_LABEL = {_no_label(columns[label])}",
    )
    cleaned = bool(table.get("cleaned"))
    functions = (
        *when(cleaned, _CLEAN),
        *when(own, _IS_MISSING),
        *when(alike, _MERGE),
        *when(numbers, _number(separator, bool(own), bool(dotted))),
        *when(
            words, _ONE_HOT.replace("MISSING_CELL", "is_missing(cell, column)" if own else "cell.lower() in MISSING")
        ),
        _load(table, numbers, words, separator, bool(alike)),
    )
    standard = ("import csv", *when(cleaned, "import re"), *when(words or alike, "from collections import Counter"))
    return standard, (), constants, functions


def _own_missing(columns: Sequence[Mapping[str, Any]], places: Sequence[int]) -> list[str]:
    """What stands for no value in columns where this is otherwise than usual."""
    return [f"    {place}: {word_set(_texts(columns[place]))}," for place in places]


def _texts(column: Mapping[str, Any]) -> set[str]:
    return {"", *column["decided"].get("missing", ()), *(text for text, _ in column["missing_texts"])}


def _no_label(column: Mapping[str, Any]) -> str:
    if column["exact"]:
        return f"{word_set(_texts(column))}  # as it is written"
    return f"{word_set(LABEL_MISSING)}  # in any case"


def _number(separator: str, own: bool, dotted: bool) -> str:
    """The function that reads a number."""
    missing = "is_missing(cell, column)" if own else "cell.lower() in MISSING"
    dots = when(dotted, "    if column in DOTTED:", '        cell = cell.replace(".", "")')
    return lines(
        "def number(cell, column):",
        '    """The number in a cell; NaN where it is missing."""',
        f"    if {missing}:",
        "        return np.nan",
        dots,
        f"    return {_value(separator)}",
    )


def _places(table: Mapping[str, Any], kind: str) -> list[int]:
    return [place for place, column in enumerate(table["columns"]) if column["kind"] == kind]


def _called(table: Mapping[str, Any], places: Sequence[int]) -> str:
    """The names of columns, for a comment of moderate length."""
    names = [quoted(table["columns"][place]["name"]) for place in places]
    text = ", ".join(names)
    return f", {text}" if text and len(text) < 60 else ""


def _listed(name: str, places: Sequence[int], table: Mapping[str, Any]) -> list[str]:
    """A constant that lists columns, several lines of it if there are many."""
    called = _called(table, places)
    text = f"{name} = [{', '.join(str(place) for place in places)}]"
    if len(text) + len(called) < 110:
        return [text + (f"  # {called.removeprefix(', ')}" if called else "")]
    rows = [places[start : start + 20] for start in range(0, len(places), 20)]
    return [f"{name} = [", *(f"    {', '.join(str(place) for place in row)}," for row in rows), "]"]


def _value(separator: str) -> str:
    """How a cell is read as a number: commas are for thousands where they separate cells, else for decimals."""
    if separator == ",":
        return 'float(cell.replace(",", ""))'
    return 'float(cell.replace(",", "."))'


def _load(table: Mapping[str, Any], numbers: list[int], words: list[int], separator: str, alike: bool) -> str:
    used = min(table["rows"], KEPT_ROWS)
    validation = used - pool_size(used)
    hot = "*(one_hot([row[column] for row in rows], column) for column in WORDS)"
    label = table["columns"][[column["kind"] for column in table["columns"]].index("label")]
    cell = "clean(cell)" if table.get("cleaned") else "cell.strip()"
    labelled = "row[LABEL]" if label["exact"] else "row[LABEL].lower()"
    body = lines(
        'with open(PATH, newline="", encoding=ENCODING) as file:',
        when(table.get("skipped"), "    for _ in range(SKIPPED):", "        next(file)"),
        "    cells = csv.reader(file, delimiter=SEPARATOR, skipinitialspace=True)",
        f"    rows = [[{cell} for cell in row] for row in cells if any(cell.strip() for cell in row)]",
        when(table.get("named", True), "rows = rows[1:]  # without the names of the columns"),
        when(alike, "for column in MERGED:", "    merge(rows, column)"),
        f"rows = [row for row in rows if {labelled} not in NO_LABEL]",
        _labels(label, separator),
        f"order = rng.permutation(len(y))[:{used}]",
        f"val, pool = order[:{validation}], order[{validation}:]",
        when(numbers, _STANDARDISED),
        when(words and numbers, f"x = np.concatenate([x, {hot}], axis=1)"),
        when(words and not numbers, f"x = np.concatenate([{hot}], axis=1)"),
        'x = x.astype("float32")',
        "train = pool[:TRAIN_SIZE]",
        "return x[train], y[train], x[val], y[val]",
    )
    return lines("def load_data(rng):", '    """Training and validation examples, and their labels."""', inside(body))


def _labels(label: Mapping[str, Any], separator: str) -> str:
    """Labels that are numbers are the same when they are equal, however they are written."""
    value = _value(separator).replace("cell", "row[LABEL]")
    if label["dots"]:  # between thousands
        value = value.replace("row[LABEL]", 'row[LABEL].replace(".", "")')
    given = f"{value} for row in rows" if label["numbers"] else "row[LABEL] for row in rows"
    return f"y = np.unique([{given}], return_inverse=True)[1]"


_CLEAN: Final = block(f'''
    def clean(cell):
        """A cell without blanks around it, and without what cannot be seen in it."""
        return re.sub(r"{UNSEEN_IN_CELLS}", "", cell.strip()).strip()
    ''')

_IS_MISSING: Final = block('''
    def is_missing(cell, column):
        """Whether a cell stands for no value."""
        return cell in MISSING_IN[column] if column in MISSING_IN else cell.lower() in MISSING
    ''')

_MERGE: Final = block('''
    def merge(rows, column):
        """Write texts that differ only in capitals as most of them are written."""
        counts = Counter(row[column] for row in rows)
        spelled = {}
        for cell in sorted(counts, key=lambda cell: (-counts[cell], cell)):
            spelled.setdefault(cell.casefold(), cell)
        for row in rows:
            row[column] = spelled[row[column].casefold()]
    ''')

_ONE_HOT: Final = block(f'''
    def one_hot(cells, column):
        """A number, 0 or 1, for each of the most frequent words, one for all others, one for where there is none."""
        cells = [None if MISSING_CELL else cell for cell in cells]
        ranked = [word for word, _ in Counter(cells).most_common() if word is not None]
        kept = {{*(ranked if len(ranked) <= {MAX_VALUES} else ranked[:{MAX_VALUES - 1}]), None}}
        cells = [cell if cell in kept else "other words" for cell in cells]
        values = sorted(set(cells), key=str)
        return np.array([[cell == value for value in values] for cell in cells], dtype=float)
    ''')

_STANDARDISED: Final = block(f"""
    x = np.array([[number(row[column], column) for column in NUMBERS] for row in rows])
    # Medians, means and deviations are those of the rows that may be trained on.
    for values in x.T:
        known = values[pool][~np.isnan(values[pool])]
        values[np.isnan(values)] = np.median(known) if len(known) else 0
        values /= np.abs(values[pool]).max() or 1  # the squares of very small numbers would be 0
        deviation = values[pool].std()
        values -= values[pool].mean()
        values /= deviation if deviation > 1e-12 else 1
    x = x.clip(-{MOST_DEVIATIONS:_}, {MOST_DEVIATIONS:_})
    """)
