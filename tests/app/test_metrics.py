"""The numbers for whoever watches over the lab: what they count, who may read them, and whether it is ready."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Receive, Scope, Send

from app.backlog import Packet
from app.errors import ForbiddenError
from app.main import create_app
from app.metrics import Counting, Metrics, check_reader
from app.settings import Settings
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool, steps_tensors
from tests.app.pool.test_hub import a_worker, hub_of
from tests.app.test_api import error_of
from trainer.wire.frames import Frame, encode


def read(text: str) -> dict[str, float]:
    """All samples by name and labels, ``name{a=b}``."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def numbers(lab: Running) -> dict[str, float]:
    answer = await lab.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return read(answer.text)


async def test_runs_viewers_and_workers_are_counted_as_they_are_now(lab: Running) -> None:
    first, second = await lab.open(), await lab.open()
    async with await lab.watch(first, owner=True) as owner, await lab.watch(second):
        await owner.ask("play")
        told = await numbers(lab)
        assert (told["dropout_lab_runs{state=playing}"], told["dropout_lab_runs{state=paused}"]) == (1, 1)
        assert told["dropout_lab_viewers"] == 2
        assert (told["dropout_lab_workers_alive"], told["dropout_lab_workers_wanted"]) == (1, 1)
        lab.pool.alive = 0
        lab.pool.lose()
        told = await numbers(lab)
        assert (told["dropout_lab_runs{state=lost}"], told["dropout_lab_workers_alive"]) == (2, 0)


async def test_steps_frames_their_age_and_skipped_masks_are_counted(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run, credits=False):
        await owner.until_frame("graph")
        lab.pool.train(run["id"], 40)
        await owner.until_step(40)
        told = await numbers(lab)
        assert told["dropout_lab_steps_trained_total"] == 40
        assert told["dropout_lab_frames_sent_total{kind=steps}"] == 2
        sent = sum(value for name, value in told.items() if name.startswith("dropout_lab_frames_sent_total{"))
        assert told["dropout_lab_frame_age_seconds_count"] == sent
        assert told["dropout_lab_frame_age_seconds_bucket{le=+Inf}"] == sent
        assert told["dropout_lab_masks_skipped_total"] == 0


async def test_masks_that_a_slow_viewer_was_not_sent_are_counted(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, credits=False) as slow:
        await slow.until_frame("graph")
        for _ in range(20):
            lab.pool.train(run["id"], 400)
        await slow.say(op="credit", frames=1000)
        await slow.until_step(8000)
        skipped = sum(int(frame.meta.get("skipped", 0)) for frame in slow.frames)
        assert skipped > 0
        assert (await numbers(lab))["dropout_lab_masks_skipped_total"] == skipped


async def test_a_view_that_somebody_opens_late_is_not_old_to_them(lab: Running) -> None:
    run = await lab.open()
    [here] = lab.app.state.lab.runs.all()
    lab.pool.frame(run["id"], "damage", {"step": np.zeros(1, np.uint32)})
    here.latest()["damage"].came -= 1000  # a quarter of an hour ago
    here.latest()["graph"].came -= 1000
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("views", open=["damage"])
        await owner.until_frame("damage")
        told = await numbers(lab)
    assert told["dropout_lab_frames_sent_total{kind=damage}"] == 1
    assert told["dropout_lab_frame_age_seconds_sum"] < 900


async def test_refused_commands_are_counted_by_their_code(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as guest:
        await owner.ask("set", knobs={"learning_rate": -1})
        await owner.ask("set", knobs={"learning_rate": -2})
        await guest.ask("play")
        told = await numbers(lab)
    assert told["dropout_lab_commands_refused_total{code=bad_value}"] == 2
    assert told["dropout_lab_commands_refused_total{code=not_owner}"] == 1


async def test_requests_are_counted_by_route_and_not_by_address(lab: Running) -> None:
    run = await lab.open()
    for path in (f"/api/runs/{run['id']}", "/api/runs/other", "/static/js/main.js", "/no/such/thing", "/"):
        await lab.client.get(path)
    await lab.client.request("PUT", "/")
    told = await numbers(lab)
    count = "dropout_lab_requests_total{{method={},route={},status={}}}".format
    assert told[count("POST", "/api/runs", 201)] == 1
    assert told[count("GET", "/api/runs/{run_id}", 200)] == 1
    assert told[count("GET", "/api/runs/{run_id}", 404)] == 1
    assert told[count("GET", "/", 200)] == 1
    assert told[count("GET", "static", 200)] == 1
    assert told[count("GET", "none", 404)] == 1
    assert told[count("other", "/", 405)] == 1
    assert run["id"] not in "".join(told)


async def test_the_oldest_checkpoint_of_the_runs_that_play_is_told(lab: Running) -> None:
    runs = [await lab.open() for _ in range(3)]
    for run in runs:
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("play")
    sizes = [len(lab.pool.save(run["id"])) for run in runs[:2]]
    here = await lab.app.state.lab.runs.find(runs[0]["id"])
    object.__setattr__(here.checkpoint, "came", here.checkpoint.came - 1000)
    told = await numbers(lab)
    assert 1000 <= told["dropout_lab_checkpoint_age_seconds"] < 2000
    assert told["dropout_lab_checkpoint_bytes"] == sum(sizes)
    assert told["dropout_lab_runs_without_checkpoint"] == 1


async def test_what_the_store_could_not_do_is_counted(lab: Running) -> None:
    before = (await numbers(lab))["dropout_lab_store_errors_total"]
    await lab.app.state.lab.keeper._guard(lambda: 1 / 0)
    assert (await numbers(lab))["dropout_lab_store_errors_total"] == before + 1 == 1


async def test_workers_that_are_started_again_are_counted(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, _):
        caller = await a_worker(hub, placer)
        assert hub.status().restarts == 0
        caller.hang_up()
        await a_worker(hub, placer, 2)
        assert hub.status().restarts == 1


async def test_two_labs_in_one_process_count_for_themselves(lab: Running, patience: float) -> None:
    async with running(FakePool(), Settings(log_level="error"), patience) as other:
        await lab.open()
        assert (await numbers(lab))["dropout_lab_runs{state=paused}"] == 1
        assert (await numbers(other))["dropout_lab_runs{state=paused}"] == 0


# Who may read them


def request_from(host: str | None, **headers: str) -> Scope:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": None if host is None else (host, 5), "headers": named}


DEFAULT = Settings().metrics


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (DEFAULT, "127.0.0.1"),
        (DEFAULT, "127.8.0.1"),
        (DEFAULT, "::1"),
        ("10.0.0.0/8", "10.4.5.6"),
        ("fe80::/10", "fe80::1%eth0"),
        ("*", "203.0.113.5"),
        ("*", None),
    ],
)
def test_who_asks_from_where_it_is_allowed_may_read(allowed: str, host: str | None) -> None:
    check_reader(request_from(host), allowed)


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (DEFAULT, "10.4.5.6"),
        (DEFAULT, "203.0.113.5"),
        (DEFAULT, None),
        (DEFAULT, "testclient"),
        ("10.0.0.0/8", "127.0.0.1"),
        ("off", "127.0.0.1"),
    ],
)
def test_nobody_else_may_read_and_is_told_what_decides(allowed: str, host: str | None) -> None:
    with pytest.raises(ForbiddenError, match="DROPOUT_LAB_METRICS"):
        check_reader(request_from(host), allowed)


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_forwarded_host", "x_real_ip", "via"])
def test_what_a_proxy_on_loopback_passes_on_is_refused(header: str) -> None:
    with pytest.raises(ForbiddenError, match="proxy passes on"):
        check_reader(request_from("127.0.0.1", **{header: "127.0.0.1"}), DEFAULT)


async def test_a_visitor_behind_a_trusted_proxy_cannot_say_that_it_is_on_loopback(patience: float) -> None:
    settings = Settings(log_level="error", trusted_proxies="*")
    async with running(FakePool(), settings, patience) as lab:
        answer = await lab.client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
        assert (answer.status_code, error_of(answer)["code"]) == (403, "forbidden")
        assert (await lab.client.get("/metrics")).status_code == 200


async def test_the_numbers_name_no_run_and_hold_no_token(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        await owner.until_frame("graph")
        text = (await lab.client.get("/metrics")).text
    assert run["id"] not in text
    assert run["token"] not in text


# Whether it is ready


async def test_it_is_ready_while_a_worker_is_there(lab: Running) -> None:
    answer = await lab.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert (await lab.client.head("/readyz")).status_code == 200
    lab.pool.alive = 0
    answer = await lab.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "no worker"})


async def test_it_is_not_ready_once_it_shuts_down_but_well(pool: FakePool) -> None:
    app = create_app(Settings(log_level="error"), pool)
    app.state.lab.runs.close()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "shutting down"})
        assert (await client.get("/healthz")).status_code == 200


# What it costs


def test_counting_a_frame_does_not_look_at_what_is_in_it() -> None:
    """Of the frames of a run only steps are decoded, and those are decoded anyway."""
    graph = Packet(encode(Frame("graph", "r", 1, steps_tensors(1, 1))))
    Metrics().left(graph.kind, 0.1, graph.skipped)
    assert "frame" not in vars(graph)


async def test_counting_leaves_what_is_no_request_alone() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def nothing(*given: Any) -> Any:
        await asyncio.sleep(0)

    await Counting(app, Metrics())({"type": "websocket"}, nothing, nothing)
    assert seen == [({"type": "websocket"}, nothing, nothing)]
