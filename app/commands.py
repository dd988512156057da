"""What belongs to the web in what a viewer says: ids, tokens, who may say what.

What there is to say stands in the trainer's table of commands (`trainer.settings.commands`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.errors import BadMessageError, NotOwnerError
from trainer.errors import quote
from trainer.settings.arguments import MAX_SEQ, CommandError
from trainer.settings.commands import COMMANDS
from trainer.settings.commands import JOIN as JOINING

MAX_ID_LENGTH: Final = 64
JOIN: Final = '{"op": "join"} to watch, {"op": "join", "token": "…"} to own the run'
"""How a viewer says who it is, for error messages."""

Message = Mapping[str, Any]


def check_id(message: Message) -> str | int | float:
    """Return the id under which a message wants its answer.

    Raises:
        BadMessageError: it has none, or one that is neither a number nor a short text.
    """
    given: Any = message.get("id")
    is_text = isinstance(given, str) and len(given) <= MAX_ID_LENGTH
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if is_text or (is_number and abs(given) <= MAX_SEQ):  # which NaN and infinity are not
        answer: str | int | float = given
        return answer
    raise BadMessageError(f"id = {quote(given)} is not allowed: it must be a number or a text of at most 64 characters")


def check_address(query: Mapping[str, str], instead: str) -> None:
    """Let an address pass that carries no token.

    Args:
        query: the parameters of the address.
        instead: where a token belongs.

    Raises:
        BadMessageError: it has one.
    """
    if "token" in query:
        raise BadMessageError(
            f"a token does not belong into the address, where proxies write it into their logs: send it {instead}"
        )


def check_join(message: Any) -> str | None:
    """Return the owner's token that is in a viewer's first message; ``None``: it wants to watch.

    Raises:
        BadMessageError: it is another message, or has something else in it.
    """
    if not isinstance(message, Mapping) or message.get("op") != "join":
        raise BadMessageError(f"{quote(message)} is not allowed as the first message: it must be {JOIN}")
    try:
        token: str | None = JOINING.read(message).get("token")
    except CommandError as error:
        raise BadMessageError(str(error)) from None
    return token


def check_right(message: Message, owner: bool) -> None:
    """Let a message pass that whoever sends it may give.

    Raises:
        BadMessageError: it is a second ``join``.
        NotOwnerError: only the owner may.
    """
    op = message.get("op")
    if op == "join":
        raise BadMessageError("join is the first message of a WebSocket; this viewer has joined already")
    command = COMMANDS.get(op) if isinstance(op, str) else None
    if not owner and (command is None or command.by == "owner"):
        raise NotOwnerError("only the owner of a run can turn its knobs; you are watching")
