"""Frames of a watched model that belong together, as one: masks appended, curves thinned, of all else the newest."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.backlog import JOINED_BYTES, Packet
from trainer.wire.frames import Frame

MOST_ROWS: Final = 2048  # of a site
MOST_POINTS: Final = 4000  # of a series
MOST_WAITING: Final = 64  # frames of a kind; then they are joined, so that it is not much work at once

Columns = dict[str, NDArray[Any]]
"""A table: arrays by name, all of one length."""


def tables_of(tensors: Mapping[str, NDArray[Any]]) -> dict[int, Columns]:
    """Return the tables that are in tensors called ``column/index``, by their index."""
    found: dict[int, Columns] = defaultdict(dict)
    for name, array in tensors.items():
        column, _, index = name.rpartition("/")
        found[int(index)][column] = array
    return found


def tensors_of(tables: Mapping[int, Columns]) -> Columns:
    """Undo `tables_of`."""
    return {
        f"{column}/{index}": array for index, columns in sorted(tables.items()) for column, array in columns.items()
    }


def widened(mask: NDArray[Any], width: int) -> NDArray[Any]:
    """Return packed masks (K, bytes) as wide as ``width``, with zeros behind: ``used`` says what means anything."""
    return mask if mask.shape[1] >= width else np.pad(mask, ((0, 0), (0, width - mask.shape[1])))


def bytes_of(columns: Mapping[str, NDArray[Any]]) -> int:
    """How many bytes a row of a table has."""
    return sum(array.itemsize * math.prod(array.shape[1:]) for array in columns.values())


def thinned(columns: Columns, most: int) -> Columns:
    """Return a table of at most so many rows: beyond, every other one of the older half goes, as often as needed."""
    while (length := len(columns["step"])) > most:
        half = length // 2
        kept = np.concatenate((np.arange(half % 2, half, 2), np.arange(half, length)))
        columns = {name: array[kept] for name, array in columns.items()}
    return columns


def joined(frames: Sequence[Frame]) -> dict[int, Columns]:
    """Return the tables of several frames, one behind the other."""
    parts: dict[int, list[Columns]] = defaultdict(list)
    for frame in frames:
        for index, columns in tables_of(frame.tensors).items():
            parts[index].append(columns)
    return {index: _appended(each) for index, each in parts.items()}


def _appended(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    if "mask" in parts[0]:
        width = max(part["mask"].shape[1] for part in parts)
        parts = [{**part, "mask": widened(part["mask"], width)} for part in parts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def rows_that_fit(sizes: Mapping[int, tuple[int, int]], most: int) -> int:
    """Return how many rows each site may have, at least 1, so that all together have at most so many bytes.

    Args:
        sizes: of each site its rows and the bytes of one.
        most: bytes.
    """
    few, many = 1, MOST_ROWS
    while few < many:
        tried = (few + many + 1) // 2
        if sum(min(rows, tried) * each for rows, each in sizes.values()) <= most:
            few = tried
        else:
            many = tried - 1
    return few


def join_rows(packets: Sequence[Packet]) -> Packet:
    """Join frames of ``rows`` into one of at most 256 KiB, beside its header: the oldest rows of each site go, of all
    sites alike, and ``skipped`` counts them. A single frame is returned as it is.
    """
    if len(packets) == 1:
        return packets[0]
    frames = [packet.frame for packet in packets]
    tables = joined(frames)
    sizes = {index: (len(columns["step"]), bytes_of(columns)) for index, columns in tables.items()}
    fit = rows_that_fit(sizes, JOINED_BYTES)
    skipped = sum(int(frame.meta.get("skipped", "0")) for frame in frames)
    skipped += sum(max(0, rows - fit) for rows, _ in sizes.values())
    cut = {index: {name: array[-fit:] for name, array in columns.items()} for index, columns in tables.items()}
    return _packet(packets, tensors_of(cut), {"skipped": str(skipped)} if skipped else {})


def join_metrics(packets: Sequence[Packet]) -> Packet:
    """Join frames of ``metrics`` into one of at most 4,000 rows a series, and fewer where that were over 256 KiB."""
    if len(packets) == 1:
        return packets[0]
    tables = joined([packet.frame for packet in packets])
    most = min(MOST_POINTS, JOINED_BYTES // (8 * max(1, len(tables))))
    return _packet(packets, tensors_of({index: thinned(each, most) for index, each in tables.items()}), {})


def _packet(packets: Sequence[Packet], tensors: Columns, meta: dict[str, str]) -> Packet:
    newest = packets[-1].frame
    return Packet(Frame(newest.kind, newest.run, newest.seq, tensors, meta), packets[0].came)


_JOIN: Final = {"rows": join_rows, "metrics": join_metrics}


class WatchBacklog:
    """What waits to be sent to one viewer of a watch, at most one joined frame of each kind when it is taken."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Packet]] = {}
        self._bytes: dict[str, int] = defaultdict(int)

    def put(self, packet: Packet) -> None:
        """Add a frame: ``rows`` and ``metrics`` join those that wait, of any other kind the newest stays."""
        kind, join = packet.kind, _JOIN.get(packet.kind)
        waiting = self._waiting.setdefault(kind, [])
        if join is None:
            waiting.clear()
        waiting.append(packet)
        self._bytes[kind] += len(packet.raw)
        # Twice the limit, so that not every frame beyond it is a join.
        much = len(waiting) > MOST_WAITING or self._bytes[kind] > 2 * JOINED_BYTES
        if join is not None and len(waiting) > 1 and much:
            waiting[:] = [join(waiting)]
            self._bytes[kind] = sum(array.nbytes for array in waiting[0].frame.tensors.values())

    def take(self) -> list[Packet]:
        """Take everything out, each kind as one frame, in the order of their numbers."""
        taken = [_JOIN[kind](packets) if kind in _JOIN else packets[-1] for kind, packets in self._waiting.items()]
        self.clear()
        return sorted(taken, key=lambda packet: packet.seq)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._bytes.clear()
