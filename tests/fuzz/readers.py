"""What reads bytes of strangers: each takes an input or refuses it with an error of its own, and nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from app.backlog import Backlog, Packet
from app.errors import WatchFileError
from app.history import History
from app.memory import Checkpoint
from app.opening import parse_fork, parse_opening
from app.settings import Settings
from app.store import past
from app.store.errors import StoreError
from app.watched import file as watch_file
from app.watched.joining import WatchBacklog
from app.watched.watch import Watch
from app.wire import loads
from tests.app.fakes import scores_tensors, steps_tensors
from tests.app.watched import feeding
from tests.fuzz.mutations import json_bytes, mutated_bytes, mutated_frame, mutated_json, mutated_tensors
from trainer.errors import DropoutLabError, ImageFilesError, KnobError, StateError, TableError
from trainer.presets import PRESETS
from trainer.settings.commands import check_command
from trainer.settings.config import parse
from trainer.tables import idx
from trainer.tables.decisions import parse_decisions
from trainer.tables.table import Table, read_table
from trainer.training.checkpoint import pack, unpack
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, FrameError, decode, encode, peek
from trainer.wire.stream import MAX_HELLO, Splitter, StreamError, pack_frame, pack_message, parse_message


@dataclass(frozen=True)
class Reader:
    """Something that reads.

    Attributes:
        name: what it is called.
        draw: makes an input.
        read: reads it, and returns or raises.
        refuses: the errors with which it may refuse.
        share: how many inputs it gets beside the others.
    """

    name: str
    draw: Callable[[Random], Any]
    read: Callable[[Any], object]
    refuses: tuple[type[Exception], ...]
    share: int = 4


# Frames and the stream

FRAME: Final = Frame("steps", "0123456789abcdef", 7, steps_tensors(1, 3), {"skipped": "0"})
SCORES: Final = Frame("scores", "0123456789abcdef", 8, scores_tensors(25))


def read_frame(data: bytes) -> None:
    """Peek at a frame and decode it; of one that is a frame every array is whole, and it can be encoded again."""
    with_words = None
    with suppress(FrameError):
        with_words = peek(data)
    frame = decode(data)
    assert (frame.kind, frame.run, frame.seq) == with_words
    assert all(isinstance(each, str) for each in (frame.kind, frame.run))
    again = decode(encode(frame))
    for name, array in frame.tensors.items():
        assert np.array_equal(array, again.tensors[name], equal_nan=array.dtype.kind == "f")


def read_steps(data: bytes) -> None:
    """What the app does with a frame of steps or scores of a run: keeps it, and joins it for a slow viewer."""
    packet = Packet(data)
    history = History(2, {"input": 64, "hidden1": 128, "hidden2": 128, "hidden3": 128})
    if packet.kind in ("steps", "scores"):
        history.check(packet.frame)
        history.add(packet.frame)
        history.frame("r", 1)
        backlog = Backlog()
        for _ in range(3):
            backlog.put(packet)
        for each in backlog.take():
            decode(each.raw)


STREAM: Final = (
    pack_message({"op": "hello", "worker": 0, "epoch": 1, "token": "t", "pid": 1, "device": "cpu", "torch": "2"})
    + pack_frame(encode(FRAME))
    + pack_message({"op": "reply", "run": "r", "ref": 1, "step": 3})
)


def read_stream(data: bytes) -> None:
    """Split a stream, as it comes and byte by byte up to a point: the same payloads."""
    splitter = Splitter()
    whole = _split(splitter, [data])
    parts = [data[place : place + 5] for place in range(0, min(len(data), 400), 5)] + [data[400:]]
    assert _split(Splitter(), parts) == whole
    for kind, payload in whole:
        if kind == "JSON":
            parse_message(payload)
        else:
            peek(payload)
    _split(Splitter(MAX_HELLO), [data])


def _split(splitter: Splitter, parts: list[bytes]) -> list[tuple[str, bytes]]:
    return [(kind.name, payload) for part in parts for kind, payload in splitter.feed(part)]


# Checkpoints


@cache
def experiment() -> Experiment:
    """A small run that has got somewhere."""
    lanes = [{"dropout": [0.1, 0.5], "patience": 2}, {"batch_norm": True}]
    config = {"dataset": "moons", "hidden": [4], "train_size": 20, "batch_size": 10, "lanes": lanes}
    found = Experiment(parse(config), "cpu")
    found.run(3)
    return found


@cache
def saved() -> bytes:
    """The bytes of its state."""
    return pack(experiment().state_dict() | {"changes": []})


def draw_state(rng: Random) -> bytes:
    """A checkpoint: of other bytes, with another header, or with another state in it."""
    data = saved()
    if rng.random() < 0.4:
        return mutated_tensors(rng, data)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    state = mutated_json(rng, json.loads(header["__metadata__"]["state"]))
    header["__metadata__"]["state"] = json.dumps(state)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def read_checkpoint(data: bytes) -> None:
    """Go on from a checkpoint, as a worker does: all of it or nothing."""
    run = experiment()
    before = run.step
    try:
        run.load_state_dict(unpack(data))
    except StateError:
        assert run.step == before
        raise
    finally:
        if run.step != 3:
            run.load_state_dict(unpack(saved()))
    assert run.step >= 0


@cache
def kept() -> bytes:
    """What the store keeps of a run."""
    history = History(2, {"input": 64, "hidden1": 128, "hidden2": 128, "hidden3": 128})
    history.add(FRAME)
    history.add(SCORES)
    frame = encode(Frame("checkpoint", "r", 9, {"state": np.frombuffer(saved(), np.uint8)}, {"step": "3"}))
    return past.write(Checkpoint(3, frame, parse({}).model_dump(mode="json"), history))


def read_kept(data: bytes) -> None:
    """Read what the store kept, and tell it to a viewer."""
    checkpoint = past.read(data)
    checkpoint.history.frame("r", 1)
    checkpoint.history.curves()
    checkpoint.history.is_scored(3)


# Tables and images

CSV: Final = (
    b"a,b,label\n" + b"".join(b"%d,%.3f,%s\n" % (k % 7, k / 3, b"yes" if k % 2 else b"no") for k in range(60)),
    b"\xef\xbb\xbf"
    + "größe;farbe;klasse\n".encode()
    + "".join(f'1,{k};"r;ot";c{k % 3}\r\n' for k in range(50)).encode(),
    "x\ty\n".encode("utf-16") + "".join(f"{k}\t{k % 2}\n" for k in range(40)).encode("utf-16-le"),
    b"# a comment\nsep=|\n" + b"".join(b"%d||c%d\n" % (k, k % 2) for k in range(40)),
)
DECISIONS: Final = {
    "a": {"kind": "category", "missing": ["-999", "x"], "merge_case": True},
    "label": {"kind": "label", "numbers": False},
}


def draw_table(rng: Random) -> tuple[bytes, str | None, Any]:
    """A file, the label that is asked for, and what is decided."""
    label = rng.choice((None, None, "b", "label", "klasse", "y", "\ud800", ""))
    decisions = mutated_json(rng, DECISIONS) if rng.random() < 0.3 else None
    return mutated_bytes(rng, rng.choice(CSV), CSV), label, decisions


def read_upload(given: tuple[bytes, str | None, Any]) -> None:
    """Read a table and hand it to a worker."""
    data, label, decisions = given
    table = read_table(data, "x.csv", label, parse_decisions(decisions))
    Table.decode(table.encode())
    json.dumps(table.described(), allow_nan=False)


def draw_table_for_worker(rng: Random) -> Any:
    """A table as it travels to a worker, and is not one any more."""
    return mutated_json(rng, read_table(CSV[0], "x.csv", None, {}).encode())


def _idx(dimensions: tuple[int, ...], data: bytes) -> bytes:
    return bytes((0, 0, 8, len(dimensions))) + b"".join(each.to_bytes(4, "big") for each in dimensions) + data


def draw_images(rng: Random) -> dict[str, bytes]:
    """A folder of files of images, of which one is broken; compressed or not."""
    count = idx.MIN_TRAIN + idx.MIN_VALIDATION
    files = {
        "train-images-idx3-ubyte": _idx((count, 8, 8), bytes(64) * count),
        "train-labels-idx1-ubyte": _idx((count,), bytes(k % 3 for k in range(count))),
    }
    broken = rng.choice(list(files))
    compressed = rng.random() < 0.5
    if not compressed or rng.random() < 0.5:
        head, rest = files[broken][:16], files[broken][16:]
        files[broken] = mutated_bytes(rng, head) + (rest if rng.random() < 0.7 else rest[: rng.randrange(len(rest))])
    if compressed:
        files = {f"{name}.gz": gzip.compress(data, 1) for name, data in files.items()}
        if rng.random() < 0.7:
            files[f"{broken}.gz"] = mutated_bytes(rng, files[f"{broken}.gz"])
    return files


def read_images(files: dict[str, bytes]) -> None:
    """Read a folder of images."""
    with TemporaryDirectory() as name:
        for file, data in files.items():
            (Path(name) / file).write_bytes(data)
        idx.read(Path(name))


# What a run is opened with, and what it is told

OPENINGS: Final = (
    {},
    parse({}).model_dump(mode="json"),
    {"dataset": "moons", "hidden": [8], "lanes": [{"dropout": [0, 0.5]}, {}], "stop_at": 100, "experiment": "twin"},
    {
        "changes": [
            {"step": 3, "lane": 1, "knobs": {"dropout": [0.1, 0.2, 0.3, 0.4]}},
            {"step": 9, "knobs": {"learning_rate": 0.1}},
        ]
    },
    {"fork": {"run": "0123456789abcdef", "step": 3, "changes_until": 4}},
    {"search": {"input": [0, 0.1], "hidden": [0.5], "learning_rate": [0.01], "steps": 25, "batch": 2, "seed": 1}},
    {"version": 1, "run": {"first_config": parse({}).model_dump(mode="json"), "changes": [], "follow": {"lane": 0}}},
    *(preset.described()["config"] for preset in PRESETS[:4]),
)
MESSAGES: Final = (
    {"op": "play", "id": 1},
    {"op": "pause", "id": "a"},
    {"op": "step", "id": 1, "count": 5},
    {"op": "speed", "id": 1, "steps_per_second": 10.5},
    {"op": "set", "id": 1, "lane": 1, "knobs": {"dropout": [0.2, 0.5, 0.5, 0.5], "batch_norm": True}},
    {"op": "set", "id": 1, "knobs": {"learning_rate": 0.01}},
    {"op": "follow", "id": 1, "lane": 1, "example": 3},
    {"op": "ensemble", "id": 1, "members": 8, "masks": "per_example"},
    {"op": "ask", "id": 1, "x": [[0.5] * 64], "lane": 1},
    {"op": "reset", "id": 1},
    {"op": "views", "id": 1, "open": ["damage", "activity"]},
    {"op": "credit", "seq": 8},
    {"op": "credit", "frames": 3},
    {"op": "join", "token": "x"},
)


def read_opening(data: bytes) -> None:
    """Read what a run is opened with; what is taken is a run whose configuration is its own."""
    if parse_fork(loads(data)) is not None:
        return
    opening = parse_opening(loads(data))
    assert parse(opening.config.model_dump(mode="json")) == opening.config


def read_command(data: bytes) -> None:
    """Read what a viewer says."""
    message = loads(data)
    if isinstance(message, dict):
        check_command(message, parse({}))


# Models that are watched

WATCH: Final = "w" * 22
FED: Final = (
    {"op": "model", "model": feeding.a_model()},
    {"op": "state", "state": feeding.a_state(5)},
    {"op": "warning", "warning": feeding.a_warning()},
    {"op": "changed", "changes": [feeding.a_change()], "code": "x = 1\n"},
    {"op": "reply", "ref": 1, "step": 3},
    {"op": "reply", "ref": 1, "error": {"code": "bad_value", "message": "no"}},
)
SEEN: Final = (
    Frame("rows", WATCH, 7, feeding.rows([1, 2])),
    Frame("metrics", WATCH, 8, feeding.metrics([1, 2])),
    Frame("summary", WATCH, 9, feeding.summary(2)),
    Frame("ensemble", WATCH, 10, feeding.ensemble(2), {"task": "classes"}),
)


def watched() -> Watch:
    """A watch whose model is known."""
    found = Watch(WATCH, "Net", True, b"", Settings(keep=False))
    found.hear(FED[0])
    return found


def read_fed(data: bytes) -> None:
    """Hear what a model says, and tell it to a viewer."""
    watch = watched()
    watch.hear(loads(data))
    json.dumps(watch.described(), allow_nan=False)


def read_seen(data: bytes) -> None:
    """Take a frame of a model in, keep it, and join it for a slow viewer."""
    watch = watched()
    watch.take(data)
    (kept,) = watch.kept.frames()
    backlog = WatchBacklog()
    for _ in range(3):
        backlog.put(kept)
    for each in backlog.take():
        decode(each.raw)


@cache
def a_watch_file() -> bytes:
    """The file of a watch."""
    watch = watched()
    for message in FED[1:4]:
        watch.hear(message)
    for frame in SEEN:
        watch.take(encode(frame))
    return watch_file.write(watch.told(), watch.kept.frames())


def draw_watch_file(rng: Random) -> bytes:
    """The file of a watch: of other bytes, with another header, or that says something else of its watch."""
    data = a_watch_file()
    if rng.random() < 0.5:
        return mutated_tensors(rng, data)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["watch"] = json.dumps(mutated_json(rng, json.loads(header["__metadata__"]["watch"])))
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def read_watch_file(data: bytes) -> None:
    """Open the file of a watch, and show it."""
    file = watch_file.read(data)
    watch = Watch(WATCH, file.name, False, b"", Settings(keep=False))
    file.fill(watch)
    json.dumps(watch.described(), allow_nan=False)
    for packet in watch.kept.frames():
        decode(packet.raw)


READERS: Final = (
    Reader("frames", lambda rng: mutated_tensors(rng, encode(FRAME)), read_frame, (FrameError,), 8),
    Reader("steps", lambda rng: mutated_frame(rng, rng.choice((FRAME, SCORES))), read_steps, (FrameError,), 8),
    Reader("stream", lambda rng: mutated_bytes(rng, STREAM), read_stream, (StreamError, FrameError), 8),
    Reader("checkpoints", draw_state, read_checkpoint, (StateError,), 4),
    Reader("kept", lambda rng: mutated_tensors(rng, kept()), read_kept, (StoreError,), 4),
    Reader("tables", draw_table, read_upload, (TableError, KnobError), 6),
    Reader("tables of workers", draw_table_for_worker, Table.decode, (DropoutLabError,), 4),
    Reader("images", draw_images, read_images, (ImageFilesError,), 1),
    Reader("openings", lambda rng: json_bytes(rng, rng.choice(OPENINGS)), read_opening, (DropoutLabError,), 6),
    Reader("feeds", lambda rng: json_bytes(rng, rng.choice(FED)), read_fed, (DropoutLabError,), 6),
    Reader("frames of feeds", lambda rng: mutated_frame(rng, rng.choice(SEEN)), read_seen, (DropoutLabError,), 6),
    Reader("files of watches", draw_watch_file, read_watch_file, (WatchFileError,), 4),
    Reader("commands", lambda rng: json_bytes(rng, rng.choice(MESSAGES)), read_command, (DropoutLabError,), 8),
)


@contextmanager
def _explained(reader: Reader, number: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        again = f"python -m tests.fuzz --reader {reader.name!r} --number {number}"
        told = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{reader.name}, input {number}: {told}; again: {again}") from error


def tried(reader: Reader, number: int) -> bool:
    """Give a reader one input; whether it took it.

    Args:
        reader: what reads.
        number: which input: the same number is the same input.

    Raises:
        AssertionError: it did neither take nor refuse it properly.
    """
    rng = Random(f"{reader.name} {number}")
    given = reader.draw(rng)
    with _explained(reader, number):
        try:
            reader.read(given)
        except reader.refuses as error:
            described: Any = error.described() if isinstance(error, DropoutLabError) else {}
            assert {"code", "message"} <= described.keys()
            json.dumps(described, allow_nan=False)
            return False
    return True
