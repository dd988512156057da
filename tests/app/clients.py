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

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from trainer.frames import Frame, decode


class Viewer:
    """A viewer that keeps up: it acknowledges every frame, and keeps all it was sent.

    Args:
        connection: its WebSocket.
        patience: seconds to wait for something that must come.
        credits: whether it acknowledges frames.
    """

    def __init__(self, connection: ClientConnection, patience: float, credits: bool = True) -> None:
        self.connection = connection
        self.frames: list[Frame] = []
        self.sizes: list[int] = []
        self.texts: list[dict[str, Any]] = []
        self._patience = patience
        self._credits = credits
        self._ids = 0

    async def read(self) -> Frame | dict[str, Any]:
        """Take in one message."""
        received = await asyncio.wait_for(self.connection.recv(), self._patience)
        if isinstance(received, str):
            text: dict[str, Any] = json.loads(received)
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


async def watch(url: str, run: dict[str, Any], patience: float, *, owner: bool = False, credits: bool = True) -> Viewer:
    """Open a viewer of a run at a server."""
    token = f"?token={run['token']}" if owner else ""
    address = f"{url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live{token}"
    connection = await connect(address, compression=None, max_size=None, ping_interval=None, close_timeout=1)
    return Viewer(connection, patience, credits)


class RawViewer:
    """A viewer that shakes hands and then does as it likes: nothing reads or answers by itself.

    It blocks, so a test whose server is in its own event loop must use it from a thread (`raw_viewer`).
    """

    def __init__(self, port: int, path: str, buffer_bytes: int = 4096) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        self._shake_hands(port, path)

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
async def raw_viewer(port: int, path: str) -> AsyncIterator[RawViewer]:
    """Open a raw viewer, and close it in the end."""
    raw = await asyncio.to_thread(RawViewer, port, path)
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
