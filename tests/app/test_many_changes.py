"""A run with many changes over the web: told as what is new, limited, kept in a record, and opened again from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import api
from app import run as app_run
from app.body import Places
from app.errors import BadMessageError, TooManyMessagesError
from app.opening import parse_opening
from app.settings import Settings
from app.viewers import MAX_TEXT_BYTES, Outbox
from tests.app.clients import both_ways
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from trainer.settings import changes as module
from trainer.settings.changes import ChangeLog
from trainer.wire.jsontext import Written


def many(count: int) -> list[dict[str, Any]]:
    """Changes as a moved slider leaves them."""
    return [{"step": 2 * k + 1, "lane": k % 2, "knobs": {"l2": k / 1e6}} for k in range(count)]


@both_ways
async def test_a_viewer_is_told_what_is_new_and_nothing_of_what_it_knows(lab: Running) -> None:
    sizes = []
    for count in (10, 2000):
        run = await lab.open(changes=many(count))
        async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as guest:
            hello = await guest.until_text("hello")
            assert hello["run"]["changes"] == many(count)
            for number, l2 in enumerate((0.01, 0.02)):
                lab.pool.train(run["id"], 1)
                await owner.ask("set", lane=1, knobs={"l2": l2})
                for viewer in (owner, guest):
                    changed = await viewer.until_text("changed", reason="set")
                    assert changed["changes"] == [{"step": 2 + number, "lane": 1, "knobs": {"l2": l2}}]
                    assert "changes" not in changed["run"]
                    sizes.append((count, len(json.dumps(changed))))
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        assert len(state["changes"]) == count + 1  # at step 3 there was one of that lane already
    few, lots = ([size for count, size in sizes if count == each] for each in (10, 2000))
    assert max(lots) - min(few) < 50  # another id, longer numbers


async def test_one_more_change_is_written_once_for_all_who_watch(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await lab.open(changes=many(500))
    written: list[int] = []
    original = module._joined

    def joined(entries: list[module.Entry]) -> Written:
        written.append(len(entries))
        return original(entries)

    monkeypatch.setattr(module, "_joined", joined)
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as one, await lab.watch(run) as two:
        viewers = (owner, one, two)
        for viewer in viewers:
            await viewer.until_text("hello")
        written.clear()
        await owner.ask("set", lane=0, knobs={"l1": 0.01})
        for viewer in viewers:
            await viewer.until_text("changed", reason="set")
        assert sum(written) == 1
        async with await lab.watch(run) as late, await lab.watch(run) as later:
            for viewer in (late, later):
                assert len((await viewer.until_text("hello"))["run"]["changes"]) == 500
        assert sum(written) == 1 + 500  # all of them once, for both


def test_news_that_gives_way_to_newer_news_takes_its_changes_along() -> None:
    outbox, log = Outbox(), ChangeLog(many(3))
    told: list[int] = []

    def text_since(revision: int) -> str:
        told.append(revision)
        return json.dumps(log.since(revision))

    outbox.greet(iter(["hello"]), log.revision)
    for step, topic in ((10, "set"), (11, "set"), (12, "play"), (13, "set"), (14, "set")):
        log.insert(step, 0, {"l2": 0.1})
        outbox.tell(text_since, log.revision, topic)
    waiting = [text.text for text in outbox._texts]
    assert outbox._part == "hello"
    assert [[change["step"] for change in json.loads(text)] for text in waiting] == [[10, 11], [12], [13, 14]]


class Slow:
    """A socket that takes a text when it is told to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.takes = asyncio.Semaphore(0)

    async def send_text(self, data: str) -> None:
        self.texts.append(data)
        await self.takes.acquire()

    async def send_bytes(self, data: bytes) -> None:
        raise AssertionError("there are no frames")


async def test_a_greeting_is_made_part_by_part_as_its_reader_takes_it() -> None:
    made: list[int] = []

    def parts() -> Iterator[str]:
        for number in range(100):
            made.append(number)
            yield f"{number}".ljust(MAX_TEXT_BYTES // 2)

    outbox, socket = Outbox(), Slow()
    outbox.greet(parts(), 7)
    outbox.say("news")
    assert made == [0]
    pumping = asyncio.create_task(outbox.pump(socket, 60))
    for number in range(100):
        while len(socket.texts) == number:  # pytest-timeout ends it
            await asyncio.sleep(0)
        assert len(made) == number + 1, "no part is made before the one before has left"
        socket.takes.release()
    while len(socket.texts) == 100:
        await asyncio.sleep(0)
    assert [text.strip() for text in socket.texts] == [*map(str, range(100)), "news"]
    assert outbox.closing is None
    pumping.cancel()


def test_a_greeting_counts_among_what_waits_and_an_end_cuts_it_short() -> None:
    outbox = Outbox()
    outbox.greet(iter(["x" * MAX_TEXT_BYTES, "y"]), 0)
    assert outbox.closing is None
    outbox.say("z")
    assert outbox.closing is not None
    assert next(outbox._parts, None) is None


async def test_viewers_that_do_not_read_hold_a_part_of_a_long_list_and_those_that_read_get_all_of_it(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_run, "PART_BYTES", 2000)
    changes = many(3000)
    run = await lab.open(changes=changes)
    known = await lab.app.state.lab.runs.find(run["id"])
    idle = [known.join(owner=False) for _ in range(20)]
    assert max(outbox._text_bytes for outbox in idle) < 2000 + 100 + len(json.dumps(known._news()))
    async with await lab.watch(run, owner=True) as owner:
        hello = await owner.until_text("hello")
        told = hello["run"]["changes"]
        while len(told) < len(changes):
            more = await owner.until_text("changed", reason="changes")
            assert {**more["run"], "changes": told} == hello["run"]
            told += more["changes"]
        assert told == changes
        await owner.ask("set", lane=1, knobs={"l2": 0.5e-3})
        assert (await owner.until_text("changed", reason="set"))["changes"][0]["knobs"] == {"l2": 0.5e-3}
    for outbox in idle:
        known.leave(outbox)


async def test_after_a_reset_a_viewer_knows_of_no_change(lab: Running) -> None:
    run = await lab.open(changes=many(5))
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("reset")
        assert (await owner.until_text("changed", reason="reset"))["changes"] == []
        await owner.ask("set", lane=1, knobs={"l2": 0.5e-3})
        changed = await owner.until_text("changed", reason="set")
        assert changed["changes"] == [{"step": 1, "lane": 1, "knobs": {"l2": 0.5e-3}}]
    state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
    assert state["changes"] == [{"step": 1, "lane": 1, "knobs": {"l2": 0.5e-3}}]


async def test_a_run_is_opened_again_from_its_record(lab: Running) -> None:
    run = await lab.open(seed=3, changes=many(300), experiment="twin", stop_at=500, follow={"lane": 0, "example": 4})
    async with await lab.watch(run, owner=True) as owner:
        lab.pool.train(run["id"], 30)
        await owner.ask("set", lane=1, knobs={"l2": 0.01})
        await owner.until_text("changed", reason="set")
    record = (await lab.client.get(f"/api/runs/{run['id']}/record?download=1")).content
    opened = await lab.client.post("/api/runs", content=record)
    assert opened.status_code == 201
    assert opened.json()["experiment"] == "twin"
    first, again = (lab.pool.requests[each][0] for each in (run["id"], opened.json()["id"]))
    assert again["config"] == first["config"]
    made = {**many(300)[15], "knobs": {"l2": 0.01}}  # at step 31, where that of the same lane was
    assert again["changes"] == [made if each["step"] == 31 else each for each in many(300)]
    for name in ("experiment", "stop_at", "follow"):
        assert again[name] == first[name]


async def test_a_search_is_opened_again_from_its_record(lab: Running) -> None:
    run = await lab.open(search={"method": "random", "candidates": 8, "steps": 25, "batch": 4})
    record = (await lab.client.get(f"/api/runs/{run['id']}/record")).json()
    opened = await lab.client.post("/api/runs", json=record)
    assert opened.status_code == 201, opened.text
    first, again = (lab.pool.requests[each][0] for each in (run["id"], opened.json()["id"]))
    assert again["search"]["trials"] == first["search"]["trials"]


@pytest.mark.parametrize("run", [None, 7, [], {}, {"first_config": 3}, {"config": {}}])
def test_a_record_that_is_none_is_refused_in_words(run: Any) -> None:
    with pytest.raises(BadMessageError, match=r"run = .* is not allowed: it must be the state of a run, as a record"):
        parse_opening({"version": "1", "run": run, "losses": {}})


async def test_an_opening_with_more_changes_than_a_run_has_is_refused(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES", 20)
    assert (await lab.client.post("/api/runs", json={"changes": many(20)})).status_code == 201
    refused = await lab.client.post("/api/runs", json={"changes": many(21)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "too_many_changes")
    assert "21 changes are too many: a run has at most 20" in refused.json()["error"]["message"]


async def test_the_longest_opening_is_taken_and_a_longer_one_is_not(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_OPENING_BYTES", 400_000)
    body = json.dumps({"seed": 5}).encode()
    assert (await lab.client.post("/api/runs", content=body.ljust(400_000))).status_code == 201
    refused = await lab.client.post("/api/runs", content=body.ljust(400_001))
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert "400,000 bytes" in refused.json()["error"]["message"]


async def test_long_openings_are_taken_in_few_at_a_time(pool: FakePool, patience: float) -> None:
    async with running(pool, Settings(log_level="error", client_share=1), patience) as lab:
        places: Places = lab.app.state.lab.long_openings
        with contextlib.ExitStack() as stack:
            for _ in range(places.most):
                stack.enter_context(places.one())(places.beyond + 1)
            long = b" " * (places.beyond + 1)
            refused = await lab.client.post("/api/runs", content=long)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_messages")
            assert (await lab.client.post("/api/runs", content=b"{}")).status_code == 201
        assert (await lab.client.post("/api/runs", content=b"{}" + long)).status_code == 201


def test_a_place_is_taken_once_and_free_again() -> None:
    places = Places(1, 10)
    with places.one() as first:
        first(10)
        first(11)
        first(12)
        with places.one() as second, pytest.raises(TooManyMessagesError, match="1 bodies of more than 10 bytes"):
            second(11)
    with places.one() as third:
        third(11)
