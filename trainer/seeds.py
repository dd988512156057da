"""Every random number of a run is a function of the run's seed, what it is for, and where it is used.

Nothing is drawn from a generator that lives on from one step to the next. What a run has done before, how its steps
were cut into calls and what was looked at in between can therefore not change what comes next, and a saved run needs no
generator state.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

_MASK_64: Final = 2**64 - 1
_WARM_UP: Final = 12  # rounds after which SFC64's author calls its state mixed, whatever the seed


class Purpose(IntEnum):
    """What random numbers are for. Streams of different purposes have nothing in common."""

    SPLIT = 1
    TRAIN_POINTS = 2
    VALIDATION_POINTS = 3
    LABEL_NOISE = 4
    ORDER = 5
    MASKS = 6
    SUBNETWORKS = 7
    INPUT_NOISE = 8
    INSIGHT = 9
    DAMAGE = 10
    ASKED = 11
    FRESH_SUBNETWORKS = 12
    SEARCH = 13
    AUTOENCODER = 14


def generator(seed: int, purpose: Purpose, *where: int) -> np.random.Generator:
    """A fresh generator for ``purpose`` at ``where`` (an epoch, a step, a lane)."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, purpose, *where])))


def key(seed: int, purpose: Purpose, *where: int) -> int:
    """A 64-bit number that stands for the same stream where another kind of generator is needed."""
    return int(np.random.SeedSequence([seed, purpose, *where]).generate_state(1, np.uint64)[0])


class WordStream:
    """16-bit words that are a function of a key and a step: SFC64, seeded anew at every step.

    SFC64's own seeding puts three words beside a counter and runs twelve rounds; setting its state and dropping twelve
    outputs is the same thing, at 2 µs instead of the 20 µs of a new generator.

    Args:
        key: what distinguishes this stream from others.
    """

    def __init__(self, key: int) -> None:
        self._bits = np.random.SFC64(0)
        self._state = self._bits.state
        self._key = key & _MASK_64

    def words(self, step: int, count: int) -> np.ndarray:
        """``count`` words of ``step``, each uniform on -32,768 … 32,767, as int16 (count,)."""
        inner = self._state["state"]["state"]
        inner[:] = (self._key, 0, step, 1)
        self._bits.state = self._state
        raw = self._bits.random_raw(_WARM_UP + (count + 3) // 4)
        return raw[_WARM_UP:].view(np.int16)[:count]
