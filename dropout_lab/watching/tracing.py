"""One pass of a model, traced: which modules run, and whether a pass can be traced at all without changing it."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from dropout_lab.watching.capture import MOST_UNITS, Draw
from dropout_lab.watching.stack import functional_name


def can_be_traced() -> bool:
    """Whether a pass that begins now can be looked into without changing it.

    Not while PyTorch compiles, traces or transforms functions, nor beside another dispatch mode.
    """
    return (
        not torch.compiler.is_compiling()
        and not torch._C._get_tracing_state()
        and torch._C._functorch.peek_interpreter_stack() is None
        and not _get_current_dispatch_mode_stack()
        and not _records_a_graph()
    )


def _records_a_graph() -> bool:
    """Whether a CUDA graph is being recorded, into which nothing of ours belongs."""
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def stacked(
    stack: list[nn.Module], draws: list[Draw], knows: Callable[[nn.Module], bool] | None = None
) -> Iterator[None]:
    """Keep ``stack`` up to date with the modules whose forward is running in this thread.

    The hooks are PyTorch's own and for all modules: there is none in the model.

    Args:
        stack: what is kept up to date, the innermost last.
        draws: what has been seen so far; dropout modules that draw nothing, because all is kept, are added.
        knows: whether a module is one of the model's; None: all are.
    """
    thread = threading.get_ident()
    before = [0 for _ in stack]

    def enter(module: nn.Module, given: Any) -> None:
        if threading.get_ident() == thread:
            stack.append(module)
            before.append(len(draws))

    def leave(module: nn.Module, given: Any, out: Any) -> None:
        if threading.get_ident() != thread:
            return
        while stack:
            left, drawn = stack.pop(), before.pop()
            if left is module:
                if len(draws) == drawn and isinstance(module, _DropoutNd) and module.training and module.p == 0:
                    with contextlib.suppress(Exception):  # of odd tensors nothing is said
                        home = next((each for each in (module, *reversed(stack)) if knows is None or knows(each)), None)
                        where = None if home is module else functional_name(sys._getframe())[1]
                        draws.append(_all_kept(module, out, home, where))
                break

    handles = (
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _all_kept(module: _DropoutNd, out: Any, home: nn.Module | None, where: str | None) -> Draw:
    """What a rate of 0 comes to: nothing is drawn, and all is kept."""
    values = out if isinstance(out, Tensor) else torch.zeros(1)
    per_channel = isinstance(module, nn.Dropout1d | nn.Dropout2d | nn.Dropout3d | nn.FeatureAlphaDropout)
    shape = tuple(values.shape[:2]) + (1,) * (values.dim() - 2) if per_channel and values.dim() > 2 else values.shape
    size = math.prod(shape)
    if size == 0:
        raise ValueError("there is nothing to keep")
    row = torch.ones(min(MOST_UNITS, size // max(1, shape[0]) if shape else 1), dtype=torch.bool)
    of = "channels" if per_channel else "units"
    return Draw(home, f"nn.{type(module).__name__}", of, 0.0, row, torch.tensor(size), size, tuple(shape), where)
