"""Valid input made invalid: bytes and JSON, changed a little in the ways that break readers.

Everything is drawn from one `random.Random`, so a number tells which input it was.
"""

from __future__ import annotations

import copy
import json
import math
import struct
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from trainer.wire.frames import Frame, encode

NUMBERS: Final = (
    *(0, -1, 1, 2, 7, 63, 64, 65, 127, 128, 255, 256, 640, 641, 65_535, 65_536, 10**6, 2**31 - 1, 2**31, 2**32),
    *(2**53, 2**63 - 1, 2**63, 2**64, 10**30, 10**400, -(2**31), -(2**63), 0.5, -0.0, 1e-320, 1e308, 1e400, math.nan),
    *(math.inf, -math.inf, True, False),
)
TEXTS: Final = (
    *("", " ", "0", "-1", "1e999", "nan", "null", "None", "true", "\x00", "\ud800", "\u202e", "\u2028", "é", "猫" * 40),
    *("x" * 5000, "../../etc/passwd", "..\\..\\x", "/dev/zero", "%s%n%d", "{0}", "${x}", "<script>alert(1)</script>"),
    *(
        "=cmd|' /C calc'!A0",
        "__proto__",
        "constructor",
        "__class__",
        "lane",
        "run",
        "\r\nX: y",
        "a\nb",
        "'; drop table",
    ),
)
DEEP: Final = 3000
BYTES: Final = (0x00, 0x01, 0x0A, 0x0D, 0x22, 0x2C, 0x3B, 0x5B, 0x5D, 0x7B, 0x7D, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)
LENGTHS: Final = (0, 1, 2, 7, 8, 9, 255, 256, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def odd_value(rng: Random) -> Any:
    """A value that is seldom expected."""
    kind = rng.randrange(12)
    if kind < 4:
        return rng.choice(NUMBERS)
    if kind < 7:
        return rng.choice(TEXTS)
    if kind == 7:
        return None
    if kind == 8:
        return [odd_value(rng) for _ in range(rng.randrange(4))]
    if kind == 9:
        return {rng.choice(TEXTS): odd_value(rng) for _ in range(rng.randrange(3))}
    if kind == 10:
        return [rng.choice((0, 0.5, None, "a"))] * rng.choice((1, 64, 65, 300, 5000))
    return rng.choice(([[]], [{}], {"": {}}, [[[[0]]]], {"op": "play"}))


def mutated_json(rng: Random, value: Any) -> Any:
    """Plain data with one to three changes somewhere in it."""
    found = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        found = _changed(rng, found)
    return found


def _changed(rng: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(list(value))
        how = rng.randrange(10)
        if how == 0:
            del value[name]
        elif how == 1:
            value[rng.choice(TEXTS)] = odd_value(rng)
        elif how == 2:
            value[rng.choice(TEXTS)] = value.pop(name)
        else:
            value[name] = _changed(rng, value[name])
        return value
    if isinstance(value, list) and value and rng.random() < 0.85:
        place, how = rng.randrange(len(value)), rng.randrange(8)
        if how == 0:
            del value[place]
        elif how == 1:
            value.insert(place, odd_value(rng))
        elif how == 2:
            value *= rng.choice((2, 3, 50))
        else:
            value[place] = _changed(rng, value[place])
        return value
    return odd_value(rng)


def json_bytes(rng: Random, value: Any) -> bytes:
    """JSON of a value, at times of itself broken, and at times nested deeply."""
    if rng.random() < 0.01:
        depth = rng.choice((100, DEEP, 100_000))
        return (rng.choice(("[", '{"a":')) * depth).encode()
    text = json.dumps(mutated_json(rng, value), ensure_ascii=rng.random() < 0.8)
    data = text.encode("utf-8", "surrogatepass")
    return mutated_bytes(rng, data) if rng.random() < 0.3 else data


def mutated_bytes(rng: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Bytes with one to four changes; now and then random ones of their own."""
    if rng.random() < 0.03:
        return rng.randbytes(rng.choice((0, 1, 7, 8, 9, 100, 1000)))
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change_bytes(rng, found, others)
    return bytes(found)


def _change_bytes(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    size = len(data)
    place = rng.randrange(size) if size else 0
    end = min(size, place + rng.choice((1, 2, 4, 16, 200)))
    match rng.randrange(9):
        case 0 if size:
            data[place] ^= 1 << rng.randrange(8)
        case 1 if size:
            data[place] = rng.choice(BYTES)
        case 2:
            del data[place:end]
        case 3:
            data[place:place] = data[place:end] * rng.choice((1, 2, 50))
        case 4:
            data[place:place] = rng.randbytes(rng.choice((1, 4, 64)))
        case 5:
            del data[place:]
        case 6:
            data[place:place] = str(rng.choice(NUMBERS[:-5])).encode()
        case 7 if others:
            other = rng.choice(others)
            data[place:] = other[rng.randrange(len(other) + 1) :]
        case 8:
            data[place : place + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(LENGTHS))


def mutated_tensors(rng: Random, data: bytes) -> bytes:
    """A safetensors file with a header that lies: other shapes, types, places, words; or broken as bytes are."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, data)
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError:
        return mutated_bytes(rng, data)
    text = json_bytes(rng, header)
    told = len(text) if rng.random() < 0.9 else rng.choice((*LENGTHS, 2**62, 2**63, len(text) + 1, len(text) - 1))
    body = data[8 + length :]
    return struct.pack("<Q", told & (2**64 - 1)) + text + (mutated_bytes(rng, body) if rng.random() < 0.2 else body)


def mutated_frame(rng: Random, frame: Frame) -> bytes:
    """A frame that can be read, with other tensors or words than its kind has; or one that cannot."""
    if rng.random() < 0.4:
        return mutated_tensors(rng, encode(frame))
    tensors, meta = dict(frame.tensors), dict(frame.meta)
    kind, run, seq = frame.kind, frame.run, frame.seq
    match rng.randrange(7):
        case 0 if tensors:
            del tensors[rng.choice(list(tensors))]
        case 1 if tensors:
            name = rng.choice(list(tensors))
            tensors[name] = tensors[name].reshape(-1)[: rng.randrange(5)]
        case 2 if tensors:
            name = rng.choice(list(tensors))
            tensors[name] = tensors[name].astype(rng.choice(("u1", "i8", "f8", "f4", "u4")))
        case 3 if tensors:
            tensors = {name: array[: rng.randrange(3)] for name, array in tensors.items()}
        case 4:
            meta[rng.choice(("skipped", "step", "session", "pass"))] = rng.choice(TEXTS[:10])
        case 5:
            kind = rng.choice(("steps", "scores", "data", "history", "checkpoint", "graph", "damage", "", "nonsense"))
        case _:
            seq = rng.choice((-1, 0, seq, 2**53, 2**70))
    meta = {name: text.encode("utf-8", "replace").decode() for name, text in meta.items()}
    return encode(Frame(kind, run, seq, tensors, meta))
