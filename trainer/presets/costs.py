"""Experiments on what dropout costs: time, and its quarrel with batch norm."""

from __future__ import annotations

from typing import Final

from trainer.presets.preset import Guess, Picture, Preset

_ALL: Final = (0.2, 0.5, 0.5, 0.5)
_NONE: Final = (0.0,) * 4
_RATES: Final = tuple(round(tenths / 10, 1) for tenths in range(10))
_SHIFT: Final = {
    "hidden": (256, 256),
    "learning_rate": 1e-3,
    "train_size": 1000,
    "label_noise": 0.0,
    "lanes": [{"name": f"p = {rate:g}", "dropout": (0.0, rate, 0.0), "batch_norm": True} for rate in _RATES],
}
_LI: Final = "Li et al. 2019"

COSTS: Final = (
    Preset(
        number=50,
        group="What it costs",
        id="batch-norm",
        title="Batch norm and dropout",
        question="Batch norm regularises too. Does dropout still help beside it?",
        look="The four bars: neither, each alone, both.",
        knobs={
            "lanes": [
                {"name": "Neither", "dropout": _NONE},
                {"name": "Dropout", "dropout": _ALL},
                {"name": "Batch norm", "dropout": _NONE, "batch_norm": True},
                {"name": "Both", "dropout": _ALL, "batch_norm": True},
            ]
        },
        guess=Guess("Which network will have the lowest validation loss?"),
        picture=Picture("bars", "val_loss", title="Validation loss of the four"),
        panels=("result", "variance"),
        admits="With a fifth of the labels wrong the two go together well. With all labels true, batch norm alone is "
        "at least as good as both.",
        source="Ioffe & Szegedy 2015, section 4.2.1",
    ),
    Preset(
        number=51,
        group="What it costs",
        id="variance-shift",
        title="The variance shift",
        question="Dropout right before batch norm: are the units as spread in evaluation as they were in training?",
        look="The ratio of two variances. Batch norm divides by that of training, but meets the other in evaluation.",
        knobs={**_SHIFT, "batch_norm_order": "after_dropout"},
        steps=500,
        guess=Guess("Which rate will have the highest validation loss?", "val_loss", "greatest"),
        panels=("variance",),
        follow=5,
        speed=None,
        takes=10,
        admits="The shift is there and follows the theory, and hardly does harm here below a rate of 0.8: the paper’s "
        "disharmony is one of far deeper networks.",
        source=f"{_LI}, section 3",
    ),
    Preset(
        number=52,
        group="What it costs",
        id="variance-shift-linear",
        title="The variance shift, a layer between",
        question="What if a linear layer stands between dropout and batch norm, as it does in the usual order?",
        look="The ratio in hidden layer 2, beside that with nothing in between.",
        knobs={**_SHIFT, "batch_norm_order": "before_dropout"},
        steps=500,
        guess=Guess("Which rate will have the highest validation loss?", "val_loss", "greatest"),
        panels=("variance",),
        follow=5,
        speed=None,
        takes=10,
        admits="The shift is much smaller than right behind dropout, and hardly does harm below a rate of 0.8.",
        source=f"{_LI}, section 3.2",
    ),
    Preset(
        number=45,
        group="What it costs",
        id="training-time",
        title="What dropout costs in time",
        question="How many more steps does a network with dropout need to reach the same training loss?",
        look="Steps until each training loss was reached; and how long one step takes.",
        steps=1500,
        guess=Guess("Which network will have the lower validation loss in the end?"),
        picture=Picture(
            "thresholds",
            title="Steps to the same training loss",
            x=(1.5, 1.0, 0.7, 0.5, 0.3, 0.1),
            x_label="training loss, eval mode",
        ),
        panels=("result", "cost", "gradient"),
        speed=None,
        takes=10,
        admits="A training loss of 0.1 is not reached with dropout at all in 3,000 steps: it will not memorise "
        "wrong labels. That is why it helps, and not only what it costs.",
        source="Srivastava et al. 2014, whose conclusion names two to three times the time",
    ),
)
