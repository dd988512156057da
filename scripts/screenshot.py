"""Takes the pictures of docs/img: the real page, after a thousand real steps. Run by ``make screenshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import arguments, find_or_install
from tests.browser.driver import LabPage
from tests.browser.servers import Lab

IMAGES: Final = Path(__file__).resolve().parents[1] / "docs" / "img"
STEPS: Final = 1000
EXPERIMENT: Final = "rate"
PICTURES: Final[dict[str, dict[str, Any]]] = {
    "lab.png": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "lab-dark.png": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "lab-phone.png": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True},
}


def take(browser: Browser, url: str, path: Path, options: dict[str, Any]) -> None:
    """Open the page as a newcomer does, let the default run play a thousand steps, and take its picture."""
    context = browser.new_context(**options)
    lab_page = LabPage(context.new_page(), url).open()
    lab_page.wait(f"state.steps.last >= {STEPS}", seconds=300)
    lab_page.pause()
    lab_page.wait("state.ensemble && state.scores.step[state.scores.length - 1] === state.run.step")
    lab_page.page.wait_for_timeout(3_000)  # the charts are redrawn in turn
    lab_page.page.screenshot(path=path)
    context.close()
    print(path)


def take_experiment(browser: Browser, url: str, path: Path) -> None:
    """Open an experiment, do without a guess, and take its picture when it has come to its end."""
    context = browser.new_context(**PICTURES["lab.png"])
    lab_page = LabPage(context.new_page(), url).open(f"experiments/{EXPERIMENT}")
    lab_page.page.get_by_role("button", name="Start without guessing").click()
    lab_page.wait("state.run.step === state.run.stop_at && state.run.state === 'paused'", seconds=300)
    lab_page.page.wait_for_timeout(3_000)  # the charts are redrawn in turn
    lab_page.page.screenshot(path=path)
    context.close()
    print(path)


def main() -> None:
    """Start a lab and take each picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chromium = find_or_install()
    lab = Lab(timeout_s=120)
    try:
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=chromium, args=arguments()) as browser,
        ):
            for name, options in PICTURES.items():
                take(browser, lab.url, IMAGES / name, options)
            take_experiment(browser, lab.url, IMAGES / "experiment.png")
    finally:
        lab.stop()


if __name__ == "__main__":
    main()
