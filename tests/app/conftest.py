"""Servers for the tests: with a fake pool in this process, and whole ones with real workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.pool.base import Pool
from app.server import Server, listen
from app.settings import Settings
from tests.app.clients import Viewer, watch
from tests.app.fakes import FakePool


@dataclass
class Running:
    """A server that listens.

    Attributes:
        pool: its pool.
        port: where it listens.
        url: the same as a URL.
        client: an HTTP client that is connected to it.
        patience: seconds to wait for something that must come.
        app: the application.
        by: what its viewers connect with, ``websocket`` or ``events``.
    """

    pool: Any
    port: int
    url: str
    client: httpx.AsyncClient
    patience: float
    server: Server
    app: Any
    by: str = "websocket"

    async def open(self, **config: Any) -> dict[str, Any]:
        """Open a run; its id and token."""
        answer = await self.client.post("/api/runs", json=config)
        assert answer.status_code == 201, answer.text
        opened: dict[str, Any] = answer.json()
        return opened

    async def watch(self, run: dict[str, Any], **options: Any) -> Viewer:
        """Open a viewer."""
        return await self.watch_at(self.url, run, **options)

    async def watch_at(self, url: str, run: dict[str, Any], **options: Any) -> Viewer:
        """Open a viewer by way of another address, such as a proxy's."""
        return await watch(url, run, self.patience, **{"by": self.by, **options})

    async def viewers_of(self, run: dict[str, Any]) -> int:
        """How many viewers a run has."""
        count: int = (await self.client.get(f"/api/runs/{run['id']}")).json()["viewers"]
        return count

    async def eventually(self, true: Callable[[], Any]) -> None:
        """Wait until something becomes true."""
        async with asyncio.timeout(self.patience):
            while not true():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    pool: Pool, settings: Settings, patience: float, send_buffer: int | None = None
) -> AsyncIterator[Running]:
    """Run a server in this event loop."""
    listener = listen("127.0.0.1", 0)
    if send_buffer is not None:
        listener.setsockopt(1, 7, send_buffer)  # SOL_SOCKET, SO_SNDBUF: what is accepted inherits it
    port = listener.getsockname()[1]
    app = create_app(settings, pool)
    server = Server(app, settings)
    serving = asyncio.create_task(server.serve([listener]))
    url = f"http://127.0.0.1:{port}"
    try:
        # Nothing is encrypted here: reading the world's certificates would take longer than starting the server.
        async with httpx.AsyncClient(base_url=url, timeout=patience, verify=False) as client:
            result = Running(pool, port, url, client, patience, server, app)
            await result.eventually(lambda: server.started or serving.done())
            yield result
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, patience)


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


@pytest.fixture
def settings() -> Settings:
    # All of a test comes from one address: what there is for all is its own, but in the tests of shares.
    return Settings(log_level="error", client_share=1, max_openings_per_minute=100_000)


@pytest.fixture
def by(request: pytest.FixtureRequest) -> str:
    """What viewers connect with; `both_ways` in a test's marks makes it one and the other."""
    return str(getattr(request, "param", "websocket"))


@pytest.fixture
async def lab(pool: FakePool, settings: Settings, patience: float, by: str) -> AsyncIterator[Running]:
    """A server whose pool is a fake."""
    async with running(pool, settings, patience) as result:
        result.by = by
        yield result
