"""Events and POSTs in place of a WebSocket: what only they have. What both have is in test_live.py."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.settings import Settings
from app.uvicorn_protocol import LabHttpProtocol
from tests.app.clients import EventConnection, Viewer
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.nginx import example, nginx, replaced, without


@pytest.fixture
def by() -> str:
    return "events"


def line_of(viewer: Viewer) -> EventConnection:
    """The stream of a viewer."""
    assert isinstance(viewer.connection, EventConnection)
    return viewer.connection


async def refused(lab: Running, run: str, **headers: str) -> tuple[int, str]:
    """Status and code with which a stream is refused."""
    answer = await lab.client.get(f"/api/runs/{run}/events", headers=headers)
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_stream_is_refused_before_it_begins_and_nobody_has_come(lab: Running) -> None:
    run = (await lab.open())["id"]
    assert await refused(lab, "nothing") == (404, "not_found")
    assert await refused(lab, run, Authorization="Bearer wrong") == (403, "wrong_token")
    assert await refused(lab, run, Authorization="Bearer") == (403, "wrong_token")
    assert await refused(lab, run, Origin="https://elsewhere.example") == (403, "wrong_origin")
    assert await lab.viewers_of({"id": run}) == 0


async def test_a_full_run_refuses_a_stream_but_its_owner_gets_in(pool: FakePool, patience: float) -> None:
    async with running(pool, Settings(max_viewers_per_run=1, log_level="error"), patience) as lab:
        run = await lab.open()
        async with await lab.watch(run, by="websocket"):
            assert await refused(lab, run["id"]) == (503, "too_many_viewers")
            async with await lab.watch(run, by="events", owner=True) as owner:
                assert (await owner.until_text("hello"))["role"] == "owner"


async def test_events_are_told_not_to_be_kept_or_held_back_by_anything_on_the_way(lab: Running) -> None:
    run = await lab.open()
    async with lab.client.stream("GET", f"/api/runs/{run['id']}/events", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-store, no-transform"
        assert "content-encoding" not in answer.headers
        assert "default-src 'self'" in answer.headers["content-security-policy"]


async def test_many_messages_in_one_post_are_answered_one_by_one_in_their_order(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        seat = line_of(owner).seat["seat"]
        messages: list[Any] = [{"op": "play", "id": 1}, 7, {"op": "credit", "seq": 1}, {"op": "fly", "id": 2}]
        answer = await line_of(owner).post(json.dumps({"seat": seat, "messages": messages}))
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await owner.until_text("error"))["error"]["code"] == "bad_message"
        await owner.until_text("error", id=2)
        await owner.until_text("ack", id=1)
    assert [command["op"] for command in lab.pool.commands(run["id"])] == ["play"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "bad_json"),
        ("[]", 400, "bad_message"),
        ('{"seat": "SEAT"}', 400, "bad_message"),
        ('{"seat": "SEAT", "messages": {}}', 400, "bad_message"),
        ('{"seat": "SEAT", "messages": [], "token": "t"}', 400, "bad_message"),
        (json.dumps({"seat": "SEAT", "messages": [0] * 129}), 400, "bad_message"),
        (json.dumps({"seat": "SEAT", "messages": ["x" * 70_000]}), 413, "too_large"),
        ('{"seat": "guessed", "messages": []}', 404, "not_found"),
        ('{"seat": ["SEAT"], "messages": []}', 404, "not_found"),
    ],
)
async def test_a_post_that_is_no_message_is_refused_and_disturbs_nobody(
    lab: Running, body: str, status: int, code: str
) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        answer = await line_of(owner).post(body.replace("SEAT", line_of(owner).seat["seat"]))
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert (await owner.ask("play"))["op"] == "ack"


async def test_a_seat_is_good_for_its_run_alone_and_only_while_its_stream_lasts(lab: Running) -> None:
    run, other = await lab.open(), await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        say = {"seat": line_of(owner).seat["seat"], "messages": [{"op": "play", "id": 1}]}
        assert (await lab.client.post(f"/api/runs/{other['id']}/commands", json=say)).status_code == 404
    await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 0)
    assert (await lab.client.post(f"/api/runs/{run['id']}/commands", json=say)).status_code == 404
    assert lab.pool.commands(run["id"]) == []


async def test_messages_by_post_are_limited_as_those_of_a_websocket_are(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        seat = line_of(owner).seat["seat"]
        for first in range(0, 400, 100):
            messages = [{"op": "pause", "id": number} for number in range(first, first + 100)]
            await line_of(owner).post(json.dumps({"seat": seat, "messages": messages}))
        answers: dict[int, str] = {}
        while len(answers) < 400:
            text = await owner.until(lambda message: isinstance(message, dict) and "id" in message)
            answers[text["id"]] = text["op"] if text["op"] == "ack" else text["error"]["code"]
        assert [answers[number] for number in range(100)] == ["ack"] * 100
        assert "too_many_messages" in answers.values()


@pytest.fixture
def quick() -> Settings:
    """Settings of a server whose connections say often that they are there."""
    return Settings(heartbeat_s=0.1, log_level="error")


async def test_a_stream_on_which_nothing_happens_says_that_it_is_still_there(
    pool: FakePool, quick: Settings, patience: float
) -> None:
    async with running(pool, quick, patience) as lab:
        run = await lab.open()
        async with await lab.watch(run, by="events") as viewer:
            await viewer.until_text("changed", reason="viewers")
            reading = asyncio.create_task(viewer.read())
            await lab.eventually(lambda: line_of(viewer).heartbeats >= 3)
            reading.cancel()
            assert line_of(viewer).seat["heartbeat_s"] == 0.1


async def test_a_viewer_that_answers_no_heartbeat_is_not_waited_for_for_ever(
    pool: FakePool, quick: Settings, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.eventline.SEND_TIMEOUT_S", 0.3)
    async with running(pool, quick, patience) as lab:
        run = await lab.open()
        async with await lab.watch(run, by="events", credits=False) as silent:
            line_of(silent).answers = False
            assert (await silent.until_closed())[0] == 4408
        await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 0)


@pytest.fixture
async def narrow(pool: FakePool, settings: Settings, patience: float) -> AsyncIterator[Running]:
    """A server whose connections hold little, so that a viewer that does not read is soon felt."""
    async with running(pool, settings, patience, send_buffer=4096) as result:
        yield result


async def test_a_stream_that_nobody_reads_is_broken_off(narrow: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr("app.eventline.FLUSH_S", 0.2)
    run = await narrow.open()
    narrow.pool.train(run["id"], 3000)
    runs = narrow.app.state.lab.runs
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(deaf.connect, ("127.0.0.1", narrow.port))
        deaf.sendall(f"GET /api/runs/{run['id']}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await narrow.eventually(lambda: runs.viewers == 1)
        await narrow.eventually(lambda: runs.viewers == 0)
        deaf_address = deaf.getsockname()
        connections = narrow.server.server_state.connections
        await narrow.eventually(
            lambda: (
                not [each for each in connections if isinstance(each, LabHttpProtocol) and each.client == deaf_address]
            )
        )


async def test_a_shutdown_tells_who_watches_by_events(pool: FakePool, settings: Settings, patience: float) -> None:
    async with running(pool, settings, patience) as lab:
        run = await lab.open()
        viewer = await lab.watch(run, by="events")
        lab.server.should_exit = True
        assert (await viewer.until_text("ended"))["reason"] == "shutdown"
        assert (await viewer.until_closed())[0] == 1001
        await viewer.connection.close()
        await lab.eventually(lambda: pool._listener is None)


# Through nginx

NO_UPGRADE = without(example("root"), "proxy_set_header Upgrade", "proxy_set_header Connection")
AS_IT_COMES = without(NO_UPGRADE, "proxy_http_version", "proxy_buffering")
"""nginx without any of the lines that live connections ask for: it buffers, and speaks HTTP/1.0."""


@pytest.mark.parametrize("server", [NO_UPGRADE, AS_IT_COMES], ids=["no upgrade", "as it comes"])
async def test_through_an_nginx_that_lets_no_websocket_through_every_mask_comes_by_events(
    lab: Running, server: str
) -> None:
    run = await lab.open()
    with nginx(server, lab.port) as proxy:
        async with await lab.watch_at(proxy.url, run, owner=True) as owner:
            for _ in range(20):
                lab.pool.train(run["id"], 7)
                await asyncio.sleep(0)
            await owner.until_step(140)
            assert (await owner.ask("play"))["op"] == "ack"
        assert run["token"] not in proxy.requests()
    assert owner.steps() == list(range(1, 141))


@pytest.mark.parametrize("by", ["websocket", "events"])
async def test_a_paused_run_behind_a_proxy_that_cuts_silent_connections_stays_connected(
    pool: FakePool, patience: float, by: str
) -> None:
    """The proxy's 1 s is to the heartbeat's 0.4 s as 25 s are to the usual 10 s."""
    async with running(pool, Settings(heartbeat_s=0.4, log_level="error"), patience) as lab:
        run = await lab.open()
        server = replaced(example("root"), "proxy_read_timeout 1h;", "proxy_read_timeout 1s;")
        with nginx(server, lab.port) as proxy:
            async with await lab.watch_at(proxy.url, run, owner=True, by=by) as owner:
                await owner.until_text("changed", reason="viewers")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(4):  # four times what the proxy allows
                        await owner.read()
                lab.pool.train(run["id"], 1)
                await owner.until_step(1)
            assert "timed out" not in proxy.errors()


async def test_without_heartbeats_that_proxy_does_cut_the_connection(pool: FakePool, patience: float) -> None:
    async with running(pool, Settings(heartbeat_s=20, log_level="error"), patience) as lab:
        run = await lab.open()
        server = replaced(example("root"), "proxy_read_timeout 1h;", "proxy_read_timeout 1s;")
        with nginx(server, lab.port) as proxy:
            async with await lab.watch_at(proxy.url, run, by="events") as viewer:
                assert (await viewer.until_closed())[0] == 1006
