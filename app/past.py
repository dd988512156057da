"""Looks at old steps of runs: a worker makes each from the last checkpoint before the step; what was made is kept."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import BadMessageError, NoWorkerError, RunFailedError
from app.memory import Checkpoint
from app.pool.base import Pool
from app.run import OPENING_BYTES, Run
from app.shares import Share, Turns
from app.told import is_error
from app.wire import dumps
from trainer.errors import KnobError
from trainer.wire.frames import Frame, FrameError, decode, encode

MOST_STEPS: Final = 2048  # masks in one answer: as many as a page keeps of its own
AT_ONCE: Final = 2  # looks that workers make at the same time: they train, too
MOST_WAITING: Final = 64
LOOK_S: Final = 120.0  # a run without checkpoints is trained again from step 0
KEPT_BYTES: Final = 16 * 1024 * 1024  # of answers: some 60 of the default run
_LENGTH: Final = 8  # bytes in front of each frame that say how long it is


@dataclass(frozen=True)
class Wanted:
    """What is to be seen again.

    Attributes:
        step: whose pictures; None: none.
        first, count: the steps whose masks; a count of 0: none.
        follow: the ``lane`` and the ``example``.
    """

    step: int | None
    first: int
    count: int
    follow: dict[str, int]


def read_wanted(run: Run, given: dict[str, str]) -> Wanted:
    """Read what an address asks for: ``step``, ``first``, ``count``, ``lane``, ``example``; the last two may be left
    out.

    Raises:
        KnobError: a number that is none, or a step that the run has not made.
        BadMessageError: nothing is asked for, or something else, or of a search.
    """
    names = ("step", "first", "count", "lane", "example")
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise BadMessageError(f"{unknown[0]!r} is not allowed: a look at the past takes {', '.join(names)}")
    if run.kept.get("search") is not None:
        raise BadMessageError("a search cannot be looked back on: its networks are others in each batch")
    made = run.step
    step = _number(given, "step", made)
    first = _number(given, "first", made)
    count = _number(given, "count", MOST_STEPS)
    if (first is None) != (count is None) or (step is None and first is None):
        raise BadMessageError("a look at the past needs a step, or the first of some steps and their count, or both")
    follow = dict(run.kept.get("follow") or {})
    lane = _number(given, "lane", len(run.config.lanes) - 1, 0)
    if lane is not None:
        follow["lane"] = lane
    example = _number(given, "example", run.config.examples(follow.get("lane", 0)) - 1, 0)
    if example is not None:
        follow["example"] = example
    last = min(made, (first or 1) + (count or 0) - 1)
    return Wanted(step, first or 1, last - (first or 1) + 1 if count else 0, follow)


def _number(given: dict[str, str], name: str, most: int, least: int = 1) -> int | None:
    """A number of an address; None if it is not there."""
    text = given.get(name)
    if text is None:
        return None
    if most < least:
        raise KnobError(name, text, "none yet: the run has made no step")
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and least <= int(text) <= most):
        raise KnobError(name, text, f"a whole number from {least} to {most:,}")
    return int(text)


@dataclass
class _Look:
    """One look that a worker is making."""

    run: str
    done: asyncio.Future[bytes]
    frames: list[bytes] = field(default_factory=list)


class Pasts:
    """Has workers look at old steps, some at a time, and keeps what they found while there is room.

    Args:
        pool: whose workers do it.
        find: finds the last checkpoint that is kept of a run and is not behind a step.
        share_of: how many of so many that wait one client may have.
    """

    def __init__(
        self,
        pool: Pool,
        find: Callable[[str, int], Awaitable[Checkpoint | None]],
        share_of: Callable[[int], int] = lambda most: most,
    ) -> None:
        self._pool = pool
        self._find = find
        self._share = Share("looks at the past wait already", MOST_WAITING, share_of(MOST_WAITING))
        self._turns = Turns(AT_ONCE)
        self._looks: dict[str, _Look] = {}
        self._making: dict[tuple[Any, ...], asyncio.Task[bytes]] = {}
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        """Whether a worker calls one of the looks by this name."""
        return name in self._looks

    async def of(self, run: Run, wanted: Wanted, client: str = "") -> bytes:
        """Return frames, each behind its length as 8 bytes, the lowest first (docs/protocol.md).

        Raises:
            TooManyMessagesError: too many wait.
            ClientShareError: too many of this client.
            NoWorkerError: no worker did it in time, or the one that did was lost.
            RunFailedError: a worker cannot do it.
        """
        ensemble = run.kept.get("ensemble") or {}
        key = (run.id, run.starts, wanted.step, wanted.first, wanted.count, dumps(wanted.follow), dumps(ensemble))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._making:
            self._share.take(client)
            self._making[key] = task = asyncio.create_task(self._make(run, wanted, client))
            task.add_done_callback(lambda done: self._made(key, done, client))
        return await asyncio.shield(self._making[key])

    def _made(self, key: tuple[Any, ...], task: asyncio.Task[bytes], client: str) -> None:
        self._making.pop(key, None)
        self._share.give(client)
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[key] = task.result()
        while sum(map(len, self._kept.values())) > KEPT_BYTES and len(self._kept) > 1:
            self._kept.popitem(last=False)

    async def _make(self, run: Run, wanted: Wanted, client: str) -> bytes:
        async with self._turns.one(client):
            checkpoint = None if wanted.step is None else await self.checkpoint_before(run, wanted.step - 1)
            name = f"{run.id}.{secrets.token_hex(4)}"
            look = self._looks[name] = _Look(run.id, asyncio.get_running_loop().create_future())
            past = {"step": wanted.step, "first": wanted.first, "count": wanted.count}
            request = {**run.request(), "run": name, "past": past, "follow": wanted.follow}
            frame = None if checkpoint is None else checkpoint.under(name)
            try:
                self._pool.open(name, request, run.changes.parts(OPENING_BYTES), frame)
                async with asyncio.timeout(LOOK_S):
                    return await look.done
            except TimeoutError:
                raise NoWorkerError(f"no worker could look at it within {LOOK_S:g} seconds; try again later") from None
            finally:
                del self._looks[name]
                self._pool.close(name)

    async def checkpoint_before(self, run: Run, step: int) -> Checkpoint | None:
        """Return the last state of a run that was kept at a step or before; None: it is trained from step 0."""
        newest = run.checkpoint
        if newest is not None and newest.step <= step:
            return newest
        return await self._find(run.id, step)

    def close(self) -> None:
        """Stop looking, because the server shuts down."""
        for task in self._making.values():
            task.cancel()

    # What the workers say

    def on_message(self, name: str, message: dict[str, Any]) -> None:
        """Hear that a look is done or cannot be done."""
        look = self._looks[name]
        if look.done.done():
            return
        if message.get("op") == "failed":
            error = message.get("error")
            self._fail(look, error if is_error(error) else {"message": "its worker gave it up"})
        elif message.get("op") == "done":
            look.done.set_result(b"".join(look.frames))

    def on_frame(self, name: str, raw: bytes) -> None:
        """Take in what was found, under the name of its run; what is no frame is the end of this look and no other."""
        look = self._looks[name]
        try:
            frame = decode(raw)
        except FrameError as error:
            self._fail(look, {"code": "internal", "message": f"what its worker found does not make sense: {error}"})
            return
        ours = encode(Frame(frame.kind, look.run, frame.seq, frame.tensors, frame.meta))
        look.frames.append(len(ours).to_bytes(_LENGTH, "little") + ours)

    def on_lost(self, name: str) -> None:
        """Its worker is gone."""
        look = self._looks[name]
        if not look.done.done():
            look.done.set_exception(NoWorkerError("the worker that looked at it was lost; try again"))

    def _fail(self, look: _Look, error: dict[str, Any]) -> None:
        if not look.done.done():
            look.done.set_exception(RunFailedError(error))
