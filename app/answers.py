"""Errors as answers of HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from app.errors import describe, status
from app.wire import dumps


def error_response(
    error: Exception, headers: Mapping[str, str] | None = None, kind: type[Response] = Response
) -> Response:
    """Return an error as an HTTP response, in the one shape."""
    described = describe(error)
    seconds = getattr(error, "retry_after_s", None)
    later = {} if seconds is None else {"Retry-After": str(seconds)}
    return kind(dumps({"error": described}), status(described), {**later, **(headers or {})}, "application/json")
