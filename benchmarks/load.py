"""A class on its own runs: ``python -m benchmarks.load`` (``make load``).

A server of its own on the loopback interface, with a worker for each core, and as many default runs as are asked for,
each at 100 steps a second with a viewer that only acknowledges. Beside it the same training without a server: in as
many processes as there are workers `Experiment.run` over as many runs in turn as a worker has. Both take turns; while
one side works the other one is stopped. Processor times tell what went to the workers, to the web process and to the
viewers, which on a real class's day are other machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import multiprocessing
import os
import re
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

import psutil
import torch
from websockets.asyncio.client import ClientConnection, connect

from app.pool.local import usable_cores
from benchmarks.server import open_run, running_lab
from benchmarks.watched import SPEED, plainly
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import peek

MEANT: Final = 0.6  # of the speed without a server
MEANT_SLOWEST: Final = 0.7  # of the mean
MEANT_P95_S: Final = 0.25
COMMANDS_S: Final = 4.0  # between two commands of a viewer
SETTLE_S: Final = 1.5  # after a stop: what waited in the pipes is not counted
PATIENCE_S: Final = 120.0
_STEPS: Final = re.compile(rb'"step":\{"dtype":"U32","shape":\[(\d+)\]')  # in the header of a frame of steps


@dataclass
class Block:
    """What came of a turn of either side.

    Attributes:
        seconds: that it took.
        steps: of each run.
        spent: processor time of each kind of process, in seconds.
        waits: of the commands in it, in seconds.
        errors: what went wrong.
    """

    seconds: float
    steps: list[int]
    spent: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Steps a second, all runs together."""
        return sum(self.steps) / self.seconds

    @property
    def economy(self) -> float:
        """Steps for a second of processor time, the viewers' apart."""
        return sum(self.steps) / sum(spent for kind, spent in self.spent.items() if kind != "viewers")

    def share(self, kind: str) -> float:
        """Cores that a kind of process kept busy."""
        return self.spent.get(kind, 0.0) / self.seconds


# ---- without a server


def train(pipe: Connection, seeds: list[int]) -> None:
    """Train runs in turn for as long as is said, again and again."""
    torch.set_num_threads(1)
    training = plainly([Experiment(parse({"seed": seed}), "cpu") for seed in seeds])
    for _ in range(4 * len(seeds)):
        next(training)
    pipe.send(None)
    while (seconds := pipe.recv()) is not None:
        began, began_cpu, made = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began < seconds:
            made += next(training)
        pipe.send((made, time.process_time() - began_cpu))


@contextlib.contextmanager
def plain_side(runs: int, workers: int) -> Iterator[list[Connection]]:
    """Processes that train when they are told to."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for worker in range(workers):
        here, there = context.Pipe()
        process = context.Process(target=train, args=(there, list(range(worker, runs, workers))), daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)
    try:
        for pipe in pipes:
            pipe.recv()
        yield pipes
    finally:
        for pipe in pipes:
            with contextlib.suppress(OSError):
                pipe.send(None)
        for process in processes:
            process.join(10)
            process.kill()


def plain_block(pipes: list[Connection], seconds: float) -> Block:
    """A turn of all of them at once."""
    for pipe in pipes:
        pipe.send(seconds)
    made = [pipe.recv() for pipe in pipes]
    return Block(seconds, [steps for steps, _ in made], {"workers": sum(spent for _, spent in made)})


# ---- the viewers


@dataclass
class Seat:
    """A viewer of its own run, in the viewers' process."""

    run: dict[str, Any]
    steps: int = 0
    waits: list[float] = field(default_factory=list)
    asked: dict[int, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    async def watch(self, url: str, number: int, of: int) -> None:
        """Watch, acknowledge and now and then say something; for ever."""
        address = f"{url.replace('http', 'ws', 1)}/api/runs/{self.run['id']}/live"
        try:
            async with connect(address, compression=None, max_size=None, ping_interval=None) as connection:
                await connection.send(json.dumps({"op": "join", "token": self.run["token"]}))
                await connection.send(json.dumps({"op": "play", "id": 0}))
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._read(connection))
                    both.create_task(self._say(connection, COMMANDS_S * number / of))
        except* Exception as problem:
            self.errors += [repr(each) for each in problem.exceptions]

    async def _read(self, connection: ClientConnection) -> None:
        async for received in connection:
            if isinstance(received, str):
                self._hear(json.loads(received))
                continue
            kind, _, seq = peek(received)
            if kind == "steps":
                found = _STEPS.search(received)
                self.steps += int(found[1]) if found else 0
            await connection.send(f'{{"op":"credit","seq":{seq}}}')
        raise ConnectionError("the server hung up")

    def _hear(self, message: dict[str, Any]) -> None:
        began = self.asked.pop(message.get("id", -1), None)
        if began is not None:
            self.waits.append(time.perf_counter() - began)
        if message.get("op") in ("error", "ended"):
            self.errors.append(str(message))

    async def _say(self, connection: ClientConnection, wait_s: float) -> None:
        for number in range(1, 1_000_000):
            await asyncio.sleep(wait_s)
            wait_s = COMMANDS_S
            self.asked[number] = time.perf_counter()
            await connection.send(json.dumps({"op": "speed", "id": number, "steps_per_second": SPEED}))


def watch(pipe: Connection, url: str, runs: list[dict[str, Any]]) -> None:
    """Be all viewers, and tell how it is whenever that is asked."""

    async def all_of_them() -> None:
        seats = [Seat(run) for run in runs]
        tasks = [asyncio.create_task(seat.watch(url, number, len(seats))) for number, seat in enumerate(seats)]
        while await asyncio.to_thread(pipe.recv) is not None:
            waits = [wait for seat in seats for wait in seat.waits]
            errors = [error for seat in seats for error in seat.errors]
            pipe.send(([seat.steps for seat in seats], waits, errors, time.process_time()))
            for seat in seats:
                seat.waits, seat.errors = [], []
                seat.asked = {} if errors else seat.asked
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())


class Class:
    """The server's side: its processes, and the viewers."""

    def __init__(self, url: str, pipe: Connection) -> None:
        self._pipe = pipe
        port = int(url.rsplit(":", 1)[1])
        own = psutil.Process().children(recursive=True)
        self.web = next(each for each in own if _listens(each, port))
        self.workers = [each for each in self.web.children(recursive=True) if "trainer.worker" in each.cmdline()]

    def signal(self, number: int) -> None:
        """Stop the server, or let it go on."""
        for process in (self.web, *self.workers):
            os.kill(process.pid, number)

    def look(self) -> tuple[list[int], list[float], list[str], dict[str, float], float]:
        """How far all of it is."""
        self._pipe.send("look")
        steps, waits, errors, viewers = self._pipe.recv()
        spent = {"workers": sum(map(_spent, self.workers)), "web": _spent(self.web), "viewers": viewers}
        return steps, waits, errors, spent, time.perf_counter()

    def block(self, seconds: float) -> Block:
        """A turn of it."""
        self.signal(signal.SIGCONT)
        time.sleep(SETTLE_S)
        before, _, early, spent, began = self.look()
        time.sleep(seconds)
        after, waits, errors, spent_then, ended = self.look()
        self.signal(signal.SIGSTOP)
        steps = [now - then for now, then in zip(after, before, strict=True)]
        took = {kind: spent_then[kind] - spent[kind] for kind in spent}
        return Block(ended - began, steps, took, waits, early + errors)


def _listens(process: psutil.Process, port: int) -> bool:
    return any(each.laddr.port == port for each in process.net_connections("tcp") if each.status == "LISTEN")


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def class_side(runs: int) -> Iterator[Class]:
    """The server with its runs, and a process of viewers; stopped until its first turn."""
    context = multiprocessing.get_context("spawn")
    with running_lab() as url:
        opened = [open_run(url, {"seed": number}) for number in range(runs)]
        here, there = context.Pipe()
        viewers = context.Process(target=watch, args=(there, url, opened), daemon=True)
        viewers.start()
        side = Class(url, here)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while min(side.look()[0]) == 0:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"not all runs trained within {PATIENCE_S:g} s")
                time.sleep(0.5)
            side.signal(signal.SIGSTOP)
            yield side
        finally:
            side.signal(signal.SIGCONT)
            here.send(None)
            viewers.join(10)
            viewers.kill()


# ---- both


def measure(runs: int, workers: int, rounds: int, seconds: float) -> tuple[list[Block], list[Block]]:
    """Let both sides take turns."""
    os.environ |= {"DROPOUT_LAB_WORKERS": str(workers), "DROPOUT_LAB_KEEP": "false"}
    os.environ |= {"DROPOUT_LAB_MAX_RUNS": str(max(64, runs)), "DROPOUT_LAB_DEVICE": "cpu"}
    plain, watched = [], []
    with plain_side(runs, workers) as pipes, class_side(runs) as side:
        side.block(2.0)
        for _ in range(rounds):
            plain.append(plain_block(pipes, seconds))
            watched.append(side.block(seconds))
            print(f"  {plain[-1].speed:>8,.0f} {watched[-1].speed:>8,.0f} steps/s", flush=True)
    return plain, watched


def report(plain: list[Block], watched: list[Block], workers: int) -> None:
    """Print what came of it."""
    pairs = list(zip(plain, watched, strict=True))
    together = statistics.median(ours.speed / theirs.speed for theirs, ours in pairs)
    # What the viewers took would have been the server's, had they been elsewhere: its speed with all of the cores.
    apart = statistics.median(
        ours.speed / (1 - ours.share("viewers") / workers) / theirs.speed for theirs, ours in pairs
    )
    economy = statistics.median(ours.economy / theirs.economy for theirs, ours in pairs)
    each = [sum(steps) for steps in zip(*(block.steps for block in watched), strict=True)]
    waits = sorted(wait for block in watched for wait in block.waits)
    errors = [error for block in watched for error in block.errors]
    speeds = [[block.speed for block in side] for side in (plain, watched)]
    noise = ", ".join(f"{max(own) / min(own):.2f}×" for own in speeds)
    shares = ", ".join(
        f"{kind} {statistics.median(block.share(kind) for block in watched):.2f}"
        for kind in ("workers", "web", "viewers")
    )
    idle = statistics.median(block.share("workers") for block in plain)
    p50, p95 = (waits[math.ceil(share * len(waits)) - 1] if waits else math.nan for share in (0.5, 0.95))
    print(f"steps/s without a server                   {statistics.median(speeds[0]):>8,.0f}   ({idle:.2f} cores)")
    print(f"steps/s of all runs that are watched       {statistics.median(speeds[1]):>8,.0f}   {together:.2f}×")
    print(f"  with the viewers' time given back        {'':>8}   {apart:.2f}× (meant: {MEANT}×)")
    print(f"  for the same processor time              {'':>8}   {economy:.2f}×")
    print(f"cores                                      {shares}")
    print(
        f"slowest run over the mean                  {min(each) / statistics.mean(each):>8.2f}   "
        f"(meant: {MEANT_SLOWEST})"
    )
    print(
        f"command to its answer                      {1e3 * p50:>8.0f} ms p50, {1e3 * p95:.0f} ms p95 of {len(waits)} "
        f"(meant: {1e3 * MEANT_P95_S:.0f} ms p95)"
    )
    print(f"errors                                     {len(errors):>8}   {errors[0] if errors else ''}")
    print(f"fastest turn over the slowest, both sides  {noise}")


def main() -> int:
    """Print how a class fares; 1 if something went wrong."""
    cores = usable_cores()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=20 * cores, help="runs, each with a viewer")
    parser.add_argument("--workers", type=int, default=cores, help="processes that train")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long a turn takes")
    options = parser.parse_args()
    print(
        f"torch {torch.__version__}, {cores} cores, {options.workers} workers, {options.runs} runs at {SPEED:g} "
        f"steps/s with a viewer each; {options.rounds} turns of {options.seconds:g} s",
        flush=True,
    )
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # a server that is stopped must not be left behind
    plain, watched = measure(options.runs, options.workers, options.rounds, options.seconds)
    report(plain, watched, options.workers)
    return 1 if any(block.errors for block in watched) else 0


if __name__ == "__main__":
    raise SystemExit(main())
