"""What there is to know about a table, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from trainer.tables.cells import named
from trainer.tables.columns import Column
from trainer.tables.rows import CHARSETS, SEPARATORS, Rows, short

_RARE: Final = 0.25  # of what a class would have if all had as many rows: from there down it is worth a word
_ONE_SIDED: Final = 0.8  # share of the largest class from which on it is worth a word


def count_of_rows(count: int) -> str:
    """A number of rows in words."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def sentences(
    rows: Rows, label: Column, columns: Sequence[Column], classes: Mapping[str, int], sizes: tuple[int, int]
) -> list[str]:
    """What there is to know about a table.

    Args:
        rows: of the file.
        label: what is learnt.
        columns: all of them.
        classes: how many rows there are of each.
        sizes: how many rows are used, and how many of these may be trained on.
    """
    kinds = Counter(column.kind for column in columns)
    parts = [
        f"{count} of {what}" for count, what in ((kinds["number"], "numbers"), (kinds["category"], "words")) if count
    ]
    said = [
        *_about_head(rows),
        f"{count_of_rows(len(rows.cells))} and {len(columns)} columns, separated by {SEPARATORS[rows.separator]}, in "
        f"{CHARSETS[rows.charset]}.",
        "The first line names the columns."
        if rows.named
        else "The first line already holds values, so the columns are called column 1, column 2 and so on.",
        *_about_unseen(rows),
        f"The networks learn to tell {label.name} ({len(classes)} classes) from the other columns: {', '.join(parts)}.",
    ]
    if rows.charset == "windows-1252":
        said.append("The text is not UTF-8 and was read as Windows-1252: see whether letters beyond a to z are right.")
    if kinds["ignored"]:
        said.append(f"{kinds['ignored']} column{'s are' if kinds['ignored'] > 1 else ' is'} left out.")
    if label.missing:
        were = "were" if label.missing > 1 else "was"
        said.append(
            f"{count_of_rows(label.missing)} without a label {were} left out; taken as no label: "
            f"{named(label.missing_texts)}."
        )
    said += [_about_na(column) for column in columns if _keeps_na(column)]
    if kinds["number"]:
        said.append(
            "Numbers are standardised: the mean of each column is taken away and the rest divided by its standard "
            "deviation, so that no column counts more than another only because of its unit. Both, and the medians "
            "that replace missing numbers, are those of the rows that may be trained on."
        )
    used, pool = sizes
    labelled = sum(classes.values())
    drawn = f"Of the {labelled:,} rows {used:,} are drawn at random. Of " if labelled > used else "Of "
    said.append(f"{drawn}{used:,} rows {pool:,} may be trained on, and {used - pool:,} judge.")
    return said + _about_classes(classes)


def _about_head(rows: Rows) -> list[str]:
    """The lines above the table that begin with #."""
    if not rows.comments:
        return []
    if len(rows.comments) == 1:
        return [f"1 line above the table begins with # and was skipped as a comment: “{short(rows.comments[0], 60)}”."]
    return [
        f"{len(rows.comments):,} lines above the table begin with # and were skipped as comments; the first is "
        f"“{short(rows.comments[0], 60)}”."
    ]


def _about_unseen(rows: Rows) -> list[str]:
    """What was taken out of cells and names."""
    said = []
    if rows.cleaned:
        said.append(
            f"In {rows.cleaned:,} cell{'s' if rows.cleaned > 1 else ''} characters that cannot be seen were left out, "
            "such as zero-width ones and those that turn the direction of writing."
        )
    if rows.renamed:
        names = "1 name of a column" if rows.renamed == 1 else f"{rows.renamed:,} names of columns"
        said.append(f"In {names} line ends and tabs became blanks.")
    return said


def _keeps_na(column: Column) -> bool:
    decided = "missing" in column.decided
    return column.kind in ("label", "category") and not decided and any(text == "NA" for text, _ in column.marks)


def _about_na(column: Column) -> str:
    count = dict(column.marks)["NA"]
    return (
        f"In {column.name} “NA” ({count:,}×) is taken as a value, since the others are codes of two capitals, too; say "
        "so if it means that there is none."
    )


def _about_classes(classes: Mapping[str, int]) -> list[str]:
    """What to beware of when some classes are rare."""
    said = []
    single = [name for name, count in classes.items() if count == 1]
    if single:
        names = ", ".join(single[:5]) + (", …" if len(single) > 5 else "")
        has = "has a single example, which is" if len(single) == 1 else "have a single example each, which are"
        said.append(f"{names} {has} either trained on or judged by, never both.")
    total = sum(classes.values())
    largest, rarest = (pick(classes, key=lambda name: classes[name]) for pick in (max, min))
    if 1 < classes[rarest] < _RARE * total / len(classes):
        said.append(
            f"{rarest} is rare: {count_of_rows(classes[rarest])} of {total:,}. Accuracy says little about it; look at "
            "Recall by class."
        )
    share = classes[largest] / total
    if share >= _ONE_SIDED:
        said.append(f"Always answering {largest} is right {share:.0%} of the time: compare accuracies with that.")
    return said
