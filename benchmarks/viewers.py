"""Many viewers of one run, some of whom do not read: ``python -m benchmarks.viewers``.

A server of its own on the loopback interface with a run of two default networks. First as fast as it goes, with its
owner alone and with all viewers in turn: what the viewers cost the training. Then at a speed that it keeps, with all
viewers: how old the newest step is when it reaches each of them, and whether each got every step or was told what was
left out. The viewers' process and the worker have a core each where there are two: on a real class's day the viewers
are other machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import torch
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.server import Viewer, open_run, running_lab
from trainer.wire.frames import decode, peek

SPEED: Final = 100
MEANT_AGE_S: Final = 0.5
MEANT_TRAINER: Final = 0.9
CONNECTING: Final = 20  # viewers that connect at the same time


@dataclass
class Seat:
    """Somebody who watches, and reads or does not.

    Attributes:
        reads: whether it does.
        arrived: of each frame of steps, its last step and when it came.
        gaps: steps that it was neither sent nor told of.
        skipped: steps whose masks were left out, as it was told.
        error: why it ended, if it did.
    """

    reads: bool
    arrived: list[tuple[int, float]] = field(default_factory=list)
    gaps: int = 0
    skipped: int = 0
    error: str = ""
    _last: int | None = None

    async def watch(self, address: str, is_here: asyncio.Event, doors: asyncio.Semaphore) -> None:
        """Watch until it is cancelled."""
        options: dict[str, Any] = {"compression": None, "max_size": None, "ping_interval": None, "open_timeout": 60}
        try:
            async with doors:
                line = await connect(address, max_queue=16 if self.reads else 1, **options)
            async with line:
                await line.send(json.dumps({"op": "join"}))
                is_here.set()
                if not self.reads:
                    await asyncio.Event().wait()
                await self._read(line)
        except Exception as problem:
            self.error = repr(problem)
            is_here.set()

    async def _read(self, line: ClientConnection) -> None:
        async for received in line:
            if isinstance(received, str):
                continue
            kind, _, seq = peek(received)
            if kind in ("steps", "history"):
                frame = decode(received)
                steps = frame.tensors["step"]
                if len(steps):
                    self._take(int(steps[0]), int(steps[-1]), int(frame.meta.get("skipped", "0")), kind)
            await line.send(f'{{"op":"credit","seq":{seq}}}')
        self.error = "the server hung up"

    def _take(self, first: int, last: int, skipped: int, kind: str) -> None:
        self.skipped += skipped
        if kind == "steps":
            if self._last is not None:
                self.gaps += max(0, first - self._last - 1)
            self.arrived.append((last, time.perf_counter()))
        self._last = last


@contextlib.asynccontextmanager
async def audience(address: str, count: int, idle: int) -> AsyncIterator[list[Seat]]:
    """Let viewers in, of whom some do not read."""
    seats = [Seat(reads=number >= idle) for number in range(count)]
    here, doors = [asyncio.Event() for _ in seats], asyncio.Semaphore(CONNECTING)
    tasks = [asyncio.create_task(seat.watch(address, event, doors)) for seat, event in zip(seats, here, strict=True)]
    try:
        for event in here:
            await event.wait()
        yield seats
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def ages(seats: list[Seat]) -> list[float]:
    """How old the newest step was whenever one came, in seconds.

    When a step was made nobody is told. A run that keeps its speed makes step s at s/speed after some moment, and the
    latest such moment that no arrival contradicts is the one of the arrival that was the fastest of all.
    """
    lates = [at - step / SPEED for seat in seats for step, at in seat.arrived]
    return sorted(late - min(lates) for late in lates)


def share_the_cores() -> None:
    """Give the worker one core, and this process another."""
    cores = sorted(psutil.Process().cpu_affinity() or [])
    if len(cores) < 2:
        return
    for process in psutil.Process().children(recursive=True):
        if "trainer.worker" in process.cmdline():
            process.cpu_affinity(cores[:1])
    psutil.Process().cpu_affinity(cores[1:])


async def measure(url: str, count: int, idle: int, rounds: int, seconds: float) -> bool:
    """Do both, and print what came of it; whether nobody was turned away or left something without a word."""
    run = await asyncio.to_thread(open_run, url, {})
    address = f"{url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live"
    async with connect(address, compression=None, max_size=None) as line:
        await line.send(json.dumps({"op": "join", "token": run["token"]}))
        owner = Viewer(line)
        await owner.ask("speed", steps_per_second=None)
        await owner.play(seconds)
        turns = []
        for _ in range(rounds):
            alone = await owner.play(seconds)
            async with audience(address, count, idle):
                turns.append((await owner.play(seconds), alone))
        await owner.ask("speed", steps_per_second=SPEED)
        async with audience(address, count, idle) as seats:
            await owner.play(2.0)
            for seat in seats:
                seat.arrived.clear()
                seat.gaps = seat.skipped = 0
            began = time.perf_counter()
            speed = await owner.play(2 * seconds)
            ended = time.perf_counter()
            for seat in seats:
                seat.arrived = [each for each in seat.arrived if began + 1.0 <= each[1] <= ended - 1.5]
    reading = [seat for seat in seats if seat.reads]
    old, errors = ages(reading), [seat.error for seat in seats if seat.error]
    gaps, skipped = sum(seat.gaps for seat in reading), sum(seat.skipped for seat in reading)
    p50, p95 = (old[math.ceil(share * len(old)) - 1] for share in (0.5, 0.95))
    ratio = statistics.median(ours / theirs for ours, theirs in turns)
    print(f"steps/s, the owner alone              {statistics.median(each for _, each in turns):>8,.0f}")
    print(
        f"steps/s, with {count:,} viewers             {statistics.median(each for each, _ in turns):>8,.0f}   "
        f"{ratio:.2f}× (meant: {MEANT_TRAINER}×)"
    )
    print(f"at {SPEED} steps/s it made                {speed:>8,.0f}")
    print(
        f"age of what the {len(reading)} who read are shown {1e3 * p50:>5.0f} ms p50, {1e3 * p95:.0f} ms p95, "
        f"{1e3 * old[-1]:.0f} ms at most (meant: {1e3 * MEANT_AGE_S:.0f} ms p95)"
    )
    print(f"steps that one was not told of        {gaps:>8,}   (masks left out and told: {skipped:,})")
    print(f"errors                                {len(errors):>8}   {errors[0] if errors else ''}")
    return not errors and not gaps


def main() -> int:
    """Print how many viewers fare; 1 if one of them was sent away or missed something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--idle", type=int, default=20, help="of them who do not read")
    parser.add_argument("--rounds", type=int, default=5, help="turns with and without them")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a turn takes")
    options = parser.parse_args()
    print(
        f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores, {options.viewers} viewers, "
        f"{options.idle} of whom do not read; {options.rounds} turns of {options.seconds:g} s",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {"DROPOUT_LAB_DATA": data, "DROPOUT_LAB_WORKERS": "1"}
        os.environ |= {"DROPOUT_LAB_MAX_VIEWERS_PER_RUN": str(max(200, options.viewers + 1))}
        os.environ |= {"DROPOUT_LAB_CLIENT_SHARE": "1", "DROPOUT_LAB_MAX_CONNECTIONS_PER_CLIENT": "1000"}
        with running_lab() as url:
            share_the_cores()
            went_well = asyncio.run(measure(url, options.viewers, options.idle, options.rounds, options.seconds))
    return 0 if went_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
