"""A look at an old step of a run: its masks drawn again, and its networks trained again up to it.

Nobody has it open for long: it is made from the run's configuration, its changes and the last checkpoint before the
step, sends its frames, says that it is done, and is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trainer.settings.pieces import Pieces
from trainer.wire.frames import Frame, Tensors, encode
from trainer.worker import publish
from trainer.worker.extras import EnsembleWanted, boundary, votes
from trainer.worker.pace import MAX_SLICE, SLICE_S, Slice, take_bite

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment
    from trainer.worker.session import Sender


class PastSession:
    """One old step of one run, or a row of them.

    To the worker it is a run like any other that is due until it has ended, so that it takes its turns among them.

    Args:
        run: what the app calls it; its frames carry this name.
        experiment: of the run, at a checkpoint before the step.
        sender: hears about it.
        clock: the time in seconds.

    Attributes:
        is_watched: somebody waits for it.
        is_drawn: it makes no pictures but those that were asked for.
    """

    def __init__(self, run: str, experiment: Experiment, sender: Sender, clock: Callable[[], float]) -> None:
        self.run = run
        self._experiment = experiment
        self._sender = sender
        self._clock = clock
        self._slice = Slice(SLICE_S, MAX_SLICE)
        self._job: Pieces[None] | None = None
        self._seq = 0

    def open(self, request: Mapping[str, Any]) -> None:
        """Begin with what ``past`` in a request asks for (docs/protocol.md).

        Raises:
            KnobError: there is no such lane or example.
        """
        wanted = request["past"]
        follow = request.get("follow") or {}
        self._experiment.follow(lane=follow.get("lane"), example=follow.get("example"))
        self._job = self._work(wanted, EnsembleWanted.of(request.get("ensemble") or {}))
        self._sender.send({"op": "opened", "run": self.run, "state": {"step": self._experiment.step}})

    def due_at(self, now: float) -> float:
        """When there is something to do: at once, until it is done."""
        return now if self._job is not None else float("inf")

    is_watched = True
    is_drawn = False

    def train(self, crowded: bool = False) -> None:
        """Do a bite of it, which is as long in a crowd."""
        if self._job is None:
            return
        ended, _ = take_bite(self._job, self._clock)
        if ended:
            self._job = None
            self._sender.send({"op": "done", "run": self.run})

    def extra_due_at(self, now: float, idle: bool) -> float:
        """It does nothing else."""
        return float("inf")

    def work(self, idle: bool) -> None:
        """It does nothing else."""

    def command(self, ref: Any, command: Mapping[str, Any]) -> None:
        """The past takes no commands."""
        error = {"code": "bad_message", "message": "what is past takes no commands"}
        self._sender.send({"op": "reply", "run": self.run, "ref": ref, "error": error})

    def watch(self, viewers: int, views: Iterable[str] = (), pictures: bool = True) -> None:
        """It is watched as long as it is there."""

    def close(self) -> None:
        """Let go of the experiment."""
        self._job = None
        self.__dict__.pop("_experiment", None)

    def _work(self, wanted: Mapping[str, Any], ensemble: EnsembleWanted) -> Pieces[None]:
        """Do all that is wanted, the quick part first."""
        count = wanted.get("count", 0)
        if count:
            first = wanted["first"]
            film = yield from self._experiment.redraw(range(first, first + count))
            tensors = publish.steps([film])
            del tensors["loss"]  # nothing was trained
            self._emit("steps", tensors)
        if wanted.get("step") is not None:
            yield from self._replay(wanted["step"], ensemble)

    def _replay(self, step: int, ensemble: EnsembleWanted) -> Pieces[None]:
        """Train again up to a step, and show it as it was shown then."""
        now = self._experiment
        while now.step < step - 1:
            began = self._clock()
            count = now.prepare(min(self._slice.count, step - 1 - now.step))
            yield from now.settling()
            now.run(count, settle=False)
            self._slice.measured(count, self._clock() - began)
            yield
        now.prepare(1)
        yield from now.settling()
        if now.step < step:
            trace = now.run(1, trace=True, settle=False).trace
            assert trace is not None
            self._emit("graph", publish.graph(trace), **{"pass": "training"})
        scores = yield from now.evaluate_in_pieces()
        self._emit("scores", publish.scores(scores))
        self._emit("ensemble", dict((yield from votes(now, ensemble))))
        if now.data.extent is not None:
            self._emit("boundary", dict((yield from boundary(now))))

    def _emit(self, kind: str, tensors: Tensors, **words: str) -> None:
        self._seq += 1
        self._sender.send_frame(encode(Frame(kind, self.run, self._seq, tensors, words)))
