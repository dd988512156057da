"""Every call of a watched model, without a hook in it.

A hook lives in the module: it would be pickled and copied with it, and PyTorch leaves its fast paths where it finds
one. So what is replaced is ``__call__`` of the model's *class*, for as long as a model of it is watched. Of all other
models of that class a call takes one look into a dictionary more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from torch import nn


class Watcher(Protocol):
    """Whoever is told of the calls of a model."""

    def call(self, forward: Callable[[], Any]) -> Any:
        """Run one call of the model, which ``forward`` does, and return what it returns."""


_watched: dict[int, tuple[nn.Module, Watcher]] = {}
_replaced: dict[type, tuple[int, Any]] = {}  # how many of a class are watched, and what its __call__ was
_lock = threading.Lock()
_MISSING: Any = object()


def begin(model: nn.Module, watcher: Watcher) -> None:
    """Tell ``watcher`` of every call of a model from now on.

    Raises:
        ValueError: somebody is told already.
    """
    with _lock:
        if id(model) in _watched:
            raise ValueError("this model is watched already; close the first watch before the second")
        _watched[id(model)] = (model, watcher)
        kind = type(model)
        count, before = _replaced.get(kind, (0, _MISSING))
        if count == 0:
            before = kind.__dict__.get("__call__", _MISSING)
            kind.__call__ = _calling(kind.__call__)  # type: ignore[method-assign]
        _replaced[kind] = (count + 1, before)


def end(model: nn.Module) -> None:
    """Tell of its calls no more; of the last model of a class, leave the class as it was."""
    with _lock:
        if _watched.pop(id(model), None) is None:
            return
        kind = type(model)
        count, before = _replaced.pop(kind)
        if count > 1:
            _replaced[kind] = (count - 1, before)
        elif before is _MISSING:
            del kind.__call__
        else:
            kind.__call__ = before  # type: ignore[method-assign]


def _calling(before: Callable[..., Any]) -> Callable[..., Any]:
    def __call__(self: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        found = _watched.get(id(self))
        if found is None:
            return before(self, *args, **kwargs)
        return found[1].call(lambda: before(self, *args, **kwargs))

    return __call__
