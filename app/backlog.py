"""The frames that pile up behind a viewer: joined, thinned out or replaced, never queued without end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.wire.frames import Frame, decode, encode, peek

JOINED_BYTES: Final = 256 * 1024  # of one joined frame: about 2,900 steps of the default run
SCORES_ROWS: Final = 2000
_LOSS_BYTES: Final = JOINED_BYTES // 4  # of them, for the losses of steps whose masks were dropped
_LOSS_ROWS: Final = 2000


class Packet:
    """A frame on its way to viewers: encoded once and decoded once, and only if somebody needs it.

    Args:
        frame: the frame, as bytes or decoded.
        came: when it came here, in seconds of `time.monotonic`; by default now.
    """

    def __init__(self, frame: bytes | Frame, came: float | None = None) -> None:
        self.came = time.monotonic() if came is None else came
        if isinstance(frame, Frame):
            self.frame = frame
            self.kind, self.seq = frame.kind, frame.seq
        else:
            self.raw = frame
            self.kind, _, self.seq = peek(frame)

    @cached_property
    def raw(self) -> bytes:
        """The frame's bytes."""
        return encode(self.frame)

    @cached_property
    def frame(self) -> Frame:
        """The frame, decoded."""
        return decode(self.raw)

    def moved(self, seq: int) -> Packet:
        """Return the same frame under another number."""
        frame = self.frame
        return Packet(Frame(frame.kind, frame.run, seq, frame.tensors, frame.meta), self.came)

    def again(self, seq: int) -> Packet:
        """Return the same frame under another number, for somebody who asks for it only now."""
        packet = self.moved(seq)
        packet.came = time.monotonic()
        return packet

    @property
    def skipped(self) -> int:
        """Steps whose masks it leaves out."""
        return int(self.frame.meta.get("skipped", "0")) if self.kind == "steps" else 0


class Waiting(Protocol):
    """What waits to be sent to one viewer, whatever it watches."""

    def put(self, packet: Packet) -> None:
        """Add a frame, or join it to those that wait."""

    def take(self) -> list[Packet]:
        """Take everything out, each kind as one frame, in the order of their numbers."""

    def clear(self) -> None:
        """Forget everything."""


class Backlog:
    """What waits to be sent to one viewer, at most one joined frame of each kind when it is taken."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Packet]] = {}
        self._steps_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, packet: Packet) -> None:
        """Add a frame: ``steps`` and ``scores`` join those that wait, of any other kind the newest stays."""
        waiting = self._waiting.setdefault(packet.kind, [])
        if packet.kind not in ("steps", "scores"):
            waiting.clear()
        waiting.append(packet)
        if packet.kind == "steps":
            self._steps_bytes += len(packet.raw)
            if self._steps_bytes > 2 * JOINED_BYTES:  # twice, so that not every frame beyond the limit is a join
                waiting[:] = [join_steps(waiting)]
                self._steps_bytes = len(waiting[0].raw)
        elif packet.kind == "scores" and len(waiting) > SCORES_ROWS:
            waiting[:] = [join_scores(waiting)]

    def take(self) -> list[Packet]:
        """Take everything out, each kind as one frame, in the order of their numbers."""
        taken = [_JOIN.get(kind, _newest)(packets) for kind, packets in self._waiting.items()]
        self._waiting.clear()
        self._steps_bytes = 0
        return sorted(taken, key=lambda packet: packet.seq)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._steps_bytes = 0


def join_steps(packets: Sequence[Packet]) -> Packet:
    """Join ``steps`` frames into one of at most 256 KiB.

    When that is too little, the oldest masks go: ``skipped`` counts them, and the losses of their steps go on, thinned
    out, in ``past/step`` (P) and ``past/loss`` (P, L). A single frame that fits is returned as it is.
    """
    if len(packets) == 1 and len(packets[0].raw) <= JOINED_BYTES:
        return packets[0]
    frames = [packet.frame for packet in packets]
    rows = {name: _concatenate(frames, name) for name in frames[0].tensors if not name.startswith("past/")}
    skipped = sum(int(frame.meta.get("skipped", "0")) for frame in frames)
    past = {name: _concatenate(frames, f"past/{name}", rows[name]) for name in ("step", "loss")}
    length = len(rows["step"])
    per_row = sum(column.nbytes for column in rows.values()) // max(1, length)
    fits = max(1, (JOINED_BYTES - _LOSS_BYTES) // max(1, per_row))
    if skipped or length * per_row > JOINED_BYTES - 2048:  # 2 KiB hold the header
        dropped = max(0, length - fits)
        past = _thin({name: np.concatenate((column, rows[name][:dropped])) for name, column in past.items()})
        rows = {name: column[dropped:] for name, column in rows.items()}
        rows |= {f"past/{name}": column for name, column in past.items()}
        skipped += dropped
    newest = frames[-1]
    joined = Frame("steps", newest.run, newest.seq, rows, {**newest.meta, "skipped": str(skipped)})
    return Packet(joined, packets[0].came)


def join_scores(packets: Sequence[Packet]) -> Packet:
    """Join ``scores`` frames into one of at most 2,000 rows."""
    if len(packets) == 1:
        return packets[0]
    frames = [packet.frame for packet in packets]
    rows = {name: _concatenate(frames, name) for name in frames[0].tensors}
    rows = _at_most(SCORES_ROWS, rows)
    newest = frames[-1]
    return Packet(Frame("scores", newest.run, newest.seq, rows, newest.meta), packets[0].came)


_JOIN: Final = {"steps": join_steps, "scores": join_scores}


def _newest(packets: Sequence[Packet]) -> Packet:
    return packets[-1]


def _concatenate(frames: Sequence[Frame], name: str, like: NDArray[Any] | None = None) -> NDArray[Any]:
    """Join one tensor of many frames; ``like`` says what it is in case none of them has it."""
    parts = [frame.tensors[name] for frame in frames if name in frame.tensors]
    return np.concatenate(parts) if parts or like is None else like[:0]


def _thin(past: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    per_row = past["loss"].itemsize * past["loss"].shape[1] + past["step"].itemsize
    return _at_most(min(_LOSS_ROWS, _LOSS_BYTES // per_row), past)


def _at_most(rows: int, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns with at most so many rows, at least 2: if there are more, with half as many, so that it is
    seldom done.

    The oldest and the newest stay, and what stays between them is even over the steps, however often the older rows
    were thinned before.
    """
    step = columns["step"].astype(np.int64)
    if len(step) <= rows:
        return columns
    kept = np.unique(np.searchsorted(step, np.linspace(step[0], step[-1], rows // 2)))
    return {name: column[kept] for name, column in columns.items()}
