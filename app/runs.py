"""The runs that exist: opened, found, paused when nobody watches, ended when nobody comes back."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from app.admission import check_rest, check_size
from app.errors import (
    BadMessageError,
    ClientShareError,
    NotFoundError,
    NoWorkerError,
    RunFailedError,
    RunFileError,
    TooManyRunsError,
    describe,
)
from app.metrics import Metrics
from app.opening import Fork, Opening
from app.past import Pasts
from app.pool.base import Pool
from app.run import Phase, Run
from app.runfile import RunFile
from app.settings import Settings
from app.shares import Paces
from app.store.keeper import Keeper
from app.tables import Stored
from app.told import is_error
from app.viewers import RUN_ENDED, SHUTTING_DOWN
from trainer.errors import DropoutLabError, KnobError, StateError
from trainer.logs import of_run
from trainer.wire.stream import StreamError

OPENING_S: Final = 120.0  # a worker needs 3 s to start, and ten times that on a cold disk or a busy machine
ARRIVAL_S: Final = (
    5.0  # a run that was just opened or just left is not ended to make room: somebody is on the way to it
)
MOST_AGAIN: Final = 200_000  # steps that are made again for a fork: minutes of a core
SWEEP_S: Final = 1.0
RETRY_S: Final = 30  # after which somebody may have closed one

_log = logging.getLogger(__name__)


class Runs:
    """The registry of runs, and the pool's listener.

    Args:
        settings: the limits.
        pool: where the runs train.
        now: the time, in seconds.
        keeper: keeps them beyond the life of this server.
        metrics: where they count what happens.
    """

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        now: Callable[[], float] = time.monotonic,
        keeper: Keeper | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._keeper = keeper or Keeper(settings)
        self.pasts = Pasts(pool, self._keeper.checkpoint_before, settings.share_of)
        self._reviving: dict[str, asyncio.Task[Run]] = {}
        self._pool = pool
        self._now = now
        self._runs: dict[str, Run] = {}
        self._paces = Paces("runs are opened", settings.max_openings_per_minute, now)
        self._closed = False

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def viewers(self) -> int:
        """How many viewers there are, of all runs."""
        return sum(len(run.viewers) for run in self._runs.values())

    @property
    def are_over(self) -> bool:
        """Whether the server shuts down."""
        return self._closed

    def all(self) -> list[Run]:
        """The runs that there are now."""
        return list(self._runs.values())

    async def find(self, run_id: str, client: str = "") -> Run:
        """Return a run; one that is only kept is opened again.

        Args:
            run_id: its name.
            client: who asks for it, and is the one who has it opened if it must be.

        Raises:
            NotFoundError: there is none of this name.
            TooManyRunsError, ClientShareError, NoWorkerError, RunFailedError: as of `create`, of one that is only kept.
            StoreError: what is kept cannot be read.
        """
        if run_id in self._reviving:
            return await asyncio.shield(self._reviving[run_id])
        if run_id in self._runs:
            return self._runs[run_id]
        task = self._reviving[run_id] = asyncio.create_task(self._revive(run_id, client))
        task.add_done_callback(lambda _: self._reviving.pop(run_id, None))
        return await asyncio.shield(task)

    async def _revive(self, run_id: str, client: str) -> Run:
        """Open a run again that is kept, whoever may have stopped waiting for it."""
        found = None if self._closed else await self._keeper.find(run_id)
        if found is None:
            raise NotFoundError("there is no such run: it was ended, it expired, or it never was")
        try:
            run = Run.revived(found, self._pool, self._settings, self._now, client, self._metrics)
        except DropoutLabError as error:
            raise RunFailedError({"message": f"this run was kept by another version of the lab: {error}"}) from error
        run.memory = check_size(run.opening, self._pool.status())
        self._make_room(client, run.memory)
        return await self._open(run)

    async def create(
        self,
        opening: Opening,
        table: Stored | None = None,
        client: str = "",
        owner: bytes | None = None,
        room: str | None = None,
    ) -> Run:
        """Open a run and wait until it is ready.

        Args:
            opening: what it is opened with.
            table: the uploaded table that it learns from, if it does.
            client: who opens it.
            owner: the digest of a token that owns it, if there is one already.
            room: the code of the room that opens it, if one does.

        Raises:
            KnobError: it needs more memory than any worker has.
            TooManyRunsError: there is no room for it.
            ClientShareError: the client has its share of them, and all are in use; or it opens too many in a row.
            NoWorkerError: no worker took it in time.
            RunFailedError: its worker cannot train it.
            StreamError: it is more than can be sent to a worker.
        """
        memory = check_size(opening, self._pool.status())
        self._make_room(client, memory)
        name = secrets.token_hex(8)
        run = Run(name, opening, self._pool, self._settings, self._now, table, client, self._metrics, owner, room)
        run.memory = memory
        return await self._open(run)

    async def fork(self, wanted: Fork, client: str = "") -> Run:
        """Open a run that goes on from a step of another one.

        Args:
            wanted: of which one, and from where.
            client: who opens it.

        Raises:
            NotFoundError, StoreError: as of `find`.
            KnobError: the other has not come so far.
            BadMessageError: the other is a search.
            TooManyRunsError, ClientShareError, NoWorkerError, RunFailedError, StreamError: as of `create`.
        """
        parent = await self.find(wanted.run, client)
        if parent.kept.get("search") is not None:
            raise BadMessageError("a search cannot be forked: its networks are others in each batch")
        if wanted.step > parent.reach:
            raise KnobError("fork.step", wanted.step, f"a whole number from 0 to {parent.reach:,}: it has come so far")
        checkpoint = await self.pasts.checkpoint_before(parent, wanted.step)
        before = 0 if checkpoint is None else checkpoint.step
        if wanted.step > before + MOST_AGAIN:
            allowed = f"at most {before + MOST_AGAIN:,}: the last state that is kept before it is of step {before:,}"
            raise KnobError("fork.step", wanted.step, allowed)
        self._make_room(client, parent.memory)
        run = parent.forked(secrets.token_hex(8), wanted, checkpoint, client)
        run.memory = parent.memory
        return await self._open(run)

    async def bring(self, file: RunFile, table: Stored | None = None, client: str = "") -> Run:
        """Open a run that comes from a file, as `create` does.

        Raises:
            RunFileError: its state is not that of its networks.
            KnobError: it needs more memory than any worker has.
        """
        memory = check_size(file.opening, self._pool.status())
        self._make_room(client, memory)
        run = Run.brought(
            secrets.token_hex(8), file, table, self._pool, self._settings, self._now, client, self._metrics
        )
        run.memory = memory
        try:
            return await self._open(run)
        except RunFailedError as error:
            if error.described()["code"] in (StateError.code, RunFileError.code):
                raise RunFileError(f"this file's state does not go with its run: {error.message}") from None
            raise

    def here(self, run_id: str) -> Run | None:
        """Return a run if it is open here; one that is only kept stays as it is."""
        return self._runs.get(run_id)

    async def settled(self, run_id: str) -> Run | None:
        """The same, once it is known whether a run that is being opened again will be here."""
        task = self._reviving.get(run_id)
        if task is not None:
            await asyncio.wait({task})
        return self.here(run_id)

    async def _open(self, run: Run) -> Run:
        """Have a worker open a run, and wait until it has."""
        self._runs[run.id] = run
        try:
            run.open()
            async with asyncio.timeout(OPENING_S):
                await asyncio.shield(run.ready)
        except TimeoutError:
            self.end(run, "failed", "no worker opened it in time")
            raise NoWorkerError(f"no worker opened the run within {OPENING_S:g} seconds; try again later") from None
        except StreamError as error:
            self.end(run, "failed", str(error))
            raise
        return run

    def end(self, run: Run, reason: str, message: str, code: int = RUN_ENDED) -> None:
        """End a run, whatever it is doing."""
        if self._runs.pop(run.id, None) is not None:
            try:
                self._pool.close(run.id)
                run.end(reason, message, code)
            except Exception:  # it is gone from here whatever happens, and the others do not hear of it
                _log.exception("run %s could not be ended as it should", run.id, extra=of_run(run.id))

    def _make_memory(self, client: str, memory: int) -> None:
        """See to it that there is memory for a run of so many bytes: as few runs that nobody watches as will do are
        ended, the client's own, or those of others who have more runs than it has.

        Raises:
            TooManyRunsError: there is none, and would be none without them.
        """
        status = self._pool.status()
        while status.room is not None:
            taken = sum(run.memory for run in self._runs.values())
            if taken + memory <= status.wanted * status.room:
                return
            has, latest = Counter(run.client for run in self._runs.values()), self._now() - ARRIVAL_S
            spare = [
                run
                for run in self._unwatched()
                if run.unwatched_since <= latest and (run.client == client or has[run.client] > has[client])
            ]
            check_rest(memory, taken - sum(run.memory for run in spare), status)
            ended = min(spare, key=lambda run: (run.client != client, run.unwatched_since))
            self.end(ended, "expired", "nobody watched it, and another run needed its memory")

    def _make_room(self, client: str, memory: int) -> None:
        """Let a client have one run more; where there is no room, one of its own that nobody watches is ended first.

        Those of others are only where they have more runs than it has: so nobody who opens one after the other ends
        any but their own.
        """
        if self._closed:
            raise NoWorkerError("the server is shutting down")
        self._paces.take(client)
        self._make_memory(client, memory)
        has = Counter(run.client for run in self._runs.values())
        most, share = self._settings.max_runs, self._settings.share_of(self._settings.max_runs)
        if len(self._runs) < most and has[client] < share:
            return
        latest = self._now() - ARRIVAL_S
        spare = [run for run in self._unwatched() if run.unwatched_since <= latest]
        own = [run for run in spare if run.client == client]
        others = [run for run in spare if has[run.client] > has[client]] if has[client] < share else []
        if own or others:
            ended = min(own or others, key=lambda run: (-has[run.client], run.unwatched_since))
            self.end(ended, "expired", "nobody watched it, and another run needed its place")
        elif has[client] >= share < most:
            raise ClientShareError(
                f"your address has as many runs as it may, {share:,} of {most:,}, and all are in use", RETRY_S
            )
        else:
            raise TooManyRunsError(f"the server has as many runs as it may, {most:,}, and all are in use")

    def _unwatched(self) -> list[Run]:
        return [run for run in self._runs.values() if not run.is_watched and run.phase is not Phase.OPENING]

    # Runs that nobody watches

    async def sweep_for_ever(self) -> None:
        """Look after runs that nobody watches, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Pause the runs that nobody watches, and end those that nobody has watched for long."""
        for run in self._unwatched():
            self._guard(run, partial(self._look_after, run))

    def _look_after(self, run: Run) -> None:
        unwatched_s = self._now() - run.unwatched_since
        if unwatched_s >= self._settings.run_idle_minutes * 60:
            self.end(run, "expired", "nobody watched it any more")
        elif run.playing and unwatched_s >= self._settings.unwatched_pause_s:
            run.pause_unwatched()

    def close(self) -> None:
        """End every run because the server shuts down; no new one is opened after that."""
        self._closed = True
        self.pasts.close()
        for run in tuple(self._runs.values()):
            self.end(run, "shutdown", "the server is shutting down", SHUTTING_DOWN)

    # The pool's listener

    def on_message(self, run: str, message: dict[str, Any]) -> None:
        """Pass on what a worker said about a run."""
        if run in self.pasts:
            self.pasts.on_message(run, message)
        if run not in self._runs:
            return
        here = self._runs[run]
        if message.get("op") == "failed":
            error = message.get("error")
            self._failed(here, RunFailedError(error if is_error(error) else {"message": "its worker gave it up"}))
        else:
            self._guard(here, lambda: here.on_message(message))
            if message.get("op") == "changed":
                self._keeper.changed()

    def on_frame(self, run: str, frame: bytes) -> None:
        """Pass on a frame of a run."""
        if run in self.pasts:
            self.pasts.on_frame(run, frame)
        if run in self._runs:
            here = self._runs[run]
            self._guard(here, lambda: here.on_frame(frame))

    def on_silent(self, runs: list[str], is_silent: bool) -> None:
        """Tell who watches the runs of a worker that says nothing, or is heard again."""
        for run in [self._runs[name] for name in runs if name in self._runs]:
            self._guard(run, partial(run.tell_silent, is_silent))

    def on_uneven(self, run: str) -> bool:
        """Have a run handed over to a worker that has fewer, if it can be; whether it will be."""
        return run in self._runs and self._runs[run].hand_over()

    def on_lost(self, runs: list[str]) -> None:
        """Have the runs of a lost worker opened again."""
        for name in filter(self.pasts.__contains__, runs):
            self.pasts.on_lost(name)
        for run in [self._runs[name] for name in runs if name in self._runs]:
            self._guard(run, run.lost)

    def _guard(self, run: Run, action: Callable[[], None]) -> None:
        """Do something for one run; whatever comes of it, it is the end of that run at most."""
        try:
            action()
        except RunFailedError as error:
            self._failed(run, error)
        except DropoutLabError as error:  # what its worker said cannot be understood
            self._failed(
                run, RunFailedError({"code": "internal", "message": f"its worker does not make sense: {error}"})
            )
        except Exception as error:
            _log.exception("run %s cannot go on", run.id, extra=of_run(run.id))
            self._failed(run, RunFailedError(describe(error)))

    def _failed(self, run: Run, error: RunFailedError) -> None:
        _log.error("run %s failed: %s", run.id, error.message, extra=of_run(run.id))
        run.refuse(error)
        self.end(run, "failed", error.message)
