"""What every module is, in a line: the first sentence that it says of itself, for docs/modules.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
HEAD: Final = """# Modules

Made by `make docs` from the first sentence of each module, room by room. What stands where, and who may know whom, is
told in [architecture.md](architecture.md).
"""
PACKAGES: Final = ("trainer", "app", "dropout_lab", "evidence", "benchmarks", "scripts")
PAGE: Final = "static/js"
_SENTENCE: Final = re.compile(r"(.+?[.?!])(?=\s|$)", re.DOTALL)


def modules_document() -> str:
    """The whole of docs/modules.md."""
    python = [_section(name, ".py", said_in_python) for package in PACKAGES for name in _rooms(package, ".py")]
    page = [_section(name, ".js", said_in_javascript) for name in _rooms(PAGE, ".js")]
    return "\n".join([HEAD, *python, *page])


def _rooms(top: str, suffix: str) -> list[str]:
    """The folders that hold modules, the outer before the inner."""
    folders = {path.parent for path in (ROOT / top).rglob(f"*{suffix}")}
    return sorted(folder.relative_to(ROOT).as_posix() for folder in folders)


def _section(folder: str, suffix: str, said: Callable[[str], str]) -> str:
    place = ROOT / folder
    files = sorted(path for path in place.glob(f"*{suffix}") if path.stem != "__init__")
    room = place / "__init__.py"
    about = f"{first_sentence(said(room.read_text()))}\n\n" if room.exists() else ""
    rows = "".join(f"| `{path.name}` | {first_sentence(said(path.read_text()))} |\n" for path in files)
    return f"## {folder}\n\n{about}" + (f"| module | what it is |\n|---|---|\n{rows}" if rows else "")


def said_in_python(text: str) -> str:
    """What a module's docstring says."""
    return ast.get_docstring(ast.parse(text)) or ""


def said_in_javascript(text: str) -> str:
    """What the comment at the head of a module says."""
    head = re.match(r"(?:// ?.*\n)+", text)
    return re.sub(r"^// ?", "", head[0], flags=re.MULTILINE) if head else ""


def first_sentence(text: str) -> str:
    """The first sentence, on one line and fit for a table; a text without an end is taken whole."""
    found = _SENTENCE.match(text.strip())
    return " ".join((found[1] if found else text).split()).replace("|", "\\|")
