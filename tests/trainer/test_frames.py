from __future__ import annotations

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load

from tests.conftest import TIMEOUT_FACTOR
from trainer.wire.frames import Frame, FrameError, Tensors, decode, encode, pack, peek, unpack


def a_frame(**meta: str) -> Frame:
    random = np.random.default_rng(0)
    tensors: Tensors = {
        "step": np.arange(5, dtype=np.uint32),
        "lane": np.ones(5, np.uint8),
        "loss": random.normal(size=(5, 2)).astype(np.float32),
        "mask/hidden1": random.integers(0, 256, (5, 17), dtype=np.uint8),
        "edge/source": np.arange(7, dtype=np.uint16),
        "matrix/hidden1": random.integers(-128, 128, (2, 3, 3), dtype=np.int8),
        "expected/hidden1": random.normal(size=1),
        "double": np.array([0.1]),
        "empty": np.zeros((0, 3), np.float32),
    }
    return Frame("steps", "k3f9", 812, tensors, meta)


def header_of(data: bytes) -> tuple[int, dict[str, dict[str, object]]]:
    (length,) = struct.unpack("<Q", data[:8])
    return length, json.loads(data[8 : 8 + length])


def test_a_decoded_frame_is_what_was_encoded() -> None:
    frame = a_frame(skipped="3")
    again = decode(encode(frame))
    assert (again.kind, again.run, again.seq, again.meta) == ("steps", "k3f9", 812, {"skipped": "3"})
    assert again.tensors.keys() == frame.tensors.keys()
    for name, array in frame.tensors.items():
        assert again.tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(again.tensors[name], array)


def test_safetensors_itself_reads_a_frame() -> None:
    frame = a_frame()
    tensors = load(encode(frame))
    for name, array in frame.tensors.items():
        np.testing.assert_array_equal(tensors[name], array)


@pytest.mark.parametrize("odd", range(9))
def test_every_array_starts_at_a_multiple_of_its_element_size(odd: int) -> None:
    frame = a_frame(skipped="9" * odd)
    frame.tensors["a/first/by/name"] = np.zeros(odd, np.uint8)
    data = encode(frame)
    length, header = header_of(data)
    assert length % 8 == 0
    del header["__metadata__"]
    assert header.keys() == frame.tensors.keys()
    for name, entry in header.items():
        offsets = entry["data_offsets"]
        assert isinstance(offsets, list)
        assert (8 + length + offsets[0]) % frame.tensors[name].itemsize == 0, name


def test_decoding_copies_nothing() -> None:
    data = encode(a_frame())
    whole = np.frombuffer(data, np.uint8)
    for name, array in decode(data).tensors.items():
        assert array.size == 0 or np.shares_memory(array, whole), name
        assert not array.flags.writeable


def test_arrays_that_are_no_plain_block_of_memory_are_encoded_by_value() -> None:
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    frame = Frame("steps", "r", 1, {"column": table[:, 1], "turned": table.T, "big-endian": table.astype(">f4")})
    again = decode(encode(frame)).tensors
    np.testing.assert_array_equal(again["column"], [1, 5, 9])
    np.testing.assert_array_equal(again["turned"], table.T)
    np.testing.assert_array_equal(again["big-endian"], table)


@pytest.mark.parametrize("meta", [{}, {"pass": "training"}, {"long": "x" * 1000}, {"quoted": '"}\\ué😀' * 40}])
def test_peeking_tells_kind_run_and_number(meta: dict[str, str]) -> None:
    assert peek(encode(a_frame(**meta))) == ("steps", "k3f9", 812)


def test_peeking_does_not_depend_on_where_the_metadata_stand() -> None:
    header = {"step": {"dtype": "U32", "shape": [0], "data_offsets": [0, 0]}}
    text = json.dumps({**header, "__metadata__": {"kind": "steps", "run": "r", "seq": "7"}}).encode()
    assert peek(struct.pack("<Q", len(text)) + text) == ("steps", "r", 7)


def with_header(header: str, rest: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + rest


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"short",
        b"\xff" * 100,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 24) + b'{"__metadata__": {"a":1}}',
        encode(Frame("steps", "r", 1, {}))[:40],
        with_header("[" * 100_000),
        with_header('{"__metadata__": ' + '{"a":' * 100_000),
        with_header('{"__metadata__": {"kind": ["steps"], "run": "r", "seq": "1"}}'),
        with_header('{"__metadata__": {"kind": "steps", "run": {}, "seq": "1"}}'),
        with_header('{"__metadata__": {"kind": "steps", "run": "r", "seq": "-1"}}'),
        with_header('{"__metadata__": {"kind": "steps", "run": "r", "seq": Infinity}}'),
        with_header('[{"__metadata__": 1}]'),
    ],
    ids=[
        *("nothing", "short", "no length", "no words", "null", "other words", "cut off", "deep", "deep words"),
        *("a list for a kind", "an object for a run", "below zero", "infinite", "a list"),
    ],
)
def test_rubbish_is_no_frame(rubbish: bytes) -> None:
    with pytest.raises(FrameError, match="not a frame"):
        decode(rubbish)
    with pytest.raises(FrameError, match="not a frame"):
        peek(rubbish)


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        ([2**70], [0, 4]),
        ([2**40, 0], [0, 4]),
        ([-1], [0, 4]),
        ([1], [-8, -4]),
        ([2], [0, 8]),
        ([1], [4, 8]),
        ([True], [0, 4]),
        ([1.0], [0, 4]),
        ("1", [0, 4]),
        ([1], [0]),
        ([1], {"0": 4}),
    ],
)
def test_an_array_of_an_absurd_shape_or_place_is_no_frame(shape: object, place: object) -> None:
    entry = {"dtype": "F32", "shape": shape, "data_offsets": place}
    header = json.dumps({"__metadata__": {"kind": "graph", "run": "r", "seq": "1"}, "x": entry})
    with pytest.raises(FrameError, match="not a frame"):
        decode(with_header(header, b"\0\0\0\0"))


def test_a_frame_that_was_cut_off_is_no_frame() -> None:
    with pytest.raises(FrameError, match="not a frame"):
        decode(encode(a_frame())[:-1])


def test_the_first_unit_is_the_most_significant_bit_and_the_rest_is_zero() -> None:
    mask = np.zeros(11, bool)
    mask[[0, 6, 8]] = True
    assert pack(mask).tolist() == [0b10000010, 0b10000000]


@pytest.mark.parametrize("units", [1, 7, 8, 9, 64, 128, 511])
def test_unpacking_undoes_packing(units: int) -> None:
    masks = np.random.default_rng(units).random((6, units)) < 0.3
    packed = pack(masks)
    assert packed.shape == (6, -(-units // 8))
    unpacked = unpack(packed, units)
    assert unpacked.dtype == np.bool_
    np.testing.assert_array_equal(unpacked, masks)


def test_frames_and_stream_do_without_torch() -> None:
    check = "import sys, trainer.wire.frames, trainer.wire.stream; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60 * TIMEOUT_FACTOR).returncode == 0
