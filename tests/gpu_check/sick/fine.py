"""A part in which all is well."""

from __future__ import annotations

from scripts.gpu_check.rows import Sheet, not_on_cpu, verdict


def check(sheet: Sheet) -> None:
    sheet.attempt("right", lambda: verdict(True, "as it should be", share=0.0))
    sheet.attempt("for a GPU", lambda: not_on_cpu("nothing to see"))
