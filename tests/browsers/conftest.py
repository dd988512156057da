"""Fixtures of the tests that run in Firefox and in WebKit: a tab of each, a real lab, and a wire that can be cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.servers import ROOT, Lab
from tests.browsers.firefox import Firefox
from tests.browsers.page import Page
from tests.browsers.tab import Tab
from tests.browsers.webkit import WebKit
from tests.browsers.wire import Wire
from tests.conftest import TIMEOUT_FACTOR

RESULTS: Final = ROOT / "test-results"
BROWSERS: Final[dict[str, type[Firefox] | type[WebKit]]] = {"firefox": Firefox, "webkit": WebKit}
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Remember whether a test failed, so that its tab can be photographed before it closes."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab itself, with a real worker; it must end cleanly when the tests are over."""
    lab = Lab(timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_WORKERS="1")
    yield lab
    said = lab.output()
    status = lab.stop(30 * TIMEOUT_FACTOR)
    assert status == 0, f"the app ended with exit status {status} after SIGTERM:\n{said}"


@pytest.fixture
def wire(lab: Lab) -> Iterator[Wire]:
    """A wire to the lab that can be cut and mended."""
    with Wire(lab.port) as wire:
        yield wire


@pytest.fixture(params=sorted(BROWSERS))
def tab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tab]:
    """A tab of each browser in turn.

    When the test is over, every console error fails it, unless it is marked ``expected_errors`` with regular
    expressions for those that belong to it. The tab of a test that failed is kept as a picture in ``test-results/``.
    """
    tab = BROWSERS[request.param](tmp_path)
    try:
        yield tab
        mark = request.node.get_closest_marker("expected_errors")
        expected = [re.compile(pattern) for pattern in mark.args] if mark else []
        unexpected = [text for text in tab.errors() if not any(pattern.search(text) for pattern in expected)]
        if unexpected or request.node.stash.get(_failed, False):
            _photograph(tab, request.node.nodeid)
    finally:
        tab.close()
    if unexpected:
        pytest.fail("the page had errors:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture
def page(tab: Tab, lab: Lab) -> Page:
    """The lab's page in a tab, not opened yet."""
    return Page(tab, lab.url)


def _photograph(tab: Tab, test: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "-", test.split("/")[-1])
    try:
        tab.photograph(RESULTS / f"{stem}.png")
    except Exception as error:
        print(f"no picture of {test}: {error}")
