"""A checkpoint with all that had been measured by then, as the bytes of one file."""

from __future__ import annotations

import json

import numpy as np

from app.history import History
from app.memory import CHECKPOINT, Checkpoint
from app.store.errors import StoreError
from trainer.errors import DropoutLabError, quote
from trainer.wire.frames import Frame, decode, encode

FRAME = "frame"  # the tensor that holds what a worker sent, byte for byte


def write(checkpoint: Checkpoint) -> bytes:
    """Return the bytes of a checkpoint: a safetensors file."""
    tensors, counts = checkpoint.history.dump()
    words = {"config": json.dumps(checkpoint.config), "counts": json.dumps(counts), "step": str(checkpoint.step)}
    tensors[FRAME] = np.frombuffer(checkpoint.frame, np.uint8)
    return encode(Frame(CHECKPOINT, "", 0, tensors, words))


def read(data: bytes) -> Checkpoint:
    """Return the checkpoint that was written.

    Raises:
        StoreError: these are not the bytes of one.
    """
    try:
        frame = decode(data)
        tensors = dict(frame.tensors)
        sent = tensors.pop(FRAME).tobytes()
        history = History.load(tensors, json.loads(frame.meta["counts"]))
        config = json.loads(frame.meta["config"])
        if not isinstance(config, dict):
            raise ValueError(f"config = {quote(config)} is no configuration")
        return Checkpoint(int(frame.meta["step"]), sent, config, history)
    except (DropoutLabError, KeyError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise StoreError(f"a checkpoint that was kept cannot be read: {error}") from error
