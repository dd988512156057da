"""The WebSocket of a model that is watched: it tells what it does, and is told what to do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.bucket import Bucket
from app.commands import check_address
from app.errors import BadJsonError, BadMessageError, NotFoundError, WrongTokenError, describe
from app.lab import lab_of
from app.live import FLUSH_S, talk
from app.uvicorn_protocol import hang_up, take_up_to
from app.viewers import Outbox
from app.watched.frames import MAX_PAYLOAD
from app.watched.watch import Watch
from app.websocket import JOIN_S, TRY_AGAIN, SocketLine
from app.wire import dumps, loads
from trainer.errors import DropoutLabError, quote

FIRST: Final = '{"op": "feed", "token": "…"}'
MAX_TEXT: Final = 1024 * 1024  # a model of 2,000 modules and 512 sites has half of that
FRAMES_PER_SECOND: Final = 30.0  # a model sends at most some 15
BYTES_PER_SECOND: Final = 8e6  # of frames,
TENSORS_PER_SECOND: Final = 10_000.0  # which take time by themselves, and 80 bytes of a header each
TEXT_PER_SECOND: Final = 1e6  # characters; beyond, what comes is read later
BURST_S: Final = 2.0
_OF_HEADER: Final = 80
CLOSE_CODES: Final[dict[type[DropoutLabError], int]] = {
    BadJsonError: 4400,
    BadMessageError: 4400,
    WrongTokenError: 4403,
    NotFoundError: 4404,
}
"""With which code a feed is refused, or ended."""

_log = logging.getLogger(__name__)


async def feed_by_websocket(websocket: WebSocket) -> None:
    """Serve one model from the handshake to the end."""
    lab = lab_of(websocket)
    await websocket.accept()
    try:
        watch = await _let_in(websocket)
    except DropoutLabError as error:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await websocket.send_text(dumps({"op": "error", "error": describe(error)}))
        await hang_up(websocket, CLOSE_CODES.get(type(error), TRY_AGAIN), describe(error)["code"])
    except WebSocketDisconnect:
        return
    else:
        take_up_to(websocket, MAX_PAYLOAD)
        await lab.live.watch_over(Feed(websocket, watch).serve())


async def _let_in(websocket: WebSocket) -> Watch:
    """Hear of which watch it is.

    Raises:
        RefusedError: it may not come in; one of `CLOSE_CODES`.
        WebSocketDisconnect: it left.
    """
    watch = lab_of(websocket).watches.find(websocket.path_params["watch_id"])
    check_address(websocket.query_params, f"in the first message, {FIRST}")
    try:
        async with asyncio.timeout(JOIN_S):
            message = await websocket.receive()
    except TimeoutError:
        raise BadMessageError(f"nothing was said within {JOIN_S:g} seconds: the first message is {FIRST}") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    said = loads(message.get("text") or "")
    token = said.get("token") if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or said.get("op") != "feed" or not isinstance(token, str):
        op = said.get("op") if isinstance(said, Mapping) else said
        raise BadMessageError(f"op = {quote(op)} is not allowed as the first message: it must be {FIRST}")
    watch.check_token(token)
    if watch.is_over:
        raise NotFoundError("there is no such watch any more")
    return watch


class Feed:
    """One model's connection.

    Args:
        websocket: the WebSocket, accepted.
        watch: the watch that it is of.
    """

    def __init__(self, websocket: WebSocket, watch: Watch) -> None:
        self._websocket = websocket
        self._watch = watch
        self._outbox = Outbox()
        self._frames = Bucket(FRAMES_PER_SECOND, BURST_S * FRAMES_PER_SECOND)
        self._bytes = Bucket(BYTES_PER_SECOND, BURST_S * BYTES_PER_SECOND)
        self._tensors = Bucket(TENSORS_PER_SECOND, BURST_S * TENSORS_PER_SECOND)
        self._text = Bucket(TEXT_PER_SECOND, 4 * MAX_TEXT)

    async def serve(self) -> None:
        """Take in what the model tells until it leaves or must go."""
        self._watch.connect(self._outbox)
        try:
            line = SocketLine(self._websocket)
            code, reason = await talk(line, self._listen(), self._outbox, f"the feed of watch {self._watch.id}")
        finally:
            self._watch.disconnect(self._outbox)
        if code is not None:
            await hang_up(self._websocket, code, reason)

    async def _listen(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._outbox.closing is not None:  # another feed has taken its place, or the watch is over
                continue
            text, data = message.get("text"), message.get("bytes")
            try:
                if text is not None:
                    await self._hear(text)
                elif data is not None:
                    self._take(data)
            except DropoutLabError as error:
                _log.info("the feed of watch %s made no sense: %s", self._watch.id, error)
                self._outbox.say(dumps({"op": "error", "error": describe(error)}))
                self._outbox.close(4400, describe(error)["code"])

    async def _hear(self, text: str) -> None:
        """Take in a message; one that comes too fast is waited with, and so are those behind it."""
        if len(text) > MAX_TEXT:
            raise BadMessageError(f"a message of {len(text):,} characters is not allowed: it may have {MAX_TEXT:,}")
        await asyncio.sleep(self._text.spend(max(100, len(text))))
        if self._outbox.closing is None:
            self._watch.hear(loads(text))

    def _take(self, data: bytes) -> None:
        """Take in a frame; one that comes too fast is passed over."""
        header = int.from_bytes(data[:8], "little")
        costs = ((self._frames, 1), (self._bytes, len(data)), (self._tensors, min(header, len(data)) / _OF_HEADER))
        if all(bucket.take(cost) for bucket, cost in costs):
            self._watch.take(data)
        else:
            self._watch.drop(data)
