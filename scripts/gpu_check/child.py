"""A process in which parts of the check are done, told by its standard input which: the check starts it by itself.

On its standard output stands one JSON object a line: for each part its rows, and a last line with ``done``. What a part
prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TextIO

from scripts.gpu_check.machine import facts
from scripts.gpu_check.rows import DeviceLostError, Row, Sheet

SMALL: Final = "--small"
MACHINE: Final = "machine"
"""In the place of a module: what this machine is."""


def main(arguments: list[str]) -> int:
    """Do the parts that standard input names, one module a line, until it ends."""
    # Libraries print to file descriptor 1, too: the messages get one of their own.
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    device = arguments[0]
    sys.modules.setdefault("tests", _own_tests())

    def send(message: dict[str, Any]) -> None:
        _write(messages, message)

    for line in sys.stdin:
        wanted = line.strip()
        if wanted == MACHINE:
            send({"done": True, "machine": facts()})
        else:
            send({"done": True, "error": _do(wanted, device, SMALL in arguments, send)})
    return 0


def _own_tests() -> ModuleType:
    """The package of this project's tests, which is a folder without a file of its own: one of the same name that some
    wheel has brought along by mistake would be found in its place.
    """
    package = ModuleType("tests")
    package.__path__ = [str(Path(__file__).resolve().parents[2] / "tests")]
    return package


def _do(module: str, device: str, small: bool, send: Callable[[dict[str, Any]], None]) -> str | None:
    """Do one part; what it raised, if it did."""

    def hear(row: Row) -> None:
        send({"row": row.plain()})

    try:
        import_module(module).check(Sheet(device, small, hear, _synchronize if device == "cuda" else lambda: None))
    except DeviceLostError as lost:
        return str(lost)
    except Exception:
        return traceback.format_exc()
    return None


def _synchronize() -> None:
    """Wait for the GPU; raises what went wrong on it."""
    import torch

    torch.cuda.synchronize()


def _write(messages: TextIO, message: dict[str, Any]) -> None:
    messages.write(json.dumps(message, allow_nan=False) + "\n")
    messages.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
