"""What goes wrong with one run or one viewer is told, and stays there."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from app.opening import Opening
from app.run import Phase, Run
from app.runs import Runs
from app.settings import Settings
from app.viewers import Outbox
from tests.app.conftest import Running
from tests.app.fakes import FakePool
from tests.app.pool.ears import Ears
from tests.app.pool.fakes import FakePlacer
from tests.app.pool.test_hub import a_worker, hub_of
from trainer.settings.config import parse
from trainer.wire.stream import MAX_PAYLOAD, StreamError


def fail(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("this was not foreseen")


@pytest.fixture
async def runs(pool: FakePool) -> Runs:
    runs = Runs(Settings(), pool)
    await pool.start(runs)
    return runs


async def three(runs: Runs) -> tuple[Run, Run, Run]:
    first, bad, last = [await runs.create(Opening(parse({}))) for _ in range(3)]
    return first, bad, last


def assert_ended_alone(runs: Runs, bad: Run, *others: Run) -> None:
    assert bad.phase is Phase.ENDED
    assert all(run in runs.all() and run.phase is not Phase.ENDED for run in others)
    assert len(runs) == len(others)


@pytest.mark.parametrize("broken", [0, 1, 2])
async def test_when_a_worker_is_lost_a_run_that_cannot_begin_anew_ends_and_the_others_do(
    runs: Runs, pool: FakePool, broken: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    every = await three(runs)
    bad, others = every[broken], [run for run in every if run is not every[broken]]
    monkeypatch.setattr(bad, "lost", fail)
    pool.lose()
    assert_ended_alone(runs, bad, *others)
    assert all(len(pool.requests[run.id]) == 2 for run in others)  # opened once more
    assert "this was not foreseen" in caplog.text


async def test_news_and_frames_that_a_run_cannot_take_end_that_run(
    runs: Runs, pool: FakePool, caplog: pytest.LogCaptureFixture
) -> None:
    first, bad, last = await three(runs)
    news = {"op": "changed", "run": bad.id, "reason": "set", "step": 1, "changes": []}
    news["state"] = {"config": {"lanes": 7}}
    runs.on_message(bad.id, news)
    assert_ended_alone(runs, bad, first, last)
    runs.on_frame(last.id, b"\x00" * 40)
    assert_ended_alone(runs, last, first)
    runs.on_message("ghost", {"op": "changed"})
    runs.on_frame("ghost", b"")
    assert first.phase is Phase.OPEN
    pool.train(first.id, 3)
    assert first.step == 3


async def test_a_run_that_cannot_be_looked_after_ends_alone(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    first, bad, last = await three(runs)
    monkeypatch.setattr(type(bad), "playing", property(lambda run: fail() if run is bad else False))
    runs.sweep()
    assert_ended_alone(runs, bad, first, last)


async def test_a_run_that_cannot_be_closed_keeps_no_other_from_being_closed(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, bad, last = await three(runs)
    monkeypatch.setattr(bad, "end", fail)
    runs.close()
    assert len(runs) == 0
    assert first.phase is last.phase is Phase.ENDED


async def test_a_viewer_that_cannot_be_told_is_parted_from_and_the_others_are_told(
    runs: Runs, pool: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await runs.create(Opening(parse({})))
    viewers = [run.join(owner=False) for _ in range(3)]
    told: list[Outbox] = []
    for viewer in viewers:
        monkeypatch.setattr(viewer, "put", lambda packet, viewer=viewer: told.append(viewer))
    monkeypatch.setattr(viewers[1], "put", fail)
    pool.train(run.id, 1)
    pool.train(run.id, 1)
    assert sorted(map(id, told)) == sorted(2 * [id(viewers[0]), id(viewers[2])])
    assert viewers[1].closing == (1011, "internal")
    assert run.viewers == {viewers[0], viewers[2]}
    assert run.phase is Phase.OPEN


async def test_a_viewer_that_cannot_be_greeted_leaves_no_ghost_behind(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await runs.create(Opening(parse({})))
    monkeypatch.setattr(run._memory, "first_frames", fail)
    with pytest.raises(ZeroDivisionError):
        run.join(owner=True)
    assert run.viewers == set()


async def test_one_answer_that_cannot_be_given_keeps_no_other_from_being_given(runs: Runs, pool: FakePool) -> None:
    run = await runs.create(Opening(parse({})))
    pool.answers = False
    heard: list[dict[str, Any]] = []
    run.command({"op": "play"}, fail)
    run.command({"op": "play"}, heard.append)
    pool.lose()
    assert [reply["error"]["code"] for reply in heard] == ["no_worker"]
    assert await runs.find(run.id) is run


async def test_a_run_that_is_too_large_to_be_sent_is_refused_and_forgotten(
    runs: Runs, pool: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: str, *_: Any) -> None:
        raise StreamError("a payload of 17,000,000 bytes")

    monkeypatch.setattr(pool, "open", refuse)
    with pytest.raises(StreamError, match="17,000,000"):
        await runs.create(Opening(parse({})))
    assert len(runs) == 0


async def test_of_runs_that_wait_for_a_worker_one_that_is_too_large_fails_alone(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        hub.open("a", {})
        hub.open("b", {"table": "x" * (MAX_PAYLOAD + 1)})
        hub.open("c", {})
        caller = await a_worker(hub, placer)
        [failed] = await ears.until(lambda: ears.of("b", "failed"))
        assert "at most" in failed["error"]["message"]
        heard = [await caller.receive() for _ in range(3)]
        assert [(each["op"], each["run"]) for each in heard if each] == [("open", "a"), ("close", "b"), ("open", "c")]


async def test_what_the_listener_cannot_deal_with_costs_no_worker(
    patience: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("r", {})
        with monkeypatch.context() as patched:
            patched.setattr(Ears, "on_frame", fail)
            patched.setattr(Ears, "on_message", fail)
            await caller.show("r", 1)
            await caller.say(op="changed", run="r")
            while len([each for each in caplog.records if each.levelno == logging.ERROR]) < 2:
                await asyncio.sleep(0)
        await caller.show("r", 2)
        await ears.until(lambda: ears.kind("r", "steps"))
        assert ears.lost == []
        with monkeypatch.context() as patched:
            patched.setattr(Ears, "on_lost", fail)
            caller.hang_up()
            await a_worker(hub, placer, 2)  # and it is replaced


async def test_a_worker_whose_start_fails_in_an_unforeseen_way_is_tried_again(
    patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = FakePlacer.place, iter([fail])

    async def place(self: FakePlacer, *arguments: Any) -> Any:
        next(tries, lambda: None)()
        return await real(self, *arguments)

    monkeypatch.setattr(FakePlacer, "place", place)
    async with hub_of(1, patience) as (hub, placer, _):
        await a_worker(hub, placer)
        assert hub.status().alive == 1


async def test_a_message_that_fails_in_an_unforeseen_way_is_answered_and_the_conversation_goes_on(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        with monkeypatch.context() as patched:
            patched.setattr(Run, "command", fail)
            await owner.say(op="play", id=7)
            refused = await owner.until_text("error", id=7)
            assert refused["error"]["code"] == "internal"
            assert "not foreseen" not in json.dumps(refused)  # that is for the log
        assert (await owner.ask("play"))["op"] == "ack"
