"""REST: the knobs, the runs, and whether the server is well."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app import __version__
from app.body import read_body
from app.compression import compress
from app.delivery import Body, body_of
from app.errors import BadMessageError
from app.images import check_images, schema_without_images
from app.lab import MAX_BODY_BYTES, Lab, lab_of
from app.lessons.glossary import glossary, places
from app.metrics import MEDIA_TYPE, check_reader
from app.opening import Fork, Opening, parse_fork, parse_opening
from app.past import read_wanted
from app.shares import client_of
from app.wire import dumps, loads
from trainer.errors import KnobError, quote
from trainer.presets import described
from trainer.settings.schema import schema
from trainer.tables.decisions import parse_decisions
from trainer.tables.rows import MAX_BYTES

MAX_OPENING_BYTES: Final = 48 * 1024 * 1024
"""Of the longest record: 12 MB of changes (`trainer.settings.changes`), 2,000 rows of losses and scores of 128 lanes
(14 MB), the newest frame of each view (10 MB)."""

router = APIRouter()


def answer(value: Any, status: int = 200) -> Response:
    """Return ``value`` as a JSON response that nobody keeps."""
    return answer_of(dumps(value), status)


def answer_of(text: str, status: int = 200) -> Response:
    """Return JSON as a response that nobody keeps."""
    return Response(text, status, {"Cache-Control": "no-store"}, "application/json")


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
            "watches": len(lab.watches),
            "store": {"status": lab.keeper.status, "problem": lab.keeper.problem},
        },
        200 if pool.alive else 503,
    )


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def readyz(request: Request) -> Response:
    """Say whether visitors may be sent here: 503 while no worker is there, and once the server shuts down."""
    lab = lab_of(request)
    pool = lab.pool.status()
    word = "shutting down" if lab.runs.are_over else "ready" if pool.alive else "no worker"
    return answer({"status": word}, 200 if word == "ready" else 503)


@router.api_route("/metrics", methods=["GET", "HEAD"])
async def metrics(request: Request) -> Response:
    """Return what is counted, as Prometheus reads it."""
    lab = lab_of(request)
    check_reader(request.scope, lab.settings.metrics)
    return Response(lab.metrics.text(), headers={"Cache-Control": "no-store"}, media_type=MEDIA_TYPE)


@router.get("/api/schema")
async def get_schema(request: Request) -> Response:
    """Return every knob."""
    return answer_of(schema_text(lab_of(request).idx_folder is not None))


@cache
def schema_text(images: bool) -> str:
    """Return the schema of a server with files of images, or without, as JSON: it is the same as long as it runs."""
    return dumps(schema() if images else schema_without_images())


@cache
def experiments_text() -> str:
    """Return every experiment as JSON."""
    return dumps(described())


@router.get("/api/experiments")
async def get_experiments(request: Request) -> Response:
    """Return every experiment."""
    return answer_of(experiments_text())


@cache
def glossary_body() -> Body:
    """Return the words of the lab as JSON: they are the same as long as it runs."""
    text = dumps(glossary().described(places())).encode()
    return body_of("glossary.json", text, {"gzip": compress(text)})


@router.get("/api/glossary")
async def get_glossary(request: Request) -> Response:
    """Return the words of the lab, each with its meaning and where that is from."""
    body = await asyncio.to_thread(glossary_body)
    return body.answer(request.scope, "no-cache")


@router.post("/api/tables")
async def upload_table(
    request: Request, name: str = "table.csv", label: str | None = None, columns: str | None = None
) -> Response:
    """Take a CSV file to learn from."""
    tables, client = lab_of(request).tables, client_of(request)
    with tables.upload(client):
        data = await read_body(request, MAX_BYTES)
        decisions = parse_decisions(loads(columns, "columns")) if columns else {}
        return answer(await tables.add(data, name, label, decisions, client), 201)


@router.post("/api/tables/{table_id}")
async def read_table_again(request: Request, table_id: str) -> Response:
    """Read the file of a table as a reader decided."""
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    if not isinstance(given, dict) or not given.keys() <= {"label", "columns"}:
        raise BadMessageError(f"{quote(given)} is not allowed: it must be an object of label, columns or both")
    label = given.get("label")
    if label is not None and not isinstance(label, str):
        raise KnobError("label", label, "the name of a column, or null")
    tables, client = lab_of(request).tables, client_of(request)
    with tables.upload(client):
        return answer(await tables.read_again(table_id, label, parse_decisions(given.get("columns")), client), 201)


@router.get("/api/tables/{table_id}")
async def get_table(request: Request, table_id: str) -> Response:
    """Return what was made of an uploaded file."""
    return answer(lab_of(request).tables.describe(table_id))


@router.post("/api/runs")
async def create_run(request: Request) -> Response:
    """Open a run."""
    lab, client = lab_of(request), client_of(request)
    with lab.long_openings.one(client) as grown:
        body = await read_body(request, MAX_OPENING_BYTES, grown)
        opening = await lab.openings.do(lambda: _read_opening(body), client)
    if isinstance(opening, Fork):
        run = await lab.runs.fork(opening, client)
    else:
        check_images(opening.config, lab.idx_folder)
        run = await lab.runs.create(opening, lab.tables.for_run(opening.config), client)
    told = {"config": run.first_config, "experiment": run.kept.get("experiment")}
    return answer({"id": run.id, "token": run.token, **told}, 201)


def _read_opening(body: bytes) -> Opening | Fork:
    """What a run is opened with; changes of the same step may be many, so this is done beside the loop."""
    given = loads(body or b"{}")
    return parse_fork(given) or parse_opening(given)


@router.get("/api/runs/{run_id}")
async def get_run(request: Request, run_id: str) -> Response:
    """Return what a run is now."""
    return answer((await lab_of(request).runs.find(run_id, client_of(request))).state())


@router.get("/api/runs/{run_id}/past")
async def get_past(request: Request, run_id: str) -> Response:
    """Return the masks of old steps, or the pictures of one, as frames."""
    runs, client = lab_of(request).runs, client_of(request)
    run = await runs.find(run_id, client)
    frames = await runs.pasts.of(run, read_wanted(run, dict(request.query_params)), client)
    return Response(frames, headers={"Cache-Control": "no-store"}, media_type="application/octet-stream")
