"""A real configurable-http-proxy in front of a lab: what JupyterHub runs, with one route.

It is a package of Node.js, which package.json lists for development alone.
"""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.npm import environment, node
from tests.conftest import TIMEOUT_FACTOR

ROOT: Final = Path(__file__).resolve().parents[1]
PROGRAM: Final = ROOT / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
_ATTEMPTS: Final = 5


class NoProxyError(RuntimeError):
    """It is not installed, or does not start."""


@contextmanager
def hub(prefix: str, upstream: int, options: Sequence[str] = ()) -> Iterator[str]:
    """Run it with one route; yields where it listens, without a slash at the end. In the end it is gone.

    Args:
        prefix: the path that leads to the upstream, such as ``/user/ana``.
        upstream: a port of loopback.
        options: of its command line, such as ``--no-include-prefix``.

    Raises:
        NoProxyError: it is not installed, or does not start.
    """
    if not PROGRAM.exists():
        raise NoProxyError(f"there is no {PROGRAM.relative_to(ROOT)}: python scripts/npm.py ci --ignore-scripts")
    process, port, api = _start(options)
    try:
        body = f'{{"target": "http://127.0.0.1:{upstream}"}}'.encode()
        route = urllib.request.Request(f"http://127.0.0.1:{api}/api/routes{prefix}", body, method="POST")
        with urllib.request.urlopen(route, timeout=30 * TIMEOUT_FACTOR) as answer:
            assert answer.status == 201
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=30 * TIMEOUT_FACTOR)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(options: Sequence[str]) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start it at two ports that are free; somebody else may take one first, and then others are tried."""
    for _ in range(_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
            port, api = one.getsockname()[1], other.getsockname()[1]
        command = [node(), str(PROGRAM), "--ip", "127.0.0.1", "--port", str(port), "--api-ip", "127.0.0.1"]
        process = subprocess.Popen(
            [*command, "--api-port", str(api), "--log-level", "error", *options],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if _is_ready(process, api):
            return process, port, api
        process.kill()
        process.wait()
    raise NoProxyError(f"configurable-http-proxy did not start with {options}")


def _is_ready(process: subprocess.Popen[bytes], api: int) -> bool:
    """Whether it answers; it is waited for as long as it lives."""
    deadline = time.monotonic() + 60 * TIMEOUT_FACTOR
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{api}/api/routes", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            pass
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        return False
    return False
