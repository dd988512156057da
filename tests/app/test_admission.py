"""Memory: what does not fit is refused with the reason, and runs that nobody watches make room."""

from __future__ import annotations

from typing import Any

import pytest

from app.admission import check_size, needed
from app.errors import TooManyRunsError
from app.opening import Opening, parse_opening
from app.pool.base import PoolStatus
from app.run import Run
from app.runs import ARRIVAL_S, Runs
from app.settings import Settings
from tests.app.fakes import FakePool
from tests.app.test_runs import Clock
from trainer.errors import KnobError
from trainer.settings.config import parse
from trainer.settings.memory import memory_of

DEFAULT = memory_of(parse({})).total
MANY: dict[str, Any] = {"hidden": [512], "lanes": [{"dropout": [0.2, 0.5]}] * 16}


class SmallPool(FakePool):
    """A pool of one worker that has memory for two default runs and a half."""

    def status(self) -> PoolStatus:
        return PoolStatus(1, self.alive, ("cpu",) * self.alive, DEFAULT * 5 // 2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pool() -> SmallPool:
    return SmallPool()


@pytest.fixture
async def runs(pool: SmallPool, clock: Clock) -> Runs:
    runs = Runs(Settings(), pool, clock)
    await pool.start(runs)
    return runs


async def create(runs: Runs, **config: Any) -> Run:
    return await runs.create(Opening(parse(config)))


async def test_a_run_that_no_worker_has_memory_for_is_refused_with_what_would_fit(runs: Runs) -> None:
    with pytest.raises(
        KnobError, match=r"it would take about \d+ MB, .* has 29 MB .* at most \d+ such networks"
    ) as info:
        await create(runs, **MANY)
    fits = int(str(info.value).split("at most ")[1].split()[0])
    assert 0 < fits < 16
    await create(runs, **{**MANY, "lanes": MANY["lanes"][:fits]})


async def test_where_not_even_one_network_fits_smaller_ones_are_proposed(runs: Runs) -> None:
    with pytest.raises(KnobError, match="smaller networks, or a smaller mini-batch would fit"):
        await create(runs, hidden=[640] * 4, lanes=[{}])


async def test_what_all_runs_take_is_added_up_and_those_that_are_watched_stay(runs: Runs, pool: SmallPool) -> None:
    first, second = await create(runs), await create(runs)
    for run in (first, second):
        run.join(owner=False)
    with pytest.raises(TooManyRunsError, match=r"no memory left for this run: .* 11 MB, and of 29 MB 23 MB are taken"):
        await create(runs)
    assert pool.closed == []


async def test_runs_that_nobody_watches_make_room(runs: Runs, pool: SmallPool, clock: Clock) -> None:
    first = await create(runs)
    clock.now += 2 * ARRIVAL_S
    second = await create(runs)
    clock.now += 2 * ARRIVAL_S
    third = await create(runs)
    assert pool.closed == [first.id]
    assert {run.id for run in runs.all()} == {second.id, third.id}


async def test_none_is_ended_where_that_would_not_be_enough(runs: Runs, pool: SmallPool, clock: Clock) -> None:
    idle, watched = await create(runs), await create(runs)
    watched.join(owner=False)
    clock.now += 2 * ARRIVAL_S
    with pytest.raises(TooManyRunsError, match="no memory left"):
        await create(runs, lanes=[{}] * 6)
    assert pool.closed == []
    assert idle in runs.all()


async def test_a_worker_is_told_what_a_run_takes(runs: Runs, pool: SmallPool) -> None:
    run = await create(runs)
    assert pool.requests[run.id][0]["memory"] == DEFAULT


def test_a_search_takes_what_its_largest_batch_takes_and_is_refused_as_such() -> None:
    search = parse_opening({"search": {"batch": 16}})
    assert needed(search) > 4 * DEFAULT
    with pytest.raises(KnobError, match="a smaller batch of candidates, or smaller networks would fit"):
        check_size(search, PoolStatus(1, 1, ("cpu",), DEFAULT))
    assert check_size(search, PoolStatus(1, 1, ("cuda",), None)) == needed(search)
