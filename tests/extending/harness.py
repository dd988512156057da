"""A copy of the checkout to which something is added, as `docs/extending.md` says it is: what was touched is counted.

An *addition* is a folder: ``files/`` has the files that are new, each where it will stand, and ``edits.toml`` what is
changed in files that are there:

    [[edit]]
    file = "trainer/settings/dropouts.py"
    anchor = "..."    # a text that stands in that file exactly once
    text = "..."      # what stands there afterwards, the anchor included where it shall stay

Nothing is written outside the copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.browser.servers import Lab
from tests.conftest import TIMEOUT_FACTOR

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Edit:
    """A change to a file that is there.

    Attributes:
        file: which, relative to the checkout.
        anchor: a text that stands in it exactly once.
        text: what stands there afterwards.
    """

    file: str
    anchor: str
    text: str


@dataclass(frozen=True)
class Addition:
    """What is added to a checkout.

    Attributes:
        name: of its folder, beside this module.
        files: the folder of its new files.
        edits: what it changes in files that are there.
    """

    name: str
    files: Path
    edits: tuple[Edit, ...]

    @classmethod
    def read(cls, name: str) -> Addition:
        """The addition in the folder ``name`` beside this module.

        Raises:
            TypeError: an edit has other fields than it should.
        """
        folder = HERE / name
        with (folder / "edits.toml").open("rb") as file:
            edits = tuple(Edit(**each) for each in tomllib.load(file).get("edit", []))
        return cls(name, folder / "files", edits)

    @property
    def new(self) -> tuple[str, ...]:
        """The files that are new, relative to the checkout."""
        paths = (path for path in self.files.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return tuple(sorted(str(path.relative_to(self.files)) for path in paths))

    @property
    def touched(self) -> tuple[str, ...]:
        """All files that it adds or changes: what the list in docs/extending.md must name."""
        return tuple(sorted({*self.new, *(edit.file for edit in self.edits)}))


class Checkout:
    """A copy of what git knows of this checkout, or would take into it.

    Attributes:
        root: where it is.
    """

    def __init__(self, root: Path) -> None:
        """Make the copy in a folder that is not there yet or is empty."""
        self.root = root
        for name in _tracked():
            source, target = ROOT / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)

    def apply(self, addition: Addition) -> None:
        """Add something.

        Raises:
            FileExistsError: a new file is there already.
            ValueError: the anchor of an edit does not stand in its file, or more than once.
        """
        for name in addition.new:
            target = self.root / name
            if target.exists():
                raise FileExistsError(f"{name} is there already: change it with an edit")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(addition.files / name, target)
        for edit in addition.edits:
            path = self.root / edit.file
            before = path.read_text()
            if (count := before.count(edit.anchor)) != 1:
                raise ValueError(f"{edit.file}: the anchor {edit.anchor!r} stands there {count} times, not once")
            path.write_text(before.replace(edit.anchor, edit.text))

    def changed(self) -> set[str]:
        """The files that are otherwise than in this checkout, or are not in it at all; what was compiled left out."""
        own = (path for path in self.root.rglob("*") if path.is_file() and not _made(path.relative_to(self.root)))
        names = {str(path.relative_to(self.root)) for path in own}
        return {name for name in names if not _same(ROOT / name, self.root / name)}

    def python(self, *arguments: str, timeout_s: float = 120) -> str:
        """What Python prints in the copy, run with ``arguments``.

        Raises:
            AssertionError: it ended with another exit status than 0; with what it said.
        """
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s * TIMEOUT_FACTOR,
        )
        assert done.returncode == 0, f"python {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def tests(self, *names: str, timeout_s: float = 240) -> str:
        """Run some tests of the copy; what pytest said.

        Raises:
            AssertionError: one of them failed, or none was found.
        """
        return self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *names, timeout_s=timeout_s)

    def lab(self, **settings: str) -> Lab:
        """A running lab of the copy; whoever asks for it stops it."""
        settings = {"PYTHONPATH": str(self.root), "DROPOUT_LAB_UNWATCHED_PAUSE_S": "2", **settings}
        return Lab(root=self.root, port=0, timeout_s=90 * TIMEOUT_FACTOR, **settings)


def added(name: str, into: Path) -> tuple[Checkout, Addition]:
    """A copy of the checkout in ``into`` with the addition ``name``."""
    addition, copy = Addition.read(name), Checkout(into)
    copy.apply(addition)
    return copy, addition


def _tracked() -> list[str]:
    """What git knows, and what it would take: without git, all files of the checkout but what is installed or made."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60 * TIMEOUT_FACTOR)
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    else:
        names = asked.stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file() and not _made(Path(name))]


_MADE: Final = {"__pycache__", ".git", ".venv", "node_modules", "test-results", ".hypothesis"}


def _made(path: Path) -> bool:
    """Whether a file is none of the checkout's own: installed, compiled or left behind by a tool."""
    return bool({*path.parts} & _MADE) or any(part.endswith("_cache") for part in path.parts)


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()
