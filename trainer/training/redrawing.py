"""The masks of steps that were made long ago, drawn again: they are a function of the seed, the step and the rates."""

from __future__ import annotations

from typing import Final

import torch

from trainer.data.batches import Batches
from trainer.data.datasets import Dataset
from trainer.dropout.noise import make_device_noise, make_noise
from trainer.models import make_network, scheduled
from trainer.settings.changes import ChangeLog
from trainer.settings.config import ExperimentConfig
from trainer.settings.pieces import Pieces
from trainer.training.recorder import Recorder
from trainer.training.trace import LayerInfo, Steps

AT_ONCE: Final = 16  # steps that are drawn in one piece


def redraw(
    config: ExperimentConfig,
    log: ChangeLog,
    data: Dataset,
    layers: tuple[LayerInfo, ...],
    device: torch.device,
    dtype: torch.dtype,
    on_device: bool,
    steps: range,
    lane: int,
    example: int,
) -> Pieces[Steps]:
    """Draw masks again, in pieces; nothing is trained, and so the losses are no numbers.

    Args:
        config: of the run, at step 0.
        log: its changes.
        data: what it learns from.
        layers: the places that can drop.
        device: on which it trains.
        dtype: of its weights.
        on_device: whether masks come from a generator of the device's.
        steps: which ones, counted from 1 and in a row, at least one.
        lane: whose masks.
        example: of which training example; of steps whose mini-batch does not hold it, of the mini-batch's first.

    Returns:
        What `Experiment.run` records of them with this lane and example followed, without losses: NaN.
    """
    network = make_network(config, data, device, dtype)  # its places are needed, its weights are not
    network.train()
    noise = (make_device_noise if on_device else make_noise)(config, network.dropouts, device)
    batches = Batches(data, config, device, dtype)
    recorder = Recorder(len(steps), network, lane, config.batch_size, device)
    recorder.loss.fill_(torch.nan)
    now, began = log.config_at(steps.start, config), log.began(steps.start, config)
    network.use(now, steps.start, began)
    examples = []
    for k, step in enumerate(steps):
        changes = log.at(step) if k else ()
        for change in changes:
            now = now.with_knobs(change["knobs"], change.get("lane"))
        if changes:
            began = log.began(step, config)
        if changes or scheduled(now):
            network.use(now, step, began)
        noise.draw(step)
        row = batches.row_of(example, step, lane) or 0
        recorder.keep(k, row)
        examples.append(batches.example(step, row, lane))
        if (k + 1) % AT_ONCE == 0:
            yield
    labels = torch.zeros(0)  # no step is looked at closely
    return recorder.steps(steps.start, examples, layers, None, labels)
