"""What each experiment should come to: its rows, kept as data in ``expected.json``, with what seeds gave. No torch."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from trainer.presets.seeds import Judged, Source, judged, values_of

FILE: Final = Path(__file__).with_name("expected.json")

Kind = Literal["mean", "ratio", "difference", "step", "each", "mean-within"]
"""What is compared. The mean over seeds of a figure (``mean``), of a ratio or a difference of two lanes of one run
(``ratio``, ``difference``), or of a number of steps (``step``) with that of others; or a claim: ``each`` seed, or the
mean over seeds (``mean-within``), lies from ``low`` to ``high``."""


@dataclass(frozen=True)
class Row:
    """One figure of an experiment.

    Attributes:
        id: its name within the experiment, by which evidence and page know it as well.
        label: its name to people; nothing depends on it.
        unit: of the numbers; empty where they have none.
        kind: what is compared.
        expected: mean over seeds, None of a claim.
        sd: standard deviation over seeds, None of a claim.
        seeds: how many there were.
        low: of a claim, the least that it allows.
        high: the greatest, likewise.
        origin: who measured it.
        note: what to say beside it.
        not_on_page: why the page of its experiment has no such figure; empty if it has.
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
    not_on_page: str = ""

    @property
    def is_claim(self) -> bool:
        """Whether this is a claim with limits, rather than a figure with a spread."""
        return self.kind in ("each", "mean-within")


@cache
def expected() -> dict[str, tuple[Row, ...]]:
    """All rows by the id of their experiment, the most telling first.

    Mean, standard deviation and number of seeds are those of ``seeds.json``: plain PyTorch's where it was measured with
    at least five seeds, else the lab's own.
    """
    presets = json.loads(FILE.read_text(encoding="utf-8"))["presets"]
    return {preset: tuple(_filled(preset, Row(**row)) for row in rows) for preset, rows in presets.items()}


ENOUGH: Final = 5  # seeds of a reference; of fewer the deviation is hardly known


def _filled(preset: str, row: Row) -> Row:
    """The row with what seeds gave, if any did and it is no claim."""
    if row.is_claim:
        return row
    sources: tuple[tuple[Source, str], ...] = (("plain", "plain PyTorch"), ("lab", "this project"))
    for source, origin in sources:
        values = [each for each in values_of(source, preset, row.id).values() if not math.isnan(each)]
        if len(values) >= ENOUGH:
            mean = math.fsum(values) / len(values)
            sd = math.sqrt(math.fsum((each - mean) ** 2 for each in values) / (len(values) - 1))
            return replace(row, expected=mean, sd=sd, seeds=len(values), origin=origin)
    return row


def expected_for(preset: str) -> tuple[Row, ...]:
    """The rows of one experiment; none if nothing is expected of it."""
    return expected().get(preset, ())


def described(preset: str) -> list[dict[str, Any]]:
    """The figures of one experiment as plain data, claims left out, with the value of each seed."""
    found = []
    for row in expected_for(preset):
        if row.is_claim:
            continue
        own = {seed: value for seed, value in values_of("lab", preset, row.id).items() if not math.isnan(value)}
        plain = [value for value in values_of("plain", preset, row.id).values() if not math.isnan(value)]
        enough = len(plain) >= ENOUGH
        found.append(
            {
                "id": row.id,
                "label": row.label,
                "unit": row.unit,
                "seeds": list(own),
                "values": list(own.values()),
                "reference": {"mean": math.fsum(plain) / len(plain), "seeds": len(plain)} if enough else None,
                "judged": asdict(judged(preset, row.id) or Judged("no reference")),
                "note": row.note,
            }
        )
    return found
