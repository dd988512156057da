"""Part 1: steps are recorded as CUDA graphs, those of every network, optimiser and kind of dropout."""

from __future__ import annotations

import re
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import torch

from scripts.gpu_check.rows import Finding, Sheet, verdict
from scripts.gpu_check.runs import (
    DTYPES,
    NETWORKS,
    OPTIMIZERS,
    config_of,
    every_kind,
    passes,
    started,
)
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import KINDS

STEPS: Final = 20
_FEW: Final = 4  # in a rehearsal
_ADAM: Final = (
    *("self", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs", "state_steps", "lr", "beta1", "beta2"),
    *("weight_decay", "eps", "amsgrad", "maximize"),
)
_PRIVATE: Final = re.compile(r"\btorch\.(_(?!_)\w+(?:\.\w+)?|ops\.aten\.\w+)")
_TRAINER: Final = Path(__file__).resolve().parents[2] / "trainer"


def check(sheet: Sheet) -> None:
    """A row for each network, optimiser and precision; for each network and kind of dropout; and for special runs."""
    sheet.attempt("private calls of PyTorch", private_calls)
    sheet.attempt("the default run", lambda: recorded(sheet, parse({})))
    for network, optimizer, dtype in product(
        NETWORKS, sheet.choose(OPTIMIZERS, ("adam",)), sheet.choose(list(DTYPES), ["float64"])
    ):
        knobs: dict[str, Any] = {"l1": 1e-4, "l2": 1e-3, "weight_decay": 0.1, "max_norm": 1.0, "label_smoothing": 0.1}
        lanes = [*every_kind(), {"rate": 0.2, "batch_norm": True, "input_noise": 0.1, **knobs}, {"seed": 9}]
        config = config_of(network, lanes, optimizer=optimizer)
        sheet.attempt(f"{network}, {optimizer}, {dtype}", lambda: recorded(sheet, config, DTYPES[dtype]))  # noqa: B023
    for network, kind in product(sheet.choose(NETWORKS, ("mlp",)), KINDS):
        config = config_of(network, [{"dropout_kind": kind, "rate": 0.5}])
        sheet.attempt(f"{network}, {kind}", lambda: recorded(sheet, config))  # noqa: B023
    ramp = config_of("mlp", [{"dropout_kind": "dropconnect", "rate": 0.5, "schedule": "ramp_down"}])
    sheet.attempt("DropConnect on a ramp", lambda: recorded(sheet, ramp))
    rates = config_of("mlp", [{"rate": 0.2, "learning_rate": 0.001 * (lane + 1)} for lane in range(16)])
    sheet.attempt("16 learning rates", lambda: recorded(sheet, rates))


def recorded(sheet: Sheet, config: ExperimentConfig, dtype: torch.dtype = torch.float32) -> Finding:
    """Whether 20 steps are launched as a graph, the first of them included, and a traced one is made as it is written.

    Asked twice: what the run says of itself, and how often Python passes through the network.
    """
    experiment, steps = started(sheet, config, dtype), sheet.choose(STEPS, _FEW)
    experiment.run(1)  # records the step, compares it, and launches it
    with passes(experiment) as count:
        experiment.run(steps - 1)
    by_python = count[0]
    told = experiment.recording
    experiment.run(2, trace=True)
    traced = experiment.recording.traced
    right = told.replayed == steps and told.recorded == 1 and not told.written and not told.failed and traced == 1
    if sheet.on_gpu:  # where Python stands in for a graph, it passes at every step
        right = right and by_python == 0
    reason = f": {told.reason}" if told.reason else ""
    detail = f"{told.replayed} of {steps} steps launched, {told.written} as written{reason}; {traced} of 2 traced"
    figures = {"replayed": told.replayed, "written": told.written, "recorded": told.recorded, "by_python": by_python}
    finding = verdict(right, detail, **figures)
    return finding if not right else sheet.on_gpu_only(finding)


def private_calls() -> Finding:
    """Whether this PyTorch has what the trainer calls of it that is not documented; Adam's, with its arguments."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(_TRAINER.rglob("*.py")))
    lacking = []
    called = sorted(set(_PRIVATE.findall(source)))
    for name in called:
        if name.startswith("_C.") and not torch.version.cuda:
            continue  # of CUDA, and only there with it
        try:
            attrgetter(name)(torch)
        except AttributeError:
            lacking.append(name)
    adam = torch.ops.aten._fused_adam_
    for overload in ("default", "tensor_lr"):
        if overload not in adam.overloads():  # type: ignore[no-untyped-call]
            lacking.append(f"_fused_adam_.{overload}")
            continue
        names = tuple(each.name for each in getattr(adam, overload)._schema.arguments)
        if names[: len(_ADAM)] != _ADAM:
            lacking.append(f"_fused_adam_.{overload}({', '.join(names)})")
    detail = f"other than they were: {', '.join(lacking)}" if lacking else f"{len(called)} as they were"
    return verdict(not lacking, detail, calls=len(called))
