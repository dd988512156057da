"""A row is inside by a rule that keeps its promises: about chance, about what nobody would care for, about claims."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evidence.verdict import POINTS, allowed, judge, margin
from trainer.presets.expected import Row

RATE = 1e-3


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
    assert judge(row(), values.tolist(), RATE).word == "outside"


@pytest.mark.parametrize(
    ("values", "word"),
    [([0.5, 0.9], "inside"), ([0.5, 1.1], "outside"), ([0.9, math.nan], "outside"), ([], "not measured")],
)
def test_a_claim_on_each_seed_holds_in_each_or_not_at_all(values: list[float], word: str) -> None:
    claim = row(kind="each", expected=None, sd=None, high=1.0)
    assert judge(claim, values, RATE).word == word


def test_a_claim_on_the_mean_may_fail_in_a_seed() -> None:
    claim = row(kind="mean-within", expected=None, sd=None, low=-1.0, high=1.0)
    assert judge(claim, [1.5, 0.1], RATE).word == "inside"
    assert judge(claim, [1.5, 0.7], RATE).word == "outside"


def test_a_figure_that_does_not_exist_is_outside() -> None:
    assert judge(row(), [1.0, math.nan], RATE).word == "outside"


def test_without_a_figure_to_compare_with_there_is_no_verdict() -> None:
    assert judge(row(expected=None, sd=None), [1.0, 2.0], RATE).word == "not measured"


@pytest.mark.parametrize(
    ("limits", "value", "word"),
    [
        ({"low": 0.5}, 0.4, "outside"),
        ({"low": 0.5}, 0.5, "inside"),
        ({"low": 0.5}, 1e9, "inside"),
        ({"high": 0.5}, 0.6, "outside"),
        ({"high": 0.5}, 0.5, "inside"),
        ({"high": 0.5}, -1e9, "inside"),
    ],
)
@pytest.mark.parametrize("kind", ["each", "mean-within"])
def test_a_claim_has_the_limits_that_it_names_and_no_others(
    kind: str, limits: dict[str, float], value: float, word: str
) -> None:
    found = judge(row(kind=kind, expected=None, sd=None, **limits), [value], RATE)
    assert found.word == word
    assert (found.low, found.high) == (limits.get("low", -math.inf), limits.get("high", math.inf))


@pytest.mark.parametrize(
    ("changed", "values"),
    [({"sd": None}, [1.0, 2.0]), ({}, []), ({"seeds": 1}, [1.0])],
    ids=["no deviation is known", "nothing was measured", "one run against one"],
)
def test_where_nothing_is_known_of_chance_anything_is_inside(changed: dict[str, object], values: list[float]) -> None:
    assert allowed(row(**changed), values, 0.01) == (-math.inf, math.inf)


def test_two_runs_against_one_have_one_degree_of_freedom() -> None:
    # t with 1 degree of freedom at 1% is 63.657; deviations of 0 and .1 of two, pooled .1; √(1 + 1/2).
    low, high = allowed(row(seeds=1), [1.0 - 0.1 / math.sqrt(2), 1.0 + 0.1 / math.sqrt(2)], 0.01)
    assert high - low == pytest.approx(2 * (0.02 + 63.657 * 0.1 * math.sqrt(1.5)), rel=1e-4)


@pytest.mark.parametrize(
    ("unit", "expected", "least"),
    [("%", 90.0, 0.25), ("points", 3.0, 0.25), ("steps", 400.0, 25.0), ("nats", -2.0, 0.04), ("", None, 0.0)],
)
def test_the_margin_is_what_nobody_would_care_for(unit: str, expected: float | None, least: float) -> None:
    assert margin(row(unit=unit, expected=expected)) == pytest.approx(least)


def test_a_verdict_tells_the_mean_and_the_deviation_of_what_it_judged() -> None:
    verdict = judge(row(), [1.0, 1.2], RATE)
    assert verdict.values == (1.0, 1.2)
    assert verdict.mean == pytest.approx(1.1)
    assert verdict.sd == pytest.approx(0.1 * math.sqrt(2))
    assert (verdict.low, verdict.high) == allowed(row(), [1.0, 1.2], RATE)
    assert math.isnan(judge(row(), [1.0], RATE).sd)
    assert math.isnan(judge(row(), [], RATE).mean)
