"""Installs the wheel with all that it needs in a fresh environment, and tries it there: ``make wheel-check``.

What is given beside it is installed with it, such as ``torch==2.13.0``, which is a small build for processors where one
lies at hand; ``--oldest`` installs the oldest version of everything that the wheel asks for directly.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from packaging.requirements import Requirement

from scripts.wheel.__main__ import DIST
from scripts.wheel.staging import ROOT

TRIAL: Final = Path(__file__).with_name("trial.py")
_FREE: Final = 12e9  # bytes: a build of PyTorch with CUDA takes half of it, and as much again while it is unpacked


def main() -> int:
    """Install and try; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.wheel.check", description=__doc__)
    parser.add_argument("requirements", nargs="*", help="what is installed with it, such as torch==2.13.0")
    parser.add_argument("--oldest", action="store_true", help="with the oldest version of all that the wheel asks for")
    options = parser.parse_args()
    wheel = max(DIST.glob("dropout_lab-*.whl"), key=lambda path: path.stat().st_mtime)
    if shutil.disk_usage(os.environ.get("TMPDIR", "/tmp")).free < _FREE:
        print("There is too little room for an environment with PyTorch: 12 GB", file=sys.stderr)
        return 1
    with TemporaryDirectory(prefix="dropout-lab-check-") as place:
        home, empty = Path(place, "environment"), Path(place, "empty")
        venv.create(home, with_pip=True)
        scripts = home / ("Scripts" if os.name == "nt" else "bin")
        wanted = [str(wheel), *options.requirements, *(oldest() if options.oldest else ())]
        install = [str(scripts / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *wanted]
        began = time.monotonic()
        subprocess.run(install, check=True)
        size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())
        print(f"installed {wheel.name}: {time.monotonic() - began:.0f} s, {size / 1e9:.1f} GB")
        empty.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DROPOUT_LAB_"))}
        trial = [str(scripts / "python"), str(TRIAL), str(scripts / "dropout-lab")]
        return subprocess.run(trial, cwd=empty, env=kept, check=False).returncode


def oldest() -> list[str]:
    """The oldest version of each requirement of the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [pinned(Requirement(each)) for each in project["dependencies"]]


def pinned(requirement: Requirement) -> str:
    """A requirement that only the oldest version of its range meets."""
    [low] = [end.version for end in requirement.specifier if end.operator == ">="]
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}=={low}{marker}"


if __name__ == "__main__":
    sys.exit(main())
