"""What a view is made of: something that looks at a run in small bites, and what it has found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, ClassVar

from trainer.settings.pieces import finish
from trainer.wire.frames import Array

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment
    from trainer.training.trace import Steps

Found = Mapping[str, Array]
"""Tensors by name, with the shapes and types of docs/protocol.md; ``step`` is among them."""

Looking = Generator[None, None, Found]
"""Work in bites of a few milliseconds: it yields between them, and returns what it found."""

__all__ = ["Found", "Insight", "Looking", "finish"]


class Insight(ABC):
    """One view of one run.

    Args:
        experiment: the run.

    Attributes:
        interval_s: seconds between two looks.
    """

    interval_s: ClassVar[float] = 1.0

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def saw(self, steps: Steps) -> None:  # noqa: B027 - most views need no record of the steps
        """Take note of what was trained; told of every step of the run, whether the view is open or not."""

    @property
    def settled(self) -> bool:
        """Whether another look at the same step would find nothing new."""
        return True

    @abstractmethod
    def look(self) -> Looking:
        """Look at the run as it is now.

        Everything that is needed of the run is copied before the first ``yield``: it trains on in between.
        """
