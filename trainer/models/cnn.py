"""The convolutional network, in lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.layers.conv import LaneConv2d, from_maps, max_pool, to_maps, windows
from trainer.layers.dense import LaneBatchNorm, LaneDense, LaneDropout, LaneLinear
from trainer.layers.initial import affine
from trainer.models.base import LaneNetwork, evaluating
from trainer.settings.config import ExperimentConfig
from trainer.settings.shapes import KERNEL, pooled_sides

Norm = Callable[[int, Tensor], Tensor]  # number of a batch norm, and what it is applied to
Affine = tuple[Tensor, Tensor]


class LaneCNN(LaneNetwork):
    """Image → dropout → (convolution → batch norm → ReLU → max pooling → dropout) × channels → (linear → batch norm →
    ReLU → dropout) × hidden → linear, in L lanes. After the last convolution there is no pooling.

    With ``batch_norm_order`` "after_dropout", batch norm stands behind each dropout. Batch norm of a convolution is of
    channels. What the page calls a layer of a convolution, and what its dropout drops, is handed on by pooling: dropout
    before it would mostly drop what another element of the same window makes good. Groups are channels, spatial
    dropout (Tompson et al. 2015). DropConnect acts in the dense layers, the first of which follows the last
    convolution; the places before that one drop units instead.

    Args:
        config: channels, widths, lanes, seeds, and how masks are drawn.
        data: images; how large they are and how many classes there are.
        device: where the tensors live.
        dtype: of weights and activations.
    """

    def __init__(self, config: ExperimentConfig, data: Dataset, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(config)
        like, lanes = (device, dtype), range(self.lanes)
        channels = (1, *config.channels)
        sides = pooled_sides(data.shape[0], len(config.channels))
        maps = tuple((count, side, side) for count, side in zip(config.channels, sides, strict=True))
        self.shapes = ((1, *data.shape), *maps)  # of what enters each convolution, and of what the last one hands on
        flat = config.channels[-1] * sides[-1] ** 2
        own = [(flat, *config.widths(lane), len(data.classes)) for lane in lanes]
        made = _initial(channels, own, [config.seed_of(lane) for lane in lanes])
        self.convs = tuple(LaneConv2d([each[0][k] for each in made], *like) for k in range(len(config.channels)))
        image = LaneDropout(self.lanes, self.rows, data.shape, *like)
        drawn = [LaneDropout(self.lanes, self.rows, shape, *like, tied=(1, 2)) for shape in maps]
        self.sites, dense = (image, *drawn[:-1]), []  # those that a convolution follows
        for index, (inputs, outputs) in enumerate(pairwise((flat, *config.hidden, len(data.classes)))):
            widths = [each[index] for each in own]
            site = LaneDropout(self.lanes, self.rows, (inputs,), *like, widths=widths) if index else drawn[-1]
            linear = LaneLinear([each[1][index] for each in made], inputs, outputs, *like)
            dense.append(LaneDense(site, linear, [each[index + 1] for each in own]))
        self.dense = tuple(dense)
        self.dropouts = (*self.sites, *(layer.site for layer in dense))
        self.norms = tuple(LaneBatchNorm(self.lanes, units, *like) for units in (*config.channels, *config.hidden))
        for kind, modules in (("conv", self.convs), ("site", self.sites), ("dense", dense), ("norm", self.norms)):
            for number, module in enumerate(modules):
                self.add_module(f"{kind}{number}", module)
        self.limited = [(conv.weight, (2, 3, 4)) for conv in self.convs]
        self.limited += [(layer.linear.weight, (1,)) for layer in dense[:-1]]
        self._entered: dict[int, Tensor] = {}  # by place: what batch norm behind it made of the latest traced pass

    def forward(self, x: Tensor, activations: list[Tensor] | None = None) -> Tensor:
        """Logits (L, B, classes) of x, (B, F) or (L, B, F)."""
        if activations is None or self.norm_first:
            return self._pass(x, self._norm, [] if activations is None else activations)
        self._entered = {}
        return self._pass(x, self._remembered, activations)

    def _pass(self, x: Tensor, norm: Norm, activations: list[Tensor]) -> Tensor:
        h = x.expand(self.lanes, -1, -1) if x.dim() == 2 else x  # (L, B, F)
        for number, (conv, site, shape) in enumerate(zip(self.convs, self.sites, self.shapes, strict=False)):
            activations.append(h)
            h = site(h)
            if number and not self.norm_first:
                h = self._of_channels(number - 1, norm)(h)
            maps = conv(to_maps(h, shape))  # (L, C, H, W, B)
            if self.norm_first and self.norms[number].used:
                maps = norm(number, maps.flatten(2)[:, None]).view_as(maps)
            if number + 1 < len(self.convs):
                maps = max_pool(maps)
            h = torch.relu_(from_maps(maps))
        before = len(self.convs) - 1  # the batch norm of what h is
        for number, dense in enumerate(self.dense, before):
            if number > before:
                h = torch.relu_(norm(number, h) if self.norm_first else h)
            activations.append(h)
            of_channels = number == before
            between = self._of_channels(number, norm) if of_channels else lambda h, number=number: norm(number, h)
            h = dense(h) if self.norm_first else dense(h, between)
        return h

    def _of_channels(self, number: int, norm: Norm) -> Callable[[Tensor], Tensor]:
        """Batch norm of channels for activations (L, B, C·H·W)."""

        def normed(h: Tensor) -> Tensor:
            return norm(number, h.view(*h.shape[:2], self.shapes[number + 1][0], -1)).flatten(2)

        return normed if self.norms[number].used else lambda h: h

    def _norm(self, number: int, x: Tensor) -> Tensor:
        y: Tensor = self.norms[number](x)
        return y

    def _remembered(self, number: int, x: Tensor) -> Tensor:
        """Batch norm that leaves behind what it handed on: `contributions` needs it where dropout comes first."""
        y = self._norm(number, x)
        self._entered[number + 1] = y.detach()
        return y

    @torch.no_grad()
    def estimate_norms(self, x: Tensor, lanes: Sequence[bool]) -> None:
        """Set batch norm's running statistics of some lanes to those of x, layer by layer, in eval mode."""
        chosen = torch.tensor(lanes).view(-1, 1, 1).to(x.device)

        def estimating(number: int, h: Tensor) -> Tensor:
            self.norms[number].estimate(h, chosen)
            return self._norm(number, h)

        with evaluating(self):
            self._pass(x, estimating, [])

    def first_images(self, lane: int, most: int) -> Tensor:
        """The first kernels."""
        return self.convs[0].weight[lane, :most, 0].clone()  # (K, 3, 3)

    @torch.no_grad()
    def contributions(self, lane: int, row: int, passed: Sequence[Tensor]) -> list[Tensor | None]:
        """Weight times what it was multiplied with: (channels, channels), summed over the map, of pairs that end at a
        convolution, and (sources, targets) of each dense layer.
        """
        entered = list(passed)
        if not self.norm_first:
            for place, h in self._entered.items():
                if self.norms[place - 1].lanes_on[lane]:
                    # A dropped source has no edges, whatever was made of its 0.
                    entered[place] = h[lane, row].flatten() * (self.dropouts[place].factor_of(lane, row) != 0)
        found: list[Tensor | None] = []
        for conv, source, shape in zip(self.convs, entered, self.shapes, strict=False):
            seen = windows(source.view(1, *shape, 1)).view(shape[0], KERNEL, KERNEL, -1).sum(dim=3)
            found.append((conv.weight[lane] * seen).sum(dim=(2, 3)).T)  # (C, O)
        dense = zip(self.dense, entered[len(self.convs) :], strict=True)
        return found + [layer.weight_of(lane, row) * source[:, None] for layer, source in dense]


def _initial(
    channels: Sequence[int], sizes: Sequence[tuple[int, ...]], seeds: Sequence[int]
) -> list[tuple[list[Affine], list[Affine]]]:
    """Of each lane what `torch.nn.Conv2d` and then `torch.nn.Linear` make after ``torch.manual_seed`` of its seed."""

    def draw(own: tuple[int, ...], seed: int) -> tuple[list[Affine], list[Affine]]:
        random = torch.Generator().manual_seed(seed)
        convs = [affine((outputs, inputs, KERNEL, KERNEL), random) for inputs, outputs in pairwise(channels)]
        return convs, [affine((outputs, inputs), random) for inputs, outputs in pairwise(own)]

    keys = list(zip(sizes, seeds, strict=True))
    made = {key: draw(*key) for key in dict.fromkeys(keys)}
    return [made[key] for key in keys]
