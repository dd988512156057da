"""The lab in pages of another site, in a real browser with a real lab; and an exercise of one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.servers import Lab
from tests.browser.test_embed import NO_STORAGE
from tests.browser.test_exercise import RIGHT, encoded
from tests.conftest import TIMEOUT_FACTOR
from trainer.presets import find_preset

pytestmark = pytest.mark.timeout(300)

COURSE: Final = "http://localhost"
"""Where pages of others are, in these tests: another site than 127.0.0.1, at a port of its own."""


@contextmanager
def course(html: str) -> Iterator[str]:
    """A page of somebody else's, at another host and port; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<!doctype html><html lang="en"><title>Course</title><link rel="icon" href="data:,">{html}</html>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{COURSE}:{server.server_port}/"
        server.shutdown()


def framed(page: Page) -> Frame:
    """The frame of a page, once the lab in it shows a run."""
    handle = page.locator("iframe").element_handle()
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    return frame


@pytest.fixture(scope="module")
def open_lab() -> Iterator[Lab]:
    """A lab that any page of localhost may show in a frame."""
    lab = Lab(
        timeout_s=90 * TIMEOUT_FACTOR,
        DROPOUT_LAB_FRAME_ANCESTORS="http://localhost:*",
        DROPOUT_LAB_WORKERS="1",
        DROPOUT_LAB_THREADS="1",
    )
    yield lab
    lab.stop(30 * TIMEOUT_FACTOR)


def tag_from(open_page: OpenPage, lab: Lab, search: str = "") -> tuple[str, str]:
    """The tag that the dialog of a lab gives, and what it says of frames."""
    page = open_page()
    LabPage(page, lab.url).open(search)
    page.locator("[data-do=share]").click()
    tag = page.locator("#share-embed").input_value()
    told = page.locator("[data-show=frames]").inner_text()
    page.goto("about:blank")
    return tag, told


@pytest.mark.parametrize("remembers", [True, False], ids=["storage", "no storage"])
def test_a_page_of_another_site_shows_panels_that_train(
    open_page: OpenPage, page: Page, open_lab: Lab, remembers: bool
) -> None:
    tag, told = tag_from(open_page, open_lab, "?train_size=200")
    assert "allows it to http://localhost:*." in told
    if not remembers:
        page.add_init_script(f"if (location.hostname === '127.0.0.1') {{ {NO_STORAGE} }}")
    with course(f"<h1>Dropout</h1>{tag}") as address:
        page.goto(address)
        frame = framed(page)
        frame.wait_for_function("() => window.dropoutLab.store.state.steps.last > 5")
        assert frame.evaluate("() => window.dropoutLab.store.state.role") == "owner"
        frame.locator("[data-do=toggle]").click()
        frame.wait_for_function("() => window.dropoutLab.store.state.run.state === 'paused'")
        run = frame.evaluate("() => window.dropoutLab.store.state.run.id")
        with page.expect_popup() as opened:
            frame.locator("#embed a").click()
        whole = opened.value
        whole.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
        assert whole.evaluate("() => window.dropoutLab.store.state.run.config.train_size") == 200
        assert whole.evaluate("() => window.dropoutLab.store.state.run.id") != run
        expect(whole.locator(".masthead")).to_be_visible()
        whole.close()
        page.goto("about:blank")


@pytest.mark.expected_errors("frame-ancestors", "ERR_BLOCKED_BY_RESPONSE", "X-Frame-Options", "chrome-error")
def test_where_frames_are_not_allowed_the_browser_refuses_and_the_dialog_said_so(
    open_page: OpenPage, page: Page, lab_url: str
) -> None:
    whole = open_page()
    LabPage(whole, lab_url).open()
    whole.locator("[data-do=share]").click()
    tag = whole.locator("#share-embed").input_value()
    expect(whole.locator("[data-show=frames]")).to_contain_text("This server does not allow it now")
    with course(tag) as address:
        with page.expect_event("console", lambda message: message.type == "error") as refused:
            page.goto(address)
        assert lab_url in refused.value.text
        assert all(not frame.url.startswith(lab_url) for frame in page.frames)


def test_a_link_to_oembed_stands_in_the_head_of_the_page(page: Page, open_lab: Lab) -> None:
    page.goto(f"{open_lab.url}/experiments/twin?seed=3")
    href = page.locator("link[type='application/json+oembed']").get_attribute("href")
    assert href is not None
    told: dict[str, Any] = json.loads(page.request.get(urljoin(page.url, href)).text())
    assert told["title"] == f"{find_preset('twin').title} · Dropout Lab"
    with course(told["html"]) as address:
        page.goto(address)
        frame = framed(page)
        assert frame.evaluate("() => window.dropoutLab.store.state.run.config.seed") == 3
        assert frame.evaluate("() => window.dropoutLab.store.state.open") == ["network", "loss"]
        page.goto("about:blank")


def test_an_exercise_of_a_real_lab_is_answered_and_trains(page: Page, lab_url: str) -> None:
    lab = LabPage(page, lab_url).open(f"?exercise={encoded(RIGHT)}&train_size=200")
    expect(page.locator("[data-do=toggle]")).to_be_disabled()
    assert lab.last_step() == 0
    page.get_by_role("radio", name="0.5").check()
    page.get_by_role("button", name="Start").click()
    lab.wait("state.steps.last > 5")
    assert lab.state("state.run.config.train_size") == 200
    expect(page.locator("#exercise")).to_contain_text("That is right.")
    lab.pause()
    run = lab.state("state.run.id")
    page.wait_for_function("(id) => sessionStorage.getItem('dropout-lab-run')?.includes(id)", arg=run)
    page.reload()
    lab.wait("state.run !== null")
    assert lab.state("state.run.id") == run
    expect(page.locator("#exercise")).to_contain_text("That is right.")
