"""The parts of the check, in the order in which they are done, and the time that each of them may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MINUTES: Final = 8.0
"""How long all of it may take."""

LEAST_S: Final = 15.0
"""A part that would get less time than this is left out: its process would hardly have started."""


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        number: what it is called on the command line.
        module: has the function ``check(sheet)``.
        title: what it answers.
        seconds: what is set aside for it.
    """

    number: int
    module: str
    title: str
    seconds: float

    @property
    def name(self) -> str:
        """The last part of its module's name."""
        return self.module.rpartition(".")[2]


def _part(number: int, name: str, title: str, seconds: float) -> Part:
    return Part(number, f"scripts.gpu_check.{name}", title, seconds)


PARTS: Final = (
    _part(1, "recorded", "every step is recorded as a CUDA graph, none is silently made as it is written", 35),
    _part(2, "replayed", "a recorded step does what the step as it is written does", 50),
    _part(3, "parity", "every lane computes what plain torch.nn computes", 60),
    _part(4, "masks", "the masks on record are those that were used, and they are random as they should be", 30),
    _part(5, "waiting", "nothing waits for the GPU while steps are made", 35),
    _part(6, "memory", "memory that was used is given back", 45),
    _part(7, "looking", "what is looked at is what the CPU finds in the same networks", 50),
    _part(8, "workers", "a real worker starts, trains, and shares its GPU with another", 50),
    _part(9, "speed", "how many networks train in the time of one", 100),
)


def room_for(part: Part, later: Sequence[Part], left_s: float) -> float | None:
    """How many seconds a part may take: what is left, but for what is set aside for later ones; None if too few.

    Args:
        part: which.
        later: the parts that are still to come after it.
        left_s: seconds that are left of the whole.
    """
    spare = left_s - sum(each.seconds for each in later)
    room = min(left_s, max(part.seconds, spare))
    return room if room >= min(LEAST_S, part.seconds) else None
