"""What a reverse proxy in front of the lab says of a request, and where it has put the lab."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.settings import PATH, Settings

VOUCHED: Final = "dropout_lab.vouched"
"""In the scope of a request: whether its host was named by a proxy that is trusted."""

PREFIX: Final = "dropout_lab.prefix"
"""In the scope of a request: the path below which its proxy has the lab, as far as that is known."""


_SCHEMES: Final = {"ws": "http", "wss": "https"}


class Forwarded:
    """Middleware around all others: requests as they were before a trusted proxy passed them on, at paths of the lab.

    ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix`` are read of trusted proxies alone: every script can send
    them. What jupyter-server-proxy calls ``X-Forwarded-Context`` is the same as ``-Prefix``. The path below which the
    lab lies is taken away where the proxy left it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = ProxyHeadersMiddleware(app, list(settings.proxies))  # type: ignore[arg-type]
        self._trusted = trusted_by(settings)
        self._root = settings.root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "lifespan":
            scope = dict(scope, client=plain(scope.get("client")))
            headers = Headers(scope=scope)
            is_trusted = scope["client"] is not None and self._trusted(scope["client"][0])
            if is_trusted and (host := _last(headers, "x-forwarded-host")):
                _name(scope, host)
            told = (_last(headers, f"x-forwarded-{name}").rstrip("/") for name in ("prefix", "context") if is_trusted)
            take_away(scope, next((prefix for prefix in told if PATH.fullmatch(prefix)), self._root))
        await self._app(scope, receive, send)  # type: ignore[arg-type]


def lab_address(connection: HTTPConnection, at: str = "") -> str:
    """Return the absolute address of the lab, with a slash at its end, as somebody has just asked for it.

    Args:
        connection: of whoever asks, with what trusted proxies said of it.
        at: the path of the lab as the browser knows it, where a proxy may take it away without a word.
    """
    scheme = connection.scope.get("scheme", "http")
    host = connection.headers.get("host") or "127.0.0.1"
    return f"{_SCHEMES.get(scheme, scheme)}://{host}{connection.scope.get(PREFIX) or at}/"


def trusted_by(settings: Settings) -> Callable[[str | None], bool]:
    """Return what says of an address whether it is that of a proxy that is trusted."""

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing: it is only the addresses that are wanted."""

    return ProxyHeadersMiddleware(nothing, list(settings.proxies)).trusted_hosts.__contains__  # type: ignore[arg-type]


def plain(client: tuple[str, int] | None) -> tuple[str, int] | None:
    """Return a client's address as IPv4 if it is one that a socket for IPv6 has wrapped (``::ffff:127.0.0.1``)."""
    if client is None or not client[0].lower().startswith("::ffff:"):
        return client
    wrapped = ipaddress.IPv6Address(client[0]).ipv4_mapped
    return (str(wrapped), client[1]) if wrapped else client


def take_away(scope: Scope, prefix: str) -> None:
    """Take the path below which the lab lies away from the path of a request, if it is there.

    Args:
        scope: of the request.
        prefix: without a slash at its end; empty: none.
    """
    scope[PREFIX] = prefix
    below = unquote(prefix)
    if not prefix or not (scope["path"] == below or scope["path"].startswith(below + "/")):
        return
    parts = scope["raw_path"].split(b"/")[1 + prefix.count("/") :]
    scope["path"] = scope["path"].removeprefix(below)
    scope["raw_path"] = b"".join(b"/" + part for part in parts)


def _last(headers: Headers, name: str) -> str:
    """What the nearest proxy says: each puts its own behind what it was told."""
    return ",".join(headers.getlist(name)).rpartition(",")[2].strip()


def _name(scope: Scope, host: str) -> None:
    headers = MutableHeaders(raw=list(scope["headers"]))
    headers["host"] = host
    scope["headers"] = headers.raw
    scope[VOUCHED] = True
