"""A training step as a CUDA graph: recorded once, launched as a whole, its knobs live.

Networks of this size are limited by the launching of their kernels, some hundred for each step. A CUDA graph launches
all of them at once. It replays the same kernels on the same addresses, so everything that a step reads must stay where
it is: knobs are written in place (`trainer.lanewise.Column`, `trainer.dropout.LaneDropout`), masks are drawn into the
tensors that the graph multiplies with, and mini-batches are copied in. Where a change makes another computation of it
(the first lane with batch norm, say), the step is recorded anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Final

import torch
from torch import Tensor

_WARM_UP: Final = 3  # turns on a side stream, after which nothing is set up any more: what PyTorch's notes ask for
_TOLERANCE: Final = 1e-3  # of the largest number: kernels that are chosen anew may add up in another order

_log = logging.getLogger(__name__)

Compute = Callable[[Tensor, Tensor], Tensor]


class CapturedStep:
    """Makes the steps of one experiment, as a graph where that is possible and as they are written where it is not.

    Before a recorded step is used it is compared, once, with the step as it is written; if they differ, or if nothing
    can be recorded, the steps are made as they are written from then on, and the log says so.

    Args:
        compute: makes one step of mini-batch and targets, and returns what the record needs; it changes ``state`` and
            nothing else that lives on.
        structure: says which computation it is, apart from its numbers.
        state: all tensors that a step changes.
    """

    def __init__(self, compute: Compute, structure: Callable[[], Hashable], state: Sequence[Tensor]) -> None:
        self._compute, self._structure, self._state = compute, structure, list(state)
        self._recorded: Hashable = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._broken = not self._state[0].is_cuda
        self._x = self._target = self._result = torch.empty(0)

    def __call__(self, x: Tensor, target: Tensor) -> Tensor:
        """Make one step; what comes back is overwritten by the next."""
        if self._broken:
            return self._compute(x, target)
        now = (self._structure(), x.shape, target.shape)
        if now != self._recorded:
            self._record(x, target)
            self._recorded = now
        if self._graph is None:
            return self._compute(x, target)
        self._x.copy_(x)
        self._target.copy_(target)
        self._graph.replay()
        return self._result

    def _record(self, x: Tensor, target: Tensor) -> None:
        """Record the step and compare it with the one that is written; the state is as it was afterwards."""
        before = [tensor.clone() for tensor in self._state]
        self._graph = None
        self._x, self._target = x.clone(), target.clone()
        try:
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UP):
                    self._compute(self._x, self._target)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._result = self._compute(self._x, self._target)
            self._restore(before)
            expected = self._compute(x, target).clone()
            written = [tensor.clone() for tensor in self._state]
            self._restore(before)
            graph.replay()
            pairs = [(self._result, expected), *zip(self._state, written, strict=True)]
            self._broken = not all(same(mine, theirs) for mine, theirs in pairs)
            self._graph = graph
        except RuntimeError as error:
            _log.warning("a step cannot be recorded as a CUDA graph, it is made as it is written: %s", error)
            self._broken = True
        else:
            if self._broken:
                _log.warning("a step recorded as a CUDA graph differs from the step as it is written; it is not used")
        self._restore(before)

    def _restore(self, values: Sequence[Tensor]) -> None:
        for tensor, value in zip(self._state, values, strict=True):
            tensor.detach().copy_(value)


def same(mine: Tensor, theirs: Tensor) -> bool:
    """Whether two tensors are equal but for the order in which numbers were added up."""
    if not mine.is_floating_point():
        return torch.equal(mine, theirs)
    largest = theirs.abs().max().clamp_min(1e-6)
    return bool((mine - theirs).abs().max() <= _TOLERANCE * largest)
