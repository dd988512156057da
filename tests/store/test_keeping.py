"""What outlives a server: every run as it was, with its curves, its rights and its future."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.history import History
from app.memory import Checkpoint
from app.settings import Settings
from app.store import keeper as keeping
from app.store import past
from app.store.database import FILE
from app.store.errors import StoreError
from app.store.store import FOLDER, Store
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool, scores_tensors, steps_tensors
from tests.app.test_tables import upload
from tests.store.conftest import Place
from trainer.wire.frames import Frame, decode, encode

Start = Callable[..., Any]


@pytest.fixture
def start(place: Place, patience: float) -> Start:
    """Starts a server with a store; each in turn finds what the one before has kept."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[Running]:
        chosen = Settings(keep=True, data=place.folder, database_url=place.url, log_level="error", **settings)
        async with running(FakePool(), chosen, patience) as lab:
            yield lab

    return started


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "EVERY_S", 0.01)
    monkeypatch.setattr(keeping, "AGAIN_S", 0.01)


async def kept(lab: Running) -> None:
    """Wait until all that there is now has been kept: what is looked for next is newer."""
    keeper = lab.app.state.lab.keeper
    await lab.eventually(lambda: all(keeper._news_of(run) is None for run in lab.app.state.lab.runs.all()))


@asynccontextmanager
async def killed(lab: Running) -> AsyncIterator[None]:
    """Let the server end without a chance to write anything more."""
    await kept(lab)
    lab.app.state.lab.keeper.keep = lambda runs: asyncio.sleep(0)
    yield


async def test_a_change_is_kept_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
        monkeypatch.setattr(keeping, "EVERY_S", 10.0**6)  # nothing is found by looking now and then
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("speed", steps_per_second=9)  # what is waited for now began before
            await kept(lab)
            await owner.ask("set", lane=0, knobs={"l2": 0.01})
            await kept(lab)
        async with killed(lab):
            pass
    async with start() as lab:
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
    assert state["changes"] == [{"step": 1, "lane": 0, "knobs": {"l2": 0.01}}]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened at the end of a test, whatever becomes of it."""
    gate = threading.Event()
    yield gate
    gate.set()


def block(monkeypatch: pytest.MonkeyPatch, gate: threading.Event) -> None:
    """Let no change be written down until the gate is open."""
    add = Store.add_changes

    def slow(store: Store, run_id: str, changes: Any, *, anew: bool = False) -> None:
        assert gate.wait(60)
        add(store, run_id, changes, anew=anew)

    monkeypatch.setattr(Store, "add_changes", slow)


async def test_nobody_sees_a_change_that_could_still_be_lost(
    start: Start, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    monkeypatch.setattr("app.run.HOLD_S", 600.0)
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as other:
            await owner.ask("speed", steps_per_second=9)
            await lab.eventually(lambda: lab.app.state.lab.runs.all()[0].is_kept)
            block(monkeypatch, gate)
            assert (await owner.ask("set", lane=0, knobs={"l2": 0.01}))["step"] == 1
            await lab.eventually(lambda: len(lab.app.state.lab.runs.all()[0].changes) == 1)
            lab.pool.train(run["id"], 5)
            late = await lab.watch(run)
            hello = await late.until_text("hello")
            assert hello["run"]["changes"], "who comes now is told how it is now"
            assert "error" in await other.ask("set", lane=0, knobs={"l2": 0.02})  # by now all that was sent has come
            await owner.ask("pause")
            assert owner.steps() == other.steps() == []
            gate.set()
            for viewer in (owner, other):
                await viewer.until_step(5)
                assert viewer.steps() == [1, 2, 3, 4, 5]
            assert (await late.until_frame("history")).tensors["step"].tolist() == [1, 2, 3, 4, 5]
            lab.pool.train(run["id"], 1)
            await late.until_step(6)
            assert late.steps() == [6], "and not again what was held for the others"
            await late.__aexit__()


async def test_a_store_that_takes_long_is_not_waited_for(
    start: Start, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    monkeypatch.setattr("app.run.HOLD_S", 0.01)
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner:
            await lab.eventually(lambda: lab.app.state.lab.runs.all()[0].is_kept)
            block(monkeypatch, gate)
            assert (await owner.ask("set", lane=0, knobs={"l2": 0.01}))["step"] == 1
            lab.pool.train(run["id"], 5)
            await owner.until_step(5)
            gate.set()


async def test_a_run_that_was_killed_amid_training_knows_how_far_it_had_come(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("play")
            lab.pool.train(run["id"], 50)
            lab.pool.save(run["id"])
            lab.pool.train(run["id"], 37)
            keeper = lab.app.state.lab.keeper
            await lab.eventually(lambda: run["id"] in keeper._known and keeper._known[run["id"]].step == 87)
            async with killed(lab):
                pass
    async with start() as lab:
        assert (await lab.client.get(f"/api/runs/{run['id']}")).status_code == 200
        request = lab.pool.requests[run["id"]][0]
    assert (request["state"], request["reach"]) == ("playing", 87)
    assert lab.pool.checkpoints[run["id"]] is not None


async def test_a_run_is_there_again_after_the_server_was_killed(start: Start) -> None:
    async with start() as lab:
        run = await lab.open(seed=5)
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("set", lane=0, knobs={"l2": 0.01})
            await owner.ask("speed", steps_per_second=7)
            lab.pool.train(run["id"], 60)
            lab.pool.frame(run["id"], "scores", scores_tensors(50))
            frame = lab.pool.save(run["id"])
            async with killed(lab):
                before = (await lab.client.get(f"/api/runs/{run['id']}")).json()
                lab.pool.train(run["id"], 20)  # after the last checkpoint
    async with start() as lab:
        assert (await lab.client.get("/healthz")).json()["runs"] == 0
        async with await lab.watch(run, owner=True) as owner:
            hello = await owner.until_text("hello")
            assert hello["role"] == "owner"
            past = await owner.until_frame("history")
            assert past.tensors["step"].tolist() == list(range(1, 61))
            assert past.tensors["scores/step"].tolist() == [0, 50]
            lab.pool.train(run["id"], 20)
            assert (await owner.until_frame("steps")).tensors["step"].tolist() == list(range(61, 81))
            assert "error" not in await owner.ask("set", lane=0, knobs={"l2": 0.02})
        after = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        request = lab.pool.requests[run["id"]][0]
    assert lab.pool.checkpoints[run["id"]] == frame
    assert request["changes"] == before["changes"] == [{"step": 1, "lane": 0, "knobs": {"l2": 0.01}}]
    assert request["steps_per_second"] == 7
    assert after["first_config"] == before["first_config"]
    assert hello["run"]["config"] == before["first_config"]  # as the fake has it; a worker makes the changes again
    assert [change["step"] for change in after["changes"]] == [1, 81]


async def test_a_stranger_is_no_owner_of_a_run_that_was_kept(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
    async with start() as lab:
        asked = await lab.client.delete(f"/api/runs/{run['id']}", headers={"Authorization": "Bearer guess"})
        assert asked.status_code == 403
        empty = await lab.client.delete(f"/api/runs/{run['id']}")
        assert empty.status_code == 403
        mine = await lab.client.delete(f"/api/runs/{run['id']}", headers={"Authorization": f"Bearer {run['token']}"})
        assert mine.status_code == 204
        assert (await lab.client.get(f"/api/runs/{run['id']}")).status_code == 404
    async with start() as lab:  # what its owner ended is forgotten
        assert (await lab.client.get(f"/api/runs/{run['id']}")).status_code == 404


async def test_a_run_that_expired_is_found_by_whoever_comes_back(start: Start) -> None:
    async with start() as lab:
        run = await lab.open(seed=8)
        lab.pool.train(run["id"], 30)
        lab.pool.save(run["id"])
        await kept(lab)
        runs = lab.app.state.lab.runs
        runs.end(await runs.find(run["id"]), "expired", "nobody watched it any more")
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
    assert (state["step"], state["config"]["seed"]) == (30, 8)


async def test_all_who_come_back_at_once_find_the_same_run(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
    async with start() as lab:
        viewers = await asyncio.gather(*(lab.watch(run) for _ in range(8)))
        assert len(lab.pool.requests[run["id"]]) == 1
        assert await lab.viewers_of(run) == 8
        for viewer in viewers:
            await viewer.connection.close()


async def test_a_reset_is_kept_as_a_new_beginning(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("set", knobs={"learning_rate": 0.01})
            lab.pool.train(run["id"], 40)
            lab.pool.save(run["id"])
            await kept(lab)
            await owner.ask("reset")
            await owner.until_text("changed", reason="reset")
            await kept(lab)
    async with start() as lab:
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        assert (state["step"], state["changes"]) == (0, [])
        assert state["first_config"]["learning_rate"] == 0.01
    assert lab.pool.checkpoints[run["id"]] is None


async def test_a_readers_own_table_is_kept_with_its_run(start: Start) -> None:
    async with start() as lab:
        table = await upload(lab, name="mine.csv")
        run = await lab.open(**table["config"])
        await kept(lab)
        sent = lab.pool.requests[run["id"]][0]["table"]
    async with start() as lab:
        assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["config"]["table"] == table["id"]
        assert lab.pool.requests[run["id"]][0]["table"] == sent
        code = await lab.client.get(f"/api/runs/{run['id']}/code")
        assert "mine.csv" in code.text


async def test_what_cannot_be_kept_is_told_and_the_runs_go_on(start: Start, place: Place, monkeypatch: Any) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
        assert (await lab.client.get("/healthz")).json()["store"] == {"status": "ok", "problem": None}

        def full(*given: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("app.store.files.Disk.write", full)
            lab.pool.train(run["id"], 10)
            lab.pool.save(run["id"])
            keeper = lab.app.state.lab.keeper
            await lab.eventually(lambda: keeper.problem is not None)
            told = (await lab.client.get("/healthz")).json()
            assert told["status"] == "ok"
            assert told["store"]["status"] == "failing"
            assert "No space left on device" in told["store"]["problem"]
            lab.pool.train(run["id"], 10)
            assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["step"] == 20
        await lab.eventually(lambda: keeper.problem is None)  # there is room again
        await kept(lab)
    async with start() as lab:
        assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["step"] == 10


async def test_a_run_that_is_ended_while_something_is_written_does_not_end_all_keeping(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start() as lab:
        gone, stays = [await lab.open() for _ in range(2)]
        for run in (gone, stays):
            async with await lab.watch(run, owner=True) as owner:
                await owner.ask("play")
        await kept(lab)
        gate, save = threading.Event(), Store.save_steps
        began = threading.Event()

        def slowly(store: Store, steps: Any) -> None:
            began.set()
            gate.wait(60)
            save(store, steps)

        monkeypatch.setattr(Store, "save_steps", slowly)
        for run in (gone, stays):
            lab.pool.train(run["id"], 5)
        await lab.eventually(began.is_set)
        deleting = asyncio.create_task(
            lab.client.delete(f"/api/runs/{gone['id']}", headers={"Authorization": f"Bearer {gone['token']}"})
        )
        await asyncio.sleep(0.05)
        gate.set()
        assert (await deleting).status_code == 204
        lab.pool.train(stays["id"], 5)
        keeper = lab.app.state.lab.keeper
        await lab.eventually(lambda: keeper._known[stays["id"]].step == 10)
        assert keeper.problem is None


async def test_what_nobody_foresaw_is_told_and_keeping_goes_on(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start() as lab:
        run = await lab.open()
        await kept(lab)
        keeper = lab.app.state.lab.keeper
        with monkeypatch.context() as patch:
            patch.setattr(keeping.Keeper, "_keep_steps", lambda self, runs: 1 / 0)
            await lab.eventually(lambda: keeper.problem is not None)
            assert (await lab.client.get("/healthz")).json()["store"]["status"] == "failing"
            await lab.eventually(lambda: lab.app.state.lab.runs.here(run["id"]).state()["unkept"] is not None)
        await lab.eventually(lambda: keeper.problem is None)


async def test_a_database_that_was_removed_is_told_and_all_runs_are_kept_anew(
    tmp_path: Path, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "AGAIN_S", 0.5)
    settings = Settings(keep=True, data=tmp_path, log_level="error")
    async with running(FakePool(), settings, patience) as lab:
        run = await lab.open(seed=3)
        lab.pool.train(run["id"], 7)
        lab.pool.save(run["id"])
        await kept(lab)
        keeper = lab.app.state.lab.keeper
        for file in tmp_path.glob(f"{FILE}*"):
            file.unlink()
        await lab.eventually(lambda: keeper.problem is not None)
        assert f"{FILE} is gone" in keeper.problem
        await lab.eventually(lambda: lab.app.state.lab.runs.here(run["id"]).state()["unkept"] == keeper.problem)
        await lab.eventually(lambda: keeper.problem is None)
        await kept(lab)
    async with running(FakePool(), settings, patience) as lab:
        again = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        assert (again["step"], again["config"]["seed"]) == (7, 3)


async def test_a_run_that_is_only_kept_can_be_had_stand_still(start: Start) -> None:
    async with start() as lab:
        run = await lab.open()
        async with await lab.watch(run, owner=True) as owner:
            await owner.ask("play")
            async with killed(lab):
                pass
    own = {"Authorization": f"Bearer {run['token']}"}
    async with start() as lab:
        answer = await lab.client.patch(f"/api/runs/{run['id']}", json={"state": "paused"}, headers=own)
        assert answer.status_code == 200
        assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["state"] == "paused"


async def test_a_folder_that_cannot_be_written_is_told_and_the_server_runs(tmp_path: Path, patience: float) -> None:
    (tmp_path / "data").write_text("a file")
    settings = Settings(keep=True, data=tmp_path / "data", log_level="error")
    async with running(FakePool(), settings, patience) as lab:
        run = await lab.open()
        told = (await lab.client.get("/healthz")).json()["store"]
        assert told["status"] == "failing"
        assert "cannot be written" in told["problem"]
        assert (await lab.client.get(f"/api/runs/{run['id']}")).status_code == 200
        assert (await lab.client.get("/api/runs/0123456789abcdef")).status_code == 404


async def test_a_damaged_checkpoint_costs_steps_and_not_the_run(start: Start, place: Place) -> None:
    async with start() as lab:
        run = await lab.open()
        for _ in range(2):
            lab.pool.train(run["id"], 30)
            lab.pool.save(run["id"])
            await kept(lab)
    newest = place.folder / FOLDER / run["id"] / "60.safetensors"
    newest.write_bytes(newest.read_bytes()[:-9])
    async with start() as lab:
        assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["step"] == 30


async def test_runs_are_forgotten_in_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SWEEP_S", 0.0)
    async with start(keep_days=1) as lab:
        old = await lab.open()
        await kept(lab)
    async with start(keep_days=1) as lab:
        lab.app.state.lab.keeper._now = lambda: time.time() + 86_401
        young = await lab.open()
        await kept(lab)
        store = lab.app.state.lab.keeper._store
        await lab.eventually(lambda: [each.id for each in store.runs()] == [young["id"]])
        assert (await lab.client.get(f"/api/runs/{old['id']}")).status_code == 404


async def test_nothing_is_kept_where_nothing_is_to_be(tmp_path: Path, patience: float) -> None:
    settings = Settings(keep=False, data=tmp_path / "data", log_level="error")
    async with running(FakePool(), settings, patience) as lab:
        await lab.open()
        assert (await lab.client.get("/healthz")).json()["store"] == {"status": "off", "problem": None}
    assert not (tmp_path / "data").exists()


# ---- the file of a checkpoint


def assert_same(one: History, other: History) -> None:
    mine, theirs = (decode(history.frame("r", 7)).tensors for history in (one, other))
    assert mine.keys() == theirs.keys()
    for name, values in mine.items():
        assert values.dtype == theirs[name].dtype
        assert values.tolist() == theirs[name].tolist(), name


@pytest.mark.parametrize("count", [1, 3, 1024, 5000])
def test_a_history_goes_on_from_its_file_as_if_nothing_had_been(count: int) -> None:
    units = {"input": 64, "hidden1": 128, "hidden2": 128, "hidden3": 128}
    first = History(2, units)

    def feed(history: History, start: int, stop: int) -> None:
        for step in range(start, stop, 50):
            history.add(Frame("steps", "r", 1, steps_tensors(step, min(50, stop - step))))
            history.add(Frame("scores", "r", 1, scores_tensors(step)))

    feed(first, 1, count + 1)
    again = past.read(past.write(Checkpoint(count, b"sent \x00 by a worker", {"seed": 1}, first)))
    assert (again.step, again.frame, again.config) == (count, b"sent \x00 by a worker", {"seed": 1})
    assert_same(again.history, first)
    for history in (first, again.history):
        feed(history, count + 1, count + 4000)
    assert_same(again.history, first)


GOOD = past.write(Checkpoint(3, b"x", {}, History(2, {"input": 8})))


@pytest.mark.parametrize(
    "data",
    [b"", GOOD[:-1], GOOD.replace(b"frame", b"fremd"), GOOD.replace(b"losses/step", b"losses/stop")],
    ids=count(),  # what is written in a file's header stands in another order each time
)
def test_a_file_that_is_none_is_refused(data: bytes) -> None:
    assert data != GOOD
    with pytest.raises(StoreError, match="a checkpoint that was kept cannot be read"):
        past.read(data)


def bomb(**words: str) -> bytes:
    """A small file of which a history would be made that takes gigabytes: a row of losses is 4 MB."""
    loss = np.zeros((1, 10**6), np.float32)
    tensors, counts = History(2, {"input": 8}).dump()
    tensors |= {"frame": np.zeros(1, np.uint8), "losses/loss": loss, "steps/loss": loss}
    meta = {"config": "{}", "counts": json.dumps(counts), "step": "3"} | words
    return encode(Frame("checkpoint", "", 0, tensors, meta))


@pytest.mark.parametrize(
    "data",
    [bomb(), bomb(counts="[" * 100_000), bomb(config="[]"), (100_000).to_bytes(8, "little") + b"[" * 100_000],
    ids=["absurd shapes", "deep", "no configuration", "a deep header"],
)
def test_a_hostile_file_is_refused_before_it_takes_memory(data: bytes) -> None:
    with pytest.raises(StoreError, match="a checkpoint that was kept cannot be read"):
        past.read(data)


async def test_what_comes_after_the_end_is_no_fault(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    async with start() as lab:
        keeper = lab.app.state.lab.keeper
        assert await keeper.save_room("ABCDE", "{}")
    caplog.clear()
    assert not await keeper.save_room("ABCDE", "{}")
    await keeper.forget_room("ABCDE")
    await keeper.keep(())
    assert (keeper.problem, keeper.errors, caplog.records) == (None, 0, [])
