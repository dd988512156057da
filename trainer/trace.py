"""What a call of `Experiment.run` leaves behind: a record of every step, and a close look at one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

MAX_EDGES: Final = 2000  # a picture with more is a grey blur, and this many are drawn in half a millisecond


@dataclass(frozen=True)
class LayerInfo:
    """A layer that can drop units: the input or a hidden layer."""

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
        masks: (units,) bool for each layer.
        activations: (units,) float32 for each layer, before dropout: the input itself, and hidden units after their
            ReLU.
        scale: (layers,) float32, what a kept unit was multiplied by.
        probability: (classes,) float32, the softmax of that pass.
        edges: the strongest connections of the sub-network that the masks left.
    """

    step: int
    lane: int
    example: int
    label: int
    masks: dict[str, Tensor]
    activations: dict[str, Tensor]
    scale: Tensor
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
        masks: (K, units) bool for each layer, true is kept: rows of the very tensors that multiplied the activations.
        kept: (K,) int64 for each layer, how many units those masks kept.
        trace: a close look at one of these steps, if it was asked for.
    """

    step: Tensor
    loss: Tensor
    lane: int
    example: Tensor
    masks: dict[str, Tensor]
    kept: dict[str, Tensor]
    trace: Trace | None = None


@dataclass(frozen=True)
class Snapshot:
    """What a trace is made of, copied on the device while the step is under way.

    Attributes:
        activations: (units,) for each layer, before dropout.
        scale: (layers,) of the lane.
        weights: (D, U) for each linear layer of the lane, before the update.
        probability: (classes,).
    """

    step: int
    example: int
    activations: list[Tensor]
    scale: list[float]
    weights: list[Tensor]
    probability: Tensor

    def develop(self, layers: tuple[LayerInfo, ...], lane: int, label: int, masks: list[Tensor]) -> Trace:
        """Make the trace of it; on a GPU this is where its values are waited for."""
        activations = [each.float().cpu() for each in self.activations]
        names = [layer.name for layer in layers]
        weights = [each.float().cpu() for each in self.weights]
        return Trace(
            step=self.step,
            lane=lane,
            example=self.example,
            label=label,
            masks=dict(zip(names, masks, strict=True)),
            activations=dict(zip(names, activations, strict=True)),
            scale=torch.tensor(self.scale),
            probability=self.probability.float().cpu(),
            edges=strongest_edges(activations, masks, self.scale, weights),
        )


def strongest_edges(
    activations: list[Tensor], masks: list[Tensor], scale: list[float], weights: list[Tensor], limit: int = MAX_EDGES
) -> Edges:
    """The connections that carry most, among those whose two ends were kept and that carry anything at all.

    Every pair of layers has an equal share of ``limit``; what a pair leaves unused goes to the others.

    Args:
        activations: (D,) of each layer, before dropout.
        masks: (D,) bool of each layer.
        scale: what a kept unit of each layer was multiplied by.
        weights: (D, U) from each layer to the next, the last to the output.
        limit: how many at most.
    """
    values = []
    for index, weight in enumerate(weights):
        value = weight * (activations[index] * masks[index] * scale[index])[:, None]  # (D, U)
        values.append(value * masks[index + 1] if index + 1 < len(masks) else value)
    shares = share_out(limit, [int(value.count_nonzero()) for value in values])
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for index, (value, share) in enumerate(zip(values, shares, strict=True)):
        flat = value.flatten()
        chosen = flat.abs().topk(share).indices
        targets = value.shape[1]
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
