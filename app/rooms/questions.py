"""Questions: predict, observe, explain. Ready-made ones are judged by the run's own numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.rooms.commands import MOST_CHOICES
from trainer.presets import PRESETS, Preset

Phase = Literal["asked", "shown", "running", "again", "told"]
PHASES: Final[tuple[Phase, ...]] = ("asked", "shown", "running", "again", "told")
LOSS_NOISE: Final = math.exp(2 * 0.1)
"""Two losses of one run whose ratio is less cannot be told apart: the rule of ties of the page (model/verdict.js)."""

BANDS: Final = (
    (0.0, 0.15, "0 to 0.15"),
    (0.15, 0.35, "0.2 to 0.35"),
    (0.35, 0.55, "0.4 to 0.55"),
    (0.55, 1.0, "0.6 or more"),
)
"""Hidden rates, from above the first to the second, of which one can be chosen."""


@dataclass(frozen=True)
class Network:
    """What is known of one network when a question is judged.

    Attributes:
        name: what it is called.
        hidden: its dropout rate.
        loss: of the validation set.
        accuracy: likewise.
        train_loss: without dropout.
    """

    name: str
    hidden: float
    loss: float | None
    accuracy: float | None
    train_loss: float | None


@dataclass(frozen=True)
class Ready:
    """A ready-made question.

    Attributes:
        key: its name.
        text: what is asked.
        choices: what can be answered.
        lanes: of an experiment's guess, which networks the choices are.
        measure: by which these are compared.
        best: whether the least wins.
        steps: at which it is decided; 0: at any.
    """

    key: str
    text: str
    choices: tuple[str, ...]
    lanes: tuple[int, ...] = ()
    measure: str = "val_loss"
    best: str = "least"
    steps: int = 0


OF_THE_CLASS: Final = (
    Ready(
        "best-rate",
        "Which dropout rate of the hidden layers will have the lowest validation loss?",
        tuple(words for _, _, words in BANDS),
    ),
    Ready(
        "average",
        "Will the average of all your networks have a lower validation loss than the best single one?",
        ("Yes", "No"),
    ),
    Ready(
        "training-loss",
        "Which networks will have the lower training loss (without dropout)?",
        ("Those with a rate below 0.35", "Those with a rate of 0.35 or more"),
    ),
)
"""Of the class experiment."""


def ready_for(way: str, preset: Preset | None) -> list[Ready]:
    """Return the ready-made questions of a way of working.

    Args:
        way: which.
        preset: the experiment of the other ways.
    """
    if way == "class":
        return list(OF_THE_CLASS)
    guess = preset.guess if preset is not None else None
    if preset is None or guess is None:
        return []
    lanes = guess.lanes or tuple(range(len(preset.config.lanes)))
    if not 2 <= len(lanes) <= MOST_CHOICES:
        return []
    names = tuple(preset.config.lanes[lane].name for lane in lanes)
    return [Ready(preset.id, guess.text, names, lanes, guess.measure, guess.best, preset.steps)]


def find_ready(key: str) -> Ready | None:
    """Return a ready-made question by its key."""
    known = [*OF_THE_CLASS, *(each for preset in PRESETS for each in ready_for("follow", preset))]
    return next((each for each in known if each.key == key), None)


@dataclass
class Question:
    """A question that is open.

    Attributes:
        id: its number in the room.
        text: what is asked.
        choices: what can be answered.
        key: of a ready-made one.
        phase: how far it is.
        truth: the right choice, once it is told and if it is known.
        why: what the numbers say.
        resumes: whether the run played when it was asked.
    """

    id: int
    text: str
    choices: tuple[str, ...]
    key: str | None = None
    phase: Phase = "asked"
    truth: int | None = None
    why: str = ""
    resumes: bool = False
    counts: list[int] = field(default_factory=list)
    counts_again: list[int] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it can be answered now."""
        return self.phase in ("asked", "again")

    @property
    def again(self) -> bool:
        """Whether it is answered the second time."""
        return self.phase in ("again", "told")

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {**vars(self), "choices": list(self.choices)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Question:
        """The question of which `plain` told."""
        return cls(**{**told, "choices": tuple(told["choices"])})


def judge(
    ready: Ready, networks: Sequence[Network], average: Mapping[str, Any] | None, step: int
) -> tuple[int | None, str]:
    """Return which choice is right, if that can be said, and what the numbers are.

    Args:
        ready: the question.
        networks: those of the run, in the order of its lanes; of the class run those whose places are taken.
        average: the topic ``average`` of the class run, if there is one.
        step: at which it is judged.
    """
    if ready.key == "best-rate":
        return _best_band(networks, step)
    if ready.key == "average":
        return _average(average, step)
    if ready.key == "training-loss":
        return _training(networks, step)
    return _best_lane(ready, networks, step)


def _best_band(networks: Sequence[Network], step: int) -> tuple[int | None, str]:
    found: list[tuple[int, float, int]] = []
    for band, (above, up_to, _) in enumerate(BANDS):
        losses = [
            each.loss
            for each in networks
            if each.loss is not None and (above < each.hidden <= up_to or (band == 0 and each.hidden <= 0))
        ]
        if losses:
            found.append((band, sum(losses) / len(losses), len(losses)))
    if len(found) < 2:
        return None, "Nobody can say: all networks that have a loss chose rates of one group."
    said = "; ".join(f"{BANDS[band][2]}: {loss:.3f} ({_networks(count)})" for band, loss, count in found)
    best = min(found, key=lambda each: each[1])
    alike = [band for band, loss, _ in found if band != best[0] and loss <= best[1] * LOSS_NOISE]
    text = f"Mean validation loss at step {step:,}: {said}."
    if alike:
        names = " and ".join(BANDS[band][2] for band in sorted([best[0], *alike]))
        return best[0], f"{text} The lowest is {BANDS[best[0]][2]}, but {names} lie so close that chance may decide."
    return best[0], text


def _average(average: Mapping[str, Any] | None, step: int) -> tuple[int | None, str]:
    of, best = (average or {}).get("average"), (average or {}).get("best")
    if not of or not best or of["loss"] is None or best["loss"] is None:
        return None, "Nobody can say yet: the average was not computed."
    at = int((average or {}).get("step") or step)
    told = (
        f"At step {at:,} the average has a validation loss of {of['loss']:.3f}, the best single one {best['loss']:.3f}."
    )
    return (0 if of["loss"] < best["loss"] else 1), told


def _training(networks: Sequence[Network], step: int) -> tuple[int | None, str]:
    split = BANDS[1][1]
    sides: tuple[list[float], list[float]] = ([], [])
    for each in networks:
        if each.train_loss is not None:
            sides[each.hidden >= split].append(each.train_loss)
    if not sides[0] or not sides[1]:
        return None, "Nobody can say: all networks that have a loss chose rates of one group."
    low, high = (sum(side) / len(side) for side in sides)
    told = f"Mean training loss at step {step:,}: {low:.3f} below {split:g}, {high:.3f} from {split:g} on."
    return (0 if low < high else 1), told


def _best_lane(ready: Ready, networks: Sequence[Network], step: int) -> tuple[int | None, str]:
    if ready.measure == "forgotten" or any(lane >= len(networks) for lane in ready.lanes):
        return None, "The numbers of this run do not decide it."
    chosen = [networks[lane] for lane in ready.lanes]
    by_loss = ready.measure == "val_loss"
    values = [each.loss if by_loss else each.accuracy for each in chosen]
    if any(value is None for value in values):
        return None, "Nobody can say yet: not every network was evaluated."
    numbers = [float(value) for value in values if value is not None]
    shown = numbers if ready.measure != "val_error" else [1 - number for number in numbers]
    what = {"val_loss": "validation loss", "val_error": "validation error", "val_accuracy": "validation accuracy"}
    best = (min if ready.best == "least" else max)(range(len(shown)), key=lambda index: shown[index])
    said = "; ".join(f"{name}: {value:.3f}" for name, value in zip(ready.choices, shown, strict=True))
    text = f"{what[ready.measure].capitalize()} at step {step:,}: {said}."
    if step < ready.steps:
        return None, f"{text} That is too early: the question is about step {ready.steps:,}."
    if by_loss and any(place != best and value <= shown[best] * LOSS_NOISE for place, value in enumerate(shown)):
        text += " The lowest ones lie so close that chance may decide."
    return best, text


def _networks(count: int) -> str:
    return "1 network" if count == 1 else f"{count} networks"
