"""Numbers as people read them, and the table of one experiment as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from evidence.pairs import FALSE_ALARMS, Paired, Values
from trainer.presets import Preset
from trainer.presets.expected import Row

MARKS: Final = {"inside": " ", "outside": "✗", "no reference": "–", "not measured": "?"}


def number(value: float | None, unit: str, like: float | None = None) -> str:
    """A number with as many digits as its unit deserves; a dash for one that does not exist.

    Args:
        value: the number.
        unit: its unit.
        like: the number whose decimals it shall have, itself if left out.
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    places = {"steps": 0, "%": 1, "points": 1, "×": 2}.get(
        unit, 3 if abs(value if like is None else like) >= 0.01 else 4
    )
    text = f"{value:,.{places}f}"
    return text.removeprefix("-") if not float(text.replace(",", "")) else text.replace("-", "−")


def mean_of(values: Values) -> float:
    """Mean of the values that exist."""
    own = [value for value in values.values() if not math.isnan(value)]
    return math.fsum(own) / len(own) if own else math.nan


def reference(paired: Paired) -> str:
    """What a row is held against: plain PyTorch's mean over the seeds that both have, or what is claimed."""
    row = paired.row
    if row.is_claim:
        return claimed(row)
    return number(mean_of({seed: value for seed, value in paired.plain.items() if seed in paired.lab}), row.unit)


def claimed(row: Row) -> str:
    """What a claim says."""
    if row.low is not None and row.low == row.high:
        return f"{number(row.low, row.unit)} exactly"
    if row.low is None:
        return f"at most {number(row.high, row.unit)}"
    if row.high is None:
        return f"at least {number(row.low, row.unit)}"
    return f"{number(row.low, row.unit)} to {number(row.high, row.unit)}"


def measured(paired: Paired) -> str:
    """The lab's mean, or the range over seeds where each of them counts."""
    unit = paired.row.unit
    if paired.row.kind == "each" and paired.lab:
        return f"{number(min(paired.lab.values()), unit)} … {number(max(paired.lab.values()), unit)}"
    return number(mean_of(paired.lab), unit)


def difference(paired: Paired) -> str:
    """Lab minus plain with its standard error in brackets; nothing of a claim, or where there is no reference."""
    if paired.row.is_claim or paired.difference is None:
        return ""
    unit, like = paired.row.unit, mean_of(paired.lab)
    return f"{number(paired.difference, unit, like)} ({number(paired.error, unit, like)})"


def chance(paired: Paired) -> str:
    """The adjusted p."""
    if paired.p is None:
        return ""
    return "1" if paired.p >= 1 else "<0.001" if paired.p < 0.001 else f"{paired.p:.3f}"


def text(preset: Preset, rows: Sequence[Paired]) -> str:
    """The table of one experiment."""
    seeds = max((len(row.lab) for row in rows), default=0)
    lines = [f"\n{preset.title} ({preset.id}), {seeds} seed{'s' if seeds != 1 else ''}"]
    lines.append(f"  {'':<80} {'plain':>16} {'lab':>16} {'lab − plain (s.e.)':>20} {'pairs':>6} {'p':>7}")
    for paired in rows:
        row = paired.row
        label = row.label + (f", {row.unit}" if row.unit else "")
        line = f"{MARKS[paired.word]} {label:<80} {reference(paired):>16} {measured(paired):>16}"
        lines.append(f"{line} {difference(paired):>20} {paired.pairs or '':>6} {chance(paired):>7}".rstrip())
    return "\n".join(lines)


def summary(rows: Sequence[Paired]) -> str:
    """One sentence on all rows."""
    count = {word: sum(row.word == word for row in rows) for word in MARKS}
    parts = [f"{count['inside']} of {len(rows)} rows inside"]
    names = {"outside": "outside", "no reference": "without a reference", "not measured": "not measured"}
    parts += [f"{count[word]} {name}" for word, name in names.items() if count[word]]
    return ", ".join(parts) + "."


def statement(rows: Sequence[Paired]) -> str:
    """What the verdicts say, and how sure they are."""
    tested = [row for row in rows if row.p is not None]
    pairs = sorted({row.pairs for row in tested})
    seeds = f"{pairs[0]} to {pairs[-1]}" if len(pairs) > 1 else f"{pairs[0]}" if pairs else "no"
    return (
        f"{len(tested)} rows are tested by pairs over {seeds} seeds, together at a family-wise error rate of "
        f"{FALSE_ALARMS:.0%} (Holm); claims on each seed have to hold in each."
    )
