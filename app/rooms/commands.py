"""What may be said in a room: a table, as `trainer.settings.commands` is one of what may be said to a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.errors import BadMessageError, NotOwnerError
from trainer.errors import KnobError, quote
from trainer.printable import is_printable
from trainer.settings.commands import MAX_COUNT, MAX_SPEED, MIN_SPEED
from trainer.settings.lane import MAX_RATE

MOST_PLACES: Final = 128
MOST_SIMULATED: Final = 100
MOST_CHOICES: Final = 6
LONGEST_TEXT: Final = 200  # characters of a question,
LONGEST_CHOICE: Final = 60  # and of an answer to it

Way = Literal["follow", "own", "class"]
WAYS: Final[tuple[Way, ...]] = ("follow", "own", "class")
Role = Literal["host", "student", "watcher"]
PHASES: Final = ("asked", "shown", "running", "again", "told")
"""How far a question is."""


@dataclass(frozen=True)
class Said:
    """One thing that may be said.

    Attributes:
        op: its name.
        by: who may say it.
        takes: the forms of what stands beside it, by name.
        needs: which of those must be there.
        some: whether at least one of the others must.
    """

    op: str
    by: tuple[Role, ...]
    takes: Mapping[str, Form]
    needs: tuple[str, ...] = ()
    some: bool = False


@dataclass(frozen=True)
class Form:
    """What a value must be.

    Attributes:
        kind: its type.
        allowed: the same as the end of a sentence.
        least: of a number.
        most: of a number; of a text, how long it may be.
        null: whether it may be null.
        values: of a choice.
        is_raw: of a text, whether it is looked at elsewhere; else it is one line that can be seen.
    """

    kind: Literal["bool", "whole", "number", "text", "choice", "choices"]
    allowed: str
    least: float = 0.0
    most: float = 0.0
    null: bool = False
    values: tuple[str, ...] = ()
    is_raw: bool = False

    def takes(self, value: Any) -> bool:
        """Whether a value is of this form."""
        if value is None:
            return self.null
        match self.kind:
            case "bool":
                return isinstance(value, bool)
            case "whole":
                return type(value) is int and self.least <= value <= self.most
            case "number":
                return type(value) in (int, float) and self.least <= value <= self.most
            case "text":
                return isinstance(value, str) and 0 < len(value) <= self.most and (self.is_raw or is_printable(value))
            case "choice":
                return isinstance(value, str) and value in self.values
            case "choices":
                texts = value if isinstance(value, list) else []
                fit = [
                    each
                    for each in texts
                    if isinstance(each, str) and 0 < len(each) <= LONGEST_CHOICE and is_printable(each)
                ]
                return len(fit) == len(texts) and 2 <= len(texts) <= MOST_CHOICES and len(set(fit)) == len(fit)


def _whole(least: int, most: int) -> Form:
    return Form("whole", f"a whole number from {least:,} to {most:,}", least, most)


_ON: Final = Form("bool", "true or false")
_STUDENT: Final = Form("text", "the id of a student", most=40)
_NOBODY: Final = Form("text", "the id of a student, or null for nobody", most=40, null=True)
_NAME: Final = Form("text", "a text", most=4096, is_raw=True)
_RATE: Final = Form("number", f"a number from 0 to {MAX_RATE:g}", 0.0, MAX_RATE)
_SPEED: Final = Form(
    "number",
    f"a number from {MIN_SPEED:g} to {MAX_SPEED:,}, or null for as fast as it goes",
    MIN_SPEED,
    MAX_SPEED,
    True,
)
_TEXT: Final = Form("text", f"a text of at most {LONGEST_TEXT} characters", most=LONGEST_TEXT)
_CHOICES: Final = Form(
    "choices", f"a list of 2 to {MOST_CHOICES} texts of at most {LONGEST_CHOICE} characters, no two of them alike"
)
_HOST: Final = ("host",)
_STUDENTS: Final = ("student",)
_BOTH: Final = ("host", "student")

TABLE: Final = (
    Said("way", _HOST, {"to": Form("choice", f"one of {', '.join(WAYS)}", values=WAYS)}, ("to",)),
    Said("experiment", _HOST, {"name": Form("text", "the name of an experiment", most=64)}, ("name",)),
    Said("begin", _HOST, {"places": _whole(1, MOST_PLACES)}),
    Said("play", _BOTH, {}),
    Said("pause", _BOTH, {}),
    Said("speed", _HOST, {"steps_per_second": _SPEED}, ("steps_per_second",)),
    Said("step", _HOST, {"count": _whole(1, MAX_COUNT)}),
    Said("lock", _HOST, {"on": _ON}, ("on",)),
    Said("mute", _HOST, {"on": _ON}, ("on",)),
    Said("rename", _HOST, {"student": _STUDENT, "name": _NAME}, ("student", "name")),
    Said("remove", _HOST, {"student": _STUDENT}, ("student",)),
    Said("lend", _HOST, {"student": _NOBODY}, ("student",)),
    Said("show", _HOST, {"student": _NOBODY}, ("student",)),
    Said(
        "ask",
        _HOST,
        {"key": Form("text", "the key of a question", most=64), "text": _TEXT, "choices": _CHOICES},
        some=True,
    ),
    Said("next", _HOST, {"phase": Form("choice", f"one of {', '.join(PHASES)}", values=PHASES)}),
    Said("drop", _HOST, {}),
    Said("known", _HOST, {"on": _ON}, ("on",)),
    Said("rehearse", _HOST, {"students": _whole(0, MOST_SIMULATED)}, ("students",)),
    Said("link", _HOST, {"to": Form("text", "one of the room's addresses", most=500)}, ("to",)),
    Said(
        "look",
        _HOST,
        {
            "panel": Form("text", "the name of a panel, or null", most=40, null=True),
            "step": Form("whole", "a step, or null for the newest", 0, 10**9, True),
        },
        ("panel",),
    ),
    Said("end", _HOST, {}),
    Said("knobs", _BOTH, {"hidden": _RATE, "input": _RATE, "batch_norm": _ON}, some=True),
    Said(
        "answer",
        _STUDENTS,
        {"question": _whole(0, 10**6), "choice": _whole(0, MOST_CHOICES - 1)},
        ("question", "choice"),
    ),
    Said("anew", _STUDENTS, {}),
    Said("call", _STUDENTS, {"name": _NAME}, ("name",)),
)
"""All that may be said in a room beside ``join`` and ``seen``."""

_BY_OP: Final = {each.op: each for each in TABLE}


def read_said(message: Mapping[str, Any], role: Role) -> dict[str, Any]:
    """Return what was said, without its id.

    Args:
        message: as it came.
        role: who said it.

    Raises:
        BadMessageError: there is no such thing to say, or not with this beside it.
        NotOwnerError: only others may say it.
        KnobError: a value that is not allowed.
    """
    op = message.get("op")
    said = _BY_OP.get(op) if isinstance(op, str) else None
    if said is None:
        raise BadMessageError(f"op = {quote(op)} is not allowed: it must be one of {', '.join(_BY_OP)}")
    if role not in said.by:
        whose = {"host": "the host", "student": "a student"}
        raise NotOwnerError(f"only {' or '.join(whose[each] for each in said.by)} may say {said.op}")
    given = {name: value for name, value in message.items() if name not in ("op", "id")}
    for name, value in given.items():
        form = said.takes.get(name)
        if form is None:
            takes = f"it takes {', '.join(said.takes)}" if said.takes else "it takes nothing"
            raise BadMessageError(f"{said.op} has no {quote(name)}; {takes}")
        if not form.takes(value):
            raise KnobError(name, value, form.allowed)
    for name in said.needs:
        if name not in given:
            raise BadMessageError(f"{said.op} needs {name}: it must be {said.takes[name].allowed}")
    if said.some and not given:
        raise BadMessageError(f"{said.op} needs at least one of {', '.join(said.takes)}")
    return {"op": said.op, **given}
