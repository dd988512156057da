"""The watches of this server: opened, found, and forgotten when nobody is there any more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from app.errors import ClientShareError, NotFoundError, TooManyWatchesError
from app.settings import Settings
from app.shares import Paces
from app.store.records import digest_of
from app.viewers import SHUTTING_DOWN
from app.watched.names import id_of, new_token
from app.watched.watch import WATCH_ENDED, Watch

if TYPE_CHECKING:
    from app.metrics import Metrics
    from app.watched.file import WatchFile

SWEEP_S: Final = 1.0
ARRIVAL_S: Final = 5.0  # one that was just opened or just left gives no way: somebody is on the way to it
UNFED_S: Final = 120.0  # after which one is forgotten to which no model ever came
BYTES_OF_EACH: Final = 8 * 1024 * 1024
"""Of all watches together so many times as there may be: one may have four times as many, not all of them."""

_log = logging.getLogger(__name__)


class Watches:
    """The registry of watches.

    Args:
        settings: the limits.
        metrics: where they count what happens.
        now: the time, in seconds.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._watches: dict[str, Watch] = {}
        self._paces = Paces("watches are opened", settings.max_openings_per_minute, now)
        self._closed = False

    def __len__(self) -> int:
        return len(self._watches)

    def all(self) -> list[Watch]:
        """The watches that there are."""
        return list(self._watches.values())

    @property
    def size(self) -> int:
        """How many bytes of memory they take, about."""
        return sum(watch.size for watch in self._watches.values())

    def find(self, name: str) -> Watch:
        """Return a watch.

        Raises:
            NotFoundError: there is none of this id.
        """
        watch = self._watches.get(name)
        if watch is None:
            raise NotFoundError("there is no such watch: it was ended, it was forgotten, or the server began anew")
        return watch

    def open(self, name: str, control: bool, client: str, token: str | None = None) -> tuple[Watch, str, bool]:
        """Open a watch, or find the one that a token is of; it, its token, and whether it is new.

        Args:
            name: what it is called.
            control: whether its model obeys.
            client: who opens it.
            token: of a watch that this server may have lost.

        Raises:
            WrongTokenError: the token is not that of the watch.
            ClientShareError, TooManyWatchesError: there is no room for it.
        """
        if token is not None and (known := self._watches.get(id_of(token))) is not None:
            known.check_token(token)
            return known, token, False
        self._make_room(client)
        token = token or new_token()
        watch = self._add(name, control, client, token)
        return watch, token, True

    def bring(self, file: WatchFile, client: str) -> tuple[Watch, str]:
        """Open what is in a file, as `open` does; the watch and its token."""
        self._make_room(client)
        token = new_token()
        watch = self._add(file.name, False, client, token)
        file.fill(watch)
        return watch, token

    def _add(self, name: str, control: bool, client: str, token: str) -> Watch:
        watch = Watch(id_of(token), name, control, digest_of(token), self._settings, client, self._now, self._metrics)
        self._watches[watch.id] = watch
        return watch

    def _make_room(self, client: str) -> None:
        """Let a client have one watch more; one of its own that nobody uses gives way, or of a client that has more.

        Raises:
            ClientShareError: it opens too many in a row, or has its share, and all are in use.
            TooManyWatchesError: there are as many as there may be, and all are in use.
        """
        if self._closed:
            raise TooManyWatchesError("the server is shutting down")
        self._paces.take(client)
        has = Counter(watch.client for watch in self._watches.values())
        most, share = self._settings.max_watches, self._settings.share_of(self._settings.max_watches)
        if len(self._watches) < most and has[client] < share:
            return
        latest = self._now() - ARRIVAL_S
        spare = [watch for watch in self._watches.values() if not watch.is_used and watch.left_at <= latest]
        own = [watch for watch in spare if watch.client == client]
        others = [watch for watch in spare if has[watch.client] > has[client]] if has[client] < share else []
        if own or others:
            self.end(min(own or others, key=lambda watch: watch.left_at), "another needed its place")
        elif has[client] >= share < most:
            raise ClientShareError(f"your address has as many watches as it may, {share:,} of {most:,}, all in use", 30)
        else:
            raise TooManyWatchesError(f"the server has as many watches as it may, {most:,}, and all are in use")

    def end(self, watch: Watch, reason: str) -> None:
        """Forget a watch, and part from everybody who is there."""
        if self._watches.pop(watch.id, None) is not None:
            watch.close(WATCH_ENDED, reason)

    async def sweep_for_ever(self) -> None:
        """Look after watches that nobody uses, and after the memory, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self.sweep()
            except Exception:
                _log.exception("the watches could not be looked after")

    def sweep(self) -> None:
        """Forget what nobody has used for long; of too much memory, what nobody has used for longest, and then the
        older rows of whatever has most.
        """
        now = self._now()
        for watch in self.all():
            rests_s = self._settings.watch_hours * 3600 if watch.came else UNFED_S
            if not watch.is_used and now - watch.left_at > rests_s:
                self.end(watch, "nobody was there any more")
        most = BYTES_OF_EACH * self._settings.max_watches
        while self.size > most:
            spare = [watch for watch in self.all() if not watch.is_used and watch.left_at <= now - ARRIVAL_S]
            if spare:
                self.end(min(spare, key=lambda watch: watch.left_at), "its memory was needed")
            elif not any(watch.kept.shrink() for watch in sorted(self.all(), key=_by_size)):
                return

    def close(self) -> None:
        """Part from everybody because the server shuts down."""
        self._closed = True
        for watch in self.all():
            watch.close(SHUTTING_DOWN, "shutdown")


def _by_size(watch: Watch) -> Any:
    return -watch.size
