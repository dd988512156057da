"""Old steps are looked at again and runs forked on a server with a real worker: all numbers are those of then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.pool.local import local_pool
from app.settings import Settings
from tests.app.clients import Viewer
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.test_process import one_thread
from tests.store.test_killed import losses
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, decode

SMALL: Final[dict[str, Any]] = {"dataset": "moons", "hidden": [8], "train_size": 40, "batch_size": 10, "seed": 4}


@pytest.fixture
async def real(tmp_path: Path, patience: float) -> AsyncIterator[Running]:
    """A server with a store and one real worker."""
    settings = Settings(workers=1, threads=1, log_level="error", keep=True, data=tmp_path)
    async with running(local_pool(1, "cpu", 1), settings, 4 * patience) as lab:
        yield lab


def split(body: bytes) -> list[Frame]:
    """The frames of an answer."""
    found, start = [], 0
    while start < len(body):
        end = start + 8 + int.from_bytes(body[start : start + 8], "little")
        found.append(decode(body[start + 8 : end]))
        start = end
    return found


async def look(lab: Running, run: dict[str, Any], **wanted: int) -> dict[str, Frame]:
    answer = await lab.client.get(f"/api/runs/{run['id']}/past", params=wanted)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    frames = split(answer.content)
    assert {frame.run for frame in frames} == {run["id"]}
    return {frame.kind: frame for frame in frames}


async def trained(lab: Running, run: dict[str, Any], until: int, viewer: Viewer) -> None:
    """Train until a step, in two goes with a change between, and stand still."""
    await viewer.ask("step", count=30)
    await viewer.until_text("changed", reason="pause")
    await viewer.ask("set", lane=1, knobs={"dropout": [0.1, 0.3]})
    await viewer.ask("step", count=until - 30)
    await viewer.until_text("changed", reason="pause")
    while max(viewer.steps()) < until:
        await viewer.read()


async def test_masks_and_pictures_of_old_steps_are_those_that_were_streamed(real: Running, tmp_path: Path) -> None:
    run = await real.open(**SMALL)
    async with await real.watch(run, owner=True) as owner:
        await trained(real, run, 400, owner)
        checkpoints = tmp_path / "checkpoints" / run["id"]
        await real.eventually(lambda: {file.stem for file in checkpoints.glob("*")} >= {"30", "400"})
        sent = {
            int(step): frame.tensors["mask/hidden1"][row].tobytes()
            for frame in owner.frames
            if frame.kind == "steps"
            for row, step in enumerate(frame.tensors["step"])
        }
        graphs = {int(frame.tensors["step"][0]): frame for frame in owner.frames if frame.kind == "graph"}
    assert sorted(sent) == list(range(1, 401))
    film = (await look(real, run, first=1, count=2048))["steps"]
    assert film.tensors["step"].tolist() == list(range(1, 401)), "as many as there are"
    assert [mask.tobytes() for mask in film.tensors["mask/hidden1"]] == [sent[step] for step in range(1, 401)]
    old = [step for step in graphs if graphs[step].meta["pass"] == "training" and 30 < step < 400]
    assert old, "some graphs were sent on the way"
    for step in {old[0], old[-1]}:
        pictures = await look(real, run, step=step)
        assert pictures.keys() == {"graph", "scores", "ensemble", "boundary"}
        for name, tensor in graphs[step].tensors.items():
            assert pictures["graph"].tensors[name].tobytes() == tensor.tobytes(), name
        assert all(int(each.tensors["step"][0]) == step for each in pictures.values())
    again = await asyncio.gather(*(look(real, run, step=37) for _ in range(6)))
    assert len({json.dumps(each["ensemble"].tensors["vote"].tolist()) for each in again}) == 1


async def test_a_fork_has_the_past_of_its_parent_and_a_future_of_its_own(real: Running) -> None:
    parent = await real.open(**SMALL)
    async with await real.watch(parent, owner=True) as owner:
        await trained(real, parent, 90, owner)
        await owner.ask("set", lane=0, knobs={"l2": 0.02})
        before = losses(owner)
    for step, more, kept in ((60, {}, 1), (90, {}, 2), (7, {}, 0), (90, {"changes_until": 90}, 1)):
        answer = await real.client.post("/api/runs", json={"fork": {"run": parent["id"], "step": step, **more}})
        assert answer.status_code == 201, answer.text
        fork = answer.json()
        assert fork["id"] != parent["id"]
        assert fork["token"] != parent["token"]
        async with await real.watch(fork, owner=True) as viewer:
            await viewer.ask("set", lane=1, knobs={"dropout": [0.0, 0.8]})
            await viewer.ask("step", count=40)
            while not any(step + 40 == each for each in viewer.steps()):
                await viewer.read()
            mine = losses(viewer)
            assert {each: mine[each] for each in range(1, step + 1)} == {
                each: before[each] for each in range(1, step + 1)
            }
            state = (await real.client.get(f"/api/runs/{fork['id']}")).json()
        assert state["parent"] == {"run": parent["id"], "step": step}
        changes = [
            {"step": 31, "lane": 1, "knobs": {"dropout": [0.1, 0.3]}},
            {"step": 91, "lane": 0, "knobs": {"l2": 0.02}},
        ]
        assert state["changes"] == [
            *changes[:kept],
            {"step": step + 1, "lane": 1, "knobs": {"dropout": [0.0, 0.8]}},
        ]
        with one_thread():
            alone = Experiment(parse(state["first_config"]), "cpu", changes=state["changes"]).run(step + 40)
        assert [each for each in mine if mine[each] != alone.loss[each - 1].numpy().tobytes()] == []
    untouched = (await real.client.get(f"/api/runs/{parent['id']}")).json()
    assert (untouched["step"], len(untouched["changes"]), untouched["parent"]) == (90, 2, None)


async def test_a_fork_outlives_its_server_and_its_parent(tmp_path: Path, patience: float) -> None:
    settings = Settings(workers=1, threads=1, log_level="error", keep=True, data=tmp_path)
    async with running(local_pool(1, "cpu", 1), settings, 4 * patience) as lab:
        parent = await lab.open(**SMALL)
        async with await lab.watch(parent, owner=True) as owner:
            await trained(lab, parent, 60, owner)
        fork = (await lab.client.post("/api/runs", json={"fork": {"run": parent["id"], "step": 50}})).json()
        headers = {"Authorization": f"Bearer {parent['token']}"}
        assert (await lab.client.delete(f"/api/runs/{parent['id']}", headers=headers)).status_code == 204
    async with running(local_pool(1, "cpu", 1), settings, 4 * patience) as lab:
        state = (await lab.client.get(f"/api/runs/{fork['id']}")).json()
        assert state["parent"] == {"run": parent["id"], "step": 50}
        async with await lab.watch(fork, owner=True) as owner:
            await owner.ask("step", count=10)
            while 60 not in owner.steps():
                await owner.read()
            mine = losses(owner)
    with one_thread():
        alone = Experiment(parse(state["first_config"]), "cpu", changes=state["changes"]).run(60)
    assert {step: loss for step, loss in mine.items() if loss != alone.loss[step - 1].numpy().tobytes()} == {}
    assert sorted(mine)[-1] == 60


# ---- what there is not


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "needs a step"),
        ({"first": "1"}, "needs a step"),
        ({"step": "0"}, "step = '0'"),
        ({"step": "51"}, "from 1 to 50"),
        ({"step": "x"}, "step = 'x'"),
        ({"step": "１"}, "step = '１'"),
        ({"first": "1", "count": "2049"}, "from 1 to 2,048"),
        ({"step": "1", "lane": "2"}, "from 0 to 1"),
        ({"step": "1", "example": "300"}, "from 0 to 299"),
        ({"step": "1", "token": "x"}, "'token' is not allowed"),
    ],
)
async def test_a_look_that_cannot_be_is_refused(lab: Running, wanted: dict[str, str], said: str) -> None:
    run = await lab.open()
    lab.pool.train(run["id"], 50)
    answer = await lab.client.get(f"/api/runs/{run['id']}/past", params=wanted)
    assert answer.status_code in (400, 422)
    assert said in answer.json()["error"]["message"]
    assert len(lab.pool.requests) == 1, "no worker was bothered"


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"run": "x", "step": 1}, 404, "there is no such run"),
        ({"run": "", "step": "1"}, 422, "fork.step = '1'"),
        ({"run": "", "step": -1}, 422, "fork.step = -1"),
        ({"run": "", "step": 51}, 422, "from 0 to 50"),
        ({"run": "", "step": 5, "changes_until": 7}, 422, "5 or 6"),
        ({"run": ""}, 400, "an object of a run, a step"),
        ([], 400, "an object of a run, a step"),
    ],
)
async def test_a_fork_that_cannot_be_is_refused(lab: Running, given: Any, status: int, said: str) -> None:
    run = await lab.open()
    lab.pool.train(run["id"], 50)
    if isinstance(given, dict) and given.get("run") == "":
        given = given | {"run": run["id"]}
    answer = await lab.client.post("/api/runs", json={"fork": given})
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]
    beside = await lab.client.post("/api/runs", json={"fork": {"run": run["id"], "step": 1}, "seed": 3})
    assert "'seed' is not allowed beside fork" in beside.json()["error"]["message"]
    assert len(lab.app.state.lab.runs) == 1


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


@pytest.fixture
async def lab(pool: FakePool, patience: float) -> AsyncIterator[Running]:
    async with running(pool, Settings(log_level="error"), patience) as result:
        yield result


async def test_a_look_whose_worker_is_lost_or_fails_says_so(lab: Running) -> None:
    run = await lab.open()
    lab.pool.train(run["id"], 50)

    async def asked(then: Any) -> httpx.Response:
        answer = asyncio.create_task(lab.client.get(f"/api/runs/{run['id']}/past", params={"step": 3}))
        await lab.eventually(lambda: [name for name in lab.pool.requests if name.startswith(run["id"] + ".")])
        name = next(name for name in lab.pool.requests if name.startswith(run["id"] + "."))
        then(name)
        result = await answer
        assert name in lab.pool.closed
        del lab.pool.requests[name]
        return result

    lost = await asked(lambda name: lab.pool.listener.on_lost([name]))
    assert (lost.status_code, lost.json()["error"]["code"]) == (503, "no_worker")
    error = {"code": "bad_value", "message": "no"}
    failed = await asked(lambda name: lab.pool.listener.on_message(name, {"op": "failed", "run": name, "error": error}))
    assert (failed.status_code, failed.json()["error"]) == (422, error)
    done = await asked(lambda name: lab.pool.listener.on_message(name, {"op": "done", "run": name}))
    assert (done.status_code, done.content) == (200, b"")
    assert (await lab.client.get(f"/api/runs/{run['id']}")).status_code == 200


async def test_a_search_is_neither_looked_back_on_nor_forked(lab: Running) -> None:
    run = await lab.open(search={})
    for answer in (
        await lab.client.get(f"/api/runs/{run['id']}/past", params={"step": 1}),
        await lab.client.post("/api/runs", json={"fork": {"run": run["id"], "step": 0}}),
    ):
        assert answer.status_code == 400
        assert "a search cannot be" in answer.json()["error"]["message"]


@pytest.mark.parametrize("told", ["frame", "failed", "nothing"])
async def test_a_worker_that_makes_no_sense_ends_the_look_and_nothing_else(
    told: str, pool: FakePool, patience: float
) -> None:
    async with running(pool, Settings(keep=False, log_level="error"), patience) as lab:
        run = await lab.open()
        pool.train(run["id"], 20)
        asked = asyncio.create_task(lab.client.get(f"/api/runs/{run['id']}/past", params={"first": 1, "count": 5}))
        await lab.eventually(lambda: len(pool.requests) == 2)
        name = next(name for name in pool.requests if name != run["id"])
        if told == "frame":
            pool.listener.on_frame(name, b"no frame")
        elif told == "failed":
            pool.listener.on_message(name, {"op": "failed", "run": name, "error": 7})
        else:
            pool.listener.on_message(name, {"run": name})
            pool.listener.on_message(name, {"op": "done", "run": name})
        answer = await asked
        assert answer.status_code == (200 if told == "nothing" else 500)
        if told != "nothing":
            assert answer.json()["error"]["message"]
        assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["step"] == 20
