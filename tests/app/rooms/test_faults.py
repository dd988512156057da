"""Two things at once, losses at bad moments, and whoever asks for too much."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.rooms.room import MOST_ASKED, Room
from app.settings import Settings
from app.store.store import Store
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.rooms.guests import Class, Guest, enter, open_room, students_of


class SlowPool(FakePool):
    """Opens a run when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()

    def opened(self, run: str, request: dict[str, Any]) -> None:
        if self.gate.is_set():
            super().opened(run, request)
        else:
            asyncio.get_running_loop().call_later(0.01, self.opened, run, request)


@pytest.fixture
def pool() -> SlowPool:
    return SlowPool()


def averaged(room: Class, run: str) -> list[int]:
    """The lanes that count in the average."""
    lanes = room.lab.pool.states[run]["config"]["lanes"]
    return [place for place, lane in enumerate(lanes) if lane["averaged"]]


async def class_run(host: Guest, *, but: str | None = None) -> str:
    run: str = await host.until(
        lambda topics: topics["room"]["class_run"]["id"] not in (None, but) and topics["room"]["class_run"]["id"]
    )
    return run


async def nothing_is_left(lab: Running) -> None:
    """Wait until there is no room, and no run of one."""
    here = lab.app.state.lab
    await lab.eventually(lambda: len(here.rooms) == 0 and len(here.runs) == 0)


@pytest.mark.parametrize("op", ["begin", "own", "follow"])
async def test_a_room_that_ends_while_a_run_is_opened_leaves_nothing_behind(room: Class, op: str) -> None:
    pool: SlowPool = room.lab.pool
    async with students_of(room, 2), await room.host() as host:
        pool.gate.clear()
        if op == "begin":
            asking = asyncio.create_task(host.say("begin"))
        else:
            asking = asyncio.create_task(host.say("way", to=op))
        await room.lab.eventually(lambda: pool.requests)
        ending = asyncio.create_task(room.lab.client.delete(f"/api/rooms/{room.code}", headers=room.headers()))
        await asyncio.sleep(0.1)
        pool.gate.set()
        assert (await ending).status_code == 204
        asking.cancel()
    await nothing_is_left(room.lab)


async def test_nobody_works_in_a_room_that_is_over(room: Class) -> None:
    host = await room.host()
    await host.until(lambda topics: topics["room"])
    assert (await room.lab.client.delete(f"/api/rooms/{room.code}", headers=room.headers())).status_code == 204
    await host.closed()
    late = await enter(room.lab, room.code, room.token)
    assert (await late.closed())[0] == 4404
    answer = await room.lab.client.post(f"/api/rooms/{room.code}/students", json={"name": "Ada"})
    assert answer.status_code == 404


async def test_who_joins_or_goes_while_the_class_run_is_opened_has_a_network_of_the_new_one(room: Class) -> None:
    pool: SlowPool = room.lab.pool
    async with students_of(room, 2) as students, await room.host() as host:
        await host.done("begin", places=2)
        old = await class_run(host)
        pool.gate.clear()
        beginning = asyncio.create_task(host.done("begin", places=12))
        await room.lab.eventually(lambda: len(pool.requests) == 2)
        for number in range(3):
            await room.join(f"Late {number}")
        (ada, at_ada), (_, at_bo) = students
        await at_bo.done("knobs", hidden=0.9)  # of the run before, and of the one to come
        error = await host.refused("begin", places=3)
        assert "being opened already" in error["message"]
        await room.lab.app.state.lab.rooms.find(room.code, "").stage.order_all([], {})
        room.at.remove(room.at.room.students[ada["id"]])
        pool.gate.set()
        await beginning
        run = await class_run(host, but=old)
        await room.lab.eventually(lambda: averaged(room, run) == [0, 1, 2, 3] or averaged(room, run) == [1, 2, 3, 0])
        assert sorted(each.place for each in room.at.room.seated) == [0, 1, 2, 3]
        place = next(each.place for each in room.at.room.students.values() if each.name == "Student 1")
        await room.lab.eventually(lambda: pool.states[run]["config"]["lanes"][place]["dropout"][1] == 0.9)
        await at_ada.closed()


async def test_who_joins_while_the_class_run_is_lost_counts_when_it_is_back(room: Class) -> None:
    pool: SlowPool = room.lab.pool
    async with students_of(room, 1), await room.host() as host:
        await host.done("begin", places=3)
        run = await class_run(host)
        pool.gate.clear()
        pool.lose()
        await host.until(lambda topics: topics["room"]["class_run"]["state"] == "lost")
        await room.join("Late")
        error = await host.refused("play")
        assert error["code"] == "no_worker"
        pool.gate.set()
        await room.lab.eventually(lambda: averaged(room, run) == [0, 1])


async def test_a_pause_holds_for_those_who_come_back_as_well(settings: Settings, patience: float) -> None:
    brief = settings.model_copy(update={"unwatched_pause_s": 0.1})
    async with running(FakePool(), brief, patience) as lab:
        room = await open_room(lab)
        joined = await room.join("Ada")
        async with await room.host() as host:
            await host.done("way", to="own")
            async with await room.enter(joined["token"]) as ada:
                run = await ada.until(lambda topics: topics["you"]["run"])
                await host.done("play")
                await ada.until(lambda topics: topics["mine"]["state"] == "playing")
            await lab.eventually(lambda: lab.pool.states[run]["state"] == "paused")  # nobody watches it
            await host.done("pause")
            async with await room.enter(joined["token"]) as ada:
                await ada.until(lambda topics: topics["mine"]["state"] == "paused")
                await asyncio.sleep(0.5)
                assert lab.pool.states[run]["state"] == "paused"
                await host.done("play")
                await ada.until(lambda topics: topics["mine"]["state"] == "playing")


async def test_of_two_experiments_in_a_row_the_second_is_the_one(room: Class) -> None:
    pool: SlowPool = room.lab.pool
    async with await room.host() as host:
        await host.done("way", to="follow")
        await host.until(lambda topics: topics["room"]["run"]["id"])
        pool.gate.clear()
        first = asyncio.create_task(host.done("experiment", name="rate"))
        await room.lab.eventually(lambda: len(pool.requests) == 2)
        second = asyncio.create_task(host.done("experiment", name="batch-norm"))
        await asyncio.sleep(0.05)
        pool.gate.set()
        await asyncio.gather(first, second)
        run = room.at.room.run
        state = (await room.lab.client.get(f"/api/runs/{run}")).json()
        assert (state["experiment"], room.at.room.experiment) == ("batch-norm", "batch-norm")


async def test_a_question_that_has_gone_on_is_not_sent_on_twice(room: Class) -> None:
    async with students_of(room, 1), await room.host() as host:
        await host.done("ask", text="Which?", choices=["a", "b"])
        answers = await asyncio.gather(host.say("next", phase="asked"), host.say("next", phase="asked"))
        assert sorted(each["op"] for each in answers) == ["ack", "error"]
        assert room.at.room.question.phase == "shown"
        error = await host.refused("play")
        assert "a question is open" in error["message"]


async def test_asking_over_a_question_still_plays_on_afterwards(room: Class) -> None:
    async with students_of(room, 1), await room.host() as host:
        await host.done("begin")
        await host.done("play")
        await host.until(lambda topics: topics["room"]["class_run"]["state"] == "playing")
        await host.done("ask", text="First?", choices=["a", "b"])
        await host.until(lambda topics: topics["room"]["class_run"]["state"] == "paused")
        await host.done("ask", text="Second?", choices=["a", "b"])
        await host.done("drop")
        await host.until(lambda topics: topics["room"]["class_run"]["state"] == "playing")


async def test_only_so_many_questions_are_kept(room: Class) -> None:
    student, _ = room.at.room.join("Ada")
    for number in range(MOST_ASKED + 30):
        room.at.room.ask(None, f"Question {number}?", ["a", "b"], False)
        room.at.room.answer(student, room.at.room.question.id, 1)
    room.at.room.drop()
    assert [each.text for each in room.at.room.asked] == [
        f"Question {number}?" for number in range(30, MOST_ASKED + 30)
    ]
    assert len(student.answers) == MOST_ASKED


async def test_places_of_simulated_students_who_leave_go_to_those_who_wait(room: Class) -> None:
    async with await room.host() as host:
        await host.done("rehearse", students=2)
        await host.until(lambda topics: topics["room"]["students"]["simulated"] == 2)
        await host.done("begin", places=2)
        joined = await room.join("Ada")
        async with await room.enter(joined["token"]) as ada:
            assert (await ada.until(lambda topics: topics["you"]))["lane"] is None
            await host.done("rehearse", students=0)
            await ada.until(lambda topics: topics["you"]["lane"] in (0, 1))


async def test_runs_of_a_room_count_in_the_share_of_who_opened_it(patience: float) -> None:
    settings = Settings(log_level="error", client_share=0.5, max_runs=6)
    async with running(FakePool(), settings, patience) as lab:
        for _ in range(2):
            room = await open_room(lab)
            host = await room.host()
            await host.done("rehearse", students=20)
            await host.done("way", to="own")
            await host.until(lambda topics: any(each["trouble"] for each in topics["people"]["people"]))
        assert len(lab.app.state.lab.runs) <= 3


@pytest.mark.parametrize(
    "kept", ["[" * 100_000, '{"code": 1}', "null", '"x"', "no JSON"], ids=["deep", "odd", "null", "text", "none"]
)
async def test_whatever_is_kept_of_a_room_the_server_starts_and_the_others_are_there(
    settings: Settings, patience: float, tmp_path: Any, kept: str
) -> None:
    keeping = settings.model_copy(update={"keep": True, "data": tmp_path})
    async with running(FakePool(), keeping, patience) as lab:
        room = await open_room(lab)
        other = json.loads(room.at.room.text()) | {"code": "ABCDEF", "experiment": "of another version"}
        await lab.app.state.lab.keeper.save_room("ABCDEF", json.dumps(other))
        await lab.app.state.lab.keeper.save_room("GHJKMN", kept)
    async with running(FakePool(), keeping, patience) as lab:
        assert [each.room.code for each in lab.app.state.lab.rooms.all()] == [room.code]
        assert set(await lab.app.state.lab.keeper.rooms()) == {room.code, "ABCDEF", "GHJKMN"}


async def test_nothing_is_kept_in_memory_of_runs_that_were_ended(room: Class) -> None:
    import gc

    from app.run import Phase, Run

    async with students_of(room, 1), await room.host() as host:
        run = None
        for _ in range(4):
            await host.done("begin")
            run = await class_run(host, but=run)
            await host.until(lambda topics: topics["places"]["places"])
        gc.collect()
        mine = room.lab.app.state.lab.runs.all()
        ended = [each for each in gc.get_objects() if type(each) is Run and each.phase is Phase.ENDED]
        assert len(mine) == 1
        assert len(ended) <= 1  # whose ending is still being told


def test_a_room_is_read_as_it_was_written() -> None:
    room = Room("K7QX3M", b"x" * 32, "10.0.0.1", links=["http://a/r/K7QX3M"], link="http://a/r/K7QX3M")
    student, token = room.join("Ada")
    room.join("Simulated 1", simulated=True)
    room.ask("best-rate", "", (), True)
    room.answer(student, room.count, 2)
    again = Room.read(room.text())
    assert again == room
    assert again.who(token) is not None


# How fast runs train that are opened later


def speed_of(room: Class, run: str) -> float | None:
    speed: float | None = room.lab.pool.states[run]["steps_per_second"]
    return speed


async def test_who_comes_late_trains_as_fast_as_the_host_has_said(room: Class) -> None:
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        await host.done("way", to="own")
        first = await ada.until(lambda topics: topics["you"]["run"])
        assert speed_of(room, first) == room.at.room.preset.speed != 7
        await host.done("speed", steps_per_second=7)
        async with await room.enter((await room.join("Late"))["token"]) as late:
            run = await late.until(lambda topics: topics["you"]["run"])
            assert (speed_of(room, first), speed_of(room, run)) == (7, 7)
            await host.done("speed", steps_per_second=None)
            assert (speed_of(room, first), speed_of(room, run)) == (None, None)
            await host.done("experiment", name="batch-norm")
            other = await late.until(lambda topics: topics["you"]["run"] != run and topics["you"]["run"])
            assert speed_of(room, other) == room.at.room.preset.speed


async def test_a_speed_that_is_set_while_a_run_is_opened_counts(room: Class) -> None:
    pool: SlowPool = room.lab.pool
    async with await room.host() as host:
        await host.done("way", to="own")
        pool.gate.clear()
        async with await room.enter((await room.join("Ada"))["token"]) as ada:
            await room.lab.eventually(lambda: pool.requests)
            await host.done("speed", steps_per_second=3)
            pool.gate.set()
            run = await ada.until(lambda topics: topics["you"]["run"])
            assert speed_of(room, run) == 3


@pytest.mark.parametrize("way", ["follow", "class"])
async def test_a_run_that_takes_the_place_of_one_trains_as_fast_as_the_host_has_said(room: Class, way: str) -> None:
    name = "run" if way == "follow" else "class_run"
    async with await room.host() as host:
        await host.done("way", to=way)
        if way == "class":
            await host.done("begin", places=2)
        first = await host.until(lambda topics: topics["room"][name]["id"])
        await host.done("speed", steps_per_second=5)
        if way == "class":
            await host.done("begin", places=3)
        else:
            room.lab.app.state.lab.runs.end(room.at.run, "failed", "odd")
        run = await host.until(
            lambda topics: topics["room"][name]["id"] not in (None, first) and topics["room"][name]["id"]
        )
        await host.until(lambda topics: topics["room"][name]["speed"] == 5)
        assert speed_of(room, run) == 5


def test_speeds_are_kept_and_rooms_of_before_have_none() -> None:
    room = Room("K7QX3M", b"x" * 32)
    room.speeds["own"], room.speeds["class"] = 7.0, None
    assert Room.read(room.text()) == room
    old = json.loads(room.text())
    del old["speeds"]
    assert Room.read(json.dumps(old)).speeds == {}
    with pytest.raises((TypeError, ValueError)):
        Room.read(json.dumps(old | {"speeds": {"own": "fast"}}))
    assert (room.speed("own"), room.speed("follow"), room.speed("class")) == (7.0, room.preset.speed, None)
    room.choose("batch-norm")
    assert room.speeds == {"class": None}


# Runs that no room knows of


async def lost_run(room: Class, code: str | None = None) -> str:
    """A run that a room has opened, and that was kept before the room was."""
    here = room.lab.app.state.lab
    run = await here.runs.create(room.at._experiment(), None, "", b"o" * 32, code or room.code)
    await here.keeper.keep([run])
    assert (await here.keeper.runs_of_rooms())[run.id] == (code or room.code)
    name: str = run.id
    return name


async def test_runs_that_no_room_knows_of_are_ended_at_the_start(
    settings: Settings, patience: float, tmp_path: Any
) -> None:
    keeping = settings.model_copy(update={"keep": True, "data": tmp_path})
    async with running(FakePool(), keeping, patience) as lab:
        room = await open_room(lab)
        async with await room.host() as host:
            await host.done("begin", places=2)
            known = await class_run(host)
        orphan, unread, of_no_room = (
            await lost_run(room),
            await lost_run(room, "ABCDEF"),
            await lost_run(room, "GHJKMN"),
        )
        free = (await lab.client.post("/api/runs", json={})).json()["id"]
        await lab.app.state.lab.keeper.keep(lab.app.state.lab.runs.all())
        await lab.app.state.lab.keeper.save_room("ABCDEF", "{}")  # of another version: what it knows of nobody can say
    async with running(FakePool(), keeping, patience) as lab:
        kept = await lab.app.state.lab.keeper.listed([known, orphan, unread, of_no_room, free])
        assert set(kept) == {known, unread, free}
        assert (await lab.client.get(f"/api/runs/{orphan}")).status_code == 404
        assert (await lab.client.get(f"/api/runs/{known}")).status_code == 200


async def test_where_rooms_cannot_be_read_no_run_is_ended(
    settings: Settings, patience: float, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = settings.model_copy(update={"keep": True, "data": tmp_path})
    async with running(FakePool(), keeping, patience) as lab:
        orphan = await lost_run(await open_room(lab))
    with monkeypatch.context() as broken:
        broken.setattr(Store, "rooms", lambda self: 1 / 0)
        async with running(FakePool(), keeping, patience) as lab:
            assert lab.app.state.lab.rooms.all() == []
    async with running(FakePool(), keeping, patience) as lab:
        assert await lab.app.state.lab.keeper.listed([orphan]) == {}
