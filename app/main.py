"""The application, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from app import __version__, api, code, pages, record
from app.body import PartingResponse
from app.errors import MethodNotAllowedError, NotFoundError, RefusedError, TooLargeError
from app.images import usable_folder
from app.lab import Lab
from app.live import Live
from app.pool import Pool, local_pool
from app.runs import Runs
from app.security import Guard, error_response
from app.settings import Settings
from app.tables import Tables
from trainer.errors import DropoutLabError

FAREWELL_S: Final = 4.0  # the last texts and the closing handshake have two seconds each


def create_app(settings: Settings | None = None, pool: Pool | None = None) -> FastAPI:
    """Return the application; its workers live as long as its lifespan.

    Args:
        settings: by default they come from the environment.
        pool: where runs train; by default processes on this machine.
    """
    settings = settings or Settings()
    idx_folder = usable_folder(settings.idx_folder)
    pool = pool or local_pool(settings.workers, settings.device, settings.threads, idx_folder)
    runs = Runs(settings, pool)
    lab = Lab(settings, pool, runs, Live(runs, settings), Tables(), idx_folder)

    app = FastAPI(
        title="Dropout Lab", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.lab = lab
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=6)
    app.add_middleware(Guard, settings=settings)
    app.add_exception_handler(DropoutLabError, refuse)
    app.add_exception_handler(HTTPException, refuse_request)
    app.include_router(api.router)
    app.include_router(code.router)
    app.include_router(record.router)
    app.include_router(pages.router)
    app.add_api_websocket_route("/api/runs/{run_id}/live", lab.live.__call__)
    app.mount("/static", pages.Static(directory=pages.ROOT / "static"), name="static")
    return app


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the workers and keep house; in the end, part from everybody and end the workers."""
    lab: Lab = app.state.lab
    await lab.pool.start(lab.runs)
    house = asyncio.create_task(lab.runs.keep_house())
    try:
        yield
    finally:
        house.cancel()
        await farewell(lab)
        await lab.pool.stop()


async def farewell(lab: Lab) -> None:
    """Tell every viewer that the server is shutting down, and wait until they have gone; a second call finds nobody."""
    lab.runs.close()
    await lab.live.farewell(FAREWELL_S)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer what was refused on purpose."""
    return error_response(error, kind=PartingResponse if isinstance(error, TooLargeError) else Response)


async def refuse_request(request: Request, error: Exception) -> Response:
    """Answer what the framework refused, in the same shape; a person gets a page."""
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path
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
    if isinstance(ours, NotFoundError) and pages.wants_page(path, request.headers):
        return pages.error_page("Nothing here", ours.message, 404)
    return error_response(ours, error.headers)
