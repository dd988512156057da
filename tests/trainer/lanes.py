"""Networks of lanes without an experiment around them, and what their masks say to networks of plain `torch.nn`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from trainer.data import datasets
from trainer.data.datasets import Dataset
from trainer.dropout.noise import Noise, make_noise
from trainer.layers.dense import LaneDropout
from trainer.models import LaneNetwork, make_network
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import DROPOUTS

LIMIT: Final = {torch.float64: 1e-9, torch.float32: 1e-4}
CPU: Final = torch.device("cpu")


@dataclass(frozen=True)
class Lab:
    """The networks of a configuration, and what they need to make a step."""

    config: ExperimentConfig
    data: Dataset
    network: LaneNetwork
    noise: Noise
    dtype: torch.dtype

    def batch(self) -> tuple[Tensor, Tensor]:
        """The first examples (B, F) and their labels (B,)."""
        size, device = self.config.batch_size, self.network.weights[0].device
        return self.data.train_x[:size].to(device, self.dtype), self.data.train_y[:size].to(device)

    @staticmethod
    def losses_of(logits: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy of each lane, (L,)."""
        each = nn.functional.cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)), reduction="none")
        return each.view(len(logits), -1).mean(dim=1)

    def train(self, steps: int) -> None:
        """Move every parameter by Adam, with new masks at each step."""
        x, labels = self.batch()
        rule = torch.optim.Adam(self.network.parameters(), lr=0.01)
        for step in range(1, steps + 1):
            self.noise.draw(step)
            rule.zero_grad()
            torch.autograd.backward(self.losses_of(self.network(x), labels).sum())
            rule.step()
        self.network.zero_grad()


def lab(dtype: torch.dtype, device: torch.device = CPU, **knobs: Any) -> Lab:
    """Networks at step 1, with the masks of that step drawn."""
    config = parse({"train_size": 60, "batch_size": 16, "seed": 3} | knobs)
    data = datasets.load(config)
    network = make_network(config, data, device, dtype)
    network.use(config, 1)
    noise = make_noise(config, network.dropouts, device)
    noise.draw(1)
    return Lab(config, data, network, noise, dtype)


@dataclass(frozen=True)
class Compared:
    """What a lane computed, and what a plain network did.

    Attributes:
        lane: which.
        name: what it is.
        mine: of the lane.
        theirs: of the plain network.
        largest: what a difference is a share of, where that is not the largest number of ``theirs``.
    """

    lane: int
    name: str
    mine: Tensor
    theirs: Tensor
    largest: Tensor | None = None


def factor_given(site: LaneDropout, lane: int, training: bool = True) -> Tensor:
    """What a place multiplies by in one lane, (B or 1, *shape), made from its mask on record by the kind's formula."""
    kind, p, q = site.kinds[lane], site.rates[lane], site.group_rates[lane]
    keep = torch.as_tensor(site.keep[lane]).to(site.multiplier.dtype)
    if not training:
        keep = torch.full_like(keep[:1], (1 - p) * (1 - q) if kind == "classic" else 1)
    elif DROPOUTS[kind].counted == "factors":
        keep = site.multiplier[lane] if p or q else torch.ones_like(keep)
    elif kind == "inverted" or (kind == "dropconnect" and not site.outputs):
        keep = keep / ((1 - p) * (1 - q))
    elif kind == "dropconnect":
        keep = keep / (1 - q)  # its rate of single elements is one of weights
    return keep.view(-1, *site.shape).clone()


def weights_given(site: LaneDropout, lane: int) -> Tensor | None:
    """What DropConnect multiplies the weights behind a place by, (B or 1, D, U); None where it does not."""
    if lane not in site.connecting:
        return None
    return site.weight_keep[site.connecting.index(lane)].to(site.multiplier.dtype) / (1 - site.rates[lane])


def connected(linear: nn.Linear, x: Tensor, masks: Tensor | None) -> Tensor:
    """A linear layer whose weight is multiplied by another mask for each example."""
    if masks is None:
        return linear(x)  # type: ignore[no-any-return]
    outputs, inputs = linear.weight.shape
    own = linear.weight.T * masks[:, :inputs, :outputs]  # (B or 1, D, U)
    return (x[:, None] @ own)[:, 0] + linear.bias


def copy_linear(linear: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Take over the weight (D, U) and bias (1, U) of a lane, as far as the layer goes."""
    outputs, inputs = linear.weight.shape
    with torch.no_grad():
        linear.weight.copy_(weight[:inputs, :outputs].T)
        linear.bias.copy_(bias[0, :outputs])


def copy_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, lanes: nn.Module, lane: int) -> None:
    """Take over scale, shift and statistics of a lane, as far as the layer goes."""
    with torch.no_grad():
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(lanes, name)[lane, 0, : norm.num_features])


def assert_close(mine: Tensor, theirs: Tensor, limit: float, whole: Tensor | None = None) -> None:
    """The largest difference is less than ``limit`` of the largest value, of ``theirs`` or of ``whole``."""
    largest = (theirs if whole is None else whole).detach().abs().max().clamp_min(1e-30)
    assert float((mine - theirs).detach().abs().max() / largest) < limit


def gradient(parameter: Tensor) -> Tensor:
    """What `backward` left at a parameter."""
    assert parameter.grad is not None
    return parameter.grad
