"""The worker's end of the stream to the app: a socket that never blocks the training."""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from trainer.wire.frames import FrameError, peek
from trainer.wire.stream import Kind, Splitter, StreamError, pack_frame, pack_message, parse_message

MAX_BACKLOG: Final = 8 * 1024 * 1024  # unsent bytes beyond which the worker waits for the app instead of training on
_READ: Final = 64 * 1024


class LinkClosedError(Exception):
    """The app has hung up."""


class Link:
    """Sends and receives without waiting, except where it is told to wait.

    All of it is for one thread, but for `beat`, `push` and `stir`, which another one calls (`trainer.worker.pulse`).

    Args:
        sock: a connected stream socket; it is made non-blocking.
        clock: the time, in seconds.
    """

    def __init__(self, sock: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._clock = clock
        self._splitter = Splitter()
        self._unsent = bytearray()
        self._sending = threading.Lock()  # held by who adds to what is unsent, or sends of it
        self._left = threading.Event()  # something could not be sent yet, or somebody is to look up
        self._busy_since: float | None = clock()  # None: it waits for the app, and has nothing else to do
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)

    @property
    def full(self) -> bool:
        """Whether the app reads so slowly that training should wait for it."""
        return len(self._unsent) > MAX_BACKLOG

    def send(self, message: dict[str, Any]) -> None:
        """Put a message behind what is already waiting to be sent."""
        self._put(pack_message(message))

    def send_frame(self, frame: bytes) -> None:
        """Put an encoded frame behind what is already waiting to be sent."""
        self._put(pack_frame(frame))

    def beat(self) -> None:
        """Say that this process is alive, and for how long it has been at what it does; from whatever thread.

        Where something waits to be sent that is sent instead: it says as much.

        Raises:
            LinkClosedError: the app has hung up, or this end has.
        """
        since = self._busy_since
        busy_s = 0.0 if since is None else max(0.0, self._clock() - since)
        try:
            with self._sending:
                if not self._unsent:
                    self._unsent += pack_message({"op": "alive", "busy_s": round(busy_s, 1)})
                self._send()
        except OSError as error:
            raise LinkClosedError(str(error)) from None

    def push(self, for_s: float) -> None:
        """For some seconds, send what is left as fast as the app reads it.

        So nothing behind it waits for the loop's next turn: a checkpoint of a class is fifty times what a socket takes
        at once.

        Args:
            for_s: how long, unless `stir` ends it.

        Raises:
            LinkClosedError: the app has hung up, or this end has.
        """
        end = time.monotonic() + for_s
        try:
            while (seconds := end - time.monotonic()) > 0:
                if not self._left.wait(seconds):
                    return
                with self._sending:
                    if not self._unsent:
                        self._left.clear()
                        return
                if select.select([], [self._socket], [], seconds)[1]:
                    with self._sending:
                        self._left.clear()
                        self._send()
        except (OSError, ValueError) as error:  # a socket that is closed has no number any more
            raise LinkClosedError(str(error)) from None

    def stir(self) -> None:
        """Have `push` return."""
        self._left.set()

    def flush(self) -> None:
        """Send what can be sent now.

        Raises:
            LinkClosedError: the app has hung up.
        """
        try:
            self._flush()
        except ConnectionError as error:
            raise LinkClosedError(str(error)) from None

    def exchange(self, wait_s: float | None) -> list[dict[str, Any]]:
        """Send what can be sent and return the messages that have come.

        Args:
            wait_s: how long to wait for a message; with something left to send, only until more of it can be sent.
                ``None``: for ever.

        Raises:
            LinkClosedError: the app has hung up.
            StreamError: it sent something that is neither a message nor a checkpoint.
        """
        try:
            self._flush()
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
            self._selector.modify(self._socket, events)
            self._busy_since = None
            ready = [mask for _, mask in self._selector.select(wait_s)]
            self._busy_since = self._clock()
            return self._receive() if ready and ready[0] & selectors.EVENT_READ else []
        except ConnectionError as error:
            raise LinkClosedError(str(error)) from None

    def close(self) -> None:
        """Hang up."""
        self._selector.close()
        self._socket.close()

    def _put(self, data: bytes) -> None:
        with self._sending:
            self._unsent += data

    def _flush(self) -> None:
        with self._sending:
            self._send()

    def _send(self) -> None:
        """Send what can be sent now, for whoever holds the lock."""
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent)
                del self._unsent[:sent]
        except BlockingIOError:
            self._left.set()

    def _receive(self) -> list[dict[str, Any]]:
        data = self._socket.recv(_READ)
        if not data:
            raise LinkClosedError("end of stream")
        messages = []
        for kind, payload in self._splitter.feed(data):
            if kind is Kind.FRAME:  # from which the run that is opened next goes on
                try:
                    messages.append({"op": "checkpoint", "run": peek(payload)[1], "frame": payload})
                except FrameError as error:
                    raise StreamError(str(error)) from None
            else:
                messages.append(parse_message(payload))
        return messages


def connect(address: str, timeout_s: float = 10.0) -> Link:
    """Dial ``unix:PATH`` or ``tcp:HOST:PORT``.

    Raises:
        ValueError: it is not an address.
        OSError: nobody answers.
    """
    kind, _, place = address.partition(":")
    if kind == "unix" and place:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout_s)
        try:
            sock.connect(place)
        except OSError:
            sock.close()
            raise
        return Link(sock)
    host, _, port = place.rpartition(":")
    if kind != "tcp" or not host or not port.isdigit():
        raise ValueError(f"{address!r} is not an address: it must be unix:PATH or tcp:HOST:PORT")
    sock = socket.create_connection((host, int(port)), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Link(sock)
