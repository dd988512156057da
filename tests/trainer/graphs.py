"""Stand-ins for CUDA graphs: they record on the CPU, and notice what a real graph would get wrong."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten

from trainer.training.graphs import Compute, Graph

VIEWS = {"view", "select", "slice", "detach", "alias", "expand", "t", "transpose", "permute", "unbind", "split"}
VIEWS |= {"unsqueeze", "squeeze", "_unsafe_view", "as_strided", "empty", "empty_like", "new_empty", "split_with_sizes"}
VIEWS |= {"_reshape_alias", "lift_fresh"}


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations that would be launched, by name: views and empty room are none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__.split(".")[0]
        if name not in VIEWS:
            self.names.append(name)
        return func(*args, **(kwargs or {}))


class Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every operation: its name, its plain numbers, and where the tensors lie that were there before."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Any] = []
        self.outside: dict[int, torch.UntypedStorage] = {}
        self._inside: dict[int, torch.UntypedStorage] = {}  # kept, so that no address is given out twice

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.calls.append((str(func), [self._described(each) for each in tree_flatten((args, kwargs))[0]]))
        made = func(*args, **kwargs)
        for each in tree_flatten(made)[0]:
            if isinstance(each, Tensor):
                storage = each.untyped_storage()
                if storage.data_ptr() not in self.outside:
                    self._inside[storage.data_ptr()] = storage
        return made

    def _described(self, given: Any) -> Any:
        if not isinstance(given, Tensor):
            return given
        storage = given.untyped_storage()
        shape = (tuple(given.shape), given.stride(), given.storage_offset(), given.dtype)
        if not storage.nbytes() or storage.data_ptr() in self._inside:
            return ("made here", *shape)
        self.outside[storage.data_ptr()] = storage
        return (storage.data_ptr(), *shape)


class Replay:
    """A step that is made again, after a look whether a graph of it would still do the same."""

    def __init__(self, compute: Compute, x: Tensor, target: Tensor, seen: Seen | None = None) -> None:
        self._compute, self._given, self._seen = weakref.WeakMethod(compute), (x, target), seen

    def replay(self) -> None:
        """Make the step, and hold every operation to the recorded one: a graph has its tensors and numbers for ever."""
        compute = self._compute()
        assert compute is not None
        if self._seen is None:
            compute(*self._given)
            return
        now = Seen()
        with _disable_current_modes(), now:
            compute(*self._given)
        for was, here in zip(self._seen.calls, now.calls, strict=True):
            assert was == here, f"a graph would still do {was}, and the step does {here}"


class Recorder:
    """Records steps on the CPU.

    Attributes:
        recorded: the tensors that were there before, of each recording.
        aside_now: whether `aside` is in force.
    """

    def __init__(self) -> None:
        self.recorded: list[Seen] = []
        self.aside_now = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Be aside."""
        self.aside_now = True
        try:
            yield
        finally:
            self.aside_now = False

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        """Write down what ``compute`` does."""
        assert self.aside_now
        seen = Seen()
        with _disable_current_modes(), seen:
            compute(x, target)
        self.recorded.append(seen)
        return Replay(compute, x, target, seen)


class Trusting(Recorder):
    """Records without looking, and replays without holding anything to anything: what a worker's day can afford."""

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        """Remember what to do."""
        return Replay(compute, x, target)


class Refusing(Recorder):
    """Records nothing: every step is made as it is written."""

    def __init__(self, why: Callable[[], Exception] = lambda: RuntimeError("there is no memory for it")) -> None:
        super().__init__()
        self.why: Callable[[], Exception] | None = why

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        """Refuse, for as long as there is a reason to."""
        if self.why is not None:
            raise self.why()
        return super().record(compute, x, target)
