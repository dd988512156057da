"""The past of a run: rings and curves against the plain list of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.history import Curve, History, Ring
from tests.app.fakes import UNITS, mask_of, scores_tensors, steps_tensors
from trainer.wire.frames import Frame, decode

LIKE: dict[str, NDArray[Any]] = {"step": np.empty(0, np.uint32), "loss": np.empty((0, 2), np.float32)}


def table(first: int, count: int) -> dict[str, NDArray[Any]]:
    step = np.arange(first, first + count, dtype=np.uint32)
    return {"step": step, "loss": np.stack((step, step * 2), axis=1).astype(np.float32)}


@pytest.mark.parametrize("cuts", [[1] * 50, [7] * 9, [3, 20, 1, 0, 5, 41, 2], [100], [10, 10, 10]])
def test_a_ring_holds_the_last_rows_however_they_came(cuts: list[int]) -> None:
    ring, first = Ring(10, LIKE), 1
    for count in cuts:
        ring.extend(table(first, count))
        first += count
        expected = table(max(1, first - 10), min(10, first - 1))
        assert ring.rows()["step"].tolist() == expected["step"].tolist()
        assert ring.rows()["loss"].tolist() == expected["loss"].tolist()


@pytest.mark.parametrize("cuts", [[1] * 120, [7] * 20, [3, 20, 1, 0, 5, 41, 2], [1000], [4, 4, 4]])
def test_a_curve_stays_within_its_limit_evenly_thinned_from_first_to_newest(cuts: list[int]) -> None:
    curve, first = Curve(16, LIKE), 1
    for count in cuts:
        curve.extend(table(first, count))
        first += count
        step = curve.rows()["step"].tolist()
        if first == 1:
            assert step == []
            continue
        assert len(step) <= 16
        assert (step[0], step[-1]) == (1, first - 1)
        gaps = set(np.diff(step[:-1]).tolist())
        assert len(gaps) <= 1
        assert len(step) == first - 1 or len(step) > 7  # thinned no more than needed: by halves
        assert curve.rows()["loss"][:, 1].tolist() == [2 * each for each in step]


def test_a_history_without_steps_has_every_tensor_with_no_row() -> None:
    tensors = decode(History(2, UNITS).frame("r", 3)).tensors
    expected = set(steps_tensors(1, 1)) | {"past/step", "past/loss"} | {f"scores/{name}" for name in scores_tensors(0)}
    assert set(tensors) == expected
    assert all(len(column) == 0 for column in tensors.values())
    assert all(tensors[name].dtype == column.dtype for name, column in steps_tensors(1, 1).items())
    assert all(tensors[name].shape[1:] == column.shape[1:] for name, column in steps_tensors(1, 1).items())


def test_a_history_tells_the_last_1024_masks_and_every_curve_from_its_start() -> None:
    history = History(2, UNITS)
    for first in range(1, 5001, 50):
        history.add(Frame("steps", "r", first, steps_tensors(first, 50)))
        history.add(Frame("scores", "r", first, scores_tensors(first)))
        history.add(Frame("graph", "r", first, {}))
    frame = decode(history.frame("r", 9))
    assert (frame.kind, frame.run, frame.seq) == ("history", "r", 9)
    assert frame.tensors["step"].tolist() == list(range(3977, 5001))
    for row in (0, 500, 1023):
        assert frame.tensors["mask/hidden3"][row].tolist() == mask_of(3977 + row, "hidden3").tolist()
    past = frame.tensors["past/step"]
    assert 1000 <= len(past) <= 2000
    assert (past[0], past[-1]) == (1, 5000)
    assert frame.tensors["scores/step"].tolist() == list(range(1, 5001, 50))
