"""The runs that the check trains, and what it asks of them beside what everybody may ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor

from scripts.gpu_check.rows import Sheet
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS as RECORDS
from trainer.training.experiment import Experiment
from trainer.training.graphs import Graphs, NoGraphs

NETWORKS: Final = tuple(RECORDS)
OPTIMIZERS: Final = ("adam", "sgd")
DTYPES: Final = {"float32": torch.float32, "float64": torch.float64}
SIZES: Final[dict[str, dict[str, Any]]] = {
    "mlp": {"hidden": [24, 16]},
    "cnn": {"hidden": [12], "channels": [3, 4]},
    "lstm": {"hidden": [12]},
}
"""Small networks of each kind: what is right of them is right of large ones."""


def config_of(network: str, lanes: list[dict[str, Any]], **knobs: Any) -> ExperimentConfig:
    """A small run of a network; a lane's ``rate`` is that of all its places."""
    base = {
        "network": network,
        "train_size": 100,
        "batch_size": 20,
        "seed": 3,
        **SIZES.get(network, SIZES["mlp"]),
        **knobs,
    }
    places = len(parse(base).layers)

    def lane_of(given: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in given.items() if name != "rate"}
        return rest if "rate" not in given else {"dropout": [given["rate"]] * places, **rest}

    return parse(base | {"lanes": [lane_of(each) for each in lanes]})


def every_kind(**knobs: Any) -> list[dict[str, Any]]:
    """A lane of each kind of dropout."""
    return [{"name": kind, "dropout_kind": kind, "rate": 0.3, **knobs} for kind in KINDS]


def started(sheet: Sheet, config: ExperimentConfig, dtype: torch.dtype = torch.float32) -> Experiment:
    """A run whose steps are recorded: as CUDA graphs or, in a rehearsal, by what stands in for them in the tests."""
    return Experiment(config, sheet.device, dtype, graphs=None if sheet.on_gpu else _stand_in())


def started_as_written(sheet: Sheet, config: ExperimentConfig, dtype: torch.dtype = torch.float32) -> Experiment:
    """The same run, every step of which is made as it is written."""
    return Experiment(config, sheet.device, dtype, graphs=NoGraphs())


def _stand_in() -> Graphs:
    from tests.trainer.graphs import Recorder

    return Recorder()


def state_of(experiment: Experiment) -> dict[str, Tensor]:
    """Copies of the weights and statistics, and of what the optimiser remembers, by name."""
    saved = experiment.state_dict()
    found: dict[str, Tensor] = {f"model.{name}": tensor for name, tensor in saved["model"].items()}
    for rule, lists in saved["optimizer"].items():
        for name, tensors in lists.items():
            found |= {f"{rule}.{name}[{index}]": tensor for index, tensor in enumerate(tensors)}
    return found


def share_of_largest(mine: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest number; infinite where only one of them is a number."""
    mine, theirs = mine.detach().double().cpu(), theirs.detach().double().cpu()
    if not torch.equal(mine.isnan(), theirs.isnan()):
        return float("inf")
    difference = (mine - theirs).abs().nan_to_num(0)
    return float(difference.max() / theirs.abs().nan_to_num(0).max().clamp_min(1e-30)) if difference.numel() else 0.0


@contextmanager
def passes(experiment: Experiment) -> Iterator[list[int]]:
    """Counts the training passes that Python makes: a step that is replayed makes none. One number, in a list."""
    count = [0]

    def see(module: torch.nn.Module, _: object) -> None:
        count[0] += module.training

    hook = experiment.model.register_forward_pre_hook(see)
    try:
        yield count
    finally:
        hook.remove()
