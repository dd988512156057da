"""One lane of a run at a time, in a network of a single lane: a pass is short however many lanes there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.models import LaneNetwork, make_network
from trainer.models.base import InForce
from trainer.settings.config import ExperimentConfig


@dataclass(frozen=True)
class Still:
    """All that an evaluation needs to know of the networks of a run.

    Attributes:
        state: parameters and running statistics of all lanes.
        in_force: the dropout of each lane.
        normalised: which lanes have batch norm on.
        began: the step of the run after which each lane began.
    """

    state: Mapping[str, Tensor]
    in_force: tuple[InForce, ...]
    normalised: tuple[bool, ...]
    began: tuple[int, ...]

    @classmethod
    def of(cls, network: LaneNetwork) -> Still:
        """The networks themselves: they change when they are trained."""
        on = network.norms[0].lanes_on if network.norms else (False,) * network.lanes
        return cls(network.state_dict(), network.in_force, on, network.began)

    @classmethod
    def copy(cls, network: LaneNetwork) -> Still:
        """A copy of them."""
        now = cls.of(network)
        return replace(now, state={name: tensor.detach().clone() for name, tensor in now.state.items()})


class Alone:
    """A network that takes over one lane after the other of the networks of a run.

    Args:
        config: of the run; its masks do not matter, because one serves all examples.
        data: what it learns from.
        device: where the tensors live.
        dtype: of all of them.
    """

    def __init__(self, config: ExperimentConfig, data: Dataset, device: torch.device, dtype: torch.dtype) -> None:
        self._config, self._data, self._like = config, data, (device, dtype)
        self._network: LaneNetwork | None = None

    @property
    def network(self) -> LaneNetwork:
        """The network, made when it is first asked for."""
        if self._network is None:
            alone = self._config.model_copy(update={"lanes": self._config.lanes[:1], "mask": "per_batch"})
            self._network = make_network(alone, self._data, *self._like)
        return self._network

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor], lane: int, lanes: int) -> LaneNetwork:
        """Take over the parameters and running statistics of one lane, out of those of all ``lanes``."""
        ours = self.network.state_dict()
        for name, tensor in state.items():
            each = len(tensor) // lanes
            ours[name].copy_(tensor[lane * each : (lane + 1) * each])
        return self.network

    def take(self, networks: LaneNetwork | Still, lane: int) -> LaneNetwork:
        """Take over all of one lane: its parameters, its statistics, and the knobs that are in force."""
        still = networks if isinstance(networks, Still) else Still.of(networks)
        mine, own = self.load(still.state, lane, len(still.in_force)), still.in_force[lane]
        mine.in_force, mine.began = (own,), still.began[lane : lane + 1]
        for site, rate, group_rate in zip(mine.dropouts, own.rates, own.group_rates, strict=True):
            site.set((own.kind,), (rate,), (group_rate,))
        for norm in mine.norms:
            norm.switch((still.normalised[lane],))
        return mine
