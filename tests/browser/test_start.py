"""Whatever keeps the page from starting is said on the page within ten seconds, with what to do."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from app.security import security_headers
from app.settings import Settings
from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.servers import ROOT, Lab
from tests.nginx import example, nginx, replaced

FRAMED: Final = security_headers(Settings(frame_ancestors="'self'"))["Content-Security-Policy"]
"""What the lab itself would say if it were told that pages beside it may show it in a frame."""


class Held:
    """Requests that are not answered until a test lets them go."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def hold(self, route: Route) -> None:
        """Keep one waiting."""
        self._routes.append(route)

    def let_go(self) -> None:
        """Have all of them answered."""
        for route in self._routes:
            route.continue_()


def framing(sandbox: str) -> str:
    """An nginx with a page at /course that shows the lab in a sandboxed frame."""
    course = f"<!doctype html><title>Course</title><iframe {sandbox} width=1000 height=700 src=/></iframe>"
    place = f"""    location = /course {{
        default_type text/html;
        return 200 '{course}';
    }}

    location / {{
        proxy_hide_header X-Frame-Options;
        proxy_hide_header Content-Security-Policy;
        add_header Content-Security-Policy "{FRAMED}";"""
    return replaced(example("root"), "    location / {", place)


@pytest.mark.expected_errors(
    "CORS policy", "net::ERR_FAILED", "blocked by CORS", "NotSameOrigin", "BLOCKED_BY_RESPONSE"
)
def test_a_sandboxed_frame_says_that_it_is_cut_off_and_what_to_do(open_page: OpenPage, lab: Lab) -> None:
    page = open_page()
    with nginx(framing('sandbox="allow-scripts"'), lab.port) as proxy:
        page.goto(proxy.url + "/course")
        frame = page.frame_locator("iframe")
        starting = frame.locator("#starting")
        expect(starting).to_contain_text("This frame is cut off from the lab")
        expect(starting).to_contain_text("allow-scripts allow-same-origin")
        expect(starting.get_by_role("link")).to_have_attribute("href", proxy.url + "/")
        expect(frame.get_by_text("Loading the knobs")).to_be_hidden()


@pytest.mark.expected_errors("net::ERR_FAILED")
def test_where_no_script_at_all_arrives_the_style_sheet_says_so(page: Page, lab_url: str) -> None:
    page.route("**/js/**", lambda route: route.abort())
    page.goto(lab_url)
    expect(page.locator("#unstarted")).to_be_visible()
    expect(page.locator("#unstarted")).to_contain_text("its scripts did not arrive")


def test_a_sandboxed_frame_of_the_same_origin_works(open_page: OpenPage, lab: Lab) -> None:
    page = open_page()
    with nginx(framing('sandbox="allow-scripts allow-same-origin"'), lab.port) as proxy:
        page.goto(proxy.url + "/course")
        frame = page.frame_locator("iframe")
        expect(frame.locator("[data-show=connection]")).to_have_text("live")
        expect(frame.locator("#starting")).to_be_hidden()


@pytest.mark.expected_errors("net::ERR_FAILED", "ERR_BLOCKED")
@pytest.mark.parametrize("module", ["main", "state/ring"])
def test_a_module_that_does_not_arrive_is_named(page: Page, lab_url: str, module: str) -> None:
    page.route(f"**/js/{module}.js", lambda route: route.abort())
    page.goto(lab_url)
    starting = page.locator("#starting")
    expect(starting).to_contain_text("A part of this page did not arrive")
    expect(starting).to_contain_text(f"/js/{module}.js")
    expect(starting).to_contain_text("Reload the page")
    expect(page.get_by_text("Loading the knobs")).to_be_hidden()


@pytest.mark.expected_errors("net::ERR_FAILED", "dynamically imported module")
def test_a_view_that_does_not_arrive_is_lost_alone(page: Page, lab_url: str) -> None:
    page.route("**/js/views/kept.js", lambda route: route.abort())
    page.goto(lab_url)
    expect(page.locator("[data-show=connection]")).to_have_text("live")
    expect(page.locator(".panel-kept .stopped")).to_contain_text("views/kept.js")
    expect(page.locator(".stopped")).to_have_count(1)
    expect(page.locator("#starting")).to_be_hidden()
    expect(page.locator("#masks-sentence")).to_contain_text("Step")


@pytest.mark.expected_errors("MIME type", "502")
def test_a_module_in_whose_place_something_else_answers_is_named(page: Page, lab_url: str) -> None:
    sign_in = "<!doctype html><title>Sign in</title>"
    page.route("**/js/state/store.js", lambda route: route.fulfill(body=sign_in, content_type="text/html"))
    page.goto(lab_url)
    expect(page.locator("#starting")).to_contain_text("/js/state/store.js")


@pytest.mark.expected_errors("SyntaxError", "Unexpected", "no such thing")
@pytest.mark.parametrize("broken", ["throw new Error('no such thing as structuredClone');", "let (;"])
def test_a_script_that_stops_is_quoted(page: Page, lab_url: str, broken: str) -> None:
    text = (ROOT / "static" / "js" / "model" / "bits.js").read_text()
    page.route("**/js/model/bits.js", lambda route: route.fulfill(body=text + broken, content_type="text/javascript"))
    page.goto(lab_url)
    starting = page.locator("#starting")
    expect(starting).to_contain_text("A script of this page stopped")
    expect(starting).to_contain_text(re.compile("no such thing|SyntaxError"))


def test_a_browser_without_modules_is_told_that_it_is_too_old(open_page: OpenPage, lab_url: str) -> None:
    page = open_page()
    page.add_init_script("delete HTMLScriptElement.prototype.noModule;")
    html = page.request.get(lab_url).text().replace('type="module"', 'type="what is this"')
    page.route(lab_url + "/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(lab_url)
    expect(page.locator("#starting")).to_contain_text("This browser is too old")


def test_scripts_that_are_long_in_coming_are_waited_for_aloud(page: Page, lab_url: str) -> None:
    held = Held()
    page.route("**/js/link/url.js", held.hold)
    page.goto(lab_url, wait_until="commit")
    expect(page.locator("#starting")).to_contain_text("scripts have not arrived yet")
    held.let_go()
    expect(page.locator("[data-show=connection]")).to_have_text("live")
    expect(page.locator("#starting")).to_be_hidden()


@pytest.mark.expected_errors(r"\.js: csp")  # what a browser calls a script that it does not want at all
def test_without_javascript_the_page_says_so(open_page: OpenPage, lab_url: str) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(lab_url)
    expect(page.get_by_role("heading", name="JavaScript is off")).to_be_visible()
    expect(page.get_by_text("Loading the knobs")).to_be_hidden()
    expect(page.locator("[data-show=connection]")).to_be_hidden()
    expect(page.locator("main .panel:visible")).to_have_count(1)


REFUSALS: Final = {
    "in the lab's words": (
        500,
        '{"error": {"code": "internal", "message": "its log says what"}}',
        "Its log says what.",
    ),
    "in no words": (500, "<h1>Internal Server Error</h1>", "Something between this page and the lab"),
}


@pytest.mark.expected_errors("500")
@pytest.mark.parametrize("how", REFUSALS)
def test_a_server_that_refuses_what_the_page_needs_is_quoted(page: Page, lab_url: str, how: str) -> None:
    status, body, words = REFUSALS[how]
    page.route("**/api/runs", lambda route: route.fulfill(status=status, body=body))
    page.goto(lab_url)
    expect(page.locator("#nothing")).to_contain_text(words)
    expect(page.get_by_text("Loading the knobs")).to_be_hidden()
    page.unroute("**/api/runs")
    page.locator("#nothing").get_by_role("button").click()
    expect(page.locator("[data-show=connection]")).to_have_text("live")


@pytest.mark.expected_errors("502")
def test_a_server_that_is_away_for_a_moment_is_waited_for_aloud(page: Page, lab_url: str) -> None:
    page.route("**/api/runs", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    page.goto(lab_url)
    expect(page.locator("#connection")).to_contain_text("does not reach the lab right now")
    page.unroute("**/api/runs")
    expect(page.locator("[data-show=connection]")).to_have_text("live")
    expect(page.locator("#connection")).to_be_hidden()


def test_a_server_that_does_not_answer_is_waited_for_aloud(page: Page, lab_url: str) -> None:
    held = Held()
    page.route("**/api/runs", held.hold)
    page.goto(lab_url)
    expect(page.locator("#connection")).to_contain_text("was asked to open a run")
    held.let_go()
    expect(page.locator("[data-show=connection]")).to_have_text("live")
    expect(page.locator("#connection")).to_be_hidden()


FORBIDDEN: Final = """for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("not here", "SecurityError"); } });
}"""


def test_where_storage_is_forbidden_the_page_works_and_remembers_nothing(open_page: OpenPage, lab_url: str) -> None:
    page = open_page()
    page.add_init_script(FORBIDDEN)
    lab_page = LabPage(page, lab_url).open()
    lab_page.button("theme").click()
    lab_page.pause()
    assert lab_page.step() > 0
    lab_page.button("views").click()
    page.locator("#views input").first.click()
    page.keyboard.press("Escape")
    page.reload()
    lab_page.wait("state.steps.last > 0")


def test_what_another_page_left_in_the_storage_does_no_harm(open_page: OpenPage, lab_url: str) -> None:
    page = open_page()
    page.add_init_script(
        "sessionStorage.setItem('dropout-lab-run', '{'); localStorage.setItem('dropout-lab-panels-', '?');"
    )
    LabPage(page, lab_url).open().wait("state.steps.last > 0")


def test_what_watches_the_start_is_written_so_that_any_browser_can_read_it() -> None:
    text = (ROOT / "static" / "js" / "boot" / "start-boot.js").read_text()
    code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", "", text, flags=re.DOTALL)
    assert not re.search(r"=>|`|\b(?:const|let|class|import|export|async|await|for \(.* of)\b|\?\.|\?\?|\.\.\.", code)
