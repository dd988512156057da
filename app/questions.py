"""Who asks a run something, and how often: a question costs its worker time, and somebody waits for each."""

from __future__ import annotations

from collections.abc import Callable

from app.bucket import Bucket
from app.errors import TooManyMessagesError
from app.viewers import Outbox
from trainer.settings.commands import ASKS_PER_SECOND, MAX_ASKS, OWNER_ASKS


class Questions:
    """The questions of one run that wait for their answer: one of each viewer at a time, and few in all.

    Args:
        now: the time, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._waiting: set[Outbox] = set()
        self._pace = Bucket(ASKS_PER_SECOND, ASKS_PER_SECOND, now)

    def check(self, viewer: Outbox) -> None:
        """Let a viewer pass that may ask now.

        Raises:
            TooManyMessagesError: its last question is not answered yet, too many others wait, or all viewers together
                ask too often.
        """
        if viewer in self._waiting:
            raise TooManyMessagesError("one ask at a time: your last one is not answered yet")
        most = MAX_ASKS + (OWNER_ASKS if viewer.owner else 0)
        if len(self._waiting) >= most:
            raise TooManyMessagesError(f"too many ask at once: {most} of this run wait for their answer already")
        if not viewer.owner and not self._pace.take():
            raise TooManyMessagesError(f"too many ask at once: {ASKS_PER_SECOND:g} questions a second are answered")

    def asked(self, viewer: Outbox) -> None:
        """A viewer waits for its answer."""
        self._waiting.add(viewer)

    def answered(self, viewer: Outbox) -> None:
        """It waits no longer."""
        self._waiting.discard(viewer)
