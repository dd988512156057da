"""Commands that a watched model was given and has not answered yet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.errors import NotAnsweredError, NotFedError, TooManyMessagesError, describe

ANSWER_S: Final = 30.0
MOST_OF_ONE: Final = 32  # of one viewer,
MOST_OF_ALL: Final = 256  # and of all

Answer = Callable[[dict[str, Any]], object]
"""Takes a ``step``, or an ``error``."""


@dataclass
class _Waiting:
    who: object
    answer: Answer
    deadline: asyncio.TimerHandle


class Asked:
    """The commands that wait for their answer, by the number under which the model was given them."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._of_one: Counter[object] = Counter()
        self._ref = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, who: object, answer: Answer) -> int:
        """Let a command wait; the number under which the model is to be given it.

        Args:
            who: gave it.
            answer: is called with what the model says, or with an error.

        Raises:
            TooManyMessagesError: too many wait already.
        """
        if self._of_one[who] >= MOST_OF_ONE:
            raise TooManyMessagesError(f"{MOST_OF_ONE} commands of yours wait for an answer, and no more may")
        if len(self._waiting) >= MOST_OF_ALL:
            raise TooManyMessagesError(f"{MOST_OF_ALL} commands wait for an answer of this model, and no more may")
        self._ref += 1
        late = asyncio.get_running_loop().call_later(ANSWER_S, self._give_up, self._ref)
        self._waiting[self._ref] = _Waiting(who, answer, late)
        self._of_one[who] += 1
        return self._ref

    def answer(self, ref: int, reply: dict[str, Any]) -> None:
        """The model has answered; what waits no longer, or never did, is passed over."""
        found = self._take(ref)
        if found is not None:
            found.answer(reply)

    def forget(self, who: object) -> None:
        """Somebody has gone, and needs no answer."""
        for ref in [ref for ref, waiting in self._waiting.items() if waiting.who is who]:
            self._take(ref)

    def lose(self) -> None:
        """The model has gone: nothing will be answered any more."""
        error = describe(NotFedError("the model is not connected any more; whether it has obeyed is not known"))
        for ref in list(self._waiting):
            self.answer(ref, {"error": error})

    def _give_up(self, ref: int) -> None:
        words = f"the model did not answer within {ANSWER_S:g} seconds; it may still obey"
        self.answer(ref, {"error": describe(NotAnsweredError(words))})

    def _take(self, ref: int) -> _Waiting | None:
        found = self._waiting.pop(ref, None)
        if found is not None:
            found.deadline.cancel()
            self._of_one[found.who] -= 1
            if not self._of_one[found.who]:
                del self._of_one[found.who]
        return found
