"""The feed of a watched model: who may feed, what is believed, and what becomes of one that makes no sense."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.settings import Settings
from app.watched import feed as feed_module
from app.watched.feed import FRAMES_PER_SECOND, MAX_TEXT
from app.watched.frames import MAX_HEADER, MAX_PAYLOAD
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.test_metrics import numbers
from tests.app.watched.feeding import (
    Feed,
    a_model,
    a_site,
    a_state,
    a_warning,
    dial,
    ensemble,
    feed,
    look,
    open_watch,
    rows,
    watched,
)
from trainer.wire.frames import Frame, encode

Tensors = dict[str, Any]


async def refused(lab: Running, end: str, first: str | bytes) -> tuple[dict[str, Any], int]:
    """The error that whoever says this first is told, and the close code."""
    connection = await dial(lab.url, {"id": end.partition("/")[0]}, end.partition("/")[2])
    with contextlib.suppress(ConnectionClosed):  # it may be refused before it has said a word
        await connection.send(first)
    model = Feed(connection, {}, 0, lab.patience)
    code, _ = await model.until_closed()
    error: dict[str, Any] = model.heard[0]["error"]
    return error, code


@pytest.mark.parametrize(
    ("first", "code", "close"),
    [
        ("[", "bad_json", 4400),
        ("[]", "bad_message", 4400),
        ('{"op": "join"}', "bad_message", 4400),
        ('{"op": "feed"}', "bad_message", 4400),
        ('{"op": "feed", "token": 5}', "bad_message", 4400),
        (b"\x00", "bad_json", 4400),
        ('{"op": "feed", "token": "' + "x" * 43 + '"}', "wrong_token", 4403),
    ],
)
async def test_only_who_has_the_token_feeds(lab: Running, first: str | bytes, code: str, close: int) -> None:
    watch = await open_watch(lab.url)
    error, closed = await refused(lab, f"{watch['id']}/feed", first)
    assert (error["code"], closed) == (code, close)
    assert watch["token"] not in json.dumps(error)


async def test_a_watch_that_never_was_cannot_be_fed_and_no_token_belongs_into_the_address(lab: Running) -> None:
    assert (await refused(lab, f"{'x' * 22}/feed", "{}"))[1] == 4404
    watch = await open_watch(lab.url)
    error, code = await refused(lab, f"{watch['id']}/feed?token={watch['token']}", "{}")
    assert (code, "address" in error["message"]) == (4400, True)


async def test_who_says_nothing_is_parted_from(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "JOIN_S", 0.05)
    watch = await open_watch(lab.url)
    model = Feed(await dial(lab.url, watch, "feed"), watch, 0, lab.patience)
    assert (await model.until_closed())[0] == 4400


async def test_a_page_of_another_site_cannot_feed(lab: Running) -> None:
    watch = await open_watch(lab.url)
    address = f"{lab.url.replace('http', 'ws', 1)}/api/watches/{watch['id']}/feed"
    with pytest.raises(InvalidStatus) as refusal:
        await connect(address, origin="https://elsewhere.example")  # type: ignore[arg-type]
    assert refusal.value.response.status_code == 403


async def test_a_feed_that_comes_again_is_told_where_it_was(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model:
        assert model.seq == 0
        await model.train(1, 3)
        async with await look(lab.url, model.watch, lab.patience) as viewer:
            await viewer.until_frame("summary")
    async with await feed(lab.url, model.watch, lab.patience) as again:
        assert again.seq == 3
        async with await look(lab.url, model.watch, lab.patience) as viewer:
            await again.train(4, 5)
            await viewer.until(lambda message: getattr(message, "seq", 0) == 6)


async def test_a_second_feed_takes_over(lab: Running) -> None:
    async with (
        watched(lab.url, lab.patience) as first,
        await look(lab.url, first.watch, lab.patience, owner=True) as owner,
    ):
        await owner.say(op="pause", id=1)
        await first.until("command")
        async with await feed(lab.url, first.watch, lab.patience) as second:
            assert (await first.until_closed())[0] == 4409
            assert (await owner.until_text("error", id=1))["error"]["code"] == "not_fed"
            await second.begin()
            await second.train(1, 2)
            await owner.until_frame("rows")
            assert [text for text in owner.texts if text["op"] == "fed"] == []
            assert (await lab.client.get(f"/api/watches/{first.watch['id']}")).json()["fed"]


async def goes_on_after(lab: Running, sent: str | bytes, named: str) -> None:
    """The feed is told what was wrong, quoting it, and closed; the watch is as before, and can be fed again."""
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        await model.train(1, 5)
        await viewer.until_frame("summary")
        await model.connection.send(sent)
        code, reason = await model.until_closed()
        assert (code, reason) in ((4400, "bad_message"), (4400, "bad_json"))
        error = model.heard[-1]["error"]
        assert named in error["message"], error
        assert len(json.dumps(error)) < 1000
        told = await viewer.until_text("fed", fed=False)
        assert told
        async with await feed(lab.url, model.watch, lab.patience) as again:
            assert again.seq == 3
            await again.train(6, 7)
            assert (await viewer.until_frame("rows")).tensors["step/0"].tolist() == [6, 7]
        known = (await lab.client.get(f"/api/watches/{model.watch['id']}")).json()
        assert (known["model"], known["warnings"], known["changes"]) == (a_model(), [], [])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"op": ' + "9" * 5000 + "}"])
async def test_a_text_that_is_no_message_ends_the_feed_and_not_the_watch(lab: Running, text: str) -> None:
    await goes_on_after(lab, text, "")


async def goes_on_after_frame(lab: Running, frame: Frame, named: str, how: Callable[[bytes], bytes] = bytes) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        await model.train(1, 5)
        await viewer.until_frame("summary")
        run = model.watch["id"] if frame.run == "RUN" else frame.run
        await model.connection.send(how(encode(Frame(frame.kind, run, frame.seq, frame.tensors, frame.meta))))
        assert await model.until_closed() == (4400, "bad_message")
        assert named in model.heard[-1]["error"]["message"], model.heard[-1]
        assert await viewer.until_text("fed", fed=False)
        async with await feed(lab.url, model.watch, lab.patience) as again:
            assert again.seq == 3
            await again.train(6, 7)
            assert (await viewer.until_frame("rows")).tensors["step/0"].tolist() == [6, 7]


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (Frame("rows", "another", 4, rows([6])), "run = 'another'"),
        (Frame("rows", "RUN", 3, rows([6])), "seq = 3"),
        (Frame("ensemble", "RUN", 4, ensemble(6), {"task": "art"}), "task = 'art'"),
        (Frame("ensemble", "RUN", 4, ensemble(6, task="numbers"), {"task": "classes"}), "of ensemble"),
        (Frame("ensemble", "RUN", 4, ensemble(6, members=300), {"task": "classes"}), "an ensemble of 300"),
    ],
)
async def test_a_frame_with_other_words_ends_the_feed_and_not_the_watch(lab: Running, frame: Frame, named: str) -> None:
    await goes_on_after_frame(lab, frame, named)


@pytest.mark.parametrize(
    ("how", "named"),
    [
        (lambda data: b"", "not a frame"),
        (lambda data: data[:20], "not a frame"),
        (lambda data: (2**63).to_bytes(8, "little") + data[8:], "a header of"),
        (lambda data: (MAX_HEADER + 8).to_bytes(8, "little") + b" " * (MAX_HEADER + 8), "a header of"),
        (lambda data: data.replace(b'"shape":[1,8]', b'"shape":[8,8]', 1), "not a frame"),
        (lambda data: data.replace(b'"shape":[1,8]', b'"shape":[-1,8]', 1), "not a frame"),
        (lambda data: data.replace(b'"U8"', b'"X8"', 1), "not a frame"),
    ],
)
async def test_bytes_that_are_no_frame_end_the_feed_and_not_the_watch(
    lab: Running, how: Callable[[bytes], bytes], named: str
) -> None:
    await goes_on_after_frame(lab, Frame("rows", "RUN", 4, rows([6], {0: 64})), named, how)


async def test_a_frame_before_the_model_is_refused(lab: Running) -> None:
    async with await feed(lab.url, await open_watch(lab.url), lab.patience) as model:
        await model.send("rows", rows([1]))
        assert (await model.until_closed())[0] == 4400
        assert "of which the model has 0" in model.heard[-1]["error"]["message"]


async def test_what_is_passed_on_is_written_anew(lab: Running) -> None:
    """Words and bytes that no frame of this kind has travel no further, and each tensor stands where it can be read."""
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        frame = Frame("rows", model.watch["id"], 1, rows([1]), {"skipped": "9", "evil": "<script>"})
        data = encode(frame)
        length = int.from_bytes(data[:8], "little")
        odd = (length + 3).to_bytes(8, "little") + data[8 : 8 + length] + b"   " + data[8 + length :] + b"hidden"
        await model.connection.send(odd)
        got = await viewer.until_frame("rows")
        assert (got.meta, viewer.sizes[-1] < len(odd)) == ({}, True)
        for name, array in rows([1]).items():
            assert np.array_equal(got.tensors[name], array)


async def test_a_payload_over_the_limit_closes_with_1009(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model:
        with contextlib.suppress(ConnectionClosed):  # before all of it was read
            await model.connection.send(bytes(MAX_PAYLOAD + 1))
        assert (await model.until_closed())[0] == 1009
    watch = await open_watch(lab.url)
    connection = await dial(lab.url, watch, "feed")  # before it has shown its token a stranger may say little
    with contextlib.suppress(ConnectionClosed):
        await connection.send("x" * 70_000)
    assert (await Feed(connection, watch, 0, lab.patience).until_closed())[0] == 1009


async def test_a_text_over_the_limit_ends_the_feed(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model:
        await model.connection.send("x" * (MAX_TEXT + 1))
        assert (await model.until_closed())[0] == 4400


async def test_a_large_frame_and_a_large_model_are_taken(lab: Running) -> None:
    sites = [a_site(index, 1024) for index in range(512)]
    tree = [{"path": f"blocks.{k}.attention.dropout", "type": "Dropout", "depth": 3} for k in range(2000)]
    tree = [{**each, "parameters": 0, "training": True, "sites": [k % 512]} for k, each in enumerate(tree)]
    async with watched(lab.url, lab.patience, name="big") as model:
        await model.say("model", model=a_model(sites=sites, tree=tree))
        await model.send("rows", rows([1, 2], dict.fromkeys(range(512), 1024)))
        async with await look(lab.url, model.watch, lab.patience) as viewer:
            got = await viewer.until_frame("rows")
            assert (len(got.tensors), got.tensors["mask/511"].shape) == (7 * 512, (2, 128))
            assert len(viewer.texts[0]["watch"]["model"]["tree"]) == 2000


async def test_frames_beyond_the_rate_are_dropped_and_counted(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        count = int(6 * FRAMES_PER_SECOND)
        for step in range(1, count + 1):
            await model.send("rows", rows([step]))
        await model.say("state", state=a_state(count))
        await viewer.until_text("state", state=a_state(count))
        dropped = (await numbers(lab))["dropout_lab_watch_frames_dropped_total"]
        assert 0 < dropped < count
        assert lab.app.state.lab.watches.find(model.watch["id"]).seq == count
    async with await feed(lab.url, model.watch, lab.patience) as again:
        assert again.seq == count


async def test_texts_beyond_the_rate_are_read_later_and_all_of_them(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "TEXT_PER_SECOND", 2e5)
    monkeypatch.setattr(feed_module, "MAX_TEXT", 20_000)
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        for number in range(200):
            text = f"{number} " + "x" * 900
            await model.say("warning", warning=a_warning(id=f"w{number}", text=text))
        heard = [await viewer.until_text("warning") for _ in range(200)]
        assert [each["warning"]["id"] for each in heard] == [f"w{number}" for number in range(200)]
        known = (await lab.client.get(f"/api/watches/{model.watch['id']}")).json()["warnings"]
        assert [each["id"] for each in known] == [f"w{number}" for number in range(136, 200)]


async def test_the_server_that_shuts_down_parts_from_feeds_and_viewers_with_1001(
    pool: FakePool, settings: Settings, patience: float
) -> None:
    async with running(pool, settings, patience) as lab:
        watch = await open_watch(lab.url)
        model = await feed(lab.url, watch, patience)
        viewer = await look(lab.url, watch, patience)
        ends = asyncio.gather(model.until_closed(), viewer.until_closed())
        await asyncio.sleep(0)
        lab.server.should_exit = True
        assert [code for code, _ in await ends] == [1001, 1001]


async def test_tokens_are_in_no_answer_and_no_log(lab: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with watched(lab.url, lab.patience) as model:
        await model.say("nonsense")
        await model.until_closed()
        token = model.watch["token"]
        told = (await lab.client.get(f"/api/watches/{model.watch['id']}")).text
        data = (await lab.client.get(f"/api/watches/{model.watch['id']}/file")).content
        assert token not in told + caplog.text + json.dumps(model.heard)
        assert token.encode() not in data
