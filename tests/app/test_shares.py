"""What one client may have, and that the others have the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.aside import Aside
from app.body import Places
from app.errors import ClientShareError, NotFoundError, TooManyMessagesError, TooManyRunsError, TooManyViewersError
from app.opening import Opening
from app.past import Pasts, Wanted
from app.run import OWNER_SEATS, Run
from app.runs import Runs
from app.settings import Settings
from app.shares import MOST_PACES, Paces, Share, Turns, client_named
from app.tables import Tables
from tests.app.fakes import FakePool
from tests.app.test_runs import Clock
from tests.odd_files import lines
from trainer.settings.config import parse

GREEDY, KIND = "192.0.2.66", "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("x" * 1000, "x" * 64),
        ("", ""),
        (None, ""),
    ],
)
def test_a_client_is_an_address_or_the_network_whose_addresses_it_may_choose(address: str | None, client: str) -> None:
    assert client_named(address) == client


def test_a_share_leaves_the_rest_to_others_and_all_is_all() -> None:
    share = Share("things are done", 4, 3)
    for _ in range(3):
        share.take(GREEDY)
    with pytest.raises(ClientShareError, match="3 things are done from your address alone, and one may have 3 of 4"):
        share.take(GREEDY)
    with share.one(KIND):
        assert share.taken == 4
        with pytest.raises(TooManyMessagesError, match="4 things are done"):
            share.take("192.0.2.2")
    share.give(GREEDY)
    share.take(GREEDY)
    for _ in range(3):
        share.give(GREEDY)
    assert (share.taken, dict(share._taken)) == (0, {})  # nobody is remembered who has nothing


async def test_clients_take_turns_however_many_of_one_wait() -> None:
    turns, order = Turns(), list[str]()
    gate = asyncio.Event()

    async def take(client: str) -> None:
        async with turns.one(client):
            await gate.wait()
            order.append(client)

    tasks = [asyncio.create_task(take(client)) for client in [GREEDY] * 5 + [KIND] * 2 + ["c"]]
    await asyncio.sleep(0)
    tasks[1].cancel()
    gate.set()
    await asyncio.wait(tasks)
    assert order == [GREEDY, KIND, "c", GREEDY, KIND, GREEDY, GREEDY]
    async with turns.one(KIND):
        pass


async def test_a_turn_that_comes_as_its_waiter_gives_up_is_passed_on() -> None:
    turns = Turns()
    async with turns.one(GREEDY):
        waiting = asyncio.create_task(turns.one(KIND).__aenter__())
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(10), turns.one("c"):
        pass


def test_a_pace_is_each_clients_own_and_who_has_rested_is_forgotten(clock: Clock) -> None:
    paces = Paces("runs are opened", 60, clock)
    for _ in range(60):
        paces.take(GREEDY)
    with pytest.raises(ClientShareError, match="60 runs are opened a minute") as refused:
        paces.take(GREEDY)
    assert refused.value.retry_after_s == 1
    paces.take(KIND)
    clock.now += 1
    paces.take(GREEDY)
    for number in range(MOST_PACES + 10):
        paces.take(f"2001:db8:0:{number:x}::/64")
    assert len(paces) == MOST_PACES + 11  # but for one, which has rested
    clock.now += 60
    paces.take(KIND)
    assert len(paces) == MOST_PACES


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def runs(pool: FakePool, clock: Clock) -> Runs:
    runs = Runs(Settings(max_runs=4, max_viewers_per_run=4, run_idle_minutes=100), pool, clock)
    await pool.start(runs)
    return runs


async def opened(runs: Runs, client: str, count: int = 1) -> list[Run]:
    return [await runs.create(Opening(parse({})), client=client) for _ in range(count)]


async def test_who_opens_one_run_after_the_other_ends_their_own_oldest_and_nobody_elses(
    runs: Runs, clock: Clock
) -> None:
    [mine] = await opened(runs, KIND)
    clock.now += 1000  # nobody has watched it for longest
    first, second, third = await opened(runs, GREEDY, 3)
    clock.now += 10
    for gone in (first, second, third):
        [newest] = await opened(runs, GREEDY)
        assert gone not in runs.all()
        clock.now += 10
    assert mine in runs.all()
    assert newest in runs.all()
    assert len(runs) == 4


async def test_who_has_a_share_of_runs_that_are_watched_gets_no_more_and_others_do(runs: Runs, clock: Clock) -> None:
    for run in await opened(runs, GREEDY, 3):
        run.join(False, GREEDY)
    with pytest.raises(ClientShareError, match="as many runs as it may, 3 of 4, and all are in use"):
        await opened(runs, GREEDY)
    await opened(runs, KIND)
    with pytest.raises(TooManyRunsError):  # none is left that nobody watches, but one that was opened just now
        await opened(runs, "192.0.2.2")


async def test_on_a_full_server_room_is_made_by_who_has_more(runs: Runs, clock: Clock) -> None:
    theirs = await opened(runs, GREEDY, 2)
    mine = await opened(runs, KIND)
    others = await opened(runs, "192.0.2.2")
    clock.now += 10
    await opened(runs, "192.0.2.3")
    assert theirs[0] not in runs.all()
    assert {*mine, *others, theirs[1]} <= set(runs.all())
    clock.now += 10
    await opened(runs, KIND)  # all have one: it is its own that goes
    assert mine[0] not in runs.all()
    assert {*others, theirs[1]} <= set(runs.all())


async def test_one_address_leaves_seats_of_a_run_to_others_and_to_its_owner(runs: Runs) -> None:
    [run] = await opened(runs, KIND)
    for _ in range(3):
        run.join(False, GREEDY)
    with pytest.raises(TooManyViewersError, match="from your address as it may, 3 of 4"):
        run.join(False, GREEDY)
    run.join(False, KIND)
    with pytest.raises(TooManyViewersError, match="as many viewers as it may, 4"):
        run.join(False, KIND)
    for _ in range(OWNER_SEATS):
        run.join(True, GREEDY)
    with pytest.raises(TooManyViewersError):
        run.join(True, KIND)


async def test_a_run_that_was_opened_too_often_is_opened_later(pool: FakePool, clock: Clock) -> None:
    runs = Runs(Settings(max_openings_per_minute=2), pool, clock)
    await pool.start(runs)
    await opened(runs, GREEDY, 2)
    with pytest.raises(ClientShareError, match="2 runs are opened a minute for one address"):
        await opened(runs, GREEDY)
    await opened(runs, KIND)
    clock.now += 30
    await opened(runs, GREEDY)


async def test_a_flood_of_tables_drives_out_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.tables.MAX_TABLES", 4)
    tables = Tables()

    async def add(rows: int, client: str) -> str:
        described = await tables.add(lines(rows).encode(), "t", None, client=client)
        return str(described["id"])

    mine = [await add(rows, KIND) for rows in (40, 41)]
    for rows in range(50, 60):
        newest = await add(rows, GREEDY)
    await add(59, KIND)  # whoever uploads the same is not who had it
    assert [tables.describe(each)["rows"] for each in [*mine, newest]] == [40, 41, 59]
    assert len(tables) == 4
    monkeypatch.setattr("app.tables.MAX_KEPT_BYTES", tables.size)
    await add(60, GREEDY)
    assert [tables.describe(each)["rows"] for each in mine] == [40, 41]


def test_long_bodies_and_what_waits_are_shared_too() -> None:
    places = Places(4, 10, of_one=3)
    taken: list[Any] = [places.one(GREEDY) for _ in range(3)]
    for each in taken:
        each.__enter__()(11)
    with places.one(GREEDY) as grown:
        grown(10)
        with pytest.raises(ClientShareError):
            grown(11)
    with places.one(KIND) as grown:
        grown(11)
    for each in taken:
        each.__exit__(None, None, None)


async def test_work_aside_is_shared_and_done_client_by_client() -> None:
    aside, order = Aside("things", most=4, of_one=3), list[str]()
    tasks = [asyncio.create_task(aside.do(lambda: order.append(GREEDY), GREEDY)) for _ in range(4)]
    tasks.append(asyncio.create_task(aside.do(lambda: order.append(KIND), KIND)))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each).__name__ for each in results if each] == ["ClientShareError"]
    assert order == [GREEDY, GREEDY, KIND, GREEDY]


async def test_looks_at_the_past_are_shared_and_made_client_by_client(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.past.MOST_WAITING", 4)
    gate, order = asyncio.Event(), list[int]()

    class Slow(Pasts):
        async def checkpoint_before(self, run: Run, step: int) -> None:
            order.append(step + 1)
            await gate.wait()
            raise NotFoundError("the test wants no more of it")

    async def nothing(run: str, step: int) -> None:
        return None

    [run] = await opened(runs, KIND)
    pasts = Slow(FakePool(), nothing, Settings().share_of)
    looks = [asyncio.create_task(pasts.of(run, Wanted(step, 1, 0, {}), GREEDY)) for step in (1, 2, 3, 4)]
    looks.append(asyncio.create_task(pasts.of(run, Wanted(5, 1, 0, {}), KIND)))
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*looks, return_exceptions=True)
    assert [type(each).__name__ for each in results] == [*["NotFoundError"] * 3, "ClientShareError", "NotFoundError"]
    assert sorted(order) == [1, 2, 3, 5]
    await asyncio.sleep(0)
    with pytest.raises(NotFoundError):  # all have given their places back
        await pasts.of(run, Wanted(6, 1, 0, {}), GREEDY)
