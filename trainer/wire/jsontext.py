"""JSON as this program writes it, wherever it goes: a number that is no number is null there."""

from __future__ import annotations

import json
import math
from typing import Any


class Written(str):
    """JSON that is written already: long lists of which little changes are not written anew for each who reads them."""

    __slots__ = ()


def dumps(value: Any) -> str:
    """Return ``value`` as JSON: ASCII, because a lone surrogate that somebody sent could not be encoded otherwise.

    JSON has no NaN and no infinity: both become null, so that nothing that was measured can keep a message from being
    sent. What is `Written` is taken as it is, as a value of an object, of one inside that, and so on.
    """
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict) and _has_written(value):
        return f"{{{','.join(f'{dumps(str(name))}:{dumps(each)}' for name, each in value.items())}}}"
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:  # which costs a second pass only where there is such a number
        return json.dumps(finite(value), separators=(",", ":"), allow_nan=False)


def _has_written(value: dict[Any, Any]) -> bool:
    return any(isinstance(each, Written) or (isinstance(each, dict) and _has_written(each)) for each in value.values())


def finite(value: Any) -> Any:
    """Plain data with None in place of every number that is none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
