"""What a run is opened with, read from the body of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import BadMessageError
from trainer.errors import KnobError, quote
from trainer.presets import find_preset
from trainer.search import parse_search
from trainer.settings.changes import MAX_CHANGES, ChangeLog, read_changes
from trainer.settings.commands import FOLLOW
from trainer.settings.config import ExperimentConfig, parse

MAX_CHANGE_STEP: Final = 10**9
MAX_STOP: Final = 1_000_000
_BESIDE: Final = ("changes", "experiment", "stop_at", "search", "follow")  # all else is knobs
_RECORD: Final = frozenset({"version", "run"})  # what a record has and no configuration does


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
        parent: the ``run`` that it goes on from, and the ``step``, if it is a fork.
    """

    config: ExperimentConfig
    changes: ChangeLog = field(default_factory=ChangeLog)
    experiment: str | None = None
    stop_at: int | None = None
    search: dict[str, Any] | None = None
    follow: dict[str, int] | None = None
    parent: dict[str, Any] | None = None


@dataclass(frozen=True)
class Fork:
    """A run that is to go on from another's step.

    Attributes:
        run: the other's name.
        step: updates that both have in common.
        changes_until: the last step whose changes are taken along: that one, or the next, for what is changed where a
            run stands still counts from its next step on. Without it, the next where the other stands, else that one.
    """

    run: str
    step: int
    changes_until: int | None = None


def parse_fork(given: Any) -> Fork | None:
    """Read what a fork is opened with, ``{"fork": {"run": …, "step": …}}``; None: it is no fork that is asked for.

    Raises:
        BadMessageError: it is none, or something stands beside it.
        KnobError: a step that cannot be.
    """
    if not isinstance(given, Mapping) or "fork" not in given:
        return None
    fork = given["fork"]
    if given.keys() != {"fork"}:
        other = sorted(map(str, given.keys() - {"fork"}))[0]
        raise BadMessageError(f"{quote(other)} is not allowed beside fork: a fork is what the other run was")
    if (
        not isinstance(fork, Mapping)
        or not {"run", "step"} <= fork.keys() <= {"run", "step", "changes_until"}
        or not isinstance(fork["run"], str)
    ):
        allowed = "an object of a run, a step and, if wanted, changes_until"
        raise BadMessageError(f"fork = {quote(fork)} is not allowed: it must be {allowed}")
    step, until = fork["step"], fork.get("changes_until")
    if type(step) is not int or step < 0:
        raise KnobError("fork.step", step, "a whole number from 0 on")
    if until is not None and (type(until) is not int or until not in (step, step + 1)):
        raise KnobError("fork.changes_until", until, f"{step:,} or {step + 1:,}: the step, or the one behind it")
    return Fork(fork["run"], step, until)


def parse_opening(given: Any) -> Opening:
    """Validate what a run is opened with: a configuration with what may stand beside it, or the record of a run.

    Raises:
        KnobError, UnknownKnobError: a value that is not allowed.
        BadMessageError: changes that are none, or a record that is none.
        TooManyChangesError: more changes than a run may have.
    """
    if not isinstance(given, Mapping):
        return Opening(parse(given))
    if given.keys() >= _RECORD:
        given = _of_record(given["run"])
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
    if len(changes) > 0:
        raise BadMessageError("a search has no changes: it turns the knobs itself")
    return Opening(config, changes, experiment, stop_at, parse_search(search, config).described(), follow)


def _follow(config: ExperimentConfig, follow: Any, searches: bool) -> dict[str, int]:
    if not isinstance(follow, Mapping) or not follow.keys() <= {"lane", "example"}:
        raise BadMessageError(
            f"follow = {quote(follow)} is not allowed: it must be an object of a lane, an example or both"
        )
    if searches and "lane" in follow:
        raise BadMessageError("a search follows no lane from the start: its lanes are candidates, and change")
    FOLLOW.read(follow, config)
    lane, example = follow.get("lane", config.followed_at_first), follow.get("example", 0)
    if not searches and example >= config.examples(lane):  # it may have fewer than the run
        name = config.lanes[lane].name
        allowed = f"a whole number from 0 to {config.examples(lane) - 1:,}: {quote(name)} has no more training examples"
        raise KnobError("example", example, allowed)
    return dict(follow)


def _of_record(run: Any) -> dict[str, Any]:
    """What a run is opened with that is to be the same again as one of which there is a record (`app.records`)."""
    config = run.get("first_config") if isinstance(run, Mapping) else None
    if not isinstance(config, Mapping):
        raise BadMessageError(f"run = {quote(run)} is not allowed: it must be the state of a run, as a record has it")
    if run.get("search") is not None:  # which turns the knobs and chooses what is followed itself
        return {**config, **{name: run.get(name) for name in ("experiment", "stop_at", "search")}}
    return {**config, **{name: run[name] for name in _BESIDE if name in run}}


def _changes(config: ExperimentConfig, changes: Any) -> ChangeLog:
    """Changes in rising order, as the page and a record have them."""
    if not isinstance(changes, list):
        allowed = f"a list of at most {MAX_CHANGES:,} changes"
        raise BadMessageError(f"changes = {quote(changes)} is not allowed: it must be {allowed}")
    step = 1
    for index, change in enumerate(changes[:MAX_CHANGES]):  # that there are no more is `read_changes`' to say
        if not isinstance(change, Mapping) or not {"step", "knobs"} <= change.keys() <= {"step", "lane", "knobs"}:
            allowed = "an object of step, knobs and, unless it is of the run, lane"
            raise BadMessageError(f"changes[{index}] = {quote(change)} is not allowed: it must be {allowed}")
        if type(change["step"]) is not int or not step <= change["step"] <= MAX_CHANGE_STEP:
            allowed = f"a whole number from {step:,} to {MAX_CHANGE_STEP:,}, in rising order"
            raise KnobError(f"changes[{index}].step", change["step"], allowed)
        if not isinstance(change["knobs"], Mapping) or not change["knobs"]:
            given = f"changes[{index}].knobs = {quote(change['knobs'])}"
            raise BadMessageError(f"{given} is not allowed: it must be an object of knobs and their values")
        step = change["step"]
    return read_changes(config, changes)
