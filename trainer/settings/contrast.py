"""Which other lane a followed lane is held against."""

from __future__ import annotations

from trainer.settings.config import ExperimentConfig


def who_votes(config: ExperimentConfig, followed: int) -> list[tuple[int, int]]:
    """Return the lanes whose sub-networks vote, each with the lane whose dropout thins it: the followed lane, then its
    contrast.

    The contrast of a lane with dropout is the first lane without, thinned alike; a lane without dropout is thinned like
    the first lane that has some, which is then its contrast.
    """
    lanes = config.lanes
    if lanes[followed].drops:
        plain = next((index for index, lane in enumerate(lanes) if not lane.drops), None)
        return [(followed, followed)] if plain is None else [(followed, followed), (plain, followed)]
    other = next((index for index, lane in enumerate(lanes) if lane.drops), None)
    return [(followed, followed)] if other is None else [(followed, other), (other, other)]


def with_contrast(config: ExperimentConfig, followed: int) -> list[int]:
    """The followed lane and, if there is one, its contrast."""
    return [lane for lane, _ in who_votes(config, followed)]
