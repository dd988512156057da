"""A view that is added by the list in docs/extending.md is there wherever a user or a reader would look."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.servers import Lab
from tests.extending.harness import ROOT, Addition, Checkout, added

pytestmark = pytest.mark.timeout(600)

MOST_FILES: Final = 6
SCHEMA: Final = """
import json
from trainer.settings.schema import schema
print(json.dumps([panel for panel in schema()["panels"] if panel["id"] == "weights"]))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Addition]:
    """A copy of the checkout with the view."""
    return added("view", tmp_path_factory.mktemp("view"))


@pytest.fixture(scope="module")
def lab(extended: tuple[Checkout, Addition]) -> Iterator[Lab]:
    """A running lab of it."""
    lab = extended[0].lab()
    yield lab
    lab.stop()


def test_a_view_touches_few_files_and_all_of_them_are_listed(extended: tuple[Checkout, Addition]) -> None:
    copy, addition = extended
    assert copy.changed() == {*addition.touched}
    assert len(addition.touched) <= MOST_FILES
    section = (ROOT / "docs" / "extending.md").read_text().partition("\n## A view\n")[2].partition("\n## ")[0]
    listed = {name.replace("NAME", "weights") for name in re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)}
    assert listed == {*addition.touched}


def test_it_is_in_the_schema(extended: tuple[Checkout, Addition]) -> None:
    (told,) = json.loads(extended[0].python("-c", SCHEMA))
    assert (told["title"], told["group"], told["insight"], told["needs"]) == ("Weights", "Costs", True, "")


def test_every_test_that_is_made_of_the_list_of_panels_holds(extended: tuple[Checkout, Addition]) -> None:
    said = extended[0].tests(
        "tests/trainer/test_panels.py",
        "tests/trainer/insight/test_weights.py",
        "tests/trainer/insight/test_views.py",
        "tests/test_docs.py",
        "tests/test_architecture.py",
        "-k",
        "weights or views or panel or frame or room",
    )
    assert re.search(r"\d+ passed", said)
    assert "failed" not in said


def test_a_reader_opens_it_and_takes_it_away(lab: Lab, page: Page, tmp_path: Path) -> None:
    page.goto(lab.url)
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    panel = page.locator(".panel-weights")
    expect(panel).to_be_hidden()
    page.locator("[data-do=views]").click()
    entry = page.locator("dialog#views fieldset", has_text="Costs").locator("label", has_text="Weights")
    expect(entry).to_contain_text("How long the vector of all weights of each network is.")
    entry.get_by_role("checkbox").check()
    page.locator("dialog#views").get_by_role("button", name="Close").click()
    expect(page.locator("#weights-sentence")).to_contain_text("All weights of “Dropout” together are")
    expect(panel.locator(".chart-picture .main-svg").first).to_be_visible()
    expect(panel.locator(".chart-legend")).to_contain_text("length of all weights")
    page.wait_for_function("() => dropoutLab.store.state.trails.weights.length > 3")
    with page.expect_download() as numbers:
        panel.locator("[data-panel-do=csv]").click()
    assert re.search(r"-weights-step-\d+\.csv$", numbers.value.suggested_filename)
    page.locator("[data-do=save]").click()
    with page.expect_download() as report:
        page.locator("[data-do=report]").click()
    text = Path(report.value.path()).read_text(encoding="utf-8")
    assert "All weights of “No dropout” together are" in text


def test_it_is_in_the_record_of_a_run_that_has_it_open(lab: Lab, page: Page) -> None:
    page.add_init_script("localStorage.setItem('dropout-lab-panels-', 'weights')")
    page.goto(lab.url)
    expect(page.locator("#weights-sentence")).to_contain_text("Step")
    expect(page.locator("[data-panel]:visible")).to_have_count(1)
    run = page.evaluate("() => dropoutLab.store.state.run.id")
    record = page.request.get(f"{lab.url}/api/runs/{run}/record").json()
    assert set(record["frames"]["weights"]) == {"step", "length", "largest"}
    assert record["frames"]["weights"]["length"]["shape"] == [2]
