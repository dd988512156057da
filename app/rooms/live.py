"""The WebSocket of a room: who comes in, and how one talks there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.bucket import Bucket
from app.commands import check_address, check_id
from app.errors import (
    BadJsonError,
    BadMessageError,
    NotFoundError,
    TooManyMessagesError,
    TooManyViewersError,
    WrongTokenError,
    describe,
)
from app.lab import lab_of
from app.live import FLUSH_S
from app.rooms.commands import Role, read_said
from app.rooms.links import links_to, read_at
from app.rooms.open import OpenRoom
from app.rooms.orders import obey
from app.rooms.readers import Reader, Shows
from app.shares import client_of
from app.uvicorn_protocol import hang_up
from app.viewers import SEND_TIMEOUT_S
from app.websocket import JOIN_S, TRY_AGAIN
from app.wire import dumps, loads
from trainer.errors import DropoutLabError, KnobError, quote

JOIN: Final = '{"op": "join"} or {"op": "join", "token": …}'
MOST_UNANSWERED: Final = 64  # of one reader
WORDS_PER_SECOND: Final = 200.0  # of whatever kind
CLOSE_CODES: Final[dict[type[DropoutLabError], int]] = {
    BadJsonError: 4400,
    BadMessageError: 4400,
    KnobError: 4400,
    WrongTokenError: 4403,
    NotFoundError: 4404,
    TooManyViewersError: 4429,
}
"""With which code somebody is refused at the door."""

_log = logging.getLogger(__name__)


async def meet_by_websocket(websocket: WebSocket) -> None:
    """Serve one reader from the handshake to the end."""
    lab = lab_of(websocket)
    await websocket.accept()
    try:
        at, reader = await _let_in(websocket)
    except DropoutLabError as error:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await websocket.send_text(dumps({"op": "error", "error": describe(error)}))
        await hang_up(websocket, CLOSE_CODES.get(type(error), TRY_AGAIN), describe(error)["code"])
    except WebSocketDisconnect:
        return
    else:
        await lab.live.watch_over(_Meeting(websocket, at, reader, lab.settings.max_messages_per_second).serve())


async def _let_in(websocket: WebSocket) -> tuple[OpenRoom, Reader]:
    """Hear who it is, and let them in.

    Raises:
        RefusedError: they may not; one of `CLOSE_CODES`.
        WebSocketDisconnect: they left.
    """
    lab, client = lab_of(websocket), client_of(websocket)
    at = lab.rooms.find(websocket.path_params["code"], client)
    check_address(websocket.query_params, f"in the first message, {JOIN}")
    try:
        async with asyncio.timeout(JOIN_S):
            message = await websocket.receive()
    except TimeoutError:
        raise BadMessageError(f"nothing was said within {JOIN_S:g} seconds: the first message is {JOIN}") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    token, shows, path = _read_join(loads(message.get("text") or ""))
    role: Role = "watcher"
    member = None
    if token is not None:
        student = at.room.who(token)
        if student is not None:
            role, member, shows = "student", student.id, "phone"
        elif at.room.is_host(token):
            role, shows = "host", shows or "host"
        else:
            raise WrongTokenError("this token is not of this room: its student was removed, or its room has ended")
    if role == "watcher" and shows == "host":
        raise WrongTokenError("only the host sees what a host sees; without a token one watches")
    reader = Reader(role, member, shows or "projector", client)
    at.enter(reader)
    if role == "host":
        _relink(websocket, at, path)
    return at, reader


def _relink(websocket: WebSocket, at: OpenRoom, path: str) -> None:
    """The host has come by an address that others may reach, too."""
    found = links_to(websocket, lab_of(websocket).settings, at.room.code, path)
    room = at.room
    if found[0] not in room.links:
        room.links = [*found, *(each for each in room.links if each not in found)][:8]
    if room.link not in room.links:
        room.link = room.links[0]


def _read_join(message: Any) -> tuple[str | None, Shows | None, str]:
    if not isinstance(message, Mapping) or message.get("op") != "join":
        raise BadMessageError(f"{quote(message)} is not allowed as the first message: it must be {JOIN}")
    token, shows = message.get("token"), message.get("shows")
    if not (token is None or isinstance(token, str)) or shows not in (None, "host", "projector", "phone"):
        raise BadMessageError(f"{quote(dict(message))} is not allowed: token must be a text, shows host or projector")
    return token, shows, read_at(message.get("at", ""))


class _Meeting:
    """One reader's conversation.

    Args:
        websocket: the WebSocket, accepted.
        at: the room.
        reader: who talks.
        messages_per_second: how fast they may for long; twice as much at once.
    """

    def __init__(self, websocket: WebSocket, at: OpenRoom, reader: Reader, messages_per_second: float) -> None:
        self._websocket = websocket
        self._at = at
        self._reader = reader
        self._rate = messages_per_second
        self._messages = Bucket(messages_per_second, 2 * messages_per_second)
        self._words = Bucket(WORDS_PER_SECOND, 2 * WORDS_PER_SECOND)
        self._working: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Talk until the reader leaves or must go."""
        listening = asyncio.create_task(self._listen())
        sending = asyncio.create_task(self._reader.pump(_Line(self._websocket), SEND_TIMEOUT_S))
        loop = asyncio.get_running_loop()
        self._reader.on_closing = lambda: loop.call_later(FLUSH_S, sending.cancel)
        try:
            await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._at.leave(self._reader)
            listening.cancel()
            sending.cancel()
            results = await asyncio.gather(listening, sending, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(
                result, TimeoutError | WebSocketDisconnect | RuntimeError
            ):
                _log.error("somebody in a room was cut off", exc_info=result)
        code, reason = self._reader.closing or (1011, "gone")
        if self._reader.closing is not None or not listening.done() or listening.cancelled():
            await hang_up(self._websocket, code, reason)

    async def _listen(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._hear(message.get("text"))

    def _hear(self, text: str | None) -> None:
        message_id: str | int | float | None = None
        try:
            if not self._words.take():
                raise TooManyMessagesError(f"this was one message too many: {self._rate:g} a second are read")
            message = None if text is None else loads(text)
            if not isinstance(message, dict):
                raise BadMessageError("a message must be a JSON object")
            if message.get("op") == "seen":
                number = message.get("n")
                if type(number) is not int:
                    raise BadMessageError(f"n = {quote(number)} is not allowed: it must be the number of a topic")
                self._reader.seen(number)
                return
            message_id = check_id(message)
            if not self._messages.take() or len(self._working) >= MOST_UNANSWERED:
                raise TooManyMessagesError(f"this was one message too many: {self._rate:g} a second are read")
            if message.get("op") == "ping":
                self._reader.say(dumps({"op": "ack", "id": message_id}))
                return
            said = read_said(message, self._reader.role)
        except DropoutLabError as error:
            self._refuse(message_id, error)
        else:
            task = asyncio.create_task(self._obey(said, message_id))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def _obey(self, said: Mapping[str, Any], message_id: str | int | float) -> None:
        try:
            answer = await obey(self._at, self._reader, said)
        except DropoutLabError as error:
            self._refuse(message_id, error)
        except Exception as error:
            _log.exception("a message to a room failed")
            self._refuse(message_id, error)
        else:
            self._reader.say(dumps({"op": "ack", "id": message_id, **answer}))

    def _refuse(self, message_id: str | int | float | None, error: Exception) -> None:
        named = {} if message_id is None else {"id": message_id}
        self._reader.say(dumps({"op": "error", **named, "error": describe(error)}))


class _Line:
    """What a reader is sent over: texts alone."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self._websocket.send_text(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message: a room has none."""
        await self._websocket.send_bytes(data)
