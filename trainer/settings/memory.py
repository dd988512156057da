"""How much memory a run takes, estimated from its configuration before anything is made of it.

From above: a run that takes more than is said here would be admitted where it has no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.settings.agreement import LEAST_EXAMPLES
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.networks import NETWORKS

if TYPE_CHECKING:
    from trainer.settings.config import ExperimentConfig

FLOAT: Final = 4  # bytes
MOMENTS: Final = {"adam": 2, "sgd": 1}  # copies of the weights that an optimiser remembers
BESIDE: Final = 2  # further copies: the gradient, and what early stopping keeps; both may come at any step
AROUND: Final = 8  # biases of all gates, and scale, shift and statistics of batch norm, for a unit
MASK: Final = 9  # bytes of a unit's mask, factor and noise, and of its factor in the pass,
WEIGHT_MASK: Final = 7  # and of a weight's
PASSES: Final = 6  # numbers that a pass forward and back holds of a unit
VALIDATION: Final = 1000  # examples, at most
BASE: Final = 3_000_000  # whatever its size: objects, and what its worker and its views remember of it


@dataclass(frozen=True)
class Memory:
    """Bytes that a run takes.

    Attributes:
        lanes: of all of its networks: weights, their copies, masks and activations.
        shared: what does not depend on how many networks there are.
    """

    lanes: int
    shared: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.lanes + self.shared


def memory_of(config: ExperimentConfig) -> Memory:
    """Estimate what a run takes."""
    kind, shape, lanes = NETWORKS[config.network], (config.size, config.channels, config.hidden), len(config.lanes)
    size, examples = config.size, max(config.batch_size, LEAST_EXAMPLES)
    units = sum(config.channels) + sum(config.hidden) + size.classes
    weights = kind.all_weights(*shape) + AROUND * units
    copies = 2 * (1 + MOMENTS[config.optimizer]) + BESIDE  # as they are, and as they were before they began anew
    held = len(config.layers) * kind.widest_layer(*shape) * examples
    masked = sum(DROPOUTS[lane.dropout_kind].counted == "weights" for lane in config.lanes)
    rows = config.batch_size if config.mask == "per_example" else 1
    own = (size.examples + VALIDATION) * (size.features + 2 * size.classes) * FLOAT  # of a lane's order of the examples
    return Memory(
        lanes * (weights * copies * FLOAT + held * (MASK + PASSES * FLOAT) + own)
        + masked * rows * kind.dense_weights(*shape) * WEIGHT_MASK,
        3 * own + BASE,
    )


def lanes_that_fit(config: ExperimentConfig, most: int) -> int:
    """Return how many such networks, on average, a run could have within ``most`` bytes; 0: not even one."""
    memory = memory_of(config)
    return max(0, (most - memory.shared) * len(config.lanes) // memory.lanes)
