"""A close look at one example without training on it."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.models import evaluating
from trainer.training.experiment import Experiment
from trainer.training.trace import Snapshot, Trace


@torch.no_grad()
def evaluation_trace(experiment: Experiment) -> Trace:
    """Trace the followed example through the followed lane in eval mode: every unit is kept, and multiplied by 1 but in
    a lane of the kind ``classic``, which has its scaling here.

    What there is to see at step 0, and of an example that is picked while the run stands still.
    """
    lane, example = experiment.followed
    model = experiment.model
    activations: list[Tensor] = []
    with evaluating(model):
        x = experiment.data.train_x[example : example + 1].to(experiment.device, experiment.dtype)
        p = torch.softmax(model(x, activations), dim=2)  # (L, 1, C)
        snapshot = Snapshot.take(model, experiment.step, lane, example, 0, activations, p)
    kept = [site.real(lane) for site in model.dropouts]
    label = int(experiment.judge.labels(lane)[example])
    return snapshot.develop(experiment.layers, label, kept, [int(mask.sum()) for mask in kept])
