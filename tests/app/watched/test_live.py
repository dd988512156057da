"""Looking at a watched model: who comes in, what they are greeted with, what they hear, and what they may say."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from app.settings import Settings
from app.watched import asked
from app.watched.commands import TABLE
from tests.app.clients import Viewer, join
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.watched.feeding import (
    Feed,
    a_change,
    a_model,
    a_state,
    a_warning,
    dial,
    ensemble,
    feed,
    look,
    masks_of,
    metrics,
    open_watch,
    rows,
    watched,
)
from trainer.wire.frames import Frame, unpack


def of_kind(viewer: Viewer, kind: str) -> list[Frame]:
    return [frame for frame in viewer.frames if frame.kind == kind]


def appended(frames: list[Frame], name: str) -> np.ndarray:
    return np.concatenate([frame.tensors[name] for frame in frames if name in frame.tensors])


async def owner_of(model: Feed, lab: Running) -> Viewer:
    return await look(lab.url, model.watch, lab.patience, owner=True)


async def test_a_viewer_sees_what_the_model_sends(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        hello = await viewer.until_text("hello")
        assert (hello["may"], hello["watch"]["fed"], hello["watch"]["name"]) == (False, True, "Net")
        await model.train(1, 5)
        got = await viewer.until_frame("rows")
        assert got.tensors["step/0"].tolist() == [1, 2, 3, 4, 5]
        for row, step in enumerate(range(1, 6)):
            assert np.array_equal(unpack(got.tensors["mask/1"][row], 30), masks_of(step, 1, 30))
        assert got.run == model.watch["id"]
        await viewer.until_text("state", state=a_state(5))


async def test_everything_that_the_model_says_comes_in_the_same_form(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        await viewer.until_text("hello")
        changed = a_model(parameters=7)
        await model.say("model", model=changed)
        assert (await viewer.until_text("model"))["model"] == changed
        await model.say("warning", warning=a_warning())
        assert (await viewer.until_text("warning"))["warning"] == a_warning()
        code = "# from step 3 on\nmodel.net[0].p = 0.3\n"
        await model.say("changed", changes=[a_change()], code=code)
        told = await viewer.until_text("changed")
        assert (told["changes"], told["code"]) == ([a_change()], code)
        for task in ("classes", "numbers"):
            sent = await model.send("ensemble", ensemble(9, task=task), {"task": task})
            got = await viewer.until_frame("ensemble")
            assert (got.meta, got.seq, got.tensors.keys()) == ({"task": task}, sent.seq, sent.tensors.keys())


async def test_who_comes_late_is_greeted_with_all_that_was(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as early:
        await model.say("warning", warning=a_warning(count=1))
        await model.say("warning", warning=a_warning(count=2))
        await model.say("changed", changes=[a_change()], code="x = 1\n")
        for first in (1, 11, 21):
            await model.train(first, first + 9)
        last = await model.send("ensemble", ensemble(30), {"task": "classes"})
        await early.until(lambda message: getattr(message, "seq", 0) == last.seq)
        async with await look(lab.url, model.watch, lab.patience) as late:
            told = (await late.until_text("hello"))["watch"]
            await late.until_frame("ensemble")
        assert (told["model"], told["state"], told["code"]) == (a_model(), a_state(30), "x = 1\n")
        assert (told["warnings"], told["changes"]) == ([a_warning(count=2)], [a_change()])
        assert sorted(frame.kind for frame in late.frames) == ["ensemble", "metrics", "rows", "summary"]
        numbers = [frame.seq for frame in late.frames]
        assert numbers == sorted(set(numbers))
        for kind in ("rows", "metrics"):
            (once,) = of_kind(late, kind)
            assert once.tensors.keys() == {name for frame in of_kind(early, kind) for name in frame.tensors}
            for name, array in once.tensors.items():
                assert np.array_equal(array, appended(of_kind(early, kind), name)), name
        for kind in ("summary", "ensemble"):
            once, newest = of_kind(late, kind)[-1], of_kind(early, kind)[-1]
            assert all(np.array_equal(array, newest.tensors[name]) for name, array in once.tensors.items())


async def test_a_slow_viewer_gets_frames_joined_and_is_told_what_was_left_out(lab: Running) -> None:
    async with (
        watched(lab.url, lab.patience) as model,
        await look(lab.url, model.watch, lab.patience, credits=False) as slow,
        await look(lab.url, model.watch, lab.patience) as quick,
    ):
        await slow.until_text("hello")
        for frame in range(25):
            await model.send("rows", rows(list(range(frame * 400 + 1, frame * 400 + 401))))
            await model.send("metrics", metrics([frame]))
            await quick.until(lambda message: getattr(message, "seq", 0) == model.seq)
        await slow.until(lambda message: len(slow.frames) == 4)
        assert [frame.seq for frame in slow.frames] == [1, 2, 3, 4]
        await slow.say(op="credit", seq=4)
        await slow.until(lambda message: {"rows", "metrics"} <= {frame.kind for frame in slow.frames[4:]})
        (late,) = of_kind(slow, "rows")[2:]
        kept = [len(late.tensors[f"step/{site}"]) for site in (0, 1)]
        assert int(late.meta["skipped"]) == 2 * 9200 - sum(kept) > 0
        assert late.tensors["step/0"][-1] == 10_000
        assert appended(of_kind(slow, "metrics"), "step/0").tolist() == list(range(25))
        assert appended(of_kind(quick, "rows"), "step/1").tolist() == list(range(1, 10_001))


async def test_a_viewer_is_told_when_the_feed_goes_and_comes(lab: Running) -> None:
    watch = await open_watch(lab.url)
    async with await look(lab.url, watch, lab.patience) as viewer:
        assert not (await viewer.until_text("hello"))["watch"]["fed"]
        async with await feed(lab.url, watch, lab.patience):
            await viewer.until_text("fed", fed=True)
        await viewer.until_text("fed", fed=False)


async def test_how_many_look_is_told_to_all_and_to_the_model(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as first:
        async with await look(lab.url, model.watch, lab.patience):
            await first.until_text("viewers", count=2)
            while (await model.until("viewers"))["count"] != 2:
                pass
        await first.until_text("viewers", count=1)
        while (await model.until("viewers"))["count"] != 1:
            pass


COMMANDS: list[dict[str, Any]] = [
    {"op": "set", "site": 0, "rate": 0.3},
    {"op": "set", "site": 1, "rate": 1},
    {"op": "set", "site": 0, "off": True},
    {"op": "pause"},
    {"op": "play"},
    {"op": "step", "count": 1000},
    {"op": "vote", "passes": 64},
]


async def test_commands_are_passed_on_and_answered_with_their_step(lab: Running) -> None:
    assert {command["op"] for command in COMMANDS} == {command.op for command in TABLE}
    async with watched(lab.url, lab.patience) as model:
        heard: list[dict[str, Any]] = []

        def does(command: dict[str, Any]) -> dict[str, Any]:
            heard.append(command)
            if command["op"] == "vote":
                return {"error": {"code": "bad_value", "message": "there are no examples to vote on"}}
            return {"step": 10 + len(heard)}

        obeying = asyncio.create_task(model.obey(does))
        async with await look(lab.url, model.watch, lab.patience, owner=True) as owner:
            assert (await owner.until_text("hello"))["may"]
            for number, command in enumerate(COMMANDS[:-1]):
                answer = await owner.ask(**command)
                assert (answer["op"], answer["step"]) == ("ack", 11 + number)
            refused = await owner.ask(**COMMANDS[-1])
            assert refused["error"] == {"code": "bad_value", "message": "there are no examples to vote on"}
            await owner.ask("step")
        assert heard == [*COMMANDS, {"op": "step", "count": 1}]
        obeying.cancel()


@pytest.mark.parametrize(
    ("command", "code", "named"),
    [
        ({"op": "set", "site": 7, "rate": 0.3}, "bad_value", "site = 7"),
        ({"op": "set", "site": 2, "rate": 0.3}, "bad_message", "cannot be set"),
        ({"op": "set", "site": 0, "rate": 1.5}, "bad_value", "rate = 1.5"),
        ({"op": "set", "site": 0, "rate": True}, "bad_value", "rate = True"),
        ({"op": "set", "site": 0}, "bad_message", "one of rate, off"),
        ({"op": "set", "site": 0, "rate": 0.1, "off": True}, "bad_message", "one of rate, off"),
        ({"op": "set", "rate": 0.1}, "bad_value", "site = None"),
        ({"op": "set", "site": 0, "off": 1}, "bad_value", "off = 1"),
        ({"op": "pause", "now": True}, "bad_message", "takes nothing"),
        ({"op": "step", "count": 0}, "bad_value", "count = 0"),
        ({"op": "step", "count": 1001}, "bad_value", "count = 1001"),
        ({"op": "vote"}, "bad_value", "passes = None"),
        ({"op": "vote", "passes": 257}, "bad_value", "passes = 257"),
        ({"op": "reset"}, "bad_message", "op = 'reset'"),
        ({"op": ["set"]}, "bad_message", "op = ['set']"),
        ({"op": "join"}, "bad_message", "joined already"),
    ],
)
async def test_a_command_that_cannot_be_is_answered_here_in_words(
    lab: Running, command: dict[str, Any], code: str, named: str
) -> None:
    async with watched(lab.url, lab.patience) as model:
        async with await look(lab.url, model.watch, lab.patience, owner=True) as owner:
            answer = await owner.ask(**command)
            assert (answer["op"], answer["error"]["code"]) == ("error", code)
            assert named in answer["error"]["message"]
        assert [said for said in model.heard if said["op"] == "command"] == []


async def test_without_the_token_nobody_gives_commands(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        for command in COMMANDS:
            assert (await viewer.ask(**command))["error"]["code"] == "not_owner"


async def test_a_model_without_control_votes_and_does_nothing_else(lab: Running) -> None:
    async with watched(lab.url, lab.patience, control=False) as model:
        obeying = asyncio.create_task(model.obey(lambda command: {"step": 1}))
        async with await look(lab.url, model.watch, lab.patience, owner=True) as owner:
            assert not (await owner.until_text("hello"))["may"]
            for command in COMMANDS[:-1]:
                error = (await owner.ask(**command))["error"]
                assert (error["code"], "control=True" in error["message"]) == ("not_owner", True)
            assert (await owner.ask(**COMMANDS[-1]))["op"] == "ack"
        obeying.cancel()


async def test_a_command_to_a_model_that_is_not_there_is_refused(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model:
        owner = await look(lab.url, model.watch, lab.patience, owner=True)
        await owner.say(op="pause", id="first")
        await model.until("command")
    async with owner:
        assert (await owner.until_text("error", id="first"))["error"]["code"] == "not_fed"  # it went without an answer
        await owner.until_text("fed", fed=False)
        assert (await owner.ask("pause"))["error"]["code"] == "not_fed"


async def test_a_command_that_is_not_answered_is_given_up(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "ANSWER_S", 0.05)
    async with watched(lab.url, lab.patience) as model, await owner_of(model, lab) as owner:
        error = (await owner.ask("pause"))["error"]
        assert (error["code"], "did not answer" in error["message"]) == ("too_slow", True)
        late = await model.until("command")
        await model.say("reply", ref=late["ref"], step=3)  # which nobody waits for any more
        await model.say("state", state=a_state(4))
        await owner.until_text("state", state=a_state(4))


async def test_so_many_commands_of_one_viewer_wait_and_no_more(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await owner_of(model, lab) as owner:
        for number in range(asked.MOST_OF_ONE + 1):
            await owner.say(op="pause", id=number)
        refused = await owner.until_text("error")
        assert (refused["id"], refused["error"]["code"]) == (asked.MOST_OF_ONE, "too_many_messages")
        said = await model.until("command")
        await model.say("reply", ref=said["ref"], step=1)
        assert (await owner.until_text("ack"))["id"] == 0
        async with await owner_of(model, lab) as other:
            await other.say(op="play", id="x")
            while (said := await model.until("command"))["command"]["op"] != "play":
                pass
            await model.say("reply", ref=said["ref"], step=2)
            assert (await other.until_text("ack"))["step"] == 2


async def test_messages_beyond_the_rate_are_refused_and_the_conversation_goes_on(
    pool: FakePool, settings: Settings, patience: float
) -> None:
    slow = settings.model_copy(update={"max_messages_per_second": 1})
    async with running(pool, slow, patience) as lab, watched(lab.url, lab.patience) as model:
        obeying = asyncio.create_task(model.obey(lambda command: {"step": 1}))
        async with await look(lab.url, model.watch, lab.patience, owner=True) as owner:
            for number in range(20):
                await owner.say(op="pause", id=number)
            answers = [(await owner.until(lambda each: "id" in each))["op"] for _ in range(20)]
            assert {"ack", "error"} == set(answers)
        obeying.cancel()


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "5", '{"op": "pause"}', '{"op": "credit"}', '{"op": "credit", "seq": "x"}', b"x"]
)
async def test_rubbish_is_answered_and_disturbs_nobody(lab: Running, text: str | bytes) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        await viewer.connection.send(text)
        assert (await viewer.until_text("error"))["error"]["code"] in ("bad_json", "bad_message")
        await model.train(1, 2)
        await viewer.until_frame("rows")


@pytest.mark.parametrize(
    ("first", "code"),
    [('{"op": "hello"}', 4400), ("[", 4400), (join("x" * 43), 4403), ('{"op": "join", "token": 5}', 4400)],
)
async def test_who_does_not_join_as_one_joins_is_refused(lab: Running, first: str, code: int) -> None:
    watch = await open_watch(lab.url)
    connection = await dial(lab.url, watch, "live")
    await connection.send(first)
    viewer = Viewer(connection, lab.patience)
    assert (await viewer.until_text("error"))["error"]["code"]
    assert (await viewer.until_closed())[0] == code


async def test_a_watch_that_never_was_is_refused_and_a_token_in_the_address(lab: Running) -> None:
    gone = Viewer(await dial(lab.url, {"id": "x" * 22}, "live"), lab.patience)
    assert (await gone.until_closed())[0] == 4404
    watch = await open_watch(lab.url)
    told = Viewer(await dial(lab.url, {"id": watch["id"]}, f"live?token={watch['token']}"), lab.patience)
    assert (await told.until_closed())[0] == 4400


async def test_a_full_watch_is_refused_but_who_has_the_token_gets_in(
    pool: FakePool, settings: Settings, patience: float
) -> None:
    few = settings.model_copy(update={"max_viewers_per_run": 1})
    async with running(pool, few, patience) as lab:
        watch = await open_watch(lab.url)
        async with await look(lab.url, watch, patience):
            full = await look(lab.url, watch, patience)
            assert (await full.until_text("error"))["error"]["code"] == "too_many_viewers"
            assert (await full.until_closed())[0] == 4429
            async with await look(lab.url, watch, patience, owner=True) as owner:
                await owner.until_text("hello")


async def test_one_address_leaves_seats_of_a_watch_to_others(
    pool: FakePool, settings: Settings, patience: float
) -> None:
    half = settings.model_copy(update={"max_viewers_per_run": 2, "client_share": 0.5})
    async with running(pool, half, patience) as lab:
        watch = await open_watch(lab.url)
        async with await look(lab.url, watch, patience):
            second = await look(lab.url, watch, patience)
            assert "from your address" in (await second.until_text("error"))["error"]["message"]


async def test_a_viewer_that_stops_reading_disturbs_nobody(lab: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.SEND_TIMEOUT_S", 0.2)
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        await viewer.until_text("hello")
        stuck = await dial(lab.url, model.watch, "live")
        stuck.transport.pause_reading()
        await stuck.send(join())
        while len(lab.app.state.lab.watches.find(model.watch["id"]).viewers) < 2:
            await asyncio.sleep(0.01)
        big = a_model(name="x" * 200, tree=[{**a_model()["tree"][0], "path": "p" * 400}] * 1500)
        for number in range(8):
            await model.say("model", model={**big, "parameters": number})
            await viewer.until_text("model", model={**big, "parameters": number})
        await lab.eventually(lambda: len(lab.app.state.lab.watches.find(model.watch["id"]).viewers) == 1)
        stuck.transport.resume_reading()
