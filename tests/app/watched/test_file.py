"""A watch as a file: what comes out goes in again, and what is no such file is refused before it takes memory."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from app.backlog import Packet
from app.errors import WatchFileError
from app.settings import Settings
from app.watched.file import MAX_HEADER, MAX_WATCH_FILE, read, write
from app.watched.watch import Watch
from tests.app.conftest import Running
from tests.app.test_api import error_of
from tests.app.watched.feeding import (
    a_change,
    a_model,
    a_state,
    a_warning,
    ensemble,
    look,
    metrics,
    rows,
    summary,
    watched,
)
from trainer.wire.frames import Frame, encode


def told(**fields: Any) -> dict[str, Any]:
    """What a file says of its watch."""
    known = {"name": "Net", "model": a_model(), "state": a_state(20), "warnings": [a_warning()]}
    return {**known, "changes": [a_change()], "code": "x = 1\n", **fields}


def tensors() -> dict[str, Any]:
    """The tensors of a file."""
    found: dict[str, Any] = {}
    for kind, each in (("rows", rows([1, 2])), ("metrics", metrics([1])), ("summary", summary(2))):
        found |= {f"{kind}/{name}": array for name, array in each.items()}
    return found | {f"ensemble/{name}": array for name, array in ensemble(2).items()}


def file(words: dict[str, Any] | None = None, arrays: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A file, with other words or tensors than it should have; None takes one away."""
    usual = {
        "kind": "dropout_lab_watch",
        "version": "1",
        "watch": json.dumps(told(**fields)),
        "ensemble/task": "classes",
    }
    chosen = {name: text for name, text in {**usual, **(words or {})}.items() if text is not None}
    return save({name: each for name, each in {**tensors(), **(arrays or {})}.items() if each is not None}, chosen)


async def test_a_watch_is_the_same_after_it_was_a_file(lab: Running) -> None:
    async with watched(lab.url, lab.patience, name="My net") as model:
        await model.say("warning", warning=a_warning())
        await model.say("changed", changes=[a_change()], code="x = 1\n")
        await model.train(1, 10)
        await model.train(11, 20)
        await model.send("ensemble", ensemble(20, task="numbers"), {"task": "numbers"})
        async with await look(lab.url, model.watch, lab.patience) as viewer:
            hello = await viewer.until_text("hello")
            await viewer.until_frame("ensemble")
        answer = await lab.client.get(f"/api/watches/{model.watch['id']}/file")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert 'filename="dropout-lab-watch-My-net.safetensors"' in answer.headers["content-disposition"]
    brought = await lab.client.post("/api/watches/file", content=answer.content)
    assert (brought.status_code, brought.json()["name"]) == (201, "My net")
    async with await look(lab.url, brought.json(), lab.patience, owner=True) as late:
        greeted = await late.until_text("hello")
        await late.until_frame("ensemble")
        assert (await late.ask("pause"))["error"]["code"] == "not_owner"
    assert not greeted["may"]
    differ = {"id", "opened_at", "control", "fed", "viewers", "state"}
    same = [{name: each for name, each in of["watch"].items() if name not in differ} for of in (hello, greeted)]
    assert same[0] == same[1]
    assert greeted["watch"]["state"] == a_state(20, state="ended")
    assert [frame.kind for frame in late.frames] == ["rows", "metrics", "summary", "ensemble"]
    for before in viewer.frames:
        after = next(frame for frame in late.frames if frame.kind == before.kind)
        assert (after.run, after.meta, after.tensors.keys()) == (
            brought.json()["id"],
            before.meta,
            before.tensors.keys(),
        )
        assert all(np.array_equal(array, after.tensors[name]) for name, array in before.tensors.items())
    again = await lab.client.get(f"/api/watches/{brought.json()['id']}/file")
    assert read(again.content).state == a_state(20, state="ended")


async def test_a_watch_of_which_nothing_is_known_yet_is_a_file_too(lab: Running) -> None:
    opened = (await lab.client.post("/api/watches", json={})).json()
    data = (await lab.client.get(f"/api/watches/{opened['id']}/file")).content
    assert (await lab.client.post("/api/watches/file", content=data)).status_code == 201
    assert (read(data).model, read(data).frames) == (None, [])


def test_a_file_of_these_tests_is_taken() -> None:
    found = read(file())
    assert (found.name, found.model, [frame.kind for frame in found.frames]) == (
        "Net",
        a_model(),
        ["rows", "metrics", "summary", "ensemble"],
    )
    again = read(write(told(), [sent(frame) for frame in found.frames]))
    assert again.model == found.model


def sent(frame: Frame) -> Packet:
    return Packet(encode(Frame(frame.kind, "w", frame.seq, frame.tensors, frame.meta)))


def test_of_tables_that_are_longer_than_is_kept_the_oldest_rows_go() -> None:
    """The program that trains keeps more of a small model than the lab does, and may have written the file."""
    longer = {f"rows/{name}": array for name, array in rows(list(range(5000)), {0: 8}).items()}
    longer |= {f"metrics/{name}": array for name, array in metrics(list(range(9000))).items()}
    watch = Watch("w" * 22, "x", False, b"", Settings(keep=False))
    read(file(arrays=longer)).fill(watch)
    kept, points = watch.kept.frames()[:2]
    assert kept.frame.tensors["step/0"].tolist() == list(range(5000 - 2048, 5000))
    assert 2000 < len(points.frame.tensors["step/0"]) <= 4000


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_a_file_that_does_not_say_what_was_voted_on_shows_it(task: str) -> None:
    votes: dict[str, Any] = {f"ensemble/{name}": None for name in ensemble(2)}
    votes |= {f"ensemble/{name}": array for name, array in ensemble(2, task=task).items()}
    assert read(file({"ensemble/task": None}, votes)).frames[-1].meta == {"task": task}


HOSTILE: list[tuple[bytes, str]] = [
    (b"", "no safetensors file"),
    (b"hello", "no safetensors file"),
    (file()[:-1], "damaged"),
    (file()[:100], "cut off"),
    ((2**62).to_bytes(8, "little") + b"{}", "cut off"),
    ((MAX_HEADER + 1).to_bytes(8, "little") + b" " * (MAX_HEADER + 1), "its header has"),
    ((20).to_bytes(8, "little") + b"[" * 20, "does not say that it is one"),
    (file({"kind": "dropout_lab_run"}), "does not say that it is one"),
    (file({"kind": None}), "does not say that it is one"),
    (file({"watch": None}), "does not say that it is one"),
    (file({"version": "2"}), "version '2'"),
    (file({"watch": "{"}), "not JSON"),
    (file({"watch": "[]"}), "must be an object"),
    (file({"watch": "[" * 100_000}), "nested too deeply"),
    (file(name="a\nb"), "name = 'a\\nb'"),
    (file(name=None), "name = None"),
    (file(model=5), "model = 5"),
    (file(model=a_model(cut=-1)), "model.cut = -1"),
    (file(model=None), "of which the model has 0"),
    (file(state=[]), "state = []"),
    (file(warnings=[a_warning()] * 65), "warnings = 65 of them"),
    (file(changes={}), "changes = {}"),
    (file(code=5), "code = 5"),
    (file({"ensemble/task": "art"}), "task = 'art'"),
    (file(arrays={"evil": np.zeros(1, np.uint8)}), "'evil'"),
    (file(arrays={"rows": np.zeros(1, np.uint8)}), "'' of rows"),
    (file(arrays={"rows/step/0": None}), "'step/0 of rows'"),
    (file(arrays={"rows/mask/0": np.zeros((2, 200), np.uint8)}), "mask/0 of rows has 200 bytes"),
    (file(arrays={"rows/step/0": np.array([2, 1], np.uint32)}), "steps must rise"),
    (file(arrays={"rows/step/0": np.zeros((2,), np.float16)}), "step/0 of rows = float16"),
]


@pytest.mark.parametrize(("data", "named"), HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
def test_what_is_no_file_of_a_watch_is_refused_in_words(data: bytes, named: str) -> None:
    with pytest.raises(WatchFileError) as refusal:
        read(data)
    assert named in refusal.value.message
    assert len(refusal.value.message) < 500


def shaped(change: Callable[[dict[str, Any]], None]) -> bytes:
    """A file whose header says something else of its tensors."""
    data = file()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["rows/step/0"].update(shape=[2**40]),
        lambda header: header["rows/step/0"].update(shape=[2**40, 0]),
        lambda header: header["rows/step/0"].update(data_offsets=[0, 2**50]),
        lambda header: header["rows/step/0"].update(data_offsets=[8, 0]),
        lambda header: header["rows/step/0"].update(dtype="C128"),
        lambda header: header["rows/step/0"].update(dtype="BF16", shape=[4]),
        lambda header: header.update({f"rows/step/{k}": header["rows/step/0"] for k in range(5000)}),
        lambda header: header.update({"a": {"dtype": "U8", "shape": [1] * 1000, "data_offsets": [0, 1]}}),
    ],
)
def test_absurd_shapes_and_places_are_refused_before_they_take_memory(change: Callable[[dict[str, Any]], None]) -> None:
    data = shaped(change)
    tracemalloc.start()
    try:
        with pytest.raises(WatchFileError):
            read(data)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 40 * 2**20


async def test_a_hostile_file_is_a_422_over_rest_and_opens_nothing(lab: Running) -> None:
    for data, named in HOSTILE[:4]:
        answer = await lab.client.post("/api/watches/file", content=data)
        assert (answer.status_code, error_of(answer)["code"]) == (422, "bad_watch_file")
        assert named in error_of(answer)["message"]
    assert (await lab.client.get("/healthz")).json()["watches"] == 0


async def test_a_file_over_the_limit_is_not_read_to_its_end(lab: Running) -> None:
    assert await head_of_answer(lab, MAX_WATCH_FILE + 1) == b"HTTP/1.1 413"


async def head_of_answer(lab: Running, length: int) -> bytes:
    """The answer to a file of which so many bytes are announced and one comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    head = f"POST /api/watches/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nx"
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), lab.patience)
    writer.close()
    return answer[:12]


async def test_a_file_that_does_not_arrive_is_given_up(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.body.STILL_S", 0.2)
    assert await head_of_answer(lab, 1000) == b"HTTP/1.1 408"
    assert (await lab.client.get("/healthz")).status_code == 200
