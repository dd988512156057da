"""A whole server with a real worker, killed: started again, it goes on as if nothing had been."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx

from tests.app.clients import Viewer, watch
from tests.app.test_process import one_thread, past, process, write_no_files
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame

SMALL: dict[str, Any] = {"dataset": "moons", "hidden": [8], "train_size": 40, "batch_size": 10, "seed": 4}


def losses(viewer: Viewer) -> dict[int, bytes]:
    """Of each step that a viewer saw, what it was told: always the same."""
    seen: dict[int, bytes] = {}
    for frame in viewer.frames:
        if isinstance(frame, Frame) and frame.kind in ("steps", "history"):
            for step, loss in zip(frame.tensors["step"], frame.tensors["loss"], strict=True):
                assert seen.setdefault(int(step), loss.tobytes()) == loss.tobytes()
    return seen


async def test_runs_go_on_when_the_server_is_killed_again_and_again(tmp_path: Path, patience: float) -> None:
    environment: dict[str, Any] = {
        "DROPOUT_LAB_WORKERS": "1",
        "DROPOUT_LAB_THREADS": "1",
        "DROPOUT_LAB_KEEP": "true",
        "DROPOUT_LAB_DATA": str(tmp_path),
    }
    seen: dict[int, bytes] = {}
    run: dict[str, Any] = {}
    last = 0
    for life in range(3):
        async with (
            process(patience, **environment) as (server, url),
            httpx.AsyncClient(base_url=url, timeout=4 * patience) as client,
        ):
            run = run or (await client.post("/api/runs", json=SMALL)).json()
            async with await watch(url, run, 4 * patience, owner=True) as owner:
                if life == 0:
                    await owner.ask("step", count=30)
                    await owner.until_text("changed", reason="pause")
                await owner.ask("play")
                last += 40
                await past(owner, last)
                answer = await owner.ask("set", lane=1, knobs={"l2": 0.001 * (life + 1)})
                await past(owner, answer["step"] + 10)
                paused = await owner.ask("pause")
                last = paused["step"]
                while max(owner.steps()) < last - 1:
                    await owner.read()
                kept = tmp_path / "checkpoints" / run["id"]
                async with asyncio.timeout(4 * patience):
                    while not any(int(file.stem) >= last - 1 for file in kept.glob("*.safetensors")):
                        await asyncio.sleep(0.05)
                mine = losses(owner)
                assert all(mine[step] == loss for step, loss in seen.items() if step in mine)
                seen |= mine
                state = (await client.get(f"/api/runs/{run['id']}")).json()
            os.killpg(server.pid, signal.SIGKILL)
            await server.wait()
    assert len(state["changes"]) == 3
    with one_thread():
        alone = Experiment(parse(state["first_config"]), "cpu", changes=state["changes"]).run(state["step"])
    assert sorted(seen) == list(range(1, state["step"] + 1))
    assert [step for step, loss in seen.items() if loss != alone.loss[step - 1].numpy().tobytes()] == []


async def test_where_no_file_can_be_written_runs_are_not_kept_and_that_is_told(tmp_path: Path, patience: float) -> None:
    environment = {"DROPOUT_LAB_WORKERS": "1", "DROPOUT_LAB_KEEP": "true", "DROPOUT_LAB_DATA": str(tmp_path / "data")}
    async with (
        process(patience, write_no_files, **environment) as (_, url),
        httpx.AsyncClient(base_url=url, timeout=4 * patience) as client,
    ):
        run = (await client.post("/api/runs", json=SMALL)).json()
        async with await watch(url, run, 4 * patience, owner=True) as owner:
            await owner.ask("step", count=5)
            await owner.until_step(5)
        assert (await client.get("/healthz")).json()["store"]["status"] == "failing"
