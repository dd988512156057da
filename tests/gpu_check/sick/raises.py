"""A part that raises outside of its rows."""

from __future__ import annotations

from scripts.gpu_check.rows import Sheet


def check(sheet: Sheet) -> None:
    raise ValueError("no such thing")
