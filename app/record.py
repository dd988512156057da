"""A run as one JSON file: what it was, what came of it, and what was last seen of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app import __version__
from app.backlog import Packet
from app.lab import lab_of
from app.wire import dumps

_DIGITS: Final = 6  # significant ones: what a float32 holds

router = APIRouter()


@router.get("/api/runs/{run_id}/record")
async def get_record(request: Request, run_id: str, download: str | None = None) -> Response:
    """Return the run so far."""
    run = lab_of(request).runs.find(run_id)
    state, curves, latest = run.state(), run.curves(), run.latest()
    body = await run_in_threadpool(lambda: dumps(record(state, curves, latest)))
    headers = {"Cache-Control": "no-store"}
    if download is not None and download not in ("", "0"):
        name = f"dropout-lab-{state.get('experiment') or 'run'}-step-{state.get('step', 0)}.json"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(body, headers=headers, media_type="application/json")


def record(
    state: Mapping[str, Any], curves: Mapping[str, Mapping[str, NDArray[Any]]], latest: Mapping[str, Packet]
) -> dict[str, Any]:
    """Put a run together.

    Args:
        state: the run state of the protocol.
        curves: tables of figures over the steps.
        latest: the newest frame of each kind.
    """
    frames = {kind: packet.frame.tensors for kind, packet in latest.items()}
    return {
        "version": __version__,
        "run": dict(state),
        **{name: {column: plain(values) for column, values in table.items()} for name, table in curves.items()},
        "frames": {
            kind: {
                name: {"shape": list(tensor.shape), "values": plain(tensor.reshape(-1))}
                for name, tensor in tensors.items()
            }
            for kind, tensors in frames.items()
        },
    }


def plain(values: NDArray[Any]) -> Any:
    """Numbers as JSON has them: with as many digits as they hold, and null for what is no number."""
    if values.dtype.kind in "iub":
        return values.tolist()
    return _plain(np.asarray(values, np.float64).tolist())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
