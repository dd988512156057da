"""What the check imports is what a bare machine has, and what is carried to it."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.gpu_check.needs import CARRIED, GIVEN

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("scripts", "trainer", "benchmarks", "tests")


def imported(path: Path) -> set[str]:
    """Full names of what a module may import, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def file_of(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def everything_behind(files: set[Path]) -> set[str]:
    """Packages from outside that some files import, and those that they import."""
    outside: set[str] = set()
    done: set[Path] = set()
    while files - done:
        path = (files - done).pop()
        done.add(path)
        for name in imported(path):
            if name.split(".")[0] not in OURS:
                outside.add(name.split(".")[0])
                continue
            parts = name.split(".")
            packages = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
            files |= {found for each in packages if (found := file_of(each))}
    return outside - set(sys.stdlib_module_names)


def test_the_check_imports_nothing_but_what_is_there_and_what_is_carried() -> None:
    files = {*(ROOT / "scripts" / "gpu_check").rglob("*.py"), *(ROOT / "trainer" / "insight").glob("*.py")}
    files |= {*(ROOT / "trainer" / "worker").glob("*.py")}
    outside = everything_behind(files)
    assert {"torch", "pydantic", "safetensors"} <= outside, "the search finds nothing any more"
    assert outside <= {*GIVEN, *CARRIED.values()}


def test_the_command_itself_needs_nothing_but_the_standard_library() -> None:
    names = ("__main__", "needs", "parts", "report", "rows", "supervisor", "child", "machine")
    for path in (ROOT / "scripts" / "gpu_check" / f"{name}.py" for name in names):
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        found = {alias.name if isinstance(node, ast.Import) else node.module for node in tops for alias in node.names}
        outside = {str(name).split(".")[0] for name in found} - set(sys.stdlib_module_names)
        assert outside <= {"scripts"}, path.name


def test_what_is_carried_is_all_that_pydantic_and_safetensors_need() -> None:
    needed: set[str] = set()
    todo = ["pydantic", "safetensors"]
    while todo:
        name = todo.pop()
        needed.add(name)
        wanted = [Requirement(text) for text in requires(name) or []]
        plain = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
        todo += [found for each in plain if (found := canonicalize_name(each.name)) not in needed]
    assert needed == set(CARRIED)
