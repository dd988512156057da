"""Fixtures of the browser tests: a real Chromium, a page that tolerates no errors, and a real lab.

Playwright's synchronous interface keeps an event loop in the test's thread, where pytest-asyncio then could not run its
own: so Chromium is started for this folder and ended with it, the tests of the folder follow one another, and none of
them is asynchronous.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from app.security import security_headers
from app.settings import Settings
from tests.browser.chromium import arguments, find_or_install
from tests.browser.servers import ROOT, Lab
from tests.browser.static import static_server
from tests.conftest import TIMEOUT_FACTOR

ORDINARY: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 900}}
RESULTS: Final = ROOT / "test-results"
PATIENCE_MS: Final = 60_000 * TIMEOUT_FACTOR
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


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A real Chromium, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=arguments())
        yield chromium
        chromium.close()


@pytest.fixture
def afterwards() -> Iterator[ExitStack]:
    """What is closed when all else of a test is over: its pages have been photographed by then, if it failed."""
    with ExitStack() as stack:
        yield stack


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A visitor who has never been here."""
    context = browser.new_context(**{**ORDINARY, **options})
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture(scope="package")
def idle_visitors() -> list[BrowserContext]:
    """Visitors that no test needs just now. The next one that does goes on with one: what it fetched once it has."""
    return []


@pytest.fixture
def usual_visitor(
    request: pytest.FixtureRequest, browser: Browser, idle_visitors: list[BrowserContext], afterwards: ExitStack
) -> Callable[[], BrowserContext]:
    """Gives visitors who know nothing of earlier tests."""

    def give_back(context: BrowserContext) -> None:
        if request.node.stash.get(_failed, False):
            context.close()
        else:
            _forget(context)
            idle_visitors.append(context)

    def one() -> BrowserContext:
        context = idle_visitors.pop() if idle_visitors else new_context(browser)
        if not context.pages:
            context.new_page()  # it stays empty, and the browser is told through it to forget
        afterwards.callback(give_back, context)
        return context

    return one


def _forget(context: BrowserContext) -> None:
    """Leave nothing of a test: its pages, and what was allowed or stored."""
    empty, *pages = context.pages
    for page in pages:
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    devtools = context.new_cdp_session(empty)
    devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    devtools.detach()


@pytest.fixture
def watch_over(request: pytest.FixtureRequest, afterwards: ExitStack) -> Iterator[Callable[[Page], None]]:
    """Takes pages in its care.

    When the test is over, every console error, uncaught exception and failed request of every page fails it, unless it
    is marked ``expected_errors`` with regular expressions for those that belong to it. The pages of a test that failed
    are kept as pictures in ``test-results/``.
    """
    pages: list[Page] = []
    problems: list[str] = []

    def watch_over_one(page: Page) -> None:
        afterwards.callback(_collect_problems(page, problems))
        pages.append(page)

    yield watch_over_one

    mark = request.node.get_closest_marker("expected_errors")
    expected = [re.compile(pattern) for pattern in mark.args] if mark else []
    unexpected = [problem for problem in problems if not any(pattern.search(problem) for pattern in expected)]
    if unexpected or request.node.stash.get(_failed, False):
        _photograph(pages, request.node.nodeid)
    if unexpected:
        request.node.stash[_failed] = True
        pytest.fail("the page had errors:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture
def open_page(
    browser: Browser,
    usual_visitor: Callable[[], BrowserContext],
    afterwards: ExitStack,
    watch_over: Callable[[Page], None],
) -> OpenPage:
    """Opens pages, each of a visitor of its own; takes the options of ``Browser.new_context``.

    Their errors fail the test (`watch_over`).
    """

    def open_one(**options: Any) -> Page:
        if options:
            context = new_context(browser, **options)
            afterwards.callback(context.close)
        else:
            context = usual_visitor()
        page = context.new_page()
        watch_over(page)
        return page

    return open_one


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """An empty page, 1440 × 900, that tolerates no errors."""
    return open_page()


@pytest.fixture(scope="session")
def static_url() -> Iterator[str]:
    """A server of ``static/`` alone, under the app's content security policy."""
    with static_server(security_headers(Settings())["Content-Security-Policy"]) as url:
        yield url


@pytest.fixture(scope="package")
def idle_module_pages() -> list[Page]:
    """The page of the pure modules while no test needs it; none at first, and after a test that failed."""
    return []


@pytest.fixture
def module_page(
    request: pytest.FixtureRequest,
    browser: Browser,
    static_url: str,
    idle_module_pages: list[Page],
    afterwards: ExitStack,
    watch_over: Callable[[Page], None],
) -> Iterator[Page]:
    """A page in which ``await import("/static/js/….js")`` works and nothing else is loaded, with nothing stored.

    The tests have it in turn, each with a document of its own, and so with modules and globals of its own.
    Who needs what cannot be undone (``add_init_script``, ``expose_function``, ``clock``) takes a ``page`` instead.
    """
    page = idle_module_pages.pop() if idle_module_pages else new_context(browser).new_page()

    def give_back() -> None:
        if request.node.stash.get(_failed, False):
            page.context.close()
        else:
            _make_new(page)
            idle_module_pages.append(page)

    afterwards.callback(give_back)
    watch_over(page)
    page.goto(static_url)
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    yield page
    with suppress(Error):  # the page may be gone
        page.evaluate("() => 0")  # what was thrown last has come before the answer does, and belongs to this test


def _make_new(page: Page) -> None:
    """Undo what a test did to the page itself, and end its document: what that may still throw is nobody else's."""
    page.goto("about:blank")
    for other in page.context.pages[1:]:
        other.close()
    page.unroute_all()
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    page.set_viewport_size(ORDINARY["viewport"])
    page.mouse.move(0, 0)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab itself, with real workers; it must end cleanly when the tests are over."""
    # A run whose page was closed takes nothing more from the tests that come after it.
    lab = Lab(timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_UNWATCHED_PAUSE_S="0.5")
    yield lab
    said = lab.output()
    status = lab.stop(30 * TIMEOUT_FACTOR)
    assert status == 0, f"the app ended with exit status {status} after SIGTERM:\n{said}"


@pytest.fixture
def lab_url(lab: Lab) -> str:
    """Where the lab listens."""
    return lab.url


def _collect_problems(page: Page, problems: list[str]) -> Callable[[], None]:
    """Write down what a developer would see in red, until what is returned is called."""

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

    def stop() -> None:
        page.remove_listener("console", on_console)
        page.remove_listener("pageerror", on_exception)
        page.remove_listener("requestfailed", on_failed_request)

    return stop


def _photograph(pages: list[Page], test: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "-", test.split("/")[-1])
    for number, page in enumerate(pages, start=1):
        try:
            page.screenshot(path=Path(RESULTS, f"{stem}-{number}.png"), full_page=True, timeout=10_000 * TIMEOUT_FACTOR)
        except Error as error:
            print(f"no picture of page {number}: {error}")
