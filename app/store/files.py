"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final, Protocol

UNFINISHED: Final = ".unfinished"  # how the name of a file ends that is being written


class Files(Protocol):
    """What the store does with files; a test puts faults in their place."""

    def write(self, path: Path, data: bytes) -> None:
        """Put a file there, whole; folders on the way to it are made."""

    def read(self, path: Path) -> bytes:
        """Return what a file holds."""

    def remove(self, path: Path) -> None:
        """Take a file away; none there is as good. An empty folder goes with its last file."""


class Disk:
    """Files of this machine.

    A file is written under another name, brought to the disk (fsync), renamed, and its folder's entry brought to the
    disk as well: whoever finds it finds all of it, even if the machine lost its power meanwhile (POSIX rename(2)).
    """

    def write(self, path: Path, data: bytes) -> None:
        """Put a file there, whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + UNFINISHED)
        try:
            with unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        _settle(path.parent)

    def read(self, path: Path) -> bytes:
        """Return what a file holds."""
        return path.read_bytes()

    def remove(self, path: Path) -> None:
        """Take a file away."""
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it holds other files
            path.parent.rmdir()


def _settle(folder: Path) -> None:
    """Bring a folder's entries to the disk, where a system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
