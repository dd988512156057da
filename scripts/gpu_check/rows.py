"""What the check finds: a row for each thing that was tried, with a verdict and figures."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeVar

Outcome = Literal["passed", "failed", "missed", "measured", "not on a CPU"]
Figure = float | int | str | bool | None

WRONG: Final = ("failed", "missed")
"""The outcomes of a row that make the whole check end with 1."""

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What came of one thing that was tried.

    Attributes:
        outcome: ``passed`` or ``failed``; ``missed``, a goal of speed that was not reached; ``measured``, figures
            without a verdict; ``not on a CPU``, what only a GPU can answer.
        detail: a sentence for people.
        figures: numbers for programs.
    """

    outcome: Outcome
    detail: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A finding and what it is of."""

    name: str
    finding: Finding

    def plain(self) -> dict[str, Any]:
        """As JSON has it; a figure that is no finite number is None."""
        found = asdict(self.finding)
        figures = {name: _finite(value) for name, value in found.pop("figures").items()}
        return {"name": self.name, **found, "figures": figures}


def verdict(right: bool, detail: str = "", **figures: Figure) -> Finding:
    """Passed or failed."""
    return Finding("passed" if right else "failed", detail, figures)


def goal(reached: bool, detail: str, **figures: Figure) -> Finding:
    """Passed, or a goal that was missed."""
    return Finding("passed" if reached else "missed", detail, figures)


def measured(detail: str, **figures: Figure) -> Finding:
    """Figures without a verdict."""
    return Finding("measured", detail, figures)


def not_on_cpu(detail: str = "", **figures: Figure) -> Finding:
    """What was done on a CPU as it is on a GPU, and tells nothing there."""
    return Finding("not on a CPU", detail, figures)


class DeviceLostError(Exception):
    """The GPU answers nothing any more in this process: what comes next needs another one."""


class Sheet:
    """Where a part of the check writes what it finds, at once.

    Args:
        device: what it is done on, ``"cuda"`` or ``"cpu"``.
        small: whether this is a rehearsal, with small counts.
        send: takes a row.
        alive: raises if the device cannot be used any more.
    """

    def __init__(
        self, device: str, small: bool, send: Callable[[Row], None], alive: Callable[[], object] = lambda: None
    ) -> None:
        self.device, self.small = device, small
        self._send, self._alive = send, alive

    @property
    def on_gpu(self) -> bool:
        """Whether it is done on a GPU."""
        return self.device == "cuda"

    def choose(self, full: T, small: T) -> T:
        """One of two: for the check itself, or for its rehearsal."""
        return small if self.small else full

    def attempt(self, name: str, find: Callable[[], Finding]) -> None:
        """Try one thing and write down what came of it; what it raises is a failure of this row alone.

        Raises:
            DeviceLostError: after it, nothing works in this process any more.
        """
        try:
            finding = find()
        except Exception as problem:
            finding = Finding("failed", told(problem))
        self._send(Row(name, finding))
        try:
            self._alive()
        except Exception as problem:
            raise DeviceLostError(f"after “{name}” the device cannot be used any more: {problem}") from problem

    def on_gpu_only(self, finding: Finding) -> Finding:
        """The finding, if it is one of a GPU."""
        return finding if self.on_gpu else not_on_cpu(finding.detail, **finding.figures)


def told(problem: BaseException) -> str:
    """An exception in one line: what it is, what it says, and where in this project it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and "dist-packages" not in frame.filename]
    where = f" ({own[-1].filename.rpartition('/')[2]}:{own[-1].lineno})" if own else ""
    said = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {said[:400]}{where}"


def _finite(value: Figure) -> Figure:
    return None if isinstance(value, float) and not math.isfinite(value) else value
