"""The same conversation where no WebSocket gets through: server-sent events one way, POST the other.

`GET /api/runs/{id}/events` is a stream of events for as long as the viewer watches, `POST /api/runs/{id}/commands`
takes what it says. What belongs together is known by a seat, a secret that the stream begins with.
"""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.answers import error_response
from app.body import read_body
from app.commands import check_address
from app.errors import BadMessageError, RefusedError
from app.eventline import EventLine
from app.lab import Lab, lab_of
from app.run import Run
from app.security import bearer, check_origin
from app.shares import client_of
from app.wire import loads
from trainer.errors import quote

SEAT_BYTES: Final = 24  # as hard to guess as the owner's token
MAX_MESSAGES: Final = 128  # in one POST

router = APIRouter()


class EventsResponse(Response):
    """The stream of events of one viewer.

    Args:
        lab: where it watches.
        run: what it watches.
        owner: whether it may turn the knobs.
    """

    def __init__(self, lab: Lab, run: Run, owner: bool) -> None:
        super().__init__()
        self._lab = lab
        self._run = run
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the viewer in and serve it to the end."""
        try:
            outbox = self._run.join(self._owner, client_of(scope))
        except RefusedError as error:
            await error_response(error)(scope, receive, send)
            return
        seat = secrets.token_urlsafe(SEAT_BYTES)
        line = EventLine(scope, receive, send, seat, self._lab.settings.heartbeat_s)
        with self._lab.seats.take(self._run.id, seat, line):
            await self._lab.live.serve(line, self._run, outbox)


@router.get("/api/runs/{run_id}/events")
async def watch_by_events(request: Request) -> Response:
    """Let somebody watch, who owns the run with its token."""
    lab = lab_of(request)
    check_origin(request.headers, lab.settings.origins)
    run = await lab.runs.find(request.path_params["run_id"], client_of(request))
    check_address(request.query_params, "as Authorization: Bearer TOKEN")
    token = bearer(request.headers)
    if token is not None:
        run.check_token(token)
    return EventsResponse(lab, run, owner=token is not None)


@router.post("/api/runs/{run_id}/commands")
async def receive_commands(request: Request) -> Response:
    """Take what a viewer on a seat says; it is answered in its stream."""
    lab = lab_of(request)
    run = await lab.runs.find(request.path_params["run_id"], client_of(request))
    body = loads(await read_body(request, lab.settings.max_message_bytes))
    if not isinstance(body, dict) or body.keys() != {"seat", "messages"} or not isinstance(body["messages"], list):
        raise BadMessageError(f'{quote(body)} is not allowed: it must be {{"seat": "…", "messages": [message…]}}')
    if len(body["messages"]) > MAX_MESSAGES:
        raise BadMessageError(f"{len(body['messages']):,} messages at once are too many: {MAX_MESSAGES} are read")
    lab.seats.find(run.id, body["seat"]).receive(body["messages"])
    return Response(status_code=204)
