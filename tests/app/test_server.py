"""The server around the application: whom it tells that it is ready, and when it ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.main import create_app
from app.server import Server, listen
from app.settings import Settings
from tests.app.clients import both_ways
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool

IDLE_S = 0.6  # the least that the setting takes


@pytest.fixture
def settings() -> Settings:
    return Settings(log_level="error", end_when_idle_minutes=IDLE_S / 60)


@pytest.fixture
async def lab(pool: FakePool, settings: Settings, patience: float, by: str) -> AsyncIterator[Running]:
    async with running(pool, settings, patience) as result:
        result.by = by
        yield result


def has_ended(lab: Running) -> bool:
    """Whether it listens no longer."""
    return not any(server.is_serving() for server in lab.server.servers)


@both_ways
async def test_it_ends_when_nobody_was_there_for_so_long_and_not_before(
    lab: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as viewer:
        await asyncio.sleep(3 * IDLE_S)
        assert "error" not in await viewer.ask("play")
        assert not has_ended(lab)
    await lab.eventually(lambda: has_ended(lab))
    assert "Nobody was here for 0.01 minutes: Dropout Lab ends\n" in capsys.readouterr().out


async def test_it_ends_when_nobody_ever_came(lab: Running) -> None:
    await lab.eventually(lambda: has_ended(lab))


async def test_without_the_setting_it_goes_on(pool: FakePool, patience: float) -> None:
    async with running(pool, Settings(log_level="error"), patience) as lab:
        lab.server._busy_at -= 1e9
        await asyncio.sleep(0.3)
        assert not has_ended(lab)


@pytest.mark.parametrize(("host", "path"), [("127.0.0.1", ""), ("127.0.0.1", "/lab"), ("0.0.0.0", "")])
async def test_it_tells_its_address_on_this_machine_once_it_can_be_opened(
    pool: FakePool, patience: float, host: str, path: str
) -> None:
    settings = Settings(log_level="error", host=host, root_path=path)
    listener = listen(host, 0)
    told: asyncio.Queue[str] = asyncio.Queue()
    server = Server(create_app(settings, pool), settings, told.put_nowait)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        address = await asyncio.wait_for(told.get(), patience)
        assert server.started
        assert address == f"http://127.0.0.1:{listener.getsockname()[1]}{path}/"
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, patience)
