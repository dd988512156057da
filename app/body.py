"""What a request carries, up to a limit; and how to part from a client that sends more than that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import BadMessageError, BodyTooSlowError, TooLargeError
from app.shares import Share

WITHIN_S: Final = 120.0  # for a body to arrive: 5 MB take 40 s over a slow line
STILL_S: Final = 15.0  # between two parts of it: as long as a line may be silent that loses much
LINGER_S: Final = 2.0
LINGER_BYTES: Final = 16 * 1024 * 1024
REST_S: Final = 0.5  # more than an answer takes to anywhere on earth


class Places:
    """Places for long bodies: what several of them take of the memory at once is bounded.

    Args:
        most: how many there are.
        beyond: bytes up to which a body is none that takes a place.
        of_one: how many of them one client may have.
    """

    def __init__(self, most: int, beyond: int, of_one: int | None = None) -> None:
        self.most = most
        self.beyond = beyond
        self._share = Share(f"bodies of more than {beyond:,} bytes are being read", most, of_one)

    @contextlib.contextmanager
    def one(self, client: str = "") -> Iterator[Callable[[int], None]]:
        """Yield what is to be told how long a body is, as often as it grows; its place is free again in the end.

        Raises:
            TooManyMessagesError: it needs a place, and all are taken.
            ClientShareError: it needs one, and the client has its share of them.
        """
        with contextlib.ExitStack() as stack:
            mine = False

            def grown(size: int) -> None:
                nonlocal mine
                if size > self.beyond and not mine:
                    stack.enter_context(self._share.one(client))
                    mine = True

            yield grown


async def read_body(request: Request, limit: int, grown: Callable[[int], None] = lambda size: None) -> bytes:
    """Return the body of a request.

    Args:
        request: the request.
        limit: how many bytes it may have.
        grown: is told how long it is so far, and may refuse to let it grow.

    Raises:
        TooLargeError: it has, or says that it has, more.
        BodyTooSlowError: it does not arrive.
        BadMessageError: it broke off.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) <= 20 and int(declared) > limit:
        raise TooLargeError(f"a body may have {limit:,} bytes; this one has {int(declared):,}")
    body = bytearray()
    loop = asyncio.get_running_loop()
    last = loop.time() + WITHIN_S
    try:
        async with asyncio.timeout_at(min(last, loop.time() + STILL_S)) as limited:
            async for chunk in request.stream():
                body += chunk
                grown(len(body))
                if len(body) > limit:
                    raise TooLargeError(f"a body may have {limit:,} bytes; this one has more")
                limited.reschedule(min(last, loop.time() + STILL_S))
    except TimeoutError:
        raise BodyTooSlowError(
            f"the body did not arrive: {STILL_S:g} seconds may pass between two parts of it, and {WITHIN_S:g} until it "
            f"is whole; {len(body):,} bytes came"
        ) from None
    except ClientDisconnect:
        raise BadMessageError("the body broke off") from None
    return bytes(body)


class PartingResponse(Response):
    """An answer after which the connection is closed, however much the client still wants to send.

    Closing at once would let the client's system throw away the answer together with the connection. So the whole
    answer is sent first; then some of what still comes is read and forgotten, for clients that listen only when they
    have said all; and then the connection is closed. Nothing is compressed: that would hold the answer back.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer and part."""
        self.headers.update({"connection": "close", "content-encoding": "identity"})
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                if await _still_sends(receive):
                    await asyncio.sleep(REST_S)
        await send({"type": "http.response.body", "body": b""})


async def _still_sends(receive: Receive) -> bool:
    """Read on for a while; whether the client had more to say than that."""
    forgotten = 0
    while forgotten < LINGER_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return False
        forgotten += len(message.get("body", b""))
    return True
