"""uvicorn's protocols, with what they lack: an end to waiting for whoever does not send, read or answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, Final, cast

import uvicorn
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from app.crowd import Door, Doors, refuse
from app.errors import RefusedError, describe, status
from app.wire import dumps

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

EXTENSION: Final = "dropout_lab.hang_up"
ABORT: Final = "dropout_lab.abort"
CLOSING_S: Final = 2.0  # for a viewer to answer the close frame
HEAD_S: Final = 20.0  # for the head of a request: from the first byte, or from connecting, as browsers do ahead
REFUSED_S: Final = 2.0  # the same where it will be refused anyhow
STALLED_S: Final = 60.0  # in which at least some 48 KiB of an answer must be read, if so much waits
VANISHED_S: Final = 30  # without a sign of the other end, after which the system gives a connection up
PROBE_S: Final = 10  # between two questions whether an idle one is still there


class Config(uvicorn.Config):
    """uvicorn's configuration, and the connections that there are.

    Args:
        app: the application.
        doors: counts connections.
        options: as of `uvicorn.Config`.
    """

    def __init__(self, app: Any, doors: Doors, **options: Any) -> None:
        super().__init__(app, **options)
        self.doors = doors


class LabProtocol(WebSocketsSansIOProtocol):
    """Offers the application ``hang_up``, and takes a refusal for an end of the handshake.

    An ASGI close waits until the transport's buffer has room, and closing a transport waits until its buffer is empty:
    neither ever happens with a viewer that stopped reading. Here the close frame joins the buffer at once, and the
    connection is aborted if it is still there after `CLOSING_S`. So it is when a ping was not answered. And an
    application that answered the handshake with an HTTP response is logged as one that "returned without completing
    handshake", at every refusal.
    """

    door: Door | None = None
    """By which it came in, before it spoke WebSocket."""

    async def run_asgi(self) -> None:
        """Run the application with the extension in its scope."""
        self.scope["extensions"][EXTENSION] = {"hang_up": self.hang_up, "take_up_to": self.take_up_to}
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # with a refusal

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no longer."""
        if self.door is not None:
            cast(Config, self.config).doors.leave(self.door)
            self.door = None
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Part from a viewer that did not answer a ping."""
        super().keepalive_timeout()
        self._abort_soon()

    def take_up_to(self, size: int) -> None:
        """Take messages of so many bytes from here on: whoever may send long ones has shown its right by now."""
        self.conn.max_message_size = size

    def hang_up(self, code: int, reason: str) -> None:
        """Close the connection, whatever its state."""
        if self.transport.is_closing():  # the viewer was quicker
            return
        if not self.close_sent:
            with contextlib.suppress(InvalidState):  # it is closing already
                self.conn.send_close(code, reason)
                self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._abort_soon()

    def _abort_soon(self) -> None:
        if not self.disconnected:
            self.close_timer = self.loop.call_later(CLOSING_S, self.transport.abort)


async def hang_up(websocket: WebSocket, code: int, reason: str) -> None:
    """Close a WebSocket, without waiting for a viewer that does not read where the server can do without."""
    extension = websocket.scope.get("extensions", {}).get(EXTENSION)
    if extension is not None:
        extension["hang_up"](code, reason)
        return
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.close(code, reason)


def take_up_to(websocket: WebSocket, size: int) -> None:
    """Take messages of so many bytes from a WebSocket from here on, where the server limits them."""
    extension = websocket.scope.get("extensions", {}).get(EXTENSION)
    if extension is not None:
        extension["take_up_to"](size)


class LabHttpProtocol(HttpToolsProtocol):
    """Offers the application ``abort``, counts the connection, and does not wait for ever.

    Closing a transport waits until its buffer is empty, which it never is with a viewer that stopped reading. uvicorn
    waits without a limit for the head of a request, and for an answer to be read.
    """

    door: Door | None = None
    _head: asyncio.TimerHandle | None = None  # until the head of a request must be there
    _stall: asyncio.TimerHandle | None = None  # until some of the answer must have been read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and wait for what it wants."""
        super().connection_made(transport)
        watch_for_vanishing(transport.get_extra_info("socket"))
        self.door = cast(Config, self.config).doors.enter(self.client[0] if self.client else None)
        if not self.door.is_heard:
            transport.abort()
        elif self.door.refusal is not None:
            self.app = Refusal(self.door.refusal)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no longer."""
        for timer in (self._head, self._stall):
            if timer is not None:
                timer.cancel()
        if self.door is not None:
            cast(Config, self.config).doors.leave(self.door)
            self.door = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came: where no request is under way, the head of the next begins with it."""
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request with the extension in its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._head is not None:
            self._head.cancel()
            self._head = None
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, with the place that it takes."""
        assert self.door is not None
        if self.door.refusal is not None:
            self.transport.write(answer_of(self.door.refusal))
            self.transport.close()
            return
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, LabProtocol):
            protocol.door, self.door = self.door, None

    def pause_writing(self) -> None:
        """Much of an answer waits to be read."""
        super().pause_writing()
        self._stall = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Some of it was."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head is None:
            refused = self.door is not None and self.door.refusal is not None
            self._head = self.loop.call_later(REFUSED_S if refused else HEAD_S, self._give_up)

    def _give_up(self) -> None:
        """The head of a request did not come: say so to who has begun one, and hang up."""
        if self.transport.is_closing():
            return
        if self.scope is not None and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(answer_of(HeadTooSlowError()))
        self.transport.close()
        self.loop.call_later(CLOSING_S, self.transport.abort)


class HeadTooSlowError(RefusedError):
    """The head of a request did not come."""

    code = "too_slow"

    def __init__(self) -> None:
        super().__init__(f"the head of the request did not arrive within {HEAD_S:g} seconds")


class Refusal:
    """An application that refuses whatever it is asked.

    Args:
        error: why.
    """

    def __init__(self, error: RefusedError) -> None:
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, and close the connection."""
        await refuse(self._error, scope, receive, send, {"Connection": "close"})


def answer_of(error: RefusedError) -> bytes:
    """Return an error as a whole HTTP answer, after which the connection is closed."""
    body = dumps({"error": describe(error)}).encode()
    lines = [f"HTTP/1.1 {status(describe(error))} Refused", "content-type: application/json", "connection: close"]
    if error.retry_after_s is not None:
        lines.append(f"retry-after: {error.retry_after_s}")
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def watch_for_vanishing(sock: Any) -> None:
    """Have the system find out when the other end of a connection is gone without a word, as far as it can.

    Args:
        sock: a socket, or what an event loop has in its place.
    """
    options = [(socket.SOL_SOCKET, "SO_KEEPALIVE", 1)]
    options += [(socket.IPPROTO_TCP, name, VANISHED_S) for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE")]
    options += [(socket.IPPROTO_TCP, "TCP_KEEPINTVL", PROBE_S), (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3)]
    options += [(socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", VANISHED_S * 1000)]  # of what was sent and not acknowledged
    for level, name, value in options:
        if hasattr(socket, name):
            with contextlib.suppress(OSError, AttributeError):  # a Unix socket has none of them
                sock.setsockopt(level, getattr(socket, name), value)


def abort(scope: Scope) -> None:
    """Break a request's connection off, where the server can."""
    extension = scope.get("extensions", {}).get(ABORT)
    if extension is not None:
        extension["abort"]()
