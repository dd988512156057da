"""What a worker says that makes no sense: its run ends, in a line, and every other goes on."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from tests.app.conftest import Running
from tests.app.fakes import steps_tensors
from trainer.wire.frames import Frame, encode

STATE: dict[str, Any] = {"state": "paused", "step": 0, "config": {}}


@pytest.mark.parametrize(
    "message",
    [
        {"op": "opened"},
        {"op": "opened", "state": {}},
        {"op": "opened", "state": STATE | {"config": {"seed": "x"}}},
        {"op": "opened", "state": STATE | {"layers": [{"name": "hidden1"}]}},
        {"op": "opened", "state": STATE | {"experiment": "none of ours"}},
        {"op": "reply"},
        {"op": "reply", "ref": 1},
        {"op": "reply", "ref": [], "step": 1},
        {"op": "reply", "ref": 1, "error": "no"},
        {"op": "changed", "reason": "set", "step": 1, "changes": [{"step": 1}], "state": STATE},
        {"op": "changed", "reason": "set", "step": 1, "changes": 7, "state": STATE},
        {"op": "failed", "error": 3},
        {"op": "nonsense"},
        {"op": ["opened"]},
    ],
    ids=str,
)
async def test_a_message_that_makes_no_sense_costs_its_run(
    lab: Running, message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = await lab.open(), await lab.open()
    with caplog.at_level(logging.ERROR):
        lab.pool.listener.on_message(broken["id"], {**message, "run": broken["id"]})
    assert (await lab.client.get(f"/api/runs/{broken['id']}")).status_code == 404
    assert (await lab.client.get(f"/api/runs/{other['id']}")).status_code == 200
    assert [record.exc_info for record in caplog.records] == [None]


@pytest.mark.parametrize(
    "frame",
    [
        Frame("steps", "r", 9, {}),
        Frame("steps", "r", 9, steps_tensors(1, 0)),
        Frame("steps", "r", 9, steps_tensors(1, 3, lanes=3)),
        Frame("steps", "r", 9, steps_tensors(1, 3) | {"kept/hidden1": np.zeros(2, np.uint32)}),
        Frame("steps", "r", 9, steps_tensors(1, 3) | {"step": np.arange(3, dtype=np.int64)}),
        Frame("steps", "r", 9, steps_tensors(1, 3), {"skipped": "many"}),
        Frame("scores", "r", 9, {"step": np.zeros(1, np.uint32)}),
        Frame("checkpoint", "r", 9, {"state": np.zeros(3, np.uint8)}, {"step": "soon"}),
        Frame("checkpoint", "r", 9, {}, {"step": "3"}),
        Frame("nonsense", "r", 9, {}),
    ],
    ids=range(10),
)
async def test_a_frame_that_makes_no_sense_costs_its_run(
    lab: Running, frame: Frame, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = await lab.open(), await lab.open()
    with caplog.at_level(logging.ERROR):
        lab.pool.listener.on_frame(broken["id"], encode(frame))
    assert (await lab.client.get(f"/api/runs/{broken['id']}")).status_code == 404
    assert (await lab.client.get(f"/api/runs/{other['id']}")).status_code == 200
    assert [record.exc_info for record in caplog.records] == [None]
