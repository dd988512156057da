"""The web server around the application: where it listens, how it starts and how it ends."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from app import __version__
from app.crowd import Doors
from app.greeting import greeting
from app.main import drain
from app.settings import Settings
from app.uvicorn_protocol import Config, LabHttpProtocol, LabProtocol
from trainer.errors import DropoutLabError

try:
    import resource
except ImportError:  # there is none on Windows
    resource = None  # type: ignore[assignment]

MOST_FILES = 65_536
GRACEFUL_S = 5  # for requests that are still being answered when the server ends


class AddressError(DropoutLabError):
    """The server cannot listen where it should."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises:
        AddressError: the address is taken, or is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressError(f"cannot listen on HOST={host}: {error.strerror}") from None
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise AddressError(
            f"cannot listen on {host}, port {port}: {error.strerror}; another PORT may be free, and PORT=0 finds one"
        ) from None
    return listener


def enough_files() -> int:
    """Let this process have as many files open as the system allows, and return how many that are.

    A connection is a file, and the usual limit of 1,024 is soon reached; up to the hard limit every process may raise
    it for itself.
    """
    if resource is None:
        return MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # some systems have a further limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready, and parts from its viewers before it ends.

    Args:
        app: the application.
        settings: what its operator chose.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._app = app
        self._host = settings.host
        super().__init__(
            Config(
                app,
                Doors(settings, enough_files()),
                loop="auto",
                http=LabHttpProtocol,
                ws=LabProtocol,
                ws_ping_interval=settings.heartbeat_s,
                ws_max_size=settings.max_message_bytes,
                ws_per_message_deflate=False,  # masks do not compress, and it costs ten times the work
                log_config=None,
                access_log=False,
                proxy_headers=False,  # app.proxies, for the proxies that are trusted
                server_header=False,
                timeout_graceful_shutdown=GRACEFUL_S,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        await super().startup(sockets)
        if sockets and self.started:
            print(greeting(__version__, self._host, sockets[0]), flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in, part from those who are here, and end."""
        for server in self.servers:
            server.close()
        await drain(self._app.state.lab)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on SIGINT and SIGTERM. They are not raised again afterwards: ending when asked to is a success."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
