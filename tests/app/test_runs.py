"""The registry: room for runs, the runs nobody watches, and what a lost worker means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any, Final

import pytest

from app.errors import BadMessageError, NotFoundError, NoWorkerError, RunFailedError, TooManyRunsError, WrongTokenError
from app.opening import Fork, Opening, parse_opening
from app.run import IllegalMoveError, Phase, Run
from app.runs import Runs
from app.settings import Settings
from app.viewers import Outbox
from tests.app.fakes import FakePool
from trainer.errors import KnobError, TooManyChangesError, UnknownKnobError
from trainer.settings.arguments import CommandError
from trainer.settings.config import parse
from trainer.wire.frames import Frame, decode


class Clock:
    """The time, as a test wants it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def runs(pool: FakePool, clock: Clock) -> Runs:
    runs = Runs(Settings(max_runs=2, unwatched_pause_s=30, run_idle_minutes=10), pool, clock)
    await pool.start(runs)
    return runs


async def create(runs: Runs, **config: Any) -> Run:
    return await runs.create(Opening(parse(config)))


async def test_a_run_is_ready_once_its_worker_has_sent_the_data(runs: Runs, pool: FakePool) -> None:
    run = await create(runs, seed=3)
    assert await runs.find(run.id) is run
    assert run.phase is Phase.OPEN
    assert run.state()["config"]["seed"] == 3
    assert pool.requests[run.id][0]["config"]["seed"] == 3


async def test_ids_and_tokens_are_never_the_same(runs: Runs) -> None:
    first, second = await create(runs), await create(runs)
    assert len({first.id, second.id, first.token, second.token}) == 4
    with pytest.raises(WrongTokenError):
        first.check_token(second.token)
    first.check_token(first.token)


async def test_a_full_server_refuses_while_every_run_is_watched_or_new(runs: Runs, clock: Clock) -> None:
    watched = await create(runs)
    watched.join(owner=False)
    await create(runs)
    with pytest.raises(TooManyRunsError, match="as many runs as it may, 2"):
        await create(runs)
    assert len(runs) == 2


async def test_on_a_full_server_the_run_unwatched_for_longest_makes_room(
    runs: Runs, clock: Clock, pool: FakePool
) -> None:
    first = await create(runs)
    clock.now += 10
    second = await create(runs)
    viewer = first.join(owner=True)
    clock.now += 10
    first.leave(viewer)
    clock.now += 10
    await create(runs)
    assert pool.closed == [second.id]
    assert second.phase is Phase.ENDED
    with pytest.raises(NotFoundError):
        await runs.find(second.id)


async def test_a_playing_run_is_paused_when_nobody_watches_it_for_long_enough(
    runs: Runs, clock: Clock, pool: FakePool
) -> None:
    run = await create(runs)
    viewer = run.join(owner=True)
    run.command({"op": "play"}, lambda reply: None)
    await asyncio.sleep(0)
    clock.now += 100
    runs.sweep()
    run.leave(viewer)
    clock.now += 29
    runs.sweep()
    assert [command["op"] for command in pool.commands(run.id)] == ["play"]
    clock.now += 1
    runs.sweep()
    await asyncio.sleep(0)
    runs.sweep()
    assert [command["op"] for command in pool.commands(run.id)] == ["play", "pause"]
    run.join(owner=False)
    await asyncio.sleep(0)
    assert [command["op"] for command in pool.commands(run.id)] == ["play", "pause", "play"], "it goes on"
    run.join(owner=False)
    await asyncio.sleep(0)
    assert len(pool.commands(run.id)) == 3


async def test_a_run_that_its_owner_paused_stays_paused_when_somebody_comes_back(
    runs: Runs, clock: Clock, pool: FakePool
) -> None:
    run = await create(runs)
    viewer = run.join(owner=True)
    run.command({"op": "play"}, lambda reply: None)
    run.command({"op": "pause"}, lambda reply: None)
    await asyncio.sleep(0)
    run.leave(viewer)
    clock.now += 100
    runs.sweep()
    run.join(owner=True)
    await asyncio.sleep(0)
    assert [command["op"] for command in pool.commands(run.id)] == ["play", "pause"]


async def test_a_run_expires_when_nobody_watches_it_and_not_before(runs: Runs, clock: Clock, pool: FakePool) -> None:
    run = await create(runs)
    viewer = run.join(owner=False)
    clock.now += 10_000
    runs.sweep()
    assert len(runs) == 1
    run.leave(viewer)
    clock.now += 599
    runs.sweep()
    assert len(runs) == 1
    clock.now += 1
    runs.sweep()
    assert len(runs) == 0
    assert pool.closed == [run.id]


async def test_a_run_that_no_worker_opens_in_time_is_given_up(
    runs: Runs, pool: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.OPENING_S", 0.01)
    pool.alive = 0
    with pytest.raises(NoWorkerError):
        await create(runs)
    assert len(runs) == 0
    assert len(pool.closed) == 1


async def test_a_run_that_cannot_be_opened_fails_with_the_workers_words(runs: Runs, pool: FakePool) -> None:
    pool.alive = 0
    opening = asyncio.create_task(create(runs))
    await asyncio.sleep(0)
    [name] = pool.requests
    error = {"code": "internal", "message": "out of memory"}
    runs.on_message(name, {"op": "failed", "run": name, "error": error})
    with pytest.raises(RunFailedError, match="out of memory"):
        await opening
    assert len(runs) == 0


async def test_a_run_that_is_lost_while_it_opens_is_opened_again(runs: Runs, pool: FakePool) -> None:
    pool.alive = 0
    opening = asyncio.create_task(create(runs))
    await asyncio.sleep(0)
    [name] = pool.requests
    pool.alive = 1
    runs.on_lost([name])
    assert (await opening).phase is Phase.OPEN


async def test_a_run_that_loses_one_worker_after_the_other_is_ended(runs: Runs, clock: Clock) -> None:
    run = await create(runs)
    for _ in range(5):
        runs.on_lost([run.id])
        await asyncio.sleep(0)
        assert run.phase is Phase.OPEN
    runs.on_lost([run.id])
    assert run.phase is Phase.ENDED


async def test_losses_that_lie_far_apart_or_between_which_it_trained_do_not_end_a_run(
    runs: Runs, clock: Clock, pool: FakePool
) -> None:
    run = await create(runs)
    for index in range(12):
        runs.on_lost([run.id])
        await asyncio.sleep(0)
        if index % 2:
            clock.now += 241  # two minutes, beside the two that a worker may be at one thing
        else:
            pool.train(run.id, 1)
    assert run.phase is Phase.OPEN


async def test_a_run_that_hangs_one_worker_after_the_other_is_ended_too(runs: Runs, clock: Clock) -> None:
    run = await create(runs)
    for _ in range(6):
        clock.now += 130  # what it takes to tell that a worker is stuck, and to start the next
        runs.on_lost([run.id])
        await asyncio.sleep(0)
    assert run.phase is Phase.ENDED


async def test_who_watches_is_told_once_that_the_worker_is_silent_and_that_it_is_heard_again(
    runs: Runs, pool: FakePool
) -> None:
    run = await create(runs)
    viewer = run.join(owner=False)
    told: list[dict[str, Any]] = []

    class Socket:
        async def send_text(self, data: str) -> None:
            told.append(json.loads(data))

        async def send_bytes(self, data: bytes) -> None:
            pass

    pumping = asyncio.create_task(viewer.pump(Socket(), 10))
    for is_silent in (True, True, False, True):
        runs.on_silent(["gone", run.id], is_silent)
        for _ in range(10):
            await asyncio.sleep(0)
    assert run.state()["silent"] is True
    runs.on_lost([run.id])
    for _ in range(10):
        await asyncio.sleep(0)
    pumping.cancel()
    said = [(each["reason"], each["run"]["silent"]) for each in told if each["op"] == "changed"]
    assert said == [("silent", True), ("silent", False), ("silent", True), ("restarted", False)]


async def test_a_second_loss_before_the_changes_were_replayed_loses_none_of_them(runs: Runs, pool: FakePool) -> None:
    run = await create(runs)
    pool.train(run.id, 9)
    run.command({"op": "set", "lane": 0, "knobs": {"l2": 0.01}}, lambda reply: None)
    await asyncio.sleep(0)
    for _ in range(2):
        runs.on_lost([run.id])
        await asyncio.sleep(0)
    expected = [{"step": 10, "lane": 0, "knobs": {"l2": 0.01}}]
    assert pool.requests[run.id][2]["changes"] == expected
    assert run.changes.changes == expected
    assert run.state()["config"]["lanes"][0]["l2"] == 0


# ---- handing over


@pytest.fixture
async def hear() -> AsyncIterator[Callable[[Outbox], list[dict[str, Any] | Frame]]]:
    """Returns what a viewer that reads all is sent from then on."""
    tasks: list[asyncio.Task[None]] = []

    def hear(viewer: Outbox) -> list[dict[str, Any] | Frame]:
        sent: list[dict[str, Any] | Frame] = []

        class Socket:
            async def send_text(self, data: str) -> None:
                sent.append(json.loads(data))

            async def send_bytes(self, data: bytes) -> None:
                frame = decode(data)
                sent.append(frame)
                viewer.credit(frame.seq)

        tasks.append(asyncio.create_task(viewer.pump(Socket(), 1000)))
        return sent

    yield hear
    for task in tasks:
        task.cancel()


async def soon() -> None:
    """Let everything happen that can happen without new input."""
    for _ in range(50):
        await asyncio.sleep(0)


async def playing(runs: Runs, pool: FakePool, steps: int = 9) -> Run:
    run = await create(runs)
    run.command({"op": "play"}, lambda reply: None)
    await asyncio.sleep(0)
    pool.train(run.id, steps)
    return run


async def test_a_run_that_is_handed_over_goes_on_where_it_was_and_nobody_hears_of_it(
    runs: Runs, pool: FakePool, hear: Callable[[Outbox], list[dict[str, Any] | Frame]]
) -> None:
    run = await playing(runs, pool)
    told = hear(run.join(owner=False))
    await soon()
    replies: list[dict[str, Any]] = []
    assert runs.on_uneven(run.id)
    assert not runs.on_uneven(run.id)  # once is enough
    run.command({"op": "speed", "steps_per_second": 7}, replies.append)
    await asyncio.sleep(0)
    assert replies == []
    assert pool.commands(run.id) == [{"op": "play"}]  # the worker that parts with it gets nothing more to do
    pool.train(run.id, 2)
    await soon()
    pool.save(run.id)
    runs.on_message(run.id, {"op": "handed_over", "run": run.id, "step": 11})
    await soon()
    assert len(pool.requests[run.id]) == 2
    assert pool.requests[run.id][1]["state"] == "playing"
    assert pool.requests[run.id][1]["reach"] == 11
    assert pool.states[run.id]["step"] == 11
    assert [reply["step"] for reply in replies] == [12]
    pool.train(run.id, 3)
    await soon()
    assert run.phase is Phase.OPEN
    assert "restarted" not in [each.get("reason") for each in told if isinstance(each, dict)]
    frames = [each for each in told if isinstance(each, Frame)]
    assert [int(step) for each in frames if each.kind == "steps" for step in each.tensors["step"]] == [
        10,
        11,
        12,
        13,
        14,
    ]
    assert all(sooner.seq < later.seq for sooner, later in pairwise(frames))


async def test_a_run_that_cannot_be_handed_over_stays_and_is_not_asked_again(runs: Runs, pool: FakePool) -> None:
    run = await playing(runs, pool)
    assert runs.on_uneven(run.id)
    run.command({"op": "speed", "steps_per_second": 7}, lambda reply: None)
    runs.on_message(run.id, {"op": "handed_over", "run": run.id, "step": None, "why": "bound"})
    assert pool.commands(run.id)[-1] == {"op": "speed", "steps_per_second": 7}
    assert len(pool.requests[run.id]) == 1
    assert runs.on_uneven(run.id)  # it may be free now
    runs.on_message(run.id, {"op": "handed_over", "run": run.id, "step": None, "why": "too large"})
    assert not runs.on_uneven(run.id)


async def test_a_worker_that_is_lost_while_it_hands_a_run_over_is_lost_as_always(runs: Runs, pool: FakePool) -> None:
    run = await playing(runs, pool)
    pool.save(run.id)
    replies: list[dict[str, Any]] = []
    assert runs.on_uneven(run.id)
    run.command({"op": "speed", "steps_per_second": 7}, replies.append)
    runs.on_lost([run.id])
    assert [reply["error"]["code"] for reply in replies] == ["no_worker"]
    await asyncio.sleep(0)
    assert run.phase is Phase.OPEN
    assert pool.states[run.id]["step"] == 9
    assert runs.on_uneven(run.id)


async def test_whoever_joins_a_run_that_was_handed_over_gets_frames_in_the_order_of_their_numbers(
    runs: Runs, pool: FakePool, hear: Callable[[Outbox], list[dict[str, Any] | Frame]]
) -> None:
    run = await playing(runs, pool, 30)
    assert runs.on_uneven(run.id)
    pool.save(run.id)
    runs.on_message(run.id, {"op": "handed_over", "run": run.id, "step": 30})
    await soon()
    for _ in range(2):
        told = hear(run.join(owner=False))
        await soon()
        frames = [each for each in told if isinstance(each, Frame)]
        assert [each.kind for each in frames][:2] == ["data", "history"]
        assert all(sooner.seq < later.seq for sooner, later in pairwise(frames))
        pool.train(run.id, 3)


async def test_a_run_that_rests_plays_on_for_who_joined_while_its_worker_was_lost(
    runs: Runs, pool: FakePool, clock: Clock
) -> None:
    run = await playing(runs, pool)
    clock.now += 31
    runs.sweep()
    await soon()
    assert not run.playing
    pool.alive = 0
    runs.on_lost([run.id])
    run.join(owner=False)
    pool.alive = 1
    runs.on_lost([run.id])
    await soon()
    assert run.playing


async def test_who_has_a_run_stand_still_finds_it_so_whatever_it_was_doing(
    runs: Runs, pool: FakePool, clock: Clock
) -> None:
    run = await playing(runs, pool)
    clock.now += 31
    runs.sweep()
    await soon()
    run.stand_still()
    run.join(owner=False)
    await soon()
    assert not run.playing
    run.command({"op": "play"}, lambda reply: None)
    await soon()
    pool.alive = 0
    runs.on_lost([run.id])
    run.stand_still()
    pool.alive = 1
    runs.on_lost([run.id])
    await soon()
    assert pool.requests[run.id][-1]["state"] == "paused"
    assert not run.playing


async def test_a_fork_far_behind_the_last_state_is_refused(runs: Runs, pool: FakePool) -> None:
    run = await create(runs)
    pool.states[run.id]["step"] = 300_000
    pool.train(run.id, 1)
    with pytest.raises(KnobError, match="at most 200,000: the last state that is kept before it is of step 0"):
        await runs.fork(Fork(run.id, 250_000))


async def test_only_a_run_that_trains_is_handed_over(runs: Runs, pool: FakePool) -> None:
    run = await create(runs)
    assert not runs.on_uneven(run.id)
    pool.train(run.id, 3)
    assert not runs.on_uneven(run.id)
    assert not runs.on_uneven("gone")


async def test_what_is_heard_of_a_run_that_is_gone_is_ignored(runs: Runs) -> None:
    runs.on_message("gone", {"op": "reply", "run": "gone", "ref": 1, "step": 1})
    runs.on_message("gone", {"op": "failed", "run": "gone", "error": {}})
    runs.on_frame("gone", b"")
    runs.on_lost(["gone"])


async def test_after_closing_no_run_is_opened(runs: Runs) -> None:
    run = await create(runs)
    runs.close()
    assert run.phase is Phase.ENDED
    with pytest.raises(NoWorkerError):
        await create(runs)


async def test_an_illegal_move_names_both_phases(runs: Runs) -> None:
    run = await create(runs)
    runs.end(run, "deleted", "")
    with pytest.raises(IllegalMoveError, match="a run that is ended cannot become ended"):
        run.end("deleted", "", 4410)


def test_changes_to_be_replayed_are_validated_one_after_the_other() -> None:
    change = {"step": 5, "lane": 1, "knobs": {"dropout": [0, 0.9, 0.9, 0.9]}}
    opening = parse_opening({"seed": 1, "changes": [change]})
    config, changes = opening.config, opening.changes
    assert config.seed == 1
    assert changes.changes == [change]
    assert len(parse_opening({}).changes) == 0


def test_what_is_followed_at_first_can_be_said() -> None:
    assert parse_opening({"follow": {"lane": 0}}).follow == {"lane": 0}
    assert parse_opening({"follow": {"example": 7}, "search": {}}).follow == {"example": 7}
    assert parse_opening({"follow": None}).follow is None


RATE: Final = {"step": 1, "knobs": {"learning_rate": 0.1}}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([], KnobError, "config"),
        ({"changes": 3}, BadMessageError, "changes = 3 is not allowed: it must be a list of at most 100,000 changes"),
        ({"changes": [RATE] * 100_001}, TooManyChangesError, "100,001 changes are too many: a run has at most 100,000"),
        ({"changes": [3]}, BadMessageError, r"changes\[0\] = 3 is not allowed: it must be an object"),
        ({"changes": [{"step": 1, "knobs": {}, "extra": 1}]}, BadMessageError, r"changes\[0\]"),
        ({"changes": [{"step": 1, "knobs": 1}]}, BadMessageError, r"changes\[0\].knobs = 1"),
        ({"changes": [{"step": 1, "knobs": {}}]}, BadMessageError, r"changes\[0\].knobs = {}"),
        ({"changes": [{"step": 10**10, "knobs": {"seed": 1}}]}, KnobError, "from 1 to 1,000,000,000, in rising order"),
        ({"changes": [{"step": True, "knobs": {}}]}, KnobError, r"changes\[0\].step = True"),
        ({"changes": [{"step": 0, "knobs": {}}]}, KnobError, r"changes\[0\].step = 0"),
        ({"changes": [RATE | {"step": 3}, RATE | {"step": 2}]}, KnobError, r"changes\[1\].step = 2"),
        ({"changes": [{"step": 1, "lane": 0, "knobs": {"l2": 9}}]}, KnobError, "l2 = 9"),
        ({"changes": [{"step": 1, "lane": 0, "knobs": {"l3": 9}}]}, UnknownKnobError, "l3"),
        (
            {"follow": 1},
            BadMessageError,
            "follow = 1 is not allowed: it must be an object of a lane, an example or both",
        ),
        ({"follow": {"lane": 1, "layer": 1}}, BadMessageError, "follow = {'lane': 1, 'layer': 1} is not allowed"),
        ({"follow": {}}, CommandError, "follow needs lane, example or both"),
        ({"follow": {"lane": 2}}, KnobError, "lane = 2"),
        ({"follow": {"example": 300}}, KnobError, "example = 300"),
        ({"follow": {"lane": 1}, "search": {}}, BadMessageError, "a search follows no lane from the start"),
    ],
)
def test_openings_that_are_none_are_refused(given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_opening(given)
