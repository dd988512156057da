"""One number for each lane, in a tensor that stays where it is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def put(to: Tensor, values: Sequence[float]) -> None:
    """Write numbers into a tensor, in place and in order; a GPU is not waited for."""
    given = torch.tensor(values, dtype=torch.float64).view(to.shape)
    if to.is_cuda:  # only what is pinned and of the same type is copied without waiting
        given = given.to(to.dtype).pin_memory()
    to.copy_(given, non_blocking=True)


class Column:
    """A knob of L lanes as a tensor (L,) that is written in place: a step that was captured with it sees it move.

    Attributes:
        values: (L,).
        used: whether any lane's value is not the one that means off.
        generation: how often `used` has changed: a step that was captured before is of another computation.

    Args:
        lanes: how many there are.
        like: a tensor on the device and of the type that are wanted.
        off: the value that does nothing.
    """

    def __init__(self, lanes: int, like: Tensor, off: float) -> None:
        self.values = torch.full((lanes,), off, device=like.device, dtype=like.dtype)
        self.used = False
        self.generation = 0
        self._off = off

    def write(self, values: Sequence[float]) -> None:
        """Give each lane its value."""
        put(self.values, values)
        used = any(value != self._off for value in values)
        self.generation += used != self.used
        self.used = used


def over_lanes(values: Tensor, parameter: Tensor) -> Tensor:
    """A value for each lane (L numbers, whatever their shape) so that it stands beside (L, …)."""
    return values.reshape(-1, *(1,) * (parameter.dim() - 1))
