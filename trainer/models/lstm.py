"""The recurrent network, in lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from trainer.data.datasets import Dataset
from trainer.layers.dense import LaneBatchNorm, LaneDense, LaneDropout, LaneLinear, stacked
from trainer.layers.initial import affine, recurrent
from trainer.layers.recurrent import lstm
from trainer.models.base import LaneNetwork, evaluating
from trainer.settings.config import ExperimentConfig
from trainer.settings.networks.lstm import GATES

Unroll = Callable[..., tuple[Tensor, Tensor]]
Parameters = tuple[Tensor, Tensor, Tensor, Tensor]  # of an LSTM, in the order of torch.nn.LSTM


class LaneCell(nn.Module):
    """The parameters of `torch.nn.LSTMCell`, or another cell, in L lanes, each weight transposed: (L, inputs, 4·units).

    A narrower lane has its units at the start of each gate, and zeros behind. What enters such a unit is 0, so that its
    cell and its state are 0 for ever, and no gradient leads to it.

    Args:
        initial: of each lane.
        features: numbers that it reads at each time step.
        units: of its state, in the widest lane.
        device: where the tensors live.
        dtype: of all of them.
        gates: how many numbers each unit is made of.
        unroll: reads a sequence, as `trainer.layers.recurrent.lstm` does.
    """

    def __init__(
        self,
        initial: Sequence[Parameters],
        features: int,
        units: int,
        device: torch.device,
        dtype: torch.dtype,
        gates: int = GATES,
        unroll: Unroll = lstm,
    ) -> None:
        super().__init__()
        self._unroll = unroll

        def gathered(tensors: Sequence[Tensor], inputs: int) -> nn.Parameter:
            parts = (each.view(gates, -1, min(inputs, each[0].numel())) for each in tensors)
            wide = stacked(parts, (gates, units, inputs), device, dtype)
            return nn.Parameter(wide.flatten(1, 2).transpose(1, 2).contiguous())

        weights_ih, weights_hh, biases_ih, biases_hh = zip(*initial, strict=True)
        self.weight_ih, self.weight_hh = gathered(weights_ih, features), gathered(weights_hh, units)
        self.bias_ih, self.bias_hh = gathered(biases_ih, 1), gathered(biases_hh, 1)  # (L, 1, 4·units)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Last state (L, B, H) and all states (T, L, B, H) of x (L, B, T, F); see `trainer.layers.recurrent.lstm`."""
        return self._unroll(x, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, mask)


class LaneLSTM(LaneNetwork):
    """Rows of an image, one after the other → dropout → LSTM, its state dropped on the way from each time step to the
    next → last state → batch norm → dropout → linear, in L lanes.

    With ``batch_norm_order`` "after_dropout", batch norm stands behind that last dropout. The recurrent mask acts on
    the state that the gates see; it drops neither the cell nor the last state. Groups are the time steps of a unit: one
    mask for all of them (Gal & Ghahramani 2016). DropConnect acts in the linear layer; the other places drop units
    instead.

    Args:
        config: width, lanes, seeds, and how masks are drawn.
        data: images; their rows are time steps.
        device: where the tensors live.
        dtype: of weights and activations.
    """

    gates: ClassVar[int] = GATES
    unroll: ClassVar[Unroll] = staticmethod(lstm)

    def __init__(self, config: ExperimentConfig, data: Dataset, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(config)
        like, lanes = (device, dtype), range(self.lanes)
        self.steps, self.features = data.shape
        units, classes = config.hidden[0], len(data.classes)
        widths = [config.widths(lane)[0] for lane in lanes]
        made = _initial(self.features, widths, classes, [config.seed_of(lane) for lane in lanes], self.gates)
        self.cell = LaneCell([each[0] for each in made], self.features, units, *like, self.gates, self.unroll)
        linear = LaneLinear([each[1] for each in made], units, classes, *like)
        self.image = LaneDropout(self.lanes, self.rows, data.shape, *like, tied=(0,))
        self.state = LaneDropout(self.lanes, self.rows, (self.steps - 1, units), *like, tied=(0,), widths=widths)
        self.output = LaneDense(LaneDropout(self.lanes, self.rows, (units,), *like, widths=widths), linear)
        self.norm = LaneBatchNorm(self.lanes, units, *like)
        self.dropouts = (self.image, self.state, self.output.site)
        self.norms = (self.norm,)
        self.limited = [(weight, (1,)) for weight in (self.cell.weight_ih, self.cell.weight_hh)]
        self._entered: Tensor | None = None  # what batch norm made of the latest pass

    def forward(self, x: Tensor, activations: list[Tensor] | None = None) -> Tensor:
        """Logits (L, B, classes) of x, (B, T·F) or (L, B, T·F)."""
        h, states = self._read(x)
        h = self._normed(h) if self.norm_first else h
        if activations is not None:
            before = states[:-1].permute(1, 2, 0, 3).flatten(2)  # (L, B, (T - 1)·H)
            activations += [x.expand(self.lanes, -1, -1), before, h]
        logits: Tensor = self.output(h) if self.norm_first else self.output(h, self._normed)
        return logits

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Last state (L, B, H) and all states (T, L, B, H)."""
        h = self.image(x.expand(self.lanes, -1, -1) if x.dim() == 2 else x)
        rows = h.view(*h.shape[:2], self.steps, self.features)
        factor = self.state.factor()  # (L, R, T - 1, H), or with a 1 for what is the same
        mask = None if factor is None else factor.expand(-1, -1, self.steps - 1, -1).permute(2, 0, 1, 3)
        last, states = self.cell(rows, mask)
        return last, states

    def _normed(self, h: Tensor) -> Tensor:
        y: Tensor = self.norm(h)
        self._entered = y.detach()
        return y

    @torch.no_grad()
    def estimate_norms(self, x: Tensor, lanes: Sequence[bool]) -> None:
        """Set batch norm's running statistics of some lanes to those of x, in eval mode."""
        with evaluating(self):
            h, _ = self._read(x)
            self.norm.estimate(
                h if self.norm_first else self.output.site(h), torch.tensor(lanes).view(-1, 1, 1).to(x.device)
            )

    @torch.no_grad()
    def contributions(self, lane: int, row: int, passed: Sequence[Tensor]) -> list[Tensor | None]:
        """Weight times what it was multiplied with, of the linear layer; None for what happens in time."""
        source = passed[-1]
        if self._entered is not None and self.norm.lanes_on[lane] and not self.norm_first:
            source = self._entered[lane, row] * (source != 0)  # a dropped source has no edges
        return [None, None, self.output.weight_of(lane, row) * source[:, None]]


def _initial(
    features: int, widths: Sequence[int], classes: int, seeds: Sequence[int], gates: int
) -> list[tuple[Parameters, tuple[Tensor, Tensor]]]:
    """Of each lane what `torch.nn.LSTM` and then `torch.nn.Linear` make after ``torch.manual_seed`` of its seed."""

    def draw(units: int, seed: int) -> tuple[Parameters, tuple[Tensor, Tensor]]:
        random = torch.Generator().manual_seed(seed)
        return recurrent(features, units, random, gates), affine((classes, units), random)

    keys = list(zip(widths, seeds, strict=True))
    made = {key: draw(*key) for key in dict.fromkeys(keys)}
    return [made[key] for key in keys]
