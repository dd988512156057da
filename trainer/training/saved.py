"""What a saved run must be, so that an experiment can go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.errors import StateError, quote
from trainer.settings.changes import ChangeLog, read_changes
from trainer.settings.config import ExperimentConfig, fixed_knobs, parse


@dataclass(frozen=True)
class Saved:
    """The parts of a saved state, as `Experiment.state_dict` names them."""

    config: ExperimentConfig
    first_config: ExperimentConfig
    changes: ChangeLog
    step: int
    followed: tuple[int, int]
    weights: Mapping[str, Tensor]
    moments: dict[str, Any]
    stopping: Mapping[str, Any]
    diverged: list[dict[str, Any] | None]


def read_state(state: Mapping[str, Any], here: ExperimentConfig, shapes: Mapping[str, torch.Size]) -> Saved:
    """Take a saved state apart.

    Args:
        state: what `Experiment.state_dict` returned.
        here: the configuration of the experiment that is to go on from it.
        shapes: of its weights, by name.

    Raises:
        StateError: it is no such state, or it was saved by an experiment on other data or of other networks.
    """
    try:
        first = parse(state["first_config"])
        saved = Saved(
            config=parse(state["config"]),
            first_config=first,
            changes=read_changes(first, state["changes"]),
            step=state["step"],
            followed=(state["followed"][0], state["followed"][1]),
            weights=state["model"],
            moments=state["optimizer"],
            stopping=state["stopping"],
            diverged=list(state["diverged"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"this is no state of an experiment: {error}") from error
    check_same(saved.config, here)
    if {name: tensor.shape for name, tensor in saved.weights.items()} != dict(shapes):
        raise StateError("this is no state of an experiment: its weights have other names or shapes")
    return saved


def check_same(saved: ExperimentConfig, here: ExperimentConfig) -> None:
    """Raise `StateError` where a saved configuration has another value of a knob that cannot move."""
    if len(saved.lanes) != len(here.lanes):
        raise StateError(f"the state has {len(saved.lanes)} lanes, this experiment has {len(here.lanes)}")
    pairs = [("", saved, here), *zip((f"lane {k}'s " for k in range(64)), saved.lanes, here.lanes, strict=False)]
    for whose, theirs, ours in pairs:
        for name in fixed_knobs(type(theirs)):
            if getattr(theirs, name) != getattr(ours, name):
                was, now = quote(getattr(theirs, name)), quote(getattr(ours, name))
                raise StateError(f"the state was saved with {whose}{name} = {was}, this experiment has {now}")
