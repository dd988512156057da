"""Views, questions, experiments and records: over real sockets, with a pool that works when a test says so."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from app.run import Phase, Run
from tests.app.conftest import Running
from trainer.presets import PRESETS
from trainer.settings.commands import ASKS_PER_SECOND, MAX_ASKS


def look(lab: Running, run: str, view: str, step: int) -> None:
    lab.pool.frame(run, view, {"step": np.array([step], np.uint32)})


def views_told(lab: Running, run: str) -> list[str]:
    told = [message["views"] for name, message in lab.pool.said if name == run and message["op"] == "watch"]
    last: list[str] = told[-1]
    return last


# ---- views


async def test_a_worker_is_told_the_views_that_any_viewer_has_open(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as guest:
        assert views_told(lab, run["id"]) == []
        await owner.ask("views", open=["damage", "activity"])
        await guest.ask("views", open=["cost", "activity"])
        assert views_told(lab, run["id"]) == ["activity", "cost", "damage"]
        await owner.ask("views", open=[])
        assert views_told(lab, run["id"]) == ["activity", "cost"]
    await lab.eventually(lambda: views_told(lab, run["id"]) == [])


async def test_a_viewer_gets_frames_of_the_views_that_it_has_open_and_of_no_others(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as one, await lab.watch(run) as other:
        await one.ask("views", open=["damage"])
        await other.ask("views", open=["activity"])
        for view in ("damage", "activity", "cost"):
            look(lab, run["id"], view, 7)
        lab.pool.train(run["id"], 1)
        for viewer, view in ((one, "damage"), (other, "activity")):
            await viewer.until_step(1)
            assert [frame.kind for frame in viewer.frames if frame.kind in ("damage", "activity", "cost")] == [view]


async def test_who_opens_a_view_gets_what_was_last_seen_there(lab: Running) -> None:
    run = await lab.open()
    look(lab, run["id"], "damage", 7)
    look(lab, run["id"], "damage", 8)
    lab.pool.train(run["id"], 3)
    async with await lab.watch(run) as viewer:
        await viewer.until_frame("graph")
        assert "damage" not in {frame.kind for frame in viewer.frames}
        await viewer.say(op="views", id=1, open=["damage"])
        frame = await viewer.until_frame("damage")
        assert frame.tensors["step"].tolist() == [8]
        numbers = [each.seq for each in viewer.frames]
        assert numbers == sorted(numbers)


async def test_a_run_tells_which_panels_show_nothing_of_it_as_it_is_now(lab: Running) -> None:
    run = await lab.open()

    async def obstacles() -> dict[str, str]:
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        return dict(state["obstacles"])

    before = await obstacles()
    assert before["boundary"] == "needs points in the plane"
    assert before["variance"] == "needs a network with batch norm"
    async with await lab.watch(run, owner=True) as owner, await lab.watch(run) as guest:
        await owner.ask("set", lane=1, knobs={"batch_norm": True})
        changed = await guest.until_text("changed", reason="set")
        assert changed["run"]["obstacles"] == {panel: words for panel, words in before.items() if panel != "variance"}
        await owner.ask("reset")
    assert "variance" not in await obstacles()


async def test_a_run_of_several_networks_has_a_picture_that_compares_them(lab: Running) -> None:
    for lanes, compares in ([{"name": "a"}, {"name": "b"}], True), ([{"name": "a"}], False):
        run = await lab.open(lanes=lanes)
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        assert ("result" not in state["obstacles"]) == compares


async def test_a_new_start_leaves_no_view_of_the_old_one(lab: Running) -> None:
    run = await lab.open()
    look(lab, run["id"], "damage", 7)
    async with await lab.watch(run, owner=True) as owner:
        await owner.ask("reset")
        await owner.ask("views", open=["damage"])
        lab.pool.train(run["id"], 1)
        await owner.until_step(1)
        assert "damage" not in {frame.kind for frame in owner.frames}


@pytest.mark.parametrize("given", ["damage", None, ["fly"], [1], [["damage"]], {"damage": True}])
async def test_what_is_no_list_of_views_is_refused_by_naming_them(lab: Running, given: object) -> None:
    run = await lab.open()
    async with await lab.watch(run) as viewer:
        error = (await viewer.ask("views", open=given))["error"]
        assert error["code"] == "bad_message"
        assert "activity, correlation, damage" in error["message"]


# ---- questions


async def test_a_guest_may_ask_and_may_turn_no_knob(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as guest:
        assert (await guest.ask("ask", x=[[0.0] * 64]))["op"] == "ack"
        assert (await guest.ask("ensemble", members=3))["error"]["code"] == "not_owner"
    assert [command["op"] for command in lab.pool.commands(run["id"])] == ["ask"]


async def test_an_answer_goes_to_the_one_who_asked(lab: Running) -> None:
    run = await lab.open()
    lab.pool.answers = False
    async with await lab.watch(run) as one, await lab.watch(run, owner=True) as other:
        await one.say(op="ask", id="mine", x=[[0.5]])
        await lab.eventually(lambda: lab.pool.commands(run["id"]))
        ref = next(message["ref"] for _, message in lab.pool.said if message["op"] == "command")
        reply = {"op": "reply", "run": run["id"], "ref": ref, "step": 5, "answer": {"votes": [[[0.25]]]}}
        lab.pool.listener.on_message(run["id"], reply)
        acknowledged = await one.until_text("ack", id="mine")
        assert acknowledged == {"op": "ack", "id": "mine", "step": 5, "answer": {"votes": [[[0.25]]]}}
        lab.pool.train(run["id"], 1)
        await other.until_step(1)
        assert not [text for text in other.texts if text["op"] == "ack"]


async def test_guests_together_ask_only_so_often_and_the_owner_is_not_held_up(lab: Running) -> None:
    run = await lab.open()
    async with await lab.watch(run) as guest, await lab.watch(run, owner=True) as owner:
        answers = [await guest.ask("ask", x=[[0.0]]) for _ in range(60)]
        refused = [each for each in answers if each["op"] == "error"]
        assert refused
        assert {text["error"]["code"] for text in refused} == {"too_many_messages"}
        assert 60 - len(refused) >= ASKS_PER_SECOND
        assert (await owner.ask("ask", x=[[0.0]]))["op"] == "ack"


@pytest.mark.parametrize("owner", [False, True])
async def test_a_viewer_asks_one_question_at_a_time(lab: Running, owner: bool) -> None:
    run = await lab.open()
    lab.pool.answers = False
    async with await lab.watch(run, owner=owner) as viewer:
        for number in range(1, 40):
            await viewer.say(op="ask", id=number, x=[[0.5]])
        for number in range(2, 40):
            error = (await viewer.until_text("error", id=number))["error"]
            assert (error["code"], "one ask at a time" in error["message"]) == ("too_many_messages", True)
        assert questions(lab, run["id"]) == [1]
        answer(lab, run["id"], 1)
        await viewer.until_text("ack", id=1)
        await viewer.say(op="ask", id=40, x=[[0.5]])
        await lab.eventually(lambda: questions(lab, run["id"]) == [1, 2])


async def test_few_questions_of_a_run_wait_at_once_and_one_place_is_its_owners(lab: Running) -> None:
    run = await lab.open()
    lab.pool.answers = False
    async with contextlib.AsyncExitStack() as doors:
        guests = [await doors.enter_async_context(await lab.watch(run)) for _ in range(MAX_ASKS + 1)]
        owner = await doors.enter_async_context(await lab.watch(run, owner=True))
        for number, guest in enumerate(guests[:-1], start=1):
            await guest.say(op="ask", id=1, x=[[0.5]])
            await lab.eventually(partial(asked, lab, run["id"], number))
        error = (await guests[-1].ask("ask", x=[[0.5]]))["error"]
        assert (error["code"], f"{MAX_ASKS} of this run" in error["message"]) == ("too_many_messages", True)
        await owner.say(op="ask", id=1, x=[[0.5]])
        await lab.eventually(lambda: len(questions(lab, run["id"])) == MAX_ASKS + 1)
        await guests[0].connection.close()  # who leaves does not make room: the worker still has the question
        await lab.eventually(lambda: len(run_of(lab, run).viewers) == MAX_ASKS + 1)
        assert (await guests[-1].ask("ask", x=[[0.5]]))["op"] == "error"
        answer(lab, run["id"], 1)
        await guests[-1].say(op="ask", id="now", x=[[0.5]])
        assert (await guests[-1].until_text("error", id="now"))["error"]["code"] == "too_many_messages"  # the owner's
        answer(lab, run["id"], 2)
        await guests[-1].say(op="ask", id="then", x=[[0.5]])
        await lab.eventually(lambda: len(questions(lab, run["id"])) == MAX_ASKS + 2)


async def test_when_the_worker_is_lost_everybody_may_ask_again(lab: Running) -> None:
    run = await lab.open()
    lab.pool.answers = False
    async with await lab.watch(run) as guest:
        await guest.say(op="ask", id=1, x=[[0.5]])
        await lab.eventually(lambda: questions(lab, run["id"]))
        lab.pool.lose()
        assert (await guest.until_text("error", id=1))["error"]["code"] == "no_worker"
        lab.pool.answers = True
        await lab.eventually(lambda: run_of(lab, run).phase is Phase.OPEN)
        assert (await guest.ask("ask", x=[[0.5]]))["op"] == "ack"


def questions(lab: Running, run: str) -> list[int]:
    """The refs of the questions that the worker of a run has got."""
    return [
        message["ref"]
        for name, message in lab.pool.said
        if name == run and message["op"] == "command" and message["command"]["op"] == "ask"
    ]


def asked(lab: Running, run: str, count: int) -> bool:
    """Whether the worker of a run has got so many questions."""
    return len(questions(lab, run)) == count


def answer(lab: Running, run: str, ref: int) -> None:
    """Have the worker answer a question."""
    lab.pool.listener.on_message(run, {"op": "reply", "run": run, "ref": ref, "step": 1, "answer": {}})


def run_of(lab: Running, run: Mapping[str, Any]) -> Run:
    """A run, as the server knows it."""
    found: Run = lab.app.state.lab.runs._runs[run["id"]]
    return found


@pytest.mark.parametrize(
    ("x", "knob"),
    [
        (None, "x"),
        ([], "x"),
        ([[0.0]] * 17, "x"),
        ([0.0], "x[0]"),
        ([[0.0, "1"]], "x[0][1]"),
        ([[0.0], [True]], "x[1][0]"),
        ([[1e7]], "x[0][0]"),
        ([[float("nan")]], "x[0][0]"),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_a_worker_hears_of_it(lab: Running, x: object, knob: str) -> None:
    run = await lab.open()
    async with await lab.watch(run) as guest:
        await guest.connection.send(json.dumps({"op": "ask", "id": 1, "x": x}))
        error = (await guest.until_text("error", id=1))["error"]
        assert (error["code"], error["knob"]) == ("bad_value", knob)
    assert lab.pool.commands(run["id"]) == []


# ---- experiments


async def test_every_experiment_is_listed_with_a_configuration_that_opens_a_run(lab: Running) -> None:
    listed = (await lab.client.get("/api/experiments")).json()
    assert [each["id"] for each in listed] == [preset.id for preset in PRESETS]
    first, last = listed[0], listed[-1]
    for each in (first, last):
        run = await lab.open(**each["config"], experiment=each["id"], stop_at=each["steps"])
        assert run["config"] == each["config"]
        state = (await lab.client.get(f"/api/runs/{run['id']}")).json()
        assert (state["experiment"], state["stop_at"]) == (each["id"], each["steps"])
        await lab.client.delete(f"/api/runs/{run['id']}", headers={"Authorization": f"Bearer {run['token']}"})


@pytest.mark.parametrize(
    ("given", "knob", "words"),
    [
        ({"experiment": "fly"}, "experiment", "twin"),
        ({"experiment": 3}, "experiment", "twin"),
        ({"stop_at": 0}, "stop_at", "from 1 to 1,000,000"),
        ({"stop_at": 2.5}, "stop_at", "from 1 to 1,000,000"),
        ({"stop_at": True}, "stop_at", "from 1 to 1,000,000"),
        ({"search": {"steps": -1}}, "search.steps", "25"),
    ],
)
async def test_a_run_is_not_opened_with_what_is_not_there(
    lab: Running, given: dict[str, object], knob: str, words: str
) -> None:
    answer = await lab.client.post("/api/runs", json=given)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["knob"] == knob
    assert words in error["allowed"]


async def test_a_run_whose_worker_was_lost_keeps_what_it_belongs_to(lab: Running) -> None:
    run = await lab.open(experiment="twin", stop_at=500)
    lab.pool.lose()
    await lab.eventually(lambda: len(lab.pool.requests[run["id"]]) == 2)
    again = lab.pool.requests[run["id"]][1]
    assert (again["experiment"], again["stop_at"]) == ("twin", 500)


async def test_every_experiment_has_a_page_and_nothing_else_has(lab: Running) -> None:
    for preset in PRESETS:
        page = await lab.client.get(f"/experiments/{preset.id}")
        assert page.status_code == 200
        assert preset.question.replace("’", "&#39;").split("’")[0][:30] in page.text
    missing = await lab.client.get("/experiments/fly", headers={"Accept": "text/html"})
    assert missing.status_code == 404
    assert "twin" in missing.text


# ---- records


async def test_a_record_has_the_run_its_curves_and_what_was_last_seen(lab: Running) -> None:
    run = await lab.open(experiment="twin")
    lab.pool.train(run["id"], 30)
    lab.pool.frame(run["id"], "damage", {"accuracy": np.array([[0.1, np.nan], [0.25, np.inf]], np.float32)})
    answer = await lab.client.get(f"/api/runs/{run['id']}/record")
    assert "content-disposition" not in answer.headers
    record = answer.json()
    assert record["run"]["id"] == run["id"]
    assert record["losses"]["step"] == list(range(1, 31))
    assert len(record["losses"]["loss"][0]) == 2
    assert record["scores"]["step"] == [0]
    assert record["frames"]["damage"]["accuracy"] == {"shape": [2, 2], "values": [0.1, None, 0.25, None]}


async def test_a_record_can_be_downloaded_under_a_name_that_says_what_it_is(lab: Running) -> None:
    run = await lab.open(experiment="rate")
    lab.pool.train(run["id"], 7)
    answer = await lab.client.get(f"/api/runs/{run['id']}/record?download=1")
    assert answer.headers["content-disposition"] == 'attachment; filename="dropout-lab-rate-step-7.json"'


async def test_there_is_no_record_of_a_run_that_is_not_there(lab: Running) -> None:
    assert (await lab.client.get("/api/runs/nope/record")).status_code == 404
