"""Which sub-networks training has visited: how many different ones, and how often each unit was left out."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from trainer.insight.base import Insight, Looking
from trainer.settings.dropouts import DROPOUTS, KINDS
from trainer.wire.frames import Tensors, pack

if TYPE_CHECKING:
    from trainer.models import LaneNetwork
    from trainer.training.experiment import Experiment
    from trainer.training.trace import LayerInfo, Steps

MOST: Final = 100_000
"""Masks of which the different ones are counted: the first so many.

They are told apart by 64-bit hashes (SipHash, Python's of bytes). That any two of n different masks have the same one
is no likelier than n²/2⁶⁵: 2.7e-10 for so many.
"""
_FACTORS: Final = [place for place, kind in enumerate(KINDS) if DROPOUTS[kind].counted == "factors"]


class View(Insight):
    """Counts the masks of the followed lane from its first step on; those of each lane are kept apart."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self._tallies: dict[int, dict[int, Tally]] = {}  # by lane, and by the step after which it began

    def saw(self, steps: Steps) -> None:
        """Count the masks of these steps."""
        began = self.experiment.began[steps.lane]
        tally = self._tally(steps.lane)
        tally.add(steps)
        self._tallies[steps.lane] = {began: tally}

    def _tally(self, lane: int) -> Tally:
        """What is known of a lane since it began."""
        return self._tallies.get(lane, {}).get(self.experiment.began[lane]) or Tally(self.experiment.layers)

    def look(self) -> Looking:
        """Say what was counted of the lane that is followed now."""
        experiment = self.experiment
        lane, _ = experiment.followed
        model, step = experiment.model, experiment.step
        tally = self._tally(lane)
        recorded, expected = tally.recorded, tally.expected.copy()
        real = np.concatenate([site.real(lane).numpy() for site in model.dropouts])
        dropped = np.split(tally.dropped * real, np.cumsum([site.units for site in model.dropouts])[:-1])
        dropping = [bool(p or q or often) for (p, q), often in zip(model.in_force[lane].pairs, expected, strict=True)]
        units = sum(choices(model, lane, place) for place, drops in enumerate(dropping) if drops)
        drawn = (step - experiment.began[lane]) * model.rows if any(dropping) else 0
        distinct = yield from tally.distinct()
        found: Tensors = {
            "step": np.array([step], np.uint32),
            "lane": np.array([lane], np.uint8),
            "masks": np.array([recorded], np.uint32),
            "distinct": np.array([distinct], np.uint32),
            "drawn": np.array([drawn], np.float64),
            "units": np.array([units], np.uint32),
        }
        for place, drops in enumerate(dropping):
            if drops:
                found[f"dropped/{experiment.config.layers[place]}"] = dropped[place]
                found[f"expected/{experiment.config.layers[place]}"] = expected[place : place + 1]
        return found


class Tally:
    """What is known of the masks of one lane.

    Args:
        layers: the places that can drop.

    Attributes:
        recorded: masks so far, one a step.
        dropped: how often each unit of all places was dropped, (units,) uint32; units that the lane does not have
            count as dropped.
        expected: how often each unit of a place should have been dropped, (places,).
    """

    def __init__(self, layers: Sequence[LayerInfo]) -> None:
        self.recorded = 0
        self.dropped = np.zeros(sum(layer.units for layer in layers), np.uint32)
        self.expected = np.zeros(len(layers))
        self._hashes = array("q")
        self._counted = (0, 0)  # hashes, and how many different ones there were among them

    def add(self, steps: Steps) -> None:
        """Count the masks of some steps."""
        masks = np.concatenate([mask.numpy() for mask in steps.masks.values()], axis=1)
        self.recorded += len(masks)
        self.dropped += np.uint32(len(masks)) - np.add.reduce(masks, axis=0, dtype=np.uint32)
        self.expected += chances_of(steps.kinds.numpy(), steps.rates.numpy(), steps.group_rates.numpy()).sum(axis=0)
        if len(self._hashes) < MOST:
            packed = pack(masks[: MOST - len(self._hashes)])
            text, width = packed.tobytes(), packed.shape[1]
            self._hashes.extend([hash(text[at : at + width]) for at in range(0, len(text), width)])

    def distinct(self) -> Generator[None, None, int]:
        """How many different masks there are among the first `MOST`."""
        if len(self._hashes) != self._counted[0]:
            hashes = np.array(self._hashes)
            yield
            self._counted = (len(hashes), len(np.unique(hashes)))
        return self._counted[1]


def chances_of(
    kinds: NDArray[np.int64], rates: NDArray[np.float32], groups: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How likely a unit was dropped at each of K steps, (K, places).

    A factor, which is below 1 as often as above, drops nothing: it counts as dropped when it is below. Of two
    on one unit it is not known here how often that is so: NaN.

    Args:
        kinds: (K,) of dropout.
        rates: (K, places) of single units.
        groups: (K, places) of groups.
    """
    p, q = rates.astype(np.float64), groups.astype(np.float64)
    noisy = np.where((p > 0) & (q > 0), np.nan, np.where((p > 0) | (q > 0), 0.5, 0.0))
    return np.where(np.isin(kinds, _FACTORS)[:, None], noisy, 1 - (1 - p) * (1 - q))


def choices(model: LaneNetwork, lane: int, place: int) -> int:
    """How many units, groups, or weights of a lane are kept or dropped by themselves at a place that drops."""
    site, (rate, group_rate) = model.dropouts[place], list(model.in_force[lane].pairs)[place]
    if lane in site.connecting:
        return site.widths[lane] * site.output_widths[lane]
    if group_rate and not rate:
        return site.shape[0] if len(site.shape) == 3 else site.widths[lane]
    return int(site.real(lane).sum())
