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
_IN_STEP: Final = 16  # numbers that the fused kernel takes at a time on a CPU, at most: the rest it rounds otherwise


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

    @property
    def generation(self) -> int:
        """How often `step` has become another computation, apart from the numbers that it computes with."""

    def of_lane(self, lane: int) -> list[Tensor]:
        """What is remembered of one lane, where it lies; all of it is 0 before its first step."""

    def count_apart(self, lanes: Sequence[int]) -> None:
        """Say which lanes did not begin with the others, so that they count their steps for themselves."""

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Everything that the next step depends on but parameters and gradients."""

    def load_state_dict(self, state: Mapping[str, Sequence[Tensor]]) -> None:
        """Take over what another rule's `state_dict` said."""


class _Remembers:
    """What rules have in common: lists of tensors that are saved under their names."""

    _saved: tuple[str, ...]
    parameters: list[Tensor]
    generation = 0
    _slices: dict[str, list[tuple[Tensor, ...]]] | None = None  # of the rule's own lists, one for each lane

    def _parts(
        self, rates: Groups, names: Sequence[str], *given: Sequence[Tensor], sliced: bool = False
    ) -> Iterator[_Part]:
        """For each learning rate its lanes' slices of lists of tensors (L, …); of a single rate, whole tensors.

        Args:
            rates: the learning rates.
            names: of the rule's own lists, which stay where they are: their slices are made once.
            given: further lists.
            sliced: of a single rate, too, slices.
        """
        if len(rates) == 1 and not sliced:
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

    def of_lane(self, lane: int) -> list[Tensor]:
        """What is remembered of one lane, where it lies."""
        return [tensor[lane] for tensor in self.tensors]

    def count_apart(self, lanes: Sequence[int]) -> None:
        """Take it that lanes began at different steps: nothing here depends on the step."""

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

    Each lane has a count of its steps, by which its moments are corrected. While all began together, one count is that
    of all. A lane that began anew is moved by itself, and the others as if it had not: on a CPU the kernel rounds the
    last few numbers of a tensor otherwise, and so tensors stay whole where a lane's part of them ends amid its steps.

    Args:
        parameters: what is to be moved, each (L, …).
        live: whether steps are recorded: a graph has no other tensors at each step, and a GPU rounds all numbers alike.
    """

    _saved = ("first", "second", "steps")

    def __init__(self, parameters: Sequence[Tensor], live: bool = False) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        lanes, device = len(self.parameters[0]), self.parameters[0].device
        self.steps = [torch.zeros(lanes, dtype=torch.float32, device=device)]
        self._counts = self.steps[0].unbind()
        self._even = [parameter[0].numel() % _IN_STEP == 0 for parameter in self.parameters]
        self._live = live
        self._together: int | None = 0  # one of the lanes that began with the run; None: there is none left
        self._apart: tuple[int, ...] = ()  # the others,
        self._index = torch.zeros(0, dtype=torch.int64, device=device)  # as a tensor

    def count_apart(self, lanes: Sequence[int]) -> None:
        """Say which lanes did not begin with the others."""
        if tuple(lanes) != self._apart:
            self.generation += bool(lanes) != bool(self._apart)
            self._apart = tuple(lanes)
            self._together = next((lane for lane in range(len(self._counts)) if lane not in lanes), None)
            self._index = torch.tensor(lanes, dtype=torch.int64, device=self._index.device)

    def step(self, gradients: Sequence[Tensor], rates: Rates) -> None:
        """Move every parameter, each lane at its learning rate."""
        self.steps[0].add_(1)
        if isinstance(rates, Tensor):
            self._written_out(list(gradients), rates)
        elif len(rates) > 1:
            self._sliced(rates, gradients)
        elif self._apart and self._live:
            self._sliced([(rates[0][0], list(range(len(self._counts))))], gradients)
        else:
            self._whole(rates[0][0], gradients)

    def _sliced(self, rates: Groups, gradients: Sequence[Tensor]) -> None:
        """Move each lane's part of every parameter by itself."""
        parts = self._parts(rates, ("parameters", "first", "second"), gradients, sliced=True)
        for (_, lanes), (rate, own) in zip(rates, parts, strict=True):
            _fused(rate, own, [self._counts[lane] for _ in self.parameters for lane in lanes])

    def _whole(self, rate: Rate, gradients: Sequence[Tensor]) -> None:
        """Move whole parameters; where some lanes began anew, as if the others were moved in whole parameters."""
        lists = (self.parameters, self.first, self.second, gradients)
        if not self._apart:
            _fused(rate, lists, [self._counts[0]] * len(self.parameters))
            return
        even, odd = ([place for place, is_even in enumerate(self._even) if is_even == kind] for kind in (True, False))
        slices = [[each for place in even for each in tensors[place].unbind()] for tensors in lists]
        _fused(rate, slices, [each for _ in even for each in self._counts])
        whole = [[tensors[place] for place in odd] for tensors in lists]
        apart = [[each.index_select(0, self._index) for each in tensors] for tensors in whole]
        if self._together is not None:
            _fused(rate, whole, [self._counts[self._together]] * len(odd))
        _fused(
            rate,
            [[each for tensor in tensors for each in tensor.unbind()] for tensors in apart],
            [self._counts[lane] for _ in odd for lane in self._apart],
        )
        for tensors, own in zip(whole[:3], apart[:3], strict=True):
            for tensor, each in zip(tensors, own, strict=True):
                tensor.index_copy_(0, self._index, each)

    def _written_out(self, gradients: list[Tensor], rates: Tensor) -> None:
        """The same by operations on whole tensors, in the order of the kernel's; ``rates`` (L,)."""
        taken = self.steps[0].double()  # as in the kernel: 1 - β2 of the first step is 0.001, no place for float32
        root = (1 - BETA2**taken).sqrt_().to(rates.dtype)
        torch._foreach_lerp_(self.first, gradients, 1 - BETA1)
        torch._foreach_mul_(self.second, BETA2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETA2)
        roots = torch._foreach_sqrt(self.second)
        torch._foreach_div_(roots, [over_lanes(root, each) for each in roots])
        torch._foreach_add_(roots, EPS)
        _move(self.parameters, torch._foreach_div(self.first, roots), (rates.double() / (BETA1**taken - 1)).to(rates))


def _fused(rate: Rate, parts: Sequence[Sequence[Tensor]], counts: Sequence[Tensor]) -> None:
    """Move parameters by PyTorch's kernel.

    Args:
        rate: the learning rate.
        parts: lists of parameters, of both moments and of gradients.
        counts: of the steps of each parameter, this one included.
    """
    parameters, first, second, gradients = (list(each) for each in parts)
    torch._fused_adam_(
        parameters,
        gradients,
        first,
        second,
        [],
        list(counts),
        lr=rate,
        beta1=BETA1,
        beta2=BETA2,
        weight_decay=0.0,
        eps=EPS,
        amsgrad=False,
        maximize=False,
    )


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

    def of_lane(self, lane: int) -> list[Tensor]:
        """What is remembered of one lane, where it lies."""
        sizes = [parameter.numel() for parameter in self.parameters]
        parts = [
            (part, len(parameter))
            for tensor in self.tensors
            for part, parameter in zip(torch.split(tensor, sizes), self.parameters, strict=True)
        ]
        return [part.view(lanes, -1)[lane] for part, lanes in parts]

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
