"""Everybody who watches a run: commands in, frames out, whatever their connections are made of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

from starlette.websockets import WebSocketDisconnect

from app.bucket import Bucket
from app.commands import check_id, check_right
from app.errors import BadMessageError, TooManyMessagesError, describe
from app.run import Run
from app.settings import Settings
from app.viewers import NO_MORE_READING, SEND_TIMEOUT_S, Outbox, Socket
from app.wire import dumps, loads
from trainer.errors import DropoutLabError
from trainer.logs import of_run
from trainer.settings.commands import COMMANDS, CREDITS_PER_SECOND, check_command

FLUSH_S: Final = 2.0  # to send the last texts when a viewer is to go

_log = logging.getLogger(__name__)


class Conversation:
    """What one viewer says, and what it is answered.

    Args:
        run: the run that it watches.
        outbox: where the answers go.
        messages_per_second: how fast it may talk for long; twice as much at once.
        refused: is told the code of every refusal.
    """

    def __init__(
        self,
        run: Run,
        outbox: Outbox,
        messages_per_second: float,
        refused: Callable[[str], object] = lambda code: None,
    ) -> None:
        self._refused = refused
        self._run = run
        self._outbox = outbox
        self._messages = Bucket(messages_per_second, 2 * messages_per_second)
        self._credits = Bucket(CREDITS_PER_SECOND, 2 * CREDITS_PER_SECOND)
        self._rate = messages_per_second

    def receive(self, text: str | None) -> None:
        """Take in one message as it came; ``None`` stands for a binary one."""
        try:
            if text is None:
                self._pay(self._messages)
                raise BadMessageError("binary messages are not understood: every message is JSON text")
            message = loads(text)
        except DropoutLabError as error:
            self._answer(None, {"error": describe(error)})
        else:
            self.take(message)

    def take(self, message: Any) -> None:
        """Take in one message as plain data."""
        message_id: str | int | float | None = None
        try:
            if not isinstance(message, dict):
                raise BadMessageError("a message must be a JSON object")
            if message.get("op") == "credit":
                self._pay(self._credits)
                credit = COMMANDS["credit"].read(message)
                if "seq" in credit:
                    self._outbox.credit(credit["seq"])
                else:
                    self._outbox.credit_first(credit["frames"])
                return
            message_id = check_id(message)
            self._pay(self._messages)
            self._obey(message, message_id)
        except DropoutLabError as error:
            self._answer(message_id, {"error": describe(error)})
        except Exception as error:  # what nobody has foreseen is told as a 500 is over REST; the conversation goes on
            _log.exception("a message to run %s failed", self._run.id, extra=of_run(self._run.id))
            self._answer(message_id, {"error": describe(error)})

    def _pay(self, bucket: Bucket) -> None:
        if not bucket.take():
            raise TooManyMessagesError(f"this was one message too many: {self._rate:g} a second are read")

    def _obey(self, message: dict[str, Any], message_id: str | int | float) -> None:
        check_right(message, self._outbox.owner)
        if message.get("op") == "views":
            self._run.show(self._outbox, dict.fromkeys(COMMANDS["views"].read(message)["open"]))
            self._answer(message_id, {"step": self._run.step + 1})
            return
        command = check_command(message, self._run.config)
        if command["op"] == "ask":
            self._run.ask(self._outbox, command, lambda reply: self._answer(message_id, reply))
        else:
            self._run.command(command, lambda reply: self._answer(message_id, reply))

    def _answer(self, message_id: str | int | float | None, reply: dict[str, Any]) -> None:
        named = {} if message_id is None else {"id": message_id}
        if "error" in reply:
            self._refused(str(reply["error"].get("code")))
            self._outbox.say(dumps({"op": "error", **named, "error": reply["error"]}))
        else:
            answer = {"answer": reply["answer"]} if "answer" in reply else {}
            self._outbox.say(dumps({"op": "ack", **named, "step": reply["step"], **answer}))


class Line(Socket, Protocol):
    """One viewer's connection, whatever it is made of."""

    async def listen(self, conversation: Conversation) -> None:
        """Hand over what the viewer says, until it has gone.

        Raises:
            TimeoutError: it is there no longer, and nobody said so.
        """

    async def hang_up(self, code: int, reason: str) -> None:
        """Close the connection, without waiting for a viewer that does not read."""


class Live:
    """Everybody who is connected.

    Args:
        settings: the limits.
        refused: is told the code of every refusal of a command.
    """

    def __init__(self, settings: Settings, refused: Callable[[str], object] = lambda code: None) -> None:
        self._settings = settings
        self._refused = refused
        self._open: set[asyncio.Task[Any]] = set()

    @property
    def is_empty(self) -> bool:
        """Whether nobody is connected."""
        return not self._open

    async def serve(self, line: Line, run: Run, outbox: Outbox) -> None:
        """Serve one viewer until it leaves or must go; afterwards it has left the run."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            try:
                code, reason = await self._talk(line, run, outbox)
            finally:
                run.leave(outbox)
            if code is not None:
                await line.hang_up(code, reason)
        finally:
            self._open.discard(task)

    async def watch_over(self, talk: Coroutine[Any, Any, None]) -> None:
        """Have a conversation of another kind, and know of it when the server parts from everybody."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await talk
        finally:
            self._open.discard(task)

    async def drain(self, timeout_s: float) -> None:
        """Wait until everybody has gone, once the runs have ended."""
        if self._open:
            await asyncio.wait(self._open, timeout=timeout_s)

    async def _talk(self, line: Line, run: Run, outbox: Outbox) -> tuple[int | None, str]:
        """Talk until the viewer leaves (``None``) or must go (a close code)."""
        conversation = Conversation(run, outbox, self._settings.max_messages_per_second, self._refused)
        return await talk(line, line.listen(conversation), outbox, f"a viewer of run {run.id}", of_run(run.id))


async def talk(
    line: Socket,
    listen: Coroutine[Any, Any, None],
    outbox: Outbox,
    who: str,
    extra: Mapping[str, Any] | None = None,
) -> tuple[int | None, str]:
    """Listen to somebody and send what is for them, until they leave (``None``) or must go (a close code).

    Args:
        line: where it is sent.
        listen: takes in what they say, until they have gone.
        outbox: what is to be sent.
        who: they are, for the log.
        extra: what the log notes beside.
    """
    listening = asyncio.create_task(listen)
    sending = asyncio.create_task(outbox.pump(line, SEND_TIMEOUT_S))
    loop = asyncio.get_running_loop()
    outbox.on_closing = lambda: loop.call_later(FLUSH_S, sending.cancel)
    try:
        await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.cancel()
        sending.cancel()
        results = await asyncio.gather(listening, sending, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, TimeoutError | WebSocketDisconnect | RuntimeError):
            _log.error("%s was cut off", who, exc_info=result, extra=extra)
    if any(isinstance(result, TimeoutError) for result in results):
        return NO_MORE_READING, "this viewer stopped reading"
    return outbox.closing or (None, "")
