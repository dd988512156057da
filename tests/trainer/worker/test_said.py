"""What the app says that makes no sense is passed over, and what it opens that way is answered."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.fuzz.workers import CONFIG, OPEN, Trial
from trainer.wire.stream import StreamError
from trainer.worker.said import check_said

NONSENSE: tuple[dict[str, Any], ...] = (
    {},
    {"op": "nonsense"},
    {"op": ["open"]},
    {"op": "watch", "run": "r"},
    {"op": "watch", "run": "r", "viewers": -1},
    {"op": "watch", "run": "r", "viewers": 1, "views": [3]},
    {"op": "changes", "run": "r"},
    {"op": "changes", "run": "r", "changes": [{"step": "x", "knobs": {}}]},
    {"op": "close", "run": 3},
)


@pytest.mark.parametrize("message", NONSENSE, ids=str)
def test_nonsense_is_passed_over_and_runs_go_on(message: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    trial = Trial()
    trial.open_anew()
    with caplog.at_level(logging.WARNING):
        trial.worker.receive(message)
    assert "the app does not make sense" in caplog.text
    trial.ear.messages.clear()
    trial.worker.receive({"op": "command", "run": "r", "ref": 5, "command": {"op": "speed", "steps_per_second": 5}})
    for _ in range(20):
        trial.worker.turn()
    assert [each["ref"] for each in trial.ear.messages if each["op"] == "reply"] == [5]


@pytest.mark.parametrize(
    "more",
    [{"config": 3}, {"reach": "far"}, {"state": "flying"}, {"ensemble": {"members": None}}, {"follow": {"lane": 9}}],
    ids=str,
)
def test_an_opening_that_makes_no_sense_is_answered(more: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    trial = Trial()
    trial.worker.receive({**OPEN, **more})
    for _ in range(5):
        trial.worker.turn()
    assert [(each["op"], each["run"]) for each in trial.ear.messages] == [("failed", "r")]
    assert all(record.exc_info is None for record in caplog.records)


def test_what_may_be_left_out_may_be_null() -> None:
    check_said({"op": "open", "run": "r", "config": CONFIG, "table": None, "reach": None})
    with pytest.raises(StreamError, match="run = None is not what the app says in open"):
        check_said({"op": "open", "config": CONFIG})
