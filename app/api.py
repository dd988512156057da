"""REST: the knobs, the runs, and whether the server is well."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app import __version__
from app.body import read_body
from app.images import check_images, schema_without_images
from app.lab import Lab, lab_of
from app.opening import parse_opening
from app.wire import dumps, loads
from trainer.presets import described
from trainer.rows import MAX_BYTES
from trainer.schema import schema

MAX_BODY_BYTES: Final = 256 * 1024

router = APIRouter()


def answer(value: Any, status: int = 200) -> Response:
    """Return ``value`` as a JSON response that nobody keeps."""
    return Response(dumps(value), status, {"Cache-Control": "no-store"}, "application/json")


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def healthz(request: Request) -> Response:
    """Say whether the server is well: 503 while no worker is there."""
    return health(lab_of(request))


def health(lab: Lab) -> Response:
    """Return how the server is."""
    pool = lab.pool.status()
    word = "ok" if pool.alive else "degraded" if lab.was_well else "starting"
    lab.was_well = lab.was_well or pool.alive > 0
    return answer(
        {
            "status": word,
            "version": __version__,
            "device": ", ".join(sorted(set(pool.devices))) or None,
            "workers": {"alive": pool.alive, "wanted": pool.wanted},
            "runs": len(lab.runs),
            "viewers": lab.runs.viewers,
        },
        200 if pool.alive else 503,
    )


@router.get("/api/schema")
async def get_schema(request: Request) -> Response:
    """Return every knob."""
    return answer(schema() if lab_of(request).idx_folder else schema_without_images())


@router.get("/api/experiments")
async def get_experiments(request: Request) -> Response:
    """Return every experiment."""
    return answer(described())


@router.post("/api/tables")
async def upload_table(request: Request, name: str = "table.csv", label: str | None = None) -> Response:
    """Take a CSV file to learn from."""
    tables = lab_of(request).tables
    with tables.upload():
        return answer(await tables.add(await read_body(request, MAX_BYTES), name, label), 201)


@router.get("/api/tables/{table_id}")
async def get_table(request: Request, table_id: str) -> Response:
    """Return what was made of an uploaded file."""
    return answer(lab_of(request).tables.describe(table_id))


@router.post("/api/runs")
async def create_run(request: Request) -> Response:
    """Open a run."""
    body = await read_body(request, MAX_BODY_BYTES)
    # In a thread, because a thousand changes of 64 lanes take more than a moment to validate.
    opening = await asyncio.to_thread(lambda: parse_opening(loads(body or b"{}")))
    lab = lab_of(request)
    check_images(opening.config, lab.idx_folder)
    run = await lab.runs.create(opening, lab.tables.for_run(opening.config))
    return answer({"id": run.id, "token": run.token, "config": opening.config.model_dump(mode="json")}, 201)


@router.get("/api/runs/{run_id}")
async def get_run(request: Request, run_id: str) -> Response:
    """Return what a run is now."""
    return answer(lab_of(request).runs.find(run_id).state())


@router.delete("/api/runs/{run_id}")
async def delete_run(request: Request, run_id: str) -> Response:
    """End a run."""
    runs = lab_of(request).runs
    run = runs.find(run_id)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    run.check_token(token.strip() if scheme.lower() == "bearer" else "")
    runs.end(run, "deleted", "its owner ended it")
    return Response(status_code=204)
