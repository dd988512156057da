"""A frame: named arrays and a few words about them, as the bytes of one safetensors file.

What a viewer needs while a run trains travels as frames (docs/protocol.md, "binary frames"). This module knows no
torch: the web's process uses it too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from trainer.errors import DropoutLabError, quote

Array = NDArray[Any]
Tensors = dict[str, Array]

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "U8": np.dtype("<u1"),
    "U16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "U64": np.dtype("<u8"),
    "I8": np.dtype("<i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_METADATA: Final = b'{"__metadata__":'  # safetensors writes its metadata first, which makes peeking cheap
_JSON: Final = json.JSONDecoder()
_BROKEN: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What Python raises over a header that is none; of JSON nested too deeply, and of numbers beyond all arrays, too."""
MAX_NUMBER: Final = 2**53  # of a frame: what a browser can count exactly


class FrameError(DropoutLabError, ValueError):
    """Bytes that are no frame."""


@dataclass(frozen=True)
class Frame:
    """One frame.

    Args:
        kind: what it shows: ``data``, ``history``, ``steps``, ``scores``, ``graph``, ``ensemble`` or ``boundary``.
        run: the run that it is about.
        seq: its number; it rises with every frame of a run.
        tensors: arrays by name; of a decoded frame they are read-only views of its bytes.
        meta: further words, such as ``skipped``.
    """

    kind: str
    run: str
    seq: int
    tensors: Tensors
    meta: dict[str, str] = field(default_factory=dict)


def encode(frame: Frame) -> bytes:
    """Return the safetensors file that says what ``frame`` says.

    safetensors pads its header to a multiple of eight and writes wide elements before narrow ones, so every array
    starts at a multiple of its element's size: a browser reads them as typed arrays without copying.
    """
    words = {**frame.meta, "kind": frame.kind, "run": frame.run, "seq": str(frame.seq)}
    # ascontiguousarray, because safetensors reads memory from the first element on and knows nothing of strides.
    return save({name: np.ascontiguousarray(array) for name, array in frame.tensors.items()}, words)


def decode(data: bytes) -> Frame:
    """Return the frame in ``data``; its arrays are views, not copies.

    Raises:
        FrameError: ``data`` is not a frame.
    """
    try:
        header, start = _header(data)
        meta = dict(header.pop("__metadata__"))
        if not all(isinstance(text, str) for text in meta.values()):
            raise ValueError("its words are no texts")
        "".join((*meta.values(), *meta, *header)).encode()  # a lone surrogate could not be told to anybody
        kind, run, seq = _named(meta)
        for name in ("kind", "run", "seq"):
            del meta[name]
        tensors = {name: _view(data, start, entry) for name, entry in header.items()}
    except _BROKEN as error:
        raise FrameError(f"not a frame: {quote(error)}") from None
    return Frame(kind, run, seq, tensors, meta)


def peek(data: bytes) -> tuple[str, str, int]:
    """Return ``(kind, run, seq)`` of an encoded frame without looking at its arrays.

    Raises:
        FrameError: ``data`` is not a frame.
    """
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        if data.startswith(_METADATA, 8):
            # The words are short: 256 characters hold them, and raw_decode stops at their end.
            text = data[8 + len(_METADATA) : min(end, 264)].decode(errors="ignore")
            try:
                return _named(_JSON.raw_decode(text)[0])
            except json.JSONDecodeError:
                pass  # longer words than expected
        return _named(_header(data)[0]["__metadata__"])
    except _BROKEN as error:
        raise FrameError(f"not a frame: {quote(error)}") from None


def pack(mask: Array) -> NDArray[np.uint8]:
    """Pack booleans (…, units) into bits (…, ⌈units/8⌉), the first unit in the most significant bit; the rest is 0."""
    return np.packbits(np.asarray(mask, dtype=np.bool_), axis=-1)


def unpack(packed: Array, units: int) -> NDArray[np.bool_]:
    """Undo `pack`: bits (…, ⌈units/8⌉) to booleans (…, units)."""
    return np.unpackbits(packed, axis=-1, count=units).view(np.bool_)


def _named(words: Mapping[str, Any]) -> tuple[str, str, int]:
    kind, run, seq = words["kind"], words["run"], words["seq"]
    if not (isinstance(kind, str) and isinstance(run, str) and isinstance(seq, str)):
        raise ValueError("its words are no texts")
    number = int(seq)
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"{number} is no number of a frame")
    return kind, run, number


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """Return the parsed header and where the arrays begin."""
    start = 8 + int.from_bytes(data[:8], "little")
    if not 8 < start <= len(data):
        raise ValueError(f"{len(data)} bytes cannot hold a header of {start - 8}")
    header = json.loads(data[8:start])
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    return header, start


def _view(data: bytes, start: int, entry: Mapping[str, Any]) -> Array:
    dtype, shape = _DTYPES[entry["dtype"]], entry["shape"]
    first, last = entry["data_offsets"]
    if not all(type(each) is int and each >= 0 for each in (first, last, *shape)):
        raise ValueError(f"{quote(shape)} at {quote(first)} to {quote(last)} is no place of an array")
    if last - first != math.prod(shape) * dtype.itemsize or start + last > len(data):
        raise ValueError(f"{first} to {last} of {len(data) - start} bytes cannot hold {quote(shape)}")
    # From a slice, because frombuffer with an offset refuses an empty array at the very end.
    array: Array = np.frombuffer(memoryview(data)[start + first : start + last], dtype)
    return array.reshape(shape)
