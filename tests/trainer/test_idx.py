"""IDX files: read as they are, and refused by name when they are broken."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from trainer.data.datasets import Sources, load
from trainer.errors import ImageFilesError, KnobError
from trainer.settings.config import parse
from trainer.tables.idx import KEPT_TRAIN, read

TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def pictures(count: int, side: int = 8) -> np.ndarray:
    """Images of which each begins with its own number, in two bytes."""
    images = np.zeros((count, side, side), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(count) // 256, np.arange(count) % 256
    return images


def as_idx(array: np.ndarray, count: int | None = None, kind: int = 8) -> bytes:
    """The bytes of a file; with ``count`` it lies about how many there are."""
    shape = (len(array) if count is None else count, *array.shape[1:])
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + array.tobytes()


def write(folder: Path, images: np.ndarray, test: int = 0, classes: int = 10, end: str = "") -> Path:
    """A folder of images whose class is their number modulo ``classes``."""
    files = {TRAIN: images, LABELS: np.arange(len(images)) % classes}
    if test:
        files |= {TEST: np.maximum(pictures(test, images.shape[1]), 1), TEST_LABELS: np.arange(test) % classes}
    for name, array in files.items():
        data = as_idx(array.astype(np.uint8))
        (folder / (name + end)).write_bytes(gzip.compress(data, 1) if end else data)
    return folder


def numbers(images: np.ndarray) -> list[int]:
    """The numbers with which images begin."""
    return [int(each[0, 0]) * 256 + int(each[0, 1]) for each in images]


@pytest.mark.parametrize("end", ["", ".gz"])
def test_training_and_validation_images_come_from_their_own_files(tmp_path: Path, end: str) -> None:
    images = read(write(tmp_path, pictures(1200), test=300, end=end))
    assert numbers(images.train_x) == list(range(1200))
    assert images.train_y.tolist() == [k % 10 for k in range(1200)]
    assert (images.val_x.shape, images.classes) == ((300, 8, 8), tuple("0123456789"))
    assert images.val_x.min() == 1  # which only those of the test file have everywhere


def test_without_a_test_file_the_last_training_images_judge(tmp_path: Path) -> None:
    images = read(write(tmp_path, pictures(2500)))
    assert numbers(images.train_x) == list(range(1500))
    assert numbers(images.val_x) == list(range(1500, 2500))


def test_of_many_images_some_are_kept_evenly_spread(tmp_path: Path) -> None:
    """A file may be sorted by class: its first images would all be of the same."""
    images = read(write(tmp_path, pictures(25_000), test=200))
    kept = numbers(images.train_x)
    assert len(kept) == KEPT_TRAIN
    assert set(np.diff(kept)) == {2, 3}
    assert [number % 10 for number in kept] == images.train_y.tolist()


def test_files_may_have_other_names(tmp_path: Path) -> None:
    write(tmp_path, pictures(1200), end=".gz")
    (tmp_path / f"{TRAIN}.gz").rename(tmp_path / "emnist-train-images.idx3-ubyte.gz")
    (tmp_path / f"{LABELS}.gz").rename(tmp_path / "emnist-train-labels.idx1-ubyte.gz")
    (tmp_path / "README.txt").write_text("images, with idx")
    assert len(read(tmp_path).train_x) == 1000


def test_a_run_gets_pixels_from_0_to_1_split_by_its_seed(tmp_path: Path) -> None:
    images = pictures(1200, side=12)
    images[:, 5, 5] = 255
    sources = Sources(idx_folder=write(tmp_path, images, test=1500))
    knobs = {"dataset": "idx", "label_noise": 0.2, "batch_size": 20}
    small, large, other = (
        load(parse({**knobs, "train_size": size, "seed": seed}), sources)
        for size, seed in ((50, 0), (200, 0), (200, 1))
    )
    assert (large.shape, large.features, large.extent) == ((12, 12), 144, None)
    assert (len(large.train_y), len(large.val_y), len(large.classes)) == (200, 1000, 10)
    assert float(large.train_x.max()) == 1
    assert float(large.train_x.min()) == 0
    assert large.train_x[:50].equal(small.train_x)
    assert large.val_x.equal(small.val_x)
    assert not large.train_x.equal(other.train_x)
    assert not large.val_y.equal(other.val_y)
    place = (large.train_x[:, :2] * 255).round().long() @ large.train_x.new_tensor([256, 1]).long()
    assert large.train_true.equal(place % 10)
    assert int((large.train_y != large.train_true).sum()) == 40
    assert large.labels_for(50).equal(small.train_y)


def test_without_a_folder_the_data_set_is_refused() -> None:
    with pytest.raises(KnobError, match="no files of images"):
        load(parse({"dataset": "idx"}))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (TRAIN, b"", "is cut off"),
        (TRAIN, b"\0\0\x08", "is cut off"),
        (TRAIN, b"no such magic number", "it begins with 6e6f2073, not with 00000803"),
        (TRAIN, as_idx(pictures(1200))[:-1], "its header promises 1 more bytes"),
        (TRAIN, as_idx(pictures(1200)) + b"x", "is longer than its header says"),
        (TRAIN, as_idx(pictures(1200), count=4_000_000_000), "has 4,000,000,000 images, but 1,200 labels"),
        (TRAIN, as_idx(pictures(1100)), "1,100 images, but 1,200 labels"),
        (TRAIN, as_idx(pictures(1200), kind=13), "00000d03"),
        (TRAIN, as_idx(pictures(1200, 29)), "29×29 pixels; they must be square, of 8 to 28"),
        (TRAIN, as_idx(pictures(1200, 7)), "7×7 pixels"),
        (TRAIN, as_idx(np.zeros((1200, 8, 9), np.uint8)), "8×9 pixels"),
        (LABELS, as_idx(np.arange(1200).astype(np.uint8) % 21), "go up to 20; at most 19"),
        (LABELS, as_idx(np.zeros(1200, np.uint8)), "all the same"),
        (LABELS, as_idx(np.zeros(1200, np.uint8), count=4_000_000_000), "promises 3,999,998,800 more bytes"),
        (LABELS, b"\0\0\x08\x03", "it begins with 00000803, not with 00000801"),
        (TEST, as_idx(pictures(100, 9)), "differ in size"),
        (TEST, as_idx(pictures(99)), "99 images, but 100 labels"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    write(tmp_path, pictures(1200), test=100)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageFilesError) as refused:
        read(tmp_path)
    message = str(refused.value)
    assert words in message
    assert name in message or name.replace("labels-idx1", "images-idx3") in message
    assert str(tmp_path) not in message


def test_a_compressed_file_that_is_cut_off_or_none_is_named(tmp_path: Path) -> None:
    write(tmp_path, pictures(1200), end=".gz")
    whole = (tmp_path / f"{TRAIN}.gz").read_bytes()
    damaged = whole[:60] + bytes(60) + whole[120:]
    for broken, words in ((whole[:-100], "is cut off"), (b"not gzip at all", "cannot be read"), (damaged, "")):
        (tmp_path / f"{TRAIN}.gz").write_bytes(broken)
        with pytest.raises(ImageFilesError) as refused:
            read(tmp_path)
        assert f"{TRAIN}.gz" in str(refused.value)
        assert words in str(refused.value)


def test_a_folder_without_what_is_needed_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ImageFilesError, match="cannot be read: No such file"):
        read(tmp_path / "nowhere")
    with pytest.raises(ImageFilesError, match="no file of training images"):
        read(tmp_path)
    write(tmp_path, pictures(1050))
    with pytest.raises(ImageFilesError, match="1,050 images; at least 1,100 are needed"):
        read(tmp_path)
    (tmp_path / LABELS).unlink()
    with pytest.raises(ImageFilesError, match=f"{LABELS} or {LABELS}.gz is missing"):
        read(tmp_path)
    (tmp_path / f"second-{TRAIN}").write_bytes(b"")
    with pytest.raises(ImageFilesError, match="several files"):
        read(tmp_path)


def bomb(header: bytes, megabytes: int) -> bytes:
    """A file of zeros behind a header, compressed a thousandfold."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(header)
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("count", "words"),
    [(2**32 - 1, "has more than 10,000,000 labels"), (1200, "is longer than its header says")],
)
def test_a_compressed_file_that_would_fill_the_memory_is_refused_before_it_does(
    tmp_path: Path, count: int, words: str
) -> None:
    images = bytes((0, 0, 8, 3)) + b"".join(each.to_bytes(4, "big") for each in (1200, 8, 8)) + bytes(1200 * 64)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(images)
    labels = bomb(bytes((0, 0, 8, 1)) + count.to_bytes(4, "big"), 200)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(labels)
    tracemalloc.start()
    try:
        with pytest.raises(ImageFilesError, match=words):
            read(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
