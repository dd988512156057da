"""What a saved run must be, so that an experiment can go on from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from trainer.errors import StateError, quote
from trainer.settings.changes import ChangeLog, read_changes
from trainer.settings.config import MAX_LANES, ExperimentConfig, fixed_knobs, parse

MAX_STEP: Final = 2**32 - 1  # frames count steps in 32 bits


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
    began: list[int]
    diverged: list[dict[str, Any] | None]


def read_state(
    state: Mapping[str, Any], here: ExperimentConfig, weights: Mapping[str, Tensor], moments: Mapping[str, Any]
) -> Saved:
    """Take a saved state apart; all of it is looked at, so that an experiment can take it over without another look.

    Args:
        state: what `Experiment.state_dict` returned.
        here: the configuration of the experiment that is to go on from it.
        weights: its own, by name.
        moments: what its optimiser remembers, as that tells it.

    Raises:
        StateError: it is no such state, or it was saved by an experiment on other data or of other networks.
    """
    try:
        first = parse(state["first_config"])
        lanes = len(here.lanes)
        saved = Saved(
            config=parse(state["config"]),
            first_config=first,
            changes=read_changes(first, state["changes"]),
            step=_whole(state["step"], "step", MAX_STEP),
            followed=_followed(state["followed"], first),
            weights=state["model"],
            moments=_counted(state["optimizer"], lanes),
            stopping=state["stopping"],
            began=state.get("began", [0] * lanes),  # it was not told before a lane could begin anew
            diverged=list(state["diverged"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(f"this is no state of an experiment: {error}") from error
    check_same(saved.config, here)
    check_same(saved.first_config, here)
    _check_like(saved.weights, weights, "model")
    _check_like(saved.moments, moments, "optimizer")
    _check_stopping(saved.stopping, list(weights.values()), len(here.lanes))
    _check_lanes(saved.diverged, len(here.lanes), "diverged", _check_diverged)
    _check_began(saved.began, len(here.lanes), saved.step)
    return saved


def _counted(moments: Any, lanes: int) -> Any:
    """What an optimiser remembers, with a count of steps for each lane: there was one for each parameter once, ()."""
    steps = moments["weights"].get("steps")
    if not isinstance(steps, list) or not steps or any(not isinstance(each, Tensor) or each.dim() for each in steps):
        return moments
    return {**moments, "weights": {**moments["weights"], "steps": [steps[0].expand(lanes)]}}


def _wrong(place: str, value: Any, allowed: str) -> StateError:
    return StateError(f"this is no state of an experiment: {place} is {quote(value)}, not {allowed}")


def _whole(value: Any, place: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise _wrong(place, value, f"a whole number from 0 to {most:,}")
    return value


def _followed(value: Any, config: ExperimentConfig) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise _wrong("followed", value, "a lane and an example")
    lane, example = value
    return _whole(lane, "followed[0]", len(config.lanes) - 1), _whole(example, "followed[1]", config.train_size - 1)


def _check_like(value: Any, like: Any, place: str) -> None:
    """Raise `StateError` where tensors have other names, numbers or shapes than those of the experiment here."""
    if isinstance(like, Tensor):
        fits = isinstance(value, Tensor) and value.shape == like.shape and not value.is_complex()
        if not fits or value.is_floating_point() != like.is_floating_point():
            found = tuple(value.shape) if isinstance(value, Tensor) else quote(value)
            raise StateError(
                f"this is no state of an experiment: its weights have other names or shapes: {place} is {found}, "
                f"not {tuple(like.shape)}"
            )
        return
    keys = like.keys() if isinstance(like, Mapping) else range(len(like))
    kind = Mapping if isinstance(like, Mapping) else list
    if not isinstance(value, kind) or (value.keys() if isinstance(value, Mapping) else range(len(value))) != keys:
        raise StateError(f"this is no state of an experiment: its weights have other names or shapes in {place}")
    for key in keys:
        _check_like(value[key], like[key], f"{place}.{key}")


def _check_lanes(value: Any, lanes: int, place: str, check: Callable[[Any, int, str], None]) -> None:
    """Raise `StateError` unless there is an entry for each lane: None, or one that passes."""
    if not isinstance(value, list) or len(value) != lanes:
        raise _wrong(place, value, f"a list of {lanes}")
    for lane, each in enumerate(value):
        if each is not None:
            check(each, lane, f"{place}[{lane}]")


def _check_names(value: Any, place: str, names: set[str]) -> None:
    if not isinstance(value, Mapping) or value.keys() != names:
        raise _wrong(place, value, f"an object of {', '.join(sorted(names))}")


def _check_number(value: Any, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(place, value, "a number")


def _check_stopping(value: Any, weights: list[Tensor], lanes: int) -> None:
    """What early stopping remembers: of each lane its best weights, and when it was stopped."""

    def best(each: Any, lane: int, place: str) -> None:
        _check_names(each, place, {"step", "loss", "weights", "worse"})
        _whole(each["step"], f"{place}.step", MAX_STEP)
        _whole(each["worse"], f"{place}.worse", MAX_STEP)
        _check_number(each["loss"], f"{place}.loss")
        _check_like(each["weights"], [tensor[lane] for tensor in weights], f"{place}.weights")

    def stopped(each: Any, lane: int, place: str) -> None:
        _check_names(each, place, {"step", "best_step", "best_loss"})
        _whole(each["step"], f"{place}.step", MAX_STEP)
        _whole(each["best_step"], f"{place}.best_step", MAX_STEP)
        _check_number(each["best_loss"], f"{place}.best_loss")

    _check_names(value, "stopping", {"best", "stopped"})
    _check_lanes(value["best"], lanes, "stopping.best", best)
    _check_lanes(value["stopped"], lanes, "stopping.stopped", stopped)


def _check_began(value: Any, lanes: int, step: int) -> None:
    """The steps after which the lanes began."""
    if not isinstance(value, list) or len(value) != lanes:
        raise _wrong("began", value, f"a list of {lanes}")
    for lane, each in enumerate(value):
        _whole(each, f"began[{lane}]", step)


def _check_diverged(value: Any, lane: int, place: str) -> None:
    _check_names(value, place, {"step", "after"})
    _whole(value["step"], f"{place}.step", MAX_STEP)
    after = value["after"]
    if after is None:
        return
    if not isinstance(after, Mapping) or not {"step", "knobs"} <= after.keys() <= {"step", "lane", "knobs"}:
        raise _wrong(f"{place}.after", after, "a change, or null")
    _whole(after["step"], f"{place}.after.step", MAX_STEP)
    if not isinstance(after["knobs"], Mapping):
        raise _wrong(f"{place}.after.knobs", after["knobs"], "an object of knobs")
    if after.get("lane") is not None:
        _whole(after["lane"], f"{place}.after.lane", MAX_LANES - 1)


def check_same(saved: ExperimentConfig, here: ExperimentConfig) -> None:
    """Raise `StateError` where a saved configuration has another value of a knob that cannot move."""
    if len(saved.lanes) != len(here.lanes):
        raise StateError(f"the state has {len(saved.lanes)} lanes, this experiment has {len(here.lanes)}")
    of_lanes = enumerate(zip(saved.lanes, here.lanes, strict=True))
    pairs = [("", saved, here), *((f"lane {lane}'s ", theirs, ours) for lane, (theirs, ours) in of_lanes)]
    for whose, theirs, ours in pairs:
        for name in fixed_knobs(type(theirs)):
            if getattr(theirs, name) != getattr(ours, name):
                was, now = quote(getattr(theirs, name)), quote(getattr(ours, name))
                raise StateError(f"the state was saved with {whose}{name} = {was}, this experiment has {now}")
