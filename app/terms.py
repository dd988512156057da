"""The words that the page cannot do without, in plain words: for its help, and where they stand."""

from __future__ import annotations

from typing import Final

TERMS: Final = (
    (
        "dropout",
        "At each training step a random part of the neurons is switched off, each with the probability that the slider "
        "shows. The rest must manage without them, so that no neuron can rely on a single other one. When the network "
        "is used, all neurons take part.",
    ),
    (
        "overfitting",
        "A network memorises its training examples, mistakes and chance included, instead of what they have in "
        "common. It gets better on these examples and worse on new ones.",
    ),
    (
        "loss",
        "A number that says how wrong the predictions are: 0 if the network is sure of every right answer, higher the "
        "more sure it is of wrong ones. Training makes the loss on the training examples smaller. What counts is the "
        "loss on new examples, called the validation loss.",
    ),
)
"""Each term with its explanation."""
