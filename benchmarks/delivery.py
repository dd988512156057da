"""How fast the page arrives, bundled and as single modules, taking turns: ``python -m benchmarks.delivery``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import itertools
import json
import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
import psutil
from playwright.sync_api import sync_playwright
from websockets.asyncio.client import connect

from benchmarks.server import open_run
from scripts.bundle import bundle
from tests.browser.arrival import A_LESSON, THE_LAB, Visit, relay, two_visits
from tests.browser.chromium import arguments, find_or_install
from tests.browser.servers import Lab
from trainer.wire.frames import decode

NETWORKS: Final[dict[str, dict[str, float]]] = {
    "10 Mbit/s, 60 ms": {"downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8, "latency": 60},
    "not throttled": {},
}
SLOW: Final = {"downloadThroughput": 400e3 / 8, "uploadThroughput": 400e3 / 8, "latency": 400}
PATIENCE_S: Final = 120.0
VISITORS: Final = 40
WITHIN_S: Final = 5.0
ACCEPTS: Final = "gzip, deflate, br, zstd"  # as Chromium says it
CONNECTIONS: Final = 6  # of a browser to one server

# ---- a class that opens the link at once


async def load(url: str, accepts: str) -> int:
    """Fetch the page and every file that it names, as a browser does; the bytes that were read."""
    parts = urlsplit(url)
    waiting: asyncio.Queue[str] = asyncio.Queue()
    seen = {parts.path}
    total = 0

    async def fetch(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str) -> bytes:
        reader, writer = streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: {accepts}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head.splitlines()[0].decode()}")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length
        body = await reader.readexactly(int(length[1]))
        return gzip.decompress(body) if path == parts.path and b"gzip" in head else body

    async def connected(work: Callable[[Any], Any]) -> None:
        streams = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            await work(streams)
        finally:
            streams[1].close()

    async def the_page(streams: Any) -> None:
        nonlocal total
        html = await fetch(streams, parts.path or "/")
        total += len(html)
        named = re.findall(r'(?:src|href|data-plotly-url)="([^"#]+\.(?:js|css|svg))"', html.decode())
        folder = urljoin(url, next(name for name in named if name.endswith("main.js"))).rpartition("/")[0]
        worker = "network-worker.js" if "/js" not in urlsplit(folder).path else "paint/network-worker.js"
        for address in [*(urljoin(url, name) for name in named), f"{folder}/{worker}"]:
            path = urlsplit(address).path
            if path not in seen:
                seen.add(path)
                waiting.put_nowait(path)

    async def the_rest(streams: Any) -> None:
        nonlocal total
        while not waiting.empty():
            size = len(await fetch(streams, waiting.get_nowait()))
            total += size

    await connected(the_page)
    await asyncio.gather(*(connected(the_rest) for _ in range(CONNECTIONS)))
    return total


async def rush(url: str, accepts: str, run: str | None) -> int:
    """Forty visitors come within five seconds; the bytes that they read.

    Args:
        url: of the page.
        accepts: how it may be compressed.
        run: the run that each of them watches from then on until all have come, if they do.
    """
    end = time.monotonic() + WITHIN_S

    async def one(index: int) -> int:
        await asyncio.sleep(index * WITHIN_S / VISITORS)
        size = await load(url, accepts)
        return size + (await join(url, run, end) if run else 0)

    return sum(await asyncio.gather(*(one(index) for index in range(VISITORS))))


async def join(url: str, run: str, end: float) -> int:
    """Watch a run until a time of the monotonic clock; the bytes that were read."""
    size = 0
    address = f"{url.replace('http', 'ws', 1)}api/runs/{run}/live"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, end - time.monotonic())), connect(address, max_size=None) as socket:
            await socket.send(json.dumps({"op": "join"}))
            async for received in socket:
                if isinstance(received, bytes):
                    size += len(received)
                    await socket.send(json.dumps({"op": "credit", "seq": decode(received).seq}))
    return size


def watch(url: str, run: dict[str, Any], seconds: float, told: Any) -> None:
    """In a process of its own: play a run and note when each frame with steps arrives."""

    async def main() -> list[float]:
        times: list[float] = []
        address = url.replace("http", "ws", 1) + f"/api/runs/{run['id']}/live"
        async with connect(address, compression=None, max_size=None) as socket:
            await socket.send(json.dumps({"op": "join", "token": run["token"]}))
            await socket.send(json.dumps({"op": "speed", "id": 1, "steps_per_second": 100}))
            await socket.send(json.dumps({"op": "play", "id": 2}))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                received = await socket.recv()
                if isinstance(received, bytes):
                    frame = decode(received)
                    if frame.kind == "steps":
                        times.append(time.monotonic())
                    await socket.send(json.dumps({"op": "credit", "seq": frame.seq}))
        return times

    told.put(asyncio.run(main()))


def class_comes(lab: Lab, watches: bool) -> dict[str, float]:
    """A run trains and is watched; after a while a class comes. CPU of the web process, and how late frames were.

    Args:
        lab: where.
        watches: whether everybody of the class watches the run.
    """
    run = open_run(lab.url, {})
    told: Any = multiprocessing.Queue()
    quiet_s, busy_s = 6.0, WITHIN_S + 2.0
    watcher = multiprocessing.Process(target=watch, args=(lab.url, run, quiet_s + busy_s, told))
    watcher.start()
    process = psutil.Process(lab.pid)

    def cpu() -> float:
        times = process.cpu_times()
        return times.user + times.system

    time.sleep(1.0)
    marks = [(time.monotonic(), cpu())]
    time.sleep(quiet_s - 1.0)
    marks.append((time.monotonic(), cpu()))
    size = asyncio.run(rush(lab.url + "/", ACCEPTS, run["id"] if watches else None))
    marks.append((time.monotonic(), cpu()))
    times: list[float] = told.get(timeout=60)
    watcher.join()

    def gaps(start: float, end: float) -> list[float]:
        inside = [each for each in times if start <= each <= end]
        return [later - earlier for earlier, later in itertools.pairwise(inside)] or [0.0]

    (t0, c0), (t1, c1), (t2, c2) = marks
    usual = statistics.median(gaps(t0, t1))
    quiet = (c1 - c0) / (t1 - t0)  # what the run costs by itself, in cores
    return {
        "cpu_s": (c2 - c1) - quiet * (t2 - t1),
        "took_s": t2 - t1,
        "late_ms": (max(gaps(t1, t2)) - usual) * 1000,
        "late_quiet_ms": (max(gaps(t0, t1)) - usual) * 1000,
        "MB": size / 1e6,
    }


# ---- everything


WAYS: Final = {"bundle": "0", "single modules": "1"}


# ---- a phone on a slow network


def phone_comes(lab: Lab) -> None:
    """A student joins a room by the address in the QR code, at 400 kbit/s and 400 ms; print how long it takes."""
    answer = httpx.post(f"{lab.url}/api/rooms", json={}, trust_env=False).json()
    with (
        relay(lab.port) as (door, traffic),
        sync_playwright() as playwright,
        contextlib.closing(playwright.chromium.launch(executable_path=find_or_install(), args=arguments())) as chromium,
    ):
        context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", {"offline": False, **SLOW})
        began = time.monotonic()
        page.goto(f"http://127.0.0.1:{door}/r/{answer['code']}", wait_until="commit", timeout=PATIENCE_S * 1000)
        name = page.get_by_role("textbox", name="Your name")
        name.wait_for(timeout=PATIENCE_S * 1000)
        asks = time.monotonic() - began
        size, requests = traffic.received / 1000, len(traffic.requests)
        name.fill("Ada")
        began = time.monotonic()
        name.press("Enter")
        page.get_by_text("Ada", exact=False).first.wait_for(timeout=PATIENCE_S * 1000)
        inside = time.monotonic() - began
        print(
            f"\na phone at 400 kbit/s and 400 ms: asks for a name after {asks:.1f} s, with {requests} requests and "
            f"{size:.0f} KB; in the room {inside:.1f} s after the name (meant: at most 120 KB)",
            flush=True,
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="visits of each kind")
    parser.add_argument("--phone", action="store_true", help="only a phone that joins a room")
    parser.add_argument("--lesson", action="store_true", help="only the first lesson")
    chosen = parser.parse_args()
    rounds = chosen.rounds
    told = bundle()
    print(f"bundle of {len(told['files'])} files, {os.cpu_count()} cores")
    with contextlib.ExitStack() as stack:
        labs = {}
        for way, single in WAYS.items():
            labs[way] = Lab(
                timeout_s=120, DROPOUT_LAB_SINGLE_MODULES=single, DROPOUT_LAB_WORKERS="1", DROPOUT_LAB_THREADS="1"
            )
            stack.callback(labs[way].stop)
        if chosen.phone:
            phone_comes(labs["bundle"])
        if chosen.lesson:
            lesson_comes(labs["bundle"], rounds)
        if chosen.phone or chosen.lesson:
            return 0
        for name, network in NETWORKS.items():
            found: dict[str, list[tuple[Visit, Visit]]] = {way: [] for way in labs}
            for _ in range(rounds):
                for way, lab in labs.items():
                    found[way].append(_in_a_browser_of_its_own(lab.port, network))
            print(f"\n{name}; medians of {rounds}")
            print("| | works | first chart | requests before it works | KB before it works |")
            print("|---|---|---|---|---|")
            for index, which in enumerate(("first visit", "second visit")):
                figures = {way: _medians([each[index] for each in visits]) for way, visits in found.items()}
                for way, (works, chart, requests, size) in figures.items():
                    print(f"| {which}, {way} | {works:.2f} s | {chart:.2f} s | {requests:.0f} | {size:.0f} |")
                ratios = [mine / other for mine, other in zip(*figures.values(), strict=True)]
                print(f"| ratio | {ratios[0]:.2f} | {ratios[1]:.2f} | {ratios[2]:.2f} | {ratios[3]:.2f} |", flush=True)
        lesson_comes(labs["bundle"], rounds)
        phone_comes(labs["bundle"])
        print(f"\n{VISITORS} visitors within {WITHIN_S:g} s, one run training, watched")
        print("| | CPU of the web process | frames at most late | without visitors | sent |")
        print("|---|---|---|---|---|")
        for way, watches in (("bundle", False), ("single modules", False), ("bundle", True)):
            came = class_comes(labs[way], watches)
            name = f"{way}, and all of them watch the run" if watches else way
            late = f"{came['late_ms']:.0f} ms | {came['late_quiet_ms']:.0f} ms"
            print(f"| {name} | {came['cpu_s']:.2f} s | {late} | {came['MB']:.1f} MB |", flush=True)
    return 0


def lesson_comes(lab: Lab, rounds: int) -> None:
    """Print how fast the first lesson can be read, and worked with."""
    print(f"\n/lessons/1, medians of {rounds}")
    print("| | can be read | works | requests before it works | KB before it works |")
    print("|---|---|---|---|---|")
    for name, network in NETWORKS.items():
        visits = [_in_a_browser_of_its_own(lab.port, network, "lessons/1", A_LESSON) for _ in range(rounds)]
        for index, which in enumerate(("first visit", "second visit")):
            own = [each[index] for each in visits]
            readable, works = (statistics.median(each.times[what] for each in own) for what in ("readable", "works"))
            requests = statistics.median(len(each.before.requests) for each in own)
            size = statistics.median(each.before.received / 1000 for each in own)
            print(f"| {which}, {name} | {readable:.2f} s | {works:.2f} s | {requests:.0f} | {size:.0f} |", flush=True)


def _in_a_browser_of_its_own(
    port: int, network: dict[str, float], path: str = "", found: Mapping[str, str] = THE_LAB
) -> tuple[Visit, Visit]:
    """A first visit and a second; Chromium's emulation may stall a page that comes after another was closed."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_or_install(), args=arguments())
        try:
            return two_visits(chromium, port, network, path, found)
        finally:
            chromium.close()


def _medians(visits: list[Visit]) -> tuple[float, float, float, float]:
    return (
        statistics.median(each.works_s for each in visits),
        statistics.median(each.chart_s for each in visits),
        statistics.median(len(each.before.requests) for each in visits),
        statistics.median(each.before.received / 1000 for each in visits),
    )


if __name__ == "__main__":
    sys.exit(main())
