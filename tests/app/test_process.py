"""The server as a process with real workers: the whole way from a command to the masks and back."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from app.pool.local import local_pool
from app.run import Run
from app.settings import Settings
from tests.app.clients import Viewer, watch
from tests.app.conftest import Running, running
from tests.conftest import TIMEOUT_FACTOR
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame

ROOT = Path(__file__).resolve().parents[2]


def masks(frames: list[Frame]) -> dict[int, bytes]:
    """The mask of hidden1 at each step, of ``steps`` frames."""
    return {
        int(step): frame.tensors["mask/hidden1"][row].tobytes()
        for frame in frames
        if frame.kind == "steps"
        for row, step in enumerate(frame.tensors["step"])
    }


@pytest.fixture
async def real(patience: float) -> AsyncIterator[Running]:
    """A server with one real worker."""
    settings = Settings(workers=1, threads=1, log_level="error")
    async with running(local_pool(1, "cpu", 1), settings, 4 * patience) as lab:
        yield lab


async def test_through_the_whole_lab_a_viewer_sees_every_mask_and_a_change_from_its_step_on(real: Running) -> None:
    run = await real.open()
    async with await real.watch(run, owner=True) as owner, await real.watch(run, credits=False) as stuck:
        await owner.ask("speed", steps_per_second=None)
        await owner.ask("play")
        await owner.until_step(300)
        answer = await owner.ask("set", lane=1, knobs={"dropout": [0, 0.95, 0.95, 0.95]})
        changed_at = answer["step"]
        await owner.until_step(changed_at + 100)
        paused_at = (await owner.ask("pause"))["step"]
        await owner.until_step(paused_at - 1)
        assert len(stuck.frames) == 0  # it never read; and yet:
    assert owner.steps() == list(range(1, paused_at))
    kept = np.concatenate([frame.tensors["kept/hidden1"] for frame in owner.frames if frame.kind == "steps"])
    # Of 128 units a mask keeps Binomial(128, 0.5) before the change and Binomial(128, 0.05) after it: 33 lies 5.4
    # standard deviations below the one mean and 10 above the other, so a false alarm has odds of 1e-7 a step.
    assert (kept[: changed_at - 1] > 33).all()
    assert (kept[changed_at - 1 :] < 33).all()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_is_killed_or_hangs_is_replaced_and_the_replay_shows_the_same_masks(
    real: Running, sign: signal.Signals
) -> None:
    run = await real.open()
    async with await real.watch(run, owner=True) as owner:
        await owner.ask("speed", steps_per_second=None)
        await owner.ask("step", count=20)
        await owner.until_text("changed", reason="pause")
        assert (await owner.ask("set", lane=1, knobs={"dropout": [0.1, 0.3, 0.3, 0.3]}))["step"] == 21
        await owner.ask("play")
        await owner.until_step(60)
        before = masks(owner.frames)
        owner.frames.clear()
        [worker] = real.pool.workers
        os.kill(worker.pid, sign)
        if sign is signal.SIGSTOP:
            assert (await owner.until_text("changed", reason="silent"))["run"]["silent"]
        assert not (await owner.until_text("changed", reason="restarted"))["run"]["silent"]
        # What came between the clearing and the news is of the old start; all that follows is of the new one.
        before |= masks(owner.frames)
        owner.frames.clear()
        await owner.until_step(60)
        after = masks(owner.frames)
        state = (await real.client.get(f"/api/runs/{run['id']}")).json()
    assert min(after) == 21  # the pause at 20 was saved
    shared = before.keys() & after.keys()
    assert set(range(21, 61)) <= shared
    assert all(before[step] == after[step] for step in shared)
    assert [change["step"] for change in state["changes"]] == [21]


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums are rounded as a worker of one thread rounds them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def is_saved(run: Run, step: int) -> bool:
    """Whether the newest checkpoint of a run is of that step."""
    return run.checkpoint is not None and run.checkpoint.step == step


async def past(viewer: Viewer, step: int) -> None:
    """Read until a step comes that is at least as late."""
    await viewer.until(
        lambda each: isinstance(each, Frame) and each.kind == "steps" and int(each.tensors["step"][-1]) >= step
    )


async def test_runs_whose_worker_is_killed_again_and_again_are_those_of_an_undisturbed_one(real: Running) -> None:
    small = {"train_size": 40, "batch_size": 10, "seed": 4}
    twin = [{"dropout": [0.1, 0.5]}, {"batch_norm": True, "patience": 40}]
    configs: dict[str, dict[str, Any]] = {
        "mlp": {"dataset": "moons", "hidden": [8], "lanes": twin, **small},
        "cnn": {"network": "cnn", "channels": [2], "hidden": [6], "lanes": [{"dropout": [0.1, 0.2, 0.5]}], **small},
        "lstm": {"network": "lstm", "hidden": [6], "lanes": [{"dropout": [0.1, 0.2, 0.5]}], **small},
    }
    opened = {name: await real.open(**config) for name, config in configs.items()}
    async with AsyncExitStack() as stack:
        viewers = {
            name: await stack.enter_async_context(await real.watch(run, owner=True)) for name, run in opened.items()
        }
        for name, viewer in viewers.items():
            await viewer.ask("step", count=40)
            await real.eventually(partial(is_saved, await real.app.state.lab.runs.find(opened[name]["id"]), 40))
            await viewer.ask("play")
        for knobs in ({"l2": 0.01}, {"label_smoothing": 0.1}):
            for viewer in viewers.values():
                await past(viewer, max(viewer.steps()) + 20)  # of all that was seen nothing is made otherwise
                while "error" in (answer := await viewer.ask("set", lane=0, knobs=knobs)):
                    assert answer["error"]["code"] == "no_worker"  # the next one is starting
                    await asyncio.sleep(0.1)
            [worker] = real.pool.workers
            os.kill(worker.pid, signal.SIGKILL)
            for viewer in viewers.values():
                told = await viewer.until_text("changed", reason="restarted")
                assert told["run"]["step"] >= 40
        for name, viewer in viewers.items():
            await past(viewer, last := max(120, *viewer.steps()))
            state = (await real.client.get(f"/api/runs/{opened[name]['id']}")).json()
            with one_thread():
                alone = Experiment(parse(state["first_config"]), "cpu", changes=state["changes"]).run(last)
            seen: dict[int, bytes] = {}
            for frame in viewer.frames:
                if frame.kind in ("steps", "history"):
                    for step, loss in zip(frame.tensors["step"], frame.tensors["loss"], strict=True):
                        # Whoever saw a step sees the same of it again.
                        assert seen.setdefault(int(step), loss.tobytes()) == loss.tobytes()
            differ = [step for step in range(1, last + 1) if seen[step] != alone.loss[step - 1].numpy().tobytes()]
            assert differ == [], name
            assert len(state["changes"]) == 2


@asynccontextmanager
async def process(
    patience: float, before: Callable[[], None] | None = None, **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run ``python -m app`` and yield it with its URL; afterwards it is gone, one way or the other.

    Args:
        patience: seconds to wait for something that must come.
        before: what its process does before it becomes the app.
        environment: further variables.
    """
    lab = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        cwd=ROOT,
        env={**os.environ, "HOST": "127.0.0.1", "PORT": "0", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=before,
    )
    try:
        assert lab.stdout is not None
        line = (await asyncio.wait_for(lab.stdout.readline(), 4 * patience)).decode()
        yield lab, line.split(" ready at ")[1].split("/ ")[0]
    finally:
        if lab.returncode is None:
            lab.kill()
        await lab.communicate()


async def open_and_watch(url: str, patience: float) -> Viewer:
    """Open a run and watch it as its owner."""
    async with httpx.AsyncClient(base_url=url, timeout=4 * patience) as client:
        run: dict[str, Any] = (await client.post("/api/runs", json={})).json()
    return await watch(url, run, 4 * patience, owner=True)


async def test_sigterm_tells_the_viewers_ends_the_workers_and_exits_with_0(patience: float) -> None:
    async with process(patience, DROPOUT_LAB_WORKERS="1") as (lab, url):
        viewer = await open_and_watch(url, patience)
        await viewer.ask("play")
        lab.send_signal(signal.SIGTERM)
        assert (await viewer.until_text("ended"))["reason"] == "shutdown"
        assert (await viewer.until_closed())[0] == 1001
        assert await asyncio.wait_for(lab.wait(), 4 * patience) == 0
        with pytest.raises(ProcessLookupError):  # its workers are in its group, and there is nobody left
            os.killpg(lab.pid, 0)


def write_no_files() -> None:
    """Let this process and its children write to no file at all, as on a disk that is read-only everywhere."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


async def test_where_no_file_can_be_written_it_trains_all_the_same(patience: float) -> None:
    async with process(patience, write_no_files, DROPOUT_LAB_WORKERS="1", DROPOUT_LAB_THREADS="1") as (lab, url):
        async with await open_and_watch(url, patience) as viewer:
            await viewer.ask("play")
            await viewer.until_step(20)
        lab.send_signal(signal.SIGTERM)
        said = (await lab.communicate())[1].decode()
        assert (lab.returncode, "Traceback" in said) == (0, False), said
        assert "workers dial in over loopback" in said


def refused(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m app`` where it cannot start."""
    return subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120 * TIMEOUT_FACTOR,
    )


def test_a_bad_setting_is_one_clear_line_and_status_2() -> None:
    result = refused(DROPOUT_LAB_MAX_RUNS="many")
    assert result.returncode == 2
    assert result.stderr == (
        "Dropout Lab cannot start: DROPOUT_LAB_MAX_RUNS='many' is not allowed: "
        "it must be a whole number from 1 to 10,000\n"
    )
    assert result.stdout == ""


def test_a_port_in_use_is_one_clear_line_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = refused(HOST="127.0.0.1", PORT=str(port))
    assert result.returncode == 2
    assert result.stderr.startswith(f"Dropout Lab cannot start: cannot listen on 127.0.0.1, port {port}: ")
    assert result.stderr.count("\n") == 1


def test_the_servers_process_never_imports_torch() -> None:
    code = "import sys, app.__main__; from app.main import create_app; create_app(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120 * TIMEOUT_FACTOR).returncode == 0
