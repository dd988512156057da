"""How the steps of a run are made: each as it is written, or as a graph that was recorded and is launched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from trainer.dropout.inputs import DeviceInputNoise, InputNoise
from trainer.dropout.noise import DeviceNoise, LaneNoise, make_device_noise, make_noise
from trainer.settings.config import ExperimentConfig
from trainer.training.captured import CapturedStep, Recording
from trainer.training.graphs import Graphs
from trainer.training.recorder import Recorder
from trainer.training.ring import Ring, RingRecorder
from trainer.training.trace import Snapshot
from trainer.training.update import Update


class Maker(Protocol):
    """Makes steps.

    Attributes:
        recording: how they have been made.
        noise: draws masks.
        input_noise: draws noise on inputs.
    """

    recording: Recording

    @property
    def noise(self) -> LaneNoise | DeviceNoise:
        """Where masks come from."""

    @property
    def input_noise(self) -> InputNoise | DeviceInputNoise:
        """Where noise on inputs comes from."""

    def recorder(self, lane: int, rows: Sequence[int]) -> Recorder:
        """Room for the record of some steps: of the followed lane, and of a row of each mini-batch."""

    def make(
        self, recorder: Recorder, step: int, k: int, row: int, example: int | None, x: Tensor, target: Tensor
    ) -> Snapshot | None:
        """Make a step and record it.

        Args:
            recorder: of this call.
            step: the number of the step.
            k: its number in this call.
            row: whose masks are kept.
            example: the training example in that row if it is to be looked at closely.
            x: the mini-batch.
            target: its labels.
        """


class WrittenSteps:
    """Makes steps as they are written, with a stream of random numbers for each lane.

    Args:
        update: what a step computes.
        config: seeds, how strong noise is, and the mini-batch's size.
        device: where the networks are.
    """

    def __init__(self, update: Update, config: ExperimentConfig, device: torch.device) -> None:
        self.recording = Recording(possible=False)
        self._update, self._batch_size, self._device = update, config.batch_size, device
        self.noise = make_noise(config, update.model.dropouts, device)
        self.input_noise = InputNoise(config, device)

    def recorder(self, lane: int, rows: Sequence[int]) -> Recorder:
        """Room for the record of some steps."""
        return Recorder(len(rows), self._update.model, lane, self._batch_size, self._device)

    def make(
        self, recorder: Recorder, step: int, k: int, row: int, example: int | None, x: Tensor, target: Tensor
    ) -> Snapshot | None:
        """Make a step and record it."""
        x = self.input_noise.add(x, step)
        self.noise.draw(step)
        snapshot = None
        if example is None:
            log_p = self._update.make(x, target)
        else:
            log_p, snapshot = self._update.traced(x, target, step, recorder.lane, example, row)
        recorder.record(k, row, log_p, target)
        return snapshot


class CapturedSteps:
    """Makes steps of which the device is given as little as possible to do by itself: noise is drawn, the mini-batch
    copied, and one graph launched, in which masks are made of the noise, weights move, and the record is kept.

    Args:
        update: what a step computes.
        config: seeds, how strong noise is, and the mini-batch's size.
        device: where the networks are.
        graphs: records steps.
    """

    def __init__(self, update: Update, config: ExperimentConfig, device: torch.device, graphs: Graphs) -> None:
        self._update, self._batch_size, self._device = update, config.batch_size, device
        self.noise = make_device_noise(config, update.model.dropouts, device)
        self.input_noise = DeviceInputNoise(config, update.model.weights[0].detach())
        self._ring = Ring(update.model)
        self._captured = CapturedStep(graphs, [*update.state, *self._ring.state])
        self.recording = self._captured.recording

    def recorder(self, lane: int, rows: Sequence[int]) -> Recorder:
        """Room for the record of some steps."""
        return RingRecorder(self._ring, rows, self._update.model, lane, self._batch_size, self._device)

    def make(
        self, recorder: Recorder, step: int, k: int, row: int, example: int | None, x: Tensor, target: Tensor
    ) -> Snapshot | None:
        """Make a step and record it."""
        assert isinstance(recorder, RingRecorder)
        recorder.begin(k)
        self.noise.fill(step)
        self.input_noise.fill(step, *x.shape[-2:])
        snapshot = None
        if example is None:
            self._captured(self._compute, self._computation, x, target)
        else:
            self.recording.traced += 1
            self.noise.apply()
            log_p, snapshot = self._update.traced(self.input_noise.apply(x), target, step, recorder.lane, example, row)
            self._ring.write(log_p, target)
        recorder.made(k)
        return snapshot

    @property
    def _computation(self) -> tuple[int, int | None]:
        """Which computation a step is, and of which tensors: a number that rises with every change of that."""
        return self._update.generation + self.input_noise.generation, self._ring.computation

    def _compute(self, x: Tensor, target: Tensor) -> None:
        """All of a step that is a function of the noise drawn, the mini-batch and the state."""
        self.noise.apply()
        self._ring.write(self._update.make(self.input_noise.apply(x), target), target)
