"""The WebSocket of a run: who comes in, and how a WebSocket is talked over."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.commands import JOIN, check_address, check_join
from app.errors import (
    BadJsonError,
    BadMessageError,
    NotFoundError,
    TooManyViewersError,
    WrongTokenError,
    describe,
)
from app.lab import lab_of
from app.live import FLUSH_S, Conversation
from app.run import Run
from app.shares import client_of
from app.uvicorn_protocol import hang_up
from app.viewers import Outbox
from app.wire import dumps, loads
from trainer.errors import DropoutLabError

JOIN_S: Final = 10.0  # for the first message: a client sends it as soon as the connection is open
TRY_AGAIN: Final = 1013  # RFC 6455's registry: a condition that will pass
CLOSE_CODES: Final[dict[type[DropoutLabError], int]] = {
    BadJsonError: 4400,
    BadMessageError: 4400,
    WrongTokenError: 4403,
    NotFoundError: 4404,
    TooManyViewersError: 4429,
}
"""With which code a viewer is refused at the door."""


class SocketLine:
    """A viewer's connection that is a WebSocket.

    Args:
        websocket: the WebSocket, accepted.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self._websocket.send_text(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a frame."""
        await self._websocket.send_bytes(data)

    async def listen(self, conversation: Conversation) -> None:
        """Hand over what the viewer says, until it has gone."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            conversation.receive(message.get("text"))

    async def hang_up(self, code: int, reason: str) -> None:
        """Close the WebSocket."""
        await hang_up(self._websocket, code, reason)


async def watch_by_websocket(websocket: WebSocket) -> None:
    """Serve one viewer from the handshake to the end."""
    lab = lab_of(websocket)
    await websocket.accept()
    try:
        run, outbox = await _let_in(websocket)
    except DropoutLabError as error:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await websocket.send_text(dumps({"op": "error", "error": describe(error)}))
        await hang_up(websocket, CLOSE_CODES.get(type(error), TRY_AGAIN), describe(error)["code"])
    except WebSocketDisconnect:
        return
    else:
        await lab.live.serve(SocketLine(websocket), run, outbox)


async def _let_in(websocket: WebSocket) -> tuple[Run, Outbox]:
    """Hear who the viewer is, and let it into the run.

    Raises:
        RefusedError: it may not come in; one of `CLOSE_CODES`.
        WebSocketDisconnect: it left.
    """
    run = await lab_of(websocket).runs.find(websocket.path_params["run_id"], client_of(websocket))
    check_address(websocket.query_params, f"in the first message, {JOIN}")
    try:
        async with asyncio.timeout(JOIN_S):
            message = await websocket.receive()
    except TimeoutError:
        raise BadMessageError(f"nothing was said within {JOIN_S:g} seconds: the first message is {JOIN}") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    token = check_join(loads(message.get("text") or ""))
    if token is not None:
        run.check_token(token)
    return run, run.join(token is not None, client_of(websocket))
