"""The house stands as docs/architecture.md says: who may import whom, and what each room may know."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import TIMEOUT_FACTOR
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.networks import NETWORKS
from trainer.settings.panels import PANELS, VIEWS

ROOT: Final = Path(__file__).resolve().parents[1]
WEB: Final = {"fastapi", "starlette", "uvicorn", "uvloop", "websockets", "httptools", "jinja2", "httpx", "plotly"}
LIGHT: Final = ("errors", "printable", "seeds", "wire", "logs", "settings", "tables", "export", "presets", "search")
"""The rooms of the trainer that import no torch, so that the app may use them; the lowest first."""
HEAVY: Final = ("lanewise", "data", "dropout", "layers", "models", "ensemble", "training", "insight", "worker")
"""Those above them. A room knows only the rooms that stand before it in these two lists."""
ROOMS: Final = LIGHT + HEAVY

JS_ROOMS: Final = (
    *("types.js", "base", "model", "words", "state", "link", "charts", "paint", "draw"),
    *("shell", "controls", "dialogs", "views", "runs", "rooms", "watching", "lessons", "main.js"),
    *(
        "runs.js",
        "glossary.js",
        "rooms.js",
        "phone.js",
        "host.js",
        "projector.js",
        "watch.js",
        "watches.js",
        "lessons.js",
    ),
)
"""The rooms of the page, the lowest first; boot scripts are no modules and know none."""

LINKED: Final = (("link", "live"), ("rooms", "link"), ("watching", "link"))
"""Who connects: to a run, to a room, to a watch."""

JS: Final = sorted((ROOT / "static" / "js").rglob("*.js"))
PURE_NAMES: Final = (
    "link/frames",
    "link/url",
    "link/textual",
    "link/eventstream",
    "base/markup",
    "base/html",
    "state/ring",
    "state/columns",
)
PURE_JS: Final = [
    *(ROOT / "static" / "js" / f"{name}.js" for name in PURE_NAMES),
    *(path for path in JS if path.parent.name in ("words", "seen")),
    *(path for path in JS if path.parent.name == "model" and path.stem not in ("experiments", "findings")),
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
    assert used <= {*LIGHT, "ExperimentConfig", "Lane"}


@pytest.mark.parametrize("path", python_files("dropout_lab"), ids=name_of)
def test_the_package_knows_nothing_of_the_house_but_the_app_and_the_trainer(path: Path) -> None:
    assert not packages(imports(path)) & {"tests", "benchmarks", "scripts", "evidence"}


@pytest.mark.parametrize("path", python_files("app", "trainer"), ids=name_of)
def test_neither_the_app_nor_the_trainer_knows_the_package(path: Path) -> None:
    assert "dropout_lab" not in packages(imports(path))


def test_the_package_and_its_command_import_no_torch() -> None:
    code = (
        "import sys, dropout_lab, dropout_lab.cli, app.server; dropout_lab.ExperimentConfig; "
        "print('torch' in sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60 * TIMEOUT_FACTOR, check=True
    )
    assert asked.stdout.strip() == "False"


def test_starting_the_app_imports_no_torch() -> None:
    files = [path for path in python_files("app") if "migrations" not in path.parts]  # which only Alembic can import
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    wanted = [name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")]
    code = (
        f"import importlib, sys\nfor name in {wanted!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60 * TIMEOUT_FACTOR, check=True
    )
    assert asked.stdout.strip() == "False"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_trainer_knows_only_those_below_it(room: str) -> None:
    place = ROOT / "trainer" / room
    files = python_files(f"trainer/{room}") if place.is_dir() else [place.with_suffix(".py")]
    names = set().union(*map(imports, files))
    inside = {name.split(".")[1] for name in names if name.startswith("trainer.")}
    assert inside <= {*ROOMS[: ROOMS.index(room) + 1]}
    assert room in HEAVY or "torch" not in packages(names)


def test_each_room_of_the_trainer_and_of_the_page_has_its_place() -> None:
    def rooms(folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir() if path.is_dir() or path.suffix in (".py", ".js")}

    python = {name.removesuffix(".py") for name in rooms(ROOT / "trainer")}
    assert python - {"__pycache__", "__init__"} == {*ROOMS}
    assert rooms(ROOT / "static" / "js") == {*JS_ROOMS, "boot"}


def test_the_stream_needs_nothing_but_the_standard_library() -> None:
    names = imports(ROOT / "trainer" / "wire" / "stream.py")
    assert packages(names) <= set(sys.stdlib_module_names) | {"trainer"}


def test_the_exceptions_import_nothing_of_the_house() -> None:
    assert packages(imports(ROOT / "trainer" / "errors.py")) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", JS, ids=name_of)
def test_no_javascript_module_keeps_state_at_its_top(path: Path) -> None:
    loose = re.findall(r"^(?:export )?(?:let|var)\b.*", path.read_text(), re.MULTILINE)
    assert not loose


def test_no_module_of_the_page_lists_the_panels_by_hand() -> None:
    """They are told with the schema: a list of four or more names that stand beside each other is one by hand."""
    names = "|".join(panel.id for panel in PANELS)
    listed = re.compile(rf"""(?:["'](?:{names})["'],?\s*){{4}}""")
    files = [*JS, *(ROOT / "templates").glob("*.html")]
    assert [name_of(path) for path in files if listed.search(path.read_text())] == []
    imported = js_imports(ROOT / "static" / "js" / "main.js")
    assert not imported & {f"views/{panel.id}.js" for panel in PANELS}


def test_only_one_module_knows_the_socket_and_only_those_of_a_run_a_room_and_a_watch_the_links() -> None:
    assert [path.name for path in JS if "WebSocket(" in path.read_text()] == ["socketlink.js"]
    users = {name_of(path) for path in JS if js_imports(path) & {"link/socketlink.js", "link/eventlink.js"}}
    assert users == {f"static/js/{name}/{file}.js" for name, file in LINKED}


@pytest.mark.parametrize("path", JS, ids=name_of)
def test_a_room_of_the_page_knows_only_those_below_it(path: Path) -> None:
    room = path.relative_to(ROOT / "static" / "js").parts[0]
    below = JS_ROOMS[: JS_ROOMS.index(room) + 1] if room in JS_ROOMS else ()
    assert {target.split("/")[0] for target in js_imports(path)} <= {*below}


def js_imports(path: Path) -> set[str]:
    """What a module imports, by name relative to ``static/js``; imports of types alone are comments."""
    targets = re.findall(r"""^(?:import|export)\b[^;"'(]*["'](\.[^"']+)["']""", path.read_text(), re.MULTILINE)
    return {str((path.parent / target).resolve().relative_to(ROOT / "static" / "js")) for target in targets}


@pytest.mark.parametrize(
    "path", [path for path in JS if path.parent.name in ("views", "controls", "dialogs", "shell")], ids=name_of
)
def test_views_know_nothing_of_the_link(path: Path) -> None:
    assert not js_imports(path) & {f"link/{name}.js" for name in ("live", "socketlink", "eventlink", "api")}


@pytest.mark.parametrize("path", PURE_JS, ids=name_of)
def test_pure_javascript_modules_touch_no_document(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"\b(?:document|window)\.", code)
    pure = {str(each.relative_to(ROOT / "static" / "js")) for each in PURE_JS}
    assert js_imports(path) <= pure


@pytest.mark.parametrize(
    "path",
    [path for path in JS if path.parent.name != "paint" and "words" not in name_of(path).split("/")],
    ids=name_of,
)
def test_no_javascript_but_painters_and_words_names_a_kind_of_dropout_or_of_network(path: Path) -> None:
    kinds = "|".join((*DROPOUTS, *NETWORKS))
    code = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    assert re.findall(rf"""["'`](?:{kinds})["'`]|\b(?:{kinds})\s*:|\.(?:{kinds})\b""", code) == []


def test_what_is_found_of_a_run_is_read_alike_from_every_view() -> None:
    code = (ROOT / "static/js/model/findings.js").read_text()
    assert [view for view in VIEWS if re.search(rf"""["'`.]{view}\b""", code)] == []


def test_nothing_of_the_app_names_a_kind_of_dropout_or_of_network() -> None:
    kinds = {*DROPOUTS, *NETWORKS}
    for path in python_files("app"):
        texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        assert kinds.isdisjoint(text for text in texts if isinstance(text, str)), path


def test_every_javascript_import_leads_to_a_file() -> None:
    missing = {
        f"{name_of(path)} → {target}"
        for path in JS
        for target in js_imports(path)
        if not (ROOT / "static/js" / target).is_file()
    }
    assert not missing


def test_only_addresses_js_knows_where_the_lab_is() -> None:
    absolute = re.compile(r"""["'`]/(?:api|experiments|static|vendor|healthz)\b|(?:src|href)=["']/""")
    files = [*JS, *(ROOT / "templates").glob("*.html")]
    assert [name_of(path) for path in files if absolute.search(path.read_text())] == []


def test_the_page_fetches_nothing_from_outside() -> None:
    files = [*JS, *(ROOT / "static" / "css").glob("*.css"), *(ROOT / "templates").glob("*.html")]
    pattern = re.compile(
        r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|(?:import|fetch)\(?\s*["'](?:https?:)?//"""
    )
    assert [name_of(path) for path in files if pattern.search(path.read_text())] == []
