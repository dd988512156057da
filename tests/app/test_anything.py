"""Any run on the worker of somebody else: it changes nothing of theirs, and all that is told of it can be read."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given

from app.pool.local import local_pool
from app.settings import Settings
from tests.anything import MOST_STEPS, openings, stories, tried
from tests.app.clients import Viewer
from tests.app.conftest import Running, running
from tests.app.test_tables import write_images
from trainer.settings.panels import VIEWS

STEPS: Final = 300
ALL_CHANGED: Final = MOST_STEPS + 20  # a step at which all changes of an opening are made
HEALTHY: Final[dict[str, Any]] = {
    "dataset": "moons",
    "hidden": [8],
    "train_size": 40,
    "batch_size": 10,
    "lanes": [{"dropout": [0.1, 0.5], "patience": 2}, {"batch_norm": True}],
}
DIVERGING: Final[dict[str, Any]] = {
    "dataset": "wine",
    "train_size": 100,
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "hidden": [128, 128, 128],
    "lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5], "patience": 3}],
}


@contextmanager
def stderr_to(file: Path) -> Iterator[None]:
    """Let processes that are started meanwhile complain into a file."""
    kept = os.dup(2)
    with file.open("ab") as written:
        os.dup2(written.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class House:
    """A whole lab with one real worker, in a thread of its own.

    Args:
        patience: seconds to wait for something that must come.
        complaints: where its worker writes errors to.
        images: the folder of its images.
    """

    def __init__(self, patience: float, complaints: Path, images: Path) -> None:
        self.complaints = complaints
        self._images = images
        self._patience = patience
        self._ready: Future[Running] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._live()))

    async def _live(self) -> None:
        settings = Settings(
            workers=1,
            threads=1,
            log_level="error",
            unwatched_pause_s=3600,
            max_viewers_per_run=50,
            idx_folder=self._images,
        )
        try:
            async with running(local_pool(1, "cpu", 1, self._images), settings, 4 * self._patience) as lab:
                await lab.eventually(lambda: lab.pool.workers)
                self._ready.set_result(lab)
                await self._over.wait()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise

    def __enter__(self) -> House:
        with stderr_to(self.complaints):
            self._thread.start()
            self.lab = self._ready.result(8 * self._patience)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    def do(self, work: Any) -> Any:
        """Do a coroutine's work in the lab's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(40 * self._patience)

    def assert_unhurt(self) -> None:
        """The first worker is still there, and nobody has complained."""
        assert [info.epoch for info in self.lab.pool.workers] == [1]
        assert self.complaints.read_text() == ""


@pytest.fixture(scope="module")
def house(patience: float, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    images = write_images(tmp_path_factory.mktemp("images"))
    with House(patience, tmp_path_factory.mktemp("worker") / "stderr", images) as house:
        yield house


async def told(lab: Running, path: str) -> Any:
    """What a GET answers: 200 and, if it is JSON, nothing that JSON does not know."""
    answer = await lab.client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    if "json" not in answer.headers["content-type"]:
        return answer.text
    return json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{path} has {name}"))


async def read_all(lab: Running, run: dict[str, Any]) -> dict[str, Any]:
    """GET all that there is of a run; its record."""
    state = await told(lab, f"/api/runs/{run['id']}")
    for lane in range(len(state["config"]["lanes"])):
        for framework in ("pytorch", "keras"):
            await told(lab, f"/api/runs/{run['id']}/code?lane={lane}&framework={framework}")
    await told(lab, "/healthz")
    record: dict[str, Any] = await told(lab, f"/api/runs/{run['id']}/record")
    return record


async def step(viewer: Viewer, count: int) -> None:
    """Have so many steps made, and wait for them."""
    assert (await viewer.ask("step", count=count))["op"] == "ack"
    await viewer.until_text("changed", reason="pause")


async def close(lab: Running, *runs: dict[str, Any]) -> None:
    for run in runs:
        headers = {"Authorization": f"Bearer {run['token']}"}
        assert (await lab.client.delete(f"/api/runs/{run['id']}", headers=headers)).status_code == 204


async def healthy_alone(lab: Running) -> dict[str, Any]:
    """The record of the healthy run with nobody beside it."""
    run = await lab.open(**HEALTHY)
    async with await lab.watch(run, owner=True) as owner:
        await step(owner, STEPS)
    record = await read_all(lab, run)
    await close(lab, run)
    return record


def figures(record: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on anybody else: every loss, the last evaluation, and when early stopping came."""
    last = {name: column[-1] for name, column in record["scores"].items()}
    return {"losses": record["losses"], "last": last, "stopped": record["run"]["stopped"]}


def assert_consistent(record: dict[str, Any]) -> None:
    """From the step on at which a lane diverged there is nothing of it, and before it every loss."""
    for lane, gone in enumerate(record["run"]["diverged"]):
        for at, row in zip(record["losses"]["step"], record["losses"]["loss"], strict=True):
            assert (row[lane] is None) == (gone is not None and at >= gone["step"])
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        columns = [record["scores"][name] for name in names]
        for at, *rows in zip(record["scores"]["step"], *columns, strict=True):
            train_loss, train_accuracy, val_loss, val_accuracy = (row[lane] for row in rows)
            assert (train_loss is None) == (train_accuracy is None)
            assert (val_loss is None) == (val_accuracy is None)
            assert not (gone and at >= gone["step"]) or train_loss is val_loss is None


async def tell(lab: Running, story: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let a run of a story and the healthy one train side by side; both records."""
    config, moves = story
    healthy, run = await lab.open(**HEALTHY), await lab.open(**config)
    async with (
        await lab.watch(healthy, owner=True) as calm,
        await lab.watch(run, owner=True) as owner,
        await lab.watch(run) as onlooker,
    ):
        await onlooker.say(op="views", id=1, open=[view for view in VIEWS if view != "features"])
        await calm.say(op="step", id=-1, count=STEPS)
        share = STEPS // (len(moves) + 1)
        for lane, knobs in moves:
            await step(owner, share)
            answer = await owner.ask("set", **({} if lane is None else {"lane": lane}), knobs=knobs)
            assert answer["op"] == "ack" or answer["error"]["code"] == "bad_value"
            await read_all(lab, run)
        await step(owner, STEPS - share * len(moves))
        assert (await owner.ask("ensemble", members=3))["op"] == "ack"
        await owner.until_frame("ensemble")
        await calm.until_text("changed", reason="pause")
    records = await read_all(lab, run), await read_all(lab, healthy)
    await close(lab, run, healthy)
    return records


@pytest.fixture(scope="module")
def undisturbed(house: House) -> dict[str, Any]:
    return figures(house.do(healthy_alone(house.lab)))


@pytest.mark.timeout(1200)
def test_whatever_one_run_is_like_the_run_beside_it_is_undisturbed(house: House, undisturbed: dict[str, Any]) -> None:
    @tried(10)
    @given(story=stories())
    def hold(story: Any) -> None:
        record, healthy = house.do(tell(house.lab, story))
        assert record["run"]["step"] == STEPS
        assert_consistent(record)
        assert figures(healthy) == undisturbed
        house.assert_unhurt()

    hold()


async def advance(lab: Running, owner: Viewer, run: dict[str, Any], to: int) -> dict[str, Any]:
    """Have a run make its steps up to one of them, however often it pauses on the way; its state."""
    while True:
        state: dict[str, Any] = await told(lab, f"/api/runs/{run['id']}")
        if state["step"] >= to:
            return state
        assert (await owner.ask("step", count=to - state["step"]))["op"] == "ack"
        await owner.until_text("changed", reason="pause")  # a reset is told of a paused run, too


async def search(owner: Viewer, batches: int) -> None:
    """Have a search try all its candidates, with a pause on the way."""
    assert (await owner.ask("speed", steps_per_second=None))["op"] == "ack"
    assert (await owner.ask("play"))["op"] == "ack"
    assert (await owner.ask("pause"))["op"] == "ack"
    assert (await owner.ask("play"))["op"] in ("ack", "error")  # it may be over
    await owner.until(
        lambda message: (
            isinstance(message, dict)
            and ((message.get("run") or {}).get("search") or {}).get("done") == batches
            and message["run"]["state"] == "paused"
        )
    )


async def tell_opening(lab: Running, opening: dict[str, Any], file: bytes | None) -> tuple[dict[str, Any], Any]:
    """Open a run with all that an opening may have, beside the healthy one, and ask of it all that can be asked."""
    if file is not None:
        uploaded = await lab.client.post("/api/tables", content=file)
        assert uploaded.status_code == 201, uploaded.text
        opening = {**opening, "table": uploaded.json()["id"]}
        await told(lab, f"/api/tables/{opening['table']}")
    healthy, run = await lab.open(**HEALTHY), await lab.open(**opening)
    async with (
        await lab.watch(healthy, owner=True) as calm,
        await lab.watch(run, owner=True) as owner,
        await lab.watch(run) as onlooker,
    ):
        await onlooker.say(op="views", id=1, open=[view for view in VIEWS if view != "features"])
        await calm.say(op="step", id=-1, count=STEPS)
        state = await told(lab, f"/api/runs/{run['id']}")
        assert (await owner.ask("ensemble", members=2, masks="per_example"))["op"] == "ack"
        if state["search"]:
            await search(owner, len(state["search"]["trials"]))
        else:
            await advance(lab, owner, run, 40)
            assert (await owner.ask("follow", lane=len(state["config"]["lanes"]) - 1))["op"] == "ack"
            await read_all(lab, run)
            assert (await owner.ask("reset"))["op"] == "ack"
            await advance(lab, owner, run, ALL_CHANGED)
        units = state["layers"][0]["units"]
        assert (await owner.ask("ask", x=[[0.5] * units, [1e6] * units]))["op"] == "ack"
        await calm.until_text("changed", reason="pause")
    records = await read_all(lab, run), await read_all(lab, healthy)
    await close(lab, run, healthy)
    return records


@pytest.mark.timeout(1200)
def test_whatever_a_run_is_opened_with_the_run_beside_it_is_undisturbed(
    house: House, undisturbed: dict[str, Any]
) -> None:
    @tried(5)
    @given(opened=openings())
    def hold(opened: Any) -> None:
        record, healthy = house.do(tell_opening(house.lab, *opened))
        assert figures(healthy) == undisturbed
        if record["run"]["search"]:
            assert len(record["run"]["search"]["results"]) == len(record["run"]["search"]["trials"])
        else:
            assert record["run"]["step"] == ALL_CHANGED
            assert_consistent(record)
        house.assert_unhurt()

    hold()


async def side_by_side(lab: Running, patience: float) -> None:
    """Two ordinary runs play, and one that diverges is opened and played beside them."""
    first, last = await lab.open(), await lab.open()
    async with await lab.watch(first, owner=True) as one, await lab.watch(last, owner=True) as other:
        for viewer in (one, other):
            await viewer.ask("speed", steps_per_second=None)
            await viewer.ask("play")
            await viewer.until_step(20)
        bad = await lab.open(**DIVERGING)
        async with await lab.watch(bad, owner=True) as owner:
            await owner.ask("speed", steps_per_second=None)
            await owner.ask("play")
            news = await owner.until_text("changed", reason="diverged")
            [gone] = news["run"]["diverged"]
            assert 1 < gone["step"] < 100
            assert gone["after"] is None
            assert news["run"]["stopped"] == [None]
            await owner.until_step(200)  # it is told on, with no number
            await owner.ask("pause")
            record = await read_all(lab, bad)
            assert record["run"]["diverged"] == [gone]
            assert_consistent(record)
            for run, viewer in ((first, one), (last, other)):
                reached = viewer.steps()[-1]
                await viewer.until_step(reached + 100)
                assert viewer.steps() == list(range(1, viewer.steps()[-1] + 1))  # none started again
                assert (await read_all(lab, run))["run"]["diverged"] == [None, None]
            await owner.ask("set", knobs={"learning_rate": 0.01})
            await owner.ask("reset")
            assert (await told(lab, f"/api/runs/{bad['id']}"))["diverged"] == [None]
            await step(owner, 50)
            assert (await read_all(lab, bad))["losses"]["loss"][-1][0] is not None
    await close(lab, first, last, bad)


def test_a_run_that_diverges_is_told_so_and_the_runs_beside_it_play_on(house: House, patience: float) -> None:
    house.do(side_by_side(house.lab, patience))
    house.assert_unhurt()
