"""Named data sets: what the networks of a run learn from, and what they are judged by.

Pixels lie between 0 and 1. Points are left in the units in which they are made (`trainer.data.points`). The numbers of
a table are standardised. Training labels may be made wrong; validation labels are always true.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from trainer.data import points
from trainer.data.points import VALIDATION_POINTS
from trainer.errors import KnobError
from trainer.seeds import Purpose, generator
from trainer.settings.config import ExperimentConfig
from trainer.settings.shapes import PLANE, SIZES
from trainer.tables import idx
from trainer.tables.table import MOST_DEVIATIONS, Table, pool_size

__all__ = ["VALIDATION_DIGITS", "VALIDATION_POINTS", "Dataset", "Sources", "load", "wrong_labels"]

VALIDATION_DIGITS: Final = 797


@dataclass(frozen=True)
class Sources:
    """Where data come from that are not this program's own.

    Attributes:
        table: what the data set ``csv`` is.
        idx_folder: where the files of the data set ``idx`` lie.
    """

    table: Table | None = None
    idx_folder: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """What the networks of a run learn from and are judged by. N training and V validation examples of F features.

    Attributes:
        train_x: (N, F) float32.
        train_y: (N,) int64, the labels trained on, some of them wrong.
        train_true: (N,) int64, the true labels.
        val_x: (V, F) float32.
        val_y: (V,) int64, true labels.
        classes: the name of each class.
        shape: how the features are arranged: (8, 8) pixels, (2,) coordinates, (F,) numbers of a table.
        extent: x-min, x-max, y-min, y-max around all points of a 2-D set; None for others.
        feature_names: what the numbers of a table are called; () for images and points.
        label_noise: share of the training labels that were made wrong.
        seed: by which they were chosen.
    """

    train_x: Tensor
    train_y: Tensor
    train_true: Tensor
    val_x: Tensor
    val_y: Tensor
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    extent: tuple[float, float, float, float] | None
    feature_names: tuple[str, ...] = ()
    label_noise: float = 0.0
    seed: int = 0

    @property
    def features(self) -> int:
        """How many numbers describe an example."""
        return int(self.train_x.shape[1])

    def labels_for(self, count: int) -> Tensor:
        """The labels of a training set of only the first ``count`` of these examples: (count,) int64.

        The stated share of *them* is wrong. Of images and tables they are what a run of ``count`` training examples
        has; points are drawn anew for every number of them.
        """
        random = generator(self.seed, Purpose.LABEL_NOISE)
        true = self.train_true[:count].numpy()
        return torch.from_numpy(wrong_labels(true, len(self.classes), self.label_noise, random))


@dataclass(frozen=True)
class _Split:
    """Examples before anything is done to their labels."""

    train: tuple[np.ndarray, np.ndarray]  # (N, F) and (N,)
    val: tuple[np.ndarray, np.ndarray]
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    extent: tuple[float, float, float, float] | None = None
    feature_names: tuple[str, ...] = ()


def load(config: ExperimentConfig, sources: Sources = Sources()) -> Dataset:
    """Make the data set of a run: a function of its seed, of the knobs about data and of the sources, and of nothing
    else.

    The validation set does not depend on how many examples are trained on. Nor do the features: what standardises the
    numbers of a table, and what replaces its missing ones, are the means, standard deviations and medians of *all* that
    may be trained on, which is all but the validation set. So runs and lanes with different numbers of training
    examples see the same numbers, and nothing of the validation set gets into the training.

    Raises:
        KnobError: the source that the data set needs is not there, or has fewer examples than are asked for.
        ImageFilesError: the files of images cannot be read.
    """
    if config.dataset in PLANE:
        split = _points(config)
    elif config.dataset == "digits":
        split = _digits(config)
    elif config.dataset == "idx":
        split = _images(config, sources.idx_folder)
    else:
        split = _table(config, sources.table)
    (train_x, true), (val_x, val_y) = split.train, split.val
    random = generator(config.seed, Purpose.LABEL_NOISE)
    return Dataset(
        train_x=torch.from_numpy(train_x.astype(np.float32)),
        train_y=torch.from_numpy(wrong_labels(true, len(split.classes), config.label_noise, random)),
        train_true=torch.from_numpy(true.astype(np.int64)),
        val_x=torch.from_numpy(val_x.astype(np.float32)),
        val_y=torch.from_numpy(val_y.astype(np.int64)),
        classes=split.classes,
        shape=split.shape,
        extent=split.extent,
        feature_names=split.feature_names,
        label_noise=config.label_noise,
        seed=config.seed,
    )


def wrong_labels(labels: np.ndarray, classes: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Replace exactly ``round(share * n)`` labels, each by another class that is drawn uniformly among the others.

    Args:
        labels: (n,) true labels, 0 … ``classes`` - 1.
        classes: how many there are, at least 2.
        share: of the labels, 0 to 1.
        random: where the choices come from.
    """
    chosen = random.choice(len(labels), size=round(share * len(labels)), replace=False)
    wrong = labels.astype(np.int64)
    wrong[chosen] = (wrong[chosen] + random.integers(1, classes, size=len(chosen))) % classes
    return wrong


def _points(config: ExperimentConfig) -> _Split:
    train, val = points.draw(config)
    extent = points.extent(np.concatenate([train[0], val[0]]))
    return _Split(train, val, ("0", "1"), (2,), extent)


def _order(config: ExperimentConfig, count: int) -> np.ndarray:
    return generator(config.seed, Purpose.SPLIT).permutation(count)


@lru_cache(maxsize=1)
def _all_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # takes half a second, and points need none of it

    images, labels = load_digits(return_X_y=True)
    return images / 16, labels


def _digits(config: ExperimentConfig) -> _Split:
    images, labels = _all_digits()
    order = _order(config, len(labels))
    val = order[:VALIDATION_DIGITS]
    train = order[VALIDATION_DIGITS : VALIDATION_DIGITS + config.train_size]
    classes = tuple(str(digit) for digit in range(10))
    return _Split((images[train], labels[train]), (images[val], labels[val]), classes, (8, 8))


@lru_cache(maxsize=2)
def _all_images(folder: Path) -> idx.Images:
    return idx.read(folder)


def _images(config: ExperimentConfig, folder: Path | None) -> _Split:
    if folder is None:
        raise KnobError("dataset", "idx", "another: this server has no files of images")
    images = _all_images(folder)
    train = _order(config, len(images.train_y))[: config.train_size]
    val = generator(config.seed, Purpose.SPLIT, 1).permutation(len(images.val_y))[: idx.VALIDATION]

    def flat(x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1) / 255

    return _Split(
        (flat(images.train_x[train]), images.train_y[train]),
        (flat(images.val_x[val]), images.val_y[val]),
        images.classes,
        images.train_x.shape[1:],
    )


@lru_cache(maxsize=2)
def _own_table(name: str) -> Table:
    """A table of scikit-learn's: ``breast_cancer`` or ``wine``."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    return Table(
        labels=bunch.target.astype(np.int64),
        classes=tuple(str(each) for each in bunch.target_names),
        features=bunch.data.astype(np.float64),
        feature_names=tuple(str(each) for each in bunch.feature_names),
        is_number=(True,) * bunch.data.shape[1],
    )


def _table(config: ExperimentConfig, uploaded: Table | None) -> _Split:
    if config.dataset == "csv":
        if uploaded is None:
            raise KnobError("table", config.table, "a table that was uploaded to this server")
        table, pool = uploaded, pool_size(len(uploaded.labels))
    else:
        table, pool = _own_table(config.dataset), SIZES[config.dataset].examples
    if config.train_size > pool:
        judging = len(table.labels) - pool
        allowed = (
            f"at most {pool:,}: the table has {len(table.labels):,} rows, of which {judging:,} are kept to judge by"
        )
        raise KnobError("train_size", config.train_size, allowed)
    order = _order(config, len(table.labels))
    val, may_train = order[: len(order) - pool], order[len(order) - pool :]
    train = may_train[: config.train_size]
    x, y = _standardised(table, may_train), table.labels
    return _Split(
        (x[train], y[train]), (x[val], y[val]), table.classes, (x.shape[1],), feature_names=table.feature_names
    )


def _standardised(table: Table, rows: np.ndarray) -> np.ndarray:
    """The features with missing ones replaced by medians and numbers standardised, by what ``rows`` hold: (n, F).

    A number that is further away than ``MOST_DEVIATIONS`` counts as one that is so far away: it can be among the rows
    that judge only, and would make every validation loss of the run one that is no number.
    """
    x = table.features.copy()
    for column in np.flatnonzero(table.is_number):
        values = x[:, column]
        known = values[rows][~np.isnan(values[rows])]
        values[np.isnan(values)] = np.median(known) if len(known) else 0.0
        with np.errstate(over="ignore"):  # what is beyond all bounds, among the rows that judge, is cut below
            values /= _size(values[rows])
            largest, deviation = np.abs(values[rows]).max(initial=0.0), values[rows].std()
            values -= values[rows].mean()
            values /= deviation if deviation > 1e-12 * largest else 1.0
    return x.clip(-MOST_DEVIATIONS, MOST_DEVIATIONS)


def _size(values: np.ndarray) -> float:
    """The power of two that makes the largest value about 1; 1 where all are 0.

    The squares of very small numbers are 0, and so would their deviation be. Division by a power of two is exact.
    """
    return float(2.0 ** np.frexp(np.abs(values).max(initial=0.0))[1])
