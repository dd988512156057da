"""The socket that workers dial, whoever placed them: who is there, which run lives where, and what passes between.

A worker that dials in shows the secret of its own start and the epoch that is awaited of it. From then on the end of
its stream means that it is lost: its runs are reported, and it is started again. One that hangs is hung up on
(`app.pool.signs` says what that is), and then is lost as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
import shutil
import socket
import sys
import tempfile
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.pool.base import Placed, Placer, PoolListener, PoolStatus
from app.pool.link import Link, WorkerInfo
from app.pool.signs import TICK_S, USUAL, Limits
from trainer.errors import DropoutLabError
from trainer.wire.frames import peek
from trainer.wire.jsontext import Written
from trainer.wire.stream import MAX_HELLO, MAX_PAYLOAD, Kind, Splitter, StreamError, parse_message

START_S: Final = 120.0  # from placing a worker to its hello: importing torch takes 3 s, on a cold disk ten times that
HELLO_S: Final = 10.0  # from dialling in to the hello, which a worker sends at once
GRACE_S: Final = 3.0  # to end by itself: a slice takes 15 ms
YOUNG_S: Final = 5.0  # a worker that dies so soon after its hello is restarted more and more slowly
MAX_BACKOFF_S: Final = 30.0
MOVE_S: Final = 30.0  # for a run that is asked for to be handed over, before others are asked for
MAX_WAITING: Final = 1000  # messages that wait with a run for a worker
_READ: Final = 256 * 1024
_UNIX_PATH: Final = 100  # a Unix socket's path may have 104 to 108 bytes

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Slot:
    """One of the workers that are wanted, and its present incarnation."""

    number: int
    epoch: int = 0
    token: str = ""
    arrival: asyncio.Future[Link] | None = None  # awaited while there is one that is not done


class WorkerHub:
    """A pool of workers that dial in; see `app.pool.base.Pool` for what its methods promise.

    Args:
        placer: starts a worker.
        workers: how many are wanted.
        start_s: seconds that a worker may take from being placed to its hello.
        limits: when a worker is given up that is there and hangs.
        room: bytes of memory that each worker has for its runs, if that is known.
    """

    def __init__(
        self,
        placer: Placer,
        workers: int,
        *,
        start_s: float = START_S,
        limits: Limits = USUAL,
        room: int | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers = {workers} is not allowed: it must be at least 1")
        self._placer = placer
        self._start_s = start_s
        self._limits = limits
        self._room = room
        self._sizes: dict[str, int] = {}  # by run: bytes that it takes, as it was said in its opening
        self._slots = [_Slot(number) for number in range(workers)]
        self._links: list[Link] = []
        self._homes: dict[str, Link] = {}
        self._moving: dict[str, float] = {}  # runs that are asked to be handed over, and until when that is waited for
        self._waiting: dict[str, list[dict[str, Any] | bytes]] = {}  # by run: its opening and what was said since
        self._callers: set[asyncio.Task[Any]] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._listener: PoolListener | None = None
        self._server: asyncio.Server | None = None
        self._folder: Path | None = None
        self.address = ""

    # Startup and shutdown

    async def start(self, listener: PoolListener) -> None:
        """Listen, and start the workers; returns once they are being started, not once they are ready."""
        self._listener = listener
        await self._bind()
        self._keepers = [asyncio.create_task(self._keep(slot), name=f"worker {slot.number}") for slot in self._slots]
        self._keepers.append(asyncio.create_task(self._watch(), name="watch over the workers"))

    async def stop(self) -> None:
        """End every worker, kindly and then firmly; returns once none is left."""
        self._listener = None
        for link in self._links:
            link.write({"op": "shutdown"})
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _bind(self) -> None:
        """Listen on a Unix socket that only this user can reach or, where there can be none, on loopback."""
        if sys.platform != "win32" and hasattr(socket, "AF_UNIX"):  # there asyncio serves none, even where there are
            try:
                await self._bind_unix()
            except OSError as error:  # nothing can be written: a container whose root is read-only, a full disk
                _log.info("workers dial in over loopback, for no Unix socket can be made: %s", error)
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", 0, limit=_READ)
        self.address = "tcp:{}:{}".format(*self._server.sockets[0].getsockname()[:2])

    async def _bind_unix(self) -> None:
        """Listen on a Unix socket, if its path is not too long for one.

        Raises:
            OSError: there is no place for it.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="dropout-lab-"))  # mode 0700
        path = self._folder / "pool"
        if len(str(path)) <= _UNIX_PATH:
            self._server = await asyncio.start_unix_server(self._greet, path, limit=_READ)
            self.address = f"unix:{path}"

    # The pool's interface

    @property
    def workers(self) -> tuple[WorkerInfo, ...]:
        """The workers that are there, by number."""
        return tuple(sorted((link.info for link in self._links), key=lambda info: info.worker))

    def silence_of(self, worker: int) -> float:
        """Seconds for which a worker that is there has said nothing."""
        return next(link.signs.silent_s for link in self._links if link.info.worker == worker)

    def status(self) -> PoolStatus:
        """How many workers are wanted and alive, what they train on, and how often one was started again."""
        here = self.workers
        restarts = sum(max(0, slot.epoch - 1) for slot in self._slots)
        devices = tuple(info.device for info in here)
        return PoolStatus(len(self._slots), len(here), devices, self._room, restarts)

    def open(
        self, run: str, request: dict[str, Any], changes: Iterable[Written] = (), checkpoint: bytes | None = None
    ) -> None:
        """Open a run on the worker that has the fewest; without one alive it waits for the next."""
        self.close(run)
        parts = [{"op": "changes", "run": run, "changes": part} for part in changes]
        saved = [] if checkpoint is None else [checkpoint]
        self._sizes[run] = int(request.get("memory") or 0)
        self._place(run, [*parts, *saved, {**request, "op": "open", "run": run}])

    def send(self, run: str, message: dict[str, Any]) -> None:
        """Say something to the worker that has the run, or let it wait with the run."""
        message = {**message, "run": run}
        if run in self._homes:
            self._homes[run].write(message)
        elif len(self._waiting.get(run, ())) <= MAX_WAITING:
            self._waiting.get(run, []).append(message)

    def close(self, run: str) -> None:
        """Close a run, wherever it is; nothing is heard of it after that."""
        self._waiting.pop(run, None)
        self._sizes.pop(run, None)
        self._moving.pop(run, None)
        link = self._homes.pop(run, None)
        if link is not None:
            link.runs.discard(run)
            link.write({"op": "close", "run": run})

    def _place(self, run: str, messages: list[dict[str, Any] | bytes]) -> None:
        size = self._sizes.get(run, 0)

        def rank(link: Link) -> tuple[bool, int, int, int]:
            hangs, runs, number = _fullness(link)
            return hangs, self._lacks(link, size), runs, number

        link = min(self._links, key=rank, default=None)
        if link is None:
            self._waiting[run] = messages
            return
        link.runs.add(run)
        self._homes[run] = link
        for message in messages:
            link.write(message)

    def _lacks(self, link: Link, size: int) -> int:
        """How many bytes a worker lacks for a run of so many."""
        if self._room is None:
            return 0
        return max(0, sum(self._sizes.get(run, 0) for run in link.runs) + size - self._room)

    # The workers' lives

    async def _keep(self, slot: _Slot) -> None:
        """Keep one worker alive: start it, wait until it is lost, start it again."""
        young_deaths = 0
        while True:
            lived_s = 0.0
            try:
                lived_s = await self._live(slot)
            except (OSError, TimeoutError) as error:
                _log.error("worker %d did not start: %s", slot.number, error)
            except Exception:  # whatever it was, the others need not do without this one from here on
                _log.exception("worker %d did not start", slot.number)
            young_deaths = young_deaths + 1 if lived_s < YOUNG_S else 0
            await asyncio.sleep(backoff(young_deaths))

    async def _live(self, slot: _Slot) -> float:
        """One life of a worker, from its start until it has ended; the seconds from its hello on.

        Raises:
            OSError: it could not be started, or ended before it dialled in.
            TimeoutError: it did not dial in.
        """
        slot.epoch += 1
        slot.token = secrets.token_urlsafe(32)
        arrival = slot.arrival = asyncio.get_running_loop().create_future()
        placed = await self._placer.place(slot.number, slot.epoch, self.address, slot.token)
        link: Link | None = None
        try:
            link = await self._arrive(arrival, placed)
            came = asyncio.get_running_loop().time()
            await link.gone.wait()
            return asyncio.get_running_loop().time() - came
        finally:
            arrival.cancel()
            await placed.end(0.0 if link is not None and link.hangs else GRACE_S)

    async def _arrive(self, arrival: asyncio.Future[Link], placed: Placed) -> Link:
        """Wait until the worker dials in, ends or takes too long."""
        end = asyncio.ensure_future(placed.wait())
        try:
            both: set[asyncio.Future[Any]] = {arrival, end}
            await asyncio.wait(both, timeout=self._start_s, return_when=asyncio.FIRST_COMPLETED)
            if arrival.done():
                return arrival.result()
            if end.done():
                raise OSError(f"it ended with status {end.result()} before it was ready")
            raise TimeoutError(f"it was not ready within {self._start_s:g} seconds")
        finally:
            end.cancel()

    async def _watch(self) -> None:
        """Look after the workers' signs of life, for ever.

        What counts of the time between two looks is at most twice what it should be: while this process itself was
        stopped, or its loop held up, nobody could be heard.
        """
        clock = asyncio.get_running_loop().time
        looked = clock()
        while True:
            await asyncio.sleep(TICK_S)
            before, looked = looked, clock()
            self.look(min(looked - before, 2 * TICK_S))
            self.even_out(looked)

    def look(self, passed_s: float) -> None:
        """Give up the workers that hang, and tell whose runs stand still meanwhile.

        Args:
            passed_s: seconds since the last look in which they could have been heard.
        """
        for link in tuple(self._links):
            if link.hangs:  # and its end is on its way
                continue
            link.signs.passed(passed_s)
            why = link.signs.why_given_up(self._limits)
            if why is not None:
                link.give_up(why)
            elif link.signs.is_doubtful is not link.is_doubted:
                link.is_doubted = link.signs.is_doubtful
                self._tell_silent(link)

    def even_out(self, now: float) -> None:
        """Have runs handed over, if one worker has at least two more than another: one that was lost comes back empty.

        Args:
            now: the time in seconds.
        """
        self._moving = {run: until for run, until in self._moving.items() if until > now}
        if self._moving or self._listener is None or len(self._links) < 2:
            return
        *_, fullest = ranked = sorted(self._links, key=_fullness)
        too_many = (len(fullest.runs) - len(ranked[0].runs)) // 2
        if any(link.hangs or link.is_doubted for link in ranked):
            return
        for run in sorted(fullest.runs):
            if len(self._moving) >= too_many:
                return
            with _guarded(f"the handing over of run {run}"):
                if self._listener.on_uneven(run):
                    self._moving[run] = now + MOVE_S

    def _tell_silent(self, link: Link) -> None:
        _log.log(
            logging.WARNING if link.is_doubted else logging.INFO,
            "worker %d %s",
            link.info.worker,
            "says nothing" if link.is_doubted else "is heard again",
        )
        if self._listener is not None and link.runs:
            with _guarded("the silence of a worker"):
                self._listener.on_silent(sorted(link.runs), link.is_doubted)

    # The workers' words

    async def _greet(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Hear a caller out if it is a worker that is awaited; hang up on any other."""
        caller = asyncio.current_task()
        assert caller is not None
        self._callers.add(caller)
        splitter = Splitter(MAX_HELLO)
        try:
            slot, hello = await asyncio.wait_for(self._hello(reader, splitter), HELLO_S)
            splitter.limit = MAX_PAYLOAD
            await self._listen(self._welcome(slot, hello, writer), reader, splitter)
        except TimeoutError:
            _log.warning("a caller said nothing for %g seconds and was hung up on", HELLO_S)
        except (DropoutLabError, OSError) as error:
            _log.warning("a caller was hung up on: %s", error)
        finally:
            writer.transport.abort()
            self._callers.discard(caller)

    async def _hello(self, reader: StreamReader, splitter: Splitter) -> tuple[_Slot, dict[str, Any]]:
        """Return the slot that a caller may fill, and its hello.

        Raises:
            StreamError: it is not a worker that is awaited.
        """
        while data := await reader.read(_READ):
            for kind, payload in splitter.feed(data):
                if kind is not Kind.JSON:
                    raise StreamError("a frame came before the hello")
                hello = parse_message(payload)
                return self._awaited(hello), hello
        raise StreamError("it left without a hello")

    def _awaited(self, hello: dict[str, Any]) -> _Slot:
        token = str(hello.get("token", "")).encode("utf-8", "replace")
        if type(hello.get("pid")) is not int or not all(
            isinstance(hello.get(name), str) for name in ("device", "torch")
        ):
            raise StreamError("its hello does not say what it is")
        for slot in self._slots:
            if slot.number != hello.get("worker") or slot.arrival is None or slot.arrival.done():
                continue
            if hmac.compare_digest(token, slot.token.encode()) and hello.get("epoch") == slot.epoch:
                return slot
        raise StreamError("its token is wrong, or it is not awaited")

    def _welcome(self, slot: _Slot, hello: dict[str, Any], writer: StreamWriter) -> Link:
        info = WorkerInfo(slot.number, slot.epoch, hello["pid"], hello["device"], hello["torch"])
        link = Link(info, writer)
        assert slot.arrival is not None
        slot.arrival.set_result(link)
        self._links.append(link)
        waiting, self._waiting = self._waiting, {}
        for run, messages in waiting.items():
            try:
                self._place(run, messages)
            except DropoutLabError as error:  # it is too long to be sent: the others are not
                self._refused(run, error)
        return link

    def _refused(self, run: str, error: DropoutLabError) -> None:
        """Tell that a run cannot be opened anywhere."""
        self.close(run)
        if self._listener is not None:
            self._listener.on_message(run, {"op": "failed", "run": run, "error": error.described()})

    async def _listen(self, link: Link, reader: StreamReader, splitter: Splitter) -> None:
        """Pass on what a worker says, until its stream ends."""
        try:
            while data := await reader.read(_READ):
                link.signs.heard()
                for kind, payload in splitter.feed(data):
                    if kind is Kind.FRAME:
                        self._on_frame(link, payload)
                    else:
                        self._on_message(link, parse_message(payload))
        except ConnectionError as error:
            _log.debug("worker %d's stream broke off: %s", link.info.worker, error)  # which is one way for it to end
        finally:
            self._lose(link)

    def _on_frame(self, link: Link, frame: bytes) -> None:
        run = peek(frame)[1]
        if self._listener is not None and run in link.runs:
            with _guarded(f"a frame of run {run}"):
                self._listener.on_frame(run, frame)

    def _on_message(self, link: Link, message: dict[str, Any]) -> None:
        if message.get("op") == "alive":
            link.signs.beat(message)
            return
        run = message.get("run")
        if self._listener is None or not isinstance(run, str) or run not in link.runs:
            return  # of a run that was closed or moved meanwhile
        if message.get("op") == "handed_over":
            self._moving.pop(run, None)
        if message.get("op") == "failed":
            link.runs.discard(run)
            self._homes.pop(run, None)
            self._sizes.pop(run, None)
        with _guarded(f"what was said of run {run}"):
            self._listener.on_message(run, message)

    def _lose(self, link: Link) -> None:
        """Tell that a worker is gone. It has no home from here on, so nothing more of its epoch can get through."""
        self._links.remove(link)
        runs, link.runs = sorted(link.runs), set()
        for run in runs:
            del self._homes[run]
        link.gone.set()
        if self._listener is not None:
            _log.error("worker %d (epoch %d) is lost, with %d runs", link.info.worker, link.info.epoch, len(runs))
            with _guarded("the loss of a worker"):
                self._listener.on_lost(runs)


@contextlib.contextmanager
def _guarded(what: str) -> Iterator[None]:
    """Log what the listener did not foresee: the worker, and all other runs on it, have done nothing wrong."""
    try:
        yield
    except Exception:
        _log.exception("%s could not be dealt with", what)


def _fullness(link: Link) -> tuple[bool, int, int]:
    """The worker for which this is least gets the next run: one that is heard, and has few."""
    return link.hangs or link.is_doubted, len(link.runs), link.info.worker


def backoff(young_deaths: int) -> float:
    """Return the seconds to wait before a worker is started again: none the first time, then doubled from one half."""
    return min(MAX_BACKOFF_S, 0.5 * 2.0 ** (young_deaths - 2)) if young_deaths > 1 else 0.0
