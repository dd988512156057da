"""What is kept of a run's frames: for who joins late, and for its record."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from app.backlog import Packet
from app.history import History
from trainer.errors import quote
from trainer.settings.panels import VIEWS
from trainer.wire.frames import Frame, FrameError, decode, encode

KINDS: Final = frozenset({"data", "steps", "scores", "graph", "ensemble", "boundary", "checkpoint", *VIEWS})
"""What a worker sends."""

CHECKPOINT: Final = "checkpoint"  # the kind of frame from which a run can go on; no viewer gets it


@dataclass(frozen=True)
class Checkpoint:
    """A state from which a run can go on.

    Attributes:
        step: updates that were made.
        frame: what its worker sent of it, and the next one gets.
        config: the configuration at that step.
        history: what had been measured by then.
        came: when, in seconds of `time.monotonic`.
    """

    step: int
    frame: bytes
    config: dict[str, Any]
    history: History
    came: float = field(default_factory=time.monotonic, compare=False)

    def under(self, run: str) -> bytes:
        """The frame as it belongs to another run: a worker takes it for the run that it names."""
        frame = decode(self.frame)
        return encode(Frame(frame.kind, run, frame.seq, frame.tensors, frame.meta))


class Memory:
    """The data, the curves and the last masks, and of all else the newest frame of each kind.

    Numbers of frames rise as long as the run lives, whoever trains it: each worker counts its own from 1.

    Args:
        run_id: the run's name, which stands in its frames.

    Attributes:
        seq: of the last frame.
        checkpoint: the newest, if there is one.
    """

    def __init__(self, run_id: str) -> None:
        self.seq = 0
        self.checkpoint: Checkpoint | None = None
        self._run_id = run_id
        self._seq_before = 0  # what workers that were lost have used up
        self._data: Packet | None = None
        self._latest: dict[str, Packet] = {}
        self._history = History(0, {})
        self._history_packet: Packet | None = None

    def add(self, raw: bytes) -> Packet:
        """Keep a frame as its worker sent it; the same under the number that viewers know it by.

        Raises:
            FrameError: it is none, or not of this run.
        """
        packet = Packet(raw)
        if packet.kind not in KINDS:
            raise FrameError(f"there are no frames of the kind {quote(packet.kind)}")
        if packet.kind in ("steps", "scores"):
            self._history.check(packet.frame)
        if self._seq_before:
            packet = packet.moved(packet.seq + self._seq_before)
        self.seq = packet.seq
        if packet.kind == "data":
            self._data = packet
        elif packet.kind in ("steps", "scores"):
            self._history.add(packet.frame)
            self._history_packet = None
        elif packet.kind != CHECKPOINT:
            self._latest[packet.kind] = packet
        return packet

    def save(self, packet: Packet, raw: bytes, config: dict[str, Any]) -> None:
        """Keep a checkpoint, and with it what was measured until then.

        Args:
            packet: the frame.
            raw: the same as its worker sent it.
            config: of the run at that step.

        Raises:
            FrameError: it does not say of which step it is, or holds nothing.
        """
        told, state = packet.frame.meta.get("step", ""), packet.frame.tensors.get("state")
        if not (told.isascii() and told.isdecimal() and len(told) <= 10) or state is None or state.dtype != "uint8":
            raise FrameError(f"step = {quote(told)} of a checkpoint is no number, or it holds no state")
        step = int(told)
        self.checkpoint = Checkpoint(step, raw, config, copy.deepcopy(self._history))

    def go_back(self) -> Packet:
        """Forget what was measured since the checkpoint; all that there was before, for whoever watches.

        Raises:
            ValueError: there is no checkpoint.
        """
        if self.checkpoint is None:
            raise ValueError("there is no checkpoint to go back to")
        self._history = copy.deepcopy(self.checkpoint.history)
        self._history_packet = None
        return Packet(self._history.frame(self._run_id, self.seq))

    def restart(self, lanes: int, layers: Mapping[str, int]) -> None:
        """Forget all frames but the data: the run begins anew.

        Args:
            lanes: how many it has.
            layers: the units of each place that can drop.
        """
        self._history = History(lanes, dict(layers))
        self._history_packet = None
        self._latest.clear()

    def count_on(self, spare: int = 1) -> None:
        """Another worker takes the run over: its frames are numbered from here on.

        Args:
            spare: numbers that are left out, for what `go_back` returns.
        """
        self.seq += spare
        self._seq_before = self.seq

    def curves(self) -> dict[str, dict[str, NDArray[Any]]]:
        """What was measured so far: ``losses`` and ``scores``, each a table with a column ``step``."""
        return self._history.curves()

    def scores(self) -> dict[str, NDArray[Any]]:
        """The evaluations so far: a table with a column ``step``."""
        return self._history.scores()

    def masks(self) -> dict[str, NDArray[Any]]:
        """The last steps with their masks: views that the next step may overwrite."""
        return self._history.masks()

    def latest(self) -> dict[str, Packet]:
        """The newest frame of each kind of which only the newest counts."""
        return dict(self._latest)

    def first_frames(self) -> list[Packet]:
        """What a viewer gets first, in this order."""
        latest = sorted(
            (packet for kind, packet in self._latest.items() if kind not in VIEWS), key=lambda packet: packet.seq
        )
        # Numbers rise on the way to every viewer. The data of a worker that took the run over came behind the rest.
        if self._history_packet is None:
            first = min((packet.seq for packet in latest), default=self.seq + 1)
            self._history_packet = Packet(self._history.frame(self._run_id, max(1, first - 1)))
        if self._data is not None and self._data.seq >= self._history_packet.seq:
            self._data = self._data.moved(self._history_packet.seq - 1)
        data = [self._data] if self._data is not None else []
        return [*data, self._history_packet, *latest]
