"""What the store says when it cannot keep something."""

from __future__ import annotations

from trainer.errors import DropoutLabError


class StoreError(DropoutLabError):
    """Something could not be kept or was not found whole; the message says what, where, and what to do."""

    code = "store"
