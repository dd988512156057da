"""What a browser loads: the page, its static files, and Plotly out of the installed package."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app import __version__
from app.errors import NotFoundError
from trainer.errors import KnobError
from trainer.presets import PRESETS, Preset, find_preset

ROOT: Final = Path(__file__).resolve().parents[1]
PLOTLY_URL: Final = f"/vendor/plotly-{version('plotly')}.min.js"
_FOR_EVER: Final = "public, max-age=31536000, immutable"

router = APIRouter()
templates = Environment(
    loader=FileSystemLoader(ROOT / "templates"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


class Static(StaticFiles):
    """The files in ``static/``: browsers keep them, but ask each time whether they are still good."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def lab_page() -> Response:
    """Return the page."""
    return _page(None)


@router.api_route("/experiments/{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def experiment_page(name: str) -> Response:
    """Return the page of an experiment."""
    try:
        return _page(find_preset(name))
    except KnobError as error:
        raise NotFoundError(str(error)) from None


def _page(experiment: Preset | None) -> Response:
    page = templates.get_template("lab.html").render(
        version=__version__, plotly_url=PLOTLY_URL, modules=modules(), experiment=experiment, experiments=PRESETS
    )
    return Response(page, headers={"Cache-Control": "no-cache"}, media_type="text/html")


@router.api_route("/favicon.ico", methods=["GET", "HEAD"], include_in_schema=False)
async def favicon() -> Response:
    """Return the icon, for browsers that do not ask the page which it is."""
    return FileResponse(ROOT / "static" / "img" / "favicon.svg", headers={"Cache-Control": "no-cache"})


@router.api_route(PLOTLY_URL, methods=["GET", "HEAD"], include_in_schema=False)
async def plotly(request: Request) -> Response:
    """Return Plotly, compressed once for all."""
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(
            plotly_file(), headers={**headers, "Content-Encoding": "identity"}, media_type="text/javascript"
        )
    body = await asyncio.to_thread(plotly_compressed)
    return Response(body, headers={**headers, "Content-Encoding": "gzip"}, media_type="text/javascript")


@cache
def modules() -> list[str]:
    """Return the addresses of the page's modules: named in the page they come side by side, not import by import."""
    folder = ROOT / "static" / "js"
    others = {"network-worker.js", "types.js"}  # a program of its own, types alone
    files = sorted(
        file for file in folder.rglob("*.js") if file.name not in others and not file.stem.endswith("-boot")
    )  # boot scripts run before all modules
    return [f"/static/js/{file.relative_to(folder).as_posix()}" for file in files]


def plotly_file() -> Path:
    """Return where the installed package keeps its minified JavaScript; the package itself is not imported."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


@cache
def plotly_compressed() -> bytes:
    """Return Plotly as gzip: a third of its size, and half a second of work."""
    return gzip.compress(plotly_file().read_bytes(), compresslevel=6, mtime=0)


def wants_page(path: str, headers: Headers) -> bool:
    """Whether somebody is looking at this with a browser, and would rather read a page than JSON."""
    return "text/html" in headers.get("accept", "") and not path.startswith("/api/")


def error_page(title: str, message: str, status: int) -> Response:
    """Return a page that says what went wrong."""
    page = templates.get_template("404.html").render(title=title, message=message)
    return Response(page, status, media_type="text/html")
