"""Workers that are played by the test: placed nowhere, they dial in when they are told to."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

from trainer.wire.frames import Frame, encode
from trainer.wire.stream import Kind, Splitter, pack_frame, pack_message, parse_message


class Caller:
    """The far end of one connection to a hub."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._splitter = Splitter()
        self._heard: list[dict[str, Any]] = []

    @classmethod
    async def dial(cls, address: str) -> Caller:
        kind, _, place = address.partition(":")
        if kind == "unix":
            return cls(*await asyncio.open_unix_connection(place))
        host, _, port = place.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def say(self, **message: Any) -> None:
        await self.send(pack_message(message))

    async def show(self, run: str, seq: int = 1) -> None:
        await self.send(pack_frame(encode(Frame("steps", run, seq, {}))))

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end of the stream."""
        while not self._heard:
            data = await self.reader.read(65536)
            if not data:
                return None
            for kind, payload in self._splitter.feed(data):
                assert kind is Kind.JSON
                self._heard.append(parse_message(payload))
        return self._heard.pop(0)

    async def is_hung_up_on(self) -> bool:
        try:
            return await self.receive() is None
        except ConnectionError:
            return True

    def hang_up(self) -> None:
        self.writer.close()

    async def gone(self) -> None:
        """Hang up, and wait until the connection has ended."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@dataclass
class FakePlaced:
    """A worker that is there until it ends."""

    worker: int
    epoch: int
    address: str
    token: str
    ended: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    callers: list[Caller] = field(default_factory=list)  # every one there ever was, for all workers
    graces: list[float] = field(default_factory=list)  # it was given to end

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    async def end(self, grace_s: float) -> None:
        self.graces.append(grace_s)
        if not self.ended.done():
            self.ended.set_result(0)

    def die(self, status: int) -> None:
        self.ended.set_result(status)

    async def dial(self, **other: Any) -> Caller:
        """Dial in with a proper hello, but for what is given."""
        caller = await Caller.dial(self.address)
        self.callers.append(caller)
        hello = {"op": "hello", "worker": self.worker, "epoch": self.epoch, "token": self.token}
        await caller.say(**{**hello, "pid": 1, "device": "fake", "torch": "0", **other})
        return caller


class FakePlacer:
    """Writes down whom it was asked to place."""

    def __init__(self) -> None:
        self.placed: list[FakePlaced] = []
        self.failures = 0
        self.callers: list[Caller] = []
        self._news = asyncio.Condition()

    async def place(self, worker: int, epoch: int, address: str, token: str) -> FakePlaced:
        if self.failures:
            self.failures -= 1
            raise OSError("no room")
        async with self._news:
            self.placed.append(FakePlaced(worker, epoch, address, token, callers=self.callers))
            self._news.notify_all()
        return self.placed[-1]

    async def stranger(self, address: str) -> Caller:
        """Dial a hub without a word."""
        self.callers.append(await Caller.dial(address))
        return self.callers[-1]

    async def nth(self, count: int) -> FakePlaced:
        """Wait for the ``count``-th worker, counted from 1."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.placed) >= count)
        return self.placed[count - 1]
