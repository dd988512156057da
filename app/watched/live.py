"""The WebSocket of those who look at a watched model: who comes in, and what they may say."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.bucket import Bucket
from app.commands import check_address, check_id, check_join
from app.errors import BadMessageError, TooManyMessagesError, describe
from app.lab import lab_of
from app.live import FLUSH_S, talk
from app.shares import client_of
from app.uvicorn_protocol import hang_up
from app.viewers import Outbox
from app.watched.watch import Watch
from app.websocket import CLOSE_CODES, JOIN_S, TRY_AGAIN, SocketLine
from app.wire import dumps, loads
from trainer.errors import DropoutLabError
from trainer.settings.commands import COMMANDS, CREDITS_PER_SECOND

JOIN: Final = '{"op": "join"} to look, {"op": "join", "token": "…"} to give commands'

_log = logging.getLogger(__name__)


async def look_by_websocket(websocket: WebSocket) -> None:
    """Serve one viewer from the handshake to the end."""
    lab = lab_of(websocket)
    await websocket.accept()
    try:
        watch, viewer = await _let_in(websocket)
    except DropoutLabError as error:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await websocket.send_text(dumps({"op": "error", "error": describe(error)}))
        await hang_up(websocket, CLOSE_CODES.get(type(error), TRY_AGAIN), describe(error)["code"])
    except WebSocketDisconnect:
        return
    else:
        rate = lab.settings.max_messages_per_second
        await lab.live.watch_over(Looking(websocket, watch, viewer, rate, lab.metrics.refuse).serve())


async def _let_in(websocket: WebSocket) -> tuple[Watch, Outbox]:
    """Hear who the viewer is, and let it in.

    Raises:
        RefusedError: it may not come in; one of `app.websocket.CLOSE_CODES`.
        WebSocketDisconnect: it left.
    """
    watches, name = lab_of(websocket).watches, websocket.path_params["watch_id"]
    watches.find(name)
    check_address(websocket.query_params, f"in the first message, {JOIN}")
    try:
        async with asyncio.timeout(JOIN_S):
            message = await websocket.receive()
    except TimeoutError:
        raise BadMessageError(f"nothing was said within {JOIN_S:g} seconds: the first message is {JOIN}") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    token = check_join(loads(message.get("text") or ""))
    watch = watches.find(name)
    if token is not None:
        watch.check_token(token)
    return watch, watch.join(token is not None, client_of(websocket))


class Looking:
    """One viewer's conversation.

    Args:
        websocket: the WebSocket, accepted.
        watch: what it looks at.
        viewer: its outbox.
        messages_per_second: how fast it may talk for long; twice as much at once.
        refused: is told the code of every refusal.
    """

    def __init__(
        self,
        websocket: WebSocket,
        watch: Watch,
        viewer: Outbox,
        messages_per_second: float,
        refused: Callable[[str], object] = lambda code: None,
    ) -> None:
        self._websocket = websocket
        self._watch = watch
        self._viewer = viewer
        self._rate = messages_per_second
        self._refused = refused
        self._messages = Bucket(messages_per_second, 2 * messages_per_second)
        self._credits = Bucket(CREDITS_PER_SECOND, 2 * CREDITS_PER_SECOND)

    async def serve(self) -> None:
        """Talk until the viewer leaves or must go."""
        try:
            line = SocketLine(self._websocket)
            code, reason = await talk(line, self._listen(), self._viewer, f"a viewer of watch {self._watch.id}")
        finally:
            self._watch.leave(self._viewer)
        if code is not None:
            await hang_up(self._websocket, code, reason)

    async def _listen(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self.receive(message.get("text"))

    def receive(self, text: str | None) -> None:
        """Take in one message as it came; ``None`` stands for a binary one."""
        message_id: str | int | float | None = None
        try:
            if text is None:
                self._pay(self._messages)
                raise BadMessageError("binary messages are not understood: every message is JSON text")
            message = loads(text)
            if not isinstance(message, dict):
                raise BadMessageError("a message must be a JSON object")
            if message.get("op") == "credit":
                self._pay(self._credits)
                credit = COMMANDS["credit"].read(message)
                if "seq" in credit:
                    self._viewer.credit(credit["seq"])
                else:
                    self._viewer.credit_first(credit["frames"])
                return
            message_id = check_id(message)
            self._pay(self._messages)
            self._obey(message, message_id)
        except DropoutLabError as error:
            self._answer(message_id, {"error": describe(error)})
        except Exception as error:  # what nobody has foreseen is told as a 500 is over REST; the conversation goes on
            _log.exception("a message to watch %s failed", self._watch.id)
            self._answer(message_id, {"error": describe(error)})

    def _pay(self, bucket: Bucket) -> None:
        if not bucket.take():
            raise TooManyMessagesError(f"this was one message too many: {self._rate:g} a second are read")

    def _obey(self, message: dict[str, Any], message_id: str | int | float) -> None:
        if message.get("op") == "join":
            raise BadMessageError("join is the first message of a WebSocket; this viewer has joined already")
        self._watch.command(self._viewer, message, lambda reply: self._answer(message_id, reply))

    def _answer(self, message_id: str | int | float | None, reply: dict[str, Any]) -> None:
        named = {} if message_id is None else {"id": message_id}
        if "error" in reply:
            self._refused(str(reply["error"].get("code")))
            self._viewer.say(dumps({"op": "error", **named, "error": reply["error"]}))
        else:
            self._viewer.say(dumps({"op": "ack", **named, "step": reply["step"]}))
