"""The app's end of the stream to one worker."""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamWriter
from dataclasses import dataclass, field
from typing import Any, Final

from trainer.stream import pack_message

MAX_UNREAD: Final = 4 * 1024 * 1024  # commands are small and few: a worker this far behind has stopped reading

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

    def write(self, message: dict[str, Any]) -> None:
        """Send ``message``; a worker that does not read is hung up on instead of being waited for."""
        if self.writer.transport.get_write_buffer_size() > MAX_UNREAD:
            _log.error("worker %d does not read any more; it is given up", self.info.worker)
            self.writer.transport.abort()
        elif not self.writer.is_closing():
            self.writer.write(pack_message(message))
