"""Data sets: real digits and points, exact label noise, true validation labels."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch

from trainer.config import Dataset as Name
from trainer.config import parse, recommended
from trainer.datasets import VALIDATION_DIGITS, VALIDATION_POINTS, Dataset, load, wrong_labels

POINTS = [name for name in get_args(Name) if name != "digits"]


def data(**knobs: Any) -> Dataset:
    return load(parse(knobs))


@pytest.mark.parametrize("share", [0, 0.1, 0.15, 0.2, 0.333, 0.9])
@pytest.mark.parametrize("dataset", ["digits", "moons"])
def test_exactly_the_stated_share_of_training_labels_is_wrong(dataset: str, share: float) -> None:
    made = data(dataset=dataset, train_size=217, label_noise=share)
    assert int((made.train_y != made.train_true).sum()) == round(share * 217)
    assert set(made.train_y.tolist()) <= set(range(len(made.classes)))


def test_a_wrong_label_is_any_other_class_equally_often() -> None:
    """Among 9,000 wrong labels of one class each of the 9 others comes 1,000 times, ± √(9,000 · 1/9 · 8/9) = 29.8.

    Seven standard deviations, 209, are passed by chance less than once in 1e10.
    """
    wrong = wrong_labels(np.full(9000, 4), 10, 1.0, np.random.default_rng(0))
    counts = np.bincount(wrong, minlength=10)
    assert counts[4] == 0
    assert abs(np.delete(counts, 4) - 1000).max() <= 209


def test_digits_are_the_real_ones_divided_by_16_and_no_digit_is_in_both_sets() -> None:
    from sklearn.datasets import load_digits

    made = data(train_size=1000, label_noise=0)
    images, labels = load_digits(return_X_y=True)
    known = {(*image.tolist(), int(label)) for image, label in zip(images, labels, strict=True)}
    train = {(*image, label) for image, label in zip((made.train_x * 16).tolist(), made.train_y.tolist(), strict=True)}
    val = {(*image, label) for image, label in zip((made.val_x * 16).tolist(), made.val_y.tolist(), strict=True)}
    assert len(made.val_y) == VALIDATION_DIGITS
    assert train <= known
    assert val <= known
    assert not train & val  # there are no duplicates among the 1,797
    assert (made.shape, made.extent, len(made.classes)) == ((8, 8), None, 10)


@pytest.mark.parametrize("dataset", get_args(Name))
def test_the_validation_set_depends_on_the_seed_and_not_on_the_training_set(dataset: str) -> None:
    small, large = (data(dataset=dataset, train_size=size, label_noise=0.3) for size in (64, 200))
    other = data(dataset=dataset, train_size=64, label_noise=0.3, seed=1)
    assert torch.equal(small.val_x, large.val_x)
    assert torch.equal(small.val_y, large.val_y)
    assert not torch.equal(small.val_x, other.val_x)


@pytest.mark.parametrize("dataset", POINTS)
def test_points_come_in_two_classes_of_about_equal_size_inside_the_extent(dataset: str) -> None:
    made = load(recommended(dataset))
    assert made.extent is not None
    x_min, x_max, y_min, y_max = made.extent
    for x, y in ((made.train_x, made.train_true), (made.val_x, made.val_y)):
        assert x.dtype == torch.float32
        assert bool(((x[:, 0] > x_min) & (x[:, 0] < x_max) & (x[:, 1] > y_min) & (x[:, 1] < y_max)).all())
        # A coin for each point (xor): a share off by 7 standard errors of 1/(2√n) happens less than once in 1e11.
        assert abs(float(y.double().mean()) - 0.5) < 3.5 / len(y) ** 0.5
    assert len(made.val_y) == VALIDATION_POINTS
    assert (made.shape, made.features, made.classes) == ((2,), 2, ("0", "1"))


def test_examples_are_in_no_order_of_class() -> None:
    made = data(dataset="moons", train_size=200, label_noise=0)
    # Of 200 shuffled labels the number of changes is about 100 ± 7; sorted ones have a single change.
    assert int((made.train_y[1:] != made.train_y[:-1]).sum()) > 50


def test_the_same_knobs_make_the_same_data() -> None:
    first, second = (data(dataset="spirals", seed=4, label_noise=0.2) for _ in range(2))
    assert torch.equal(first.train_x, second.train_x)
    assert torch.equal(first.train_y, second.train_y)
