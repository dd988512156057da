from __future__ import annotations

import asyncio
import math
import stat
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.pool import hub as hub_module
from app.pool.hub import MAX_BACKOFF_S, MOVE_S, WorkerHub, backoff
from app.pool.signs import Limits
from tests.app.pool.ears import Ears
from tests.app.pool.fakes import Caller, FakePlacer
from trainer.wire.stream import MAX_HELLO, pack_frame, pack_message


@asynccontextmanager
async def hub_of(
    workers: int, patience: float, failures: int = 0, **options: Any
) -> AsyncIterator[tuple[WorkerHub, FakePlacer, Ears]]:
    placer, ears = FakePlacer(), Ears(patience)
    placer.failures = failures
    # The fakes have no pulse: whoever wants them to be missed looks after them by a clock of its own.
    hub = WorkerHub(placer, workers, **{"limits": Limits(math.inf, math.inf), **options})
    async with asyncio.timeout(patience):
        await hub.start(ears)
        try:
            yield hub, placer, ears
        finally:
            await hub.stop()
            for caller in placer.callers:
                await caller.gone()


async def a_worker(hub: WorkerHub, placer: FakePlacer, number: int = 1) -> Caller:
    """Let the ``number``-th placed worker dial in, and wait until it is at home."""
    placed = await placer.nth(number)
    caller = await placed.dial()
    while not any((info.worker, info.epoch) == (placed.worker, placed.epoch) for info in hub.workers):
        await asyncio.sleep(0)
    return caller


async def test_a_run_waits_for_the_first_worker_with_all_that_was_said_to_it(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, _):
        hub.open("r", {"config": {"seed": 1}})
        hub.send("r", {"op": "watch", "viewers": 2})
        hub.send("r", {"op": "command", "ref": 1, "command": {"op": "play"}})
        hub.send("ghost", {"op": "watch", "viewers": 2})
        assert hub.status().alive == 0
        caller = await a_worker(hub, placer)
        assert await caller.receive() == {"op": "open", "run": "r", "config": {"seed": 1}}
        assert await caller.receive() == {"op": "watch", "run": "r", "viewers": 2}
        assert await caller.receive() == {"op": "command", "run": "r", "ref": 1, "command": {"op": "play"}}
        assert hub.status().alive == 1
        assert hub.status().devices == ("fake",)


async def test_a_run_that_was_closed_while_it_waited_is_never_opened(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, _):
        hub.open("a", {})
        hub.open("b", {})
        hub.close("a")
        caller = await a_worker(hub, placer)
        assert await caller.receive() == {"op": "open", "run": "b"}


async def test_messages_and_frames_of_a_run_reach_the_listener_in_order(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("r", {})
        await caller.say(op="opened", run="r", state={})
        await caller.show("r", 1)
        await caller.show("r", 2)
        await caller.say(op="reply", run="r", ref=1, step=1)
        await ears.reply("r", 1)
        assert [frame.seq for frame in ears.kind("r", "steps")] == [1, 2]
        assert ears.messages[0] == ("r", {"op": "opened", "run": "r", "state": {}})


async def test_each_run_goes_to_the_worker_that_has_the_fewest(patience: float) -> None:
    async with hub_of(2, patience) as (hub, placer, _):
        first, second = await a_worker(hub, placer, 1), await a_worker(hub, placer, 2)
        for run in "abc":
            hub.open(run, {})
        hub.close("b")
        hub.open("d", {})
        for caller, expected in (
            (first, [("open", "a"), ("open", "c")]),
            (second, [("open", "b"), ("close", "b"), ("open", "d")]),
        ):
            heard = [await caller.receive() for _ in expected]
            assert [(message["op"], message["run"]) for message in heard if message] == expected


async def test_a_run_goes_to_a_worker_that_has_memory_for_it(patience: float) -> None:
    async with hub_of(2, patience, room=100) as (hub, placer, _):
        first, second = await a_worker(hub, placer, 1), await a_worker(hub, placer, 2)
        assert hub.status().room == 100
        for run, memory in (("a", 90), ("b", 10), ("c", 10), ("d", 30), ("e", 30)):
            hub.open(run, {"memory": memory})
        hub.close("a")
        hub.open("f", {"memory": 60})
        for caller, runs in ((first, "acaf"), (second, "bde")):
            assert [(await caller.receive() or {})["run"] for _ in runs] == list(runs)


async def test_a_worker_that_comes_back_empty_gets_its_share_of_the_runs(patience: float) -> None:
    async with hub_of(2, patience) as (hub, placer, ears):
        first = await a_worker(hub, placer, 1)
        for run in "abcde":
            hub.open(run, {})
        ears.movable = {"b", "c", "d", "e"}
        hub.even_out(0.0)
        assert ears.uneven == []  # there is no other
        second = await a_worker(hub, placer, 2)
        hub.even_out(1.0)
        assert ears.uneven == ["a", "b", "c"]  # two are too many, and the first will not go
        hub.even_out(2.0)
        assert len(ears.uneven) == 3  # until they have gone
        for run in "bc":
            await first.say(op="handed_over", run=run, step=7)
            await ears.until(partial(ears.of, run, "handed_over"))
            hub.open(run, {})
            assert (await second.receive() or {})["run"] == run
        hub.even_out(3.0)
        assert len(ears.uneven) == 3


async def test_a_run_that_is_not_handed_over_does_not_keep_the_others_for_ever(patience: float) -> None:
    async with hub_of(2, patience) as (hub, placer, ears):
        await a_worker(hub, placer, 1)
        for run in "ab":
            hub.open(run, {})
        ears.movable = {"a", "b"}
        await a_worker(hub, placer, 2)
        for now in (1.0, 2.0, 1.0 + MOVE_S):
            hub.even_out(now)
        assert ears.uneven == ["a", "a"]


async def test_nothing_is_heard_of_a_run_that_was_closed_or_lives_elsewhere(patience: float) -> None:
    async with hub_of(2, patience) as (hub, placer, ears):
        first, second = await a_worker(hub, placer, 1), await a_worker(hub, placer, 2)
        for run in "abc":
            hub.open(run, {})
        hub.close("a")
        for run in ("a", "b", "ghost"):
            await first.show(run)
            await first.say(op="reply", run=run, ref=0, step=1)
        await first.say(op="reply", run="c", ref=1, step=1)
        await ears.reply("c", 1)
        assert ears.frames == []
        assert len(ears.messages) == 1
        second.hang_up()


async def test_a_worker_that_hangs_up_is_lost_at_once_and_placed_again_with_a_new_epoch_and_token(
    patience: float,
) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("b", {})
        hub.open("a", {})
        caller.hang_up()
        await ears.until(lambda: ears.lost)
        assert ears.lost == [["a", "b"]]
        assert hub.status().alive == 0
        hub.open("a", {"config": {}})
        again = await a_worker(hub, placer, 2)
        assert await again.receive() == {"op": "open", "run": "a", "config": {}}
        old, new = placer.placed
        assert (old.worker, old.epoch, new.worker, new.epoch) == (0, 1, 0, 2)
        assert old.token != new.token


async def test_what_an_earlier_epoch_still_says_is_not_heard(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        first = await a_worker(hub, placer)
        hub.open("r", {})
        await first.send(b"\x00\x00\x00\x00?" + pack_message({"op": "reply", "run": "r", "ref": 1, "step": 1}))
        await ears.until(lambda: ears.lost)
        hub.open("r", {})
        again = await a_worker(hub, placer, 2)
        while not await first.is_hung_up_on():
            pass
        await again.say(op="reply", run="r", ref=2, step=1)
        await ears.reply("r", 2)
        assert [message["ref"] for message in ears.of("r", "reply")] == [2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "wrong"},
        {"token": None},
        {"token": "ü"},
        {"epoch": 2},
        {"epoch": "1"},
        {"worker": 7},
        {"worker": None},
    ],
)
async def test_a_caller_that_is_not_awaited_is_hung_up_on(patience: float, wrong: dict[str, Any]) -> None:
    async with hub_of(1, patience) as (hub, placer, _):
        impostor = await (await placer.nth(1)).dial(**wrong)
        assert await impostor.is_hung_up_on()
        assert hub.status().alive == 0
        await a_worker(hub, placer)  # whom it meant to replace is still welcome


async def test_a_token_opens_the_door_only_once(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        await a_worker(hub, placer)
        twin = await (await placer.nth(1)).dial()
        assert await twin.is_hung_up_on()
        assert hub.status().alive == 1
        assert ears.lost == []


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 1000,
        struct.pack(">I", MAX_HELLO + 1) + b"J",
        pack_message({}),
        pack_frame(b"frame"),
        struct.pack(">I", 4) + b"Jnull",
    ],
)
async def test_rubbish_on_the_socket_is_hung_up_on(patience: float, rubbish: bytes) -> None:
    async with hub_of(1, patience) as (hub, placer, _):
        stranger = await placer.stranger(hub.address)
        await stranger.send(rubbish)
        assert await stranger.is_hung_up_on()
        await a_worker(hub, placer)


async def test_a_caller_that_says_nothing_is_hung_up_on(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "HELLO_S", 0.01)
    async with hub_of(1, patience) as (hub, placer, _):
        stranger = await placer.stranger(hub.address)
        assert await stranger.is_hung_up_on()


async def test_a_worker_that_talks_nonsense_is_lost_like_one_that_died(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("r", {})
        await caller.send(pack_frame(b"no frame"))
        await ears.until(lambda: ears.lost)
        assert ears.lost == [["r"]]
        await a_worker(hub, placer, 2)


async def test_a_worker_that_ends_before_it_was_ready_is_placed_again(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        (await placer.nth(1)).die(1)
        await a_worker(hub, placer, 2)
        assert ears.lost == []


async def test_a_worker_that_cannot_be_placed_is_tried_again(patience: float) -> None:
    async with hub_of(1, patience, failures=1) as (hub, placer, _):
        await a_worker(hub, placer)


async def test_a_worker_that_does_not_dial_in_is_ended_and_placed_again(patience: float) -> None:
    async with hub_of(1, patience, start_s=0.01) as (_, placer, _):
        first = await placer.nth(1)
        await placer.nth(2)
        assert first.ended.done()


async def test_a_failed_run_is_open_nowhere(patience: float) -> None:
    async with hub_of(1, patience) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("r", {})
        await caller.say(op="failed", run="r", error={"code": "internal", "message": "."})
        await ears.until(lambda: ears.of("r", "failed"))
        hub.send("r", {"op": "watch", "viewers": 1})
        hub.open("next", {})
        heard = [await caller.receive(), await caller.receive()]
        assert [message["run"] for message in heard if message] == ["r", "next"]
        caller.hang_up()
        await ears.until(lambda: ears.lost)
        assert ears.lost == [["next"]]


async def test_a_worker_that_stops_reading_is_given_up_and_nobody_waits_for_it(
    patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pool.link.MAX_UNREAD", 100_000)
    async with hub_of(1, patience) as (hub, placer, ears):
        await a_worker(hub, placer)
        hub.open("r", {})
        for _ in range(200):  # 2 MB: the kernel takes a few hundred kilobytes, and the hub holds 100 more
            hub.send("r", {"op": "command", "ref": 1, "command": {"op": "x" * 10_000}})
        await ears.until(lambda: ears.lost)
        assert ears.lost == [["r"]]


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks after the workers but the test."""
    monkeypatch.setattr(hub_module, "TICK_S", 1e6)


@pytest.mark.usefixtures("by_hand")
async def test_a_worker_that_says_nothing_is_doubted_then_given_up_killed_and_placed_again(patience: float) -> None:
    async with hub_of(2, patience, limits=Limits(silent_s=4, stuck_s=100)) as (hub, placer, ears):
        silent, other = await a_worker(hub, placer, 1), await a_worker(hub, placer, 2)
        hub.open("r", {})
        hub.open("s", {})
        for second in range(4):
            await other.say(op="alive", busy_s=0)
            await other.say(op="reply", run="s", ref=second, step=1)
            await ears.reply("s", second)
            hub.look(1.0)
            assert ears.silent == ([(["r"], True)] if second else [])
        while not await silent.is_hung_up_on():
            pass
        await ears.until(lambda: ears.lost)
        assert ears.lost == [["r"]]
        assert hub.status().alive == 1
        await placer.nth(3)
        assert placer.placed[0].graces == [0.0]  # it hears nothing: no use asking it
        assert placer.placed[1].graces == []


@pytest.mark.usefixtures("by_hand")
async def test_a_worker_that_is_heard_again_is_told_to_be_and_stays(patience: float) -> None:
    async with hub_of(1, patience, limits=Limits(silent_s=4, stuck_s=100)) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("r", {})
        hub.look(3.9)
        await caller.send(pack_message({"op": "reply", "run": "r", "ref": 1, "step": 1})[:-1])
        await asyncio.sleep(0)
        while hub.silence_of(0) > 0:  # a part of a message is a sign of life as well
            await asyncio.sleep(0)
        hub.look(3.9)
        await caller.send(b"}")
        await ears.reply("r", 1)
        hub.look(0.1)
        assert ears.silent == [(["r"], True), (["r"], False)]
        assert ears.lost == []


@pytest.mark.usefixtures("by_hand")
async def test_a_worker_that_beats_and_is_at_one_thing_for_too_long_is_given_up(patience: float) -> None:
    async with hub_of(1, patience, limits=Limits(silent_s=4, stuck_s=100)) as (hub, placer, ears):
        caller = await a_worker(hub, placer)
        hub.open("r", {})
        for number, busy_s in enumerate((99.9, 0.0, None, 50, 100)):
            await caller.say(op="alive", busy_s=busy_s)
            await caller.say(op="reply", run="r", ref=number, step=1)
            await ears.reply("r", number)
            assert ears.lost == []
            hub.look(0.25)
        await ears.until(lambda: ears.lost)
        assert ears.lost == [["r"]]
        assert ears.silent == []


@pytest.mark.usefixtures("by_hand")
async def test_a_run_is_opened_with_a_worker_that_is_heard(patience: float) -> None:
    async with hub_of(2, patience, limits=Limits(silent_s=4, stuck_s=100)) as (hub, placer, ears):
        await a_worker(hub, placer, 1)
        other = await a_worker(hub, placer, 2)
        hub.open("a", {})
        hub.open("b", {})
        hub.look(2.0)
        await other.say(op="reply", run="b", ref=1, step=1)
        await ears.reply("b", 1)
        hub.look(0.1)
        for run in "cd":
            hub.open(run, {})
        heard = [await other.receive() for _ in range(3)]
        assert [message["run"] for message in heard if message] == ["b", "c", "d"]


async def test_time_in_which_the_app_itself_stood_still_is_no_silence_of_its_workers(
    patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "TICK_S", 0.001)
    passed: list[float] = []
    monkeypatch.setattr(WorkerHub, "look", lambda self, seconds: passed.append(seconds))
    async with hub_of(1, patience):
        while len(passed) < 3:
            await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - the loop is held up
        count = len(passed)
        while len(passed) < count + 3:
            await asyncio.sleep(0)
    assert max(passed) <= 0.002


async def test_stopping_says_shutdown_ends_everybody_and_leaves_nothing(patience: float) -> None:
    async with hub_of(2, patience) as (hub, placer, ears):
        tasks = len(asyncio.all_tasks())
        caller = await a_worker(hub, placer, 1)
        stranger = await placer.stranger(hub.address)
        folder = Path(hub.address.removeprefix("unix:")).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        await hub.stop()
        assert await caller.receive() == {"op": "shutdown"}
        assert await stranger.is_hung_up_on()
        assert all(placed.ended.done() for placed in placer.placed)
        assert not folder.exists()
        assert ears.lost == []
        assert len(asyncio.all_tasks()) < tasks


async def test_without_unix_sockets_workers_dial_loopback(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_UNIX_PATH", 0)
    async with hub_of(1, patience) as (hub, placer, _):
        assert hub.address.startswith("tcp:127.0.0.1:")
        await a_worker(hub, placer)


def test_a_worker_that_dies_young_is_placed_again_at_once_and_then_ever_more_slowly() -> None:
    assert [backoff(deaths) for deaths in range(6)] == [0, 0, 0.5, 1, 2, 4]
    assert backoff(1000) == MAX_BACKOFF_S


@pytest.mark.parametrize(("young_s", "expected"), [(0.0, [0, 0, 0]), (math.inf, [1, 2, 3])])
async def test_only_workers_that_die_soon_after_their_hello_are_placed_again_more_slowly(
    patience: float, monkeypatch: pytest.MonkeyPatch, young_s: float, expected: list[int]
) -> None:
    """One that is killed again and again from outside, once it is at work, is placed again at once."""
    deaths: list[int] = []

    def never(young_deaths: int) -> float:
        deaths.append(young_deaths)
        return 0.0

    monkeypatch.setattr(hub_module, "YOUNG_S", young_s)
    monkeypatch.setattr(hub_module, "backoff", never)
    async with hub_of(1, patience) as (hub, placer, ears):
        for number in (1, 2, 3):
            (await a_worker(hub, placer, number)).hang_up()
            await ears.until(lambda number=number: len(ears.lost) == number)  # type: ignore[misc]
        await a_worker(hub, placer, 4)
    assert deaths == expected


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        WorkerHub(FakePlacer(), 0)


async def test_where_nothing_can_be_written_workers_dial_in_over_loopback(
    patience: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    async with hub_of(1, patience) as (hub, placer, _):
        assert hub.address.startswith("tcp:127.0.0.1:")
        await a_worker(hub, placer)
        assert hub.status().alive == 1
