"""What each experiment came to with each of some seeds: the lab's values and, of the same splits, plain PyTorch's.

``make evidence ARGS=--write`` writes ``seeds.json``; the page, the evidence and the tests read it. No torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

FILE: Final = Path(__file__).with_name("seeds.json")
FIRST: Final = 1
"""The lowest seed that is measured: 0 is the one that a page starts with, which is so compared with others."""

Source = Literal["lab", "plain"]
Word = Literal["inside", "outside", "not measured", "no reference"]


@dataclass(frozen=True)
class Judged:
    """How a row of the lab and of plain PyTorch compare, seed by seed.

    Attributes:
        word: what came of it.
        pairs: how many seeds both have.
        difference: the lab's value minus the other, mean over pairs; None of a claim.
        error: the standard error of that mean.
        p: probability of so large a difference by chance, multiplied for the number of rows (Holm 1979).
    """

    word: Word
    pairs: int = 0
    difference: float | None = None
    error: float | None = None
    p: float | None = None


@cache
def stored() -> Mapping[str, Mapping[str, Any]]:
    """The file's experiments, as it has them."""
    held: dict[str, Mapping[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["presets"]
    return held


def values_of(source: Source, preset: str, row: str) -> dict[int, float]:
    """A row's value with each seed; NaN where the run had no such figure. Nothing where none was measured."""
    held = stored().get(preset, {}).get(source, {})
    values = held.get("rows", {}).get(row, [])
    pairs = zip(held.get("seeds", []), values, strict=False)
    return {seed: math.nan if value is None else float(value) for seed, value in pairs}


def judged(preset: str, row: str) -> Judged | None:
    """What `evidence` found of a row; None if it was not judged."""
    held = stored().get(preset, {}).get("judged", {}).get(row)
    return None if held is None else Judged(**held)


def to_text(presets: Mapping[str, Mapping[str, Any]], torch: str) -> str:
    """The file: one row a line, so that a change of one value is a change of one line."""

    def lines(of: Mapping[str, Any], indent: str) -> str:
        return ",\n".join(f"{indent}{json.dumps(key)}: {json.dumps(value)}" for key, value in of.items())

    parts = []
    for preset, held in presets.items():
        sources = [
            f'      "{source}": {{"seeds": {json.dumps(held[source]["seeds"])}, "rows": {{\n'
            f"{lines(held[source]['rows'], ' ' * 8)}\n      }}}}"
            for source in ("lab", "plain")
            if source in held
        ]
        sources.append(f'      "judged": {{\n{lines(held["judged"], " " * 8)}\n      }}')
        parts.append(f"    {json.dumps(preset)}: {{\n" + ",\n".join(sources) + "\n    }")
    return f'{{\n  "torch": {json.dumps(torch)},\n  "presets": {{\n' + ",\n".join(parts) + "\n  }\n}\n"
