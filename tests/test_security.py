"""docs/security.md names a test for each threat, and each of those tests is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.test_docs import ROOT

DOCUMENT: Final = (ROOT / "docs" / "security.md").read_text()
ROWS: Final = [row for row in DOCUMENT.splitlines() if row.startswith("| ") and row.count("|") == 4]
NAMED: Final = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)))


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    assert name in functions(ROOT / file)


def test_every_threat_has_its_test() -> None:
    threats = [row for row in ROWS if not row.startswith("| threat ")]
    assert len(threats) > 40
    assert [row for row in threats if not re.search(r"\| `tests/[^|]*` \|$", row)] == []


@pytest.mark.parametrize(
    "threat",
    [
        *("WebSocket", "DNS rebinding", "guessing", "referrer", "the log", "formula", "stored XSS", "path out of"),
        *("zip bomb", "checkpoint", "the file of a run", "## Exhaustion"),
    ],
)
def test_no_kind_of_threat_is_forgotten(threat: str) -> None:
    assert threat in DOCUMENT
