"""Installs a package of Debian's, where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Final

TIMEOUT_S: Final = 900


def install(*packages: str) -> str:
    """Install packages with apt-get; what went wrong, or nothing."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here"
    if os.geteuid() != 0:
        return "apt-get needs the superuser"
    update = _attempt("update")
    return _attempt("install", "-y", "--no-install-recommends", *packages) or update


def _attempt(*arguments: str) -> str:
    command = ["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={TIMEOUT_S}", *arguments]
    print(f"Installing: {' '.join(command)}", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT_S} s"
    return "" if done.returncode == 0 else done.stderr.strip()[-500:] or f"exit status {done.returncode}"
