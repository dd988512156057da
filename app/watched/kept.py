"""What is kept of a watched model's frames, for who comes late and for its file: within a number of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.backlog import Packet
from app.history import Ring
from app.watched.frames import Known
from app.watched.joining import (
    MOST_POINTS,
    MOST_ROWS,
    Columns,
    bytes_of,
    rows_that_fit,
    tables_of,
    tensors_of,
    thinned,
    widened,
)
from trainer.wire.frames import Frame

ROWS_BYTES: Final = 5 * 1024 * 1024
"""Of the rows of all sites: 2,048 of 16 sites of 1,024 units, and fewer of each where there are more sites. They are
held twice over (`app.history.Ring`), and once more while somebody comes."""
FEWEST_BYTES: Final = 256 * 1024


class Kept:
    """The last rows of each site, the series, and the newest of all else.

    Args:
        watch: the id of the watch, which stands in its frames.

    Attributes:
        known: what frames are held against.
    """

    def __init__(self, watch: str) -> None:
        self.known = Known()
        self._watch = watch
        self._most = ROWS_BYTES
        self._capacity = MOST_ROWS
        self._rows: dict[int, Ring] = {}
        self._sizes: dict[int, int] = {}  # bytes of a row of each site
        self._series: dict[int, Columns] = {}
        self._seqs = dict.fromkeys(("rows", "metrics"), 0)
        self._newest: dict[str, Packet] = {}
        self._made: dict[str, Packet] = {}  # frames for who comes late, until something is added to them

    @property
    def size(self) -> int:
        """How many bytes it has, about."""
        rings = sum(_bytes_of(ring.like) for ring in self._rows.values())
        series = sum(_bytes_of(columns) for columns in self._series.values())
        packets = (*self._newest.values(), *self._made.values())
        return rings + series + sum(len(packet.raw) for packet in packets)

    def suit(self, sites: int, series: int) -> None:
        """The model has so many sites and series now: what is of others is forgotten."""
        if sites < self.known.sites:
            self._rows = {index: ring for index, ring in self._rows.items() if index < sites}
            self._sizes = {index: size for index, size in self._sizes.items() if index < sites}
            self._made.pop("rows", None)
            self._newest.pop("summary", None)
        if series < self.known.series:
            self._series = {index: columns for index, columns in self._series.items() if index < series}
            self._made.pop("metrics", None)
        self.known.sites, self.known.series = sites, series
        self.known.steps = {index: step for index, step in self.known.steps.items() if index < sites}

    def add(self, frame: Frame) -> Packet:
        """Keep a frame that was looked at; the same as it is sent on.

        It is written anew: so its tensors stand where a browser can read them, and there is nothing else in it.
        """
        packet = Packet(Packet(frame).raw)
        self.known.seq = max(self.known.seq, packet.seq)
        if packet.kind in self._seqs:
            self._seqs[packet.kind] = packet.seq
            self._made.pop(packet.kind, None)
        match packet.kind:
            case "rows":
                tables = tables_of(frame.tensors)
                if any(bytes_of(columns) > self._sizes.get(index, 0) for index, columns in tables.items()):
                    self._sizes |= {
                        index: max(bytes_of(columns), self._sizes.get(index, 0)) for index, columns in tables.items()
                    }
                    self._fit()
                for index, columns in tables.items():
                    self._extend(index, columns)
            case "metrics":
                for index, columns in tables_of(frame.tensors).items():
                    before = self._series.get(index, {name: array[:0] for name, array in columns.items()})
                    both = {name: np.concatenate((before[name], array)) for name, array in columns.items()}
                    self._series[index] = thinned(both, MOST_POINTS)
            case _:
                self._newest[packet.kind] = packet
        return packet

    def _extend(self, index: int, columns: Columns) -> None:
        ring = self._rows.get(index)
        if ring is None:
            ring = self._rows[index] = Ring(self._capacity, columns)
        width = ring.like["mask"].shape[1]
        if columns["mask"].shape[1] > width:
            ring = self._rows[index] = _moved(ring, self._capacity, columns["mask"].shape[1])
        elif columns["mask"].shape[1] < width:
            columns = {**columns, "mask": widened(columns["mask"], width)}
        ring.extend(columns)

    def _fit(self) -> None:
        """Let sites keep fewer rows, all alike, where they would take more bytes than they may."""
        full = {index: (MOST_ROWS, size) for index, size in self._sizes.items()}
        capacity = min(self._capacity, rows_that_fit(full, self._most))
        if capacity < self._capacity:
            self._capacity = capacity
            self._rows = {index: _moved(ring, capacity) for index, ring in self._rows.items()}

    def shrink(self) -> bool:
        """Keep half as many bytes of rows from here on; whether it could."""
        if self._most <= FEWEST_BYTES or not self._rows:
            return False
        self._most //= 2
        self._made.clear()
        self._fit()
        return True

    def frames(self) -> list[Packet]:
        """What a viewer gets first, in the order of its numbers, which are those of the last frames of each kind."""
        if self._rows and "rows" not in self._made:
            tables = {index: ring.rows() for index, ring in self._rows.items()}
            self._made["rows"] = self._packet("rows", tables)
        if self._series and "metrics" not in self._made:
            self._made["metrics"] = self._packet("metrics", self._series)
        return sorted((*self._made.values(), *self._newest.values()), key=lambda packet: packet.seq)

    def _packet(self, kind: str, tables: Mapping[int, Columns]) -> Packet:
        made = Packet(Frame(kind, self._watch, self._seqs[kind], tensors_of(tables)))
        return Packet(made.raw, made.came)  # bytes, and not views of what the next rows overwrite


def _moved(ring: Ring, capacity: int, width: int = 0) -> Ring:
    """The newest rows of a ring, in another one."""
    rows = ring.rows()
    rows["mask"] = widened(rows["mask"], width)
    found = Ring(capacity, rows)
    found.extend(rows)
    return found


def _bytes_of(columns: Mapping[str, NDArray[Any]]) -> int:
    return sum(array.nbytes for array in columns.values())
