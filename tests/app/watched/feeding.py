"""A model that is watched, for tests: it sends what a training process would, and obeys, without any training."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, Self

import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.app.clients import Viewer, join, no_json
from trainer.wire.frames import Frame, encode, pack

UNITS: Final = (64, 30)
"""Of the sites of the model that `a_model` returns, but for the last, which cannot be seen."""

SERIES: Final = (("loss", "train_loss"), ("val/loss", "val_loss"), ("gradient norm", "other"))


def a_site(index: int, units: int = 64, **fields: Any) -> dict[str, Any]:
    """A site as a feed tells it."""
    site = {
        "index": index,
        "path": f"net.{index}",
        "call": 1,
        "name": f"net.{index}",
        "kind": "nn.Dropout",
        "of": "units",
        "rate": 0.5,
        "training": True,
        "units": units,
        "shape": [32, units],
        "available": True,
        "reason": None,
        "settable": True,
        "off": False,
        "where": None,
    }
    return site | fields


def a_model(**fields: Any) -> dict[str, Any]:
    """A model of two sites that can be seen and one that cannot, and three series."""
    hidden = {"available": False, "settable": False, "rate": None, "kind": "scaled_dot_product_attention"}
    reason = "the kernel draws its mask by itself, and does not tell it"
    sites = [a_site(0, UNITS[0]), a_site(1, UNITS[1], rate=0.2), a_site(2, 0, reason=reason, **hidden)]
    tree = [{"path": "", "type": "Net", "depth": 0, "parameters": 5000, "training": True, "sites": []}]
    tree += [
        {
            "path": site["path"],
            "type": "Dropout",
            "depth": 1,
            "parameters": 0,
            "training": True,
            "sites": [site["index"]],
        }
        for site in sites
    ]
    model = {"name": "Net", "type": "__main__.Net", "parameters": 5000, "device": "cpu", "torch": "2.13.0"}
    series = [{"name": name, "role": role} for name, role in SERIES]
    return model | {"tree": tree, "cut": 0, "sites": sites, "series": series, "val": 20} | fields


def a_state(step: int = 0, **fields: Any) -> dict[str, Any]:
    """How the training stands."""
    state = {"step": step, "state": "training", "steps_per_second": 12.5, "passes": step, "sampled": step, "every": 1}
    state |= {"cost": 0.02, "lost": 0, "mode": "step", "voting": False, "vote_problem": None}
    return state | fields


def a_warning(**fields: Any) -> dict[str, Any]:
    """A warning that dropout was on while nothing was learnt."""
    warning = {"id": "eval 0", "kind": "forgotten_eval", "step": 7, "count": 3, "where": "train.py:31"}
    return warning | {"text": "dropout was on in a pass without gradients"} | fields


def a_change(step: int = 3, **fields: Any) -> dict[str, Any]:
    """A change that was made from the page."""
    change = {"step": step, "site": 0, "path": "net.0", "name": "net.0", "knob": "rate", "from": 0.5, "to": 0.3}
    return change | fields


def masks_of(step: int, site: int, units: int, rate: float = 0.5) -> NDArray[np.bool_]:
    """The mask (units) of a site at a step, the same whenever it is asked for: 1 is kept."""
    drawn = np.random.default_rng((step, site)).random(units)
    mask: NDArray[np.bool_] = drawn >= rate
    return mask


def rows(steps: list[int], units: Mapping[int, int] = {0: UNITS[0], 1: UNITS[1]}) -> dict[str, NDArray[Any]]:
    """The tensors of a frame ``rows``: a row for each step (K) at each site, of the masks of `masks_of`."""
    tensors: dict[str, NDArray[Any]] = {}
    count = len(steps)
    for site, width in units.items():
        masks = np.array([masks_of(step, site, width) for step in steps])  # (K, units)
        tensors[f"step/{site}"] = np.array(steps, np.uint32)
        tensors[f"mask/{site}"] = pack(masks)
        tensors[f"used/{site}"] = np.full(count, width, np.uint16)
        tensors[f"kept/{site}"] = masks.sum(1).astype(np.float64)
        tensors[f"size/{site}"] = np.full(count, width, np.float64)
        tensors[f"rate/{site}"] = np.full(count, 0.5, np.float32)
        tensors[f"flags/{site}"] = np.full(count, 3, np.uint8)
    return tensors


def metrics(steps: list[int], series: tuple[int, ...] = (0, 1)) -> dict[str, NDArray[Any]]:
    """The tensors of a frame ``metrics``: a value for each step (K) of each series."""
    tensors: dict[str, NDArray[Any]] = {}
    for index in series:
        tensors[f"step/{index}"] = np.array(steps, np.uint32)
        tensors[f"value/{index}"] = np.array([2.0 / (1 + step) + index for step in steps], np.float32)
    return tensors


def summary(step: int, units: Mapping[int, int] = {0: UNITS[0], 1: UNITS[1]}) -> dict[str, NDArray[Any]]:
    """The tensors of a frame ``summary``; activations were seen at every site but the last."""
    tensors: dict[str, NDArray[Any]] = {"step": np.array([step], np.uint32)}
    for site, width in units.items():
        dropped = sum((~masks_of(each, site, width) for each in range(1, min(step, 200) + 1)), np.zeros(width, int))
        tensors[f"samples/{site}"] = np.array([step], np.uint32)
        tensors[f"dropped/{site}"] = np.asarray(dropped, np.uint32)
        tensors[f"expected/{site}"] = np.array([step / 2], np.float64)
        if site == max(units):
            continue
        tensors[f"silent/{site}"] = np.zeros(width, np.uint32)
        for name, value in (("mean", 0.1), ("deviation", 1.0), ("zero", 0.4)):
            tensors[f"{name}/{site}"] = np.array([value], np.float32)
        tensors[f"edges/{site}"] = np.linspace(0, 4, 41, dtype=np.float32)
        tensors[f"histogram/{site}"] = np.arange(40, dtype=np.uint32)
    return tensors


def ensemble(step: int, members: int = 16, examples: int = 20, task: str = "classes") -> dict[str, NDArray[Any]]:
    """The tensors of a frame ``ensemble`` of M sub-networks on N examples."""
    rising = np.linspace(0.5, 0.9, members, dtype=np.float32)  # (M)
    one, each = np.array([0.8], np.float32), np.linspace(0, 1, examples, dtype=np.float32)  # (N)
    tensors: dict[str, NDArray[Any]] = {"step": np.array([step], np.uint32), "passes": np.array([members], np.uint32)}
    if task == "numbers":
        return tensors | {
            "error/member": rising,
            "error/average": rising,
            "error/scaling": one,
            "deviation": each,
        }
    names = ("accuracy/member", "accuracy/average", "loss/average")
    tensors |= dict.fromkeys(names, rising) | dict.fromkeys(("accuracy/scaling", "loss/scaling"), one)
    return tensors | {"entropy": each, "information": each / 2, "right": (each < 0.8).astype(np.uint8)}


class Feed:
    """The feed of a watch.

    Args:
        connection: its WebSocket, accepted and welcomed.
        watch: id and token.
        seq: of the last frame that the server has.
        patience: seconds to wait for something that must come.

    Attributes:
        seq: of the last frame that was sent.
        heard: what the server said, in its order.
    """

    def __init__(self, connection: ClientConnection, watch: dict[str, Any], seq: int, patience: float) -> None:
        self.connection = connection
        self.watch = watch
        self.seq = seq
        self.heard: list[dict[str, Any]] = []
        self._patience = patience

    async def say(self, op: str, **fields: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"op": op, **fields}))

    async def send(self, kind: str, tensors: Mapping[str, Any], meta: dict[str, str] | None = None) -> Frame:
        """Send a frame under the next number; the frame."""
        self.seq += 1
        frame = Frame(kind, self.watch["id"], self.seq, dict(tensors), meta or {})
        await self.connection.send(encode(frame))
        return frame

    async def begin(self, **model: Any) -> None:
        """Tell of the model of `a_model` and how its training stands."""
        await self.say("model", model=a_model(**model))
        await self.say("state", state=a_state())

    async def train(self, first: int, last: int) -> None:
        """Send what there is of the steps from ``first`` to ``last``: masks, metrics, a summary and the state."""
        steps = list(range(first, last + 1))
        await self.send("rows", rows(steps))
        await self.send("metrics", metrics(steps))
        await self.send("summary", summary(last))
        await self.say("state", state=a_state(last))

    async def read(self) -> dict[str, Any]:
        """Take in one message of the server."""
        text = await asyncio.wait_for(self.connection.recv(), self._patience)
        message: dict[str, Any] = json.loads(text, parse_constant=no_json)
        self.heard.append(message)
        return message

    async def until(self, op: str) -> dict[str, Any]:
        """Read until the server says something of this kind."""
        async with asyncio.timeout(self._patience):
            while True:
                message = await self.read()
                if message["op"] == op:
                    return message

    async def obey(self, does: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Answer every command from here on with what ``does`` makes of it: a ``step``, or an ``error``."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                said = await self.until("command")
                await self.say("reply", ref=said["ref"], **does(said["command"]))

    async def until_closed(self) -> tuple[int, str]:
        """Read until the server hangs up; close code and reason."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(self._patience):
                while True:
                    self.heard.append(json.loads(await self.connection.recv()))
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.connection.close()


async def open_watch(url: str, name: str = "Net", control: bool = True, **fields: Any) -> dict[str, Any]:
    """Open a watch at a server; id and token."""
    async with httpx.AsyncClient(base_url=url, verify=False) as client:
        answer = await client.post("/api/watches", json={"name": name, "control": control, **fields})
    assert answer.status_code in (200, 201), answer.text
    opened: dict[str, Any] = answer.json()
    return opened


async def dial(url: str, watch: dict[str, Any], end: str) -> ClientConnection:
    """Open the WebSocket of a watch: its ``feed``, or ``live``."""
    address = f"{url.replace('http', 'ws', 1)}/api/watches/{watch['id']}/{end}"
    return await connect(address, compression=None, max_size=None, ping_interval=None, close_timeout=1)


async def feed(url: str, watch: dict[str, Any], patience: float) -> Feed:
    """Connect a feed to a watch."""
    connection = await dial(url, watch, "feed")
    await connection.send(json.dumps({"op": "feed", "token": watch["token"]}))
    welcome = json.loads(await asyncio.wait_for(connection.recv(), patience))
    assert welcome["op"] == "welcome", welcome
    return Feed(connection, watch, welcome["seq"], patience)


async def look(
    url: str, watch: dict[str, Any], patience: float, *, owner: bool = False, credits: bool = True
) -> Viewer:
    """Open a viewer of a watch."""
    connection = await dial(url, watch, "live")
    await connection.send(join(watch["token"] if owner else None))
    return await Viewer(connection, patience, credits).joined()


@contextlib.asynccontextmanager
async def watched(url: str, patience: float, **fields: Any) -> AsyncIterator[Feed]:
    """Open a watch and connect a feed that has told of its model."""
    async with await feed(url, await open_watch(url, **fields), patience) as model:
        await model.begin()
        yield model
