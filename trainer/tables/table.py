"""A table of somebody's own: from the bytes of a CSV file to features and labels, and what was made of it in words."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from trainer.errors import KnobError, TableError, quote
from trainer.printable import base_name
from trainer.settings.shapes import MAX_CLASSES, MAX_FEATURES, SIZES
from trainer.tables.cells import LABEL_MISSING, Cells, named
from trainer.tables.columns import MAX_NUMBER, Column, Features, describe_column, in_trouble, read_column
from trainer.tables.decisions import NOTHING, Decisions, check_columns
from trainer.tables.rows import SEPARATORS, Rows, distinct, quoted, read_rows, short
from trainer.tables.words import count_of_rows as _rows
from trainer.tables.words import sentences

PREVIEW_ROWS: Final = 5  # the first ones, shown as they came and as they were understood
MIN_ROWS: Final = 30  # 20 to train on, which is the least, and 10 to judge by
MOST_DEVIATIONS: Final = 1_000_000  # of a number from the mean of its column; what is further counts as so far
KEPT_ROWS: Final = 2000  # the most that a run can use: 1,000 to train on and 1,000 to judge by
MOST_UNPACKED: Final = KEPT_ROWS * MAX_FEATURES * 8  # bytes of the features of a table that is handed on


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
        charset: of the file, one of ``CHARSETS``.
        named: whether its first row names the columns.
        skipped: how many lines of the file are above the table.
        cleaned: how many cells lost characters that cannot be seen.
        decisions: what the reader decided of its columns, by their names.
        preview: the first rows, as they came and as they were understood.
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
    skipped: int = 0
    cleaned: int = 0
    decisions: dict[str, Any] = field(default_factory=dict)
    preview: tuple[dict[str, Any], ...] = ()

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
            "skipped": self.skipped,
            "cleaned": self.cleaned,
            "decisions": self.decisions,
            "preview": list(self.preview),
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
        """The table of which `encode` made ``data``, without what is only told.

        Raises:
            TableError: it is not one.
        """
        try:
            names, classes = _texts(data["feature_names"]), _texts(data["classes"])
            is_number = tuple(bool(each) for each in data["is_number"])
            labels = _unpacked(data["labels"], "<i8").astype(np.int64)
            features = _unpacked(data["features"], "<f8").astype(np.float64).reshape(len(labels), len(names))
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise TableError(f"this is no table that was handed on: {quote(error)}") from error
        if len(is_number) != len(names) or ((labels < 0) | (labels >= len(classes))).any():
            raise TableError("this is no table that was handed on: its columns or classes are others than it says")
        return cls(labels=labels, classes=classes, features=features, feature_names=names, is_number=is_number)


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 1)).decode()


def _unpacked(text: str, dtype: str) -> np.ndarray:
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(base64.b64decode(text, validate=True), MOST_UNPACKED + 1)
    if len(data) > MOST_UNPACKED or not unpacking.eof:
        raise ValueError(f"it is cut off, or longer than {MOST_UNPACKED:,} bytes")
    return np.frombuffer(data, dtype)


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"{quote(given)} is no list of texts")
    return tuple(given)


def pool_size(rows: int) -> int:
    """How many rows of a table may be trained on. A third is kept to judge by: at least 10 and at most what is left."""
    return min(SIZES["csv"].examples, rows - max(10, rows // 3))


def read_table(
    data: bytes, name: str = "table.csv", label: str | None = None, decisions: Decisions | None = None
) -> Table:
    """Read a CSV file: commas, semicolons, tabs or bars; UTF-8, UTF-16 or Windows-1252; with or without names on top.

    Args:
        data: the bytes of the file.
        name: what it is called.
        label: the column to be learnt; the last that is not empty if left out.
        decisions: what the reader decided of columns, by their names.

    Raises:
        TableError: nothing can be learnt from it; the message says on which line and in which column, and what would
            do. If its rows could be read, ``reading`` says what is known of its columns.
        KnobError: a decision is about a column that is not there, or against another.
    """
    decisions = decisions or {}
    label = label.strip() if label and label.strip() else None
    rows = read_rows(data, [*decisions, *([] if label is None else [label])])
    _check_shape(rows)
    check_columns(decisions, rows.names)
    columns = [
        Cells(column, cells, rows.lines, rows.separator, decisions.get(column, NOTHING))
        for column, cells in zip(rows.names, zip(*rows.cells, strict=True), strict=True)
    ]
    try:
        return _understood(rows, columns, name, label)
    except TableError as error:
        error.reading = _reading(rows, columns, label)
        raise


def _understood(rows: Rows, columns: Sequence[Cells], name: str, label: str | None) -> Table:
    """What can be learnt from columns."""
    chosen = _label_column(columns, label)
    described, classes, labels = _classes(columns, chosen)
    labelled = np.flatnonzero(labels >= 0)
    if len(labelled) < MIN_ROWS:
        without = f", of which only {len(labelled)} have a label" if len(labelled) < len(labels) else ""
        without += _taken_as_missing(described)
        raise TableError(f"the table has {_rows(len(labels))}{without}; at least {MIN_ROWS} are needed")
    shown, features = _features(columns, chosen, described)
    matrix = np.concatenate([each.numbers for each in features.values()], axis=1)
    kept = _drawn(labelled)
    counts = tuple(int(count) for count in np.bincount(labels[labelled], minlength=len(classes)))
    return Table(
        labels=labels[kept],
        classes=classes,
        features=matrix[kept],
        feature_names=tuple(each for feature in features.values() for each in feature.names),
        is_number=tuple(feature.is_number for feature in features.values() for _ in feature.names),
        name=short(base_name(name), 80) or "table.csv",
        label=columns[chosen].name,
        rows=len(labelled),
        class_counts=counts,
        columns=shown,
        sentences=tuple(sentences(rows, described, shown, dict(zip(classes, counts, strict=True)), _sizes(labelled))),
        separator=rows.separator,
        charset=rows.charset,
        named=rows.named,
        skipped=rows.skipped,
        cleaned=rows.cleaned,
        decisions={column.name: column.decision.described() for column in columns if column.decision != NOTHING},
        preview=_preview(
            rows, chosen, [classes[each] if each >= 0 else None for each in labels[:PREVIEW_ROWS]], features
        ),
    )


def _sizes(labelled: np.ndarray) -> tuple[int, int]:
    """How many rows are used, and how many of them may be trained on."""
    used = min(len(labelled), KEPT_ROWS)
    return used, pool_size(used)


def _preview(
    rows: Rows, chosen: int, labels: Sequence[str | None], features: Mapping[int, Features]
) -> tuple[dict[str, Any], ...]:
    """The first rows: their cells, and what was understood of each; None where there is nothing."""
    shown = []
    for row, cells in enumerate(rows.cells[:PREVIEW_ROWS]):
        read = [
            labels[row] if place == chosen else features[place].shown(row) if place in features else None
            for place in range(len(cells))
        ]
        shown.append({"line": rows.lines[row], "cells": [short(cell) for cell in cells], "read": read})
    return tuple(shown)


def _reading(rows: Rows, columns: Sequence[Cells], label: str | None) -> dict[str, Any]:
    """What is known of a table that cannot be learnt from, for a reader to correct it."""
    try:
        chosen = _label_column(columns, label)
    except (TableError, KnobError):
        chosen = -1
    shown: list[Column] = []
    features: dict[int, Features] = {}
    labels: list[str | None] = []
    for place, column in enumerate(columns):
        if place == chosen:
            shown.append(describe_column(column, "label", len(column.counts), "what is to be learnt"))
            missing = column.missing(LABEL_MISSING)
            labels = [None if cell in missing else short(cell) for cell in column.cells[:PREVIEW_ROWS]]
            continue
        try:
            described, numbers = read_column(column)
        except TableError as error:
            described, numbers = in_trouble(column, error), None
        shown.append(described)
        if numbers is not None:
            features[place] = numbers
    return {
        "label": columns[chosen].name if chosen >= 0 else None,
        "columns": [column.described() for column in shown],
        "decisions": {column.name: column.decision.described() for column in columns if column.decision != NOTHING},
        "preview": list(_preview(rows, chosen, labels, features)),
    }


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
    """Which column is to be learnt: the one that is named or decided, or else the last that nothing else was said of.

    Raises:
        TableError: there is none.
        KnobError: two things that were said of it do not go together.
    """
    decided = next((place for place, column in enumerate(columns) if column.decision.kind == "label"), None)
    if label is not None:
        place = _called(columns, label)
        kind = columns[place].decision.kind
        if kind not in (None, "label") or decided not in (None, place):
            other = None if decided is None else quoted(columns[decided].name)
            is_it = f"it is said to be {kind}" if other is None else f"{other} is said to be it"
            raise KnobError("label", label, f"a column of which nothing else is decided: {is_it}")
        return place
    if decided is not None:
        return decided
    free = [place for place, column in enumerate(columns) if column.decision.kind is None]
    if not free:
        raise TableError("no column is left to be the label: say of one that it is what is to be learnt")
    return max((place for place in free if any(columns[place].counts)), default=free[-1])


def _called(columns: Sequence[Cells], label: str) -> int:
    wanted = short(label, 60)
    for same in (str, str.casefold):
        for place, column in enumerate(columns):
            if same(column.name) == same(wanted):
                return place
    names = ", ".join(column.name for column in columns[:12]) + (", …" if len(columns) > 12 else "")
    raise TableError(f"there is no column {quote(label)} to be the label; the columns are {names}")


def _classes(columns: Sequence[Cells], chosen: int) -> tuple[Column, tuple[str, ...], np.ndarray]:
    """What the label is, the names of the classes, and the class of each row, -1 where it is missing: (n,) int64.

    Raises:
        TableError: they are fewer than two, or more than can be told apart; or there is a text among numbers.
    """
    column = columns[chosen]
    numbers, words = column.numbers(column.missing(LABEL_MISSING))
    code = column.code(numbers) if column.decision.numbers is None and not words else ""
    if column.decision.numbers and words:
        raise column.error(words[0], "is no number, and the labels are said to be numbers")
    as_texts = bool(words or code or column.decision.numbers is False)
    if as_texts:  # numbers among words are names like any other
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
        raise TableError(_not_classes(columns, column, len(names), as_texts))
    what = f"what is to be learnt: {len(names)} classes"
    if code:
        what += f"; they are codes and no numbers, because {code}"
    if alike := column.alike(names if as_texts else ()):
        what += f"; {alike}"
    labels = np.array([place.get(cell, -1) for cell in column.cells], np.int64)
    described = describe_column(column, "label", len(names), what, numbers=not as_texts, codes=as_texts and not words)
    return described, distinct([short(name) for name in names]), labels


def _not_classes(columns: Sequence[Cells], label: Cells, classes: int, words: bool) -> str:
    what = f"the label {quoted(label.name)} "
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
        advice = f"choose another column as the label, such as {', '.join(quoted(name) for name in others[:3])}"
    elif classes > MAX_CLASSES and not words:
        advice = "write a few words in place of the numbers, such as low, middle and high"
    else:
        advice = "none of the columns has"
        return f"{what}; a label has 2 to {MAX_CLASSES} different values, which {advice}"
    return f"{what}; a label has 2 to {MAX_CLASSES} different values: {advice}"


def _could_be_label(column: Cells) -> bool:
    return 2 <= len(column.counts.keys() - column.missing(LABEL_MISSING)) <= MAX_CLASSES


# The features


def _features(columns: Sequence[Cells], chosen: int, label: Column) -> tuple[tuple[Column, ...], dict[int, Features]]:
    """What was made of every column, and the features by the place of theirs.

    Raises:
        TableError: there is none, or there are too many.
    """
    shown: list[Column] = []
    features: dict[int, Features] = {}
    for place, column in enumerate(columns):
        if place == chosen:
            shown.append(label)
            continue
        described, numbers = read_column(column)
        shown.append(described)
        if numbers is not None:
            features[place] = numbers
    if not features:
        why = "; ".join(f"{quoted(each.name)} is {each.reason}" for each in shown if each.kind == "ignored")[:300]
        raise TableError(f"no column is left to learn from: {why}")
    count = sum(len(each.names) for each in features.values())
    if count > MAX_FEATURES:
        raise TableError(_too_many(count, max(features.values(), key=lambda each: len(each.names))))
    return tuple(shown), features


def _too_many(count: int, widest: Features) -> str:
    if widest.is_number:
        return f"the table has {count:,} columns of numbers; at most {MAX_FEATURES} are allowed: leave out some"
    column = quoted(widest.column)
    return (
        f"the columns make {count:,} numbers, since each value of a column of words becomes one; at most "
        f"{MAX_FEATURES} are allowed: leave out some columns, such as {column}, of which come {len(widest.names)}"
    )


def _drawn(rows: np.ndarray) -> np.ndarray:
    """At most ``KEPT_ROWS`` of the rows, drawn at random but always the same, in their order."""
    if len(rows) <= KEPT_ROWS:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, KEPT_ROWS, replace=False))


def _taken_as_missing(label: Column) -> str:
    """Which labels were taken as missing, as the end of a clause; empty where only empty cells were."""
    return f" (taken as missing: {named(label.missing_texts)})" if any(text for text, _ in label.missing_texts) else ""
