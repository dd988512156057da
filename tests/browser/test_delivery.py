"""The page from its bundle: it arrives in few requests, and everything works that is loaded later."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.arrival import A_LESSON, Visit, two_visits
from tests.browser.driver import LabPage
from tests.browser.servers import ROOT, Lab
from tests.conftest import TIMEOUT_FACTOR

pytestmark = pytest.mark.timeout(300)

MOST_REQUESTS: Final = 15
COACH: Final = 1  # what leads through a lesson
MOST_BYTES: Final = 400_000
MOST_AGAIN: Final = 5
MOST_OF_A_PHONE: Final = 40_000
TABLE: Final = "a,b,kind\n" + "\n".join(f"{index},{index % 7},{'xy'[index % 2]}" for index in range(60))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout in which the page is bundled, as `make page` does it."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("app", "trainer", "lessons", "templates", "static", "scripts"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    subprocess.run([sys.executable, "-m", "scripts.bundle"], cwd=copy, check=True, timeout=120 * TIMEOUT_FACTOR)
    return copy


@pytest.fixture(scope="module")
def bundled(checkout: Path) -> Iterator[Lab]:
    """A lab whose page is bundled."""
    lab = Lab(root=checkout, timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_SINGLE_MODULES="0", DROPOUT_LAB_WORKERS="1")
    yield lab
    lab.stop(30 * TIMEOUT_FACTOR)


@pytest.fixture(scope="module")
def visits(browser: Browser, bundled: Lab) -> tuple[Visit, Visit]:
    """A first visit with nothing cached, and a second."""
    return two_visits(browser, bundled.port)


def test_a_first_visit_needs_few_requests_and_bytes_before_the_page_works(visits: tuple[Visit, Visit]) -> None:
    first, _ = visits
    assert "/" in first.before.requests
    assert any(path.endswith("/live") for path in first.before.requests)
    assert len(first.before.requests) <= MOST_REQUESTS, first.before.requests
    assert first.before.received <= MOST_BYTES, first.before.requests


def test_a_second_visit_asks_for_next_to_nothing(visits: tuple[Visit, Visit]) -> None:
    _, second = visits
    assert "/" in second.before.requests
    assert len(second.before.requests) <= MOST_AGAIN, second.before.requests


def test_a_lesson_arrives_with_its_first_words_and_a_second_visit_asks_for_next_to_nothing(
    browser: Browser, bundled: Lab
) -> None:
    first, second = two_visits(browser, bundled.port, path="lessons/1", found=A_LESSON)
    assert len(first.before.requests) <= MOST_REQUESTS + COACH, first.before.requests
    assert first.before.received <= MOST_BYTES
    assert len(second.before.requests) <= MOST_AGAIN, second.before.requests


def test_the_page_asks_for_no_single_module_and_for_nothing_that_is_not_there(page: Page, bundled: Lab) -> None:
    answers: list[tuple[int, str]] = []
    page.on("response", lambda response: answers.append((response.status, response.url)))
    lab = LabPage(page, bundled.url).open()
    lab.pause()  # on a busy machine a view waits long for its turn beside training
    lab.button("views").click()
    page.locator("#views input[value=damage]").check()  # its view is in the file that comes later
    page.keyboard.press("Escape")
    page.locator("#damage").scroll_into_view_if_needed()  # a chart is drawn when it comes near
    expect(page.locator("#damage .main-svg").first).to_be_visible()
    assert [answer for answer in answers if "/js/" in answer[1] or answer[0] >= 400] == []


def test_the_painter_of_the_bundle_works_in_a_worker(page: Page, bundled: Lab) -> None:
    lab = LabPage(page, bundled.url).open()
    lab.wait("state.steps.last > 20")
    canvas = page.locator("#network canvas[data-step]").first
    lab.pause()
    expect(canvas).to_have_attribute("data-step", str(lab.last_step()))
    [worker] = page.workers
    assert worker.url.endswith("/network-worker.js")
    assert page.locator("#notice").inner_text() == ""


def test_views_drawing_and_dialogs_that_come_later_work(page: Page, bundled: Lab) -> None:
    lab = LabPage(page, bundled.url).open()
    lab.wait("state.scores.length > 1")
    expect(page.locator("#loss .main-svg .scatterlayer .trace").first).to_be_visible()
    lab.pause()
    lab.button("views").click()
    for panel in ("draw", "damage"):
        page.locator(f"#views input[value={panel}]").check()
    page.keyboard.press("Escape")
    page.locator("#damage").scroll_into_view_if_needed()  # a chart is drawn when it comes near
    expect(page.locator("#damage .main-svg").first).to_be_visible()
    pad = page.locator("#draw canvas").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.8, steps=8)
    page.mouse.up()
    expect(page.locator("#draw-sentence")).to_contain_text("sub-networks")
    page.locator("#upload-file").set_input_files({"name": "own.csv", "mimeType": "text/csv", "buffer": TABLE.encode()})
    expect(page.locator("#upload")).to_contain_text("kind")


def test_the_page_of_an_experiment_has_the_views_that_it_opens(page: Page, bundled: Lab) -> None:
    page.goto(bundled.url + "/experiments/forgotten-eval")
    expect(page.locator("#forgotten .chart-frame")).to_be_visible()
    page.get_by_role("button", name="Start").first.wait_for(state="attached")
    expect(page.locator("[data-show=connection]")).to_have_text("live")
    assert page.evaluate("() => window.dropoutLab.store.state.experiments.length") == 1  # the page brought it along


def test_the_page_of_ones_own_runs_is_bundled_too(page: Page, bundled: Lab) -> None:
    page.goto(bundled.url + "/runs")
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    sources = page.locator("script[type=module]").evaluate_all("all => all.map((each) => each.getAttribute('src'))")
    assert len(sources) == 1
    assert re.fullmatch(r"\./static/[0-9a-f]{16}/runs\.js", sources[0])


@pytest.mark.expected_errors("status of 404")  # there is no such room
def test_a_phone_needs_few_bytes_of_a_room_and_nothing_of_the_labs_page(page: Page, bundled: Lab) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    received: list[float] = []
    paths: list[str] = []
    devtools.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.on("request", lambda request: paths.append(request.url.removeprefix(bundled.url)))
    page.goto(bundled.url + "/r/K7QX3M")
    expect(page.get_by_role("heading", level=1)).to_have_text("Join a class room")
    page.wait_for_load_state("networkidle")
    files = [path for path in paths if path.startswith("/static/")]
    names = {path.rpartition("/")[2] for path in files}
    assert names <= {"start-boot.js", "room-head.js", "room-phone.css", "phone.js", "favicon.svg"}
    assert {"room-phone.css", "phone.js"} <= names
    assert all(re.match(r"/static/[0-9a-f]{16}/", path) for path in files)
    assert 10_000 < sum(received) < MOST_OF_A_PHONE, paths


def test_an_installation_without_a_bundle_serves_single_modules(page: Page, checkout: Path) -> None:
    shutil.move(checkout / "built", checkout / "put away")
    try:
        lab = Lab(root=checkout, timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_SINGLE_MODULES="0", DROPOUT_LAB_WORKERS="1")
    finally:
        shutil.move(checkout / "put away", checkout / "built")
    try:
        assert "was not bundled" in lab.output()
        LabPage(page, lab.url).open().wait("state.steps.last > 20")
        assert os.path.basename(str(page.locator("script[type=module]").get_attribute("src"))) == "main.js"
        assert page.locator("link[rel=modulepreload]").count() > 100
    finally:
        lab.stop(30 * TIMEOUT_FACTOR)
