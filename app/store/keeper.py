"""Keeps the runs of a server in its store, beside the event loop, and finds them again."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from app.memory import Checkpoint
from app.run import Run
from app.settings import Settings
from app.store import past
from app.store.database import reason
from app.store.errors import StoreError
from app.store.records import Checkpoint as StoredCheckpoint
from app.store.records import Found, Listed, RunRecord
from app.store.store import Store
from app.summary import summary_of
from app.tables import File, Stored
from app.wire import dumps
from trainer.logs import of_run

EVERY_S: Final = 0.25  # so often it is looked for what is new,
AT_LEAST_S: Final = 0.02  # and so soon after the last time when something has changed: until then it could be lost
SWEEP_S: Final = 60.0  # and so often for what has expired
AGAIN_S: Final = 10.0  # until a store that failed is tried again
DAY_S: Final = 86_400.0

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Known:
    """What the store has of a run: each as the run counts it."""

    turns: int = -1
    start: int = -1
    revision: int = 0
    checkpoint: Checkpoint | None = None
    step: int = 0


class Keeper:
    """Writes what is new of each run, and never keeps one waiting: the store has a thread of its own.

    What cannot be kept is said in `problem`, in the log and at ``/healthz``; the runs go on, and it is tried again.

    Args:
        settings: where the store is, and for how long runs are kept.
        now: seconds since 1970.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._store: Store | None = None
        self._known: dict[str, Known] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._swept_at = 0.0
        self._changed = asyncio.Event()
        self._is_closed = False
        self.problem: str | None = None
        self.errors = 0  # so far

    @property
    def is_on(self) -> bool:
        """Whether runs are to be kept at all."""
        return self._settings.keep

    @property
    def status(self) -> str:
        """``ok``, ``failing`` or ``off``."""
        return "off" if not self.is_on else "ok" if self.problem is None else "failing"

    async def start(self) -> None:
        """Open the store; one that cannot be opened is told, and the server runs without."""
        if self.is_on:
            await self._guard(self._open)

    async def stop(self) -> None:
        """Close the store; what is still asked of it meanwhile comes too late, which is no fault."""
        self._is_closed = True
        if self._store is not None:
            await self._do(self._store.close)
        self._thread.shutdown()

    def _open(self) -> None:
        self._store = Store.open(self._settings.data_folder, self._settings.database_url)

    async def keep_for_ever(self, runs: Callable[[], Iterable[Run]]) -> None:
        """Keep what is new, again and again."""
        if not self.is_on:
            return
        while True:
            if self.problem is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), EVERY_S)
            else:
                await asyncio.sleep(AGAIN_S)
            self._changed.clear()
            await self.keep(runs())
            await asyncio.sleep(AT_LEAST_S)

    def changed(self) -> None:
        """Something of a run has changed that cannot be made again from what is kept: look soon."""
        self._changed.set()

    async def keep(self, runs: Iterable[Run]) -> None:
        """Write what is new of some runs, one after the other, and forget what has expired."""
        if not self.is_on or self._is_closed:
            return
        runs = tuple(runs)
        try:
            await self._keep(runs)
        except Exception as error:  # if this ended whoever keeps runs again and again, nothing would be kept any more
            self.errors += 1
            self.problem = f"runs cannot be kept: {reason(error)}"
            _log.exception("runs cannot be kept")
        for run in runs:
            run.tell_unkept(self.problem)

    async def _keep(self, runs: tuple[Run, ...]) -> None:
        if self._store is not None and not await self._guard(self._store.check):
            await self._do(self._store.close)
            self._store = None
            self._known.clear()  # whatever there will be then has nothing of them
            return
        if self._store is None and not await self._guard(self._open):
            return
        for run in runs:
            if (write := self._news_of(run)) is not None:
                if not await self._guard(write):
                    return
                if run.id in self._known:  # it may have been forgotten meanwhile
                    run.written(self._known[run.id].revision)
        await self._keep_steps(runs)
        now = self._now()
        if now >= self._swept_at + SWEEP_S:
            self._swept_at = now
            await self._guard(partial(self._expire, now, [run.id for run in runs]))
        for gone in self._known.keys() - {run.id for run in runs}:
            del self._known[gone]

    async def _keep_steps(self, runs: Iterable[Run]) -> None:
        """Write down how far runs that train have come: a knob that is turned later must not count before that."""
        steps = {run.id: run.reach for run in runs if run.is_open and run.playing and run.id in self._known}
        moved = {name: step for name, step in steps.items() if step > self._known[name].step}
        if moved and self._store is not None and await self._guard(partial(self._store.save_steps, moved)):
            for name, step in moved.items():
                if name in self._known:  # it may have been forgotten meanwhile
                    self._known[name].step = step

    def _news_of(self, run: Run) -> Callable[[], None] | None:
        """What is to be written of a run, as work for the thread; all that it needs is taken now, on the loop."""
        if not run.is_open:
            return None
        known = self._known.setdefault(run.id, Known())
        told = Known(run.turns, run.starts, run.changes.revision, run.checkpoint, run.reach)
        same_step = known.step == told.step or run.playing  # while it trains, `_keep_steps` says how far it is
        if (known.turns, known.start, known.checkpoint) == (told.turns, told.start, told.checkpoint) and same_step:
            return None
        record = self._record(run)
        anew = known.start != told.start
        changes = run.changes.changes if anew else run.changes.since(known.revision)
        table = run.table if known.turns < 0 else None
        fresh = told.checkpoint if told.checkpoint is not known.checkpoint else None
        return partial(self._write, run.id, told, record, table, changes, anew, fresh)

    def _record(self, run: Run) -> RunRecord:
        upload = None if run.table is None else run.table.described["id"]
        about = (run.opened_at, self._now(), run.reach, upload, run.name, run.pinned, run.room)
        return RunRecord(run.id, run.token_digest, run.first_config, run.kept, *about)

    def _write(
        self,
        run_id: str,
        told: Known,
        record: RunRecord,
        table: Stored | None,
        changes: list[dict[str, Any]],
        anew: bool,
        checkpoint: Checkpoint | None,
    ) -> None:
        assert self._store is not None
        if table is not None:
            self._store.save_upload(table.described["id"], _packed(table), record.used_at)
        self._store.save_run(record)
        if changes or anew:
            self._store.add_changes(run_id, changes, anew=anew and told.start > 0)
        if checkpoint is not None:
            made_on = str(record.kept.get("device", ""))
            data = past.write(checkpoint)
            self._store.save_checkpoint(run_id, StoredCheckpoint(checkpoint.step, data, made_on), record.used_at)
            self._store.save_summary(run_id, summary_of(checkpoint))
        elif anew:
            self._store.save_summary(run_id, None)
        self._known[run_id] = told

    def _expire(self, now: float, in_use: list[str]) -> None:
        assert self._store is not None
        before = now - self._settings.keep_days * DAY_S
        for gone in self._store.expire(before, self._settings.data_limit_mb * 1_000_000, in_use):
            _log.info("run %s is not kept any more: %s", gone.id, gone.why, extra=of_run(gone.id))

    async def find(self, run_id: str) -> Found | None:
        """Return a run that is kept, or None.

        Raises:
            StoreError: it cannot be read.
        """
        if self._store is None:
            return None
        try:
            return await self._do(partial(self._find, run_id))
        except StoreError:
            self.errors += 1
            raise
        except Exception as error:
            self.errors += 1
            raise StoreError(f"the store cannot be read: {reason(error)}") from error

    async def checkpoint_before(self, run_id: str, step: int) -> Checkpoint | None:
        """Return the last checkpoint that is kept of a run and was made at a step or before; None if there is none.

        What cannot be read is none: the step can be trained again from step 0.
        """
        if self._store is None:
            return None
        try:
            stored = await self._do(partial(self._store.checkpoint_before, run_id, step))
            return None if stored is None else past.read(stored.data)
        except Exception as error:
            self.errors += 1
            _log.error("a checkpoint of run %s cannot be read: %s", run_id, reason(error), extra=of_run(run_id))
            return None

    def _find(self, run_id: str) -> Found | None:
        assert self._store is not None
        record = self._store.run(run_id)
        if record is None:
            return None
        stored = self._store.newest_checkpoint(run_id)
        checkpoint = None if stored is None else past.read(stored.data)
        table = None if record.upload_id is None else _unpacked(self._store.upload(record.upload_id))
        return Found(record, checkpoint, table)

    async def listed(self, run_ids: Iterable[str]) -> dict[str, Listed]:
        """Return what there is to tell of some runs without opening them; those that are not kept are not in it.

        Raises:
            StoreError: the store cannot be read.
        """
        if not self.is_on:
            return {}
        if self._store is None:
            raise StoreError(self.problem or "the store is not open yet")
        return await self._read(partial(self._store.listed, tuple(run_ids)))

    async def call(self, run_id: str, name: str | None, pinned: bool, kept: Mapping[str, Any] | None = None) -> None:
        """Keep another name of a run that is only kept, whether it is pinned, and what it goes on with if that is new.

        Raises:
            StoreError: the store cannot be written.
        """
        if self._store is None:
            raise StoreError(self.problem or "the store is not open")
        await self._read(partial(self._store.call_run, run_id, name, pinned, kept))

    async def _read(self, work: Callable[[], T]) -> T:
        try:
            return await self._do(work)
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"the store cannot be used: {reason(error)}") from error

    async def forget(self, run_id: str) -> None:
        """Forget a run, because its owner ended it."""
        self._known.pop(run_id, None)
        if self._store is not None:
            await self._guard(partial(self._store.delete_run, run_id))

    async def rooms(self) -> dict[str, str]:
        """Return the rooms that are kept, by their codes, as JSON; none where they cannot be read."""
        found: dict[str, str] = {}

        def read() -> None:
            assert self._store is not None
            found.update(self._store.rooms())

        if self._store is not None:
            await self._guard(read)
        return found

    async def runs_of_rooms(self) -> dict[str, str]:
        """Return the runs that rooms have opened, each with the code of its room; none where they cannot be read."""
        found: dict[str, str] = {}

        def read() -> None:
            assert self._store is not None
            found.update(self._store.runs_of_rooms())

        if self._store is not None:
            await self._guard(read)
        return found

    async def save_room(self, code: str, content: str) -> bool:
        """Keep a room as it is now, as JSON; whether it is kept."""
        return self._store is not None and await self._guard(partial(self._store.save_room, code, content, self._now()))

    async def forget_room(self, code: str) -> None:
        """Forget a room, because it is over."""
        if self._store is not None:
            await self._guard(partial(self._store.delete_room, code))

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _guard(self, work: Callable[[], None]) -> bool:
        """Do something with the store; what goes wrong is told, once, and disturbs nothing else."""
        if self._is_closed:
            return False
        try:
            await self._do(work)
        except Exception as error:
            self.errors += 1
            text = str(error) if isinstance(error, StoreError) else f"runs cannot be kept: {reason(error)}"
            if text != self.problem:
                _log.error("%s", text)
            self.problem = text
            return False
        if self.problem is not None:
            _log.info("runs are kept again")
        self.problem = None
        return True


def _packed(table: Stored) -> bytes:
    file = {"packed": base64.b64encode(table.file.packed).decode(), "name": table.file.name}
    return dumps({"described": table.described, "content": table.content, "rows": table.rows, "file": file}).encode()


def _unpacked(data: bytes) -> Stored:
    given: Mapping[str, Any] = json.loads(data)
    content = given["content"]
    size = len(content["features"]) + len(content["labels"])
    file = File(base64.b64decode(given["file"]["packed"]), given["file"]["name"])
    return Stored(given["described"], content, given["rows"], size, file)
