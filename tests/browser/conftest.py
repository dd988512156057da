"""Fixtures of the browser tests: a real Chromium, a page that tolerates no errors, and a real lab.

Playwright's synchronous interface keeps an event loop in the test's thread, where pytest-asyncio then could not run its
own: so Chromium is started for each module and ended with it, and no module mixes the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from app.security import security_headers
from app.settings import Settings
from tests.browser.chromium import arguments, find_or_install
from tests.browser.servers import ROOT, Lab, static_server
from tests.conftest import TIMEOUT_FACTOR

RESULTS: Final = ROOT / "test-results"
PATIENCE_MS: Final = 30_000 * TIMEOUT_FACTOR
expect.set_options(timeout=PATIENCE_MS)

OpenPage = Callable[..., Page]
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Remember whether a test failed, so that its pages can be photographed before they close."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is; it is installed if need be."""
    return find_or_install()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A real Chromium, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=arguments())
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens pages, each in a context (a visitor) of its own; takes the options of ``Browser.new_context``.

    When the test is over, every console error, uncaught exception and failed request of every page fails it, unless it
    is marked ``expected_errors`` with regular expressions for those that belong to it. The pages of a test that failed
    are kept as pictures in ``test-results/``.
    """
    pages: list[Page] = []
    problems: list[str] = []

    def open_one(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        _collect_problems(page, problems)
        pages.append(page)
        return page

    yield open_one

    mark = request.node.get_closest_marker("expected_errors")
    expected = [re.compile(pattern) for pattern in mark.args] if mark else []
    unexpected = [problem for problem in problems if not any(pattern.search(problem) for pattern in expected)]
    if unexpected or request.node.stash.get(_failed, False):
        _photograph(pages, request.node.nodeid)
    for page in pages:
        page.context.close()
    if unexpected:
        pytest.fail("the page had errors:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """An empty page, 1440 × 900, that tolerates no errors."""
    return open_page()


@pytest.fixture(scope="session")
def static_url() -> Iterator[str]:
    """A server of ``static/`` alone, under the app's content security policy."""
    with static_server(security_headers(Settings())["Content-Security-Policy"]) as url:
        yield url


@pytest.fixture
def module_page(page: Page, static_url: str) -> Page:
    """A page in which ``await import("/static/js/….js")`` works and nothing else is loaded."""
    page.goto(static_url)
    return page


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab itself, with real workers; it must end cleanly when the tests are over."""
    lab = Lab(timeout_s=90 * TIMEOUT_FACTOR)
    yield lab
    said = lab.output()
    status = lab.stop(30 * TIMEOUT_FACTOR)
    assert status == 0, f"the app ended with exit status {status} after SIGTERM:\n{said}"


@pytest.fixture
def lab_url(lab: Lab) -> str:
    """Where the lab listens."""
    return lab.url


def _collect_problems(page: Page, problems: list[str]) -> None:
    """Write down what a developer would see in red."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_failed_request(failed: Request) -> None:
        if failed.failure != "net::ERR_ABORTED":  # the page was left while it was loading
            problems.append(f"request: {failed.method} {failed.url}: {failed.failure}")

    def on_exception(exception: Error) -> None:
        problems.append(f"exception: {exception}")

    page.on("console", on_console)
    page.on("pageerror", on_exception)
    page.on("requestfailed", on_failed_request)


def _photograph(pages: list[Page], test: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "-", test.split("/")[-1])
    for number, page in enumerate(pages, start=1):
        try:
            page.screenshot(path=Path(RESULTS, f"{stem}-{number}.png"), full_page=True, timeout=10_000)
        except Error as error:
            print(f"no picture of page {number}: {error}")
