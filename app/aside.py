"""Work that would hold up everybody: done in a thread beside the event loop, one piece after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from app.errors import TooManyMessagesError

MOST_WAITING: Final = 64

T = TypeVar("T")


class Aside:
    """Does one piece of work at a time: several threads of Python would only take turns, and each its turn of the loop.

    Args:
        what: the work in a few words, for the error that refuses more of it.
        most: pieces that may wait, the one that is being done among them.
    """

    def __init__(self, what: str, most: int = MOST_WAITING) -> None:
        self._what = what
        self._most = most
        self._count = 0
        self._turn = asyncio.Lock()

    async def do(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, once it is its turn.

        Raises:
            TooManyMessagesError: too much waits already.
        """
        if self._count >= self._most:
            raise TooManyMessagesError(f"{self._count} {self._what} wait already; try again in a moment")
        self._count += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._count -= 1
