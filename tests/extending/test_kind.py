"""A kind of dropout is added by few files, and is found wherever a user would look: docs/extending.md says by which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.servers import Lab
from tests.extending.finding import described, exported, listed_files, trained
from tests.extending.harness import Addition, Checkout, added

pytestmark = pytest.mark.timeout(300)

MOST_FILES: Final = 8
SAID: Final = "Nobody is dropped: each output is multiplied by a factor of its own, of mean 1 and SD 0.50 and 1.00."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Addition]:
    return added("kind", tmp_path_factory.mktemp("kind"))


@pytest.fixture(scope="module")
def copy(made: tuple[Checkout, Addition]) -> Checkout:
    return made[0]


@pytest.fixture(scope="module")
def lab(copy: Checkout) -> Iterator[Lab]:
    lab = copy.lab()
    yield lab
    lab.stop()


def test_it_is_the_files_that_the_document_lists_and_no_more_than_eight(made: tuple[Checkout, Addition]) -> None:
    copy, addition = made
    assert len(addition.touched) <= MOST_FILES
    assert set(addition.touched) == listed_files("A kind of dropout", kind="uniform")
    assert copy.changed() >= set(addition.touched)


def test_its_own_tests_and_those_of_every_kind_pass(copy: Checkout) -> None:
    names = ("tests/trainer/test_uniform.py", "tests/trainer/test_dropout.py", "tests/trainer/test_export.py")
    said = copy.tests(*names, "-k", "uniform")
    assert re.search(r"\b(\d+) passed", said)
    assert "failed" not in said


def test_the_documents_have_it(copy: Checkout) -> None:
    before = copy.changed()
    copy.python("-m", "scripts.reference")
    assert copy.changed() - before == {"docs/knobs.md", "docs/modules.md"}
    text = (copy.root / "docs" / "knobs.md").read_text()
    assert "`uniform`: times a number spread evenly around 1, with the variance p/(1 − p)" in text
    assert "uniform: x · U(1 ± √(3p/(1 − p)))" in text


def test_a_script_of_it_trains(copy: Checkout) -> None:
    config = {"lanes": [{"name": "U", "dropout": [0.2, 0.5, 0.5, 0.5], "dropout_kind": "uniform"}], "batch_size": 16}
    history, text = exported(copy, config)
    assert [row[0] for row in history] == [25]
    assert "class UniformDropout(nn.Module):" in text


def test_the_schema_the_control_the_picture_and_the_sentences_have_it(lab: Lab, open_page: Callable[..., Page]) -> None:
    assert described(lab, "dropouts")[-1]["name"] == "uniform"
    page = trained(open_page, lab, "?lane=dropout:0.2,0.5,0.5,0.5;dropout_kind:uniform;name:U")
    page.page.locator(".card-body > summary").first.click()
    page.page.get_by_text("Kind of dropout, each layer").first.click()
    option = page.page.locator("option[value=uniform]")
    expect(option.first).to_have_text("Uniform")
    expect(page.page.locator("#network-sentence")).to_contain_text(SAID)
    expect(page.page.locator("#masks-sentence")).to_contain_text("Turned up over 3 steps")
    expect(page.page.locator("canvas.network-canvas")).to_have_attribute("data-step", "3")
    assert page.state("state.graph.tensors.dropout_kind.data[0]") == 5
    assert page.state("new Set(state.graph.tensors['factor/hidden1'].data).size") > 100
