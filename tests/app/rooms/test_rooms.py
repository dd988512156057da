"""Rooms over real sockets: who comes in, what they are told, and what becomes of what they say."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from functools import partial
from typing import Any

import pytest
from httpx import Response
from websockets.asyncio.client import connect

from app.rooms.codes import WRONG_PER_MINUTE
from app.rooms.open import MOST_WATCHERS
from app.rooms.room import MOST_STUDENTS, Room
from app.settings import Settings
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool, scores_tensors
from tests.app.rooms.guests import Class, enter, open_room, students_of


def _has(name: str, topics: dict[str, Any]) -> bool:
    return any(each["name"] == name for each in topics["people"]["people"])


def _is(what: str, value: Any, topics: dict[str, Any]) -> bool:
    return bool(topics["room"][what] == value)


async def test_a_student_joins_with_code_and_name_and_the_host_sees_them(room: Class) -> None:
    async with await room.host() as host:
        joined = await room.join("Ada")
        assert (joined["id"], joined["name"]) == ("m1", "Ada")
        away = await host.until(lambda topics: topics["people"]["people"])
        assert (away[0]["name"], away[0]["here"]) == ("Ada", False)
        async with await room.enter(joined["token"]) as ada:
            you = await ada.until(lambda topics: topics["you"])
            assert (you["role"], you["name"]) == ("student", "Ada")
            await host.until(lambda topics: topics["people"]["people"][0]["here"])
            assert (await host.until(lambda topics: topics["room"]))["students"] == {
                "joined": 1,
                "here": 1,
                "simulated": 0,
                "waiting": 0,
            }
        await host.until(lambda topics: not topics["people"]["people"][0]["here"])


async def test_numbers_of_topics_rise(room: Class) -> None:
    async with await room.host() as host:
        for name in ("Ada", "Bo", "Cy"):
            await room.join(name)
            await host.until(partial(_has, name))
        assert host.numbers == sorted(set(host.numbers))
        assert len(host.numbers) > 3


async def test_a_code_is_found_whatever_its_case_and_a_wrong_one_is_refused_in_words(room: Class) -> None:
    client = room.lab.client
    answer = await client.get(f"/api/rooms/{room.code.lower()}")
    assert answer.json() == {"code": room.code, "locked": False, "way": "class", "students": 0, "full": False}
    answer = await client.get("/api/rooms/ZZZZZZ")
    assert answer.status_code == 404
    assert "there is no room with the code ZZZZZZ" in answer.json()["error"]["message"]
    guest = await enter(room.lab, "ZZZZZZ")
    assert await guest.closed() == (4404, "not_found")


async def test_wrong_codes_are_answered_so_many_times_a_minute_and_others_do_not_notice(room: Class) -> None:
    client = room.lab.client
    found = [(await client.get("/api/rooms/ZZZZZ2")).status_code for _ in range(WRONG_PER_MINUTE + 1)]
    assert found == [404] * WRONG_PER_MINUTE + [429]
    assert (await client.get(f"/api/rooms/{room.code}")).status_code == 200  # even from there


@pytest.mark.parametrize("name", ["", "x" * 25, "a\nb", "A\u202eB", 5, None])
async def test_a_name_that_is_none_is_refused_and_nobody_comes_in(room: Class, name: Any) -> None:
    answer = await room.lab.client.post(f"/api/rooms/{room.code}/students", json={"name": name})
    assert answer.status_code == 422
    assert "name = " in answer.json()["error"]["message"]
    assert room.at.room.students == {}


async def test_a_name_of_ten_megabytes_is_not_even_read(room: Class) -> None:
    body = '{"name":"' + "x" * 10_000_000 + '"}'
    answer = await room.lab.client.post(f"/api/rooms/{room.code}/students", content=body)
    assert answer.status_code == 413
    assert room.at.room.students == {}


async def test_the_second_of_a_name_gets_a_number(room: Class) -> None:
    assert [(await room.join("Ada"))["name"] for _ in range(3)] == ["Ada", "Ada 2", "Ada 3"]


async def test_a_locked_room_lets_nobody_in_and_a_full_one_neither(room: Class) -> None:
    client, path = room.lab.client, f"/api/rooms/{room.code}/students"
    async with await room.host() as host:
        await host.done("lock", on=True)
        answer = await client.post(path, json={"name": "Ada"})
        assert answer.status_code == 503
        assert "locked" in answer.json()["error"]["message"]
        await host.done("lock", on=False)
        assert (await client.post(path, json={"name": "Ada"})).status_code == 201
    for _ in range(MOST_STUDENTS - 1):
        room.at.room.join("x")[0].seen = True
    answer = await client.post(path, json={"name": "Bo"})
    assert "full" in answer.json()["error"]["message"]


async def test_who_joined_and_never_came_gives_way_in_a_full_room(room: Class) -> None:
    for number in range(MOST_STUDENTS):
        room.at.room.join("x")[0].seen = number > 0
    joined = await room.join("Ada")
    assert joined["id"] in room.at.room.students
    assert "m1" not in room.at.room.students
    assert len(room.at.room.students) == MOST_STUDENTS


async def test_one_address_cannot_fill_a_room_nor_all_rooms_nor_all_seats_of_watchers(patience: float) -> None:
    settings = Settings(log_level="error", client_share=0.5, max_rooms=4)
    async with running(FakePool(), settings, patience) as lab:
        room = await open_room(lab)
        for _ in range(MOST_STUDENTS // 2):
            room.at.room.join("x")[0].client = "127.0.0.1"
        answer = await lab.client.post(f"/api/rooms/{room.code}/students", json={"name": "Ada"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "client_share")
        await open_room(lab)
        answer = await lab.client.post("/api/rooms", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "client_share")
        watchers = [await room.enter() for _ in range(MOST_WATCHERS // 2)]
        for watcher in watchers:
            await watcher.until(lambda topics: topics["room"])
        late = await room.enter()
        assert (await late.closed())[0] == 4429
        async with await room.host() as host:  # has a seat whatever happens
            await host.until(lambda topics: topics["room"])
        for watcher in watchers:
            await watcher.leave()


async def test_a_hosts_browser_says_below_which_path_the_lab_is_where_no_proxy_does(lab: Running) -> None:
    answer = await lab.client.post("/api/rooms", json={"at": "/user/ana/proxy/8000/"})
    room = Class(lab, answer.json()["code"], answer.json()["token"])
    link = f"{lab.url}/user/ana/proxy/8000/r/{room.code}"
    assert room.at.room.link == link
    told = {"op": "join", "token": room.token, "at": "/user/ana/proxy/8000/"}
    async with connect(f"{lab.url.replace('http', 'ws')}/api/rooms/{room.code}/live", proxy=None) as host:
        await host.send(json.dumps(told))
        topic = json.loads(await asyncio.wait_for(host.recv(), lab.patience))
        assert (topic["link"], topic["links"]) == (link, [link])


@pytest.mark.parametrize("given", ["lab", "//evil.example/", 3])
async def test_a_path_that_is_none_is_refused(lab: Running, given: Any) -> None:
    answer = await lab.client.post("/api/rooms", json={"at": given})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_value")
    assert answer.json()["error"]["knob"] == "at"
    room = await open_room(lab)
    async with connect(f"{lab.url.replace('http', 'ws')}/api/rooms/{room.code}/live", proxy=None) as host:
        await host.send(json.dumps({"op": "join", "token": room.token, "at": given}))
        refused = json.loads(await asyncio.wait_for(host.recv(), lab.patience))
        assert (refused["op"], refused["error"]["code"]) == ("error", "bad_value")


async def test_a_thousand_joins_from_one_address_end_at_its_share(room: Class) -> None:
    room.at.room.locked = True  # so that the pace alone is asked, not the room
    path, codes = f"/api/rooms/{room.code}/students", []
    for _ in range(1000):
        codes.append((await room.lab.client.post(path, json={"name": "Ada"})).json()["error"]["code"])
        if codes[-1] == "client_share":
            break
    assert set(codes) == {"too_many_viewers", "client_share"}
    assert codes.count("too_many_viewers") >= 300


async def test_a_removed_student_is_told_and_its_token_is_worth_nothing(room: Class) -> None:
    joined = await room.join("Ada")
    async with await room.host() as host, await room.enter(joined["token"]) as ada:
        await ada.until(lambda topics: topics["you"])
        await host.done("remove", student=joined["id"])
        assert await ada.closed() == (4403, "removed")
        assert "removed" in ada.topics
        again = await room.enter(joined["token"])
        assert (await again.closed())[0] == 4403
        assert "removed" in again.topics["error"]["error"]["message"]
        await host.until(lambda topics: topics["people"]["people"] == [])


async def test_a_students_token_is_no_hosts(room: Class) -> None:
    joined = await room.join("Ada")
    async with await room.enter(joined["token"], shows="host") as ada:
        await ada.until(lambda topics: topics["you"])
        assert (await ada.refused("lock", on=True))["code"] == "not_owner"
        assert (await ada.refused("end"))["code"] == "not_owner"
        assert "people" not in ada.topics
    headers = {"Authorization": f"Bearer {joined['token']}"}
    for method, path in (("GET", "results.csv"), ("POST", "code.svg")):
        answer = await room.lab.client.request(method, f"/api/rooms/{room.code}/{path}", headers=headers, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_token")
    assert (await room.lab.client.delete(f"/api/rooms/{room.code}", headers=headers)).status_code == 403
    assert not room.at.room.locked


async def test_a_student_tells_the_host_what_a_lesson_came_to(room: Class) -> None:
    joined = await room.join("Ada")
    await room.join("Ben")
    headers = {"Authorization": f"Bearer {joined['token']}"}

    async def tell(given: object, headers: dict[str, str] = headers) -> Response:
        return await room.lab.client.post(f"/api/rooms/{room.code}/lessons", headers=headers, json=given)

    async with await room.host() as host:
        assert (await tell({"lesson": 1, "right": 1})).status_code == 204
        assert (await tell({"lesson": 1, "right": 3})).status_code == 204  # once more: the newest counts
        await host.until(lambda topics: topics["people"]["people"][0]["lessons"] == [[1, 3, 3]])
        assert host.topics["people"]["people"][1]["lessons"] == []
    for given, said in (
        ({"lesson": 99, "right": 1}, "lesson = 99 is not allowed: it must be the number of a lesson, from 1 to"),
        ({"lesson": "one", "right": 1}, "lesson = 'one' is not allowed: it must be the number of a lesson, from 1 to"),
        ({"lesson": 1, "right": 4}, "right = 4 is not allowed: it must be a whole number from 0 to 3"),
        ({"lesson": 1, "right": True}, "right = True is not allowed: it must be a whole number from 0 to 3"),
        ({"right": 1}, "is not allowed: it must be an object of lesson and right"),
        ([], "is not allowed: it must be an object of lesson and right"),
    ):
        refused = await tell(given)
        assert refused.status_code in (400, 422)
        assert said in refused.json()["error"]["message"]
    for other in ({}, room.headers(), {"Authorization": "Bearer nobody"}):
        assert (await tell({"lesson": 1, "right": 1}, other)).status_code == 403
    rows = list(
        csv.DictReader(
            io.StringIO((await room.lab.client.get(f"/api/rooms/{room.code}/results.csv", headers=room.headers())).text)
        )
    )
    assert [row["lesson 1 (right of 3)"] for row in rows] == ["3", ""]


async def test_a_watcher_sees_what_a_projector_sees_and_may_say_nothing(room: Class) -> None:
    async with await room.enter() as watcher:
        await watcher.until(lambda topics: topics["room"])
        assert (await watcher.refused("lock", on=True))["code"] == "not_owner"
        assert (await watcher.refused("knobs", hidden=0.5))["code"] == "not_owner"
        assert "people" not in watcher.topics
    guest = await room.enter(shows="host")
    assert (await guest.closed())[0] == 4403


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"op": "fly"}, "op = 'fly' is not allowed"),
        ({"op": "lock"}, "lock needs on"),
        ({"op": "lock", "on": 1}, "on = 1 is not allowed: it must be true or false"),
        ({"op": "lock", "on": True, "x": 1}, "lock has no 'x'"),
        ({"op": "way", "to": "sideways"}, "one of follow, own, class"),
        ({"op": "begin", "places": 129}, "a whole number from 1 to 128"),
        ({"op": "rehearse", "students": 101}, "a whole number from 0 to 100"),
        ({"op": "ask", "text": "?", "choices": ["a"]}, "a list of 2 to 6 texts"),
        ({"op": "ask", "text": "?", "choices": ["a", "a"]}, "no two of them alike"),
        ({"op": "ask", "text": "?"}, "the key of a ready-made question, or a text and its choices"),
        ({"op": "ask", "key": "nothing"}, "the key of a ready-made question"),
        ({"op": "rename", "student": "m9", "name": "Bo"}, "no such student"),
        ({"op": "speed", "steps_per_second": 0}, "a number from 0.2"),
        ({"op": "experiment", "name": "nothing"}, "nothing"),
        ({"op": "experiment", "name": "search"}, "no search"),
        ({"op": "link", "to": "http://evil.example/"}, "one of http://"),
        ({"op": "look", "panel": "nothing"}, "or null"),
        ({"op": "answer", "question": 1, "choice": 0}, "only a student may say answer"),
        ({"op": "next"}, "no question"),
    ],
    ids=str,
)
async def test_what_makes_no_sense_is_refused_and_says_what_does(room: Class, said: dict[str, Any], words: str) -> None:
    before = room.at.room.text()
    async with await room.host() as host:
        error = await host.refused(**said)
    assert words in error["message"]
    room.at.room.run = None  # the host's run, which is opened meanwhile
    assert room.at.room.text() == before


async def test_what_is_no_message_is_refused_and_the_conversation_goes_on(room: Class) -> None:
    async with await room.host() as host:
        await host._connection.send("no JSON")
        await host.until(lambda topics: topics["error"]["error"]["code"] == "bad_json")
        await host._connection.send(b"bytes")
        await host.until(lambda topics: topics["error"]["error"]["code"] == "bad_message")
        await host.done("lock", on=True)


async def test_renaming_and_muting(room: Class) -> None:
    joined = await room.join("Ada")
    async with await room.host() as host, await room.enter(joined["token"]) as ada:
        assert (await host.done("rename", student=joined["id"], name=" Ada  L. "))["name"] == "Ada L."
        await ada.until(lambda topics: topics["you"]["name"] == "Ada L.")
        assert (await ada.done("call", name="Countess"))["name"] == "Countess"
        await host.done("mute", on=True)
        assert (await ada.refused("call", name="X"))["code"] == "not_owner"
        assert (await room.join("Rude word"))["name"] == "Student 2"


async def test_a_qr_code_is_an_svg_of_the_students_address(room: Class) -> None:
    answer = await room.lab.client.get(f"/api/rooms/{room.code}/code.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert ElementTree.fromstring(answer.text).tag.endswith("svg")
    path, headers = f"/api/rooms/{room.code}/code.svg", room.headers()
    ours = {"text": f"{room.lab.url}/rooms/{room.code}/host#token=x"}
    assert (await room.lab.client.post(path, json=ours, headers=headers)).status_code == 200
    theirs = await room.lab.client.post(path, json={"text": "http://evil.example/"}, headers=headers)
    assert theirs.status_code == 422


async def test_an_address_of_loopback_is_said_to_be_one(room: Class) -> None:
    async with await room.host() as host:
        told = await host.until(lambda topics: topics["room"])
        assert told["only_here"] is True
        assert told["link"] == f"{room.lab.url}/r/{room.code}"


async def test_the_host_switches_ways_and_everybody_hears_of_it(room: Class) -> None:
    async with students_of(room, 2) as students, await room.host() as host:
        for way in ("follow", "own", "class"):
            await host.done("way", to=way)
            for _, student in students:
                await student.until(partial(_is, "way", way))


async def test_to_follow_is_to_see_the_hosts_run(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        await host.done("way", to="follow")
        run = (await ada.until(lambda topics: topics["room"]["run"]["id"] and topics["room"]["run"]))["id"]
        await host.done("play")
        pool.train(run, 30)
        pool.frame(run, "scores", scores_tensors(30))
        told = await ada.until(lambda topics: topics["followed"]["step"] == 30 and topics["followed"])
        assert [each["name"] for each in told["networks"]] == ["No dropout", "Dropout"]
        assert told["networks"][1]["loss"] == 30
        assert told["mask"]["step"] == 30
        assert [layer["units"] for layer in told["mask"]["layers"]] == [128] * 3
        assert {watch["pictures"] for name, watch in pool.said if name == run and watch.get("pictures") is False} == {
            False
        }
        await host.done("look", panel="loss", step=12)
        await ada.until(lambda topics: topics["room"]["look"] == {"panel": "loss", "step": 12})


async def test_knobs_of_the_hosts_run_are_lent_and_taken_back(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 2) as [(ada, at_ada), (_, at_bo)], await room.host() as host:
        await host.done("way", to="follow")
        run = (await host.until(lambda topics: topics["room"]["run"]["id"] and topics["room"]["run"]))["id"]
        assert (await at_ada.refused("knobs", hidden=0.3))["code"] == "not_owner"
        await host.done("lend", student=ada["id"])
        await at_ada.until(lambda topics: topics["you"]["may_turn"])
        await at_ada.done("knobs", hidden=0.3)
        assert pool.commands(run)[-1] == {"op": "set", "lane": 1, "knobs": {"dropout": [0.2, 0.3, 0.3, 0.3]}}
        assert (await at_bo.refused("knobs", hidden=0.3))["code"] == "not_owner"
        await host.done("lend", student=None)
        assert (await at_ada.refused("knobs", hidden=0.4))["code"] == "not_owner"
        await host.done("knobs", batch_norm=True)
        assert pool.commands(run)[-1]["knobs"] == {"batch_norm": True}


async def test_on_their_own_each_student_has_a_run_that_is_theirs(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 3) as students, await room.host() as host:
        await host.done("way", to="own")
        runs = [await guest.until(lambda topics: topics["you"]["run"]) for _, guest in students]
        assert len(set(runs)) == 3
        (joined, ada), (_, bo) = students[:2]
        await ada.done("knobs", hidden=0.8, input=0.1)
        assert pool.commands(runs[0])[-1]["knobs"] == {"dropout": [0.1, 0.8, 0.8, 0.8]}
        assert not [each for each in pool.commands(runs[1]) if each["op"] == "set"]
        await host.done("play")
        await ada.until(lambda topics: topics["mine"]["state"] == "playing")
        await bo.until(lambda topics: topics["mine"]["state"] == "playing")
        await bo.done("pause")
        await bo.until(lambda topics: topics["mine"]["state"] == "paused")
        owner = await room.lab.watch({"id": runs[0], "token": joined["token"]}, owner=True)
        async with owner:
            assert (await owner.read())["role"] == "owner"  # type: ignore[index]
        await host.done("pause")
        assert (await ada.refused("play"))["code"] == "not_owner"
        pool.train(runs[0], 25)
        pool.frame(runs[0], "scores", scores_tensors(25))
        student = joined["id"]
        await host.until(lambda topics: topics["curves"]["of"][student]["step"] == [0, 25])
        assert host.topics["curves"]["of"][student]["loss"] == [0, 25]


async def test_another_experiment_ends_the_runs_of_the_one_before(room: Class) -> None:
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        await host.done("way", to="own")
        run = await ada.until(lambda topics: topics["you"]["run"])
        await host.done("experiment", name="batch-norm")
        other = await ada.until(lambda topics: topics["you"]["run"] != run and topics["you"]["run"])
        assert run in room.lab.pool.closed
        answer = await room.lab.client.get(f"/api/runs/{other}")
        assert answer.json()["experiment"] == "batch-norm"


async def test_ending_a_room_leaves_nothing_of_it(room: Class) -> None:
    async with students_of(room, 2) as students, await room.host() as host:
        await host.done("way", to="own")
        runs = [await guest.until(lambda topics: topics["you"]["run"]) for _, guest in students]
        await host.done("end")
        for _, guest in students:
            assert await guest.closed() == (4410, "ended")
            assert "ended" in guest.topics
    lab = room.lab.app.state.lab
    await room.lab.eventually(lambda: len(lab.rooms) == 0 and len(lab.runs) == 0)
    for run in runs:
        assert (await room.lab.client.get(f"/api/runs/{run}")).status_code == 404
    assert await lab.keeper.rooms() == {}


async def test_a_room_that_is_deleted_by_rest_ends_as_well(room: Class) -> None:
    async with await room.host() as host:
        path = f"/api/rooms/{room.code}"
        assert (await room.lab.client.delete(path, headers=room.headers())).status_code == 204
        assert await host.closed() == (4410, "ended")
        assert (await room.lab.client.get(path)).status_code == 404


async def test_predict_observe_explain(room: Class) -> None:
    async with students_of(room, 3) as students, await room.host() as host:
        guests = [guest for _, guest in students]
        await host.done("ask", text="Which?", choices=["this", "that"])
        asked = [await guest.until(lambda topics: topics["room"]["question"]) for guest in guests]
        question = asked[0]["id"]
        assert (asked[0]["phase"], asked[0]["counts"]) == ("asked", None)
        for choice, guest in zip((0, 1, 1), guests, strict=True):
            await guest.done("answer", question=question, choice=choice)
        await guests[0].done("answer", question=question, choice=1)  # may be changed
        assert (await guests[0].refused("answer", question=question, choice=2))["code"] == "bad_value"
        await host.until(lambda topics: topics["room"]["question"]["answered"] == 3)
        assert all(each["answered"] for each in host.topics["people"]["people"])
        await host.done("next")
        shown = await guests[0].until(lambda topics: topics["room"]["question"]["phase"] == "shown" and topics["room"])
        assert shown["question"]["counts"] == [0, 3]
        assert (await guests[0].refused("answer", question=question, choice=0))["code"] == "not_found"
        await host.done("way", to="follow")
        await host.until(lambda topics: topics["room"]["run"]["id"])
        await host.done("next")
        await host.until(lambda topics: topics["room"]["run"]["state"] == "playing")
        await host.done("next")
        again = await guests[0].until(lambda topics: topics["room"]["question"]["phase"] == "again" and topics["room"])
        assert (again["question"]["answered"], again["run"]["state"]) == (0, "paused")
        await guests[0].done("answer", question=question, choice=0)
        await host.done("next")
        told = await guests[0].until(lambda topics: topics["room"]["question"]["phase"] == "told" and topics["room"])
        assert told["question"]["counts"] == [0, 3]
        assert told["question"]["counts_again"] == [1, 0]
        assert (told["question"]["truth"], told["question"]["why"]) == (None, "")
        await guests[0].until(lambda topics: topics["you"]["answers"] == {str(question): [1, 0]})
        await host.done("next")
        await guests[0].until(lambda topics: topics["room"]["question"] is None)


async def test_results_have_no_names_unless_they_are_asked_for_and_no_formulas(room: Class) -> None:
    await room.join("=1+1")
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        await host.done("ask", text="@SUM?", choices=["+1", "-1"])
        question = (await ada.until(lambda topics: topics["room"]["question"]))["id"]
        await ada.done("answer", question=question, choice=1)
        path = f"/api/rooms/{room.code}/results.csv"
        plain = await room.lab.client.get(path, headers=room.headers())
        named = await room.lab.client.get(path + "?names=true", headers=room.headers())
    assert "Student 0" not in plain.text
    rows = list(csv.DictReader(io.StringIO(named.text.removeprefix("\ufeff"))))
    assert [row["name"] for row in rows] == ["'=1+1", "Student 0"]
    assert rows[1]["1. @SUM? (predicted)"] == "'-1"
    assert rows[0]["1. @SUM? (predicted)"] == ""
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@" and cell]


async def test_a_room_survives_its_server(kept: Settings, patience: float) -> None:
    async with running(FakePool(), kept, patience) as lab:
        room = await open_room(lab)
        joined = await room.join("Ada")
        async with await room.enter(joined["token"]) as ada, await room.host() as host:
            await host.done("ask", text="Which?", choices=["this", "that"])
            question = (await ada.until(lambda topics: topics["room"]["question"]))["id"]
            await ada.done("answer", question=question, choice=1)
            await host.done("way", to="own")
            run = await ada.until(lambda topics: topics["you"]["run"])
            headers = {"Authorization": f"Bearer {joined['token']}"}
            told = {"lesson": 1, "right": 2}
            await lab.client.post(f"/api/rooms/{room.code}/lessons", headers=headers, json=told)
            before = room.at.room.text()
    async with running(FakePool(), kept, patience) as lab:
        again = Class(lab, room.code, room.token)
        assert again.at.room.text() == before
        assert again.at.room.students[joined["id"]].lessons == {1: (2, 3)}
        async with await again.enter(joined["token"]) as ada:
            you = await ada.until(lambda topics: topics["you"])
            assert (you["name"], you["run"], you["answers"]) == ("Ada", run, {str(question): [1, None]})
            await ada.until(lambda topics: topics["mine"]["state"] == "paused")


async def test_a_room_that_nobody_is_in_is_ended_after_a_while(settings: Settings, patience: float) -> None:
    brief = settings.model_copy(update={"room_hours": 0.3 / 3600})
    async with running(FakePool(), brief, patience) as lab:
        await open_room(lab)
        await lab.eventually(lambda: len(lab.app.state.lab.rooms) == 0)


async def test_there_are_no_more_rooms_than_may_be(settings: Settings, patience: float) -> None:
    async with running(FakePool(), settings.model_copy(update={"max_rooms": 2}), patience) as lab:
        for _ in range(2):
            await open_room(lab)
        answer = await lab.client.post("/api/rooms", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "too_many_rooms")


async def test_names_and_tokens_are_in_no_log(room: Class, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        joined = await room.join("Zaphod")
        async with await room.enter(joined["token"]) as ada, await room.host() as host:
            await ada.done("call", name="Trillian")
            await ada.refused("call", name="a\nb")
            await host.done("remove", student=joined["id"])
            await ada.closed()
    # What uvicorn says of every message stays out of the log whatever its level (app/server.py).
    records = [record for record in caplog.records if record.name.startswith(("app", "trainer"))]
    logged = "".join(str(record.__dict__) for record in records)
    for secret in ("Zaphod", "Trillian", joined["token"], room.token):
        assert secret not in logged


async def test_what_is_kept_of_a_room_has_no_token_in_it(kept: Settings, patience: float) -> None:
    async with running(FakePool(), kept, patience) as lab:
        room = await open_room(lab)
        joined = await room.join("Ada")
        texts = await lab.app.state.lab.keeper.rooms()
    assert list(texts) == [room.code]
    assert joined["token"] not in texts[room.code]
    assert room.token not in texts[room.code]
    assert Room.read(texts[room.code]).who(joined["token"]) is not None


async def test_a_room_that_cannot_be_read_is_left_out_and_the_others_are_there(kept: Settings, patience: float) -> None:
    async with running(FakePool(), kept, patience) as lab:
        room = await open_room(lab)
        await lab.app.state.lab.keeper.save_room("ABCDEF", '{"code": "ABCDEF"}')
    async with running(FakePool(), kept, patience) as lab:
        assert [each.room.code for each in lab.app.state.lab.rooms.all()] == [room.code]


async def test_a_guest_that_draws_nothing_disturbs_nobody(room: Class) -> None:
    async with students_of(room, 2) as [(ada, at_ada), (_, at_bo)], await room.host() as host:
        at_ada.draws = False
        await at_bo.until(lambda topics: topics["you"])
        for on in (True, False) * 3:
            await host.done("lock", on=on)
            await at_bo.until(partial(_is, "locked", on))
        assert len(at_ada.numbers) < len(at_bo.numbers)
        people = {each["id"]: each for each in host.topics["people"]["people"]}
        assert people[ada["id"]]["age_s"] >= 0


async def test_rooms_and_their_connections_are_counted(room: Class) -> None:
    async with students_of(room, 2) as students, await room.host() as host:
        for _, guest in students:
            await guest.until(lambda topics: topics["you"])
        await host.until(lambda topics: topics["room"])
        text = (await room.lab.client.get("/metrics")).text
        assert "dropout_lab_rooms 1.0" in text
        assert "dropout_lab_room_readers 3.0" in text
        assert room.code not in text
