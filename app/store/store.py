"""The store: a database, and a folder of checkpoints beside it.

Nothing here waits for an event loop: `app.store.keeper` calls it from a thread of its own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from app.store import database
from app.store.errors import StoreError
from app.store.files import UNFINISHED, Disk, Files
from app.store.records import Checkpoint, Expired, Listed, RunRecord
from app.store.schema import CHANGES, CHECKPOINTS, OF_THE_RUN, ROOMS, RUNS, UPLOADS
from trainer.logs import of_run
from trainer.wire.jsontext import dumps

NEWEST: Final = 2  # checkpoints of a run that always stay: the newest, and the one before in case it cannot be read
LADDER_BYTES: Final = 20_000_000  # of all checkpoints of a run: the others stand as evenly over its steps as they can
FOLDER: Final = "checkpoints"

_log = logging.getLogger(__name__)


class Store:
    """Keeps runs, their changes and checkpoints, and the tables that they learn from.

    A checkpoint is a file that is written before the database knows of it, and is removed after the database has
    forgotten it: what the database names is there, whatever was cut off. What nothing names is removed at the start.

    Args:
        engine: of a database that was brought to this version.
        folder: the data folder.
        files: how files are written.
    """

    def __init__(self, engine: Engine, folder: Path, files: Files | None = None) -> None:
        self._engine = engine
        self._folder = folder
        self._files = files or Disk()
        self._dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
        self._file = Path(engine.url.database) if engine.dialect.name == "sqlite" and engine.url.database else None

    @classmethod
    def open(cls, folder: Path, url: str = "", files: Files | None = None) -> Store:
        """Open the store of a folder; one that is not there yet is made.

        Args:
            folder: the data folder.
            url: of a PostgreSQL database; empty for a file in the folder.
            files: how files are written.

        Raises:
            StoreError: the folder or the database cannot be used; the message says why.
        """
        try:
            (folder / FOLDER).mkdir(parents=True, exist_ok=True)
            probe = folder / FOLDER / ("probe" + UNFINISHED)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"the data folder {folder} cannot be written: {error.strerror or error}") from error
        engine = database.connect(database.address(url, folder))
        try:
            database.migrate(engine)
            store = cls(engine, folder, files)
            store.remove_strays()
        except StoreError:
            engine.dispose()
            raise
        except Exception as error:  # of SQLAlchemy, of the driver, or of the file system
            engine.dispose()
            where = "the database of DATABASE_URL" if url else str(folder / database.FILE)
            raise StoreError(f"{where} cannot be used: {database.reason(error)}") from error
        return store

    def check(self) -> None:
        """See whether the database is still there.

        Raises:
            StoreError: its file was removed: what is written goes nowhere.
        """
        if self._file is not None and not self._file.exists():
            raise StoreError(f"{self._file} is gone: what was kept in it is lost, and runs are kept anew")

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # Runs

    def save_run(self, record: RunRecord) -> None:
        """Keep a run, or what is new of it. Its changes stay as they are."""
        row = {
            "id": record.id,
            "token_digest": record.token_digest,
            "name": record.name,
            "pinned": record.pinned,
            "opened_at": record.opened_at,
            "used_at": record.used_at,
            "step": record.step,
            "first_config": dumps(record.first_config),
            "kept": dumps(record.kept),
            "upload_id": record.upload_id,
            "room": record.room,
        }
        with self._engine.begin() as connection:
            self._put(connection, RUNS, [row], keys=("id",))

    def save_steps(self, steps: Mapping[str, int]) -> None:
        """Keep how far runs have come, by their ids; a run that is not kept is left out."""
        rows = [{"run": run_id, "to": step} for run_id, step in steps.items()]
        with self._engine.begin() as connection:
            connection.execute(update(RUNS).where(RUNS.c.id == bindparam("run")).values(step=bindparam("to")), rows)

    def add_changes(self, run_id: str, changes: Sequence[Mapping[str, Any]], *, anew: bool = False) -> None:
        """Keep changes of a run; one of a lane and a step that has one already takes its place.

        Args:
            run_id: whose.
            changes: new ones, in the order in which they were made, or with ``anew`` all of them.
            anew: the run was started anew, and forgets those that it had, and its checkpoints.
        """
        forgotten: list[str] = []
        with self._engine.begin() as connection:
            if anew:
                connection.execute(delete(CHANGES).where(CHANGES.c.run_id == run_id))
                forgotten = self._forget_checkpoints(connection, CHECKPOINTS.c.run_id == run_id)
            if changes:
                place = connection.scalar(select(func.max(CHANGES.c.place)).where(CHANGES.c.run_id == run_id))
                first = 0 if place is None else place + 1
                rows = [
                    {
                        "run_id": run_id,
                        "step": change["step"],
                        "lane": OF_THE_RUN if change.get("lane") is None else change["lane"],
                        "place": first + index,
                        "knobs": dumps(change["knobs"]),
                    }
                    for index, change in enumerate(changes)
                ]
                self._put(connection, CHANGES, rows, keys=("run_id", "step", "lane"), but=("place",))
        self._remove(forgotten)

    def runs(self) -> list[RunRecord]:
        """Return all runs, the one that was used last first."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(RUNS).order_by(RUNS.c.used_at.desc(), RUNS.c.id)).all()
            return [self._record(connection, row) for row in rows]

    def run(self, run_id: str) -> RunRecord | None:
        """Return a run, or None if it is not kept."""
        with self._engine.begin() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).first()
            return None if row is None else self._record(connection, row)

    def listed(self, run_ids: Iterable[str]) -> dict[str, Listed]:
        """Return what there is to tell of some runs, by their names; those that are not kept are not in it."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(RUNS).where(RUNS.c.id.in_(list(run_ids)))).all()
        return {row.id: Listed(self._plain(row, []), row.summary) for row in rows}

    def call_run(self, run_id: str, name: str | None, pinned: bool, kept: Mapping[str, Any] | None = None) -> None:
        """Keep another name of a run, whether it is pinned, and what it goes on with if that is new.

        Of none that is kept it is as good.
        """
        more = {} if kept is None else {"kept": dumps(kept)}
        with self._engine.begin() as connection:
            connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(name=name, pinned=pinned, **more))

    def save_summary(self, run_id: str, summary: str | None) -> None:
        """Keep what a list shows of a run."""
        with self._engine.begin() as connection:
            connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(summary=summary))

    def _record(self, connection: Connection, row: Row[Any]) -> RunRecord:
        found = connection.execute(
            select(CHANGES).where(CHANGES.c.run_id == row.id).order_by(CHANGES.c.step, CHANGES.c.place)
        )
        changes = [
            {
                "step": each.step,
                **({} if each.lane == OF_THE_RUN else {"lane": each.lane}),
                "knobs": json.loads(each.knobs),
            }
            for each in found
        ]
        return self._plain(row, changes)

    @staticmethod
    def _plain(row: Row[Any], changes: Sequence[Mapping[str, Any]]) -> RunRecord:
        return RunRecord(
            row.id,
            row.token_digest,
            json.loads(row.first_config),
            json.loads(row.kept),
            row.opened_at,
            row.used_at,
            row.step,
            row.upload_id,
            row.name,
            row.pinned,
            row.room,
            changes,
        )

    def delete_run(self, run_id: str) -> None:
        """Forget a run and all that belongs to it; none of this name is as good."""
        with self._engine.begin() as connection:
            files = self._forget_run(connection, run_id)
        self._remove(files)

    def _forget_run(self, connection: Connection, run_id: str) -> list[str]:
        files = self._forget_checkpoints(connection, CHECKPOINTS.c.run_id == run_id)
        connection.execute(delete(CHANGES).where(CHANGES.c.run_id == run_id))
        connection.execute(delete(RUNS).where(RUNS.c.id == run_id))
        unused = UPLOADS.c.id.not_in(select(RUNS.c.upload_id).where(RUNS.c.upload_id.is_not(None)))
        connection.execute(delete(UPLOADS).where(unused))
        return files

    # Rooms

    def save_room(self, code: str, content: str, used_at: float) -> None:
        """Keep a room as it is now, as JSON."""
        row = {"code": code, "content": content, "used_at": used_at}
        with self._engine.begin() as connection:
            self._put(connection, ROOMS, [row], keys=("code",))

    def rooms(self) -> dict[str, str]:
        """Return all rooms by their codes, as JSON."""
        with self._engine.begin() as connection:
            return {row.code: row.content for row in connection.execute(select(ROOMS))}

    def runs_of_rooms(self) -> dict[str, str]:
        """Return the runs that rooms have opened, each with the code of its room."""
        of_rooms = select(RUNS.c.id, RUNS.c.room).where(RUNS.c.room.is_not(None))
        with self._engine.begin() as connection:
            return {row.id: row.room for row in connection.execute(of_rooms)}

    def delete_room(self, code: str) -> None:
        """Forget a room; none of this code is as good."""
        with self._engine.begin() as connection:
            connection.execute(delete(ROOMS).where(ROOMS.c.code == code))

    # Tables of a reader's own

    def save_upload(self, upload_id: str, content: bytes, used_at: float) -> None:
        """Keep a table that a run learns from; it goes with the last run that does."""
        row = {"id": upload_id, "content": zlib.compress(content, 1), "size": len(content), "used_at": used_at}
        with self._engine.begin() as connection:
            self._put(connection, UPLOADS, [row], keys=("id",))

    def upload(self, upload_id: str) -> bytes:
        """Return what was kept of a table.

        Raises:
            StoreError: it is not there, or is damaged.
        """
        with self._engine.begin() as connection:
            row = connection.execute(select(UPLOADS).where(UPLOADS.c.id == upload_id)).first()
        if row is None:
            raise StoreError(f"the table {upload_id} is not kept here")
        try:
            content = zlib.decompress(row.content)
        except zlib.error:
            content = b""
        if len(content) != row.size:
            raise StoreError(f"the table {upload_id} is damaged")
        return content

    # Checkpoints

    def save_checkpoint(self, run_id: str, checkpoint: Checkpoint, made_at: float) -> None:
        """Keep a checkpoint of a run, and let go of those that are not needed any more.

        Raises:
            StoreError: there is no such run.
        """
        name = f"{FOLDER}/{run_id}/{checkpoint.step}.safetensors"
        self._files.write(self._folder / name, checkpoint.data)
        row = {
            "run_id": run_id,
            "step": checkpoint.step,
            "file": name,
            "size": len(checkpoint.data),
            "digest": hashlib.sha256(checkpoint.data).digest(),
            "made_at": made_at,
            "made_on": checkpoint.made_on,
        }
        with self._engine.begin() as connection:
            further = case((RUNS.c.step > checkpoint.step, RUNS.c.step), else_=checkpoint.step)
            known = connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(step=further, used_at=made_at))
            if known.rowcount:
                self._put(connection, CHECKPOINTS, [row], keys=("run_id", "step"))
                forgotten = self._thin(connection, run_id, LADDER_BYTES)
        if not known.rowcount:
            self._remove([name])
            raise StoreError(f"run {run_id} is not kept here, and so no checkpoint of it")
        self._remove(forgotten)

    def _thin(self, connection: Connection, run_id: str, most: int) -> list[str]:
        """Forget those checkpoints of a run that are too many; their files, which may go once that is settled."""
        rows = connection.execute(
            select(CHECKPOINTS.c.step, CHECKPOINTS.c.size)
            .where(CHECKPOINTS.c.run_id == run_id)
            .order_by(CHECKPOINTS.c.made_at.desc(), CHECKPOINTS.c.step.desc())
        ).all()
        old = surplus({row.step: row.size for row in rows}, [row.step for row in rows[:NEWEST]], most)
        return self._forget_checkpoints(connection, (CHECKPOINTS.c.run_id == run_id) & CHECKPOINTS.c.step.in_(old))

    def newest_checkpoint(self, run_id: str) -> Checkpoint | None:
        """Return the newest checkpoint of a run that is whole; None if there is none.

        One that is damaged is told in the log and passed over: the run repeats some steps more.
        """
        return self._checkpoint(
            select(CHECKPOINTS)
            .where(CHECKPOINTS.c.run_id == run_id)
            .order_by(CHECKPOINTS.c.made_at.desc(), CHECKPOINTS.c.step.desc())
        )

    def checkpoint_before(self, run_id: str, step: int) -> Checkpoint | None:
        """Return the last checkpoint of a run that was made at a step or before; None: it is trained from step 0."""
        return self._checkpoint(
            select(CHECKPOINTS)
            .where(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.step <= step)
            .order_by(CHECKPOINTS.c.step.desc())
        )

    def _checkpoint(self, those: Any) -> Checkpoint | None:
        """The first of some checkpoints that is whole."""
        with self._engine.begin() as connection:
            rows = connection.execute(those).all()
        for row in rows:
            try:
                data = self._files.read(self._folder / row.file)
            except OSError as error:
                _log.error(
                    "checkpoint %s cannot be read: %s", row.file, error.strerror or error, extra=of_run(row.run_id)
                )
                continue
            if hashlib.sha256(data).digest() == row.digest:
                return Checkpoint(row.step, data, row.made_on)
            _log.error("checkpoint %s is damaged: it is not what was written", row.file, extra=of_run(row.run_id))
        return None

    def _forget_checkpoints(self, connection: Connection, which: Any) -> list[str]:
        """Take checkpoints out of the database; their files, which may go once that is settled."""
        files = list(connection.scalars(select(CHECKPOINTS.c.file).where(which)))
        connection.execute(delete(CHECKPOINTS).where(which))
        return files

    # Room

    def size(self) -> int:
        """Bytes of all checkpoints and tables."""
        with self._engine.begin() as connection:
            checkpoints = connection.scalar(select(func.coalesce(func.sum(CHECKPOINTS.c.size), 0)))
            uploads = connection.scalar(select(func.coalesce(func.sum(func.length(UPLOADS.c.content)), 0)))
            return int(checkpoints or 0) + int(uploads or 0)

    def expire(self, before: float, most_bytes: int, in_use: Iterable[str] = ()) -> list[Expired]:
        """Forget runs that nobody wants any more; until the rest fits, old checkpoints, and then the oldest runs.

        Args:
            before: runs that were last used before this time expire.
            most_bytes: that the rest may take.
            in_use: runs that stay in any case, beside those that are pinned.
        """
        gone: list[Expired] = []
        files: list[str] = []
        busy = set(in_use)
        with self._engine.begin() as connection:
            rows = connection.execute(
                select(RUNS.c.id, RUNS.c.used_at).where(RUNS.c.pinned.is_(False)).order_by(RUNS.c.used_at, RUNS.c.id)
            ).all()
            left = [row for row in rows if row.id not in busy]
            for row in [row for row in left if row.used_at < before]:
                left.remove(row)
                files += self._forget_run(connection, row.id)
                gone.append(Expired(row.id, "it was not used for longer than runs are kept"))
        self._remove(files)
        for row in left:
            if self.size() <= most_bytes:
                break
            with self._engine.begin() as connection:
                files = self._thin(connection, row.id, 0)
            self._remove(files)
        while left and self.size() > most_bytes:
            oldest = left.pop(0)
            self.delete_run(oldest.id)
            gone.append(Expired(oldest.id, "the data folder was full, and it was not used for longest"))
        return gone

    def remove_strays(self) -> None:
        """Remove files that the database does not name: something ended between the one and the other."""
        with self._engine.begin() as connection:
            named = set(connection.scalars(select(CHECKPOINTS.c.file)))
        for path in sorted((self._folder / FOLDER).rglob("*")):
            if path.is_file() and path.relative_to(self._folder).as_posix() not in named:
                _log.info("%s belongs to nothing that is kept, and is removed", path.name)
                self._files.remove(path)

    # Inside

    def _put(
        self,
        connection: Connection,
        table: Any,
        rows: list[dict[str, Any]],
        keys: tuple[str, ...],
        but: tuple[str, ...] = (),
    ) -> None:
        """Insert rows; of those that are there, everything but ``keys`` and ``but`` becomes what is given."""
        statement = self._dialect.insert(table)
        given = {name: statement.excluded[name] for name in rows[0] if name not in (*keys, *but)}
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=given), rows)

    def _remove(self, files: Iterable[str]) -> None:
        """Remove files that nothing names any more; what cannot be removed now is a stray at the next start."""
        for name in files:
            try:
                self._files.remove(self._folder / name)
            except OSError as error:
                _log.warning("%s could not be removed: %s", name, error.strerror or error)


def surplus(sizes: Mapping[int, int], newest: Iterable[int], most: int) -> list[int]:
    """Return the steps whose checkpoints are to go, so that the rest fits and no two that stay lie far apart.

    Of those that may go it is always one whose neighbours are closest together: so what is left stands evenly over the
    run's steps, from step 0, of which no checkpoint is needed, to the newest.

    Args:
        sizes: bytes of each checkpoint, by its step.
        newest: the steps of those that stay in any case.
        most: bytes that all of them may take.
    """
    steps, kept = sorted(sizes), set(newest)
    total = sum(sizes.values())
    gone: list[int] = []
    while total > most and (inner := [place for place, step in enumerate(steps) if step not in kept]):
        around = [0, *steps, steps[-1]]
        place = min(inner, key=lambda each: around[each + 2] - around[each])
        total -= sizes[steps[place]]
        gone.append(steps.pop(place))
    return gone
