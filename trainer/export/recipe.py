"""What a script has to say of one lane, before it is known in which framework's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from trainer.config import ExperimentConfig
from trainer.lane import Lane
from trainer.shapes import IMAGES, pooled_sides


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
    def network(self) -> str:
        """``"mlp"``, ``"cnn"`` or ``"lstm"``."""
        return self.config.network

    @property
    def features(self) -> int:
        """How many numbers describe an example."""
        return prod(self.shape)

    @property
    def sides(self) -> tuple[int, ...]:
        """Of the feature maps that each convolution block hands on."""
        return pooled_sides(self.shape[0], len(self.config.channels))

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
        return self.lane.dropout_kind == "dropconnect" and site.feeds_dense and site.rate > 0


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
    sites = {}
    last_map = f"conv{len(config.channels)}"
    maps = dict(zip((f"conv{k}" for k in range(1, len(config.channels) + 1)), lane.spatial_dropout, strict=False))
    for name, rate in zip(config.layers, lane.dropout, strict=True):
        if name in ("input", "recurrent") and config.network == "lstm":
            grouped = lane.recurrent_mask == "variational"
            sites[name] = Site(0.0 if grouped else rate, rate if grouped else 0.0)
        else:
            dense = name in (last_map, "output") or name.startswith("hidden")
            dense = dense or (name == "input" and config.network == "mlp")
            sites[name] = Site(rate, maps.get(name, 0.0), dense)
    return sites
