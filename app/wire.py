"""JSON as it travels: strict about what comes in, plain ASCII, and null for what is no number, on the way out."""

from __future__ import annotations

import json
from typing import Any, Final

from app.errors import BadJsonError
from trainer.errors import quote
from trainer.wire.jsontext import dumps

__all__ = ["dumps", "loads"]


_TOO_MANY_DIGITS: Final = "integer string conversion"  # words of Python's, behind which is advice to programmers


def loads(text: str | bytes, what: str = "this") -> Any:
    """Return what ``text`` says.

    Args:
        text: JSON.
        what: what an error calls it.

    ``NaN`` and ``Infinity``, which Python's parser knows and JSON does not, are let through: every place that takes a
    number has limits and says better than a parser what was wrong with it.

    Raises:
        BadJsonError: it is not JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise BadJsonError(f"{what} is not JSON that can be read: it is nested too deeply") from None
    except UnicodeDecodeError as error:
        byte = f"byte {error.start:,}, {error.object[error.start]:#04x}"
        raise BadJsonError(f"{what} is not JSON: {byte}, is no letter in {error.encoding.upper()}") from None
    except ValueError as error:  # JSONDecodeError, or a number of more digits than Python converts
        reason = "a number in it has too many digits" if _TOO_MANY_DIGITS in str(error) else str(error)
        raise BadJsonError(f"{what} is not JSON: {reason}: {quote(text)}") from None
