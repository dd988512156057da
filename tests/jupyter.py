"""A proxy that does what jupyter-server-proxy does, with the library that it is made of: Tornado.

It takes the path away, says so in headers of its own (with WebSockets it says nothing), passes on the name that it was
asked for, reads answers whole before it passes them on, and puts its path before the redirects that it meets. Which
of that a release does differs: 4.4 knows neither ``X-Forwarded-Prefix`` nor redirects, what came after it does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from tests.conftest import TIMEOUT_FACTOR

_HOPS: Final = ("Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Connection")
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MEGABYTES: Final = 100 * 1024 * 1024  # of a body


class _Handler(WebSocketHandler):
    """One request, or one WebSocket."""

    def initialize(self, prefix: str, upstream: int, newer: bool) -> None:
        self._prefix = prefix
        self._place = f"127.0.0.1:{upstream}"
        self._newer = newer
        self._behind: WebSocketClientConnection | None = None

    def check_origin(self, origin: str) -> bool:
        return True

    async def get(self, *args: Any, **kwargs: Any) -> None:
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            await super().get(*args, **kwargs)
        else:
            await self._pass_on()

    async def _pass_on(self) -> None:
        headers = self.request.headers.copy()
        for name in _HOPS:
            headers.pop(name, None)
        headers["X-Forwarded-Context"] = headers["X-ProxyContextPath"] = self._prefix
        if self._newer:
            headers["X-Forwarded-Prefix"] = self._prefix
        method = self.request.method or "GET"
        body = self.request.body or (b"" if method in ("POST", "PUT", "PATCH") else None)
        wanted = HTTPRequest(
            f"http://{self._place}{self._path()}",
            method=method,
            headers=headers,
            body=body,
            follow_redirects=False,
            decompress_response=False,
            request_timeout=300 * TIMEOUT_FACTOR,
        )
        client = AsyncHTTPClient(force_instance=True, max_body_size=_MEGABYTES)
        found = await client.fetch(wanted, raise_error=False)
        self.set_status(found.code, found.reason)
        self.clear_header("Content-Type")
        self.clear_header("Server")
        self.clear_header("Date")
        for name, value in found.headers.get_all():
            if name == "Location" and self._newer and found.code in _REDIRECTS:
                value = self._moved(value)
            if name not in ("Content-Length", "Transfer-Encoding", "Connection"):
                self.add_header(name, value)
        if found.body:
            self.write(found.body)

    post = put = patch = delete = head = _pass_on

    def _path(self) -> str:
        path = self.request.path.removeprefix(self._prefix) or "/"
        return path + (f"?{self.request.query}" if self.request.query else "")

    def _moved(self, location: str) -> str:
        parts = urlsplit(location)
        if parts.scheme or parts.netloc:
            return location
        return parts._replace(path=f"{self._prefix}/{parts.path.lstrip('/')}").geturl()

    async def open(self, *args: Any, **kwargs: Any) -> None:
        wanted = HTTPRequest(f"ws://{self._place}{self._path()}", headers=self.request.headers.copy())
        self._behind = await websocket_connect(wanted, on_message_callback=self._said, compression_options={})

    def _said(self, message: str | bytes | None) -> None:
        if message is not None:
            self.write_message(message, binary=isinstance(message, bytes))
        elif self._behind is not None:
            self.close(self._behind.close_code, self._behind.close_reason)

    async def on_message(self, message: str | bytes) -> None:
        if self._behind is not None:
            await self._behind.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        if self._behind is not None:
            self._behind.close()


class _Slash(RequestHandler):
    """The path without its slash."""

    def get(self) -> None:
        self.redirect(f"{self.request.path}/")


@contextmanager
def jupyter(prefix: str, upstream: int, newer: bool = True) -> Iterator[int]:
    """Run such a proxy in a thread; yields the port of loopback at which it listens.

    Args:
        prefix: the path below which it has the upstream, such as ``/user/ana/proxy/8000``.
        upstream: a port of loopback.
        newer: whether it does what came after release 4.4.
    """
    listening: Future[int] = Future()
    stop = threading.Event()

    async def serve() -> None:
        options = {"prefix": prefix, "upstream": upstream, "newer": newer}
        server = HTTPServer(
            Application([(prefix, _Slash), (rf"{prefix}/.*", _Handler, options)]), max_body_size=_MEGABYTES
        )
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        listening.set_result(sockets[0].getsockname()[1])
        await asyncio.to_thread(stop.wait)
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="jupyter", daemon=True)
    thread.start()
    try:
        yield listening.result(30 * TIMEOUT_FACTOR)
    finally:
        stop.set()
        thread.join()
