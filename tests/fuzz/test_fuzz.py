"""A share of ``make fuzz`` with every run of the tests: each reader and each door of the app, some hundred inputs."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Final

import pytest

from app.pool import hub as hub_module
from app.pool.hub import WorkerHub
from tests.anything import TIMES
from tests.app.pool.fakes import FakePlacer
from tests.fuzz.__main__ import DOORS, shares, try_door, try_reader, try_worker
from tests.fuzz.doors import call_as_worker, complaints, doors
from tests.fuzz.readers import READERS, Reader

COUNT: Final = max(1, round(5000 * TIMES))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_reader_takes_an_input_or_refuses_it_with_an_error_of_its_own(reader: Reader) -> None:
    seen = try_reader(reader, 0, shares(COUNT)[reader.name])
    assert seen["refused"] > seen.total() // 10  # or what is drawn is not broken enough


def test_a_worker_that_is_told_nonsense_goes_on() -> None:
    try_worker(0, shares(COUNT)["worker"])


@pytest.mark.parametrize("door", DOORS)
async def test_a_door_of_the_app_refuses_what_it_cannot_take(door: str, patience: float) -> None:
    async with doors(patience) as house:
        assert sum((await try_door(house, door, 0, shares(COUNT)[door])).values()) > 0
        assert (await house.lab.client.get("/healthz")).json()["status"] == "ok"


class Deaf:
    """A listener that believes everything."""

    def on_message(self, run: str, message: dict[str, Any]) -> None:
        """Nothing comes of it."""

    def on_frame(self, run: str, frame: bytes) -> None:
        """Nothing comes of it."""

    def on_lost(self, runs: list[str]) -> None:
        """Nothing comes of it."""

    def on_uneven(self, run: str) -> bool:
        """It stays where it is."""
        return False

    def on_silent(self, runs: list[str], silent: bool) -> None:
        """Nothing comes of it."""


async def test_a_caller_that_is_no_worker_or_a_broken_one_is_hung_up_on(
    patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "backoff", lambda young_deaths: 0.0)
    lost: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: lost.append(context))
    placer = FakePlacer()
    hub = WorkerHub(placer, 1)
    with complaints() as heard:
        async with asyncio.timeout(10 * patience):
            await hub.start(Deaf())
            await placer.nth(1)
            for number in range(max(1, COUNT // 20)):
                hub.open("r", {})
                await call_as_worker(Random(f"hub {number}"), placer.placed[-1])
                while hub._callers:
                    await asyncio.sleep(0)
                for _ in range(20):  # one that was taken for a worker is started again
                    await asyncio.sleep(0)
            hub.open("healthy", {})
            caller = await placer.placed[-1].dial()
            assert (await caller.receive() or {})["op"] == "open"
            caller.hang_up()
            while hub._callers:
                await asyncio.sleep(0)
            await hub.stop()
            for each in placer.callers:
                await each.gone()
    assert len(placer.placed) > COUNT // 200
    assert [each for each in heard.heard if "is lost" not in each] == []
    assert lost == []
