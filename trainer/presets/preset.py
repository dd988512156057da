"""What an experiment is: a configuration with lanes, a question, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from trainer.settings.config import ExperimentConfig, parse

Measure = Literal["val_loss", "val_error", "val_accuracy", "forgotten"]
"""What lanes are compared by, at the end: the mean of the last three evaluations of a loss, an error or an accuracy; or
what a network loses in accuracy when dropout stays on, in the newest frame ``forgotten``."""


GROUPS: Final = (
    "What dropout does",
    "Choosing the rate",
    "What it costs",
    "Ensembles",
    "Inside",
    "Other networks, other data",
)
"""What experiments are about, in the order in which the page lists them."""


@dataclass(frozen=True)
class Guess:
    """What is to be guessed before the answer can be seen; the choices are the lanes.

    Attributes:
        text: the question.
        measure: by which the lanes are compared.
        best: whether the least or the greatest wins.
        lanes: which can be chosen; all if left out.
    """

    text: str
    measure: Measure = "val_loss"
    best: Literal["least", "greatest"] = "least"
    lanes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """The picture that answers the question: the lanes of the run, compared.

    Attributes:
        kind: ``curve``, a measure of each lane over a number of its own; ``bars``, over the lanes; ``gain``, two curves
            and what lies between them; ``thresholds``, steps until a training loss is reached.
        measure: what is compared.
        title: of the panel.
        x: the number of each lane (``curve``) or of each pair of lanes (``gain``), or the losses (``thresholds``).
        x_label: what these numbers are.
        series: ``gain`` only: the lanes without, and those with, in the order of ``x``.
    """

    kind: Literal["curve", "bars", "gain", "thresholds"]
    measure: Measure = "val_loss"
    title: str = "Compared"
    x: tuple[float, ...] = ()
    x_label: str = ""
    series: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Preset:
    """One experiment.

    Attributes:
        number: where it stands in its group, and in the list of all.
        group: what it is about: one of `GROUPS`.
        id: its name in addresses.
        title: its name to people.
        question: what it answers.
        look: what to look at while it runs.
        knobs: the configuration, where it differs from what is recommended.
        steps: at which the run pauses, because the answer is there.
        guess: what to guess first.
        picture: the picture that answers it, if it is none of the usual ones.
        panels: views that are open, beside network, masks, loss and accuracy.
        speed: steps a second; None is as fast as it goes.
        takes: at that speed, in seconds on two cores; 0: as its speed says.
        admits: what textbooks say and this experiment does not show at this size, or when it would not.
        source: where the claim is from.
        search: what a search tries, if this is one.
        follow: the network that is followed at first, where the first that drops anything would show little of it.
    """

    number: int
    group: str
    id: str
    title: str
    question: str
    look: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 1000
    guess: Guess | None = None
    picture: Picture | None = None
    panels: tuple[str, ...] = ()
    speed: float | None = 100.0
    takes: int = 0
    admits: str = ""
    source: str = ""
    search: Mapping[str, Any] | None = None
    follow: int | None = None

    @cached_property
    def config(self) -> ExperimentConfig:
        """The whole configuration."""
        return parse(dict(self.knobs))

    @property
    def length(self) -> str:
        """How long it takes, in words; empty if that is not known."""
        seconds = self.takes or (self.steps / self.speed if self.speed else 0)
        if not seconds:
            return ""
        return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"

    def described(self) -> dict[str, Any]:
        """The same as plain data."""
        plain = asdict(self)
        del plain["knobs"]
        return {**plain, "config": self.config.model_dump(mode="json")}
