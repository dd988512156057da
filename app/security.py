"""What every answer carries so that browsers hold back, and who may ask."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import WrongOriginError, describe, status
from app.settings import Settings
from app.wire import dumps

_log = logging.getLogger(__name__)
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")


def error_response(
    error: Exception, headers: Mapping[str, str] | None = None, kind: type[Response] = Response
) -> Response:
    """Return an error as an HTTP response, in the one shape."""
    described = describe(error)
    return kind(dumps({"error": described}), status(described), headers, "application/json")


def security_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of every response.

    Plotly needs inline styles, which it writes into its charts, and data: and blob: images, to save them.
    """
    policy = {
        "default-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "worker-src": "'self'",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": settings.frame_ancestors,
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.frame_ancestors == "'none'":
        headers["X-Frame-Options"] = "DENY"
    return headers


def check_origin(headers: Mapping[str, str], allowed: frozenset[str]) -> None:
    """Refuse a page of another site. A caller without an ``Origin`` is no browser, and may.

    Raises:
        WrongOriginError: its origin is neither this server nor allowed by the settings.
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return
    if origin != "null" and _host(origin) == headers.get("host", "").lower():
        return
    raise WrongOriginError(
        f"pages of {origin[:200]} may not use this server; DROPOUT_LAB_ALLOWED_ORIGINS could allow them"
    )


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class Guard:
    """Middleware around everything: checks who asks, adds the security headers, makes the unforeseen a 500."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._origins = settings.origins
        self._headers = security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            if scope["method"] not in _SAFE_METHODS:
                check_origin(Headers(scope=scope), self._origins)
            await self._app(scope, receive, send_guarded)
        except WrongOriginError as error:
            await error_response(error)(scope, receive, send_guarded)
        except Exception as error:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            await error_response(error)(scope, receive, send_guarded)
