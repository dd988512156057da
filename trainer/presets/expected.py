"""What each experiment should come to: figures with their spread, kept as data in ``expected.json``. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

FILE: Final = Path(__file__).with_name("expected.json")

Kind = Literal["mean", "ratio", "difference", "step", "each", "mean-within"]
"""What is compared. The mean over seeds of a figure (``mean``), of a ratio or a difference of two lanes of one run
(``ratio``, ``difference``), or of a number of steps (``step``) with that of others; or a claim: ``each`` seed, or the
mean over seeds (``mean-within``), lies from ``low`` to ``high``."""


@dataclass(frozen=True)
class Row:
    """One figure of an experiment.

    Attributes:
        id: its name within the experiment.
        label: its name to people.
        unit: of the numbers; empty where they have none.
        kind: what is compared.
        expected: mean over seeds, None of a claim.
        sd: standard deviation over seeds, None of a claim.
        seeds: how many there were.
        low: of a claim, the least that it allows; else the least of the seeds, where that is known.
        high: the greatest, likewise.
        origin: who measured it.
        note: what to say beside it.
        not_reproduced: why it is expected to come out otherwise here; empty if it is not.
    """

    id: str
    label: str
    unit: str
    kind: Kind = "mean"
    expected: float | None = None
    sd: float | None = None
    seeds: int = 0
    low: float | None = None
    high: float | None = None
    origin: str = "plain PyTorch"
    note: str = ""
    not_reproduced: str = ""

    @property
    def is_claim(self) -> bool:
        """Whether this is a claim with limits, rather than a figure with a spread."""
        return self.kind in ("each", "mean-within")


@cache
def expected() -> dict[str, tuple[Row, ...]]:
    """All rows by the id of their experiment, the most telling first."""
    presets = json.loads(FILE.read_text(encoding="utf-8"))["presets"]
    return {preset: tuple(Row(**row) for row in rows) for preset, rows in presets.items()}


def expected_for(preset: str) -> tuple[Row, ...]:
    """The rows of one experiment; none if nothing is expected of it."""
    return expected().get(preset, ())


def described(preset: str) -> list[dict[str, Any]]:
    """The figures of one experiment as plain data, claims left out."""
    return [
        {
            "label": row.label,
            "value": row.expected,
            "sd": row.sd,
            "seeds": row.seeds,
            "unit": row.unit,
            "origin": row.origin,
            "note": row.note or row.not_reproduced,
        }
        for row in expected_for(preset)
        if not row.is_claim
    ]
