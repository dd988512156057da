"""Answers that cost much: made beside the event loop, one at a time, and kept while they are true."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from functools import partial
from typing import Any

import numpy as np
import pytest

from app import api, aside, compression, records
from app.aside import Aside
from app.compression import Kept
from app.errors import TooManyMessagesError
from app.opening import parse_opening
from app.records import Records, compressed, plain, record_parts
from tests.app.conftest import Running
from tests.app.fakes import Witness


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, Witness]:
    """Records are made when the gate opens, and the witness knows by whom."""
    opened = threading.Event()
    witness = Witness(compressed, opened)
    monkeypatch.setattr(records, "compressed", witness)
    return opened, witness


async def test_records_that_are_asked_for_at_once_are_made_once_and_beside_the_loop(
    lab: Running, gate: tuple[threading.Event, Witness]
) -> None:
    opened, witness = gate
    run = await lab.open()
    asked = [asyncio.create_task(lab.client.get(f"/api/runs/{run['id']}/record")) for _ in range(20)]
    await lab.eventually(lambda: witness.threads)
    assert (await lab.client.get("/healthz")).status_code == 200  # meanwhile everybody else is served
    opened.set()
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(witness.threads) == 1
    assert threading.get_ident() not in witness.threads


async def test_a_record_is_made_anew_when_the_run_has_gone_on_or_changed(
    lab: Running, gate: tuple[threading.Event, Witness]
) -> None:
    opened, witness = gate
    opened.set()
    run = await lab.open()

    async def steps() -> list[int]:
        found: list[int] = (await lab.client.get(f"/api/runs/{run['id']}/record")).json()["losses"]["step"]
        return found

    assert await steps() == await steps() == []
    assert len(witness.threads) == 1
    lab.pool.train(run["id"], 3)
    assert await steps() == await steps() == [1, 2, 3]
    assert len(witness.threads) == 2
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("set", lane=1, knobs={"l2": 0.01})
        await owner.until_text("changed", reason="set")
        record = (await lab.client.get(f"/api/runs/{run['id']}/record")).json()
        assert record["run"]["changes"][0]["knobs"] == {"l2": 0.01}
    assert len(witness.threads) == 3


async def test_who_asks_while_an_older_record_is_made_gets_the_newer_one(
    lab: Running, gate: tuple[threading.Event, Witness]
) -> None:
    opened, witness = gate
    run = await lab.open()
    first = asyncio.create_task(lab.client.get(f"/api/runs/{run['id']}/record"))
    await lab.eventually(lambda: len(witness.threads) == 1)
    lab.pool.train(run["id"], 2)
    others = [asyncio.create_task(lab.client.get(f"/api/runs/{run['id']}/record")) for _ in range(5)]
    assert (await lab.client.get("/healthz")).status_code == 200
    opened.set()
    assert (await first).json()["losses"]["step"] == []
    assert [(await other).json()["losses"]["step"] for other in others] == [[1, 2]] * 5
    assert (len(witness.threads), witness.most) == (2, 1)


async def test_records_of_several_runs_are_made_one_after_the_other(
    lab: Running, gate: tuple[threading.Event, Witness]
) -> None:
    opened, witness = gate
    runs = [await lab.open() for _ in range(4)]
    asked = [asyncio.create_task(lab.client.get(f"/api/runs/{run['id']}/record")) for run in runs]
    await lab.eventually(lambda: witness.threads)
    opened.set()
    for run, answer in zip(runs, asked, strict=True):
        assert (await answer).json()["run"]["id"] == run["id"]
    assert (len(witness.threads), witness.most) == (4, 1)


async def test_records_are_kept_up_to_a_number_of_bytes(lab: Running) -> None:
    kept = Records(most=1500)
    runs = [await lab.app.state.lab.runs.find((await lab.open())["id"]) for _ in range(5)]
    sizes = [len((await kept.of(run))[1]) for run in runs]
    assert sum(sizes) > 1500  # so that there was something to forget
    assert 0 < kept.size <= max(1500, *sizes)


async def test_who_does_not_take_gzip_gets_the_record_as_it_is(lab: Running) -> None:
    run = await lab.open()
    answer = await lab.client.get(f"/api/runs/{run['id']}/record", headers={"Accept-Encoding": "identity"})
    assert answer.headers["content-encoding"] == "identity"
    assert json.loads(answer.content)["run"]["id"] == run["id"]


@pytest.mark.parametrize(
    "values",
    [
        np.array([], np.float32),
        np.array([0.1, 1 / 3, 1e-9, 123456789, -2.5e20], np.float32),
        np.array([[0.5, np.nan], [np.inf, -1]], np.float32),
        np.zeros((0, 3), np.float32),
        np.arange(30000, dtype=np.float32).reshape(-1, 3) / 7,
        np.arange(9000, dtype=np.uint32),
        np.array([True, False]),
    ],
)
def test_numbers_are_written_as_they_were_in_one_piece(values: np.ndarray) -> None:
    curves = {"losses": {"loss": values}}
    text = gzip.decompress(compressed(record_parts({"id": "r"}, curves, {}))).decode()
    assert json.loads(text)["losses"]["loss"] == plain(values)
    assert json.loads(text)["frames"] == {}


# ---- compression


async def test_the_loops_thread_compresses_nothing_and_nothing_twice(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Witness(compression.compress)
    monkeypatch.setattr(compression, "compress", whole)
    parts: list[tuple[int, int]] = []  # which thread, and bytes

    def part(body: bytes, *given: Any) -> bytes:
        parts.append((threading.get_ident(), len(body)))
        return deflated(body, *given)

    deflated = compression._deflated
    monkeypatch.setattr(compression, "_deflated", part)
    for _ in range(3):
        for path in ("/static/js/main.js", "/api/schema", "/", "/runs", "/static/css/tokens.css"):
            answer = await lab.client.get(path)
            assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
            assert "accept-encoding" in answer.headers["vary"].lower()
    assert len(whole.threads) == 4
    here = threading.get_ident()
    assert here not in whole.threads
    # The page "/" comes in two parts about the address by which it was asked for, which alone is compressed each time.
    assert len([size for thread, size in parts if thread != here]) == 2
    assert [size < 300 for thread, size in parts if thread == here] == 3 * [True]


async def test_what_is_small_or_dense_or_not_taken_is_sent_as_it_is(lab: Running) -> None:
    assert "content-encoding" not in (await lab.client.get("/healthz")).headers
    plain_text = await lab.client.get("/static/js/main.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain_text.headers
    assert "accept-encoding" in plain_text.headers["vary"].lower()
    packed = await lab.client.get("/static/js/main.js")
    assert packed.text == plain_text.text
    again = await lab.client.get("/static/js/main.js", headers={"If-None-Match": packed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_compressed_answers_are_kept_up_to_a_number_of_bytes() -> None:
    kept = Kept(most=4000)
    noise = np.random.default_rng(0)
    for _ in range(20):
        body = noise.bytes(700)
        assert gzip.decompress(await kept.compressed(body)) == body
    assert 3000 < kept.size <= 4000


# ---- beside the loop


async def test_work_beside_the_loop_is_done_one_at_a_time_in_order_and_is_bounded() -> None:
    gate = threading.Event()
    done: list[int] = []
    witness = Witness(done.append, gate)
    kind = Aside("things", most=4)
    tasks = [asyncio.create_task(kind.do(partial(witness, number))) for number in range(6)]
    results = asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    gate.set()
    *fine, fifth, sixth = await results
    assert fine == [None] * 4
    assert all(isinstance(each, TooManyMessagesError) and "4 things" in str(each) for each in (fifth, sixth))
    assert (done, witness.most) == ([0, 1, 2, 3], 1)
    assert threading.get_ident() not in witness.threads
    assert await kind.do(lambda: 7) == 7  # what was refused took no place


async def test_runs_are_opened_one_after_the_other_and_not_without_end(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    witness = Witness(parse_opening, gate)
    monkeypatch.setattr(api, "parse_opening", witness)
    asked = [asyncio.create_task(lab.client.post("/api/runs", json={})) for _ in range(aside.MOST_WAITING + 4)]
    await lab.eventually(lambda: sum(task.done() for task in asked) == 4)
    assert (await lab.client.get("/healthz")).status_code == 200
    gate.set()
    codes = [(await task).status_code for task in asked]
    assert (codes.count(201), codes.count(429)) == (aside.MOST_WAITING, 4)
    assert witness.most == 1
