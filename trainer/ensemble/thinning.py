"""How the logits of one thinned sub-network are computed: one mask for all examples, or one for each; the weights as
they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.dropout.kinds import evaluation_scale, threshold, training_scale
from trainer.dropout.noise import LaneNoise
from trainer.models import LaneMLP, make_network
from trainer.models.base import LaneNetwork, evaluating
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.config import ExperimentConfig
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.lane import Lane
from trainer.settings.pieces import rows_of

_AT_ONCE: Final = 2**21  # noise words of one part of a member with fresh masks: about ten milliseconds


class Thinned(Protocol):
    """The sub-networks of one lane. Logits are (C, V + 1), examples in columns.

    Attributes:
        parts: in how many the examples are passed, one after the other.
    """

    parts: int

    def member(self, number: int) -> Tensor:
        """Logits of one sub-network."""

    def part(self, number: int, part: int) -> Tensor:
        """The columns of `member` that belong to one part of the examples."""

    def whole(self) -> Tensor:
        """Logits of the lane itself in eval mode: weight scaling, or what its kind of dropout has in its place."""

    def whole_part(self, part: int) -> Tensor:
        """The columns of `whole` that belong to one part of the examples."""


def thin(
    model: LaneNetwork,
    config: ExperimentConfig,
    data: Dataset,
    step: int,
    lane: int,
    dropout: Lane,
    x: Tensor,
    fresh: bool = False,
    number: int | None = None,
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
        fresh: whether every example has a mask of its own, as in training, or a member one mask for all.
        number: what the lane is called where masks are drawn, if it was taken out of its run; ``lane`` if left out.
    """
    purpose = Purpose.FRESH_SUBNETWORKS if fresh else Purpose.SUBNETWORKS
    stream = WordStream(key(config.seed_of(lane), purpose, step, lane if number is None else number))
    if isinstance(model, LaneMLP) and DROPOUTS[dropout.dropout_kind].counted == "units" and not fresh:
        return CutOut(model, lane, dropout, x, stream, rows_of(config))
    return Masked(model, config, data, step, lane, dropout, x, stream, fresh)


class CutOut:
    """Sub-networks of a multilayer perceptron that really are smaller.

    The rows and columns of dropped units are cut out of the weight matrices, which makes it about four times cheaper
    than multiplying by zeros; and examples stand in columns, because a softmax over ten rows is four times cheaper.
    """

    def __init__(
        self, model: LaneMLP, lane: int, dropout: Lane, x: Tensor, stream: WordStream, at_once: int | None = None
    ) -> None:
        self.rates = dropout.dropout
        self._stream = stream
        columns = x.T.contiguous()  # (F, V + 1)
        self._parts = torch.split(columns, at_once or len(x), dim=1)
        self.parts = len(self._parts)
        self._cut: tuple[int, Network, Tensor | None] | None = None  # the latest member
        self._device = x.device
        plain = [(weight.T.contiguous(), bias[:, None]) for weight, bias in model.plain(lane)]  # (U, D), (U, 1)
        # What a unit is multiplied by may as well multiply the weights that it meets next, once for all members.
        own = model.in_force[lane]
        scales = [evaluation_scale(own.kind, *pair) for pair in own.pairs]
        self._whole = _scaled(plain, scales)
        self._kept = _scaled(plain, [training_scale(dropout.dropout_kind, rate, 0.0) for rate in self.rates])

    def member(self, number: int) -> Tensor:
        """Logits of one sub-network."""
        return torch.cat([self.part(number, part) for part in range(self.parts)], dim=1)

    def part(self, number: int, part: int) -> Tensor:
        """The columns of `member` that belong to one part of the examples."""
        if self._cut is None or self._cut[0] != number:
            kept = self.kept(number)
            self._cut = (number, self._left(kept), kept[0])
        _, network, inputs = self._cut
        x = self._parts[part]
        return _forward(network, x if inputs is None else x.index_select(0, inputs))

    def whole(self) -> Tensor:
        """Logits of the lane itself in eval mode."""
        return torch.cat([self.whole_part(part) for part in range(self.parts)], dim=1)

    def whole_part(self, part: int) -> Tensor:
        """The columns of `whole` that belong to one part of the examples."""
        return _forward(self._whole, self._parts[part])

    def kept(self, number: int) -> list[Tensor | None]:
        """Indices of the units that a member keeps, for each layer; None where all are kept."""
        units = [weight.shape[1] for weight, _ in self._kept]
        words = np.split(self._stream.words(number, sum(units)), np.cumsum(units)[:-1])
        return [
            torch.from_numpy(np.flatnonzero(own >= threshold(rate))).to(self._device) if rate else None
            for own, rate in zip(words, self.rates, strict=True)
        ]

    def _left(self, kept: Sequence[Tensor | None]) -> Network:
        """The network that is left when only ``kept`` units are."""
        network = []
        for (weight, bias), here, after in zip(self._kept, kept, (*kept[1:], None), strict=True):
            left = weight if here is None else weight.index_select(1, here)
            network.append((left, bias) if after is None else (left.index_select(0, after), bias[after]))
        return network


class Masked:
    """Sub-networks of any kind of network and dropout: a copy of the lane, masked anew for each member.

    Batch norm has its running statistics, as in `CutOut`. With fresh masks, no example shares its mask with another;
    they are passed in parts of as many rows as keep the noise of one part within bounds; without, in parts of as many
    as keep its work there.
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
        fresh: bool = False,
    ) -> None:
        names = ("dropout", "dropout_kind", "spatial_dropout", "recurrent_mask")
        own = config.lanes[lane]
        thinned = own.model_copy(update={name: getattr(dropout, name) for name in names} | {"schedule": "constant"})
        # Without fresh masks a member has one for all examples, so that nothing depends on how they are cut.
        rows = _rows(model, thinned, len(x)) if fresh else min(len(x), rows_of(config))
        shaped = {"mask": "per_example", "batch_size": rows} if fresh else {"mask": "per_batch"}
        alone = config.model_copy(update={"lanes": (own,), **shaped})
        self._own, self._thinned = alone, alone.model_copy(update={"lanes": (thinned,)})
        self._step, self._fresh = step - model.began[lane], fresh
        self._parts = torch.split(x, rows)
        self.parts = len(self._parts)
        self.network = make_network(alone, data, x.device, x.dtype)
        ours = self.network.state_dict()
        for name, tensor in model.state_dict().items():
            count = len(tensor) // model.lanes
            ours[name].copy_(tensor[lane * count : (lane + 1) * count])
        self._noise = LaneNoise([stream], self.network.dropouts, x.device)

    def member(self, number: int) -> Tensor:
        """Logits of one sub-network."""
        return torch.cat([self.part(number, part) for part in range(self.parts)], dim=1)

    def part(self, number: int, part: int) -> Tensor:
        """The columns of `member` that belong to one part of the examples, (C, B)."""
        x = self._parts[part]
        count = len(x)
        if self._fresh and count < len(self._parts[0]):  # masks are drawn for whole parts: the last is filled up
            x = torch.cat([x, x.new_zeros((len(self._parts[0]) - count, x.shape[1]))])
        self.network.use(self._thinned, self._step)
        self._noise.draw(number * self.parts + part if self._fresh else number)
        with evaluating(self.network):
            for site in self.network.dropouts:
                site.train()
            logits: Tensor = self.network(x)
        return logits[0, :count].T  # (C, B)

    def whole(self) -> Tensor:
        """Logits of the lane itself in eval mode."""
        return torch.cat([self.whole_part(part) for part in range(self.parts)], dim=1)

    def whole_part(self, part: int) -> Tensor:
        """The columns of `whole` that belong to one part of the examples."""
        self.network.use(self._own, self._step)
        with evaluating(self.network):
            logits: Tensor = self.network(self._parts[part])
        return logits[0].T


def _rows(model: LaneNetwork, dropout: Lane, examples: int) -> int:
    """How many examples with a mask each make a part."""
    words = sum(site.words // site.rows for site in model.dropouts)
    if DROPOUTS[dropout.dropout_kind].counted == "weights":
        words += sum(site.weight_words // site.rows for site in model.dropouts)
    return max(1, min(examples, _AT_ONCE // words))


Network = Sequence[tuple[Tensor, Tensor]]  # weight (U, D) and bias (U, 1) of each linear layer, ReLU in between


def _scaled(network: Network, scales: Sequence[float]) -> Network:
    return [(weight * scale, bias) for (weight, bias), scale in zip(network, scales, strict=True)]


def _forward(network: Network, x: Tensor) -> Tensor:
    """Logits (C, B) of x (D, B)."""
    *hidden, (weight, bias) = network
    for inner, shift in hidden:
        x = torch.relu_(torch.addmm(shift, inner, x))
    return torch.addmm(bias, weight, x)
