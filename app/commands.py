"""What a viewer may say, checked before a worker is bothered with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.errors import BadMessageError
from trainer.config import ExperimentConfig
from trainer.errors import KnobError, quote
from trainer.views import VIEWS

MAX_STEP_COUNT: Final = 1000
MIN_SPEED: Final = 0.2
MAX_SPEED: Final = 10_000
MAX_ID_LENGTH: Final = 64
MAX_MEMBERS: Final = 256
MAX_ASKED: Final = 16
MAX_ASKED_VALUE: Final = 1e6
_MAX_SEQ: Final = 2**63

Message = Mapping[str, Any]


def check_id(message: Message) -> str | int | float:
    """Return the id under which a message wants its answer.

    Raises:
        BadMessageError: it has none, or one that is neither a number nor a short text.
    """
    given: Any = message.get("id")
    is_text = isinstance(given, str) and len(given) <= MAX_ID_LENGTH
    if is_text or (_is_number(given) and abs(given) <= _MAX_SEQ):  # which NaN and infinity are not
        answer: str | int | float = given
        return answer
    raise BadMessageError(f"id = {quote(given)} is not allowed: it must be a number or a text of at most 64 characters")


def check_command(message: Message, config: ExperimentConfig) -> dict[str, Any]:
    """Return the command in an owner's message, without its id.

    Raises:
        BadMessageError: there is no such command, or not with such fields.
        KnobError, UnknownKnobError: a value that is not allowed.
    """
    op = message.get("op")
    if not isinstance(op, str) or op not in _COMMANDS:
        raise BadMessageError(
            f"op = {quote(op)} is not allowed: it must be one of {', '.join(_COMMANDS)}, views, credit"
        )
    fields, check = _COMMANDS[op]
    for name in message:
        if name not in ("op", "id", *fields):
            takes = f"it takes {', '.join(fields)}" if fields else "it takes nothing"
            raise BadMessageError(f"{op} has no {quote(name)}; {takes}")
    command = {name: value for name, value in message.items() if name != "id"}
    check(command, config)
    return command


def check_credit(message: Message) -> int:
    """Return the number up to which frames are digested.

    Raises:
        BadMessageError: it is no such number.
    """
    seq = message.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq <= _MAX_SEQ:
        raise BadMessageError(f"seq = {quote(seq)} is not allowed: it must be the number of a frame")
    return seq


def _check_nothing(command: Message, config: ExperimentConfig) -> None:
    """There is nothing that could be wrong."""


def _check_step(command: Message, config: ExperimentConfig) -> None:
    _check_whole("count", command.get("count", 1), 1, MAX_STEP_COUNT)


def _check_speed(command: Message, config: ExperimentConfig) -> None:
    if "steps_per_second" not in command:
        raise BadMessageError("speed needs steps_per_second, a number, or null for as fast as it goes")
    speed = command["steps_per_second"]
    if speed is not None and not (_is_number(speed) and MIN_SPEED <= speed <= MAX_SPEED):
        raise KnobError("steps_per_second", speed, f"a number from {MIN_SPEED} to {MAX_SPEED:,}, or null")


def _check_set(command: Message, config: ExperimentConfig) -> None:
    knobs = command.get("knobs")
    if not isinstance(knobs, Mapping) or not knobs:
        raise BadMessageError(f"knobs = {quote(knobs)} is not allowed: it must be an object of knobs and their values")
    config.with_knobs(knobs, command.get("lane"))


def check_follow(command: Message, config: ExperimentConfig) -> None:
    """Let a lane, an example or both pass that are there.

    Raises:
        BadMessageError: neither is given.
        KnobError: it is not there.
    """
    if "lane" not in command and "example" not in command:
        raise BadMessageError("follow needs a lane, an example or both")
    if "lane" in command:
        _check_whole("lane", command["lane"], 0, len(config.lanes) - 1)
    if "example" in command:
        _check_whole("example", command["example"], 0, config.train_size - 1)


def _check_crowd(command: Message, config: ExperimentConfig) -> None:
    if "members" not in command and "masks" not in command:
        raise BadMessageError("crowd needs members, masks or both")
    if "members" in command:
        _check_whole("members", command["members"], 1, MAX_MEMBERS)
    if command.get("masks", "per_member") not in ("per_member", "per_example"):
        raise KnobError("masks", command["masks"], "one of per_member, per_example")


def _check_ask(command: Message, config: ExperimentConfig) -> None:
    """What can be checked without knowing how many features the data have, which only the worker does."""
    x = command.get("x")
    if not isinstance(x, list) or not 1 <= len(x) <= MAX_ASKED:
        raise KnobError("x", x, f"a list of 1 to {MAX_ASKED} examples")
    for row, example in enumerate(x):
        if not isinstance(example, list):
            raise KnobError(f"x[{row}]", example, "a list of numbers, one for each feature")
        for column, value in enumerate(example):
            if not _is_number(value) or not abs(value) <= MAX_ASKED_VALUE:
                allowed = f"a number from {-MAX_ASKED_VALUE:,.0f} to {MAX_ASKED_VALUE:,.0f}"
                raise KnobError(f"x[{row}][{column}]", value, allowed)
    if command.get("lane") is not None:
        _check_whole("lane", command["lane"], 0, len(config.lanes) - 1)


def check_views(message: Message) -> tuple[str, ...]:
    """Return the views that a viewer has open.

    Raises:
        BadMessageError: they are no list of views.
    """
    for name in message:
        if name not in ("op", "id", "open"):
            raise BadMessageError(f"views has no {quote(name)}; it takes open")
    names = message.get("open")
    known = isinstance(names, list) and all(isinstance(name, str) and name in VIEWS for name in names)
    if not isinstance(names, list) or not known:
        raise BadMessageError(f"open = {quote(names)} is not allowed: it must be a list of {', '.join(VIEWS)}")
    return tuple(dict.fromkeys(names))


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise KnobError(name, value, f"a whole number from {least} to {most:,}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COMMANDS: Final[dict[str, tuple[tuple[str, ...], Callable[[Message, ExperimentConfig], None]]]] = {
    "play": ((), _check_nothing),
    "pause": ((), _check_nothing),
    "step": (("count",), _check_step),
    "speed": (("steps_per_second",), _check_speed),
    "set": (("lane", "knobs"), _check_set),
    "follow": (("lane", "example"), check_follow),
    "crowd": (("members", "masks"), _check_crowd),
    "ask": (("x", "lane"), _check_ask),
    "reset": ((), _check_nothing),
}
"""Every command: the fields it takes, and what checks them."""

COMMANDS: Final = (*_COMMANDS, "views")
