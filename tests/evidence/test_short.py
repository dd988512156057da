"""The short version of ``make evidence``: every experiment, few seeds, and margins as wide as few seeds need.

A figure is a mean of n stored seeds with a standard deviation s. If one more seed comes from the same distribution, it
lies within t(n - 1) · s · sqrt(1 + 1/n) of that mean but for the rate at which t is exceeded (the prediction interval;
`evidence.verdict` has the general rule and adds the margin below which nobody would care). That finds what is broken,
not what is a little off; the claims are as sharp as they say, and ``make evidence``, which judges by pairs, is sharper.
A loss is positive, and now and then a seed is hard: over seeds its logarithm is nearer to a normal distribution than it
is, so that losses are held against the interval of their logarithms.

Over the rows here a false alarm has a probability of at most 3%, if seeds were drawn at random; they are fixed, so that
it would have come up already.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import pytest

from evidence.measures import MEASURES
from evidence.verdict import Verdict, judge, spread
from trainer.presets import PRESETS, Preset, find_preset
from trainer.presets.expected import Row, expected_for
from trainer.presets.seeds import values_of

pytestmark = pytest.mark.long
RATE: Final = 1e-4
SEEDS: Final = {"averages": 3}  # it has claims on the mean over seeds
SHORT: Final[dict[str, tuple[tuple[int, ...], int]]] = {
    "rate": ((0, 2, 5, 9), 7),
    "rate-hidden-only": ((0, 5, 9), 3),
    "rate-constant-width": ((0, 5, 8), 3),
    "data-size": ((0, 2, 5, 6, 8, 11), 9),
    "data-size-true-labels": ((0, 2, 5, 6, 8, 11), 9),
    "variance-shift": ((0, 5, 9), 8),
    "variance-shift-linear": ((0, 5, 9), 6),
    "regularisers": ((0, 4, 6, 8), 10),
    "convolutional": ((0, 3, 4), 7),
    "recurrent": ((0, 4), 4),
}
"""Experiments of which not all lanes are trained here: which are, and how many rows they have."""

GRID: Final = {"method": "grid", "input": [0.0, 0.2], "hidden": [0.5], "learning_rate": [1e-3, 2e-3]}
GRID_ROWS: Final = ("default_loss", "best_ceiling")  # of four candidates: the best of 64 is another matter


def shortened(preset: Preset) -> Preset:
    """The same with less to train, where all of it would take long."""
    if preset.id in SHORT:
        lanes = [preset.knobs["lanes"][lane] for lane in SHORT[preset.id][0]]
        return replace(preset, knobs={**preset.knobs, "lanes": lanes})
    return replace(preset, search=GRID) if preset.id == "search" else preset


def held(name: str, row: Row, values: list[float]) -> Verdict:
    """Hold a figure of an experiment against the stored seeds; of a loss, the logarithms."""
    stored = [*values_of("lab", name, row.id).values()]
    if row.unit != "nats" or row.is_claim or len(stored) < 2 or min(*stored, *values) <= 0:
        return judge(row, values, RATE)
    logs = [math.log(each) for each in stored]
    of_logs = replace(row, expected=math.fsum(logs) / len(logs), sd=spread(logs))
    return judge(of_logs, [math.log(each) for each in values], RATE)


@pytest.mark.parametrize("name", [preset.id for preset in PRESETS])
def test_an_experiment_shows_what_it_is_there_to_show(name: str) -> None:
    preset = shortened(find_preset(name))
    found = [MEASURES[name](preset, seed) for seed in range(SEEDS.get(name, 1))]
    rows = [row for row in expected_for(name) if name != "search" or row.id in GRID_ROWS]
    if name in SHORT:
        rows = [row for row in rows if not math.isnan(found[0].get(row.id, math.nan))]  # of lanes that are trained
        assert len(rows) == SHORT[name][1]
    verdicts = [held(name, row, [values[row.id] for values in found]) for row in rows]
    outside = [
        f"{each.row.label}: {each.mean:.4g}, inside is {each.low:.4g} to {each.high:.4g}"
        for each in verdicts
        if each.word != "inside"
    ]
    assert not outside
