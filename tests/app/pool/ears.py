"""A pool's listener that writes down what it hears, and tells when something has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from app.pool.hub import WorkerHub
from trainer.wire.frames import Frame, decode


class Ears:
    """Hears everything; see `app.pool.base.PoolListener`.

    Args:
        patience: seconds after which waiting for something fails.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.frames: list[tuple[str, Frame]] = []
        self.lost: list[list[str]] = []
        self.silent: list[tuple[list[str], bool]] = []
        self.uneven: list[str] = []
        self.movable: set[str] = set()
        self._news = asyncio.Event()

    def on_message(self, run: str, message: dict[str, Any]) -> None:
        self.messages.append((run, message))
        self._news.set()

    def on_frame(self, run: str, frame: bytes) -> None:
        self.frames.append((run, decode(frame)))
        self._news.set()

    def on_silent(self, runs: list[str], is_silent: bool) -> None:
        self.silent.append((runs, is_silent))
        self._news.set()

    def on_uneven(self, run: str) -> bool:
        self.uneven.append(run)
        return run in self.movable

    def on_lost(self, runs: list[str]) -> None:
        self.lost.append(runs)
        self._news.set()

    async def until(self, true: Callable[[], Any]) -> Any:
        """Wait until ``true`` is, and return what it says."""
        async with asyncio.timeout(self.patience):
            while not (said := true()):
                self._news.clear()
                await self._news.wait()
        return said

    async def until_alive(self, hub: WorkerHub, count: int) -> None:
        """Wait until so many workers are there, of which nothing is heard."""
        async with asyncio.timeout(self.patience):
            while hub.status().alive < count:
                await asyncio.sleep(0.01)

    def of(self, run: str, operation: str) -> list[dict[str, Any]]:
        return [message for whose, message in self.messages if whose == run and message["op"] == operation]

    def kind(self, run: str, kind: str) -> list[Frame]:
        return [frame for whose, frame in self.frames if whose == run and frame.kind == kind]

    def steps(self, run: str) -> list[int]:
        return [int(step) for frame in self.kind(run, "steps") for step in frame.tensors["step"]]

    async def opened(self, run: str) -> dict[str, Any]:
        """Wait until a run has been opened; its state."""
        message: dict[str, Any] = (await self.until(lambda: self.of(run, "opened")))[-1]
        return dict(message["state"])

    async def reply(self, run: str, ref: Any) -> dict[str, Any]:
        """Wait for the answer to a command."""

        def answer() -> dict[str, Any] | None:
            return next((message for message in self.of(run, "reply") if message["ref"] == ref), None)

        found: dict[str, Any] = await self.until(answer)
        return found
