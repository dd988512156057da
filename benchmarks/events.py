"""Events and POSTs beside a WebSocket, as a viewer sees them: ``python -m benchmarks.events``.

By turns a single viewer watches the default run over a WebSocket and by server-sent events, at full speed and at 100
steps a second: the steps whose masks it got each second, and how long its commands took to be answered. Then one of
each kind watches the same run at once: how much later a step arrives by events. Both decode every frame and
acknowledge it as the page does, by POST every 50 ms at most.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
from websockets.asyncio.client import connect

from benchmarks.server import Connection, Viewer, open_run, running_lab
from trainer.wire.frames import Frame

CREDIT_S: Final = 0.05
SPEEDS: Final[dict[str, float | None]] = {"full speed": None, "100 steps/s": 100.0}
WAYS: Final = ("websocket", "events")
PROBES_S: Final = 0.25  # between two commands whose answers are waited for


class EventStream:
    """A connection that is a stream of events one way and POSTs the other.

    Args:
        client: sends requests.
        lines: of the stream.
        path: of the run.
    """

    def __init__(self, client: httpx.AsyncClient, lines: AsyncIterator[str], path: str) -> None:
        self._client = client
        self._lines = lines
        self._path = path
        self._seat = ""
        self._credit: Any = None
        self._mouth = asyncio.Lock()  # one POST at a time
        self._crediting: asyncio.Task[None] | None = None

    async def recv(self) -> str | bytes:
        """The next message or frame."""
        name = ""
        async for line in self._lines:
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: ") and name == "seat":
                self._seat = json.loads(line[6:])["seat"]
            elif line.startswith("data: "):
                return base64.b64decode(line[6:]) if name == "frame" else line[6:]
        raise EOFError("the stream has ended")

    async def send(self, text: str) -> None:
        """Say something: a command at once, a credit soon, with those that come meanwhile."""
        message = json.loads(text)
        if message["op"] != "credit":
            await self._post(message)
            return
        self._credit = message
        if self._crediting is None or self._crediting.done():
            self._crediting = asyncio.create_task(self._credit_soon())

    async def _credit_soon(self) -> None:
        await asyncio.sleep(CREDIT_S)
        await self._post(self._credit)

    async def _post(self, message: Any) -> None:
        async with self._mouth:
            body = {"seat": self._seat, "messages": [message]}
            (await self._client.post(f"{self._path}/commands", json=body)).raise_for_status()

    async def close(self) -> None:
        """Say nothing any more."""
        if self._crediting is not None:
            self._crediting.cancel()


@contextlib.asynccontextmanager
async def watching(url: str, run: dict[str, Any], way: str) -> AsyncIterator[Viewer]:
    """Own a run, one way or the other."""
    path = f"/api/runs/{run['id']}"
    if way == "websocket":
        async with connect(f"{url.replace('http', 'ws', 1)}{path}/live", compression=None, max_size=None) as socket:
            await socket.send(json.dumps({"op": "join", "token": run["token"]}))
            yield Viewer(socket)
        return
    headers = {"Authorization": f"Bearer {run['token']}"}
    async with (
        httpx.AsyncClient(base_url=url, timeout=None) as client,
        client.stream("GET", f"{path}/events", headers=headers) as answer,
    ):
        stream: Connection = EventStream(client, answer.aiter_lines(), path)
        viewer = Viewer(stream)
        await viewer.read()  # hello, and with it the seat
        yield viewer
        await stream.close()


async def watch_alone(
    url: str, run: dict[str, Any], way: str, speed: float | None, seconds: float
) -> tuple[float, float]:
    """Steps a second whose masks came, and the median of the seconds in which a command was answered."""
    async with watching(url, run, way) as viewer:
        await viewer.ask("speed", steps_per_second=speed)
        await viewer.ask("play")
        before, started, waits = viewer.traffic.steps, time.perf_counter(), []
        while (began := time.perf_counter()) - started < seconds:
            await viewer.ask("speed", steps_per_second=speed)
            waits.append(time.perf_counter() - began)
            while time.perf_counter() - began < PROBES_S:
                await viewer.read()
        rate = (viewer.traffic.steps - before) / (time.perf_counter() - started)
        await viewer.ask("pause")
        if viewer.traffic.skipped:
            print(f"  {way}: {viewer.traffic.skipped} masks were left out, because they piled up")
        return rate, statistics.median(waits)


async def arrivals(viewer: Viewer, until: float) -> dict[int, float]:
    """When each step arrived."""
    found: dict[int, float] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            while True:
                message = await viewer.read()
                if isinstance(message, Frame) and message.kind == "steps":
                    found.update(dict.fromkeys(message.tensors["step"].tolist(), time.perf_counter()))
    return found


async def watch_both(url: str, run: dict[str, Any], speed: float | None, seconds: float) -> list[float]:
    """How many seconds later each step arrives by events than over a WebSocket that watches the same run."""
    async with watching(url, run, WAYS[0]) as first, watching(url, run, WAYS[1]) as second:
        await first.ask("speed", steps_per_second=speed)
        await first.ask("play")
        until = asyncio.get_running_loop().time() + seconds
        by_socket, by_events = await asyncio.gather(arrivals(first, until), arrivals(second, until))
    return [by_events[step] - at for step, at in by_socket.items() if step in by_events]


async def compare(url: str, name: str, speed: float | None, seconds: float, turns: int) -> None:
    """Measure both ways at one speed and print what came of it."""
    run = await asyncio.to_thread(open_run, url, {})
    figures: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(turns):
        for way in WAYS:
            figures[way].append(await watch_alone(url, run, way, speed, seconds))
    for place, what, scale in ((0, "steps/s", 1.0), (1, "answer, ms", 1e3)):
        socket, events = (scale * statistics.median(each[place] for each in figures[way]) for way in WAYS)
        print(f"{name:<12} {what:<24} {socket:>10.1f} {events:>10.1f} {events / socket:>7.2f}×", flush=True)
    later = sorted(1e3 * each for each in await watch_both(url, run, speed, seconds))
    cuts = statistics.quantiles(later, n=20, method="inclusive")
    print(f"{name:<12} later by events, ms: {cuts[9]:.1f} p50, {cuts[18]:.1f} p95 ({len(later):,} steps)", flush=True)


def main() -> None:
    """Print both sides and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each turn takes")
    parser.add_argument("--turns", type=int, default=1, help="turns that each way takes")
    options = parser.parse_args()
    print(f"{'':<37} {'websocket':>10} {'events':>10} {'ratio':>8}")
    with running_lab() as url:
        for name, speed in SPEEDS.items():
            asyncio.run(compare(url, name, speed, options.seconds, options.turns))


if __name__ == "__main__":
    main()
