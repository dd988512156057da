"""Rows are judged by pairs, together, and no more of them are called outside by mistake than is promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evidence.pairs import FALSE_ALARMS, Paired, holm, judge_all, shortened
from trainer.presets.expected import Row

LOSS = Row("loss", "Loss", "")
NAN = math.nan


def paired(lab: list[float], plain: list[float], row: Row = LOSS) -> Paired:
    return Paired(row, dict(enumerate(lab)), dict(enumerate(plain)))


def judged(*rows: Paired) -> list[Paired]:
    return judge_all(rows)


def test_a_difference_is_tested_by_the_pairs_and_not_by_what_seeds_vary_by() -> None:
    splits = np.array([1.0, 5.0, 9.0, 13.0])  # far apart; what is compared is the same split on both sides
    (row,) = judged(paired((splits + 1).tolist(), (splits + np.array([0.01, -0.01, 0.01, -0.01])).tolist()))
    assert row.word == "outside"
    assert row.difference == pytest.approx(1.0)
    error = np.std([0.99, 1.01, 0.99, 1.01], ddof=1) / 2
    assert row.error == pytest.approx(error)
    assert row.p == pytest.approx(2 * stats.t.sf(1.0 / error, 3))  # this row has no margin
    assert row.pairs == 4


def test_within_the_margin_nothing_is_outside() -> None:
    row = Row("a", "A", "%", expected=90.0, sd=1.0, seeds=4)
    (found,) = judged(paired([90.2] * 4, [90.0] * 4, row))
    assert (found.word, found.p) == ("inside", 1.0)
    (found,) = judged(paired([90.3] * 4, [90.0] * 4, row))
    assert (found.word, found.p) == ("outside", 0.0)


def test_only_seeds_that_both_sides_have_are_pairs() -> None:
    row = Paired(LOSS, {1: 1.0, 2: 2.0, 3: 3.0, 4: NAN, 5: 5.0}, {1: 1.0, 2: 2.1, 3: 2.9, 4: 4.0})
    (found,) = judged(row)
    assert found.pairs == 3
    assert found.difference == pytest.approx(0.0)
    (few,) = judged(paired([1.0, 2.0], [1.0, 2.0]))
    assert few.word == "not measured"


def test_what_plain_pytorch_does_not_measure_has_no_reference() -> None:
    assert [row.word for row in judged(paired([1.0, 2.0, 3.0], []), paired([], []))] == ["no reference", "not measured"]


def test_holm_multiplies_the_least_by_all_and_never_goes_back() -> None:
    assert holm({0: 0.01, 1: 0.04, 2: 0.03, 3: 0.9}) == pytest.approx({0: 0.04, 2: 0.09, 1: 0.09, 3: 0.9})
    assert holm({0: 0.6, 1: 0.7}) == {0: 1.0, 1: 1.0}
    assert holm({}) == {}


def test_any_false_alarm_among_all_rows_is_as_rare_as_promised() -> None:
    rng = np.random.default_rng(0)
    rounds, alarms = 400, 0
    for _ in range(rounds):
        values = rng.normal(size=(30, 2, 8))
        rows = judged(*(paired(lab.tolist(), plain.tolist()) for lab, plain in values))
        alarms += any(row.word == "outside" for row in rows)
    # Binomial(400, .05): 20 ± 4.4, five deviations above.
    assert 0 < alarms < FALSE_ALARMS * rounds + 5 * math.sqrt(rounds * FALSE_ALARMS * (1 - FALSE_ALARMS))


@pytest.mark.parametrize(
    ("values", "word"),
    [([0.5, 0.9], "inside"), ([0.5, 1.1], "outside"), ([0.9, NAN], "outside"), ([], "not measured")],
)
def test_a_claim_on_each_seed_holds_in_each_or_not_at_all(values: list[float], word: str) -> None:
    (found,) = judged(paired(values, [], Row("c", "C", "%", kind="each", high=1.0)))
    assert (found.word, found.p) == (word, None)


def test_a_claim_on_the_mean_is_tested_against_its_nearer_limit() -> None:
    claim = Row("m", "M", "points", kind="mean-within", low=-1.0, high=1.0)
    values = [1.5, 1.6, 1.4, 1.5]
    within, beyond = judged(paired([1.5, 0.1, 0.4], [], claim), paired(values, [], claim))
    assert (within.word, within.p) == ("inside", 1.0)
    assert beyond.word == "outside"
    assert beyond.difference == pytest.approx(0.5)


def test_what_is_kept_has_three_digits_and_no_nan() -> None:
    assert shortened(0.123456) == 0.123
    assert shortened(1234.5, 4) == 1234
    assert shortened(NAN) is None
    assert shortened(None) is None
    kept = judged(paired([1.23456, 2.0, 3.1], [1.0, 2.0, 3.0]))[0].kept
    assert (kept.pairs, kept.difference) == (3, 0.112)
