"""The knobs of one network of a run: all in which the networks that train side by side may differ."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from trainer.printable import is_printable
from trainer.settings.dropouts import DROPOUTS, FORMULAS, KINDS, DropoutKind, layers_of
from trainer.settings.knobs import knob
from trainer.settings.networks import networks_with

MAX_RATE: Final = 0.95  # above it, fewer than one unit in twenty survives and 1/(1-p) exceeds 20
MAX_WIDTH: Final = 640  # 64 units are left of so many at the rate of 0.9
MAX_HIDDEN_LAYERS: Final = 4
MAX_TRAIN_SIZE: Final = 1000
MAX_SEED: Final = 2**31 - 1
MAX_RESTARTS: Final = 1000
EVALUATE_EVERY: Final = 25  # steps: how often early stopping looks, and a page may see scores

Schedule = Literal["constant", "early", "late", "ramp_down", "ramp_up"]
RecurrentMask = Literal["variational", "per_step"]


def as_tuple(value: Any) -> Any:
    """A list, as JSON has it, as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _printable(name: str) -> str:
    if not is_printable(name):
        raise ValueError("characters that cannot be seen")
    return name


Name = Annotated[str, AfterValidator(_printable)]
Rate = Annotated[float, Field(strict=True, ge=0, le=MAX_RATE, allow_inf_nan=False)]
Width = Annotated[int, Field(strict=True, ge=1, le=MAX_WIDTH)]


class Knobs(BaseModel):
    """What knobs have in common: exact types, no unknown names, no change in place."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Lane(Knobs):
    """One network of a run. What is not live, and what is None, belongs to lanes that differ in more than knobs."""

    name: Name = knob(
        "Network", label="name", help="What the charts call this network.", live=True, min_length=1, max_length=40
    )
    dropout: Annotated[tuple[Rate, ...], BeforeValidator(as_tuple)] = knob(
        (),
        label="dropout rate",
        help="Share of the units of a layer that each training pass leaves out; one rate for each place where the "
        "network can drop.",
        live=True,
        step=0.05,
        unit="share of units",
        formula="y = x · m / (1 − p), m ~ Bernoulli(1 − p)",
        pytorch="nn.Dropout(p)",
        keras="layers.Dropout(rate)",
    )
    batch_norm: bool = knob(
        False,
        label="batch norm",
        help="Normalises the units of a layer by the mean and variance of the mini-batch (Ioffe & Szegedy 2015).",
        live=True,
        formula="y = γ · (x − mean) / √(variance + 10⁻⁵) + β",
        pytorch="nn.BatchNorm1d, nn.BatchNorm2d",
        keras="layers.BatchNormalization()",
    )
    dropout_kind: DropoutKind = knob(
        KINDS[0],
        label="kind",
        help="What dropout does to a unit or a weight, and where its scale is put right.",
        live=True,
        group="dropout",
        choices={name: each.help for name, each in DROPOUTS.items()},
        titles={name: each.title for name, each in DROPOUTS.items()},
        formula=FORMULAS,
        pytorch=f"{layers_of('pytorch')}; the others are lines of one’s own",
        keras=layers_of("keras"),
    )
    spatial_dropout: Annotated[tuple[Rate, ...], BeforeValidator(as_tuple)] = knob(
        (),
        label="spatial dropout",
        help="Share of whole feature maps that each training pass leaves out, one rate for each convolution "
        "(Tompson et al. 2015); it comes on top of the rates of single elements.",
        live=True,
        step=0.05,
        unit="share of channels",
        group="dropout",
        only_for={"network": networks_with("spatial_dropout")},
        pytorch="nn.Dropout2d(p)",
        keras="layers.SpatialDropout2D(rate)",
    )
    recurrent_mask: RecurrentMask = knob(
        "variational",
        label="masks over time",
        help="Whether the input and the recurrent state of a sequence have one mask for all its time steps, or a "
        "fresh one at each.",
        live=True,
        group="dropout",
        only_for={"network": networks_with("recurrent_mask")},
        choices={
            "variational": "one mask for all time steps (Gal & Ghahramani 2016)",
            "per_step": "a fresh mask at every time step, the naive way",
        },
        pytorch="a loop over nn.LSTMCell",
        keras="layers.LSTM(dropout=…, recurrent_dropout=…): one mask for all time steps",
    )
    schedule: Schedule = knob(
        "constant",
        label="schedule",
        help="How the rates change while the network trains.",
        live=True,
        group="dropout",
        choices={
            "constant": "the same rates all the time",
            "early": "the rates up to the step below, then no dropout (Liu et al. 2023)",
            "late": "no dropout up to the step below, then the rates (Liu et al. 2023)",
            "ramp_down": "from the rates to nothing in a straight line that ends at the step below (Liu et al. 2023)",
            "ramp_up": "from nothing to the rates in a straight line that ends at the step below",
        },
        pytorch="module.p = …",
        keras="a callback that sets layer.rate, with run_eagerly=True",
    )
    schedule_steps: int = knob(
        250,
        label="schedule’s step",
        help="The step at which early dropout ends, late dropout begins, or a ramp ends.",
        live=True,
        ge=1,
        le=100_000,
        step=25,
        unit="steps",
        group="dropout",
    )
    l1: float = knob(
        0.0,
        label="L1 penalty",
        help="Pulls every weight towards 0 by the same amount; many end up there.",
        live=True,
        ge=0,
        le=0.1,
        smallest=1e-6,
        step=0.1,
        scale="log",
        group="regularisers",
        formula="loss + λ · Σ|w|",
        pytorch="loss + λ * sum(w.abs().sum() for w in model.parameters())",
        keras="kernel_regularizer=regularizers.L1(λ), bias_regularizer likewise",
    )
    l2: float = knob(
        0.0,
        label="L2 penalty",
        help="Pulls every weight towards 0 in proportion to itself, as a part of the gradient: Adam rescales it.",
        live=True,
        ge=0,
        le=0.1,
        smallest=1e-6,
        step=0.1,
        scale="log",
        group="regularisers",
        formula="loss + λ/2 · Σw²",
        pytorch="torch.optim.Adam(…, weight_decay=λ)",
        keras="kernel_regularizer=regularizers.L2(λ/2), bias_regularizer likewise",
    )
    weight_decay: float = knob(
        0.0,
        label="weight decay",
        help="Shrinks every weight at each step, apart from the gradient (Loshchilov & Hutter 2019).",
        live=True,
        ge=0,
        le=30,
        smallest=1e-3,
        step=0.1,
        scale="log",
        group="regularisers",
        formula="w ← w − η · λ · w",
        pytorch="torch.optim.AdamW(…, weight_decay=λ)",
        keras="optimizers.AdamW(…, weight_decay=λ); decoupled in every Keras optimiser",
    )
    max_norm: float = knob(
        0.0,
        label="max-norm",
        help="The greatest length that the weights into one hidden unit may have after a step; 0 is no limit "
        "(Srivastava et al. 2014, section 5.1).",
        live=True,
        ge=0,
        le=10,
        smallest=0.1,
        step=0.1,
        scale="log",
        group="regularisers",
        formula="w ← w · min(1, c / ‖w‖)",
        pytorch="torch.renorm(weight, p=2, dim=0, maxnorm=c)",
        keras="kernel_constraint=constraints.MaxNorm(c)",
    )
    label_smoothing: float = knob(
        0.0,
        label="label smoothing",
        help="Share of the target that is spread evenly over all classes (Szegedy et al. 2016).",
        live=True,
        ge=0,
        le=0.9,
        step=0.05,
        unit="share of the target",
        group="regularisers",
        formula="target = (1 − ε) · label + ε / classes",
        pytorch="nn.CrossEntropyLoss(label_smoothing=ε)",
        keras="losses.CategoricalCrossentropy(label_smoothing=ε)",
    )
    input_noise: float = knob(
        0.0,
        label="input noise",
        help="Normal noise is added to every input at each step; this is its standard deviation (Bishop 1995).",
        live=True,
        ge=0,
        le=2,
        step=0.05,
        unit="of the input’s own unit",
        group="regularisers",
        formula="x + σ · N(0, 1)",
        pytorch="x + σ * torch.randn_like(x)",
        keras="layers.GaussianNoise(σ)",
    )
    patience: int = knob(
        0,
        label="early stopping",
        help="Early stopping: training ends when the validation loss has not improved for so many evaluations. "
        f"There is one every {EVALUATE_EVERY} steps. The network gets its best weights back. 0 never stops.",
        live=True,
        ge=0,
        le=100,
        step=2,
        unit="evaluations",
        group="regularisers",
        formula="stop at t when no loss since t − patience was lower than the best before",
        pytorch="a loop that keeps copy.deepcopy(model.state_dict())",
        keras="callbacks.EarlyStopping(patience=…, restore_best_weights=True)",
    )
    learning_rate: float | None = knob(
        None,
        label="own learning rate",
        help="How far one step moves the weights of this network.",
        live=True,
        ge=1e-5,
        le=1,
        step=0.1,
        unit="per step",
        scale="log",
        group="own",
    )
    seed: int | None = knob(
        None,
        label="own seed",
        help="Fixes this network’s initial weights, the order of its mini-batches and its masks; the data stay "
        "those of the run.",
        ge=0,
        le=MAX_SEED,
        step=1,
        group="own",
    )
    hidden: Annotated[tuple[Width, ...] | None, BeforeValidator(as_tuple)] = knob(
        None,
        label="own widths",
        help="Units of this network’s hidden layers, none wider than the run’s.",
        step=1,
        unit="units",
        min_length=1,
        max_length=MAX_HIDDEN_LAYERS,
        group="own",
    )
    train_size: int | None = knob(
        None,
        label="own training examples",
        help="This network trains on only so many of the run’s training examples, the first ones.",
        ge=20,
        le=MAX_TRAIN_SIZE,
        step=10,
        unit="examples",
        group="own",
    )

    restarts: int = knob(
        0,
        label="restarts",
        help="How often this network has begun anew. When it changes, the network goes back to its initial weights, "
        "and its optimiser, its schedule and early stopping begin anew. The other networks go on as they are.",
        live=True,
        ge=0,
        le=MAX_RESTARTS,
        step=1,
        unit="times",
        group="class",
    )

    averaged: bool = knob(
        True,
        label="in the average",
        help="Whether this network takes part in the average of the networks, which changes nothing of how it learns.",
        live=True,
        group="class",
    )

    @property
    def drops(self) -> bool:
        """Whether any of its rates is above 0."""
        return self.places > 0

    @property
    def places(self) -> int:
        """At how many places it drops anything."""
        return sum(rate > 0 for rate in (*self.dropout, *self.spatial_dropout))
