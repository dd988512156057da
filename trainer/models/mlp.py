"""The multilayer perceptron, in lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.layers.dense import LaneBatchNorm, LaneDense, LaneDropout, LaneLinear, default_init
from trainer.models.base import LaneNetwork, evaluating
from trainer.settings.config import ExperimentConfig


class LaneMLP(LaneNetwork):
    """Input → dropout → (linear → batch norm → ReLU → dropout) × hidden → linear, in L lanes.

    With ``batch_norm_order`` "after_dropout" a block is linear → ReLU → dropout → batch norm. Each lane starts with the
    weights of plain PyTorch after ``torch.manual_seed`` of its seed.

    Args:
        config: widths, lanes, seeds, and how masks are drawn.
        data: how many features and classes there are.
        device: where the tensors live.
        dtype: of weights and activations.
    """

    def __init__(self, config: ExperimentConfig, data: Dataset, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(config)
        lanes = range(self.lanes)
        sizes = (data.features, *config.hidden, len(data.classes))
        own = [(data.features, *config.widths(lane), len(data.classes)) for lane in lanes]
        chains = initial_chains(own, [config.seed_of(lane) for lane in lanes])
        dense = []
        for index, (inputs, outputs) in enumerate(pairwise(sizes)):
            shape = (inputs,) if index else data.shape
            widths = [each[index] for each in own] if index else None
            site = LaneDropout(self.lanes, self.rows, shape, device, dtype, widths=widths)
            linear = LaneLinear([chain[index] for chain in chains], inputs, outputs, device, dtype)
            dense.append(LaneDense(site, linear, [each[index + 1] for each in own]))
        self.dense = tuple(dense)
        self.linears = tuple(layer.linear for layer in dense)
        self.dropouts = tuple(layer.site for layer in dense)
        self.norms = tuple(LaneBatchNorm(self.lanes, width, device, dtype) for width in config.hidden)
        for kind, modules in (("dense", self.dense), ("norm", self.norms)):
            for number, module in enumerate(modules):
                self.add_module(f"{kind}{number}", module)
        self.limited = [(linear.weight, (1,)) for linear in self.linears[:-1]]
        self._entered: list[Tensor] = []  # what left batch norm behind each dropout, of the latest pass that was traced

    def forward(self, x: Tensor, activations: list[Tensor] | None = None) -> Tensor:
        """Logits (L, B, classes) of x, (B, F) or (L, B, F)."""
        h = x.expand(self.lanes, -1, -1) if x.dim() == 2 else x  # (L, B, F)
        if activations is not None:
            self._entered = []
            activations.append(h)
        h = self.dense[0].forward(h)  # without the detour over hooks, which takes a microsecond or two each
        for norm, dense in zip(self.norms, self.dense[1:], strict=True):
            h = torch.relu_(norm.forward(h) if self.norm_first else h)
            if activations is not None:
                activations.append(h)
            h = dense.forward(h) if self.norm_first else dense.forward(h, self._remembering(norm, activations))
        return h

    def _remembering(self, norm: LaneBatchNorm, activations: list[Tensor] | None) -> Callable[[Tensor], Tensor]:
        """Batch norm that, in a traced pass, leaves behind what it handed on: `contributions` needs it."""

        def normed(x: Tensor) -> Tensor:
            y: Tensor = norm.forward(x)
            self._entered.append(y.detach())
            return y

        return norm.forward if activations is None else normed

    @torch.no_grad()
    def estimate_norms(self, x: Tensor, lanes: Sequence[bool]) -> None:
        """Set batch norm's running statistics of some lanes to those of x, layer by layer, in eval mode."""
        chosen = torch.tensor(lanes).view(-1, 1, 1).to(x.device)
        with evaluating(self):
            h = self.dense[0](x.expand(self.lanes, -1, -1) if x.dim() == 2 else x)
            for norm, dense in zip(self.norms, self.dense[1:], strict=True):
                if self.norm_first:
                    norm.estimate(h, chosen)
                    h = dense(torch.relu_(norm(h)))
                else:
                    h = torch.relu_(h)
                    norm.estimate(dense.site(h), chosen)
                    h = dense(h, norm)

    @torch.no_grad()
    def contributions(self, lane: int, row: int, passed: Sequence[Tensor]) -> list[Tensor | None]:
        """Weight times what it was multiplied with, (sources, targets) of each linear layer."""
        entered = list(passed)
        for index, (norm, site) in enumerate(zip(self.norms, self.dropouts[1:], strict=True)):
            if norm.lanes_on[lane] and not self.norm_first:
                # A dropped source has no edges, whatever was made of its 0; one that was kept and is silent has.
                entered[index + 1] = self._entered[index][lane, row] * (site.factor_of(lane, row) != 0)
        return [dense.weight_of(lane, row) * source[:, None] for dense, source in zip(self.dense, entered, strict=True)]

    def first_images(self, lane: int, most: int) -> Tensor:
        """The weights into the first units of a lane."""
        weight = self.linears[0].weight[lane, :, :most].T.clone()  # (K, F)
        weight[self.dense[1].site.widths[lane] :] = torch.nan
        return weight.view(-1, *self.dropouts[0].shape)

    @torch.no_grad()
    def plain(self, lane: int) -> list[tuple[Tensor, Tensor]]:
        """A copy of one lane with batch norm in eval mode folded in: weight (D, U) and bias (U,) of each linear layer.

        Nothing is dropped and nothing scaled. Batch norm that stands before a linear layer is folded into that one.
        """
        folded = [(linear.weight[lane].clone(), linear.bias[lane, 0].clone()) for linear in self.linears]
        for index, norm in enumerate(self.norms):
            factor, shift = norm.affine(lane)
            if self.norm_first:
                weight, bias = folded[index]
                folded[index] = weight * factor, bias * factor + shift
            else:
                weight, bias = folded[index + 1]
                folded[index + 1] = weight * factor[:, None], bias + shift @ weight
        return folded


def initial_chains(sizes: Sequence[tuple[int, ...]], seeds: Sequence[int]) -> list[list[tuple[Tensor, Tensor]]]:
    """`default_init` of each lane; lanes of the same sizes and the same seed share one."""
    keys = list(zip(sizes, seeds, strict=True))
    made = {key: default_init(*key) for key in dict.fromkeys(keys)}
    return [made[key] for key in keys]
