"""What one client may have of what there is for all, so that nobody can have all of it.

A client is an address: that of the connection or, where a proxy is trusted, the one that it names. Behind one address
there may be a class of forty, so the shares are large; what they keep is that the others always have the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.bucket import Bucket
from app.errors import ClientShareError, TooManyMessagesError

NETWORK: Final = 64  # bits of an IPv6 address that name one client: of the rest it may choose any, as often as it likes
MOST_PACES: Final = 4096  # clients whose pace is remembered, beyond which those are forgotten that have rested


def client_named(address: str | None) -> str:
    """Return the client that an address belongs to: itself, or of IPv6 its network of 64 bits."""
    try:
        known = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return (address or "")[:64]  # a proxy may name what it likes
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or ipaddress.ip_network((known, NETWORK), strict=False))


def client_of(connection: HTTPConnection | Scope) -> str:
    """Return the client that a request or a WebSocket comes from."""
    client = connection.get("client")
    return client_named(client[0] if client else None)


class Share:
    """Places of one kind: so many in all, and of those so many for each client.

    Args:
        what: that is done on them, for the error: ``tables are being uploaded``.
        most: how many there are.
        of_one: how many of them one client may have.
    """

    def __init__(self, what: str, most: int, of_one: int | None = None) -> None:
        self._what = what
        self.most = most
        self.of_one = most if of_one is None else of_one
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken.total()

    def take(self, client: str) -> None:
        """Take one.

        Raises:
            TooManyMessagesError: there is none.
            ClientShareError: the client has its share.
        """
        if self.taken >= self.most:
            raise TooManyMessagesError(f"{self.most:,} {self._what}; try again in a moment")
        mine = self._taken[client]
        if mine >= self.of_one:
            raise ClientShareError(
                f"{mine:,} {self._what} from your address alone, and one may have {self.of_one:,} of {self.most:,}; "
                "try again in a moment"
            )
        self._taken[client] += 1

    def give(self, client: str) -> None:
        """Give one back."""
        self._taken[client] -= 1
        if self._taken[client] <= 0:
            del self._taken[client]

    @contextlib.contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Have one for a while; raises as `take` does."""
        self.take(client)
        try:
            yield
        finally:
            self.give(client)


class Turns:
    """Few at a time, as of a semaphore; those who wait get their turn client by client, however many of one there are.

    Args:
        at_once: how many.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._free = at_once
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def one(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        if self._free > 0:
            self._free -= 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(client, deque()).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it came at the same moment
                    self._next()
                raise
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            client, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[client] = turns  # behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Paces:
    """How often each client may do something.

    Args:
        what: it does, for the error: ``runs are opened``.
        per_minute: how often it may for long; as often at once.
        now: the time, in seconds.
    """

    def __init__(self, what: str, per_minute: float, now: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._per_minute = per_minute
        self._now = now
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()  # the one that was used longest ago comes first

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str) -> None:
        """Let a client do it once.

        Raises:
            ClientShareError: it has done it too often.
        """
        bucket = self._buckets.pop(client, None) or Bucket(self._per_minute / 60, self._per_minute, self._now)
        self._buckets[client] = bucket
        while len(self._buckets) > MOST_PACES and next(iter(self._buckets.values())).is_full:
            self._buckets.popitem(last=False)
        if not bucket.take():
            raise ClientShareError(
                f"{self._per_minute:g} {self._what} a minute for one address, and yours has had them; try again soon",
                retry_after_s=max(1, round(60 / self._per_minute)),
            )
