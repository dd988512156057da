"""What a pool is, whatever kind of place its workers live in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from trainer.wire.jsontext import Written


class PoolListener(Protocol):
    """Who hears from the workers. Every method is called on the event loop and must return at once."""

    def on_message(self, run: str, message: dict[str, Any]) -> None:
        """A worker said something about a run: ``opened``, ``reply``, ``changed`` or ``failed`` (docs/protocol.md)."""

    def on_frame(self, run: str, frame: bytes) -> None:
        """A worker sent a frame of a run."""

    def on_silent(self, runs: list[str], is_silent: bool) -> None:
        """The worker that trains these runs says nothing, and may soon be given up; or it does again."""

    def on_uneven(self, run: str) -> bool:
        """Another worker has fewer runs than the one that has this: whether it has been asked to hand it over.

        What it says then is ``handed_over``, and whoever listens opens the run again.
        """

    def on_lost(self, runs: list[str]) -> None:
        """The worker that trained these runs is gone; they are open nowhere until they are opened again."""


@dataclass(frozen=True)
class PoolStatus:
    """How the pool is: how many workers are wanted and alive, what they train on, and how often one began again.

    Attributes:
        room: bytes of memory that each worker has for its runs; None: it is not known.
    """

    wanted: int
    alive: int
    devices: tuple[str, ...]
    room: int | None = None
    restarts: int = 0


class Pool(Protocol):
    """Places runs on workers and carries messages between them and the listener."""

    async def start(self, listener: PoolListener) -> None:
        """Start the workers; returns once they are being started, not once they are ready."""

    async def stop(self) -> None:
        """End every worker, kindly and then firmly; returns once none is left."""

    def status(self) -> PoolStatus:
        """How the pool is now."""

    def open(
        self, run: str, request: dict[str, Any], changes: Iterable[Written] = (), checkpoint: bytes | None = None
    ) -> None:
        """Open a run on the worker that has the fewest, of those that have memory for it; without one alive it waits
        for the next.

        Args:
            run: its id.
            request: what docs/protocol.md lists under ``open``; ``op`` and ``run`` may be left out.
            changes: those that are to be made again, as JSON in parts.
            checkpoint: the frame from which it goes on; without it, it begins at step 0.
        """

    def send(self, run: str, message: dict[str, Any]) -> None:
        """Say something to the worker that has the run.

        While the run waits for a worker the message waits behind its opening; to a run that is not open it is dropped.
        """

    def close(self, run: str) -> None:
        """Close a run, wherever it is; nothing is heard of it after that."""


class Placer(Protocol):
    """Starts single workers somewhere; the only part of a pool that knows where."""

    async def place(self, worker: int, epoch: int, address: str, token: str) -> Placed:
        """Start worker number ``worker`` for the ``epoch``-th time and tell it where to dial."""


class Placed(Protocol):
    """A worker that was started."""

    async def wait(self) -> int:
        """Wait until it has ended; its exit status."""

    async def end(self, grace_s: float) -> None:
        """Ask it to end, and after ``grace_s`` seconds make it; with 0 it is made at once, for it hears nothing."""
