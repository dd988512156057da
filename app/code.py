"""Code to take away: a lane of a run as a script."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.lab import lab_of
from app.shares import client_of
from trainer.errors import KnobError
from trainer.export import script

MEDIA_TYPE: Final = "text/x-python; charset=utf-8"

router = APIRouter()


@router.get("/api/runs/{run_id}/code")
async def get_code(
    request: Request,
    run_id: str,
    framework: str = "pytorch",
    lane: str | None = None,
    download: str | None = None,
) -> Response:
    """Return a script that trains a lane, the followed one if none is named, as it is configured now."""
    lab = lab_of(request)
    run = await lab.runs.find(run_id, client_of(request))
    state = run.state()
    number = _number(lane, len(run.config.lanes)) if lane is not None else _followed(state)
    first = next(iter(state.get("layers", [])), None)
    write = partial(
        script,
        run.config,
        number,
        framework,
        table=run.table.described if run.table is not None else None,
        shape=tuple(first["shape"]) if first else None,
        classes=len(state["classes"]) if state.get("classes") else None,
    )
    text = await lab.scripts.do(write, client_of(request))
    headers = {"Cache-Control": "no-store"}
    if download is not None and download not in ("", "0"):
        headers["Content-Disposition"] = f'attachment; filename="dropout-lab-{framework}-{number}.py"'
    return Response(text, headers=headers, media_type=MEDIA_TYPE)


def _number(text: str, lanes: int) -> int:
    """The number of a lane as an address has it.

    Raises:
        KnobError: there is no such lane.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and int(text) < lanes):
        raise KnobError("lane", text, f"the number of a lane, from 0 to {lanes - 1}")
    return int(text)


def _followed(state: dict[str, Any]) -> int:
    lane: int = state.get("follow", {}).get("lane", 0)
    return lane
