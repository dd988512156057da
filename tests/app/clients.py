"""What the tests of the server watch a run with."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from tests.conftest import TIMEOUT_FACTOR
from trainer.wire.frames import Frame, decode

both_ways = pytest.mark.parametrize("by", ["websocket", "events"], indirect=True)
"""A viewer is a viewer, whatever its connection is made of."""


class EventConnection:
    """A stream of events with POSTs beside it, in the shape of a WebSocket connection.

    Args:
        url: the server.
        run: the run's id.
        token: the owner's token, or nothing.

    Attributes:
        answers: whether it answers heartbeats.
        heartbeats: how many came.
        seat: what the stream began with.
        close_code: why the server ended the stream, once it has.
        close_reason: the same in a word.
    """

    def __init__(self, url: str, run: str, token: str | None) -> None:
        self.answers = True
        self.heartbeats = 0
        self.seat: dict[str, Any] = {}
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self._path = f"/api/runs/{run}"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(base_url=url, timeout=None, trust_env=False, verify=False)
        self._stack = contextlib.AsyncExitStack()
        self._events: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> Self:
        """Ask for the stream and wait for the seat."""
        stream = self._client.stream("GET", f"{self._path}/events", headers=self._headers)
        response = await self._stack.enter_async_context(stream)
        assert response.status_code == 200
        self._reading = asyncio.create_task(self._read(response))
        name, data = await self._events.get()
        assert name == "seat"
        self.seat = json.loads(data)
        return self

    async def recv(self) -> str | bytes:
        """Return the next message: text, or the bytes of a frame.

        Raises:
            ConnectionClosed: the stream has ended.
        """
        name, data = await self._events.get()
        if name == "close":
            self._events.put_nowait((name, data))
            raise ConnectionClosedOK(None, None)
        return base64.b64decode(data) if name == "frame" else data

    async def send(self, message: str | bytes) -> None:
        """POST one message.

        Raises:
            ConnectionClosed: the server listens no longer.
        """
        assert isinstance(message, str)
        try:
            await self.post(f'{{"seat": {json.dumps(self.seat["seat"])}, "messages": [{message}]}}')
        except httpx.HTTPError:
            raise ConnectionClosedOK(None, None) from None

    async def post(self, body: str) -> httpx.Response:
        """POST as it is."""
        return await self._client.post(f"{self._path}/commands", content=body)

    async def close(self) -> None:
        """Leave."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._stack.aclose()
        await self._client.aclose()

    async def _read(self, response: httpx.Response) -> None:
        """Read to the end, which is an event ``close`` or, where none came, is taken as one."""
        name, data = "message", ""
        with contextlib.suppress(httpx.HTTPError):
            async for line in response.aiter_lines():
                field, _, value = line.partition(": ")
                if line == "" and data:
                    self._take(name, data)
                    name, data = "message", ""
                elif field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif field == "":
                    self.heartbeats += 1
                    if self.answers:
                        await self.post(json.dumps({"seat": self.seat["seat"], "messages": []}))
        if self.close_code is None:
            self._take("close", '{"code": 1006, "reason": ""}')

    def _take(self, name: str, data: str) -> None:
        if name == "close":
            closed = json.loads(data)
            self.close_code, self.close_reason = closed["code"], closed["reason"]
        self._events.put_nowait((name, data))


Connection = ClientConnection | EventConnection


def no_json(name: str) -> None:
    """Fail at NaN and its relatives, which Python's parser lets pass."""
    raise AssertionError(f"{name} is no JSON")


class Viewer:
    """A viewer that keeps up: it acknowledges every frame, and keeps all it was sent.

    Args:
        connection: its WebSocket, or its stream of events.
        patience: seconds to wait for something that must come.
        credits: whether it acknowledges frames.
    """

    def __init__(self, connection: Connection, patience: float, credits: bool = True) -> None:
        self.connection = connection
        self.frames: list[Frame] = []
        self.sizes: list[int] = []
        self.texts: list[dict[str, Any]] = []
        self._patience = patience
        self._credits = credits
        self._ids = 0
        self._early: list[str | bytes] = []  # received, and not read yet

    async def joined(self) -> Self:
        """Wait until it is a viewer of the run; the greeting is still to be read."""
        self._early.append(await asyncio.wait_for(self.connection.recv(), self._patience))
        return self

    async def read(self) -> Frame | dict[str, Any]:
        """Take in one message."""
        received = self._early.pop(0) if self._early else await asyncio.wait_for(self.connection.recv(), self._patience)
        if isinstance(received, str):
            text: dict[str, Any] = json.loads(received, parse_constant=no_json)
            self.texts.append(text)
            return text
        frame = decode(received)
        self.frames.append(frame)
        self.sizes.append(len(received))
        if self._credits:
            with contextlib.suppress(ConnectionClosed):  # what was received before the end is still to be read
                await self.connection.send(json.dumps({"op": "credit", "seq": frame.seq}))
        return frame

    async def until(self, wanted: Callable[[Any], bool]) -> Any:
        """Read until a message is what is wanted, and return it."""
        async with asyncio.timeout(self._patience):
            while True:
                message = await self.read()
                if wanted(message):
                    return message

    async def until_text(self, op: str, **fields: Any) -> dict[str, Any]:
        """Read until there is a text message with these fields."""
        wanted = {"op": op, **fields}
        found: dict[str, Any] = await self.until(
            lambda message: isinstance(message, dict) and wanted.items() <= message.items()
        )
        return found

    async def until_frame(self, kind: str) -> Frame:
        """Read until there is a frame of this kind."""
        found: Frame = await self.until(lambda message: isinstance(message, Frame) and message.kind == kind)
        return found

    async def until_step(self, step: int) -> None:
        """Read until the masks of a step are there."""
        async with asyncio.timeout(self._patience):
            while not (steps := self.steps()) or steps[-1] < step:
                await self.read()

    async def until_closed(self) -> tuple[int, str]:
        """Read until the server hangs up; close code and reason."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(self._patience):
                while True:
                    await self.connection.recv()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""

    async def say(self, **message: Any) -> None:
        """Send a message, without waiting for its answer."""
        await self.connection.send(json.dumps(message))

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        self._ids += 1
        await self.say(op=op, id=self._ids, **fields)
        answer: dict[str, Any] = await self.until(
            lambda message: isinstance(message, dict) and message.get("id") == self._ids
        )
        return answer

    def steps(self) -> list[int]:
        """The steps whose masks it got in ``steps`` frames, in the order of their coming."""
        return [int(step) for frame in self.frames if frame.kind == "steps" for step in frame.tensors["step"]]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.connection.close()


async def watch(
    url: str,
    run: dict[str, Any],
    patience: float,
    *,
    owner: bool = False,
    credits: bool = True,
    by: str = "websocket",
) -> Viewer:
    """Open a viewer of a run at a server, by a ``websocket`` or by ``events``."""
    token = run["token"] if owner else None
    if by == "events":
        return await Viewer(await EventConnection(url, run["id"], token).open(), patience, credits).joined()
    address = f"{url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live"
    connection = await connect(address, compression=None, max_size=None, ping_interval=None, close_timeout=1)
    await connection.send(join(token))
    return await Viewer(connection, patience, credits).joined()


def join(token: str | None = None) -> str:
    """The first message of a viewer: of the owner, or of one who watches."""
    return json.dumps({"op": "join"} if token is None else {"op": "join", "token": token})


class RawViewer:
    """A viewer that shakes hands and then does as it likes: nothing reads or answers by itself.

    It blocks, so a test whose server is in its own event loop must use it from a thread (`raw_viewer`).
    """

    def __init__(self, port: int, path: str, token: str | None = None, buffer_bytes: int = 4096) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(30 * TIMEOUT_FACTOR)
        self.socket.connect(("127.0.0.1", port))
        self._shake_hands(port, path)
        self.say(join(token))

    def _shake_hands(self, port: int, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def say(self, text: str, times: int = 1) -> None:
        """Send a text message, once or many times."""
        for _ in range(times):
            self.socket.sendall(masked(0x81, text.encode()))

    def read_to_the_end(self) -> bytes:
        """Return all that is still to come."""
        received = bytearray()
        while chunk := self.socket.recv(65536):
            received += chunk
        return bytes(received)


@contextlib.asynccontextmanager
async def raw_viewer(port: int, path: str, token: str | None = None) -> AsyncIterator[RawViewer]:
    """Open a raw viewer, and close it in the end."""
    raw = await asyncio.to_thread(RawViewer, port, path, token)
    try:
        yield raw
    finally:
        raw.socket.close()


def masked(first: int, payload: bytes) -> bytes:
    """Return a client's WebSocket frame; its mask is zero, which the protocol allows."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + bytes(4) + payload
    return bytes((first, 0x80 | 126)) + size.to_bytes(2, "big") + bytes(4) + payload
