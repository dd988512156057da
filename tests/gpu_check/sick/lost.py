"""A part after whose first row the device answers nothing any more."""

from __future__ import annotations

from scripts.gpu_check.rows import Sheet, verdict


def check(sheet: Sheet) -> None:
    sheet._alive = _dead
    sheet.attempt("the last", lambda: verdict(True))
    sheet.attempt("never", lambda: verdict(True))


def _dead() -> None:
    raise RuntimeError("CUDA error: unspecified launch failure")
