"""The database: SQLite in the data folder, or PostgreSQL where its address says so."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from app.store.errors import StoreError
from trainer.errors import quote

FILE: Final = "lab.sqlite3"
BUSY_S: Final = 10.0  # to wait for another process that writes
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def address(given: str, folder: Path) -> str:
    """Return the address of the database for SQLAlchemy.

    Args:
        given: of a PostgreSQL server, as its own tools write it; empty for a file in the data folder.
        folder: the data folder.

    Raises:
        StoreError: it is the address of something else.
    """
    if not given:
        return f"sqlite:///{folder / FILE}"
    try:
        url = make_url(given)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        kind = given.partition(":")[0]  # the rest may hold a password
        raise StoreError(f"DATABASE_URL = {quote(kind + ':…')} is not allowed: it must begin with postgresql://")
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def connect(url: str) -> Engine:
    """Return an engine for an address; nothing is opened yet.

    SQLite writes ahead (WAL): readers do not wait for the writer, and a process that is killed leaves every transaction
    whole. ``synchronous = NORMAL`` may lose the last transactions, and no other, if the machine loses its power.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": int(BUSY_S)})
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver: so tables are made in one, too
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # or two that read first and write then would lock each other out


def migrate(engine: Engine) -> None:
    """Bring a database to this version; an empty one gets its tables.

    Raises:
        StoreError: it was written by a newer version of the lab.
        SQLAlchemyError: it cannot be reached, read or written.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise StoreError(
                f"the database has version {quote(current)}, which a newer Dropout Lab made; this one knows versions "
                f"up to {max(known)}. Start the newer one, or name another folder by DROPOUT_LAB_DATA"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def reason(error: Exception) -> str:
    """What went wrong, in a line, as the database or the system says it."""
    if isinstance(error, SQLAlchemyError) and (original := getattr(error, "orig", None)) is not None:
        error = original
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
