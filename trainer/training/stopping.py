"""Early stopping, lane by lane: who has not improved for long enough goes back to its best weights and stays there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Stop:
    """When a lane was stopped, and which weights it was given back.

    Attributes:
        step: after which it was stopped.
        best_step: after which its validation loss was lowest.
        best_loss: that loss.
    """

    step: int
    best_step: int
    best_loss: float


@dataclass
class _Best:
    """The lowest validation loss of a lane so far, and the weights that had it."""

    step: int
    loss: float
    weights: list[Tensor]
    worse: int = 0  # evaluations since


Watched = tuple[_Best | None, Stop | None, bool]
"""What is remembered of a lane: its best weights, when it was stopped, and whether it is watched no more."""


class EarlyStopping:
    """Watches the validation losses of L lanes (Prechelt 1998, with patience counted in evaluations).

    Args:
        tensors: all that a lane is made of, by name, each (L, …): parameters and running statistics.
        lanes: how many there are.
    """

    def __init__(self, tensors: Mapping[str, Tensor], lanes: int) -> None:
        self._tensors = list(tensors.values())
        self._patience = [0] * lanes
        self._best: list[_Best | None] = [None] * lanes
        self.stopped: list[Stop | None] = [None] * lanes
        self._given_up: set[int] = set()
        self._frozen: tuple[list[Tensor], list[Tensor]] = ([], [])  # where to write, and what

    @property
    def watching(self) -> bool:
        """Whether any lane may still be stopped."""
        return any(self._watches(lane) for lane in range(len(self._patience)))

    def _watches(self, lane: int) -> bool:
        return bool(self._patience[lane]) and not self.stopped[lane] and lane not in self._given_up

    def give_up(self, lane: int) -> None:
        """Watch a lane no more and give it nothing back: it has diverged."""
        self._given_up.add(lane)
        self._best[lane] = self.stopped[lane] = None
        self._freeze()

    def recall(self, lane: int) -> Watched:
        """What is remembered of a lane."""
        return self._best[lane], self.stopped[lane], lane in self._given_up

    def put(self, lane: int, watched: Watched = (None, None, False)) -> None:
        """Remember something else of a lane; by default nothing: it begins anew."""
        self._best[lane], self.stopped[lane], given_up = watched
        (self._given_up.add if given_up else self._given_up.discard)(lane)
        self._freeze()

    def use(self, patience: Sequence[int]) -> None:
        """Take over how many evaluations each lane waits for an improvement; with 0, one that was stopped goes on."""
        for lane, evaluations in enumerate(patience):
            if not evaluations:
                self._best[lane] = self.stopped[lane] = None
        self._patience = list(patience)
        self._freeze()

    def observe(self, step: int, losses: Sequence[float]) -> None:
        """Take in the validation losses after ``step``; one that is no finite number is never the best, and no
        improvement.
        """
        for lane, (patience, loss) in enumerate(zip(self._patience, losses, strict=True)):
            best = self._best[lane]
            if not self._watches(lane):
                continue
            if math.isfinite(loss) and (best is None or loss < best.loss):
                self._best[lane] = _Best(step, loss, [tensor[lane].clone() for tensor in self._tensors])
                continue
            if best is None:
                continue  # there is nothing that could be given back
            best.worse += 1
            if best.worse >= patience:
                self.stopped[lane] = Stop(step, best.step, best.loss)
                self._freeze()
                self.hold()

    def hold(self) -> None:
        """Give the lanes that were stopped their best weights: after every update, since it moves all lanes."""
        if self._frozen[0]:
            torch._foreach_copy_(*self._frozen)

    def keep_as_is(self) -> None:
        """Take over what the lanes that were stopped are made of now: their statistics were estimated anew."""
        if self._frozen[0]:
            where, what = self._frozen
            torch._foreach_copy_(what, where)

    def _freeze(self) -> None:
        pairs = [
            (tensor[lane], kept)
            for lane, (best, stop) in enumerate(zip(self._best, self.stopped, strict=True))
            if best is not None and stop is not None
            for tensor, kept in zip(self._tensors, best.weights, strict=True)
        ]
        self._frozen = ([where for where, _ in pairs], [what for _, what in pairs])

    def state_dict(self) -> dict[str, Any]:
        """Everything that it remembers."""
        return {
            "best": [
                None if best is None else {**vars(best), "weights": [weight.clone() for weight in best.weights]}
                for best in self._best
            ],
            "stopped": [None if stop is None else asdict(stop) for stop in self.stopped],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what another one's `state_dict` said."""
        like = self._tensors
        for lane, best in enumerate(state["best"]):
            self._best[lane] = None
            if best is not None:
                weights = [weight.to(tensor) for weight, tensor in zip(best["weights"], like, strict=True)]
                self._best[lane] = _Best(best["step"], best["loss"], weights, best["worse"])
        self.stopped = [None if stop is None else Stop(**stop) for stop in state["stopped"]]
        self._freeze()
