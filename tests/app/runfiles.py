"""A small run as a file, and what strangers make of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import safetensors.numpy

from app.history import History
from app.memory import CHECKPOINT, Checkpoint
from app.runfile import Written, write
from trainer import Experiment
from trainer.settings.config import parse
from trainer.training.checkpoint import packed
from trainer.wire.frames import Frame, encode
from trainer.wire.jsontext import dumps
from trainer.worker import publish

SMALL = {
    "dataset": "moons",
    "hidden": [8, 8],
    "train_size": 40,
    "batch_size": 20,
    "lanes": [{}, {"dropout": [0.5] * 3}],
}
CHANGES = [{"step": 11, "lane": 1, "knobs": {"l2": 0.01}}]


@cache
def good() -> bytes:
    """A run of 30 steps with a change, as a file."""
    config = parse(SMALL)
    experiment = Experiment(config, "cpu", changes=CHANGES)
    units = {layer.name: layer.units for layer in experiment.layers}
    history = History(len(config.lanes), units)
    history.add(Frame("scores", "r", 1, publish.scores(experiment.evaluate())))
    history.add(Frame("steps", "r", 2, publish.steps([experiment.run(30)])))
    history.add(Frame("scores", "r", 3, publish.scores(experiment.evaluate())))
    state = packed(experiment)
    assert state is not None
    words = {"step": "30", "session": "{}"}
    frame = encode(Frame(CHECKPOINT, "r", 4, {"state": np.frombuffer(state, np.uint8)}, words))
    checkpoint = Checkpoint(30, frame, experiment.config.model_dump(mode="json"), history)
    kept = {"state": "playing", "steps_per_second": 7, "follow": {"lane": 1, "example": 3}, "experiment": None}
    return write(Written("two moons", config.model_dump(mode="json"), kept, dumps(CHANGES), checkpoint))


def parts(data: bytes) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
    """The words of a file, what it tells of its run, and its tensors."""
    length = int.from_bytes(data[:8], "little")
    words = json.loads(data[8 : 8 + length])["__metadata__"]
    tensors = {name: np.array(values) for name, values in safetensors.numpy.load(data).items()}
    return words, json.loads(words["run"]), tensors


def joined(words: dict[str, str], told: Any, tensors: dict[str, Any]) -> bytes:
    """The file of such parts."""
    return safetensors.numpy.save(tensors, {**words, "run": told if isinstance(told, str) else json.dumps(told)})


def forged(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> bytes:
    """A file of which something was changed: of what it tells, or of its tensors."""
    words, told, tensors = parts(good())
    change(told, tensors)
    return joined(words, told, tensors)
