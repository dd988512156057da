"""What a run is opened with, read from the body of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.commands import check_follow
from app.errors import BadMessageError
from trainer.config import ExperimentConfig, parse
from trainer.errors import KnobError
from trainer.presets import find_preset
from trainer.search import parse_search

MAX_CHANGES: Final = 1000
MAX_CHANGE_STEP: Final = 10**9
MAX_STOP: Final = 1_000_000
_BESIDE: Final = ("changes", "experiment", "stop_at", "search", "follow")  # all else is knobs

Change = dict[str, Any]


@dataclass(frozen=True)
class Opening:
    """A run to be opened.

    Attributes:
        config: at step 0.
        changes: to be replayed, in the order of their steps.
        experiment: the experiment that it belongs to.
        stop_at: the step at which it pauses by itself.
        search: what it searches, as the run state has it, if it is a search.
        follow: the ``lane`` and the ``example`` that are followed at first, if they are to be others than usual.
    """

    config: ExperimentConfig
    changes: list[Change] = field(default_factory=list)
    experiment: str | None = None
    stop_at: int | None = None
    search: dict[str, Any] | None = None
    follow: dict[str, int] | None = None


def parse_opening(given: Any) -> Opening:
    """Validate what a run is opened with.

    Raises:
        KnobError, UnknownKnobError: a value that is not allowed.
        BadMessageError: changes that are none.
    """
    if not isinstance(given, Mapping):
        return Opening(parse(given))
    config = parse({name: value for name, value in given.items() if name not in _BESIDE})
    experiment, stop_at, search, follow = (given.get(name) for name in _BESIDE[1:])
    if experiment is not None:
        experiment = find_preset(experiment).id
    if stop_at is not None and (type(stop_at) is not int or not 1 <= stop_at <= MAX_STOP):
        raise KnobError("stop_at", stop_at, f"a whole number from 1 to {MAX_STOP:,}, or null")
    changes = _changes(config, given.get("changes", []))
    if follow is not None:
        follow = _follow(config, follow, search is not None)
    if search is None:
        return Opening(config, changes, experiment, stop_at, follow=follow)
    if changes:
        raise BadMessageError("a search has no changes: it turns the knobs itself")
    return Opening(config, changes, experiment, stop_at, parse_search(search, config).described(), follow)


def _follow(config: ExperimentConfig, follow: Any, searches: bool) -> dict[str, int]:
    if not isinstance(follow, Mapping) or not follow.keys() <= {"lane", "example"}:
        raise BadMessageError("follow must be an object of a lane, an example or both")
    if searches and "lane" in follow:
        raise BadMessageError("a search follows no lane from the start: its lanes are candidates, and change")
    check_follow(dict(follow), config)
    return dict(follow)


def _changes(config: ExperimentConfig, changes: Any) -> list[Change]:
    if not isinstance(changes, list) or len(changes) > MAX_CHANGES:
        raise BadMessageError(f"changes must be a list of at most {MAX_CHANGES:,} changes")
    now, step = config, 1
    for index, change in enumerate(changes):
        if not isinstance(change, Mapping) or not {"step", "knobs"} <= change.keys() <= {"step", "lane", "knobs"}:
            raise BadMessageError(
                f"changes[{index}] must be an object of step, knobs and, unless it is of the run, lane"
            )
        if type(change["step"]) is not int or not step <= change["step"] <= MAX_CHANGE_STEP:
            raise KnobError(f"changes[{index}].step", change["step"], f"a whole number from {step}, in rising order")
        if not isinstance(change["knobs"], Mapping):
            raise BadMessageError(f"changes[{index}].knobs must be an object of knobs and their values")
        now, step = now.with_knobs(change["knobs"], change.get("lane")), change["step"]
    return [dict(change) for change in changes]
