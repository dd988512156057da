"""The application, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response

from app import __version__, api, code, events, mine, oembed, openapi, pages, record
from app.answers import error_response
from app.body import PartingResponse
from app.compression import Compression
from app.crowd import Crowd
from app.delivery import page_files
from app.errors import BodyTooSlowError, MethodNotAllowedError, NotFoundError, RefusedError, TooLargeError
from app.images import usable_folder
from app.lab import Lab
from app.live import Live
from app.metrics import Counting, Metrics
from app.pool import Limits, Pool, local_pool
from app.proxies import PREFIX, Forwarded
from app.records import Records
from app.rooms import api as rooms_api
from app.rooms import pages as room_pages
from app.rooms.live import meet_by_websocket
from app.rooms.rooms import Rooms
from app.runs import Runs
from app.security import Guard
from app.settings import Settings
from app.store.keeper import Keeper
from app.tables import Tables
from app.watched import api as watches_api
from app.watched import pages as watch_pages
from app.watched.feed import feed_by_websocket
from app.watched.live import look_by_websocket
from app.watched.watches import Watches
from app.websocket import watch_by_websocket
from trainer.errors import DropoutLabError

_LEVELS: Final = ("debug", "info", "warning", "error")
DRAIN_S: Final = 4.0  # the last texts and the closing handshake have two seconds each


def create_app(settings: Settings | None = None, pool: Pool | None = None) -> FastAPI:
    """Return the application; its workers live as long as its lifespan.

    Args:
        settings: by default they come from the environment.
        pool: where runs train; by default processes on this machine.
    """
    settings = settings or Settings()
    idx_folder = usable_folder(settings.idx_folder)
    log = (settings.log, max(settings.log_level, "info", key=_LEVELS.index))
    limits = Limits(settings.worker_silent_s, settings.worker_stuck_s)
    pool = pool or local_pool(settings.workers, settings.device, settings.threads, idx_folder, limits, log)
    keeper = Keeper(settings)
    metrics = Metrics()
    runs = Runs(settings, pool, keeper=keeper, metrics=metrics)
    lab = Lab(
        settings,
        pool,
        runs,
        Live(settings, metrics.refuse),
        Tables(settings.share_of),
        Records(share_of=settings.share_of),
        keeper,
        metrics,
        Rooms(settings, runs, keeper),
        Watches(settings, metrics),
        idx_folder=idx_folder,
    )
    metrics.watch(lab)

    app = FastAPI(
        title="Dropout Lab",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # its redirects are absolute, and so leave the path below which a proxy has the lab
        lifespan=lifespan,
    )
    app.state.lab = lab
    files = page_files(settings.single_modules)
    app.state.pages = pages.Pages(files, settings.frame_ancestors)
    app.add_middleware(Compression)
    app.add_middleware(Crowd, settings=settings)
    app.add_middleware(Guard, settings=settings)
    if settings.origins:  # whose pages may not only ask but read the answers
        origins, headers = sorted(settings.origins), ["Authorization", "Content-Type"]
        methods = ["GET", "POST", "PATCH", "DELETE"]
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers)
    app.add_middleware(Counting, metrics=metrics)
    app.add_middleware(Forwarded, settings=settings)
    app.add_exception_handler(DropoutLabError, refuse)
    app.add_exception_handler(HTTPException, refuse_request)
    routers = (api.router, code.router, events.router, mine.router, record.router, oembed.router)
    app.state.routers = (*routers, rooms_api.router, watches_api.router)
    for router in (*app.state.routers, openapi.router, pages.router, room_pages.router, watch_pages.router):
        app.include_router(router)
    app.add_api_websocket_route("/api/runs/{run_id}/live", watch_by_websocket)
    app.add_api_websocket_route("/api/rooms/{code}/live", meet_by_websocket)
    app.add_api_websocket_route("/api/watches/{watch_id}/feed", feed_by_websocket)
    app.add_api_websocket_route("/api/watches/{watch_id}/live", look_by_websocket)
    app.mount("/static", files, name="static")
    return app


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the workers and look after unwatched runs; in the end, part from everybody and end the workers."""
    lab: Lab = app.state.lab
    await lab.keeper.start()
    await lab.pool.start(lab.runs)
    await lab.rooms.start()
    sweeping = asyncio.create_task(lab.runs.sweep_for_ever())
    keeping = asyncio.create_task(lab.keeper.keep_for_ever(lab.runs.all))
    meeting = asyncio.create_task(lab.rooms.run_for_ever())
    tending = asyncio.create_task(lab.watches.sweep_for_ever())
    try:
        yield
    finally:
        sweeping.cancel()
        keeping.cancel()
        meeting.cancel()
        tending.cancel()
        await asyncio.wait({keeping, meeting})
        await drain(lab)
        await lab.keeper.stop()
        await lab.pool.stop()


async def drain(lab: Lab) -> None:
    """Tell every viewer that the server is shutting down, and wait until they have gone; a second call finds nobody."""
    await lab.rooms.close()
    await lab.keeper.keep(lab.runs.all())
    lab.runs.close()
    lab.watches.close()
    await lab.live.drain(DRAIN_S)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer what was refused on purpose."""
    return error_response(
        error, kind=PartingResponse if isinstance(error, TooLargeError | BodyTooSlowError) else Response
    )


async def refuse_request(request: Request, error: Exception) -> Response:
    """Answer what the framework refused, in the same shape; a person gets a page."""
    assert isinstance(error, HTTPException)
    method, path = request.method, request.scope[PREFIX] + request.scope["path"]
    if error.status_code == 404 and (place := pages.nearby(request.scope)):
        return RedirectResponse(place, 307)
    ours: RefusedError
    match error.status_code:
        case 404 | 401:  # 401 is Starlette's word for a file that it may not read
            ours = NotFoundError(f"there is nothing at {path[:200]}")
        case 405:
            ours = MethodNotAllowedError(f"{path[:200]} does not take {method}")
        case 413:
            ours = TooLargeError("the body is too large")
        case _:
            ours = RefusedError(error.detail)
    if isinstance(ours, NotFoundError) and pages.wants_page(request.scope["path"], request.headers):
        return pages.error_page(request.scope, "Nothing here", ours.message, 404)
    return error_response(ours, error.headers)
