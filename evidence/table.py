"""Numbers as people read them, and the table of one experiment as text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from evidence.verdict import Verdict
from trainer.presets import Preset
from trainer.presets.expected import Row

MARKS: Final = {"inside": " ", "outside": "✗", "not reproduced": "~", "not measured": "?"}


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


def spread_of(mean: float | None, sd: float | None, unit: str) -> str:
    """``mean ± sd``, or the mean alone."""
    if sd is None or math.isnan(sd):
        return number(mean, unit)
    return f"{number(mean, unit)} ± {number(sd, unit, mean)}"


def expected(row: Row) -> str:
    """What a row expects."""
    if not row.is_claim:
        return spread_of(row.expected, row.sd, row.unit)
    if row.low is not None and row.low == row.high:
        return f"{number(row.low, row.unit)} exactly"
    if row.low is None:
        return f"at most {number(row.high, row.unit)}"
    if row.high is None:
        return f"at least {number(row.low, row.unit)}"
    return f"{number(row.low, row.unit)} to {number(row.high, row.unit)}"


def would_do(verdict: Verdict) -> str:
    """The range that would have been inside; of a claim it is said already."""
    if verdict.row.is_claim or math.isinf(verdict.low):
        return ""
    unit, like = verdict.row.unit, verdict.row.expected
    return f"{number(verdict.low, unit, like)} … {number(verdict.high, unit, like)}"


def measured(verdict: Verdict) -> str:
    """What was measured: mean and spread, or the range over seeds where each of them counts."""
    unit = verdict.row.unit
    if verdict.row.kind == "each" and verdict.values:
        return f"{number(min(verdict.values), unit)} … {number(max(verdict.values), unit)}"
    return spread_of(verdict.mean, verdict.sd, unit)


def text(preset: Preset, verdicts: Sequence[Verdict]) -> str:
    """The table of one experiment."""
    seeds = max((len(verdict.values) for verdict in verdicts), default=0)
    lines = [f"\n{preset.title} ({preset.id}), {seeds} seed{'s' if seeds != 1 else ''}"]
    lines.append(f"  {'':<80} {'expected':>18} {'measured':>18}  inside would be")
    for verdict in verdicts:
        row = verdict.row
        unit = f", {row.unit}" if row.unit else ""
        own = "" if row.is_claim or row.origin == "plain PyTorch" else " (this project’s own)"
        line = f"{MARKS[verdict.word]} {row.label + unit + own:<80} {expected(row):>18} {measured(verdict):>18}"
        lines.append(f"{line}  {would_do(verdict)}".rstrip())
        if verdict.word == "not reproduced":
            lines.append(f"    not reproduced: {row.not_reproduced}")
    return "\n".join(lines)


def summary(verdicts: Sequence[Verdict]) -> str:
    """One sentence on all rows."""
    count = {word: sum(verdict.word == word for verdict in verdicts) for word in MARKS}
    parts = [f"{count['inside']} of {len(verdicts)} rows inside"]
    parts += [f"{count[word]} {word}" for word in ("outside", "not reproduced", "not measured") if count[word]]
    return ", ".join(parts) + "."


def closeness(verdicts: Sequence[Verdict]) -> str:
    """How far measured and expected means are apart on the whole; nothing where there is nothing to compare."""
    apart = [
        abs(verdict.mean - verdict.row.expected) / verdict.row.sd
        for verdict in verdicts
        if verdict.row.expected is not None and verdict.row.sd and not math.isnan(verdict.mean)
    ]
    if not apart:
        return ""
    return (
        f"Half of the means lie within {statistics.median(apart):.1f} expected standard deviations of what is expected."
    )
