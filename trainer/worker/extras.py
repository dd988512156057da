"""What a run shows beyond its training: votes of sub-networks, boundaries in the plane, and views that are open.

All of them cost far more than a step, so they are made in bites and within a share of the worker's time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from trainer.insight import Insight, make_insight
from trainer.settings.contrast import who_votes
from trainer.settings.panels import VIEWS, fits
from trainer.wire.frames import Array, Tensors
from trainer.worker import publish
from trainer.worker.pace import Interval, Ledger, take_bite

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment, SubnetworkMasks
    from trainer.training.trace import Steps

_log = logging.getLogger(__name__)

COUNTING: Final = "visits"  # the view that must see every step, whether it is open or not

MEMBERS: Final = 64  # that vote: the average of 50 meets weight scaling (Srivastava et al. 2014, figure 11)
ENSEMBLE_S: Final = 0.5  # between two of them
BOUNDARY_S: Final = 0.25
IDLE_PRICE: Final = 0.4  # of time that training would not have used: a quarter of it may go to extras, not a tenth
VIEWS_PRICE: Final = 0.5  # of time while views are open: a fifth of it may go to extras
FIRST_PRICE: Final = 0.2  # of time for a view that has shown nothing yet: half of it, for somebody waits to see it

Job = Generator[None, None, Mapping[str, Array]]
"""What is being made of one kind of frame, in bites; the frame's tensors in the end."""


class Emit(Protocol):
    """Sends one frame of a run."""

    def __call__(self, kind: str, tensors: Tensors, **words: str) -> None:
        """Send the frame; ``words`` are further metadata."""


@dataclass(frozen=True)
class EnsembleWanted:
    """How many sub-networks vote, and whether each has one mask or a fresh one for each example."""

    members: int = MEMBERS
    masks: SubnetworkMasks = "per_member"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> EnsembleWanted:
        """Read what a command or a run's state says of it."""
        return cls(given.get("members", cls.members), given.get("masks", cls.masks))

    def described(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"members": self.members, "masks": self.masks}


def votes(experiment: Experiment, wanted: EnsembleWanted) -> Job:
    """Ask the sub-networks of the followed lane and of its contrast, all as the weights are now."""
    lane, example = experiment.followed
    ensembles = [
        experiment.begin_subnetworks(lane=voter, members=wanted.members, example=example, like=like, masks=wanted.masks)
        for voter, like in who_votes(experiment.config, lane)
    ]
    for ensemble in ensembles:
        while not ensemble.advance(1):
            yield
        yield
    return publish.ensemble([ensemble.result() for ensemble in ensembles], example, wanted.masks == "per_example")


def boundary(experiment: Experiment) -> Job:
    """Draw what every lane says of the plane."""
    step = experiment.step
    probability = yield from experiment.boundary_in_pieces(publish.GRID)
    yield
    return publish.boundary(step, probability)


class Making:
    """One kind of frame: when it is due, and what is made of it.

    Args:
        interval_s: seconds between two of them.
        begin: begins to make one.
        settled: whether another one of the same step would be the same.
    """

    def __init__(self, interval_s: float, begin: Callable[[], Job], settled: Callable[[], bool] = lambda: True) -> None:
        self.interval = Interval(interval_s)
        self.begin = begin
        self.settled = settled
        self.job: Job | None = None
        self.spent = 0.0
        self.of = (-1, -1)  # the version and the step that was made or is being made
        self.failed: int | None = None  # the version of which it could not be made

    def due_at(self, now: float, what: tuple[int, int]) -> float:
        """When there is something to do; infinity if ``what``, a version and a step, was made already or cannot be."""
        if self.failed == what[0]:
            return math.inf
        if self.job is not None:
            return now
        return math.inf if self.of == what and self.settled() else self.interval.next_at

    def forget(self) -> None:
        """Make it anew, and soon."""
        self.job = None
        self.interval.forget()


class Extras:
    """Makes a run's frames of ``ensemble``, ``boundary`` and the views that are open, each when what is shown is out of
    date.

    Args:
        experiment: the run's.
        emit: sends a frame.
        ledger: the worker's account of the time that all extras share.
        clock: the time in seconds.
        make: makes a view of an experiment.
        tell: hears that `failed` has changed.

    Attributes:
        ensemble: how many sub-networks vote.
        failed: of each kind that could not be made the last time, why not, in the one shape of errors.
    """

    def __init__(
        self,
        experiment: Experiment,
        emit: Emit,
        ledger: Ledger,
        clock: Callable[[], float],
        make: Callable[[str, Experiment], Insight] = make_insight,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._emit = emit
        self._tell = tell
        self._ledger = ledger
        self._clock = clock
        self._make = make
        self._version = 0
        self._wanted: tuple[str, ...] = ()
        self._pictures = True
        self._experiment = experiment
        self.ensemble = EnsembleWanted()
        self.failed: dict[str, dict[str, Any]] = {}
        self._insights: dict[str, Insight] = {}
        self._makings: dict[str, Making] = {}
        self._seen: set[str] = set()  # views that were shown before: nobody gets more time by opening them again
        self._begin()

    def restart(self, experiment: Experiment | None = None) -> None:
        """Begin anew, with another experiment or with the same one at step 0."""
        self._experiment = experiment or self._experiment
        self.failed = {}
        self._begin()

    def _begin(self) -> None:
        now = self._experiment
        self._insights = {}
        self._makings = {"ensemble": Making(ENSEMBLE_S, lambda: votes(now, self.ensemble))}
        if now.data.extent is not None:
            self._makings["boundary"] = Making(BOUNDARY_S, lambda: boundary(now))
        self._version += 1
        self._looks_at(COUNTING)
        self._open()

    def close(self) -> None:
        """Let go of the experiment: nothing will be made any more."""
        self._makings, self._insights = {}, {}
        del self._experiment

    def renew(self) -> None:
        """What is shown is out of date: the run, its knobs or what is followed has changed.

        A view that is being made of an earlier step is still true of that step, and is finished.
        """
        self.adapt()
        for kind, making in self._makings.items():
            if kind in VIEWS:
                making.interval.forget()
            else:
                making.forget()

    def adapt(self) -> None:
        """What is shown is of knobs as they were: it is finished, and comes anew in its turn. Other views may fit."""
        self._version += 1
        self._open()

    def show(self, views: Iterable[str], pictures: bool = True) -> None:
        """Make frames of these views from now on, as far as they mean something for this run, and of no others.

        Args:
            views: which ones.
            pictures: whether votes and boundaries are wanted beside them.
        """
        self._pictures = pictures
        self._wanted = tuple(view for view in VIEWS if view in set(views))
        self._open()

    def saw(self, steps: Steps) -> None:
        """Take note of what was trained."""
        for view, insight in tuple(self._insights.items()):
            try:
                insight.saw(steps)
            except Exception as problem:
                _log.exception("a run's %s has lost count", view)
                del self._insights[view]  # it is made anew when something of the run changes
                if self._makings.pop(view, None) is not None:
                    self._fail(view, problem)

    def _open(self) -> None:
        """Open the views that are wanted and fit, and close the others."""
        fitting = [view for view in self._wanted if fits(view, self._experiment.config)]
        for view in [kind for kind in self._makings if kind in VIEWS and kind not in fitting]:
            del self._makings[view]
        for view in [kind for kind in self.failed if kind in VIEWS and kind not in fitting]:
            self._succeed(view)  # it is not missed any more
        for view in fitting:
            if view not in self._makings and self._looks_at(view):
                insight = self._insights[view]
                making = Making(insight.interval_s, insight.look, partial(getattr, insight, "settled"))
                # It has had no time yet, and shall not get all of it until it has caught up with the others.
                making.spent = min((each.spent for each in self._makings.values()), default=0.0)
                self._makings[view] = making

    def _looks_at(self, view: str) -> bool:
        """Have something that looks at the run for a view; whether there is."""
        if view not in self._insights:
            try:
                self._insights[view] = self._make(view, self._experiment)
            except Exception as problem:
                _log.exception("a run's %s cannot be made", view)
                if view in self._wanted:
                    self._fail(view, problem)
                return False
        return True

    def _fail(self, kind: str, problem: Exception) -> None:
        """Take note that a kind could not be made, and tell it unless it is told already."""
        why = publish.error(problem)
        if self.failed.get(kind) != why:
            self.failed[kind] = why
            self._tell()

    def _succeed(self, kind: str) -> None:
        if self.failed.pop(kind, None) is not None:
            self._tell()

    def due_at(self, now: float, free: bool) -> float:
        """Return when there is something to do.

        Args:
            now: the time.
            free: the worker has nothing else to do, and need not save time.
        """
        soonest = min((making.due_at(now, self._what) for _, making in self._made()), default=math.inf)
        if free or soonest == math.inf:
            return soonest
        return max(soonest, now + self._ledger.wait(now))

    def _made(self) -> list[tuple[str, Making]]:
        """What is to be made, by its kind."""
        return [(kind, making) for kind, making in self._makings.items() if self._pictures or kind in VIEWS]

    @property
    def _what(self) -> tuple[int, int]:
        return self._version, self._experiment.step

    def work(self, now: float, free: bool, idle: bool = False) -> None:
        """Do one bite of what is due, of the kind that has had the least time so far: none starves another.

        Args:
            now: the time.
            free: the worker has nothing else to do, and need not save time.
            idle: nobody is waiting to train just now, and time costs less.
        """
        began = self._clock()
        due = {kind: each for kind, each in self._made() if each.due_at(now, self._what) <= now}
        kind = min(due, key=lambda each: due[each].spent)
        self._bite(kind, due[kind], now)
        spent = self._clock() - began
        due[kind].spent += spent
        if not free:
            self._ledger.spend(spent * self._price(kind, idle))

    def _price(self, kind: str, idle: bool) -> float:
        """What a second counts that was spent on one kind."""
        if kind in VIEWS and kind not in self._seen:
            return FIRST_PRICE
        open_views = any(each in VIEWS for each in self._makings)
        return IDLE_PRICE if idle else VIEWS_PRICE if open_views else 1.0

    def _bite(self, kind: str, making: Making, now: float) -> None:
        """Go on with one kind for as long as a bite lasts, and send it if it is done.

        A kind that cannot be made is left alone until something of the run changes; all else goes on without it.
        """
        try:
            if making.job is None:
                making.interval.mark(now)
                making.of = self._what
                making.job = making.begin()
            ended, found = take_bite(making.job, self._clock)
            if ended:
                making.job = None
                self._seen.add(kind)
                self._emit(kind, dict(found))
        except Exception as problem:
            _log.exception("a run's %s cannot be made", kind)
            making.job, making.failed = None, self._version
            self._fail(kind, problem)
        else:
            if ended:
                self._succeed(kind)
