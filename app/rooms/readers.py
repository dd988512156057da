"""Whoever has a room open: what each is still to be sent, and how far it has read."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Literal

from app.rooms.commands import Role
from app.viewers import NO_MORE_READING, Socket
from app.wire import dumps

MOST_UNSEEN: Final = 2  # topics on their way that were not drawn yet
PATIENCE_S: Final = 5.0  # after which one more is sent all the same, and it is told that a reader does not read
MOST_TEXTS: Final = 256  # answers that wait: whoever asks more than it reads is parted from

Shows = Literal["host", "projector", "phone"]


class Reader:
    """One connection: topics, of each the newest alone, and answers to what it says.

    A reader that is slow gets fewer topics, never an old one after a newer; nobody waits for it.

    Args:
        role: what it may do.
        member: the id of the student that it is of, or None.
        shows: what it is a page for.
        client: where it comes from.
        now: the time, in seconds.

    Attributes:
        came: when it came.
        closing: close code and reason, once it is to go.
        latency_s: from sending a topic until it was drawn, smoothed; None before the first.
    """

    def __init__(
        self,
        role: Role,
        member: str | None,
        shows: Shows,
        client: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.role = role
        self.member = member
        self.shows = shows
        self.client = client
        self.came = now()
        self.closing: tuple[int, str] | None = None
        self.on_closing: Callable[[], object] = lambda: None
        self.latency_s: float | None = None
        self._now = now
        self._waiting: OrderedDict[str, tuple[str, float]] = (
            OrderedDict()
        )  # bodies by their op, and since when they wait
        self._texts: deque[str] = deque()
        self._unseen: deque[tuple[int, float]] = deque()  # numbers, and when they were sent
        self._has: dict[str, str] = {}  # bodies that it was sent last
        self._number = 0
        self._sent_at = now()
        self._wake = asyncio.Event()

    def offer(self, op: str, body: str) -> None:
        """Let it have a topic, unless it has the very same already.

        Args:
            op: the topic.
            body: the same as JSON, an object of at least one thing, without ``op`` and ``n``.
        """
        waits = self._waiting.get(op)
        if self.closing is not None or body == (waits[0] if waits else self._has.get(op)):
            return
        self._waiting[op] = (body, waits[1] if waits else self._now())
        self._wake.set()

    def say(self, text: str) -> None:
        """Let it have an answer, before any topic."""
        if self.closing is None:
            self._texts.append(text)
            self._wake.set()
            if len(self._texts) > MOST_TEXTS:
                self.close(NO_MORE_READING, "this reader stopped reading")

    def seen(self, number: int) -> None:
        """It has drawn the topics up to a number."""
        now = self._now()
        while self._unseen and self._unseen[0][0] <= number:
            took_s = now - self._unseen.popleft()[1]
            self.latency_s = took_s if self.latency_s is None else 0.7 * self.latency_s + 0.3 * took_s
        self._wake.set()

    @property
    def age_s(self) -> float:
        """How old what it shows may be, in seconds: 0 if it has drawn all that there is."""
        since = [at for _, at in self._waiting.values()] + [at for _, at in self._unseen]
        return self._now() - min(since) if since else 0.0

    @property
    def reads(self) -> bool:
        """Whether it draws what it is sent."""
        return not self._unseen or self._now() - self._unseen[0][1] < PATIENCE_S

    def close(self, code: int, reason: str) -> None:
        """Send what is to be answered, and end."""
        if self.closing is None:
            self.closing = (code, reason)
            self._waiting.clear()
            self._wake.set()
            self.on_closing()

    async def pump(self, socket: Socket, timeout_s: float) -> None:
        """Send until it is closed and all answers have left.

        Raises:
            TimeoutError: the transport's buffer stayed full.
        """
        while True:
            if self._texts:
                async with asyncio.timeout(timeout_s):
                    await socket.send_text(self._texts.popleft())
            elif self.closing is not None:
                return
            elif (text := self._next()) is not None:
                async with asyncio.timeout(timeout_s):
                    await socket.send_text(text)
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Wait until something new is to be sent, or for one that does not read long enough."""
        self._wake.clear()
        left_s = max(0.01, PATIENCE_S - (self._now() - self._sent_at)) if self._waiting else None
        try:
            async with asyncio.timeout(left_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _next(self) -> str | None:
        now = self._now()
        if not self._waiting or (len(self._unseen) >= MOST_UNSEEN and now - self._sent_at < PATIENCE_S):
            return None
        op, (body, _) = self._waiting.popitem(last=False)
        self._has[op] = body
        self._number += 1
        self._sent_at = now
        self._unseen.append((self._number, now))
        while len(self._unseen) > 4 * MOST_UNSEEN:
            self._unseen.popleft()
        return f'{{"op":{dumps(op)},"n":{self._number},{body[1:]}'
