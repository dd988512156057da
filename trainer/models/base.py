"""What training, records and sub-networks need to know of a network, whatever its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from trainer.layers.dense import LaneBatchNorm, LaneDropout
from trainer.settings.config import ExperimentConfig
from trainer.settings.lane import Lane
from trainer.settings.networks import NETWORKS
from trainer.settings.schedule import share


@dataclass(frozen=True)
class InForce:
    """What a lane's dropout is at one step, schedules included.

    Attributes:
        kind: of its dropout.
        rates: of single elements, one for each place that can drop.
        group_rates: of groups, likewise.
    """

    kind: str
    rates: tuple[float, ...]
    group_rates: tuple[float, ...]

    @property
    def pairs(self) -> Iterator[tuple[float, float]]:
        """The two rates of each place."""
        return zip(self.rates, self.group_rates, strict=True)

    def off(self) -> InForce:
        """The same with nothing dropped: what there is in eval mode."""
        nothing = (0.0,) * len(self.rates)
        return InForce(self.kind, nothing, nothing)


class LaneNetwork(nn.Module, ABC):
    """L networks of one kind, each with its own knobs.

    Every parameter and every persistent buffer has the lanes as its first dimension.

    A subclass sets:

    Attributes:
        kind: the record of this kind of network.
        lanes: how many networks there are.
        rows: masks drawn at once: the mini-batch's size, or 1.
        dropouts: the places that can drop, in forward order: those of ``config.layers``.
        norms: batch norm, wherever it may be switched on.
        limited: the weights that max-norm limits, those of hidden units, each with the dimensions of what enters one.
        in_force: the dropout of each lane.
        began: the step of the run after which each lane began.
    """

    lanes: int
    rows: int
    dropouts: tuple[LaneDropout, ...]
    norms: tuple[LaneBatchNorm, ...]
    limited: list[tuple[Tensor, tuple[int, ...]]]
    in_force: tuple[InForce, ...] = ()
    began: tuple[int, ...] = ()

    def __init__(self, config: ExperimentConfig) -> None:
        super().__init__()
        self.lanes = len(config.lanes)
        self.rows = config.batch_size if config.mask == "per_example" else 1
        self.kind = NETWORKS[config.network]
        self.norm_first = config.batch_norm_order == "before_dropout"

    @abstractmethod
    def forward(self, x: Tensor, activations: list[Tensor] | None = None) -> Tensor:
        """Logits (L, B, classes).

        Args:
            x: the examples, (B, F), the same for every lane, or (L, B, F).
            activations: is given what enters each place that can drop, (L, B, units).
        """

    @abstractmethod
    def estimate_norms(self, x: Tensor, lanes: Sequence[bool]) -> None:
        """Set batch norm's running statistics of some lanes to those of x, (N, F) or (L, N, F), layer by layer, in eval
        mode.
        """

    @abstractmethod
    def contributions(self, lane: int, row: int, passed: Sequence[Tensor]) -> list[Tensor | None]:
        """What each source contributed to each target in the latest training pass, of one lane and one example.

        Args:
            lane: which network.
            row: of the mini-batch.
            passed: activation times factor of each place that can drop, (units,).

        Returns:
            For each pair of neighbouring places, and for the last place and the classes, (sources, targets): units, or
            channels; None where there is nothing that a picture could show.
        """

    def first_images(self, lane: int, most: int) -> Tensor | None:
        """The weights into the first ``most`` units, or kernels, of the first layer of a lane as images, (K, rows,
        columns), NaN for units that it does not have; None where they are no images.
        """
        return None

    @property
    def weights(self) -> list[nn.Parameter]:
        """Parameters of every lane; without those of batch norm."""
        norms = {id(parameter) for parameter in self.norm_parameters}
        return [parameter for parameter in self.parameters() if id(parameter) not in norms]

    @property
    def norm_parameters(self) -> list[nn.Parameter]:
        """Scales and shifts of batch norm, which matter to the lanes that have it on."""
        return [parameter for norm in self.norms for parameter in norm.parameters()]

    @property
    def normalised(self) -> Tensor | None:
        """Which lanes have batch norm on, (L, 1, 1) bool; None if none has."""
        return self.norms[0].on if self.norms and self.norms[0].used else None

    @property
    def generation(self) -> int:
        """How often a training pass has become another computation, or reads other tensors."""
        return sum(site.generation for site in self.dropouts) + sum(norm.generation for norm in self.norms)

    def rates(self, lane: Lane) -> tuple[Sequence[float], Sequence[float]]:
        """The rates of single elements and those of groups that a lane's knobs mean, one for each place."""
        return self.kind.rates(lane.dropout, lane.spatial_dropout, lane.recurrent_mask)

    def use(self, config: ExperimentConfig, step: int, began: Sequence[int] = ()) -> None:
        """Take over the live knobs of the lanes: kinds and rates of dropout as they are at ``step``, and batch norm.

        Args:
            config: has them.
            step: of the run.
            began: the step after which each lane began, from which its schedule counts; with the run if left out.
        """
        self.began = tuple(began) or (0,) * len(config.lanes)
        self.in_force = tuple(
            self._at(lane, step - start) for lane, start in zip(config.lanes, self.began, strict=True)
        )
        for index, dropout in enumerate(self.dropouts):
            dropout.set(
                [each.kind for each in self.in_force],
                [each.rates[index] for each in self.in_force],
                [each.group_rates[index] for each in self.in_force],
            )
        for norm in self.norms:
            norm.switch([lane.batch_norm for lane in config.lanes])

    def _at(self, lane: Lane, step: int) -> InForce:
        on = share(lane.schedule, lane.schedule_steps, step)
        rates, group_rates = (tuple(on * rate for rate in rates) for rates in self.rates(lane))
        return InForce(lane.dropout_kind, rates, group_rates)


def scheduled(config: ExperimentConfig) -> bool:
    """Whether the rates of any lane change by themselves, so that `LaneNetwork.use` is due before every step."""
    return any(lane.drops and lane.schedule != "constant" for lane in config.lanes)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into eval mode, and afterwards back into the mode that it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
