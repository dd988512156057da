"""What the tests of the pages of rooms pretend is what a server says: each topic has the same names in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.fakes import FakePool, scores_tensors
from tests.app.rooms.guests import Class, Guest, students_of
from tests.app.rooms.test_class_run import begin, scores
from tests.browser import classroom, roomed

KEYED = (".of", ".answers")  # by the id of a student, or of a question


def names(told: Any, where: str = "") -> dict[str, set[str]]:
    """The names in each object of a topic, by where it stands; in a list, those of all its entries together."""
    found: dict[str, set[str]] = {}
    inside: list[tuple[str, Any]] = []
    if isinstance(told, dict):
        keyed = where.endswith(KEYED)
        found[where] = set() if keyed else set(told) - {"n"}
        inside = [(f"{where}.{'*' if keyed else name}", value) for name, value in told.items()]
    elif isinstance(told, list):
        inside = [(f"{where}[]", value) for value in told]
    for at, value in inside:
        for place, more in names(value, at).items():
            found[place] = found.get(place, set()) | more
    return found


def agree(said: dict[str, dict[str, Any]], *pretended: dict[str, Any]) -> None:
    """Fail where an object is in both, and its names differ."""
    for topic in pretended:
        ours, theirs = names(topic), names(said[topic["op"]])
        both = sorted(where for where in ours if where in theirs)
        assert "" in both
        assert {where: ours[where] for where in both} == {where: theirs[where] for where in both}, topic["op"]


async def until(guest: Guest, *ops: str) -> dict[str, dict[str, Any]]:
    """The topics of a guest, once it has these."""
    return dict(await guest.until(lambda topics: set(ops) <= set(topics) and topics))


async def test_of_a_class_that_works(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 3) as [(_, ada), *_], await room.host() as host:
        run = await begin(host, places=3)
        pool.train(run, 100)
        pool.frame(run, "scores", scores(100, [0.9, 0.4, 2.0]))
        await host.done("ask", key="best-rate")
        question = await ada.until(lambda topics: topics["room"]["question"]["id"])
        await ada.done("answer", question=question, choice=1)
        await host.until(lambda topics: topics["places"]["places"][0]["loss"] and topics["race"]["lanes"])
        told = await until(host, "room", "people", "offered", "places", "race", "average")
        agree(
            told,
            roomed.room(question=roomed.question()),
            roomed.people(3),
            roomed.offered(),
            roomed.places(3),
            roomed.race(roomed.places(3)),
            roomed.average(),
            classroom.room(class_run=classroom.class_run(), question=classroom.question()),
        )
        await ada.until(lambda topics: topics["mine"]["best"] and topics["you"]["answers"])
        agree(await until(ada, "you", "mine"), classroom.you(answers={str(question): [1]}), classroom.in_class())


async def test_of_a_class_that_follows(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 2) as [(_, ada), _], await room.host() as host:
        await host.done("way", to="follow")
        run = await ada.until(lambda topics: topics["room"]["run"]["id"])
        pool.train(run, 30)
        pool.frame(run, "scores", scores_tensors(30))
        await host.done("look", panel="loss", step=12)
        await ada.until(lambda topics: topics["followed"]["mask"])
        agree(
            await until(host, "room", "people", "followed"),
            roomed.room(way="follow"),
            roomed.people(2, way="follow"),
            roomed.followed(),
            classroom.room(run=classroom.host_run()),
        )
        agree(await until(ada, "you", "followed"), classroom.you(), classroom.followed())


async def test_of_a_class_whose_students_have_runs_of_their_own(room: Class) -> None:
    pool: FakePool = room.lab.pool
    async with students_of(room, 2) as [(joined, ada), _], await room.host() as host:
        await host.done("way", to="own")
        run = await ada.until(lambda topics: topics["you"]["run"])
        pool.train(run, 25)
        pool.frame(run, "scores", scores_tensors(25))
        await host.done("show", student=joined["id"])
        await host.until(lambda topics: topics["curves"]["of"] and topics["shown"]["mask"])
        agree(
            await until(host, "people", "curves", "shown"),
            roomed.people(2, way="own"),
            roomed.curves(roomed.people(2, way="own")),
            roomed.followed("shown", name="Ada"),
        )
        await ada.until(lambda topics: topics["mine"]["curve"]["without"])
        agree(await until(ada, "you", "mine"), classroom.you(), classroom.own())


async def test_of_a_curve_that_is_known(room: Class) -> None:
    async with await room.host() as host:
        await host.done("known", on=True)
        await host.until(lambda topics: topics["room"]["known"])
        agree(await until(host, "room"), roomed.room(known=roomed.known()))


def test_names_that_differ_are_told() -> None:
    said = {"you": classroom.you()}
    agree(said, classroom.you())
    with pytest.raises(AssertionError):
        agree(said, classroom.you(knobs={"input": 0.2}))
    with pytest.raises(AssertionError):
        agree(said, classroom.you(more=1))
