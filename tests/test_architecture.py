"""The house stands as docs/architecture.md says: who may import whom, and what each room may know."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from trainer.views import VIEWS

ROOT: Final = Path(__file__).resolve().parents[1]
WEB: Final = {"fastapi", "starlette", "uvicorn", "uvloop", "websockets", "httptools", "jinja2", "httpx", "plotly"}
LIGHT_TRAINER: Final = {
    *("config", "lane", "agreement", "knobs", "schema", "shapes", "recommended", "errors", "frames", "stream"),
    *("rows", "columns", "tables", "idx", "export", "presets", "views", "search", "seeds"),
}
"""The modules of the trainer that the app may use: none of them imports torch."""

JS: Final = sorted((ROOT / "static" / "js").rglob("*.js"))
PURE_NAMES: Final = (
    "frames",
    "bits",
    "stats",
    "words",
    "ring",
    "columns",
    "url",
    "textual",
    "knobs",
    "sites",
    "outcome",
)
PURE_JS: Final = [
    *(ROOT / "static" / "js" / f"{name}.js" for name in PURE_NAMES),
    *(path for path in JS if path.parent.name == "words"),
]


def python_files(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Full names of what a module imports, at its top or anywhere inside; not what only a type checker sees."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        todo += ast.iter_child_nodes(node)
    return found


def packages(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", python_files("trainer"), ids=name_of)
def test_the_trainer_knows_neither_the_app_nor_the_web(path: Path) -> None:
    assert not packages(imports(path)) & (WEB | {"app", "tests", "benchmarks", "asyncio"})


@pytest.mark.parametrize("path", python_files("app"), ids=name_of)
def test_the_app_imports_only_what_is_light_of_the_trainer(path: Path) -> None:
    names = imports(path)
    assert not packages(names) & {"torch", "sklearn", "scipy", "tests", "benchmarks"}
    used = {name.split(".")[1] for name in names if name.startswith("trainer.")}
    assert used <= LIGHT_TRAINER | {"ExperimentConfig", "Lane"}


def test_starting_the_app_imports_no_torch() -> None:
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in python_files("app")]
    wanted = [name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")]
    code = (
        f"import importlib, sys\nfor name in {wanted!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert asked.stdout.strip() == "False"


@pytest.mark.parametrize("room", sorted(LIGHT_TRAINER))
def test_the_light_rooms_of_the_trainer_import_no_torch(room: str) -> None:
    place = ROOT / "trainer" / room
    files = python_files(f"trainer/{room}") if place.is_dir() else [place.with_suffix(".py")]
    names = set().union(*map(imports, files))
    assert "torch" not in packages(names)
    inside = {name.split(".")[1] for name in names if name.startswith("trainer.")}
    assert inside <= LIGHT_TRAINER


def test_the_stream_needs_nothing_but_the_standard_library() -> None:
    names = imports(ROOT / "trainer" / "stream.py")
    assert packages(names) <= set(sys.stdlib_module_names) | {"trainer"}


def test_the_exceptions_import_nothing_of_the_house() -> None:
    assert packages(imports(ROOT / "trainer" / "errors.py")) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", JS, ids=name_of)
def test_no_javascript_module_keeps_state_at_its_top(path: Path) -> None:
    loose = re.findall(r"^(?:export )?(?:let|var)\b.*", path.read_text(), re.MULTILINE)
    assert not loose


def test_the_page_knows_the_views_that_the_trainer_has() -> None:
    listed = re.search(r"export const INSIGHTS = \[(.*?)\]", (ROOT / "static/js/ingest.js").read_text(), re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r'"(\w+)"', listed[1])) == VIEWS
    assert {path.stem for path in (ROOT / "trainer" / "insight").glob("*.py")} >= set(VIEWS)
    assert {path.stem for path in JS if path.parent.name == "views"} >= set(VIEWS)


def test_only_live_js_knows_the_socket() -> None:
    assert [path.name for path in JS if "WebSocket(" in path.read_text()] == ["live.js"]


def js_imports(path: Path) -> set[str]:
    """What a module imports, by name relative to ``static/js``; imports of types alone are comments."""
    targets = re.findall(r"""^(?:import|export)\b[^;"'(]*["'](\.[^"']+)["']""", path.read_text(), re.MULTILINE)
    return {str((path.parent / target).resolve().relative_to(ROOT / "static" / "js")) for target in targets}


@pytest.mark.parametrize("path", [path for path in JS if path.parent.name == "views"], ids=name_of)
def test_views_know_neither_the_socket_nor_main(path: Path) -> None:
    assert not js_imports(path) & {"live.js", "main.js", "api.js"}


@pytest.mark.parametrize("path", PURE_JS, ids=name_of)
def test_pure_javascript_modules_touch_no_document(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"\b(?:document|window)\.", code)
    pure = {str(each.relative_to(ROOT / "static" / "js")) for each in PURE_JS}
    assert js_imports(path) <= pure


def test_every_javascript_import_leads_to_a_file() -> None:
    missing = {
        f"{name_of(path)} → {target}"
        for path in JS
        for target in js_imports(path)
        if not (ROOT / "static/js" / target).is_file()
    }
    assert not missing


def test_the_page_fetches_nothing_from_outside() -> None:
    files = [*JS, *(ROOT / "static" / "css").glob("*.css"), *(ROOT / "templates").glob("*.html")]
    pattern = re.compile(
        r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|(?:import|fetch)\(?\s*["'](?:https?:)?//"""
    )
    assert [name_of(path) for path in files if pattern.search(path.read_text())] == []
