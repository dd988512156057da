"""Adam and gradient descent with momentum, for L lanes at once and for each lane as `torch.optim` does it alone.

Both work on every number by itself, so one call on a tensor of all lanes is the same as one call for each lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import torch
from torch import Tensor

from trainer.lanewise import over_lanes

MOMENTUM: Final = 0.9
BETA1: Final = 0.9
BETA2: Final = 0.999
EPS: Final = 1e-8


Rate = float | Tensor
"""A learning rate; as a tensor () it can change without anybody being told, which a captured step needs."""

Groups = list[tuple[Rate, list[int]]]
"""Learning rates, each with its lanes; a single one is that of all lanes."""

Rates = Groups | Tensor
"""The same, or one learning rate for each lane, (L,), of the parameters' type: that costs alike however many differ."""

_Part = tuple[Rate, list[list[Tensor]]]


class Rule(Protocol):
    """How a list of parameters takes one step along their gradients."""

    def step(self, gradients: Sequence[Tensor], rates: Rates) -> None:
        """Move every parameter, each lane at its learning rate."""

    @property
    def tensors(self) -> list[Tensor]:
        """What is remembered from step to step."""

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Everything that the next step depends on but parameters and gradients."""

    def load_state_dict(self, state: Mapping[str, Sequence[Tensor]]) -> None:
        """Take over what another rule's `state_dict` said."""


class _Remembers:
    """What rules have in common: lists of tensors that are saved under their names."""

    _saved: tuple[str, ...]
    parameters: list[Tensor]
    _slices: dict[str, list[tuple[Tensor, ...]]] | None = None  # of the rule's own lists, one for each lane

    def _parts(self, rates: Groups, names: Sequence[str], *given: Sequence[Tensor]) -> Iterator[_Part]:
        """For each learning rate its lanes' slices of lists of tensors (L, …); of a single rate, whole tensors.

        Args:
            rates: the learning rates.
            names: of the rule's own lists, which stay where they are: their slices are made once.
            given: further lists.
        """
        if len(rates) == 1:
            yield rates[0][0], [list(tensors) for tensors in (*(getattr(self, name) for name in names), *given)]
            return
        if self._slices is None:
            self._slices = {name: [tensor.unbind() for tensor in getattr(self, name)] for name in names}
        slices = [*(self._slices[name] for name in names), *([tensor.unbind() for tensor in each] for each in given)]
        for rate, lanes in rates:
            yield rate, [[tensor[lane] for tensor in tensors for lane in lanes] for tensors in slices]

    @property
    def tensors(self) -> list[Tensor]:
        """What is remembered from step to step."""
        return [tensor for name in self._saved for tensor in getattr(self, name)]

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

    def step(self, gradients: Sequence[Tensor], rates: Rates) -> None:
        """Move every parameter, each lane at its learning rate."""
        torch._foreach_mul_(self.velocities, MOMENTUM)
        torch._foreach_add_(self.velocities, list(gradients))
        if isinstance(rates, Tensor):
            _move(self.parameters, self.velocities, -rates)
            return
        for rate, (parameters, velocities) in self._parts(rates, ("parameters", "velocities")):
            if isinstance(rate, Tensor):
                torch._foreach_sub_(parameters, torch._foreach_mul(velocities, rate))
            else:
                torch._foreach_add_(parameters, velocities, alpha=-rate)


class Adam(_Remembers):
    """Adam as `torch.optim.Adam` (Kingma & Ba 2015, algorithm 1), with PyTorch's fused kernel.

    The kernel is called directly: for networks of this size the bookkeeping of ``torch.optim.Adam(fused=True).step()``
    costs as much as the kernel itself. On a GPU it reads a rate that is a tensor as float32, whatever the parameters
    are. With one rate for each lane the same is written out, a call for each operation and not for each rate.

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

    def step(self, gradients: Sequence[Tensor], rates: Rates) -> None:
        """Move every parameter, each lane at its learning rate."""
        torch._foreach_add_(self.steps, 1)
        if isinstance(rates, Tensor):
            self._written_out(list(gradients), rates)
            return
        for rate, (parameters, first, second, given) in self._parts(
            rates, ("parameters", "first", "second"), gradients
        ):
            slices = len(parameters) // len(self.parameters)
            torch._fused_adam_(
                parameters,
                given,
                first,
                second,
                [],
                [count for count in self.steps for _ in range(slices)],
                lr=rate,
                beta1=BETA1,
                beta2=BETA2,
                weight_decay=0.0,
                eps=EPS,
                amsgrad=False,
                maximize=False,
            )

    def _written_out(self, gradients: list[Tensor], rates: Tensor) -> None:
        """The same by operations on whole tensors, in the order of the kernel's; ``rates`` (L,)."""
        taken = self.steps[
            0
        ].double()  # as the kernel has it: 1 - β2 of the first step is 0.001, and no place for float32
        root = (1 - BETA2**taken).sqrt_().to(rates.dtype)
        torch._foreach_lerp_(self.first, gradients, 1 - BETA1)
        torch._foreach_mul_(self.second, BETA2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETA2)
        roots = torch._foreach_sqrt(self.second)
        torch._foreach_div_(roots, root)
        torch._foreach_add_(roots, EPS)
        _move(self.parameters, torch._foreach_div(self.first, roots), (rates.double() / (BETA1**taken - 1)).to(rates))


def _move(parameters: Sequence[Tensor], along: Sequence[Tensor], steps: Tensor) -> None:
    """Add to each parameter (L, …) its direction, times the step of each lane (L,)."""
    for parameter, direction in zip(parameters, along, strict=True):
        parameter.addcmul_(direction, over_lanes(steps, parameter))


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

    def step(self, gradients: Sequence[Tensor], rates: Tensor, active: Tensor) -> None:
        """Move the parameters of the lanes that ``active`` (L, 1, 1) names.

        Args:
            gradients: of the parameters.
            rates: the learning rate of each lane, (L,).
            active: which lanes move.
        """
        gradient = torch.cat([each.flatten() for each in gradients])
        moving = torch.cat([over_lanes(active, each).expand_as(each).flatten() for each in self.parameters])
        rate = torch.cat([over_lanes(rates, each).expand_as(each).flatten() for each in self.parameters])
        delta = rate * (self._adam if self.kind == "adam" else self._momentum)(gradient, moving)
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
