"""Keeps the runs of a server in its store, beside the event loop, and finds them again."""

from __future__ import annotations

import asyncio
import base64
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
from app.store.records import Found, RunRecord
from app.store.store import Store
from app.tables import File, Stored
from app.wire import dumps
from trainer.logs import of_run

EVERY_S: Final = 0.25  # so often it is looked for what is new
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
        self._opened_at: dict[str, float] = {}
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
        """Close the store."""
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
            await asyncio.sleep(EVERY_S if self.problem is None else AGAIN_S)
            await self.keep(runs())

    async def keep(self, runs: Iterable[Run]) -> None:
        """Write what is new of some runs, one after the other, and forget what has expired."""
        if not self.is_on:
            return
        runs = tuple(runs)
        for run in runs:
            run.tell_unkept(self.problem)
        if self._store is None and not await self._guard(self._open):
            return
        for run in runs:
            if (write := self._news_of(run)) is not None and not await self._guard(write):
                return
        now = self._now()
        if now >= self._swept_at + SWEEP_S:
            self._swept_at = now
            await self._guard(partial(self._expire, now, [run.id for run in runs]))
        for gone in self._known.keys() - {run.id for run in runs}:
            del self._known[gone]

    def _news_of(self, run: Run) -> Callable[[], None] | None:
        """What is to be written of a run, as work for the thread; all that it needs is taken now, on the loop."""
        if not run.is_open:
            return None
        known = self._known.setdefault(run.id, Known())
        told = Known(run.turns, run.starts, run.changes.revision, run.checkpoint, run.reach)
        same_step = known.step == told.step or run.playing  # while it trains, the checkpoint says how far it is
        if (known.turns, known.start, known.checkpoint) == (told.turns, told.start, told.checkpoint) and same_step:
            return None
        record = self._record(run)
        anew = known.start != told.start
        changes = run.changes.changes if anew else run.changes.since(known.revision)
        table = run.table if known.turns < 0 else None
        fresh = told.checkpoint if told.checkpoint is not known.checkpoint else None
        return partial(self._write, run.id, told, record, table, changes, anew, fresh)

    def _record(self, run: Run) -> RunRecord:
        now = self._now()
        opened_at = self._opened_at.setdefault(run.id, now)
        upload = None if run.table is None else run.table.described["id"]
        return RunRecord(run.id, run.token_digest, run.first_config, run.kept, opened_at, now, run.reach, upload)

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
        self._opened_at[run_id] = record.opened_at
        return Found(record, checkpoint, table)

    async def forget(self, run_id: str) -> None:
        """Forget a run, because its owner ended it."""
        self._known.pop(run_id, None)
        if self._store is not None:
            await self._guard(partial(self._store.delete_run, run_id))

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _guard(self, work: Callable[[], None]) -> bool:
        """Do something with the store; what goes wrong is told, once, and disturbs nothing else."""
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
