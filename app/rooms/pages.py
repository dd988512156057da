"""The pages of rooms: each is the same for all rooms, and finds in its own address which one it is of."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages import Pages, root_of

router = APIRouter()


@router.api_route("/rooms", methods=["GET", "HEAD"], include_in_schema=False)
async def rooms_page(request: Request) -> Response:
    """Return the page on which one opens a room, or joins one."""
    return await _page(request, "rooms")


@router.api_route("/r/{code}", methods=["GET", "HEAD"], include_in_schema=False)
async def phone_page(request: Request, code: str) -> Response:
    """Return a student's page."""
    return await _page(request, "phone")


@router.api_route("/rooms/{code}/host", methods=["GET", "HEAD"], include_in_schema=False)
async def host_page(request: Request, code: str) -> Response:
    """Return the host's page."""
    return await _page(request, "host")


@router.api_route("/rooms/{code}/projector", methods=["GET", "HEAD"], include_in_schema=False)
async def projector_page(request: Request, code: str) -> Response:
    """Return the projector's page."""
    return await _page(request, "projector")


async def _page(request: Request, name: str) -> Response:
    made: Pages = request.app.state.pages
    page = await made.room_page(root_of(request.scope), name)
    return page.answer(request.scope, "no-cache")
