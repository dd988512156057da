"""Captions can be read at fifteen: what is seen of each before it is unfolded, as the page makes it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page
from textstat import textstat

from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.test_verdicts import TEXTS, outcomes, state_of
from tests.test_words import MOST_GRADE
from trainer.presets import PRESETS, Preset

SEEN: Final = """async (texts) => {
  const { folded } = await import("/static/js/base/caption.js");
  return texts.map((text) => folded(text).head);
}"""
RUNS: Final = 5  # of each experiment: those that are stored


def hard(captions: list[str]) -> list[tuple[float, str]]:
    """Captions that ask for more years of school than a reader of fifteen has."""
    grades = [(textstat.flesch_kincaid_grade(caption), caption) for caption in captions]
    return [(grade, caption) for grade, caption in grades if grade > MOST_GRADE]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.id))
def test_captions_of_stored_runs_can_be_read_at_fifteen(module_page: Page, preset: Preset) -> None:
    runs = list(outcomes(preset))[:RUNS]
    states: list[tuple[dict[str, Any], int | None]] = [(state_of(preset, seed, run), None) for seed, run in runs]
    told = [text for said in module_page.evaluate(TEXTS, states) for place, text in said.items() if place != "report"]
    seen: list[str] = module_page.evaluate(SEEN, told)
    assert len(seen) >= 2 * RUNS
    assert hard(sorted(set(seen))) == []


@pytest.mark.timeout(300)
def test_captions_of_every_view_of_a_run_can_be_read_at_fifteen(open_page: OpenPage, lab_url: str) -> None:
    page = open_page()
    views = (
        "network masks kept loss accuracy ensemble activity correlation damage visits features gradient cost forgotten"
    )
    page.add_init_script(f"localStorage.setItem('dropout-lab-panels-', '{views}')")
    lab = LabPage(page, lab_url).open()
    lab.wait("state.ensemble && state.scores.length > 4", seconds=90)
    lab.pause()
    told = """(views) => Object.fromEntries(views.map((id) =>
      [id, document.querySelector(`#${id}-sentence > span`)?.textContent ?? ""]))"""
    page.wait_for_function(
        f"(views) => Object.values(({told})(views)).every((text) => /[0-9]/.test(text))", arg=views.split()
    )
    captions: dict[str, str] = page.evaluate(told, views.split())
    assert hard([*captions.values()]) == []
