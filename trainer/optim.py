"""How gradients become steps, in L lanes at once and for each lane as `torch.optim` would do it alone.

Adam and momentum work on every number by itself, so one call on a tensor of all lanes is the same as one call for each
lane. Two things differ from lane to lane: the L2 penalty, and whether batch norm's parameters take part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor

MOMENTUM: Final = 0.9
BETA1: Final = 0.9
BETA2: Final = 0.999
EPS: Final = 1e-8


class Rule(Protocol):
    """How a list of parameters takes one step along their gradients."""

    def step(self, gradients: Sequence[Tensor], learning_rate: float) -> None:
        """Move every parameter."""

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Everything that the next step depends on but parameters and gradients."""

    def load_state_dict(self, state: Mapping[str, Sequence[Tensor]]) -> None:
        """Take over what another rule's `state_dict` said."""


class _Remembers:
    """What rules have in common: lists of tensors that are saved under their names."""

    _saved: tuple[str, ...]

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Copies of the remembered tensors."""
        return {name: [tensor.clone() for tensor in getattr(self, name)] for name in self._saved}

    def load_state_dict(self, state: Mapping[str, Sequence[Tensor]]) -> None:
        """Take over remembered tensors."""
        for name in self._saved:
            for mine, given in zip(getattr(self, name), state[name], strict=True):
                mine.copy_(given)


class Sgd(_Remembers):
    """Gradient descent with momentum 0.9, as `torch.optim.SGD`: v ← 0.9 v + g, w ← w - η v.

    Args:
        parameters: what is to be moved.
    """

    _saved = ("velocities",)

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    def step(self, gradients: Sequence[Tensor], learning_rate: float) -> None:
        """Move every parameter."""
        torch._foreach_mul_(self.velocities, MOMENTUM)
        torch._foreach_add_(self.velocities, list(gradients))
        torch._foreach_add_(self.parameters, self.velocities, alpha=-learning_rate)


class Adam(_Remembers):
    """Adam as `torch.optim.Adam` (Kingma & Ba 2015, algorithm 1), with PyTorch's fused kernel.

    The kernel is called directly: for networks of this size the bookkeeping of ``torch.optim.Adam(fused=True).step()``
    costs as much as the kernel itself.

    Args:
        parameters: what is to be moved.
    """

    _saved = ("first", "second", "steps")

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        device = self.parameters[0].device
        self.steps = [torch.zeros((), dtype=torch.float32, device=device) for _ in self.parameters]

    def step(self, gradients: Sequence[Tensor], learning_rate: float) -> None:
        """Move every parameter."""
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


class Partly(_Remembers):
    """Adam or momentum for the lanes that are active, each with its own count of steps; the others stand still.

    A lane that was never active before starts as a fresh optimiser would. The parameters are few, batch norm's, so what
    is remembered of them is flat and of all together.

    Args:
        kind: ``"adam"`` or ``"sgd"``.
        parameters: what may be moved, each (L, 1, U).
    """

    _saved = ("first", "second", "steps")

    def __init__(self, kind: str, parameters: Sequence[Tensor]) -> None:
        self.kind = kind
        self.parameters = [parameter.detach() for parameter in parameters]
        flat = torch.cat([parameter.flatten() for parameter in self.parameters])
        self.first, self.second, self.steps = ([torch.zeros_like(flat)] for _ in range(3))

    def step(self, gradients: Sequence[Tensor], learning_rate: float, active: Tensor) -> None:
        """Move the parameters of the lanes that ``active`` (L, 1, 1) names."""
        gradient = torch.cat([each.flatten() for each in gradients])
        moving = torch.cat([active.expand_as(each).flatten() for each in self.parameters])
        delta = learning_rate * (self._adam if self.kind == "adam" else self._momentum)(gradient, moving)
        delta = torch.where(moving, delta, 0.0)
        parts = torch.split(delta, [parameter.numel() for parameter in self.parameters])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.sub_(part.view_as(parameter))

    def _momentum(self, gradient: Tensor, moving: Tensor) -> Tensor:
        (velocity,) = self.first
        return velocity.copy_(torch.where(moving, MOMENTUM * velocity + gradient, velocity))

    def _adam(self, gradient: Tensor, moving: Tensor) -> Tensor:
        (first,), (second,), (steps,) = self.first, self.second, self.steps
        steps.add_(moving)
        first.copy_(torch.where(moving, torch.lerp(first, gradient, 1 - BETA1), first))
        second.copy_(torch.where(moving, BETA2 * second + (1 - BETA2) * gradient.square(), second))
        # A lane that has made no step yet divides zero by zero here; what comes of it is not used.
        root = (second / (1 - BETA2**steps)).sqrt_()
        return first / (1 - BETA1**steps) / root.add_(EPS)


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
        self._norm_rule = Partly(kind, norms)

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
