"""What the page's rule of ties takes from stored runs follows from them, and all is stored alike."""

from __future__ import annotations

import json
import math
import re
import statistics
from itertools import combinations
from pathlib import Path
from typing import Any

from evidence.outcomes import FILE
from trainer.presets import PRESETS

VERDICT = Path(__file__).parents[2] / "static/js/model/verdict.js"
ALIKE = 0.1  # of ln of a ratio of losses: networks whose mean is within it are alike


def stored() -> dict[str, dict[str, Any]]:
    held: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return held


def test_every_experiment_has_outcomes_of_the_same_seeds() -> None:
    assert set(stored()) == {preset.id for preset in PRESETS}
    assert len({tuple(seeds) for seeds in stored().values()}) == 1


def test_the_spread_of_losses_is_that_of_the_stored_runs() -> None:
    """Of two networks that are alike in the mean: the deviation of ln of the ratio of their losses, seed by seed."""
    squares = []
    for runs in stored().values():
        if "search" in next(iter(runs.values())):
            continue
        losses = [[statistics.fmean(lane[-3:]) for lane in run["val_loss"]] for run in runs.values()]
        for one, other in combinations(range(len(losses[0])), 2):
            ratios = [math.log(own[one] / own[other]) for own in losses]
            if abs(statistics.fmean(ratios)) < ALIKE:
                squares.append(statistics.variance(ratios))
    written = re.search(r"LOSS_SPREAD = ([\d.]+);", VERDICT.read_text(encoding="utf-8"))
    assert written
    assert len(squares) > 30
    assert round(math.sqrt(statistics.fmean(squares)), 1) == float(written.group(1))
