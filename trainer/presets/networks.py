"""Experiments with other networks and other data than the dense digits."""

from __future__ import annotations

from typing import Final

from trainer.presets.preset import Guess, Picture, Preset

NETWORKS: Final = (
    Preset(
        number=100,
        group="Other networks, other data",
        id="convolutional",
        title="Dropout in a convolutional network",
        question="What should a CNN drop: single elements, whole channels, or only units of its dense layer?",
        look="The bars, and the masks: whole channels go dark at once.",
        knobs={
            "network": "cnn",
            "lanes": [
                {"name": "No dropout", "dropout": (0.0, 0.0, 0.0, 0.0)},
                {"name": "Dense .5", "dropout": (0.0, 0.0, 0.0, 0.5)},
                {"name": "Elements .2", "dropout": (0.0, 0.2, 0.2, 0.0)},
                {"name": "Elements .2, dense .5", "dropout": (0.0, 0.2, 0.2, 0.5)},
                {"name": "Channels .2, dense .5", "dropout": (0.0, 0.0, 0.0, 0.5), "spatial_dropout": (0.2, 0.2)},
            ],
        },
        steps=800,
        guess=Guess("Which network will have the lowest validation loss?"),
        picture=Picture("bars", "val_loss", title="Validation loss by kind"),
        panels=("result",),
        follow=4,
        speed=None,
        takes=20,
        admits="Dropping whole channels is not better than dropping single elements in so small a network, of 8 and 16 "
        "channels.",
        source="Tompson et al. 2015; Park & Kwak 2016",
    ),
    Preset(
        number=110,
        group="Other networks, other data",
        id="recurrent",
        title="Dropout in a recurrent network",
        question="Where should an LSTM drop: its output, its state, and with one mask for all time steps or a fresh "
        "one at each?",
        look="The bars, and the masks of the recurrent state: one for all time steps, or another at each.",
        knobs={
            "network": "lstm",
            "lanes": [
                {"name": "No dropout", "dropout": (0.0, 0.0, 0.0)},
                {"name": "Output .5", "dropout": (0.0, 0.0, 0.5)},
                {"name": "State .5, fresh each step", "dropout": (0.0, 0.5, 0.0), "recurrent_mask": "per_step"},
                {"name": "State .5, one mask", "dropout": (0.0, 0.5, 0.0)},
                {"name": "Input .2, state .3, output .5", "dropout": (0.2, 0.3, 0.5)},
            ],
        },
        steps=1200,
        guess=Guess("Which network will have the lowest validation loss?"),
        picture=Picture("bars", "val_loss", title="Validation loss by kind"),
        panels=("result",),
        follow=4,
        speed=None,
        takes=30,
        admits="Dropout of the output alone, the first thing one tries, is useless here.",
        source="Gal & Ghahramani 2016; Zaremba et al. 2014",
    ),
    Preset(
        number=150,
        group="Other networks, other data",
        id="boundaries",
        title="Sixteen boundaries",
        question="Where does each sub-network draw the line between two classes, and where are they unsure?",
        look="Sixteen lines, their average, and the map of where they disagree.",
        knobs={
            "dataset": "moons",
            "hidden": (128, 128, 128),
            "train_size": 100,
            "data_noise": 0.15,
            "label_noise": 0.15,
            "learning_rate": 1e-2,
            "batch_size": 32,
            "lanes": [
                {"name": "No dropout", "dropout": (0.0, 0.0, 0.0, 0.0)},
                {"name": "Dropout", "dropout": (0.0, 0.5, 0.5, 0.5)},
            ],
        },
        steps=1500,
        guess=Guess("Which network will have the higher validation accuracy?", "val_accuracy", "greatest"),
        panels=("boundary", "subnetworks"),
        speed=None,
        takes=10,
        admits="Without flipped labels dropout brings nothing on moons, and sometimes a worse loss.",
        source="Gal & Ghahramani 2016, section 5.1",
    ),
)
