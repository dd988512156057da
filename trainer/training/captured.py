"""A training step as a graph: recorded once, launched as a whole, its knobs live.

Networks of this size are limited by the launching of their kernels, some hundred for each step. A CUDA graph launches
all of them at once. It replays the same kernels on the same addresses, so everything that a step reads must stay where
it is: knobs are written in place (`trainer.lanewise.Column`, `trainer.dropout.site.LaneDropout`), noise is drawn into
tensors that stay, and mini-batches are copied in. Whatever makes another computation of it (the first lane with batch
norm, say) or puts another tensor in the place of one that it reads counts as another generation, and the step is
recorded anew.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from trainer.training.graphs import Compute, Graph, Graphs

_WARM_UP: Final = 3  # turns on the stream of recordings, after which nothing is set up any more: as PyTorch's notes ask
_TOLERANCE: Final = 1e-3  # of the largest number: kernels that are chosen anew may add up in another order

_log = logging.getLogger(__name__)


@dataclass
class Recording:
    """How the steps of a run have been made so far, since it was at step 0 or loaded.

    Attributes:
        possible: whether steps can be recorded on this device at all.
        recorded: how often one was recorded, and found to be what is written.
        failed: how often that did not succeed.
        replayed: steps made by launching a recorded one.
        written: steps made as they are written because no recorded one could be used.
        traced: steps made as they are written because they were looked at closely.
        reason: why recorded steps are not used at present; None while they are.
    """

    possible: bool
    recorded: int = 0
    failed: int = 0
    replayed: int = 0
    written: int = 0
    traced: int = 0
    reason: str | None = None


class CapturedStep:
    """Makes the steps of one experiment, as a graph where that is possible and as they are written where it is not.

    Before a recorded step is used it is compared, once, with the step as it is written. If they differ, or if nothing
    can be recorded (memory may be short for a while), steps are made as they are written until the computation becomes
    another one; then it is tried again. The log says so, and `recording` does.

    It keeps no reference to whoever computes: an experiment that nobody needs any more is gone at once, and its graph
    with it, and not when Python collects garbage.

    Args:
        graphs: records.
        state: all tensors that a step changes.
    """

    def __init__(self, graphs: Graphs, state: Sequence[Tensor]) -> None:
        self._graphs, self._state = graphs, [tensor.detach() for tensor in state]
        self._of: Hashable = None
        self._graph: Graph | None = None
        self._x = self._target = torch.empty(0)
        self.recording = Recording(possible=True)

    def __call__(self, compute: Compute, computation: Hashable, x: Tensor, target: Tensor) -> None:
        """Make one step.

        Args:
            compute: makes it, as it is written; it changes the state and nothing else that lives on.
            computation: which computation that is, apart from its numbers, and of which tensors.
            x: the mini-batch.
            target: its labels.
        """
        now = (computation, x.shape, target.shape)
        if now != self._of:
            self._of = now
            self._record(compute, x, target)
        if self._graph is None:
            self.recording.written += 1
            compute(x, target)
            return
        self.recording.replayed += 1
        self._x.copy_(x)
        self._target.copy_(target)
        self._graph.replay()

    def _record(self, compute: Compute, x: Tensor, target: Tensor) -> None:
        """Record the step and compare it with the one that is written; the state is as it was afterwards."""
        self._graph, before = None, None
        try:
            self._x, self._target = x.clone(), target.clone()
            before = self._copied()
            with self._graphs.aside():
                for _ in range(_WARM_UP):
                    self._restore(before)
                    compute(self._x, self._target)
                written = self._copied()
                graph = self._graphs.record(compute, self._x, self._target)
                self._restore(before)
                graph.replay()
                worst = max(difference(mine, theirs) for mine, theirs in zip(self._state, written, strict=True))
        except RuntimeError as error:
            self._failed(f"it cannot be recorded: {error}")
        else:
            if worst <= _TOLERANCE:
                self._graph, self.recording.reason = graph, None
                self.recording.recorded += 1
                _log.debug("a step was recorded as a graph")
            else:
                self._failed(f"as a graph it differs from the step as it is written, by {worst:.2g} of the largest")
        finally:
            if before is not None:
                self._restore(before)

    def _failed(self, reason: str) -> None:
        self.recording.failed += 1
        self.recording.reason = reason
        _log.warning("steps are made as they are written until the computation changes, not as a graph: %s", reason)

    def _copied(self) -> list[Tensor]:
        return [tensor.clone() for tensor in self._state]

    def _restore(self, values: Sequence[Tensor]) -> None:
        for tensor, value in zip(self._state, values, strict=True):
            tensor.copy_(value)


def difference(mine: Tensor, theirs: Tensor) -> float:
    """The largest difference of two tensors, as a share of the largest number of the second; 0 of nothing at all.

    What is no finite number has to be the same in both: the weights of a network that has diverged are compared, too.
    """
    if not mine.numel() or torch.equal(mine, theirs):
        return 0.0
    if not mine.is_floating_point():
        return math.inf
    finite = theirs.isfinite()
    odd = torch.where(finite, 0, mine).nan_to_num(1, 2, 3), torch.where(finite, 0, theirs).nan_to_num(1, 2, 3)
    if not torch.equal(*odd) or not bool(mine.isfinite().eq(finite).all()):
        return math.inf
    apart = torch.where(finite, mine - theirs, 0).abs().max()
    return float(apart / torch.where(finite, theirs, 0).abs().max().clamp_min(1e-6))


def same(mine: Tensor, theirs: Tensor) -> bool:
    """Whether two tensors are equal but for the order in which numbers were added up."""
    return difference(mine, theirs) <= _TOLERANCE
