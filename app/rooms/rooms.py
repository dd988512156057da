"""The rooms of this server: opened, found by their codes, kept beyond its life, ended when nobody comes back."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Set
from typing import Final

from app.errors import ClientShareError, NotFoundError, TooManyRoomsError
from app.rooms.codes import WRONG_PER_MINUTE, new_code, read_code
from app.rooms.open import OpenRoom
from app.rooms.people import Student
from app.rooms.room import MOST_STUDENTS, Room
from app.rooms.topics import Topics
from app.runs import Runs
from app.settings import Settings
from app.shares import Paces
from app.store.keeper import Keeper
from app.store.records import digest_of
from app.viewers import SHUTTING_DOWN
from trainer.logs import of_run

TICK_S: Final = 0.1
OPENED_PER_MINUTE: Final = 20
EMPTY_S: Final = 1800.0  # after which a room that nobody is in, and nobody has joined, is ended
JOINS_PER_MINUTE: Final = 300  # of one address: a class of a hundred behind one joins within ten seconds

_log = logging.getLogger(__name__)


class Rooms:
    """The registry of rooms.

    Args:
        settings: the limits.
        runs: the runs of the lab.
        keeper: keeps the rooms.
        now: the time, in seconds.
    """

    def __init__(
        self, settings: Settings, runs: Runs, keeper: Keeper, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._keeper = keeper
        self._now = now
        self._rooms: dict[str, tuple[OpenRoom, Topics]] = {}
        self._opened = Paces("rooms are opened", OPENED_PER_MINUTE, now)
        self._wrong = Paces("wrong codes are answered", WRONG_PER_MINUTE, now)
        self._joins = Paces("students join", JOINS_PER_MINUTE, now)

    def __len__(self) -> int:
        return len(self._rooms)

    def all(self) -> list[OpenRoom]:
        """The rooms that there are."""
        return [at for at, _ in self._rooms.values()]

    async def start(self) -> None:
        """Take up the rooms that were kept, as they were; one that cannot be read is told in the log and left out."""
        kept = await self._keeper.rooms()
        for code, text in kept.items():
            try:
                room = Room.read(text)
            except Exception as error:  # whatever it holds, the other rooms are there; it stays, for who can read it
                _log.error("room %s, which was kept, cannot be read: %s", code, error)
                continue
            self._add(room)
        if self._keeper.problem is None:  # or nobody knows which rooms there are
            await self._end_orphans(kept.keys() - self._rooms.keys())

    async def _end_orphans(self, unread: Set[str]) -> None:
        """End runs that a room has opened, and that no room knows of: the server was killed in between.

        Args:
            unread: rooms that are kept and could not be read: what they know of stays.
        """
        known = {run_id for at in self.all() for run_id in at.room.runs}
        for run_id, code in (await self._keeper.runs_of_rooms()).items():
            if run_id not in known and code not in unread:
                _log.info("a run is ended: a room has opened it, and no room knows of it", extra=of_run(run_id))
                await self._keeper.forget(run_id)

    def _add(self, room: Room) -> OpenRoom:
        at = OpenRoom(room, self._runs, self._keeper, self._settings, self._now)
        self._rooms[room.code] = at, Topics(at, self._now)
        return at

    async def open(self, client: str, links: Callable[[str], list[str]]) -> tuple[OpenRoom, str]:
        """Open a room; it, and its host's token.

        Args:
            client: who opens it.
            links: returns the addresses of the page for students of a room with a code.

        Raises:
            ClientShareError: too many in a row from there.
            TooManyRoomsError: there are as many as there may be.
        """
        self._opened.take(client)
        most = self._settings.max_rooms
        if len(self._rooms) >= most:
            raise TooManyRoomsError(f"there are {most:,} rooms already, as many as this server may have")
        share = self._settings.share_of(most)
        if sum(each.room.client == client for each in self.all()) >= share < most:
            raise ClientShareError(f"your address has as many rooms as it may, {share:,} of {most:,}")
        code = next(each for each in iter(new_code, "") if each not in self._rooms)
        token = secrets.token_urlsafe(24)
        found = links(code)
        at = self._add(Room(code, digest_of(token), client, links=found, link=found[0]))
        await at.save()
        return at, token

    def find(self, code: str, client: str) -> OpenRoom:
        """Return the room of a code.

        Raises:
            NotFoundError: there is none.
            ClientShareError: this client has asked for too many that there are not.
        """
        read = read_code(code)
        found = None if read is None else self._rooms.get(read)
        if found is None or found[0].over:
            self._wrong.take(client)
            told = "".join(each for each in code[:12] if each.isalnum())
            raise NotFoundError(f"there is no room with the code {told}: it has ended, or the code is another")
        return found[0]

    async def join(self, at: OpenRoom, name: str, client: str) -> tuple[Student, str]:
        """Let a student into a room, and write it down; the student, and the token.

        Raises:
            ClientShareError: too many in a row from there.
            NotFoundError: it is over.
            TooManyViewersError: it is locked, or full.
        """
        self._joins.take(client)
        at.check()
        at.forget_strangers()
        at.room.check_join(client, self._settings.share_of(MOST_STUDENTS))
        student, token = at.room.join(name)
        student.client, student.came = client, self._now()
        at.tend()
        await at.save()
        return student, token

    async def run_for_ever(self) -> None:
        """Have every room do what is due, and offer its readers what is new, ten times a second.

        What one round comes too late, the next one comes sooner, so that there are as many as there should be.
        """
        due = self._now()
        while True:
            due = max(due + TICK_S, self._now())
            for at, topics in tuple(self._rooms.values()):
                try:
                    self._tend(at, topics)
                except Exception:  # one room's fault is that room's
                    _log.exception("a room stumbled")
            await asyncio.sleep(max(0.01, due - self._now()))

    def _tend(self, at: OpenRoom, topics: Topics) -> None:
        if at.over:
            self._rooms.pop(at.room.code, None)
            return
        rests_s = (
            self._settings.room_hours * 3600 if at.room.students else min(EMPTY_S, self._settings.room_hours * 3600)
        )
        if not at.readers and self._now() - at.emptied_at > rests_s:
            at.do(at.end("nobody was in it any more"))
            return
        at.tick()
        topics.offer()

    async def close(self) -> None:
        """Part from everybody because the server shuts down; the rooms stay kept."""
        for at in self.all():
            await at.save()
            for reader in tuple(at.readers):
                reader.close(SHUTTING_DOWN, "shutdown")
            at.stop()
