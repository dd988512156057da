"""What every test gets: its place, and a time-out that grows with what the machine is slower than others."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Final

import pytest

from tests import pace

os.environ.setdefault(
    "DROPOUT_LAB_SINGLE_MODULES", "1"
)  # whatever was bundled here; tests of the bundle make their own

os.environ.setdefault("DROPOUT_LAB_KEEP", "false")  # the tests of the store have folders of their own

ASKED_FACTOR: Final = float(os.environ.get("DROPOUT_LAB_TEST_TIMEOUT_FACTOR", "1"))
"""Multiplies every time-out of the tests; who knows that a machine is slow sets it above 1."""

TIMEOUT_FACTOR: Final = ASKED_FACTOR * max(pace.slowness(), pace.crowding())
"""The same, times what was measured at the start: time-outs are there for what hangs, not for what is slow."""

TEST_TIMEOUT_S: Final = 300.0
"""A test that takes longer hangs: the slowest takes a tenth of it on two cores."""


def timeout_of(seconds: float) -> float:
    """A time-out as it is now, when other programs may want the cores that were free at the start."""
    return seconds * max(TIMEOUT_FACTOR, ASKED_FACTOR * pace.crowding())


def pytest_report_header() -> list[str]:
    """Say by how much the time-outs are stretched, and which examples Hypothesis draws."""
    times, seed = (os.environ.get(f"DROPOUT_LAB_EXAMPLES{name}", usual) for name, usual in (("", "1"), ("_SEED", "0")))
    return [
        f"time-outs: {TEST_TIMEOUT_S:g} s a test, times {TIMEOUT_FACTOR:.2g} as this machine is now "
        f"(DROPOUT_LAB_TEST_TIMEOUT_FACTOR={ASKED_FACTOR:g})",
        f"examples of any run: {times} times as many (DROPOUT_LAB_EXAMPLES), from seed {seed} (…_SEED)",
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what is marked ``long``, and last what needs a browser, wherever it stands.

    A process that has nothing left takes over half of what the other still has before it: so at the end a file may be
    parted between them, which then would train twice, or one test be all that is left to do. And each process starts
    its browser once for all.
    """
    items.sort(
        key=lambda item: (item.get_closest_marker("long") is None, "browser" in getattr(item, "fixturenames", ()))
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give each test its time-out, the one it asks for or the usual one, before anything of it begins."""
    asked = item.get_closest_marker("timeout")
    seconds = float(asked.args[0]) if asked else TEST_TIMEOUT_S
    item.add_marker(pytest.mark.timeout(timeout_of(seconds)), append=False)
    return (yield)


@pytest.fixture(scope="session")
def patience() -> float:
    """Seconds to wait for something that must happen, before a test gives up."""
    return 30 * TIMEOUT_FACTOR
