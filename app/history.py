"""What a late joiner gets: the last masks, and the curves so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.errors import quote
from trainer.wire.frames import Frame, FrameError, encode

Columns = Mapping[str, NDArray[Any]]
"""A table: arrays by name, all of one length."""

MASKS: Final = 1024  # steps whose masks are kept: what the page scrubs back over, and 90 KB of the default run
MOST_OF_A_ROW: Final = 64 * 1024  # bytes, of all columns: the widest networks have 20 KB of masks a step
POINTS: Final = 2000  # rows of each curve: more than a chart has pixels


_KINDS: Final = {
    "steps/step": ("uint32", 1),
    "steps/lane": ("uint8", 1),
    "steps/example": ("uint32", 1),
    "steps/loss": ("float32", 2),
    "losses/step": ("uint32", 1),
    "losses/loss": ("float32", 2),
    "scores/step": ("uint32", 1),
    "scores/train_loss": ("float32", 2),
    "scores/val_loss": ("float32", 2),
    "scores/train_accuracy": ("float32", 2),
    "scores/val_accuracy": ("float32", 2),
}
"""What a history has whatever its run is like: the type of each column and its dimensions."""


class Ring:
    """The last rows of a table.

    Twice the rows are allocated, and the newer half moves to the front whenever the end is reached: the rows are always
    contiguous, and a row moves at most once.

    Args:
        capacity: rows that are kept.
        like: a table whose names, dtypes and shapes, but for the length, this one takes over.
    """

    def __init__(self, capacity: int, like: Columns) -> None:
        self._capacity = capacity
        self._columns = _allocate(2 * capacity, like)
        self._end = 0

    def extend(self, rows: Columns) -> None:
        """Append rows; of ``rows`` the columns that this table has are taken."""
        length = _length(rows)
        count = min(length, self._capacity)
        if self._end + count > 2 * self._capacity:
            kept = self._capacity - count
            for column in self._columns.values():
                column[:kept] = column[self._end - kept : self._end]
            self._end = kept
        for name, column in self._columns.items():
            column[self._end : self._end + count] = rows[name][length - count :]
        self._end += count

    @property
    def like(self) -> Columns:
        """A table of its names, dtypes and shapes, but for the length."""
        return self._columns

    def rows(self) -> dict[str, NDArray[Any]]:
        """Return the last rows, oldest first, as views that the next `extend` may overwrite."""
        start = max(0, self._end - self._capacity)
        return {name: column[start : self._end] for name, column in self._columns.items()}


class Curve:
    """A table that never grows beyond a number of rows: when it is full, every other row goes.

    Args:
        limit: rows that are kept, at least 3.
        like: a table whose names, dtypes and shapes, but for the length, this one takes over.
    """

    def __init__(self, limit: int, like: Columns) -> None:
        self._limit = limit - 1  # one row stays free for the newest
        self._columns = _allocate(self._limit, like)
        self._newest = _allocate(1, like)
        self._stride = 1  # every how many-th row is kept
        self._seen = 0
        self._count = 0

    def extend(self, rows: Columns) -> None:
        """Append rows; of ``rows`` the columns that this table has are taken."""
        length = _length(rows)
        start = 0
        while start < length:
            start = self._take(rows, start, length)
        for name, column in self._newest.items():
            column[:length] = rows[name][-1:]

    def _take(self, rows: Columns, start: int, length: int) -> int:
        """Take in what there is room for and return where to go on; without room, make some."""
        room = self._limit - self._count
        if room == 0:
            self._halve()
            return start
        first = start + -self._seen % self._stride
        end = min(length, first + room * self._stride)
        count = len(range(first, end, self._stride))
        for name, column in self._columns.items():
            column[self._count : self._count + count] = rows[name][first : end : self._stride]
        self._count += count
        self._seen += end - start
        return end

    def _halve(self) -> None:
        self._stride *= 2
        half = (self._count + 1) // 2
        for column in self._columns.values():
            column[:half] = column[: self._count : 2].copy()
        self._count = half

    def dump(self) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
        """All that it is made of: rows, the newest one last, and what is counted."""
        rows = {
            name: np.concatenate((column[: self._count], self._newest[name])) for name, column in self._columns.items()
        }
        return rows, {"stride": self._stride, "seen": self._seen}

    @classmethod
    def load(cls, limit: int, rows: Columns, counts: Mapping[str, int]) -> Curve:
        """The curve of which `dump` told ``rows`` and ``counts``.

        Raises:
            ValueError: they are more than ``limit``, or none.
        """
        curve = cls(limit, rows)
        curve._count = _length(rows) - 1
        if not 0 <= curve._count <= curve._limit:
            raise ValueError(f"{curve._count:,} rows are not allowed: a curve has at most {curve._limit:,}")
        curve._stride, curve._seen = int(counts["stride"]), int(counts["seen"])
        for name, column in rows.items():
            curve._columns[name][: curve._count] = column[:-1]
            curve._newest[name][:] = column[-1:]
        return curve

    @property
    def like(self) -> Columns:
        """A table of its names, dtypes and shapes, but for the length."""
        return self._columns

    def rows(self) -> dict[str, NDArray[Any]]:
        """Return the rows that are kept, oldest first, and always the newest one."""
        newest = 1 if self._seen and (self._seen - 1) % self._stride else 0
        return {
            name: np.concatenate((column[: self._count], self._newest[name][:newest]))
            for name, column in self._columns.items()
        }


class History:
    """The past of one run since its step 1, as its ``history`` frame tells it.

    Args:
        lanes: how many lanes the run has.
        layers: units of each layer, by name.
    """

    def __init__(self, lanes: int, layers: Mapping[str, int]) -> None:
        step: NDArray[Any] = np.empty(0, np.uint32)
        loss: NDArray[Any] = np.empty((0, lanes), np.float32)
        steps: dict[str, NDArray[Any]] = {"step": step, "lane": np.empty(0, np.uint8), "example": step, "loss": loss}
        steps |= {f"mask/{name}": np.empty((0, (units + 7) // 8), np.uint8) for name, units in layers.items()}
        steps |= {f"kept/{name}": step for name in layers}
        steps |= {f"{rate}/{name}": np.empty(0, np.float32) for rate in ("rate", "group_rate") for name in layers}
        steps["dropout_kind"] = np.empty(0, np.uint8)
        scores = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
        self._steps = Ring(MASKS, steps)
        self._losses = Curve(POINTS, {"step": step, "loss": loss})
        self._scores = Curve(POINTS, {"step": step, **dict.fromkeys(scores, loss)})

    def check(self, frame: Frame) -> None:
        """Let a frame pass that can be taken in.

        Raises:
            FrameError: of a frame of ``steps`` or ``scores``: it has not what they have.
        """
        if frame.kind == "steps":
            _check_like(frame, self._steps.like, {"past/step": "step", "past/loss": "loss"})
            if not frame.meta.get("skipped", "0").isdecimal() or len(frame.meta.get("skipped", "0")) > 15:
                raise FrameError(f"skipped = {quote(frame.meta['skipped'])} of a frame is no number")
        elif frame.kind == "scores":
            _check_like(frame, self._scores.like, {})

    def add(self, frame: Frame) -> None:
        """Take in a frame; only ``steps`` and ``scores`` leave a trace."""
        if frame.kind == "steps":
            self._steps.extend(frame.tensors)
            self._losses.extend(frame.tensors)
        elif frame.kind == "scores":
            self._scores.extend(frame.tensors)

    def curves(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Return a copy of the curves, thinned out as they are kept."""
        return {"losses": self._losses.rows(), "scores": self._scores.rows()}

    def scores(self) -> dict[str, NDArray[Any]]:
        """Return a copy of the evaluations, thinned out as they are kept."""
        return self._scores.rows()

    def masks(self) -> dict[str, NDArray[Any]]:
        """The last steps with their masks: views that the next step may overwrite."""
        return self._steps.rows()

    def dump(self) -> tuple[dict[str, NDArray[Any]], dict[str, dict[str, int]]]:
        """All that it is made of: arrays by name, copies or views of what is kept, and what is counted."""
        tensors = {f"steps/{name}": column for name, column in self._steps.rows().items()}
        counts: dict[str, dict[str, int]] = {}
        for name, curve in (("losses", self._losses), ("scores", self._scores)):
            rows, counts[name] = curve.dump()
            tensors |= {f"{name}/{column}": values for column, values in rows.items()}
        return tensors, counts

    @classmethod
    def load(cls, tensors: Columns, counts: Mapping[str, Mapping[str, int]]) -> History:
        """The history of which `dump` told ``tensors`` and ``counts``.

        Raises:
            KeyError, ValueError: they are none.
        """

        def part(name: str) -> dict[str, NDArray[Any]]:
            rows = {key.partition("/")[2]: value for key, value in tensors.items() if key.startswith(f"{name}/")}
            if len({len(column) for column in rows.values()}) != 1:
                raise ValueError(f"the {name} of a history must be columns of one length")
            return rows

        row = sum(column[:1].nbytes for column in tensors.values())
        if any(column.ndim == 0 for column in tensors.values()) or row > MOST_OF_A_ROW:
            raise ValueError(f"a row of a history has at most {MOST_OF_A_ROW:,} bytes")
        for name, (dtype, dimensions) in _KINDS.items():
            column = tensors[name]
            if column.dtype != dtype or column.ndim != dimensions:
                raise ValueError(f"{quote(name)} of a history must be {dtype}, of {dimensions} dimensions")
        history = cls(0, {})
        steps = part("steps")
        history._steps = Ring(MASKS, steps)
        history._steps.extend(steps)
        history._losses = Curve.load(POINTS, part("losses"), counts["losses"])
        history._scores = Curve.load(POINTS, part("scores"), counts["scores"])
        return history

    def is_scored(self, step: int) -> bool:
        """Whether the networks were evaluated at a step, and nothing since."""
        steps = self._scores.rows()["step"]
        return len(steps) > 0 and int(steps[-1]) == step

    def frame(self, run: str, seq: int) -> bytes:
        """Return the ``history`` frame."""
        tensors = self._steps.rows()
        tensors |= {f"past/{name}": column for name, column in self._losses.rows().items()}
        tensors |= {f"scores/{name}": column for name, column in self._scores.rows().items()}
        return encode(Frame("history", run, seq, tensors))


def _check_like(frame: Frame, like: Columns, also: Mapping[str, str]) -> None:
    """Raise `FrameError` unless a frame has these columns, of one length that is not 0; it may have more.

    Args:
        frame: the frame.
        like: the columns.
        also: columns that it may have, of another length; each with the one that it is like.
    """
    tensors = frame.tensors
    for name, column in like.items():
        given = tensors.get(name)
        if given is None or given.dtype != column.dtype or given.shape[1:] != column.shape[1:] or given.ndim == 0:
            raise FrameError(f"a frame of {frame.kind} has no {quote(name)} as this run has it")
        if len(given) != len(tensors["step"]) or not len(given):
            raise FrameError(f"a frame of {frame.kind} has {len(given):,} rows of {quote(name)}")
    for name, kin in also.items():
        given, column = tensors.get(name), like[kin]
        if given is not None and (given.dtype != column.dtype or given.shape[1:] != column.shape[1:] or not given.ndim):
            raise FrameError(f"a frame of {frame.kind} has no {quote(name)} as this run has it")
    if len(tensors.get("past/step", ())) != len(tensors.get("past/loss", ())):
        raise FrameError(f"a frame of {frame.kind} has a past of several lengths")


def _allocate(length: int, like: Columns) -> dict[str, NDArray[Any]]:
    return {name: np.zeros((length, *column.shape[1:]), column.dtype) for name, column in like.items()}


def _length(rows: Columns) -> int:
    return len(rows["step"])
