"""The doors of the app: what is sent to its addresses, its WebSockets and its workers' socket, broken or hostile.

Whatever comes in is answered with a refusal or taken; nothing is logged as an error, no run but the one that it is
about is touched, and the server goes on.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.errors import STATUS
from app.settings import Settings
from tests.app.clients import join
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool, scores_tensors, steps_tensors
from tests.app.pool.fakes import Caller, FakePlaced
from tests.fuzz.mutations import TEXTS, json_bytes, mutated_bytes, mutated_frame, mutated_json, odd_value
from tests.fuzz.readers import CSV, DECISIONS, MESSAGES, OPENINGS
from trainer.errors import DropoutLabError
from trainer.wire.frames import Frame, peek
from trainer.wire.stream import pack_frame, pack_message

CLOSED: Final = {1002, 1007, 1009, 4400, 4403}
"""With which codes a WebSocket may be closed for what its viewer said: RFC 6455's, and the app's own."""


class Complaints(logging.Handler):
    """Hears what is logged as an error, or with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record that should not be there: that a run has failed may be said, in a line."""
        if record.exc_info or (record.levelno >= logging.ERROR and record.name != "app.runs"):
            trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
            self.heard.append(f"{record.name}: {record.getMessage()}\n{trace}")


@contextlib.contextmanager
def complaints() -> Iterator[Complaints]:
    """Hear what is complained of meanwhile."""
    found, root = Complaints(), logging.getLogger()
    root.addHandler(found)
    try:
        yield found
    finally:
        root.removeHandler(found)


@dataclass
class Door:
    """A lab with its doors.

    Attributes:
        lab: the lab, whose pool is a fake.
        heard: what it complains of.
        run: a run of it.
        table: the id of a table of it.
        answered: statuses and ends that there were, and how often.
    """

    lab: Running
    heard: Complaints
    run: dict[str, Any]
    table: str
    answered: dict[str, int] = field(default_factory=dict)
    socket: ClientConnection | None = None

    def note(self, what: str) -> None:
        """Count what came of an input."""
        self.answered[what] = self.answered.get(what, 0) + 1

    async def request(self, rng: Random) -> None:
        """Ask for something over HTTP."""
        method, path, body, headers = draw_request(rng, self.run, self.table)
        try:
            answer = await self.lab.client.request(method, path, content=body, headers=headers)
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            self.note("not sent")
            return
        self.note(f"{method} {answer.status_code}")
        if answer.status_code >= 400:
            assert answer.status_code in set(STATUS.values()) - {500}, f"{method} {path}: {answer.text[:300]}"
            if "json" in answer.headers.get("content-type", "") and method != "HEAD":
                error = answer.json()["error"]
                assert STATUS[error["code"]] == answer.status_code
                assert len(answer.content) < 4096 or "reading" in error  # what was sent is not sent back whole
        elif answer.status_code == 201 and "token" in answer.text and path.startswith("/api/runs"):
            opened = answer.json()
            secret = {"Authorization": f"Bearer {opened['token']}"}
            assert (await self.lab.client.delete(f"/api/runs/{opened['id']}", headers=secret)).status_code == 204

    async def say(self, rng: Random) -> None:
        """Say something over the WebSocket of an owner, and see that it is still talked to."""
        if self.socket is None:
            address = self.lab.url.replace("http", "ws", 1) + f"/api/runs/{self.run['id']}/live"
            self.socket = await connect(address, compression=None, max_size=None, ping_interval=None, close_timeout=1)
            if rng.random() < 0.3:  # its first message is broken, too
                await self.socket.send(draw_message(rng, {"op": "join", "token": self.run["token"]}))
            else:
                await self.socket.send(join(self.run["token"]))
        try:
            await self.socket.send(draw_message(rng, rng.choice(MESSAGES)))
            probe = f"probe {rng.random()}"
            await self.socket.send(json.dumps({"op": "views", "id": probe, "open": []}))
            while probe not in str(await self.socket.recv()):
                pass
            self.note("answered")
        except ConnectionClosed:
            code = self.socket.close_code
            assert code in CLOSED, f"closed with {code} {self.socket.close_reason}"
            self.note(f"closed {code}")
            self.socket = None

    async def tell(self, rng: Random) -> None:
        """Be a worker that does not make sense."""
        listener, run = self.lab.pool.listener, self.run["id"]
        if rng.random() < 0.5:
            message = mutated_json(rng, rng.choice(told(self.lab.pool, run)))
            if isinstance(message, dict):
                listener.on_message(run, message)
        else:
            frame = mutated_frame(rng, rng.choice(frames(run)))
            with contextlib.suppress(DropoutLabError):
                peek(frame)
                listener.on_frame(run, frame)
        here = {each.id for each in self.lab.app.state.lab.runs.all()}
        self.note("run goes on" if run in here else "run ended")
        if run not in here:
            self.run, self.socket = await self.lab.open(), None
        else:
            answer = await self.lab.client.get(f"/api/runs/{run}")
            assert answer.status_code == 200, answer.text[:300]


def draw_message(rng: Random, message: dict[str, Any]) -> str | bytes:
    """What a viewer may say: text, at times with what is no Unicode in it, or bytes."""
    data = json_bytes(rng, message)
    if rng.random() < 0.05:
        return data
    return data.decode("utf-8", "replace")


def draw_request(rng: Random, run: dict[str, Any], table: str) -> tuple[str, str, bytes | None, dict[str, str]]:
    """A request: its method, path, body and headers."""
    odd = quote(str(odd_value(rng)).encode("utf-8", "replace")[:2000], safe="")
    run_id = run["id"] if rng.random() < 0.8 else odd
    token = run["token"][:-1] if rng.random() < 0.5 else "x"
    secret = {"Authorization": rng.choice(("Bearer ", "bearer", "Basic ", "")) + token}
    names = ("name", "label", "columns", "lane", "framework", "download", "token", "x")
    query = urlencode({rng.choice(names): str(odd_value(rng)).encode("utf-8", "replace")[:500]})
    match rng.randrange(12):
        case 0 | 1 | 2:
            return "POST", "/api/runs", json_bytes(rng, rng.choice(OPENINGS)), {}
        case 3 | 4:
            return "POST", f"/api/tables?{query}", mutated_bytes(rng, rng.choice(CSV), CSV), {}
        case 5:
            body = json_bytes(rng, {"label": "b", "columns": DECISIONS})
            return "POST", f"/api/tables/{table if rng.random() < 0.8 else odd}", body, {}
        case 6:
            return "GET", f"/api/runs/{run_id}/code?framework={odd}&lane={odd}&{query}", None, {}
        case 7:
            body = json_bytes(rng, {"seat": "x" * 32, "messages": [rng.choice(MESSAGES)]})
            return "POST", f"/api/runs/{run_id}/commands", body, {}
        case 8:
            return "DELETE", f"/api/runs/{run_id}", None, secret
        case 9:
            path = rng.choice((f"/experiments/{odd}", f"/static/{odd}", f"/{odd}", f"/api/tables/{odd}"))
            return "GET", path, None, {"Accept": rng.choice(("text/html", "*/*", "x"))}
        case 10:
            path = rng.choice(("", "/record", "/code", "/live", "/past", "/nothing"))
            method = rng.choice(("GET", "HEAD", "PUT", "POST", "OPTIONS"))
            return method, f"/api/runs/{run_id}{path}?{query}", None, secret
        case _:
            name = rng.choice(("Host", "Origin", "X-Forwarded-For", "Accept-Encoding", "Content-Type", "If-None-Match"))
            value = rng.choice([text for text in TEXTS if text.isascii() and text.isprintable()])
            path = rng.choice(("/", "/healthz", "/readyz", "/metrics", "/api/schema", "/static/js/main.js"))
            return "GET", path, None, {name: value}


def told(pool: FakePool, run: str) -> tuple[dict[str, Any], ...]:
    """What a worker says of a run."""
    state = dict(pool.states[run])
    change = {"step": 3, "lane": 1, "knobs": {"dropout": [0.1, 0.2, 0.3, 0.4]}}
    changed = {"op": "changed", "run": run, "reason": "set", "step": 3, "changes": [change], "state": state}
    return (
        {"op": "reply", "run": run, "ref": 1, "step": 3},
        {"op": "reply", "run": run, "ref": 1, "error": {"code": "bad_value", "message": "no"}},
        changed,
        changed | {"reason": "reset", "changes": []},
        {"op": "failed", "run": run, "error": {"code": "internal", "message": "it broke"}},
    )


def frames(run: str) -> tuple[Frame, ...]:
    """What a worker sends of a run."""
    return (
        Frame("steps", run, 50, steps_tensors(1, 3), {"skipped": "0"}),
        Frame("scores", run, 51, scores_tensors(25)),
        Frame("graph", run, 52, {"step": np.zeros(1, np.uint32)}),
        Frame("damage", run, 53, {"step": np.zeros(1, np.uint32), "accuracy": np.zeros((2, 4), np.float32)}),
        Frame("checkpoint", run, 54, {"state": np.zeros(5, np.uint8)}, {"step": "3", "session": "{}"}),
    )


@contextlib.asynccontextmanager
async def doors(patience: float) -> AsyncIterator[Door]:
    """Open a lab with a run and a table."""
    settings = Settings(
        log_level="error",
        max_runs=10_000,
        max_messages_per_second=10_000,
        max_openings_per_minute=100_000,
        unwatched_pause_s=3600,
        keep=False,
    )
    with complaints() as heard:
        async with running(FakePool(), settings, patience) as lab:
            table = (await lab.client.post("/api/tables", content=CSV[0])).json()["id"]
            door = Door(lab, heard, await lab.open(), table)
            yield door
            if door.socket is not None:
                await door.socket.close()


async def call_as_worker(rng: Random, placed: FakePlaced) -> None:
    """Dial in as a worker that is awaited, or almost, and say what makes no sense."""
    hello = {"op": "hello", "worker": placed.worker, "epoch": placed.epoch, "token": placed.token}
    hello |= {"pid": 1, "device": "fake", "torch": "0"}
    if rng.random() < 0.4:
        hello = mutated_json(rng, hello)
    caller = await placed.dial() if rng.random() < 0.5 else None
    if caller is None:
        caller = await Caller.dial(placed.address)
        placed.callers.append(caller)
        data = json.dumps(hello).encode("utf-8", "surrogatepass")
        await caller.send(len(data).to_bytes(4, "big") + b"J" + data)
    stream = b"".join(
        (
            pack_message({"op": "reply", "run": "r", "ref": 1, "step": 1}),
            pack_frame(mutated_frame(rng, rng.choice(frames("r")))),
            pack_message({"op": "opened", "run": "r", "state": {}}),
        )
    )
    with contextlib.suppress(ConnectionError):
        await caller.send(mutated_bytes(rng, stream))
        await caller.send(pack_message({"op": "reply", "run": mutated_json(rng, "r"), "ref": 1}))
    caller.hang_up()
