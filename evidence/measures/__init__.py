"""What is measured of each experiment: one function for each, which trains it with a seed and says what it came to."""

from __future__ import annotations

import math
from typing import Final

from evidence.measures import costs, dense, ensembles, networks
from evidence.measures.search import search
from evidence.trained import Measure
from trainer.presets import Preset
from trainer.presets.expected import expected_for

MEASURES: Final[dict[str, Measure]] = {
    "twin": dense.twin,
    "rate": dense.rate,
    "rate-hidden-only": dense.rate_curve,
    "rate-constant-width": dense.rate_by_width,
    "search": search,
    "data-size": dense.data_size,
    "data-size-true-labels": dense.data_size,
    "batch-norm": costs.batch_norm,
    "variance-shift": costs.variance,
    "variance-shift-linear": costs.variance,
    "regularisers": dense.regularisers,
    "layers": dense.layers,
    "training-time": costs.training_time,
    "real-ensemble": ensembles.real_ensemble,
    "averages": ensembles.averages,
    "draw": ensembles.draw,
    "convolutional": networks.convolutional,
    "recurrent": networks.recurrent,
    "forgotten-eval": ensembles.forgotten,
    "inside": ensembles.inside,
    "features": ensembles.features,
    "noise-as-data": dense.noise_as_data,
    "boundaries": networks.boundaries,
}
"""By the id of the experiment."""


def measure(preset: Preset, seed: int) -> dict[str, float]:
    """Train an experiment with a seed; what its rows came to, NaN where the run has no such figure."""
    values = MEASURES[preset.id](preset, seed)
    return {row.id: float(values.get(row.id, math.nan)) for row in expected_for(preset.id)}
