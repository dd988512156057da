"""The class run: a lane for each student."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from app.pool import local_pool
from app.settings import Settings
from tests.app.conftest import running
from tests.app.fakes import FakePool
from tests.app.rooms.guests import Class, Guest, open_room, students_of
from trainer.wire.frames import Tensors


def scores(step: int, losses: list[float]) -> Tensors:
    """A frame of scores: accuracies are 1 minus a tenth of the losses."""
    row = np.array([losses], np.float32)
    told: Tensors = {"step": np.array([step], np.uint32), "train_loss": row / 2, "val_loss": row}
    return {**told, "train_accuracy": 1 - row / 20, "val_accuracy": 1 - row / 10}


async def begin(host: Guest, **beside: Any) -> str:
    """Begin the class run; its id."""
    await host.done("begin", **beside)
    run: str = await host.until(lambda topics: topics["room"]["class_run"]["id"])
    return run


async def test_every_student_gets_a_place_with_the_rates_that_were_chosen_before(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 3) as students, await room.host() as host:
        (_, ada), *_ = students
        assert await ada.done("knobs", hidden=0.8, batch_norm=True)
        await ada.until(lambda topics: topics["you"]["knobs"] == {"input": 0.2, "hidden": 0.8, "batch_norm": True})
        run = await begin(host)
        lanes = pool.requests[run][0]["config"]["lanes"]
        assert len(lanes) == 8
        assert [lane["dropout"] for lane in lanes[:2]] == [[0.2, 0.8, 0.8], [0.2, 0.5, 0.5]]
        assert [lane["batch_norm"] for lane in lanes] == [True] + 7 * [False]
        assert [lane["averaged"] for lane in lanes] == 3 * [True] + 5 * [False]
        assert [lane["name"] for lane in lanes] == [str(number) for number in range(1, 9)]  # and nobody's
        places = [
            await guest.until(lambda topics: topics["you"]["lane"] is not None and topics) for _, guest in students
        ]
        assert [each["you"]["lane"] for each in places] == [0, 1, 2]
        told = await host.until(lambda topics: len(topics["places"]["places"]) == 3 and topics["places"])
        assert [each["name"] for each in told["places"]] == ["Student 0", "Student 1", "Student 2"]


async def test_a_slider_moves_its_own_lane_alone_and_the_projector_shows_it(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 2) as [_, (_, bo)], await room.host() as host, await room.enter() as projector:
        run = await begin(host)
        await bo.done("knobs", hidden=0.3)
        assert pool.commands(run)[-1] == {"op": "set", "lane": 1, "knobs": {"dropout": [0.2, 0.3, 0.3]}}
        await projector.until(lambda topics: topics["places"]["places"][1]["hidden"] == 0.3)
        assert projector.topics["places"]["places"][0]["hidden"] == 0.5
        await bo.until(lambda topics: topics["you"]["knobs"]["hidden"] == 0.3)


async def test_what_comes_while_a_change_is_on_its_way_is_sent_once_the_newest(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        run = await begin(host)
        pool.answers = False
        first = asyncio.create_task(ada.done("knobs", hidden=0.1))
        await room.lab.eventually(lambda: pool.commands(run) and pool.commands(run)[-1]["op"] == "set")
        others = [asyncio.create_task(ada.done("knobs", hidden=rate)) for rate in (0.2, 0.3, 0.4)]
        await ada.done("call", name="Ada")  # what was said before it has arrived as well
        pool.answers = True
        held = [message for _, message in pool.said if message["op"] == "command"][-1]
        pool.dispatch(run, held)
        await asyncio.gather(first, *others)
        rates = [each["knobs"]["dropout"][1] for each in pool.commands(run) if each["op"] == "set"]
        assert rates == [0.1, 0.4]


async def test_who_joins_late_gets_a_place_whose_network_begins_then(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        run = await begin(host, places=2)
        await host.done("play")
        pool.train(run, 50)
        late = await room.join("Late")
        async with await room.enter(late["token"]) as bo:
            you = await bo.until(lambda topics: topics["you"]["began"] == 50 and topics["you"])
            assert you["lane"] == 1
            assert pool.commands(run)[-1] == {
                "op": "set",
                "lane": 1,
                "knobs": {"dropout": [0.2, 0.5, 0.5], "batch_norm": False, "averaged": True, "restarts": 1},
            }
            pool.frame(run, "scores", scores(50, [1.0, 2.0]))
            pool.frame(run, "scores", scores(75, [0.5, 1.5]))
            mine = await bo.until(lambda topics: topics["mine"]["curve"]["step"] == [50, 75] and topics["mine"])
            assert mine["curve"]["loss"] == [2.0, 1.5]
            assert (mine["rank"], mine["of"]) == (2, 2)
            assert mine["best"] == {"name": "Student 0", "loss": 0.5}
            hers = await ada.until(lambda topics: topics["mine"]["rank"] == 1 and topics["mine"])
            assert hers["curve"]["step"][-2:] == [50, 75]
            third = await room.join("Third")
            async with await room.enter(third["token"]) as cy:
                you = await cy.until(lambda topics: topics["you"])
                assert (you["lane"], you["may_turn"]) == (None, False)
                await host.until(lambda topics: topics["room"]["students"]["waiting"] == 1)
                await host.done("remove", student=late["id"])
                await cy.until(lambda topics: topics["you"]["lane"] == 1)
                await room.lab.eventually(lambda: pool.commands(run)[-1]["knobs"]["restarts"] == 2)


async def test_a_place_that_nobody_takes_over_counts_in_no_average(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 2) as [(ada, _), _], await room.host() as host:
        run = await begin(host)
        await host.done("remove", student=ada["id"])
        await room.lab.eventually(lambda: pool.commands(run)[-1].get("knobs") == {"averaged": False})
        told = await host.until(lambda topics: len(topics["places"]["places"]) == 1 and topics["places"])
        assert told["places"][0]["lane"] == 1


async def test_a_student_begins_again(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 1) as [(_, ada)], await room.host() as host:
        run = await begin(host)
        await host.done("play")
        pool.train(run, 30)
        assert (await ada.done("anew"))["began"] == 30
        await ada.until(lambda topics: topics["you"]["began"] == 30)
        pool.train(run, 30)
        assert (await ada.done("anew"))["began"] == 60
        assert pool.commands(run)[-1]["knobs"]["restarts"] == 2


async def test_nobody_is_first_before_anything_was_learnt(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 2) as [(_, ada), _], await room.host() as host:
        run = await begin(host)
        mine = await ada.until(lambda topics: topics["mine"])
        assert (mine["rank"], mine["best"]) == (None, None)
        pool.frame(run, "scores", scores(25, [1.0] * 8))
        await ada.until(lambda topics: topics["mine"]["rank"])


async def test_the_race_shows_each_network_from_where_it_began(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 1) as _, await room.host() as host:
        run = await begin(host, places=2)
        await host.done("play")
        pool.frame(run, "scores", scores(25, [3.0, 3.0]))
        pool.train(run, 30)
        await room.join("Late")
        pool.frame(run, "scores", scores(50, [2.0, 2.5]))
        race = await host.until(
            lambda topics: topics["race"]["step"][-1] == 50 and len(topics["race"]["lanes"]) == 2 and topics["race"]
        )
        assert race["lanes"] == [0, 1]
        assert race["loss"][0][-2:] == [3.0, 2.0]
        assert race["loss"][1][-2:] == [None, 2.5]


async def test_the_question_of_the_best_rate_is_judged_by_the_runs_own_numbers(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 3) as students, await room.host() as host:
        for rate, (_, guest) in zip((0.0, 0.5, 0.9), students, strict=True):
            await guest.done("knobs", hidden=rate)
        run = await begin(host, places=3)
        await host.done("ask", key="best-rate")
        for _ in range(3):
            await host.done("next")
        pool.frame(run, "scores", scores(100, [0.9, 0.4, 2.0]))
        await host.until(lambda topics: topics["race"]["step"][-1] == 100)
        await host.done("next")
        told = await host.until(
            lambda topics: topics["room"]["question"]["phase"] == "told" and topics["room"]["question"]
        )
        assert told["choices"][told["truth"]] == "0.4 to 0.55"
        assert "0 to 0.15: 0.900 (1 network); 0.4 to 0.55: 0.400 (1 network); 0.6 or more: 2.000" in told["why"]


async def test_the_known_curve_is_shown_when_the_host_reveals_it(room: Class) -> None:
    async with await room.host() as host, await room.enter() as projector:
        assert (await projector.until(lambda topics: topics["room"]))["known"] is None
        await host.done("known", on=True)
        known = await projector.until(lambda topics: topics["room"]["known"])
        assert (known["rates"], known["seeds"], known["step"]) == ([tenths / 10 for tenths in range(10)], 20, 250)
        assert all(
            low <= mean <= high for low, mean, high in zip(known["low"], known["loss"], known["high"], strict=True)
        )
        assert known["loss"][0] < known["loss"][-1]


@pytest.mark.parametrize("count", [1, 40])
async def test_a_rehearsal_adds_students_that_are_marked_and_takes_them_away(room: Class, count: int) -> None:
    async with await room.host() as host:
        await host.done("rehearse", students=count)
        people = await host.until(
            lambda topics: len(topics["people"]["people"]) == count and topics["people"]["people"]
        )
        assert all(each["simulated"] for each in people)
        assert (await host.until(lambda topics: topics["room"]))["students"]["joined"] == 0
        run = await begin(host)
        assert sum(lane["averaged"] for lane in room.lab.pool.requests[run][0]["config"]["lanes"]) == count
        await host.done("rehearse", students=0)
        await host.until(lambda topics: topics["people"]["people"] == [])


async def test_the_class_run_survives_its_server_with_everybodys_place(kept: Settings, patience: float) -> None:
    """With real workers: a late student's network, and its own past, are there again, and go on."""
    patience = 4 * patience
    async with running(local_pool(1, "cpu", 1), kept, patience) as lab:
        room = await open_room(lab)
        async with students_of(room, 2) as students, await room.host() as host:
            tokens = [joined["token"] for joined, _ in students]
            run = await begin(host, places=3)
            await host.done("speed", steps_per_second=200)
            await host.done("play")
            await host.until(lambda topics: topics["race"]["step"][-1] >= 50)
            late = await room.join("Late")
            async with await room.enter(late["token"]) as cy:
                began = await cy.until(lambda topics: topics["you"]["began"])
                await students[1][1].done("knobs", hidden=0.7)
                await students[1][1].until(lambda topics: topics["you"]["knobs"]["hidden"] == 0.7)
                await cy.until(lambda topics: topics["mine"]["curve"]["step"][-1] >= began + 50)
                curve = cy.topics["mine"]["curve"]
                average = await host.until(lambda topics: topics["average"]["networks"] and topics["average"])
                assert average["networks"] <= 3
                assert 0 <= average["average"]["accuracy"] <= 1
    async with running(local_pool(1, "cpu", 1), kept, patience) as lab:
        again = Class(lab, room.code, room.token)
        async with (
            await again.enter(tokens[0]) as ada,
            await again.enter(tokens[1]) as bo,
            await again.enter(late["token"]) as cy,
        ):
            told = await bo.until(lambda topics: topics["room"]["class_run"]["state"] == "playing" and topics)
            assert told["room"]["class_run"]["id"] == run
            assert (told["you"]["lane"], told["you"]["knobs"]["hidden"]) == (1, 0.7)
            assert (await ada.until(lambda topics: topics["you"]))["lane"] == 0
            assert (await cy.until(lambda topics: topics["you"]))["began"] == began
            last = curve["step"][-1]
            await cy.until(lambda topics: topics["mine"]["curve"]["step"][-1] > last)
            now = dict(zip(cy.topics["mine"]["curve"]["step"], cy.topics["mine"]["curve"]["loss"], strict=True))
            known = dict(zip(curve["step"], curve["loss"], strict=True))
            both = [step for step in known if step in now and step % 25 == 0]
            assert both
            assert [now[step] for step in both] == [known[step] for step in both]
