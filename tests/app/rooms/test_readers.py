"""What a reader is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from app.rooms.readers import MOST_TEXTS, MOST_UNSEEN, PATIENCE_S, Reader
from app.viewers import NO_MORE_READING


class Wire:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send_text(self, data: str) -> None:
        self.sent.append(json.loads(data))

    async def send_bytes(self, data: bytes) -> None:
        raise AssertionError("a room sends no frames")


class Clock:
    """A clock that stands still unless it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def sent(reader: Reader, wire: Wire) -> list[dict[str, Any]]:
    """What leaves now."""
    pumping = asyncio.create_task(reader.pump(wire, 5.0))
    for _ in range(20):
        await asyncio.sleep(0)
    pumping.cancel()
    await asyncio.wait({pumping})
    found, wire.sent = wire.sent, []
    return found


async def test_of_each_topic_the_newest_alone_is_sent_and_none_twice() -> None:
    reader, wire = Reader("student", "m1", "phone", now=Clock()), Wire()
    for value in range(5):
        reader.offer("room", f'{{"value":{value}}}')
    assert await sent(reader, wire) == [{"op": "room", "n": 1, "value": 4}]
    reader.offer("room", '{"value":4}')
    assert await sent(reader, wire) == []


async def test_a_reader_that_draws_nothing_gets_no_more_than_it_may_until_it_does() -> None:
    clock = Clock()
    reader, wire = Reader("student", "m1", "phone", now=clock), Wire()
    for op in ("a", "b", "c"):
        reader.offer(op, '{"value":1}')
    assert [each["op"] for each in await sent(reader, wire)] == ["a", "b"][:MOST_UNSEEN]
    assert await sent(reader, wire) == []
    reader.offer("a", '{"value":2}')
    reader.seen(2)
    assert [(each["op"], each["n"]) for each in await sent(reader, wire)] == [("c", 3), ("a", 4)]


async def test_a_reader_that_forgets_to_say_so_still_gets_something_and_is_told_of() -> None:
    clock = Clock()
    reader, wire = Reader("student", "m1", "phone", now=clock), Wire()
    for op in ("a", "b", "c"):
        reader.offer(op, '{"value":1}')
    await sent(reader, wire)
    assert reader.reads
    clock.now += PATIENCE_S + 0.1
    assert not reader.reads
    assert [each["op"] for each in await sent(reader, wire)] == ["c"]


async def test_latency_and_age_are_measured() -> None:
    clock = Clock()
    reader, wire = Reader("student", "m1", "phone", now=clock), Wire()
    reader.offer("a", '{"value":1}')
    await sent(reader, wire)
    clock.now += 0.5
    assert reader.age_s == 0.5
    reader.seen(1)
    assert (reader.latency_s, reader.age_s) == (0.5, 0.0)


async def test_answers_come_before_topics_and_who_reads_none_is_parted_from() -> None:
    reader, wire = Reader("student", "m1", "phone", now=Clock()), Wire()
    reader.offer("a", '{"value":1}')
    reader.say('{"op":"ack"}')
    assert [each["op"] for each in await sent(reader, wire)] == ["ack", "a"]
    for _ in range(MOST_TEXTS + 1):
        reader.say('{"op":"ack"}')
    assert reader.closing is not None
    assert reader.closing[0] == NO_MORE_READING
