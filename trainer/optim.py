"""How gradients become steps, in L lanes at once and for each lane as `torch.optim` would do it alone.

Adam and momentum work on every number by itself, so one call on a tensor of all lanes is the same as one call for each
lane. Two things differ from lane to lane: the L2 penalty, and whether batch norm's parameters take part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor

MOMENTUM: Final = 0.9
BETA1: Final = 0.9
BETA2: Final = 0.999
EPS: Final = 1e-8


class Rule(Protocol):
    """How a list of parameters takes one step along their gradients."""

    def step(self, gradients: Sequence[Tensor], learning_rate: float, active: Tensor | None = None) -> None:
        """Move every parameter; where ``active`` (L, 1, 1) is false the parameter and its moments stay as they are."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on but parameters and gradients."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what another rule's `state_dict` said."""


class Sgd:
    """Gradient descent with momentum 0.9, as `torch.optim.SGD`: v ← 0.9 v + g, w ← w - η v."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    def step(self, gradients: Sequence[Tensor], learning_rate: float, active: Tensor | None = None) -> None:
        """Move every parameter (see `Rule`)."""
        if active is None:
            torch._foreach_mul_(self.velocities, MOMENTUM)
            torch._foreach_add_(self.velocities, list(gradients))
            torch._foreach_add_(self.parameters, self.velocities, alpha=-learning_rate)
            return
        for parameter, velocity, gradient in zip(self.parameters, self.velocities, gradients, strict=True):
            velocity.copy_(torch.where(active, MOMENTUM * velocity + gradient, velocity))
            parameter.sub_(torch.where(active, learning_rate * velocity, 0.0))

    def state_dict(self) -> dict[str, Any]:
        """The velocities."""
        return {"velocities": [velocity.clone() for velocity in self.velocities]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over velocities."""
        _copy(self.velocities, state["velocities"])


class Adam:
    """Adam as `torch.optim.Adam` (Kingma & Ba 2015, algorithm 1), with PyTorch's fused kernel.

    The kernel is called directly: the bookkeeping of ``torch.optim.Adam(fused=True).step()`` costs as much as the
    kernel itself for networks of this size.

    Args:
        parameters: what is to be moved, each (L, …).
        lane_steps: count steps for each lane by itself, so that a lane that was inactive starts like a fresh one.
    """

    def __init__(self, parameters: Sequence[Tensor], lane_steps: bool = False) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        first = self.parameters[0]
        shape = (len(first), 1, 1) if lane_steps else ()
        one = torch.zeros(shape, dtype=first.dtype if lane_steps else torch.float32, device=first.device)
        # The kernel wants a counter for each parameter, and the counters of lanes are the same for all parameters.
        self.steps = [one] if lane_steps else [one.clone() for _ in self.parameters]

    def step(self, gradients: Sequence[Tensor], learning_rate: float, active: Tensor | None = None) -> None:
        """Move every parameter (see `Rule`)."""
        if active is not None:
            self._step_some(gradients, learning_rate, active)
            return
        torch._foreach_add_(self.steps, 1)
        torch._fused_adam_(
            self.parameters,
            list(gradients),
            self.first,
            self.second,
            [],
            self.steps,
            lr=learning_rate,
            beta1=BETA1,
            beta2=BETA2,
            weight_decay=0.0,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )

    def _step_some(self, gradients: Sequence[Tensor], learning_rate: float, active: Tensor) -> None:
        steps = self.steps[0].add_(active)  # (L, 1, 1)
        # Where a lane has made no step yet the correction divides by zero; what comes of it is not used.
        rate = learning_rate / (1 - BETA1**steps)
        root = torch.sqrt(1 - BETA2**steps)
        for parameter, first, second, gradient in zip(self.parameters, self.first, self.second, gradients, strict=True):
            first.copy_(torch.where(active, torch.lerp(first, gradient, 1 - BETA1), first))
            second.copy_(torch.where(active, BETA2 * second + (1 - BETA2) * gradient.square(), second))
            parameter.sub_(torch.where(active, rate * first / (second.sqrt() / root + EPS), 0.0))

    def state_dict(self) -> dict[str, Any]:
        """The moments and the counts of steps."""
        return {name: [tensor.clone() for tensor in getattr(self, name)] for name in ("first", "second", "steps")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over moments and counts."""
        for name in ("first", "second", "steps"):
            _copy(getattr(self, name), state[name])


class LaneOptimizer:
    """Moves the networks of a run: weights and biases in every lane, batch norm's parameters in the lanes that have it
    on.

    Args:
        kind: ``"adam"`` or ``"sgd"``.
        weights: parameters of every lane, each (L, …).
        norms: batch norm's scales and shifts, each (L, 1, U).
    """

    def __init__(self, kind: str, weights: Sequence[Tensor], norms: Sequence[Tensor]) -> None:
        self.weights, self.norms = list(weights), list(norms)
        self.learning_rate = 0.0
        self._penalties: Tensor | None = None
        self._weight_rule: Rule = Adam(weights) if kind == "adam" else Sgd(weights)
        self._norm_rule: Rule = Adam(norms, lane_steps=True) if kind == "adam" else Sgd(norms)

    def use(self, learning_rate: float, penalties: Sequence[float]) -> None:
        """Take over the learning rate and the L2 penalty of each lane."""
        self.learning_rate = learning_rate
        like = self.weights[0]
        all_off = not any(penalties)
        self._penalties = (
            None if all_off else torch.tensor(penalties, device=like.device, dtype=like.dtype).view(-1, 1, 1)
        )

    @torch.no_grad()
    def step(self, logits: Tensor, gradient: Tensor, normalised: Tensor | None) -> None:
        """Carry the gradient of the logits back to the parameters and move them.

        Args:
            logits: (L, B, classes), with their graph.
            gradient: of each lane's loss with respect to the logits, the same shape.
            normalised: which lanes have batch norm on, (L, 1, 1); None if none has.
        """
        moved = self.weights if normalised is None else [*self.weights, *self.norms]
        gradients = torch.autograd.grad(logits, moved, gradient)
        if self._penalties is not None:
            for parameter, own in zip(moved, gradients, strict=True):
                own.addcmul_(parameter, self._penalties)
        count = len(self.weights)
        self._weight_rule.step(gradients[:count], self.learning_rate)
        if normalised is not None:
            self._norm_rule.step(gradients[count:], self.learning_rate, normalised)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on but the parameters."""
        return {"weights": self._weight_rule.state_dict(), "norms": self._norm_rule.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what another optimiser's `state_dict` said."""
        self._weight_rule.load_state_dict(state["weights"])
        self._norm_rule.load_state_dict(state["norms"])


def _copy(into: Sequence[Tensor], out_of: Sequence[Tensor]) -> None:
    for mine, given in zip(into, out_of, strict=True):
        mine.copy_(given)
