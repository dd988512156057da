"""Real workers that are stopped, that work for long, and that never come back: the first and the last are given up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from app.pool.hub import WorkerHub
from app.pool.local import LocalPlacer, LocalWorker
from app.pool.signs import Limits
from tests.app.pool.ears import Ears
from tests.conftest import TIMEOUT_FACTOR
from trainer.wire.frames import encode

ROOT = Path(__file__).resolve().parents[3]
SMALL: dict[str, Any] = {"hidden": [16, 16], "train_size": 100, "batch_size": 20}

# A worker whose run works for seconds in one go, as a large one may, and then is in a loop without an end.
SLOW = """
import sys, time, torch
from trainer.worker.session import Session
train, turns = Session.train, [0]
def slow(self, *args, **named):
    turns[0] += 1
    train(self, *args, **named)
    if turns[0] == 3:
        much, until = torch.rand(2500, 2500), time.monotonic() + 5
        while time.monotonic() < until:
            much @ much
    while turns[0] > 30:
        pass
Session.train = slow
from trainer.worker.__main__ import main
sys.exit(main())
"""


class SlowPlacer(LocalPlacer):
    """Starts workers that hang after a while."""

    async def place(self, worker: int, epoch: int, address: str, token: str) -> LocalWorker:
        arguments = ("--connect", address, "--worker", str(worker), "--epoch", str(epoch), "--device", "cpu")
        environment = {**os.environ, "DROPOUT_LAB_WORKER_TOKEN": token, "OMP_NUM_THREADS": "1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SLOW, *arguments, cwd=ROOT, env=environment
        )
        return LocalWorker(process)


async def trained(ears: Ears, run: str, step: int) -> None:
    """Wait until a run has come to ``step``."""
    await ears.until(lambda: ears.kind(run, "steps") and ears.steps(run)[-1] >= step)


async def test_runs_of_a_stopped_worker_go_on_with_another_from_their_checkpoint_and_it_is_killed() -> None:
    ears = Ears(60 * TIMEOUT_FACTOR)
    hub = WorkerHub(LocalPlacer("cpu"), 2)
    await hub.start(ears)
    try:
        await ears.until_alive(hub, 2)
        request = {"config": SMALL, "state": "playing", "steps_per_second": None}
        hub.open("r", request)
        await ears.until(lambda: ears.kind("r", "checkpoint"))
        checkpoint = ears.kind("r", "checkpoint")[-1]
        stopped = hub.workers[0].pid
        os.kill(stopped, signal.SIGSTOP)
        await ears.until(lambda: ears.lost)
        assert ears.silent == [(["r"], True)]
        assert ears.lost == [["r"]]
        before = dict(zip(ears.steps("r"), losses(ears, "r"), strict=True))
        ears.frames.clear()
        hub.open("r", request, checkpoint=encode(checkpoint))
        reached = max(before)
        await trained(ears, "r", reached)
        after = dict(zip(ears.steps("r"), losses(ears, "r"), strict=True))
        assert min(after) == int(checkpoint.meta["step"]) + 1
        again = before.keys() & after.keys()
        assert all(before[step] == after[step] for step in again)
        await ears.until_alive(hub, 2)  # it is replaced
        assert stopped not in [worker.pid for worker in hub.workers]
        assert not is_there(stopped)
    finally:
        await hub.stop()


def losses(ears: Ears, run: str) -> list[bytes]:
    """The losses of each step that was shown."""
    return [loss.tobytes() for frame in ears.kind(run, "steps") for loss in frame.tensors["loss"]]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_worker_that_works_for_seconds_in_one_go_is_left_alone_and_one_in_a_loop_without_an_end_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ears = Ears(60 * TIMEOUT_FACTOR)
    hub = WorkerHub(SlowPlacer("cpu"), 1, limits=Limits(silent_s=3 * TIMEOUT_FACTOR, stuck_s=8 * TIMEOUT_FACTOR))
    await hub.start(ears)
    try:
        hub.open("r", {"config": SMALL, "state": "playing", "steps_per_second": None})
        await ears.until(lambda: ears.lost or ears.kind("r", "steps"))
        stuck = hub.workers[0]
        await ears.until(lambda: ears.lost)
        assert len(ears.steps("r")) > 3  # so that it came back from what took it seconds
        assert ears.lost == [["r"]]
        assert "is given up: it has been at one thing for" in caplog.text  # and it beat all the time
        await ears.until_alive(hub, 1)
        assert hub.workers[0].epoch == stuck.epoch + 1
        assert not is_there(stuck.pid)
    finally:
        await hub.stop()
