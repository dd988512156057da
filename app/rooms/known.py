"""The known curve: what a network of the class run comes to at each dropout rate, as measured with other seeds.

``python -m scripts.known_curve`` measures it again and writes ``known.json``. No torch.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("known.json")


@cache
def _held() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return held


def known_curve(step: int) -> dict[str, Any]:
    """Return the curve at the last measured step that a run has come to; before the first, that.

    Args:
        step: of the class run.

    Returns:
        ``rates`` of the hidden layers; over ``seeds`` seeds the mean ``loss`` of the validation set at ``step``, the
        least (``low``) and the greatest (``high``).
    """
    held = _held()
    steps = [int(each) for each in held["losses"]]
    at = max((each for each in steps if each <= step), default=steps[0])
    losses = held["losses"][str(at)]
    columns = list(zip(*losses, strict=True))
    return {
        "step": at,
        "rates": held["rates"],
        "loss": [round(sum(column) / len(column), 4) for column in columns],
        "low": [min(column) for column in columns],
        "high": [max(column) for column in columns],
        "seeds": len(losses),
    }
