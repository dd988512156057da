"""What every pool must do, whatever its workers are: run on each kind of place that there is, with real workers."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pytest
import pytest_asyncio

from app.pool.base import Placer
from app.pool.hub import WorkerHub
from app.pool.local import LocalPlacer
from tests.app.pool.ears import Ears
from tests.conftest import TIMEOUT_FACTOR
from trainer.settings.changes import ChangeLog

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACERS: Final[dict[str, Callable[[], Placer]]] = {"local": lambda: LocalPlacer("cpu", threads=1)}
SMALL: Final = {"hidden": [16, 16], "train_size": 100, "batch_size": 20}


@dataclass
class House:
    """A pool with one worker, and who listens to it."""

    hub: WorkerHub
    ears: Ears
    numbers: Any = field(default_factory=itertools.count)

    async def open(self, **request: Any) -> str:
        """Open a run and wait until it is ready."""
        run = f"run{next(self.numbers)}"
        self.hub.open(run, {"config": SMALL, **request})
        await self.ears.opened(run)
        return run

    async def ask(self, run: str, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        ref = next(self.numbers)
        self.hub.send(run, {"op": "command", "ref": ref, "command": command})
        return await self.ears.reply(run, ref)

    async def trained(self, run: str, step: int) -> None:
        """Wait until a run has come to ``step``."""
        await self.ears.until(lambda: self.ears.kind(run, "steps") and self.ears.steps(run)[-1] >= step)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(PLACERS))
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    ears = Ears(60 * TIMEOUT_FACTOR)
    hub = WorkerHub(PLACERS[request.param](), 1)
    await hub.start(ears)
    yield House(hub, ears)
    await hub.stop()


async def test_an_opened_run_is_paused_at_step_0_with_its_data_scores_and_graph(house: House) -> None:
    run = await house.open()
    state = await house.ears.opened(run)
    assert (state["state"], state["step"], state["steps_per_second"]) == ("paused", 0, 100)
    assert state["config"]["hidden"] == [16, 16]
    assert state["config"] == state["first_config"]
    assert [layer["units"] for layer in state["layers"]] == [64, 16, 16]
    assert (state["train_size"], state["val_size"], state["batches_per_epoch"]) == (100, 797, 5)
    graph = (await house.ears.until(lambda: house.ears.kind(run, "graph")))[0]
    kinds = [frame.kind for whose, frame in house.ears.frames if whose == run]
    assert kinds[:3] == ["data", "scores", "graph"]
    data = house.ears.kind(run, "data")[0].tensors
    assert data["train/x"].shape == (100, 64)
    assert [str(data[name].dtype) for name in ("train/x", "train/y")] == ["float32", "uint8"]
    assert (data["train/y"] != data["train/true"]).sum() == 20
    assert "extent" not in data
    assert graph.meta == {"pass": "evaluation"}
    np.testing.assert_array_equal(graph.tensors["activation/input"], data["train/x"][0])
    assert np.unpackbits(graph.tensors["mask/hidden1"], count=16).all()
    assert graph.tensors["probability"].sum() == pytest.approx(1, abs=1e-5)
    assert house.ears.kind(run, "scores")[0].tensors["val_loss"].shape == (1, 2)


async def test_points_in_the_plane_have_an_extent_and_a_boundary(house: House) -> None:
    run = await house.open(config={**SMALL, "dataset": "moons"})
    boundary = (await house.ears.until(lambda: house.ears.kind(run, "boundary")))[0]
    assert boundary.tensors["probability"].shape == (2, 64, 64)
    data = house.ears.kind(run, "data")[0].tensors
    assert data["val/x"].shape[1] == 2
    low_x, high_x, low_y, high_y = data["extent"]
    assert (data["val/x"] > [low_x, low_y]).all()
    assert (data["val/x"] < [high_x, high_y]).all()


async def test_a_playing_run_sends_every_step_once_and_in_order(house: House) -> None:
    run = await house.open()
    await house.ask(run, op="speed", steps_per_second=None)
    assert await house.ask(run, op="play") == {
        "op": "reply",
        "run": run,
        "ref": house.ears.of(run, "reply")[-1]["ref"],
        "step": 1,
    }
    await house.trained(run, 500)
    reply = await house.ask(run, op="pause")
    steps = house.ears.steps(run)
    assert steps == list(range(1, reply["step"]))
    for frame in house.ears.kind(run, "steps"):
        kept = np.unpackbits(frame.tensors["mask/hidden1"], axis=1, count=16).sum(axis=1)
        np.testing.assert_array_equal(kept, frame.tensors["kept/hidden1"])
        assert frame.tensors["loss"].shape == (len(kept), 2)
    numbers = [frame.seq for whose, frame in house.ears.frames if whose == run]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_the_votes_come_of_both_lanes(house: House) -> None:
    run = await house.open()
    votes = (await house.ears.until(lambda: house.ears.kind(run, "ensemble")))[0].tensors
    assert votes["lane"].tolist() == [1, 0]
    assert votes["vote"].shape == (2, 64, 10)
    assert votes["rate"] == pytest.approx(np.array([[0.2, 0.5, 0.5]] * 2))
    np.testing.assert_allclose(votes["vote"].sum(axis=2), 1, atol=1e-5)


async def test_a_new_rate_is_in_the_masks_from_the_acknowledged_step_on(house: House) -> None:
    config = {**SMALL, "hidden": [512], "lanes": [{"dropout": [0, 0]}, {"dropout": [0, 0]}]}
    run = await house.open(config=config, follow={"lane": 1})
    await house.ask(run, op="speed", steps_per_second=None)
    await house.ask(run, op="play")
    await house.trained(run, 50)
    reply = await house.ask(run, op="set", lane=1, knobs={"dropout": [0, 0.95]})
    await house.trained(run, reply["step"] + 50)
    await house.ask(run, op="pause")
    kept = np.concatenate([frame.tensors["kept/hidden1"] for frame in house.ears.kind(run, "steps")])
    before, after = kept[: reply["step"] - 1], kept[reply["step"] - 1 :]
    assert (before == 512).all()
    assert len(after) > 50
    # Kept of 512 at 0.05: 25.6 ± 4.9, and 128 or more with probability below exp(-512 · KL(¼, 0.05)) = 10⁻⁵⁰.
    assert (after < 128).all()
    changed = house.ears.of(run, "changed")
    change = next(message for message in changed if message["reason"] == "set")
    assert change["changes"] == [{"step": reply["step"], "lane": 1, "knobs": {"dropout": [0, 0.95]}}]


async def test_two_runs_on_one_worker_both_go_on(house: House) -> None:
    runs = [await house.open(steps_per_second=None, state="playing") for _ in range(2)]
    await asyncio.gather(*(house.trained(run, 200) for run in runs))
    for run in runs:
        house.hub.close(run)


async def test_a_run_with_a_bad_configuration_fails_and_disturbs_no_other(house: House) -> None:
    other = await house.open(steps_per_second=None, state="playing")
    house.hub.open("bad", {"config": {"dataset": "cats"}})
    await house.ears.until(lambda: house.ears.of("bad", "failed"))
    error = house.ears.of("bad", "failed")[0]["error"]
    assert (error["code"], error["knob"], error["value"]) == ("bad_value", "dataset", "'cats'")
    await house.trained(other, house.ears.steps(other)[-1] + 50 if house.ears.steps(other) else 50)
    house.hub.close(other)


async def test_a_refused_command_says_why(house: House) -> None:
    run = await house.open()
    reply = await house.ask(run, op="set", lane=1, knobs={"dropout": [0.2, 1, 0.5]})
    assert reply["error"]["knob"] == "lanes[1].dropout[1]"
    assert "step" not in reply


async def test_a_reset_run_repeats_itself(house: House) -> None:
    run = await house.open()
    await house.ask(run, op="step", count=60)
    await house.trained(run, 60)
    first = np.concatenate([frame.tensors["loss"] for frame in house.ears.kind(run, "steps")])
    await house.ask(run, op="reset")
    house.ears.frames[:] = [each for each in house.ears.frames if each[0] != run]
    await house.ask(run, op="step", count=60)
    await house.trained(run, 60)
    second = np.concatenate([frame.tensors["loss"] for frame in house.ears.kind(run, "steps")])
    np.testing.assert_array_equal(first, second)


async def test_a_killed_worker_is_lost_at_once_and_its_run_repeats_itself_on_the_next(house: House) -> None:
    run = await house.open(steps_per_second=None)
    config = (await house.ears.opened(run))["first_config"]
    await house.ask(run, op="play")
    await house.trained(run, 50)
    await house.ask(run, op="set", lane=1, knobs={"dropout": [0, 0.75, 0.75]})
    await house.trained(run, house.ears.steps(run)[-1] + 50)
    await house.ask(run, op="pause")
    changed = house.ears.of(run, "changed")
    state, changes = changed[-1]["state"], [change for message in changed for change in message["changes"]]
    assert [change["knobs"] for change in changes] == [{"dropout": [0, 0.75, 0.75]}]
    before = {frame.seq: frame for frame in house.ears.kind(run, "steps")}
    (worker,) = house.hub.workers
    house.ears.lost.clear()
    os.kill(worker.pid, signal.SIGKILL)
    (lost,) = await house.ears.until(lambda: house.ears.lost)
    assert run in lost
    assert house.hub.status().alive == 0
    house.ears.messages.clear()
    house.ears.frames.clear()
    request = {"config": config, "state": "playing", "steps_per_second": None}
    house.hub.open(run, request, ChangeLog(changes).parts(20))
    await house.trained(run, state["step"])
    (again,) = house.hub.workers
    assert (again.worker, again.epoch) == (worker.worker, worker.epoch + 1)
    assert again.pid != worker.pid
    for name in ("loss", "mask/hidden1"):
        old = np.concatenate([frame.tensors[name] for frame in before.values()])
        new = np.concatenate([frame.tensors[name] for frame in house.ears.kind(run, "steps")])
        np.testing.assert_array_equal(old, new[: len(old)])
    house.hub.close(run)
