"""Room in which a captured step leaves its record: what it writes to must stay where it is, however long a call is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from trainer.lanewise import put
from trainer.models.base import LaneNetwork
from trainer.training.recorder import Recorder
from trainer.training.trace import LayerInfo, Snapshot, Steps

ROOM: Final = 64  # steps: as many as a worker makes at once, and little memory


class Ring:
    """The record of up to `ROOM` steps on the device: losses, and the masks of one row of the mini-batch in one lane.

    The place of the next step and whose masks are kept lie in tensors, so that `write` may be captured.

    Args:
        network: the networks of the run.

    Attributes:
        followed: the lane whose masks are kept.
        loss: (ROOM, L), minus the loss times B.
        masks: (ROOM, units of all places, one after the other) bool.
        weights: (ROOM, places) int64, how many weights were kept where weights are dropped; -1 elsewhere.
    """

    def __init__(self, network: LaneNetwork) -> None:
        self._network, self._sites = network, network.dropouts
        device, lanes = network.weights[0].device, network.lanes
        self.followed = 0
        self.loss = torch.zeros((ROOM, lanes), device=device)
        self.masks = torch.ones((ROOM, sum(site.units for site in self._sites)), dtype=torch.bool, device=device)
        self.weights = torch.full((ROOM, len(self._sites)), -1, device=device)
        self._next = torch.zeros(1, dtype=torch.int64, device=device)
        self._rows = torch.zeros((2, ROOM), dtype=torch.int64, device=device)  # in the mini-batch; among all masks

    @property
    def state(self) -> list[Tensor]:
        """All that `write` changes."""
        return [self.loss, self.masks, self.weights, self._next]

    @property
    def computation(self) -> int | None:
        """What `write` asks before it computes: the followed lane matters where weights are dropped."""
        return self.followed if any(site.connecting for site in self._sites) else None

    def begin(self, rows: Sequence[int], lane: int) -> None:
        """Be ready for the next steps, at most `ROOM`.

        Args:
            rows: which row of each mini-batch is to be kept.
            lane: of which lane.
        """
        self.followed = lane
        each = self._network.rows
        mine = [row if each > 1 else 0 for row in rows]
        idle = [0] * (ROOM - len(rows))
        put(self._rows, [*mine, *idle, *(lane * each + row for row in mine), *idle])
        self.weights.fill_(-1)
        self._next.zero_()

    @torch.no_grad()
    def write(self, log_p: Tensor, target: Tensor) -> None:
        """Keep what a step leaves behind: its log-probabilities (L, B, C), and the masks that it used."""
        at = self._next
        row, place = self._rows.index_select(1, at)  # (1,) each
        loss = (log_p * target).sum(dim=(1, 2))
        self.loss.index_copy_(0, at, loss[None].to(self.loss.dtype))
        bits = [site.bits_at(self.followed, row, place) for site in self._sites]
        self.masks.index_copy_(0, at, torch.cat(bits, dim=1))
        for index, site in enumerate(self._sites):
            if site.connecting:
                self.weights[:, index].index_copy_(0, at, site.kept_weights_at(self.followed, row, place))
        at.add_(1)


class RingRecorder(Recorder):
    """The record of a call whose steps write into a ring, which is emptied when it is full or somebody wants to read.

    Args:
        ring: of the run.
        rows: which row of each mini-batch is kept.
        network: the networks of the run.
        lane: the followed one.
        batch_size: examples in a mini-batch.
        device: where the networks are.
    """

    def __init__(
        self,
        ring: Ring,
        rows: Sequence[int],
        network: LaneNetwork,
        lane: int,
        batch_size: int,
        device: torch.device,
    ) -> None:
        super().__init__(len(rows), network, lane, batch_size, device)
        self._ring, self._rows = ring, rows
        self._connected: set[int] = set()  # places where weights were dropped
        self._counts = torch.full((len(rows), len(self.dropouts)), -1, device=device)
        self._start = self._taken = self._end = 0  # steps: where the ring began, what was taken from it, what was made

    def _room(self, count: int) -> list[Tensor]:
        """Room for the masks of all places side by side."""
        units = [site.units for site in self.dropouts]
        self._block = torch.ones((count, sum(units)), dtype=torch.bool, device=self.device)
        return list(torch.split(self._block, units, dim=1))

    def begin(self, k: int) -> None:
        """Have room for step ``k``."""
        if k % ROOM == 0:
            self._empty()
            self._ring.begin(self._rows[k : k + ROOM], self.lane)
            self._start = k

    def made(self, k: int) -> None:
        """Step ``k`` has written its record."""
        self._in_force.append(self.network.in_force[self.lane])
        self._end = k + 1
        self._connected |= {layer for layer, site in enumerate(self.dropouts) if site.connecting}

    @property
    def loss(self) -> Tensor:
        """(K, L), minus the losses times B of the steps made so far."""
        self._empty()
        return self._loss

    def _empty(self) -> None:
        """Take what the ring holds."""
        here, there = slice(self._taken, self._end), slice(self._taken - self._start, self._end - self._start)
        if self._taken < self._end:
            self._loss[here] = self._ring.loss[there]
            self._block[here] = self._ring.masks[there]
            self._counts[here] = self._ring.weights[there]
        self._taken = self._end

    def steps(
        self, first: int, examples: list[int], layers: tuple[LayerInfo, ...], snapshot: Snapshot | None, labels: Tensor
    ) -> Steps:
        """Hand over the record; on a GPU this waits for the steps to be done."""
        self._empty()
        # Of all places at once: each copy from a GPU is waited for.
        self.masks = list(torch.split(self._block.cpu(), [site.units for site in self.dropouts], dim=1))
        if self._connected:
            counts = self._counts.cpu()
            self._weights = {layer: counts[:, layer] for layer in self._connected}
        return super().steps(first, examples, layers, snapshot, labels)
