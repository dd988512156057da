"""The runs of a room: opened, found again after a restart, read, told what to do, and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.errors import NotFoundError, NoWorkerError
from app.opening import Opening
from app.run import Phase, Run
from app.runs import Runs
from app.store.keeper import Keeper
from trainer.errors import DropoutLabError
from trainer.logs import of_run

AGAIN_S: Final = 2.0  # until it is tried again to find a run that could not be

_log = logging.getLogger(__name__)


class Stage:
    """The runs of one room.

    Args:
        runs: the runs of the lab.
        keeper: keeps them.
        client: whose share of the runs they count in.
        code: of the room.
    """

    def __init__(self, runs: Runs, keeper: Keeper, client: str, code: str) -> None:
        self._runs = runs
        self._keeper = keeper
        self._client = client
        self._code = code
        self._finding: dict[str, asyncio.Task[None]] = {}
        self._gone: set[str] = set()  # those that are no more
        self._opened: set[str] = set()  # by this server, and not ended
        self._creating: set[asyncio.Task[Run]] = set()
        self._is_over = False
        self._read: dict[str, frozenset[str]] = {}

    def here(self, run_id: str | None) -> Run | None:
        """Return a run if it is open."""
        run = None if run_id is None else self._runs.here(run_id)
        return None if run is None or run.phase is Phase.ENDED else run

    def is_gone(self, run_id: str) -> bool:
        """Whether a run is no more, and cannot be found again."""
        return run_id in self._gone

    async def open(self, opening: Opening, owner: bytes | None, speed: float | None) -> Run:
        """Open a run, paused. Whoever stops waiting for it does not stop it: it is there, or it is ended.

        Args:
            opening: what it is opened with.
            owner: the digest of the token that owns it.
            speed: steps a second; None: as fast as it goes.

        Raises:
            NoWorkerError: the room is over.
            DropoutLabError: as of `Runs.create`.
        """
        task = asyncio.create_task(self._open(opening, owner, speed))
        self._creating.add(task)
        task.add_done_callback(self._created)
        return await asyncio.shield(task)

    def _created(self, task: asyncio.Task[Run]) -> None:
        self._creating.discard(task)
        if not task.cancelled():
            task.exception()  # somebody may have stopped waiting for it

    async def _open(self, opening: Opening, owner: bytes | None, speed: float | None) -> Run:
        run = await self._runs.create(opening, None, self._client, owner, self._code)
        try:
            if self._is_over:
                raise NoWorkerError("the room has ended")
            self._opened.add(run.id)
            self._read[run.id] = frozenset()
            run.hold(())
            await self.order(run, {"op": "speed", "steps_per_second": speed})
            if self._is_over:
                raise NoWorkerError("the room has ended")
        except BaseException:
            await self.end(run.id)
            raise
        return run

    def read(self, wanted: Mapping[str, frozenset[str]]) -> None:
        """Read these runs and no others; those that are not open are opened again.

        Args:
            wanted: which, each with the views that are read.
        """
        for run_id in [each for each in self._read if each not in wanted]:
            del self._read[run_id]
            run = self.here(run_id)
            if run is not None:
                run.hold(None)
        for run_id, views in wanted.items():
            run = self.here(run_id)
            if run is not None:
                self._read[run_id] = views
                run.hold(views)
            elif run_id not in self._finding and run_id not in self._gone:
                task = self._finding[run_id] = asyncio.create_task(self._find(run_id))
                task.add_done_callback(lambda _, name=run_id: self._finding.pop(name, None))  # type: ignore[misc]

    async def _find(self, run_id: str) -> None:
        try:
            await self._runs.find(run_id, self._client)
        except NotFoundError:
            self._gone.add(run_id)
        except DropoutLabError as error:
            _log.info("run %s of a room cannot be opened now: %s", run_id, error, extra=of_run(run_id))
            await asyncio.sleep(AGAIN_S)

    async def order(self, run: Run, command: dict[str, Any]) -> int:
        """Have a run do something, and wait until its worker has taken it in; the step from which it counts.

        Raises:
            NoWorkerError, TooManyMessagesError: as of `Run.command`.
            OrderError: its worker has refused it.
        """
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def answer(reply: dict[str, Any]) -> None:
            if not done.done():
                done.set_result(reply)

        run.command(command, answer)
        reply = await done
        if "error" in reply:
            raise OrderError(reply["error"])
        step: int = reply["step"]
        return step

    async def order_all(self, runs: Iterable[Run], command: dict[str, Any]) -> None:
        """Have many runs do the same; one that cannot is passed over."""
        await asyncio.gather(*(self.order(run, command) for run in runs), return_exceptions=True)

    async def end(self, run_id: str | None) -> None:
        """End a run, and forget it; one that is being opened again ends when it is there."""
        if run_id is None:
            return
        self._read.pop(run_id, None)
        self._opened.discard(run_id)
        run = await self._runs.settled(run_id)
        if run is not None:
            self._runs.end(run, "deleted", "the room that it belonged to has gone on without it")
        await self._keeper.forget(run_id)

    async def end_all(self, run_ids: Iterable[str | None]) -> None:
        """End these runs and all others that were opened here; no more can be opened."""
        self._is_over = True
        self.close()
        if self._creating:
            await asyncio.wait(set(self._creating))
        for run_id in {*run_ids, *self._opened}:
            await self.end(run_id)

    def close(self) -> None:
        """Stop looking for runs."""
        for task in self._finding.values():
            task.cancel()


class OrderError(NoWorkerError):
    """A worker has refused something.

    Args:
        error: what it says, in the shape of every error.
    """

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "the run's worker refused this")))
        self._error = dict(error)

    def described(self) -> dict[str, Any]:
        """The worker's own words."""
        return self._error
