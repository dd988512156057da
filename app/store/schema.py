"""The tables of the database. What changes here needs a migration (`app.store.migrations`); a test compares the two."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OF_THE_RUN: Final = -1  # in place of a lane: a change of the run's own knobs

UPLOADS: Final = Table(
    "uploads",
    METADATA,
    Column("id", String(64), primary_key=True),  # a digest of what is in it
    Column("content", LargeBinary, nullable=False),  # as it is sent to a worker, compressed
    Column("size", BigInteger, nullable=False),  # of the content, in bytes
    Column("used_at", Float, nullable=False),
)

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("token_digest", LargeBinary(32), nullable=False),  # SHA-256: whoever reads the database owns no run
    Column("name", String(200)),
    Column("pinned", Boolean, nullable=False),  # it does not expire, and makes no room for others
    Column("opened_at", Float, nullable=False),  # seconds since 1970
    Column("used_at", Float, nullable=False),
    Column("step", BigInteger, nullable=False),  # that it has come to, as of the last quarter of a second
    Column("first_config", Text, nullable=False),  # JSON
    Column("kept", Text, nullable=False),  # JSON: what it goes on with beside its knobs, such as its speed
    Column("upload_id", ForeignKey("uploads.id")),
    Column("summary", Text),  # JSON: what a list shows of it (`app.summary`)
    Column("room", String(16)),  # the code of the room that has opened it
    Index("ix_runs_used_at", "used_at"),
)

CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", Integer, primary_key=True, autoincrement=False),  # or OF_THE_RUN
    Column("place", Integer, nullable=False),  # among the changes of its step: which was made first
    Column("knobs", Text, nullable=False),  # JSON
)

CHECKPOINTS: Final = Table(
    "checkpoints",
    METADATA,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("file", String(200), nullable=False),  # below the data folder
    Column("size", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256 of the file
    Column("made_at", Float, nullable=False),
    Column("made_on", String(200), nullable=False),  # the kind of machine, whose rounding it has
)

ROOMS: Final = Table(
    "rooms",
    METADATA,
    Column("code", String(16), primary_key=True),
    Column("content", Text, nullable=False),  # JSON: who is in it, and how far they are (`app.rooms`); no token
    Column("used_at", Float, nullable=False),
)
