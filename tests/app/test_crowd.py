"""Connections: how many there may be, how long they may say nothing, and that one that is gone is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app import uvicorn_protocol
from app.crowd import FEWEST, SPARE_FILES, Doors
from app.errors import ClientShareError, TooManyConnectionsError
from app.server import enough_files
from app.settings import Settings
from tests.app.clients import raw_viewer
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool

GREEDY, KIND = "192.0.2.66", "192.0.2.1"


def doors_of(files: int = 10_000, **settings: Any) -> Doors:
    return Doors(Settings(max_connections_per_client=8, **settings), files)


def test_one_address_has_so_many_connections_and_the_others_have_theirs() -> None:
    doors = doors_of()
    inside = [doors.enter(GREEDY) for _ in range(8)]
    assert [door.refusal for door in inside] == [None] * 8
    beyond = [doors.enter(f"::ffff:{GREEDY}") for _ in range(9)]
    assert all(isinstance(door.refusal, ClientShareError) for door in beyond)
    assert "has 8 connections" in str(beyond[0].refusal)
    assert [door.is_heard for door in beyond] == [True] * 8 + [False]
    assert doors.enter(KIND).refusal is None
    for door in [*inside, *beyond]:
        doors.leave(door)
    assert doors.here == 1
    assert doors.enter(GREEDY).refusal is None


def test_a_trusted_proxys_connections_are_everybodys_and_nobody_elses_word_counts() -> None:
    doors = doors_of(trusted_proxies="192.0.2.0/28")
    assert all(doors.enter(KIND).refusal is None for _ in range(100))
    assert all(doors.enter(GREEDY).refusal is None for _ in range(8))
    assert doors.enter(GREEDY).refusal is not None


def test_the_server_has_as_many_connections_as_files() -> None:
    doors = doors_of(FEWEST + SPARE_FILES, trusted_proxies="*")
    doors_inside = [doors.enter(KIND) for _ in range(FEWEST)]
    assert not any(door.refusal for door in doors_inside)
    refused = doors_of(FEWEST + SPARE_FILES)
    entered = [refused.enter(f"192.0.2.{number}") for number in range(FEWEST + 1)]
    assert isinstance(entered[-1].refusal, TooManyConnectionsError)
    assert sum(door.refusal is not None for door in entered) == 1


def test_a_process_may_open_as_many_files_as_it_can() -> None:
    assert enough_files() > 1000
    assert enough_files() == enough_files()


@contextlib.asynccontextmanager
async def connected(
    lab: Running, said: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which something was said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    writer.write(said)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, patience: float) -> tuple[int, dict[str, Any]]:
    """All that is said on a connection until it is closed: an error."""
    head, _, body = (await asyncio.wait_for(reader.read(), patience)).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


async def test_beyond_its_connections_a_client_is_told_so_whatever_it_asks_for(pool: FakePool, patience: float) -> None:
    settings = Settings(max_connections_per_client=8, log_level="error")
    async with running(pool, settings, patience) as lab, contextlib.AsyncExitStack() as stack:
        run = await lab.open()
        idle = [await stack.enter_async_context(connected(lab)) for _ in range(7)]  # and that of the lab's own client
        await lab.eventually(lambda: lab.server.config.doors.here == 8)  # type: ignore[attr-defined]
        async with httpx.AsyncClient(base_url=lab.url, timeout=patience, verify=False) as one_more:
            refused = await one_more.get("/api/schema")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "client_share")
        assert "has 8 connections" in refused.json()["error"]["message"]
        assert refused.headers["retry-after"] == "5"
        with pytest.raises(InvalidStatus) as at_the_door:
            async with connect(f"{lab.url}/api/runs/{run['id']}/live".replace("http", "ws", 1)):
                pass
        assert at_the_door.value.response.status_code == 429
        idle[0][1].close()
        await lab.eventually(lambda: lab.server.config.doors.here < 8)  # type: ignore[attr-defined]
        async with httpx.AsyncClient(base_url=lab.url, timeout=patience, verify=False) as one_more:
            assert (await one_more.get("/api/schema")).status_code == 200


async def test_behind_a_proxy_a_client_is_who_the_proxy_says(pool: FakePool, patience: float) -> None:
    settings = Settings(max_connections_per_client=8, trusted_proxies="127.0.0.1", log_level="error")
    async with running(pool, settings, patience) as lab, contextlib.AsyncExitStack() as stack:
        run = await lab.open()
        greedy, kind = {"X-Forwarded-For": GREEDY}, {"X-Forwarded-For": KIND}
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=lab.url, timeout=patience, verify=False))
        for _ in range(8):
            stream = client.stream("GET", f"/api/runs/{run['id']}/events", headers=greedy)
            assert (await stack.enter_async_context(stream)).status_code == 200
        refused = await client.get(f"/api/runs/{run['id']}", headers=greedy)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "client_share")
        assert refused.headers["x-content-type-options"] == "nosniff"
        url = f"{lab.url}/api/runs/{run['id']}/live".replace("http", "ws", 1)
        with pytest.raises(InvalidStatus) as at_the_door:
            async with connect(url, additional_headers=greedy):
                pass
        assert at_the_door.value.response.status_code == 429
        assert (await client.get(f"/api/runs/{run['id']}", headers=kind)).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\r\n",
        b"G",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx",
    ],
)
async def test_a_head_that_does_not_come_is_not_waited_for(
    lab: Running, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(uvicorn_protocol, "HEAD_S", 0.05)
    async with connected(lab, said) as (reader, _):
        received = await asyncio.wait_for(reader.read(), lab.patience)
        await lab.eventually(lambda: not lab.server.server_state.connections)
    begun = said.startswith(b"G") and b"healthz" not in said
    assert received.startswith(b"HTTP/1.1 408") is begun
    if begun:
        assert b'"too_slow"' in received


async def test_drops_of_a_head_do_not_prolong_the_wait(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_protocol, "HEAD_S", 0.05)
    async with connected(lab, b"GET / HTTP/1.1\r\n") as (reader, writer):
        reading = asyncio.create_task(asyncio.wait_for(reader.read(), lab.patience))
        while not reading.done():
            with contextlib.suppress(ConnectionError):
                writer.write(b"x: y\r\n")
                await writer.drain()
            await asyncio.sleep(0.005)
        with contextlib.suppress(ConnectionError):
            assert (await reading).startswith(b"HTTP/1.1 408")


async def test_a_request_that_takes_long_and_a_second_one_are_not_cut_off(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_protocol, "HEAD_S", 0.05)
    run = await lab.open()
    async with await lab.watch(run) as viewer, lab.client.stream("GET", f"/api/runs/{run['id']}/events") as stream:
        await asyncio.sleep(0.2)
        assert (await viewer.ask("views", open=[]))["op"] == "ack"
        assert stream.status_code == 200
    for _ in range(2):
        assert (await lab.client.get("/healthz")).status_code == 200


async def test_a_body_that_comes_in_drops_is_waited_for_and_one_that_stands_still_is_not(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.body.STILL_S", 0.5)
    head = b"POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 40\r\n\r\n"
    async with connected(lab, head) as (reader, writer):
        for _ in range(20):  # twice as long as it may stand still
            writer.write(b"  ")
            await asyncio.sleep(0.05)
        writer.write(b"{}")
        assert (await asyncio.wait_for(reader.readline(), lab.patience)).split()[1] in (b"201", b"400")
    async with connected(lab, head + b"{") as (reader, _):
        status, error = await answer(reader, lab.patience)
        assert (status, error["code"]) == (408, "too_slow")
        assert "0.5 seconds may pass between two parts of it" in error["message"]
        assert "1 bytes came" in error["message"]


async def test_an_answer_that_is_not_read_is_not_kept_for_ever(
    pool: FakePool, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_protocol, "STALLED_S", 0.05)
    async with running(pool, Settings(log_level="error"), patience, send_buffer=4096) as lab:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        with sock:
            await loop.sock_connect(sock, ("127.0.0.1", lab.port))
            await loop.sock_sendall(sock, b"GET /api/schema HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20)
            connections = lab.server.server_state.connections
            await lab.eventually(lambda: connections)
            await lab.eventually(lambda: not connections)


async def test_a_viewer_that_answers_no_ping_gives_its_seat_back_even_while_much_waits_for_it(
    pool: FakePool, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.run.VIEWERS_EVERY_S", 1e6)  # nothing is said to it that would find out by itself
    monkeypatch.setattr(uvicorn_protocol, "watch_for_vanishing", lambda sock: None)  # nor the system, after a while
    settings = Settings(heartbeat_s=0.2, log_level="error")
    async with running(pool, settings, patience, send_buffer=4096) as lab:
        lab.server.config.ws_ping_timeout = 0.1
        run = await lab.open()
        path = f"/api/runs/{run['id']}/live"
        async with raw_viewer(lab.port, path):
            await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 1)
            pool.frame(
                run["id"], "ensemble", {"vote": np.zeros(40_000, np.uint8)}
            )  # less than is waited for to be read
            await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 0)


async def test_the_system_watches_for_connections_whose_other_end_is_gone(lab: Running) -> None:
    async with connected(lab) as _:
        await lab.eventually(lambda: lab.server.server_state.connections)
        [connection, *_] = lab.server.server_state.connections
        sock = connection.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if sys.platform == "linux":
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


async def test_every_connection_that_ends_is_counted_no_longer(lab: Running) -> None:
    doors = lab.server.config.doors  # type: ignore[attr-defined]
    run = await lab.open()
    async with await lab.watch(run), connected(lab), connected(lab, b"nonsense\r\n\r\n"):
        await lab.eventually(lambda: doors.here >= 3)
    with pytest.raises(InvalidStatus):
        async with connect(f"{lab.url}/nothing".replace("http", "ws", 1)):
            pass
    await lab.client.aclose()
    await lab.eventually(lambda: doors.here == 0)
