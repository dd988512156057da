"""What piles up behind a viewer: joined without loss up to 256 KiB, and honestly beyond."""

from __future__ import annotations

import numpy as np
import pytest

from app.backlog import JOINED_BYTES, SCORES_ROWS, Backlog, Packet
from tests.app.fakes import mask_of, scores_tensors, steps_tensors
from trainer.frames import Frame, decode, encode


def steps(first: int, count: int, seq: int, lanes: int = 2) -> Packet:
    return Packet(encode(Frame("steps", "r", seq, steps_tensors(first, count, lanes))))


def test_a_frame_that_waits_alone_leaves_as_the_very_bytes_that_came() -> None:
    backlog = Backlog()
    packet = steps(1, 5, 1)
    backlog.put(packet)
    assert backlog.take() == [packet]
    assert not backlog


def test_steps_are_joined_with_every_mask_in_order() -> None:
    backlog = Backlog()
    for index in range(30):
        backlog.put(steps(1 + 20 * index, 20, index))
    [joined] = backlog.take()
    frame = decode(joined.raw)
    assert frame.seq == 29
    assert frame.meta["skipped"] == "0"
    assert frame.tensors["step"].tolist() == list(range(1, 601))
    assert "past/step" not in frame.tensors
    for row in (0, 333, 599):
        assert frame.tensors["mask/input"][row].tolist() == mask_of(row + 1, "input").tolist()


@pytest.mark.parametrize(("lanes", "last"), [(2, 20_000), (64, 6_000), (2, 3_000)])
def test_beyond_256_kib_the_oldest_masks_are_counted_and_their_losses_thinned(lanes: int, last: int) -> None:
    backlog = Backlog()
    for index, first in enumerate(range(1, last + 1, 40)):
        backlog.put(steps(first, 40, index, lanes))
    [joined] = backlog.take()
    assert len(joined.raw) <= JOINED_BYTES
    frame = decode(joined.raw)
    shown, past = frame.tensors["step"], frame.tensors["past/step"]
    skipped = int(frame.meta["skipped"])
    end = shown[-1]
    assert skipped > 0
    assert shown.tolist() == list(range(skipped + 1, int(end) + 1))
    assert 2 <= len(past) <= 2000
    assert past[-1] == skipped
    assert (np.diff(past.astype(np.int64)) > 0).all()
    assert frame.tensors["past/loss"][:, 1].tolist() == (past + 1).tolist()
    # At least half of the limit is used: no more is thrown away than must be.
    assert len(joined.raw) > JOINED_BYTES / 2


def test_what_waits_for_ever_stays_bounded() -> None:
    backlog = Backlog()
    for index in range(400):
        backlog.put(steps(1 + 100 * index, 100, index))
        waiting = sum(len(packet.raw) for packet in backlog._waiting["steps"])
        assert waiting <= 2 * JOINED_BYTES + 20_000
    [joined] = backlog.take()
    frame = joined.frame
    assert int(frame.meta["skipped"]) + len(frame.tensors["step"]) == 40_000


def test_scores_are_joined_and_thinned_to_2000_rows_with_the_newest() -> None:
    backlog = Backlog()
    for index in range(4500):
        backlog.put(Packet(Frame("scores", "r", index, scores_tensors(25 * index))))
    [joined] = backlog.take()
    step = joined.frame.tensors["step"]
    assert SCORES_ROWS / 4 < len(step) <= SCORES_ROWS
    assert step[-1] == 25 * 4499
    assert (np.diff(step.astype(np.int64)) > 0).all()


def test_pictures_give_way_to_the_newest() -> None:
    backlog = Backlog()
    for seq in range(9):
        for kind in ("graph", "ensemble", "boundary"):
            backlog.put(Packet(Frame(kind, "r", seq, {"step": np.array([seq], np.uint32)})))
    assert [(packet.kind, packet.seq) for packet in backlog.take()] == [("graph", 8), ("ensemble", 8), ("boundary", 8)]


def test_what_is_taken_comes_in_the_order_of_its_numbers() -> None:
    backlog = Backlog()
    for seq, kind in enumerate(["graph", "ensemble", "graph", "boundary"]):
        backlog.put(Packet(Frame(kind, "r", seq, {})))
    assert [packet.seq for packet in backlog.take()] == [1, 2, 3]
