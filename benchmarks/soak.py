"""People who come and go for half an hour: ``python -m benchmarks.soak``.

A server of its own on the loopback interface, with a store. Some people open runs of several kinds, watch them alone or
with others, turn knobs, look back, fork, take a file away and bring it again, and end their runs or just leave. Every
ten seconds the processes are looked at: memory, threads, open files and sockets. In the end all runs are ended, and it
is counted what is left: processes, files, sockets, rows of the database, files of the store.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from app.store.database import FILE
from benchmarks.chaos import KINDS
from benchmarks.server import running_lab
from trainer.wire.frames import peek

MEANT: Final = 0.05  # that memory may grow by, from one half of the last third of the time to the other
LOOK_S: Final = 10.0
STAY_S: Final = (3.0, 20.0)  # that somebody watches a run
REST_S: Final = 15.0  # in the end, for what closes late
TABLES: Final = ("runs", "changes", "checkpoints", "uploads")


@dataclass
class Look:
    """The server's processes at some moment.

    Attributes:
        at: when, in seconds from the start.
        web: bytes of memory of the web process.
        workers: the same of all workers.
        processes: how many there are.
        threads: of all of them.
        files: that all of them have open, sockets among them.
        sockets: of the web process.
    """

    at: float
    web: int
    workers: int
    processes: int
    threads: int
    files: int
    sockets: int

    @classmethod
    def at_processes(cls, web: psutil.Process, began: float) -> Look:
        """Look at them now."""
        workers = web.children(recursive=True)
        every = [web, *workers]
        return cls(
            time.monotonic() - began,
            web.memory_info().rss,
            sum(each.memory_info().rss for each in workers),
            len(every),
            sum(each.num_threads() for each in every),
            sum(each.num_fds() for each in every),
            len(web.net_connections("all")),
        )


@dataclass
class Town:
    """Everybody, and what they did.

    Attributes:
        url: of the server.
        tokens: of runs that somebody left as they were.
        done: how often each thing was done.
        errors: what went wrong.
    """

    url: str
    tokens: dict[str, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    async def live(self, client: httpx.AsyncClient, chance: random.Random, until: float) -> None:
        """Open runs, one after the other, and do what one does with them."""
        while time.monotonic() < until:
            try:
                await self._one_run(client, chance)
            except (httpx.HTTPError, WebSocketException, OSError, TimeoutError) as problem:
                self.errors.append(repr(problem))
                await asyncio.sleep(1.0)

    async def _one_run(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        config = {**chance.choice(KINDS), "seed": chance.randrange(1000)}
        run = await self._post(client, "opened", "/api/runs", json=config)
        if run is None:
            return
        seconds = chance.uniform(*STAY_S)
        async with asyncio.TaskGroup() as together:
            together.create_task(self._watch(run, chance, seconds, run["token"]))
            for _ in range(chance.choice((0, 0, 1, 3))):
                together.create_task(self._watch(run, chance, chance.uniform(1.0, seconds)))
        own = {"Authorization": f"Bearer {run['token']}"}
        if chance.random() < 0.3:
            state = (await client.get(f"/api/runs/{run['id']}")).json()
            step = int(state.get("step", 0)) // 2
            await client.get(f"/api/runs/{run['id']}/past", params={"first": 1, "count": max(1, min(step, 50))})
            fork = {"run": run["id"], "step": step}
            if (forked := await self._post(client, "forked", "/api/runs", json={"fork": fork})) is not None:
                await self._end(client, forked)
        if chance.random() < 0.3:
            file = await client.get(f"/api/runs/{run['id']}/file", headers=own)
            if file.status_code == 200:
                brought = await self._post(client, "brought", "/api/runs/file", content=file.content)
                if brought is not None:
                    await self._end(client, brought)
        if chance.random() < 0.6:
            await self._end(client, run)
        else:
            self.tokens[run["id"]] = run["token"]
            self.done["left"] += 1

    async def _post(self, client: httpx.AsyncClient, what: str, path: str, **given: Any) -> dict[str, Any] | None:
        answer = await client.post(path, **given)
        if answer.is_success:
            self.done[what] += 1
            run: dict[str, Any] = answer.json()
            return run
        if answer.status_code in (429, 503):  # there is no room: one tries again
            self.done[f"refused with {answer.status_code}"] += 1
            await asyncio.sleep(2.0)
        else:
            self.errors.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        return None

    async def _end(self, client: httpx.AsyncClient, run: dict[str, Any]) -> None:
        own = {"Authorization": f"Bearer {run['token']}"}
        answer = await client.delete(f"/api/runs/{run['id']}", headers=own)
        if answer.status_code not in (204, 404):
            self.errors.append(f"ended: {answer.status_code} {answer.text[:200]}")
        self.done["ended"] += 1

    async def _watch(self, run: dict[str, Any], chance: random.Random, seconds: float, token: str = "") -> None:
        """Watch for a while; the owner sets it going and turns a knob."""
        address = f"{self.url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live"
        async with connect(address, compression=None, max_size=None) as line:
            await line.send(json.dumps({"op": "join", "token": token} if token else {"op": "join"}))
            if token:
                await line.send(json.dumps({"op": "play", "id": 1}))
                knobs = {"l2": round(chance.uniform(0, 0.01), 5)}
                await line.send(json.dumps({"op": "set", "id": 2, "lane": 0, "knobs": knobs}))
                views = chance.sample(["activity", "damage", "correlation", "cost"], 2)
                await line.send(json.dumps({"op": "views", "id": 3, "open": views}))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    async for received in line:
                        if isinstance(received, bytes):
                            await line.send(f'{{"op":"credit","seq":{peek(received)[2]}}}')
        self.done["watched"] += 1

    async def leave_nothing(self, client: httpx.AsyncClient) -> None:
        """End what was left."""
        for run, token in self.tokens.items():
            await self._end(client, {"id": run, "token": token})


async def soak(url: str, web: psutil.Process, people: int, seconds: float, seed: int) -> tuple[list[Look], Town]:
    """Let them live for so long; how the processes were before, during and after it."""
    town, began = Town(url), time.monotonic()
    looks = [Look.at_processes(web, began)]
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        until = began + seconds
        lives = [asyncio.create_task(town.live(client, random.Random(seed + each), until)) for each in range(people)]
        while time.monotonic() < until:
            await asyncio.sleep(min(LOOK_S, max(0.1, until - time.monotonic())))
            looks.append(Look.at_processes(web, began))
            if len(looks) % 6 == 0:
                print(f"{looks[-1]}  {dict(town.done)}", file=sys.stderr, flush=True)
        await asyncio.gather(*lives)
        await town.leave_nothing(client)
    await asyncio.sleep(REST_S)
    looks.append(Look.at_processes(web, began))
    return looks, town


def growth(looks: list[Look], what: str) -> tuple[float, float, float]:
    """The medians of both halves of the last third of the time, and by how much the second is more."""
    own = [getattr(look, what) for look in looks[1:-1]]
    last = own[-(len(own) // 3) :]
    first, second = (statistics.median(half) for half in (last[: len(last) // 2], last[len(last) // 2 :]))
    return first, second, second / first - 1


def rest(data: Path) -> dict[str, int]:
    """What is left in the store: rows of each table, and files of checkpoints."""
    with contextlib.closing(sqlite3.connect(data / FILE)) as database:
        rows = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    return rows | {"files": sum(1 for _ in data.rglob("*.safetensors"))}


def report(looks: list[Look], town: Town, left: dict[str, int]) -> bool:
    """Print what came of it; whether memory is flat and nothing is left."""
    print(", ".join(f"{count:,} {what}" for what, count in sorted(town.done.items())))
    flat = True
    for what, name in (("web", "web process"), ("workers", "workers")):
        first, second, more = growth(looks, what)
        flat = flat and more <= MEANT
        print(
            f"memory of the {name:12} {first / 1e6:>8,.0f} MB, then {second / 1e6:,.0f} MB: {100 * more:+.1f}% "
            f"(meant: at most {100 * MEANT:.0f}%)"
        )
    before, after = looks[0], looks[-1]
    for what in ("processes", "threads", "files", "sockets"):
        most = max(getattr(look, what) for look in looks)
        print(f"{what:26} {getattr(before, what):>8,} before, {most:,} at most, {getattr(after, what):,} after")
    print(f"left in the store          {left}")
    print(f"errors                     {len(town.errors):>8}   {town.errors[0] if town.errors else ''}")
    return flat and not any(left.values()) and not town.errors and after.processes == before.processes


def main() -> int:
    """Print how the server fares; 1 if it grows, leaves something behind, or something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--people", type=int, default=8, help="who open runs at the same time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {"DROPOUT_LAB_DATA": data, "DROPOUT_LAB_KEEP": "true", "DROPOUT_LAB_RUN_IDLE_MINUTES": "1"}
        os.environ |= {"DROPOUT_LAB_CLIENT_SHARE": "1", "DROPOUT_LAB_MAX_OPENINGS_PER_MINUTE": "1000"}
        with running_lab() as url:
            web = next(each for each in psutil.Process().children() if "app" in each.cmdline())
            looks, town = asyncio.run(soak(url, web, options.people, 60 * options.minutes, options.seed))
            left = rest(Path(data))
    return 0 if report(looks, town, left) else 1


if __name__ == "__main__":
    raise SystemExit(main())
