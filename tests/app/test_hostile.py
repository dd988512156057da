"""A hostile client does all it can from an address of its own, while others go on from theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest

from app import uvicorn_protocol
from app.settings import Settings
from benchmarks.tricks import ADDRESS, TABLE, TRICKS, Hostile
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool

RUNS, SEATS, CONNECTIONS = 24, 20, 160


@pytest.fixture
async def house(pool: FakePool, patience: float) -> AsyncIterator[Running]:
    """A lab in which there is little: half a minute is enough to take all of it."""
    settings = Settings(
        max_runs=RUNS, max_viewers_per_run=SEATS, max_connections_per_client=CONNECTIONS, log_level="error"
    )
    async with running(pool, settings, patience) as lab:
        yield lab


async def test_a_hostile_client_keeps_nobody_else_out_and_no_run_of_others_is_lost(
    house: Running, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.ARRIVAL_S", 0.0)  # every run that nobody watches is one that may be ended
    table = (await house.client.post("/api/tables", content=TABLE)).json()["id"]
    watched, unwatched = await house.open(), [await house.open() for _ in range(2)]
    async with await house.watch(watched, owner=True) as owner:
        hostile = Hostile(house.port, watched["id"], heads=2 * CONNECTIONS)
        attack = [asyncio.create_task(trick(hostile)) for trick in TRICKS[:-1]]
        try:
            for trick in ("runs", "seats", "uploads", "openings"):
                await house.eventually(partial(hostile.was_refused, trick))
            attack.append(asyncio.create_task(TRICKS[-1](hostile)))
            await house.eventually(lambda: hostile.was_refused("heads"))
            assert hostile.got["tables"] > 0

            for number in range(3):  # the others go on as ever
                run = await house.open(seed=number)
                async with await house.watch(run, owner=True) as viewer, await house.watch(watched) as guest:
                    assert (await viewer.ask("play"))["op"] == "ack"
                    assert (await owner.ask("speed", steps_per_second=10))["op"] == "ack"
                    assert (await guest.until_text("hello"))["role"] == "viewer"
                uploaded = await house.client.post("/api/tables", content=TABLE + f"\n{number},1,1")
                assert uploaded.status_code == 201, uploaded.text
                unwatched.append(run)
            async with httpx.AsyncClient(base_url=house.url, timeout=patience, verify=False) as newcomer:
                assert (await newcomer.get("/api/schema")).status_code == 200
            for run in [watched, *unwatched]:
                assert (await house.client.get(f"/api/runs/{run['id']}")).status_code == 200
            assert (await house.client.get(f"/api/tables/{table}")).status_code == 200
        finally:
            for task in attack:
                task.cancel()
            await asyncio.gather(*attack, return_exceptions=True)
            await hostile.leave()
    own = [run for run in house.app.state.lab.runs.all() if run.client == ADDRESS]
    assert len(own) <= 0.75 * RUNS
    assert not [task for task in attack if not task.cancelled() and task.exception()]


async def test_half_sent_requests_of_a_hostile_client_go_by_themselves(
    pool: FakePool, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_protocol, "HEAD_S", 0.2)
    monkeypatch.setattr("app.body.STILL_S", 0.2)
    async with running(pool, Settings(log_level="error"), patience) as lab:
        doors = lab.server.config.doors  # type: ignore[attr-defined]
        await lab.client.get("/healthz")
        hostile = Hostile(lab.port, "none")
        holding = [hostile.hold("heads", b"GET / HTTP/1.1\r\nX-Slow: ") for _ in range(20)]
        holding += [hostile.hold("silent connections", b"") for _ in range(20)]
        body = b"POST /api/tables HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n\r\nx,y,c\n"
        holding += [hostile.hold("uploads", body) for _ in range(20)]
        async with asyncio.timeout(patience):
            await asyncio.gather(*holding)
        assert hostile.refused["heads", "too_slow"] == 20
        assert hostile.refused["uploads", "too_slow"] == 20
        await lab.eventually(lambda: doors.here <= 1)
        assert lab.app.state.lab.tables.uploads == 0
