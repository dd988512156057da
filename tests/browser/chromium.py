"""Finds a Chromium to test with, and installs one where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests import apt

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
PLACES: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
INSTALL_TIMEOUT_S: Final = 900


class NoChromiumError(RuntimeError):
    """There is no Chromium here and none could be installed."""


def find() -> str | None:
    """The path of a Chromium on this machine; without one, ``None``.

    Raises:
        NoChromiumError: ``DROPOUT_LAB_CHROMIUM`` names something that cannot be run.
    """
    return next(_candidates(), None)


def find_or_install() -> str:
    """The path of a Chromium, installed now if there was none.

    Raises:
        NoChromiumError: there is none and it could not be installed; the message says what to do.
    """
    found = find()
    failures = []
    for name, install in (("apt-get", _install_with_apt), ("playwright", _install_with_playwright)):
        if found is None:
            failure = install()
            found = find()
            failures.append(f"{name}: {failure or 'it left no Chromium'}")
    if found is None:
        raise NoChromiumError(
            "The browser tests need Chromium and found none. Install it (Debian: apt-get install chromium; elsewhere: "
            "python -m playwright install chromium), or set DROPOUT_LAB_CHROMIUM to its path.\n" + "\n".join(failures)
        )
    return found


def arguments() -> list[str]:
    """What Chromium is started with: quiet, and without a sandbox where the superuser runs it."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*ARGUMENTS, *(["--no-sandbox"] if as_root else [])]


def _candidates() -> Iterator[str]:
    named = os.environ.get("DROPOUT_LAB_CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None:
            raise NoChromiumError(f"DROPOUT_LAB_CHROMIUM={named!r} is no program that can be run")
        yield path
    yield from filter(None, map(shutil.which, (*NAMES, *PLACES)))
    yield from filter(None, map(shutil.which, _playwrights_own()))


def _playwrights_own() -> Iterator[str]:
    """Where Playwright would have put its own Chromium, asked in a process of its own: its loop must not stay here."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    path = asked.stdout.strip()
    if path and Path(path).exists():
        yield path


def _install_with_apt() -> str:
    """Install Debian's Chromium; what went wrong, or nothing."""
    return apt.install("chromium")


def _install_with_playwright() -> str:
    """Install Playwright's own Chromium; what went wrong, or nothing."""
    return _attempt([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def _attempt(command: list[str], environment: dict[str, str]) -> str:
    print(f"Installing Chromium: {' '.join(command)}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not done after {INSTALL_TIMEOUT_S} s"
    return "" if done.returncode == 0 else done.stderr.strip()[-500:] or f"exit status {done.returncode}"


if __name__ == "__main__":
    print(find_or_install())
