"""Every knob of an experiment, described once: those of a run here, those of its lanes in `trainer.settings.lane`.

The API's schema, the page's controls, the URL and every error message are derived from these models: a knob's name,
range, step, unit, help and whether it can move while a run trains are written nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from trainer.errors import KnobError, UnknownKnobError, quote
from trainer.settings.agreement import check_lane, check_rates, check_run, check_work
from trainer.settings.knobs import allowed, describe, extra, knob
from trainer.settings.lane import (
    MAX_HIDDEN_LAYERS,
    MAX_RATE,
    MAX_SEED,
    MAX_TRAIN_SIZE,
    MAX_WIDTH,
    Knobs,
    Lane,
    Width,
    as_tuple,
)
from trainer.settings.networks import NETWORKS, Network, networks_with
from trainer.settings.recommended import recommended_knobs, twin_lanes
from trainer.settings.shapes import PLANE, SIZES, Dataset, Size

__all__ = ["MAX_HIDDEN_LAYERS", "MAX_RATE", "MAX_WIDTH", "Dataset", "ExperimentConfig", "Lane", "Network"]

MAX_LANES: Final = 128
MAX_CHANNELS: Final = 64
MAX_CONVOLUTIONS: Final = 3
USUAL_NETWORK: Final = next(iter(NETWORKS))
_OTHER_WIDTHS: Final = [each.hidden for each in NETWORKS.values() if each.hidden]

Optimizer = Literal["adam", "sgd"]
MaskMode = Literal["per_example", "per_batch"]
NormOrder = Literal["before_dropout", "after_dropout"]
Channels = Annotated[int, Field(strict=True, ge=1, le=MAX_CHANNELS)]


class ExperimentConfig(Knobs):
    """One experiment: a data set, a network shape, and the lanes that train on it side by side.

    Raises:
        pydantic.ValidationError: a knob has a value that it does not take; `parse` turns it into `KnobError`.
    """

    network: Network = knob(
        USUAL_NETWORK,
        group="network",
        label="network",
        help="What kind of network learns.",
        choices={name: each.help for name, each in NETWORKS.items()},
        titles={name: each.title for name, each in NETWORKS.items()},
    )
    dataset: Dataset = knob(
        "digits",
        group="data",
        label="data",
        help="What the networks learn from.",
        choices={
            "digits": "1,797 real handwritten digits of 8×8 pixels, ten classes",
            "moons": "two interleaved half circles in the plane",
            "circles": "a circle inside a ring",
            "spirals": "two spirals wound into each other",
            "xor": "four square clouds, opposite corners alike",
            "gaussians": "two overlapping round clouds",
            "breast_cancer": "569 real tumours described by 30 measurements, two classes",
            "wine": "178 real Italian wines described by 13 measurements, three classes",
            "csv": "a table of your own",
            "idx": "images like those of MNIST, from files of this server",
        },
    )
    table: str = knob(
        "",
        group="data",
        label="table",
        help="Which uploaded table the networks learn from.",
        min_length=0,
        max_length=64,
        only_for={"dataset": ("csv",)},
    )
    train_size: int = knob(
        300,
        group="data",
        label="training examples",
        help="How many examples the networks train on; fewer are easier to memorise.",
        ge=20,
        le=MAX_TRAIN_SIZE,
        step=10,
        unit="examples",
    )
    label_noise: float = knob(
        0.2,
        group="data",
        label="wrong labels",
        help="Share of the training labels that are replaced by another class; validation labels stay true.",
        ge=0,
        le=0.9,
        step=0.05,
        unit="share of labels",
    )
    data_noise: float = knob(
        0.15,
        group="data",
        label="spread of the points",
        help="How far points in the plane are moved at random: the standard deviation of that noise.",
        ge=0,
        le=1,
        step=0.05,
        unit="standard deviations",
        only_for={"dataset": PLANE},
    )
    channels: Annotated[tuple[Channels, ...], BeforeValidator(as_tuple)] = knob(
        (8, 16),
        group="network",
        label="convolutions",
        help="Feature maps of each convolution of 3×3, from the image on; between two of them, max pooling halves "
        "their sides.",
        step=1,
        unit="channels",
        min_length=1,
        max_length=MAX_CONVOLUTIONS,
        only_for={"network": networks_with("channels")},
    )
    hidden: Annotated[tuple[Width, ...], BeforeValidator(as_tuple)] = knob(
        (128, 128, 128),
        group="network",
        label="hidden layers",
        help="; ".join(["Width of each hidden layer, from the input to the output", *_OTHER_WIDTHS]) + ".",
        step=1,
        unit="units",
        min_length=1,
        max_length=MAX_HIDDEN_LAYERS,
    )
    batch_size: int = knob(
        64,
        group="training",
        label="mini-batch",
        help="Examples per step; each gets a mask of its own.",
        ge=1,
        le=512,
        step=1,
        unit="examples",
    )
    learning_rate: float = knob(
        2e-3,
        group="training",
        label="learning rate",
        help="How far one step moves the weights.",
        live=True,
        ge=1e-5,
        le=1,
        step=0.1,
        unit="per step",
        scale="log",
    )
    optimizer: Optimizer = knob(
        "adam",
        group="training",
        label="optimiser",
        help="How a gradient becomes a step.",
        choices={"adam": "Adam (Kingma & Ba 2015)", "sgd": "gradient descent with momentum 0.9"},
    )
    mask: MaskMode = knob(
        "per_example",
        group="training",
        label="masks",
        help="Whether every example of a mini-batch gets a mask of its own, or all share one.",
        choices={
            "per_example": "one for each example, as torch.nn.Dropout draws them",
            "per_batch": "one for the whole mini-batch, the textbook picture",
        },
    )
    batch_norm_order: NormOrder = knob(
        "before_dropout",
        label="order of batch norm",
        help="Where batch norm stands in each block of the networks that have it.",
        choices={
            "before_dropout": "layer, batch norm, ReLU, dropout",
            "after_dropout": "layer, ReLU, dropout, batch norm, which then sees the variance that dropout makes "
            "(Li et al. 2019)",
        },
        group="network",
    )
    seed: int = knob(
        0,
        group="training",
        label="seed",
        help="Fixes the split, the wrong labels, the initial weights, the order of the mini-batches and the masks.",
        ge=0,
        le=MAX_SEED,
        step=1,
    )
    lanes: Annotated[tuple[Lane, ...], BeforeValidator(as_tuple)] = knob(
        (),
        label="networks",
        help="The networks that train side by side on the same mini-batches.",
        max_length=MAX_LANES,
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_lanes(cls, given: Any) -> Any:
        """Give a config without lanes the twin, and a lane without rates one zero for each place that can drop."""
        if not isinstance(given, Mapping):
            return given
        given = {**_fitting(given), **given}
        network, dataset, channels, hidden = (
            given.get(name, cls.model_fields[name].default) for name in ("network", "dataset", "channels", "hidden")
        )
        kind = NETWORKS.get(network) if isinstance(network, str) and isinstance(dataset, str) else None
        if kind is None or not _is_list(channels, MAX_CONVOLUTIONS) or not _is_list(hidden, MAX_HIDDEN_LAYERS):
            return given
        lanes = given.get("lanes")
        if lanes is None or (isinstance(lanes, list | tuple) and not lanes):
            return {**given, "lanes": twin_lanes(network, dataset, channels, hidden)}
        if not isinstance(lanes, list | tuple):
            return given
        places, groups = len(kind.sites(channels, hidden)), kind.grouped(channels, hidden)
        return {**given, "lanes": tuple(_with_rates(lane, places, groups) for lane in lanes)}

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Check what no single knob can know."""
        check_run(self)
        for index, lane in enumerate(self.lanes):
            check_lane(self, lane, f"lanes[{index}]")
        check_work(self)
        return self

    @property
    def size(self) -> Size:
        """How large the data set may be."""
        return SIZES[self.dataset]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the places where the networks can drop, in forward order: ``input``, ``hidden1``, …"""
        return NETWORKS[self.network].site_names(self.channels, self.hidden)

    @property
    def groups(self) -> int:
        """How many of them have a rate of whole groups, in the knob ``spatial_dropout``."""
        return NETWORKS[self.network].grouped(self.channels, self.hidden)

    def widths(self, lane: int) -> tuple[int, ...]:
        """Units of each hidden layer of a lane."""
        return self.lanes[lane].hidden or self.hidden

    def examples(self, lane: int) -> int:
        """How many of the run's training examples a lane trains on."""
        return self.lanes[lane].train_size or self.train_size

    @property
    def followed_at_first(self) -> int:
        """The lane that drops at most places, the first of several: there is most to see of it."""
        return max(range(len(self.lanes)), key=lambda lane: self.lanes[lane].places)  # `max` takes the first of equals

    def seed_of(self, lane: int) -> int:
        """The seed of a lane's initial weights, mini-batches and masks."""
        own = self.lanes[lane].seed
        return self.seed if own is None else own

    def with_knobs(self, knobs: Mapping[str, Any], lane: int | None = None) -> ExperimentConfig:
        """Return a copy in which live knobs have new values.

        Args:
            knobs: new values by name.
            lane: index of the lane whose knobs these are; without it they are knobs of the run.

        Raises:
            KnobError: a value that its knob does not take, a knob that cannot move, or a lane that does not exist.
            UnknownKnobError: a name that is no knob.
        """
        model: type[Knobs] = ExperimentConfig if lane is None else Lane
        _check_live(model, knobs)
        # Only what moves is validated anew: a run may have 128 lanes, and a log of its changes 100,000 entries.
        if lane is None:
            moved = parse(dict(knobs))
            return self._agreed({name: getattr(moved, name) for name in knobs})
        if isinstance(lane, bool) or not isinstance(lane, int) or not 0 <= lane < len(self.lanes):
            raise KnobError("lane", lane, f"the number of a lane, from 0 to {len(self.lanes) - 1}")
        if "dropout" in knobs and isinstance(knobs["dropout"], list | tuple):
            check_rates(knobs["dropout"], self.layers, f"lanes[{lane}].dropout")
        given = _with_rates({**self.lanes[lane].model_dump(), **knobs}, len(self.layers), self.groups)
        try:
            own = Lane.model_validate(given)
        except ValidationError as error:
            raise knob_error(error, ("lanes", lane)) from None
        check_lane(self, own, f"lanes[{lane}]")
        lanes = (*self.lanes[:lane], own, *self.lanes[lane + 1 :])
        if own.dropout_kind == self.lanes[lane].dropout_kind:
            return self.model_copy(update={"lanes": lanes})  # nothing else that may move counts in what a step costs
        return self._agreed({"lanes": lanes})

    def _agreed(self, moved: Mapping[str, Any]) -> ExperimentConfig:
        """A copy with values that were validated each by itself, if they agree with the others."""
        config = self.model_copy(update=dict(moved))
        check_run(config)
        check_work(config)
        return config


def fixed_knobs(model: type[Knobs]) -> list[str]:
    """Names of the knobs that cannot move while a run trains, the lanes themselves left out."""
    return [name for name, field in model.model_fields.items() if name != "lanes" and not extra(field)["live"]]


def _fitting(given: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs without which the defaults of the others would not fit a given network or data set."""
    network, dataset = given.get("network", USUAL_NETWORK), given.get("dataset", "digits")
    if not isinstance(network, str) or network not in NETWORKS:
        return {}
    if not isinstance(dataset, str) or dataset not in SIZES:
        return {}
    knobs = recommended_knobs(network, dataset)
    names = [*NETWORKS[network].recommended, *(["train_size", "batch_size"] if dataset == "wine" else [])]
    return {name: knobs[name] for name in names}


def _is_list(value: Any, most: int) -> bool:
    return isinstance(value, list | tuple) and 1 <= len(value) <= most


def _with_rates(lane: Any, places: int, groups: int) -> Any:
    zeros = {"dropout": (0.0,) * places, "spatial_dropout": (0.0,) * groups}
    if isinstance(lane, Lane):
        return lane.model_copy(update={name: zero for name, zero in zeros.items() if not getattr(lane, name)})
    if isinstance(lane, Mapping):
        return {**lane, **{name: zero for name, zero in zeros.items() if lane.get(name) in (None, [], ())}}
    return lane


def recommended(dataset: str, network: str = USUAL_NETWORK) -> ExperimentConfig:
    """The settings at which ``network`` shows its effect on ``dataset``."""
    return parse(recommended_knobs(network, dataset))


def parse(given: Any) -> ExperimentConfig:
    """Validate knobs given as a mapping.

    Raises:
        KnobError: the first value that its knob does not take.
        UnknownKnobError: a name that is no knob.
    """
    if not isinstance(given, Mapping):
        raise KnobError("config", given, "an object of knobs and their values")
    try:
        return ExperimentConfig.model_validate(given)
    except ValidationError as error:
        raise knob_error(error) from None


def knob_error(error: ValidationError, inside: tuple[int | str, ...] = ()) -> KnobError | UnknownKnobError:
    """Say the first thing that Pydantic found in the words of this project.

    Args:
        error: what it found.
        inside: where in a configuration that was.
    """
    first = error.errors(include_url=False)[0]
    first["loc"] = (*inside, *first["loc"])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, KnobError | UnknownKnobError):
        return cause
    if first["type"] == "invalid_key":
        first["loc"] = (*first["loc"][:-2], quote(first["input"]))
    elif is_broken_name(first):
        return UnknownKnobError(_path((*first["loc"], first["input"])), list(_model_at(first["loc"]).model_fields))
    path = _path(first["loc"])
    if first["type"] in ("extra_forbidden", "invalid_key"):
        return UnknownKnobError(path, list(_model_at(first["loc"]).model_fields))
    return KnobError(path, first["input"], _allowed(first))


def is_broken_name(first: Any) -> bool:
    """Whether Pydantic objects to a name that is no text, half of a surrogate pair: it tells only where that stands."""
    return first["type"] == "string_unicode" and (not first["loc"] or isinstance(first["loc"][-1], int))


def _model_at(location: tuple[int | str, ...]) -> type[Knobs]:
    """Whose knobs the names at a location are."""
    return Lane if location and location[0] == "lanes" else ExperimentConfig


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _allowed(first: Any) -> str:
    """What the knob at an error's location takes, as the end of a sentence."""
    location = first["loc"]
    if location and location[0] == "lanes" and len(location) < 3:
        whole = len(location) == 1
        return f"a list of 1 to {MAX_LANES} networks" if whole else "an object of a network's knobs and their values"
    model = _model_at(location)
    name = str(location[2] if location[0] == "lanes" else location[0])
    return allowed(describe(name, model.model_fields[name]), whole=not isinstance(location[-1], int))


def _check_live(model: type[Knobs], knobs: Mapping[str, Any]) -> None:
    for name in knobs:
        field = model.model_fields.get(name)
        if field is not None and extra(field)["live"]:
            continue
        live = [each for each, info in model.model_fields.items() if extra(info)["live"]]
        if field is None:
            raise UnknownKnobError(str(name), live)
        raise KnobError(
            name,
            knobs[name],
            f"left as it is while the run trains (only {', '.join(live)} can move); start a new run",
        )
