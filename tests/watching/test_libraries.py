"""The callbacks need libraries that the lab does not: they are loaded by nobody else, and missed in plain words."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import timeout_of

NAMES = ("lightning", "lightning.pytorch", "pytorch_lightning", "transformers")


def loaded(monkeypatch: pytest.MonkeyPatch, name: str, **libraries: ModuleType | None) -> Any:
    """A module of the lab, loaded once more, where there are only these libraries; for others it stays what it is."""
    for each in NAMES:
        monkeypatch.setitem(sys.modules, each, libraries.get(each.replace(".", "_")))
    spec = importlib.util.find_spec(f"dropout_lab.watching.{name}")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lightning", r"needs Lightning: pip install lightning \(or pytorch-lightning\)"),
        ("huggingface", "needs transformers: pip install transformers accelerate"),
    ],
)
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=words):
        loaded(monkeypatch, name)


def a_library(name: str) -> ModuleType:
    module = ModuleType(name)
    module.Callback = type("Callback", (), {"__module__": name})  # type: ignore[attr-defined]
    return module


def test_lightning_has_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    old = a_library("pytorch_lightning")
    module = loaded(monkeypatch, "lightning", pytorch_lightning=old)
    assert issubclass(module.WatchCallback, old.Callback)
    parent, new = a_library("lightning"), a_library("lightning.pytorch")
    module = loaded(monkeypatch, "lightning", pytorch_lightning=old, lightning=parent, lightning_pytorch=new)
    assert issubclass(module.WatchCallback, new.Callback)


def test_that_name_is_taken_which_the_program_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    old = a_library("pytorch_lightning")
    monkeypatch.setitem(sys.modules, "pytorch_lightning", old)
    module = loaded(monkeypatch, "lightning", pytorch_lightning=old)
    monkeypatch.delitem(sys.modules, "lightning.pytorch")
    assert module._library() is old


def test_watching_alone_loads_neither() -> None:
    code = f"import sys, dropout_lab.watching; print([name for name in {NAMES!r} if name in sys.modules])"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout_of(60))
    assert asked.stdout.strip() == "[]", asked.stderr
