"""What the app is told of a run that changed, and when: at once where it is short, in its turn where it is long."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from trainer.worker.pace import FRAME_S, Interval

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment
    from trainer.wire.jsontext import Written

# Between two times that a run's state is told: twenty times what it takes the app to read it and to hand it on.
LANE_TOLD_S: Final = 0.001
TOLD_AT_ONCE_S: Final = 0.02  # below that nothing waits: a run of few lanes says everything at once


class News:
    """What changed of one run since the app was last told.

    Args:
        experiment: the run's, as the app knows it.
        clock: the time in seconds.
        tell: tells the app how the run is now, for a reason, with the changes that are new to it.

    Attributes:
        ended: which lanes learned no more when the app was last told.
    """

    def __init__(
        self, experiment: Experiment, clock: Callable[[], float], tell: Callable[[str, Written], None]
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._told_at = -math.inf
        self._reasons: dict[str, None] = {}  # of what is still to be told, in their order
        self._replays = Interval(FRAME_S)  # at which changes of the opening are told
        self.restart(experiment)

    def restart(self, experiment: Experiment) -> None:
        """The run goes on with another experiment, of whose changes the app knows all."""
        self._experiment = experiment
        self._revision = experiment.log.revision
        self._config = experiment.config
        self.ended = ended_lanes(experiment)

    def close(self) -> None:
        """Let go of the experiment."""
        self._reasons = {}
        del self._experiment

    @property
    def is_behind(self) -> bool:
        """Whether the app knows another configuration than is in force."""
        return self._experiment.config is not self._config

    @property
    def are_changes_untold(self) -> bool:
        """Whether there are changes that the app does not know: no step that they count in may reach it before them."""
        return self._experiment.log.revision != self._revision

    @property
    def is_replay_due(self) -> bool:
        """Whether changes that the run was opened with are in force now and are to be told at once.

        One may be due at every step: in between they are told with the next that is, and the last one at once.
        """
        log = self._experiment.log
        due = self._replays.over(self._clock()) or log.next_after(self._experiment.step + 1) is None
        return self.is_behind and due

    @property
    def due_at(self) -> float:
        """When something is to be told; infinity: there is nothing."""
        return self._told_at + self._seconds if self._reasons else math.inf

    @property
    def _seconds(self) -> float:
        """Seconds between two times that it is told what changed: the state of a run of many lanes is long. How many
        changes it has does not count, for only what is new of them is told.
        """
        seconds = LANE_TOLD_S * len(self._experiment.config.lanes)
        return seconds if seconds > TOLD_AT_ONCE_S else 0.0

    def replayed(self) -> None:
        """Tell of changes that the run was opened with as of a `set`."""
        self._replays.mark(self._clock())
        self.soon("set")

    def soon(self, reason: str) -> None:
        """Tell that something changed: at once, or in its turn as soon as that may be told again.

        What changes for the same reason meanwhile is one piece of news: the state that goes with it is the newest.
        """
        self._reasons[reason] = None
        if self._clock() >= self.due_at:
            self.next()

    def next(self) -> None:
        """Tell what is next."""
        reason = next(iter(self._reasons))
        del self._reasons[reason]
        self.now(reason)

    def afresh(self, reason: str) -> None:
        """Tell of a new start: all that was to be told is in its state."""
        self._reasons = {}
        self.now(reason)

    def now(self, reason: str) -> None:
        """Tell at once that something changed."""
        log = self._experiment.log
        self._told_at = self._clock()
        self._config, self.ended = self._experiment.config, ended_lanes(self._experiment)
        changes, self._revision = log.text_since(self._revision), log.revision
        self._tell(reason, changes)


def ended_lanes(experiment: Experiment) -> tuple[list[Any], list[Any]]:
    """Which lanes learn no more, because early stopping froze them and because they diverged."""
    return experiment.stopped, experiment.diverged
