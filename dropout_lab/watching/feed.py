"""The connection of a watched model to the lab: a thread of its own, for which training never waits."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from dropout_lab.watching.finding import LOOPBACK, opener
from dropout_lab.watching.kept import Kept
from trainer.wire.frames import Frame, encode
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
        source: what is told.
        starts: whether the lab was started for this, and has to be waited for if the training ends before it is there.

    Attributes:
        problem: why nothing arrives, if nothing does.
        connected: set while the lab listens.
    """

    def __init__(
        self, address: str, watch_id: str, token: str, name: str, control: bool, source: Source, starts: bool
    ) -> None:
        self.problem: str | None = None
        self.connected = threading.Event()
        self._address = address
        self._id, self._token, self._name, self._control = watch_id, token, name, control
        self._source = source
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
                self.connected.clear()
                if self._refusal is not None:
                    wait_s = LAST_RETRY_S
                self._closing.wait(wait_s)
                wait_s = min(LAST_RETRY_S, 1.5 * wait_s)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
            _log.warning("this watch tells nothing any more: %s", self.problem, exc_info=True)
        finally:
            self.connected.clear()
            self._finished.set()

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
            self._source.kept.begin_again()
        elif isinstance(seq := welcome.get("seq"), int):
            self._seq = max(self._seq, seq)
        self.problem = self._refusal = None
        self._awaited = False
        self.connected.set()
        while True:
            closing = self._closing.is_set()
            began = time.thread_time()
            self._send(line, closing)
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
        if message.get("op") == "command" and isinstance(message.get("command"), dict):
            ref = message.get("ref")
            self._source.receive(
                ref, message["command"], lambda told: self._answers.append({"op": "reply", "ref": ref, **told})
            )
        elif message.get("op") == "error" and isinstance(message.get("error"), dict):
            self._refusal = f"the lab refused something: {message['error'].get('message')}"[:300]
        elif message.get("op") == "viewers" and isinstance(message.get("count"), int):
            self._source.set_viewers(message["count"])

    def _send_answers(self, line: ClientConnection) -> None:
        while self._answers:
            line.send(dumps(self._answers.pop(0)))

    def _send(self, line: ClientConnection, closing: bool) -> None:
        source, kept, now = self._source, self._source.kept, time.monotonic()
        rows, points = kept.take_rows(), kept.take_points()  # before the model, which knows their sites and series
        self._tell(line, {"op": "model", "model": source.told_model()})
        for warning in source.told_warnings():
            self._tell(line, {"op": "warning", "warning": warning}, f"warning {warning['id']}")
        changes = source.told_changes()
        if changes["changes"]:
            self._tell(line, {"op": "changed", **changes})
        self._send_answers(line)
        state = source.told_state()
        for kind, tensors in (("rows", rows), ("metrics", points)):
            if tensors:
                self._send_frame(line, Frame(kind, self._id, self._next(), tensors))
        if closing or now - self._summed_at >= SUMMARY_S:
            self._summed_at = now
            if summary := kept.take_summary(state["step"]):
                self._send_frame(line, Frame("summary", self._id, self._next(), summary))
        if ensemble := kept.take_ensemble():
            self._send_frame(line, Frame("ensemble", self._id, self._next(), ensemble[0], ensemble[1]))
        if closing or now - self._stated_at >= STATE_S or self._is_news(state):
            self._stated_at = now
            self._tell(line, {"op": "state", "state": state})

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
