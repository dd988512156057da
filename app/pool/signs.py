"""Whether a worker is still alive: for how long it has said nothing, and for how long it has been at one thing.

Two limits, because two things go wrong. A process that was stopped, or whose machine is gone, says nothing: a worker
beats twice a second whatever it does (`trainer.worker.pulse`), so a few seconds of silence tell. A loop without an end
leaves the beat going; it shows in what the beat says, that the worker has been at one thing for minutes. What a worker
does in one go takes seconds at most, on a busy machine some tens of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

DOUBT_S: Final = 1.5  # of silence, after which those who watch are told that something is wrong
TICK_S: Final = 0.25  # how often it is looked


@dataclass(frozen=True)
class Limits:
    """What a worker may do before it is given up.

    Attributes:
        silent_s: seconds for which it may say nothing.
        stuck_s: seconds for which it may be at one thing.
    """

    silent_s: float = 4.0
    stuck_s: float = 120.0


USUAL: Final = Limits()


class Signs:
    """The signs of life of one worker.

    Attributes:
        silent_s: seconds for which it has said nothing.
    """

    def __init__(self) -> None:
        self.silent_s = 0.0
        self._busy_s = 0.0

    def heard(self) -> None:
        """Something came from it."""
        self.silent_s = 0.0

    def beat(self, message: dict[str, Any]) -> None:
        """It said ``alive``."""
        busy_s = message.get("busy_s")
        self._busy_s = float(busy_s) if isinstance(busy_s, int | float) else 0.0

    def passed(self, seconds: float) -> None:
        """So much time has passed in which it could have been heard."""
        self.silent_s += seconds

    @property
    def is_doubtful(self) -> bool:
        """Whether it has been silent for longer than a beat takes on a busy machine."""
        return self.silent_s >= DOUBT_S

    def why_given_up(self, limits: Limits) -> str | None:
        """Why it counts as lost; None: it does not."""
        if self.silent_s >= limits.silent_s:
            return f"it has said nothing for {limits.silent_s:g} seconds"
        if self._busy_s >= limits.stuck_s:
            return f"it has been at one thing for {self._busy_s:,.0f} seconds; {limits.stuck_s:g} are allowed"
        return None
