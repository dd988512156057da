"""How gradients become steps: in L lanes at once, each with its own penalties, decay, limits and learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from trainer.lanewise import Column, over_lanes
from trainer.settings.config import ExperimentConfig
from trainer.training.rules import Adam, Partly, Rates, Rule, Sgd

_FEW: Final = 4  # different learning rates up to which a call of the fused kernel for each is the quicker way


class LaneOptimizer:
    """Moves the networks of a run: weights and biases in every lane, batch norm's parameters in the lanes that have it
    on.

    Penalties and decay act on all of these, as ``weight_decay`` of `torch.optim` does.

    Args:
        kind: ``"adam"`` or ``"sgd"``.
        weights: parameters of every lane, each (L, …).
        norms: batch norm's scales and shifts, each (L, 1, U).
        limited: the weights that max-norm limits, each with the dimensions of what enters one unit.
        live: whether steps are captured, so that learning rates have to be read where they lie. Without it they are
            plain numbers, with which the CPU's kernel is faster.
    """

    def __init__(
        self,
        kind: str,
        weights: Sequence[Tensor],
        norms: Sequence[Tensor],
        limited: Sequence[tuple[Tensor, tuple[int, ...]]] = (),
        live: bool = False,
    ) -> None:
        self.weights, self.norms = list(weights), list(norms)
        self._limited = [(weight.detach(), dims) for weight, dims in limited]
        self._weight_rule: Rule = Adam(weights, live) if kind == "adam" else Sgd(weights)
        self._norm_rule = Partly(kind, norms)
        self._live = live
        self._rates: Rates = []
        self._alike: list[list[int]] | None = None  # lanes of one rate each; None: they are not told apart
        self._regrouped = 0
        lanes, like = len(self.weights[0]), self.weights[0].detach()
        self._rate = Column(lanes, like, off=0.0)
        # On a GPU the fused kernel reads a rate as float32, even where parameters are float64.
        self._fused_rate = Column(lanes, like.float(), off=0.0) if kind == "adam" else self._rate
        self._l1, self._l2 = (Column(lanes, like, off=0.0) for _ in range(2))
        self._kept = Column(lanes, like, off=1.0)  # share of a weight that decay leaves
        self._limits = Column(lanes, like, off=math.inf)

    def use(self, config: ExperimentConfig) -> None:
        """Take over learning rates, penalties, decay and limits of each lane."""
        lanes = config.lanes
        rates = [config.learning_rate if lane.learning_rate is None else lane.learning_rate for lane in lanes]
        self._rate.write(rates)
        self._l1.write([lane.l1 for lane in lanes])
        self._l2.write([lane.l2 for lane in lanes])
        self._kept.write([1 - rate * lane.weight_decay for rate, lane in zip(rates, lanes, strict=True)])
        self._limits.write([lane.max_norm or math.inf for lane in lanes])
        groups = [(rate, [k for k, own in enumerate(rates) if own == rate]) for rate in dict.fromkeys(rates)]
        if not self._live:
            self._rates = list(groups)
            return
        self._fused_rate.write(rates)
        exact = self._fused_rate.values.dtype == self._rate.values.dtype
        alike = [own for _, own in groups] if exact and len(groups) <= _FEW else None
        if alike != self._alike or not self._regrouped:
            values = self._fused_rate.values
            self._rates = self._rate.values if alike is None else [(values[own[0]], own) for own in alike]
            self._alike, self._regrouped = alike, self._regrouped + 1

    @property
    def generation(self) -> int:
        """How often `step` has become another computation, apart from the numbers that it computes with."""
        columns = (self._l1, self._l2, self._kept, self._limits)
        return self._regrouped + self._weight_rule.generation + sum(column.generation for column in columns)

    @property
    def tensors(self) -> list[Tensor]:
        """All that a step changes besides the parameters."""
        return [*self._weight_rule.tensors, *self._norm_rule.tensors]

    def of_lane(self, lane: int) -> list[Tensor]:
        """What is remembered of one lane besides its parameters, where it lies; 0 before its first step."""
        return [*self._weight_rule.of_lane(lane), *self._norm_rule.of_lane(lane)]

    def count_apart(self, lanes: Sequence[int]) -> None:
        """Say which lanes did not begin with the others, so that they count their steps for themselves."""
        self._weight_rule.count_apart(lanes)

    @torch.no_grad()
    def step(self, logits: Tensor, gradient: Tensor, normalised: Tensor | None) -> None:
        """Carry the gradient of the logits back to the parameters and move them.

        Args:
            logits: (L, B, classes), with their graph.
            gradient: of each lane's loss with respect to the logits, the same shape.
            normalised: which lanes have batch norm on, (L, 1, 1); None if none has.
        """
        moved = self.weights if normalised is None else [*self.weights, *self.norms]
        # The fused kernel reads a gradient's memory in order, whatever its strides say: a strided one trains wrongly.
        gradients = [each.contiguous() for each in torch.autograd.grad(logits, moved, gradient)]
        self._penalise(moved, gradients)
        self._decay(normalised)
        count = len(self.weights)
        self._weight_rule.step(gradients[:count], self._rates)
        if normalised is not None:
            self._norm_rule.step(gradients[count:], self._rate.values, normalised)
        if self._limits.used:
            for weight, dims in self._limited:
                limit_norms(weight, dims, over_lanes(self._limits.values, weight))

    def _penalise(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Add the gradients of λ/2 · Σw² and of λ · Σ|w|."""
        for parameter, own in zip(parameters, gradients, strict=True):
            if self._l2.used:
                own.addcmul_(parameter, over_lanes(self._l2.values, parameter))
            if self._l1.used:
                own.addcmul_(parameter.sign(), over_lanes(self._l1.values, parameter))

    def _decay(self, normalised: Tensor | None) -> None:
        """Shrink weights apart from any gradient (Loshchilov & Hutter 2019, algorithm 2)."""
        if not self._kept.used:
            return
        for parameter in self.weights:
            parameter.mul_(over_lanes(self._kept.values, parameter))
        if normalised is not None:
            for parameter in self.norms:  # which stand still in lanes that have it off
                parameter.mul_(
                    torch.where(over_lanes(normalised, parameter), over_lanes(self._kept.values, parameter), 1.0)
                )

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on but the parameters."""
        return {"weights": self._weight_rule.state_dict(), "norms": self._norm_rule.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what another optimiser's `state_dict` said."""
        self._weight_rule.load_state_dict(state["weights"])
        self._norm_rule.load_state_dict(state["norms"])


def limit_norms(weight: Tensor, dims: Sequence[int], limit: Tensor) -> None:
    """Shorten what is longer than ``limit``, in place: w ← w · min(1, c/‖w‖) (Srivastava et al. 2014, section 5.1).

    Args:
        weight: (L, …).
        dims: dimensions of the weights that enter one unit: the norm is taken over them.
        limit: (L, 1, …), infinite where there is none.
    """
    norms = torch.linalg.vector_norm(weight, dim=tuple(dims), keepdim=True)
    weight.mul_((limit / norms.clamp_min(torch.finfo(weight.dtype).tiny)).clamp_max(1))
