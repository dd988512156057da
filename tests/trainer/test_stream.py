from __future__ import annotations

import json
import math
import struct

import pytest

from trainer.wire.stream import (
    MAX_PAYLOAD,
    Kind,
    Splitter,
    StreamError,
    pack_frame,
    pack_message,
    parse_message,
)

MESSAGE = {"op": "open", "run": "é😀", "config": {"hidden": [128, 128]}, "none": None}


def test_what_is_packed_is_split_again_wherever_it_is_cut() -> None:
    wire = pack_message(MESSAGE) + pack_frame(b"") + pack_frame(b"\x00JF" * 9) + pack_message({})
    for cut in range(len(wire) + 1):
        splitter = Splitter()
        found = [*splitter.feed(wire[:cut]), *splitter.feed(wire[cut:])]
        assert [kind for kind, _ in found] == [Kind.JSON, Kind.FRAME, Kind.FRAME, Kind.JSON]
        assert parse_message(found[0][1]) == MESSAGE
        assert [payload for _, payload in found[1:3]] == [b"", b"\x00JF" * 9]


def test_bytes_that_come_one_by_one_make_the_same_messages() -> None:
    splitter = Splitter()
    found = [each for byte in pack_message(MESSAGE) * 2 for each in splitter.feed(bytes([byte]))]
    assert [parse_message(payload) for _, payload in found] == [MESSAGE, MESSAGE]


def test_the_wire_is_as_documented() -> None:
    assert pack_frame(b"abc") == struct.pack(">I", 3) + b"F" + b"abc"
    assert pack_message({"a": 1}) == struct.pack(">I", 7) + b"J" + b'{"a":1}'


def test_what_a_caller_left_is_yielded_by_the_next_call() -> None:
    splitter = Splitter()
    assert next(iter(splitter.feed(pack_frame(b"one") + pack_frame(b"two")))) == (Kind.FRAME, b"one")
    assert list(splitter.feed(b"")) == [(Kind.FRAME, b"two")]


def test_a_payload_beyond_the_limit_is_refused_before_it_has_come() -> None:
    splitter = Splitter(limit=10)
    assert list(splitter.feed(pack_frame(b"0123456789"))) == [(Kind.FRAME, b"0123456789")]
    with pytest.raises(StreamError, match="11 bytes; at most 10"):
        list(splitter.feed(struct.pack(">I", 11) + b"F"))


def test_the_limit_may_change_between_two_payloads() -> None:
    splitter = Splitter(limit=3)
    found = []
    for kind, payload in splitter.feed(pack_frame(b"abc") + pack_frame(b"abcdef")):
        found.append((kind, payload))
        splitter.limit = 6
    assert found == [(Kind.FRAME, b"abc"), (Kind.FRAME, b"abcdef")]


def test_a_payload_beyond_the_limit_is_not_sent() -> None:
    with pytest.raises(StreamError, match="at most"):
        pack_frame(bytes(MAX_PAYLOAD + 1))


@pytest.mark.parametrize("letter", [b"X", b"\x00", b"j"])
def test_an_unknown_kind_is_refused(letter: bytes) -> None:
    with pytest.raises(StreamError, match="kind"):
        list(Splitter().feed(struct.pack(">I", 1) + letter + b"x"))


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b'"text"', b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_message_must_be_a_json_object(payload: bytes) -> None:
    with pytest.raises(StreamError):
        parse_message(payload)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_no_number_is_null(value: float) -> None:
    message = {"value": value, "list": [1.5, value, {"deep": (value, 2)}], "text": "NaN", "yes": True}
    ((_, payload),) = Splitter().feed(pack_message(message))
    assert json.loads(payload, parse_constant=pytest.fail) == {
        "value": None,
        "list": [1.5, None, {"deep": [None, 2]}],
        "text": "NaN",
        "yes": True,
    }
