"""How the page's files come to a browser: as the bundle that was built of them, else one by one; compressed once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import mimetypes
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app import compression
from app.compression import takes
from app.sources import Mark, files_below, mark_of, marks_of, version_of
from trainer.settings.panels import PANELS

_log = logging.getLogger(__name__)

ROOT: Final = Path(__file__).resolve().parents[1]
STATIC: Final = ROOT / "static"
BUILT: Final = ROOT / "built"
"""Where `scripts.bundle` leaves what it builds."""
MANIFEST: Final = "manifest.json"
PLOTLY_URL: Final = f"vendor/plotly-{version('plotly')}.min.js"
"""Where the Plotly of the Python package is, all of it: for a page whose modules come one by one."""
SHEETS: Final = (
    *("tokens", "base", "layout", "toolbar", "hero", "controls", "fields", "dialogs", "pictures", "charts", "picker"),
    *("panels", "experiment", "search", "inside", "costs", "ensembles", "draw", "runs", "lesson", "glossary"),
    *("exercise", "embed"),
)
"""The style sheets, in their order."""
ROOM_SHEETS: Final[dict[str, tuple[str, ...]]] = {
    "rooms": ("tokens", "base", "rooms"),
    "phone": ("tokens", "base", "rooms"),
    "host": ("tokens", "base", "rooms", "host"),
    "projector": ("tokens", "base", "rooms", "projector"),
    "watch": ("tokens", "base", "watch"),
    "watches": ("tokens", "base", "watch"),
    "lessons": ("tokens", "base", "lessons"),
}
"""The pages of rooms, of watched models, and the list of lessons, each a program of its own, with their style sheets:
none loads anything of the lab's page."""
HEAD: Final = ("theme-boot", "exercise-boot", "panels-boot", "guess-boot")
"""Scripts that run before the first paint; of a room's page the first alone.

``start-boot`` stands by itself: any browser can read it, however old."""
FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK: Final = "no-cache"  # keep it, and ask each time whether it is still good
_VERSION: Final = re.compile(r"[0-9a-f]{16}")
_CODINGS: Final = (("br", ".br"), ("gzip", ".gz"))  # the better first


@dataclass(frozen=True)
class RoomFiles:
    """What a page of a room loads, addresses likewise.

    Attributes:
        name: of the page.
        head: the script that runs before the first paint.
        styles: the style sheets.
        main: the module that it begins with.
    """

    name: str
    head: str
    styles: tuple[str, ...]
    main: str


@dataclass(frozen=True)
class Delivery:
    """What a page loads: addresses from the lab on, without a slash in front.

    Attributes:
        start: the script that watches the page start.
        head: scripts that run before the first paint.
        styles: the style sheets.
        main: the module that the page begins with.
        runs: that of the page of one's own runs.
        glossary: that of the page of the words of the lab.
        preloads: modules that it needs at once.
        later: modules with the views of panels that are closed on most pages.
        lesson: modules that lead through a lesson.
        plotly: the library of the charts.
        icon: the icon.
        rooms: what the pages of rooms load.
    """

    start: str
    head: tuple[str, ...]
    styles: tuple[str, ...]
    main: str
    runs: str
    glossary: str
    preloads: tuple[str, ...]
    later: tuple[str, ...]
    lesson: tuple[str, ...]
    plotly: str
    icon: str
    rooms: tuple[RoomFiles, ...]

    def room(self, name: str) -> RoomFiles:
        """Return what a page of a room loads."""
        return next(each for each in self.rooms if each.name == name)


@dataclass(frozen=True)
class Body:
    """A file in memory.

    Attributes:
        kind: its media type.
        etag: by which a browser asks whether it is still good.
        codings: its bytes by coding; those as they are as ``identity``.
    """

    kind: str
    etag: str
    codings: dict[str, bytes] = field(repr=False)

    def answer(self, scope: Scope, cache_control: str) -> Response:
        """Answer a request for it."""
        asked = Headers(scope=scope)
        coding = next((name for name, _ in _CODINGS if name in self.codings and takes(asked, name)), "identity")
        headers = {"Cache-Control": cache_control, "ETag": f'"{self.etag}-{coding}"'}
        if len(self.codings) > 1:
            headers["Vary"] = "Accept-Encoding"
        if f'"{self.etag}-' in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if coding != "identity":
            headers["Content-Encoding"] = coding
        return Response(self.codings[coding], headers=headers, media_type=self.kind)


def body_of(name: str, raw: bytes, codings: dict[str, bytes] | None = None) -> Body:
    """Return a file as it is sent."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    kind = "text/javascript" if name.endswith((".js", ".mjs")) else kind
    return Body(kind, hashlib.blake2b(raw, digest_size=8).hexdigest(), {"identity": raw, **(codings or {})})


class Bundle:
    """The files that `scripts.bundle` made, all of them in memory: a bundle built meanwhile changes none.

    Args:
        folder: where they are.

    Raises:
        OSError, ValueError, KeyError: there is none, or it is broken.
    """

    def __init__(self, folder: Path) -> None:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        self.sources: str = told["sources"]
        self.version: str = told["version"]
        self.files: dict[str, Body] = {}
        for name in told["files"]:
            file = folder / self.version / name
            codings = {
                coding: packed.read_bytes()
                for coding, end in _CODINGS
                if (packed := file.with_name(file.name + end)).is_file()
            }
            self.files[name] = body_of(name, file.read_bytes(), codings)
        place = f"static/{self.version}/"
        self.delivery = Delivery(
            start=place + told["start"],
            head=(place + told["head"],),
            styles=(place + told["styles"],),
            main=place + told["main"],
            runs=place + told["runs"],
            glossary=place + told["glossary"],
            preloads=tuple(place + name for name in told["preloads"]),
            later=tuple(place + name for name in told["later"]),
            lesson=tuple(place + name for name in told["lesson"]),
            plotly=place + told["plotly"],
            icon=place + told["icon"],
            rooms=tuple(
                RoomFiles(name, place + told["room_head"], (f"{place}room-{name}.css",), f"{place}{name}.js")
                for name in ROOM_SHEETS
            ),
        )


class PageFiles:
    """An application of what is below ``/static``: the bundle, if there is one, and the single files it was made of.

    At ``/static/VERSION/…`` browsers keep what they got for ever; at ``/static/…`` they ask each time.

    Args:
        bundle: the bundle.
        folder: the single files.
    """

    def __init__(self, bundle: Bundle | None, folder: Path = STATIC) -> None:
        self._bundle = bundle
        self._folder = folder
        self._held: dict[str, tuple[Mark, Body]] = {}
        self._making = asyncio.Lock()
        self._version = ""  # of the single files, when a page was told of them last
        self._marks: dict[str, Mark] = {}  # of them then

    def delivery(self) -> Delivery:
        """Return what a page loads now."""
        if self._bundle:
            return self._bundle.delivery
        self._marks = marks_of(self._folder)
        self._version = version_of(self._folder, self._marks)
        return modules(self._version)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        first, _, rest = path.partition("/")
        if self._bundle and first == self._bundle.version:
            response = self._bundled(rest).answer(scope, FOR_EVER)
        elif _VERSION.fullmatch(first):
            mark, body = await self._single(rest)
            is_current = first == self._version and mark == self._marks.get(rest)
            response = body.answer(scope, FOR_EVER if is_current else _ASK)
        else:
            response = (await self._single(path))[1].answer(scope, _ASK)
        await response(scope, receive, send)

    def _bundled(self, name: str) -> Body:
        assert self._bundle
        try:
            return self._bundle.files[name]
        except KeyError:
            raise HTTPException(404) from None

    async def _single(self, path: str) -> tuple[Mark, Body]:
        """A single file, compressed when it is asked for first and whenever it has changed."""
        file, mark = self._find(path)
        async with self._making:
            if path not in self._held or self._held[path][0] != mark:
                self._held[path] = mark, await asyncio.to_thread(_read, file)
            return self._held[path]

    def _find(self, path: str) -> tuple[Path, Mark]:
        """Where a single file is."""
        file = Path(os.path.normpath(self._folder / path))
        try:
            if file.is_relative_to(self._folder) and file.is_file():
                return file, mark_of(file)
        except (OSError, ValueError):  # a name that is too long, or no name at all
            pass
        raise HTTPException(404)


def _read(file: Path) -> Body:
    raw = file.read_bytes()
    body = body_of(file.name, raw)
    worth = len(raw) >= compression.SMALLEST and body.kind.startswith(compression.WORTH)
    return body_of(file.name, raw, {"gzip": compression.compress(raw)}) if worth else body


def page_files(single_modules: bool, folder: Path = BUILT) -> PageFiles:
    """Return what serves the page's files.

    Args:
        single_modules: whether they shall come one by one, whatever was built.
        folder: where a bundle lies, if one does.
    """
    if single_modules:
        return PageFiles(None)
    try:
        bundle = Bundle(folder)
    except (OSError, ValueError, KeyError):
        _log.warning("the page comes in some 200 files: it was not bundled (make page does that)")
        return PageFiles(None)
    if bundle.sources != version_of(STATIC):
        _log.warning("the page comes in some 200 files: its sources have changed since it was bundled (make page)")
        return PageFiles(None)
    return PageFiles(bundle)


def modules(at: str = "") -> Delivery:
    """Return what a page of single modules loads.

    Args:
        at: the version in their addresses; without one browsers ask each time.
    """
    place = f"static/{at}/" if at else "static/"
    return Delivery(
        start=f"{place}js/boot/start-boot.js",
        head=tuple(f"{place}js/boot/{name}.js" for name in HEAD),
        styles=tuple(f"{place}css/{name}.css" for name in SHEETS),
        main=f"{place}js/main.js",
        runs=f"{place}js/runs.js",
        glossary=f"{place}js/glossary.js",
        preloads=tuple(place + name for name in _modules()),
        later=(),
        lesson=(f"{place}js/lessons/coach.js",),
        plotly=PLOTLY_URL,
        icon=f"{place}img/favicon.svg",
        rooms=tuple(
            RoomFiles(
                name,
                f"{place}js/boot/{HEAD[0]}.js",
                tuple(f"{place}css/{sheet}.css" for sheet in sheets),
                f"{place}js/{name}.js",
            )
            for name, sheets in ROOM_SHEETS.items()
        ),
    )


def first_views() -> list[str]:
    """Return the panels that are open on the usual page: what draws them comes with the first file."""
    return [panel.id for panel in PANELS if panel.opened != "by hand"]


def _modules() -> Iterator[str]:
    """The modules of the first screen: named in the page they come side by side, not import by import."""
    programs = {f"js/{name}.js" for name in ("paint/network-worker", "runs", "glossary", *ROOM_SHEETS)}
    others = {*programs, "js/types.js"}  # types alone
    closed = {f"js/views/{panel.id}.js" for panel in PANELS} - {f"js/views/{name}.js" for name in first_views()}
    for name in files_below(STATIC):
        is_module = (
            name.startswith("js/")
            and name.endswith(".js")
            and not name.startswith(("js/boot/", "js/runs/", "js/rooms/", "js/watching/", "js/lessons/"))
        )
        if is_module and name not in others and name not in closed:
            yield name
