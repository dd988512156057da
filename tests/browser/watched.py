"""A watched model for the page's tests: it trains nothing, and tells a real server what a training process would.

Playwright's synchronous interface keeps the event loop of the test's thread, so the feed runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed

from tests.app.watched import feeding
from tests.app.watched.feeding import Feed
from trainer.wire.frames import pack

SERIES: Final = (
    ("loss", "train_loss"),
    ("val_loss", "val_loss"),
    ("train_accuracy", "train_accuracy"),
    ("val_accuracy", "val_accuracy"),
    ("gradient norm", "other"),
)
HIDDEN: Final = "the fused kernel draws its mask by itself, and does not tell it"
CODE: Final = "# From step 120 on\nmodel.block.drop.p = 0.2\n"


def a_tree(sites: list[dict[str, Any]], beside: int = 3) -> list[dict[str, Any]]:
    """The modules of a model with these sites, and some without any beside each."""
    tree = [module("", "Classifier", 0, 1_234_567)]
    known = {""}
    for site in sites:
        parts = site["path"].split(".")
        for depth in range(1, len(parts)):
            path = ".".join(parts[:depth])
            if path not in known:
                known.add(path)
                tree.append(module(path, "Block", depth, 65_536))
                tree += [module(f"{path}.linear{each}", "Linear", depth + 1, 16_384) for each in range(beside)]
        if site["path"] not in known:
            known.add(site["path"])
            tree.append(module(site["path"], site["kind"].removeprefix("nn."), len(parts), 0))
        next(each for each in tree if each["path"] == site["path"])["sites"].append(site["index"])
    return tree


def module(path: str, kind: str, depth: int, parameters: int) -> dict[str, Any]:
    """A module of a tree."""
    return {"path": path, "type": kind, "depth": depth, "parameters": parameters, "training": True, "sites": []}


def usual_sites() -> list[dict[str, Any]]:
    """Sites of all kinds, one of which cannot be seen."""
    told: list[dict[str, Any]] = [
        {"path": "embed.drop", "units": 128, "rate": 0.1},
        {"path": "block.drop", "units": 256, "rate": 0.5},
        {"path": "block.conv", "units": 32, "kind": "nn.Dropout2d", "of": "channels", "rate": 0.25},
        {"path": "block.lstm", "units": 64, "kind": "nn.LSTM", "rate": 0.3},
        {"path": "block.attention", "units": 1024, "kind": "scaled_dot_product_attention", "of": "attention weights"},
        {"path": "block.alpha", "units": 48, "kind": "nn.AlphaDropout", "rate": 0.05},
        {"path": "block.path", "units": 8, "kind": "DropPath", "of": "branches", "rate": 0.2},
        {"path": "block.drop", "call": 2, "name": "block.drop (call 2)", "units": 256, "rate": 0.5},
        {"path": "head", "kind": "F.dropout", "units": 20, "settable": False, "where": "model.py:41"},
    ]
    sites = [feeding.a_site(index, **{"name": site["path"], **site}) for index, site in enumerate(told)]
    hidden = {"path": "block.flash", "name": "block.flash", "rate": None, "settable": False, "available": False}
    return [*sites, feeding.a_site(len(sites), 0, kind="nn.MultiheadAttention", reason=HIDDEN, **hidden)]


def transformer_sites(layers: int = 10) -> list[dict[str, Any]]:
    """Forty sites, as a transformer has them."""
    names = ("attention.dropout", "dropout1", "mlp.dropout", "dropout2")
    paths = [f"encoder.layers.{layer}.{name}" for layer in range(layers) for name in names]
    return [feeding.a_site(index, 192, path=path, name=path, rate=0.1) for index, path in enumerate(paths)]


class Model:
    """A watched model and its feed.

    Args:
        url: where the lab is.
        name: of the model.
        sites: its sites.
        control: whether it obeys.
        patience: seconds to wait for something that must come.

    Attributes:
        watch: id and token.
        commands: those that came.
        state: what it says of its training.
    """

    def __init__(
        self,
        url: str,
        name: str = "Classifier",
        sites: list[dict[str, Any]] | None = None,
        *,
        control: bool = True,
        patience: float = 30,
        **model: Any,
    ) -> None:
        self.url = url
        self.name = name
        self.control = control
        self.sites = usual_sites() if sites is None else sites
        self.changes: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.warnings: list[dict[str, Any]] = []
        self.state = feeding.a_state(0, every=7, cost=0.021, steps_per_second=48.0, passes=0, sampled=0)
        self._fields = model
        self._patience = patience
        self._random = np.random.default_rng(5)
        self._sums: dict[int, dict[str, Any]] = {}
        self._past: list[tuple[str, dict[str, Any]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="watched model", daemon=True)
        self._thread.start()
        self._feed: Feed | None = None
        self._obeying: asyncio.Task[None] | None = None
        self.watch: dict[str, Any] = self._do(feeding.open_watch(url, name, control))

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"{self.url}/watch/{self.watch['id']}"

    @property
    def owned(self) -> str:
        """The same with the token."""
        return f"{self.address}#token={self.watch['token']}"

    def model(self) -> dict[str, Any]:
        """The model as it is now."""
        series = [{"name": name, "role": role} for name, role in SERIES]
        told = {"name": self.name, "sites": self.sites, "tree": a_tree(self.sites), "series": series, "val": 400}
        return feeding.a_model(**{**told, "parameters": 1_234_567, **self._fields})

    def connect(self, again: bool = False) -> Self:
        """Connect the feed, and tell of the model; `again`: open the watch anew at a server that lost it, and send all
        that was sent before.
        """
        self._do(self._connect(again))
        return self

    def say(self, op: str, **fields: Any) -> None:
        """Say something over the feed."""
        assert self._feed is not None
        self._do(self._feed.say(op, **fields))

    def tell(self, **fields: Any) -> None:
        """Say how the training stands."""
        self.state |= fields
        self.say("state", state=self.state)

    def warn(self, count: int = 1, **fields: Any) -> None:
        """Say that a validation pass had dropout on."""
        text = (
            "Dropout was on in a pass without gradients, called at train.py:57. If this evaluates the model, call "
            "model.eval() before it and model.train() behind it."
        )
        warning = feeding.a_warning(step=self.state["step"], count=count, text=text, where="train.py:57") | fields
        self.warnings = [each for each in self.warnings if each["id"] != warning["id"]] + [warning]
        self.say("warning", warning=warning)

    def train(self, first: int, last: int, every: int = 7) -> None:
        """Send what there is of the steps from ``first`` to ``last``."""
        self._do(self._train(first, last, every))

    def vote(self, members: int = 64, **meta: str) -> None:
        """Send what sub-networks say."""
        self._do(self._send("ensemble", votes(self.state["step"], members, self._random), {"task": "classes", **meta}))

    def leave(self) -> None:
        """Lose the feed, as if the process had been killed."""
        self._do(self._leave())

    def close(self) -> None:
        """End everything of it."""
        with contextlib.suppress(Exception):
            self.leave()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _do(self, deed: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(deed, self._loop).result(self._patience)

    async def _connect(self, again: bool) -> None:
        if again:
            await self._open_again()
        self._feed = await feeding.feed(self.url, self.watch, self._patience)
        await self._feed.say("model", model=self.model())
        await self._feed.say("state", state=self.state)
        if again:
            for warning in self.warnings:
                await self._feed.say("warning", warning=warning)
            await self._tell_changes()
            for kind, tensors in self._past:
                await self._feed.send(kind, tensors)
        self._obeying = asyncio.create_task(self._obey(self._feed))

    async def _open_again(self) -> None:
        async with asyncio.timeout(self._patience):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await feeding.open_watch(self.url, self.name, self.control, **self.watch)
                    return
                await asyncio.sleep(0.05)

    async def _leave(self) -> None:
        assert self._feed is not None
        assert self._obeying is not None
        self._obeying.cancel()
        await self._feed.connection.close()

    async def _send(self, kind: str, tensors: dict[str, Any], meta: dict[str, str] | None = None) -> None:
        assert self._feed is not None
        await self._feed.send(kind, tensors, meta)
        if meta is None:
            self._past.append((kind, tensors))

    async def _train(self, first: int, last: int, every: int) -> None:
        assert self._feed is not None
        sampled = [step for step in range(first, last + 1) if step % every == 0]
        if sampled:
            await self._send("rows", self._rows(sampled))
            await self._send("summary", self._summary(last))
        await self._send("metrics", metrics(first, last, self._random))
        self.state |= {"step": last, "passes": last, "sampled": self.state["sampled"] + len(sampled)}
        await self._feed.say("state", state=self.state)

    def _rows(self, steps: list[int]) -> dict[str, NDArray[Any]]:
        tensors: dict[str, NDArray[Any]] = {}
        for site in self.sites:
            index, units, rate = site["index"], site["units"], site["rate"]
            if not site["available"]:
                continue
            now = 0.0 if site["off"] else rate
            masks = self._random.random((len(steps), units)) >= now  # (K, units)
            size = units * 31
            others = self._random.binomial(size, 1 - now, len(steps))
            known = {"steps": 0, "dropped": np.zeros(units, np.int64), "expected": 0.0}
            sums = self._sums.setdefault(index, known)
            sums["steps"] += len(steps)
            sums["dropped"] += (~masks).sum(0)
            sums["expected"] += now * len(steps)
            tensors |= {
                f"step/{index}": np.array(steps, np.uint32),
                f"mask/{index}": pack(masks),
                f"used/{index}": np.full(len(steps), units, np.uint16),
                f"kept/{index}": masks.sum(1) + others.astype(np.float64),
                f"size/{index}": np.full(len(steps), size + units, np.float64),
                f"rate/{index}": np.full(len(steps), now, np.float32),
                f"flags/{index}": np.full(len(steps), 3, np.uint8),
            }
        return tensors

    def _summary(self, step: int) -> dict[str, NDArray[Any]]:
        tensors: dict[str, NDArray[Any]] = {"step": np.array([step], np.uint32)}
        for index, sums in self._sums.items():
            units = self.sites[index]["units"]
            silent = np.zeros(units, np.uint32)
            silent[: units // 20] = sums["steps"]
            tensors |= {
                f"samples/{index}": np.array([sums["steps"]], np.uint32),
                f"dropped/{index}": sums["dropped"].astype(np.uint32),
                f"expected/{index}": np.array([sums["expected"]], np.float64),
            }
            if index % 4 == 3:  # some are not seen
                continue
            tensors |= {
                f"silent/{index}": silent,
                f"mean/{index}": np.array([0.41], np.float32),
                f"deviation/{index}": np.array([0.62], np.float32),
                f"zero/{index}": np.array([0.523], np.float32),
                f"edges/{index}": np.linspace(0, 3.2, 41, dtype=np.float32),
                f"histogram/{index}": (4000 * np.exp(-np.linspace(0, 4, 40))).astype(np.uint32),
            }
        return tensors

    async def _obey(self, feed: Feed) -> None:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            while True:
                text = await feed.connection.recv()
                await self._answer(feed, text)

    async def _answer(self, feed: Feed, text: str | bytes) -> None:
        said: dict[str, Any] = httpx.Response(200, content=text).json()
        if said["op"] != "command":
            return
        command = said["command"]
        self.commands.append(command)
        step = self.state["step"]
        await feed.say("reply", ref=said["ref"], step=step)
        match command["op"]:
            case "set":
                await self._set(feed, command, step)
            case "pause" | "play":
                self.state["state"] = "paused" if command["op"] == "pause" else "training"
                await feed.say("state", state=self.state)
            case "step":
                await self._train(step + 1, step + command["count"], 1)
            case "vote":
                frame = votes(step, command["passes"], self._random)
                await self._send("ensemble", frame, {"task": "classes"})

    async def _set(self, feed: Feed, command: dict[str, Any], step: int) -> None:
        site = self.sites[command["site"]]
        knob = "rate" if "rate" in command else "off"
        change = {"step": step + 1, "site": site["index"], "path": site["path"], "name": site["name"], "knob": knob}
        self.changes.append({**change, "from": site[knob], "to": command[knob]})
        site[knob] = command[knob]
        await feed.say("model", model=self.model())
        await self._tell_changes()

    async def _tell_changes(self) -> None:
        assert self._feed is not None
        await self._feed.say("changed", changes=self.changes, code=CODE if self.changes else "")


def metrics(first: int, last: int, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Losses that fall, and a validation loss that rises again."""
    steps = np.arange(first, last + 1)
    rare = steps[steps % 20 == 0]

    def falling(at: NDArray[Any], end: float, noise: float) -> NDArray[np.float32]:
        drawn: NDArray[np.float32] = (
            end + (2.3 - end) * np.exp(-at / 90) + noise * random.standard_normal(len(at))
        ).astype(np.float32)
        return drawn

    train = np.abs(falling(steps, 0.2, 0.12))
    validation = falling(rare, 0.42, 0.006) + (rare * 1e-4).astype(np.float32)
    told: list[tuple[NDArray[Any], NDArray[Any]]] = [
        (steps, train),
        (rare, validation),
        (rare, 1 - falling(rare, 0.06, 0.004) / 2.5),
        (rare, 1 - falling(rare, 0.12, 0.004) / 2.5),
        (steps, 3 + np.sin(steps / 15) + 0.2 * random.standard_normal(len(steps))),
    ]
    tensors: dict[str, NDArray[Any]] = {}
    for index, (at, value) in enumerate(told):
        if len(at):
            tensors |= {f"step/{index}": at.astype(np.uint32), f"value/{index}": value.astype(np.float32)}
    return tensors


def votes(step: int, members: int, random: np.random.Generator, examples: int = 400) -> dict[str, NDArray[Any]]:
    """What sub-networks say: each right on some, together on more, and less sure where they are wrong."""
    alone = 0.86 + 0.012 * random.standard_normal(members)  # (M)
    together = 0.86 + 0.05 * (1 - np.exp(-np.arange(1, members + 1) / 6))  # (M)
    right = (random.random(examples) < together[-1]).astype(np.uint8)  # (N)
    doubt = np.where(right == 1, random.gamma(1.2, 0.12, examples), random.gamma(4, 0.18, examples))  # (N)
    return {
        "step": np.array([step], np.uint32),
        "passes": np.array([members], np.uint32),
        "accuracy/member": alone.astype(np.float32),
        "accuracy/average": together.astype(np.float32),
        "loss/average": (0.5 - 0.1 * (together - 0.86) / 0.05).astype(np.float32),
        "accuracy/scaling": np.array([0.905], np.float32),
        "loss/scaling": np.array([0.41], np.float32),
        "entropy": np.minimum(doubt, math.log(10)).astype(np.float32),
        "information": (doubt * 0.4).astype(np.float32),
        "right": right,
    }
