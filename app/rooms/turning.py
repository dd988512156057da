"""Knobs on their way to a run: of each hand one change at a time, and of what comes meanwhile the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any


class Turning:
    """What one hand turns.

    Args:
        send: makes a change and returns the step from which it is in force.
    """

    def __init__(self, send: Callable[[Mapping[str, Any]], Awaitable[int]]) -> None:
        self._send = send
        self._waiting: dict[str, Any] = {}
        self._answer: asyncio.Future[int] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way."""
        return self._task is not None and not self._task.done()

    async def turn(self, knobs: Mapping[str, Any]) -> int:
        """Have knobs turned, and wait until they are; what is turned again before it left is never sent.

        Raises:
            DropoutLabError: as of what sends them.
        """
        self._waiting |= knobs
        if self._answer is None:
            self._answer = asyncio.get_running_loop().create_future()
        answer = self._answer
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_on())
        return await asyncio.shield(answer)

    async def _go_on(self) -> None:
        while self._answer is not None:
            knobs, self._waiting = self._waiting, {}
            answer, self._answer = self._answer, None
            try:
                step = await self._send(knobs)
            except Exception as error:
                answer.set_exception(error)
                answer.exception()  # whoever waited may have gone
            else:
                answer.set_result(step)
