"""What a run shows beyond its training: votes of sub-networks and, in the plane, boundaries.

Both cost far more than a step, so they are made in bites and within a share of the worker's time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from trainer.config import ExperimentConfig
from trainer.frames import Tensors
from trainer.worker import publish
from trainer.worker.pace import Interval, Ledger, Slice

if TYPE_CHECKING:
    from trainer.experiment import Experiment

MEMBERS: Final = (
    64  # sub-networks that vote: the average of 50 meets weight scaling (Srivastava et al. 2014, figure 11)
)
ENSEMBLE_S: Final = 0.5  # between two of them
BOUNDARY_S: Final = 0.25
IDLE_PRICE: Final = (
    0.4  # of time that training would not have used: a quarter of such time may go to extras, not a tenth
)
BITE_S: Final = 0.01  # a command waits for a bite as it waits for a slice


class Emit(Protocol):
    """Sends one frame of a run."""

    def __call__(self, kind: str, tensors: Tensors, **words: str) -> None:
        """Send the frame; ``words`` are further metadata."""


def who_votes(config: ExperimentConfig, followed: int) -> list[tuple[int, int]]:
    """Return the lanes whose sub-networks vote, each with the lane whose dropout thins it: the followed lane, then its
    contrast.

    The contrast of a lane with dropout is the first lane without, thinned alike; a lane without dropout is thinned like
    the first lane that has some, which is then its contrast.
    """
    lanes = config.lanes
    if lanes[followed].drops:
        plain = next((index for index, lane in enumerate(lanes) if not lane.drops), None)
        return [(followed, followed)] if plain is None else [(followed, followed), (plain, followed)]
    other = next((index for index, lane in enumerate(lanes) if lane.drops), None)
    return [(followed, followed)] if other is None else [(followed, other), (other, other)]


class Ballot:
    """The sub-networks of the followed lane and of its contrast being asked, all as the weights are now.

    Args:
        experiment: whose sub-networks they are.
    """

    def __init__(self, experiment: Experiment) -> None:
        lane, self._example = experiment.followed
        self._crowds = [
            experiment.begin_subnetworks(lane=voter, members=MEMBERS, example=self._example, like=like)
            for voter, like in who_votes(experiment.config, lane)
        ]
        self._waiting = list(self._crowds)
        self.step = experiment.step

    def advance(self, members: int) -> bool:
        """Ask ``members`` more sub-networks of one lane; return whether that was the last of all."""
        if self._waiting[0].advance(members):
            del self._waiting[0]
        return not self._waiting

    def tensors(self) -> Tensors:
        """What they said."""
        return publish.ensemble([crowd.result() for crowd in self._crowds], self._example)


class Extras:
    """Makes a run's ``ensemble`` and ``boundary`` frames, each when what is shown is out of date.

    Args:
        experiment: the run's.
        emit: sends a frame.
        ledger: the worker's account of the time that all extras share.
        clock: the time in seconds.
    """

    def __init__(self, experiment: Experiment, emit: Emit, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._experiment = experiment
        self._emit = emit
        self._ledger = ledger
        self._clock = clock
        self._version = 0
        self._shown: dict[str, tuple[int, int]] = {}  # kind: (version, step)
        self._ballot: Ballot | None = None
        self._bite = Slice(BITE_S, MEMBERS)
        self._spent = {"ensemble": 0.0, "boundary": 0.0}
        self._intervals = {"ensemble": Interval(ENSEMBLE_S)}
        if experiment.data.extent is not None:
            self._intervals["boundary"] = Interval(BOUNDARY_S)

    def renew(self) -> None:
        """Forget what was made: the run, its knobs or what is followed has changed."""
        self._version += 1
        self._ballot = None
        for interval in self._intervals.values():
            interval.forget()

    def due_at(self, now: float, free: bool) -> float:
        """Return when there is something to do.

        Args:
            now: the time.
            free: the worker has nothing else to do, and need not save time.
        """
        soonest = min(self._due_at(kind, now) for kind in self._intervals)
        if free or soonest == math.inf:
            return soonest
        return max(soonest, now + self._ledger.wait(now))

    def _due_at(self, kind: str, now: float) -> float:
        if kind == "ensemble" and self._ballot is not None:
            return now
        if self._shown.get(kind) == (self._version, self._experiment.step):
            return math.inf
        return self._intervals[kind].next_at

    def work(self, now: float, free: bool, idle: bool = False) -> None:
        """Do one bite of what is due, of the kind that has had the least time so far: neither starves the other.

        Args:
            now: the time.
            free: the worker has nothing else to do, and need not save time.
            idle: nobody is waiting to train just now, and time costs less.
        """
        began = self._clock()
        due = [kind for kind in self._intervals if self._due_at(kind, now) <= now]
        kind = min(due, key=self._spent.__getitem__)
        (self._draw if kind == "boundary" else self._vote)(now)
        spent = self._clock() - began
        self._spent[kind] += spent
        if not free:
            self._ledger.spend(spent * IDLE_PRICE if idle else spent)

    def _draw(self, now: float) -> None:
        self._intervals["boundary"].mark(now)
        self._shown["boundary"] = (self._version, self._experiment.step)
        self._emit("boundary", publish.boundary(self._experiment.step, self._experiment.boundary(publish.GRID)))

    def _vote(self, now: float) -> None:
        if self._ballot is None:
            self._intervals["ensemble"].mark(now)
            self._ballot = Ballot(self._experiment)
        count, began = self._bite.count, self._clock()
        done = self._ballot.advance(count)
        self._bite.measured(count, self._clock() - began)
        if done:
            self._shown["ensemble"] = (self._version, self._ballot.step)
            self._emit("ensemble", self._ballot.tensors())
            self._ballot = None
