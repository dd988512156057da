"""What came of the check: told while it is done, kept as JSON, and printed as one table at the end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from scripts.gpu_check.parts import Part
from scripts.gpu_check.rows import WRONG
from scripts.gpu_check.supervisor import End

FORMAT: Final = 1
"""Of the JSON: it grows when a field changes its meaning."""

LEFT_OUT: Final = "left out"
_RIGHT: Final = ("passed", "not on a CPU")  # outcomes of a part in which nothing went wrong
_SIGN: Final = {"passed": "ok", "failed": "FAILED", "missed": "MISSED", "measured": "", "not on a CPU": "not on a CPU"}


class Report:
    """Everything that is known, written to its file after each part.

    Args:
        path: of the JSON.
        rehearsal: whether this is one.
        options: what was asked for on the command line.
        out: where people read; standard output if left out.
    """

    def __init__(self, path: Path, rehearsal: bool, options: Mapping[str, Any], out: TextIO | None = None) -> None:
        self._path, self._out, self._began = path, out or sys.stdout, time.monotonic()
        self._told: dict[str, Any] = {
            "format": FORMAT,
            "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": 0.0,
            "rehearsal": rehearsal,
            "options": dict(options),
            "outcome": "unfinished",
            "machine": None,
            "parts": [],
        }

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is known of each part."""
        found: list[dict[str, Any]] = self._told["parts"]
        return found

    def say(self, *lines: str) -> None:
        """Print lines at once."""
        print(*lines, sep="\n", file=self._out, flush=True)

    def machine(self, facts: Mapping[str, Any] | None) -> None:
        """Take note of what the check is run on."""
        self._told["machine"] = facts
        if facts is None:
            return
        gpu = facts["gpu"]
        on = f"{gpu['name']}, driver {gpu.get('driver_version', 'unknown')}" if gpu else f"no GPU: {facts['why']}"
        clocks = f", clock {gpu['clocks.sm']} of {gpu['clocks.max.sm']}" if gpu and "clocks.sm" in gpu else ""
        self.say(f"{on}{clocks}; torch {facts['torch']}, CUDA {facts['cuda']}, Python {facts['python']}")

    def begin(self, part: Part, limit_s: float) -> None:
        """A part begins."""
        self.parts.append(_entry(part) | {"limit_s": round(limit_s, 1), "outcome": "unfinished"})
        self.say("", f"{part.number} {part.name}: {part.title} (at most {limit_s:.0f} s)")

    def receive(self, row: dict[str, Any]) -> None:
        """A row of the part that was begun last."""
        self.parts[-1]["rows"].append(row)
        detail = f"  {row['detail']}" if row["detail"] else ""
        self.say(f"  {_SIGN[row['outcome']]:<12} {row['name']}{detail}")

    def finish(self, end: End, seconds: float) -> None:
        """The part that was begun last has ended."""
        part = self.parts[-1]
        # Not to have found anything is no way to pass.
        wrong = end.outcome != "done" or not part["rows"] or any(row["outcome"] in WRONG for row in part["rows"])
        outcome = "ended" if end.outcome == "ended" else "failed" if wrong else _of_right(part["rows"])
        part.update(outcome=outcome, error=end.error or None, seconds=round(seconds, 1))
        if end.error:
            self.say(*(f"  {line}" for line in end.error.strip().splitlines()))
        self.say(f"  {part['name']}: {outcome}, {_counted(part['rows'])}, {seconds:.1f} s")
        self.save()

    def leave_out(self, part: Part, why: str) -> None:
        """A part is not done."""
        self.parts.append(_entry(part) | {"outcome": LEFT_OUT, "error": why})
        self.say("", f"{part.number} {part.name}: left out, {why}")
        self.save()

    def conclude(self, outcome: str | None = None) -> bool:
        """All is done; whether all of it passed.

        Args:
            outcome: of the whole, where it is not that of its parts.
        """
        passed = bool(self.parts) and all(part["outcome"] in _RIGHT for part in self.parts)
        right = "rehearsed" if self._told["rehearsal"] else "passed"
        self._told["outcome"] = outcome or (right if passed else "failed")
        self.save()
        if self.parts:
            self.say(
                "", *table(self.parts), "", f"{self._told['outcome']}, {self._told['seconds']:.0f} s; {self._path}"
            )
        return passed

    def save(self) -> None:
        """Write the file: whole, or not at all."""
        self._told["seconds"] = round(time.monotonic() - self._began, 1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(json.dumps(self._told, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(fresh, self._path)


def _entry(part: Part) -> dict[str, Any]:
    base = {"number": part.number, "name": part.name, "title": part.title}
    return base | {"outcome": None, "error": None, "seconds": 0.0, "limit_s": None, "rows": []}


def _of_right(rows: Sequence[Mapping[str, Any]]) -> str:
    """The outcome of a part in which nothing went wrong: it passed if anything did."""
    return "not on a CPU" if all(row["outcome"] == "not on a CPU" for row in rows) else "passed"


def _counted(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(row["outcome"] for row in rows)
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing found"


def table(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each part, and below them everything that did not pass."""
    lines = [f"{'part':<12} {'outcome':<12} {'seconds':>7}  rows"]
    for part in parts:
        label = f"{part['number']} {part['name']}"
        lines.append(f"{label:<12} {part['outcome']:<12} {part['seconds']:>7.1f}  {_counted(part['rows'])}")
    for part in parts:
        if part["error"]:
            *_, last = part["error"].strip().splitlines()
            lines.append(f"{part['outcome']}: {part['name']}: {last}")
        lines += [
            f"{row['outcome']}: {part['name']}: {row['name']}: {row['detail']}"
            for row in part["rows"]
            if row["outcome"] in WRONG
        ]
    return lines
