"""Every exception that the trainer raises on purpose, in one tree."""

from __future__ import annotations

from typing import Any, ClassVar


class DropoutLabError(Exception):
    """Base class: catching it catches whatever Dropout Lab refuses on purpose.

    Attributes:
        code: what the protocol calls this kind of error.
    """

    code: ClassVar[str] = "bad_message"

    def described(self) -> dict[str, Any]:
        """The error as plain data, in the one shape that every error has (docs/protocol.md)."""
        return {"code": self.code, "message": str(self)}


class KnobError(DropoutLabError, ValueError):
    """A knob was given a value that it does not take.

    Args:
        knob: path of the knob, for example ``lanes[1].dropout[0]``.
        value: what was given.
        allowed: what would have been accepted, as the end of a sentence ("a number from 0 to 0.95").
    """

    code = "bad_value"

    def __init__(self, knob: str, value: Any, allowed: str) -> None:
        self.knob = knob
        self.value = value
        self.allowed = allowed
        super().__init__(f"{knob} = {quote(value)} is not allowed: it must be {allowed}")

    def described(self) -> dict[str, Any]:
        """Also which knob, which value, and what it takes."""
        return super().described() | {"knob": self.knob, "value": quote(self.value), "allowed": self.allowed}


class UnknownKnobError(DropoutLabError, ValueError):
    """A knob was named that does not exist.

    Args:
        knob: the name that was given.
        known: the names that exist in its place.
    """

    code = "unknown_knob"

    def __init__(self, knob: str, known: list[str]) -> None:
        self.knob = knob
        self.known = known
        super().__init__(f"there is no knob {quote(knob)}; the knobs are {', '.join(known)}")

    def described(self) -> dict[str, Any]:
        """Also which name."""
        return super().described() | {"knob": self.knob[:200]}  # a path of real names has at most some forty characters


class TooManyChangesError(DropoutLabError, ValueError):
    """A run was to have more changes than are kept."""

    code = "too_many_changes"


class StateError(DropoutLabError):
    """A saved state does not belong to the experiment that was asked to load it."""


class TableError(DropoutLabError, ValueError):
    """A file that cannot be read as a table to learn from; the message says where, and what would do."""

    code = "bad_table"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.reading: dict[str, Any] | None = None  # what is known of its columns all the same

    def described(self) -> dict[str, Any]:
        """Also what is known of the table."""
        return super().described() | ({} if self.reading is None else {"reading": self.reading})


class ImageFilesError(DropoutLabError):
    """The server's own files of images are missing or broken; the message names the file."""

    code = "internal"


def quote(value: Any, limit: int = 80) -> str:
    """Return ``value`` as it would be written in Python, cut to ``limit`` characters."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a number of more digits than Python writes
        text = f"a {type(value).__name__} that is too long to write"
    return text if len(text) <= limit else text[: limit - 1] + "…"
