"""The whole lab with one viewer against the plain loop, taking turns: ``python -m benchmarks.server``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from websockets.asyncio.client import connect

from benchmarks.plain import PlainLoop, network
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, decode

ROOT: Final = Path(__file__).resolve().parents[1]
RATES: Final = (0.2, 0.5, 0.5, 0.5)
CONFIG: Final[dict[str, Any]] = {"lanes": [{"name": "one", "dropout": RATES}, {"name": "other", "dropout": RATES}]}
FLOOR: Final = 1.5
QUIET_S: Final = 1.0  # after a pause the worker still draws its last pictures; the plain loop must not pay for them
START_S: Final = 180.0


@dataclass
class Traffic:
    """What a viewer was sent: steps, frames and bytes by kind."""

    steps: int = 0
    frames: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    skipped: int = 0

    def add(self, frame: Frame, size: int) -> None:
        """Take in a frame."""
        self.frames[frame.kind] = self.frames.get(frame.kind, 0) + 1
        self.sizes[frame.kind] = self.sizes.get(frame.kind, 0) + size
        if frame.kind == "steps":
            self.steps += len(frame.tensors["step"])
            self.skipped += int(frame.meta.get("skipped", "0"))


class Connection(Protocol):
    """What a viewer needs of its connection."""

    async def recv(self) -> str | bytes:
        """The next message or frame."""

    async def send(self, message: str, /) -> None:
        """Say something."""

    async def close(self) -> None:
        """Hang up."""


class Viewer:
    """A viewer that acknowledges every frame at once and keeps none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = 0
        self.traffic = Traffic()

    async def read(self) -> Frame | dict[str, Any]:
        """Take in one message."""
        received = await self._connection.recv()
        if isinstance(received, str):
            text: dict[str, Any] = json.loads(received)
            return text
        frame = decode(received)
        self.traffic.add(frame, len(received))
        await self._connection.send(json.dumps({"op": "credit", "seq": frame.seq}))
        return frame

    async def ask(self, op: str, **fields: Any) -> int:
        """Send a command; the step from which it is in force."""
        self._ids += 1
        await self._connection.send(json.dumps({"op": op, "id": self._ids, **fields}))
        while True:
            message = await self.read()
            if isinstance(message, dict) and message.get("id") == self._ids:
                step: int = message["step"]
                return step

    async def play(self, seconds: float) -> float:
        """Let it train for a while; steps a second, by the steps whose masks arrived."""
        await self.ask("play")
        before, started = self.traffic.steps, time.perf_counter()
        while time.perf_counter() - started < seconds:
            await self.read()
        speed = (self.traffic.steps - before) / (time.perf_counter() - started)
        await self.ask("pause")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                while True:
                    await self.read()
        return speed

    async def move_slider(self, rate: float) -> float:
        """Move the dropout rate of the followed lane while it trains; seconds until a changed mask is here.

        Raises:
            RuntimeError: the masks do not show the rate from the step that was acknowledged.
        """
        started = time.perf_counter()
        step = await self.ask("set", lane=1, knobs={"dropout": [0.2, rate, rate, rate]})
        while True:
            message = await self.read()
            if isinstance(message, Frame) and message.kind == "steps" and message.tensors["step"][-1] >= step:
                took = time.perf_counter() - started
                kept = message.tensors["kept/hidden1"][message.tensors["step"] >= step][0]
                if (kept == 128) != (rate == 0):
                    raise RuntimeError(f"at step {step} {kept} of 128 units were kept, at a rate of {rate}")
                return took


@contextlib.contextmanager
def running_lab() -> Iterator[str]:
    """Run the real server on a port of the system's choice; yields its URL once a worker is there."""
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": "0", "DROPOUT_LAB_THREADS": "1"}
    lab = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert lab.stdout is not None
        said = re.search(r"http://[^\s/]+", lab.stdout.readline())
        if said is None:
            raise RuntimeError("the server did not start")
        deadline = time.monotonic() + START_S
        while not _is_well(said[0]):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no worker was ready within {START_S:g} s")
            time.sleep(0.1)
        yield said[0]
    finally:
        lab.terminate()
        lab.wait(30)


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz") as answer:
            health: dict[str, Any] = json.load(answer)
            return bool(health["workers"]["alive"] == health["workers"]["wanted"])
    except urllib.error.HTTPError as error:
        error.close()
        return False


def open_run(url: str, config: dict[str, Any]) -> dict[str, Any]:
    """Open a run; its id and token."""
    with urllib.request.urlopen(f"{url}/api/runs", json.dumps(config).encode()) as answer:
        run: dict[str, Any] = json.load(answer)
    return run


@contextlib.asynccontextmanager
async def owning(url: str, config: dict[str, Any] = CONFIG) -> AsyncIterator[Viewer]:
    """Open a run, by default the twin with dropout on both lanes, and watch it as its owner."""
    run = await asyncio.to_thread(open_run, url, config)
    address = f"{url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live"
    async with connect(address, compression=None, max_size=None) as connection:
        await connection.send(json.dumps({"op": "join", "token": run["token"]}))
        yield Viewer(connection)


def plain_loop() -> PlainLoop:
    """The same training as a plain loop."""
    config = parse(CONFIG)
    data = Experiment(config, device="cpu").data
    sizes = (data.features, *config.hidden, len(data.classes))
    networks = [network(sizes, RATES) for _ in config.lanes]
    return PlainLoop(networks, data.train_x, data.train_y, config.batch_size, config.learning_rate)


def run_plain(loop: PlainLoop, seconds: float) -> float:
    """Train plainly for a while; steps a second."""
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        loop.run(10)
        steps += 10
    return steps / (time.perf_counter() - started)


async def measure(url: str, rounds: int, seconds: float, moves: int) -> None:
    """Let both sides take turns, move the slider, and print what came of it."""
    plain = plain_loop()
    run_plain(plain, seconds)
    async with owning(url) as viewer:
        await viewer.ask("follow", lane=1)
        await viewer.ask("speed", steps_per_second=None)
        await viewer.play(seconds)
        viewer.traffic = Traffic()
        turns = [(await viewer.play(seconds), run_plain(plain, seconds)) for _ in range(rounds)]
        traffic, viewer.traffic = viewer.traffic, Traffic()
        await viewer.ask("play")
        delays = [await viewer.move_slider(0.95 * (index % 2)) for index in range(moves)]
        await viewer.ask("pause")
    ours, theirs = (2 * statistics.median(speeds) for speeds in zip(*turns, strict=True))
    ratio = statistics.median(lab / loop for lab, loop in turns)
    print(f"network-steps/s, plain loop            {theirs:>9,.0f}")
    print(f"network-steps/s, through the server    {ours:>9,.0f}   {ratio:.2f}× (meant: {FLOOR}×)")
    cuts = statistics.quantiles(delays, n=20, method="inclusive")
    print(f"slider to first changed mask           {cuts[9] * 1e3:>6.1f} ms p50, {cuts[18] * 1e3:.1f} ms p95")
    each = "".join(f", {kind} {size / traffic.steps:.0f}" for kind, size in sorted(traffic.sizes.items()))
    print(f"bytes a step on the wire               {sum(traffic.sizes.values()) / traffic.steps:>9,.0f}   ({each[2:]})")
    print(f"masks shown / skipped                  {traffic.steps:>9,} / {traffic.skipped:,}")


def main() -> None:
    """Print how fast the whole lab is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long a turn takes")
    parser.add_argument("--moves", type=int, default=60, help="how often the slider is moved")
    options = parser.parse_args()
    torch.set_num_threads(1)  # as many as the worker has
    print(f"torch {torch.__version__}, {platform.machine()}, 1 thread each side, median of {options.rounds} turns")
    with running_lab() as url:
        asyncio.run(measure(url, options.rounds, options.seconds, options.moves))


if __name__ == "__main__":
    main()
