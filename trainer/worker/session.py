"""One run on a worker: its state, its pace, and what it tells.

The trainer's `Experiment` returns records and does nothing else; a session decides how many steps come next and which
of the records travel. It never waits: the worker asks it when it is due.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np

from trainer.errors import DropoutLabError
from trainer.settings.commands import COMMANDS, MAX_COUNT, read_command
from trainer.settings.lane import EVALUATE_EVERY
from trainer.wire.frames import Frame, Tensors, encode
from trainer.worker import publish
from trainer.worker.extras import EnsembleWanted, Extras
from trainer.worker.news import News, ended_lanes
from trainer.worker.pace import FRAME_S, MAX_SLICE, SLICE_S, Interval, Ledger, Pace, Slice, take_bite
from trainer.worker.questions import Questions
from trainer.worker.sharing import Pictures
from trainer.worker.showing import Showing

if TYPE_CHECKING:
    from trainer.settings.pieces import Pieces
    from trainer.training.experiment import Experiment
    from trainer.training.trace import Trace
    from trainer.wire.jsontext import Written

DEFAULT_SPEED: Final = 100.0  # steps a second: the default run tells its story in ten seconds
SLOW: Final = 5.0  # steps a second up to which every single step is shown
SCORES_EVERY: Final = EVALUATE_EVERY  # steps
SCORES_S: Final = 0.1
SAVED_S: Final = 1.5  # between two checkpoints of a run that trains: about so much is trained again after a loss
FINAL_SCORES: Final = 3  # evaluations before it stops by itself, all of which are made: a result is their mean


_WAIT: Final = {"set", "step"}  # what counts from the next step on, and so from that where the run was before
LONG: Final = 100  # steps made by hand of which it is told before they are made how many they are
_CHANGES_SCORES: Final = {"batch_norm", "dropout_kind", "dropout", "restarts"}  # an evaluation says otherwise


T = TypeVar("T")


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


@dataclass(frozen=True)
class Accounts:
    """What the runs of a worker share of its time.

    Attributes:
        scoring: the account for scores.
        extras: that for ensembles, boundaries and views.
        pictures: how often there is a picture of each.
    """

    scoring: Ledger
    extras: Ledger
    pictures: Pictures


@dataclass(frozen=True)
class Saving:
    """How checkpoints are made.

    Attributes:
        pack: returns an experiment's state as bytes; None if it is too large to be kept.
        ledger: the worker's account of the time for it.
    """

    pack: Callable[[Experiment], bytes | None]
    ledger: Ledger


class Session:
    """One run being trained.

    Args:
        run: its id.
        experiment: what it trains.
        sender: hears about it.
        clock: the time in seconds.
        accounts: what it shares with the worker's other runs.
        look: traces an evaluation pass of the followed example.
        saving: how checkpoints are made; without it there are none.
    """

    def __init__(
        self,
        run: str,
        experiment: Experiment,
        sender: Sender,
        clock: Callable[[], float],
        accounts: Accounts,
        look: Callable[[Experiment], Trace],
        saving: Saving | None = None,
    ) -> None:
        self.run = run
        self.state = State.PAUSED
        self._experiment = experiment
        self._sender = sender
        self._clock = clock
        self._scoring = accounts.scoring
        self._showing = Showing(self._emit, clock, look, accounts.pictures)
        self._extras = Extras(experiment, self._emit, accounts.extras, clock, tell=self._tell_views)
        self._pace = Pace(DEFAULT_SPEED)
        self._slice = Slice(SLICE_S, MAX_SLICE)
        self._remaining = 0  # steps to make while STEPPING
        self._catching_up = False  # they lead to where the run was before,
        self._plays_on = False  # from where it plays on
        self._seq = 0
        self._frames = Interval(FRAME_S)
        self._scores = Interval(SCORES_S)
        self._scored = -1  # the step of the last scores
        self._news = News(experiment, clock, self._tell)
        self._saving = saving
        self._saves = Interval(SAVED_S)
        self._saved = experiment.step  # the step of the last checkpoint: of step 0 none is needed
        self._about: str | None = None  # the experiment that it belongs to, for the page
        self._stop_at: int | None = None  # the step at which it pauses by itself
        self.questions = Questions(experiment, self._reply, clock)
        self._owed: Pieces[None] | None = None  # what must be done before the next step
        self._waiting: deque[tuple[Any, Mapping[str, Any]]] = deque()  # commands that came meanwhile

    # What the app asks for

    def open(self, request: Mapping[str, Any]) -> None:
        """Set the run up as ``request`` says, tell that it is ready, and show its beginning."""
        if "steps_per_second" in request:
            said = COMMANDS["speed"].read({"steps_per_second": request["steps_per_second"]})
            self._pace = Pace(said["steps_per_second"])
        self._about, self._stop_at = request.get("experiment"), request.get("stop_at")
        if ensemble := request.get("ensemble"):
            COMMANDS["ensemble"].read({"op": "ensemble", **ensemble})
            self._extras.ensemble = EnsembleWanted.of(ensemble)
        self._follow(request.get("follow") or {})
        self._resume(request)
        if request.get("state") == "playing" and not (self._catching_up or request.get("steps_to")):
            self._move(State.PLAYING)
        self._sender.send({"op": "opened", "run": self.run, "state": self._described()})
        self._emit("data", publish.data(self._experiment))
        self._begin(self._beginning() if self._experiment.step == 0 else self._going_on())

    def _resume(self, request: Mapping[str, Any]) -> None:
        """Take up what a checkpoint does not hold of an experiment that goes on from one."""
        step = self._experiment.step
        if step > 0 and request.get("scored"):
            self._scored = step
        steps_to = request.get("steps_to") or 0
        to_go = max(request.get("reach") or 0, steps_to) - step
        if to_go > 0:  # it was further on, or was to get there, and does as fast as it can
            self._move(State.STEPPING)
            self._remaining, self._catching_up = to_go, True
            self._plays_on = request.get("state") == "playing" and not steps_to

    def command(self, ref: Any, command: Mapping[str, Any]) -> None:
        """Obey a viewer's command and answer it: a question in its turn, any other command at once, or once what the
        last step owes is done; what counts from the next step on, once the run is where it was before.

        A new start makes all of that void, and does not wait for it.
        """
        if command.get("op") == "ask":
            self.questions.put(ref, command)
            return
        if command.get("op") == "reset":
            self._owed = None
            while self._waiting:
                self._obey(*self._waiting.popleft())
                self._owed = None
        if self._owed is not None or (self._catching_up and command.get("op") in _WAIT):
            self._waiting.append((ref, command))
        else:
            self._obey(ref, command)

    def _obey_waiting(self) -> None:
        """Obey the commands that waited, as far as they may be obeyed now."""
        still: deque[tuple[Any, Mapping[str, Any]]] = deque()
        while self._waiting and self._owed is None:
            if self._catching_up and self._waiting[0][1].get("op") in _WAIT:
                still.append(self._waiting.popleft())
            else:
                self._obey(*self._waiting.popleft())
        self._waiting.extendleft(reversed(still))

    def _obey(self, ref: Any, command: Mapping[str, Any]) -> None:
        """Obey a command now.

        What was trained so far is sent first: a frame of steps never spans a change.
        """
        operation = command.get("op")
        self._showing.flush()
        self._frames.forget()  # and what is trained next is sent at once, so that the change is seen soon
        try:
            said = read_command(command, self._experiment.config)
            self._commands[said["op"]](self, said)
        except DropoutLabError as problem:
            self._reply(ref, {"error": publish.error(problem)})
            return
        self._reply(ref, {"step": self._experiment.step + 1})
        if operation == "reset":
            self._news.afresh("reset")
            self._begin(self._beginning())
        elif operation != "step" or self._remaining > LONG:  # a few steps are told when they are done
            self._news.soon(str(operation))
        if operation == "follow":
            self._showing.follow()
            if self._showing.look_due_at <= self._clock():
                self._show_followed()

    def watch(self, viewers: int, views: Iterable[str] = (), pictures: bool = True) -> None:
        """Stop making pictures that nobody looks at, or begin again.

        Args:
            viewers: how many people watch.
            views: what they have open beside the usual pictures.
            pictures: whether any of them wants these: a class sees losses and masks alone.
        """
        was_watched = self._showing.is_drawn
        self._showing.watched, self._showing.pictures = viewers > 0, pictures
        self._extras.show(views, pictures)
        shown = was_watched or self._showing.has_drawn(self._experiment.step)
        if viewers > 0 and self.state is State.PAUSED and not shown:
            self._showing.evaluate(self._experiment)

    @property
    def may_leave(self) -> bool:
        """Whether all that was said to it is done, so that another worker can go on from its checkpoint."""
        is_settled = self._owed is None and not self._waiting and len(self.questions) == 0
        return is_settled and self._news.due_at == math.inf and not self.is_bound

    @property
    def is_bound(self) -> bool:
        """Whether it is at something that must come to its end here: steps by hand, or knobs that wait for a step."""
        by_hand = self.state is State.STEPPING and not self._plays_on
        return by_hand or (self._catching_up and len(self._waiting) > 0)

    def leave(self) -> int | None:
        """Make a last checkpoint; the step of it, or None if there can be none."""
        self._showing.flush()
        return self._experiment.step if self._save() else None

    def close(self) -> None:
        """Be over, and let go of the experiment at once: it may hold much of a GPU's memory."""
        if self.state is State.CLOSED:
            return
        self._move(State.CLOSED)
        self._extras.close()
        self.questions.close()
        self._news.close()
        self._showing.close()
        self._owed = None
        del self._experiment

    # What the worker asks

    def due_at(self, now: float) -> float:
        """Return when it wants to train next, or to do what must be done before; infinity while it does not."""
        if self.state is State.STEPPING or self._owed is not None:
            return now
        if self.state is not State.PLAYING:
            return math.inf
        rate, next_at = self._pace.steps_per_second, self._pace.next_at
        if rate is None or self._showing.is_waiting:
            return next_at
        # Several steps at a time cost less than as many turns: wait for a frame's worth, or a slice's if that is less.
        return min(max(next_at, self._frames.next_at), next_at + (self._slice.count - 1) / rate)

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees it."""
        return self._showing.watched

    @property
    def is_drawn(self) -> bool:
        """Whether it trains while somebody sees it."""
        return self._showing.is_drawn and self.state in (State.PLAYING, State.STEPPING)

    def train(self, crowded: bool = False) -> None:
        """Train for one slice, and send what is due; or do a bite of what must be done before.

        Args:
            crowded: many other runs wait for their turn.
        """
        if self._owed is not None:
            self._go_on()
            self._obey_waiting()
            return
        now = self._clock()
        count = self._next_count(now, crowded)
        if count == 0:
            return
        count = self._experiment.prepare(count)
        if self._news.is_replay_due:
            self._showing.flush()
            self._extras.adapt()
            self._news.replayed()
        if not self._experiment.settled:
            self._begin(self._experiment.settling())
            return
        if not self._is_unsaved:  # the time until the next checkpoint begins with the first step that it will hold
            self._saves.mark(now)
        is_last = count == self._left
        every = is_last or self._is_slow
        trace = self._showing.wants_graph(now, every) or (is_last and self._showing.is_drawn)
        patient = self._showing.is_patient(now, every)
        began = self._clock()
        steps = self._experiment.run(count, trace=trace, settle=False, patient=patient)
        after = self._clock()
        self._measured(count, after - began, steps.trace is not None)
        self._showing.gather(steps, self._experiment.followed[1], every)
        self._extras.saw(steps)
        if self.state is State.PLAYING:
            self._pace.made(count, after)
        else:
            self._remaining -= count
        if is_last or self._frames.over(after):
            self._frames.mark(after)
            self._showing.flush()
        if steps.trace is not None and self._showing.has_changed():
            self._news.soon("pictures")
        self._begin(self._concluding(is_last, after))
        self._obey_waiting()

    def _measured(self, count: int, seconds: float, traced: bool) -> None:
        """Learn from a slice what a step takes or, from what it took beyond that, what a close look at one costs."""
        each = self._slice.each
        if not traced:
            self._slice.measured(count, seconds)
        else:  # the whole slice where nothing is known yet: it will soon be known
            self._showing.cost(seconds if each is None else max(0.0, seconds - count * each))

    @property
    def is_asked(self) -> bool:
        """Whether there is a question that can be answered now."""
        return len(self.questions) > 0 and self._experiment.settled

    def extra_due_at(self, now: float, idle: bool) -> float:
        """Return when it wants to do something else than train; infinity while it does not.

        Args:
            now: the time.
            idle: no run of this worker is waiting to train.
        """
        if self._owed is not None:
            return math.inf
        settled = self.state is State.PAUSED
        due_at = self._scores.next_at if settled and self._scored != self._experiment.step else math.inf
        due_at = min(due_at, self._news.due_at)
        if settled and self._is_unsaved and self._saving is not None:
            due_at = min(due_at, now + self._saving.ledger.wait(now))
        due_at = min(due_at, self._showing.look_due_at)
        return min(due_at, self._extras.due_at(now, settled and idle)) if self._showing.watched else due_at

    def work(self, idle: bool) -> None:
        """Do one bite of something else than training."""
        now = self._clock()
        settled = self.state is State.PAUSED
        if self._news.due_at <= now:
            self._news.next()
        elif self._showing.look_due_at <= now:
            self._show_followed()
        elif settled and self._scored != self._experiment.step and self._scores.over(now):
            self._begin(self._score())
        elif settled and self._may_save:
            self._save()
        elif self._showing.watched and self._extras.due_at(now, settled and idle) <= now:
            self._extras.work(now, settled and idle, idle)

    # Commands

    def _play(self, command: Mapping[str, Any]) -> None:
        if self._catching_up:
            self._plays_on = True
        elif self.state is not State.PLAYING:
            self._move(State.PLAYING)

    def _pause(self, command: Mapping[str, Any]) -> None:
        if self._catching_up:  # it is to stand still where it was before
            self._plays_on = False
            return
        if self.state is State.PLAYING and self._showing.is_drawn:
            self._show_one_more()
        if self.state is not State.PAUSED:
            self._move(State.PAUSED)

    def _step(self, command: Mapping[str, Any]) -> None:
        if self.state is not State.STEPPING:
            self._move(State.STEPPING)
            self._remaining = 0
        self._remaining = min(MAX_COUNT, self._remaining + command.get("count", 1))

    def _set_speed(self, command: Mapping[str, Any]) -> None:
        self._pace.change(command["steps_per_second"], self._clock())

    def _set(self, command: Mapping[str, Any]) -> None:
        knobs = command["knobs"]
        self._experiment.move(knobs, command.get("lane"), settle=False)
        self._extras.renew()
        if _CHANGES_SCORES & set(knobs) and self.state is State.PAUSED:
            self._scored = -1  # an evaluation of the very same weights now says something else
        self._begin(self._experiment.settling())

    def _follow(self, command: Mapping[str, Any]) -> None:
        self._experiment.follow(lane=command.get("lane"), example=command.get("example"))
        self._extras.renew()

    def _ensemble(self, command: Mapping[str, Any]) -> None:
        self._extras.ensemble = EnsembleWanted.of({**self._extras.ensemble.described(), **command})
        self._extras.renew()

    def _reset(self, command: Mapping[str, Any]) -> None:
        self._experiment.reset()
        self._saved = 0
        plays = self.state is State.PLAYING or (self._catching_up and self._plays_on)
        self._catching_up = False
        self._move(State.PLAYING if plays else State.PAUSED)
        self._extras.restart()
        self.questions.restart(self._experiment)

    _commands: Final = {
        "play": _play,
        "pause": _pause,
        "step": _step,
        "speed": _set_speed,
        "set": _set,
        "follow": _follow,
        "ensemble": _ensemble,
        "reset": _reset,
    }

    # Inside

    def _reply(self, ref: Any, reply: dict[str, Any]) -> None:
        self._sender.send({"op": "reply", "run": self.run, "ref": ref, **reply})

    def _begin(self, job: Pieces[None]) -> None:
        """Do a first bite of what must be done before the next step; most of the time it is all of it."""
        self._owed = job
        self._go_on()

    def _go_on(self) -> None:
        """Do a bite of it."""
        assert self._owed is not None
        ended, _ = take_bite(self._owed, self._clock)
        if ended:
            self._owed = None

    def _concluding(self, is_last: bool, now: float) -> Pieces[None]:
        """Do what is to be done behind a slice of training.

        Args:
            is_last: it was the last step that was asked for.
            now: when it ended.
        """
        yield from self._experiment.settling()
        if ended_lanes(self._experiment) != self._news.ended:
            yield from self._telling_ended()
        elif self._experiment.step % SCORES_EVERY == 0 and self._scores_allowed(now):
            yield from self._score()
        if is_last:
            yield from self._arriving()
        elif self._saves.over(now) and self._may_save:
            self._save()

    @property
    def _is_unsaved(self) -> bool:
        return self._saving is not None and self._saved != self._experiment.step

    @property
    def _may_save(self) -> bool:
        return self._saving is not None and self._is_unsaved and self._saving.ledger.allows(self._clock())

    def _save(self) -> bool:
        """Send a checkpoint, behind all that was trained until then; whether it can be one."""
        if self._saving is None:
            return False
        now = self._clock()  # what came before, scores and other runs, is not on its account
        self._showing.flush()
        self._saves.mark(now)
        self._saved = step = self._experiment.step
        state = self._saving.pack(self._experiment)
        if state is not None:
            tensors = {"state": np.frombuffer(state, np.uint8)}
            self._emit("checkpoint", tensors, step=str(step), session=json.dumps(self._kept()))
        self._saving.ledger.spend(self._clock() - now)
        return state is not None

    def _kept(self) -> dict[str, Any]:
        """What a checkpoint holds beside the experiment's own state."""
        return {}

    def _arriving(self) -> Pieces[None]:
        """Do what is to be done at the last step that was asked for."""
        if self._scored != self._experiment.step:
            yield from self._score()
        plays_on = self._rest()
        if self._may_save:  # before it is told: what one has seen to stand still is kept
            self._save()
        self._news.now("play" if plays_on else "pause")

    def _rest(self) -> bool:
        """Stand still, or play on if the run has only come to where it was before; whether it plays on."""
        plays_on, self._catching_up = self._catching_up and self._plays_on, False
        self._move(State.PLAYING if plays_on else State.PAUSED)
        return plays_on

    def _replacing(self, experiment: Experiment, reason: str) -> Pieces[None]:
        """Go on with another experiment from its beginning, which is a new start for whoever watches."""
        self._showing.flush()
        self._experiment = experiment
        self._news.restart(experiment)
        self._extras.restart(experiment)
        self.questions.restart(experiment)
        self._scored = -1
        self._showing.restart()
        self._saved = experiment.step
        if self.state is State.PLAYING:
            self._pace.start(self._clock())
        self._news.now(reason)
        yield from self._beginning()

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

    def _next_count(self, now: float, crowded: bool) -> int:
        """How many steps to make now."""
        stepping = self.state is State.STEPPING
        wanted = MAX_SLICE if stepping else min(self._pace.owed(now), 1 if self._is_slow else MAX_SLICE)
        if self._left is not None:
            wanted = min(wanted, max(1, self._left - 1))  # the last one alone, so that it is the one that is seen
        count = min(wanted, self._slice.crowded_count if crowded else self._slice.count)
        if self._scores_allowed(now):
            count = min(count, SCORES_EVERY - self._experiment.step % SCORES_EVERY)
        return count

    def _scores_allowed(self, now: float) -> bool:
        if self._catching_up:  # to where it was before: no evaluation that it had then shall be missing
            return True
        near = self._left is not None and self._left <= FINAL_SCORES * SCORES_EVERY and self.state is State.PLAYING
        return near or (self._scores.over(now) and self._scoring.allows(now))

    def _show_one_more(self) -> None:
        """Make one last step that is seen: every picture of a run that stands still is then of the same step."""
        steps = self._experiment.run(1, trace=True, settle=False)
        self._showing.gather(steps, self._experiment.followed[1], every=True)
        if self._news.is_behind:
            self._extras.adapt()
        self._extras.saw(steps)
        self._showing.flush()
        self._begin(self._after_one_more())

    def _after_one_more(self) -> Pieces[None]:
        """Do what that step owes."""
        yield from self._experiment.settling()

    def _beginning(self) -> Pieces[None]:
        """Send what there is to see at step 0, before anything was trained."""
        yield from self._score()
        self._showing.evaluate(self._experiment)

    def _going_on(self) -> Pieces[None]:
        """Send what there is to see where it goes on, which was evaluated before."""
        if self.state is State.PAUSED:
            self._showing.evaluate(self._experiment)
        yield

    def _show_followed(self) -> None:
        """Show what is followed now, unless a training pass soon will: of many follows in a row it is the last."""
        if self.state is State.PAUSED or self._is_slow:
            self._showing.evaluate(self._experiment)
        else:
            self._showing.leave()

    def _score(self) -> Pieces[None]:
        """Evaluate and show it, on the account that all runs have for it."""
        self._scores.mark(self._clock())
        self._scored = self._experiment.step
        job = self._experiment.evaluate_in_pieces()
        scores = yield from job if self._catching_up else self._charged(job)
        self._emit("scores", publish.scores(scores))

    def _charged(self, job: Pieces[T]) -> Pieces[T]:
        """Work of which every piece is taken from the time for scores."""
        while True:
            began = self._clock()
            try:
                next(job)
            except StopIteration as end:
                found: T = end.value
                return found
            finally:
                self._scoring.spend(self._clock() - began)
            yield

    def _telling_ended(self) -> Pieces[None]:
        """Say that a lane diverged, or that early stopping froze it, and show what its weights are worth now.

        Of a lane that diverged between two evaluations the next one will show it: the results of the other lanes are
        the mean of theirs.
        """
        self._showing.flush()
        diverged = self._experiment.diverged != self._news.ended[1]
        self._news.now("diverged" if diverged else "stopped")
        if not diverged or self._experiment.step % SCORES_EVERY == 0:
            yield from self._score()

    def _emit(self, kind: str, tensors: Tensors, **words: str) -> None:
        if kind == "steps" and self._news.are_changes_untold:
            self._news.now("set")
        self._seq += 1
        self._sender.send_frame(encode(Frame(kind, self.run, self._seq, tensors, words)))

    def _described(self) -> dict[str, Any]:
        playing = self.state in (State.PLAYING, State.STEPPING)
        by_hand = self.state is State.STEPPING and not self._plays_on
        return {
            **publish.state(self._experiment, playing, self._pace.steps_per_second),
            "experiment": self._about,
            "stop_at": self._stop_at,
            "steps_to": self._experiment.step + self._remaining if by_hand else None,
            "ensemble": self._extras.ensemble.described(),
            "failed_views": dict(self._extras.failed),
            "pictures_s": self._showing.every_s if self.is_drawn else None,
            "search": None,
        }

    def _tell_views(self) -> None:
        """Say that a view cannot be made, or can be made again."""
        self._news.soon("views")

    def _tell(self, reason: str, changes: Written) -> None:
        message = {"op": "changed", "run": self.run, "reason": reason, "step": self._experiment.step}
        self._sender.send({**message, "changes": changes, "state": self._described()})
