"""Workers and servers that are killed again and again under load: ``python -m benchmarks.chaos`` (``make chaos``).

A server of its own on the loopback interface, with a store, and runs of several kinds that play, each with an owner who
watches and now and then turns a knob. At random moments a worker, or the server with all its workers, is killed with
SIGKILL, or a worker is stopped with SIGSTOP. In the end every loss that anybody was told is compared with that of a run
that nobody disturbed; nobody turns a knob while steps are made again that were seen before. One table: how many losses
of workers, how many runs went on, how many steps were made again, how long it was until a viewer heard of it and until
it saw new steps, and how many numbers differ.

The figures of time are of this machine while it does all that; numbers must not differ on any.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import torch
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.server import ROOT
from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.wire.frames import decode

SPEED: Final = 40  # steps a second of each run
TURN_S: Final = 4.0  # between two turns of a knob, on average
CALM_S: Final = (3.0, 7.0)  # between two kills
PATIENCE_S: Final = 120.0
POLL_S: Final = 0.02
NOBODY_S: Final = 8.0  # after which a kill that nobody has heard of concerned nobody
KINDS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"dataset": "moons", "hidden": [32, 32], "train_size": 100},
    {"network": "cnn", "train_size": 100},
    {"network": "lstm", "train_size": 100},
    {"dataset": "spirals", "hidden": [32], "train_size": 100},
)


@dataclass
class Owner:
    """Somebody who watches a run, wherever it is, and remembers all that was told.

    Attributes:
        run: its id and token.
        losses: of each step that was told, the losses' bytes.
        differing: steps that were told twice, and not alike.
        last: the newest step.
        seen_at: when it came.
        back_at: when the first new step came after something was said that is no step.
        heard_at: when something was last said that is no step: that a worker was lost, or that the line broke off.
        repeated: steps that were made again, for each time.
        changes: knobs turned, and acknowledged.
    """

    run: dict[str, Any]
    losses: dict[int, bytes] = field(default_factory=dict)
    differing: set[int] = field(default_factory=set)
    last: int = 0
    seen_at: float = 0.0
    back_at: float = 0.0
    heard_at: float = 0.0
    repeated: list[int] = field(default_factory=list)
    changes: int = 0
    _is_counted: bool = False  # the history that comes next says what "restarted" has said

    async def live(self, url: str, chance: random.Random) -> None:
        """Watch for ever, and connect again whenever the line breaks off."""
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, asyncio.IncompleteReadError):
                async with connect(
                    f"{url.replace('http', 'ws', 1)}/api/runs/{self.run['id']}/live", compression=None, max_size=None
                ) as line:
                    await line.send(json.dumps({"op": "join", "token": self.run["token"]}))
                    turning = asyncio.create_task(self._turn(line, chance))
                    try:
                        async for message in line:
                            await self._take(line, message)
                    finally:
                        turning.cancel()
            self.heard_at = time.monotonic()
            await asyncio.sleep(0.25)

    async def _turn(self, line: ClientConnection, chance: random.Random) -> None:
        """Turn a knob now and then."""
        while True:
            await asyncio.sleep(chance.expovariate(1 / TURN_S))
            if self.seen_at <= self.heard_at:
                continue  # steps are made again that were seen before: who turns a knob now makes them otherwise
            self.changes += 1
            knobs = {"l2": round(chance.uniform(0, 0.01), 5)}
            with contextlib.suppress(WebSocketException):
                await line.send(
                    json.dumps({"op": "set", "id": self.changes, "lane": chance.randint(0, 1), "knobs": knobs})
                )

    async def _take(self, line: ClientConnection, message: str | bytes) -> None:
        if isinstance(message, str):
            told = json.loads(message)
            if told.get("reason") == "restarted":
                self.heard_at = time.monotonic()
                self.repeated.append(self.last - told["step"])
                self._is_counted = True
            return
        frame = decode(message)
        await line.send(json.dumps({"op": "credit", "seq": frame.seq}))
        if frame.kind not in ("steps", "history"):
            return
        steps = [int(step) for step in frame.tensors["step"]]
        if frame.kind == "history":
            if steps and steps[-1] < self.last and not self._is_counted:
                self.repeated.append(self.last - steps[-1])
            self._is_counted = False
        for step, loss in zip(steps, frame.tensors["loss"], strict=True):
            told_before = self.losses.setdefault(step, loss.tobytes())
            if told_before != loss.tobytes():
                self.differing.add(step)
        if steps and frame.kind == "steps" and steps[-1] > self.last:
            self.seen_at = time.monotonic()
            if self.back_at <= self.heard_at:
                self.back_at = self.seen_at
        self.last = max([self.last, *steps[-1:]])


@dataclass
class Outcome:
    """What came of one kind of disturbance.

    Attributes:
        what: in a few words.
        times: how often.
        heard: seconds until a viewer that it concerned heard of it.
        back: seconds until that viewer saw a new step.
        repeated: seconds of steps that were made again.
    """

    what: str
    times: int = 0
    heard: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    repeated: list[float] = field(default_factory=list)


class Server:
    """A server that can be killed and started again at the same address with the same data.

    Args:
        data: its folder.
        workers: how many it has.
    """

    def __init__(self, data: str, workers: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DROPOUT_LAB_THREADS": "1",
            "DROPOUT_LAB_WORKERS": str(workers),
            "DROPOUT_LAB_KEEP": "true",
            "DROPOUT_LAB_DATA": data,
            "DROPOUT_LAB_LOG_LEVEL": "error",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def ready(self) -> None:
        """Wait until a worker is there.

        Raises:
            TimeoutError: none came.
        """
        async with httpx.AsyncClient(timeout=5) as client, asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/healthz")).status_code == 200:
                        return
                await asyncio.sleep(0.1)

    def workers(self) -> list[int]:
        """The processes of its workers."""
        assert self._process is not None
        found = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def kill(self) -> None:
        """End it and all its workers without a chance to do anything more."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as a service manager would."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


async def disturb(
    what: str, server: Server, owners: list[Owner], times: int, chance: random.Random
) -> AsyncIterator[Outcome]:
    """Disturb so often, and each time wait until every run has gone on; yields what came of it so far.

    Raises:
        TimeoutError: a run has not gone on.
    """
    outcome = Outcome(what)
    for _ in range(times):
        await asyncio.sleep(chance.uniform(*CALM_S))
        before = {owner.run["id"]: (owner.last, len(owner.repeated)) for owner in owners}
        at = time.monotonic()
        if what == "server killed":
            server.kill()
            await asyncio.sleep(chance.uniform(0, 1))
            server.launch()
            await server.ready()
        else:
            sign = signal.SIGSTOP if what == "worker stopped" else signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(server.workers()), sign)
        async with asyncio.timeout(PATIENCE_S):
            heard: dict[str, float] = {}
            while True:
                for owner in owners:
                    if owner.heard_at > at:
                        heard.setdefault(owner.run["id"], owner.heard_at - at)
                concerned = [owner for owner in owners if len(owner.repeated) > before[owner.run["id"]][1]]
                went_on = all(owner.last > before[owner.run["id"]][0] for owner in owners)
                is_known = bool(concerned) or time.monotonic() > at + NOBODY_S  # a worker may have had no run
                if is_known and went_on and all(owner.seen_at > owner.heard_at for owner in concerned):
                    break
                await asyncio.sleep(POLL_S)
        outcome.times += 1
        outcome.heard += [heard.get(owner.run["id"], 0.0) for owner in concerned]
        outcome.back += [owner.back_at - at for owner in concerned]
        outcome.repeated += [sum(owner.repeated[before[owner.run["id"]][1] :]) / SPEED for owner in concerned]
        yield outcome


def alone(state: dict[str, Any], until: int) -> list[bytes]:
    """The losses of a run that nobody disturbs, from step 1 on."""
    experiment = Experiment(parse(state["first_config"]), "cpu", changes=state["changes"])
    return [row.numpy().tobytes() for row in experiment.run(until).loss]


def row(name: str, values: Iterable[float], unit: str = "s") -> str:
    """A line of the table."""
    found = sorted(values)
    if not found:
        return f"  {name:34} –"
    return f"  {name:34} median {statistics.median(found):6.2f} {unit}, most {found[-1]:6.2f} {unit}"


async def main_async(runs: int, workers: int, times: dict[str, int], seed: int) -> int:
    """Do it all; 1 if a number differs or a run is lost."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as data:
        server = Server(data, workers)
        server.launch()
        await server.ready()
        tasks: list[asyncio.Task[None]] = []
        try:
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
                owners = []
                for number in range(runs):
                    config = {**KINDS[number % len(KINDS)], "seed": number}
                    opened = (await client.post("/api/runs", json=config)).raise_for_status().json()
                    owners.append(Owner(opened))
            for owner in owners:
                await begin(server.url, owner)
                tasks.append(asyncio.create_task(owner.live(server.url, chance)))
            outcomes = []
            for what, count in times.items():
                if count:
                    async for outcome in disturb(what, server, owners, count, chance):
                        print(f"{what}: {outcome.times} of {count}", file=sys.stderr, flush=True)
                    outcomes.append(outcome)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
                states = [
                    (await client.get(f"/api/runs/{owner.run['id']}")).raise_for_status().json() for owner in owners
                ]
        finally:
            for task in tasks:
                task.cancel()
            server.stop()
    return report(owners, states, outcomes)


async def begin(url: str, owner: Owner) -> None:
    """Set a run going."""
    async with connect(f"{url.replace('http', 'ws', 1)}/api/runs/{owner.run['id']}/live", max_size=None) as line:
        await line.send(json.dumps({"op": "join", "token": owner.run["token"]}))
        await line.send(json.dumps({"op": "speed", "id": 1, "steps_per_second": SPEED}))
        await line.send(json.dumps({"op": "play", "id": 2}))
        while True:
            message = await line.recv()
            if isinstance(message, str) and json.loads(message).get("id") == 2:
                return


def report(owners: list[Owner], states: list[dict[str, Any]], outcomes: list[Outcome]) -> int:
    """Print the table; 1 if a number differs."""
    told = differing = 0
    with torch.inference_mode(False):
        for owner, state in zip(owners, states, strict=True):
            expected = alone(state, max(owner.losses))
            wrong = owner.differing | {step for step, loss in owner.losses.items() if loss != expected[step - 1]}
            told, differing = told + len(owner.losses), differing + len(wrong)
            if wrong:
                print(f"run {owner.run['id']}: {len(wrong)} steps differ, the first is {min(wrong)}")
    changes = sum(len(state["changes"]) for state in states)
    print(f"{len(owners)} runs, {told:,} steps told, {changes} changes made meanwhile")
    for outcome in outcomes:
        print(f"{outcome.what}, {outcome.times} times: {len(owners)} of {len(owners)} runs went on each time")
        print(row("until a viewer heard of it", outcome.heard))
        print(row("until it saw new steps", outcome.back))
        print(row("steps made again, in their time", outcome.repeated))
    print(f"{differing} of {told:,} losses differ from those of runs that nobody disturbed")
    return 1 if differing else 0


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, and do it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20, help="of workers")
    parser.add_argument("--stops", type=int, default=3, help="of workers, with SIGSTOP")
    parser.add_argument("--crashes", type=int, default=20, help="of the server")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    times = {"worker killed": chosen.kills, "worker stopped": chosen.stops, "server killed": chosen.crashes}
    return asyncio.run(main_async(chosen.runs, chosen.workers, times, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
