"""A close look at one example without training on it."""

from __future__ import annotations

import torch

from trainer.experiment import Experiment
from trainer.models import evaluating
from trainer.trace import Snapshot, Trace


@torch.no_grad()
def evaluation_trace(experiment: Experiment) -> Trace:
    """Trace the followed example through the followed lane in eval mode: every unit is kept and multiplied by 1.

    What there is to see at step 0, and of an example that is picked while the run stands still.
    """
    lane, example = experiment.followed
    model = experiment.model
    activations: list[torch.Tensor] = []
    with evaluating(model):
        x = experiment.data.train_x[example : example + 1].to(experiment.device, experiment.dtype)
        logits = model(x, activations)  # (L, 1, C)
    snapshot = Snapshot(
        step=experiment.step,
        example=example,
        activations=[each[lane, 0] for each in activations],
        scale=[1.0] * len(activations),
        weights=[linear.get_parameter("weight")[lane] for linear in model.linears],
        probability=torch.softmax(logits[lane, 0], dim=0),
    )
    kept = [torch.ones(layer.units, dtype=torch.bool) for layer in experiment.layers]
    return snapshot.develop(experiment.layers, lane, int(experiment.data.train_y[example]), kept)
