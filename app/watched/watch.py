"""One model that is watched: what is known of it, who looks, and the connection over which it tells."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from app.errors import BadMessageError, NotFedError, TooManyViewersError, WrongTokenError
from app.run import OWNER_SEATS
from app.settings import Settings
from app.store.records import digest_of
from app.viewers import SERVER_ERROR, SHUTTING_DOWN, Outbox
from app.watched.asked import Answer, Asked
from app.watched.commands import read_command
from app.watched.frames import read_frame
from app.watched.joining import WatchBacklog
from app.watched.kept import Kept
from app.watched.told import (
    MOST_WARNINGS,
    read_changes,
    read_code,
    read_model,
    read_reply,
    read_state,
    read_warning,
)
from trainer.errors import quote
from trainer.wire.frames import FrameError, peek
from trainer.wire.jsontext import Written, dumps

if TYPE_CHECKING:
    from app.metrics import Metrics

WATCH_ENDED: Final = 4410
TAKEN_OVER: Final = 4409
VIEWERS_EVERY_S: Final = 0.5  # how many look is told at most so often
BYTES_OF_ONE: Final = 64 * 1024  # that a watch has beside what is counted

_log = logging.getLogger(__name__)


class Looker(Outbox):
    """One viewer of a watch.

    Args:
        owner: whether it has the token.
        client: where it comes from.
        metrics: where it is counted what it is sent.
    """

    def __init__(self, owner: bool, client: str, metrics: Metrics | None) -> None:
        super().__init__(owner, client, None if metrics is None else metrics.left, WatchBacklog())


class Watch:
    """One model that is watched.

    Args:
        id: its name in addresses.
        name: what it is called.
        control: whether it obeys commands.
        digest: of its token.
        settings: the limits.
        client: who opened it.
        now: the time, in seconds.
        metrics: where it counts what happens.

    Attributes:
        opened_at: when, in seconds since 1970.
        viewers: who looks.
        feed: what is to be sent to the model, while it is connected.
        left_at: since when neither the model is connected nor anybody looks.
        came: whether a model was ever connected, or it comes from a file.
        kept: what is kept of its frames.
        is_over: whether it has ended, and is not there any more.
    """

    def __init__(
        self,
        id: str,
        name: str,
        control: bool,
        digest: bytes,
        settings: Settings,
        client: str = "",
        now: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.control = control
        self.client = client
        self.opened_at = time.time()
        self.viewers: set[Outbox] = set()
        self.feed: Outbox | None = None
        self.left_at = now()
        self.came = False
        self.kept = Kept(id)
        self.is_over = False
        self._digest = digest
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._asked = Asked()
        self._model: dict[str, Any] | None = None
        self._written: Written | None = None  # the model as JSON
        self._state: dict[str, Any] | None = None
        self._warnings: dict[str | int, dict[str, Any]] = {}
        self._changes = Written("[]")
        self._code = ""
        self._told_at = -VIEWERS_EVERY_S
        self._telling: asyncio.TimerHandle | None = None

    # What it is

    @property
    def is_used(self) -> bool:
        """Whether the model is connected, or somebody looks."""
        return self.feed is not None or bool(self.viewers)

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about."""
        words = len(self._written or "") + len(self._changes) + len(self._code)
        return BYTES_OF_ONE + self.kept.size + 4 * words  # plain data takes some times as much as its JSON

    @property
    def seq(self) -> int:
        """Number of the last frame that the model has sent."""
        return self.kept.known.seq

    def check_token(self, token: str) -> None:
        """Let a token pass that is the watch's.

        Raises:
            WrongTokenError: it is another.
        """
        if not secrets.compare_digest(digest_of(token), self._digest):
            raise WrongTokenError(f"this is not the token of watch {self.id}")

    def described(self) -> dict[str, Any]:
        """What it is now."""
        return {
            "id": self.id,
            "name": self.name,
            "control": self.control,
            "fed": self.feed is not None,
            "opened_at": self.opened_at,
            "viewers": len(self.viewers),
            "model": self._written,
            "state": self._state,
            "warnings": list(self._warnings.values()),
            "changes": self._changes,
            "code": self._code,
        }

    def told(self) -> dict[str, Any]:
        """What of it goes into a file."""
        known = {"name": self.name, "model": self._written, "state": self._state}
        return known | {"warnings": [*self._warnings.values()], "changes": self._changes, "code": self._code}

    # Its model

    def connect(self, feed: Outbox) -> None:
        """Its model is connected by a feed, which takes the place of another that there may be."""
        before, self.feed = self.feed, feed
        self.came = True
        if before is not None:
            self._asked.lose()
            before.close(TAKEN_OVER, "another feed took its place")
        else:
            self._tell({"op": "fed", "fed": True}, "fed")
        feed.say(dumps({"op": "welcome", "seq": self.seq}))
        feed.say(dumps({"op": "viewers", "count": len(self.viewers)}), "viewers", newest=True)

    def disconnect(self, feed: Outbox) -> None:
        """A feed has gone."""
        if self.feed is feed:
            self.feed = None
            self._rest()
            self._asked.lose()
            self._tell({"op": "fed", "fed": False}, "fed")

    def hear(self, message: Any) -> None:
        """Take in what the model says.

        Raises:
            BadMessageError: it makes no sense.
        """
        if not isinstance(message, dict):
            raise BadMessageError(f"{quote(message)} is not allowed: a message must be an object")
        op = message.get("op")
        hear = _HEARD.get(op) if isinstance(op, str) else None
        if hear is None:
            raise BadMessageError(f"op = {quote(op)} is not allowed: it must be one of {', '.join(_HEARD)}")
        hear(self, message)

    def _hear_model(self, message: Mapping[str, Any]) -> None:
        model = read_model(message.get("model"))
        self.set_model(model)
        self._tell({"op": "model", "model": self._written}, "model")

    def set_model(self, model: dict[str, Any]) -> None:
        """Know a model that was looked at."""
        self._model, self._written = model, Written(dumps(model))
        self.kept.suit(len(model["sites"]), len(model["series"]))

    def _hear_state(self, message: Mapping[str, Any]) -> None:
        self._state = read_state(message.get("state"))
        self._tell({"op": "state", "state": self._state}, "state")

    def _hear_warning(self, message: Mapping[str, Any]) -> None:
        warning = read_warning(message.get("warning"))
        self.add_warning(warning)
        self._tell({"op": "warning", "warning": warning}, f"warning {warning['id']}")

    def add_warning(self, warning: dict[str, Any]) -> None:
        """Know a warning that was looked at; beyond 64 the one goes that came longest ago."""
        self._warnings.pop(warning["id"], None)
        self._warnings[warning["id"]] = warning
        if len(self._warnings) > MOST_WARNINGS:
            del self._warnings[next(iter(self._warnings))]

    def _hear_changed(self, message: Mapping[str, Any]) -> None:
        self.set_changes(read_changes(message.get("changes")), read_code(message.get("code")))
        self._tell({"op": "changed", "changes": self._changes, "code": self._code}, "changed")

    def set_changes(self, changes: list[dict[str, Any]], code: str) -> None:
        """Know changes that were looked at."""
        self._changes, self._code = Written(dumps(changes)), code

    def set_state(self, state: dict[str, Any] | None) -> None:
        """Know a state that was looked at."""
        self._state = state

    def _hear_reply(self, message: Mapping[str, Any]) -> None:
        self._asked.answer(*read_reply(message))

    def take(self, data: bytes) -> None:
        """Take in a frame of the model, and pass it on.

        Raises:
            BadMessageError: it is none, or does not go with the model.
        """
        packet = self.kept.add(read_frame(data, self.id, self.kept.known))
        self._to_viewers(lambda viewer: viewer.put(packet))

    def drop(self, data: bytes) -> None:
        """Pass a frame over, because the model sends more than it may; it counts as sent."""
        try:
            _, _, seq = peek(data)
        except FrameError:
            seq = 0
        self.kept.known.seq = max(self.kept.known.seq, seq)
        if self._metrics is not None:
            self._metrics.drop()

    # Who looks

    def join(self, owner: bool, client: str = "") -> Looker:
        """Let a viewer in: its outbox already holds all that was, and from now on gets all that comes.

        Args:
            owner: whether it has the token.
            client: where it comes from.

        Raises:
            TooManyViewersError: the watch is full, or has as many viewers from there as it may.
        """
        most, more = self._settings.max_viewers_per_run, OWNER_SEATS if owner else 0
        if len(self.viewers) >= most + more:
            raise TooManyViewersError(f"this watch has as many viewers as it may, {most:,}")
        share = self._settings.share_of(most)
        if sum(viewer.client == client for viewer in self.viewers) >= share + more:
            raise TooManyViewersError(
                f"this watch has as many viewers from your address as it may, {share:,} of {most:,}"
            )
        viewer = Looker(owner, client, self._metrics)
        self.viewers.add(viewer)
        viewer.say(dumps({"op": "hello", "watch": self.described(), "may": owner and self.control}))
        viewer.begin(self.kept.frames())
        self._viewers_changed()
        return viewer

    def leave(self, viewer: Outbox) -> None:
        """A viewer has gone."""
        self.viewers.discard(viewer)
        self._asked.forget(viewer)
        self._rest()
        self._viewers_changed()

    def command(self, viewer: Outbox, message: Mapping[str, Any], answer: Answer) -> None:
        """Pass a viewer's command on to the model.

        Args:
            viewer: who gives it.
            message: what it said.
            answer: is called with the model's answer, or with an error.

        Raises:
            BadMessageError, NotOwnerError, KnobError: as of `app.watched.commands.read_command`.
            NotFedError: the model is not connected.
            TooManyMessagesError: too many wait for an answer.
        """
        sites = [] if self._model is None else self._model["sites"]
        command = read_command(message, viewer.owner, self.control, sites)
        if self.feed is None:
            raise NotFedError("the model is not connected, so that nobody is there to obey")
        ref = self._asked.add(viewer, answer)
        self.feed.say(dumps({"op": "command", "ref": ref, "command": command}))

    # Its end

    def close(self, code: int, reason: str) -> None:
        """Part from everybody."""
        self.is_over = True
        if self._telling is not None:
            self._telling.cancel()
        self._asked.lose()
        for each in (*self.viewers, *([self.feed] if self.feed is not None else [])):
            if code != SHUTTING_DOWN:
                each.say(dumps({"op": "ended", "reason": reason}))
            each.close(code, reason)

    def _rest(self) -> None:
        if not self.is_used:
            self.left_at = self._now()

    def _tell(self, message: Mapping[str, Any], topic: str) -> None:
        """Tell every viewer, each the newest of a topic."""
        text = dumps(message)
        self._to_viewers(lambda viewer: viewer.say(text, topic, newest=True))

    def _to_viewers(self, send: Callable[[Outbox], object]) -> None:
        """Do something for every viewer; one with whom it goes wrong is parted from, and the others go on."""
        for viewer in tuple(self.viewers):
            try:
                send(viewer)
            except Exception:
                _log.exception("a viewer of watch %s could not be served", self.id)
                viewer.close(SERVER_ERROR, "internal")

    def _viewers_changed(self) -> None:
        if self._telling is None:
            loop = asyncio.get_running_loop()
            wait_s = self._told_at + VIEWERS_EVERY_S - loop.time()
            self._telling = loop.call_later(max(0.0, wait_s), self._tell_viewers)

    def _tell_viewers(self) -> None:
        self._telling, self._told_at = None, asyncio.get_running_loop().time()
        self._tell({"op": "viewers", "count": len(self.viewers)}, "viewers")
        if self.feed is not None:
            self.feed.say(dumps({"op": "viewers", "count": len(self.viewers)}), "viewers", newest=True)


_HEARD: Final[dict[str, Callable[[Watch, Mapping[str, Any]], None]]] = {
    "model": Watch._hear_model,
    "state": Watch._hear_state,
    "warning": Watch._hear_warning,
    "changed": Watch._hear_changed,
    "reply": Watch._hear_reply,
}
