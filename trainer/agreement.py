"""What the knobs of a run must agree on: no single one of them can know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from trainer.errors import KnobError
from trainer.lane import Lane
from trainer.shapes import IMAGES, dense_weights, multiplications

if TYPE_CHECKING:
    from trainer.config import ExperimentConfig

MAX_WORK: Final = (
    1_000_000_000  # multiplications of one forward pass of all lanes: some tenths of a second on a slow core
)
MAX_WEIGHT_MASKS: Final = (
    30_000_000  # weights that DropConnect drops or keeps at one step: some five bytes each while it trains
)


def check_run(config: ExperimentConfig) -> None:
    """Check that network, data and sizes go together."""
    if config.network != "mlp" and config.dataset not in IMAGES:
        what = "has no images" if config.network == "cnn" else "has no rows to be read one after the other"
        raise KnobError("network", config.network, f"mlp for {config.dataset}, which {what}")
    if config.network == "lstm" and len(config.hidden) != 1:
        raise KnobError("hidden", config.hidden, "one number for an lstm, the units of its state")
    if config.train_size > config.size.examples:
        raise KnobError("train_size", config.train_size, f"at most {config.size.examples:,} for {config.dataset}")
    if config.batch_size > config.train_size:
        raise KnobError(
            "batch_size", config.batch_size, f"at most the number of training examples, {config.train_size}"
        )


def check_lane(config: ExperimentConfig, lane: Lane, path: str) -> None:
    """Check that a lane goes with its run; ``path`` is what its knobs are called."""
    check_rates(lane.dropout, config.layers, f"{path}.dropout")
    maps = len(config.channels) if config.network == "cnn" else 0
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
    lanes = len(config.lanes)
    each = multiplications(config.network, config.size, config.channels, config.hidden)
    work = lanes * each * config.batch_size
    if work > MAX_WORK:
        allowed = (
            f"smaller, or the networks or the mini-batch fewer: {lanes} networks of {each:,} multiplications "
            f"on {config.batch_size} examples take {work:,} a step; at most {MAX_WORK:,} are allowed"
        )
        raise KnobError("hidden", config.hidden, allowed)
    masked = sum(lane.dropout_kind == "dropconnect" for lane in config.lanes)
    rows = config.batch_size if config.mask == "per_example" else 1
    weights = masked * rows * dense_weights(config.network, config.size, config.channels, config.hidden)
    if weights > MAX_WEIGHT_MASKS:
        allowed = (
            f"another kind in some networks, or the networks or the mini-batch smaller: DropConnect would draw "
            f"{weights:,} masks of weights a step; at most {MAX_WEIGHT_MASKS:,} are allowed"
        )
        raise KnobError("dropout_kind", "dropconnect", allowed)


def check_rates(rates: Any, sites: Sequence[str], knob: str) -> None:
    """Raise `KnobError` unless there is one rate for each place that can drop."""
    if len(rates) != len(sites):
        raise KnobError(knob, tuple(rates), f"{len(sites)} rates, one for each of {', '.join(sites)}")
