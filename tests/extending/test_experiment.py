"""An experiment that is added by the list in docs/extending.md is there wherever a user or a reader would look."""

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

MOST_FILES: Final = 4


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Addition]:
    """A copy of the checkout with the experiment."""
    return added("experiment", tmp_path_factory.mktemp("experiment"))


@pytest.fixture(scope="module")
def lab(extended: tuple[Checkout, Addition]) -> Iterator[Lab]:
    """A running lab of it."""
    lab = extended[0].lab()
    yield lab
    lab.stop()


def test_an_experiment_touches_few_files_and_all_of_them_are_listed(extended: tuple[Checkout, Addition]) -> None:
    copy, addition = extended
    assert copy.changed() == {*addition.touched}
    assert len(addition.touched) <= MOST_FILES
    section = (ROOT / "docs" / "extending.md").read_text().partition("\n## An experiment\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    patterns = [re.escape(name).replace("GROUP", r"\w+") for name in listed]
    assert len(listed) == len(addition.touched)
    assert all(any(re.fullmatch(pattern, file) for pattern in patterns) for file in addition.touched)


def test_every_test_that_is_made_of_the_list_of_experiments_holds(extended: tuple[Checkout, Addition]) -> None:
    said = extended[0].tests(
        "tests/trainer/test_presets.py",
        "tests/app/test_layout.py",
        "tests/evidence/test_expected.py",
        "tests/evidence/test_ids.py",
        "tests/browser/test_figures.py",
        "tests/browser/test_seen.py",
        "-k",
        "max-norm or every_experiment or names_and_numbers or list_has_all",
    )
    assert re.search(r"\b(\d+) passed", said)
    assert "failed" not in said


def test_it_is_told_with_the_figures_of_other_seeds(lab: Lab, page: Page) -> None:
    told = {each["id"]: each for each in page.request.get(f"{lab.url}/api/experiments").json()}["max-norm"]
    assert told["title"] == "Dropout and max-norm"
    assert [figure["id"] for figure in told["expected"]] == ["val_loss/Dropout", "val_loss/Max-norm too"]


def test_a_reader_finds_it_and_reads_what_was_seen(lab: Lab, page: Page) -> None:
    page.goto(lab.url)
    page.get_by_role("button", name="Experiments").click()
    group = page.locator("#experiments-list section", has=page.get_by_role("heading", name="What dropout does"))
    group.get_by_role("link", name="Dropout and max-norm").click()
    expect(page.locator("#experiment-title")).to_have_text("Dropout and max-norm")
    expect(page.locator("#result-title")).to_have_text("Validation loss of the two")
    words = page.locator(".seen-words")
    expect(words).to_contain_text("Step 200, seed 0.", timeout=120_000)
    expect(words).to_contain_text("beside dropout")
    # What other seeds gave is not written by hand: `make evidence ARGS="--presets max-norm --write"` does.
    expect(page.locator(".seen-beside")).to_be_hidden()
    page.locator(".seen-admits summary").click()
    expect(page.locator(".seen-admits")).to_contain_text("hardly ever reached")


def test_the_evidence_measures_it_and_reports(extended: tuple[Checkout, Addition], tmp_path: Path) -> None:
    copy, _ = extended
    out = tmp_path / "evidence.html"
    chosen = ("--presets", "max-norm", "--seeds", "1", "--processes", "1", "--out", str(out))
    said = copy.python("-m", "evidence", *chosen, timeout_s=240)
    assert "Validation loss, dropout and max-norm" in said
    text = out.read_text(encoding="utf-8")
    assert "Dropout and max-norm" in text
    assert "Validation loss, dropout alone" in text


def test_what_it_has_is_plain_data(extended: tuple[Checkout, Addition]) -> None:
    code = "import json; from trainer.presets import described; print(json.dumps(described(), allow_nan=False))"
    told = json.loads(extended[0].python("-c", code))
    numbers = [each["number"] for each in told]
    assert numbers == sorted(numbers)
    assert "max-norm" in [each["id"] for each in told]
