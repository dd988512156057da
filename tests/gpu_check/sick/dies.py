"""A part that takes its process with it, as a crash in a driver does."""

from __future__ import annotations

import os
import signal
import sys

from scripts.gpu_check.rows import Sheet, verdict


def check(sheet: Sheet) -> None:
    sheet.attempt("before", lambda: verdict(True))
    print("these are my last words", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
