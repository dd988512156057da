"""What one person can do to another: ``python -m benchmarks.attack``, all attacks or those that are named.

A server of its own on the loopback interface, with a single worker that all share. Somebody has a default run that
plays at 100 steps a second, and sends a command ten times a second. How long these take to be acknowledged, and how
long ``/healthz`` takes, is measured without an attack and with it, by turns. The attack comes from another process, is
bounded in number and in time, and does what a browser could.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.server import Viewer, open_run, running_lab

WIDE: Final[dict[str, Any]] = {"hidden": [640] * 4, "lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5, 0.5]}]}
MANY: Final = 64  # lanes
VIEWS: Final = (
    "activity",
    "correlation",
    "damage",
    "visits",
    "gradient",
    "features",
    "variance",
    "forgotten",
    "separate",
    "average",
    "cost",
)
PATIENCE_S: Final = 120.0
LEAD_S: Final = 0.5  # that an attack is ahead of what is measured

Ready = Callable[[], None]
Attack = Callable[[str, Ready], Coroutine[Any, Any, None]]


# ---- attacks: each runs until its time is over


async def keep_reading(connection: ClientConnection) -> None:
    """Be a viewer that reads and acknowledges everything and thinks of nothing."""
    viewer = Viewer(connection)
    while True:
        await viewer.read()


@contextlib.asynccontextmanager
async def watching(url: str, run: dict[str, Any], owner: bool = False) -> AsyncIterator[ClientConnection]:
    """Watch a run, as its owner or as anybody."""
    address = f"{url.replace('http', 'ws', 1)}/api/runs/{run['id']}/live"
    async with connect(address, compression=None, max_size=None) as connection:
        token = {"token": run["token"]} if owner else {}
        await connection.send(json.dumps({"op": "join", **token}))
        yield connection


async def flood(
    url: str,
    run: dict[str, Any],
    owner: bool,
    message: Callable[[int], dict[str, Any]],
    per_second: float,
    ready: Ready,
) -> None:
    """Send so many messages a second, whatever is answered."""
    async with watching(url, run, owner) as connection:
        reading = asyncio.create_task(keep_reading(connection))
        ready()
        for number in itertools.count():
            await connection.send(json.dumps({"id": number, **message(number)}))
            await asyncio.sleep(1 / per_second)
            if reading.done():
                await reading


def question(number: int) -> dict[str, Any]:
    """Sixteen examples."""
    return {"op": "ask", "x": [[(number % 7) / 7] * 64] * 16}


async def ask_as_guest(url: str, ready: Ready) -> None:
    """33 questions a second by a viewer without a token, about four layers of 640."""
    await flood(url, open_run(url, WIDE), False, question, 33, ready)


async def ask_as_owner(url: str, ready: Ready) -> None:
    """The same by the owner."""
    await flood(url, open_run(url, WIDE), True, question, 33, ready)


async def fetch_at_once(url: str, path: str, ready: Ready, count: int = 20) -> None:
    """So many requests at once, again and again."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        ready()
        while True:
            await asyncio.gather(*(client.get(path) for _ in range(count)))


async def many_lanes(url: str, steps: int = 1000) -> dict[str, Any]:
    """A run of 64 lanes that has made so many steps."""
    lanes = [{"dropout": [0.2, 0.5], "name": f"Network {number}"} for number in range(MANY)]
    run = open_run(url, {"hidden": [8], "lanes": lanes})
    async with watching(url, run, owner=True) as connection:
        viewer = Viewer(connection)
        await viewer.ask("step", count=steps)
        while True:
            message = await viewer.read()
            if isinstance(message, dict) and message.get("reason") == "pause":
                return run


async def records(url: str, ready: Ready) -> None:
    """Twenty records of 64 lanes at once."""
    await fetch_at_once(url, f"/api/runs/{(await many_lanes(url))['id']}/record", ready)


async def scripts(url: str, ready: Ready) -> None:
    """Twenty scripts at once."""
    await fetch_at_once(url, f"/api/runs/{(await many_lanes(url, 1))['id']}/code", ready)


async def states(url: str, ready: Ready) -> None:
    """Twenty run states of 64 lanes at once."""
    await fetch_at_once(url, f"/api/runs/{(await many_lanes(url, 1))['id']}", ready)


async def schemas(url: str, ready: Ready) -> None:
    """Twenty schemas at once."""
    await fetch_at_once(url, "/api/schema", ready)


async def modules(url: str, ready: Ready) -> None:
    """Twenty times a module of the page at once."""
    await fetch_at_once(url, "/static/js/main.js", ready)


async def joins(url: str, ready: Ready) -> None:
    """Come, get all that was of 64 lanes, and go, ten at once."""
    run = await many_lanes(url)
    ready()

    async def visit() -> None:
        async with watching(url, run) as connection:
            viewer = Viewer(connection)
            while "history" not in viewer.traffic.frames:
                await viewer.read()

    while True:
        await asyncio.gather(*(visit() for _ in range(10)))


async def wide(url: str, ready: Ready) -> None:
    """Two runs of as many networks of four layers of 640 as are accepted, at full speed, with all that is to see."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            run = await as_many_as_accepted(url)
            connection = await stack.enter_async_context(watching(url, run, owner=True))
            viewer = Viewer(connection)
            await viewer.ask("ensemble", members=256)
            await viewer.ask("views", open=list(VIEWS))
            await viewer.ask("speed", steps_per_second=None)
            await viewer.ask("play")
            stack.push_async_callback(_end, asyncio.create_task(keep_reading(connection)))
        ready()
        await asyncio.Event().wait()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()


async def as_many_as_accepted(url: str) -> dict[str, Any]:
    """A run of four layers of 640 with a mini-batch of 8, of the most lanes that the API takes."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        for lanes in range(MANY, 0, -1):
            config = {**WIDE, "batch_size": 8, "train_size": 1000, "lanes": WIDE["lanes"] * lanes}
            answer = await client.post("/api/runs", json=config)
            if answer.status_code == 201:
                run: dict[str, Any] = answer.json()
                return run
    raise RuntimeError("no such run was accepted")


async def openings(url: str, ready: Ready) -> None:
    """Eight runs of 64 lanes with a thousand changes at once."""
    lanes = [{"dropout": [0.2, 0.5]} for _ in range(MANY)]
    changes = [{"step": 1 + number, "lane": number % MANY, "knobs": {"l2": number / 1e5}} for number in range(1000)]
    body = {"hidden": [8], "lanes": lanes, "changes": changes}
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        ready()
        while True:
            answers = await asyncio.gather(*(client.post("/api/runs", json=body) for _ in range(8)))
            for run in (answer.json() for answer in answers if answer.status_code == 201):
                await client.delete(f"/api/runs/{run['id']}", headers={"Authorization": f"Bearer {run['token']}"})


async def uploads(url: str, ready: Ready) -> None:
    """Four tables of a megabyte at once."""
    rows = "\n".join(
        ",".join(str((row * column) % 97 / 7) for column in range(20)) + f",{row % 3}" for row in range(8000)
    )
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        ready()
        for number in itertools.count():
            head = ",".join(f"c{column}x{number}" for column in range(20)) + ",y\n"
            await asyncio.gather(*(client.post("/api/tables", content=head + rows) for _ in range(4)))


def flooding(message: Callable[[int], dict[str, Any]], per_second: float = 45, guest: bool = False) -> Attack:
    """A flood of messages to a run of 64 lanes of four layers."""

    async def attack(url: str, ready: Ready) -> None:
        lanes = [{"dropout": [0.2, 0.5, 0.5, 0.5, 0.5]} for _ in range(MANY)]
        await flood(url, open_run(url, {"hidden": [64] * 4, "lanes": lanes}), not guest, message, per_second, ready)

    return attack


def some_views(number: int) -> dict[str, Any]:
    """Views that are opened and closed again."""
    return {"op": "views", "open": [VIEWS[number % len(VIEWS)]] if number % 2 else []}


def some_set(number: int) -> dict[str, Any]:
    """A knob that moves."""
    return {"op": "set", "lane": number % MANY, "knobs": {"l2": (number % 100) / 1e4}}


def some_ensemble(number: int) -> dict[str, Any]:
    """Many sub-networks, another number each time."""
    return {"op": "ensemble", "members": 255 + number % 2}


def some_follow(number: int) -> dict[str, Any]:
    """Another lane each time."""
    return {"op": "follow", "lane": number % MANY}


def some_steps(number: int) -> dict[str, Any]:
    """A thousand steps each time."""
    return {"op": "step", "count": 1000}


ATTACKS: Final[dict[str, Attack]] = {
    "ask": ask_as_guest,
    "ask-owner": ask_as_owner,
    "record": records,
    "wide": wide,
    "openings": openings,
    "views": flooding(some_views, guest=True),
    "ensemble": flooding(some_ensemble),
    "follow": flooding(some_follow),
    "step": flooding(some_steps),
    "set": flooding(some_set),
    "code": scripts,
    "state": states,
    "schema": schemas,
    "modules": modules,
    "joins": joins,
    "uploads": uploads,
}


# ---- the other person


@dataclass
class Waits:
    """Seconds that commands and ``/healthz`` took."""

    commands: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)


async def measure(url: str, run: dict[str, Any], seconds: float, waits: Waits) -> None:
    """Be the other person for a while."""
    async with (
        watching(url, run, owner=True) as connection,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client,
    ):
        viewer = Viewer(connection)
        await viewer.ask("play")
        end = time.perf_counter() + seconds

        async def look() -> None:
            while time.perf_counter() < end:
                began = time.perf_counter()
                await client.get("/healthz")
                waits.health.append(time.perf_counter() - began)
                await asyncio.sleep(0.1)

        looking = asyncio.create_task(look())
        while (began := time.perf_counter()) < end:
            await viewer.ask("speed", steps_per_second=100)
            waits.commands.append(time.perf_counter() - began)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    while True:
                        await viewer.read()
        await looking
        await viewer.ask("pause")


@contextlib.contextmanager
def under_attack(name: str, url: str, seconds: float) -> Iterator[None]:
    """Attack from another process, for so many seconds."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    attacker = context.Process(target=_attack, args=(name, url, ready, seconds + LEAD_S), daemon=True)
    attacker.start()
    try:
        if not ready.wait(PATIENCE_S):
            raise RuntimeError(f"the attack {name} did not begin")
        time.sleep(LEAD_S)
        yield
    finally:
        attacker.terminate()
        attacker.join()


def _attack(name: str, url: str, ready: Any, seconds: float) -> None:
    """Attack, and stop by itself: whoever waits for an answer must not wait for ever."""

    async def bounded() -> None:
        attack = asyncio.create_task(ATTACKS[name](url, begin))
        await asyncio.wait({attack})

    def begin() -> None:
        asyncio.get_running_loop().call_later(seconds, os._exit, 0)
        ready.set()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(bounded())


def told(name: str, kind: str, calm: list[float], attacked: list[float]) -> str:
    """One line: both sides and their ratio."""
    sides = [statistics.quantiles(each, n=20, method="inclusive") for each in (calm, attacked)]
    (calm50, calm95), (hit50, hit95) = ((1e3 * cuts[9], 1e3 * cuts[18]) for cuts in sides)
    most = 1e3 * max(attacked)
    return (
        f"{name:<10} {kind:<8} {calm50:>8.1f} {calm95:>8.1f} {hit50:>9.1f} {hit95:>9.1f} {most:>9.1f} "
        f"{hit50 / calm50:>7.1f}× {hit95 / calm95:>7.1f}×"
    )


def run(name: str, seconds: float, turns: int) -> None:
    """Measure one attack and print what came of it."""
    calm, attacked = Waits(), Waits()
    with running_lab() as url:
        somebody = open_run(url, {})
        asyncio.run(measure(url, somebody, 1.0, Waits()))
        for _ in range(turns):
            asyncio.run(measure(url, somebody, seconds, calm))
            with under_attack(name, url, seconds):
                asyncio.run(measure(url, somebody, seconds, attacked))
    print(told(name, "command", calm.commands, attacked.commands))
    print(told(name, "healthz", calm.health, attacked.health), flush=True)


def main() -> None:
    """Print what each attack does to somebody else."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=f"all, or some of {', '.join(ATTACKS)}")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each side is measured")
    parser.add_argument("--turns", type=int, default=1, help="turns that each side takes")
    options = parser.parse_args()
    unknown = set(options.attacks) - set(ATTACKS)
    if unknown:
        parser.error(f"there is no attack {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}")
    os.environ["DROPOUT_LAB_WORKERS"] = "1"  # which all share
    print("milliseconds of somebody else’s commands, and of /healthz")
    sides = "".join(f"{column:>9}" for column in ("p50", "p95", "p50 hit", "p95 hit", "max hit"))
    print(f"{'attack':<19}{sides} {'p50':>8} {'p95':>8}")
    for name in options.attacks or ATTACKS:
        run(name, options.seconds, options.turns)


if __name__ == "__main__":
    main()
