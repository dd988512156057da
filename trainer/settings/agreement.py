"""What the knobs of a run must agree on: no single one of them can know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from trainer.errors import KnobError
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.lane import Lane
from trainer.settings.networks import NETWORKS, networks_for

if TYPE_CHECKING:
    from trainer.settings.config import ExperimentConfig

MAX_WORK: Final = 1_700_000_000
"""Of one step of all lanes, in multiplications of its forward pass: some tenths of a second on a slow core. Whatever
else a worker does in one go is less (`trainer.settings.pieces`)."""
WEIGHT_WORK: Final = 50  # what it costs to move one weight, in multiplications; a copy of it costs a tenth of that
LEAST_EXAMPLES: Final = 64  # counted, however small the mini-batch: some views pass so many at once

MAX_WEIGHT_MASKS: Final = (
    30_000_000  # weights that DropConnect drops or keeps at one step: some five bytes each while it trains
)


def check_run(config: ExperimentConfig) -> None:
    """Check that network, data and sizes go together."""
    kind = NETWORKS[config.network]
    if obstacle := kind.obstacle(config.dataset):
        fitting = " or ".join(networks_for(config.dataset))
        raise KnobError("network", config.network, f"{fitting} for {config.dataset}, which {obstacle}")
    if wanted := kind.wrong_hidden(config.hidden):
        raise KnobError("hidden", config.hidden, wanted)
    if config.train_size > config.size.examples:
        raise KnobError("train_size", config.train_size, f"at most {config.size.examples:,} for {config.dataset}")
    if config.batch_size > config.train_size:
        raise KnobError(
            "batch_size", config.batch_size, f"at most the number of training examples, {config.train_size}"
        )


def check_lane(config: ExperimentConfig, lane: Lane, path: str) -> None:
    """Check that a lane goes with its run; ``path`` is what its knobs are called."""
    check_rates(lane.dropout, config.layers, f"{path}.dropout")
    maps = config.groups
    if len(lane.spatial_dropout) != maps:
        wanted = f"{maps} rates, one for each convolution" if maps else f"empty for an {config.network}"
        raise KnobError(f"{path}.spatial_dropout", lane.spatial_dropout, wanted)
    if lane.batch_norm and config.batch_size == 1:
        raise KnobError(f"{path}.batch_norm", True, "false while a mini-batch is a single example")
    if lane.hidden is not None:
        widths = list(zip(lane.hidden, config.hidden, strict=False))
        if len(lane.hidden) != len(config.hidden) or any(own > most for own, most in widths):
            most = ", ".join(str(width) for width in config.hidden)
            raise KnobError(f"{path}.hidden", lane.hidden, f"widths of at most {most}, those of the run")
    if lane.train_size is not None and not config.batch_size <= lane.train_size <= config.train_size:
        wanted = (
            f"a number from {max(20, config.batch_size)} to {config.train_size}, the mini-batch and the run’s examples"
        )
        raise KnobError(f"{path}.train_size", lane.train_size, wanted)


def check_work(config: ExperimentConfig) -> None:
    """Refuse what would hold a worker, and every run on it, for seconds at a single step."""
    lanes, examples = len(config.lanes), max(config.batch_size, LEAST_EXAMPLES)
    kind, shape = NETWORKS[config.network], (config.size, config.channels, config.hidden)
    each, weights = kind.multiplications(*shape), kind.all_weights(*shape)
    work = lanes * (each * examples + WEIGHT_WORK * weights)
    if work > MAX_WORK:
        allowed = (
            f"smaller, or the networks or the mini-batch fewer: {lanes} networks of {weights:,} weights and {each:,} "
            f"multiplications on {examples} examples take {work:,} a step, {WEIGHT_WORK} for each weight among them; "
            f"at most {MAX_WORK:,} are allowed"
        )
        raise KnobError("hidden", config.hidden, allowed)
    masked = [lane.dropout_kind for lane in config.lanes if DROPOUTS[lane.dropout_kind].counted == "weights"]
    rows = config.batch_size if config.mask == "per_example" else 1
    weights = len(masked) * rows * kind.dense_weights(*shape)
    if weights > MAX_WEIGHT_MASKS:
        allowed = (
            f"another kind in some networks, or the networks or the mini-batch smaller: "
            f"{DROPOUTS[masked[0]].title} would draw "
            f"{weights:,} masks of weights a step; at most {MAX_WEIGHT_MASKS:,} are allowed"
        )
        raise KnobError("dropout_kind", masked[0], allowed)


def check_rates(rates: Any, sites: Sequence[str], knob: str) -> None:
    """Raise `KnobError` unless there is one rate for each place that can drop."""
    if len(rates) != len(sites):
        raise KnobError(knob, tuple(rates), f"{len(sites)} rates, one for each of {', '.join(sites)}")
