"""Images in IDX files, the format in which MNIST and those after it are given away (LeCun, Cortes & Burges 1998).

A file begins with four bytes: zero, zero, the type of its numbers (8: unsigned bytes) and how many dimensions it has.
The size of each follows as a big-endian 32-bit number, and then the numbers, the last dimension moving fastest. Files
may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np

from trainer.errors import ImageFilesError
from trainer.settings.shapes import MAX_CLASSES, SIZES

MIN_SIDE: Final = 8
MAX_SIDE: Final = SIZES["idx"].side
MIN_TRAIN: Final = SIZES["idx"].examples  # every run may ask for as many
MIN_VALIDATION: Final = 100
VALIDATION: Final = 1000  # images that judge a run
KEPT_TRAIN: Final = 10_000  # of which each seed picks others: 8 MB
KEPT_VALIDATION: Final = 2000
MOST_AT_ONCE: Final = 10_000_000  # bytes, as all labels are: a small file that is compressed could hold gigabytes
_BYTES: Final = 8  # the type of a file of unsigned bytes
_AT_ONCE: Final = 4096  # images read at a time


@dataclass(frozen=True, eq=False)
class Images:
    """What of a folder's images is kept, each an unsigned byte a pixel.

    Attributes:
        train_x: (n, side, side) uint8, evenly spread over the training file.
        train_y: (n,) uint8.
        val_x: (v, side, side) uint8, none of them in ``train_x``.
        val_y: (v,) uint8.
        classes: the name of each class, its number.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    val_x: np.ndarray
    val_y: np.ndarray
    classes: tuple[str, ...]


def read(folder: Path) -> Images:
    """Read what a run may need of the images of a folder.

    The training images are those of the file with ``train`` in its name (or of the only one), the validation images
    those of the file with ``t10k`` or ``test`` in its name or else the last of the training file. Each file of images
    lies beside the file of its labels, named alike: ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, with
    ``.gz`` or without.

    Raises:
        ImageFilesError: a file is missing, broken, or holds what cannot be learnt from; the message names it.
    """
    train_file, test_file = _find(folder)
    train_labels = _labels(train_file)
    test_labels = _labels(test_file) if test_file is not None else train_labels[:0]
    classes = _classes(train_labels, test_labels, train_file)
    count = len(train_labels)
    spare = 0 if test_file is not None else min(VALIDATION, count - MIN_TRAIN)
    if count - spare < MIN_TRAIN or (test_file is None and spare < MIN_VALIDATION):
        raise ImageFilesError(f"{train_file.name} has {count:,} images; at least {_least(test_file):,} are needed")
    rows = _spread(count - spare, KEPT_TRAIN)
    val_rows = np.arange(count - spare, count) if test_file is None else _spread(len(test_labels), KEPT_VALIDATION)
    val_file, val_labels = (train_file, train_labels) if test_file is None else (test_file, test_labels)
    if len(val_rows) < MIN_VALIDATION:
        raise ImageFilesError(f"{val_file.name} has {len(val_rows):,} images; at least {MIN_VALIDATION} are needed")
    train_x, val_x = _images(train_file, rows, count), _images(val_file, val_rows, len(val_labels))
    if train_x.shape[1:] != val_x.shape[1:]:
        raise ImageFilesError(f"the images of {train_file.name} and of {val_file.name} differ in size")
    return Images(train_x, train_labels[rows], val_x, val_labels[val_rows], classes)


def _least(test_file: Path | None) -> int:
    return MIN_TRAIN + (MIN_VALIDATION if test_file is None else 0)


def _spread(count: int, most: int) -> np.ndarray:
    """At most ``most`` of ``count`` places, evenly spread: files may be sorted by class."""
    if count <= most:
        return np.arange(count)
    return np.arange(most) * count // most


def _classes(labels: np.ndarray, test_labels: np.ndarray, file: Path) -> tuple[str, ...]:
    highest = max(int(labels.max(initial=0)), int(test_labels.max(initial=0)))
    if highest >= MAX_CLASSES:
        raise ImageFilesError(f"the labels beside {file.name} go up to {highest}; at most {MAX_CLASSES - 1} is allowed")
    if len(np.unique(labels)) < 2:
        raise ImageFilesError(f"the labels beside {file.name} are all the same; at least two classes are needed")
    return tuple(str(number) for number in range(highest + 1))


# Which files


def _find(folder: Path) -> tuple[Path, Path | None]:
    """The file of training images, and that of test images if there is one."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ImageFilesError(f"the folder of IDX files cannot be read: {error.strerror}") from None
    images = [name for name in names if "images" in name.lower() and "idx3" in name.lower()]
    images = [name for name in images if name.removesuffix(".gz") == name or name.removesuffix(".gz") not in images]
    tests = [name for name in images if "t10k" in name.lower() or "test" in name.lower()]
    trains = [name for name in images if name not in tests]
    if not trains:
        raise ImageFilesError("the folder has no file of training images, such as train-images-idx3-ubyte.gz")
    for found in (trains, tests):
        if len(found) > 1:
            raise ImageFilesError(f"the folder has several files of the same kind of images: {', '.join(found[:4])}")
    return folder / trains[0], folder / tests[0] if tests else None


def _labels_beside(images: Path) -> Path:
    """The file of labels that belongs to a file of images, compressed or not."""
    name = images.name.removesuffix(".gz")
    for theirs, ours in (("images", "labels"), ("Images", "Labels"), ("IMAGES", "LABELS"), ("idx3", "idx1")):
        name = name.replace(theirs, ours)
    for candidate in (images.with_name(name), images.with_name(name + ".gz")):
        if candidate.is_file():
            return candidate
    raise ImageFilesError(f"{images.name} has no labels beside it: {name} or {name}.gz is missing")


# What is in them


def _labels(images: Path) -> np.ndarray:
    """All labels of a file of images: (n,) uint8."""
    path = _labels_beside(images)
    with _opened(path) as file:
        (count,) = _header(file, path, dimensions=1)
        labels = np.frombuffer(_exactly(file, count, path), np.uint8)
        _check_end(file, path)
    return labels


def _images(path: Path, rows: np.ndarray, labels: int) -> np.ndarray:
    """The images of rising ``rows``: (len(rows), side, side) uint8. No more than some of the file is held at a time."""
    with _opened(path) as file:
        count, height, width = _header(file, path, dimensions=3)
        if count != labels:
            raise ImageFilesError(f"{path.name} has {count:,} images, but {labels:,} labels lie beside it")
        if height != width or not MIN_SIDE <= height <= MAX_SIDE:
            allowed = f"they must be square, of {MIN_SIDE} to {MAX_SIDE} pixels a side"
            raise ImageFilesError(f"the images of {path.name} are {height}×{width} pixels; {allowed}")
        kept = np.empty((len(rows), height, width), np.uint8)
        for first in range(0, count, _AT_ONCE):
            many = min(_AT_ONCE, count - first)
            block = np.frombuffer(_exactly(file, many * height * width, path), np.uint8).reshape(many, height, width)
            begin, end = np.searchsorted(rows, (first, first + many))
            kept[begin:end] = block[rows[begin:end] - first]
        _check_end(file, path)
    return kept


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, compressed or not, and say what goes wrong with it in words that name it."""
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except EOFError:
        raise ImageFilesError(f"{path.name} is cut off") from None
    except (OSError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error  # an OSError's own text names the whole path
        raise ImageFilesError(f"{path.name} cannot be read: {why}") from None


def _header(file: BinaryIO, path: Path, dimensions: int) -> tuple[int, ...]:
    zeros, kind, given = struct.unpack(">HBB", _exactly(file, 4, path))
    if zeros != 0 or (kind, given) != (_BYTES, dimensions):
        expected = f"0000{_BYTES:02x}{dimensions:02x}"
        raise ImageFilesError(
            f"{path.name} is no IDX file of {dimensions}-dimensional bytes: "
            f"it begins with {zeros:04x}{kind:02x}{given:02x}, not with {expected}"
        )
    return struct.unpack(f">{dimensions}I", _exactly(file, 4 * dimensions, path))


def _exactly(file: BinaryIO, count: int, path: Path) -> bytes:
    """Read ``count`` bytes, in pieces: a header that lies must not make this program ask for gigabytes."""
    data = bytearray()
    while len(data) < count:
        piece = file.read(min(count - len(data), 1 << 20))
        if not piece:
            raise ImageFilesError(f"{path.name} is cut off: its header promises {count - len(data):,} more bytes")
        data += piece
        if len(data) > MOST_AT_ONCE:
            raise ImageFilesError(f"{path.name} has more than {MOST_AT_ONCE:,} labels, which is more than is read")
    return bytes(data)


def _check_end(file: BinaryIO, path: Path) -> None:
    if file.read(1):
        raise ImageFilesError(f"{path.name} is longer than its header says")
