"""A class of a hundred phones in one room: ``python -m benchmarks.room``.

A server of its own on the loopback interface with the workers that it chooses, a host, a projector and as many students
as are asked for, all of them real WebSockets of one process. They join within ten seconds, each gets a place of the
class run, and each moves its slider again and again while the run plays. Measured are the time until a student has the
answer to its own change, and until the projector shows it; then the same while a stranger from another address tries
all that strangers try; then some students are away for a minute and come back, half of them from another address, and
the server is killed and started again. With ``--own``, students have a run each, and the host sees all of them; beside
it the same training without a server, in turn. With ``--lanes``, what one run of many lanes is worth beside as many
runs of one.
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
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import torch
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.pool.local import usable_cores
from app.rooms.open import HIDDEN
from app.rooms.people import HIDDEN_RATE, INPUT_RATE
from benchmarks.load import MEANT, MEANT_SLOWEST, SETTLE_S, plain_block, plain_side
from trainer.settings.config import parse
from trainer.training.experiment import Experiment

ROOT: Final = Path(__file__).resolve().parents[1]
JOIN_S: Final = 10.0
TURNS_S: Final = (1.0, 3.0)  # from one change of a student to the next
PATIENCE_S: Final = 120.0
AWAY_S: Final = 60.0
ELSEWHERE: Final = "127.0.0.3"  # from where some come back,
STRANGER: Final = "127.0.0.2"  # and from where a stranger comes
MEANT_ACK_P95_S: Final = 0.2
MEANT_SEEN_P95_S: Final = 1.0
MEANT_SEEN_MEDIAN_S: Final = 0.25
MEANT_LANES: Final = 4.0
MEANT_FRAMES: Final = 10.0


@dataclass
class Phone:
    """A reader of the room; it draws whatever comes at once.

    Attributes:
        url: of the server.
        code: of the room.
        token: its own.
        topics: the newest of each.
        acks: seconds until each of its changes was answered.
        refusals: what it was refused.
        source: the address that it comes from; None: the usual one.
    """

    url: str
    code: str
    token: str | None
    shows: str | None = None
    source: str | None = None
    topics: dict[str, dict[str, Any]] = field(default_factory=dict)
    acks: list[float] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    hidden: float | None = None
    came: Any = None
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _ids: int = 0
    _connection: ClientConnection | None = None
    _reading: asyncio.Task[None] | None = None

    async def enter(self) -> None:
        """Connect, again and again until it works."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    address = f"{self.url.replace('http', 'ws')}/api/rooms/{self.code}/live"
                    place: dict[str, Any] = {} if self.source is None else {"local_addr": (self.source, 0)}
                    self._connection = await connect(address, proxy=None, ping_interval=None, compression=None, **place)
                    break
                except (OSError, InvalidStatus, TimeoutError):
                    await asyncio.sleep(random.uniform(0.2, 0.6))
        token = {} if self.token is None else {"token": self.token}
        shows = {} if self.shows is None else {"shows": self.shows}
        await self._connection.send(json.dumps({"op": "join", **token, **shows}))
        self._reading = asyncio.create_task(self._read(self._connection))

    async def _read(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            async for text in connection:
                message = json.loads(text)
                if message.get("id") in self._waiting:
                    self._waiting.pop(message["id"]).set_result(message)
                    continue
                self.topics[message["op"]] = message
                if self.came is not None:
                    self.came(message)
                if "n" in message:
                    await connection.send(json.dumps({"op": "seen", "n": message["n"]}))
        for answer in self._waiting.values():
            answer.cancel()
        self._waiting.clear()

    async def say(self, op: str, **beside: Any) -> dict[str, Any]:
        """Say something; the answer, or that of a connection that has gone."""
        assert self._connection is not None
        self._ids += 1
        answer = self._waiting[self._ids] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await self._connection.send(json.dumps({"op": op, "id": self._ids, **beside}))
        async with asyncio.timeout(PATIENCE_S):
            told: dict[str, Any] = await answer
        if op == "knobs":
            self.acks.append(time.perf_counter() - began)
        if told["op"] == "error":
            self.refusals.append(told["error"]["message"])
        return told

    async def leave(self) -> None:
        """Vanish."""
        if self._connection is not None:
            await self._connection.close()
        if self._reading is not None:
            await asyncio.wait({self._reading})

    async def until(self, true: Any) -> None:
        """Wait until the topics are as they should be."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(KeyError, TypeError):
                    if true(self.topics):
                        return
                await asyncio.sleep(0.02)


class Server:
    """The lab, at a port of its own, which can be killed and started again.

    Args:
        folder: where it keeps what there is.
        settings: further environment variables.
    """

    def __init__(self, folder: str, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, "DROPOUT_LAB_DATA": folder, "PORT": str(self.port), "HOST": "127.0.0.1"}
        self._environment |= {"DROPOUT_LAB_CLIENT_SHARE": "1", **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL
        )

    async def ready(self) -> None:
        """Wait until it has a worker."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/healthz")).status_code == 200:
                        return
                await asyncio.sleep(0.1)

    def signal(self, number: int) -> None:
        """Stop the server and its workers, or let them go on."""
        if self._process is not None and self._process.poll() is None:
            web = psutil.Process(self._process.pid)
            for process in (web, *web.children(recursive=True)):
                process.send_signal(number)

    def kill(self) -> None:
        """Kill it, without a word; its workers end by themselves."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)


class Sight:
    """How long each change takes until the projector shows it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.steps: list[int] = []
        self._wanted: dict[str, tuple[float, float]] = {}

    def wants(self, student: str, hidden: float) -> None:
        """A student has just said so."""
        self._wanted[student] = (hidden, time.perf_counter())

    def came(self, message: dict[str, Any]) -> None:
        """The projector has got something."""
        if message["op"] != "places":
            return
        self.steps.append(message["step"])
        now = time.perf_counter()
        for place in message["places"]:
            hidden, since = self._wanted.get(place["id"], (None, 0.0))
            if hidden is not None and abs(place["hidden"] - hidden) < 1e-9:
                self.seconds.append(now - since)
                del self._wanted[place["id"]]

    @property
    def missing(self) -> int:
        """Changes that were not shown."""
        return len(self._wanted)


async def join(server: Server, code: str, count: int) -> list[tuple[str, Phone]]:
    """Have so many students join within ten seconds, each at a moment of its own."""

    async def one(number: int, client: httpx.AsyncClient) -> tuple[str, Phone]:
        await asyncio.sleep(random.uniform(0, 0.8 * JOIN_S))
        answer = await client.post(f"/api/rooms/{code}/students", json={"name": f"Student {number}"})
        answer.raise_for_status()
        phone = Phone(server.url, code, answer.json()["token"])
        await phone.enter()
        await phone.until(lambda topics: topics["you"])
        return answer.json()["id"], phone

    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, trust_env=False) as client:
        return list(await asyncio.gather(*(one(number, client) for number in range(count))))


async def turn(phones: list[tuple[str, Phone]], sight: Sight, seconds: float) -> None:
    """Have every student move its slider again and again."""
    end = time.perf_counter() + seconds

    async def one(student: str, phone: Phone) -> None:
        await asyncio.sleep(random.uniform(0, TURNS_S[1]))
        while time.perf_counter() < end:
            hidden = random.randrange(0, 950) / 1000
            sight.wants(student, hidden)
            if (await phone.say("knobs", hidden=hidden))["op"] == "ack":
                phone.hidden = hidden
            await asyncio.sleep(random.uniform(*TURNS_S))

    await asyncio.gather(*(one(student, phone) for student, phone in phones))


def told(phone: Phone) -> tuple[int | None, float]:
    """The lane and the rate of a student, as its page shows them."""
    you = phone.topics["you"]
    return you["lane"], you["knobs"]["hidden"]


async def lesson(students: int, seconds: float) -> bool:
    """Measure a lesson; whether all that is meant was reached."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.start()
        try:
            await server.ready()
            return await _lesson(server, students, seconds)
        finally:
            server.stop()


async def _lesson(server: Server, students: int, seconds: float) -> bool:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        room = (await client.post("/api/rooms", json={})).json()
    host = Phone(server.url, room["code"], room["token"])
    projector, sight = Phone(server.url, room["code"], None), Sight()
    projector.came = sight.came
    await host.enter()
    await projector.enter()
    began = time.perf_counter()
    phones = await join(server, room["code"], students)
    took = time.perf_counter() - began
    print(f"{len(phones)} of {students} joined within {took:.1f} s (meant: all within {JOIN_S:g} s)")
    await host.say("begin", places=students)
    await host.say("play")
    await projector.until(lambda topics: topics["places"]["step"] > 0)
    first, at = projector.topics["places"]["step"], time.perf_counter()
    await turn(phones, sight, seconds)
    speed = (projector.topics["places"]["step"] - first) / (time.perf_counter() - at)
    await asyncio.sleep(1.5)
    acks = sorted(wait for _, phone in phones for wait in phone.acks)
    shown = sorted(sight.seconds)
    refused = sorted({each for _, phone in phones for each in phone.refusals})
    print(f"{len(acks)} changes, {students} lanes at {speed:.1f} steps/s; refused: {refused or 'none'}")
    print(f"answered: {spread(acks)} (meant: p95 at most {MEANT_ACK_P95_S * 1000:.0f} ms)")
    print(
        f"on the projector: {spread(shown)}, {sight.missing} not shown (meant: median at most "
        f"{MEANT_SEEN_MEDIAN_S * 1000:.0f} ms, p95 at most {MEANT_SEEN_P95_S * 1000:.0f} ms)"
    )
    good = [
        len(phones) == students,
        took <= JOIN_S,
        quantile(acks, 0.95) <= MEANT_ACK_P95_S,
        quantile(shown, 0.95) <= MEANT_SEEN_P95_S,
        quantile(shown, 0.5) <= MEANT_SEEN_MEDIAN_S,
        not refused,
    ]
    good.append(await attacked(server, host, room["code"], phones, sight, seconds))
    good += [await vanish(phones), await killed(server, host, projector, sight, phones)]
    await host.say("end")
    for _, phone in [*phones, ("", host), ("", projector)]:
        await phone.leave()
    return all(good)


async def attacked(
    server: Server, host: Phone, code: str, phones: list[tuple[str, Phone]], sight: Sight, seconds: float
) -> bool:
    """The class goes on while a stranger tries all that strangers try; whether nobody notices."""
    for _, phone in phones:
        phone.acks.clear()
        phone.refusals.clear()
    sight.seconds.clear()
    removed_id, removed = phones.pop()
    await host.say("remove", student=removed_id)
    before = await _members(server, code)
    told = await _with_stranger(server, code, removed.token or "", phones, turn(phones, sight, seconds))
    await asyncio.sleep(1.5)
    acks = sorted(wait for _, phone in phones for wait in phone.acks)
    shown = sorted(sight.seconds)
    refused = sorted({each for _, phone in phones for each in phone.refusals})
    print("a stranger tries, and is answered: " + "; ".join(f"{what}: {answers}" for what, answers in told.items()))
    print(f"meanwhile answered: {spread(acks)}; on the projector: {spread(shown)}; refused: {refused or 'none'}")
    after = await _members(server, code)
    print(f"students before and after: {before}, {after}")
    return quantile(acks, 0.95) <= MEANT_ACK_P95_S and quantile(shown, 0.95) <= MEANT_SEEN_P95_S and not refused


async def _members(server: Server, code: str) -> int:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        return int((await client.get(f"/api/rooms/{code}")).json()["students"])


async def _with_stranger(
    server: Server, code: str, removed: str, phones: list[tuple[str, Phone]], lesson: Any
) -> dict[str, dict[str, int]]:
    """Let a stranger try things for as long as a lesson goes on; what it was answered, and how often."""
    told: dict[str, dict[str, int]] = {}
    student = phones[0][1].token or ""
    odd = ["<img src=x onerror=alert(1)>", "\u202eevil", "=1+1", "a\nb", "", "x" * 10_000_000]

    def note(what: str, answer: str) -> None:
        told.setdefault(what, {})[answer] = told.setdefault(what, {}).get(answer, 0) + 1

    async def asks(client: httpx.AsyncClient, what: str, method: str, path: str, **beside: Any) -> None:
        try:
            answer = await client.request(method, path, **beside)
        except httpx.HTTPError as broken:
            note(what, type(broken).__name__)
        else:
            said = answer.json().get("error") if answer.headers.get("content-type", "").startswith("app") else None
            note(what, f"{answer.status_code} {said['code']}" if said else str(answer.status_code))

    async def enters(what: str, token: str, shows: str | None) -> None:
        address = f"{server.url.replace('http', 'ws')}/api/rooms/{code}/live"
        try:
            async with connect(address, proxy=None, local_addr=(STRANGER, 0)) as line:
                await line.send(json.dumps({"op": "join", "token": token, **({"shows": shows} if shows else {})}))
                await line.send(json.dumps({"op": "end", "id": 1}))
                async with asyncio.timeout(10):
                    while True:
                        message = json.loads(await line.recv())
                        if message["op"] == "error" or message.get("id") == 1:
                            note(what, message["error"]["code"] if message["op"] == "error" else "OBEYED")
                            return
        except (ConnectionClosed, InvalidStatus, OSError, TimeoutError) as error:
            note(what, type(error).__name__)

    async def tries(index: int) -> None:
        transport = httpx.AsyncHTTPTransport(local_address=STRANGER)
        async with httpx.AsyncClient(base_url=server.url, transport=transport, timeout=30) as client:
            while True:
                guess = "".join(random.choices("ABCDEFGHJKMNPQRSTUVWXYZ23456789", k=len(code)))
                await asks(client, "wrong codes", "GET", f"/api/rooms/{guess}")
                await asks(client, "joins", "POST", f"/api/rooms/{code}/students", json={"name": f"Nobody {index}"})
                name = random.choice(odd)
                what = "a name of 10 MB" if len(name) > 1000 else "odd names"
                await asks(client, what, "POST", f"/api/rooms/{code}/students", json={"name": name})
                await enters("the token of a removed student", removed, None)
                await enters("a student’s token as the host’s", student, "host")
                await asyncio.sleep(0.05)

    stranger = [asyncio.create_task(tries(index)) for index in range(4)]
    try:
        await lesson
    finally:
        for task in stranger:
            task.cancel()
        await asyncio.gather(*stranger, return_exceptions=True)
    return told


async def vanish(phones: list[tuple[str, Phone]]) -> bool:
    """Every other student loses its connection for a while, and is back with lane and knobs."""
    some = phones[::2]
    before = {student: (told(phone)[0], phone.hidden) for student, phone in some}
    await asyncio.gather(*(phone.leave() for _, phone in some))
    await asyncio.sleep(AWAY_S)
    for index, (_, phone) in enumerate(some):
        phone.topics.clear()
        phone.source = ELSEWHERE if index % 2 else None
    await asyncio.gather(*(phone.enter() for _, phone in some))
    await asyncio.gather(*(phone.until(lambda topics: topics["you"]) for _, phone in some))
    await asyncio.sleep(1)
    back = sum(told(phone) == before[student] for student, phone in some)
    print(
        f"after {AWAY_S:g} s without a connection, half of them from another address: {back} of {len(some)} back in "
        "their own lane with their own knobs"
    )
    return back == len(some)


async def killed(server: Server, host: Phone, projector: Phone, sight: Sight, phones: list[tuple[str, Phone]]) -> bool:
    """The server is killed in mid-lesson and started again."""
    await asyncio.sleep(2)
    before = {student: (told(phone)[0], phone.hidden) for student, phone in phones}
    sight.steps.clear()
    at = projector.topics["places"]["step"]
    server.kill()
    began = time.perf_counter()
    everybody = [*(phone for _, phone in phones), host, projector]
    for phone in everybody:
        phone.topics.clear()
    server.start()
    await asyncio.gather(*(phone.enter() for phone in everybody))
    await projector.until(lambda topics: topics["places"]["step"] >= at)
    took = time.perf_counter() - began
    await asyncio.gather(*(phone.until(lambda topics: topics["you"]["lane"] is not None) for _, phone in phones))
    await asyncio.sleep(2)
    back = sum(told(phone) == before[student] for student, phone in phones)
    repeated = sum(step < at for step in sight.steps)
    print(
        f"after kill -9 of the server: {back} of {len(phones)} back in their own lane with their own knobs, at step "
        f"{at:,} again after {took:.1f} s; topics of steps that the projector had shown before, which its page passes "
        f"over: {repeated}"
    )
    return back == len(phones)


async def own(students: int, rounds: int, seconds: float) -> bool:
    """Measure students with a run each, and the trainer alone, in turn; whether all that is meant was reached."""
    cores = usable_cores()
    with tempfile.TemporaryDirectory() as folder, plain_side(students, cores) as pipes:
        server = Server(folder, DROPOUT_LAB_WORKERS=str(cores), DROPOUT_LAB_MAX_RUNS=str(max(64, students)))
        server.start()
        try:
            await server.ready()
            return await _own(server, pipes, students, rounds, seconds)
        finally:
            server.signal(signal.SIGCONT)
            server.stop()


async def _own(server: Server, pipes: list[Connection], students: int, rounds: int, seconds: float) -> bool:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        room = (await client.post("/api/rooms", json={})).json()
    host = Phone(server.url, room["code"], room["token"])
    told: list[str] = []
    host.came = lambda message: told.append(message["op"])
    await host.enter()
    phones = await join(server, room["code"], students)
    await host.say("way", to="own")
    await host.until(lambda topics: all(each["step"] is not None for each in topics["people"]["people"]))
    await host.say("play")
    await host.until(lambda topics: min(each["step"] for each in topics["people"]["people"]) > 0)

    def steps() -> list[int]:
        return [each["step"] for each in host.topics["people"]["people"]]

    ratios, apart, frames = [], [], []
    total = [0] * students
    for _ in range(rounds):
        server.signal(signal.SIGSTOP)
        plain = await asyncio.to_thread(plain_block, pipes, seconds)
        server.signal(signal.SIGCONT)
        await asyncio.sleep(SETTLE_S)
        before, began, spent = steps(), time.perf_counter(), time.process_time()
        told.clear()
        await asyncio.sleep(seconds)
        took, mine = time.perf_counter() - began, time.process_time() - spent
        made = [now - then for now, then in zip(steps(), before, strict=True)]
        total = [one + other for one, other in zip(total, made, strict=True)]
        frames.append(told.count("people") / took)
        ratios.append(sum(made) / took / plain.speed)
        apart.append(ratios[-1] / (1 - mine / took / usable_cores()))
        print(f"  {plain.speed:8,.0f} {sum(made) / took:8,.0f} steps/s, {frames[-1]:.1f} pictures a second", flush=True)
    ratio, fair = statistics.median(apart), min(total) / statistics.mean(total)
    print(
        f"{students} own runs in a room: {statistics.median(ratios):.2f}× of the trainer alone, with the phones' time "
        f"given back {ratio:.2f}× (meant: {MEANT}×)"
    )
    print(f"slowest run over the mean: {fair:.2f} (meant: {MEANT_SLOWEST})")
    print(f"the host's table: {statistics.median(frames):.1f} times a second (meant: {MEANT_FRAMES:g})")
    await host.say("end")
    for phone in [host, *(each for _, each in phones)]:
        await phone.leave()
    return ratio >= MEANT and fair >= MEANT_SLOWEST and statistics.median(frames) >= 0.9 * MEANT_FRAMES


def spread(values: list[float]) -> str:
    """Median and 95th percentile, in milliseconds."""
    return f"median {quantile(values, 0.5) * 1000:.0f} ms, p95 {quantile(values, 0.95) * 1000:.0f} ms"


def quantile(values: list[float], share: float) -> float:
    """The value below which a share of all lies; infinity of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("inf")


def lanes(count: int = 40, threads: int = 2, turns: int = 7) -> bool:
    """One run of many lanes beside as many runs of one lane: ratio of steps a second, in turn."""
    torch.set_num_threads(threads)
    hidden = list(HIDDEN)
    one = {"dropout": [INPUT_RATE] + [HIDDEN_RATE] * len(hidden)}
    many = [{"name": str(lane), **one} for lane in range(count)]
    together = Experiment(parse({"hidden": hidden, "lanes": many}), "cpu")
    apart = [
        Experiment(parse({"seed": seed, "hidden": hidden, "lanes": [{"name": "1", **one}]}), "cpu")
        for seed in range(count)
    ]

    def seconds(work: Any) -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    def batched() -> None:
        for _ in range(4):
            together.run(5)

    def separate() -> None:
        for _ in range(4):
            for each in apart:
                each.run(5)

    batched()
    separate()
    ratios = [seconds(separate) / seconds(batched) for _ in range(turns)]
    ratio = statistics.median(ratios)
    print(
        f"{count} lanes in one run against {count} runs of one lane, {threads} threads, in turn: {ratio:.2f}× "
        f"({min(ratios):.2f} to {max(ratios):.2f}; meant: at least {MEANT_LANES:g}×)"
    )
    return ratio >= MEANT_LANES


def main() -> int:
    """Measure, print, and say by the exit status whether all was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--own", action="store_true", help="only students with a run each; --students 40")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each side takes, with --own")
    parser.add_argument("--lanes", action="store_true", help="only one run of 40 lanes against 40 runs of one")
    given = parser.parse_args()
    if given.lanes:
        return 0 if lanes() else 1
    if given.own:
        return 0 if asyncio.run(own(given.students, given.rounds, min(given.seconds, 5.0))) else 1
    return 0 if asyncio.run(lesson(given.students, given.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
