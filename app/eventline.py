"""A viewer's connection that is a stream of events, with POSTs beside it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send

from app.errors import NotFoundError
from app.live import FLUSH_S, Conversation
from app.uvicorn_protocol import abort
from app.viewers import SEND_TIMEOUT_S
from app.wire import dumps

HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx and its relatives pass each event on at once
}


class EventLine:
    """A viewer's connection that is a stream of events, and POSTs that come beside it.

    Args:
        scope: of the request for the stream.
        receive: of the same.
        send: of the same.
        seat: the name under which its POSTs are known.
        heartbeat_s: how often the stream says that it is still there; the viewer answers with a POST.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, seat: str, heartbeat_s: float) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._greeting = dumps({"seat": seat, "heartbeat_s": heartbeat_s})
        self._heartbeat_s = heartbeat_s
        self._begun = False
        self._heard_at = time.monotonic()
        self._conversation: Conversation | None = None

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self._event("message", data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a frame, as base64: events are text."""
        await self._event("frame", base64.b64encode(data).decode())

    async def listen(self, conversation: Conversation) -> None:
        """Take what POSTs bring until the viewer has gone, and keep the stream alive meanwhile.

        Raises:
            TimeoutError: nothing was heard of the viewer for two heartbeats and as long as it may take to send.
        """
        self._conversation = conversation
        gone = asyncio.create_task(self._until_gone())
        try:
            while True:
                await asyncio.wait({gone}, timeout=self._heartbeat_s)
                if gone.done():
                    return
                if time.monotonic() - self._heard_at > 2 * self._heartbeat_s + SEND_TIMEOUT_S:
                    raise TimeoutError
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._write(b": still here\n\n")
        finally:
            gone.cancel()

    def receive(self, messages: list[Any]) -> None:
        """Take in what a POST brought."""
        self._heard_at = time.monotonic()
        for message in messages:
            if self._conversation is not None:
                self._conversation.take(message)

    async def hang_up(self, code: int, reason: str) -> None:
        """Say why, and end the stream."""
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._event("close", dumps({"code": code, "reason": reason}))
                await self._send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            abort(self._scope)
            await self._until_gone()

    async def _event(self, name: str, data: str) -> None:
        await self._write(f"event: {name}\ndata: {data}\n\n".encode())

    async def _write(self, body: bytes) -> None:
        if not self._begun:
            self._begun = True
            headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._event("seat", self._greeting)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _until_gone(self) -> None:
        message: Message = {"type": "http.request"}
        while message["type"] != "http.disconnect":
            message = await self._receive()


class Seats:
    """The viewers that watch by events, each under the secret that its POSTs name."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], EventLine] = {}

    @contextlib.contextmanager
    def take(self, run: str, seat: str, line: EventLine) -> Iterator[None]:
        """Have a viewer of a run on a seat for as long as it watches."""
        self._lines[run, seat] = line
        try:
            yield
        finally:
            del self._lines[run, seat]

    def find(self, run: str, seat: Any) -> EventLine:
        """Return the viewer of a run on a seat.

        Raises:
            NotFoundError: nobody is on it, or not any more.
        """
        line = self._lines.get((run, seat)) if isinstance(seat, str) else None
        if line is None:
            raise NotFoundError("nobody watches this run on that seat: its stream of events has ended, or never was")
        return line
