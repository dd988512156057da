"""Where masks come from: 16-bit noise that is a function of the seed, the step and, but on a GPU, the lane."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.dropout.site import LaneDropout
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.config import ExperimentConfig


class Noise(Protocol):
    """Draws the masks of all places that can drop."""

    def draw(self, step: int) -> None:
        """Draw the masks of ``step``, with the rates that the places have now."""


class LaneNoise:
    """One stream for each lane, from numpy on the CPU.

    A lane's masks depend on no other lane, and a lane that drops nothing costs nothing. In its stream come first the
    words of all places, in order, and then, for a lane that drops weights, those of all weights.

    Args:
        streams: of each lane.
        dropouts: the places that can drop.
        device: where masks are used.
    """

    def __init__(self, streams: Sequence[WordStream], dropouts: Sequence[LaneDropout], device: torch.device) -> None:
        self._streams = tuple(streams)
        self._dropouts = tuple(dropouts)
        self._device = device
        *self._starts, self._count = accumulate((site.words for site in dropouts), initial=0)
        *self._weight_starts, self._end = accumulate((site.weight_words for site in dropouts), initial=self._count)
        self._known: list[tuple[tuple[bool, ...], tuple[int, ...]]] = []  # what the counts were made of
        self._counts = [0] * len(streams)

    def draw(self, step: int) -> None:
        """Draw the masks of ``step``."""
        now = [(site.active, site.connecting) for site in self._dropouts]
        if now != self._known:
            self._known, self._counts = now, self._counted()
        noise = [stream.words(step, n) if n else None for stream, n in zip(self._streams, self._counts, strict=True)]
        words = noise if self._device.type == "cpu" else self._moved(noise)
        for site, start in zip(self._dropouts, self._starts, strict=True):
            site.draw(words, start)
        for site, start in zip(self._dropouts, self._weight_starts, strict=True):
            if site.connecting:
                own = [noise[lane] for lane in site.connecting]
                stop = start + site.weight_words
                site.draw_weights([self._sent(each[start:stop]) for each in own if each is not None])

    def _counted(self) -> list[int]:
        """How many words each lane needs for a step."""
        dropping = [any(own) for own in zip(*(site.active for site in self._dropouts), strict=True)]
        connecting = {lane for site in self._dropouts for lane in site.connecting}
        return [self._end if lane in connecting else self._count if drops else 0 for lane, drops in enumerate(dropping)]

    def _moved(self, noise: Sequence[np.ndarray | None]) -> Tensor:
        nothing = np.zeros(self._count, dtype=np.int16)
        block = np.stack([nothing if own is None else own[: self._count] for own in noise])
        return torch.from_numpy(block).to(self._device)

    def _sent(self, words: np.ndarray) -> np.ndarray | Tensor:
        return words if self._device.type == "cpu" else torch.from_numpy(words).to(self._device)


class DeviceNoise:
    """One block for all lanes, from a generator on the device that is seeded anew at every step.

    To draw is done in two parts. `fill` asks the generator; `apply` makes masks of what lies there then, and may be
    captured: its tensors stay where they are as long as the `generation` of every place is the same. The words depend
    on how many multiprocessors a GPU has, because its threads share a long block out among themselves.

    Args:
        seed: of all lanes together.
        dropouts: the places that can drop.
        device: where masks are used.
    """

    def __init__(self, seed: int, dropouts: Sequence[LaneDropout], device: torch.device) -> None:
        self._seed = seed
        self._dropouts = tuple(dropouts)
        self._generator = torch.Generator(device)
        self._device = device
        *self._starts, count = accumulate((site.words for site in dropouts), initial=0)
        self._block = self._room(dropouts[0].lanes, count)
        self._weights = [self._room(0, 0) for _ in dropouts]  # words for the weights of each place

    def draw(self, step: int) -> None:
        """Draw the masks of ``step``."""
        self.fill(step)
        self.apply()

    def fill(self, step: int) -> None:
        """Draw the words of ``step``."""
        if not any(site.used for site in self._dropouts):
            return
        self._generator.manual_seed((self._seed + step) % 2**63)
        self._random(self._block)
        for index, site in enumerate(self._dropouts):
            if len(self._weights[index]) != len(site.connecting):  # then the place has another generation, too
                self._weights[index] = self._room(len(site.connecting), site.weight_words)
            if site.connecting:
                self._random(self._weights[index])

    def apply(self) -> None:
        """Make masks of the words that were drawn last, with the rates that the places have now."""
        if not any(site.used for site in self._dropouts):
            return
        for site, start in zip(self._dropouts, self._starts, strict=True):
            site.draw(self._block.view(torch.int16), start)
        for site, room in zip(self._dropouts, self._weights, strict=True):
            if site.connecting:
                site.draw_weights(room.view(torch.int16)[:, : site.weight_words])

    def _room(self, lanes: int, words: int) -> Tensor:
        return torch.empty((lanes, (words + 3) // 4), dtype=torch.int64, device=self._device)

    def _random(self, room: Tensor) -> None:
        # All 64 bits: `random_()` alone leaves the sign bit, and with it a quarter of the words, one bit short.
        room.random_(-(2**63), None, generator=self._generator)


def make_noise(config: ExperimentConfig, dropouts: Sequence[LaneDropout], device: torch.device) -> LaneNoise:
    """The noise of a run for the places of its networks that can drop, one stream for each lane."""
    seeds = [config.seed_of(lane) for lane in range(len(config.lanes))]
    streams = [WordStream(key(seed, Purpose.MASKS, lane)) for lane, seed in enumerate(seeds)]
    return LaneNoise(streams, dropouts, device)


def make_device_noise(config: ExperimentConfig, dropouts: Sequence[LaneDropout], device: torch.device) -> DeviceNoise:
    """The same with one generator for all lanes, on the device."""
    return DeviceNoise(key_of_all(config, Purpose.MASKS), dropouts, device)


def key_of_all(config: ExperimentConfig, purpose: Purpose) -> int:
    """A key for one generator that serves all lanes."""
    seeds = [config.seed_of(lane) for lane in range(len(config.lanes))]
    return key(config.seed, purpose, *(seeds if any(seed != config.seed for seed in seeds) else ()))
