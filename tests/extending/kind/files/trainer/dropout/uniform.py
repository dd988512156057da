"""The numbers that factors of uniform noise are made of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from trainer.dropout.kinds import WORDS


@lru_cache(maxsize=1)
def uniform_table() -> np.ndarray:
    """A number for each noise word, (65,536,) float64, spread evenly, of mean 0 and variance 1.

    A word, taken as unsigned, is its own index.
    """
    middles = (np.arange(WORDS) + 0.5) / WORDS - 0.5
    return np.roll(middles / middles.std(), WORDS // 2)  # words from 0 up come first, then the negative ones
