"""What every test gets: a time-out that slow machines can stretch."""

from __future__ import annotations

import os
from typing import Final

import pytest

TIMEOUT_FACTOR: Final = float(os.environ.get("DROPOUT_LAB_TEST_TIMEOUT_FACTOR", "1"))
"""Multiplies every time-out of the tests; a slow machine sets it above 1."""

TEST_TIMEOUT_S: Final = 300.0
"""A test that takes longer hangs: the slowest takes a tenth of it on two cores."""


def pytest_report_header() -> str:
    """Say by how much the time-outs are stretched."""
    return f"time-outs: {TEST_TIMEOUT_S:g} s a test, times {TIMEOUT_FACTOR:g} (DROPOUT_LAB_TEST_TIMEOUT_FACTOR)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its time-out, the one it asks for or the usual one, times the factor."""
    for item in items:
        asked = item.get_closest_marker("timeout")
        seconds = float(asked.args[0]) if asked else TEST_TIMEOUT_S
        item.add_marker(pytest.mark.timeout(seconds * TIMEOUT_FACTOR), append=False)


@pytest.fixture(scope="session")
def patience() -> float:
    """Seconds to wait for something that must happen, before a test gives up."""
    return 30 * TIMEOUT_FACTOR
