"""One bounded outbox for each viewer, so that nobody waits for a slow one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, Protocol

from app.backlog import Backlog, Packet, Waiting
from trainer.settings.panels import VIEWS

MAX_IN_FLIGHT: Final = 4  # frames on the way that the viewer has not acknowledged
MAX_TEXTS: Final = 2048
MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
SEND_TIMEOUT_S: Final = 20.0  # how long the transport's buffers may stay full

SHUTTING_DOWN: Final = 1001
SERVER_ERROR: Final = 1011
NO_MORE_READING: Final = 4408
RUN_ENDED: Final = 4410


class Socket(Protocol):
    """The half of a WebSocket that an outbox needs."""

    async def send_text(self, data: str) -> None:
        """Send a text message; waits while the transport's buffer is full."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message; waits while the transport's buffer is full."""


class Text(NamedTuple):
    """A text message that waits.

    Attributes:
        text: the message.
        topic: the next one of the same topic takes its place, if nothing was queued between them.
        knows: which revision of the run's changes its reader knows before it.
        weight: bytes that it counts, where it is counted how much waits.
    """

    text: str
    topic: str | None
    knows: int
    weight: int


class Outbox:
    """What one viewer is still to be sent: texts first, then frames as far as its credit goes.

    Frames leave in batches: everything that waits is taken at once, one frame of a kind, and sent in the order of its
    numbers before anything newer. So numbers always rise, and no kind can starve another on a slow connection.

    Args:
        owner: whether the viewer may turn the knobs.
        client: where it comes from.
        left: is told of each frame that was sent: its kind, the seconds that it waited here for this viewer, and the
            steps whose masks it leaves out.
        backlog: where frames wait that cannot be sent yet; by default one for the frames of runs.

    Attributes:
        views: what it has open beside the usual pictures: it gets no frames of other views.
        closing: close code and reason, once the outbox is to close.
        on_closing: called when it begins to close.
    """

    def __init__(
        self,
        owner: bool = False,
        client: str = "",
        left: Callable[[str, float, int], object] | None = None,
        backlog: Waiting | None = None,
    ) -> None:
        self.owner = owner
        self.client = client
        self._left = left
        self._came = time.monotonic()  # what was here before is not old to whoever comes
        self.views: frozenset[str] = frozenset()
        self.closing: tuple[int, str] | None = None
        self.on_closing: Callable[[], object] = lambda: None
        self._texts: deque[Text] = deque()
        self._knows = 0  # which revision of the run's changes it will know when it has all of these
        self._text_bytes = 0
        self._parts: Iterator[str] = iter(())  # of the greeting, those that are still to be made
        self._part: str | None = None  # and the one that is to be sent
        self._batch: deque[Packet] = deque()
        self._backlog: Waiting = Backlog() if backlog is None else backlog
        self._in_flight: deque[int] = deque()
        self._sent = 0  # frames so far
        self._wake = asyncio.Event()

    def say(self, text: str, topic: str | None = None, newest: bool = False) -> None:
        """Queue a text message.

        Args:
            text: the message.
            topic: a message gives way to the next one of its topic if nothing was queued between them.
            newest: whether those before it give way, whatever was queued between them: nobody needs an old one.
        """
        if newest:
            for old in [each for each in self._texts if each.topic == topic]:
                self._texts.remove(old)
                self._text_bytes -= old.weight
        self._queue(Text(text, topic, self._knows, len(text)))

    def greet(self, parts: Iterator[str], revision: int) -> None:
        """Queue what a viewer gets first of all: it is as long as the run's changes are many, and comes in parts, each
        of which is made when the one before has left.

        Args:
            parts: the messages.
            revision: of the run's changes, which are all in them.
        """
        self._parts = parts
        self._take_part()
        self._knows = revision

    def _take_part(self) -> None:
        """Make the next part of the greeting, if there is one."""
        self._part = next(self._parts, None)
        self._text_bytes += len(self._part or "")
        self._wake.set()

    def _next_text(self) -> str | None:
        """Take out the text that is to be sent next."""
        if self._part is not None:
            text, weight, self._part = self._part, len(self._part), None
        elif self._texts:
            text, _, _, weight = self._texts.popleft()
        else:
            return None
        self._text_bytes -= weight
        return text

    def tell(self, text_since: Callable[[int], str], revision: int, topic: str) -> None:
        """Queue news of the run: what is new to this viewer, with what a message told that now gives way to this one.

        Args:
            text_since: makes the message for who knows a revision of the run's changes.
            revision: that it will know afterwards.
            topic: as of `say`.
        """
        last = self._texts[-1] if self._texts else None
        knows = last.knows if last is not None and last.topic == topic else self._knows
        text = text_since(knows)
        self._queue(Text(text, topic, knows, len(text)))
        self._knows = revision

    def _queue(self, text: Text) -> None:
        if self.closing is not None:
            return
        if text.topic is not None and self._texts and self._texts[-1].topic == text.topic:
            self._text_bytes -= self._texts.pop().weight
        self._texts.append(text)
        self._text_bytes += text.weight
        self._wake.set()
        if len(self._texts) > MAX_TEXTS or self._text_bytes > MAX_TEXT_BYTES:
            self._texts.clear()
            self.close(NO_MORE_READING, "this viewer stopped reading")

    def begin(self, packets: Iterable[Packet]) -> None:
        """Queue what a viewer gets first, in this order."""
        self._batch.extend(packets)
        self._wake.set()

    def wants(self, kind: str) -> bool:
        """Whether frames of that kind are for this viewer."""
        return kind in self.views or kind not in VIEWS

    def put(self, packet: Packet) -> None:
        """Queue a frame, or join it to those that wait."""
        if self.closing is None and self.wants(packet.kind):
            self._backlog.put(packet)
            self._wake.set()

    def credit(self, seq: int) -> None:
        """The viewer has digested the frames up to number ``seq``."""
        while self._in_flight and self._in_flight[0] <= seq:
            self._in_flight.popleft()
        self._wake.set()

    def credit_first(self, count: int) -> None:
        """The viewer has digested the first ``count`` frames that it was sent: it need not be able to read them."""
        while self._in_flight and self._sent - len(self._in_flight) < count:
            self._in_flight.popleft()
        self._wake.set()

    def discard(self) -> None:
        """Forget the frames that were not sent yet, except for the data, which a new start does not change."""
        self._backlog.clear()
        self._batch = deque(packet for packet in self._batch if packet.kind == "data")

    def close(self, code: int, reason: str) -> None:
        """Send the texts that are queued, no frame any more, and end."""
        if self.closing is None:
            self.closing = (code, reason)
            self._parts = iter(())
            self._backlog.clear()
            self._batch.clear()
            self._wake.set()
            self.on_closing()

    async def pump(self, socket: Socket, timeout_s: float) -> None:
        """Send until the outbox is closed and empty.

        Raises:
            TimeoutError: the transport's buffer stayed full.
        """
        while True:
            if (text := self._next_text()) is not None:
                async with asyncio.timeout(timeout_s):
                    await socket.send_text(text)
                if self._part is None:
                    self._take_part()
            elif self.closing is not None:
                return
            elif (packet := self._next_frame()) is not None:
                self._in_flight.append(packet.seq)
                self._sent += 1
                async with asyncio.timeout(timeout_s):
                    await socket.send_bytes(packet.raw)
                if self._left is not None:
                    self._left(packet.kind, time.monotonic() - max(packet.came, self._came), packet.skipped)
            else:
                self._wake.clear()
                await self._wake.wait()

    def _next_frame(self) -> Packet | None:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return None
        if not self._batch:
            self._batch.extend(self._backlog.take())
        return self._batch.popleft() if self._batch else None
