"""One run on a worker: its state, its pace, and what it tells.

The trainer's `Experiment` returns records and does nothing else; a session decides how many steps come next and which
of the records travel. It never waits: the worker asks it when it is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from trainer.errors import DropoutLabError, KnobError
from trainer.frames import Frame, Tensors, encode
from trainer.lane import EVALUATE_EVERY
from trainer.worker import publish
from trainer.worker.commands import MAX_COUNT, CommandError, integer, speed
from trainer.worker.extras import CrowdWanted, Extras
from trainer.worker.pace import FRAME_S, MAX_SLICE, SLICE_S, Interval, Ledger, Pace, Slice

if TYPE_CHECKING:
    from trainer.asking import Asking
    from trainer.experiment import Experiment
    from trainer.trace import Steps, Trace

DEFAULT_SPEED: Final = 100.0  # steps a second: the default run tells its story in ten seconds
SLOW: Final = 5.0  # steps a second up to which every single step is shown
SCORES_EVERY: Final = EVALUATE_EVERY  # steps
SCORES_S: Final = 0.1
FINAL_SCORES: Final = 3  # evaluations before it stops by itself, all of which are made: a result is their mean
GRAPH_S: Final = 0.1
GRAPH_PATIENCE_S: Final = 0.5  # how long to wait for the followed example before any other is shown


_CHANGES_SCORES: Final = {"batch_norm", "dropout_kind", "dropout"}  # an evaluation of the same weights says otherwise


class State(Enum):
    """What a run is doing."""

    PAUSED = "paused"
    PLAYING = "playing"
    STEPPING = "stepping"  # a number of steps as fast as they go; to the page it is playing
    CLOSED = "closed"


_MOVES: Final = {
    State.PAUSED: {State.PLAYING, State.STEPPING, State.CLOSED},
    State.PLAYING: {State.PAUSED, State.STEPPING, State.CLOSED},
    State.STEPPING: {State.PAUSED, State.PLAYING, State.CLOSED},
    State.CLOSED: set(),
}


class Sender(Protocol):
    """Where a session's words go."""

    def send(self, message: dict[str, Any]) -> None:
        """Send a JSON message."""

    def send_frame(self, frame: bytes) -> None:
        """Send an encoded frame."""


class Session:
    """One run being trained.

    Args:
        run: its id.
        experiment: what it trains.
        sender: hears about it.
        clock: the time in seconds.
        scoring: the worker's account of the time for scores.
        extras: the worker's account of the time for ensembles and boundaries.
        look: traces an evaluation pass of the followed example.
    """

    def __init__(
        self,
        run: str,
        experiment: Experiment,
        sender: Sender,
        clock: Callable[[], float],
        scoring: Ledger,
        extras: Ledger,
        look: Callable[[Experiment], Trace],
    ) -> None:
        self.run = run
        self.state = State.PAUSED
        self._experiment = experiment
        self._sender = sender
        self._clock = clock
        self._scoring = scoring
        self._look = look
        self._extras = Extras(experiment, self._emit, extras, clock)
        self._pace = Pace(DEFAULT_SPEED)
        self._slice = Slice(SLICE_S, MAX_SLICE)
        self._remaining = 0  # steps to make while STEPPING
        self._watched = True
        self._seq = 0
        self._gathered: list[Steps] = []
        self._seen: Trace | None = None  # one of them, looked at closely
        self._frames = Interval(FRAME_S)
        self._scores = Interval(SCORES_S)
        self._scored = -1  # the step of the last scores
        self._graphs = Interval(GRAPH_S)
        self._drawn = -1  # the step of the last graph
        self._stopped = experiment.stopped  # which lanes early stopping had frozen when the page was last told
        self._about: str | None = None  # the experiment that it belongs to, for the page
        self._stop_at: int | None = None  # the step at which it pauses by itself
        self._asking: Asking | None = None

    # What the app asks for

    def open(self, request: Mapping[str, Any]) -> None:
        """Set the run up as ``request`` says, tell that it is ready, and show its beginning."""
        if "steps_per_second" in request:
            self._pace = Pace(speed(request["steps_per_second"]))
        self._about, self._stop_at = request.get("experiment"), request.get("stop_at")
        self._extras.crowd = CrowdWanted.of(request.get("crowd") or {})
        self._follow(request.get("follow") or {})
        if request.get("state") == "playing":
            self._move(State.PLAYING)
        self._sender.send({"op": "opened", "run": self.run, "state": self._described()})
        self._emit("data", publish.data(self._experiment))
        self._show_beginning()

    def command(self, ref: Any, command: Mapping[str, Any]) -> None:
        """Obey a viewer's command and answer it.

        What was trained so far is sent first: a frame of steps never spans a change.
        """
        reply: dict[str, Any] = {"op": "reply", "run": self.run, "ref": ref}
        operation = command.get("op")
        if operation == "ask":
            self._sender.send({**reply, **self._answered(command)})
            return
        self._flush()
        self._frames.forget()  # and what is trained next is sent at once, so that the change is seen soon
        try:
            obey = self._commands.get(str(operation))
            if obey is None:
                raise CommandError(f"there is no command {operation!r}; there are {', '.join(self._commands)}")
            obey(self, command)
        except DropoutLabError as problem:
            self._sender.send({**reply, "error": publish.error(problem)})
            return
        self._sender.send({**reply, "step": self._experiment.step + 1})
        if operation != "step":  # which is told when it is done
            self._tell_changed(str(operation))
        if operation == "reset":
            self._show_beginning()
        elif operation == "follow" and (self.state is State.PAUSED or self._is_slow):
            self._show_evaluation()

    def watch(self, viewers: int, views: Iterable[str] = ()) -> None:
        """Stop making pictures that nobody looks at, or begin again.

        Args:
            viewers: how many people watch.
            views: what they have open beside the usual pictures.
        """
        was_watched, self._watched = self._watched, viewers > 0
        self._extras.show(views)
        if self._watched and not was_watched and self.state is State.PAUSED and self._drawn != self._experiment.step:
            self._show_evaluation()

    def close(self) -> None:
        """Be over."""
        self._move(State.CLOSED)

    # What the worker asks

    def due_at(self, now: float) -> float:
        """Return when it wants to train next; infinity while it does not."""
        if self.state is State.STEPPING:
            return now
        if self.state is not State.PLAYING:
            return math.inf
        rate, next_at = self._pace.steps_per_second, self._pace.next_at
        if rate is None or self._gathered:
            return next_at
        # Several steps at a time cost less than as many turns: wait for a frame's worth, or a slice's if that is less.
        return min(max(next_at, self._frames.next_at), next_at + (self._slice.count - 1) / rate)

    def train(self) -> None:
        """Train for one slice, and send what is due."""
        now = self._clock()
        count = self._next_count(now)
        if count == 0:
            return
        is_last = count == self._left
        every = is_last or self._is_slow
        trace = self._watched and (every or self._graphs.over(now))
        steps = self._experiment.run(count, trace=trace)
        after = self._clock()
        self._slice.measured(count, after - now)
        self._gathered.append(steps)
        self._extras.saw(steps)
        if self.state is State.PLAYING:
            self._pace.made(count, after)
        else:
            self._remaining -= count
        if steps.trace is not None:
            self._offer(steps.trace, after, every)
        if is_last or self._frames.over(after):
            self._frames.mark(after)
            self._flush()
        if self._experiment.stopped != self._stopped:
            self._tell_stopped()
        elif self._experiment.step % SCORES_EVERY == 0 and self._scores_allowed(after):
            self._score()
        if is_last:
            self._arrived()

    def extra_due_at(self, now: float, idle: bool) -> float:
        """Return when it wants to do something else than train; infinity while it does not.

        Args:
            now: the time.
            idle: no run of this worker is waiting to train.
        """
        settled = self.state is State.PAUSED
        due_at = self._scores.next_at if settled and self._scored != self._experiment.step else math.inf
        return min(due_at, self._extras.due_at(now, settled and idle)) if self._watched else due_at

    def work(self, idle: bool) -> None:
        """Do one bite of something else than training."""
        now = self._clock()
        settled = self.state is State.PAUSED
        if settled and self._scored != self._experiment.step and self._scores.over(now):
            self._score()
        elif self._watched and self._extras.due_at(now, settled and idle) <= now:
            self._extras.work(now, settled and idle, idle)

    # Commands

    def _play(self, command: Mapping[str, Any]) -> None:
        if self.state is not State.PLAYING:
            self._move(State.PLAYING)

    def _pause(self, command: Mapping[str, Any]) -> None:
        if self.state is State.PLAYING and self._watched:
            self._show_one_more()
        if self.state is not State.PAUSED:
            self._move(State.PAUSED)

    def _step(self, command: Mapping[str, Any]) -> None:
        count = integer("count", command.get("count", 1), 1, MAX_COUNT)
        if self.state is not State.STEPPING:
            self._move(State.STEPPING)
            self._remaining = 0
        self._remaining = min(MAX_COUNT, self._remaining + count)

    def _set_speed(self, command: Mapping[str, Any]) -> None:
        self._pace.change(speed(command.get("steps_per_second")), self._clock())

    def _set(self, command: Mapping[str, Any]) -> None:
        knobs, lane = command.get("knobs"), command.get("lane")
        if not isinstance(knobs, dict) or not knobs:
            raise KnobError("knobs", knobs, "an object of live knobs and their new values")
        self._experiment.config.with_knobs(knobs, lane)  # also refuses names that are no names of arguments
        self._experiment.set(lane, **knobs)
        self._extras.renew()
        if _CHANGES_SCORES & set(knobs) and self.state is State.PAUSED:
            self._scored = -1  # an evaluation of the very same weights now says something else

    def _follow(self, command: Mapping[str, Any]) -> None:
        lane, example = command.get("lane"), command.get("example")
        if lane is not None:
            integer("lane", lane, 0, len(self._experiment.config.lanes) - 1)
        if example is not None:
            integer("example", example, 0, len(self._experiment.data.train_y) - 1)
        self._experiment.follow(lane=lane, example=example)
        self._extras.renew()

    def _crowd(self, command: Mapping[str, Any]) -> None:
        self._extras.crowd = CrowdWanted.of({**self._extras.crowd.described(), **dict(command), "op": None})
        self._extras.renew()

    def _reset(self, command: Mapping[str, Any]) -> None:
        self._experiment.reset()
        self._move(State.PLAYING if self.state is State.PLAYING else State.PAUSED)
        self._extras.restart()
        self._asking = None

    _commands: Final = {
        "play": _play,
        "pause": _pause,
        "step": _step,
        "speed": _set_speed,
        "set": _set,
        "follow": _follow,
        "crowd": _crowd,
        "reset": _reset,
    }

    # Inside

    def _arrived(self) -> None:
        """Do what is to be done at the last step that was asked for."""
        if self._scored != self._experiment.step:
            self._score()
        self._move(State.PAUSED)
        self._tell_changed("pause")

    def _replace(self, experiment: Experiment, reason: str) -> None:
        """Go on with another experiment from its beginning, which is a new start for whoever watches."""
        self._flush()
        self._experiment, self._asking = experiment, None
        self._extras.restart(experiment)
        self._scored = self._drawn = -1
        self._stopped = experiment.stopped
        if self.state is State.PLAYING:
            self._pace.start(self._clock())
        self._tell_changed(reason)
        self._show_beginning()

    def _answered(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """What sub-networks say of examples of a viewer's own."""
        from trainer.asking import Asking

        try:
            self._asking = self._asking or Asking(self._experiment)
            answer = self._asking.ask(command.get("x", ()), command.get("lane"))
        except DropoutLabError as problem:
            return {"error": publish.error(problem)}
        return {"step": self._experiment.step, "answer": answer.described()}

    @property
    def _left(self) -> int | None:
        """Steps until it stops by itself, if it will."""
        if self.state is State.STEPPING:
            return self._remaining
        to_go = (self._stop_at or 0) - self._experiment.step
        return to_go if self.state is State.PLAYING and to_go > 0 else None

    def _move(self, state: State) -> None:
        """Go over into another state; a run that plays begins to count its time anew.

        Raises:
            RuntimeError: there is no way from the present state to that one.
        """
        if state is not self.state and state not in _MOVES[self.state]:
            raise RuntimeError(f"a run that is {self.state.value} cannot become {state.value}")
        self.state = state
        if state is State.PLAYING:
            self._pace.start(self._clock())

    @property
    def _is_slow(self) -> bool:
        rate = self._pace.steps_per_second
        return self.state is State.PLAYING and rate is not None and rate <= SLOW

    def _next_count(self, now: float) -> int:
        """How many steps to make now."""
        stepping = self.state is State.STEPPING
        wanted = MAX_SLICE if stepping else min(self._pace.owed(now), 1 if self._is_slow else MAX_SLICE)
        if self._left is not None:
            wanted = min(wanted, max(1, self._left - 1))  # the last one alone, so that it is the one that is seen
        count = min(wanted, self._slice.count)
        if self._scores_allowed(now):
            count = min(count, SCORES_EVERY - self._experiment.step % SCORES_EVERY)
        return count

    def _scores_allowed(self, now: float) -> bool:
        near = self._left is not None and self._left <= FINAL_SCORES * SCORES_EVERY and self.state is State.PLAYING
        return near or (self._scores.over(now) and self._scoring.allows(now))

    def _offer(self, trace: Trace, now: float, every: bool) -> None:
        """Keep the graph of a step to be sent, if it is of the followed example or nothing was seen for a while."""
        followed = trace.example == self._experiment.followed[1]
        if every or followed or now >= self._graphs.last + GRAPH_PATIENCE_S:
            self._graphs.mark(now)
            self._drawn = int(trace.step)
            self._seen = trace

    def _show_one_more(self) -> None:
        """Make one last step that is seen: every picture of a run that stands still is then of the same step."""
        steps = self._experiment.run(1, trace=True)
        self._gathered.append(steps)
        self._extras.saw(steps)
        if steps.trace is not None:
            self._offer(steps.trace, self._clock(), every=True)
        self._flush()

    def _show_beginning(self) -> None:
        """Send what there is to see at step 0, before anything was trained."""
        self._score()
        self._show_evaluation()

    def _show_evaluation(self) -> None:
        """Send the graph of an evaluation pass of the followed example: no training pass of it can be shown now."""
        if self._watched:
            self._drawn = self._experiment.step
            self._emit("graph", publish.graph(self._look(self._experiment)), **{"pass": "evaluation"})

    def _score(self) -> None:
        began = self._clock()
        self._scores.mark(began)
        self._scored = self._experiment.step
        self._emit("scores", publish.scores(self._experiment.evaluate()))
        self._scoring.spend(self._clock() - began)

    def _tell_stopped(self) -> None:
        """Say that early stopping froze a lane, and show what its best weights are worth."""
        self._flush()
        self._tell_changed("stopped")
        self._score()

    def _flush(self) -> None:
        """Send the steps that were gathered, and then the graph of one of them."""
        if self._gathered:
            self._emit("steps", publish.steps(self._gathered), skipped="0")
            self._gathered = []
        if self._seen is not None:
            self._emit("graph", publish.graph(self._seen), **{"pass": "training"})
            self._seen = None

    def _emit(self, kind: str, tensors: Tensors, **words: str) -> None:
        self._seq += 1
        self._sender.send_frame(encode(Frame(kind, self.run, self._seq, tensors, words)))

    def _described(self) -> dict[str, Any]:
        playing = self.state in (State.PLAYING, State.STEPPING)
        return {
            **publish.state(self._experiment, playing, self._pace.steps_per_second),
            "experiment": self._about,
            "stop_at": self._stop_at,
            "crowd": self._extras.crowd.described(),
            "search": None,
        }

    def _tell_changed(self, reason: str) -> None:
        step = self._experiment.step
        self._stopped = self._experiment.stopped
        self._sender.send(
            {"op": "changed", "run": self.run, "reason": reason, "step": step, "state": self._described()}
        )
