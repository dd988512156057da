r"""How the log is written, in the app and in its workers alike: lines to be read, or a JSON object in each line.

What strangers send comes into the log as well: a path, a name, an error that quotes them. So nothing in a record can
begin a line of its own or steer a terminal (control characters are written as ``\x1b`` is here), and what a secret
looks like is left out wherever it stands.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal

from trainer.wire.jsontext import dumps

Kind = Literal["text", "json"]

HIDDEN: Final = "[hidden]"
MOST: Final = 20_000  # characters of a record: what is longer is cut in its middle

_RUN: Final[ContextVar[str | None]] = ContextVar("run", default=None)
_SECRETS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        # Authorization: Bearer abc, the protocols of a WebSocket (which pages write) and cookies: all that they hold,
        # as a header or as a pair in Python
        (
            r"(\b(?:authorization|sec-websocket-protocol|(?:set-)?cookie)(?:['\"]\s*[,:]|\s*[:=])\s*b?)"
            r"(?:'[^']*'|\"[^\"]*\"|[^\r\n'\")]*)",
            rf"\1{HIDDEN}",
        ),
        (r"\b(bearer\s+)[\w.~+/=-]+", rf"\1{HIDDEN}"),
        # ?token=abc, token=abc, "token": "abc", 'seat': 'abc', DROPOUT_LAB_WORKER_TOKEN=abc
        (r"((?:token|seat|password)\\?['\"]?\s*(?:=|:|%3d)\s*\\?b?['\"]?)[^\s'\"&,;)\]}\\]+", rf"\1{HIDDEN}"),
        # scheme://user:password@host
        (r"(://[^\s/:@]*:)[^\s/@]+(@)", rf"\1{HIDDEN}\2"),
    )
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_LAST_WORD: Final = re.compile(r"\S{0,200}\Z")
_FIRST_WORD: Final = re.compile(r"\A\S{0,200}")


def without_secrets(text: str) -> str:
    """A text in which whatever looks like a token is replaced."""
    for pattern, put in _SECRETS:
        text = pattern.sub(put, text)
    return text


def in_one_line(text: str) -> str:
    """A text in which every line end, and whatever else steers a terminal, is written as Python escapes it."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def clean(text: str) -> str:
    """What may stand in a log of a text that may hold anything, in one line; one that is too long is cut.

    It is cut first, at blanks if there are any near: what is left of a secret that was cut through would not look like
    one.
    """
    if len(text) > MOST:
        head, tail = text[: MOST // 2], text[-MOST // 2 :]
        text = f"{_LAST_WORD.sub('', head)} … {_FIRST_WORD.sub('', tail)}"
    return in_one_line(without_secrets(text))


class _Formatter(logging.Formatter):
    """What both have in common: a record's message and its traceback, cleaned.

    Args:
        who: writes this, beside the logger: ``worker 0``; empty for the app.
    """

    def __init__(self, who: str = "") -> None:
        super().__init__()
        self._who = who

    def _parts(self, record: logging.LogRecord) -> tuple[str, list[str]]:
        """The message in one line, and the lines of the traceback, none of which can be taken for a record."""
        try:
            message = clean(record.getMessage())
        except Exception as error:  # arguments that do not go with the words: the record is worth more than its form
            message = clean(f"{record.msg!r} with {len(record.args or ())} arguments ({type(error).__name__})")
        lines = [self.formatException(record.exc_info)] if record.exc_info else []
        lines += [self.formatStack(record.stack_info)] if record.stack_info else []
        return message, [clean(line) for part in lines for line in part.split("\n")]


class TextFormatter(_Formatter):
    """``2026-11-29 12:00:00,123 ERROR app.runs: run 0123456789abcdef failed: …``, tracebacks set off by ``  | ``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        message, lines = self._parts(record)
        who = f"{self._who}: " if self._who else ""
        head = f"{self.formatTime(record)} {record.levelname} {who}{clean(record.name)}: {message}"
        return "\n".join([head, *(f"  | {line}" for line in lines)])


class JsonFormatter(_Formatter):
    """``{"time": …, "level": …, "logger": …, "message": …}``, with ``run``, ``worker`` and ``traceback`` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        message, lines = self._parts(record)
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": clean(record.name),
            "message": message,
        }
        if (run := getattr(record, "run", _RUN.get())) is not None:
            told["run"] = clean(str(run))
        if self._who:
            told["by"] = self._who
        if lines:
            told["traceback"] = "\n".join(lines)
        return dumps(told)


def set_up(kind: Kind, level: str, who: str = "") -> None:
    """Have all loggers of this process write to standard error.

    Args:
        kind: how.
        level: the least that is written: ``debug``, ``info``, ``warning`` or ``error``.
        who: writes it, beside the logger.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(who) if kind == "json" else TextFormatter(who))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


@contextmanager
def about_run(run: str) -> Iterator[None]:
    """Whatever is logged meanwhile, by whomever, is about a run."""
    token = _RUN.set(run)
    try:
        yield
    finally:
        _RUN.reset(token)


def of_run(run: str) -> dict[str, str]:
    """What a record is given as ``extra`` that is about a run."""
    return {"run": run}
