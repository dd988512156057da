"""A part with a row that is wrong, one that raises, one whose figure is no number, and one that is right."""

from __future__ import annotations

import math

from scripts.gpu_check.rows import Finding, Sheet, goal, measured, verdict


def check(sheet: Sheet) -> None:
    print("what a part prints disturbs nobody")
    sheet.attempt("wrong", lambda: verdict(False, "not as it should be"))
    sheet.attempt("raises", _raise)
    sheet.attempt("no number", lambda: measured("odd", ratio=math.nan))
    sheet.attempt("slow", lambda: goal(False, "9 of 10"))
    sheet.attempt("right", lambda: verdict(True))


def _raise() -> Finding:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")
