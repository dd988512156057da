"""A kind of network is added by few files, and is found wherever a user would look: docs/extending.md says by which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.servers import Lab
from tests.extending.finding import described, exported, listed_files, trained
from tests.extending.harness import Addition, Checkout, added

pytestmark = pytest.mark.timeout(300)

MOST_FILES: Final = 14


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Addition]:
    return added("network", tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def copy(made: tuple[Checkout, Addition]) -> Checkout:
    return made[0]


@pytest.fixture(scope="module")
def lab(copy: Checkout) -> Iterator[Lab]:
    lab = copy.lab()
    yield lab
    lab.stop()


def test_it_is_the_files_that_the_document_lists_and_no_more_than_fourteen(made: tuple[Checkout, Addition]) -> None:
    copy, addition = made
    assert len(addition.touched) <= MOST_FILES
    assert set(addition.touched) == listed_files("A network", network="rnn")
    assert copy.changed() >= set(addition.touched)


def test_it_computes_what_pytorch_computes(copy: Checkout) -> None:
    assert "failed" not in copy.tests("tests/trainer/test_rnn.py", "tests/trainer/test_config.py")


def test_the_tests_of_all_networks_take_it_in(copy: Checkout) -> None:
    names = ("test_pieces.py", "test_asking.py", "test_snapshot.py", "test_captured.py", "insight/test_activity.py")
    for name in (*names, "test_export.py"):
        assert "failed" not in copy.tests(f"tests/trainer/{name}", "-k", "rnn", timeout_s=600)


def test_the_documents_have_it(copy: Checkout) -> None:
    before = copy.changed()
    copy.python("-m", "scripts.reference")
    assert copy.changed() - before == {"docs/knobs.md", "docs/modules.md"}
    text = (copy.root / "docs" / "knobs.md").read_text()
    assert "`rnn`: a recurrent network without gates that reads an image row by row (Elman 1990)" in text
    assert "Only for network lstm or rnn." in text


@pytest.mark.parametrize("how", ["variational", "per_step"])
def test_a_script_of_it_trains(copy: Checkout, how: str) -> None:
    lane = {"name": "R", "dropout": [0.1, 0.3, 0.5], "recurrent_mask": how}
    history, text = exported(copy, {"network": "rnn", "lanes": [lane]})
    assert [row[0] for row in history] == [25]
    assert "nn.RNNCell(8, 64)" in text


def test_the_schema_the_control_the_picture_and_the_sentences_have_it(lab: Lab, open_page: Callable[..., Page]) -> None:
    assert described(lab, "networks")[-1]["name"] == "rnn"
    page = trained(open_page, lab, "?network=rnn&lane=dropout:0.1,0.3,0.5;name:R")
    expect(page.page.locator("option[value=rnn]").first).to_have_text("RNN")
    reads = "One simple recurrent network reads 300 handwritten digits row by row"
    expect(page.page.get_by_text(reads).first).to_be_visible()
    expect(page.page.locator("#network-sentence")).to_contain_text("of 64 units of the state")
    expect(page.page.locator("canvas.network-canvas")).to_have_attribute("data-step", "3")
    assert page.state("state.run.layers.map(({ name }) => name)") == ["input", "recurrent", "output"]
