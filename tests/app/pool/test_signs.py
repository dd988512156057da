from __future__ import annotations

import pytest

from app.pool.signs import DOUBT_S, TICK_S, Limits, Signs
from trainer.wire.stream import BEAT_S


def test_silence_is_doubted_first_and_then_is_the_end() -> None:
    signs, limits = Signs(), Limits(silent_s=4, stuck_s=120)
    signs.passed(DOUBT_S - 0.01)
    assert (signs.is_doubtful, signs.why_given_up(limits)) == (False, None)
    signs.passed(0.01)
    assert (signs.is_doubtful, signs.why_given_up(limits)) == (True, None)
    signs.passed(4 - DOUBT_S)
    assert signs.why_given_up(limits) == "it has said nothing for 4 seconds"
    signs.heard()
    assert (signs.is_doubtful, signs.why_given_up(limits)) == (False, None)


@pytest.mark.parametrize(
    ("busy_s", "given_up"), [(0, False), (119.9, False), (120, True), (1e9, True), ("120", False), (None, False)]
)
def test_a_worker_that_beats_may_be_at_one_thing_for_minutes_and_no_longer(busy_s: object, given_up: bool) -> None:
    signs = Signs()
    signs.heard()
    signs.beat({"op": "alive", "busy_s": busy_s})
    assert (signs.why_given_up(Limits()) is not None) is given_up
    signs.beat({"op": "alive", "busy_s": 0})
    assert signs.why_given_up(Limits()) is None


def test_one_missed_beat_is_no_silence_and_a_viewer_hears_of_one_before_two_seconds() -> None:
    assert 2 * BEAT_S < DOUBT_S < 2 - TICK_S
