"""The dialog in which a reader corrects what was made of a table: what it shows and sends, and what trains."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from app.tables import Tables
from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.pretend import Pretend
from tests.conftest import TIMEOUT_FACTOR
from trainer.errors import DropoutLabError
from trainer.tables.decisions import parse_decisions

CODES: Final = ("01", "1", "001", "2")
LANDS: Final = ("NA", "DE", "Peru")
CSV: Final = "# made by hand\nsize,zip,age,land,code\n" + "".join(
    f"{k % 7}.5,{1000 + k % 9:05d},{('-999', '3', '4', '5')[k % 4]},{LANDS[k % 3]},{CODES[k % 4]}\n" for k in range(96)
)
FILE: Final[FilePayload] = {"name": "codes.csv", "mimeType": "text/csv", "buffer": CSV.encode()}


class Reading:
    """Answers the calls of a page that only pretends to have a server with what the server's own code makes of a file.

    Attributes:
        calls: the decisions of each call.
    """

    def __init__(self, lab: Pretend) -> None:
        self.tables = Tables()
        self.calls: list[Any] = []
        self._answers = lab.answers
        lab.answers["POST /api/tables"] = self._add

    def _add(self, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        given = json.loads(query.get("columns", "{}"))
        return self._answer(given, self.tables.add(body, query["name"], None, parse_decisions(given)))

    def _again(self, table_id: str, body: bytes) -> tuple[int, Any]:
        given = json.loads(body)["columns"]
        return self._answer(given, self.tables.read_again(table_id, None, parse_decisions(given)))

    def _answer(self, given: Any, reading: Any) -> tuple[int, Any]:
        self.calls.append(given)
        try:
            table = asyncio.run(reading)
        except DropoutLabError as error:
            return 422, {"error": error.described()}
        self._answers[f"POST /api/tables/{table['id']}"] = lambda _query, body: self._again(table["id"], body)
        self._answers[f"GET /api/tables/{table['id']}"] = lambda _query, _body: (200, table)
        return 201, table


def choose(page: Page, file: FilePayload = FILE) -> Locator:
    """Open the dialog, choose a file and wait until its columns are shown."""
    page.evaluate("() => document.querySelectorAll('.side details').forEach((each) => { each.open = true; })")
    page.locator("[data-choice=csv]").click()
    page.locator("#upload-file").set_input_files(file)
    dialog = page.locator("#upload")
    expect(row(dialog, "code").locator("select")).to_have_value("label")
    return dialog


def row(dialog: Locator, column: str) -> Locator:
    return dialog.locator(".columns tbody tr").filter(has=dialog.page.get_by_role("rowheader", name=column, exact=True))


def kind(dialog: Locator, column: str) -> Locator:
    return row(dialog, column).locator("select")


def marks(dialog: Locator, column: str) -> Locator:
    """What stands for no value in a column, opened."""
    more = row(dialog, column).locator("details")
    if not more.evaluate("(each) => each.open"):
        more.locator("summary").click()
    return more


def use(dialog: Locator) -> Locator:
    return dialog.get_by_role("button", name="Use this table")


@pytest.fixture
def pretended(page: Page, static_url: str) -> Pretend:
    """A page on a server that pretends, but for what it makes of tables."""
    return Pretend(page, static_url)


def test_the_first_rows_are_shown_as_they_came_and_as_they_were_understood(pretended: Pretend) -> None:
    Reading(pretended)
    dialog = choose(pretended.open().page)
    first = dialog.locator(".first-rows tbody tr").first
    assert first.locator(".came").all_text_contents() == ["0.5", "01000", "-999", "NA", "01"]
    assert first.locator(".read").all_text_contents() == ["→ 0.5", "→ 01000", "→ -999", "missing", "→ 01"]
    assert first.locator("th").inner_text() == "3"  # its line in the file
    expect(dialog).to_contain_text("1 line above the table begins with # and was skipped as a comment")
    expect(row(dialog, "code")).to_contain_text("they are codes and no numbers, because '01' begins with 0")
    expect(row(dialog, "land")).to_contain_text("taken as missing: “NA” 32×")


def test_kinds_and_missing_marks_are_decided_by_keyboard_and_nothing_jumps(pretended: Pretend) -> None:
    reading = Reading(pretended)
    page = pretended.open().page
    dialog = choose(page)
    kind(dialog, "zip").focus()
    before = kind(dialog, "zip").bounding_box()
    page.keyboard.press("n")  # number
    expect(row(dialog, "zip")).to_contain_text("a number from 1000 to 1008")
    expect(kind(dialog, "zip")).to_be_focused()
    assert kind(dialog, "zip").bounding_box() == before
    age = marks(dialog, "age")
    age.get_by_role("textbox").fill("-999")
    page.keyboard.press("Enter")
    expect(row(dialog, "age")).to_contain_text("24 missing ones are replaced by the median")
    expect(age.get_by_label("“-999” 24×")).to_be_checked()
    expect(age.get_by_role("textbox")).to_be_focused()
    land = marks(dialog, "land").get_by_label("“NA” 32×")
    land.focus()
    page.keyboard.press("Space")
    expect(row(dialog, "land")).to_contain_text("3 different values")
    expect(land).not_to_be_checked()
    expect(land).to_be_focused()
    assert reading.calls[-1] == {"zip": {"kind": "number"}, "age": {"missing": ["-999"]}, "land": {"missing": []}}
    assert dialog.locator(".first-rows tbody tr").first.locator(".read").all_text_contents() == [
        "→ 0.5", "→ 1000", "missing: median", "→ NA", "→ 01",
    ]  # fmt: skip


@pytest.mark.expected_errors("422")
def test_a_decision_that_leaves_nothing_to_learn_is_said_and_can_be_taken_back(pretended: Pretend) -> None:
    reading = Reading(pretended)
    dialog = choose(pretended.open().page)
    kind(dialog, "land").select_option("number")
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text("column 'land': 'DE' is no number")
    expect(use(dialog)).to_be_disabled()
    expect(row(dialog, "land")).to_contain_text("'DE' is no number")
    expect(kind(dialog, "land")).to_have_value("number")
    kind(dialog, "land").select_option("category")
    expect(alert).to_be_hidden()
    for column in ("size", "zip", "age", "land"):
        kind(dialog, column).select_option("ignored")
        expect(row(dialog, column)).to_contain_text("as you decided")
    expect(alert).to_contain_text("no column is left to learn from")
    kind(dialog, "code").select_option("ignored")
    expect(alert).to_contain_text("no column is left to be the label")
    dialog.get_by_role("button", name="As found").click()
    expect(alert).to_be_hidden()
    expect(use(dialog)).to_be_enabled()
    expect(kind(dialog, "code")).to_have_value("label")
    assert reading.calls[-1] == {}
    expect(dialog.get_by_role("button", name="As found")).to_be_hidden()


@pytest.mark.expected_errors("422")
def test_a_file_that_is_refused_at_first_can_be_corrected(pretended: Pretend) -> None:
    reading = Reading(pretended)
    text = "x,y,c\n" + "".join(f"{'abc' if k == 20 else k + 0.25},{k % 7},{'ab'[k % 2]}\n" for k in range(60))
    page = pretended.open().page
    page.locator("[data-choice=csv]").click()
    page.locator("#upload-file").set_input_files({**FILE, "buffer": text.encode()})
    dialog = page.locator("#upload")
    expect(dialog.get_by_role("alert")).to_contain_text("line 22, column 'x': 'abc' is not a number")
    entry = marks(dialog, "x").get_by_role("textbox")
    entry.fill("abc")
    marks(dialog, "x").get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_be_hidden()
    expect(row(dialog, "x")).to_contain_text("1 missing one is replaced by the median")
    expect(use(dialog)).to_be_enabled()
    assert reading.calls == [{}, {"x": {"missing": ["abc"]}}]


def test_there_is_one_label_and_capitals_can_be_merged(pretended: Pretend) -> None:
    reading = Reading(pretended)
    text = "x,answer,c\n" + "".join(f"{k % 7}.5,{('Yes', 'yes', 'no')[k % 3]},{'ab'[k % 2]}\n" for k in range(60))
    page = pretended.open().page
    page.locator("[data-choice=csv]").click()
    page.locator("#upload-file").set_input_files({**FILE, "buffer": text.encode()})
    dialog = page.locator("#upload")
    kind(dialog, "answer").select_option("label")
    expect(dialog.locator(".classes")).to_have_text("Yes 20no 20yes 20")
    expect(kind(dialog, "c")).to_have_value("category")
    expect(page.get_by_label("Column to learn")).to_have_value("answer")
    expect(row(dialog, "answer")).to_contain_text("'Yes' 20× and 'yes' 20× differ only in capitals")
    marks(dialog, "answer").get_by_label("Capitals do not matter").check()
    expect(dialog.locator(".classes")).to_have_text("Yes 40no 20")
    page.get_by_label("Column to learn").select_option("c")
    expect(kind(dialog, "c")).to_have_value("label")
    expect(kind(dialog, "answer")).to_have_value("category")
    assert reading.calls[-1] == {"answer": {"merge_case": True}, "c": {"kind": "label"}}


def test_the_dialog_opens_again_with_what_was_decided(pretended: Pretend) -> None:
    reading = Reading(pretended)
    page = pretended.open().page
    dialog = choose(page)
    kind(dialog, "zip").select_option("ignored")
    expect(row(dialog, "zip")).to_contain_text("as you decided")
    use(dialog).click()
    page.get_by_role("button", name="Start new run").click()
    pretended.wait("state.run.config.dataset === 'csv'")
    table = pretended.run["config"]["table"]
    pretended.open(f"?dataset=csv&table={table}")  # a reload: the file is gone, the server has it
    page.get_by_role("button", name="How it is read …").click()
    expect(kind(dialog, "zip")).to_have_value("ignored")
    expect(dialog.get_by_role("button", name="As found")).to_be_visible()
    kind(dialog, "zip").select_option("number")
    expect(row(dialog, "zip")).to_contain_text("a number from 1000")
    expect(use(dialog)).to_be_enabled()
    assert reading.calls[-1] == {"zip": {"kind": "number"}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off_and_axe_finds_no_barrier(
    open_page: OpenPage, static_url: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme, is_mobile=True, has_touch=True)
    lab = Pretend(page, static_url)
    Reading(lab)
    dialog = choose(lab.open().page)
    marks(dialog, "land")
    assert dialog.evaluate("(each) => each.scrollWidth - each.clientWidth") <= 0
    for column in ("size", "land", "code"):
        box = kind(dialog, column).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


@pytest.mark.timeout(600)
def test_a_run_trains_on_what_the_reader_said(page: Page, lab_url: str) -> None:
    """With a real server and a real worker: NA is a country, codes are classes, -999 is missing, zip is left out."""
    lab = LabPage(page, lab_url)
    lab.open_still()
    dialog = choose(page)
    kind(dialog, "zip").select_option("ignored")
    marks(dialog, "age").get_by_role("textbox").fill("-999")
    marks(dialog, "age").get_by_role("button", name="Add").click()
    marks(dialog, "land").get_by_label("“NA” 32×").uncheck()
    expect(row(dialog, "land")).to_contain_text("3 different values")
    use(dialog).click()
    page.get_by_role("button", name="Start new run").click()
    lab.wait("state.run.config.dataset === 'csv' && state.run.step > 0", seconds=60)
    assert lab.state("state.run.classes") == ["001", "01", "1", "2"]
    assert lab.state("state.run.features") == ["size", "age", "land = DE", "land = NA", "land = Peru"]
    assert lab.state("state.data.tensors['train/x'].shape[1]") == 5
    expect(page.locator(".table-line")).to_contain_text("codes.csv: 96 rows, learns “code”")
    dialog_again = page.get_by_role("button", name="How it is read …")
    dialog_again.click()
    expect(kind(dialog, "zip")).to_have_value("ignored")
    kind(dialog, "land").select_option("label")
    expect(dialog.locator(".classes")).to_have_text("DE 32NA 32Peru 32")
    use(dialog).click()
    page.get_by_role("button", name="Start new run").click()
    lab.wait("state.run.classes.length === 3 && state.run.step > 0", seconds=60)
    assert lab.state("state.run.classes") == ["DE", "NA", "Peru"]
    code = page.request.get(
        f"{lab_url}/api/runs/{lab.state('state.run.id')}/code", timeout=30_000 * TIMEOUT_FACTOR
    ).text()
    assert "MISSING_IN = {" in code
    assert '2: {"", "-999"},' in code
