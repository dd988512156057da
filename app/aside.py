"""Work that would hold up everybody: done in a thread beside the event loop, one piece after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from app.shares import Share, Turns

MOST_WAITING: Final = 64

T = TypeVar("T")


class Aside:
    """Does one piece of work at a time: several threads of Python would only take turns, and each its turn of the loop.

    Args:
        what: the work in a few words, for the error that refuses more of it.
        most: pieces that may wait, the one that is being done among them.
        of_one: how many of them may be of one client.
    """

    def __init__(self, what: str, most: int = MOST_WAITING, of_one: int | None = None) -> None:
        self._share = Share(f"{what} wait already", most, of_one)
        self._turns = Turns()

    async def do(self, work: Callable[[], T], client: str = "") -> T:
        """Return what ``work`` returns, once it is its turn: clients take turns, however much one of them wants.

        Raises:
            TooManyMessagesError: too much waits already.
            ClientShareError: too much of this client.
        """
        with self._share.one(client):
            async with self._turns.one(client):
                return await asyncio.to_thread(work)
