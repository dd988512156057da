"""What a call of `Experiment.run` leaves behind: a record of every step, and a close look at one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from trainer.models.base import InForce, LaneNetwork
from trainer.settings.dropouts import DROPOUTS

MAX_EDGES: Final = 2000  # a picture with more is a grey blur, and this many are drawn in half a millisecond


@dataclass(frozen=True)
class LayerInfo:
    """A place that can drop: its name, how many units it has, and how they are arranged."""

    name: str
    units: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Edges:
    """The strongest connections of the active sub-network, E of them, strongest first within a layer.

    Attributes:
        layer: (E,) int64, 0 for input → hidden1 and so on; the last is the one to the output.
        source: (E,) int64, unit that it comes from; it was kept.
        target: (E,) int64, unit that it goes to; it was kept.
        value: (E,) float32, weight × activation as multiplied: what the source contributed to the target.
    """

    layer: Tensor
    source: Tensor
    target: Tensor
    value: Tensor


@dataclass(frozen=True)
class Trace:
    """One training pass of one example through one lane, as it was, before the weights moved. All tensors on the CPU.

    Attributes:
        step: the update that this pass belonged to.
        lane: the followed lane.
        example: the training example whose pass it is.
        label: the class that it was trained on.
        kind: of the lane's dropout.
        rates: (layers,) float32, of single elements, as they were at that step.
        group_rates: (layers,) float32, of groups, likewise.
        masks: (units,) bool for each layer: its mask bits, as `Steps` has them.
        kept: how many units, or weights, those masks kept, for each layer.
        activations: (units,) float32 for each layer, before dropout: the input itself, and hidden units after their
            ReLU.
        scale: (layers,) float32, what a kept unit or weight was multiplied by; of factors the mean, 1.
        factors: (units,) float32 for each layer whose masks are factors: what each unit was multiplied by.
        probability: (classes,) float32, the softmax of that pass.
        edges: the strongest connections of the sub-network that the masks left.
    """

    step: int
    lane: int
    example: int
    label: int
    kind: str
    rates: Tensor
    group_rates: Tensor
    masks: dict[str, Tensor]
    kept: dict[str, int]
    activations: dict[str, Tensor]
    scale: Tensor
    factors: dict[str, Tensor]
    probability: Tensor
    edges: Edges


@dataclass(frozen=True)
class Steps:
    """K steps, in order; all tensors on the CPU.

    Attributes:
        step: (K,) int64, counted from 1.
        loss: (K, L) float32, as trained: masks on, without penalties.
        lane: the followed lane.
        example: (K,) int64, the training example whose masks these are: the followed one where it was in the
            mini-batch, else the mini-batch's first.
        kinds: (K,) int64, the kind of the followed lane's dropout, its place in `trainer.settings.dropouts.DROPOUTS`.
        rates: (K, layers) float32, of single elements, as they were at each step.
        group_rates: (K, layers) float32, of groups, likewise.
        masks: (K, units) bool for each layer, true is kept: rows of the very tensors that multiplied the activations.
            Of factors: whether it was at least 1. Where weights are dropped: whether that from each unit to the
            first unit of the next layer was kept. False for units that the lane does not have.
        kept: (K,) int64 for each layer, how many units those masks kept; where weights are dropped, how many of all
            weights into the next layer were kept.
        trace: a close look at one of these steps, if it was asked for.
    """

    step: Tensor
    loss: Tensor
    lane: int
    example: Tensor
    kinds: Tensor
    rates: Tensor
    group_rates: Tensor
    masks: dict[str, Tensor]
    kept: dict[str, Tensor]
    trace: Trace | None = None


@dataclass(frozen=True)
class Snapshot:
    """What a trace is made of, computed on the device while the step is under way: a GPU is not waited for.

    Attributes:
        in_force: kind and rates of the lane's dropout; without rates in eval mode.
        activations: (units,) for each layer, before dropout.
        factors: (units,) for each layer, what those were multiplied by.
        scale: (layers,), what a kept unit or weight was multiplied by.
        contributions: (sources, targets) of each pair of neighbouring layers, or None.
        probability: (classes,).
    """

    step: int
    lane: int
    example: int
    in_force: InForce
    activations: list[Tensor]
    factors: list[Tensor]
    scale: list[float]
    contributions: list[Tensor | None]
    probability: Tensor

    @classmethod
    @torch.no_grad()
    def take(
        cls,
        network: LaneNetwork,
        step: int,
        lane: int,
        example: int,
        row: int,
        activations: list[Tensor],
        probability: Tensor,
    ) -> Snapshot:
        """Look at the pass that a network has just made, in the mode that it is in.

        Args:
            network: the networks of the run.
            step: the update that the pass belongs to.
            lane: whose pass.
            example: the training example in ``row``.
            row: of the mini-batch.
            activations: what entered each place that can drop, (L, B, units).
            probability: (L, B, classes).
        """
        own = [each[lane, row].detach().clone() for each in activations]
        factors = [site.factor_of(lane, row).clone() for site in network.dropouts]
        passed = [activation * factor for activation, factor in zip(own, factors, strict=True)]
        now = network.in_force[lane]
        return cls(
            step=step,
            lane=lane,
            example=example,
            in_force=now if network.training else now.off(),
            activations=own,
            factors=factors,
            scale=[site.scale_of(lane) for site in network.dropouts],
            contributions=network.contributions(lane, row, passed),
            probability=probability[lane, row].detach().clone(),
        )

    def blank(self) -> Snapshot:
        """The same pass of a network that has diverged: what was computed is no number, and nothing is carried."""
        nothing = [torch.full_like(each, torch.nan) for each in self.activations[1:]]
        return replace(
            self,
            activations=[self.activations[0], *nothing],
            contributions=[None] * len(self.contributions),
            probability=torch.full_like(self.probability, torch.nan),
        )

    def develop(self, layers: tuple[LayerInfo, ...], label: int, masks: list[Tensor], kept: list[int]) -> Trace:
        """Make the trace of it; on a GPU this is where its values are waited for.

        Args:
            layers: the places that can drop.
            label: that the example was trained on.
            masks: the mask bits of each layer.
            kept: how many units or weights those masks kept.
        """
        names = [layer.name for layer in layers]
        activations, factors = ([each.float().cpu() for each in parts] for parts in (self.activations, self.factors))
        blurred = [DROPOUTS[self.in_force.kind].counted == "factors" and (p or q) for p, q in self.in_force.pairs]
        return Trace(
            step=self.step,
            lane=self.lane,
            example=self.example,
            label=label,
            kind=self.in_force.kind,
            rates=torch.tensor(self.in_force.rates),
            group_rates=torch.tensor(self.in_force.group_rates),
            masks=dict(zip(names, masks, strict=True)),
            kept=dict(zip(names, kept, strict=True)),
            activations=dict(zip(names, activations, strict=True)),
            scale=torch.tensor(self.scale),
            factors={name: each for name, each, blur in zip(names, factors, blurred, strict=True) if blur},
            probability=self.probability.float().cpu(),
            edges=strongest_edges(self._values(layers, factors)),
        )

    def _values(self, layers: tuple[LayerInfo, ...], factors: list[Tensor]) -> list[Tensor | None]:
        """The contributions on the CPU, without those to units, or channels, that were dropped."""
        values: list[Tensor | None] = []
        for value, after, factor in zip(self.contributions, (*layers[1:], None), (*factors[1:], None), strict=True):
            if value is not None and after is not None and factor is not None:
                left = factor.view(value.shape[1], -1).any(dim=1)  # of a channel: any of its places
                value = value.float().cpu() * left
            values.append(None if value is None else value.float().cpu())
        return values


def strongest_edges(values: Sequence[Tensor | None], limit: int = MAX_EDGES) -> Edges:
    """The connections that carry most, among those that carry anything at all.

    Every pair of layers has an equal share of ``limit``; what a pair leaves unused goes to the others. What is no
    finite number, in a network that has diverged, carries nothing.

    Args:
        values: (sources, targets) of each pair of neighbouring layers, what each source contributed to each target;
            None where there is nothing to be shown.
        limit: how many at most.
    """
    values = [None if value is None else value.nan_to_num(0, 0, 0) for value in values]
    shares = share_out(limit, [0 if value is None else int(value.count_nonzero()) for value in values])
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for index, (value, share) in enumerate(zip(values, shares, strict=True)):
        flat = torch.zeros(0) if value is None else value.flatten()
        chosen = flat.abs().topk(share).indices
        targets = 1 if value is None else value.shape[1]
        parts.append((torch.full((share,), index), chosen // targets, chosen % targets, flat[chosen]))
    layer, source, target, strength = (torch.cat(column) for column in zip(*parts, strict=True))
    return Edges(layer=layer, source=source, target=target, value=strength)


def share_out(total: int, wanted: list[int]) -> list[int]:
    """Divide ``total`` evenly, nobody getting more than was wanted, what is left over going to those who want more."""
    shares = [0] * len(wanted)
    waiting = sorted(range(len(wanted)), key=lambda index: wanted[index])
    left = total
    for place, index in enumerate(waiting):
        shares[index] = min(wanted[index], left // (len(waiting) - place))
        left -= shares[index]
    return shares
