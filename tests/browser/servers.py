"""What the pages of the browser tests come from: the lab itself, and a bare server of its static files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_EMPTY_PAGE: Final = b'<!doctype html><html lang="en"><meta charset="utf-8"><title>Modules</title><body></body></html>'


class Lab:
    """A running ``python -m app`` with real workers.

    Attributes:
        url: where it listens, without a slash at the end.
        port: the port that it listens on.
    """

    def __init__(self, *, port: int = 0, timeout_s: float = 60, **settings: str) -> None:
        """Start the app and wait until it is well.

        Args:
            port: where to listen; with 0 the system chooses.
            timeout_s: how long it may take to be well.
            settings: further environment variables.

        Raises:
            RuntimeError: it ended, or was not well in time; with what it printed.
        """
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed by stop()
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "PYTHONUNBUFFERED": "1", **settings}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        try:
            self.port = self._wait_until_well(time.monotonic() + timeout_s)
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._log.close()
            raise
        self.url = f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        """What it has printed so far."""
        if self._log.closed:
            return ""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def health(self) -> dict[str, Any]:
        """What ``/healthz`` says."""
        return _health(self.port) or {}

    def stop(self, timeout_s: float = 30) -> int:
        """End it as a service manager would, with SIGTERM; its exit status.

        Raises:
            RuntimeError: it did not end in time and was killed; with what it printed.
        """
        self._process.terminate()
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"the app did not end within {timeout_s:g} s of SIGTERM:\n{self.output()}") from None
        finally:
            self._log.close()

    def _wait_until_well(self, deadline: float) -> int:
        while time.monotonic() < deadline:
            try:
                status = self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                said = re.search(r"http://[^\s:/]+:(\d+)", self.output())
                if said and _health(int(said[1])):
                    return int(said[1])
            else:
                raise RuntimeError(f"the app ended with exit status {status}:\n{self.output()}")
        raise RuntimeError(f"the app was not well in time:\n{self.output()}")


def _health(port: int) -> dict[str, Any] | None:
    """What ``/healthz`` says once it answers 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except urllib.error.HTTPError as refused:
        refused.close()
    except OSError:
        pass
    return None


@contextmanager
def static_server(security_policy: str) -> Iterator[str]:
    """Serve ``static/`` at ``/static/`` and an empty page at ``/``, under a content security policy; yields the URL."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, directory=str(ROOT), **kwargs)

        def do_GET(self) -> None:
            if self.path == "/":
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(_EMPTY_PAGE)))
                self.end_headers()
                self.wfile.write(_EMPTY_PAGE)
            elif self.path.startswith("/static/"):
                super().do_GET()
            elif self.path == "/favicon.ico":
                self.send_response(204)
                self.end_headers()
            else:
                self.send_error(404)

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", security_policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cache-Control", "no-store")
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    Handler.extensions_map = {**Handler.extensions_map, ".js": "text/javascript", ".svg": "image/svg+xml"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="static files", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
