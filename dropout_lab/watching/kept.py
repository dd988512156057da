"""What was seen of a watched model: what is still to be sent, and what would be sent again to a server that lost it."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dropout_lab.watching.series import printable
from trainer.wire.frames import Tensors, pack

MOST_WAITING: Final = 2 * 1024 * 1024  # bytes of rows that wait to be sent; beyond, new ones are lost
MOST_KEPT: Final = 4 * 1024 * 1024  # bytes of rows that are kept, of the newest
MOST_POINTS: Final = 4000  # of a series that are kept
MOST_SERIES: Final = 64
TRAINING: Final = 1  # flags of a row: its module was in training mode,
GRADIENTS: Final = 2  # gradients were on
EDGES: Final = 41

Flags = int


@dataclass(frozen=True)
class Row:
    """The mask of one site in one pass.

    Attributes:
        site: its index.
        units: of a row as sent.
        step: that the pass belongs to.
        mask: bool (≤ units), 1 is kept.
        kept: how many of the whole mask were kept,
        size: of how many.
        rate: the probability of dropping.
        flags: `TRAINING`, `GRADIENTS`.
    """

    site: int
    units: int
    step: int
    mask: NDArray[np.bool_]
    kept: int
    size: int
    rate: float
    flags: Flags

    @property
    def weight(self) -> int:
        """Bytes that it takes, about."""
        return 200 + len(self.mask)


@dataclass
class Tally:
    """What all sampled passes of a site came to.

    Attributes:
        samples: how many there were.
        dropped: uint32 (units), how often each unit was dropped,
        expected: how often each should have been.
        silent: uint32 (units), in how many passes it was 0 for every example; None: nobody looked.
        activations: float32 (3 + 41 + 40), those of the newest pass: mean, deviation, share of zeros, edges, histogram.
    """

    units: int
    samples: int = 0
    expected: float = 0.0
    dropped: NDArray[np.uint32] = field(init=False)
    silent: NDArray[np.uint32] | None = None
    activations: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        self.dropped = np.zeros(self.units, np.uint32)

    def add(self, mask: NDArray[np.bool_], rate: float, silent: NDArray[np.bool_] | None) -> None:
        """Count one row in; one of another length says nothing of units, and is left out."""
        if len(mask) != self.units:
            return
        self.samples += 1
        self.expected += rate if math.isfinite(rate) else float((~mask).mean())  # unknown: what it came to
        self.dropped += ~mask
        if silent is not None and len(silent) == self.units:
            if self.silent is None:
                self.silent = np.zeros(self.units, np.uint32)
            self.silent += silent


class Kept:
    """Rows, series and tallies, written by the training thread and read by the one that sends.

    Attributes:
        lost: rows that were thrown away because they could not be sent.
        series: names of the series, by their index.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.series: list[str] = []
        self._lock = threading.Lock()
        self._waiting: list[Row] = []
        self._waiting_bytes = 0
        self._last: dict[int, int] = {}  # the step of each site's last row
        self._rows: deque[Row] = deque()
        self._rows_bytes = 0
        self._tallies: dict[int, Tally] = {}
        self._points: list[tuple[list[int], list[float]]] = []
        self._sent_points: list[int] = []
        self._ensemble: tuple[Tensors, dict[str, str]] | None = None
        self._changed = False
        self._voted = False

    def add_row(
        self, row: Row, silent: NDArray[np.bool_] | None = None, activations: NDArray[np.float32] | None = None
    ) -> None:
        """Take a row in, and what was seen in front of its site."""
        with self._lock:
            tally = self._tallies.get(row.site)
            if tally is None:
                tally = self._tallies[row.site] = Tally(row.units)
            tally.add(row.mask, row.rate, silent)
            if activations is not None:
                tally.activations = activations
            self._changed = True
            last = self._last.get(row.site, 0)
            if row.step < last:  # a pass without gradients belongs to the step before it
                row = replace(row, step=last)
            self._last[row.site] = row.step
            self._rows.append(row)
            self._rows_bytes += row.weight
            while self._rows_bytes > MOST_KEPT:
                self._rows_bytes -= self._rows.popleft().weight
            if self._waiting_bytes + row.weight > MOST_WAITING:
                self.lost += 1
                return
            self._waiting.append(row)
            self._waiting_bytes += row.weight

    def add_point(self, name: str, step: int, value: float) -> bool:
        """Take a point of a series in; False: there are too many series for a new one."""
        with self._lock:
            if name not in self.series:
                if len(self.series) >= MOST_SERIES:
                    return False
                self.series.append(name)
                self._points.append(([], []))
                self._sent_points.append(0)
            at = self.series.index(name)
            steps, values = self._points[at]
            steps.append(step)
            values.append(value)
            if len(steps) > MOST_POINTS:
                half = MOST_POINTS // 2
                unsent = max(0, len(steps) - self._sent_points[at])
                steps[:half], values[:half] = steps[:half:2], values[:half:2]
                self._sent_points[at] = max(0, len(steps) - unsent)
        return True

    def point(self, name: str, step: int, value: float) -> None:
        """Draw a value over the steps, whatever it is called."""
        self.add_point(printable(name), min(max(step, 0), 2**32 - 1), value)

    def set_ensemble(self, tensors: Tensors, meta: dict[str, str]) -> None:
        """Take in what sub-networks said last."""
        with self._lock:
            self._ensemble, self._voted = (tensors, meta), True

    def take_rows(self) -> Tensors | None:
        """Return the rows that wait, as a frame's tensors."""
        with self._lock:
            rows, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return rows_of(rows) if rows else None

    def take_points(self) -> Tensors | None:
        """Return the points that wait, as a frame's tensors."""
        with self._lock:
            tensors: Tensors = {}
            for at, (steps, values) in enumerate(self._points):
                first = self._sent_points[at]
                if first < len(steps):
                    tensors |= _points_of(at, steps[first:], values[first:])
                    self._sent_points[at] = len(steps)
        return tensors or None

    def take_summary(self, step: int) -> Tensors | None:
        """Return the tallies as a frame's tensors, if they have changed."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return _summary_of(step, self._tallies)

    def take_ensemble(self) -> tuple[Tensors, dict[str, str]] | None:
        """Return what sub-networks said, if it is new."""
        with self._lock:
            voted, self._voted = self._voted, False
            return self._ensemble if voted else None

    def begin_again(self) -> None:
        """A server knows nothing: all that is kept waits again."""
        with self._lock:
            self._waiting, self._waiting_bytes = list(self._rows), self._rows_bytes
            self._sent_points = [0] * len(self._points)
            self._changed, self._voted = bool(self._tallies), self._ensemble is not None

    def whole(self, step: int) -> dict[str, Tensors]:
        """Return all that is kept, by the kind of its frames."""
        with self._lock:
            points: Tensors = {}
            for at, (steps, values) in enumerate(self._points):
                points |= _points_of(at, steps, values)
            found = {
                "rows": rows_of(self._rows),
                "metrics": points,
                "summary": _summary_of(step, self._tallies),
                "ensemble": self._ensemble[0] if self._ensemble else {},
            }
        return {kind: tensors for kind, tensors in found.items() if tensors}


def rows_of(rows: Iterable[Row]) -> Tensors:
    """Return rows as the tensors of a frame ``rows``."""
    at: dict[int, list[Row]] = {}
    for row in rows:
        at.setdefault(row.site, []).append(row)
    tensors: Tensors = {}
    for site, its in sorted(at.items()):
        masks = np.zeros((len(its), its[0].units), np.bool_)
        for number, row in enumerate(its):
            masks[number, : len(row.mask)] = row.mask
        tensors |= {
            f"step/{site}": np.array([row.step for row in its], np.uint32),
            f"mask/{site}": pack(masks),
            f"used/{site}": np.array([len(row.mask) for row in its], np.uint16),
            f"kept/{site}": np.array([row.kept for row in its], np.float64),
            f"size/{site}": np.array([row.size for row in its], np.float64),
            f"rate/{site}": np.array([row.rate for row in its], np.float32),
            f"flags/{site}": np.array([row.flags for row in its], np.uint8),
        }
    return tensors


def _points_of(at: int, steps: list[int], values: list[float]) -> Tensors:
    return {f"step/{at}": np.array(steps, np.uint32), f"value/{at}": np.array(values, np.float32)} if steps else {}


def _summary_of(step: int, tallies: dict[int, Tally]) -> Tensors:
    tensors: Tensors = {"step": np.array([step], np.uint32)}
    for site, tally in sorted(tallies.items()):
        tensors |= {
            f"samples/{site}": np.array([tally.samples], np.uint32),
            f"dropped/{site}": tally.dropped.copy(),
            f"expected/{site}": np.array([tally.expected], np.float64),
        }
        if tally.silent is not None:
            tensors[f"silent/{site}"] = tally.silent.copy()
        if tally.activations is not None:
            seen: NDArray[Any] = tally.activations
            tensors |= {
                f"mean/{site}": seen[0:1],
                f"deviation/{site}": seen[1:2],
                f"zero/{site}": seen[2:3],
                f"edges/{site}": seen[3 : 3 + EDGES],
                f"histogram/{site}": seen[3 + EDGES :].astype(np.uint32),
            }
    return tensors if len(tensors) > 1 else {}
