"""What viewers ask of a run, answered one after the other, in bites that commands and training come between."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trainer.errors import DropoutLabError
from trainer.worker import publish
from trainer.worker.pace import take_bite

if TYPE_CHECKING:
    from trainer.insight.asking import Answer, Asking
    from trainer.settings.pieces import Pieces
    from trainer.training.experiment import Experiment


_log = logging.getLogger(__name__)


class Questions:
    """The questions about one run.

    Args:
        experiment: the run's.
        reply: sends what a question is answered: its reference, and the rest of the reply.
        clock: the time in seconds.

    Attributes:
        served_at: when the latest bite ended: of several runs, the one that waits longest is next.
    """

    def __init__(
        self, experiment: Experiment, reply: Callable[[Any, dict[str, Any]], None], clock: Callable[[], float]
    ) -> None:
        self._reply = reply
        self._clock = clock
        self._waiting: deque[tuple[Any, Mapping[str, Any]]] = deque()  # the first of them is being answered
        self.served_at = -math.inf
        self.restart(experiment)

    def restart(self, experiment: Experiment) -> None:
        """Go on with another experiment, or with the same one at step 0: what waits is asked of that one."""
        self._experiment = experiment
        self._asking: Asking | None = None
        self._job: Pieces[Answer] | None = None

    def close(self) -> None:
        """Let go of the experiment: nothing will be answered any more."""
        self._waiting.clear()
        self._asking = self._job = None
        del self._experiment

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, ref: Any, command: Mapping[str, Any]) -> None:
        """Take a question in; it is answered behind those that came before."""
        self._waiting.append((ref, command))

    def work(self) -> None:
        """Do one bite of the first question, and answer it if that was the last."""
        ref, command = self._waiting[0]
        try:
            if self._job is None:
                self._job = self._begin(command)
            ended, answer = take_bite(self._job, self._clock)
        except Exception as problem:  # one viewer's question must not be the end of everybody's run
            if not isinstance(problem, DropoutLabError):
                _log.exception("a question cannot be answered")
                self._asking = None
            ended, reply = True, {"error": publish.error(problem)}
        else:
            reply = {"step": answer.step, "answer": answer.described()} if ended else {}
        if ended:
            self._job = None
            self._waiting.popleft()
            self._reply(ref, reply)
        self.served_at = self._clock()

    def _begin(self, command: Mapping[str, Any]) -> Pieces[Answer]:
        from trainer.insight.asking import Asking

        self._asking = self._asking or Asking(self._experiment)
        return self._asking.ask_in_pieces(command.get("x", ()), command.get("lane"))
