"""Part 7: what is seen of networks on the GPU is what the CPU sees of the same networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from scripts.gpu_check.rows import Finding, Sheet, verdict
from scripts.gpu_check.runs import NETWORKS, config_of, share_of_largest, state_of
from trainer.insight import finish, make_insight
from trainer.insight.asking import Asking
from trainer.insight.autoencoder import Autoencoders
from trainer.settings.config import ExperimentConfig
from trainer.settings.panels import VIEWS, fits
from trainer.training.experiment import Experiment
from trainer.training.trace import Steps
from trainer.worker.look import evaluation_trace

LIMIT: Final = 1e-5
"""Of the largest number. Both compute in float64, so that nothing but an error is as large; told are float32."""

_TIMED: Final = ("cost", "features")  # views that work against the clock: two looks never find the same
_ALIKE: Final[list[dict[str, Any]]] = [{"name": "a"}, {"name": "b", "seed": 5}]
_DROPS: Final[dict[str, Any]] = {"rate": 0.3, "batch_norm": True}

Found = Mapping[str, Any]


def check(sheet: Sheet) -> None:
    """Rows of every view and everything else that is computed of a run, for each kind of network."""
    runs = {name: Both(sheet, config) for name, config in sheet.choose(_configs(), _few(_configs())).items()}
    for name, both in runs.items():
        for view in VIEWS:
            if fits(view, both.config) and view not in _TIMED:
                sheet.attempt(f"{name}: {view}", partial(both.alike, partial(_view, view)))
        for what, look in _LOOKS.items():
            sheet.attempt(f"{name}: {what}", partial(both.alike, look))
    sheet.attempt("mlp: first layer and autoencoders", partial(runs["mlp"].alike, _features))
    sheet.attempt("plane: boundary", partial(runs["plane"].alike, lambda run, _: {"boundary": run.boundary(40)}))
    for view in _TIMED:
        sheet.attempt(f"mlp: {view} looks", lambda: _looks(sheet, runs["mlp"], view))  # noqa: B023
    for network in sheet.choose(NETWORKS, ("mlp",)):
        sheet.attempt(f"{network}: trained without dropout", lambda: _trained(sheet, network))  # noqa: B023
        sheet.attempt(f"{network}: batch norm switched on in mid-run", lambda: _batch_norm(sheet, network))  # noqa: B023
    sheet.attempt("early stopping gives back the best weights", lambda: _stopping(sheet))


def _configs() -> dict[str, ExperimentConfig]:
    """The runs that are looked at."""
    connects: list[dict[str, Any]] = [{"rate": 0.3, "dropout_kind": "dropconnect"}, {"hidden": [7, 16]}]
    gaussian: list[dict[str, Any]] = [{"rate": 0.3, "dropout_kind": "gaussian"}, {"train_size": 60}]
    return {
        **{network: config_of(network, [*_ALIKE, _DROPS]) for network in NETWORKS},
        "plane": config_of("mlp", [*_ALIKE, _DROPS], dataset="moons"),
        "gaussian": config_of("mlp", gaussian),
        "dropconnect": config_of("mlp", connects),
    }


def _few(configs: dict[str, ExperimentConfig]) -> dict[str, ExperimentConfig]:
    """The runs of which a rehearsal tries everything."""
    return {name: configs[name] for name in ("mlp", "plane")}


class Both:
    """One run on the CPU and on the device, from one state; float64."""

    def __init__(self, sheet: Sheet, config: ExperimentConfig, steps: int = 4) -> None:
        self.config, self._sheet = config, sheet
        self.here = Experiment(config, "cpu", torch.float64)
        self.steps = self.here.run(steps)
        self.there = Experiment(config, sheet.device, torch.float64)
        self.there.load_state_dict(self.here.state_dict())

    def alike(self, look: Callable[[Experiment, Steps], Found]) -> Finding:
        """Look at both, and compare."""
        return _compared(self._sheet, look(self.there, self.steps), look(self.here, self.steps))


def _compared(sheet: Sheet, mine: Found, theirs: Found) -> Finding:
    """Whether two looks found the same, name by name."""
    if set(mine) != set(theirs):
        return verdict(False, f"found by one alone: {', '.join(sorted(set(mine) ^ set(theirs)))}")
    worst, where = 0.0, "none"
    for name, expected in theirs.items():
        own, other = (torch.as_tensor(np.asarray(torch.as_tensor(each).cpu())) for each in (mine[name], expected))
        if own.shape != other.shape:
            return verdict(False, f"{name} is {tuple(own.shape)}, on the CPU {tuple(other.shape)}")
        share = share_of_largest(own, other)
        if share > worst:
            worst, where = share, name
    detail = f"{len(theirs)} tensors, differences of at most {worst:.1e}, in {where}"
    return sheet.on_gpu_only(verdict(worst <= LIMIT, detail, share=worst, limit=LIMIT))


def _view(view: str, run: Experiment, steps: Steps) -> Found:
    insight = make_insight(view, run)
    insight.saw(steps)
    return finish(insight.look())


def _scores(run: Experiment, _: Steps) -> Found:
    return _plain(run.evaluate())


def _votes(masks: Any, run: Experiment, _: Steps) -> Found:
    lane = run.followed[0]
    return _plain(run.sample_subnetworks(lane, members=8, masks=masks))


def _asked(run: Experiment, _: Steps) -> Found:
    examples = torch.as_tensor(run.data.train_x[:3])
    return _plain(Asking(run).ask(examples, members=8))


def _trace(run: Experiment, _: Steps) -> Found:
    trace = evaluation_trace(run)
    edges = {f"edges.{name}": tensor for name, tensor in vars(trace.edges).items()}
    return {**_plain(trace), **trace.activations, **edges}


_LOOKS: Final[dict[str, Callable[[Experiment, Steps], Found]]] = {
    "scores": _scores,
    "votes, a mask for each member": partial(_votes, "per_member"),
    "votes, a mask for each example": partial(_votes, "per_example"),
    "votes on a viewer’s own": _asked,
    "a pass in eval mode": _trace,
}


def _plain(found: Any) -> Found:
    """What there is of tensors and numbers in a dataclass."""
    named = {each.name: getattr(found, each.name) for each in fields(found)}
    return {name: value for name, value in named.items() if isinstance(value, torch.Tensor | float | int)}


def _features(run: Experiment, _: Steps) -> Found:
    """The autoencoders of the view of features, after so many steps instead of so many seconds."""
    pair = Autoencoders(run.data, run.config.seed, run.device, run.dtype)
    pair.advance(10)
    train, val = finish(pair.errors())
    return {"atoms": pair.atoms(), "train": train, "val": val}


def _looks(sheet: Sheet, both: Both, view: str) -> Finding:
    """Whether a view that works against the clock finds tensors of the same shapes, and numbers in them."""
    mine, theirs = (_view(view, run, both.steps) for run in (both.there, both.here))
    right = {name: each.shape for name, each in mine.items()} == {name: each.shape for name, each in theirs.items()}
    right = right and all(np.array_equal(np.isfinite(mine[name]), np.isfinite(theirs[name])) for name in mine)
    return sheet.on_gpu_only(verdict(right, f"{len(mine)} tensors: {', '.join(mine)}"))


def _trained(sheet: Sheet, network: str) -> Finding:
    """Without dropout, no random number is drawn on the device: both must train to the same weights."""
    both = Both(sheet, config_of(network, [{"l2": 1e-3, "max_norm": 2.0}, {"seed": 8, "learning_rate": 0.01}]), steps=2)
    for run in (both.here, both.there):
        run.run(sheet.choose(30, 4))
    return _compared(sheet, state_of(both.there), state_of(both.here))


def _batch_norm(sheet: Sheet, network: str) -> Finding:
    """Its statistics are estimated from the present weights, and then it trains."""
    both = Both(sheet, config_of(network, [{}, {"label_smoothing": 0.1}], optimizer="sgd"))
    for run in (both.here, both.there):
        run.set(1, batch_norm=True)
        run.run(sheet.choose(10, 2))
    return _compared(sheet, state_of(both.there), state_of(both.here))


def _stopping(sheet: Sheet) -> Finding:
    """A lane that learns too fast gets worse, is stopped, and has the loss of its best step from then on."""
    lanes = [{"patience": 1, "learning_rate": 0.05, "rate": 0.2}, {"patience": 1, "learning_rate": 0.05}, {}]
    run = Experiment(config_of("mlp", lanes, label_noise=0.4), sheet.device)
    run.run(sheet.choose(400, 200))
    stopped, losses = run.stopped, run.evaluate().val_loss
    found = [
        (abs(float(loss) - stop["best_loss"]) / stop["best_loss"])
        for stop, loss in zip(stopped, losses, strict=True)
        if stop is not None
    ]
    right = [stop is not None for stop in stopped] == [True, True, False] and max(found) < 1e-4
    at = ", ".join("trains" if stop is None else f"stopped at {stop['step']}" for stop in stopped)
    return verdict(right, f"{at}; losses differ by at most {max(found, default=0):.1e}", stopped=len(found))
