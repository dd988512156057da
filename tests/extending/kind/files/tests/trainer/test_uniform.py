"""Uniform noise multiplies by what its formula says, word by word."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trainer.dropout.site import LaneDropout


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_a_factor_is_spread_evenly_around_one_with_the_variance_of_inverted_dropout(rate: float) -> None:
    words = np.arange(-(2**15), 2**15, dtype=np.int16)
    site = LaneDropout(1, 1, (len(words),), torch.device("cpu"), torch.float64)
    site.set(["uniform"], [rate], [0.0])
    site.draw([words], 0)
    factor = site.multiplier[0, 0].numpy()
    width = math.sqrt(12 * rate / (1 - rate))
    plain = 1 + width * ((words.astype(float) + 2**15 + 0.5) / 2**16 - 0.5)
    assert np.allclose(factor, plain, rtol=0, atol=width * 1e-9)
    assert factor.mean() == pytest.approx(1)
    assert factor.var() == pytest.approx(rate / (1 - rate))
    assert np.array_equal(site.keep[0, 0], plain >= 1)
    assert torch.equal(site.eval()(torch.ones(1, 1, len(words))), torch.ones(1, 1, len(words)))
