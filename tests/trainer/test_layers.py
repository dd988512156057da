"""Dropout's masks, thresholds and scaling; batch norm's switch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.layers import LaneBatchNorm, LaneDropout, scale, threshold
from trainer.seeds import Purpose, WordStream, key

CPU = torch.device("cpu")


def noise(lanes: int, count: int, step: int = 1) -> list[np.ndarray | None]:
    return [WordStream(key(5, Purpose.MASKS, lane)).words(step, count) for lane in range(lanes)]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2, 0.5, 0.8, 0.95])
def test_the_threshold_drops_the_rate_to_within_half_a_word(rate: float) -> None:
    words = np.arange(-(2**15), 2**15)
    dropped = (words < threshold(rate)).mean()
    assert abs(dropped - rate) <= 2**-17


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.8, 0.95])
def test_the_mean_over_many_masks_is_the_evaluation_output(rate: float) -> None:
    """Inverted scaling is unbiased.

    One output is x·keep/(1-p): its mean is x up to the rounding of p, at most 2⁻¹⁷/(1-p) of x, and its standard
    deviation is x·√(p/(1-p)). Of the mean over M masks it is that by √M. With 200 units and the bound at 7 standard
    deviations, a correct layer fails with a probability below 200 · 2.6e-12.
    """
    many, units = 20_000, 200
    layer = LaneDropout(1, many, units, CPU, torch.float64)
    layer.set_rates([rate])
    layer.draw(noise(1, many * units), 0)
    x = torch.linspace(0.1, 3, units, dtype=torch.float64)
    mean = layer(x.expand(1, many, units)).mean(dim=1)[0]
    evaluated = layer.eval()(x.expand(1, 1, units))[0, 0]
    bound = x * (7 * math.sqrt(rate / (1 - rate) / many) + 2**-17 / (1 - rate))
    assert torch.equal(evaluated, x)
    assert bool(((mean - evaluated).abs() <= bound).all())


@pytest.mark.parametrize("rate", [0.2, 0.8])
def test_kept_activations_are_multiplied_by_exactly_the_scale_and_others_by_zero(rate: float) -> None:
    layer = LaneDropout(1, 8, 50, CPU, torch.float64)
    layer.set_rates([rate])
    layer.draw(noise(1, 400), 0)
    keep = torch.as_tensor(layer.keep)
    assert bool(keep.any())
    assert not bool(keep.all())
    assert torch.equal(layer.multiplier, keep.double() * (1 / (1 - rate)))
    assert scale(rate) == 1 / (1 - rate)


def test_each_lane_has_its_own_rate_and_a_lane_without_passes_its_input_on() -> None:
    layer = LaneDropout(3, 1000, 10, CPU, torch.float32)
    layer.set_rates([0.0, 0.2, 0.8])
    layer.draw(noise(3, 10_000), 0)
    x = torch.rand(3, 1000, 10) + 0.1
    kept = [float((layer(x)[lane] > 0).float().mean()) for lane in range(3)]
    assert torch.equal(layer(x)[0], x[0])
    for share, rate in zip(kept, (0.0, 0.2, 0.8), strict=True):
        assert abs(share - (1 - rate)) <= 7 * math.sqrt(rate * (1 - rate) / 10_000)  # 7 standard errors: below 1e-11


def test_a_lane_whose_rate_goes_back_to_zero_keeps_everything() -> None:
    layer = LaneDropout(2, 4, 10, CPU, torch.float32)
    layer.set_rates([0.9, 0.5])
    layer.draw(noise(2, 40), 0)
    layer.set_rates([0.0, 0.5])
    layer.draw(noise(2, 40, step=2), 0)
    assert bool(torch.as_tensor(layer.keep)[0].all())
    assert torch.equal(layer.multiplier[0], torch.ones(4, 10))


def test_device_noise_gives_the_masks_that_lane_noise_gives() -> None:
    """The path of a GPU, on the CPU: one block for all lanes, compared by torch instead of numpy."""
    words = noise(2, 80)
    ours, theirs = (LaneDropout(2, 4, 10, CPU, torch.float32) for _ in range(2))
    for layer in (ours, theirs):
        layer.set_rates([0.0, 0.4])
    ours.draw(words, 40)
    theirs.draw(torch.from_numpy(np.stack([own for own in words if own is not None])), 40)
    assert torch.equal(ours.multiplier, theirs.multiplier)


def normed(on: list[bool]) -> tuple[LaneBatchNorm, Tensor]:
    layer = LaneBatchNorm(len(on), 6, CPU, torch.float64)
    layer.switch(on)
    return layer, torch.randn(len(on), 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 3 + 2


def test_a_lane_with_batch_norm_off_passes_its_input_on_and_its_statistics_stand_still() -> None:
    layer, x = normed([False, True])
    out = layer(x).detach()
    assert torch.equal(out[0], x[0])
    assert torch.equal(layer.running_mean[0], torch.zeros(1, 6, dtype=torch.float64))
    assert torch.equal(layer.running_var[0], torch.ones(1, 6, dtype=torch.float64))
    assert float(out[1].mean(dim=0).abs().max()) < 1e-12
    assert bool((layer.running_mean[1] != 0).all())


def test_evaluation_uses_the_running_statistics_and_leaves_them() -> None:
    layer, x = normed([True])
    layer(x)
    before = layer.running_mean.clone(), layer.running_var.clone()
    out = layer.eval()(x)
    assert torch.allclose(out, (x - before[0]) / torch.sqrt(before[1] + 1e-5))
    assert torch.equal(layer.running_mean, before[0])
    assert torch.equal(layer.running_var, before[1])


def test_noise_words_are_uniform_and_a_function_of_key_and_step() -> None:
    """The mean of n uniform words has a standard error of 2¹⁶/√(12 n); seven of them fail below once in 1e11.

    Each of the 16 bits is 1 in half of the words, to within seven standard errors of 1/(2√n).
    """
    count = 200_000
    words = WordStream(9).words(4, count)
    assert abs(words.astype(float).mean() + 0.5) < 7 * 2**16 / math.sqrt(12 * count)
    for bit in range(16):
        assert abs(((words >> bit) & 1).mean() - 0.5) < 3.5 / math.sqrt(count)
    again = WordStream(9)
    again.words(77, 13)
    assert np.array_equal(again.words(4, count), words)
    assert not np.array_equal(WordStream(10).words(4, 100), words[:100])
    assert not np.array_equal(again.words(5, 100), words[:100])
