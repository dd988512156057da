"""One outbox: texts first, frames as far as the credit goes, and an end to everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.backlog import Packet
from app.viewers import MAX_TEXT_BYTES, MAX_TEXTS, NO_MORE_READING, Outbox
from tests.app.fakes import steps_tensors
from trainer.wire.frames import Frame, peek


class Socket:
    """Records what is sent; a closed gate holds sending up."""

    def __init__(self) -> None:
        self.sent: list[str | int] = []
        self.raw: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send_text(self, data: str) -> None:
        await self.gate.wait()
        self.sent.append(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.gate.wait()
        self.raw.append(data)
        self.sent.append(peek(data)[2])


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
async def pumping(outbox: Outbox, socket: Socket) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(outbox.pump(socket, 30))
    yield task
    task.cancel()
    await asyncio.wait({task})


async def settle() -> None:
    """Let everything happen that can happen without new input."""
    for _ in range(50):
        await asyncio.sleep(0)


def steps(seq: int) -> Packet:
    return Packet(Frame("steps", "r", seq, steps_tensors(seq, 1)))


@pytest.mark.usefixtures("pumping")
async def test_four_frames_are_in_flight_at_most_and_the_rest_is_joined(outbox: Outbox, socket: Socket) -> None:
    for seq in range(1, 11):
        outbox.put(steps(seq))
        await settle()
    assert socket.sent == [1, 2, 3, 4]
    outbox.credit(1)
    await settle()
    assert socket.sent == [1, 2, 3, 4, 10]
    outbox.credit(3)
    await settle()
    outbox.put(steps(11))
    await settle()
    assert socket.sent == [1, 2, 3, 4, 10, 11]


@pytest.mark.usefixtures("pumping")
async def test_frames_may_be_acknowledged_by_how_many_they_are(outbox: Outbox, socket: Socket) -> None:
    for seq in range(10, 110, 10):
        outbox.put(steps(seq))
        await settle()
    assert socket.sent == [10, 20, 30, 40]
    outbox.credit_first(1)
    await settle()
    outbox.credit(20)  # both are cumulative, so that the later of the two is enough
    outbox.credit_first(2)
    await settle()
    for seq in range(110, 210, 10):
        outbox.put(steps(seq))
        await settle()
    assert socket.sent == [10, 20, 30, 40, 100, 110]
    outbox.credit_first(1000)
    await settle()
    assert socket.sent == [10, 20, 30, 40, 100, 110, 200]


@pytest.mark.usefixtures("pumping")
async def test_texts_overtake_frames(outbox: Outbox, socket: Socket) -> None:
    outbox.put(steps(1))
    outbox.say("hello")
    await settle()
    assert socket.sent == ["hello", 1]


@pytest.mark.usefixtures("pumping")
async def test_no_kind_starves_another_when_one_frame_at_a_time_is_digested(outbox: Outbox, socket: Socket) -> None:
    kinds: list[str] = []
    for seq in range(1, 201, 2):
        outbox.put(steps(seq))
        outbox.put(Packet(Frame("graph", "r", seq + 1, {})))
        await settle()
        if seq % 9 == 0 and outbox._in_flight:
            outbox.credit(outbox._in_flight[0])
        await settle()
    kinds = [peek(raw)[0] for raw in socket.raw]
    assert abs(kinds.count("steps") - kinds.count("graph")) <= 1
    numbers = [peek(raw)[2] for raw in socket.raw]
    assert numbers == sorted(set(numbers))


@pytest.mark.usefixtures("pumping")
async def test_discarding_forgets_all_frames_but_the_data(outbox: Outbox, socket: Socket) -> None:
    socket.gate.clear()
    outbox.say("hello")
    outbox.begin([Packet(Frame("data", "r", 1, {})), Packet(Frame("history", "r", 2, {}))])
    outbox.put(steps(3))
    await settle()
    outbox.discard()
    outbox.say("reset")
    outbox.put(steps(4))
    socket.gate.set()
    await settle()
    assert socket.sent == ["hello", "reset", 1, 4]


async def test_a_topic_gives_way_to_its_next_message_only_when_nothing_lies_between(
    outbox: Outbox, socket: Socket
) -> None:
    outbox.say("a1", topic="a")
    outbox.say("a2", topic="a")
    outbox.say("ack")
    outbox.say("a3", topic="a")
    outbox.say("b1", topic="b")
    outbox.close(1000, "")
    await outbox.pump(socket, 30)
    assert socket.sent == ["a2", "ack", "a3", "b1"]


@pytest.mark.parametrize("text", ["x", "x" * (MAX_TEXT_BYTES // 100)])
async def test_a_viewer_whose_texts_pile_up_is_closed(outbox: Outbox, text: str) -> None:
    told: list[bool] = []
    outbox.on_closing = lambda: told.append(True)
    for _ in range(MAX_TEXTS + 1):
        outbox.say(text)
    assert outbox.closing is not None
    assert outbox.closing[0] == NO_MORE_READING
    assert told == [True]
    assert not outbox._texts


async def test_closing_sends_what_was_said_and_no_frame_any_more(outbox: Outbox, socket: Socket) -> None:
    outbox.put(steps(1))
    outbox.say("ended")
    outbox.close(4410, "deleted")
    outbox.put(steps(2))
    outbox.say("too late")
    await outbox.pump(socket, 30)
    assert socket.sent == ["ended"]
    assert outbox.closing == (4410, "deleted")


async def test_a_buffer_that_stays_full_ends_the_pump(outbox: Outbox, socket: Socket) -> None:
    socket.gate.clear()
    outbox.say("hello")
    with pytest.raises(TimeoutError):
        await outbox.pump(socket, 0.01)
