"""What a saved run must be, so that an experiment can go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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


MOST_STEPS: Final = 2**32 - 1  # what a frame can count


def read_state(state: Mapping[str, Any], here: ExperimentConfig, like: Mapping[str, Any]) -> Saved:
    """Take a saved state apart. It may come from a stranger: what it says is believed of nothing that can be checked.

    Args:
        state: what `Experiment.state_dict` returned.
        here: the configuration of the experiment that is to go on from it.
        like: its own ``model`` and ``optimizer``, of whose tensors the saved ones have the names and shapes.

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
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise StateError(f"this is no state of an experiment: {error}") from error
    check_same(saved.config, here)
    _check(_is_count(saved.step), "step")
    lane, example = saved.followed
    _check(_is_count(lane) and lane < len(here.lanes), "followed")
    _check(_is_count(example) and example < here.examples(lane), "followed")
    _check_like(saved.weights, like["model"], "model")
    _check_like(saved.moments, like["optimizer"], "optimizer")
    _check_stopping(saved.stopping, list(like["model"].values()), len(here.lanes))
    _check(len(saved.diverged) == len(here.lanes), "diverged")
    for each in saved.diverged:
        _check(each is None or _is_end(each), "diverged")
    return saved


def _check(holds: bool, place: str) -> None:
    if not holds:
        raise StateError(f"this is no state of an experiment: its {place} is none of this run")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_STEPS


def _check_like(value: Any, like: Any, place: str) -> None:
    """Tensors at the same places, of the same shapes, and of whole numbers where the others are."""
    if isinstance(like, Tensor):
        fits = isinstance(value, Tensor) and value.shape == like.shape
        _check(fits and value.is_floating_point() == like.is_floating_point(), place)
    elif isinstance(like, Mapping):
        _check(isinstance(value, Mapping) and value.keys() == like.keys(), place)
        for name, each in like.items():
            _check_like(value[name], each, f"{place}.{name}")
    else:
        _check(isinstance(value, list) and len(value) == len(like), place)
        for index, each in enumerate(like):
            _check_like(value[index], each, f"{place}.{index}")


def _check_stopping(given: Any, tensors: list[Tensor], lanes: int) -> None:
    """What early stopping remembers of each lane."""
    _check(isinstance(given, Mapping) and given.keys() == {"best", "stopped"}, "stopping")
    for name in ("best", "stopped"):
        _check(isinstance(given[name], list) and len(given[name]) == lanes, f"stopping.{name}")
    for best in given["best"]:
        if best is not None:
            named = isinstance(best, Mapping) and best.keys() == {"step", "loss", "weights", "worse"}
            _check(named and _is_count(best["step"]) and _is_count(best["worse"]), "stopping.best")
            _check(isinstance(best["loss"], int | float), "stopping.best")
            _check_like(best["weights"], [tensor[0] for tensor in tensors], "stopping.best.weights")
    for stop in given["stopped"]:
        if stop is not None:
            named = isinstance(stop, Mapping) and stop.keys() == {"step", "best_step", "best_loss"}
            _check(named and _is_count(stop["step"]) and _is_count(stop["best_step"]), "stopping.stopped")
            _check(isinstance(stop["best_loss"], int | float), "stopping.stopped")


def _is_end(given: Any) -> bool:
    """Whether this says when a lane diverged, and after which change."""
    if not isinstance(given, Mapping) or given.keys() != {"step", "after"} or not _is_count(given["step"]):
        return False
    after = given["after"]
    if after is None:
        return True
    if not isinstance(after, Mapping) or not {"step", "knobs"} <= after.keys() <= {"step", "lane", "knobs"}:
        return False
    return _is_count(after["step"]) and isinstance(after["knobs"], Mapping) and _is_count(after.get("lane", 0))


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
