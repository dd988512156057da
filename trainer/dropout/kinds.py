"""What each kind of dropout makes of a rate: thresholds of noise words, scales, and what factors are made of."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import torch

from trainer.settings.dropouts import DROPOUTS
from trainer.settings.parts import part

WORDS: Final = 2**16  # values that a noise word can take


def threshold(rate: float) -> int:
    """The least noise word, among -32,768 … 32,767, that keeps a unit at dropout rate ``rate``.

    The share that is dropped is ``rate`` rounded to a multiple of 2⁻¹⁶, so an expected activation is off by at most
    2⁻¹⁷/(1-rate) of itself: 1.5e-4 at the highest rate of 0.95, and 0 at 0.5 or 0.25.
    """
    return round(rate * WORDS) - WORDS // 2


def scale(rate: float) -> float:
    """What a kept unit is multiplied by so that its expectation stays: inverted dropout."""
    return 1 / (1 - rate)


def deviation(rate: float) -> float:
    """Standard deviation of the Gaussian factor whose variance is that of inverted dropout: √(p/(1-p)).

    Srivastava et al. 2014, section 10: for a Bernoulli factor of mean 1 the variance is p/(1-p).
    """
    return math.sqrt(rate / (1 - rate))


@lru_cache(maxsize=1)
def normal_table() -> np.ndarray:
    """A standard normal number for each noise word, (65,536,) float64; a word, taken as unsigned, is its own index.

    Word number k in order stands for the quantile at (k + ½)/65,536, at most 4.33. Those quantiles have mean 0 by
    symmetry and a variance of 1 - 2.1e-5: what is lost is the variance within the 65,536 cells, above all in the two
    tails. The table is divided by their standard deviation, so that its own variance is 1.
    """
    middles = (torch.arange(WORDS, dtype=torch.float64) + 0.5) / WORDS
    quantiles = torch.special.ndtri(middles).numpy()
    return np.roll(quantiles / quantiles.std(), WORDS // 2)  # words from 0 up come first, then the negative ones


def factor_table(kind: str) -> np.ndarray:
    """A number of mean 0 and variance 1 for each noise word, (65,536,) float64, of a kind whose masks are factors."""
    table: np.ndarray = part(DROPOUTS[kind].factors)()
    return table


@lru_cache(maxsize=32)
def factor_table_on(kind: str, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The same table where and as it is needed: it is brought there once."""
    return torch.from_numpy(factor_table(kind)).to(device, dtype)


def training_scale(kind: str, rate: float, group_rate: float) -> float:
    """What a kept unit or weight is multiplied by while training; of factors the mean."""
    return DROPOUTS[kind].training_scale(rate, group_rate)


def evaluation_scale(kind: str, rate: float, group_rate: float) -> float:
    """What every unit is multiplied by in eval mode."""
    return DROPOUTS[kind].evaluation_scale(rate, group_rate)
