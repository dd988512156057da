"""What a hostile client does to keep the others out: each trick takes what there is for all, and holds it.

Raw sockets from an address of their own, as any program can open them: nothing here is polite, and nothing more than
one machine can do. `benchmarks.hostile` lets all of it loose for a minute, and tests/app/test_hostile.py in the small.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

ADDRESS: Final = "127.0.0.2"  # Linux has all of 127.0.0.0/8 on its loopback
PATIENCE_S: Final = 30.0
PAUSE_S: Final = 0.02  # after a refusal: what hammers on is cheap to refuse, and would only measure the client

TABLE: Final = "x,y,c\n" + "\n".join(f"{row},{row % 7},{row % 2}" for row in range(60))


@dataclass
class Hostile:
    """A client that means no good.

    Args:
        port: of the server on 127.0.0.1.
        run: of somebody else, which it knows by its link.
        heads: how many half-sent requests it keeps.

    Attributes:
        got: what it has had, by trick.
        refused: how often it was refused, by trick and by what was answered.
    """

    port: int
    run: str
    heads: int = 1000
    got: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _kept: set[asyncio.StreamWriter] = field(default_factory=set)
    _watching: list[ClientConnection] = field(default_factory=list)

    def was_refused(self, trick: str) -> bool:
        """Whether a trick has met a limit."""
        return any(name == trick and code != "gone" for name, code in self.refused)

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection, from its own address."""
        opened = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(ADDRESS, 0))
        self._kept.add(opened[1])
        return opened

    async def ask(self, method: str, path: str, body: bytes = b"", token: str = "") -> tuple[int, dict[str, Any]]:
        """Send a request on a connection of its own; status and JSON. A connection that breaks off is status 0."""
        try:
            reader, writer = await self.dial()
            bearer = f"Authorization: Bearer {token}\r\n" if token else ""
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{bearer}"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(PATIENCE_S):
                answer = await reader.read()
            self.hang_up(writer)
            head_of, _, rest = answer.partition(b"\r\n\r\n")
            return int(head_of.split()[1]), json.loads(rest) if rest.startswith(b"{") else {}
        except (OSError, TimeoutError, ValueError, IndexError):
            return 0, {}

    def hang_up(self, writer: asyncio.StreamWriter) -> None:
        """Break a connection off."""
        self._kept.discard(writer)
        writer.transport.abort()

    async def leave(self) -> None:
        """Break everything off."""
        for connection in self._watching:
            connection.transport.abort()
        writers = tuple(self._kept)
        for writer in writers:
            self.hang_up(writer)
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
        await asyncio.gather(*(each.wait_closed() for each in self._watching), return_exceptions=True)

    def note(self, trick: str, status: int, answer: dict[str, Any]) -> bool:
        """Count what came of it; whether it was had."""
        if status in (200, 201):
            self.got[trick] += 1
            return True
        self.refused[trick, str(answer.get("error", {}).get("code", "gone" if status == 0 else status))] += 1
        return False

    async def join(self, trick: str, run: str) -> ClientConnection | None:
        """Watch a run and never read."""
        url = f"ws://127.0.0.1:{self.port}/api/runs/{run}/live"
        try:
            connection = await connect(url, local_addr=(ADDRESS, 0), open_timeout=PATIENCE_S, compression=None)
            await connection.send('{"op": "join"}')
            said = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE_S))
        except (OSError, TimeoutError, WebSocketException, ValueError):
            self.note(trick, 0, {})
            return None
        if said["op"] != "hello":
            self.note(trick, 503, said)
            await connection.close()
            return None
        self.note(trick, 200, said)
        self._watching.append(connection)
        return connection

    async def hold(self, trick: str, said: bytes) -> None:
        """Say a part of a request, and wait until the server has had enough of it."""
        try:
            reader, writer = await self.dial()
        except OSError:
            self.note(trick, 0, {})
            return
        try:
            writer.write(said)
            self.got[trick] += 1
            answer = await reader.read()
            status = answer.split()[1] if answer else b"0"
            body = answer.partition(b"\r\n\r\n")[2]
            self.note(trick, int(status), json.loads(body) if body.startswith(b"{") else {})
        except (OSError, ValueError):
            self.note(trick, 0, {})
        finally:
            self.hang_up(writer)

    async def keep_holding(self, trick: str, said: bytes, count: int) -> None:
        """Have so many half-sent requests all the time."""

        async def one() -> None:
            while True:
                await self.hold(trick, said)
                await asyncio.sleep(PAUSE_S)

        await asyncio.gather(*(one() for _ in range(count)))


async def runs(hostile: Hostile) -> None:
    """Open one run after the other, each with a viewer, as quickly as it goes."""
    while True:
        status, answer = await hostile.ask("POST", "/api/runs", b"{}")
        if hostile.note("runs", status, answer):
            await hostile.join("viewers", answer["id"])
        else:
            await asyncio.sleep(PAUSE_S)


async def churn(hostile: Hostile) -> None:
    """Open runs that nobody watches, one after the other."""
    while True:
        if not hostile.note("unwatched", *await hostile.ask("POST", "/api/runs", b"{}")):
            await asyncio.sleep(PAUSE_S)


async def seats(hostile: Hostile) -> None:
    """Take all seats of somebody else's run."""
    while True:
        if await hostile.join("seats", hostile.run) is None:
            await asyncio.sleep(PAUSE_S)


async def uploads(hostile: Hostile) -> None:
    """Half-sent uploads, on every place there is."""
    head = b"POST /api/tables HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n\r\nx,y,c\n"
    await hostile.keep_holding("uploads", head, 64)


async def openings(hostile: Hostile) -> None:
    """Half-sent records of long runs."""
    head = b"POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 30000000\r\n\r\n"
    await hostile.keep_holding("openings", head + b" " * 300_000, 8)


async def heads(hostile: Hostile) -> None:
    """Half-sent heads of requests, and connections on which nothing is said."""
    said = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
    halves = (hostile.heads // 2, hostile.heads - hostile.heads // 2)
    await asyncio.gather(
        hostile.keep_holding("heads", said, halves[0]), hostile.keep_holding("silent connections", b"", halves[1])
    )


async def unread(hostile: Hostile) -> None:
    """Ask for much, and read none of it."""
    while True:
        try:
            _, writer = await hostile.dial()
            writer.write(b"GET /api/schema HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50)
            hostile.got["unread answers"] += 1
        except OSError:
            hostile.note("unread answers", 0, {})
        await asyncio.sleep(0.5)


async def handshakes(hostile: Hostile) -> None:
    """WebSockets that never say who they are."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET /api/runs/{hostile.run}/live HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    await hostile.keep_holding("handshakes", "\r\n".join(lines).encode(), 16)


async def tables(hostile: Hostile) -> None:
    """One table after the other, so that those of others make room."""
    number = 0
    while True:
        number += 1
        body = TABLE.replace("x", f"x{number}", 1).encode()
        if not hostile.note("tables", *await hostile.ask("POST", "/api/tables", body)):
            await asyncio.sleep(PAUSE_S)


Trick = Callable[[Hostile], Coroutine[Any, Any, None]]

TRICKS: Final[tuple[Trick, ...]] = (runs, churn, seats, uploads, openings, tables, unread, handshakes, heads)
"""The last takes all connections that are left to it."""
