"""A row is inside by a rule that keeps its promises: about chance, about what nobody would care for, about claims."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evidence.verdict import FALSE_ALARMS, FIGURES, POINTS, RATE, allowed, judge, margin
from trainer.presets.expected import Row, expected


def row(**changes: object) -> Row:
    given = {"id": "x", "label": "a figure", "unit": "nats", "expected": 1.0, "sd": 0.1, "seeds": 5}
    return Row(**(given | changes))  # type: ignore[arg-type]


def test_the_limits_are_those_of_the_tables() -> None:
    # Two samples of five with a deviation of .1 each, at 1%: t with 8 degrees of freedom is 3.355, the standard error
    # of the difference .1 √(2/5), and the margin 2% of 1.
    values = 1 + 0.1 * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])  # deviation .1
    low, high = allowed(row(), values.tolist(), 0.01)
    reach = 0.02 + 3.355 * 0.1 * math.sqrt(2 / 5)
    assert (low, high) == pytest.approx((1 - reach, 1 + reach), abs=1e-4)


def test_of_a_single_seed_the_limits_are_those_of_one_more_run() -> None:
    # t with 4 degrees of freedom at 1% is 4.604; one more run lies about the mean of five with .1 √(1 + 1/5).
    low, high = allowed(row(), [1.0], 0.01)
    assert high - low == pytest.approx(2 * (0.02 + 4.604 * 0.1 * math.sqrt(1.2)), abs=1e-3)


def test_false_alarms_are_as_rare_as_promised_and_no_rarer_than_they_need_be() -> None:
    rng = np.random.default_rng(0)
    rate, rounds, alarms = 0.05, 4000, 0
    for _ in range(rounds):
        theirs, ours = rng.normal(size=(2, 5))
        known = row(expected=theirs.mean(), sd=theirs.std(ddof=1), unit="")
        low, high = allowed(known, ours.tolist(), rate)
        reach = (high - low) / 2 - margin(known)  # of chance alone
        alarms += abs(ours.mean() - theirs.mean()) > reach
    # Binomial(4000, .05): 200 ± 13.8, five deviations either way.
    assert abs(alarms - rate * rounds) < 5 * math.sqrt(rounds * rate * (1 - rate))


def test_a_true_difference_within_the_margin_raises_no_more_false_alarms_than_none() -> None:
    rng = np.random.default_rng(1)
    rate, rounds, alarms = 0.05, 2000, 0
    for _ in range(rounds):
        theirs, ours = rng.normal(90, 0.3, (2, 5))
        known = row(expected=theirs.mean(), sd=theirs.std(ddof=1), unit="%")
        alarms += judge(known, (ours + POINTS).tolist(), rate).word == "outside"
    assert alarms < rounds * rate + 5 * math.sqrt(rounds * rate * (1 - rate))


def test_a_difference_that_matters_is_found() -> None:
    # Six deviations: beyond t(8) at the rate of one row, 6.9 standard errors of .63 deviations, and the margin.
    values = 1.7 + 0.1 * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    assert judge(row(), values.tolist()).word == "outside"


def test_all_rows_together_share_one_rate_of_false_alarms() -> None:
    figures = sum(not each.is_claim for rows in expected().values() for each in rows)
    assert figures == FIGURES
    assert pytest.approx(FALSE_ALARMS) == RATE * figures


@pytest.mark.parametrize(
    ("values", "word"),
    [([0.5, 0.9], "inside"), ([0.5, 1.1], "outside"), ([0.9, math.nan], "outside"), ([], "not measured")],
)
def test_a_claim_on_each_seed_holds_in_each_or_not_at_all(values: list[float], word: str) -> None:
    claim = row(kind="each", expected=None, sd=None, high=1.0)
    assert judge(claim, values).word == word


def test_a_claim_on_the_mean_may_fail_in_a_seed() -> None:
    claim = row(kind="mean-within", expected=None, sd=None, low=-1.0, high=1.0)
    assert judge(claim, [1.5, 0.1]).word == "inside"
    assert judge(claim, [1.5, 0.7]).word == "outside"


def test_a_figure_that_does_not_exist_is_outside() -> None:
    assert judge(row(), [1.0, math.nan]).word == "outside"


def test_what_is_known_not_to_come_out_is_not_reproduced_and_what_does_is_inside_all_the_same() -> None:
    known = row(not_reproduced="another network")
    assert judge(known, [9.0, 9.1]).word == "not reproduced"
    assert judge(known, [1.0, 1.1]).word == "inside"


def test_without_a_figure_to_compare_with_there_is_no_verdict() -> None:
    assert judge(row(expected=None, sd=None), [1.0, 2.0]).word == "not measured"
