"""The lab that a watch goes to: one that runs, or one that is started for it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

USUAL_PORT: Final = 8000
ADDRESS_VARIABLE: Final = "DROPOUT_LAB_URL"
IDLE_MINUTES: Final = 30
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ROOT: Final = Path(__file__).resolve().parents[2]
_started: list[subprocess.Popen[bytes]] = []  # they outlive this process: nobody waits for them


@dataclass(frozen=True)
class Found:
    """Where the lab is.

    Attributes:
        address: without a slash at its end.
        log: where one that was started for this writes what it has to say; None: it was there already.
    """

    address: str
    log: Path | None = None


class AddressError(ValueError):
    """An address that is none."""


def find(server: str | None) -> Found:
    """Return where the lab is, and start one on this machine if there is none.

    Args:
        server: its address; None: that in ``DROPOUT_LAB_URL``, else one on this machine.

    Raises:
        AddressError: it is no address.
    """
    given = server if server is not None else os.environ.get(ADDRESS_VARIABLE) or None
    if given is not None:
        return Found(checked(given))
    usual = f"http://127.0.0.1:{USUAL_PORT}"
    if is_lab(usual):
        return Found(usual)
    port = USUAL_PORT if _is_free(USUAL_PORT) else _free_port()
    return Found(f"http://127.0.0.1:{port}", start(port))


def checked(address: str) -> str:
    """Return an address without a slash at its end.

    Raises:
        AddressError: it is none.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise AddressError(
            f"server={address!r} is not allowed: it must be the address of a lab, such as http://127.0.0.1:8000"
        )
    return address.rstrip("/")


def is_lab(address: str, timeout_s: float = 2.0) -> bool:
    """Whether a lab that takes watches answers at an address."""
    try:
        try:
            with opener(address).open(f"{address}/healthz", timeout=timeout_s) as answer:
                told = json.loads(answer.read(100_000))
        except urllib.error.HTTPError as starting:  # 503 while it has no worker yet: it takes watches all the same
            told = json.loads(starting.read(100_000))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return isinstance(told, dict) and "watches" in told


def opener(address: str) -> urllib.request.OpenerDirector:
    """Return what asks an address: on this machine without a proxy."""
    if urlsplit(address).hostname in LOOPBACK:
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def start(port: int) -> Path:
    """Start a lab on this machine, which ends by itself when nobody has used it for a while; return its log."""
    folder = Path(tempfile.mkdtemp(prefix="dropout-lab-"))
    log = folder / "log.txt"
    command = [sys.executable, "-P", "-m", "dropout_lab", "--port", str(port), "--end-when-idle", str(IDLE_MINUTES)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*_given_paths(), str(_ROOT)])}
    apart: dict[str, Any] = (
        {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    with log.open("wb") as out:
        _started.append(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, **apart)
        )
    return log


def _given_paths() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _is_free(port: int) -> bool:
    with socket.socket() as trying:
        try:
            trying.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        return int(trying.getsockname()[1])
