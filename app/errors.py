"""What the server refuses on purpose, in one tree, and the one shape in which every refusal leaves it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from trainer.errors import DropoutLabError, quote

STATUS: Final[dict[str, int]] = {
    "bad_value": 422,
    "unknown_knob": 422,
    "bad_table": 422,
    "bad_run_file": 422,
    "bad_watch_file": 422,
    "too_many_changes": 422,
    "bad_json": 400,
    "bad_message": 400,
    "wrong_token": 403,
    "not_owner": 403,
    "forbidden": 403,
    "wrong_origin": 403,
    "wrong_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_slow": 408,
    "too_large": 413,
    "too_many_messages": 429,
    "client_share": 429,
    "too_many_runs": 503,
    "too_many_viewers": 503,
    "too_many_rooms": 503,
    "too_many_watches": 503,
    "too_many_connections": 503,
    "no_worker": 503,
    "not_fed": 503,
    "store": 503,
    "internal": 500,
    "not_implemented": 501,
}
"""Every error code and the HTTP status it travels with."""


class RefusedError(DropoutLabError):
    """Base class of what the server refuses.

    Args:
        message: what was wrong and, where it helps, what would have been right.
    """

    code: ClassVar[str] = "internal"
    retry_after_s: int | None = None  # seconds after which it may be otherwise, where that can be said

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadJsonError(RefusedError):
    """Text that is not JSON."""

    code = "bad_json"


class BadMessageError(RefusedError):
    """JSON that is not a message of the protocol."""

    code = "bad_message"


class RunFileError(RefusedError):
    """A file that is none of a run, or one that does not hang together."""

    code = "bad_run_file"


class WatchFileError(RefusedError):
    """A file that is none of a watch, or one that does not hang together."""

    code = "bad_watch_file"


class WrongTokenError(RefusedError):
    """A token that is not the run's."""

    code = "wrong_token"


class NotOwnerError(RefusedError):
    """A viewer tried to do what only the owner may."""

    code = "not_owner"


class ForbiddenError(RefusedError):
    """What is not for whoever asks from there."""

    code = "forbidden"


class WrongOriginError(RefusedError):
    """A page of another site tried to use this server."""

    code = "wrong_origin"


class WrongHostError(RefusedError):
    """The server was asked for by a name that it does not know as its own.

    Args:
        host: the name, as it came.
    """

    code = "wrong_host"

    def __init__(self, host: str) -> None:
        self.host = host[:200]
        super().__init__(
            f"{quote(host)} is not a name of this lab, so a page of another site may be behind it; "
            "if it is one, whoever runs the lab lists it in DROPOUT_LAB_ALLOWED_HOSTS"
        )


class NotFoundError(RefusedError):
    """There is no such thing, or there is none any more."""

    code = "not_found"


class MethodNotAllowedError(RefusedError):
    """The address exists and does not do that."""

    code = "method_not_allowed"


class UnknownFormatError(RefusedError):
    """An answer was asked for in a format that is not made here."""

    code = "not_implemented"


class TooLargeError(RefusedError):
    """A body beyond the limit."""

    code = "too_large"


class BodyTooSlowError(RefusedError):
    """A body that does not arrive."""

    code = "too_slow"


class TooManyMessagesError(RefusedError):
    """A viewer sent messages faster than it may, or more than its run's worker can answer."""

    code = "too_many_messages"
    retry_after_s = 2


class ClientShareError(RefusedError):
    """One client has as much as it may of what there is for all.

    Args:
        message: how much that is.
        retry_after_s: seconds after which it may be otherwise.
    """

    code = "client_share"

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyRunsError(RefusedError):
    """The server has as many runs as it may, and each of them is in use."""

    code = "too_many_runs"
    retry_after_s = 30


class TooManyRoomsError(RefusedError):
    """The server has as many rooms as it may."""

    code = "too_many_rooms"
    retry_after_s = 30


class TooManyWatchesError(RefusedError):
    """The server has as many watches as it may, and each of them is in use."""

    code = "too_many_watches"
    retry_after_s = 30


class TooManyViewersError(RefusedError):
    """The run has as many viewers as it may."""

    code = "too_many_viewers"
    retry_after_s = 30


class NoWorkerError(RefusedError):
    """There is no worker now that could do it."""

    code = "no_worker"
    retry_after_s = 5


class NotFedError(RefusedError):
    """The model that is watched is not connected, so that nobody is there to obey."""

    code = "not_fed"
    retry_after_s = 5


class NotAnsweredError(RefusedError):
    """The model that is watched is connected, and did not answer a command in time."""

    code = "too_slow"


class TooManyConnectionsError(RefusedError):
    """The server has as many connections as it may."""

    code = "too_many_connections"
    retry_after_s = 10


class RunFailedError(RefusedError):
    """A run could not be opened, or cannot go on.

    Args:
        error: the worker's own words, in the shape of every error.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message", "the run failed")))
        self.error = error

    def described(self) -> dict[str, Any]:
        """The worker's own words, where it has said any."""
        return super().described() | self.error


def describe(error: Exception) -> dict[str, Any]:
    """Return the error as plain data: its code and message and, where a value was refused, which one."""
    if isinstance(error, DropoutLabError):
        return error.described()
    return {"code": "internal", "message": "something went wrong on the server; its log says what"}


def status(error: dict[str, Any]) -> int:
    """Return the HTTP status of a described error."""
    return STATUS.get(error["code"], STATUS["internal"])
