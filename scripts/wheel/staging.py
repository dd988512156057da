"""A folder laid out as the wheel will be: `dropout_lab` with all of the lab inside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from app.sources import files_below, version_of
from scripts.wheel.rewrite import MOVED, TOP, rewritten

ROOT: Final = Path(__file__).resolve().parents[2]
BESIDE: Final = ("pyproject.toml", "README.md", "LICENSE")
BUILT: Final = ROOT / "built"
_OF_PACKAGES: Final = (".py", ".json", ".typed")


class StagingError(Exception):
    """The checkout has not what the wheel needs."""


def stage(folder: Path, root: Path = ROOT, built: Path = BUILT) -> None:
    """Lay out a folder from which setuptools makes the wheel.

    Times and rights of the files are those of their copies; what is no part of the lab stays behind.

    Args:
        folder: is there, and empty.
        root: the checkout.
        built: where its page lies, bundled.

    Raises:
        StagingError: the page was not bundled, or its sources have changed since.
        RewriteError: a module cannot be inside a package.
    """
    _check_page(root / "static", built)
    for name in BESIDE:
        _put(folder / name, (root / name).read_bytes())
    for package in (TOP, *MOVED):
        inside = Path(TOP, package) if package in MOVED else Path(TOP)
        for name in files_below(root / package):
            path = Path(package, name)
            if path.suffix in _OF_PACKAGES and "__pycache__" not in path.parts:
                content = (root / path).read_bytes()
                _put(folder / inside / name, rewritten(content, str(path)) if path.suffix == ".py" else content)
    places = {name: root / name for name in ("static", "templates", "lessons")} | {"built": built}
    for place, source in places.items():
        for name in files_below(source):
            if not any(part.startswith(".") for part in Path(name).parts):
                _put(folder / TOP / place / name, (source / name).read_bytes())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)  # whatever the umask of who builds


def _check_page(static: Path, built: Path) -> None:
    try:
        sources = json.loads((built / "manifest.json").read_bytes())["sources"]
    except (OSError, ValueError, KeyError):
        raise StagingError(
            "the page was not bundled: `make page` does that, with Node.js, and then the wheel"
        ) from None
    if sources != version_of(static):
        raise StagingError("the page's sources have changed since it was bundled: `make page`, and then the wheel")
