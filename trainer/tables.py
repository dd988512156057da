"""A table of somebody's own: from the bytes of a CSV file to features and labels, and what was made of it in words."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from trainer.columns import LABEL_MISSING, MAX_NUMBER, Cells, Column, Features, read_column
from trainer.errors import TableError
from trainer.rows import SEPARATORS, Rows, read_rows, short, told
from trainer.shapes import MAX_CLASSES, MAX_FEATURES, SIZES

MIN_ROWS: Final = 30  # 20 to train on, which is the least, and 10 to judge by
KEPT_ROWS: Final = 2000  # the most that a run can use: 1,000 to train on and 1,000 to judge by
_ONE_SIDED: Final = 0.8  # share of the largest class from which on it is worth a word
_CHARSETS: Final = {"utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1252": "Windows-1252"}


@dataclass(frozen=True, eq=False)
class Table:
    """What can be learnt from: n rows of F features, each of one class.

    Attributes:
        labels: (n,) int64, 0 … C - 1.
        classes: the C names of the classes.
        features: (n, F) float64, as they stand in the file; NaN where one is missing.
        feature_names: of each.
        is_number: whether a feature is a number, to be standardised; else it is 0 or 1.
        name: of the file.
        label: name of the column that the classes are from.
        rows: of the file that have a label; ``KEPT_ROWS`` of them are kept.
        class_counts: how many of these there are of each class.
        columns: what was made of each column.
        sentences: what else there is to know about it.
        separator: between the cells of the file.
        charset: of the file, ``"utf-8"``, ``"utf-16"`` or ``"windows-1252"``.
        named: whether its first row names the columns.
    """

    labels: np.ndarray
    classes: tuple[str, ...]
    features: np.ndarray
    feature_names: tuple[str, ...]
    is_number: tuple[bool, ...]
    name: str = ""
    label: str = ""
    rows: int = 0
    class_counts: tuple[int, ...] = ()
    columns: tuple[Column, ...] = ()
    sentences: tuple[str, ...] = ()
    separator: str = ","
    charset: str = "utf-8"
    named: bool = True

    def described(self) -> dict[str, Any]:
        """What a person wants to know of it, as plain data (docs/protocol.md)."""
        return {
            "name": self.name,
            "rows": self.rows,
            "label": self.label,
            "classes": list(self.classes),
            "class_counts": list(self.class_counts),
            "features": len(self.feature_names),
            "columns": [column.described() for column in self.columns],
            "sentences": list(self.sentences),
            "separator": self.separator,
            "charset": self.charset,
            "named": self.named,
        }

    def encode(self) -> dict[str, Any]:
        """What a run needs of it, as plain data: a few MB at most."""
        return {
            "labels": _packed(self.labels.astype("<i8")),
            "features": _packed(self.features.astype("<f8")),
            "classes": list(self.classes),
            "feature_names": list(self.feature_names),
            "is_number": list(self.is_number),
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Table:
        """The table of which `encode` made ``data``, without what is only told."""
        names = tuple(data["feature_names"])
        return cls(
            labels=_unpacked(data["labels"], "<i8").astype(np.int64),
            classes=tuple(data["classes"]),
            features=_unpacked(data["features"], "<f8").astype(np.float64).reshape(-1, len(names)),
            feature_names=names,
            is_number=tuple(data["is_number"]),
        )


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 1)).decode()


def _unpacked(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype)


def pool_size(rows: int) -> int:
    """How many rows of a table may be trained on. A third is kept to judge by: at least 10 and at most what is left."""
    return min(SIZES["csv"].examples, rows - max(10, rows // 3))


def read_table(data: bytes, name: str = "table.csv", label: str | None = None) -> Table:
    """Read a CSV file: commas, semicolons, tabs or bars; UTF-8, UTF-16 or Windows-1252; with or without names on top.

    Args:
        data: the bytes of the file.
        name: what it is called.
        label: the column to be learnt; the last that is not empty if left out.

    Raises:
        TableError: nothing can be learnt from it; the message says on which line and in which column, and what would
            do.
    """
    rows = read_rows(data, label)
    _check_shape(rows)
    columns = [
        Cells(column, cells, rows.lines, rows.separator)
        for column, cells in zip(rows.names, zip(*rows.cells, strict=True), strict=True)
    ]
    chosen = _label_column(columns, label)
    classes, labels = _classes(columns, chosen)
    labelled = np.flatnonzero(labels >= 0)
    if len(labelled) < MIN_ROWS:
        without = f", of which only {len(labelled)} have a label" if len(labelled) < len(labels) else ""
        raise TableError(f"the table has {_rows(len(labels))}{without}; at least {MIN_ROWS} are needed")
    told_of, features = _features(columns, chosen, classes, int((labels < 0).sum()))
    matrix = np.concatenate([each.numbers for each in features], axis=1)
    kept = _drawn(labelled)
    counts = tuple(int(count) for count in np.bincount(labels[labelled], minlength=len(classes)))
    return Table(
        labels=labels[kept],
        classes=classes,
        features=matrix[kept],
        feature_names=tuple(each for feature in features for each in feature.names),
        is_number=tuple(feature.is_number for feature in features for _ in feature.names),
        name=short(name, 80) or "table.csv",
        label=columns[chosen].name,
        rows=len(labelled),
        class_counts=counts,
        columns=told_of,
        sentences=tuple(_sentences(rows, columns[chosen].name, told_of, dict(zip(classes, counts, strict=True)))),
        separator=rows.separator,
        charset=rows.charset,
        named=rows.named,
    )


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _check_shape(rows: Rows) -> None:
    if len(rows.names) < 2:
        separators = ", ".join(SEPARATORS.values())
        raise TableError(
            "the table has a single column; at least two are needed, one to learn from and one to be learnt "
            f"(between them stand {separators})"
        )
    if len(rows.cells) < MIN_ROWS:
        names = " below the names of the columns" if rows.named else ""
        raise TableError(f"the table has {_rows(len(rows.cells))}{names}; at least {MIN_ROWS} are needed")


# The label


def _label_column(columns: Sequence[Cells], label: str | None) -> int:
    """Which column is to be learnt."""
    if label is None or not label.strip():
        return max((place for place, column in enumerate(columns) if any(column.counts)), default=len(columns) - 1)
    wanted = short(label, 60)
    for same in (str, str.casefold):
        for place, column in enumerate(columns):
            if same(column.name) == same(wanted):
                return place
    names = ", ".join(column.name for column in columns[:12]) + (", …" if len(columns) > 12 else "")
    raise TableError(f"there is no column {told(wanted)} to be the label; the columns are {names}")


def _classes(columns: Sequence[Cells], chosen: int) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the classes and the class of each row, -1 where it is missing: (n,) int64.

    Raises:
        TableError: they are fewer than two, or more than can be told apart.
    """
    column = columns[chosen]
    numbers, words = column.numbers(LABEL_MISSING)
    if words:  # numbers among words are names like any other
        names = sorted([*numbers, *words])
        place = {cell: number for number, cell in enumerate(names)}
    else:
        for cell, number in numbers.items():
            if abs(number) > MAX_NUMBER:
                raise column.error(cell, "is no label")
        values = sorted(set(numbers.values()))
        names = [f"{value:.15g}" for value in values]
        place = {cell: values.index(number) for cell, number in numbers.items()} if len(values) <= MAX_CLASSES else {}
    if not 2 <= len(names) <= MAX_CLASSES:
        raise TableError(_not_classes(columns, column, len(names), bool(words)))
    labels = np.array([place.get(cell, -1) for cell in column.cells], np.int64)
    return tuple(short(name) for name in names), labels


def _not_classes(columns: Sequence[Cells], label: Cells, classes: int, words: bool) -> str:
    what = f"the label {told(label.name)} "
    if classes == 0:
        what += "is empty"
    elif classes == 1:
        what += "is the same in every row"
    elif words:
        what += f"has {classes:,} different values"
    else:
        what += f"has {classes:,} different numbers: it is a quantity, not a class"
    others = [each.name for each in columns if each is not label and _could_be_label(each)]
    if others:
        advice = f"choose another column as the label, such as {', '.join(told(name) for name in others[:3])}"
    elif classes > MAX_CLASSES and not words:
        advice = "write a few words in place of the numbers, such as low, middle and high"
    else:
        advice = "none of the columns has"
        return f"{what}; a label has 2 to {MAX_CLASSES} different values, which {advice}"
    return f"{what}; a label has 2 to {MAX_CLASSES} different values: {advice}"


def _could_be_label(column: Cells) -> bool:
    return 2 <= sum(cell.lower() not in LABEL_MISSING for cell in column.counts) <= MAX_CLASSES


# The features


def _features(
    columns: Sequence[Cells], chosen: int, classes: Sequence[str], unlabelled: int
) -> tuple[tuple[Column, ...], list[Features]]:
    """What was made of every column, and the features.

    Raises:
        TableError: there is none, or there are too many.
    """
    told_of: list[Column] = []
    features: list[Features] = []
    for place, column in enumerate(columns):
        if place == chosen:
            what = f"what is to be learnt: {len(classes)} classes"
            told_of.append(Column(column.name, "label", unlabelled, len(classes), what))
            continue
        described, numbers = read_column(column)
        told_of.append(described)
        if numbers is not None:
            features.append(numbers)
    if not features:
        why = "; ".join(f"{told(each.name)} is {each.told}" for each in told_of if each.kind == "ignored")[:300]
        raise TableError(f"no column is left to learn from: {why}")
    count = sum(len(each.names) for each in features)
    if count > MAX_FEATURES:
        raise TableError(_too_many(count, max(features, key=lambda each: len(each.names))))
    return tuple(told_of), features


def _too_many(count: int, widest: Features) -> str:
    if widest.is_number:
        return f"the table has {count:,} columns of numbers; at most {MAX_FEATURES} are allowed: leave out some"
    column = told(widest.names[0].partition(" = ")[0])
    return (
        f"the columns make {count:,} numbers, since each value of a column of words becomes one; at most "
        f"{MAX_FEATURES} are allowed: leave out some columns, such as {column}, of which come {len(widest.names)}"
    )


def _drawn(rows: np.ndarray) -> np.ndarray:
    """At most ``KEPT_ROWS`` of the rows, drawn at random but always the same, in their order."""
    if len(rows) <= KEPT_ROWS:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, KEPT_ROWS, replace=False))


# In words


def _sentences(rows: Rows, label: str, columns: Sequence[Column], classes: Mapping[str, int]) -> list[str]:
    """What there is to know about a table that is not of a single column."""
    kinds = Counter(column.kind for column in columns)
    labelled = sum(classes.values())
    parts = [
        f"{count} of {what}" for count, what in ((kinds["number"], "numbers"), (kinds["category"], "words")) if count
    ]
    said = [
        f"{_rows(len(rows.cells))} and {len(columns)} columns, separated by {SEPARATORS[rows.separator]}, in "
        f"{_CHARSETS[rows.charset]}.",
        "The first line names the columns."
        if rows.named
        else "The first line already holds values, so the columns are called column 1, column 2 and so on.",
        f"The networks learn to tell {label} ({len(classes)} classes) from the other columns: {', '.join(parts)}.",
    ]
    if rows.charset == "windows-1252":
        said.append("The text is not UTF-8 and was read as Windows-1252: see whether letters beyond a to z are right.")
    if kinds["ignored"]:
        said.append(f"{kinds['ignored']} column{'s are' if kinds['ignored'] > 1 else ' is'} left out.")
    if labelled < len(rows.cells):
        without = len(rows.cells) - labelled
        said.append(f"{_rows(without)} without a label {'were' if without > 1 else 'was'} left out.")
    if kinds["number"]:
        said.append(
            "Numbers are standardised: the mean of each column is taken away and the rest divided by its standard "
            "deviation, so that no column counts more than another only because of its unit. Both, and the medians "
            "that replace missing numbers, are those of the rows that may be trained on."
        )
    used = min(labelled, KEPT_ROWS)
    drawn = f"Of the {labelled:,} rows {KEPT_ROWS:,} are drawn at random. Of " if labelled > KEPT_ROWS else "Of "
    said.append(f"{drawn}{used:,} rows {pool_size(used):,} may be trained on, and {used - pool_size(used):,} judge.")
    return said + _about_classes(classes)


def _about_classes(classes: Mapping[str, int]) -> list[str]:
    """What to beware of when some classes are rare."""
    said = []
    single = [name for name, count in classes.items() if count == 1]
    if single:
        names = ", ".join(single[:5]) + (", …" if len(single) > 5 else "")
        has = "has a single example, which is" if len(single) == 1 else "have a single example each, which are"
        said.append(f"{names} {has} either trained on or judged by, never both.")
    total = sum(classes.values())
    largest = max(classes, key=lambda name: classes[name])
    share = classes[largest] / total
    if share >= _ONE_SIDED:
        said.append(f"Always answering {largest} is right {share:.0%} of the time: compare accuracies with that.")
    return said
