"""What the wheel asks for: ranges around what the lock files pin, and no less than the lab itself needs."""

from __future__ import annotations

import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import wanted
from scripts.wheel.staging import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RANGES = {canonicalize_name(each.name): each for each in map(Requirement, PROJECT["project"]["dependencies"])}
PINS = {canonicalize_name(each.name): each for each in wanted(ROOT / "requirements.in")}
NOT_ASKED_FOR = {"scipy"}  # for `make evidence`, which is no part of the wheel


def pinned(requirement: Requirement) -> str:
    [pin] = requirement.specifier
    assert pin.operator == "=="
    return pin.version


def test_the_wheel_asks_for_what_the_lab_needs_and_for_nothing_else() -> None:
    assert RANGES.keys() == PINS.keys() - NOT_ASKED_FOR
    for name, each in RANGES.items():
        assert each.extras == PINS[name].extras
        assert str(each.marker) == str(PINS[name].marker)


def test_each_range_has_two_ends_and_holds_the_version_that_is_pinned() -> None:
    for name, each in RANGES.items():
        assert sorted(end.operator for end in each.specifier) == ["<", ">="], name
        assert pinned(PINS[name]) in each.specifier, name


def test_setuptools_is_the_one_that_the_lock_files_have() -> None:
    [needed] = map(Requirement, PROJECT["build-system"]["requires"])
    found = {pinned(each) for each in wanted(ROOT / "requirements-build.in") if each.name == needed.name}
    assert found == {pinned(needed)}
    for lock in ("requirements.lock", "requirements-build.lock"):
        assert str(needed) in (ROOT / lock).read_text().splitlines()
