"""A part that never ends, and that has started a process which would not either; it says which."""

from __future__ import annotations

import subprocess
import sys
import threading

from scripts.gpu_check.rows import Sheet, measured


def check(sheet: Sheet) -> None:
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    sheet.attempt("started", lambda: measured("", pid=started.pid))
    threading.Event().wait()
