"""What is kept of a run, and what the store says of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import memory
from app.tables import Stored


def digest_of(token: str) -> bytes:
    """Return what is kept of a token: its SHA-256, from which nobody gets it back. A token has 192 random bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


@dataclass(frozen=True)
class RunRecord:
    """A run as it is kept.

    Attributes:
        id: its name in the API.
        token_digest: what is kept of its owner's token (`digest_of`).
        first_config: its configuration at step 0.
        kept: what it goes on with beside its knobs: its speed, what is followed, whether it plays.
        opened_at: seconds since 1970.
        used_at: when somebody last had it open.
        step: updates made when this was written.
        upload_id: the table that it learns from, if it is one of a reader's own.
        name: what its owner calls it.
        pinned: it does not expire.
        room: the code of the room that has opened it, if one has.
        changes: made to it, in order, each a ``step``, its ``knobs`` and, unless it is of the run, its ``lane``; left
            out where a run is written (`Store.add_changes`).
    """

    id: str
    token_digest: bytes
    first_config: Mapping[str, Any]
    kept: Mapping[str, Any]
    opened_at: float
    used_at: float
    step: int = 0
    upload_id: str | None = None
    name: str | None = None
    pinned: bool = False
    room: str | None = None
    changes: Sequence[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Listed:
    """What there is to tell of a run without opening it.

    Attributes:
        record: what it is, without its changes.
        summary: what it trains and how that went, as JSON; None before its first checkpoint.
    """

    record: RunRecord
    summary: str | None


@dataclass(frozen=True)
class Checkpoint:
    """A state of a run from which it can go on.

    Attributes:
        step: updates that were made.
        data: the state as one safetensors file.
        made_on: the kind of machine that made it, whose rounding it has.
    """

    step: int
    data: bytes
    made_on: str


@dataclass(frozen=True)
class Found:
    """A run that is kept, with all that it goes on from.

    Attributes:
        record: what it is.
        checkpoint: its newest state; without one it is trained again from step 0.
        table: what it learns from, if that is a table of a reader's own.
    """

    record: RunRecord
    checkpoint: memory.Checkpoint | None
    table: Stored | None


@dataclass(frozen=True)
class Expired:
    """A run that is not kept any more, and why."""

    id: str
    why: str
