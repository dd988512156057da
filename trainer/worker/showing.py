"""What is shown of a run's steps: all of them, in frames of several, and now and then the graph of one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from trainer.worker import publish
from trainer.worker.extras import Emit
from trainer.worker.pace import Interval
from trainer.worker.sharing import Pictures, told

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment
    from trainer.training.trace import Steps, Trace

GRAPH_S: Final = 0.1
PATIENCE_S: Final = 0.4  # how much longer to wait for the followed example before any other is shown


class Showing:
    """The steps of one run that are still to be sent, and when its graph is to be drawn again.

    Args:
        emit: sends a frame.
        clock: the time in seconds.
        look: traces an evaluation pass of the followed example.
        pictures: how often the worker makes one.

    Attributes:
        watched: whether somebody sees it: else no graph is made.
        pictures: whether whoever sees it wants graphs.
        every_s: seconds between two graphs, about, as it is told; None: as usual.
    """

    def __init__(
        self, emit: Emit, clock: Callable[[], float], look: Callable[[Experiment], Trace], pictures: Pictures
    ) -> None:
        self.watched = True
        self.pictures = True
        self.every_s: float | None = None
        self._pictures = pictures
        self._cost_s: float | None = None  # of a graph, from its pass to its frame
        self._owed_s = 0.0  # what the pass of the one that is to be sent has cost
        self._emit = emit
        self._clock = clock
        self._look = look
        self._gathered: list[Steps] = []
        self._seen: Trace | None = None  # one of them, looked at closely
        self._drawn = -1  # the step of the last graph
        self._graphs = Interval(GRAPH_S)
        self._looks = Interval(GRAPH_S)  # at what is followed now, and
        self._unshown = False  # whether there is to be another

    @property
    def is_drawn(self) -> bool:
        """Whether somebody sees its graphs."""
        return self.watched and self.pictures

    @property
    def is_waiting(self) -> bool:
        """Whether there are steps that are still to be sent."""
        return len(self._gathered) > 0

    @property
    def look_due_at(self) -> float:
        """When what is followed now is to be shown; infinity: it is."""
        return self._looks.next_at if self._unshown else math.inf

    def wants_graph(self, now: float, every: bool) -> bool:
        """Whether a graph may be drawn again.

        Args:
            now: the time.
            every: every step is to be seen, as far as there is time for that.
        """
        return self.is_drawn and now >= self._graphs.last + self._interval(every)

    def is_patient(self, now: float, every: bool) -> bool:
        """Whether a graph may be drawn of the followed example only."""
        return not every and now < self._graphs.last + self._interval(every) + PATIENCE_S

    def _interval(self, every: bool) -> float:
        least = self._pictures.interval(self._cost_s or 0.0)
        return least if every else max(least, GRAPH_S)

    def cost(self, seconds: float) -> None:
        """Take note of what a close look at a step has cost; it is weighed when its frame is sent."""
        self._owed_s += seconds

    def has_changed(self) -> bool:
        """Find out how often there are graphs now, and whether that is to be told."""
        before, self.every_s = self.every_s, told(self._pictures.interval(self._cost_s or 0.0), self.every_s)
        return self.every_s != before

    def has_drawn(self, step: int) -> bool:
        """Whether the last graph was of this step."""
        return self._drawn == step

    def restart(self) -> None:
        """The run goes on with another experiment, of which nothing is drawn yet."""
        self._drawn = -1

    def close(self) -> None:
        """Let go of all steps."""
        self._gathered, self._seen = [], None

    def gather(self, steps: Steps, followed: int, every: bool) -> None:
        """Keep steps to be sent, and the graph of one if it is of the followed example or none was seen for a while.

        Args:
            steps: their record, perhaps with a close look at one of them.
            followed: the example.
            every: every graph is to be seen.
        """
        self._gathered.append(steps)
        now, trace = self._clock(), steps.trace
        if trace is None:
            return
        if every or trace.example == followed or not self.is_patient(now, every):
            self._graphs.mark(now)
            self._drawn = int(trace.step)
            self._seen = trace

    def flush(self) -> None:
        """Send the steps that were gathered, and then the graph of one of them."""
        if self._gathered:
            self._emit("steps", publish.steps(self._gathered), skipped="0")
            self._gathered = []
        if self._seen is not None:
            began = self._clock()
            self._emit("graph", publish.graph(self._seen), **{"pass": "training"})
            self._seen = None
            seconds, self._owed_s = self._owed_s + self._clock() - began, 0.0
            # No more than fourfold at a time: a machine that stood still for a while must not end all pictures.
            known = self._cost_s
            self._cost_s = seconds if known is None else 0.7 * known + 0.3 * min(seconds, 4 * known)

    def follow(self) -> None:
        """Something else is followed: it is to be shown."""
        self._unshown = True

    def leave(self) -> None:
        """Leave it to the next step to show what is followed."""
        self._unshown = False

    def evaluate(self, experiment: Experiment) -> None:
        """Send the graph of an evaluation pass of the followed example: no training pass of it can be shown now."""
        self._unshown = False
        self._looks.mark(self._clock())
        if self.is_drawn:
            self._drawn = experiment.step
            self._emit("graph", publish.graph(self._look(experiment)), **{"pass": "evaluation"})
