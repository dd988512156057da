"""What a model says of itself over its feed, looked at before anybody is shown it: it comes from another program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.watched.forms import TRUTH, Form, check, choice, either, fields, line, lines, listed, number, or_null, row_of
from app.watched.forms import whole as whole_number

MOST_MODULES: Final = 2000
MOST_SITES: Final = 512
MOST_SERIES: Final = 64
MOST_UNITS: Final = 1024  # of a row
MOST_DIMENSIONS: Final = 8
MOST_WARNINGS: Final = 64
MOST_CHANGES: Final = 2000
MOST_STEP: Final = 2**32 - 1
LONGEST_NAME: Final = 200
LONGEST_PATH: Final = 400
LONGEST_TEXT: Final = 1000
LONGEST_CODE: Final = 256 * 1024
STATES: Final = ("training", "paused", "ended", "failed")
ROLES: Final = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "other")

_WHOLE: Final = whole_number()
_STEP: Final = whole_number(MOST_STEP)
_NAME: Final = line(LONGEST_NAME)
_PATH: Final = line(LONGEST_PATH, empty=True)
_TEXT: Final = or_null(line(LONGEST_TEXT, empty=True))
_RATE: Final = number(0, 1)

_MODEL: Final[Mapping[str, Form]] = {
    "name": _NAME,
    "type": _NAME,
    "parameters": _WHOLE,
    "device": or_null(_NAME),
    "torch": or_null(_NAME),
    "cut": _WHOLE,
    "val": _WHOLE,
}
_MODULE: Final[Mapping[str, Form]] = {
    "path": _PATH,
    "type": _NAME,
    "depth": whole_number(1000),
    "parameters": _WHOLE,
    "training": TRUTH,
}
_SITE: Final[Mapping[str, Form]] = {
    "path": _PATH,
    "call": _WHOLE,
    "name": line(LONGEST_PATH + 20),
    "kind": _NAME,
    "of": line(40),
    "rate": or_null(_RATE),
    "training": or_null(TRUTH),
    "units": whole_number(MOST_UNITS),
    "shape": or_null(row_of(_WHOLE, MOST_DIMENSIONS)),
    "available": TRUTH,
    "reason": _TEXT,
    "settable": TRUTH,
    "off": TRUTH,
    "where": _TEXT,
}
_SERIES: Final[Mapping[str, Form]] = {"name": _NAME, "role": choice(*ROLES)}
_STATE: Final[Mapping[str, Form]] = {
    "step": _STEP,
    "state": choice(*STATES),
    "steps_per_second": or_null(number(0, 1e9)),
    "passes": _WHOLE,
    "sampled": _WHOLE,
    "every": or_null(number(0, 1e9)),
    "cost": or_null(number(0, 1e6)),
    "lost": _WHOLE,
    "mode": choice("step", "optimizer", "backward"),
    "voting": TRUTH,
    "vote_problem": _TEXT,
}
_WARNING: Final[Mapping[str, Form]] = {
    "id": either(_NAME, _WHOLE),
    "kind": _NAME,
    "step": or_null(_STEP),
    "count": or_null(_WHOLE),
    "where": _TEXT,
    "text": line(LONGEST_TEXT),
}
_SETTING: Final = or_null(either(_RATE, TRUTH))
_CHANGE: Final[Mapping[str, Form]] = {
    "step": _STEP,
    "site": whole_number(MOST_SITES - 1),
    "path": _PATH,
    "name": line(LONGEST_PATH + 20),
    "knob": choice("rate", "off"),
    "from": _SETTING,
    "to": _SETTING,
}
_CODE: Final = lines(LONGEST_CODE)
_ERROR: Final[Mapping[str, Form]] = {
    "code": Form(
        lambda value: isinstance(value, str) and 0 < len(value) <= 40 and value.isascii() and value.isidentifier(),
        "a code of errors, such as bad_value",
    ),
    "message": line(LONGEST_TEXT),
}


def read_model(value: Any) -> dict[str, Any]:
    """Return what a model says that it is, and nothing else.

    Raises:
        BadMessageError: it cannot be.
    """
    model = fields("model", value, _MODEL)
    sites = listed("model.sites", value.get("sites"), MOST_SITES)
    places = row_of(whole_number(len(sites) - 1), len(sites))
    tree = listed("model.tree", value.get("tree"), MOST_MODULES)
    found = [_module(f"model.tree[{place}]", each, places) for place, each in enumerate(tree)]
    series = listed("model.series", value.get("series"), MOST_SERIES)
    return model | {
        "tree": found,
        "sites": [_site(place, each) for place, each in enumerate(sites)],
        "series": [fields(f"model.series[{place}]", each, _SERIES) for place, each in enumerate(series)],
    }


def _module(where: str, value: Any, places: Form) -> dict[str, Any]:
    module = fields(where, value, _MODULE)
    return module | {"sites": check(f"{where}.sites", value.get("sites"), places)}


def _site(place: int, value: Any) -> dict[str, Any]:
    where = f"model.sites[{place}]"
    site = fields(where, value, _SITE)
    own = Form(lambda index: type(index) is int and index == place, f"{place}: sites stand in the order of their index")
    return {"index": check(f"{where}.index", value.get("index"), own), **site}


def read_state(value: Any) -> dict[str, Any]:
    """Return how the training stands.

    Raises:
        BadMessageError: it cannot be.
    """
    return fields("state", value, _STATE)


def read_warning(value: Any) -> dict[str, Any]:
    """Return a warning.

    Raises:
        BadMessageError: it is none.
    """
    return fields("warning", value, _WARNING)


def read_changes(value: Any) -> list[dict[str, Any]]:
    """Return what was changed.

    Raises:
        BadMessageError: it is no list of changes.
    """
    changes = listed("changes", value, MOST_CHANGES)
    return [fields(f"changes[{place}]", each, _CHANGE) for place, each in enumerate(changes)]


def read_code(value: Any) -> str:
    """Return the changes as Python.

    Raises:
        BadMessageError: it is no text that can be shown.
    """
    code: str = check("code", value, _CODE)
    return code


def read_reply(message: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return which command a reply is to, and the reply: a ``step``, or an ``error``.

    Raises:
        BadMessageError: it is none.
    """
    ref: int = check("ref", message.get("ref"), _WHOLE)
    if "error" in message:
        return ref, {"error": fields("error", message["error"], _ERROR)}
    return ref, {"step": check("step", message.get("step"), _STEP)}
