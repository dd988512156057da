"""A pool without workers, and frames without a network."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.pool.base import PoolListener, PoolStatus
from trainer.settings.config import ExperimentConfig
from trainer.wire.frames import Frame, Tensors, decode, encode
from trainer.wire.jsontext import dumps

UNITS = {"input": 64, "hidden1": 128, "hidden2": 128, "hidden3": 128}


def masks_of(steps: NDArray[np.uint32], layer: str) -> NDArray[np.uint8]:
    """The packed masks that the fake run has at these steps: no two steps and no two layers have the same."""
    places = np.arange(1, (UNITS[layer] + 7) // 8 + 1, dtype=np.uint32) + np.uint32(100 * list(UNITS).index(layer))
    mixed = (steps[:, None] * np.uint32(2654435761)) ^ (places * np.uint32(2246822519))  # odd numbers spread the bits
    return (mixed >> np.uint32(11)).astype(np.uint8)


def mask_of(step: int, layer: str) -> NDArray[np.uint8]:
    """The packed mask of one step."""
    mask: NDArray[np.uint8] = masks_of(np.array([step], np.uint32), layer)[0]
    return mask


def steps_tensors(first: int, count: int, lanes: int = 2) -> Tensors:
    """The tensors of a ``steps`` frame."""
    step = np.arange(first, first + count, dtype=np.uint32)
    tensors: Tensors = {
        "step": step,
        "lane": np.ones(count, np.uint8),
        "example": np.zeros(count, np.uint32),
        "loss": np.stack([step.astype(np.float32) + lane for lane in range(lanes)], axis=1),
    }
    for layer, units in UNITS.items():
        tensors[f"mask/{layer}"] = masks_of(step, layer)
        tensors[f"kept/{layer}"] = np.full(count, units // 2, np.uint32)
        tensors[f"rate/{layer}"] = np.full(count, 0.5, np.float32)
        tensors[f"group_rate/{layer}"] = np.zeros(count, np.float32)
    tensors["dropout_kind"] = np.zeros(count, np.uint8)
    return tensors


def scores_tensors(step: int, lanes: int = 2) -> Tensors:
    """The tensors of a ``scores`` frame."""
    row = np.full((1, lanes), step, np.float32)
    names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return {"step": np.array([step], np.uint32), **dict.fromkeys(names, row)}


class FakePool:
    """Opens every run at once, obeys every command at once, and trains when a test says so."""

    def __init__(self, alive: int = 1) -> None:
        self.alive = alive
        self.requests: dict[str, list[dict[str, Any]]] = {}
        self.checkpoints: dict[str, bytes | None] = {}  # what each run was last opened with
        self.uses_checkpoints = True
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.closed: list[str] = []
        self.states: dict[str, dict[str, Any]] = {}
        self.answers = True
        self._seq: dict[str, int] = {}
        self._listener: PoolListener | None = None

    @property
    def listener(self) -> PoolListener:
        assert self._listener is not None
        return self._listener

    async def start(self, listener: PoolListener) -> None:
        self._listener = listener

    async def stop(self) -> None:
        self._listener = None

    def status(self) -> PoolStatus:
        return PoolStatus(1, self.alive, ("cpu",) * self.alive)

    def open(
        self, run: str, request: dict[str, Any], changes: Iterable[str] = (), checkpoint: bytes | None = None
    ) -> None:
        self.checkpoints[run] = checkpoint
        request = json.loads(dumps(request))  # as it comes out of the stream
        request["changes"] = [change for part in changes for change in json.loads(part)]
        self.requests.setdefault(run, []).append(request)
        if self.alive and "past" not in request:  # a look at the past is the tests' to answer
            asyncio.get_running_loop().call_soon(self.opened, run, request)

    def opened(self, run: str, request: dict[str, Any]) -> None:
        """Say that a run is open, as a worker does."""
        config = ExperimentConfig.model_validate(request["config"]).model_dump(mode="json")
        self.states[run] = {
            "state": request.get("state", "paused"),
            "step": self._first_step(run),
            "steps_per_second": request.get("steps_per_second", 100),
            "config": config,
            "follow": request.get("follow", {"lane": 1, "example": 0}),
            "device": "cpu",
            "layers": [{"name": name, "units": units, "shape": [units]} for name, units in UNITS.items()],
            "classes": [str(digit) for digit in range(10)],
            "train_size": config["train_size"],
            "val_size": 797,
            "batches_per_epoch": 4,
            "ensemble": request.get("ensemble", {"members": 64, "masks": "per_member"}),
            **{name: request.get(name) for name in ("experiment", "stop_at", "search")},
        }
        self._seq[run] = 0
        self.listener.on_message(run, {"op": "opened", "run": run, "state": dict(self.states[run])})
        self.frame(run, "data", {"train/x": np.zeros((4, 64), np.float32)})
        if self.states[run]["step"] == 0:
            self.frame(run, "scores", scores_tensors(0, len(config["lanes"])))
        self.frame(run, "graph", {"step": np.zeros(1, np.uint32)})

    def _first_step(self, run: str) -> int:
        checkpoint = self.checkpoints.get(run)
        return int(decode(checkpoint).meta["step"]) if checkpoint is not None and self.uses_checkpoints else 0

    def send(self, run: str, message: dict[str, Any]) -> None:
        self.said.append((run, message))
        if message["op"] == "command" and self.answers:
            asyncio.get_running_loop().call_soon(self.dispatch, run, message)

    def dispatch(self, run: str, message: dict[str, Any]) -> None:
        """Answer a command and tell what it changed."""
        state, command = self.states[run], message["command"]
        step = state["step"] + 1
        changes: list[dict[str, Any]] = []
        match command["op"]:
            case "play":
                state["state"] = "playing"
            case "pause":
                state["state"] = "paused"
            case "speed":
                state["steps_per_second"] = command["steps_per_second"]
            case "set":
                now = ExperimentConfig.model_validate(state["config"]).with_knobs(command["knobs"], command.get("lane"))
                changes = [{"step": step, "lane": command.get("lane"), "knobs": command["knobs"]}]
                state |= {"config": now.model_dump(mode="json")}
            case "reset":
                state |= {"step": 0}
                step = 1
        reply = {"op": "reply", "run": run, "ref": message["ref"], "step": step}
        self.listener.on_message(run, reply)
        if command["op"] != "step":
            changed = {"op": "changed", "run": run, "reason": command["op"], "step": step, "changes": changes}
            self.listener.on_message(run, {**changed, "state": dict(state)})

    def close(self, run: str) -> None:
        self.closed.append(run)

    def frame(self, run: str, kind: str, tensors: Tensors, **words: str) -> bytes:
        """Send a frame."""
        self._seq[run] += 1
        frame = encode(Frame(kind, run, self._seq[run], tensors, words))
        self.listener.on_frame(run, frame)
        return frame

    def train(self, run: str, count: int) -> None:
        """Make steps, and send them as one frame."""
        state = self.states[run]
        self.frame(run, "steps", steps_tensors(state["step"] + 1, count, len(state["config"]["lanes"])))
        state["step"] += count

    def save(self, run: str) -> bytes:
        """Send a checkpoint."""
        words = {"step": str(self.states[run]["step"]), "session": "{}"}
        return self.frame(run, "checkpoint", {"state": np.arange(5, dtype=np.uint8)}, **words)

    def lose(self) -> None:
        """Lose the worker, with all its runs."""
        lost = [run for run in self.states if run not in self.closed]
        self.listener.on_lost(lost)

    def commands(self, run: str) -> list[dict[str, Any]]:
        """The commands that a run was sent."""
        return [message["command"] for name, message in self.said if name == run and message["op"] == "command"]


class Witness:
    """Stands in for a function, and takes note of the threads that call it and of how many are in it at once."""

    def __init__(self, does: Callable[..., Any], gate: threading.Event | None = None) -> None:
        self._does = does
        self._gate = gate
        self._inside = 0
        self._lock = threading.Lock()
        self.threads: list[int] = []
        self.most = 0

    def __call__(self, *given: Any, **named: Any) -> Any:
        with self._lock:
            self.threads.append(threading.get_ident())
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            if self._gate is not None:
                assert self._gate.wait(30)
            return self._does(*given, **named)
        finally:
            with self._lock:
                self._inside -= 1
