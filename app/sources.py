"""By which one sees that files have changed: a mark of each, and a version of all below a folder.

It needs the standard library alone, so that whoever builds a package without the rest of the lab can tell whether the
page was bundled from the files that are there.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

Mark = tuple[int, int]
"""By which one sees that a file has changed: when it was written last, and its size."""


def files_below(folder: Path) -> list[str]:
    """Return the names of all files below a folder, in their order."""
    return sorted(
        os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
        for place, _, names in os.walk(folder)
        for name in names
    )


def mark_of(file: Path) -> Mark:
    """Return the mark of a file."""
    state = file.stat()
    return state.st_mtime_ns, state.st_size


def marks_of(folder: Path) -> dict[str, Mark]:
    """Return the files below a folder, each with its time and its size."""
    return {name: mark_of(folder / name) for name in files_below(folder)}


def version_of(folder: Path, marks: dict[str, Mark] | None = None) -> str:
    """Return what changes whenever a file below a folder does.

    Args:
        folder: the folder.
        marks: of its files, if they are known.
    """
    whole = hashlib.blake2b(digest_size=8)
    for name, mark in (marks or marks_of(folder)).items():
        whole.update(f"{name}\0{_digest(folder / name, mark)}\n".encode())
    return whole.hexdigest()


@cache
def _digest(file: Path, mark: Mark) -> str:
    """What a file holds, in short; read once as long as its time and its size stay."""
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
