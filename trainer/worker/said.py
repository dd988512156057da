"""What the app says, looked at before it is done: a message that makes no sense costs nobody's run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trainer.errors import quote
from trainer.wire.stream import StreamError

MOST_STEPS: Final = 2**32

Check = Callable[[Any], bool]


def check_said(message: Mapping[str, Any]) -> None:
    """Let what the app says pass if it can be understood.

    What knobs and commands take is not looked at: that is refused where they are obeyed, in words of its own.

    Raises:
        StreamError: it cannot; the message says what is wrong with it.
    """
    op = message.get("op")
    needed, optional = _FORMS.get(op, ({}, {})) if isinstance(op, str) else ({}, {})
    if not isinstance(op, str) or op not in _FORMS:
        raise StreamError(f"op = {quote(op)} is nothing that the app says")
    for name, is_fine in needed.items():
        if not is_fine(message.get(name)):
            raise StreamError(f"{name} = {quote(message.get(name))} is not what the app says in {op}")
    for name, is_fine in optional.items():
        if message.get(name) is not None and not is_fine(message[name]):
            raise StreamError(f"{name} = {quote(message[name])} is not what the app says in {op}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_STEPS


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _is_changes(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(each, dict)
        and _is_whole(each.get("step"))
        and isinstance(each.get("knobs"), dict)
        and (each.get("lane") is None or _is_whole(each["lane"]))
        for each in value
    )


_RUN: Final[dict[str, Check]] = {"run": _is_text}
_OPEN: Final[dict[str, Check]] = {
    "state": lambda value: value in ("playing", "paused"),
    "follow": lambda value: isinstance(value, dict) and all(_is_whole(each) for each in value.values()),
    "table": _is_object,
    "experiment": _is_text,
    "stop_at": _is_whole,
    "ensemble": _is_object,
    "search": _is_object,
    "reach": _is_whole,
    "steps_to": _is_whole,
    "memory": lambda value: type(value) is int and value >= 0,
    "strict": lambda value: isinstance(value, bool),
    "scored": lambda value: isinstance(value, bool),
    "past": lambda value: (
        isinstance(value, dict)
        and all(value.get(name) is None or _is_whole(value[name]) for name in ("step", "first", "count"))
        and (not value.get("count") or _is_whole(value.get("first")))
    ),
}
_FORMS: Final[dict[str, tuple[dict[str, Check], dict[str, Check]]]] = {
    "changes": (_RUN | {"changes": _is_changes}, {}),
    "open": (_RUN, _OPEN),
    "checkpoint": (_RUN | {"frame": lambda value: isinstance(value, bytes)}, {}),
    "command": (_RUN, {}),
    "watch": (_RUN | {"viewers": _is_whole}, {"views": _is_texts, "pictures": lambda value: isinstance(value, bool)}),
    "close": (_RUN, {}),
    "hand_over": (_RUN, {}),
    "shutdown": ({}, {}),
}
"""What each message needs, and what it may have beside that."""
