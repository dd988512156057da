"""What is kept of a whole measurement for the page: ``trainer/presets/seeds.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, Final

from evidence.pairs import Paired, judge_all, shortened
from trainer.presets import Preset
from trainer.presets.expected import expected_for
from trainer.presets.seeds import FILE, Source, to_text, values_of

DIGITS: Final = 4


def rows_of(presets: Sequence[Preset]) -> dict[str, list[Paired]]:
    """Every row of experiments with the values that are stored, judged together."""
    return judged_together(
        {
            preset.id: [
                Paired(row, values_of("lab", preset.id, row.id), values_of("plain", preset.id, row.id))
                for row in expected_for(preset.id)
            ]
            for preset in presets
        }
    )


def judged_together(rows: Mapping[str, Sequence[Paired]]) -> dict[str, list[Paired]]:
    """Rows of several experiments, judged as one table."""
    verdicts = iter(judge_all([row for own in rows.values() for row in own]))
    return {preset: [next(verdicts) for _ in own] for preset, own in rows.items()}


def as_data(rows: Mapping[str, Sequence[Paired]]) -> dict[str, dict[str, Any]]:
    """What the file has of rows."""
    return {preset: _experiment(own) for preset, own in rows.items()}


def _experiment(rows: Sequence[Paired]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    sources: tuple[tuple[Source, list[Mapping[int, float]]], ...] = (
        ("lab", [row.lab for row in rows]),
        ("plain", [row.plain for row in rows]),
    )
    for source, columns in sources:
        seeds = sorted({seed for column in columns for seed in column})
        if seeds:
            of_rows = zip(rows, columns, strict=True)
            kept = {row.row.id: [_short(column, seed) for seed in seeds] for row, column in of_rows if column}
            held[source] = {"seeds": seeds, "rows": kept}
    held["judged"] = {row.row.id: asdict(row.kept) for row in rows}
    return held


def _short(column: Mapping[int, float], seed: int) -> float | None:
    return shortened(column.get(seed, math.nan), DIGITS)


def write(rows: Mapping[str, Sequence[Paired]]) -> None:
    """Write the file anew. Values are rounded first, so that what is judged is what is kept."""
    FILE.write_text(to_text(as_data(rows), version("torch")), encoding="utf-8")


def rounded(rows: Mapping[str, Sequence[Paired]]) -> dict[str, list[Paired]]:
    """The same rows with values as the file has them."""

    def of(values: Mapping[int, float]) -> dict[int, float]:
        short = {seed: shortened(value, DIGITS) for seed, value in values.items()}
        return {seed: math.nan if value is None else value for seed, value in short.items()}

    return {preset: [Paired(row.row, of(row.lab), of(row.plain)) for row in own] for preset, own in rows.items()}
