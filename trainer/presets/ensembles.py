"""Experiments on sub-networks: averages, a real ensemble, what is forgotten, and what happens inside."""

from __future__ import annotations

from typing import Final

from trainer.presets.preset import Guess, Preset

_ALL: Final = (0.2, 0.5, 0.5, 0.5)
_NONE: Final = (0.0,) * 4
_MEMBERS: Final = 5

ENSEMBLES: Final = (
    Preset(
        number=90,
        group="Ensembles",
        id="real-ensemble",
        title="A real ensemble",
        question="Dropout is said to train an ensemble in one network. Does one network with dropout match five that "
        "were trained one by one?",
        look="The averages of the five against each of them, and against one network with dropout.",
        knobs={
            "lanes": [
                *({"name": f"No dropout, seed {seed}", "dropout": _NONE, "seed": seed} for seed in range(_MEMBERS)),
                *({"name": f"Dropout, seed {seed}", "dropout": _ALL, "seed": seed} for seed in range(_MEMBERS)),
            ]
        },
        guess=Guess("Which network will have the lowest validation loss?"),
        panels=("separate", "ensemble"),
        speed=None,
        takes=10,
        admits="Five networks without dropout, averaged, stay far behind a single one with it: all five have learnt "
        "the same wrong labels.",
        source="Srivastava et al. 2014, section 1; Warde-Farley et al. 2014",
    ),
    Preset(
        number=91,
        group="Ensembles",
        id="averages",
        title="How many sub-networks does it take?",
        question="How many thinned networks must be averaged until they are as good as the whole one?",
        look="The accuracy of the average of 1 to 256, fresh masks, against the line of weight scaling.",
        panels=("ensemble",),
        admits="It holds for accuracy. The log-loss of the ordinary average never gets there: it is not sure enough of "
        "itself; that of the geometric mean does.",
        source="Srivastava et al. 2014, figure 11; Baldi & Sadowski 2013",
    ),
    Preset(
        number=92,
        group="Ensembles",
        id="draw",
        title="Draw a digit",
        question="You draw, sixty-four sub-networks vote as you do. When do they agree, and are they right?",
        look="The votes while you draw, and what happens when you turn the digit.",
        panels=("draw", "ensemble"),
        admits="Agreement is no proof: turned far enough, a digit may be taken for another one in full unison.",
        source="Gal & Ghahramani 2016, figure 4",
    ),
    Preset(
        number=120,
        group="Ensembles",
        id="forgotten-eval",
        title="The forgotten eval()",
        question="What if one forgets model.eval(), and judges networks with dropout left on?",
        look="Two lines for each network: judged as it should be, and with the training mode left on.",
        knobs={
            "lanes": [
                {"name": "No dropout", "dropout": _NONE},
                {"name": "Dropout", "dropout": _ALL},
                {"name": "Batch norm", "dropout": _NONE, "batch_norm": True},
                {"name": "Both", "dropout": _ALL, "batch_norm": True},
            ]
        },
        guess=Guess("Which network will lose most accuracy?", "forgotten", "greatest"),
        panels=("forgotten",),
        admits="With no dropout and no batch norm there is nothing to forget: the two modes are the same.",
        source="",
    ),
    Preset(
        number=130,
        group="Inside",
        id="inside",
        title="What dropout does inside",
        question="Do the units of a network with dropout behave otherwise than those without?",
        look="How often units fire, how much they agree, and how many can be lost.",
        guess=Guess("Which network will have the lower validation loss?"),
        panels=("activity", "correlation", "damage", "visits"),
        admits="Units fire more rarely and depend on each other less on the whole, but weights do not shrink, and "
        "pairs of units that agree strongly get reliably rarer in no layer: over five seeds they are 1.6, 1.0 and 0.8 "
        "times as frequent as without dropout in hidden layers 1, 2 and 3.",
        source="Srivastava et al. 2014, section 7",
    ),
    Preset(
        number=131,
        group="Inside",
        id="features",
        title="What the units look for",
        question="Does dropout make the features of a network clearer?",
        look="The strokes of the autoencoder with dropout, and the noise of the one without.",
        knobs={"train_size": 1000, "label_noise": 0.0},
        panels=("features",),
        admits="The first layer of the classifier looks like noise with dropout and without. It is the decoder of an "
        "autoencoder that shows strokes.",
        source="Srivastava et al. 2014, figure 7",
    ),
)
