"""A run as one JSON file: what it was, what came of it, what was last seen of it. Made beside the loop, and kept."""

from __future__ import annotations

import asyncio
import math
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app import __version__
from app.aside import MOST_WAITING, Aside
from app.backlog import Packet
from app.compression import LEVEL
from app.run import Run
from app.wire import dumps

KEPT_BYTES: Final = 16 * 1024 * 1024  # of records: one of 128 lanes has 1.3 MB
FRESH_S: Final = 1.0  # while a run plays, a record of so long ago is still what it is "so far"
_DIGITS: Final = 6  # significant ones: what a float32 holds
_AT_ONCE: Final = 4096  # numbers that are written in one go, a millisecond: nobody else runs meanwhile


@dataclass(frozen=True)
class Kept:
    """A record that was made: of which run, when in its life, and what the file is called."""

    of: tuple[int, int]
    made_at: float
    name: str
    body: bytes


class Records:
    """Makes the records of all runs, one after the other, and keeps them while they are true.

    Args:
        most: bytes that are kept; the one that was used longest ago makes room.
        share_of: how many of so many that wait one client may have.
    """

    def __init__(self, most: int = KEPT_BYTES, share_of: Callable[[int], int] = lambda most: most) -> None:
        self._most = most
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._making: dict[str, tuple[tuple[int, int], asyncio.Future[Kept]]] = {}
        self._aside = Aside("records", MOST_WAITING, share_of(MOST_WAITING))

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(len(each.body) for each in self._kept.values())

    async def of(self, run: Run, client: str = "") -> tuple[str, bytes]:
        """Return the name of the file, and the record compressed with gzip.

        Whoever asks while it is made gets what is being made, unless the run has gone on: then all who ask wait for the
        next one.

        Raises:
            TooManyMessagesError: too many records wait to be made.
            ClientShareError: too many of this client.
        """
        kept = self._fresh(run)
        while kept is None:
            making = self._making.get(run.id)
            if making is None:
                kept = await self._make(run, client)
            else:
                of, made = making
                kept = await asyncio.shield(made)
                kept = kept if of == run.version else self._fresh(run)
        return kept.name, kept.body

    def _fresh(self, run: Run) -> Kept | None:
        """What is kept of a run, if it is still true of it."""
        kept = self._kept.get(run.id)
        if kept is None:
            return None
        is_young = asyncio.get_running_loop().time() - kept.made_at <= FRESH_S
        if kept.of != run.version and not (run.playing and is_young and kept.of[0] == run.version[0]):
            return None
        self._kept.move_to_end(run.id)
        return kept

    async def _make(self, run: Run, client: str) -> Kept:
        made: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._making[run.id] = (run.version, made)
        task = asyncio.create_task(self._write(run, made, client))
        task.add_done_callback(lambda _: self._making.pop(run.id, None))
        return await asyncio.shield(made)

    async def _write(self, run: Run, made: asyncio.Future[Kept], client: str) -> None:
        """Make one, whatever becomes of the request for it: others may wait for the same."""
        version, now = run.version, asyncio.get_running_loop().time()
        state, curves, latest = run.state(), run.curves(), run.latest()
        name = f"dropout-lab-{state.get('experiment') or 'run'}-step-{state.get('step', 0)}.json"
        try:
            body = await self._aside.do(lambda: compressed(record_parts(state, curves, latest)), client)
        except Exception as error:
            made.set_exception(error)
            made.exception()  # the request may have gone
            return
        kept = self._kept[run.id] = Kept(version, now, name, body)
        self._kept.move_to_end(run.id)
        while self.size > self._most and len(self._kept) > 1:
            self._kept.popitem(last=False)
        made.set_result(kept)


_GZIP: Final = 16 + zlib.MAX_WBITS


def compressed(parts: Iterator[str]) -> bytes:
    """Return a text as gzip, piece by piece: never is all of it in memory."""
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    return b"".join([*(squeeze.compress(part.encode()) for part in parts), squeeze.flush()])


def record_parts(
    state: Mapping[str, Any], curves: Mapping[str, Mapping[str, NDArray[Any]]], latest: Mapping[str, Packet]
) -> Iterator[str]:
    """Write a run as JSON, in parts of some milliseconds.

    Args:
        state: the run state of the protocol.
        curves: tables of figures over the steps.
        latest: the newest frame of each kind.
    """
    yield f'{{"version":{dumps(__version__)},"run":{dumps(state)}'
    for name, table in curves.items():
        yield f",{dumps(name)}:"
        yield from _object((column, _array(values)) for column, values in table.items())
    yield ',"frames":'
    yield from _object((kind, _object(_tensors(packet))) for kind, packet in latest.items())
    yield "}"


def _tensors(packet: Packet) -> Iterator[tuple[str, Iterator[str]]]:
    for name, tensor in packet.frame.tensors.items():
        shape = iter([dumps(list(tensor.shape))])
        yield name, _object([("shape", shape), ("values", _array(tensor.reshape(-1)))])


def _object(members: Iterable[tuple[str, Iterator[str]]]) -> Iterator[str]:
    before = "{"
    for name, value in members:
        yield f"{before}{dumps(name)}:"
        yield from value
        before = ","
    yield "{}" if before == "{" else "}"


def _array(values: NDArray[Any]) -> Iterator[str]:
    """Numbers, (n,) or (n, m), as JSON has them: with as many digits as they hold, and null for what is no number."""
    rows = max(1, _AT_ONCE // max(1, values[:1].size))
    yield "["
    for start in range(0, len(values), rows):
        yield ("," if start else "") + _written(values[start : start + rows])
    yield "]"


def _written(rows: NDArray[Any]) -> str:
    """Some rows, separated by commas."""
    if rows.dtype.kind in "iub" or not np.isfinite(rows).all():
        return dumps(plain(rows))[1:-1]
    number = f"%.{_DIGITS}g"  # all of them at once take a third of the time that each by itself takes
    row = number if rows.ndim == 1 else "[" + ",".join([number] * rows.shape[1]) + "]"
    return ",".join([row] * len(rows)) % tuple(rows.ravel().tolist())


def plain(values: NDArray[Any]) -> Any:
    """Numbers as Python has them: with as many digits as they hold, and None for what is no number."""
    if values.dtype.kind in "iub":
        return values.tolist()
    return _plain(np.asarray(values, np.float64).tolist())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
