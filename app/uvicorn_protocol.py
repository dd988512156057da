"""uvicorn's protocols, with what they lack: hanging up on a viewer that does not read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

EXTENSION: Final = "dropout_lab.hang_up"
ABORT: Final = "dropout_lab.abort"
CLOSING_S: Final = 2.0  # for a viewer to answer the close frame


class LabProtocol(WebSocketsSansIOProtocol):
    """Offers the application ``hang_up``, and takes a refusal for an end of the handshake.

    An ASGI close waits until the transport's buffer has room, and closing a transport waits until its buffer is empty:
    neither ever happens with a viewer that stopped reading. Here the close frame joins the buffer at once, and the
    connection is aborted if it is still there after `CLOSING_S`. And an application that answered the handshake with an
    HTTP response is logged as one that "returned without completing handshake", at every refusal.
    """

    async def run_asgi(self) -> None:
        """Run the application with the extension in its scope."""
        self.scope["extensions"][EXTENSION] = {"hang_up": self.hang_up}
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # with a refusal

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


class LabHttpProtocol(HttpToolsProtocol):
    """Offers the application ``abort``.

    Closing a transport waits until its buffer is empty, which it never is with a viewer that stopped reading.
    """

    def on_message_begin(self) -> None:
        """Begin a request with the extension in its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}


def abort(scope: Scope) -> None:
    """Break a request's connection off, where the server can."""
    extension = scope.get("extensions", {}).get(ABORT)
    if extension is not None:
        extension["abort"]()
