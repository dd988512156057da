"""Every kind of dropout, described once: what it does to a rate, what its masks say, how sentences speak of it.

The knob and its help, the API's schema, the page, the scripts to take away and docs/knobs.md derive from these records;
what needs PyTorch is named by them (`trainer.settings.parts`). Frames name a kind by its place in `DROPOUTS`: a new one
goes to the end.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

Counted = Literal["units", "weights", "factors"]
"""What a bit of a mask stands for: a unit that is kept, a weight that is kept, or a factor of at least 1."""


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """How sentences speak of a kind.

    Attributes:
        member: one of the networks that masks make of a lane.
        members: several of them, in short.
        mask: what another pass gets that is fresh.
        alike: how a contrast lane is treated.
        whole: the whole network in eval mode, beside them.
        loses: what happens at every step, said of "it" or "each".
        verb: what stands before the count of set bits.
        gone: what a unit was whose bit is 0.
        made: how visited sub-networks are told; empty: as so many of those that units or weights can make.
        effect: what sets the kind apart from the usual one, where it drops; of the rates, ``{evaluation}`` is what eval
            mode multiplies by, ``{excess}`` how many times too much arrives there, ``{spread}`` the standard deviation
            of a factor.
    """

    member: str
    members: str
    mask: str
    alike: str
    whole: str
    loses: str
    verb: str
    gone: str
    made: str = ""
    effect: str = ""


_UNITS: Final[dict[str, str]] = {
    "member": "thinned sub-network",
    "members": "sub-networks",
    "mask": "a fresh mask",
    "alike": "thinned the same way",
    "whole": "weight scaling (one pass, nothing dropped)",
    "loses": "switches off a new random set of neurons",
    "verb": "kept ",
    "gone": "dropped",
}
_WEIGHTS: Final = _UNITS | {
    "member": "sub-network, thinned by its weights,",
    "loses": "switches off a new random set of weights",
    "gone": "cut off",
}
_FACTORS: Final = {
    "member": "noisy copy",
    "members": "noisy copies",
    "mask": "fresh noise",
    "alike": "with such noise",
    "whole": "the network without noise (one pass)",
    "loses": "multiplies its neurons by new random factors",
    "verb": "turned up ",
    "gone": "turned down",
    "effect": "Nobody is dropped: each output is multiplied by a factor of its own, of mean 1 and SD {spread}.",
}
_USUAL: Final[dict[Counted, dict[str, str]]] = {"units": _UNITS, "weights": _WEIGHTS, "factors": _FACTORS}


@dataclass(frozen=True, kw_only=True)
class Written:
    """How a kind is written in a framework that may have a layer for it.

    Attributes:
        layer: the framework's own layer; empty if it has none.
        name: of the class that a script defines where the framework's layer does not do.
        about: its docstring.
        noise: what the class multiplies by while it trains: an expression of ``{like}``, a tensor of the shape of the
            mask (PyTorch), or of ``shape`` (Keras).
    """

    layer: str = ""
    name: str = ""
    about: str = ""
    noise: str = ""


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """One kind of dropout, with p the rate.

    Attributes:
        name: the knob's value.
        title: what it is called.
        help: what it does, in a few words.
        counted: what a bit of its masks stands for.
        elsewhere: of a kind that drops weights, the kind that it is where no dense layer follows.
        scaled: where its scale is put right: ``"training"``, kept ones times 1/(1-p); ``"evaluation"``, all times 1-p;
            ``"nowhere"``. Factors have mean 1 and need none.
        balanced: whether what arrives in eval mode is what arrived in training, on average.
        factors: of a kind whose bits are factors, where the table is that makes a number of mean 0 and variance 1 of
            each noise word; a factor is 1 plus √(p/(1-p)) of it.
        formula: what it does, as a formula; empty where the name says it all.
        pytorch: how it is written in PyTorch.
        keras: how it is written in Keras.
        phrases: how sentences speak of it.
    """

    name: str
    title: str
    help: str
    counted: Counted = "units"
    elsewhere: str = ""
    scaled: Literal["training", "evaluation", "nowhere"] = "training"
    balanced: bool = True
    factors: str = ""
    formula: str = ""
    pytorch: Written = field(default_factory=Written)
    keras: Written = field(default_factory=Written)
    phrases: Phrases = field(init=False)
    own_phrases: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the phrases that are usual for what its bits stand for, and its own in their place."""
        told = dict(_USUAL[self.counted])
        if self.counted == "factors":
            told["made"] = f"{self.title} noise drops nothing"
        object.__setattr__(self, "phrases", Phrases(**(told | self.own_phrases)))

    @property
    def of_units(self) -> Dropout:
        """What it is where no weights can be dropped: itself, unless it is of weights."""
        return DROPOUTS[self.elsewhere] if self.elsewhere else self

    def training_scale(self, rate: float, group_rate: float) -> float:
        """What a kept unit or weight is multiplied by while training; of factors the mean."""
        return 1 / (1 - rate) * (1 / (1 - group_rate)) if self.scaled == "training" else 1.0

    def evaluation_scale(self, rate: float, group_rate: float) -> float:
        """What every unit is multiplied by in eval mode."""
        return (1 - rate) * (1 - group_rate) if self.scaled == "evaluation" else 1.0

    def described(self) -> dict[str, Any]:
        """The record as the page needs it."""
        told = ("name", "title", "help", "counted", "scaled", "balanced")
        return {name: getattr(self, name) for name in told} | {"phrases": asdict(self.phrases)}


_KEPT_KERAS: Final = 'ops.cast(keras.random.uniform(shape, seed=self.seed_generator) >= self.rate, "float32")'
_KEPT_TORCH: Final = "(torch.rand_like({like}) >= self.p)"

_ALL: Final = (
    Dropout(
        name="inverted",
        title="inverted",
        help="kept units are multiplied by 1/(1 − p) in training, as PyTorch and Keras do it",
        formula="x · m/(1 − p)",
        pytorch=Written(
            layer="nn.Dropout",
            name="BatchDropout",
            about="Dropout with one mask for the whole mini-batch.",
            noise=f"{_KEPT_TORCH} / (1 - self.p)",
        ),
        keras=Written(layer="layers.Dropout"),
    ),
    Dropout(
        name="classic",
        title="classic",
        help="no scaling in training, outputs times 1 − p in evaluation (Srivastava et al. 2014)",
        scaled="evaluation",
        formula="x · m, then x · (1 − p)",
        pytorch=Written(
            name="ClassicDropout",
            about="Scales in evaluation, not in training (Srivastava et al. 2014).",
            noise=_KEPT_TORCH,
        ),
        keras=Written(
            name="ClassicDropout",
            about="Scales in evaluation, not in training (Srivastava et al. 2014).",
            noise=_KEPT_KERAS,
        ),
        own_phrases={"effect": "Kept outputs pass as they are; evaluation takes all of them {evaluation} instead."},
    ),
    Dropout(
        name="unscaled",
        title="unscaled",
        help="no scaling anywhere: wrong on purpose, the bug that people make",
        scaled="nowhere",
        balanced=False,
        pytorch=Written(
            name="UnscaledDropout", about="Scales nowhere: wrong on purpose, to see what it does.", noise=_KEPT_TORCH
        ),
        keras=Written(
            name="UnscaledDropout", about="Scales nowhere: wrong on purpose, to see what it does.", noise=_KEPT_KERAS
        ),
        own_phrases={
            "whole": "the whole network (one pass, nothing dropped and nothing scaled, which is wrong)",
            "effect": "Kept outputs pass as they are, and in evaluation too: wrong, for there {excess} times as much "
            "arrives.",
        },
    ),
    Dropout(
        name="gaussian",
        title="Gaussian",
        help="times a normal number of mean 1 and variance p/(1 − p) (Srivastava et al. 2014, section 10)",
        counted="factors",
        scaled="nowhere",
        factors=".dropout.kinds:normal_table",
        formula="x · N(1, p/(1 − p))",
        pytorch=Written(
            name="GaussianDropout",
            about="Noise of mean 1 and variance p / (1 - p) (Srivastava et al. 2014).",
            noise="(1 + (self.p / (1 - self.p)) ** 0.5 * torch.randn_like({like}))",
        ),
        keras=Written(
            layer="layers.GaussianDropout",
            name="SharedGaussianDropout",
            about="Noise of mean 1 and variance rate / (1 - rate), the same along the axes ``shared``.",
            noise="(1 + (self.rate / (1 - self.rate)) ** 0.5 * keras.random.normal(shape, seed=self.seed_generator))",
        ),
    ),
    Dropout(
        name="dropconnect",
        title="DropConnect",
        help="drops weights of dense layers instead of units, other weights for each example (Wan et al. 2013); "
        "elsewhere as inverted",
        counted="weights",
        elsewhere="inverted",
        formula="x · (W ∘ M)/(1 − p)",
        own_phrases={"effect": "Weights are dropped; the neurons stay."},
    ),
)

DROPOUTS: Final[dict[str, Dropout]] = {each.name: each for each in _ALL}
"""The kinds by name, in the order of the schema's choices."""

KINDS: Final[tuple[str, ...]] = tuple(DROPOUTS)

FORMULAS: Final = " · ".join(f"{each.name}: {each.formula}" for each in _ALL if each.formula)


def layers_of(framework: Literal["pytorch", "keras"]) -> str:
    """Which kinds a framework has layers for, as a list in words."""
    layers = ((each.name, getattr(each, framework).layer) for each in _ALL)
    return "; ".join(f"{name}: {layer}" for name, layer in layers if layer)


if TYPE_CHECKING:
    DropoutKind = str
else:
    DropoutKind = Literal[KINDS]
