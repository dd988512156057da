"""A wire between a page and the lab that can be cut, as a network is."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Final, Self, TypeVar

from tests.browsers.tab import PATIENCE_S
from tests.conftest import TIMEOUT_FACTOR

PIECE: Final = 65_536
T = TypeVar("T")


class Wire:
    """Carries what comes to a port of its own to another one on this machine, and back.

    Attributes:
        url: where it listens.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._is_whole = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._wait(asyncio.run_coroutine_threadsafe(self._listen(), self._loop))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._wait(asyncio.run_coroutine_threadsafe(self._end(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and refuse new ones until it is mended."""
        self._is_whole = False
        self._wait(asyncio.run_coroutine_threadsafe(self._break(), self._loop))

    def mend(self) -> None:
        """Carry new connections again."""
        self._is_whole = True

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _break(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_whole:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends |= {writer, back}
        await asyncio.gather(_pour(reader, back), _pour(there, writer))
        self._ends -= {writer, back}

    def _wait(self, future: Future[T]) -> T:
        return future.result(PATIENCE_S * TIMEOUT_FACTOR)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction until either end is gone."""
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
