"""How many connections there are, and of each client: one cannot have all of them, nor the server more than it can.

Counted twice. `Doors` counts connections as they are accepted, before a word was said on them, by the address that they
come from. `Crowd` counts what is under way on them by the client that a trusted proxy names; through a proxy all of it
comes from one address, and what was not said yet is the proxy's to bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from app.answers import error_response
from app.errors import ClientShareError, RefusedError, TooManyConnectionsError
from app.proxies import plain, trusted_by
from app.settings import Settings
from app.shares import client_named, client_of

SPARE_FILES: Final = 200  # that the server opens beside connections: the store, workers, pages
FEWEST: Final = 100  # connections, however few files there may be


@dataclass(frozen=True)
class Door:
    """One connection that was accepted.

    Attributes:
        client: whose it is; None: a trusted proxy's, and anybody's.
        refusal: why nothing is done on it, if nothing is.
        is_heard: whether it is even told so.
    """

    client: str | None
    refusal: RefusedError | None = None
    is_heard: bool = True


class Doors:
    """The connections that there are.

    Args:
        settings: the limits.
        files: how many files this process may have open.
    """

    def __init__(self, settings: Settings, files: int) -> None:
        self._of_one = settings.max_connections_per_client
        self._most = max(FEWEST, files - SPARE_FILES)
        self._trusted = trusted_by(settings)
        self._here: Counter[str | None] = Counter()

    @property
    def here(self) -> int:
        """How many there are."""
        return self._here.total()

    def enter(self, address: str | None) -> Door:
        """Count a connection; what comes of it is in what is returned, which is to be handed back by `leave`."""
        bare = plain((address or "", 0))
        address = bare[0] if bare else None
        client = None if self._trusted(address) else client_named(address)
        refusal: RefusedError | None = None
        most = self._of_one if client is not None else self._most
        if self._here[client] >= most:
            refusal = ClientShareError(crowded(most))
        elif self.here >= self._most:
            refusal = TooManyConnectionsError(
                f"the server has as many connections as it may, {self._most:,}; try again in a moment"
            )
        is_heard = self._here[client] < 2 * most and self.here < self._most + SPARE_FILES // 4
        self._here[client] += 1
        return Door(client, refusal, is_heard)

    def leave(self, door: Door) -> None:
        """Count it no longer."""
        self._here[door.client] -= 1
        if self._here[door.client] <= 0:
            del self._here[door.client]


class Crowd:
    """Middleware that counts what is under way for each client, requests and viewers.

    Args:
        app: the application.
        settings: the limits.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._most = settings.max_connections_per_client
        self._here: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        if self._here[client] >= self._most:
            await refuse(ClientShareError(crowded(self._most)), scope, receive, send)
            return
        self._here[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._here[client] -= 1
            if not self._here[client]:
                del self._here[client]


async def refuse(
    error: RefusedError, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str] | None = None
) -> None:
    """Answer a request or a handshake with an error."""
    response = error_response(error, headers)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


def crowded(most: int) -> str:
    """Say that an address has too many connections."""
    return f"your address has {most:,} connections to this server, and more are not allowed; close some of them"
