"""Every call of a watched model, without a hook in it.

A hook lives in the module: it would be pickled and copied with it, and PyTorch leaves its fast paths where it finds
one. So what is replaced is ``__call__`` of the model's *class*, and other methods that are called from outside, for as
long as a model of it is watched. Of all other models of that class a call takes one look into a dictionary more.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import nn

CALL: Final = "__call__"
_FX: Final = "torch.fx._symbolic_trace"
_MISSING: Any = object()


class Watcher(Protocol):
    """Whoever is told of the calls of a model."""

    def call(self, forward: Callable[[], Any]) -> Any:
        """Run one call of the model, which ``forward`` does, and return what it returns."""


@dataclass(frozen=True, eq=False)
class Watched:
    """A model whose calls somebody is told of; `begin` makes it, `end` takes it.

    Attributes:
        model: the model (``id``).
        watcher: who is told, and is not kept alive by this.
        names: of the methods.
        kind: the model's class, as it was: parametrisations change it.
    """

    model: int
    watcher: weakref.ref[Watcher]
    names: tuple[str, ...]
    kind: type


_watched: dict[int, Watched] = {}
_replaced: dict[tuple[type, str], tuple[int, Any]] = {}  # how many use a class's method so, and what it was
_lock = threading.Lock()
_ending: deque[Watched] = deque()  # those that are to end as soon as nobody has the lock
_compiled: dict[type, int] = {}  # how often a compiler took a call of a model of this class in


def renew_lock() -> None:
    """In a process that was just forked nobody holds the lock, whoever held it before."""
    global _lock
    _lock = threading.Lock()


def begin(model: nn.Module, watcher: Watcher, methods: Sequence[str] = ()) -> Watched:
    """Tell ``watcher`` of every call of a model from now on, as long as it lives.

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
    names = tuple(dict.fromkeys((CALL, *methods)))
    watched = Watched(id(model), weakref.ref(watcher), names, type(model))
    try:
        with _lock:
            _end_waiting()
            if id(model) in _watched:
                raise ValueError("this model is watched already; close the first watch before the second")
            _watched[id(model)] = watched
            for name in names:
                count, before = _replaced.get((watched.kind, name), (0, _MISSING))
                if count == 0:
                    before = watched.kind.__dict__.get(name, _MISSING)
                    setattr(watched.kind, name, _telling(watched.kind, name, before))
                _replaced[watched.kind, name] = (count + 1, before)
    finally:
        _settle()
    return watched


def end(watched: Watched) -> None:
    """Tell of its calls no more; of the last model of a class, leave the class as it was.

    This may be called at any moment, also by the garbage collector: it waits for nobody.
    """
    _ending.append(watched)
    _settle()


def _settle() -> None:
    """End what waits for it, unless somebody has the lock: who has it does so afterwards."""
    while _ending and _lock.acquire(blocking=False):
        try:
            _end_waiting()
        finally:
            _lock.release()


def _end_waiting() -> None:
    while _ending:
        watched = _ending.popleft()
        if _watched.get(watched.model) is not watched:
            continue
        del _watched[watched.model]
        for name in watched.names:
            count, before = _replaced.pop((watched.kind, name))
            if count > 1:
                _replaced[watched.kind, name] = (count - 1, before)
            elif before is _MISSING:
                delattr(watched.kind, name)
            else:
                setattr(watched.kind, name, before)


def times_compiled(kind: type) -> int:
    """Return how often a compiler has taken a call of a model of this class in, since a model of it is watched."""
    return _compiled.get(kind, 0)


def _compiles(kind: type) -> None:
    """A compiler takes a call in: it runs this itself, at that moment, and never in what it makes."""
    _compiled[kind] = _compiled.get(kind, 0) + 1


_compiles._dynamo_marked_constant = True  # type: ignore[attr-defined]  # torch.compiler.assume_constant_result


def _is_traced() -> bool:
    """Whether ``torch.fx`` makes a graph of calls just now, in which nothing of ours belongs."""
    fx = sys.modules.get(_FX)
    return bool(getattr(fx, "_is_fx_tracing_flag", False))


def _telling(kind: type, name: str, own: Any) -> Callable[..., Any]:
    """A method that tells of its calls.

    Args:
        kind: the class that gets it.
        name: of the method.
        own: what the class has of that name itself; missing: it inherits it, maybe from one that somebody else replaces
            meanwhile, as ``torch.fx`` does with ``nn.Module.__call__``.
    """

    @functools.wraps(getattr(kind, name))  # what a method takes is read from its signature, by Lightning for one
    def method(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        before = getattr(super(kind, self), name) if own is _MISSING else own.__get__(self, kind)
        if torch.compiler.is_compiling():  # it would stumble over all that follows
            _compiles(kind)
            return before(*args, **kwargs)
        watched = _watched.get(id(self))
        watcher = None if watched is None else watched.watcher()
        if watcher is None or _is_traced():
            return before(*args, **kwargs)
        return watcher.call(lambda: before(*args, **kwargs))

    return method
