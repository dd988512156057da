"""The lab itself, as the pages of the browser tests come from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]


class Lab:
    """A running ``python -m app`` with real workers.

    Attributes:
        url: where it listens, without a slash at the end.
        port: the port that it listens on.
        pid: the number of its web process.
    """

    def __init__(self, *, root: Path = ROOT, port: int = 0, timeout_s: float = 60, **settings: str) -> None:
        """Start the app and wait until it is well.

        Args:
            root: the checkout whose app it is.
            port: where to listen; with 0 the system chooses.
            timeout_s: how long it may take to be well.
            settings: further environment variables.

        Raises:
            RuntimeError: it ended, or was not well in time; with what it printed.
        """
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed by stop()
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "PYTHONUNBUFFERED": "1", **settings}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=root, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self.pid = self._process.pid
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

    def kill(self) -> None:
        """End it without a chance to do anything more."""
        self._process.kill()
        self._process.wait()
        self._log.close()

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
