"""Answers compressed beside the event loop, and those that do not change compressed once."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import zlib
from collections import OrderedDict
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST: Final = 1024  # bytes: less is not worth it
LARGEST: Final = 4 * 1024 * 1024  # of an answer that is held in memory to be compressed
LEVEL: Final = 6
WORTH: Final = ("text/", "application/json", "application/javascript", "image/svg+xml")  # other files are dense already
_NOT_AT_ALL: Final = re.compile(r"q=0(\.0*)?")
_HEAD: Final = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
"""How gzip begins (RFC 1952): deflate, no name, no time, no system."""
KEPT_BYTES: Final = 8 * 1024 * 1024  # of compressed answers


def compress(body: bytes) -> bytes:
    """Return ``body`` as gzip; the same bytes whenever it is called."""
    return gzip.compress(body, LEVEL, mtime=0)


class Gapped:
    """A body with a gap that each answer fills in another way; all but the gap is compressed once.

    A gzip stream is a list of blocks. What stands on either side of the gap is compressed without a view across it, so
    that the blocks of what fills it can come between.

    Args:
        before: what stands before the gap.
        after: what stands behind it.
    """

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after
        self._packed_before = _deflated(before, zlib.Z_FULL_FLUSH)
        self._packed_after = _deflated(after, zlib.Z_FINISH)
        self._sum = zlib.crc32(before)

    def filled(self, gap: bytes) -> bytes:
        """Return the whole body."""
        return self._before + gap + self._after

    def compressed(self, gap: bytes) -> bytes:
        """Return the whole body as gzip."""
        total = zlib.crc32(self._after, zlib.crc32(gap, self._sum))
        length = len(self._before) + len(gap) + len(self._after)
        end = (total.to_bytes(4, "little"), (length % 2**32).to_bytes(4, "little"))
        return b"".join((_HEAD, self._packed_before, _deflated(gap, zlib.Z_FULL_FLUSH), self._packed_after, *end))


def _deflated(part: bytes, end: int) -> bytes:
    """A part of a stream as blocks of deflate (RFC 1951), which look at nothing before them."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(part) + packer.flush(end)


class Kept:
    """Compressed answers by what they are made of; the one that was used longest ago makes room.

    Args:
        most: bytes of all of them together.
    """

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._size = 0
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size

    async def compressed(self, body: bytes) -> bytes:
        """Return ``body`` compressed: as it was kept, or anew, in a thread."""
        key = hashlib.blake2b(body, digest_size=16).digest()
        if key not in self._answers:
            made = await asyncio.to_thread(compress, body)
            self._keep(key, made)
            return made
        self._answers.move_to_end(key)
        return self._answers[key]

    def _keep(self, key: bytes, made: bytes) -> None:
        if key in self._answers or len(made) > self._most // 4:
            return  # somebody else was faster, or it would leave room for little else
        self._answers[key] = made
        self._size += len(made)
        while self._size > self._most:
            self._size -= len(self._answers.popitem(last=False)[1])


def takes(headers: Headers, coding: str) -> bool:
    """Whether a client takes a coding: it names it, or whatever there is, and not with a weight of 0."""
    named = {}
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";")
        named[name] = _NOT_AT_ALL.fullmatch(weight) is None
    return named.get(coding, named.get("*", False))


class Compression:
    """Middleware: gzip for whoever takes it.

    Only answers whose length is known are held back to be compressed. A stream passes as it comes, and so does what is
    compressed already.

    Args:
        app: the application.
        kept: where compressed answers are kept.
    """

    def __init__(self, app: ASGIApp, kept: Kept | None = None) -> None:
        self._app = app
        self._kept = kept or Kept()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_taken = scope["method"] != "HEAD" and takes(Headers(scope=scope), "gzip")
        await self._app(scope, receive, _Holding(self._kept, send, is_taken))


class _Holding:
    """Holds one answer back until it is whole, if it is one to be compressed."""

    def __init__(self, kept: Kept, send: Send, takes: bool) -> None:
        self._kept = kept
        self._send = send
        self._takes = takes  # whether the client takes what is compressed
        self._start: Message | None = None  # of the answer that is held back
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take in one message of the application."""
        if message["type"] == "http.response.start" and self._is_to_be_compressed(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    def _is_to_be_compressed(self, start: Message) -> bool:
        headers = MutableHeaders(scope=start)
        length = headers.get("content-length", "")
        if "content-encoding" in headers or not (length.isdecimal() and SMALLEST <= int(length) <= LARGEST):
            return False
        if (start["status"] != 200 and start["status"] < 400) or not headers.get("content-type", "").startswith(WORTH):
            return False
        if "accept-encoding" not in headers.get("vary", "").lower():
            headers.add_vary_header("Accept-Encoding")
        return self._takes

    async def _finish(self, start: Message) -> None:
        made = await self._kept.compressed(bytes(self._body))
        headers = MutableHeaders(scope=start)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(made))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": made})
