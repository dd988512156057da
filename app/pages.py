"""What a browser loads first: the page, with what its scripts need at once; and Plotly out of the installed package."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import html
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from app import __version__, compression
from app.compression import Gapped, takes
from app.delivery import FOR_EVER, PLOTLY_URL, ROOT, Body, Delivery, PageFiles, body_of, first_views, modules
from app.embed import link_to
from app.errors import NotFoundError
from app.images import schema_without_images
from app.lab import lab_of
from app.layout import layout
from app.lessons.course import Lesson, lessons
from app.lessons.glossary import Found, Term, glossary, places
from app.proxies import PREFIX, lab_address
from app.wire import dumps
from trainer.errors import KnobError
from trainer.presets import Preset, described, find_preset, grouped
from trainer.settings.schema import schema

MOST_PAGES: Final = 256  # that are kept: of each experiment, from some folders deep
OEMBED: Final = "oembed-of-this-page"
"""What stands in a page until it is asked for, in place of the address at which oEmbed tells of it."""
_IN_HTML: Final = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}
"""What would end a script element or begin another is written otherwise, which JSON takes for the same."""

router = APIRouter()
templates = Environment(
    loader=FileSystemLoader(ROOT / "templates"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


HELP: Final = {
    "dropout": "",
    "overfitting": "",
    "loss": "",
    "step": "",
    "mask": "",
    "sub-network": "",
    "evaluation-mode": "",
    "validation-set": "validation",
    "standard-deviation": "SD",
}
"""The terms that the help lists, each with the word that the page has for it, if that is another."""


def with_terms(text: str, root: str = "./", seen: set[str] | None = None) -> Markup:
    """Return a text as HTML in which terms of the glossary can be opened (``static/js/base/terms.js``).

    Args:
        text: without mark-up.
        root: how the page writes the address of the lab.
        seen: ids of terms that are not marked any more; those that are marked come to them.
    """
    pieces = glossary().pieces(text, seen)
    return Markup("").join(
        term_button(piece.term, piece.text, root) if isinstance(piece, Found) else piece for piece in pieces
    )


def term_button(term: Term, text: str, root: str = "./") -> Markup:
    """Return what opens a term, as HTML: the same as ``static/js/base/glossary.js`` makes.

    It is a link to the page of all words, for who has no script, and is broken into lines like the text around it.

    Args:
        term: which.
        text: as it is written where it stands.
        root: how the page writes the address of the lab.
    """
    return Markup(
        '<a class="term" href="{}glossary#term-{}" data-term="{}" role="button" aria-haspopup="dialog" '
        'aria-expanded="false">{}</a>'
    ).format(root, term.id, term.id, text)


@pass_context
def _marked(context: Context, text: str, seen: set[str] | None = None) -> Markup:
    """A text with its terms, for a template."""
    return with_terms(text, context["root"], seen)


@pass_context
def _term(context: Context, name: str, text: str) -> Markup:
    """What opens a term of the usual glossary, for a template."""
    return term_button(glossary()[name], text, context["root"])


templates.filters["with_terms"] = _marked
templates.globals |= {"term": _term, "glossary": glossary, "help_terms": HELP, "seen_before": set}


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def lab_page(request: Request) -> Response:
    """Return the page."""
    return await _page(request, None)


@router.api_route("/experiments/{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def experiment_page(request: Request, name: str) -> Response:
    """Return the page of an experiment."""
    try:
        return await _page(request, find_preset(name))
    except KnobError as error:
        raise NotFoundError(str(error)) from None


@router.api_route("/runs", methods=["GET", "HEAD"], include_in_schema=False)
async def runs_page(request: Request) -> Response:
    """Return the page of one's own runs: which they are, the browser knows."""
    made: Pages = request.app.state.pages
    page = await made.runs_page(root_of(request.scope))
    return page.answer(request.scope, "no-cache")


@router.api_route("/glossary", methods=["GET", "HEAD"], include_in_schema=False)
async def glossary_page(request: Request) -> Response:
    """Return the page of the words of the lab."""
    made: Pages = request.app.state.pages
    page = await made.glossary_page(root_of(request.scope))
    return page.answer(request.scope, "no-cache")


@router.api_route("/lessons", methods=["GET", "HEAD"], include_in_schema=False)
async def lessons_page(request: Request) -> Response:
    """Return the list of lessons, with what this browser knows of each."""
    made: Pages = request.app.state.pages
    page = await made.lessons_page(root_of(request.scope))
    return page.answer(request.scope, "no-cache")


@router.api_route("/lessons/{number}", methods=["GET", "HEAD"], include_in_schema=False)
async def lesson_page(request: Request, number: str) -> Response:
    """Return the page of a lesson."""
    lesson = next((each for each in lessons() if str(each.number) == number), None)
    if lesson is None:
        raise NotFoundError(f"there is no lesson {number!r}; there are 1 to {len(lessons())}")
    return await _page(request, None, lesson)


async def _page(request: Request, experiment: Preset | None, lesson: Lesson | None = None) -> Response:
    made: Pages = request.app.state.pages
    page = await made.page(root_of(request.scope), experiment, lab_of(request).idx_folder is not None, lesson)
    path, query = (request.scope[name].decode("latin-1") for name in ("raw_path", "query_string"))
    root = root_of(request.scope)
    return page.answer(request.scope, link_to(root, lab_address(request), path.removeprefix("/"), query))


class FoundPage:
    """A page that says where oEmbed tells of it: with the address by which it was asked for, so each time otherwise.

    Args:
        text: its HTML, with `OEMBED` once in an attribute in place of that address.
    """

    def __init__(self, text: bytes) -> None:
        before, _, after = text.partition(OEMBED.encode())
        self._gapped = Gapped(before, after)
        self._etag = hashlib.blake2b(text, digest_size=8).hexdigest()

    def answer(self, scope: Scope, link: str) -> Response:
        """Answer a request for it.

        Args:
            scope: of the request.
            link: where oEmbed tells of it.
        """
        gap = html.escape(link).encode()
        asked = Headers(scope=scope)
        coding = "gzip" if takes(asked, "gzip") else "identity"
        etag = f"{self._etag}{hashlib.blake2b(gap, digest_size=8).hexdigest()}"
        headers = {"Cache-Control": "no-cache", "ETag": f'"{etag}-{coding}"', "Vary": "Accept-Encoding"}
        if f'"{etag}-' in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if coding == "gzip":
            headers["Content-Encoding"] = coding
            return Response(self._gapped.compressed(gap), headers=headers, media_type="text/html")
        return Response(self._gapped.filled(gap), headers=headers, media_type="text/html")


Page = TypeVar("Page", Body, FoundPage)


class Pages:
    """The pages of one server, each made and compressed once for all who load it from as many folders deep.

    Args:
        files: what serves the page's files.
        frame_ancestors: the pages that may show it in a frame, as a security policy writes them.
    """

    def __init__(self, files: PageFiles, frame_ancestors: str = "'none'") -> None:
        self._files = files
        self._frame_ancestors = frame_ancestors
        self._made: dict[tuple[object, ...], Any] = {}

    async def page(
        self, root: str, experiment: Preset | None, has_images: bool, lesson: Lesson | None = None
    ) -> FoundPage:
        """Return the page of an experiment, of a lesson, or of any run.

        Args:
            root: how it writes the address of the lab.
            experiment: whose page it is; None is that of any run.
            has_images: whether this server has files of images.
            lesson: whose page it is.
        """
        delivery = self._files.delivery()
        key = (delivery, root, experiment and experiment.id, has_images, lesson and lesson.number)
        return await self._kept(
            key, lambda: FoundPage(render(delivery, root, experiment, has_images, self._frame_ancestors, lesson))
        )

    async def lessons_page(self, root: str) -> Body:
        """Return the list of lessons.

        Args:
            root: how it writes the address of the lab.
        """
        delivery = self._files.delivery()
        return await self._kept((delivery, root, "lessons"), lambda: _packed(lessons_page_of(root, delivery)))

    async def runs_page(self, root: str) -> Body:
        """Return the page of one's own runs.

        Args:
            root: how it writes the address of the lab.
        """
        delivery = self._files.delivery()
        return await self._kept((delivery, root, "runs"), lambda: _packed(runs_page_of(root, delivery, __version__)))

    async def glossary_page(self, root: str) -> Body:
        """Return the page of the words of the lab.

        Args:
            root: how it writes the address of the lab.
        """
        delivery = self._files.delivery()
        key = (delivery, root, "glossary")
        return await self._kept(key, lambda: _packed(glossary_page_of(root, delivery, __version__)))

    async def room_page(self, root: str, name: str) -> Body:
        """Return a page of rooms, the same for all rooms: which one it is of, its address says.

        Args:
            root: how it writes the address of the lab.
            name: which of `app.delivery.ROOM_SHEETS` it is.
        """
        delivery = self._files.delivery()
        return await self._kept(
            (delivery, root, name), lambda: _packed(room_page_of(name, root, delivery, __version__))
        )

    async def _kept(self, key: tuple[object, ...], make: Callable[[], Page]) -> Page:
        if key not in self._made:
            made = await asyncio.to_thread(make)
            if len(self._made) >= MOST_PAGES:
                self._made.clear()
            self._made[key] = made
        found: Page = self._made[key]
        return found


def _packed(text: str) -> Body:
    raw = text.encode()
    return body_of("page.html", raw, {"gzip": compression.compress(raw)})


def runs_page_of(root: str = "./", delivery: Delivery | None = None, version: str = "0") -> str:
    """Return the page of one's own runs as HTML.

    Args:
        root: how it writes the address of the lab.
        delivery: what it loads; by default single modules.
        version: of the lab.
    """
    page = templates.get_template("runs.html")
    return page.render(root=root, version=version, delivery=delivery or modules(), groups=grouped(), elsewhere=True)


def glossary_page_of(root: str = "./", delivery: Delivery | None = None, version: str = "0") -> str:
    """Return the page of the words of the lab as HTML.

    Args:
        root: how it writes the address of the lab.
        delivery: what it loads; by default single modules.
        version: of the lab.
    """
    return templates.get_template("glossary.html").render(
        root=root, version=version, delivery=delivery or modules(), groups=grouped(), elsewhere=True, places=places()
    )


def lessons_page_of(root: str = "./", delivery: Delivery | None = None, version: str = __version__) -> str:
    """Return the list of lessons as HTML.

    Args:
        root: how it writes the address of the lab.
        delivery: what it loads; by default single modules.
        version: of the lab.
    """
    delivery = delivery or modules()
    page = templates.get_template("lessons.html")
    return page.render(root=root, version=version, delivery=delivery, files=delivery.room("lessons"), lessons=lessons())


def room_page_of(name: str, root: str = "./", delivery: Delivery | None = None, version: str = "0") -> str:
    """Return a page of rooms as HTML.

    Args:
        name: which of `app.delivery.ROOM_SHEETS` it is.
        root: how it writes the address of the lab.
        delivery: what it loads; by default single modules.
        version: of the lab.
    """
    delivery = delivery or modules()
    page = templates.get_template(f"{name}.html")
    return page.render(root=root, version=version, delivery=delivery, files=delivery.room(name))


def render(
    delivery: Delivery,
    root: str,
    experiment: Preset | None,
    has_images: bool,
    frame_ancestors: str = "'none'",
    lesson: Lesson | None = None,
) -> bytes:
    """Return the page of an experiment, of a lesson, or of any run, with what its scripts need first."""
    given = {
        "schema": schema() if has_images else schema_without_images(),
        "experiment": next((each for each in described() if experiment and each["id"] == experiment.id), None),
        "lesson": lesson and {**lesson.described(), "of": len(lessons())},
    }
    page = page_of(
        experiment,
        lesson,
        root=root,
        delivery=delivery,
        version=__version__,
        given=given,
        frame_ancestors=frame_ancestors,
        oembed=OEMBED,
    )
    return page.encode()


def page_of(
    experiment: Preset | None = None,
    lesson: Lesson | None = None,
    *,
    root: str = "./",
    delivery: Delivery | None = None,
    version: str = "0",
    given: dict[str, Any] | None = None,
    frame_ancestors: str = "'none'",
    oembed: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        experiment: whose page it is; None is that of any run.
        lesson: whose page it is.
        root: how it writes the address of the lab.
        delivery: what it loads; by default single modules.
        version: of the lab.
        given: what its scripts need first; without it they ask for it.
        frame_ancestors: the pages that may show it in a frame, as a security policy writes them.
        oembed: the address at which oEmbed tells of it; empty: it does not say.
    """
    placed = layout(experiment, lesson)
    return templates.get_template("lab.html").render(
        root=root,
        version=version,
        delivery=delivery or modules(),
        needs_more=not set(placed.standard) <= {*first_views()},
        given=Markup(dumps(given).translate(_IN_HTML)) if given else None,
        experiment=experiment,
        lesson=lesson,
        lessons=lessons(),
        groups=grouped(),
        layout=placed,
        frame_ancestors=frame_ancestors,
        oembed=oembed,
    )


@router.api_route("/favicon.ico", methods=["GET", "HEAD"], include_in_schema=False)
async def favicon() -> Response:
    """Return the icon, for browsers that do not ask the page which it is."""
    return FileResponse(ROOT / "static" / "img" / "favicon.svg", headers={"Cache-Control": "no-cache"})


@router.api_route("/" + PLOTLY_URL, methods=["GET", "HEAD"], include_in_schema=False)
async def plotly(request: Request) -> Response:
    """Return Plotly, compressed once for all."""
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    if not takes(request.headers, "gzip"):
        return FileResponse(
            plotly_file(), headers={**headers, "Content-Encoding": "identity"}, media_type="text/javascript"
        )
    body = await asyncio.to_thread(plotly_compressed)
    return Response(body, headers={**headers, "Content-Encoding": "gzip"}, media_type="text/javascript")


def root_of(scope: Scope) -> str:
    """Return how a page writes the address of the lab itself: ``./``, or as many ``../`` as it is folders deep.

    Relative addresses hold wherever a proxy puts the lab, whether it says so or not.
    """
    return "../" * (scope["raw_path"].count(b"/") - 1) or "./"


def nearby(scope: Scope) -> str | None:
    """Return where to look for what is not at a path because of the slash at its end, relative to it.

    The lab itself is asked for without its slash where a proxy has it at ``/lab``; all else has none.
    """
    query = "?" + scope["query_string"].decode("latin-1") if scope["query_string"] else ""
    if scope["path"] == "":
        prefix: str = scope[PREFIX]
        return f"{prefix.rpartition('/')[2]}/{query}"
    *_, name, end = scope["raw_path"].decode("latin-1").split("/")
    if not name or end:
        return None
    headers = Headers(scope=scope)
    if "x-proxycontextpath" in headers and scope[PREFIX]:
        # jupyter-server-proxy puts its path before whatever does not name a host, and so before the “..” as well.
        path = scope["raw_path"].decode("latin-1").rstrip("/")
        return f"//{headers.get('host', '')}{scope[PREFIX]}{path}{query}"
    return f"../{name}{query}"


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


def error_page(scope: Scope, title: str, message: str, status: int) -> Response:
    """Return a page that says what went wrong."""
    page = templates.get_template("404.html").render(root=root_of(scope), title=title, message=message)
    return Response(page, status, media_type="text/html")
