"""Part 2: a recorded step changes weights and moments as the step that is written does, whatever is changed."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import torch
from torch import Tensor

from scripts.gpu_check.rows import Finding, Sheet, verdict
from scripts.gpu_check.runs import (
    DTYPES,
    NETWORKS,
    OPTIMIZERS,
    config_of,
    every_kind,
    share_of_largest,
    started,
    started_as_written,
    state_of,
)
from trainer.settings.config import ExperimentConfig
from trainer.settings.knobs import extra
from trainer.settings.lane import Lane
from trainer.training.experiment import Experiment

LIMIT: Final = {"float32": 1e-3, "float64": 1e-9}
"""Of the largest number of a tensor: kernels that are chosen anew may add up in another order."""

_ROUNDING: Final = 1e-6
"""Adam divides a gradient by its own size: one below this share of the largest is rounding, and its step is chance."""

KNOBS: Final[dict[str, Any]] = {
    "dropout_kind": "gaussian",
    "dropout": 0.6,
    "spatial_dropout": 0.4,
    "recurrent_mask": "per_step",
    "schedule": "ramp_up",
    "schedule_steps": 40,
    "batch_norm": True,
    "l1": 1e-3,
    "l2": 1e-2,
    "weight_decay": 0.5,
    "max_norm": 0.7,
    "label_smoothing": 0.3,
    "input_noise": 0.2,
    "learning_rate": 0.01,
    "patience": 3,
    "restarts": 1,
    "averaged": False,
    "name": "moved",
}
"""Each live knob of a lane and where it is moved to; a rate is that of all its places."""

_ONLY_OF: Final = {"spatial_dropout": "cnn", "recurrent_mask": "lstm"}


class Pair:
    """Two runs of one configuration: the first as it is, the second with every step made as it is written."""

    def __init__(self, sheet: Sheet, config: ExperimentConfig, dtype: str = "float32") -> None:
        self.config, self.limit = config, LIMIT[dtype]
        self.replayed = started(sheet, config, DTYPES[dtype])
        self.written = started_as_written(sheet, config, DTYPES[dtype])

    def set(self, lane: int | None, **knobs: Any) -> None:
        """Move knobs of both."""
        for each in (self.replayed, self.written):
            each.set(lane, **knobs)

    def compare(self, steps: int) -> tuple[float, str]:
        """Train both; the largest difference as a share of what it is one of, and in which tensor."""
        losses = [each.run(steps).loss for each in (self.replayed, self.written)]
        mine, theirs = state_of(self.replayed), state_of(self.written)
        idle = _idle(theirs, self.written) if self.config.optimizer == "adam" else {}
        worst, where = share_of_largest(*losses), "losses"
        for name, tensor in theirs.items():
            own = torch.where(idle[name], tensor, mine[name]) if name in idle else mine[name]
            share = share_of_largest(own, tensor)
            if share > worst:
                worst, where = share, name
        self._align()
        return worst, where

    def _align(self) -> None:
        """Give the second the state of the first, in place: differences shall not add up."""
        self.written.model.load_state_dict(self.replayed.model.state_dict())
        self.written._optimizer.load_state_dict(self.replayed._optimizer.state_dict())


def _idle(state: dict[str, Tensor], experiment: Experiment) -> dict[str, Tensor]:
    """By name of a weight, where its gradients have been nothing but rounding."""
    names = {id(each): f"model.{name}" for name, each in experiment.model.named_parameters()}
    seconds = [state[f"weights.second[{index}]"] for index, _ in enumerate(experiment.model.weights)]
    limit = max(float(each.max()) for each in seconds) * _ROUNDING**2
    return {names[id(each)]: own <= limit for each, own in zip(experiment.model.weights, seconds, strict=True)}


def check(sheet: Sheet) -> None:
    """A row for each network, optimiser and precision; for each live knob; and for changes without a step between."""
    sheet.attempt("every live knob is moved here", every_knob)
    for network, optimizer, dtype in product(
        NETWORKS, sheet.choose(OPTIMIZERS, ("adam",)), sheet.choose(list(DTYPES), ["float64"])
    ):
        lanes: list[dict[str, Any]] = [*every_kind(), {"rate": 0.2, "batch_norm": True}]
        pair = Pair(sheet, config_of(network, lanes, optimizer=optimizer), dtype)
        sheet.attempt(f"{network}, {optimizer}, {dtype}", lambda: _same(sheet, pair))  # noqa: B023
    for network, dtype in product(sheet.choose(NETWORKS, ("mlp",)), sheet.choose(list(DTYPES), ["float32"])):
        _move_every_knob(sheet, network, dtype)
    for network in sheet.choose(NETWORKS, ("mlp",)):
        sheet.attempt(f"{network}, DropConnect off and on", lambda: _off_and_on(sheet, network))  # noqa: B023
        sheet.attempt(f"{network}, DropConnect from lane to lane", lambda: _from_lane_to_lane(sheet, network))  # noqa: B023
    sheet.attempt("DropConnect on a ramp is recorded once", lambda: _ramp(sheet))


def every_knob() -> Finding:
    """Whether `KNOBS` moves all that can be moved."""
    live = {name for name, field in Lane.model_fields.items() if extra(field)["live"]}
    live |= {name for name, field in ExperimentConfig.model_fields.items() if name != "lanes" and extra(field)["live"]}
    return verdict(live == set(KNOBS), ", ".join(sorted(live ^ set(KNOBS))) or f"{len(live)} knobs", knobs=len(live))


def _move_every_knob(sheet: Sheet, network: str, dtype: str) -> None:
    """Move one knob after the other of a lane; all that was moved stays moved."""
    lanes: list[dict[str, Any]] = [
        {"rate": 0.3, "name": "moves"},
        {"rate": 0.2, "l2": 1e-3, "max_norm": 1.0, "patience": 100},
    ]
    pair = Pair(sheet, config_of(network, lanes, optimizer="sgd"), dtype)
    _same(sheet, pair)
    for name, value in KNOBS.items():
        if _ONLY_OF.get(name, network) != network:
            continue
        was = getattr(pair.config.lanes[0], name)
        to = [value] * len(was) if isinstance(was, tuple) else value

        def moved(name: str = name, to: Any = to) -> Finding:
            pair.set(0, **{name: to})
            return _same(sheet, pair)

        sheet.attempt(f"{network}, {dtype}, {name} moved", moved)
    sheet.attempt(f"{network}, {dtype}, learning rate of the run", lambda: _moved_rate(sheet, pair))


def _moved_rate(sheet: Sheet, pair: Pair) -> Finding:
    pair.set(None, learning_rate=0.005)
    return _same(sheet, pair)


def _off_and_on(sheet: Sheet, network: str) -> Finding:
    """Two changes without a step between, after which all is as it was but for where the masks are."""
    pair = Pair(sheet, config_of(network, [{"rate": 0.5, "dropout_kind": "dropconnect"}]))
    pair.compare(2)
    for kind in ("inverted", "dropconnect"):
        pair.set(0, dropout_kind=kind)
    held = _litter(pair)
    finding = _same(sheet, pair)
    del held
    return finding


def _from_lane_to_lane(sheet: Sheet, network: str) -> Finding:
    lanes = [{"rate": 0.5, "dropout_kind": kind} for kind in ("dropconnect", "inverted")]
    pair = Pair(sheet, config_of(network, lanes))
    pair.compare(2)
    for kinds in (("inverted", "dropconnect"), ("dropconnect", "inverted")):
        for lane, kind in enumerate(kinds):
            pair.set(lane, dropout_kind=kind)
    held = _litter(pair)
    finding = _same(sheet, pair)
    del held
    return finding


def _litter(pair: Pair) -> list[Tensor]:
    """Fill memory of the sizes that the masks have with rubbish: what a recorded step still reads there is wrong."""
    device, rows = pair.replayed.device, pair.replayed.model.rows
    rubbish = []
    for lanes in (1, 2):
        rubbish += [torch.full((lanes,), lanes - 1, dtype=torch.int64, device=device) for _ in range(4)]
        for site in pair.replayed.model.dropouts:
            shape = (lanes, rows, site.units, site.outputs)
            rubbish += [torch.zeros(shape, dtype=torch.bool, device=device) for _ in range(2)]
    return rubbish


def _ramp(sheet: Sheet) -> Finding:
    """A rate that changes at every step is another number, and not another computation."""
    lanes = [{"rate": 0.5, "dropout_kind": "dropconnect", "schedule": "ramp_down", "schedule_steps": 60}]
    pair, steps = Pair(sheet, config_of("mlp", lanes)), sheet.choose(20, 3)
    share, where = pair.compare(steps)
    told = pair.replayed.recording
    right = told.recorded == 1 and told.replayed == steps and share <= pair.limit
    detail = f"{told.recorded} recordings in {steps} steps; differences of at most {share:.1e}, in {where}"
    return _of_gpu(sheet, verdict(right, detail, recorded=told.recorded, share=share))


def _same(sheet: Sheet, pair: Pair) -> Finding:
    """Whether both do the same now."""
    share, where = pair.compare(sheet.choose(3, 1))
    told = pair.replayed.recording
    right = share <= pair.limit and told.written == 0
    reason = f"; steps were made as written: {told.reason}" if told.written else ""
    detail = f"differences of at most {share:.1e} of the largest number, in {where}{reason}"
    return _of_gpu(sheet, verdict(right, detail, share=share, limit=pair.limit, written=told.written))


def _of_gpu(sheet: Sheet, finding: Finding) -> Finding:
    """What stands in for a graph can be wrong as well; that it is right says nothing of a graph."""
    return finding if finding.outcome == "failed" else sheet.on_gpu_only(finding)
