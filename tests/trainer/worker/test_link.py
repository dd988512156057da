from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from trainer.wire.stream import Kind, Splitter, StreamError, pack_frame, pack_message, parse_message
from trainer.worker.link import MAX_BACKLOG, Link, LinkClosedError, connect

Pair = tuple[Link, socket.socket]


@pytest.fixture
def pair(patience: float) -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(patience)
    link = Link(ours)
    yield link, theirs
    link.close()
    theirs.close()


def test_what_is_sent_goes_out_with_the_next_exchange(pair: Pair) -> None:
    link, theirs = pair
    link.send({"op": "hello"})
    link.send_frame(b"frame")
    assert link.exchange(0) == []
    (first, second) = Splitter().feed(theirs.recv(1000))
    assert parse_message(first[1]) == {"op": "hello"}
    assert second == (Kind.FRAME, b"frame")


def test_what_is_flushed_goes_out_at_once(pair: Pair) -> None:
    link, theirs = pair
    link.send({"op": "hello"})
    link.flush()
    ((_, payload),) = Splitter().feed(theirs.recv(1000))
    assert parse_message(payload) == {"op": "hello"}
    theirs.close()
    link.send({"op": "anybody?"})
    with pytest.raises(LinkClosedError):
        link.flush()


def test_messages_come_in_order_even_in_pieces(pair: Pair, patience: float) -> None:
    link, theirs = pair
    wire = pack_message({"n": 1}) + pack_message({"n": 2})
    theirs.sendall(wire[:9])
    assert link.exchange(patience) == []
    theirs.sendall(wire[9:])
    assert link.exchange(patience) == [{"n": 1}, {"n": 2}]


def test_an_app_that_does_not_read_blocks_nothing_and_loses_nothing(pair: Pair) -> None:
    link, theirs = pair
    frame = bytes(range(256)) * 1024  # 256 KiB
    count = MAX_BACKLOG // len(frame) + 8
    for _ in range(count):
        link.send_frame(frame)
        link.exchange(0)
    assert link.full
    splitter, got = Splitter(), 0
    while got < count:
        got += sum(payload == frame for _, payload in splitter.feed(theirs.recv(1 << 20)))
        link.exchange(0)
    assert not link.full


def test_waiting_ends_when_something_more_can_be_sent(pair: Pair) -> None:
    link, theirs = pair
    frame = pack_frame(bytes(4 * 1024 * 1024))  # more than the kernel takes at a time
    link.send_frame(frame[5:])
    got = bytearray()

    def read() -> None:
        while len(got) < len(frame):
            got.extend(theirs.recv(1 << 20))
        theirs.sendall(pack_message({"op": "got it"}))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        heard: list[dict[str, Any]] = []
        while not heard:
            heard = link.exchange(None)
        reading.result()
    assert heard == [{"op": "got it"}]
    assert got == frame


def test_the_end_of_the_stream_is_noticed(pair: Pair, patience: float) -> None:
    link, theirs = pair
    theirs.close()
    with pytest.raises(LinkClosedError):
        link.exchange(patience)


def test_sending_to_an_app_that_has_gone_is_noticed(pair: Pair) -> None:
    link, theirs = pair
    theirs.close()
    link.send({"op": "hello"})
    with pytest.raises(LinkClosedError):
        link.exchange(0)


@pytest.mark.parametrize("wire", [pack_frame(b"x"), b"\xff" * 10])
def test_an_app_that_talks_nonsense_is_not_listened_to(pair: Pair, patience: float, wire: bytes) -> None:
    link, theirs = pair
    theirs.sendall(wire)
    with pytest.raises(StreamError):
        link.exchange(patience)


@pytest.mark.parametrize("address", ["", "unix:", "tcp:", "tcp:127.0.0.1", "tcp:host:port", "http://127.0.0.1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"unix:PATH or tcp:HOST:PORT"):
        connect(address)


def test_a_beat_tells_for_how_long_the_loop_has_been_at_one_thing(patience: float) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(patience)
    now = [100.0]
    link = Link(ours, lambda: now[0])

    def beat() -> dict[str, Any]:
        link.beat()
        ((_, payload),) = Splitter().feed(theirs.recv(1000))
        return parse_message(payload)

    now[0] += 3
    assert beat() == {"op": "alive", "busy_s": 3.0}
    link.exchange(0)  # it has come round
    now[0] += 7.25
    assert beat() == {"op": "alive", "busy_s": 7.2}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(link.exchange, patience)  # with nothing to do until the app says something
        while beat()["busy_s"]:
            pass
        now[0] += 1000
        assert beat() == {"op": "alive", "busy_s": 0.0}
        theirs.sendall(pack_message({"op": "shutdown"}))
        assert waiting.result() == [{"op": "shutdown"}]
    now[0] += 1
    assert beat() == {"op": "alive", "busy_s": 1.0}
    link.close()
    with pytest.raises(LinkClosedError):
        link.beat()
    theirs.close()


def test_what_waits_to_be_sent_goes_out_in_place_of_a_beat(pair: Pair) -> None:
    link, theirs = pair
    link.send({"op": "reply"})
    link.beat()
    ((_, payload),) = Splitter().feed(theirs.recv(1000))
    assert parse_message(payload) == {"op": "reply"}
