"""The app's end of the stream to one worker."""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamWriter
from dataclasses import dataclass, field
from typing import Any, Final

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
    """One worker's authenticated connection, and the runs that live behind it."""

    info: WorkerInfo
    writer: StreamWriter
    runs: set[str] = field(default_factory=set)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, message: dict[str, Any] | bytes) -> None:
        """Send a message or an encoded frame; a worker that does not read is hung up on instead of being waited for."""
        if self.writer.transport.get_write_buffer_size() > MAX_UNREAD:
            _log.error("worker %d does not read any more; it is given up", self.info.worker)
            self.writer.transport.abort()
        elif not self.writer.is_closing():
            self.writer.write(pack_frame(message) if isinstance(message, bytes) else pack_message(message))
