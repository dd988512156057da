"""From a configuration to its networks: all lanes of a run in one module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainer.config import ExperimentConfig
from trainer.layers import EPS, LaneBatchNorm, LaneDropout, LaneLinear, default_init


class LaneMLP(nn.Module):
    """Multilayer perceptrons in L lanes: input → dropout → (linear → batch norm → ReLU → dropout) × hidden → linear.

    All lanes start with the same weights, those of plain PyTorch after ``torch.manual_seed(seed)``.

    Args:
        config: widths, lanes, seed, and how masks are drawn.
        features: numbers that describe an example.
        classes: how many there are to tell apart.
        device: where the tensors live.
        dtype: of weights and activations.
    """

    def __init__(
        self, config: ExperimentConfig, features: int, classes: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.lanes = len(config.lanes)
        rows = config.batch_size if config.mask == "per_example" else 1
        units = (features, *config.hidden)
        self.linears = tuple(
            LaneLinear(weight.to(device, dtype), bias.to(device, dtype), self.lanes)
            for weight, bias in default_init((*units, classes), config.seed)
        )
        self.norms = tuple(LaneBatchNorm(self.lanes, width, device, dtype) for width in config.hidden)
        self.dropouts = tuple(LaneDropout(self.lanes, rows, width, device, dtype) for width in units)
        for kind, modules in (("linear", self.linears), ("norm", self.norms), ("dropout", self.dropouts)):
            for number, module in enumerate(modules):
                self.add_module(f"{kind}{number}", module)

    def forward(self, x: Tensor, activations: list[Tensor] | None = None) -> Tensor:
        """Logits (L, B, classes) of x (B, F).

        Args:
            x: the examples, the same for every lane.
            activations: is given what enters each dropout: (L, B, units) of the input and of each hidden layer after
                its ReLU.
        """
        h = x.expand(self.lanes, -1, -1)  # (L, B, F)
        for linear, norm, dropout in zip(self.linears, (*self.norms, None), self.dropouts, strict=True):
            if activations is not None:
                activations.append(h)
            h = linear(dropout(h))
            if norm is not None:
                h = torch.relu_(norm(h))
        return h

    def use(self, config: ExperimentConfig) -> None:
        """Take over the knobs of the lanes: dropout rates and batch norm."""
        for index, dropout in enumerate(self.dropouts):
            dropout.set_rates([lane.dropout[index] for lane in config.lanes])
        for norm in self.norms:
            norm.switch([lane.batch_norm for lane in config.lanes])

    @property
    def normalised(self) -> Tensor | None:
        """Which lanes have batch norm on, (L, 1, 1) bool; None if none has."""
        return self.norms[0].on if self.norms[0].used else None

    @torch.no_grad()
    def estimate_norms(self, x: Tensor, lanes: Sequence[bool]) -> None:
        """Set batch norm's running statistics of some lanes to those of x (N, F), layer by layer, without dropout."""
        chosen = torch.tensor(lanes).view(-1, 1, 1).to(x.device)
        with evaluating(self):
            h = x.expand(len(lanes), -1, -1)
            for linear, norm in zip(self.linears, self.norms, strict=False):
                h = linear(h)
                norm.estimate(h, chosen)
                h = torch.relu_(norm(h))

    @torch.no_grad()
    def plain(self, lane: int) -> list[tuple[Tensor, Tensor]]:
        """A copy of one lane in eval mode, batch norm folded in: weight (D, U) and bias (U,) of each linear layer."""
        folded = []
        for linear, norm in zip(self.linears, (*self.norms, None), strict=True):
            weight, bias = linear.weight[lane].clone(), linear.bias[lane, 0].clone()
            if norm is not None and norm.on[lane]:
                factor = norm.weight[lane, 0] * torch.rsqrt(norm.running_var[lane, 0] + EPS)
                weight *= factor
                bias = (bias - norm.running_mean[lane, 0]) * factor + norm.bias[lane, 0]
            folded.append((weight, bias))
        return folded


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into eval mode, and afterwards back into the mode that it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
