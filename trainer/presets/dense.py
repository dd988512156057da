"""Experiments with multilayer perceptrons: what dropout is good for, at which rate, and where."""

from __future__ import annotations

from typing import Final

from trainer.presets.preset import Guess, Picture, Preset

_RATES: Final = tuple(round(tenths / 10, 1) for tenths in range(10))
_KEPT_WIDTHS: Final = (64, 71, 80, 91, 107, 128, 160, 213, 320, 640)  # n (1 - p) = 64
_SIZES: Final = (100, 200, 300, 500, 700, 1000)
_ALL: Final = (0.2, 0.5, 0.5, 0.5)
_WHOLE: Final = {"train_size": 1000}
_SRIVASTAVA: Final = "Srivastava et al. 2014"


def _lane(name: str, *rates: float, **knobs: object) -> dict[str, object]:
    return {"name": name, "dropout": rates or (0.0,) * 4, **knobs}


def _pairs(sizes: tuple[int, ...]) -> list[dict[str, object]]:
    without = [_lane(f"{size} images, no dropout", train_size=size) for size in sizes]
    return without + [_lane(f"{size} images, dropout", *_ALL, train_size=size) for size in sizes]


def _rate_curve(x_label: str) -> Picture:
    return Picture("curve", "val_loss", title="Validation loss by rate", x=_RATES, x_label=x_label)


_RATE_GUESS: Final = Guess("Which rate will have the lowest validation loss?")
_SIZE_PICTURE: Final = Picture(
    "gain",
    "val_error",
    title="What dropout removes",
    x=_SIZES,
    x_label="training images",
    series=(tuple(range(len(_SIZES))), tuple(range(len(_SIZES), 2 * len(_SIZES)))),
)

DENSE: Final = (
    Preset(
        number=10,
        group="What dropout does",
        id="twin",
        title="With and without dropout",
        question="Two networks learn the same 300 digits, a fifth of them wrongly labelled. What does dropout change?",
        look="The gap between the dashed and the solid line of each network: what it has memorised, and what it has "
        "understood.",
        guess=Guess("Which network will have the lower validation loss after 1,000 steps?"),
        panels=("loss", "ensemble", "damage"),
        admits="Without wrong labels there is little to see on so easy a task: dropout then gains about two points.",
        source=f"{_SRIVASTAVA}, section 6",
    ),
    Preset(
        number=20,
        group="Choosing the rate",
        id="rate",
        title="Choosing the rate",
        question="Ten networks differ in nothing but the dropout rate of their hidden layers, 0 to 0.9. Which is best?",
        look="The curve: too little dropout memorises the wrong labels, too much learns nothing.",
        knobs={"lanes": [_lane(f"p = {rate:g}", 0.2, rate, rate, rate) for rate in _RATES]},
        guess=_RATE_GUESS,
        picture=_rate_curve("dropout rate of the hidden layers"),
        panels=("result",),
        follow=_RATES.index(0.5),
        admits="The floor of the curve is flat: from about 0.2 to 0.6 the differences are smaller than those between "
        "two seeds, so that no single best rate can be named.",
        source=f"{_SRIVASTAVA}, figure 9a",
    ),
    Preset(
        number=21,
        group="Choosing the rate",
        id="rate-hidden-only",
        title="Choosing the rate, no input dropout",
        question="The same ten rates, but every pixel is always there. Is dropout of hidden units enough?",
        look="Where the lowest point of the curve is now, and how high it lies.",
        knobs={"lanes": [_lane(f"p = {rate:g}", 0.0, rate, rate, rate) for rate in _RATES]},
        guess=_RATE_GUESS,
        picture=_rate_curve("dropout rate of the hidden layers, nothing dropped at the input"),
        panels=("result",),
        follow=_RATES.index(0.5),
        source=f"{_SRIVASTAVA}, figure 9a",
    ),
    Preset(
        number=22,
        group="Choosing the rate",
        id="rate-constant-width",
        title="Choosing the rate, 64 units kept",
        question="A higher rate leaves fewer units. What if the layers grow, so that 64 are left at any rate?",
        look="The curve falls much further to the right than with layers of one width, and still ends in a wall.",
        knobs={
            "hidden": (640, 640, 640),
            "lanes": [
                _lane(f"p = {rate:g}, {width} units", 0.0, rate, rate, rate, hidden=(width,) * 3)
                for rate, width in zip(_RATES, _KEPT_WIDTHS, strict=True)
            ],
        },
        guess=_RATE_GUESS,
        picture=_rate_curve("dropout rate of hidden layers of 64/(1 − p) units"),
        panels=("result",),
        follow=_RATES.index(0.5),
        speed=None,
        takes=120,
        source=f"{_SRIVASTAVA}, figure 9b",
    ),
    Preset(
        number=30,
        group="Choosing the rate",
        id="search",
        title="Searching for the best setting",
        question="Of sixty-four candidates, which input rate, hidden rate and learning rate go together best?",
        look="The map: each square is a network that was trained; the best so far is framed.",
        panels=("search",),
        speed=None,
        takes=60,
        admits="The best of sixty-four is chosen on the validation set. So its own validation loss is a little too "
        "good to be true.",
        source="Bergstra & Bengio 2012, for random search",
        search={"method": "grid"},
    ),
    Preset(
        number=40,
        group="What dropout does",
        id="data-size",
        title="How much data?",
        question="Does dropout help more with few training images or with many?",
        look="The lower curve: the points of error that dropout removes.",
        knobs={**_WHOLE, "lanes": _pairs(_SIZES)},
        guess=Guess(
            "Which makes fewer errors on new digits: 300 images with dropout, or 1,000 without?",
            "val_error",
            lanes=(8, 5),
        ),
        picture=_SIZE_PICTURE,
        panels=("result",),
        speed=None,
        takes=10,
        source=f"{_SRIVASTAVA}, figure 10",
    ),
    Preset(
        number=41,
        group="What dropout does",
        id="data-size-true-labels",
        title="How much data, all labels true?",
        question="The same with every label true. Is there still something for dropout to remove?",
        look="The lower curve, on the same scale as before.",
        knobs={**_WHOLE, "label_noise": 0.0, "lanes": _pairs(_SIZES)},
        guess=Guess(
            "Which makes fewer errors on new digits: 200 images with dropout, or 500 without?",
            "val_error",
            lanes=(7, 3),
        ),
        picture=_SIZE_PICTURE,
        panels=("result",),
        speed=None,
        takes=10,
        admits="With true labels there is no hump as in the paper’s figure 10: the gain is small everywhere and gone "
        "at 1,000 images.",
        source=f"{_SRIVASTAVA}, figure 10",
    ),
    Preset(
        number=60,
        group="What dropout does",
        id="regularisers",
        title="The regulariser race",
        question="Nine networks, nine remedies against overfitting. Which serves best?",
        look="The bars, and which networks still memorise the wrong labels.",
        knobs={
            "lanes": [
                _lane("Nothing"),
                _lane("L1", l1=3e-4),
                _lane("L2", l2=1e-2),
                _lane("Weight decay", weight_decay=3.0),
                _lane("Max-norm", max_norm=0.5),
                _lane("Label smoothing", label_smoothing=0.1),
                _lane("Early stopping", patience=8),
                _lane("Batch norm", batch_norm=True),
                _lane("Dropout", *_ALL),
            ]
        },
        guess=Guess("Which remedy will have the lowest validation loss?"),
        picture=Picture("bars", "val_loss", title="Validation loss of each remedy"),
        panels=("result",),
        speed=None,
        takes=30,
        admits="Early stopping comes close to dropout, at an eighth of the steps. Each remedy has the strength that "
        "served best where these figures were measured; with another, the order can change.",
        source=f"{_SRIVASTAVA}, table 9",
    ),
    Preset(
        number=70,
        group="What dropout does",
        id="layers",
        title="Does each layer earn its place?",
        question="Dropout at the input, in one hidden layer, in all: which of them does the work?",
        look="The bars: each network drops in one place only, the first nowhere, the last two in more.",
        knobs={
            "lanes": [
                _lane("None"),
                _lane("Input .2", 0.2, 0.0, 0.0, 0.0),
                _lane("Hidden 1 .5", 0.0, 0.5, 0.0, 0.0),
                _lane("Hidden 2 .5", 0.0, 0.0, 0.5, 0.0),
                _lane("Hidden 3 .5", 0.0, 0.0, 0.0, 0.5),
                _lane("All hidden .5", 0.0, 0.5, 0.5, 0.5),
                _lane("Input + hidden 1", 0.2, 0.5, 0.0, 0.0),
                _lane("All", *_ALL),
            ]
        },
        guess=Guess("Which single place does most for the validation loss?", lanes=(1, 2, 3, 4)),
        picture=Picture("bars", "val_loss", title="Validation loss by place"),
        panels=("result",),
        follow=7,
        speed=None,
        takes=10,
        admits="The third hidden layer hardly earns its dropout here: about one point of accuracy, less than two seeds "
        "differ by.",
        source=f"{_SRIVASTAVA}, appendix A.4, for rates by layer",
    ),
    Preset(
        number=140,
        group="What dropout does",
        id="noise-as-data",
        title="Noise as extra data",
        question="Dropping pixels makes new images out of old ones. How many real images is that worth?",
        look="The bars: noise on 300 images against more images without noise.",
        knobs={
            **_WHOLE,
            "lanes": [
                _lane("300 images", train_size=300),
                _lane("300, normal noise .3", train_size=300, input_noise=0.3),
                _lane("300, input dropout .2", 0.2, 0.0, 0.0, 0.0, train_size=300),
                _lane("300, dropout everywhere", *_ALL, train_size=300),
                _lane("500 images", train_size=500),
                _lane("700 images", train_size=700),
                _lane("1,000 images"),
            ],
        },
        guess=Guess("Which network will have the highest validation accuracy?", "val_accuracy", "greatest"),
        picture=Picture("bars", "val_accuracy", title="Validation accuracy"),
        panels=("result",),
        follow=3,
        speed=None,
        takes=20,
        source="Bishop 1995; Bouthillier et al. 2015",
    ),
)
