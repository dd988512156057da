"""Part 5: while steps are made, the CPU does not wait for the GPU."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, Final
from unittest import mock

import torch

from scripts.gpu_check.rows import Finding, Sheet, verdict
from scripts.gpu_check.runs import NETWORKS, config_of, every_kind, started
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import KINDS
from trainer.training.experiment import Experiment
from trainer.training.ring import ROOM

STEPS: Final = 50


def check(sheet: Sheet) -> None:
    """A row for each network and kind of dropout, and for runs in which something is done at every step."""
    sheet.attempt("the default run", lambda: _without_waiting(sheet, parse({})))
    for network, kind in product(sheet.choose(NETWORKS, ("mlp",)), KINDS):
        config = config_of(network, [{"rate": 0.4, "dropout_kind": kind}])
        sheet.attempt(f"{network}, {kind}", lambda: _without_waiting(sheet, config))  # noqa: B023
    every: dict[str, list[dict[str, Any]]] = {
        "every kind": every_kind(),
        "every kind with batch norm": every_kind(batch_norm=True),
        "every kind on a ramp": every_kind(schedule="ramp_down", schedule_steps=1000),
        "input noise": [{"rate": 0.2, "input_noise": 0.2}],
        "own seeds": [{"rate": 0.2, "seed": seed} for seed in range(8)],
        "own learning rates": [{"rate": 0.2, "learning_rate": 0.001 * (lane + 1)} for lane in range(8)],
        "penalties, decay, max-norm, label smoothing": [
            {"l1": 1e-4, "l2": 1e-3, "weight_decay": 0.1, "max_norm": 1.0, "label_smoothing": 0.1}
        ],
    }
    for (name, lanes), network in product(every.items(), sheet.choose(NETWORKS, ("mlp",))):
        config = config_of(network, lanes)
        sheet.attempt(f"{network}, {name}", lambda: _without_waiting(sheet, config))  # noqa: B023
    sheet.attempt("longer than the room for records", lambda: _without_waiting(sheet, parse({}), 2 * ROOM + 2))
    stopping = config_of("mlp", [{"rate": 0.2, "patience": 100}])
    sheet.attempt("early stopping, between two looks", lambda: _without_waiting(sheet, stopping, 20))


def _without_waiting(sheet: Sheet, config: ExperimentConfig, steps: int = STEPS) -> Finding:
    """Make steps while PyTorch raises at everything that waits."""
    experiment = started(sheet, config)
    experiment.run(3)  # records the step, for which it has to wait
    count = sheet.choose(steps, 3)
    with _nothing_waits(sheet.on_gpu):
        experiment.run(count)
    return sheet.on_gpu_only(verdict(experiment.step == 3 + count, f"{count} steps"))


@contextmanager
def _nothing_waits(on_gpu: bool) -> Iterator[None]:
    """Have PyTorch raise at everything that waits within a step; at its end a call of `Experiment.run` has to wait."""
    make = Experiment._step

    def forbidding(self: Experiment, *given: Any) -> Any:
        _raise(True, on_gpu)
        try:
            return make(self, *given)
        finally:
            _raise(False, on_gpu)

    with mock.patch.object(Experiment, "_step", forbidding):
        yield


def _raise(at_waiting: bool, on_gpu: bool) -> None:
    if on_gpu:
        with warnings.catch_warnings(action="ignore"):  # PyTorch says that this is a prototype
            torch.cuda.set_sync_debug_mode("error" if at_waiting else "default")
