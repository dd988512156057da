"""A server of the static files, of Plotly and of an empty page, for tests that need no lab."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import plotly
from playwright.sync_api import Page

from tests.browser.servers import ROOT

PLOTLY: Final = "/real/plotly.js"
"""Where Plotly is."""

_EMPTY_PAGE: Final = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Modules</title><body></body></html>'
_KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

Answering = Callable[[str, str, bytes], "Reply | None"]
"""What answers a page's requests: takes method, address and body; ``None`` leaves it to the files."""

_ANSWERED_BY: Final = "X-Answered-By"
_answering: dict[str, Answering] = {}


@dataclass(frozen=True)
class Reply:
    """What a server answers."""

    body: str | bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200


def answer(page: Page, answering: Answering) -> None:
    """Have the static server ask ``answering`` first whatever this page asks of it, in a thread of the server's.

    Playwright's own routes would do the same, but a page that has one loads every module anew: they switch its cache
    off and look at each request.
    """
    name = secrets.token_hex(8)

    def forget(_: Page) -> None:
        del _answering[name]

    _answering[name] = answering
    page.set_extra_http_headers({_ANSWERED_BY: name})
    page.on("close", forget)


@cache
def plotly_source() -> bytes:
    """The program of Plotly."""
    return Path(plotly.__file__).with_name("package_data").joinpath("plotly.min.js").read_bytes()


@contextmanager
def static_server(security_policy: str) -> Iterator[str]:
    """Serve ``static/``, Plotly and an empty page at ``/``, under a content security policy; yields the URL."""

    class Handler(_StaticHandler):
        policy = security_policy

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="static files", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _StaticHandler(BaseHTTPRequestHandler):
    """Answers from memory, and over one connection many times."""

    protocol_version = "HTTP/1.1"
    policy: str

    def do_GET(self) -> None:
        self._reply(self._asked() or _file(urlsplit(self.path).path))

    def do_POST(self) -> None:
        self._reply(self._asked() or _NOT_FOUND)

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def _asked(self) -> Reply | None:
        """What answers the page's requests says to this one."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answering = _answering.get(self.headers.get(_ANSWERED_BY, ""))
        return answering(self.command, self.path, body) if answering else None

    def _reply(self, reply: Reply) -> None:
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        is_file = self.path.startswith(("/static/", PLOTLY))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "max-age=3600" if is_file else "no-store")
        self.end_headers()
        with suppress(ConnectionError):  # the page was left while it was loading
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


_NOT_FOUND: Final = Reply("<h1>Not found</h1>", status=404)


@cache
def _file(path: str) -> Reply:
    """A file, read once for all tests of a process."""
    if path == "/":
        return Reply(_EMPTY_PAGE)
    if path == "/favicon.ico":
        return Reply("", status=204)
    if path == PLOTLY:
        return Reply(plotly_source(), "text/javascript")
    file = (ROOT / path.lstrip("/")).resolve()
    if not file.is_relative_to(ROOT / "static") or not file.is_file():
        return _NOT_FOUND
    return Reply(file.read_bytes(), _KINDS[file.suffix])
