"""Imports are rewritten where the syntax tree has them, and nothing else is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts.wheel.rewrite import MOVED, TOP, RewriteError, rewritten
from scripts.wheel.staging import ROOT

MODULES = sorted(path for package in (TOP, *MOVED) for path in (ROOT / package).rglob("*.py"))


def made(source: str) -> str:
    return rewritten(source.encode(), "module.py").decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from trainer import Lane", "from dropout_lab.trainer import Lane"),
        ("from trainer.seeds import seed as s", "from dropout_lab.trainer.seeds import seed as s"),
        ("from  app.run import (\n    Run,\n    x,\n)\n", "from  dropout_lab.app.run import (\n    Run,\n    x,\n)\n"),
        ("from \\\n  app import x", "from \\\n  dropout_lab.app import x"),
        (
            "from\tapp import x\r\nimport app.y as z\r\n",
            "from\tdropout_lab.app import x\r\nimport dropout_lab.app.y as z\r\n",
        ),
        ("import trainer", "import dropout_lab.trainer as trainer"),
        ("import trainer as t", "import dropout_lab.trainer as t"),
        ("import trainer.seeds", "import dropout_lab.trainer.seeds, dropout_lab.trainer as trainer"),
        ("import os, app ,sys", "import os, dropout_lab.app as app ,sys"),
        ("é = 'ü'; import app", "é = 'ü'; import dropout_lab.app as app"),
        ("if True: import app; x = app", "if True: import dropout_lab.app as app; x = app"),
        ("def f():\n    from app import x  # from app\n", "def f():\n    from dropout_lab.app import x  # from app\n"),
    ],
)
def test_an_import_names_the_package_and_binds_the_same_name(before: str, after: str) -> None:
    assert made(before) == after


@pytest.mark.parametrize(
    "source",
    [
        "from trainers import x",
        "from application.app import x",
        "from . import app",
        "from .app import x",
        "import apple, my.app",
        "app = trainer = 1",
        '"""Of `trainer.seeds`: from trainer.seeds import seed."""',
        "class A:\n    x = 1\n    '''As `app.run` has it.'''\n",
        "say('the app. Then the trainer. See app/run.py')",
        "# import app\n",
        "",
    ],
)
def test_all_else_stays_as_it_is(source: str) -> None:
    assert made(source) == source


@pytest.mark.parametrize(
    "source",
    [
        "find('trainer.seeds')",
        "find(f'app.rooms.{name}')",
        "run('-m trainer.worker')",
        "x = 'trainer.models.mlp:LaneMLP'",
    ],
)
def test_a_string_that_names_a_module_is_refused_with_its_place(source: str) -> None:
    with pytest.raises(RewriteError, match=r"module\.py:2: '.*(app|trainer)\..*names a module in a string"):
        made("\n" + source)


@pytest.mark.parametrize("source", [b"import", b"x = '\xff'"])
def test_what_is_no_module_is_refused_by_its_name(source: bytes) -> None:
    with pytest.raises(RewriteError, match=r"module\.py is no module"):
        rewritten(source, "module.py")


def names_of(tree: ast.Module) -> list[str]:
    """What a module imports, in order, from wherever."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_of_the_lab_is_the_same_afterwards_but_for_its_imports(path: Path) -> None:
    before, after = path.read_text(), rewritten(path.read_bytes(), str(path)).decode()
    imported = names_of(ast.parse(after))
    assert not [name for name in imported if name.split(".")[0] in MOVED]
    whole = [
        name.removeprefix(f"{TOP}.") if name.split(".")[1:2] and name.split(".")[1] in MOVED else name
        for name in imported
    ]
    assert set(whole) == set(names_of(ast.parse(before)))
    assert len(after.splitlines()) == len(before.splitlines())
    changed = [new for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert all("import" in line for line in changed)
