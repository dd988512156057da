"""How the logits of one thinned sub-network are computed: one mask for all examples, the weights as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.config import ExperimentConfig
from trainer.datasets import Dataset
from trainer.kinds import evaluation_scale, threshold, training_scale
from trainer.lane import Lane
from trainer.models import LaneMLP, make_network
from trainer.models.base import LaneNetwork, evaluating
from trainer.noise import LaneNoise
from trainer.seeds import Purpose, WordStream, key

_CUT: Final = ("inverted", "classic", "unscaled")  # kinds that leave out whole units


class Thinned(Protocol):
    """The sub-networks of one lane. Logits are (C, V + 1), examples in columns."""

    def member(self, number: int) -> Tensor:
        """Logits of one sub-network."""

    def whole(self) -> Tensor:
        """Logits of the lane itself in eval mode: weight scaling, or what its kind of dropout has in its place."""


def thin(
    model: LaneNetwork, config: ExperimentConfig, data: Dataset, step: int, lane: int, dropout: Lane, x: Tensor
) -> Thinned:
    """The sub-networks of a lane as it is now.

    Args:
        model: the networks of the run.
        config: their knobs.
        data: what they learn from.
        step: updates that the weights have seen.
        lane: whose network is thinned.
        dropout: the knobs of dropout that it is thinned with; their schedule does not matter.
        x: (V + 1, F).
    """
    stream = WordStream(key(config.seed_of(lane), Purpose.SUBNETWORKS, step, lane))
    if isinstance(model, LaneMLP) and dropout.dropout_kind in _CUT:
        return CutOut(model, lane, dropout, x, stream)
    return Masked(model, config, data, step, lane, dropout, x, stream)


class CutOut:
    """Sub-networks of a multilayer perceptron that really are smaller.

    The rows and columns of dropped units are cut out of the weight matrices, which makes it about four times cheaper
    than multiplying by zeros; and examples stand in columns, because a softmax over ten rows is four times cheaper.
    """

    def __init__(self, model: LaneMLP, lane: int, dropout: Lane, x: Tensor, stream: WordStream) -> None:
        self.rates = dropout.dropout
        self._stream = stream
        self._x = x.T.contiguous()  # (F, V + 1)
        plain = [(weight.T.contiguous(), bias[:, None]) for weight, bias in model.plain(lane)]  # (U, D), (U, 1)
        # What a unit is multiplied by may as well multiply the weights that it meets next, once for all members.
        own = model.in_force[lane]
        scales = [evaluation_scale(own.kind, *pair) for pair in own.pairs]
        self._whole = _scaled(plain, scales)
        self._kept = _scaled(plain, [training_scale(dropout.dropout_kind, rate, 0.0) for rate in self.rates])

    def member(self, number: int) -> Tensor:
        """Logits of one sub-network."""
        return self._logits(self.kept(number))

    def whole(self) -> Tensor:
        """Logits of the lane itself in eval mode."""
        return _forward(self._whole, self._x)

    def kept(self, number: int) -> list[Tensor | None]:
        """Indices of the units that a member keeps, for each layer; None where all are kept."""
        units = [weight.shape[1] for weight, _ in self._kept]
        words = np.split(self._stream.words(number, sum(units)), np.cumsum(units)[:-1])
        return [
            torch.from_numpy(np.flatnonzero(own >= threshold(rate))).to(self._x.device) if rate else None
            for own, rate in zip(words, self.rates, strict=True)
        ]

    def _logits(self, kept: Sequence[Tensor | None]) -> Tensor:
        """Logits of the network that is left when only ``kept`` units are."""
        network = []
        for (weight, bias), here, after in zip(self._kept, kept, (*kept[1:], None), strict=True):
            left = weight if here is None else weight.index_select(1, here)
            network.append((left, bias) if after is None else (left.index_select(0, after), bias[after]))
        return _forward(network, self._x if kept[0] is None else self._x.index_select(0, kept[0]))


class Masked:
    """Sub-networks of any kind of network and dropout: a copy of the lane, masked anew for each member.

    Batch norm has its running statistics, as in `CutOut`.
    """

    def __init__(
        self,
        model: LaneNetwork,
        config: ExperimentConfig,
        data: Dataset,
        step: int,
        lane: int,
        dropout: Lane,
        x: Tensor,
        stream: WordStream,
    ) -> None:
        names = ("dropout", "dropout_kind", "spatial_dropout", "recurrent_mask")
        own = config.lanes[lane]
        thinned = own.model_copy(update={name: getattr(dropout, name) for name in names} | {"schedule": "constant"})
        alone = config.model_copy(update={"lanes": (own,), "mask": "per_batch"})
        self._own, self._thinned = alone, alone.model_copy(update={"lanes": (thinned,)})
        self._x, self._step = x, step
        self.network = make_network(alone, data, x.device, x.dtype)
        ours = self.network.state_dict()
        for name, tensor in model.state_dict().items():
            count = len(tensor) // model.lanes
            ours[name].copy_(tensor[lane * count : (lane + 1) * count])
        self._noise = LaneNoise([stream], self.network.dropouts, x.device)

    def member(self, number: int) -> Tensor:
        """Logits of one sub-network."""
        self.network.use(self._thinned, self._step)
        self._noise.draw(number)
        with evaluating(self.network):
            for site in self.network.dropouts:
                site.train()
            logits: Tensor = self.network(self._x)
        return logits[0].T  # (C, V + 1)

    def whole(self) -> Tensor:
        """Logits of the lane itself in eval mode."""
        self.network.use(self._own, self._step)
        with evaluating(self.network):
            logits: Tensor = self.network(self._x)
        return logits[0].T


Network = Sequence[tuple[Tensor, Tensor]]  # weight (U, D) and bias (U, 1) of each linear layer, ReLU in between


def _scaled(network: Network, scales: Sequence[float]) -> Network:
    return [(weight * scale, bias) for (weight, bias), scale in zip(network, scales, strict=True)]


def _forward(network: Network, x: Tensor) -> Tensor:
    """Logits (C, B) of x (D, B)."""
    *hidden, (weight, bias) = network
    for inner, shift in hidden:
        x = torch.relu_(torch.addmm(shift, inner, x))
    return torch.addmm(bias, weight, x)
