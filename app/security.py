"""What every answer carries so that browsers hold back, and who may ask."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from app.answers import error_response
from app.errors import STATUS, RefusedError, WrongHostError, WrongOriginError
from app.hosts import Hosts, name_in
from app.pages import templates, wants_page
from app.proxies import VOUCHED
from app.settings import Settings

_log = logging.getLogger(__name__)
_FOREIGN: Final = ("cross-site", "same-site")
OPEN: Final = "/start-boot.js"
"""The one file that may be loaded from anywhere: in a sandboxed frame, which is nowhere, it says why nothing starts."""
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
EMBEDDED: Final = "/watch/"
"""Below it are the pages of watched models, which a notebook on this machine shows in a frame."""
NOTEBOOKS: Final = "'self' http://localhost:* http://127.0.0.1:* https://localhost:*"
"""Whoever shows such a page in a frame: programs of the machine at which the browser is."""


def security_headers(settings: Settings, embedded: bool = False) -> dict[str, str]:
    """Return the headers of every response.

    Plotly needs inline styles, which it writes into its charts, and data: and blob: images, to save them.

    Args:
        settings: what the operator chose.
        embedded: whether it is one for a page that a notebook shows in a frame.
    """
    ancestors = settings.frame_ancestors
    if embedded:
        more = [each for each in ancestors.split() if each not in ("'none'", *NOTEBOOKS.split())]
        ancestors = " ".join((NOTEBOOKS, *more))
    policy = {
        "default-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "worker-src": "'self'",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": ancestors,
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        # A notebook that isolates itself (Cross-Origin-Embedder-Policy) shows nothing in a frame that does not say so.
        "Cross-Origin-Resource-Policy": "cross-origin" if embedded else "same-origin",
    }
    if ancestors == "'none'":
        headers["X-Frame-Options"] = "DENY"
    return headers


def check_origin(headers: Mapping[str, str], allowed: frozenset[str]) -> None:
    """Refuse a page of another site. A caller without an ``Origin`` is no browser, and may.

    Raises:
        WrongOriginError: its origin is neither this server nor allowed by the settings, or its browser says that it is
            another site's.
    """
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is not None and (origin in allowed or "*" in allowed):
        return
    site = headers.get("sec-fetch-site", "")  # browsers write it, and no script can
    is_foreign = site in _FOREIGN
    if origin is None and is_foreign:
        raise WrongOriginError(f"this came from a page of another site (Sec-Fetch-Site: {site}), which may not")
    if origin is None or (
        not is_foreign and _place(origin) is not None and _place(origin) == _place("//" + host, origin)
    ):
        return
    raise WrongOriginError(_refusal(origin[:200], host[:200], site))


def _refusal(origin: str, host: str, site: str) -> str:
    """What a page is told that seems to be another site's: a proxy that hides the lab's name looks like it."""
    if origin == "null":
        return "a page without a site of its own, such as one in a sandboxed frame, may not use this server"
    allow = f"DROPOUT_LAB_ALLOWED_ORIGINS={origin}"
    if site in _FOREIGN or _place(origin) is None:
        return f"pages of {origin} may not use this server; {allow} would allow them"
    told = f"this page was opened at {origin}, but the server was asked for {host}"
    ask = "whoever runs it must let it pass on the name (the header Host, as docs/proxies.md says)"
    if site == "same-origin":
        return f"{told}: a proxy in between changes the name, and {ask}"
    return f"{told}. If a proxy stands in between, {ask}; if this is a page of another site, {allow} would allow it"


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the token in an ``Authorization`` header; ``None``: there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _place(url: str, like: str = "") -> tuple[str | None, int | None] | None:
    """The host and the port of an address, the port by the scheme (that of ``like``) where it is left out."""
    try:
        parts = urlsplit(url)
        usual = {"http": 80, "https": 443}.get(parts.scheme or urlsplit(like).scheme)
        return (parts.hostname, parts.port or usual) if parts.hostname else None
    except ValueError:
        return None


class Guard:
    """Middleware around the application: who may ask, and by which name; headers; the unforeseen becomes a 500."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._origins = settings.origins
        self._hosts = Hosts(settings.host, settings.hosts)
        self._headers = security_headers(settings)
        self._embedded = security_headers(settings, embedded=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket" and (error := self._refusal(scope)):
            await WebSocket(scope, receive, send).send_denial_response(error_response(error))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                embedded = scope["path"].startswith(EMBEDDED)
                MutableHeaders(scope=message).update(self._embedded if embedded else self._headers)
                if scope["path"].endswith(OPEN):
                    MutableHeaders(scope=message)["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        try:
            if error := self._refusal(scope):
                await refusal_response(error, scope)(scope, receive, send_guarded)
            else:
                await self._app(scope, receive, send_guarded)
        except Exception as error:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            await error_response(error)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> RefusedError | None:
        """Why a request is not even looked at, if it is not."""
        headers = Headers(scope=scope)
        try:
            if self._hosts.are_named or not scope.get(VOUCHED):
                self._hosts.check(headers.get("host"))
            if scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS:
                check_origin(headers, self._origins)
        except RefusedError as error:
            return error
        return None


def refusal_response(error: RefusedError, scope: Scope) -> Response:
    """Return a refusal as an HTTP response; a person gets a page."""
    if isinstance(error, WrongHostError) and wants_page(scope["path"], Headers(scope=scope)):
        page = templates.get_template("stranger.html").render(host=error.host, name=name_in(error.host) or "")
        return Response(page, STATUS[error.code], media_type="text/html")
    return error_response(error)
