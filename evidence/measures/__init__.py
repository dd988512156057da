"""What is measured of each experiment: one function for each, which trains it with a seed and says what it came to."""

from __future__ import annotations

from typing import Final

from evidence.measures import costs, dense, ensembles, networks, search
from evidence.trained import Measure
from trainer.presets import Preset
from trainer.presets.expected import expected_for

MEASURES: Final[dict[str, Measure]] = {
    **costs.MEASURES,
    **dense.MEASURES,
    **ensembles.MEASURES,
    **networks.MEASURES,
    **search.MEASURES,
}
"""By the id of the experiment."""


def measure(preset: Preset, seed: int) -> dict[str, float]:
    """Train an experiment with a seed; what its rows came to, NaN where the run has no such figure.

    Raises:
        KeyError: a row is not measured at all.
    """
    values = MEASURES[preset.id](preset, seed)
    rows = [row.id for row in expected_for(preset.id)]
    if missing := [row for row in rows if row not in values]:
        raise KeyError(f"of {preset.id} nothing measures {', '.join(missing)}; measured are {', '.join(values)}")
    return {row: float(values[row]) for row in rows}
