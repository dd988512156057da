"""REST of rooms: open one, join one, its QR code, its results, its end."""

from __future__ import annotations

import io
from typing import Final

import segno
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import answer
from app.body import read_body
from app.errors import BadMessageError, WrongTokenError
from app.lab import MAX_BODY_BYTES, lab_of
from app.lessons.course import lessons
from app.rooms.links import links_to, read_at
from app.rooms.names import read_name
from app.rooms.open import OpenRoom
from app.rooms.results import results
from app.security import bearer
from app.shares import client_of
from app.wire import loads
from trainer.errors import KnobError, quote

LONGEST_LINK: Final = 500

router = APIRouter()


def _room(request: Request, code: str) -> OpenRoom:
    return lab_of(request).rooms.find(code, client_of(request))


def _hosted(request: Request, code: str) -> OpenRoom:
    """The room of a code, for its host.

    Raises:
        WrongTokenError: it is another's.
    """
    at = _room(request, code)
    if not at.room.is_host(bearer(request.headers) or ""):
        raise WrongTokenError("only the host of a room may do this: the token in Authorization is another")
    return at


@router.post("/api/rooms")
async def open_room(request: Request) -> Response:
    """Open a room for a class."""
    lab = lab_of(request)
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    if not isinstance(given, dict) or given.keys() - {"at"}:
        raise BadMessageError(f"{quote(given)} is not allowed: a room is opened with an empty object, or one of at")
    path = read_at(given.get("at", ""))
    at, token = await lab.rooms.open(client_of(request), lambda code: links_to(request, lab.settings, code, path))
    return answer({"code": at.room.code, "token": token}, 201)


@router.get("/api/rooms/{code}")
async def get_room(request: Request, code: str) -> Response:
    """Return whether one can join a room."""
    room = _room(request, code).room
    told = {"code": room.code, "locked": room.locked, "way": room.way, "students": len(room.real), "full": room.is_full}
    return answer(told)


@router.post("/api/rooms/{code}/students")
async def join_room(request: Request, code: str) -> Response:
    """Join a room as a student."""
    at = _room(request, code)
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    if not isinstance(given, dict) or given.keys() != {"name"}:
        raise BadMessageError(f"{quote(given)} is not allowed: it must be an object of a name")
    student, token = await lab_of(request).rooms.join(at, read_name(given["name"]), client_of(request))
    return answer({"id": student.id, "token": token, "name": student.name}, 201)


@router.post("/api/rooms/{code}/lessons")
async def tell_lesson(request: Request, code: str) -> Response:
    """Tell the host how many questions of a lesson a student has answered right."""
    at = _room(request, code)
    student = at.room.who(bearer(request.headers) or "")
    if student is None:
        raise WrongTokenError("only a student of the room may do this: the token in Authorization is another")
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    if not isinstance(given, dict) or given.keys() != {"lesson", "right"}:
        raise BadMessageError(f"{quote(given)} is not allowed: it must be an object of lesson and right")
    known = {each.number: each for each in lessons()}
    lesson = known.get(given["lesson"]) if type(given["lesson"]) is int else None
    if lesson is None:
        raise KnobError("lesson", given["lesson"], f"the number of a lesson, from 1 to {len(known)}")
    right, of = given["right"], len(lesson.questions)
    if type(right) is not int or not 0 <= right <= of:
        raise KnobError("right", right, f"a whole number from 0 to {of}")
    student.lessons[lesson.number] = (right, of)
    await at.save()
    return Response(status_code=204)


@router.get("/api/rooms/{code}/code.svg")
async def get_room_code(request: Request, code: str) -> Response:
    """Return the QR code of a room's page for students."""
    return _svg(_room(request, code).room.link)


@router.post("/api/rooms/{code}/code.svg")
async def make_room_code(request: Request, code: str) -> Response:
    """Return the QR code of another address of this lab, for the host."""
    at = _hosted(request, code)
    given = loads(await read_body(request, MAX_BODY_BYTES) or b"{}")
    text = given.get("text") if isinstance(given, dict) else None
    places = [each.partition("/r/")[0] + "/" for each in at.room.links]
    if (
        not isinstance(text, str)
        or not text.isascii()
        or len(text) > LONGEST_LINK
        or not text.startswith(tuple(places))
    ):
        raise KnobError("text", text, f"an address of this lab: one that begins with {' or '.join(places)}")
    return _svg(text)


def _svg(text: str) -> Response:
    """A QR code with its quiet zone, dark on white whatever the theme."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=8, border=4, dark="#000", light="#fff", xmldecl=False
    )
    headers = {"Cache-Control": "no-store"}
    return Response(out.getvalue(), headers=headers, media_type="image/svg+xml")


@router.get("/api/rooms/{code}/results.csv")
async def get_room_results(request: Request, code: str, names: str = "false") -> Response:
    """Return what was answered and set in a room as CSV, for its host."""
    at = _hosted(request, code)
    if names not in ("true", "false"):
        raise KnobError("names", names, "true or false")
    text = results(at, names == "true")
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="dropout-lab-class.csv"'}
    return Response("\ufeff" + text, headers=headers, media_type="text/csv; charset=utf-8")


@router.delete("/api/rooms/{code}")
async def end_room(request: Request, code: str) -> Response:
    """End a room: nothing of it stays."""
    await _hosted(request, code).end("its host has ended it")
    return Response(status_code=204)
