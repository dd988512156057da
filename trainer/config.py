"""Every knob of an experiment, described once.

The API's schema, the page's controls, the URL and every error message are derived from the models in this module: a
knob's name, range, step, unit, help and whether it can move while a run trains are written nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from trainer.errors import KnobError, UnknownKnobError, quote
from trainer.knobs import allowed, describe, extra, knob

MAX_LANES: Final = 64
MAX_WORK: Final = (
    1_000_000_000  # multiplications of one forward pass of all lanes: some tenths of a second on a slow core
)
MAX_RATE: Final = 0.95  # above it, fewer than one unit in twenty survives and 1/(1-p) exceeds 20
_MOST_FEATURES: Final = 64  # of any data set
_MOST_CLASSES: Final = 10
MAX_WIDTH: Final = 512
MAX_HIDDEN_LAYERS: Final = 4

Dataset = Literal["digits", "moons", "circles", "spirals", "xor", "gaussians"]
Optimizer = Literal["adam", "sgd"]
MaskMode = Literal["per_example", "per_batch"]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Rate = Annotated[float, Field(strict=True, ge=0, le=MAX_RATE, allow_inf_nan=False)]
Width = Annotated[int, Field(strict=True, ge=1, le=MAX_WIDTH)]


class _Knobs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Lane(_Knobs):
    """One network of a run: the knobs in which the networks of a run may differ, all of them live."""

    name: str = knob(
        "Network", label="name", help="What the charts call this network.", live=True, min_length=1, max_length=40
    )
    dropout: Annotated[tuple[Rate, ...], BeforeValidator(_as_tuple)] = knob(
        (),
        label="dropout rate",
        help="Share of the units of a layer that each training pass leaves out; one rate for the input and one for "
        "each hidden layer.",
        live=True,
        step=0.05,
        unit="share of units",
    )
    batch_norm: bool = knob(
        False,
        label="batch norm",
        help="Normalises what enters each ReLU by the mean and variance of the mini-batch (Ioffe & Szegedy 2015).",
        live=True,
    )
    l2: float = knob(
        0.0,
        label="L2 penalty",
        help="Adds this times the weight to every gradient; torch.optim calls it weight_decay.",
        live=True,
        ge=0,
        le=0.1,
        step=0.0005,
        unit="per step",
    )


class ExperimentConfig(_Knobs):
    """One experiment: a data set, a network shape, and the lanes that train on it side by side.

    Raises:
        pydantic.ValidationError: a knob has a value that it does not take; `parse` turns it into `KnobError`.
    """

    dataset: Dataset = knob(
        "digits",
        label="data",
        help="What the networks learn from.",
        choices={
            "digits": "1,797 real handwritten digits of 8×8 pixels, ten classes",
            "moons": "two interleaved half circles in the plane",
            "circles": "a circle inside a ring",
            "spirals": "two spirals wound into each other",
            "xor": "four square clouds, opposite corners alike",
            "gaussians": "two overlapping round clouds",
        },
    )
    train_size: int = knob(
        300,
        label="training examples",
        help="How many examples the networks train on; fewer are easier to memorise.",
        ge=20,
        le=1000,
        step=10,
        unit="examples",
    )
    label_noise: float = knob(
        0.2,
        label="wrong labels",
        help="Share of the training labels that are replaced by another class; validation labels stay true.",
        ge=0,
        le=0.9,
        step=0.05,
        unit="share of labels",
    )
    data_noise: float = knob(
        0.15,
        label="spread of the points",
        help="Standard deviation of the Gaussian noise added to each point of a two-dimensional data set.",
        ge=0,
        le=1,
        step=0.05,
        unit="standard deviations",
        only_for=("moons", "circles", "spirals", "xor", "gaussians"),
    )
    hidden: Annotated[tuple[Width, ...], BeforeValidator(_as_tuple)] = knob(
        (128, 128, 128),
        label="hidden layers",
        help="Width of each hidden layer, from the input to the output.",
        step=1,
        unit="units",
        min_length=1,
        max_length=MAX_HIDDEN_LAYERS,
    )
    batch_size: int = knob(
        64,
        label="mini-batch",
        help="Examples per step; each gets a mask of its own.",
        ge=1,
        le=512,
        step=1,
        unit="examples",
    )
    learning_rate: float = knob(
        2e-3,
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
        label="optimiser",
        help="How a gradient becomes a step.",
        choices={"adam": "Adam (Kingma & Ba 2015)", "sgd": "gradient descent with momentum 0.9"},
    )
    mask: MaskMode = knob(
        "per_example",
        label="masks",
        help="Whether every example of a mini-batch gets a mask of its own, or all share one.",
        choices={
            "per_example": "one for each example, as torch.nn.Dropout draws them",
            "per_batch": "one for the whole mini-batch, the textbook picture",
        },
    )
    seed: int = knob(
        0,
        label="seed",
        help="Fixes the split, the wrong labels, the initial weights, the order of the mini-batches and the masks.",
        ge=0,
        le=2**31 - 1,
        step=1,
    )
    lanes: Annotated[tuple[Lane, ...], BeforeValidator(_as_tuple)] = knob(
        (),
        label="networks",
        help="The networks that train side by side on the same mini-batches.",
        max_length=MAX_LANES,
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_lanes(cls, given: Any) -> Any:
        """Give a config without lanes the twin, and a lane without rates one zero for each layer."""
        if not isinstance(given, Mapping):
            return given
        hidden = given.get("hidden", cls.model_fields["hidden"].default)
        if not isinstance(hidden, list | tuple) or not 1 <= len(hidden) <= MAX_HIDDEN_LAYERS:
            return given
        lanes = given.get("lanes")
        if lanes is None or (isinstance(lanes, list | tuple) and not lanes):
            return {**given, "lanes": twin_lanes(given.get("dataset", "digits"), len(hidden))}
        if not isinstance(lanes, list | tuple):
            return given
        return {**given, "lanes": tuple(_with_rates(lane, len(hidden) + 1) for lane in lanes)}

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Check what no single knob can know."""
        for index, lane in enumerate(self.lanes):
            check_rates(lane.dropout, len(self.hidden), f"lanes[{index}].dropout")
        if self.batch_size > self.train_size:
            raise KnobError(
                "batch_size", self.batch_size, f"at most the number of training examples, {self.train_size}"
            )
        for index, lane in enumerate(self.lanes):
            if lane.batch_norm and self.batch_size == 1:
                raise KnobError(f"lanes[{index}].batch_norm", True, "false while a mini-batch is a single example")
        self._check_work()
        return self

    def _check_work(self) -> None:
        """Refuse what would hold a worker, and every run on it, for seconds at a single step."""
        widths = (_MOST_FEATURES, *self.hidden, _MOST_CLASSES)
        weights = sum(inner * outer for inner, outer in pairwise(widths))
        work = len(self.lanes) * weights * self.batch_size
        if work > MAX_WORK:
            allowed = (
                f"smaller, or the networks or the mini-batch fewer: {len(self.lanes)} networks of {weights:,} weights "
                f"on {self.batch_size} examples take {work:,} multiplications a step; at most {MAX_WORK:,} are allowed"
            )
            raise KnobError("hidden", self.hidden, allowed)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that can drop units, in forward order: ``input``, ``hidden1``, …"""
        return layer_names(len(self.hidden))

    def with_knobs(self, knobs: Mapping[str, Any], lane: int | None = None) -> ExperimentConfig:
        """Return a copy in which live knobs have new values.

        Args:
            knobs: new values by name.
            lane: index of the lane whose knobs these are; without it they are knobs of the run.

        Raises:
            KnobError: a value that its knob does not take, a knob that cannot move, or a lane that does not exist.
            UnknownKnobError: a name that is no knob.
        """
        model: type[_Knobs] = ExperimentConfig if lane is None else Lane
        _check_live(model, knobs)
        if lane is None:
            return parse({**self.model_dump(), **knobs})
        if isinstance(lane, bool) or not isinstance(lane, int) or not 0 <= lane < len(self.lanes):
            raise KnobError("lane", lane, f"the number of a lane, from 0 to {len(self.lanes) - 1}")
        if "dropout" in knobs and isinstance(knobs["dropout"], list | tuple):
            check_rates(knobs["dropout"], len(self.hidden), f"lanes[{lane}].dropout")
        lanes = [each.model_dump() for each in self.lanes]
        lanes[lane] |= knobs
        return parse({**self.model_dump(), "lanes": lanes})


def layer_names(hidden_layers: int) -> tuple[str, ...]:
    """Names of the input and of ``hidden_layers`` hidden layers."""
    return ("input", *(f"hidden{number}" for number in range(1, hidden_layers + 1)))


def check_rates(rates: Any, hidden_layers: int, knob: str) -> None:
    """Raise `KnobError` unless there is one rate for the input and one for each hidden layer."""
    if len(rates) != hidden_layers + 1:
        names = ", ".join(layer_names(hidden_layers))
        raise KnobError(knob, tuple(rates), f"{hidden_layers + 1} rates, one for each of {names}")


def _with_rates(lane: Any, count: int) -> Any:
    if isinstance(lane, Lane):
        return lane if lane.dropout else lane.model_copy(update={"dropout": (0.0,) * count})
    if isinstance(lane, Mapping) and not lane.get("dropout"):
        return {**lane, "dropout": (0.0,) * count}
    return lane


def twin_lanes(dataset: str, hidden_layers: int) -> tuple[Lane, ...]:
    """The two lanes a newcomer sees: without dropout, and with the rates recommended for ``dataset``.

    Input dropout of 0.2 and hidden dropout of 0.5 are those of Srivastava et al. 2014, section A.4. A point in the
    plane has two coordinates and neither can be spared, so the two-dimensional sets have none on the input.
    """
    input_rate = 0.2 if dataset == "digits" else 0.0
    return (
        Lane(name="No dropout", dropout=(0.0,) * (hidden_layers + 1)),
        Lane(name="Dropout", dropout=(input_rate, *(0.5,) * hidden_layers)),
    )


_PLANE: Final[dict[str, Any]] = {"train_size": 100, "label_noise": 0.15, "learning_rate": 1e-2, "batch_size": 32}
RECOMMENDED: Final[dict[str, dict[str, Any]]] = {
    "digits": {},
    "moons": _PLANE | {"data_noise": 0.15},
    "circles": _PLANE | {"data_noise": 0.1},
    "spirals": _PLANE
    | {"train_size": 150, "label_noise": 0.1, "data_noise": 0.1, "learning_rate": 5e-3, "hidden": (256, 256, 256)},
    "xor": _PLANE | {"data_noise": 0.15},
    "gaussians": _PLANE | {"data_noise": 0.6},
}
"""What to change from the defaults so that each data set shows overfitting and what dropout does about it."""


def recommended(dataset: str) -> ExperimentConfig:
    """The settings at which ``dataset`` shows its effect."""
    return parse({"dataset": dataset, **RECOMMENDED.get(dataset, {})})


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


def knob_error(error: ValidationError) -> KnobError | UnknownKnobError:
    """Say the first thing that Pydantic found in the words of this project."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, KnobError | UnknownKnobError):
        return cause
    if first["type"] == "invalid_key":
        first["loc"] = (*first["loc"][:-2], quote(first["input"]))
    path = _path(first["loc"])
    if first["type"] in ("extra_forbidden", "invalid_key"):
        model: type[_Knobs] = Lane if first["loc"][0] == "lanes" else ExperimentConfig
        return UnknownKnobError(path, list(model.model_fields))
    return KnobError(path, first["input"], _allowed(first))


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
    model: type[_Knobs] = Lane if location[0] == "lanes" else ExperimentConfig
    name = str(location[2] if location[0] == "lanes" else location[0])
    return allowed(describe(name, model.model_fields[name]), whole=not isinstance(location[-1], int))


def _check_live(model: type[_Knobs], knobs: Mapping[str, Any]) -> None:
    for name in knobs:
        field = model.model_fields.get(name)
        live = [each for each, info in model.model_fields.items() if extra(info)["live"]]
        if field is None:
            raise UnknownKnobError(str(name), live)
        if not extra(field)["live"]:
            raise KnobError(
                name,
                knobs[name],
                f"left as it is while the run trains (only {', '.join(live)} can move); start a new run",
            )
