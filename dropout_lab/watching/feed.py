"""The connection of a watched model to the lab: a thread of its own, for which training never waits."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from dropout_lab.watching.finding import LOOPBACK, opener
from dropout_lab.watching.kept import Kept
from trainer.printable import one_line
from trainer.wire.frames import Frame, Tensors, encode
from trainer.wire.jsontext import dumps

PACE_S: Final = 0.1  # between two rounds of sending
STATE_S: Final = 0.5
SUMMARY_S: Final = 1.0
SHARE: Final = 0.01  # of the time: what sending may take; where it takes more, rounds become rarer
TENSORS_PER_SECOND: Final = 7000  # a lab takes 10,000
FIRST_RETRY_S: Final = 0.3
LAST_RETRY_S: Final = 5.0
TIMEOUT_S: Final = 5.0
START_S: Final = 20.0
OVER: Final = {
    4409: "another process feeds this watch now",
    4410: "this watch was removed from the lab",
}
"""Why a feed ends for good, by the code with which it was closed."""
FAULTS: Final = "telling"  # the warning of what fails in here

_log = logging.getLogger("dropout_lab")


class Source(Protocol):
    """What a feed tells of."""

    kept: Kept

    def told_model(self) -> dict[str, Any]:
        """Return the model as it is known now."""

    def told_state(self) -> dict[str, Any]:
        """Return how far it is."""

    def told_warnings(self) -> list[dict[str, Any]]:
        """Return what is probably wrong."""

    def told_changes(self) -> dict[str, Any]:
        """Return what was changed from the page, and the same as code."""

    def receive(self, ref: Any, command: Mapping[str, Any], answer: Callable[[dict[str, Any]], None]) -> None:
        """A command came; ``answer`` takes what is to be told."""

    def set_viewers(self, count: int) -> None:
        """So many look."""


class Feed:
    """Sends what is known of a watch, again and again, until it is closed.

    Args:
        address: of the lab.
        watch_id: of the watch.
        token: which proves that it is ours.
        name: of the watch.
        control: whether the page may turn knobs.
        source: what is told; it is not kept alive by this, and when it is gone the feed ends.
        starts: whether the lab was started for this, and has to be waited for if the training ends before it is there.

    Attributes:
        problem: why nothing arrives, if nothing does.
        faults: how often something failed in here.
        connected: set while the lab listens.
    """

    def __init__(
        self, address: str, watch_id: str, token: str, name: str, control: bool, source: Source, starts: bool
    ) -> None:
        self.problem: str | None = None
        self.faults = 0
        self.connected = threading.Event()
        self._address = address
        self._id, self._token, self._name, self._control = watch_id, token, name, control
        self._source = weakref.ref(source)
        self._kept = source.kept
        self._state: dict[str, Any] | None = None  # as it was told last
        self._last_fault = ""
        self._fails_to_say = False  # what the model is
        self._awaited = starts
        self._refusal: str | None = None  # what the lab said last before it hung up
        self._seq = self._tensors = 0
        self._closing = threading.Event()
        self._finished = threading.Event()
        self._answers: list[dict[str, Any]] = []
        self._told: dict[str, str] = {}
        self._summed_at = self._stated_at = 0.0
        self._thread = threading.Thread(target=self._run, name="dropout-lab feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Send what waits, and end; give up after a while."""
        until = time.monotonic() + START_S
        while self._awaited and not self._finished.wait(0.1):
            if time.monotonic() > until:
                _log.warning("the lab that was started for this training has not come")
                break
        self._closing.set()
        self._finished.wait(timeout_s)

    def drop(self) -> None:
        """End because what is told of is no more; nobody waits for it."""
        self._closing.set()

    @property
    def fault(self) -> str | None:
        """What failed last in here, and how often something has; None: nothing did."""
        if self.faults == 0:
            return None
        times = "once" if self.faults == 1 else f"{self.faults} times"
        return f"Telling the lab something has failed {times}, the last time by {self._last_fault}"[:300]

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._finished.is_set()

    def _run(self) -> None:
        wait_s = FIRST_RETRY_S
        try:
            while not self._closing.is_set():
                try:
                    self._open()
                    with self._connection() as line:
                        wait_s = FIRST_RETRY_S
                        self._talk(line)
                        return
                except ConnectionClosed as closed:
                    code = closed.rcvd.code if closed.rcvd is not None else 0
                    if code in OVER:
                        self.problem = OVER[code]
                        return
                    self._lost(self._refusal or f"the connection closed: {closed}")
                except urllib.error.HTTPError as refused:
                    self._lost(f"the lab answered {refused.code}: {_message(refused)}")
                except (OSError, InvalidHandshake, InvalidURI, WebSocketException, HTTPException, ValueError) as error:
                    self._lost(str(error) or type(error).__name__)
                except Exception as error:  # it is told, and tried again
                    self._failed(error)
                    self._lost(self._last_fault)
                self.connected.clear()
                if self._refusal is not None:
                    wait_s = LAST_RETRY_S
                self._closing.wait(wait_s)
                wait_s = min(LAST_RETRY_S, 1.5 * wait_s)
        finally:
            self.connected.clear()
            self._finished.set()

    def _failed(self, error: Exception) -> None:
        self.faults += 1
        self._last_fault = one_line(f"{type(error).__name__}: {error}")[:200]
        if self.faults == 1:
            _log.warning("telling the lab of this watch has failed: %s", self._last_fault, exc_info=error)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """What fails in here is counted and told, and all else is told as before; a lost connection is none of that."""
        try:
            yield
        except (ConnectionClosed, OSError, WebSocketException):
            raise
        except Exception as error:
            self._failed(error)

    def _lost(self, problem: str) -> None:
        self.problem = problem[:300]

    def _open(self) -> None:
        """Have the watch at the lab, again if it was lost there."""
        body = {"name": self._name, "control": self._control, "id": self._id, "token": self._token}
        request = urllib.request.Request(
            f"{self._address}/api/watches",
            dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        with opener(self._address).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(100_000)

    def _connection(self) -> ClientConnection:
        secure = self._address.startswith("https")
        address = ("wss" if secure else "ws") + self._address[self._address.index("://") :]
        here = urlsplit(self._address).hostname in LOOPBACK
        return connect(
            f"{address}/api/watches/{self._id}/feed",
            open_timeout=TIMEOUT_S,
            close_timeout=1.0,
            max_size=1_000_000,
            compression=None,
            **({"proxy": None} if here else {}),
        )

    def _talk(self, line: ClientConnection) -> None:
        """Send and listen until the watch ends.

        Raises:
            ConnectionClosed: the lab has gone.
        """
        line.send(dumps({"op": "feed", "token": self._token}))
        welcome = self._read(line.recv(TIMEOUT_S))
        if welcome.get("op") != "welcome":
            raise ValueError(f"the lab answered {str(welcome)[:200]} instead of a welcome")
        self._told.clear()
        if welcome.get("seq") == 0:
            self._kept.begin_again()
        elif isinstance(seq := welcome.get("seq"), int):
            self._seq = max(self._seq, seq)
        self.problem = self._refusal = None
        self._awaited = False
        self.connected.set()
        while True:
            closing = self._closing.is_set()
            began = time.thread_time()
            source = self._source()
            if source is None:
                self._say_goodbye(line)
                return
            self._send(line, source, closing)
            del source  # what is told of may go while this listens
            took = time.thread_time() - began
            if closing:
                return
            self._listen(line, max(PACE_S, took / SHARE, self._tensors / TENSORS_PER_SECOND))
            self._tensors = 0

    def _listen(self, line: ClientConnection, seconds: float) -> None:
        """Take commands until it is time to send."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                self._take(line, self._read(line.recv(min(left, PACE_S))))
            self._send_answers(line)

    def _take(self, line: ClientConnection, message: dict[str, Any]) -> None:
        source = self._source()
        if source is None:
            return
        if message.get("op") == "command" and isinstance(message.get("command"), dict):
            ref = message.get("ref")
            source.receive(
                ref, message["command"], lambda told: self._answers.append({"op": "reply", "ref": ref, **told})
            )
        elif message.get("op") == "error" and isinstance(message.get("error"), dict):
            self._refusal = f"the lab refused something: {message['error'].get('message')}"[:300]
        elif message.get("op") == "viewers" and isinstance(message.get("count"), int):
            source.set_viewers(message["count"])

    def _send_answers(self, line: ClientConnection) -> None:
        while self._answers:
            line.send(dumps(self._answers.pop(0)))

    def _send(self, line: ClientConnection, source: Source, closing: bool) -> None:
        kept, now = self._kept, time.monotonic()
        tables: list[tuple[str, Tensors | None]] = []
        with self._guarded():
            if self._fails_to_say:
                source.told_model()  # nothing is taken before this works again
            self._fails_to_say = True
            tables = [("rows", kept.take_rows()), ("metrics", kept.take_points())]
            self._tell(line, {"op": "model", "model": source.told_model()})  # behind them: it knows their sites, too
            self._fails_to_say = False
        with self._guarded():
            self._warn(line, source.told_warnings())
        with self._guarded():
            changes = source.told_changes()
            if changes["changes"]:
                self._tell(line, {"op": "changed", **changes})
        self._send_answers(line)
        with self._guarded():
            self._state = source.told_state()
        self._warn(line, self._own_warnings())
        with self._guarded():
            if not self._fails_to_say:
                self._send_frames(line, tables, closing or now - self._summed_at >= SUMMARY_S)
        state = self._state
        if state is not None and (closing or now - self._stated_at >= STATE_S or self._is_news(state)):
            self._stated_at = now
            self._tell(line, {"op": "state", "state": state})

    def _send_frames(self, line: ClientConnection, tables: list[tuple[str, Tensors | None]], sums_up: bool) -> None:
        for kind, tensors in tables:
            if tensors:
                self._send_frame(line, Frame(kind, self._id, self._next(), tensors))
        if sums_up:
            self._summed_at = time.monotonic()
            if summary := self._kept.take_summary(self._state["step"] if self._state else 0):
                self._send_frame(line, Frame("summary", self._id, self._next(), summary))
        if ensemble := self._kept.take_ensemble():
            self._send_frame(line, Frame("ensemble", self._id, self._next(), ensemble[0], ensemble[1]))

    def _warn(self, line: ClientConnection, warnings: list[dict[str, Any]]) -> None:
        for warning in warnings:
            self._tell(line, {"op": "warning", "warning": warning}, f"warning {warning['id']}")

    def _own_warnings(self) -> list[dict[str, Any]]:
        """What fails in here, as a warning."""
        if self.faults == 0:
            return []
        step = self._state["step"] if self._state else 0
        text = (
            f"Something has failed in telling the lab of this training, last by {self._last_fault}. The training is "
            "not concerned, and all else is told."
        )
        return [{"id": FAULTS, "kind": FAULTS, "step": step, "count": self.faults, "where": None, "text": text}]

    def _say_goodbye(self, line: ClientConnection) -> None:
        """What is told of is no more: its training, or at least the watch of it, has ended."""
        if self._state is not None:
            self._tell(line, {"op": "state", "state": {**self._state, "state": "ended"}})

    def _is_news(self, state: dict[str, Any]) -> bool:
        """Whether a state is told at once: it is another, and not only further on."""
        text = str((state["state"], state["voting"], state["mode"], state["vote_problem"]))
        return self._told.get("news") != text and bool(self._told.update(news=text) or True)

    def _tell(self, line: ClientConnection, message: dict[str, Any], topic: str | None = None) -> None:
        text = dumps(message)
        topic = topic or message["op"]
        if self._told.get(topic) != text:
            self._told[topic] = text
            line.send(text)

    def _send_frame(self, line: ClientConnection, frame: Frame) -> None:
        self._tensors += len(frame.tensors)
        line.send(encode(frame))

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _read(self, text: Any) -> dict[str, Any]:
        message = json.loads(text)
        if not isinstance(message, dict):
            raise ValueError("the lab sent something that is no message")
        return message


def _message(refused: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(refused.read(10_000))["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(refused.reason)
