from __future__ import annotations

import socket
import threading
import time

from trainer.wire.stream import Splitter, parse_message
from trainer.worker.link import Link, LinkClosedError
from trainer.worker.pulse import Pulse


class Counter:
    """Counts the beats, and tells when there were enough."""

    def __init__(self, enough: int, closes: bool = False) -> None:
        self.beats, self.enough, self.closes = 0, threading.Event(), closes
        self._wanted = enough

    def push(self, for_s: float) -> None:
        time.sleep(for_s)

    def stir(self) -> None:
        pass

    def beat(self) -> None:
        self.beats += 1
        if self.beats == self._wanted:
            self.enough.set()
            if self.closes:
                raise LinkClosedError("end of stream")


def test_it_beats_while_another_thread_does_not_come_back(patience: float) -> None:
    counter = Counter(5)
    with Pulse(counter, every_s=0.001):
        while not counter.enough.is_set():  # as a loop without an end would
            pass
    after = counter.beats
    time.sleep(0.02)
    assert counter.beats == after


def test_it_ends_with_the_stream(patience: float) -> None:
    counter = Counter(2, closes=True)
    with Pulse(counter, every_s=0.001):
        assert counter.enough.wait(patience)
        time.sleep(0.02)
    assert counter.beats == 2


def test_beats_never_fall_into_the_middle_of_what_is_sent(patience: float) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(patience)
    link, splitter = Link(ours), Splitter()
    frames, got, beats = 40, 0, 0
    frame = bytes(range(256)) * 512
    with Pulse(link, every_s=0.0001):
        for _ in range(frames):
            link.send_frame(frame)
            link.flush()
            for _, payload in splitter.feed(theirs.recv(1 << 16)):
                got, beats = got + (payload == frame), beats + (b"alive" in payload[:20])
        while got < frames or not beats:
            for _, payload in splitter.feed(theirs.recv(1 << 16)):
                got, beats = got + (payload == frame), beats + (b"alive" in payload[:20])
            link.exchange(0)
    assert got == frames
    link.close()
    theirs.close()


def test_what_a_socket_cannot_take_at_once_goes_out_while_the_loop_is_busy(patience: float) -> None:
    ours, theirs = socket.socketpair()
    link, splitter = Link(ours), Splitter()
    message = {"op": "reply", "text": "x" * 4_000_000}
    link.send(message)
    link.send({"op": "behind"})
    got: list[dict[str, object]] = []
    with ours, theirs, Pulse(link, every_s=0.2):
        theirs.settimeout(patience)
        link.flush()  # as much of it as fits; and then the loop trains, and does not come back
        while not any(each["op"] == "behind" for each in got):
            got += [parse_message(payload) for _, payload in splitter.feed(theirs.recv(65536))]
    told = [each for each in got if each["op"] != "alive"]
    assert told == [message, {"op": "behind"}]


def test_a_pulse_ends_at_once_however_long_it_is(patience: float) -> None:
    ours, theirs = socket.socketpair()
    link = Link(ours)
    pulse = Pulse(link, every_s=patience)
    with ours, theirs, pulse:
        pass
    assert not pulse._thread.is_alive()
