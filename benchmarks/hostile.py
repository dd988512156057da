"""A hostile client for a minute, and how the others fare meanwhile: ``python -m benchmarks.hostile``.

A server of its own on the loopback interface, with a single worker that all share and no store, so that what is ended
is lost. From 127.0.0.2 one client does all of `benchmarks.tricks` at once, in a process of its own. From 127.0.0.1
somebody has a default run that plays at 100 steps a second and sends a command ten times a second; others come, open a
run and watch it, upload a table, and find again what they had. Measured first without the attack, then with it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.attack import Waits, measure
from benchmarks.server import open_run, running_lab
from benchmarks.tricks import TABLE, TRICKS, Hostile

PATIENCE_S: Final = 60.0
VISIT_EVERY_S: Final = 1.0
LEAD_S: Final = 12.0  # that the attack is ahead of what is measured: by then it has met all limits
SLOTS: Final = 12  # runs that visitors have, beyond which they end their oldest


@dataclass
class Visits:
    """How the others fare.

    Attributes:
        openings: seconds that it took to open a run and to be greeted as its viewer.
        uploads: seconds that it took to upload a table.
        refused: what was refused or broke off, by kind.
        lost: runs that were there no longer.
    """

    openings: list[float] = field(default_factory=list)
    uploads: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0


async def visit(client: httpx.AsyncClient, url: str, number: int, visits: Visits) -> dict[str, Any] | None:
    """Come once: upload a table, open a run, watch it until the greeting is there; the run."""
    began = time.perf_counter()
    answer = await client.post("/api/tables", content=f"{TABLE}\n{number},1,1")
    if answer.status_code == 201:
        visits.uploads.append(time.perf_counter() - began)
    else:
        visits.refused[f"upload: {answer.json()['error']['code']}"] += 1
    began = time.perf_counter()
    answer = await client.post("/api/runs", json={"seed": number})
    if answer.status_code != 201:
        visits.refused[f"opening: {answer.json()['error']['code']}"] += 1
        return None
    run: dict[str, Any] = answer.json()
    try:
        async with connect(f"{url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live", compression=None) as viewer:
            await viewer.send('{"op": "join"}')
            said = json.loads(await viewer.recv())
    except (OSError, WebSocketException) as error:
        visits.refused[f"viewer: {type(error).__name__}"] += 1
        return run
    if said["op"] == "hello":
        visits.openings.append(time.perf_counter() - began)
    else:
        visits.refused[f"viewer: {said['error']['code']}"] += 1
    return run


async def keep_visiting(url: str, seconds: float, visits: Visits) -> None:
    """Come again and again, and see whether all that was opened is still there."""
    end = time.perf_counter() + seconds
    mine: list[dict[str, Any]] = []
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        number = 0
        while time.perf_counter() < end:
            number += 1
            try:
                run = await visit(client, url, number, visits)
            except httpx.HTTPError as error:
                visits.refused[f"request: {type(error).__name__}"] += 1
                run = None
            mine += [run] if run else []
            while len(mine) > SLOTS:
                await end_run(client, mine.pop(0), visits)
            await asyncio.sleep(VISIT_EVERY_S)
        for run in mine:
            await end_run(client, run, visits)


async def end_run(client: httpx.AsyncClient, run: dict[str, Any], visits: Visits) -> None:
    """End a run that should be there."""
    bearer = {"Authorization": f"Bearer {run['token']}"}
    answer = await client.delete(f"/api/runs/{run['id']}", headers=bearer)
    visits.lost += answer.status_code == 404


@contextlib.contextmanager
def hostile_client(url: str, run: str) -> Iterator[Any]:
    """Let a hostile client loose in a process of its own; yields what it will have had in the end."""
    context = multiprocessing.get_context("spawn")
    told, over = context.SimpleQueue(), context.Event()
    attacker = context.Process(target=_attack, args=(urlsplit(url).port, run, told, over), daemon=True)
    attacker.start()
    had: dict[str, Any] = {}
    time.sleep(LEAD_S)
    try:
        yield had
    finally:
        over.set()
        attacker.join(PATIENCE_S)
        if attacker.is_alive():
            attacker.terminate()
        elif not told.empty():
            had.update(told.get())


def _attack(port: int, run: str, told: Any, over: Any) -> None:
    async def work() -> None:
        hostile = Hostile(port, run)
        attack = [asyncio.create_task(trick(hostile)) for trick in TRICKS[:-1]]
        await asyncio.sleep(LEAD_S / 2)  # or there would be no connections left for them
        attack.append(asyncio.create_task(TRICKS[-1](hostile)))
        await asyncio.to_thread(over.wait)
        for task in attack:
            task.cancel()
        told.put({"got": dict(hostile.got), "refused": dict(hostile.refused)})
        os._exit(0)  # with all its connections, as they are

    asyncio.run(work())


async def measure_all(url: str, run: dict[str, Any], seconds: float) -> tuple[Waits, Visits]:
    """Measure both, somebody who works and others who come."""
    waits, visits = Waits(), Visits()
    await asyncio.gather(measure(url, run, seconds, waits), keep_visiting(url, seconds, visits))
    return waits, visits


def row(name: str, calm: list[float], hit: list[float]) -> str:
    """One line: milliseconds without the attack and with it."""
    cells = []
    for values in (calm, hit):
        cuts = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else [float("nan")] * 19
        cells += [f"{1e3 * cut:>9.1f}" for cut in (cuts[9], cuts[18], max(values, default=float("nan")))]
    return f"{name:<24}{len(calm):>6} {len(hit):>6}{''.join(cells)}"


def main() -> None:
    """Print how the others fare while one client is hostile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the attack is measured")
    parser.add_argument("--calm", type=float, default=20.0, help="how long it is measured without one before")
    options = parser.parse_args()
    os.environ |= {"DROPOUT_LAB_WORKERS": "1", "DROPOUT_LAB_KEEP": "false", "DROPOUT_LAB_LOG_LEVEL": "error"}
    with running_lab() as url:
        somebody = open_run(url, {})
        asyncio.run(measure(url, somebody, 1.0, Waits()))
        calm, quiet = asyncio.run(measure_all(url, somebody, options.calm))
        with hostile_client(url, somebody["id"]) as had:
            hit, harmed = asyncio.run(measure_all(url, somebody, options.seconds))
    columns = "".join(f"{name:>9}" for name in ("p50", "p95", "max", "p50 hit", "p95 hit", "max hit"))
    print(f"{'milliseconds':<24}{'n':>6} {'n hit':>6}{columns}")
    print(row("a command", calm.commands, hit.commands))
    print(row("/healthz", calm.health, hit.health))
    print(row("opening, to the greeting", quiet.openings, harmed.openings))
    print(row("uploading a table", quiet.uploads, harmed.uploads))
    print(f"others refused: {dict(harmed.refused) or 'none'}; runs of others lost: {harmed.lost}")
    print("\nwhat the hostile client had, and how it was refused")
    for trick, count in sorted(had.get("got", {}).items()):
        said = ", ".join(f"{code} {n:,}" for (name, code), n in sorted(had["refused"].items()) if name == trick)
        print(f"{trick:<24}{count:>8,}   {said}")


if __name__ == "__main__":
    main()
