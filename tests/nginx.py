"""A real nginx in front of a lab, for the tests: on loopback, at a free port, with files of its own.

`python -m tests.nginx` installs it ahead of the tests.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests import apt
from tests.conftest import TIMEOUT_FACTOR

ROOT: Final = Path(__file__).resolve().parents[1]
EXAMPLES: Final = ROOT / "deploy" / "nginx"
_ATTEMPTS: Final = 5
_LISTEN: Final = "listen 80;"
_UPSTREAM: Final = "127.0.0.1:8000"
_MAIN: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/server.conf;
}}
"""


class NoNginxError(RuntimeError):
    """There is no nginx here and none could be installed, or it does not start."""


class Nginx:
    """A running nginx.

    Attributes:
        url: where it listens, without a slash at the end.
        port: the port that it listens on.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder

    def errors(self) -> str:
        """What its error log says so far."""
        return _read(self._folder / "error.log")

    def requests(self) -> str:
        """What its access log says so far: a line for each request, once it is over."""
        return _read(self._folder / "access.log")


def find() -> str | None:
    """The path of an nginx on this machine; without one, ``None``."""
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def find_or_install() -> str:
    """The path of an nginx, installed now if there was none.

    Raises:
        NoNginxError: there is none and it could not be installed; the message says what to do.
    """
    failure = "" if find() else apt.install("nginx-light")
    found = find()
    if found is None:
        raise NoNginxError(
            "These tests need nginx and found none. Install it (Debian: apt-get install nginx-light; elsewhere: the "
            f"package nginx) so that `nginx -v` works.\n{failure}"
        )
    return found


def example(name: str) -> str:
    """One of the configurations in ``deploy/nginx``, as it is."""
    return (EXAMPLES / f"{name}.conf").read_text()


def without(server: str, *directives: str) -> str:
    """A configuration without the lines that begin with one of these words, such as ``proxy_set_header Upgrade``."""
    lines = server.splitlines(keepends=True)
    for directive in directives:
        kept = [line for line in lines if not line.strip().startswith(directive + " ")]
        assert len(kept) < len(lines), f"there is no {directive!r} in it"
        lines = kept
    return "".join(lines)


def replaced(server: str, old: str, new: str) -> str:
    """A configuration with other words in it; the old ones must be there."""
    assert old in server, f"there is no {old!r} in it"
    return server.replace(old, new)


@contextmanager
def nginx(server: str, upstream: int) -> Iterator[Nginx]:
    """Run nginx in front of a lab; in the end it is gone.

    Args:
        server: its configuration (what stands in ``http {…}``), with ``listen 80;`` and ``127.0.0.1:8000`` in it.
        upstream: the port of the lab on loopback.

    Raises:
        NoNginxError: there is none, or it does not start.
    """
    program = find_or_install()
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder = Path(name)
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
        process, port = _start(program, folder, replaced(server, _UPSTREAM, f"127.0.0.1:{upstream}"))
        try:
            yield Nginx(port, folder)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30 * TIMEOUT_FACTOR)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(program: str, folder: Path, server: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start nginx at a port that is free; somebody else may take that first, and then another is tried.

    Raises:
        NoNginxError: it ended, or did not answer in time; with what it said.
    """
    errors = folder / "error.log"
    for _ in range(_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "server.conf").write_text(replaced(server, _LISTEN, f"listen 127.0.0.1:{port};"))
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(errors)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if _is_ready(process, folder / "nginx.pid"):
            return process, port
        process.kill()
        process.wait()
        if "Address already in use" not in _read(errors):
            break
    raise NoNginxError(f"nginx did not start:\n{_read(errors)}")


def _is_ready(process: subprocess.Popen[bytes], pid: Path) -> bool:
    """Whether it listens, which it writes its number down after; it is waited for as long as it lives."""
    deadline = time.monotonic() + 30 * TIMEOUT_FACTOR
    while time.monotonic() < deadline and not _read(pid):
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        return False
    return _read(pid) != ""


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


if __name__ == "__main__":
    print(find_or_install())
