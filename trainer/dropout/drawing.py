"""How masks and factors are made of noise words: lane by lane with numpy, or of all lanes at once with torch."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from trainer.dropout.kinds import WORDS, deviation, factor_table, factor_table_on, threshold


class Plan:
    """What one lane does at a place, in force from the next draw on.

    Args:
        lane: which.
        noise: the kind of its dropout, if what it multiplies by are factors of mean 1; else empty.
        rate: of single units; 0 where the lane's rate is one of weights.
        group_rate: of groups.
    """

    def __init__(self, lane: int, noise: str, rate: float, group_rate: float) -> None:
        self.lane, self.noise, self.rate, self.group_rate = lane, noise, rate, group_rate
        self.limit, self.group_limit = threshold(rate), threshold(group_rate)


def drop_groups(keep: np.ndarray, plan: Plan, words: np.ndarray) -> None:
    """Take whole groups out of the mask of one lane.

    Args:
        keep: the mask (R, *shape), with what the rate of single elements has left; overwritten where that is 0.
        plan: the lane's.
        words: one for each group, of a shape that fits beside the mask.
    """
    kept = words >= plan.group_limit
    if plan.rate:
        keep &= kept
    else:
        keep[...] = kept


def blur(factor: np.ndarray, plan: Plan, elements: np.ndarray, groups: np.ndarray) -> None:
    """Write the factors of one lane.

    Args:
        factor: (R, *shape), what is written to.
        plan: the lane's.
        elements: one word for each element, (R, *shape).
        groups: one word for each group, of a shape that fits beside it.
    """
    table = factor_table(plan.noise)
    factor.fill(1)
    if plan.rate:
        factor += deviation(plan.rate) * table[elements.view(np.uint16)]
    if plan.group_rate:
        factor *= 1 + deviation(plan.group_rate) * table[groups.view(np.uint16)]


def blur_all(kind: str, deviations: Tensor, words: Tensor) -> Tensor:
    """Factors of one kind for all lanes, of the shape of ``words``; ``deviations`` has one number for each lane."""
    table = factor_table_on(kind, deviations.device, deviations.dtype)
    return 1 + deviations * table[words.long() & (WORDS - 1)]
