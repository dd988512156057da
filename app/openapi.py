"""What REST is, as OpenAPI 3.1: each route with what it takes, what it answers and with which errors; and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from app import __version__
from app.code import MEDIA_TYPE as PYTHON
from app.errors import STATUS
from app.forms import COUNT, PIXELS, TEXT, Form, error, forms, listed, ref
from app.pages import root_of, templates
from app.wire import dumps
from trainer.export import FRAMEWORKS

JSON: Final = "application/json"
SVG: Final = "image/svg+xml"

router = APIRouter()


@dataclass(frozen=True)
class Operation:
    """What a route does, beside what its function says.

    Attributes:
        answers: by status, the form of what it answers and its media type; a form of None is an empty answer.
        errors: the codes with which it may refuse, beside those of every route.
        query: the parameters of its address.
        body: what it takes, by media type.
        needs_body: whether it means nothing without.
        owner: whether the token of the run's owner goes with it; ``"may"``: it may be left out.
    """

    answers: Mapping[int, tuple[Form | None, str]]
    errors: tuple[str, ...] = ()
    query: Mapping[str, Form] = field(default_factory=dict)
    body: Mapping[str, Form] = field(default_factory=dict)
    needs_body: bool = True
    owner: str = ""


BINARY: Final[Form] = {"type": "string", "format": "binary"}
_EVERYWHERE: Final = ("wrong_host", "client_share", "too_many_connections", "internal")
_CHANGING: Final = ("wrong_origin", "too_large", "too_slow", "bad_message")
_REVIVED: Final = ("not_found", "too_many_runs", "no_worker", "internal", "store")
"""With which every request for a run may be refused: one that is only kept is opened again for it."""

_DOWNLOAD: Final = {"download": TEXT | {"description": "anything but 0: as a file"}}
_TOKEN_IN_ADDRESS: Final = {"token": TEXT | {"description": "is refused: it does not belong here", "deprecated": True}}

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("get", "/healthz"): Operation({200: (ref("Health"), JSON), 503: (ref("Health"), JSON)}),
    ("get", "/readyz"): Operation({200: (ref("Readiness"), JSON), 503: (ref("Readiness"), JSON)}),
    ("get", "/metrics"): Operation({200: (TEXT, "text/plain")}, ("forbidden",)),
    ("get", "/openapi.json"): Operation({200: ({"type": "object"}, JSON)}),
    ("get", "/oembed"): Operation(
        {200: (ref("OEmbed"), JSON)},
        ("not_found", "bad_value", "not_implemented"),
        {
            "url": TEXT | {"description": "the address of a page of this lab, with all that stands behind it"},
            "format": {"enum": ["json"], "description": "json, as it is without; another is answered 501"},
            "maxwidth": PIXELS | {"description": "pixels that a frame may be wide"},
            "maxheight": PIXELS | {"description": "pixels that a frame may be high"},
        },
    ),
    ("get", "/api/schema"): Operation({200: (ref("Schema"), JSON)}),
    ("get", "/api/experiments"): Operation({200: (listed(ref("Experiment")), JSON)}),
    ("get", "/api/glossary"): Operation({200: (listed(ref("Term")), JSON), 304: (None, "")}),
    ("post", "/api/tables"): Operation(
        {201: (ref("Table"), JSON)},
        ("bad_table", "bad_value", "bad_json", "too_many_messages"),
        {
            "name": TEXT | {"description": "of the file"},
            "label": TEXT | {"description": "the column that is to be learnt; by default the last"},
            "columns": TEXT | {"description": "decisions as JSON", "contentMediaType": JSON},
        },
        {"text/csv": TEXT},
    ),
    ("post", "/api/tables/{table_id}"): Operation(
        {201: (ref("Table"), JSON)},
        ("not_found", "bad_table", "bad_value", "bad_json", "too_many_messages"),
        body={JSON: ref("Reading")},
        needs_body=False,
    ),
    ("get", "/api/tables/{table_id}"): Operation({200: (ref("Table"), JSON)}, ("not_found",)),
    ("post", "/api/runs"): Operation(
        {201: (ref("Opened"), JSON)},
        (
            *("bad_value", "unknown_knob", "too_many_changes", "bad_json", "too_many_messages", "too_many_runs"),
            *("no_worker", "bad_table", "not_found", "store"),
        ),
        body={JSON: {"anyOf": [ref("Opening"), ref("KeptRecord"), ref("Fork")]}},
        needs_body=False,
    ),
    ("post", "/api/runs/mine"): Operation(
        {200: (ref("Mine"), JSON)}, ("bad_json", "store"), body={JSON: ref("Tokens")}
    ),
    ("post", "/api/runs/file"): Operation(
        {201: (ref("Brought"), JSON)},
        (
            *("bad_run_file", "bad_table", "bad_value", "unknown_knob", "too_many_changes", "bad_json"),
            *("too_many_messages", "too_many_runs", "no_worker", "store"),
        ),
        body={"application/octet-stream": BINARY},
    ),
    ("get", "/api/runs/{run_id}"): Operation({200: (ref("RunState"), JSON)}, _REVIVED),
    ("delete", "/api/runs/{run_id}"): Operation({204: (None, "")}, ("wrong_token", *_REVIVED), owner="must"),
    ("patch", "/api/runs/{run_id}"): Operation(
        {200: (ref("Named"), JSON)},
        ("wrong_token", "bad_value", "bad_json", *_REVIVED),
        body={JSON: ref("Naming")},
        owner="must",
    ),
    ("get", "/api/runs/{run_id}/file"): Operation(
        {200: (BINARY, "application/octet-stream")}, ("too_many_messages", *_REVIVED)
    ),
    ("get", "/api/runs/{run_id}/code"): Operation(
        {200: (TEXT, PYTHON.partition(";")[0])},
        ("bad_value", "too_many_messages", *_REVIVED),
        {
            "framework": {"enum": list(FRAMEWORKS)},
            "lane": COUNT | {"description": "by default the followed one"},
            **_DOWNLOAD,
        },
    ),
    ("get", "/api/runs/{run_id}/record"): Operation(
        {200: (ref("Record"), JSON)}, ("too_many_messages", *_REVIVED), _DOWNLOAD
    ),
    ("get", "/api/runs/{run_id}/past"): Operation(
        {200: (BINARY, "application/octet-stream")},
        ("bad_value", "bad_message", "too_many_messages", *_REVIVED),
        {
            "step": COUNT | {"description": "whose pictures"},
            "first": COUNT | {"description": "of the steps whose masks"},
            "count": COUNT | {"description": "how many they are"},
            "lane": COUNT | {"description": "that is followed"},
            "example": COUNT | {"description": "that is followed"},
        },
    ),
    ("get", "/api/runs/{run_id}/events"): Operation(
        {200: (TEXT, "text/event-stream")},
        ("bad_message", "wrong_token", "wrong_origin", "too_many_viewers", *_REVIVED),
        _TOKEN_IN_ADDRESS,
        owner="may",
    ),
    ("post", "/api/runs/{run_id}/commands"): Operation(
        {204: (None, "")}, ("bad_json", *_REVIVED), body={JSON: ref("Messages")}
    ),
    ("post", "/api/rooms"): Operation(
        {201: (ref("OpenedRoom"), JSON)},
        ("bad_json", "bad_value", "too_many_rooms"),
        body={JSON: ref("RoomOpening")},
        needs_body=False,
    ),
    ("get", "/api/rooms/{code}"): Operation({200: (ref("Room"), JSON)}, ("not_found",)),
    ("post", "/api/rooms/{code}/students"): Operation(
        {201: (ref("Joined"), JSON)},
        ("not_found", "bad_json", "bad_value", "too_many_viewers"),
        body={JSON: ref("Joining")},
    ),
    ("post", "/api/rooms/{code}/lessons"): Operation(
        {204: (None, "")},
        ("not_found", "wrong_token", "bad_json", "bad_value"),
        body={JSON: ref("LessonResult")},
        owner="must",
    ),
    ("get", "/api/rooms/{code}/code.svg"): Operation({200: (TEXT, SVG)}, ("not_found",)),
    ("post", "/api/rooms/{code}/code.svg"): Operation(
        {200: (TEXT, SVG)},
        ("not_found", "wrong_token", "bad_json", "bad_value"),
        body={JSON: ref("Address")},
        owner="must",
    ),
    ("get", "/api/rooms/{code}/results.csv"): Operation(
        {200: (TEXT, "text/csv")},
        ("not_found", "wrong_token", "bad_value"),
        {"names": {"enum": ["true", "false"], "description": "whether names are in it"}},
        owner="must",
    ),
    ("delete", "/api/rooms/{code}"): Operation({204: (None, "")}, ("not_found", "wrong_token"), owner="must"),
    ("post", "/api/watches"): Operation(
        {200: (ref("OpenedWatch"), JSON), 201: (ref("OpenedWatch"), JSON)},
        ("bad_json", "bad_value", "wrong_token", "too_many_watches"),
        body={JSON: ref("WatchOpening")},
        needs_body=False,
    ),
    ("post", "/api/watches/file"): Operation(
        {201: (ref("BroughtWatch"), JSON)},
        ("bad_watch_file", "too_many_messages", "too_many_watches"),
        body={"application/octet-stream": BINARY},
    ),
    ("get", "/api/watches/{watch_id}"): Operation({200: (ref("Watch"), JSON)}, ("not_found",)),
    ("delete", "/api/watches/{watch_id}"): Operation({204: (None, "")}, ("not_found", "wrong_token"), owner="must"),
    ("get", "/api/watches/{watch_id}/file"): Operation(
        {200: (BINARY, "application/octet-stream")}, ("not_found", "too_many_messages")
    ),
}
"""Every route of REST, in the order of the reference."""


def _stream(name: str, summary: str, description: str) -> dict[str, Any]:
    """A WebSocket, as far as OpenAPI has words for one."""
    responses = {
        "101": {"description": "a WebSocket, over which messages and frames go"},
        "404": {"description": "there is nothing here for plain HTTP", "content": {JSON: {"schema": ref("Error")}}},
    }
    return {"get": {"operationId": name, "summary": summary, "description": description, "responses": responses}}


STREAMS: Final = {
    "/api/runs/{run_id}/live": _stream(
        "watch_by_websocket",
        "Watch a run, and turn its knobs, by a WebSocket.",
        "The first message is a join; what follows is a Message each (docs/protocol.md).",
    ),
    "/api/watches/{watch_id}/live": _stream(
        "look_by_websocket",
        "Look at a watched model, and give it commands, by a WebSocket.",
        "The first message is a join; what follows is told in docs/watching.md.",
    ),
    "/api/watches/{watch_id}/feed": _stream(
        "feed_by_websocket",
        "Be the model that is watched, by a WebSocket.",
        "The first message is a feed with the token of the watch; what follows is told in docs/watching.md.",
    ),
}
"""WebSockets, in the order of the reference."""


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of an application.

    Raises:
        KeyError: it has a route that nothing is said of here.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in _routes(app):
        for method in sorted((route.methods or set()) & {"GET", "POST", "DELETE"}):
            told = OPERATIONS[method.lower(), route.path]
            paths.setdefault(route.path, {})[method.lower()] = _operation(route, method, told)
    order = list(dict.fromkeys(path for _, path in OPERATIONS))
    paths = dict(sorted(paths.items(), key=lambda item: order.index(item[0])))
    for path, stream in STREAMS.items():
        name = "run_id" if "{run_id}" in path else "watch_id"
        paths[path] = {"parameters": [_parameter(name, "path", TEXT)], **stream}
    told_of = "the token that opening a run, a room or a watch gave"
    schemes = {"owner": {"type": "http", "scheme": "bearer", "description": told_of}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dropout Lab",
            "version": __version__,
            "description": "Runs of networks with and without dropout: to be opened, watched and steered.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": forms(), "securitySchemes": schemes},
    }


def _routes(app: FastAPI) -> list[APIRoute]:
    """The routes of REST, however they were included."""
    found = [route for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema]
    for each in app.state.routers:
        found += [route for route in each.routes if isinstance(route, APIRoute) and route.include_in_schema]
    return found


def _operation(route: APIRoute, method: str, told: Operation) -> dict[str, Any]:
    named = [name for name in ("run_id", "table_id", "watch_id") if f"{{{name}}}" in route.path]
    parameters = [_parameter(name, "path", TEXT) for name in named]
    parameters += [_parameter(name, "query", form) for name, form in told.query.items()]
    codes = {*told.errors, *_EVERYWHERE, *(_CHANGING if method in ("POST", "PATCH") else ())}
    codes |= {"wrong_origin"} if method == "DELETE" else set()
    responses = {
        str(status): {"description": "as asked"} | ({"content": {media: {"schema": form}}} if form is not None else {})
        for status, (form, media) in told.answers.items()
    }
    for status in sorted({STATUS[code] for code in codes}):
        own = [code for code in codes if STATUS[code] == status]
        refused = error(own)
        if str(status) in responses:  # 503 of a server that is not well has a form of its own
            refused = {"anyOf": [told.answers[status][0], refused]}
        described = f"refused: {', '.join(sorted(own))}"
        responses[str(status)] = {"description": described, "content": {JSON: {"schema": refused}}}
    text = (route.endpoint.__doc__ or "").strip()
    found: dict[str, Any] = {"operationId": route.endpoint.__name__, "summary": text.partition("\n")[0]}
    if parameters:
        found["parameters"] = parameters
    if told.body:
        content = {media: {"schema": form} for media, form in told.body.items()}
        found["requestBody"] = {"required": told.needs_body, "content": content}
    if told.owner:
        found["security"] = [{"owner": []}, *([{}] if told.owner == "may" else [])]
    return found | {"responses": responses}


def _parameter(name: str, place: str, form: Form) -> dict[str, Any]:
    described = {"description": form["description"]} if "description" in form else {}
    schema = {key: value for key, value in form.items() if key not in ("description", "deprecated")}
    deprecated = {"deprecated": True} if form.get("deprecated") else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **described, **deprecated}


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def get_description(request: Request) -> Response:
    """Return what REST is."""
    state = request.app.state
    if not hasattr(state, "description"):  # it is the same as long as the server runs
        state.description = dumps(describe(request.app))
    return Response(state.description, headers={"Cache-Control": "no-cache"}, media_type=JSON)


@router.api_route("/reference", methods=["GET", "HEAD"], include_in_schema=False)
async def reference_page(request: Request) -> Response:
    """Return what REST is as a page, which needs nothing but this server."""
    told = describe(request.app)
    page = templates.get_template("reference.html").render(
        root=root_of(request.scope), told=told, operations=_told(told), forms=_shown(told["components"]["schemas"])
    )
    return Response(page, headers={"Cache-Control": "no-cache"}, media_type="text/html")


def _told(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operations as the page shows them."""
    return [
        {"method": method.upper(), "path": path, **each, "parameters": each.get("parameters", [])}
        for path, own in told["paths"].items()
        for method, each in own.items()
        if method != "parameters"
    ]


def _shown(schemas: Mapping[str, Form]) -> dict[str, str]:
    """The forms as the page shows them: JSON in lines."""
    return {name: json.dumps(form, indent=2, ensure_ascii=False) for name, form in schemas.items()}
