"""The stream between the app and its workers: messages and frames, each with its length in front.

This module does no input or output: it turns messages into bytes and bytes into messages, whoever moves them. On the
wire: four bytes with the payload's length (big-endian), one byte that says what it is (``J`` JSON, ``F`` frame), the
payload.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from trainer.errors import DropoutLabError
from trainer.wire.jsontext import dumps

MAX_PAYLOAD: Final = 20 * 1024 * 1024  # forty times the largest frame: 1,000 digits are 0.3 MB, 128 boundaries 0.5 MB
MAX_STATE: Final = MAX_PAYLOAD * 3 // 4  # of a checkpoint, which is a part of a frame
MAX_HELLO: Final = 4096  # what a stranger may send before it has shown the token
BEAT_S: Final = 0.5  # a worker says so often that it is alive, whatever else it is doing
TOKEN_VARIABLE: Final = "DROPOUT_LAB_WORKER_TOKEN"  # in a worker's environment: what its hello must show
_HEADER: Final = struct.Struct(">Ic")


class StreamError(DropoutLabError):
    """The other side does not speak this stream's language."""


class Kind(Enum):
    """What a payload is."""

    JSON = b"J"
    FRAME = b"F"


def pack_message(message: dict[str, Any]) -> bytes:
    """Return the bytes that carry a JSON message; a number that is no number is null there.

    Raises:
        StreamError: it is too long.
    """
    return _pack(Kind.JSON, dumps(message).encode())


def pack_frame(frame: bytes) -> bytes:
    """Return the bytes that carry an encoded frame.

    Raises:
        StreamError: it is too long.
    """
    return _pack(Kind.FRAME, frame)


def parse_message(payload: bytes) -> dict[str, Any]:
    """Return the message in the payload of a `Kind.JSON`.

    Raises:
        StreamError: it is not a JSON object.
    """
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise StreamError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise StreamError(f"a message must be an object, not {type(message).__name__}")
    return message


class Splitter:
    """Cuts a stream of bytes into payloads.

    Args:
        limit: longest payload that is accepted, in bytes; it may be changed between two payloads.
    """

    def __init__(self, limit: int = MAX_PAYLOAD) -> None:
        self.limit = limit
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Take in ``data`` and yield what is complete; when the caller stops half-way, the next call yields the rest.

        Raises:
            StreamError: a payload of an unknown kind, or longer than the limit. The stream cannot go on from there.
        """
        self._held += data
        while len(self._held) >= _HEADER.size:
            length, letter = _HEADER.unpack_from(self._held)
            if letter not in b"JF":
                raise StreamError(f"there is no payload of kind {letter!r}")
            if length > self.limit:
                raise StreamError(f"a payload of {length:,} bytes; at most {self.limit:,} are accepted")
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            payload = bytes(self._held[_HEADER.size : end])
            del self._held[:end]
            yield Kind(letter), payload


def _pack(kind: Kind, payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise StreamError(f"a payload of {len(payload):,} bytes; at most {MAX_PAYLOAD:,} can be sent")
    return _HEADER.pack(len(payload), kind.value) + payload
