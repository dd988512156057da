"""The part of a script that reads the table which a run was given, and treats its columns as the lab does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trainer.columns import LABEL_MISSING, MAX_VALUES, MISSING
from trainer.errors import KnobError
from trainer.export.recipe import Recipe
from trainer.export.text import block, inside, lines, quoted, when, word_set
from trainer.tables import KEPT_ROWS, pool_size

Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]

_ENCODINGS: Final = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "windows-1252": "cp1252"}


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
    separator = table.get("separator", ",")
    constants = (
        f"PATH = {quoted(table['name'])}",
        f"SEPARATOR = {quoted(separator)}",
        f"ENCODING = {quoted(_ENCODINGS[table.get('charset', 'utf-8')])}",
        f"LABEL = {label}  # the column to be learnt{_called(table, [label])}; columns count from 0",
        *when(numbers, *_listed("NUMBERS", numbers, table)),
        *when(words, *_listed("WORDS", words, table)),
        *when(numbers or words, f"MISSING = {word_set(MISSING)}"),
    )
    functions = (
        *when(numbers, _NUMBER.replace("VALUE", _value(separator))),
        *when(words, _ONE_HOT),
        _load(table, numbers, words, separator),
    )
    return ("import csv", *when(words, "from collections import Counter")), (), constants, functions


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
    return 'float(cell.replace(".", "").replace(",", ".") if "," in cell else cell)'


def _load(table: Mapping[str, Any], numbers: list[int], words: list[int], separator: str) -> str:
    used = min(table["rows"], KEPT_ROWS)
    validation = used - pool_size(used)
    hot = "*(one_hot([row[column] for row in rows]) for column in WORDS)"
    body = lines(
        'with open(PATH, newline="", encoding=ENCODING) as file:',
        "    cells = csv.reader(file, delimiter=SEPARATOR, skipinitialspace=True)",
        "    rows = [[cell.strip() for cell in row] for row in cells if any(cell.strip() for cell in row)]",
        when(table.get("named", True), "rows = rows[1:]  # without the names of the columns"),
        f"rows = [row for row in rows if row[LABEL].lower() not in {word_set(LABEL_MISSING)}]",
        _labels(table, separator),
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


def _labels(table: Mapping[str, Any], separator: str) -> str:
    """Labels that are numbers are the same when they are equal, however they are written."""
    value = _value(separator).replace("cell", "row[LABEL]")
    given = f"{value} for row in rows" if _all_numbers(table["classes"]) else "row[LABEL] for row in rows"
    return f"y = np.unique([{given}], return_inverse=True)[1]"


def _all_numbers(classes: Sequence[str]) -> bool:
    try:
        return bool([float(name) for name in classes])
    except ValueError:
        return False


_NUMBER: Final = block('''
    def number(cell):
        """The number in a cell; NaN where it is missing."""
        return np.nan if cell.lower() in MISSING else VALUE
    ''')

_ONE_HOT: Final = block(f'''
    def one_hot(cells):
        """A number, 0 or 1, for each of the most frequent words, one for all others, one for where there is none."""
        cells = [None if cell.lower() in MISSING else cell for cell in cells]
        ranked = [word for word, _ in Counter(cells).most_common() if word is not None]
        kept = {{*(ranked if len(ranked) <= {MAX_VALUES} else ranked[:{MAX_VALUES - 1}]), None}}
        cells = [cell if cell in kept else "other words" for cell in cells]
        values = sorted(set(cells), key=str)
        return np.array([[cell == value for value in values] for cell in cells], dtype=float)
    ''')

_STANDARDISED: Final = block("""
    x = np.array([[number(row[column]) for column in NUMBERS] for row in rows])
    # Medians, means and deviations are those of the rows that may be trained on.
    x = np.where(np.isnan(x), np.nanmedian(x[pool], axis=0), x)
    deviation = x[pool].std(axis=0)
    x = (x - x[pool].mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    """)
