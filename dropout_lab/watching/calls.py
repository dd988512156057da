"""Every call of a watched model, without a hook in it.

A hook lives in the module: it would be pickled and copied with it, and PyTorch leaves its fast paths where it finds
one. So what is replaced is ``__call__`` of the model's *class*, and other methods that are called from outside, for as
long as a model of it is watched. Of all other models of that class a call takes one look into a dictionary more.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import nn


class Watcher(Protocol):
    """Whoever is told of the calls of a model."""

    def call(self, forward: Callable[[], Any]) -> Any:
        """Run one call of the model, which ``forward`` does, and return what it returns."""


_watched: dict[int, tuple[nn.Module, Watcher, tuple[str, ...], type]] = {}
_replaced: dict[tuple[type, str], tuple[int, Any]] = {}  # how many use a class's method so, and what it was
_lock = threading.Lock()
_MISSING: Any = object()
CALL = "__call__"


def renew_lock() -> None:
    """In a process that was just forked nobody holds the lock, whoever held it before."""
    global _lock
    _lock = threading.Lock()


def begin(model: nn.Module, watcher: Watcher, methods: Sequence[str] = ()) -> None:
    """Tell ``watcher`` of every call of a model from now on.

    Args:
        model: it.
        watcher: who is told.
        methods: of the model, which count as calls of it, too.

    Raises:
        ValueError: somebody is told already.
        TypeError: the model has no such method.
    """
    for name in methods:
        if not callable(getattr(type(model), name, None)):
            raise TypeError(f"methods={name!r} is not allowed: {type(model).__name__} has no method of that name")
    with _lock:
        if id(model) in _watched:
            raise ValueError("this model is watched already; close the first watch before the second")
        names = tuple(dict.fromkeys((CALL, *methods)))
        kind = type(model)
        _watched[id(model)] = (model, watcher, names, kind)
        for name in names:
            count, before = _replaced.get((kind, name), (0, _MISSING))
            if count == 0:
                before = kind.__dict__.get(name, _MISSING)
                setattr(kind, name, _telling(getattr(kind, name)))
            _replaced[kind, name] = (count + 1, before)


def end(model: nn.Module) -> None:
    """Tell of its calls no more; of the last model of a class, leave the class as it was."""
    with _lock:
        found = _watched.pop(id(model), None)
        if found is None:
            return
        kind = found[3]  # as it was: parametrisations change a model's class
        for name in found[2]:
            count, before = _replaced.pop((kind, name))
            if count > 1:
                _replaced[kind, name] = (count - 1, before)
            elif before is _MISSING:
                delattr(kind, name)
            else:
                setattr(kind, name, before)


def _telling(before: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(before)  # what a method takes is read from its signature, by Lightning for one
    def method(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        found = None if torch.compiler.is_compiling() else _watched.get(id(self))  # or the compiler stumbles over it
        if found is None:
            return before(self, *args, **kwargs)
        return found[1].call(lambda: before(self, *args, **kwargs))

    return method
