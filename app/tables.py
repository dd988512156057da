"""The tables that were uploaded: read one at a time, kept while there is room, handed to the runs that want them."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from app.errors import NotFoundError
from app.shares import Share, Turns
from app.wire import dumps
from trainer.errors import KnobError
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.networks import networks_for
from trainer.settings.recommended import recommended_knobs
from trainer.tables.decisions import Decisions
from trainer.tables.table import Table, pool_size, read_table

MAX_TABLES: Final = 200
MAX_KEPT_BYTES: Final = 64_000_000  # of all tables together; one has at most some MB
MAX_UPLOADS: Final = 56  # that are on their way or wait to be read, at once: 5 MB each, three quarters for one class
MOST_TRAINED_ON: Final = 300  # recommended: with more there is less to overfit to
LARGEST_BATCH: Final = 32


@dataclass(frozen=True, eq=False)
class File:
    """An uploaded file, kept so that it can be read in another way.

    Attributes:
        packed: its bytes, compressed.
        name: what it is called.
    """

    packed: bytes
    name: str


@dataclass(frozen=True, eq=False)
class Stored:
    """A table that is kept.

    Attributes:
        described: what the API tells of it.
        content: what its runs' workers get.
        rows: that a run can use.
        size: of the content in bytes.
        file: the file that it was read from.
        client: who uploaded it first.
    """

    described: dict[str, Any]
    content: dict[str, Any]
    rows: int
    size: int
    file: File
    client: str = ""


class Tables:
    """The registry of uploaded tables. The one that was used longest ago makes room for the next.

    A table's id is a digest of what is in it and of what was decided of its columns: the same file, uploaded again, is
    the same table, so that a link to a run of it can be opened by whoever has the file.

    Args:
        share_of: how many of so many uploads one client may have under way.
    """

    def __init__(self, share_of: Callable[[int], int] = lambda most: most) -> None:
        self._stored: OrderedDict[str, Stored] = OrderedDict()  # the one used longest ago comes first
        self._uploads = Share("tables are being uploaded", MAX_UPLOADS, share_of(MAX_UPLOADS))
        self._reading = Turns()  # one at a time: reading takes all of Python's attention

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def size(self) -> int:
        """Bytes of all tables; a file that was read in several ways counts once."""
        files = {id(stored.file): len(stored.file.packed) for stored in self._stored.values()}
        return sum(stored.size for stored in self._stored.values()) + sum(files.values())

    @property
    def uploads(self) -> int:
        """How many are under way."""
        return self._uploads.taken

    def upload(self, client: str = "") -> AbstractContextManager[None]:
        """Take one of the places for uploads, from the first byte until the table was read.

        Raises:
            TooManyMessagesError: there is none.
            ClientShareError: the client has its share of them.
        """
        return self._uploads.one(client)

    async def add(
        self, data: bytes, name: str, label: str | None, decisions: Decisions | None = None, client: str = ""
    ) -> dict[str, Any]:
        """Read a file, keep it, and return what there is to tell of it.

        Args:
            data: its bytes.
            name: what it is called.
            label: the column to be learnt; None: as it is decided, or else the last.
            decisions: what the reader decided of its columns.
            client: who uploads it.

        Raises:
            TableError: nothing can be learnt from it.
            KnobError: a decision that does not go with it.
        """
        async with self._reading.one(client):
            stored = await asyncio.to_thread(_read, data, None, name, label, decisions)
        return self._keep(stored, client)

    async def read_again(
        self, table_id: str, label: str | None, decisions: Decisions, client: str = ""
    ) -> dict[str, Any]:
        """Read the file of a table in another way: a table of its own, as is the one that it is made from.

        Args:
            table_id: the table.
            label: the column to be learnt.
            decisions: what the reader decided of its columns.
            client: who asks for it.

        Raises:
            NotFoundError: there is no such table.
            TableError: nothing can be learnt from it in this way.
            KnobError: a decision that does not go with it.
        """
        file = self._find(table_id).file
        async with self._reading.one(client):
            stored = await asyncio.to_thread(_read_again, file, label, decisions)
        return self._keep(stored, client)

    def _keep(self, stored: Stored, client: str) -> dict[str, Any]:
        table_id = stored.described["id"]
        known = self._stored.pop(table_id, None)
        self._stored[table_id] = replace(stored, client=client if known is None else known.client)
        while len(self._stored) > MAX_TABLES:
            self._forget(Counter(each.client for each in self._stored.values()))
        while self.size > MAX_KEPT_BYTES and len(self._stored) > 1:
            sizes: Counter[str] = Counter()
            for each in self._stored.values():
                sizes[each.client] += each.size + len(each.file.packed)
            self._forget(sizes)
        return stored.described

    def _forget(self, has: Counter[str]) -> None:
        """Make room: of the client that has the most, the table that was used longest ago, and never the newest."""
        ((greediest, _),) = has.most_common(1)
        *older, _ = self._stored
        del self._stored[next((each for each in older if self._stored[each].client == greediest), older[0])]

    def describe(self, table_id: str) -> dict[str, Any]:
        """Return what there is to tell of a table.

        Raises:
            NotFoundError: it is not here.
        """
        return self._find(table_id).described

    def for_run(self, config: ExperimentConfig) -> Stored | None:
        """Return the table that ``config`` learns from, or None if it learns from something else.

        Raises:
            KnobError: the table is not here, or is too small for what is asked of it.
        """
        if config.dataset != "csv":
            return None
        try:
            stored = self._find(config.table)
        except NotFoundError:
            allowed = "the id of a table that is on this server: upload the file, again if it was here before"
            raise KnobError("table", config.table, allowed) from None
        pool = pool_size(stored.rows)
        if config.train_size > pool:
            allowed = f"at most {pool:,}: the table has {stored.rows:,} rows and {stored.rows - pool:,} of them judge"
            raise KnobError("train_size", config.train_size, allowed)
        return stored

    def _find(self, table_id: str) -> Stored:
        try:
            self._stored.move_to_end(table_id)
        except KeyError:
            raise NotFoundError("there is no such table: it made room for others, or it never was here") from None
        return self._stored[table_id]


def _read_again(file: File, label: str | None, decisions: Decisions) -> Stored:
    return _read(zlib.decompress(file.packed), file, file.name, label, decisions)


def _read(data: bytes, file: File | None, name: str, label: str | None, decisions: Decisions | None = None) -> Stored:
    table = read_table(data, name, label, decisions)
    digest = hashlib.blake2b(data, digest_size=12)
    decided = dumps(table.decisions) if table.decisions else ""
    for text in (table.name, table.label, *([decided] if decided else [])):
        digest.update(f"\n{text}".encode("utf-8", "replace"))
    table_id = digest.hexdigest()
    content = table.encode()
    described = {"id": table_id, **table.described(), "config": recommended_for(table_id, table)}
    size = len(content["features"]) + len(content["labels"])
    file = file or File(zlib.compress(data, 1), name)
    return Stored(described, content, len(table.labels), size, file)


def recommended_for(table_id: str, table: Table) -> dict[str, Any]:
    """The settings at which a table shows overfitting: about half to train on, and a fifth of that mislabelled."""
    rows = len(table.labels)
    train_size = min(MOST_TRAINED_ON, pool_size(rows), max(20, rows // 2 // 10 * 10))
    batch_size = min(LARGEST_BATCH, train_size // 2)
    knobs = recommended_knobs(networks_for("csv")[0], "csv") | {"train_size": train_size, "batch_size": batch_size}
    return parse(knobs | {"table": table_id}).model_dump(mode="json")
