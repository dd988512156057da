"""How a watch is called: its id follows from its token, so that nobody but who has the token can open it again."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Any, Final

from trainer.errors import KnobError

TOKEN_BYTES: Final = 32
ID_LETTERS: Final = 22
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{22}")


def new_token() -> str:
    """Return a token: 256 random bits as 43 characters of URL-safe base64."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def id_of(token: str) -> str:
    """Return the id of the watch that a token is of: 132 bits of a digest, as 22 characters of URL-safe base64."""
    digest = hashlib.sha256(b"dropout-lab-watch:" + token.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest)[:ID_LETTERS].decode()


def read_names(watch: Any, token: Any) -> tuple[str, str]:
    """Return the id and the token with which a watch is opened again.

    Raises:
        KnobError: they are none, or do not belong together.
    """
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise KnobError("token", "…" if isinstance(token, str) else token, "43 characters of URL-safe base64")
    if not isinstance(watch, str) or not _ID.fullmatch(watch):
        raise KnobError("id", watch, f"{ID_LETTERS} characters of URL-safe base64")
    if not secrets.compare_digest(watch, id_of(token)):
        raise KnobError("id", watch, "the id that this server, or another, gave together with the token")
    return watch, token
