"""Comparisons of facts: ``step >= 300 and gap(0) > 2 * gap(1)``."""

from __future__ import annotations

import re
from typing import Any, Final

from app.lessons.errors import LessonError
from app.lessons.facts import read_call

_OPERATORS: Final = ("<=", ">=", "!=", "<", ">", "=")
_COMPARISON: Final = re.compile(r"(?P<left>.+?)\s*(?P<operator><=|>=|!=|<|>|=)\s*(?P<right>.+)")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_TIMES: Final = re.compile(r"(?P<times>-?\d+(\.\d+)?)\s*\*\s*(?P<call>.+)")


def read_condition(text: str, where: str) -> list[dict[str, Any]]:
    """Read comparisons that must all hold.

    Args:
        text: joined by ``and``.
        where: where it stands, for the error.

    Returns:
        ``[{"left": operand, "operator": "<", "right": operand}, …]``; an operand is a fact as `read_call` has it, with
        ``"times"``, or ``{"number": …}``.

    Raises:
        LessonError: it is no comparison of facts and numbers.
    """
    found = []
    for part in text.split(" and "):
        match = _COMPARISON.fullmatch(part.strip())
        if match is None:
            raise LessonError(f"{where}: {part.strip()!r} compares nothing; it needs one of {' '.join(_OPERATORS)}")
        left, right = (read_operand(match[side], where) for side in ("left", "right"))
        found.append({"left": left, "operator": match["operator"], "right": right})
    return found


def read_operand(text: str, where: str) -> dict[str, Any]:
    """Read a number, a fact, or a number times a fact.

    Raises:
        LessonError: it is none of them.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return {"number": float(text)}
    match = _TIMES.fullmatch(text)
    if match:
        return {**read_call(match["call"], where), "times": float(match["times"])}
    return {**read_call(text, where), "times": 1.0}
