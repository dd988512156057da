"""The worker's loop: take commands, train whoever is due for one slice, do a bite of something else, again."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from trainer.logs import about_run, of_run
from trainer.settings.changes import ChangeLog
from trainer.wire.stream import StreamError
from trainer.worker import publish
from trainer.worker.pace import Ledger
from trainer.worker.past import PastSession
from trainer.worker.said import check_said
from trainer.worker.searching import make_search_session
from trainer.worker.session import Accounts, Saving, Sender, Session
from trainer.worker.sharing import CROWD, CROWDED_PRICE, UNWATCHED_PRICE, Pictures, Shares

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment
    from trainer.training.trace import Trace

EXTRAS_SHARE: Final = 0.1  # of the worker's time for ensembles and boundaries
QUESTIONS_SHARE: Final = 0.2  # and for answers to what viewers ask: somebody is waiting for them
SAVING_SHARE: Final = 0.02  # and for checkpoints
SCORING_SHARE: Final = 0.2  # and for scores: nothing for the default run, and a limit for sixty-four wide networks

_log = logging.getLogger(__name__)

T = TypeVar("T")
Served = Session | PastSession


class Line(Sender, Protocol):
    """What the loop needs of a `trainer.worker.link.Link`."""

    @property
    def full(self) -> bool:
        """Whether the app reads so slowly that training should wait for it."""

    def flush(self) -> None:
        """Send what can be sent now."""

    def exchange(self, wait_s: float | None) -> list[dict[str, Any]]:
        """Send what can be sent and return the messages that have come, after waiting at most ``wait_s`` seconds."""


class Worker:
    """Trains the runs that it is given, in turn.

    Args:
        line: the stream to the app.
        make: makes the experiment that an ``open`` asks for.
        look: traces an evaluation pass of an experiment's followed example.
        clock: the time in seconds.
        pack: returns an experiment's state as the bytes of a checkpoint; without it there are none.
        worked: seconds that this process has worked, which it has not while it was stopped; by default the clock's.
    """

    def __init__(
        self,
        line: Line,
        make: Callable[[Mapping[str, Any]], Experiment],
        look: Callable[[Experiment], Trace],
        clock: Callable[[], float] = time.monotonic,
        pack: Callable[[Experiment], bytes | None] | None = None,
        worked: Callable[[], float] | None = None,
    ) -> None:
        self._line = line
        self._make = make
        self._look = look
        self._clock = clock
        self._worked = worked or clock
        self._sessions: dict[str, Served] = {}  # those for which something else was done longest ago come first
        self._shares = Shares()
        self._changes: dict[str, ChangeLog] = {}  # of runs that will be opened, as far as they have come
        self._opening: dict[str, list[Mapping[str, Any]]] = {}  # runs to be opened, and what was said to them since
        scoring, extras = Ledger(SCORING_SHARE, clock()), Ledger(EXTRAS_SHARE, clock())
        self._accounts = Accounts(scoring, extras, Pictures(clock()))
        self._questions = Ledger(QUESTIONS_SHARE, clock())
        self._saving = None if pack is None else Saving(pack, Ledger(SAVING_SHARE, clock()))
        self._checkpoints: dict[str, bytes] = {}  # from which runs that are opened next go on
        self._leaving: set[str] = set()  # runs that another worker is to take
        self._ended = False

    def serve(self) -> None:
        """Work until the app says ``shutdown``.

        Raises:
            LinkClosedError: the app has hung up.
            StreamError: it sent something that is no message.
        """
        while not self._ended:
            self.live()

    def live(self) -> None:
        """Take a turn, and hear what the app says; wait for that if there is nothing to do."""
        self._hand_over()
        # Without a limit while the line is full: it returns as soon as the app has read some of it.
        wait_s = None if self._line.full else 0.0 if self.turn() else self._wait()
        if not self._ended:
            began = self._clock()
            self._listen(wait_s)
            now = self._clock()
            self._accounts.pictures.passed(now, 0.0 if wait_s == 0.0 else now - began)

    def _listen(self, wait_s: float | None) -> None:
        """Do what the app has said, and answer before anything else is begun: a turn is long."""
        heard = self._line.exchange(wait_s)
        for message in heard:
            self.receive(message)
        if heard:
            self._line.flush()

    def turn(self) -> bool:
        """Answer a bite of what was asked, let one run train for a slice, one run do a bite of something else, and open
        one that is to be opened; return whether there was anything.

        It is the turn of the run that has had the least time so far, for whatever.

        In between it listens, so that a command waits for one of the four and not for all.
        """
        answered = self._answer()
        now = self._clock()
        self._accounts.pictures.runs = sum(session.is_drawn for session in self._sessions.values())
        waiting = self._due(now)
        crowded = len(waiting) >= CROWD
        self._accounts.scoring.price = CROWDED_PRICE["scoring"] if crowded else 1.0
        self._accounts.extras.price = CROWDED_PRICE["extras"] if crowded else 1.0
        training = min(waiting, key=lambda each: self._shares.rank(each.run), default=None)
        if training is not None:
            self._shares.begin(training.run)
            self._serve(training, partial(training.train, crowded))
            self._listen(0.0)
            answered = self._answer() or answered
            now = self._clock()
        idle = training is None
        working = self._first_due(lambda each: each.extra_due_at(now, idle) <= now)
        if working is not None:
            self._serve(working, partial(working.work, idle))
            if self._sessions.get(working.run) is working:
                self._sessions[working.run] = self._sessions.pop(working.run)
        return self._open_next(working is not None) or answered or not (training is None and working is None)

    def _hand_over(self) -> None:
        """Part with the runs that another worker is to take, as soon as each of them can be left."""
        for run in tuple(self._leaving):
            session = self._sessions.get(run)
            if not isinstance(session, Session):
                self._leaving.discard(run)
            elif session.is_bound:
                self._leaving.discard(run)
                self._line.send({"op": "handed_over", "run": run, "step": None, "why": "bound"})
            elif self._guard(session, partial(_may_leave, session)):
                self._leaving.discard(run)
                step = self._guard(session, session.leave)
                if self._sessions.get(run) is session:
                    why = {} if step is not None else {"why": "too large"}
                    self._line.send({"op": "handed_over", "run": run, "step": step, **why})
                    if step is not None:
                        self._drop(session)

    def _drop(self, session: Served) -> None:
        """Close a session for good."""
        del self._sessions[session.run]
        self._shares.forget(session.run)
        _close(session)

    def _open_next(self, after_a_bite: bool) -> bool:
        """Open the run that was to be opened first, if there is one, and do what was said to it meanwhile."""
        if self._opening and after_a_bite:
            self._listen(0.0)
        if not self._opening:  # which may be because it was closed
            return False
        run = next(iter(self._opening))
        request, *rest = self._opening.pop(run)
        self._open(run, request)
        for message in rest:
            self.receive(message)
        return True

    def _due(self, now: float) -> list[Served]:
        """The runs that want to train now."""
        return [each for each in tuple(self._sessions.values()) if self._guard(each, partial(_wants, each, now))]

    def _serve(self, session: Served, action: Callable[[], None]) -> None:
        """Do something for a run, and write down the time that it took; not that in which the machine stood still."""
        began, worked = self._clock(), self._worked()
        self._guard(session, action)
        if self._sessions.get(session.run) is session:
            price = 1.0 if session.is_watched else UNWATCHED_PRICE
            self._shares.spend(session.run, min(self._clock() - began, self._worked() - worked), price)

    def _answer(self) -> bool:
        """Do a bite of a question, if there is one and time for it; whether that was so.

        Time is short only while some run wants to train.
        """
        runs = [each for each in tuple(self._sessions.values()) if isinstance(each, Session)]
        asked = [each for each in runs if self._guard(each, partial(_is_asked, each))]
        if not asked:
            return False
        now = self._clock()
        idle = not self._due(now)
        if not (idle or self._questions.allows(now)):
            return False
        session = min(asked, key=lambda each: each.questions.served_at)
        self._serve(session, session.questions.work)
        if not idle:
            self._questions.spend(self._clock() - now)
        self._listen(0.0)
        return True

    def _first_due(self, is_due: Callable[[Served], bool]) -> Served | None:
        """The first session that is due; one that cannot even say so has failed."""
        for session in tuple(self._sessions.values()):
            if self._guard(session, partial(is_due, session)):
                return session
        return None

    def _wait(self) -> float | None:
        """Seconds until somebody is due; None when nobody will be."""
        if self._opening:
            return 0.0
        now = self._clock()
        asked = [self._guard(each, partial(_due_at, each, now)) for each in tuple(self._sessions.values())]
        soonest = min((at for at in asked if at is not None), default=math.inf)
        return None if soonest == math.inf else max(0.0, soonest - now)

    def receive(self, message: Mapping[str, Any]) -> None:
        """Do what the app says, if it makes sense; an opening that makes none is answered: somebody waits for it."""
        try:
            check_said(message)
        except StreamError as error:
            _log.warning("the app does not make sense: %s", error)
            if message.get("op") == "open" and isinstance(message.get("run"), str):
                self._fail(message["run"], error)
            return
        operation, run = message.get("op"), str(message.get("run"))
        session = self._sessions.get(run)
        if operation == "changes":
            self._changes.setdefault(run, ChangeLog()).extend(message["changes"])  # the app has checked them
        elif run in self._opening:
            if operation == "close":
                del self._opening[run]
                self._checkpoints.pop(run, None)
            else:
                self._opening[run].append(message)
        elif operation == "open":
            changes = self._changes.pop(run, None) or ChangeLog()
            self._opening[run] = [
                {**message, "changes": changes}
            ]  # in its turn: many that come at once would keep everybody waiting
        elif operation == "checkpoint":
            self._checkpoints[run] = message["frame"]
        elif operation == "shutdown":
            self._ended = True
        elif operation == "command":
            self._command(run, message)
        elif operation == "close" and run in self._changes:
            del self._changes[run]
        elif session is None:
            _log.debug("%r for run %s, which is not here", operation, run, extra=of_run(run))
        elif operation == "watch":
            self._guard(session, lambda: _watch(session, message))
        elif operation == "hand_over":
            self._leaving.add(run)
        elif operation == "close":
            self._drop(session)

    def _open(self, run: str, request: Mapping[str, Any]) -> None:
        checkpoint = self._checkpoints.pop(run, None)
        try:
            session = self._session(run, {**request, "checkpoint": checkpoint})
            session.open({**request, "checkpoint": checkpoint})
        except Exception as problem:
            self._fail(run, problem)
        else:
            self._sessions[run] = session

    def _session(self, run: str, request: Mapping[str, Any]) -> Served:
        if request.get("past") is not None:
            return PastSession(run, self._make(request), self._line, self._clock)
        rest = (self._line, self._clock, self._accounts, self._look, self._saving)
        if request.get("search") is not None:
            return make_search_session(run, request, self._make, *rest)
        return Session(run, self._make(request), *rest)

    def _command(self, run: str, message: Mapping[str, Any]) -> None:
        session, ref = self._sessions.get(run), message.get("ref")
        if session is None:
            error = {"code": "not_found", "message": f"run {run} is not open on this worker"}
            self._line.send({"op": "reply", "run": run, "ref": ref, "error": error})
            return
        command = message.get("command")
        self._guard(session, lambda: session.command(ref, command if isinstance(command, dict) else {}))

    def _guard(self, session: Served, action: Callable[[], T]) -> T | None:
        """Do something for one run and return what comes of it; if that fails, it is the end of that run only."""
        try:
            with about_run(session.run):
                return action()
        except Exception as problem:
            if self._sessions.get(session.run) is session:
                self._drop(session)
            else:
                _close(session)
            self._fail(session.run, problem)
            return None

    def _fail(self, run: str, problem: Exception) -> None:
        error = publish.error(problem)
        if error["code"] == "internal":
            _log.error("run %s cannot go on", run, exc_info=problem, extra=of_run(run))
        self._line.send({"op": "failed", "run": run, "error": error})


def _watch(session: Served, message: Mapping[str, Any]) -> None:
    """Tell a run who sees it, and what they see."""
    session.watch(int(message["viewers"]), message.get("views") or (), message.get("pictures", True))


def _close(session: Served) -> None:
    """Close a session that is not among the others any more, in whatever state it is."""
    try:
        session.close()
    except Exception:
        _log.exception("run %s could not be closed as it should", session.run, extra=of_run(session.run))


def _wants(session: Served, now: float) -> bool:
    """Whether a session wants to train now."""
    return session.due_at(now) <= now


def _may_leave(session: Session) -> bool:
    """Whether another worker can take a session over now."""
    return session.may_leave


def _is_asked(session: Session) -> bool:
    """Whether a session has a question that can be answered now."""
    return session.is_asked


def _due_at(session: Served, now: float) -> float:
    """When a session of a worker without anything else to do is due for something."""
    return min(session.due_at(now), session.extra_due_at(now, True))
