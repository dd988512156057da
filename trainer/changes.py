"""The changes made to a run, each at its step: with the first configuration they are the run."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.config import ExperimentConfig
from trainer.errors import KnobError

Change = dict[str, Any]
"""``{"step": 301, "lane": 1, "knobs": {"l2": 0.001}}``: in force from that step on; without ``lane``, of the run."""


def insert(changes: list[Change], step: int, lane: int | None, knobs: Mapping[str, Any]) -> None:
    """Add a change to a list in the order of steps; two of one lane at one step become one."""
    for change in changes:
        if change["step"] == step and change.get("lane") == lane:
            change["knobs"].update(knobs)
            return
    added: Change = {"step": step, "knobs": dict(knobs)}
    if lane is not None:
        added["lane"] = lane
    insort(changes, added, key=lambda each: each["step"])


def read_changes(config: ExperimentConfig, given: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Check changes to ``config`` and put them in order.

    Raises:
        KnobError: something that is no change, or a step, lane or value that cannot be.
        UnknownKnobError: a name that is no knob.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise KnobError("changes", given, "a list of changes")
    changes: list[Change] = []
    for index, each in enumerate(given):
        path = f"changes[{index}]"
        if not isinstance(each, Mapping) or not {"step", "knobs"} <= set(each) <= {"step", "lane", "knobs"}:
            raise KnobError(path, each, "an object with step, knobs and, for the knobs of a lane, lane")
        step, knobs = each["step"], each["knobs"]
        if isinstance(step, bool) or not isinstance(step, int) or step < 1:
            raise KnobError(f"{path}.step", step, "a whole number, at least 1")
        if not isinstance(knobs, Mapping):
            raise KnobError(f"{path}.knobs", knobs, "an object of knobs and their values")
        insert(changes, step, each.get("lane"), knobs)
    for change in changes:
        config = config.with_knobs(change["knobs"], change.get("lane"))
    return changes
