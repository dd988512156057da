"""The record of a run, to be fetched."""

from __future__ import annotations

import asyncio
import gzip

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.compression import takes
from app.lab import lab_of
from app.shares import client_of

router = APIRouter()


@router.get("/api/runs/{run_id}/record")
async def get_record(request: Request, run_id: str, download: str | None = None) -> Response:
    """Return the run so far."""
    lab = lab_of(request)
    run = await lab.runs.find(run_id, client_of(request))
    name, body = await lab.records.of(run, client_of(request))
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
    if not takes(request.headers, "gzip"):
        headers["Content-Encoding"] = "identity"
        body = await asyncio.to_thread(gzip.decompress, body)
    if download is not None and download not in ("", "0"):
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(body, headers=headers, media_type="application/json")
