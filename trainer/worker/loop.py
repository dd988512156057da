"""The worker's loop: take commands, train whoever is due for one slice, do a bite of something else, again."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from trainer.worker import publish
from trainer.worker.pace import Ledger
from trainer.worker.searching import make_search_session
from trainer.worker.session import Sender, Session

if TYPE_CHECKING:
    from trainer.experiment import Experiment
    from trainer.trace import Trace

EXTRAS_SHARE: Final = 0.1  # of the worker's time for ensembles and boundaries
SCORING_SHARE: Final = 0.2  # and for scores: nothing for the default run, and a limit for sixty-four wide networks

_log = logging.getLogger(__name__)


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
    """

    def __init__(
        self,
        line: Line,
        make: Callable[[Mapping[str, Any]], Experiment],
        look: Callable[[Experiment], Trace],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = line
        self._make = make
        self._look = look
        self._clock = clock
        self._sessions: dict[str, Session] = {}  # those that were served longest ago come first
        self._scoring = Ledger(SCORING_SHARE, clock())
        self._extras = Ledger(EXTRAS_SHARE, clock())
        self._ended = False

    def serve(self) -> None:
        """Work until the app says ``shutdown``.

        Raises:
            LinkClosedError: the app has hung up.
            StreamError: it sent something that is no message.
        """
        while not self._ended:
            # Without a limit while the line is full: it returns as soon as the app has read some of it.
            wait_s = None if self._line.full else 0.0 if self.turn() else self._wait()
            if not self._ended:
                self._listen(wait_s)

    def _listen(self, wait_s: float | None) -> None:
        """Do what the app has said, and answer before anything else is begun: a turn is long."""
        heard = self._line.exchange(wait_s)
        for message in heard:
            self.hear(message)
        if heard:
            self._line.flush()

    def turn(self) -> bool:
        """Let one run train for a slice, and one run do a bite of something else; return whether there was anything.

        In between it listens, so that a command waits for one of the two and not for both.
        """
        now = self._clock()
        training = next((each for each in self._sessions.values() if each.due_at(now) <= now), None)
        if training is not None:
            self._guard(training, training.train)
            self._listen(0.0)
            now = self._clock()
        idle = training is None
        working = next((each for each in self._sessions.values() if each.extra_due_at(now, idle) <= now), None)
        if working is not None:
            self._guard(working, lambda: working.work(idle))
        for served in (training, working):
            if served is not None and self._sessions.get(served.run) is served:
                self._sessions[served.run] = self._sessions.pop(served.run)
        return not (training is None and working is None)

    def _wait(self) -> float | None:
        """Seconds until somebody is due; None when nobody will be."""
        now = self._clock()
        due_at = [at for each in self._sessions.values() for at in (each.due_at(now), each.extra_due_at(now, True))]
        soonest = min(due_at, default=math.inf)
        return None if soonest == math.inf else max(0.0, soonest - now)

    def hear(self, message: Mapping[str, Any]) -> None:
        """Do what the app says."""
        operation, run = message.get("op"), str(message.get("run"))
        session = self._sessions.get(run)
        if operation == "open":
            self._open(run, message)
        elif operation == "shutdown":
            self._ended = True
        elif operation == "command":
            self._command(run, message)
        elif session is None:
            _log.debug("%r for run %s, which is not here", operation, run)
        elif operation == "watch":
            self._guard(session, lambda: session.watch(int(message["viewers"]), message.get("views") or ()))
        elif operation == "close":
            del self._sessions[run]
            session.close()
        else:
            _log.warning("the app said %r, which is no operation", operation)

    def _open(self, run: str, request: Mapping[str, Any]) -> None:
        try:
            session = self._session(run, request)
            session.open(request)
        except Exception as problem:
            self._fail(run, problem)
        else:
            self._sessions[run] = session

    def _session(self, run: str, request: Mapping[str, Any]) -> Session:
        rest = (self._line, self._clock, self._scoring, self._extras, self._look)
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

    def _guard(self, session: Session, action: Callable[[], None]) -> None:
        """Do something for one run; if that fails, it is the end of that run only."""
        try:
            action()
        except Exception as problem:
            del self._sessions[session.run]
            session.close()
            self._fail(session.run, problem)

    def _fail(self, run: str, problem: Exception) -> None:
        error = publish.error(problem)
        if error["code"] == "internal":
            _log.error("run %s cannot go on", run, exc_info=problem)
        self._line.send({"op": "failed", "run": run, "error": error})
