"""The WebSocket, over real sockets, with a pool that trains when a test says so."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.backlog import Packet
from app.bucket import Bucket
from app.settings import Settings
from app.uvicorn_protocol import LabProtocol
from tests.app.clients import Viewer, both_ways, join, raw_viewer
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool, mask_of, scores_tensors, steps_tensors
from trainer.wire.frames import Frame, encode


@both_ways
async def test_a_viewer_is_greeted_with_the_state_then_data_then_history_then_the_latest_picture(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as viewer:
        hello = await viewer.read()
        assert isinstance(hello, dict)
        assert (hello["op"], hello["protocol"], hello["role"]) == ("hello", 3, "owner")
        assert hello["run"]["id"] == run["id"]
        assert hello["run"]["first_config"] == run["config"]
        assert hello["run"]["viewers"] == 1
        await viewer.until_frame("graph")
    assert [frame.kind for frame in viewer.frames] == ["data", "history", "graph"]
    assert viewer.frames[1].tensors["step"].shape == (0,)
    assert viewer.frames[1].tensors["loss"].shape == (0, 2)
    assert viewer.frames[1].tensors["scores/step"].tolist() == [0]


@both_ways
async def test_a_viewer_that_keeps_up_gets_the_mask_of_every_step_once_and_in_order(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        for _ in range(100):
            lab.pool.train(run["id"], 7)
            await asyncio.sleep(0)
        await viewer.until_step(700)
    assert viewer.steps() == list(range(1, 701))
    for frame in viewer.frames:
        if frame.kind == "steps":
            assert frame.meta.get("skipped", "0") == "0"
            for row, step in enumerate(frame.tensors["step"]):
                assert frame.tensors["mask/hidden2"][row].tolist() == mask_of(int(step), "hidden2").tolist()


@both_ways
async def test_numbers_of_frames_rise_on_the_way_to_every_viewer(lab: Running) -> None:
    run = await lab.open()
    lab.pool.train(run["id"], 3)
    async with await lab.watch(run) as viewer:
        for _ in range(20):
            lab.pool.train(run["id"], 1)
            lab.pool.frame(run["id"], "graph", {"step": np.zeros(1, np.uint32)})
        await viewer.until_step(23)
    numbers = [frame.seq for frame in viewer.frames]
    assert numbers == sorted(set(numbers))


@both_ways
async def test_a_late_joiner_gets_the_past_once_and_goes_on_without_a_gap(lab: Running) -> None:
    run = await lab.open()
    lab.pool.train(run["id"], 1500)
    async with await lab.watch(run) as viewer:
        history = await viewer.until_frame("history")
        for _ in range(5):
            lab.pool.train(run["id"], 10)
        await viewer.until_step(1550)
    past = history.tensors
    assert past["step"].tolist() == list(range(477, 1501))
    assert past["mask/input"][0].tolist() == mask_of(477, "input").tolist()
    assert past["past/step"].tolist() == list(range(1, 1501))
    assert past["past/loss"][0].tolist() == [1, 2]
    assert viewer.steps() == list(range(1501, 1551))


@both_ways
async def test_a_viewer_that_cannot_read_frames_acknowledges_how_many_came(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, credits=False) as blind:
        for step in range(1, 21):
            lab.pool.train(run["id"], 1)
            while step not in blind.steps():
                await blind.read()
                await blind.say(op="credit", frames=len(blind.frames))
    assert blind.steps() == list(range(1, 21))


@both_ways
async def test_a_viewer_that_acknowledges_nothing_gets_four_frames_and_then_the_newest(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, credits=False) as slow, await lab.watch(run) as quick:
        for step in range(100, 6001, 100):
            lab.pool.train(run["id"], 100)
            await quick.until_step(step)
        await slow.until(lambda message: isinstance(message, Frame) and len(slow.frames) == 4)
        await slow.ask("fly")  # what was sent before the answer was read: there is no fifth frame
        lab.pool.train(run["id"], 1)
        await quick.until_step(6001)
        assert len(slow.frames) == 4
        assert slow.connection.close_code is None
        slow._credits = True
        await slow.say(op="credit", seq=slow.frames[-1].seq)
        await slow.until_step(6001)
    assert quick.steps() == list(range(1, 6002))
    last = slow.frames[-1]
    shown = last.tensors["step"]
    skipped = int(last.meta["skipped"])
    before = max((frame.tensors["step"][-1] for frame in slow.frames[:-1] if frame.kind == "steps"), default=0)
    assert skipped > 0
    assert shown.tolist() == list(range(int(before) + 1 + skipped, 6002))
    assert last.tensors["past/step"][0] > before
    assert last.tensors["past/step"][-1] == shown[0] - 1


@both_ways
async def test_commands_are_answered_to_the_sender_and_their_changes_told_to_everybody(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as viewer:
        rates = [0.1, 0.2, 0.3, 0.4]
        assert await owner.ask("set", lane=1, knobs={"dropout": rates}) == {"op": "ack", "id": 1, "step": 1}
        changed = await viewer.until_text("changed", reason="set")
        assert changed["run"]["config"]["lanes"][1]["dropout"] == rates
        assert changed["changes"] == [{"step": 1, "lane": 1, "knobs": {"dropout": rates}}]
        assert (await owner.ask("play"))["op"] == "ack"
        assert (await viewer.until_text("changed", reason="play"))["run"]["state"] == "playing"
        assert not [text for text in viewer.texts if text["op"] == "ack"]
    assert lab.pool.commands(run["id"])[0] == {"op": "set", "lane": 1, "knobs": {"dropout": rates}}


@both_ways
async def test_after_a_reset_no_frame_of_the_old_start_follows(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True, credits=False) as owner:
        for _ in range(10):
            lab.pool.train(run["id"], 5)
        await owner.say(op="reset", id="r")
        await owner.until_text("changed", reason="reset")
        seen = len(owner.frames)
        owner._credits = True
        lab.pool.train(run["id"], 2)
        await owner.say(op="credit", seq=1000)
        await owner.until_frame("steps")
        assert [frame.tensors["step"].tolist() for frame in owner.frames[seen:] if frame.kind == "steps"] == [[1, 2]]
    async with await lab.watch(run) as late:
        assert (await late.until_frame("history")).tensors["step"].tolist() == [1, 2]


async def test_a_reset_begins_again_with_the_knobs_as_they_are(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("set", knobs={"learning_rate": 0.01})
        await owner.ask("reset")
        told = await owner.until_text("changed", reason="reset")
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
    assert told["run"]["first_config"]["learning_rate"] == state["first_config"]["learning_rate"] == 0.01
    assert told["changes"] == state["changes"] == []


@both_ways
async def test_a_lost_worker_is_told_and_the_run_begins_again_with_its_changes(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        lab.pool.train(run["id"], 4)
        await owner.ask("set", lane=0, knobs={"l2": 0.01})
        await owner.ask("play")
        await owner.until_step(4)
        last = owner.frames[-1].seq
        lab.pool.lose()
        told = await owner.until_text("changed", reason="restarted")
        assert told["run"]["step"] == 0
        assert told["changes"] == []  # those that there are it knows
        await asyncio.sleep(0)
        lab.pool.train(run["id"], 3)
        frame = await owner.until_frame("steps")
        assert frame.tensors["step"].tolist() == [1, 2, 3]
        assert frame.seq > last
    again = lab.pool.requests[run["id"]][1]
    assert again["config"] == run["config"]
    assert again["changes"] == [{"step": 5, "lane": 0, "knobs": {"l2": 0.01}}]
    assert (again["state"], again["steps_per_second"]) == ("playing", 100)


@both_ways
async def test_a_lost_worker_costs_what_was_trained_since_the_last_checkpoint(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as viewer:
        lab.pool.train(run["id"], 50)
        lab.pool.frame(run["id"], "scores", scores_tensors(50))
        frame = lab.pool.save(run["id"])
        lab.pool.train(run["id"], 30)
        await owner.ask("set", lane=0, knobs={"l2": 0.01})
        lab.pool.train(run["id"], 10)
        await viewer.until_step(90)
        last = viewer.frames[-1].seq
        viewer.frames.clear()
        lab.pool.lose()
        told = await viewer.until_text("changed", reason="restarted")
        assert told["run"]["step"] == 50
        assert told["run"]["config"]["lanes"][0]["l2"] == 0
        past = await viewer.until_frame("history")
        assert past.seq > last
        assert past.tensors["step"].tolist() == list(range(1, 51))
        assert past.tensors["scores/step"].tolist() == [0, 50]
        lab.pool.train(run["id"], 40)
        steps = await viewer.until_frame("steps")
        assert steps.tensors["step"].tolist() == list(range(51, 91))
        assert steps.seq > past.seq
        assert (await lab.client.get(f"/api/runs/{run['id']}")).json()["step"] == 90
    again = lab.pool.requests[run["id"]][1]
    assert lab.pool.checkpoints[run["id"]] == frame
    assert again["changes"] == [{"step": 81, "lane": 0, "knobs": {"l2": 0.01}}]
    assert (again["state"], again["reach"], again["scored"]) == ("paused", 90, True)


async def test_no_viewer_gets_a_checkpoint(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        lab.pool.train(run["id"], 5)
        lab.pool.save(run["id"])
        lab.pool.train(run["id"], 5)
        await viewer.until_step(10)
        assert {frame.kind for frame in viewer.frames} <= {"data", "history", "graph", "steps"}


async def test_a_run_that_was_lost_twice_goes_on_from_the_same_checkpoint(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        lab.pool.train(run["id"], 50)
        lab.pool.save(run["id"])
        for _ in range(2):
            lab.pool.train(run["id"], 10)
            lab.pool.lose()
            assert (await viewer.until_text("changed", reason="restarted"))["run"]["step"] == 50
            past = await viewer.until_frame("history")
            assert past.tensors["step"].tolist() == list(range(1, 51))
            await asyncio.sleep(0)


async def test_a_run_that_was_reset_has_no_checkpoint_of_before(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        lab.pool.train(run["id"], 50)
        lab.pool.save(run["id"])
        await owner.ask("reset")
        await owner.until_text("changed", reason="reset")
        lab.pool.lose()
        assert (await owner.until_text("changed", reason="restarted"))["run"]["step"] == 0
    assert lab.pool.checkpoints[run["id"]] is None


async def test_a_worker_that_cannot_use_a_checkpoint_begins_at_step_0_and_that_is_told(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        lab.pool.train(run["id"], 50)
        lab.pool.save(run["id"])
        lab.pool.uses_checkpoints = False
        lab.pool.lose()
        assert (await viewer.until_text("changed", reason="restarted"))["run"]["step"] == 50
        assert (await viewer.until_text("changed", reason="restarted"))["run"]["step"] == 0
        viewer.frames.clear()
        lab.pool.train(run["id"], 3)
        assert (await viewer.until_frame("steps")).tensors["step"].tolist() == [1, 2, 3]
        again = await lab.watch(run)
        assert (await again.until_frame("history")).tensors["step"].tolist() == [1, 2, 3]


async def test_a_command_that_the_worker_took_to_its_grave_is_answered(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        lab.pool.answers = False
        await owner.say(op="play", id=7)
        await lab.eventually(lambda: lab.pool.commands(run["id"]))
        lab.pool.lose()
        assert (await owner.until_text("error", id=7))["error"]["code"] == "no_worker"


async def test_while_there_is_no_worker_commands_are_refused(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        lab.pool.alive = 0
        lab.pool.lose()
        assert (await owner.ask("play"))["error"]["code"] == "no_worker"


@both_ways
async def test_a_run_that_fails_is_ended_with_the_workers_words(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        failed = {"op": "failed", "run": run["id"], "error": {"code": "internal", "message": "out of memory"}}
        lab.pool.listener.on_message(run["id"], failed)
        ended = await viewer.until_text("ended")
        assert (ended["reason"], ended["message"]) == ("failed", "out of memory")
        assert (await viewer.until_closed())[0] == 4410


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ({"op": "fly", "id": 1}, "bad_message", "play, pause, step, speed, set, follow, ensemble, ask, reset, views"),
        ({"id": 1}, "bad_message", "op = None"),
        ({"op": ["play"], "id": 1}, "bad_message", "op = ['play']"),
        ({"op": "play", "id": 1, "hard": True}, "bad_message", "play has no 'hard'"),
        (
            {"op": "step", "id": 1, "count": 0},
            "bad_value",
            "count = 0 is not allowed: it must be a whole number from 1 to 1,000",
        ),
        ({"op": "step", "id": 1, "count": True}, "bad_value", "count = True"),
        ({"op": "speed", "id": 1}, "bad_message", "steps_per_second"),
        ({"op": "speed", "id": 1, "steps_per_second": 1e9}, "bad_value", "steps_per_second = 1000000000.0"),
        ({"op": "speed", "id": 1, "steps_per_second": float("nan")}, "bad_value", "steps_per_second = nan"),
        ({"op": "set", "id": 1}, "bad_message", "set needs knobs: it must be an object"),
        ({"op": "set", "id": 1, "lane": 1, "knobs": {}}, "bad_message", "knobs = {}"),
        ({"op": "set", "id": 1, "lane": 1, "knobs": {"dropout": [-0.1, 0, 0, 0]}}, "bad_value", "dropout[0] = -0.1"),
        ({"op": "set", "id": 1, "lane": 1, "knobs": {"dropout": [1, 0, 0, 0]}}, "bad_value", "dropout[0] = 1"),
        ({"op": "set", "id": 1, "lane": 1, "knobs": {"dropout": ["a", 0, 0, 0]}}, "bad_value", "dropout[0] = 'a'"),
        (
            {"op": "set", "id": 1, "lane": 1, "knobs": {"dropout": [float("nan"), 0, 0, 0]}},
            "bad_value",
            "dropout[0] = nan",
        ),
        ({"op": "set", "id": 1, "lane": 1, "knobs": {"dropout": [0.5]}}, "bad_value", "4 rates"),
        ({"op": "set", "id": 1, "lane": 99, "knobs": {"l2": 0}}, "bad_value", "lane = 99"),
        ({"op": "set", "id": 1, "lane": 0, "knobs": {"drop": 0}}, "unknown_knob", "there is no knob"),
        ({"op": "set", "id": 1, "knobs": {"hidden": [8]}}, "bad_value", "hidden"),
        ({"op": "follow", "id": 1}, "bad_message", "follow needs"),
        ({"op": "follow", "id": 1, "lane": 2}, "bad_value", "lane = 2"),
        ({"op": "follow", "id": 1, "example": 300}, "bad_value", "from 0 to 299"),
        ({"op": "\ud800", "id": 1}, "bad_message", r"op = '\ud800'"),
        ({"op": "play", "id": 1, "\ud800": 1}, "bad_message", r"play has no '\ud800'"),
        ({"op": "set", "id": 1, "knobs": {"\ud800": 1}}, "unknown_knob", r"no knob '\ud800'"),
        ({"op": "set", "id": 1, "lane": 0, "knobs": {"\ud800": 1}}, "unknown_knob", r"no knob '\ud800'"),
        ({"op": "set", "id": 1, "lane": 0, "knobs": {"name": "\ud800"}}, "bad_value", r"name = '\ud800'"),
        ({"op": "set", "id": 1, "lane": "\ud800", "knobs": {"l2": 0}}, "bad_value", r"lane = '\ud800'"),
        ({"op": "set", "id": 1, "lane": 0, "knobs": {"dropout": {}}}, "bad_value", "dropout = {}"),
        ({"op": "set", "id": 1, "lane": 10**4000, "knobs": {"l2": 0}}, "bad_value", "lane = 1000"),
        ({"op": "set", "id": 1, "lane": 0, "knobs": {"l2": 10**4000}}, "bad_value", "l2 = 1000"),
        ({"op": "set", "id": 1, "knobs": {"x" * 10_000: 1}}, "unknown_knob", "no knob 'xxx"),
        ({"op": "ask", "id": 1, "x": [[10**4000]]}, "bad_value", "x[0][0] = 1000"),
        ({"op": "ask", "id": 1, "x": [["\ud800"]]}, "bad_value", r"x[0][0] = '\ud800'"),
        ({"op": "views", "id": 1, "open": ["\ud800"]}, "bad_message", r"open = ['\ud800']"),
        ({"op": "ensemble", "id": 1, "masks": "\ud800"}, "bad_value", r"masks = '\ud800'"),
    ],
)
async def test_a_bad_command_is_refused_with_its_id_before_a_worker_hears_of_it(
    lab: Running, message: dict[str, object], code: str, words: str
) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        await owner.connection.send(json.dumps(message))
        refused = await owner.until_text("error", id=1)
        assert refused["error"]["code"] == code
        assert words in refused["error"]["message"]
        assert lab.pool.commands(run["id"]) == []
        assert (await owner.ask("play"))["op"] == "ack"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad_json"),
        ("[" * 30_000, "bad_json"),
        ("9" * 5_000, "bad_json"),
        ("[1]", "bad_message"),
        (b"\x00\xff\x00", "bad_message"),
        ('{"op": "play"}', "bad_message"),
        ('{"op": "play", "id": null}', "bad_message"),
        ('{"op": "play", "id": NaN}', "bad_message"),
        ('{"op": "play", "id": 1e999}', "bad_message"),
        ('{"op": "play", "id": {"a": 1}}', "bad_message"),
        (json.dumps({"op": "play", "id": "x" * 65}), "bad_message"),
        (json.dumps({"op": "play", "id": 10**4000}), "bad_message"),
        (json.dumps({"op": "credit", "seq": 10**4000}), "bad_message"),
        ('{"op": "credit"}', "bad_message"),
        ('{"op": "credit", "seq": "1"}', "bad_message"),
        ('{"op": "credit", "seq": -1}', "bad_message"),
        ('{"op": "credit", "frames": true}', "bad_message"),
        ('{"op": "credit", "frames": 1, "seq": 1}', "bad_message"),
    ],
)
async def test_rubbish_gets_a_clear_error_and_disturbs_nobody(lab: Running, message: str | bytes, code: str) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        await owner.connection.send(message)
        refused = await owner.until_text("error")
        assert refused["error"]["code"] == code
        assert "id" not in refused
        assert (await owner.ask("play"))["op"] == "ack"


async def test_a_lone_surrogate_comes_back_as_it_was_sent(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        await owner.connection.send('{"op": "\\ud800", "id": "\\udfff"}')
        assert (await owner.until_text("error"))["id"] == "\udfff"


@both_ways
async def test_a_viewer_who_is_no_owner_may_only_watch(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        for op in ("play", "pause", "step", "speed", "set", "follow", "reset", "nonsense"):
            assert (await viewer.ask(op))["error"]["code"] == "not_owner"
    assert lab.pool.commands(run["id"]) == []


async def refused_at_the_door(url: str, first: str | bytes = join()) -> tuple[str, int]:
    """The error and the close code with which a WebSocket is refused."""
    async with connect(url.replace("http", "ws", 1), close_timeout=1) as connection:
        with contextlib.suppress(ConnectionClosed):  # it may be refused before it says anything
            await connection.send(first)
        error = json.loads(await connection.recv())
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert error["op"] == "error"
        assert connection.close_code is not None
        return error["error"]["code"], connection.close_code


async def test_a_run_that_never_was_and_a_wrong_token_are_refused_at_the_door(lab: Running) -> None:
    run = await lab.open()
    path = f"{lab.url}/api/runs/{run['id']}/live"
    assert await refused_at_the_door(f"{lab.url}/api/runs/nothing/live") == ("not_found", 4404)
    for token in ("wrong", "", "\u00e9\ud800"):
        assert await refused_at_the_door(path, join(token)) == ("wrong_token", 4403)
    assert await lab.viewers_of(run) == 0


@pytest.mark.parametrize(
    ("first", "code", "words"),
    [
        ("{", "bad_json", "not JSON"),
        (b"\x00", "bad_json", "not JSON"),
        ('{"op": "play", "id": 1}', "bad_message", "the first message"),
        ('"join"', "bad_message", "the first message"),
        ('{"op": "join", "role": "owner"}', "bad_message", "join has no 'role'"),
        ('{"op": "join", "token": 7}', "bad_message", "token = 7"),
    ],
)
async def test_a_first_message_that_is_no_join_is_told_what_it_must_be(
    lab: Running, first: str | bytes, code: str, words: str
) -> None:
    run = await lab.open()
    async with connect(f"ws://127.0.0.1:{lab.port}/api/runs/{run['id']}/live", close_timeout=1) as connection:
        await connection.send(first)
        error = json.loads(await connection.recv())["error"]
        assert error["code"] == code
        assert words in error["message"]
        await connection.wait_closed()
        assert connection.close_code == 4400
    assert await lab.viewers_of(run) == 0


async def test_a_viewer_that_says_nothing_at_first_is_not_waited_for_for_ever(
    lab: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.websocket.JOIN_S", 0.05)
    run = await lab.open()
    async with connect(f"ws://127.0.0.1:{lab.port}/api/runs/{run['id']}/live", close_timeout=1) as connection:
        error = json.loads(await connection.recv())["error"]
        assert error["code"] == "bad_message"
        assert '{"op": "join"}' in error["message"]
        await connection.wait_closed()
        assert connection.close_code == 4400


async def test_a_token_in_the_address_is_refused_in_words_and_never_obeyed(lab: Running) -> None:
    run = await lab.open()
    path = f"{lab.url}/api/runs/{run['id']}/live?token={run['token']}"
    async with connect(path.replace("http", "ws", 1), close_timeout=1) as connection:
        error = json.loads(await connection.recv())["error"]
        assert error["code"] == "bad_message"
        assert "a token does not belong into the address" in error["message"]
        assert run["token"] not in error["message"]
        await connection.wait_closed()
        assert connection.close_code == 4400
    refused = await lab.client.get(f"/api/runs/{run['id']}/events?token={run['token']}")
    assert refused.status_code == 400
    assert "Authorization: Bearer" in refused.json()["error"]["message"]


async def test_who_has_joined_cannot_join_again(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        refused = await viewer.ask("join", token=run["token"])
        assert refused["error"]["code"] == "bad_message"
        assert (await viewer.ask("play"))["error"]["code"] == "not_owner"


async def test_a_full_run_is_refused_but_its_owner_gets_in(pool: FakePool, patience: float) -> None:
    settings = Settings(max_viewers_per_run=2, log_level="error")
    async with running(pool, settings, patience) as lab:
        run = await lab.open()
        async with await lab.watch(run) as first, await lab.watch(run):
            assert await refused_at_the_door(f"{lab.url}/api/runs/{run['id']}/live") == ("too_many_viewers", 4429)
            async with await lab.watch(run, owner=True) as owner:
                assert (await owner.until_text("hello"))["role"] == "owner"
            await first.until_text("hello")


async def test_a_page_of_another_site_is_refused_before_the_handshake(lab: Running) -> None:
    run = await lab.open()
    url = f"{lab.url}/api/runs/{run['id']}/live".replace("http", "ws", 1)
    for origin in ("https://elsewhere.example", "null", "http://127.0.0.1", "http://["):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers={"Origin": origin})
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body)["error"]["code"] == "wrong_origin"
    async with connect(url, additional_headers={"Origin": lab.url}) as welcome:
        await welcome.send(join())
        assert json.loads(await welcome.recv())["op"] == "hello"


async def test_a_setting_lets_another_site_in(pool: FakePool, patience: float) -> None:
    settings = Settings(allowed_origins="https://course.example", log_level="error")
    async with running(pool, settings, patience) as lab:
        run = await lab.open()
        url = f"{lab.url}/api/runs/{run['id']}/live".replace("http", "ws", 1)
        async with connect(url, additional_headers={"Origin": "https://course.example"}) as welcome:
            await welcome.send(join())
            assert json.loads(await welcome.recv())["op"] == "hello"


async def test_a_page_of_a_site_that_is_let_in_may_read_the_answers_and_no_other_may(
    pool: FakePool, patience: float
) -> None:
    settings = Settings(allowed_origins="https://course.example", log_level="error")
    asks = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
    async with running(pool, settings, patience) as lab:
        for origin, seen in (("https://course.example", "https://course.example"), ("https://evil.example", None)):
            answer = await lab.client.get("/api/schema", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == seen
            before = await lab.client.options("/api/runs/x", headers={"Origin": origin, **asks})
            assert (before.status_code == 200) is (seen is not None)
            assert before.headers.get("access-control-allow-origin") == seen
        opened = await lab.client.post("/api/runs", headers={"Origin": "https://course.example"})
        assert opened.status_code == 201


async def test_a_message_over_the_limit_closes_with_1009_and_disturbs_nobody(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as other:
        with contextlib.suppress(ConnectionClosed):  # while it is still sending, or afterwards
            await owner.connection.send("x" * 10_000_000)
        assert (await owner.until_closed())[0] == 1009
        lab.pool.train(run["id"], 1)
        await other.until_step(1)


async def test_a_thousand_messages_at_once_are_answered_one_by_one_and_most_refused(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner:
        for number in range(1000):
            await owner.say(op="pause", id=number)
        answers: dict[int, str] = {}
        while len(answers) < 1000:
            text = await owner.until(lambda message: isinstance(message, dict) and "id" in message)
            answers[text["id"]] = text["op"] if text["op"] == "ack" else text["error"]["code"]
        # The burst is 100, and 50 more for each second that sending took.
        assert [answers[number] for number in range(100)] == ["ack"] * 100
        refused = [code for code in answers.values() if code == "too_many_messages"]
        assert len(refused) >= 500
        await owner.say(op="credit", seq=1)  # has a bucket of its own
        lab.pool.train(run["id"], 1)
        await owner.until_step(1)


async def test_a_viewer_that_leaves_in_the_middle_of_a_frame_disturbs_nobody(lab: Running) -> None:
    run = await lab.open()
    lab.pool.train(run["id"], 1024)
    async with await lab.watch(run) as other:
        async with raw_viewer(lab.port, f"/api/runs/{run['id']}/live"):
            await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 2)
        await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 1)
        lab.pool.train(run["id"], 1)
        await other.until_step(1025)


@pytest.fixture
async def narrow(pool: FakePool, settings: Settings, patience: float) -> AsyncIterator[Running]:
    """A server whose connections hold little, so that a viewer that does not read is soon felt."""
    async with running(pool, settings, patience, send_buffer=4096) as result:
        yield result


async def test_a_viewer_that_stops_reading_is_closed_with_4408_and_disturbs_nobody(narrow: Running) -> None:
    run = await narrow.open()
    path = f"/api/runs/{run['id']}/live"
    async with await narrow.watch(run) as other, raw_viewer(narrow.port, path, run["token"]) as raw:
        await narrow.eventually(lambda: narrow.app.state.lab.runs.viewers == 2)
        text = json.dumps({"op": "play", "id": "x" * 64})
        talking = asyncio.create_task(asyncio.to_thread(raw.say, text, times=4000))
        for step in range(1, 50):
            narrow.pool.train(run["id"], 1)
            await other.until_step(step)
        await narrow.eventually(lambda: narrow.app.state.lab.runs.viewers == 1)
        rest = await asyncio.to_thread(raw.read_to_the_end)
        await asyncio.wait({talking})
        talking.exception()  # the server may hang up while it talks
    assert close_code(rest) == 4408
    assert other.steps() == list(range(1, 50))


def close_code(received: bytes) -> int:
    """The code in the close frame at the end of what a raw viewer received."""
    start = received.rindex(b"\x88")
    return int.from_bytes(received[start + 2 : start + 4], "big")


async def test_a_viewer_whose_buffers_stay_full_is_aborted(narrow: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.SEND_TIMEOUT_S", 0.2)
    run = await narrow.open()
    narrow.pool.train(run["id"], 3000)
    runs = narrow.app.state.lab.runs
    async with raw_viewer(narrow.port, f"/api/runs/{run['id']}/live"):
        await narrow.eventually(lambda: runs.viewers == 1)
        await narrow.eventually(lambda: runs.viewers == 0)
        connections = narrow.server.server_state.connections
        await narrow.eventually(lambda: not [each for each in connections if isinstance(each, LabProtocol)])


@both_ways
async def test_deleting_a_run_tells_its_viewers_and_closes_with_4410(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        await viewer.until_frame("history")
        answer = await lab.client.delete(f"/api/runs/{run['id']}", headers={"Authorization": f"Bearer {run['token']}"})
        assert answer.status_code == 204
        assert (await viewer.until_text("ended"))["reason"] == "deleted"
        assert await viewer.until_closed() == (4410, "deleted")
    assert lab.pool.closed == [run["id"]]


async def test_a_shutdown_tells_every_viewer_and_a_stuck_one_does_not_hold_it_up(
    pool: FakePool, settings: Settings, patience: float
) -> None:
    async with running(pool, settings, patience, send_buffer=4096) as lab:
        run = await lab.open()
        pool.train(run["id"], 3000)
        viewer: Viewer = await lab.watch(run)
        async with raw_viewer(lab.port, f"/api/runs/{run['id']}/live"):
            await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 2)
            lab.server.should_exit = True
            assert (await viewer.until_text("ended"))["reason"] == "shutdown"
            assert (await viewer.until_closed())[0] == 1001
            await lab.eventually(lambda: pool._listener is None)


@both_ways
async def test_how_many_watch_is_told_to_viewers_and_to_the_worker(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        async with await lab.watch(run):
            await viewer.until(
                lambda message: (
                    isinstance(message, dict) and message.get("reason") == "viewers" and message["run"]["viewers"] == 2
                )
            )
        await viewer.until(
            lambda message: (
                isinstance(message, dict) and message.get("reason") == "viewers" and message["run"]["viewers"] == 1
            )
        )
    await lab.eventually(lambda: lab.app.state.lab.runs.viewers == 0)
    counts = [message["viewers"] for _, message in lab.pool.said if message["op"] == "watch"]
    assert counts == [0, 1, 2, 1, 0]


async def test_a_frame_that_needs_no_joining_is_encoded_once_for_all_viewers() -> None:
    frame = encode(Frame("steps", "r", 5, steps_tensors(1, 3)))
    packet = Packet(frame)
    assert packet.raw is frame


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    now = [0.0]
    bucket = Bucket(10, 20, lambda: now[0])
    assert sum(bucket.take() for _ in range(50)) == 20
    now[0] = 1.0
    assert sum(bucket.take() for _ in range(50)) == 10
    now[0] = 100.0
    assert sum(bucket.take() for _ in range(50)) == 20
