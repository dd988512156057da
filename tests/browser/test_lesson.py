"""A lesson from end to end: a host, a projector and three phones, at a real server with real workers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS, RESULTS, OpenPage
from tests.browser.servers import Lab
from tests.conftest import TIMEOUT_FACTOR

LINK: Final = "(dropoutLab.link ?? dropoutLab.seat.link)"
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PROJECTOR: Final[dict[str, Any]] = {"viewport": {"width": 1920, "height": 1080}}
LAPTOP: Final[dict[str, Any]] = {"viewport": {"width": 1366, "height": 768}}
NAMES: Final = ("Ada", "Bo", "Cy")

pytestmark = pytest.mark.expected_errors(
    "WebSocket connection to", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"
)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[list[Lab]]:
    """A lab that keeps what there is and may be killed: the last of the list is ended for the test."""
    labs = [start(tmp_path)]
    yield labs
    labs[-1].stop(30 * TIMEOUT_FACTOR)


def start(folder: Path, port: int = 0) -> Lab:
    """Start a lab."""
    settings: dict[str, Any] = {"DROPOUT_LAB_WORKERS": "2", "DROPOUT_LAB_KEEP": "true", "DROPOUT_LAB_DATA": str(folder)}
    return Lab(port=port, timeout_s=90 * TIMEOUT_FACTOR, **settings)


class Lesson:
    """A room with everybody in it.

    Args:
        open_page: opens pages.
        url: of the lab.
    """

    def __init__(self, open_page: OpenPage, url: str) -> None:
        self.host = open_page(**LAPTOP)
        self.host.goto(f"{url}/rooms")
        self.host.get_by_role("button", name="Open a room").click()
        self.host.wait_for_url("**/host", timeout=PATIENCE_MS)
        found = re.search(r"/rooms/(\w+)/host", self.host.url)
        assert found is not None
        self.code = found[1]
        self.projector = open_page(**PROJECTOR)
        self.projector.goto(f"{url}/rooms/{self.code}/projector")
        expect(self.projector.locator(".join").first).to_contain_text(self.code[:3])
        self.phones = [open_page(**PHONE) for _ in NAMES]
        for phone, name in zip(self.phones, NAMES, strict=True):
            phone.goto(f"{url}/r/{self.code}")
            phone.get_by_label("Your name", exact=True).fill(name)
            phone.get_by_role("button", name="Join", exact=True).tap()
            expect(phone.locator("#work")).to_be_visible()

    def works(self, way: str) -> None:
        """Have everybody work in another way."""
        self.host.get_by_text(way, exact=True).click()

    def play(self) -> None:
        """Have the runs train."""
        self.host.locator("#run [data-do=play]").click()

    def topic(self, page: Page, value: str) -> Any:
        """Something of the topics that a page has."""
        return page.evaluate(
            f"(() => {{ const {{ topics }} = dropoutLab.link ?? dropoutLab.seat.link; return {value}; }})()"
        )

    def until(self, page: Page, truth: str) -> None:
        """Wait until something is true of the topics that a page has."""
        wait(page, f"(() => {{ const {{ topics }} = {LINK}; return Boolean({truth}); }})()")


def wait(page: Page, truth: str) -> None:
    """Wait until something is true on a page. Its policy forbids what Playwright would have it evaluate."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(f"(() => {{ try {{ return {truth}; }} catch {{ return false; }} }})()"):
        assert time.monotonic() < end, f"in vain: {truth}"
        page.wait_for_timeout(50)


def slide(phone: Page, rate: float) -> None:
    """Move the large slider of a phone."""
    slider = phone.get_by_label("Dropout rate (hidden)")
    slider.evaluate(
        "(input, value) => { input.value = value; for (const each of ['input', 'change']) "
        "input.dispatchEvent(new Event(each, { bubbles: true })); }",
        str(rate),
    )


def axe(*pages: Page) -> None:
    """Find no barriers on pages as they are now."""
    from axe_playwright_python.sync_playwright import Axe

    for page in pages:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


@pytest.fixture
def photograph() -> Callable[[Page, str], None]:
    """Takes a picture of a page for whoever looks at them, in the folder of a test's results."""

    def take(page: Page, name: str) -> None:
        RESULTS.mkdir(exist_ok=True)
        page.screenshot(path=RESULTS / f"lesson-{name}.png", timeout=PATIENCE_MS)

    return take


def test_a_lesson(
    open_page: OpenPage, mortal: list[Lab], tmp_path: Path, photograph: Callable[[Page, str], None]
) -> None:
    lesson = Lesson(open_page, mortal[0].url)
    host, projector, phones = lesson.host, lesson.projector, lesson.phones
    for name in NAMES:
        expect(host.locator("#people")).to_contain_text(name)

    # Everybody follows the host's run, and predicts before it trains.
    lesson.works("Follow me")
    lesson.until(host, "topics.room.run?.state === 'paused'")
    host.get_by_role("button", name="Ask", exact=True).first.click()
    for phone, choice in zip(phones, ("No dropout", "Dropout", "Dropout"), strict=True):
        expect(phone.locator("#question-title")).to_contain_text("lower validation loss")
        phone.get_by_role("radio", name=choice, exact=True).tap()
    lesson.until(host, "topics.room.question?.answered === 3")
    step = host.locator("[data-do=next]")
    step.click()
    expect(projector.locator("[data-scene-of=question]")).to_contain_text("67%")
    photograph(projector, "prediction")
    step.click()
    lesson.until(phones[0], "topics.followed?.step > 60 && topics.followed.curve.step.length > 2")
    photograph(phones[0], "follow")
    step.click()
    for phone in phones:
        phone.get_by_role("radio", name=re.compile("^No dropout")).tap()
    lesson.until(host, "topics.room.question?.answered === 3")
    step.click()
    lesson.until(projector, "topics.room.question?.phase === 'told'")
    assert lesson.topic(projector, "topics.room.question.counts_again") == [3, 0]
    assert "Validation loss at step" in lesson.topic(projector, "topics.room.question.why")
    photograph(projector, "told")
    axe(host, projector, phones[0])
    step.click()

    # Everybody on their own.
    lesson.works("A run each")
    for phone in phones:
        lesson.until(phone, "topics.you.run !== null && topics.mine")
    slide(phones[1], 0.8)
    lesson.until(phones[1], "topics.you.knobs.hidden === 0.8")
    assert lesson.topic(phones[0], "topics.you.knobs.hidden") == 0.5
    lesson.play()
    for phone in phones:
        lesson.until(phone, "topics.mine.step > 30")
    lesson.until(host, "Object.values(topics.curves?.of ?? {}).length === 3")
    photograph(phones[1], "own")
    axe(host, projector, phones[1])

    # The class experiment: one run, a network for each phone.
    lesson.works("One run together")
    for phone, rate in zip(phones, (0.0, 0.3, 0.9), strict=True):
        lesson.until(phone, "topics.room.way === 'class'")
        slide(phone, rate)
        lesson.until(phone, f"topics.you.knobs.hidden === {rate}")
    host.get_by_role("button", name="Begin the class run").click()
    lesson.until(host, "topics.room.class_run?.state === 'paused'")
    lesson.play()
    lesson.until(projector, "topics.places?.places.length === 3 && topics.race?.step.at(-1) >= 50")
    assert lesson.topic(projector, "topics.places.places.map(({ hidden }) => hidden)") == [0, 0.3, 0.9]
    for phone in phones:
        lesson.until(phone, "topics.mine?.rank > 0")
    slide(phones[2], 0.5)
    lesson.until(projector, "topics.places.places[2].hidden === 0.5")
    lesson.until(projector, "topics.average?.average?.accuracy > 0")
    host.get_by_label("Known curve behind the dots").click()
    expect(projector.locator("[data-scene-of=class]")).to_contain_text("mean of 20 seeds")
    photograph(projector, "class")
    photograph(phones[2], "class-phone")
    photograph(host, "host")
    axe(host, projector, phones[2])

    # The server is killed in the middle of it, and started again: everybody is back without doing anything.
    before = [lesson.topic(phone, "[topics.you.lane, topics.you.knobs.hidden]") for phone in phones]
    step_before = lesson.topic(projector, "topics.places.step")
    port = mortal[0].port
    mortal[0].kill()
    for phone in phones:
        wait(phone, f"{LINK}.state.status === 'waiting'")
    expect(phones[0].locator(".connection")).to_contain_text(re.compile("connect", re.IGNORECASE))
    mortal.append(start(tmp_path, port))
    for page in (*phones, projector, host):
        wait(page, f"{LINK}.state.status === 'open'")
    lesson.until(projector, f"topics.places?.step > {step_before + 20}")
    assert [lesson.topic(phone, "[topics.you.lane, topics.you.knobs.hidden]") for phone in phones] == before

    # The end: nothing of it stays.
    host.get_by_role("button", name="End the room").click()
    host.locator("dialog[open]").get_by_role("button", name=re.compile("^End")).click()
    for phone in phones:
        expect(phone.locator("#gone")).to_contain_text("The room has ended")
