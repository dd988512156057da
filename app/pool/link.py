"""The app's end of the stream to one worker."""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamWriter
from dataclasses import dataclass, field
from typing import Any, Final

from app.pool.signs import Signs
from trainer.wire.stream import pack_frame, pack_message

# Commands are small and few, but a table of some MB comes with each run that learns from one, and a worker that is back
# after it was lost gets all of its runs at once. One that is this far behind has stopped reading.
MAX_UNREAD: Final = 256 * 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker said of itself when it dialled in."""

    worker: int
    epoch: int
    pid: int
    device: str
    torch: str


@dataclass(eq=False)
class Link:
    """One worker's authenticated connection, and the runs that live behind it.

    Attributes:
        info: what it said of itself.
        writer: its stream.
        runs: those that live behind it.
        signs: of its life.
        is_doubted: whether the listener was told that it is silent.
        hangs: whether it was given up as one that hangs: it will not end by itself.
        gone: set once it is lost.
    """

    info: WorkerInfo
    writer: StreamWriter
    runs: set[str] = field(default_factory=set)
    signs: Signs = field(default_factory=Signs)
    is_doubted: bool = False
    hangs: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, message: dict[str, Any] | bytes) -> None:
        """Send a message or an encoded frame; a worker that does not read is hung up on instead of being waited for."""
        if self.writer.transport.get_write_buffer_size() > MAX_UNREAD:
            self.give_up("it does not read any more")
        elif not self.writer.is_closing():
            self.writer.write(pack_frame(message) if isinstance(message, bytes) else pack_message(message))

    def give_up(self, why: str) -> None:
        """Hang up on a worker that hangs: it is lost from here on."""
        _log.error("worker %d (process %d) is given up: %s", self.info.worker, self.info.pid, why)
        self.hangs = True
        self.writer.transport.abort()
