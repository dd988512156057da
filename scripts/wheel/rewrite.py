"""Imports as the wheel needs them: what is at the top of the checkout lies inside one package there.

``from trainer.seeds import seed`` becomes ``from dropout_lab.trainer.seeds import seed``. The syntax tree says where an
import stands and what it names, and nothing else is touched: every line keeps its number.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

TOP: Final = "dropout_lab"
MOVED: Final = ("app", "trainer")
"""The packages at the top of the checkout that lie inside `TOP` in the wheel."""
_NAMED: Final = re.compile(rf"(?<![\w./-])(?:{'|'.join(MOVED)})\.[a-z_]", re.IGNORECASE)
_BETWEEN: Final = b" \t\f\\\r\n"  # what may stand between ``from`` and a name


class RewriteError(Exception):
    """A module that would not work inside the package, with the place in it."""


def rewritten(source: bytes, name: str) -> bytes:
    """Return a module as it is inside the package.

    Args:
        source: of the module, in UTF-8.
        name: what it is called where it cannot be rewritten.

    Raises:
        RewriteError: it is no module, or a string in it names a module, which is not rewritten.
    """
    try:
        source.decode()
        tree = ast.parse(source, name)
    except (SyntaxError, ValueError) as error:
        raise RewriteError(f"{name} is no module of Python in UTF-8: {error}") from None
    _refuse_names_in_strings(tree, name)
    starts = [0, *accumulate(map(len, source.splitlines(keepends=True)))]
    for place, text in sorted(_insertions(tree, source, starts), reverse=True):
        source = source[:place] + text.encode() + source[place:]
    return source


def _insertions(tree: ast.Module, source: bytes, starts: list[int]) -> Iterator[tuple[int, str]]:
    """What is inserted where; positions in a syntax tree count lines from 1 and bytes within them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_moved(node.module or ""):
            place = starts[node.lineno - 1] + node.col_offset + len(b"from")
            while source[place] in _BETWEEN:
                place += 1
            yield place, f"{TOP}."
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_moved(alias.name):
                    yield starts[alias.lineno - 1] + alias.col_offset, f"{TOP}."
                    assert alias.end_lineno is not None
                    assert alias.end_col_offset is not None
                    yield starts[alias.end_lineno - 1] + alias.end_col_offset, _bound(alias)


def _bound(alias: ast.alias) -> str:
    """What makes ``import trainer`` or ``import trainer.seeds`` have the name ``trainer`` all the same."""
    if alias.asname:
        return ""
    first, dot, _ = alias.name.partition(".")
    return f", {TOP}.{first} as {first}" if dot else f" as {first}"


def _is_moved(module: str) -> bool:
    return module.partition(".")[0] in MOVED


def _refuse_names_in_strings(tree: ast.Module, name: str) -> None:
    """Refuse a string that names a module, for it would name nobody's, or somebody else's, inside the package."""
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in prose:
            continue
        if _NAMED.search(node.value):
            raise RewriteError(
                f"{name}:{node.lineno}: {node.value!r} names a module in a string, which the wheel has inside {TOP}: "
                "name it from __name__ or __package__, or relative to a package"
            )
