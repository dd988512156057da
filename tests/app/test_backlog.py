"""What piles up behind a viewer: joined without loss up to 256 KiB, and honestly beyond."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.backlog import JOINED_BYTES, SCORES_ROWS, Backlog, Packet, join_scores
from tests.app.fakes import mask_of, scores_tensors, steps_tensors
from trainer.wire.frames import Frame, decode, encode


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


@pytest.mark.parametrize(("lanes", "last"), [(1, 20_000), (2, 20_000), (64, 6_000), (2, 3_000)])
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
    gaps = np.diff(past.astype(np.int64))
    assert (gaps > 0).all()
    assert past[0] == 1, "the oldest stays"
    # Half of the points that are kept in a thinning lie in the older half of the steps, but for cells without a row.
    assert (past <= skipped / 2).sum() >= len(past) / 8, "what was thinned before is not thinner than the rest"
    per_row = sum(column.nbytes for column in steps_tensors(1, 1, lanes).values())
    assert len(shown) == (JOINED_BYTES - JOINED_BYTES // 4) // per_row, "three quarters of it hold masks"
    assert frame.tensors["past/loss"][:, -1].tolist() == (past + lanes - 1).tolist()
    # At least half of the limit is used: no more is thrown away than must be.
    assert len(joined.raw) > JOINED_BYTES / 2


def test_what_waits_for_ever_stays_bounded() -> None:
    backlog = Backlog()
    for index in range(400):
        backlog.put(steps(1 + 100 * index, 100, index))
        waiting = sum(len(packet.raw) for packet in backlog._waiting["steps"])
        assert waiting <= 2 * JOINED_BYTES + 20_000
        assert backlog, "something waits"
    [joined] = backlog.take()
    frame = joined.frame
    assert int(frame.meta["skipped"]) + len(frame.tensors["step"]) == 40_000


def test_scores_are_joined_and_thinned_to_2000_rows_with_the_newest() -> None:
    backlog = Backlog()
    for index in range(4500):
        backlog.put(Packet(Frame("scores", "r", index, scores_tensors(25 * index))))
        assert len(backlog._waiting["scores"]) <= SCORES_ROWS
    [joined] = backlog.take()
    step = joined.frame.tensors["step"]
    assert SCORES_ROWS / 4 < len(step) <= SCORES_ROWS
    assert step[0] == 0
    assert (step <= step[-1] / 2).sum() >= len(step) / 8
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


def scores(step: int, seq: int) -> Packet:
    return Packet(encode(Frame("scores", "r", seq, scores_tensors(step), {"by": f"{seq}"})))


def test_what_is_joined_is_called_as_its_newest_part_is() -> None:
    backlog = Backlog()
    for seq in range(3):
        backlog.put(Packet(encode(Frame("steps", "r", 2 * seq, steps_tensors(1 + seq, 1, 2), {"by": f"{seq}"}))))
        backlog.put(scores(25 * seq, 2 * seq + 1))
    joined = [decode(packet.raw) for packet in backlog.take()]
    assert [(each.kind, each.run, each.seq) for each in joined] == [("steps", "r", 4), ("scores", "r", 5)]
    assert [each.meta["by"] for each in joined] == ["2", "5"]
    assert joined[1].tensors["step"].tolist() == [0, 25, 50]


def test_a_row_of_scores_that_waits_alone_leaves_as_the_very_bytes_that_came() -> None:
    backlog = Backlog()
    packet = scores(25, 1)
    backlog.put(packet)
    assert backlog.take() == [packet]


def test_nothing_is_joined_before_it_must_be() -> None:
    backlog = Backlog()
    for seq in range(3):
        backlog.put(steps(1 + seq, 1, seq))
        backlog.put(scores(seq, seq))
    assert {kind: len(packets) for kind, packets in backlog._waiting.items()} == {"steps": 3, "scores": 3}


@pytest.mark.parametrize("empty", [Backlog.take, Backlog.clear])
def test_after_it_was_emptied_it_takes_in_as_before(empty: Callable[[Backlog], object]) -> None:
    backlog = Backlog()
    for turn in range(2):
        backlog.put(steps(1, 5, turn))
        empty(backlog)
        assert not backlog
    backlog.put(steps(6, 2, 3))
    assert [packet.frame.tensors["step"].tolist() for packet in backlog.take()] == [[6, 7]]


def test_a_single_frame_that_is_too_large_is_cut_as_many_are() -> None:
    backlog = Backlog()
    backlog.put(steps(1, 6_000, 1))
    [cut] = backlog.take()
    assert len(cut.raw) <= JOINED_BYTES
    assert int(cut.frame.meta["skipped"]) + len(cut.frame.tensors["step"]) == 6_000


def test_no_mask_is_dropped_because_others_were_before() -> None:
    backlog = Backlog()
    past = {"past/step": np.array([3], np.uint32), "past/loss": np.zeros((1, 2), np.float32)}
    backlog.put(Packet(Frame("steps", "r", 1, steps_tensors(4, 2, 2) | past, {"skipped": "3"})))
    backlog.put(steps(6, 1, 2))
    [joined] = backlog.take()
    assert joined.frame.meta["skipped"] == "3"
    assert joined.frame.tensors["step"].tolist() == [4, 5, 6]
    assert joined.frame.tensors["past/step"].tolist() == [3]


def test_a_frame_is_the_same_under_another_number() -> None:
    frame = Frame("graph", "r", 7, {"step": np.array([3], np.uint32)}, {"pass": "training"})
    moved = decode(Packet(encode(frame)).moved(9).raw)
    assert (moved.kind, moved.run, moved.seq, moved.meta["pass"]) == ("graph", "r", 9, "training")
    assert moved.tensors["step"].tolist() == [3]


@pytest.mark.parametrize("over", range(-3000, 3001, 500))
def test_near_the_limit_too_no_frame_is_longer(over: int) -> None:
    per_row = sum(column.nbytes for column in steps_tensors(1, 1, 2).values())
    backlog = Backlog()
    for first in range(2):  # two, so that they are joined
        backlog.put(steps(1 + first, 1 if first == 0 else (JOINED_BYTES + over) // per_row, first))
    [joined] = backlog.take()
    assert len(joined.raw) <= JOINED_BYTES


@pytest.mark.parametrize(("came", "left"), [(SCORES_ROWS, SCORES_ROWS), (SCORES_ROWS + 1, SCORES_ROWS // 2)])
def test_rows_are_halved_once_there_are_too_many_and_not_before(came: int, left: int) -> None:
    joined = join_scores([scores(25 * index, index) for index in range(came)])
    assert len(joined.frame.tensors["step"]) == left
