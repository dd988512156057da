"""What a command may carry."""

from __future__ import annotations

from typing import Any, Final

from trainer.errors import DropoutLabError, KnobError

MIN_SPEED: Final = 0.2  # steps a second
MAX_SPEED: Final = 10_000.0
MAX_COUNT: Final = 1000  # steps of one command


class CommandError(DropoutLabError):
    """A command that the protocol does not know."""


def integer(name: str, value: Any, low: int, high: int) -> int:
    """Return ``value`` if it is a whole number from ``low`` to ``high``.

    Raises:
        KnobError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise KnobError(name, value, f"a whole number from {low:,} to {high:,}")
    return value


def speed(value: Any) -> float | None:
    """Return ``value`` if it is a speed in steps a second, or None for as fast as it goes.

    Raises:
        KnobError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_SPEED <= value <= MAX_SPEED:
        allowed = f"a number of steps from {MIN_SPEED:g} to {MAX_SPEED:,.0f}, or null for as fast as it goes"
        raise KnobError("steps_per_second", value, allowed)
    return float(value)
