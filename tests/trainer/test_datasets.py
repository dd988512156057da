"""Data sets: real digits, tables and points, exact label noise, true validation labels."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch

from trainer.data.datasets import VALIDATION_DIGITS, VALIDATION_POINTS, Dataset, load, wrong_labels
from trainer.errors import KnobError
from trainer.settings.config import Dataset as Name
from trainer.settings.config import parse, recommended
from trainer.settings.shapes import PLANE, SIZES

OWN = [name for name in get_args(Name) if name not in ("csv", "idx")]  # tests of those are in test_tables, test_idx
TABLES = ("breast_cancer", "wine")


def data(**knobs: Any) -> Dataset:
    return load(parse(knobs))


@pytest.mark.parametrize("share", [0, 0.1, 0.15, 0.2, 0.333, 0.9])
@pytest.mark.parametrize("dataset", ["digits", "moons", "wine"])
def test_exactly_the_stated_share_of_training_labels_is_wrong(dataset: str, share: float) -> None:
    made = data(dataset=dataset, train_size=117, label_noise=share)
    assert int((made.train_y != made.train_true).sum()) == round(share * 117)
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


@pytest.mark.parametrize("dataset", OWN)
def test_the_validation_set_depends_on_the_seed_and_not_on_the_training_set(dataset: str) -> None:
    small, large = (data(dataset=dataset, train_size=size, label_noise=0.3) for size in (64, 120))
    other = data(dataset=dataset, train_size=64, label_noise=0.3, seed=1)
    assert torch.equal(small.val_x, large.val_x)
    assert torch.equal(small.val_y, large.val_y)
    assert not torch.equal(small.val_x, other.val_x)


@pytest.mark.parametrize("dataset", PLANE)
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


@pytest.mark.parametrize("dataset", ["digits", *TABLES])
def test_the_first_examples_have_the_labels_that_a_run_of_so_many_has(dataset: str) -> None:
    large, small = (data(dataset=dataset, train_size=size, label_noise=0.3, seed=2) for size in (120, 70))
    assert torch.equal(large.train_x[:70], small.train_x)
    assert torch.equal(large.labels_for(70), small.train_y)
    assert torch.equal(large.labels_for(120), large.train_y)
    assert not torch.equal(large.train_y[:70], small.train_y)  # of 70 labels of the 120, not exactly 21 need be wrong


def test_of_points_the_stated_share_of_the_first_is_wrong() -> None:
    made = data(dataset="moons", train_size=100, label_noise=0.2)
    assert int((made.labels_for(50) != made.train_true[:50]).sum()) == 10


@pytest.mark.parametrize(
    ("dataset", "judging", "classes", "first"),
    [
        ("breast_cancer", 169, ("malignant", "benign"), "mean radius"),
        ("wine", 58, ("class_0", "class_1", "class_2"), "alcohol"),
    ],
)
def test_tables_have_names_and_are_standardised_by_what_may_be_trained_on(
    dataset: str, judging: int, classes: tuple[str, ...], first: str
) -> None:
    size = SIZES[dataset]
    made = data(dataset=dataset, train_size=size.examples, label_noise=0)
    assert (len(made.val_y), made.classes, made.feature_names[0]) == (judging, classes, first)
    assert made.features == size.features == len(made.feature_names)
    assert (made.shape, made.extent) == ((size.features,), None)
    assert torch.allclose(made.train_x.double().mean(0), torch.zeros(made.features).double(), atol=1e-6)
    assert torch.allclose(made.train_x.double().std(0, correction=0), torch.ones(made.features).double(), atol=1e-6)
    # Of V others the mean is off by about 1/√V: all features together are not within 1e-3 of 0 by chance.
    assert float(made.val_x.mean(0).abs().max()) > 1e-3


def test_no_row_of_a_table_is_in_both_sets() -> None:
    made = data(dataset="wine", train_size=120, label_noise=0)
    train, val = ({tuple(row) for row in x.tolist()} for x in (made.train_x, made.val_x))
    assert len(train | val) == 178
    assert not train & val


def test_a_table_that_was_not_uploaded_is_refused() -> None:
    with pytest.raises(KnobError, match="table = 'abc' is not allowed"):
        data(dataset="csv", table="abc")
