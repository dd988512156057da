"""Frames of a watched model as one: nothing is lost while there is room, and then the oldest is."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.backlog import JOINED_BYTES, Packet
from app.watched.frames import Known, check_frame
from app.watched.joining import (
    MOST_POINTS,
    MOST_ROWS,
    MOST_WAITING,
    WatchBacklog,
    join_metrics,
    join_rows,
    tables_of,
    thinned,
    widened,
)
from app.watched.kept import FEWEST_BYTES, ROWS_BYTES, Kept
from tests.anything import tried
from tests.app.watched.feeding import metrics, rows, summary
from trainer.wire.frames import Frame, encode, unpack

FULL: dict[int, int] = {0: 1024}


def packet(seq: int, kind: str, tensors: dict[str, Any]) -> Packet:
    return Packet(encode(Frame(kind, "w", seq, tensors)))


def kept_of(sites: int = 1, series: int = 3) -> Kept:
    kept = Kept("w")
    kept.suit(sites, series)
    return kept


def steps(found: Packet, index: int = 0) -> list[int]:
    listed: list[int] = found.frame.tensors[f"step/{index}"].tolist()
    return listed


def test_one_frame_stays_as_it_is() -> None:
    for kind, tensors in (("rows", rows([1, 2])), ("metrics", metrics([1])), ("summary", summary(1))):
        backlog, sent = WatchBacklog(), packet(1, kind, tensors)
        backlog.put(sent)
        assert backlog.take() == [sent]
        assert backlog.take() == []


def test_rows_are_appended_site_by_site() -> None:
    joined = join_rows([packet(1, "rows", rows([1, 2], {0: 8})), packet(2, "rows", rows([3], {0: 8, 1: 8}))])
    assert (steps(joined), steps(joined, 1), joined.seq, joined.frame.meta) == ([1, 2, 3], [3], 2, {})


def test_rows_of_a_site_that_has_grown_are_as_wide_as_the_widest() -> None:
    for frames in ([(1, 8), (2, 20)], [(1, 20), (2, 8)]):
        parts = [packet(seq, "rows", rows([seq], {0: units})) for seq, units in frames]
        kept = kept_of()
        for part in parts:
            kept.add(part.frame)
        for joined in (join_rows(parts), *kept.frames()):
            mask = joined.frame.tensors["mask/0"]
            assert mask.shape == (2, 3)
            for row, (seq, units) in enumerate(frames):
                assert joined.frame.tensors["used/0"][row] == units
                wanted = unpack(parts[row].frame.tensors["mask/0"][0], units)
                assert np.array_equal(unpack(mask[row], units), wanted), seq
    assert widened(np.ones((2, 3), np.uint8), 2).shape == (2, 3)


def test_joined_rows_have_a_bounded_size_and_say_what_was_left_out() -> None:
    units = {0: 1024, 1: 1024}
    parts = [packet(seq, "rows", rows(list(range(seq * 100, seq * 100 + 100)), units)) for seq in range(1, 31)]
    joined = join_rows(parts)
    assert len(joined.raw) < JOINED_BYTES + 4096
    assert len(steps(joined)) == len(steps(joined, 1)) > 500
    assert steps(joined)[-1] == 3099
    assert int(joined.frame.meta["skipped"]) == 2 * (3000 - len(steps(joined)))
    again = join_rows([joined, packet(31, "rows", rows([4000], units))])
    assert int(again.frame.meta["skipped"]) == 2 * (3001 - len(steps(again)))


@tried(50)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(0, 11))
def test_a_backlog_says_of_every_row_that_it_came_or_was_left_out(counts: list[int], taken: int) -> None:
    backlog, last, got, skipped, numbers = WatchBacklog(), 0, list[int](), 0, list[int]()

    def take() -> None:
        nonlocal skipped
        for found in backlog.take():
            skipped += int(found.frame.meta.get("skipped", "0"))
            got.extend(steps(found))
            numbers.append(found.seq)

    for seq, count in enumerate(counts, 1):
        backlog.put(packet(seq, "rows", rows(list(range(last + 1, last + count + 1)), FULL)))
        last += count
        if seq % 12 == taken:
            take()
    take()
    assert len(got) + skipped == last
    assert got == sorted(set(got))
    assert got[-1] == last
    assert numbers == sorted(set(numbers))


def test_what_waits_takes_no_more_memory_than_it_may() -> None:
    backlog = WatchBacklog()
    for seq in range(1, 600):
        backlog.put(packet(seq, "rows", rows([seq], FULL)))
        backlog.put(packet(1000 + seq, "metrics", metrics(list(range(seq * 200, seq * 200 + 200)), tuple(range(3)))))
        assert all(len(each) <= MOST_WAITING + 1 for each in backlog._waiting.values())
    found = {each.kind: each for each in backlog.take()}
    assert all(len(each.raw) < 2 * JOINED_BYTES for each in found.values())


def test_of_curves_the_older_half_is_thinned_and_the_ends_stay() -> None:
    columns = {"step": np.arange(4001, dtype=np.uint32), "value": np.arange(4001, dtype=np.float32)}
    fewer = thinned(columns, MOST_POINTS)
    assert len(fewer["step"]) == 3001
    assert fewer["step"][:3].tolist() == [0, 2, 4]
    assert np.array_equal(fewer["step"][-2001:], np.arange(2000, 4001))
    assert np.array_equal(fewer["step"], fewer["value"].astype(np.uint32))
    assert len(thinned({"step": np.arange(10**6)}, MOST_POINTS)["step"]) <= MOST_POINTS
    joined = join_metrics([packet(1, "metrics", metrics([1], (0,))), packet(2, "metrics", metrics([2], (1,)))])
    assert tables_of(joined.frame.tensors).keys() == {0, 1}


def test_so_many_rows_of_each_site_are_kept_and_the_oldest_go() -> None:
    kept = kept_of(2)
    for seq in range(1, 51):
        kept.add(
            Frame("rows", "w", seq, rows(list(range(seq * 50, seq * 50 + 50)), {0: 64} if seq > 2 else {0: 64, 1: 8}))
        )
    (found,) = kept.frames()
    assert steps(found) == list(range(2550 - MOST_ROWS, 2550))
    assert steps(found, 1) == list(range(50, 150))
    check_frame(found.frame, Known(2))


def test_where_there_are_many_sites_each_keeps_fewer_rows_all_alike() -> None:
    units = dict.fromkeys(range(40), 1024)
    kept = kept_of(40)
    for seq in range(1, 60):
        kept.add(Frame("rows", "w", seq, rows(list(range(seq * 20, seq * 20 + 20)), units)))
    (found,) = kept.frames()
    counts = {len(steps(found, site)) for site in units}
    assert counts == {ROWS_BYTES // (40 * 155)}
    assert kept.shrink()
    (fewer,) = kept.frames()
    assert len(steps(fewer)) == min(counts) // 2
    assert steps(fewer)[-1] == 1199
    for _ in range(10):
        kept.shrink()
    assert (kept.shrink(), kept.size < 8 * FEWEST_BYTES) == (False, True)


def test_a_frame_for_who_comes_late_does_not_change_afterwards() -> None:
    kept = kept_of()
    kept.add(Frame("rows", "w", 1, rows([1], {0: 8})))
    (before,) = kept.frames()
    assert kept.frames() == [before]
    for seq in range(2, 40):
        kept.add(Frame("rows", "w", seq, rows(list(range(seq * 200, seq * 200 + 200)), {0: 8})))
    assert steps(before) == [1]


def test_a_watch_takes_no_more_memory_than_it_may_whatever_it_is_sent() -> None:
    """512 sites of the widest rows, 64 series and the largest summaries, for longer than is kept."""
    sites = 512
    units = dict.fromkeys(range(sites), 1024)
    of_many = rows(list(range(10)), units)
    points = metrics(list(range(1000)), tuple(range(64)))
    newest = summary(1, dict.fromkeys(range(sites), 900))
    tracemalloc.start()
    try:
        kept = kept_of(sites, 64)
        before = tracemalloc.get_traced_memory()[0]
        for seq in range(1, 31, 3):
            kept.add(Frame("rows", "w", seq, of_many))
            kept.add(Frame("metrics", "w", seq + 1, points))
            kept.add(Frame("summary", "w", seq + 2, newest))
            kept.frames()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 32 * 2**20
    assert abs(kept.size - taken) < 6 * 2**20
