"""A part that finds nothing at all."""

from __future__ import annotations

from scripts.gpu_check.rows import Sheet


def check(sheet: Sheet) -> None:
    pass
