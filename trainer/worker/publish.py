"""What an experiment returns, as the tensors of frames and the words of messages (docs/protocol.md).

Every function takes the trainer's records and gives numpy arrays in the protocol's types; none knows a run's pacing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from trainer.errors import DropoutLabError
from trainer.settings.contrast import with_contrast
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS
from trainer.wire.frames import Array, Tensors, pack

if TYPE_CHECKING:
    from trainer.ensemble.subnetworks import Ensemble
    from trainer.training.experiment import Experiment
    from trainer.training.judge import Scores
    from trainer.training.trace import Steps, Trace

GRID: Final = 64  # points along each side of a boundary


def array(values: Any, dtype: Any) -> Array:
    """Return numbers, or a tensor on whatever device, as an array of ``dtype``."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values, dtype)


def data(experiment: Experiment) -> Tensors:
    """What the run learns from; points in the plane also with their validation set and the extent of their picture."""
    known = experiment.data
    tensors = {
        "train/x": array(known.train_x, np.float32),
        "train/y": array(known.train_y, np.uint8),
        "train/true": array(known.train_true, np.uint8),
    }
    if known.extent is not None:
        tensors |= {
            "val/x": array(known.val_x, np.float32),
            "val/y": array(known.val_y, np.uint8),
            "extent": array(known.extent, np.float32),
        }
    return tensors


def steps(gathered: Sequence[Steps]) -> Tensors:
    """Consecutive records of training, joined into one: K steps with their losses and masks."""
    tensors: Tensors = {
        "step": _joined([each.step for each in gathered], np.uint32),
        "lane": np.concatenate([np.full(len(each.step), each.lane, np.uint8) for each in gathered]),
        "example": _joined([each.example for each in gathered], np.uint32),
        "loss": _joined([each.loss for each in gathered], np.float32),
        "dropout_kind": _joined([each.kinds for each in gathered], np.uint8),
    }
    rates, group_rates = (
        _joined([getattr(each, name) for each in gathered], np.float32) for name in ("rates", "group_rates")
    )
    for index, layer in enumerate(gathered[0].masks):
        tensors[f"rate/{layer}"], tensors[f"group_rate/{layer}"] = rates[:, index], group_rates[:, index]
        tensors[f"mask/{layer}"] = pack(_joined([each.masks[layer] for each in gathered], np.bool_))
        tensors[f"kept/{layer}"] = _joined([each.kept[layer] for each in gathered], np.uint32)
    return tensors


def _joined(parts: list[Any], dtype: Any) -> Array:
    arrays = [array(part, dtype) for part in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def scores(result: Scores) -> Tensors:
    """One row of evaluation: every lane's losses and accuracies."""
    tensors = {"step": array([result.step], np.uint32)}
    for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
        tensors[name] = array(getattr(result, name), np.float32)[None]
    return tensors


def graph(trace: Trace) -> Tensors:
    """One pass of one example through one lane: who was dropped, who fired, and along which edges."""
    tensors = {
        "step": array([trace.step], np.uint32),
        "lane": array([trace.lane], np.uint8),
        "example": array([trace.example], np.uint32),
        "label": array([trace.label], np.uint8),
        "scale": array(trace.scale, np.float32),
        "dropout_kind": array([KINDS.index(trace.kind)], np.uint8),
        "probability": array(trace.probability, np.float32),
        "edge/layer": array(trace.edges.layer, np.uint8),
        "edge/source": array(trace.edges.source, np.uint16),
        "edge/target": array(trace.edges.target, np.uint16),
        "edge/value": array(trace.edges.value, np.float32),
    }
    for index, (layer, mask) in enumerate(trace.masks.items()):
        tensors[f"mask/{layer}"] = pack(array(mask, np.bool_))
        tensors[f"kept/{layer}"] = array([trace.kept[layer]], np.uint32)
        tensors[f"rate/{layer}"] = array(trace.rates[index : index + 1], np.float32)
        tensors[f"group_rate/{layer}"] = array(trace.group_rates[index : index + 1], np.float32)
        tensors[f"activation/{layer}"] = array(trace.activations[layer], np.float32)
    for layer, factor in trace.factors.items():
        tensors[f"factor/{layer}"] = array(factor, np.float32)
    return tensors


_VOTES: Final = {"vote": "votes", "vote/average": "average_vote", "vote/scaling": "scaling_vote"}
_CURVES: Final = {
    "accuracy/member": "accuracy",
    "accuracy/average": "average_accuracy",
    "loss/average": "average_loss",
    "accuracy/geometric": "geometric_accuracy",
    "loss/geometric": "geometric_loss",
    "accuracy/scaling": "weight_scaling_accuracy",
    "loss/scaling": "weight_scaling_loss",
}


def ensemble(ensembles: Sequence[Ensemble], example: int, fresh: bool = False) -> Tensors:
    """The ensembles of E lanes, of the same step, as one.

    Args:
        ensembles: of the followed lane and, where there is one, of its contrast.
        example: the training example that they voted on.
        fresh: every validation example of every member had a mask of its own.
    """
    tensors = {
        "step": array([ensembles[0].step], np.uint32),
        "example": array([example], np.uint32),
        "fresh": array([fresh], np.uint8),
        "lane": array([ensemble.lane for ensemble in ensembles], np.uint8),
        "rate": np.stack([array(ensemble.rates, np.float32) for ensemble in ensembles]),
    }
    for name, attribute in (_VOTES | _CURVES).items():
        tensors[name] = np.stack([array(getattr(ensemble, attribute), np.float32) for ensemble in ensembles])
    return tensors


def boundary(step: int, probability: Any) -> Tensors:
    """The probability of class 1 over the plane, (L, G, G), in 256 shades."""
    shades = np.rint(array(probability, np.float32) * 255)
    # Weights that have gone astray give NaN, which has no shade: it is drawn as undecided.
    return {"step": array([step], np.uint32), "probability": np.nan_to_num(shades, nan=128.0).astype(np.uint8)}


def state(experiment: Experiment, playing: bool, steps_per_second: float | None) -> dict[str, Any]:
    """The run state of the protocol, without the ``id`` and ``viewers`` that only the app knows, and without the
    changes, which are told as what is new.
    """
    lane, example = experiment.followed
    known = experiment.data
    config = experiment.config
    return {
        "state": "playing" if playing else "paused",
        "step": experiment.step,
        "steps_per_second": steps_per_second,
        "first_config": experiment.first_config.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "follow": {"lane": lane, "example": example},
        "contrast": next(iter(with_contrast(config, lane)[1:]), None),
        "device": str(experiment.device),
        "layers": [
            *NETWORKS[config.network].layers([each.shape for each in experiment.layers], config.channels, config.hidden)
        ],
        "classes": list(known.classes),
        "features": list(getattr(known, "feature_names", ())),
        "stopped": experiment.stopped,
        "diverged": experiment.diverged,
        "train_size": len(known.train_y),
        "val_size": len(known.val_y),
        "batches_per_epoch": len(known.train_y) // config.batch_size,
    }


def error(problem: Exception) -> dict[str, Any]:
    """An exception in the protocol's one shape of errors."""
    if isinstance(problem, DropoutLabError):
        return problem.described()
    return {"code": "internal", "message": f"{type(problem).__name__}: {problem}"}
