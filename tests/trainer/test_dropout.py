"""Kinds of dropout: thresholds, masks, factors, groups, and what they are in eval mode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.dropout.kinds import deviation, evaluation_scale, normal_table, scale, threshold, training_scale
from trainer.dropout.site import LaneDropout
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.training.experiment import Experiment

CPU = torch.device("cpu")
MANY, UNITS = 20_000, 50


def noise(lanes: int, count: int, step: int = 1) -> list[np.ndarray | None]:
    return [WordStream(key(5, Purpose.MASKS, lane)).words(step, count) for lane in range(lanes)]


def site_of(
    kinds: list[str],
    rates: list[float],
    group_rates: list[float] | None = None,
    rows: int = 1000,
    shape: tuple[int, ...] = (10,),
    tied: tuple[int, ...] = (),
) -> LaneDropout:
    """A place whose masks have been drawn once."""
    site = LaneDropout(len(kinds), rows, shape, CPU, torch.float64, tied=tied)
    site.set(kinds, rates, group_rates or [0.0] * len(kinds))
    site.draw(noise(len(kinds), site.words), 0)
    return site


def factors(kind: str, rate: float) -> Tensor:
    """MANY masks of UNITS units, (MANY, UNITS)."""
    return site_of([kind], [rate], rows=MANY, shape=(UNITS,)).multiplier[0]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2, 0.5, 0.8, 0.95])
def test_the_threshold_drops_the_rate_to_within_half_a_word(rate: float) -> None:
    words = np.arange(-(2**15), 2**15)
    dropped = (words < threshold(rate)).mean()
    assert abs(dropped - rate) <= 2**-17


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.8, 0.95])
def test_the_mean_over_many_masks_is_the_evaluation_output_but_for_the_wrong_kind(kind: str, rate: float) -> None:
    """A factor has a mean of 1, or of 1-p where nothing is scaled while training, and a standard deviation of
    √(p/(1-p)) times that mean, for Bernoulli kinds and for Gaussian noise alike; the rounding of p is at most
    2⁻¹⁷/(1-p) of it.

    The mean of M = 20,000 factors has that by √M. With 50 units and the bound at 7 standard deviations, a correct layer
    fails with a probability below 50 · 2.6e-12. Gaussian noise comes from a table whose mean is 0 and variance 1.
    """
    site = site_of([kind], [rate], rows=MANY, shape=(UNITS,))
    x = torch.linspace(0.1, 3, UNITS, dtype=torch.float64)
    mean = site(x.expand(1, MANY, UNITS)).mean(dim=1)[0]
    expected = (1 - rate if kind in ("classic", "unscaled") else 1) * x
    bound = expected * (7 * deviation(rate) / math.sqrt(MANY) + 2**-17 / (1 - rate))
    assert bool(((mean - expected).abs() <= bound).all())
    evaluated = site.eval()(x.expand(1, 1, UNITS))[0, 0]
    assert torch.allclose(evaluated, x if kind == "unscaled" else expected, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.8])
def test_gaussian_noise_has_the_variance_of_inverted_dropout(rate: float) -> None:
    """Both are p/(1-p). The variance of n Bernoulli factors with probability p of 0 has a variance of (μ₄ - σ⁴)/n; that
    of n normal factors 2σ⁴/n; with n = 1e6 both are bounded at 7 standard errors, and the rounding of p, at most
    2⁻¹⁷, moves p/(1-p) by 2⁻¹⁷/(1-p)².
    """
    count, variance = MANY * UNITS, rate / (1 - rate)
    fourth = rate + (1 - rate) * (scale(rate) - 1) ** 4  # (0 - 1)⁴ with p, and (1/(1-p) - 1)⁴ with 1-p
    for kind, spread in (("inverted", fourth - variance**2), ("gaussian", 2 * variance**2)):
        bound = 7 * math.sqrt(spread / count) + 2**-17 / (1 - rate) ** 2
        assert abs(float(factors(kind, rate).var()) - variance) <= bound + 1e-5 * variance


def test_the_table_of_normal_numbers_has_mean_0_variance_1_and_loses_little_of_the_tails() -> None:
    """Its quantiles at the middle of 65,536 cells lose the variance within the cells, most of it in the two outermost.

    There, beyond the quantile q of 1 - 2⁻¹⁶, 4.17, a normal number has a mean square of q² + 2 at most (the hazard of
    the tail is at least q), so that both cells together hold at most 2 · 2⁻¹⁶ · (q² + 2) = 6e-4 of the variance. What
    is lost in them and in all others was measured to be 2.03e-5, and is put back by the division.
    """
    table = normal_table()
    assert abs(table.mean()) < 1e-12
    assert abs(table.var() - 1) < 1e-12
    raw = torch.special.ndtri((torch.arange(2**16, dtype=torch.float64) + 0.5) / 2**16)
    assert 0 < 1 - float(raw.square().mean()) < 2.1e-5
    assert table.max() == pytest.approx(4.325, abs=1e-3)
    words = np.arange(-(2**15), 2**15, dtype=np.int16)
    assert np.all(np.diff(table[words.view(np.uint16)]) > 0)  # a greater word is a greater number
    assert np.array_equal(table[words.view(np.uint16)] >= 0, words >= 0)


@pytest.mark.parametrize("rate", [0.2, 0.8])
@pytest.mark.parametrize("kind", ["inverted", "classic", "unscaled"])
def test_kept_activations_are_multiplied_by_exactly_the_scale_and_others_by_zero(kind: str, rate: float) -> None:
    site = site_of([kind], [rate])
    keep = torch.as_tensor(site.keep)
    assert bool(keep.any())
    assert not bool(keep.all())
    expected = 1 / (1 - rate) if kind == "inverted" else 1.0
    assert torch.equal(site.multiplier, keep.double() * expected)
    assert site.scale_of(0) == expected == training_scale(kind, rate, 0)


def test_a_gaussian_mask_says_where_the_factor_is_at_least_one() -> None:
    site = site_of(["gaussian"], [0.3], [0.5], shape=(4, 3), tied=(0,))
    assert torch.equal(torch.as_tensor(site.keep), site.multiplier >= 1)


def test_kinds_stand_side_by_side_each_with_its_own_rate() -> None:
    kinds = ["inverted", "inverted", "classic", "gaussian", "unscaled"]
    together = site_of(kinds, [0.0, 0.2, 0.8, 0.5, 0.5])
    assert bool((together.multiplier[0] == 1).all())
    for lane, rate in ((1, 0.2), (2, 0.8), (4, 0.5)):
        share = float(torch.as_tensor(together.keep)[lane].double().mean())
        assert abs(share - (1 - rate)) <= 7 * math.sqrt(rate * (1 - rate) / 10_000)  # 7 standard errors: below 1e-11
    for lane in range(1, 5):
        rates = [own if index == lane else 0.0 for index, own in enumerate([0.0, 0.2, 0.8, 0.5, 0.5])]
        assert torch.equal(site_of(kinds, rates).multiplier[lane], together.multiplier[lane])


def test_a_lane_whose_rate_goes_back_to_zero_keeps_everything() -> None:
    site = site_of(["inverted", "gaussian", "classic"], [0.9, 0.9, 0.5])
    site.set(["inverted", "gaussian", "classic"], [0.0, 0.0, 0.5], [0.0] * 3)
    site.draw(noise(3, site.words, step=2), 0)
    assert bool(torch.as_tensor(site.keep)[:2].all())
    assert bool((site.multiplier[:2] == 1).all())


def test_a_lane_that_leaves_gaussian_noise_has_a_mask_again() -> None:
    site = site_of(["gaussian"], [0.5])
    site.set(["inverted"], [0.5], [0.0])
    site.draw(noise(1, site.words), 0)
    assert torch.equal(site.multiplier, site_of(["inverted"], [0.5]).multiplier)


@pytest.mark.parametrize(("shape", "tied"), [((3, 4, 5), (1, 2)), ((6, 7), (0,))])
def test_a_group_is_dropped_as_a_whole_and_independently_of_its_elements(
    shape: tuple[int, ...], tied: tuple[int, ...]
) -> None:
    """Channels of a convolution, units of a sequence. Of n groups a share q is dropped, to within 7 standard errors."""
    rows, group_rate = 2000, 0.3
    only = site_of(["inverted"], [0.0], [group_rate], rows, shape, tied)
    kept = torch.as_tensor(only.keep).view(rows, *shape)
    dims = tuple(dim + 1 for dim in tied)
    groups = kept.amax(dim=dims)
    assert torch.equal(groups, kept.amin(dim=dims))
    bound = 7 * math.sqrt(group_rate * (1 - group_rate) / groups.numel()) + 2**-17
    assert abs(float(groups.double().mean()) - (1 - group_rate)) <= bound
    assert torch.equal(only.multiplier.view(rows, *shape) > 0, kept)
    alone = site_of(["inverted"], [0.5], None, rows, shape, tied)
    both = site_of(["inverted"], [0.5], [group_rate], rows, shape, tied)
    together = torch.as_tensor(alone.keep) & torch.as_tensor(only.keep)
    assert torch.equal(torch.as_tensor(both.keep), together)
    assert torch.allclose(both.multiplier, together.double() / (0.5 * (1 - group_rate)))


def test_a_mini_batch_may_share_one_mask() -> None:
    site = site_of(["inverted"], [0.5], rows=1)
    out = site(torch.ones(1, 7, 10, dtype=torch.float64))
    assert torch.equal(out, out[:, :1].expand(1, 7, 10))
    assert torch.equal(torch.as_tensor(site.bits(0, 5)), torch.as_tensor(site.keep)[0, 0])


def test_where_weights_can_be_dropped_they_are_and_units_are_not() -> None:
    site = LaneDropout(2, 50, (8,), CPU, torch.float64)
    site.connect(6, widths=[6, 4])
    site.set(["inverted", "dropconnect"], [0.5, 0.25], [0.0, 0.0])
    site.draw(noise(2, site.words), 0)
    site.draw_weights([word for word in noise(1, site.weight_words) if word is not None])
    assert bool((site.multiplier[1] == 1).all())
    assert site.scale_of(1) == scale(0.25)
    count = 50 * 8 * 6
    bound = 7 * math.sqrt(0.25 * 0.75 / count) + 2**-17
    assert abs(float(site.weight_keep.double().mean()) - 0.75) <= bound
    assert torch.equal(torch.as_tensor(site.bits(1, 3)), site.weight_keep[0, 3, :, 0])
    assert site.kept_weights(1, 3) == site.weight_keep[0, 3, :, :4].sum()
    assert site.kept_weights(0, 3) is None
    rows = np.unique(site.weight_keep[0].flatten(1).numpy(), axis=0)
    # Every example has a mask of its own: two of 48 bits are alike with a probability of (0.75² + 0.25²)⁴⁸ < 2e-10.
    assert len(rows) == 50


def test_a_narrow_lane_has_only_its_first_units() -> None:
    site = LaneDropout(2, 4, (3, 5), CPU, torch.float64, tied=(0,), widths=[5, 2])
    assert site.real(0).all()
    assert torch.equal(site.real(1).view(3, 5), (torch.arange(5) < 2).expand(3, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_device_noise_gives_the_masks_that_lane_noise_gives(kind: str) -> None:
    """The path of a GPU, on the CPU: one block for all lanes, computed by torch instead of numpy."""
    ours, theirs = (LaneDropout(3, 4, (2, 5), CPU, torch.float64, tied=(0,)) for _ in range(2))
    for site in (ours, theirs):
        site.connect(3)
        site.set(["inverted", kind, kind], [0.0, 0.4, 0.4], [0.3, 0.0, 0.2])
    words, weights = noise(3, 30 + ours.words), noise(2, ours.weight_words)
    blocks = [torch.from_numpy(np.stack([own for own in each if own is not None])) for each in (words, weights)]
    ours.draw(words, 30)
    theirs.draw(blocks[0], 30)
    assert torch.allclose(ours.multiplier, theirs.multiplier, rtol=1e-15)
    assert np.array_equal(np.asarray(ours.keep), np.asarray(theirs.keep))
    if ours.connecting:
        ours.draw_weights([word for word in weights if word is not None])
        theirs.draw_weights(blocks[1])
        assert torch.equal(ours.weight_keep, theirs.weight_keep)


def test_a_place_that_drops_nothing_costs_nothing() -> None:
    site = site_of(["classic", "gaussian"], [0.0, 0.0])
    x = torch.rand(2, 3, 10, dtype=torch.float64)
    assert not site.used
    assert site.factor() is None
    assert site(x) is x
    assert site.eval()(x) is x


def test_a_factor_has_the_shape_of_what_it_multiplies() -> None:
    site = site_of(["inverted", "classic"], [0.5, 0.2], [0.0, 0.5], rows=4, shape=(3, 2, 2), tied=(1, 2))
    training = site.factor()
    assert training is not None
    assert training.shape == (2, 4, 3, 2, 2)
    evaluated = site.eval().factor()
    assert evaluated is not None
    assert evaluated.shape == (2, 1, 1, 1, 1)
    assert evaluated.flatten().tolist() == [1, evaluation_scale("classic", 0.2, 0.5)] == [1, 0.4]


def experiment_of(**lane: Any) -> Experiment:
    lanes = [{"name": "a", "dropout": [0.2, 0.5]}, {"name": "b", "dropout": [0.2, 0.5], **lane}]
    return Experiment(parse({"hidden": [12], "train_size": 64, "batch_size": 16, "lanes": lanes}), device="cpu")


def test_the_masks_of_a_lane_do_not_depend_on_the_kind_of_another() -> None:
    ours, theirs = experiment_of(), experiment_of(dropout_kind="dropconnect")
    for _ in range(3):
        ours.run(1)
        theirs.run(1)
        for mine, other in zip(ours.model.dropouts, theirs.model.dropouts, strict=True):
            assert np.array_equal(np.asarray(mine.keep)[0], np.asarray(other.keep)[0])


def test_a_lane_with_a_seed_of_its_own_has_masks_of_its_own() -> None:
    same, other = experiment_of(seed=0), experiment_of(seed=1)
    same.run(1)
    other.run(1)
    plain = experiment_of()
    plain.run(1)
    for ours, alike, differing in zip(plain.model.dropouts, same.model.dropouts, other.model.dropouts, strict=True):
        assert np.array_equal(np.asarray(ours.keep), np.asarray(alike.keep))
        assert np.array_equal(np.asarray(ours.keep)[0], np.asarray(differing.keep)[0])
        assert not np.array_equal(np.asarray(ours.keep)[1], np.asarray(differing.keep)[1])


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
