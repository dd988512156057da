"""What has been measured so far, in a file: a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
MEASURING: Final = ("trainer", "evidence/measures", "evidence/plain", "evidence/trained.py")


class Results:
    """Values by name and seed, written to a file after each; a name is that of an experiment and of who trained it.

    What other code measured does not count: the file bears a mark of the trainer's and the measures' source, and of
    PyTorch's version.

    Args:
        path: the file, which need not be there yet.
        fresh: forget what it holds.
    """

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path = path
        self._mark = mark()
        self._values: dict[str, dict[str, dict[str, float]]] = {} if fresh else self._read()

    def _read(self) -> dict[str, dict[str, dict[str, float]]]:
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        if not isinstance(held, dict) or held.get("mark") != self._mark:
            return {}
        return {
            preset: {seed: {row: _number(value) for row, value in rows.items()} for seed, rows in seeds.items()}
            for preset, seeds in held["values"].items()
        }

    def get(self, preset: str, seed: int) -> Mapping[str, float] | None:
        """What a preset came to with a seed; None if that is not known."""
        return self._values.get(preset, {}).get(str(seed))

    def put(self, preset: str, seed: int, values: Mapping[str, float]) -> None:
        """Keep what a preset came to with a seed."""
        self._values.setdefault(preset, {})[str(seed)] = dict(values)
        plain = {
            preset: {
                seed: {row: None if math.isnan(v) else v for row, v in rows.items()} for seed, rows in each.items()
            }
            for preset, each in self._values.items()
        }
        beside = self.path.with_name(self.path.name + ".new")
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({"mark": self._mark, "values": plain}, indent=1), encoding="utf-8")
        os.replace(beside, self.path)  # never half a file, whenever the run is stopped


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def mark() -> str:
    """A short text that changes with whatever the numbers depend on."""
    digest = hashlib.sha256(version("torch").encode())
    for place in MEASURING:
        path = ROOT / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
