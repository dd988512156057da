"""The build backend (PEP 517) of the checkout: setuptools, in a folder laid out as the wheel will be.

So ``pip install .`` installs the same as ``make wheel`` makes. There is no sdist, and no editable install: a
checkout is started by ``make run``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from scripts.wheel.staging import stage

EPOCH: Final = "315532800"  # 1980-01-01, the first day of a zip file: the same checkout makes the same wheel
_BUILD: Final = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


class UnsupportedOperation(Exception):  # noqa: N818 - PEP 517 calls it so
    """This is not made of a checkout."""


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Make the wheel, and return its name.

    Args:
        wheel_directory: where it goes.
        config_settings: are not used.
        metadata_directory: is not used.

    Raises:
        StagingError, RewriteError: the checkout is not fit for it.
        subprocess.CalledProcessError: setuptools failed, and has said why.
    """
    with TemporaryDirectory(prefix="dropout-lab-wheel-") as place:
        stage(Path(place))
        return made_of(Path(place), Path(wheel_directory)).name


def made_of(staged: Path, out: Path) -> Path:
    """Make the wheel of a folder that was laid out, and return where it is.

    Args:
        staged: the folder.
        out: where the wheel goes.

    Raises:
        subprocess.CalledProcessError: setuptools failed, and has said why.
    """
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="dropout-lab-wheel-") as made:
        subprocess.run(
            [sys.executable, "-P", "-c", _BUILD, made],
            cwd=staged,
            env={"SOURCE_DATE_EPOCH": EPOCH, **os.environ},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        [wheel] = Path(made).glob("*.whl")
        return Path(shutil.copy(wheel, out))


def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Refuse: the page's sources need Node.js and npm, which a wheel does without.

    Raises:
        UnsupportedOperation: always.
    """
    raise UnsupportedOperation("there is no sdist of Dropout Lab: `make wheel` makes its wheel")
