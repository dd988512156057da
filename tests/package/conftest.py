"""The wheel, made once, and an environment that has it and not the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from scripts.bundle import bundle
from scripts.wheel.backend import made_of
from scripts.wheel.staging import ROOT, stage
from tests.conftest import TIMEOUT_FACTOR

THIRD_PARTY: Final = sysconfig.get_path("purelib")
"""Where the packages lie that the tests run with."""


@dataclass(frozen=True)
class Built:
    """A wheel.

    Attributes:
        staged: the folder that it was made of.
        path: where it is.
    """

    staged: Path
    path: Path


@dataclass(frozen=True)
class Installed:
    """An environment in which the wheel was installed.

    Attributes:
        scripts: where its commands are.
        packages: its ``site-packages``.
        top: what lay at the top of them behind the installation of nothing but the wheel.
    """

    scripts: Path
    packages: Path
    top: frozenset[str]

    @property
    def python(self) -> str:
        """Its Python."""
        return str(self.scripts / "python")

    @property
    def command(self) -> str:
        """The command ``dropout-lab``."""
        return str(self.scripts / "dropout-lab")

    def run(self, *words: str, at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder to its end."""
        return subprocess.run(
            words,
            cwd=at,
            env=clean_environment(**environment),
            capture_output=True,
            text=True,
            timeout=120 * TIMEOUT_FACTOR,
        )


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without what would lead Python to the checkout or set the lab up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DROPOUT_LAB_"))}
    return {name: value for name, value in kept.items() if name not in ("HOST", "PORT", "VIRTUAL_ENV")} | more


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheel of this checkout, with a page that was bundled for it."""
    page, staged, dist = (tmp_path_factory.mktemp(name) for name in ("page", "staged", "dist"))
    bundle(out=page)
    stage(staged, ROOT, page)
    return Built(staged, made_of(staged, dist))


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fresh environment with the wheel; what it depends on it finds where these tests find it."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    scripts = home / "bin"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(scripts / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(built.path)], check=True)
    [packages] = home.glob("lib/python*/site-packages")
    top = frozenset(path.name for path in packages.iterdir())
    (packages / "third-party.pth").write_text(THIRD_PARTY + "\n")
    return Installed(scripts, packages, top)
