"""The numbers that a lesson may quote and compare: of each, what it takes, and how it is written.

What they are is worked out on the page (``static/js/lessons/facts.js``), from what the page shows; here stands which
there are, so that a lesson that asks for another one is refused when it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.lessons.errors import LessonError

Format = Literal["count", "number", "loss", "percent", "points", "factor", "rate", "seconds", "significant"]
"""How a fact is written: ``points`` is a difference of shares in percentage points, ``significant`` two digits."""
Kind = Literal["lane", "place", "number", "name"]

FORMATS: Final = ("count", "number", "loss", "percent", "points", "factor", "rate", "seconds", "significant")


@dataclass(frozen=True)
class Fact:
    """A number that the page knows.

    Attributes:
        name: what a lesson calls it.
        takes: the kinds of its arguments.
        format: how it is written unless a text says otherwise.
        about: what it is.
    """

    name: str
    takes: tuple[Kind, ...]
    format: Format
    about: str


def _facts(*facts: Fact) -> dict[str, Fact]:
    return {fact.name: fact for fact in facts}


FACTS: Final = _facts(
    Fact("step", (), "count", "the update that the run has come to"),
    Fact("steps_here", (), "count", "updates since this step of the lesson began"),
    Fact("seen_steps", (), "count", "different updates whose masks were looked at in this step of the lesson"),
    Fact("playing", (), "count", "1 while the run plays, else 0"),
    Fact("looked_back", (), "count", "1 once an earlier update was looked at in this step of the lesson, else 0"),
    Fact("other_example", (), "count", "1 once another example was chosen in this step of the lesson, else 0"),
    Fact("followed", (), "count", "the number of the network whose masks are shown, from 0"),
    Fact("open", ("name",), "count", "1 while a panel is open, else 0"),
    Fact("asked", (), "count", "1 once a drawing of one's own was classified in this step of the lesson, else 0"),
    Fact("seed", (), "count", "the run's seed"),
    Fact("lanes", (), "count", "how many networks the run has"),
    Fact("train_size", (), "count", "training examples"),
    Fact("val_size", (), "count", "validation examples"),
    Fact("classes", (), "count", "how many classes there are"),
    Fact("rate", ("lane", "place"), "rate", "the dropout rate of a place; place 0 is the input"),
    Fact(
        "group_rate", ("lane", "place"), "rate", "the rate of whole feature maps of a convolution; place 1 is the first"
    ),
    Fact("factor", ("lane", "place"), "factor", "by how much kept outputs of a place are multiplied"),
    Fact("keep", ("lane", "place"), "rate", "the probability with which a unit of a place is kept"),
    Fact("kind", ("lane", "name"), "count", "1 if a network has that kind of dropout, else 0"),
    Fact("knob", ("lane", "name"), "number", "a knob of a network; a switch is 0 or 1"),
    Fact("units", ("place",), "count", "how many units a place has"),
    Fact("kept", ("place",), "count", "how many of them the mask on the screen keeps"),
    Fact("expected", ("place",), "number", "how many the rate keeps on average"),
    Fact("scaled", ("place",), "number", "how many are kept, times the factor of their network"),
    Fact("shrunk", ("place",), "number", "how many are kept, times the probability of keeping, which is wrong"),
    Fact("train_loss", ("lane",), "loss", "loss on the training examples, dropout off"),
    Fact("val_loss", ("lane",), "loss", "loss on the validation examples"),
    Fact("result", ("lane",), "loss", "validation loss as bars compare it: the mean of the last evaluations"),
    Fact("gap", ("lane",), "loss", "validation loss less training loss"),
    Fact("train_accuracy", ("lane",), "percent", "share of the training examples that is classified right"),
    Fact("val_accuracy", ("lane",), "percent", "share of the validation examples that is classified right"),
    Fact("lead", ("lane", "lane"), "points", "validation accuracy of the first network less that of the second"),
    Fact("best_loss", ("lane",), "loss", "least validation loss so far"),
    Fact("best_step", ("lane",), "count", "the update of the least validation loss so far"),
    Fact("stopped_at", ("lane",), "count", "the update at which early stopping ended a network's training"),
    Fact("stopped_with", ("lane",), "count", "the update whose weights it has kept"),
    Fact("first_below", ("lane", "number"), "count", "the first evaluation with a training loss below a number"),
    Fact(
        "slower",
        ("lane", "lane", "number"),
        "factor",
        "updates to a training loss: those of the first, by the second's",
    ),
    Fact(
        "lower", ("lane", "lane"), "count", "1 if validation loss is lower in the first network, beyond chance, else 0"
    ),
    Fact("least_lane", (), "count", "the number of the network with the least validation loss, from 0"),
    Fact("least_rate", ("place",), "rate", "the dropout rate of a place in that network"),
    Fact("ties", (), "count", "how many networks cannot be told from it by their validation loss; it counts, too"),
    Fact("tie_from", ("place",), "rate", "the least dropout rate of a place among them"),
    Fact("tie_to", ("place",), "rate", "the greatest, likewise"),
    Fact("members", (), "count", "how many sub-networks vote"),
    Fact("member_accuracy", ("lane",), "percent", "accuracy of one sub-network, on average"),
    Fact("average_accuracy", ("lane",), "percent", "accuracy of the average of all sub-networks"),
    Fact("whole_accuracy", ("lane",), "percent", "accuracy of the whole network, dropout off"),
    Fact("agreeing", ("lane",), "count", "how many sub-networks vote for the class that their average says"),
    Fact("entropy", ("lane",), "number", "entropy of the average for the example on the screen, in nats"),
    Fact("forgotten", ("lane",), "points", "accuracy that a network loses with training mode left on"),
    Fact("view", ("name", "name", "number"), "number", "a number that a view has found: view, tensor, place in it"),
    Fact("tried", (), "count", "how many candidates of a search are done"),
    Fact("ranked", ("number", "name"), "number", "of the candidate at a place, from 1, by loss: a knob, or val_loss"),
    Fact("code_seen", (), "count", "1 once the script of a network was opened in this step of the lesson, else 0"),
    Fact("guess", ("name",), "count", "the choice of a prediction, from 1; 0 while there is none"),
)
"""Every fact by its name."""

_CALL: Final = re.compile(r"(?P<name>[a-z_]+)(?:\((?P<arguments>[^()]*)\))?")


def read_call(text: str, where: str) -> dict[str, Any]:
    """Read one fact, such as ``val_loss(1)``.

    Args:
        text: how a lesson writes it.
        where: where it stands, for the error.

    Returns:
        ``{"name": …, "args": [...], "format": …}``.

    Raises:
        LessonError: there is no such fact, or it takes something else.
    """
    match = _CALL.fullmatch(text.strip())
    fact = FACTS.get(match["name"]) if match else None
    if match is None or fact is None:
        raise LessonError(f"{where}: {text!r} is no fact; there are {', '.join(FACTS)}")
    given = [each.strip() for each in (match["arguments"] or "").split(",") if each.strip()]
    if len(given) != len(fact.takes):
        takes = f"takes {', '.join(fact.takes)}" if fact.takes else "takes nothing"
        raise LessonError(f"{where}: {text!r} has {len(given)} arguments; {fact.name} {takes}")
    arguments = [_argument(each, kind, text, where) for each, kind in zip(given, fact.takes, strict=True)]
    return {"name": fact.name, "args": arguments, "format": fact.format}


def _argument(given: str, kind: Kind, text: str, where: str) -> int | float | str:
    if kind == "name":
        if not re.fullmatch(r"[a-z][a-z0-9_/-]*", given):
            raise LessonError(f"{where}: {given!r} in {text!r} must be a name of small letters")
        return given
    if kind == "number":
        try:
            return float(given)
        except ValueError:
            raise LessonError(f"{where}: {given!r} in {text!r} must be a number") from None
    if not re.fullmatch(r"\d{1,3}", given):
        raise LessonError(f"{where}: {given!r} in {text!r} must be the number of a {kind}, from 0")
    return int(given)
