"""What a worker says of a run, looked at before it is believed: a worker that is broken costs a run and nothing else.

A worker is part of the lab and shows a secret of its own start. Still, what it says reaches every viewer, so that it is
known here what the app itself relies on; all else is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from trainer.errors import quote
from trainer.presets import PRESETS
from trainer.wire.stream import StreamError

MOST_UNITS: Final = 10**6  # of a layer
MOST_STEPS: Final = 2**53


def check_told(message: Mapping[str, Any]) -> None:
    """Let what a worker says pass if it can be understood.

    Raises:
        StreamError: it cannot; the message says what is wrong with it.
    """
    op = message.get("op")
    check = _CHECKS.get(op) if isinstance(op, str) else None
    if check is None:
        raise StreamError(f"op = {quote(op)} is nothing that a worker says")
    check(message)


def is_error(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether this is an error in the one shape."""
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("code", "message"))


def _opened(message: Mapping[str, Any]) -> None:
    _check_state(_need(message, "state", _is_object))


def _reply(message: Mapping[str, Any]) -> None:
    _need(message, "ref", _is_step)
    if "error" in message:
        _need(message, "error", is_error)
    else:
        _need(message, "step", _is_step)


def _changed(message: Mapping[str, Any]) -> None:
    _need(message, "reason", _is_text)
    _need(message, "step", _is_step)
    for change in _need(message, "changes", _is_list):
        if not _is_object(change):
            raise StreamError(f"{quote(change)} is no change")
        _need(change, "step", _is_step)
        _need(change, "knobs", _is_object)
        if change.get("lane") is not None:
            _need(change, "lane", _is_step)
    _check_state(_need(message, "state", _is_object))


def _handed_over(message: Mapping[str, Any]) -> None:
    if message.get("step") is not None:
        _need(message, "step", _is_step)


_CHECKS: Final[dict[str, Callable[[Mapping[str, Any]], None]]] = {
    "opened": _opened,
    "reply": _reply,
    "changed": _changed,
    "handed_over": _handed_over,
}


def _check_state(state: Mapping[str, Any]) -> None:
    """What the app reads of a run's state, beside the configuration, which is parsed where it is taken over."""
    _need(state, "step", _is_step)
    _need(state, "config", _is_object)
    if state.get("state") not in ("playing", "paused"):
        raise StreamError(f"state = {quote(state.get('state'))} is neither playing nor paused")
    layers: Any = _need(state, "layers", _is_list) if "layers" in state else []
    for layer in layers:
        if not isinstance(layer, dict):
            raise StreamError(f"{quote(layer)} is no layer")
        _need(layer, "name", _is_text)
        _need(layer, "units", lambda value: type(value) is int and 1 <= value <= MOST_UNITS)
        _need(layer, "shape", lambda value: _is_list(value) and all(type(each) is int for each in value))
    for name, is_fine in (("follow", _is_follow), ("classes", _is_list), ("search", _is_object)):
        if state.get(name) is not None:
            _need(state, name, is_fine)
    if state.get("experiment") is not None:
        _need(state, "experiment", lambda value: any(preset.id == value for preset in PRESETS))


def _need(message: Mapping[str, Any], name: str, is_fine: Callable[[Any], bool]) -> Any:
    value = message.get(name)
    if not is_fine(value):
        raise StreamError(f"{name} = {quote(value)} is not what a worker says")
    return value


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_step(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_STEPS


def _is_follow(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_step(each) for each in value.values())
