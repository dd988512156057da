"""REST of watches: open one, what it is, its end, its file."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import answer
from app.body import read_body
from app.errors import BadMessageError
from app.lab import MAX_BODY_BYTES, lab_of
from app.security import bearer
from app.shares import client_of
from app.watched.file import MAX_WATCH_FILE, NAME, read, write
from app.watched.names import read_names
from app.wire import loads
from trainer.errors import KnobError, quote

USUAL_NAME = "model"

router = APIRouter()


@router.post("/api/watches")
async def open_watch(request: Request) -> Response:
    """Open a watch of a model, or open one again that this server has lost."""
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    name, control, token = _read_opening(given)
    watch, token, is_new = lab_of(request).watches.open(name, control, client_of(request), token)
    return answer({"id": watch.id, "token": token}, 201 if is_new else 200)


def _read_opening(given: Any) -> tuple[str, bool, str | None]:
    """Name, control and, of one that is opened again, the token.

    Raises:
        BadMessageError, KnobError: it is not allowed.
    """
    if not isinstance(given, dict) or not given.keys() <= {"name", "control", "id", "token"}:
        told = quote(sorted(given) if isinstance(given, dict) else given)
        raise BadMessageError(f"{told} is not allowed: it must be an object of name, control, id and token")
    name, control = given.get("name", USUAL_NAME), given.get("control", False)
    if not NAME.takes(name):
        raise KnobError("name", name, NAME.allowed)
    if not isinstance(control, bool):
        raise KnobError("control", control, "true or false")
    if "id" not in given and "token" not in given:
        return name, control, None
    return name, control, read_names(given.get("id"), given.get("token"))[1]


@router.get("/api/watches/{watch_id}")
async def get_watch(request: Request, watch_id: str) -> Response:
    """Return what a watch is now."""
    return answer(lab_of(request).watches.find(watch_id).described())


@router.delete("/api/watches/{watch_id}")
async def delete_watch(request: Request, watch_id: str) -> Response:
    """End a watch, and forget it."""
    watches = lab_of(request).watches
    watch = watches.find(watch_id)
    watch.check_token(bearer(request.headers) or "")
    watches.end(watch, "deleted")
    return Response(status_code=204)


@router.get("/api/watches/{watch_id}/file")
async def get_watch_file(request: Request, watch_id: str) -> Response:
    """Return all that is known of a watch as a file. Whoever may look at it may take it."""
    lab = lab_of(request)
    watch = lab.watches.find(watch_id)
    data = await lab.files.do(partial(write, watch.told(), watch.kept.frames()), client_of(request))
    called = re.sub(r"[^A-Za-z0-9_-]+", "-", watch.name).strip("-") or "model"
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="dropout-lab-watch-{called}.safetensors"',
        "Content-Encoding": "identity",
    }
    return Response(data, headers=headers, media_type="application/octet-stream")


@router.post("/api/watches/file")
async def bring_watch(request: Request) -> Response:
    """Open a watch that was taken away as a file, from this server or another: it has ended."""
    lab, client = lab_of(request), client_of(request)
    with lab.long_files.one(client) as grown:
        body = await read_body(request, MAX_WATCH_FILE, grown)
        file = await lab.files.do(partial(read, body), client)
        watch, token = lab.watches.bring(file, client)
    return answer({"id": watch.id, "token": token, "name": watch.name}, 201)
