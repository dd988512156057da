"""JSON as it travels: strict about what comes in, plain ASCII on the way out."""

from __future__ import annotations

import json
from typing import Any

from app.errors import BadJsonError


def loads(text: str | bytes) -> Any:
    """Return what ``text`` says.

    ``NaN`` and ``Infinity``, which Python's parser knows and JSON does not, are let through: every place that takes a
    number has limits and says better than a parser what was wrong with it.

    Raises:
        BadJsonError: it is not JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise BadJsonError("this is not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, or a number of more digits than Python converts
        raise BadJsonError(f"this is not JSON: {error}") from None


def dumps(value: Any) -> str:
    """Return ``value`` as JSON: ASCII, because a lone surrogate that somebody sent could not be encoded otherwise."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
