"""What a value of a message must be: its limits, and the same in words for whoever sent another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import BadMessageError
from trainer.errors import quote
from trainer.printable import is_printable, unseen_in

MOST_COUNT: Final = 2**53  # what a browser can count exactly


@dataclass(frozen=True)
class Form:
    """What a value must be.

    Attributes:
        takes: whether a value is so.
        allowed: the same as the end of a sentence.
    """

    takes: Callable[[Any], bool]
    allowed: str


TRUTH: Final = Form(lambda value: isinstance(value, bool), "true or false")


def whole(most: int = MOST_COUNT, least: int = 0) -> Form:
    """A whole number."""
    return Form(lambda value: type(value) is int and least <= value <= most, f"a whole number, {least:,} to {most:,}")


def number(least: float = -math.inf, most: float = math.inf) -> Form:
    """A number that is finite, within limits that count as well."""
    words = "a finite number" if math.isinf(most) else f"a number from {least:g} to {most:g}"
    return Form(lambda value: is_number(value) and least <= value <= most, words)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number that a float can hold."""
    return type(value) in (int, float) and abs(value) <= 1e300  # which NaN is not


def line(most: int, empty: bool = False) -> Form:
    """A line of at most so many characters that can be seen."""
    words = f"a line of at most {most:,} characters that can be seen"
    return Form(
        lambda value: isinstance(value, str) and len(value) <= most and (is_printable(value) or (empty and not value)),
        f"{words}, or empty" if empty else words,
    )


def lines(most: int) -> Form:
    """A text of at most so many characters, of lines that can be seen."""
    return Form(
        lambda value: isinstance(value, str) and len(value) <= most and not unseen_in(value) and "\r" not in value,
        f"a text of at most {most:,} characters that can be seen",
    )


def choice(*values: str) -> Form:
    """One of some words."""
    return Form(lambda value: isinstance(value, str) and value in values, f"one of {', '.join(values)}")


def either(*forms: Form) -> Form:
    """What one of some forms takes."""
    return Form(lambda value: any(form.takes(value) for form in forms), ", or ".join(form.allowed for form in forms))


def or_null(form: Form) -> Form:
    """The same, or null."""
    return Form(lambda value: value is None or form.takes(value), f"{form.allowed}, or null")


def row_of(form: Form, most: int) -> Form:
    """A list of at most so many."""
    return Form(
        lambda value: isinstance(value, list) and len(value) <= most and all(map(form.takes, value)),
        f"a list of at most {most:,}, each {form.allowed}",
    )


def check(where: str, value: Any, form: Form) -> Any:
    """Return a value that is as it must be.

    Args:
        where: the value stands, for the error.
        value: the value.
        form: what it must be.

    Raises:
        BadMessageError: it is another.
    """
    if not form.takes(value):
        raise BadMessageError(f"{where} = {quote(value)} is not allowed: it must be {form.allowed}")
    return value


def fields(where: str, value: Any, forms: Mapping[str, Form]) -> dict[str, Any]:
    """Return those fields of an object that there are forms for; one that is left out counts as null.

    Raises:
        BadMessageError: it is no object, or a field is not as it must be.
    """
    if not isinstance(value, dict):
        raise BadMessageError(f"{where} = {quote(value)} is not allowed: it must be an object")
    return {name: check(f"{where}.{name}", value.get(name), form) for name, form in forms.items()}


def listed(where: str, value: Any, most: int) -> list[Any]:
    """Return a list of at most so many.

    Raises:
        BadMessageError: it is none.
    """
    if not isinstance(value, list) or len(value) > most:
        told = f"{len(value):,} of them" if isinstance(value, list) else quote(value)
        raise BadMessageError(f"{where} = {told} is not allowed: it must be a list of at most {most:,}")
    return value
