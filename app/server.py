"""The web server around the application: where it listens, how it starts and how it ends."""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import uvicorn
from fastapi import FastAPI

from app import __version__
from app.crowd import Doors
from app.greeting import greeting, own_address
from app.main import create_app, drain
from app.settings import Settings, SettingsError, from_environment
from app.uvicorn_protocol import Config, LabHttpProtocol, LabProtocol
from trainer.errors import DropoutLabError
from trainer.logs import set_up

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
        on_ready: is told the lab's address on this machine as soon as it can be opened.
    """

    def __init__(
        self, app: FastAPI, settings: Settings, on_ready: Callable[[str], object] = lambda address: None
    ) -> None:
        self._app = app
        self._host = settings.host
        self._path = settings.root_path
        self._on_ready = on_ready
        self._idle_s = math.inf if settings.end_when_idle_minutes is None else 60 * settings.end_when_idle_minutes
        self._busy_at = time.monotonic()  # when somebody was here last
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
            self._on_ready(own_address(self._host, sockets[0], self._path))

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end, because a signal says so or because nobody is here."""
        if self._is_busy():
            self._busy_at = time.monotonic()
        if time.monotonic() - self._busy_at >= self._idle_s:
            print(f"Nobody was here for {self._idle_s / 60:g} minutes: Dropout Lab ends", flush=True)
            return True
        return await super().on_tick(counter)

    def _is_busy(self) -> bool:
        """Whether somebody watches a run, by whatever connection, or any WebSocket is open."""
        sockets = (each for each in self.server_state.connections if isinstance(each, LabProtocol))
        return not self._app.state.lab.live.is_empty or any(sockets)

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


def serve(options: Mapping[str, str] | None = None, on_ready: Callable[[str], object] = lambda address: None) -> int:
    """Be the server until a signal says to end; the exit status: 2 when it could not start as it was told to.

    Args:
        options: settings by name that were said when the lab was started.
        on_ready: is told the lab's address on this machine as soon as it can be opened.
    """
    try:
        settings = from_environment(options)
        listener = listen(settings.host, settings.port)
    except (SettingsError, AddressError) as error:
        print(f"Dropout Lab cannot start: {error}", file=sys.stderr)
        return 2
    set_up(settings.log, settings.log_level)
    # Below a warning uvicorn writes a line for each WebSocket that comes or goes, with its address.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with listener:
        Server(create_app(settings), settings, on_ready).run([listener])
    return 0
