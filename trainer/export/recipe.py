"""What a script has to say of one lane, before it is known in which framework's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from trainer.settings.config import ExperimentConfig
from trainer.settings.dropouts import DROPOUTS, Dropout
from trainer.settings.lane import Lane
from trainer.settings.networks import NETWORKS, NetworkKind
from trainer.settings.shapes import IMAGES


@dataclass(frozen=True)
class Site:
    """A place that can drop.

    Attributes:
        rate: of single elements.
        group: of whole groups of them on top: of feature maps, or of units for all time steps.
        feeds_dense: whether a dense layer reads it, whose weights DropConnect drops.
    """

    rate: float = 0.0
    group: float = 0.0
    feeds_dense: bool = False


@dataclass(frozen=True)
class Recipe:
    """One lane of a run.

    Attributes:
        config: of the run.
        lane: the knobs of the lane.
        table: description of the table that it learns from, if it does.
        shape: of an example: ``(features,)``, or ``(rows, columns)`` of an image.
        classes: how many there are.
        widths: units of its hidden layers.
        seed: of its initial weights, mini-batches and masks.
        train_size: how many examples it trains on.
        learning_rate: its own, or the run's.
        sites: the places that can drop, by name.
    """

    config: ExperimentConfig
    lane: Lane
    table: Mapping[str, Any] | None
    shape: tuple[int, ...]
    classes: int
    widths: tuple[int, ...]
    seed: int
    train_size: int
    learning_rate: float
    sites: dict[str, Site]

    @property
    def network(self) -> NetworkKind:
        """The record of its kind of network."""
        return NETWORKS[self.config.network]

    @property
    def dropout(self) -> Dropout:
        """The record of its kind of dropout."""
        return DROPOUTS[self.lane.dropout_kind]

    @property
    def features(self) -> int:
        """How many numbers describe an example."""
        return prod(self.shape)

    @property
    def per_batch(self) -> bool:
        """Whether a mini-batch shares one mask."""
        return self.config.mask == "per_batch"

    @property
    def norm_first(self) -> bool:
        """Whether batch norm, where there is one, stands before dropout."""
        return self.config.batch_norm_order == "before_dropout"

    @property
    def connects(self) -> bool:
        """Whether it drops weights anywhere."""
        return any(self.drops_weights(site) for site in self.sites.values())

    @property
    def scheduled(self) -> bool:
        """Whether its rates change while it trains."""
        return self.lane.schedule != "constant" and self.lane.drops

    def drops_weights(self, site: Site) -> bool:
        """Whether it is the weights behind this place that are dropped."""
        return self.dropout.counted == "weights" and site.feeds_dense and site.rate > 0


def recipe(
    config: ExperimentConfig,
    lane: int,
    table: Mapping[str, Any] | None = None,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
) -> Recipe:
    """Collect what a script has to say of a lane; arguments as of `trainer.export.script`."""
    size, own = config.size, config.lanes[lane]
    if shape is None:
        images = config.dataset in IMAGES
        features = table["features"] if table is not None else size.features
        shape = (size.side, size.side) if images else (features,)
    if classes is None:
        classes = len(table["classes"]) if table is not None else 10 if config.dataset == "idx" else size.classes
    rate = config.learning_rate if own.learning_rate is None else own.learning_rate
    return Recipe(
        config=config,
        lane=own,
        table=table,
        shape=shape,
        classes=classes,
        widths=config.widths(lane),
        seed=config.seed_of(lane),
        train_size=config.examples(lane),
        learning_rate=rate,
        sites=_sites(config, own),
    )


def _sites(config: ExperimentConfig, lane: Lane) -> dict[str, Site]:
    kind = NETWORKS[config.network]
    rates, groups = kind.rates(lane.dropout, lane.spatial_dropout, lane.recurrent_mask)
    dense = kind.read_by_dense(config.channels, config.hidden)
    return {
        name: Site(rate, group, is_dense)
        for name, rate, group, is_dense in zip(config.layers, rates, groups, dense, strict=True)
    }
