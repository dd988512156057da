"""An experiment's state as the bytes of one safetensors file, and back.

Tensors keep their names by their place in the state; everything else is JSON in the file's metadata. Nothing in such a
file is code, so that one from a stranger can do no harm by being read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import save  # of 40 small tensors in half the time that the one for tensors takes
from safetensors.torch import load
from torch import Tensor

from trainer.errors import StateError, quote
from trainer.wire.frames import decode
from trainer.wire.stream import MAX_STATE

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

VERSION: Final = 1
MAX_BYTES: Final = MAX_STATE  # of one that travels
_TENSOR: Final = "tensor"  # the one key of an object that stands in a tensor's place
_HEADER: Final = 8  # bytes that say how long the header is


def packed(experiment: Experiment) -> bytes | None:
    """Return an experiment's state as bytes; None if they would be more than a checkpoint may have.

    Its changes are not in it: there may be many, and whoever opens it again has them.
    """
    data = pack(experiment.state_dict() | {"changes": []})
    return data if len(data) <= MAX_BYTES else None


def pack(state: Mapping[str, Any]) -> bytes:
    """Return a state as bytes.

    Args:
        state: what `Experiment.state_dict` returned: tensors, numbers, texts, lists and dictionaries.
    """
    tensors: dict[str, np.ndarray] = {}
    plain = _without_tensors(state, "", tensors)
    return save(tensors, {"version": str(VERSION), "state": json.dumps(plain, separators=(",", ":"))})


def unpack(data: bytes) -> dict[str, Any]:
    """Return the state that was packed.

    Raises:
        StateError: these are not the bytes of one.
    """
    try:
        described = _metadata(data)
        if described.get("version") != str(VERSION):
            version = quote(described.get("version"))
            raise StateError(f"this checkpoint has version {version}; this Dropout Lab reads version {VERSION}")
        state = _with_tensors(json.loads(described["state"]), load(data))
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise StateError(f"this is no checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise StateError("this is no checkpoint: it holds no state")
    return state


def state_of(frame: bytes) -> bytes:
    """Return the bytes of a state that travelled as a frame.

    Raises:
        FrameError, StateError: there are none in it.
    """
    state = decode(frame).tensors.get("state")
    if state is None or state.dtype != "uint8":
        raise StateError("this is no checkpoint: it holds no state")
    return state.tobytes()


def _metadata(data: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: eight bytes of length, and so much JSON (the format's own description)."""
    length = int.from_bytes(data[:_HEADER], "little")
    if length > len(data) - _HEADER:
        raise ValueError("it is cut off")
    found = json.loads(data[_HEADER : _HEADER + length])["__metadata__"]
    if not isinstance(found, dict):
        raise TypeError("its metadata is no object")
    return found


def _without_tensors(value: Any, place: str, tensors: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Tensor):
        name = place.lstrip(".")
        tensors[name] = np.asarray(value.detach().cpu().numpy(), order="C")  # a view of a lane is not in one piece
        return {_TENSOR: name}
    if isinstance(value, Mapping):
        return {name: _without_tensors(each, f"{place}.{name}", tensors) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_tensors(each, f"{place}.{index}", tensors) for index, each in enumerate(value)]
    return value


def _with_tensors(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_TENSOR}:
            return tensors[value[_TENSOR]]
        return {name: _with_tensors(each, tensors) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_tensors(each, tensors) for each in value]
    return value
