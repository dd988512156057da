"""The WebSocket of a run: commands in, frames out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.bucket import Bucket
from app.commands import check_command, check_credit, check_id, check_views
from app.errors import (
    BadMessageError,
    NotFoundError,
    NotOwnerError,
    RefusedError,
    TooManyMessagesError,
    TooManyViewersError,
    WrongOriginError,
    WrongTokenError,
    describe,
)
from app.run import Run
from app.runs import Runs
from app.security import check_origin, error_response
from app.settings import Settings
from app.uvicorn_protocol import hang_up
from app.viewers import NO_MORE_READING, SEND_TIMEOUT_S, Outbox
from app.wire import dumps, loads
from trainer.errors import DropoutLabError

FLUSH_S: Final = 2.0  # to send the last texts when a viewer is to go
CREDITS_PER_SECOND: Final = 1000  # frames come at most at some 60 a second
_CLOSE_CODES: Final[dict[type[RefusedError], int]] = {
    WrongTokenError: 4403,
    NotFoundError: 4404,
    TooManyViewersError: 4429,
}

_log = logging.getLogger(__name__)


class Conversation:
    """What one viewer says, and what it is answered.

    Args:
        run: the run that it watches.
        outbox: where the answers go.
        messages_per_second: how fast it may talk for long; twice as much at once.
    """

    def __init__(self, run: Run, outbox: Outbox, messages_per_second: float) -> None:
        self._run = run
        self._outbox = outbox
        self._messages = Bucket(messages_per_second, 2 * messages_per_second)
        self._credits = Bucket(CREDITS_PER_SECOND, 2 * CREDITS_PER_SECOND)
        self._rate = messages_per_second

    def hear(self, text: str | None) -> None:
        """Take in one message; ``None`` stands for a binary one."""
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
                self._outbox.credit(check_credit(message))
                return
            message_id = check_id(message)
            self._pay(self._messages)
            self._obey(message, message_id)
        except DropoutLabError as error:
            self._answer(message_id, {"error": describe(error)})

    def _pay(self, bucket: Bucket) -> None:
        if not bucket.take():
            raise TooManyMessagesError(f"this was one message too many: {self._rate:g} a second are read")

    def _obey(self, message: dict[str, Any], message_id: str | int | float) -> None:
        operation = message.get("op")
        if operation == "views":
            self._run.show(self._outbox, check_views(message))
            self._answer(message_id, {"step": self._run.step + 1})
            return
        if operation == "ask" and not self._outbox.owner:
            command = check_command(message, self._run.config)
            self._run.let_ask()
            self._run.command(command, lambda reply: self._answer(message_id, reply))
            return
        if not self._outbox.owner:
            raise NotOwnerError("only the owner of a run can turn its knobs; you are watching")
        command = check_command(message, self._run.config)
        self._run.command(command, lambda reply: self._answer(message_id, reply))

    def _answer(self, message_id: str | int | float | None, reply: dict[str, Any]) -> None:
        named = {} if message_id is None else {"id": message_id}
        if "error" in reply:
            self._outbox.say(dumps({"op": "error", **named, "error": reply["error"]}))
        else:
            answer = {"answer": reply["answer"]} if "answer" in reply else {}
            self._outbox.say(dumps({"op": "ack", **named, "step": reply["step"], **answer}))


class Live:
    """The WebSocket endpoint, and everybody who is connected to it."""

    def __init__(self, runs: Runs, settings: Settings) -> None:
        self._runs = runs
        self._settings = settings
        self._open: set[asyncio.Task[Any]] = set()

    async def __call__(self, websocket: WebSocket) -> None:
        """Serve one viewer from the handshake to the end."""
        try:
            check_origin(websocket.headers, self._settings.origins)
        except WrongOriginError as error:
            await websocket.send_denial_response(error_response(error))
            return
        await websocket.accept()
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._welcome(websocket)
        finally:
            self._open.discard(task)

    async def farewell(self, timeout_s: float) -> None:
        """Wait until everybody has gone, once the runs have ended."""
        if self._open:
            await asyncio.wait(self._open, timeout=timeout_s)

    async def _welcome(self, websocket: WebSocket) -> None:
        try:
            run = self._runs.find(websocket.path_params["run_id"])
            token = websocket.query_params.get("token")
            if token is not None:
                run.check_token(token)
            outbox = run.join(owner=token is not None)
        except RefusedError as error:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await websocket.send_text(dumps({"op": "error", "error": describe(error)}))
            await hang_up(websocket, _CLOSE_CODES[type(error)], describe(error)["code"])
            return
        try:
            code, reason = await self._serve(websocket, run, outbox)
        finally:
            run.leave(outbox)
        if code is not None:
            await hang_up(websocket, code, reason)

    async def _serve(self, websocket: WebSocket, run: Run, outbox: Outbox) -> tuple[int | None, str]:
        """Talk until the viewer leaves (``None``) or must go (a close code)."""
        listening = asyncio.create_task(self._listen(websocket, run, outbox))
        sending = asyncio.create_task(outbox.pump(websocket, SEND_TIMEOUT_S))
        loop = asyncio.get_running_loop()
        outbox.on_closing = lambda: loop.call_later(FLUSH_S, sending.cancel)
        try:
            await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            sending.cancel()
            results = await asyncio.gather(listening, sending, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(
                result, TimeoutError | WebSocketDisconnect | RuntimeError
            ):
                _log.error("a viewer of run %s was cut off", run.id, exc_info=result)
        if any(isinstance(result, TimeoutError) for result in results):
            return NO_MORE_READING, "this viewer stopped reading"
        return outbox.closing or (None, "")

    async def _listen(self, websocket: WebSocket, run: Run, outbox: Outbox) -> None:
        """Hear what the viewer says until it leaves."""
        conversation = Conversation(run, outbox, self._settings.max_messages_per_second)
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            conversation.hear(message.get("text"))
