"""The pages of watched models: that of a watch is the same for all, and finds in its own address which one it is of."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages import Pages, root_of

router = APIRouter()


@router.api_route("/watch", methods=["GET", "HEAD"], include_in_schema=False)
async def watches_page(request: Request) -> Response:
    """Return the page that says how a model is watched, and opens what was saved of one."""
    return await _page(request, "watches")


@router.api_route("/watch/{watch_id}", methods=["GET", "HEAD"], include_in_schema=False)
async def watch_page(request: Request, watch_id: str) -> Response:
    """Return the page of a watched model."""
    return await _page(request, "watch")


async def _page(request: Request, name: str) -> Response:
    made: Pages = request.app.state.pages
    page = await made.room_page(root_of(request.scope), name)
    return page.answer(request.scope, "no-cache")
