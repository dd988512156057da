"""The page of one's own runs: what this browser has opened, listed, compared, named, taken away and brought back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.owned import KEY, Owned, json_reply, listed
from tests.browser.servers import Lab
from tests.browser.test_page import PHONE, SHIFTS
from tests.conftest import TIMEOUT_FACTOR

Visit = Callable[..., Owned]
FILE = "application/octet-stream"


@pytest.fixture
def visit(open_page: OpenPage, static_url: str) -> Visit:
    """Opens the page in a browser that remembers some runs."""

    def one(*runs: dict[str, Any], remembered: list[str] | None = None, options: Any = None, **told: Any) -> Owned:
        return Owned(open_page(**(options or {})), static_url, *runs, **told).open(remembered)

    return one


def card(owned: Owned, number: int) -> Any:
    return owned.page.locator(f"[data-run=run{number}]")


def button(owned: Owned, number: int, name: str) -> Any:
    return card(owned, number).get_by_role("button", name=name, exact=True)


def test_without_a_run_the_page_says_what_will_be_listed(visit: Visit) -> None:
    page = visit().page
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.locator("#empty")).to_contain_text("will be listed here")
    expect(page.get_by_role("link", name="Open the lab")).to_be_visible()
    expect(page.get_by_label("Choose a run that was downloaded")).to_be_visible()
    expect(page.locator("#choice")).to_be_hidden()


def test_each_run_is_told_with_its_name_its_networks_and_when_it_was_used(visit: Visit) -> None:
    first = listed(0, name="My best", state="playing", viewers=2, expires_at=None, step=1234)
    owned = visit(first, listed(3), listed(5, experiment="twin"), listed(7, trains=None, curves=None))
    expect(owned.page.locator(".run")).to_have_count(4)
    expect(card(owned, 0)).to_contain_text("MLP on digits, 2 networks · step 1,234 · training now")
    expect(card(owned, 0)).to_contain_text("kept while it is open")
    expect(card(owned, 0).get_by_role("heading")).to_have_text("My best")
    expect(card(owned, 3).get_by_role("heading")).to_have_text("MLP on digits")
    expect(card(owned, 3)).to_contain_text("2 networks · step 300 · used 3 hours ago")
    expect(card(owned, 3)).to_contain_text("Dropout rates .2 .5 .5 .5")
    expect(card(owned, 3)).to_contain_text("No dropout no dropout")
    expect(card(owned, 3)).to_contain_text("kept for another 30 days")
    expect(card(owned, 3)).to_contain_text("“Dropout”: training 0.182, validation 0.304.")
    expect(card(owned, 3).locator("path.val_loss")).to_have_count(2)
    expect(card(owned, 5).get_by_role("heading")).to_have_text("With and without dropout")
    expect(card(owned, 7)).to_contain_text("opened by another version of the lab")
    opens = [card(owned, n).get_by_role("link", name="Open") for n in (3, 5)]
    assert [link.get_attribute("href") for link in opens] == [
        "/?run=run3#mine",
        "/experiments/twin?run=run5#mine",
    ]


def test_tokens_travel_in_the_body_alone(visit: Visit) -> None:
    owned = visit(listed(1), listed(2))
    [(path, body)] = owned.asked("POST")
    assert (path, body) == ("/api/runs/mine", {"runs": [{"id": "run1", "token": "t"}, {"id": "run2", "token": "t"}]})
    assert "t=" not in owned.page.url


def test_what_is_gone_is_said_and_forgotten(visit: Visit) -> None:
    owned = visit(listed(1), remembered=["run1", "run8", "run9"])
    expect(owned.page.locator("#notice")).to_contain_text("2 runs are not there any more")
    assert [run["id"] for run in owned.remembered()] == ["run1"]
    expect(owned.page.locator(".run")).to_have_count(1)


def test_what_a_failing_store_cannot_read_is_not_forgotten(visit: Visit) -> None:
    store = {"status": "failing", "problem": "No space left on device"}
    owned = visit(listed(1), remembered=["run1", "run8"], store=store, unread=["run8"])
    expect(owned.page.locator("#unkept")).to_contain_text("Runs cannot be kept right now")
    expect(owned.page.locator("#unkept")).to_contain_text("No space left on device")
    expect(owned.page.locator("#unkept")).to_contain_text("1 of your runs cannot be read meanwhile")
    assert [run["id"] for run in owned.remembered()] == ["run1", "run8"]


def test_a_server_that_keeps_nothing_says_so(visit: Visit) -> None:
    run = listed(1, state="paused", expires_at=time.time() + 1200)
    owned = visit(run, store={"status": "off", "problem": None}, keep_days=None)
    expect(owned.page.locator("#unkept")).to_contain_text("This server keeps no runs")
    expect(card(owned, 1)).to_contain_text("ends in 20 minutes")
    expect(button(owned, 1, "Pin")).to_be_hidden()
    expect(owned.page.locator("#expiring")).to_be_hidden()


def test_a_browser_that_remembers_nothing_says_so(open_page: OpenPage, static_url: str) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})")
    Owned(page, static_url).load()
    expect(page.locator("#forgetful")).to_contain_text("lets the page remember nothing")
    expect(page.locator("#empty")).to_be_visible()


@pytest.mark.expected_errors("503")
def test_a_server_that_does_not_answer_is_said_and_asked_again(open_page: OpenPage, static_url: str) -> None:
    owned = Owned(open_page(), static_url, listed(1))
    owned.broken = json_reply({"error": {"code": "no_worker", "message": "the server is shutting down."}}, 503)
    owned.open()
    expect(owned.page.locator("#unreached")).to_contain_text("the server is shutting down")
    owned.broken = None
    owned.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(card(owned, 1)).to_be_visible()
    expect(owned.page.locator("#unreached")).to_be_hidden()


def test_a_run_that_expires_soon_is_warned_of_and_can_be_pinned(visit: Visit) -> None:
    soon = time.time() + 5 * 3600
    owned = visit(
        listed(1), listed(2, expires_at=soon), listed(3, expires_at=soon), listed(4, pinned=True, expires_at=None)
    )
    expect(owned.page.locator("#expiring")).to_contain_text("2 runs expire within a day")
    expect(card(owned, 2)).to_contain_text("kept for another 5 hours. Pin it to keep it.")
    expect(card(owned, 4)).to_contain_text("pinned: kept until you delete it")
    button(owned, 2, "Pin").click()
    expect(button(owned, 2, "Unpin")).to_be_visible()
    expect(owned.page.locator("#expiring")).to_contain_text("One run expires within a day")
    owned.page.get_by_role("button", name="Pin all of them").click()
    expect(owned.page.locator("#expiring")).to_be_hidden()
    assert owned.asked("PATCH") == [("/api/runs/run2", {"pinned": True}), ("/api/runs/run3", {"pinned": True})]
    button(owned, 2, "Unpin").click()
    expect(button(owned, 2, "Pin")).to_be_visible()


@pytest.mark.expected_errors("422")
def test_a_run_is_renamed_and_a_name_that_is_refused_says_why(visit: Visit) -> None:
    owned = visit(listed(1), listed(2, name="Old"))
    button(owned, 2, "Rename").click()
    dialog = owned.page.get_by_role("dialog")
    field = dialog.get_by_label("Name")
    expect(field).to_have_value("Old")
    field.fill("turned\u202e")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_role("alert")).to_contain_text("name is not allowed")
    field.fill("  New  ")
    field.press("Enter")
    expect(card(owned, 2).get_by_role("heading")).to_have_text("New")
    expect(dialog).to_be_hidden()
    button(owned, 2, "Rename").click()
    field.fill("")
    field.press("Enter")
    expect(card(owned, 2).get_by_role("heading")).to_have_text("MLP on digits")
    assert [body for _, body in owned.asked("PATCH")][1:] == [{"name": "New"}, {"name": None}]
    button(owned, 2, "Rename").click()
    field.fill("Not this")
    owned.page.keyboard.press("Escape")
    expect(card(owned, 2).get_by_role("heading")).to_have_text("MLP on digits")


def test_a_name_is_text_whatever_it_looks_like(visit: Visit) -> None:
    owned = visit(listed(1, name="<img src=x onerror=alert(1)>"))
    expect(card(owned, 1).get_by_role("heading")).to_have_text("<img src=x onerror=alert(1)>")


def test_a_run_is_deleted_only_by_who_is_sure(visit: Visit) -> None:
    owned = visit(listed(1), listed(2))
    button(owned, 1, "Delete").click()
    dialog = owned.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete “MLP on digits”?")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    owned.page.keyboard.press("Escape")
    expect(card(owned, 1)).to_be_visible()
    assert owned.asked("DELETE") == []
    button(owned, 1, "Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(card(owned, 1)).to_have_count(0)
    expect(owned.page.locator("#notice")).to_contain_text("was deleted")
    assert owned.asked("DELETE") == [("/api/runs/run1", b"")]
    assert [run["id"] for run in owned.remembered()] == ["run2"]


def test_up_to_four_runs_are_compared_with_marks_and_as_a_table(visit: Visit) -> None:
    owned = visit(*(listed(n, name=f"Run {n}") for n in range(1, 6)), listed(6, curves=None))
    boxes = [card(owned, n).get_by_role("checkbox") for n in range(1, 7)]
    expect(boxes[5]).to_be_disabled()
    for box in boxes[:4]:
        box.check()
    expect(boxes[4]).to_be_disabled()
    expect(owned.page.locator("#choice")).to_contain_text("4 runs chosen")
    boxes[0].uncheck()
    expect(boxes[4]).to_be_enabled()
    owned.page.locator("[data-do=compare]").click()
    dialog = owned.page.get_by_role("dialog")
    rows = dialog.get_by_role("row")
    expect(rows).to_have_count(1 + 3 * 2)
    expect(rows.nth(2)).to_contain_text("Dropout · Run 2")
    expect(rows.nth(2)).to_contain_text("0.304 at step 300")
    picture = dialog.get_by_role("img")
    expect(picture.locator("path.curve")).to_have_count(6)
    for shape in ("circle", "g rect", "g path:not(.curve)"):  # the marks of the first, the second and the third run
        assert picture.locator(shape).count() >= 6
    dashes = picture.locator("path.curve").evaluate_all(
        "all => all.map((each) => each.getAttribute('stroke-dasharray'))"
    )
    assert dashes == ["", "", "7 4", "7 4", "2 4", "2 4"]  # of the runs; the colours are those of the networks
    colours = picture.locator("path.curve").evaluate_all("all => all.map((each) => each.dataset.lane)")
    assert colours == ["0", "1"] * 3
    expect(dialog).not_to_contain_text("different data")
    owned.page.keyboard.press("Escape")
    owned.page.locator("[data-do=clear]").click()
    expect(owned.page.locator("[data-do=compare]")).to_be_disabled()
    expect(boxes[1]).not_to_be_checked()


def test_runs_of_different_data_are_said_to_be_no_match(visit: Visit) -> None:
    other = listed(2, name="Other")
    other["trains"] = {**other["trains"], "dataset": "moons"}
    owned = visit(listed(1, name="One"), other)
    for number in (1, 2):
        card(owned, number).get_by_role("checkbox").check()
    owned.page.locator("[data-do=compare]").click()
    expect(owned.page.get_by_role("dialog")).to_contain_text("These runs learn from different data")


def test_a_network_that_diverged_leaves_a_gap_and_not_a_flat_picture(module_page: Page) -> None:
    found = module_page.evaluate(
        """async () => {
          const { pathOf, rangeOf, scale } = await import("/static/js/runs/curves.js");
          const { leastOf } = await import("/static/js/runs/words.js");
          const { ticks } = await import("/static/js/runs/compare.js");
          const same = (value) => value;
          return [
            pathOf([0, 1, 2, 3], [1, null, 2, 3], same, same), rangeOf([[2, 900, null], [2.5, 1, 0.5]]), rangeOf([[]]),
            scale([0, 10], [100, 0])(5), leastOf([null, 3, 1, 1]), leastOf([null]), ticks(2.4), ticks(300),
          ];
        }"""
    )
    assert found == [
        *("M0.0 1.0M2.0 2.0L3.0 3.0", [0, 10], [0, 1], 50, {"index": 2, "value": 1}, None),
        *([0, 1, 2], [0, 100, 200, 300]),
    ]


@pytest.mark.expected_errors("422")
def test_a_file_is_opened_and_what_is_none_says_why(visit: Visit) -> None:
    owned = visit(listed(1))
    field = owned.page.get_by_label("Choose a run that was downloaded")
    field.set_input_files(FilePayload(name="odd.safetensors", mimeType=FILE, buffer=b"odd"))
    expect(owned.page.locator("#bring")).to_contain_text(
        "odd.safetensors could not be opened: this is no file of a run"
    )
    field.set_input_files(FilePayload(name="fine.safetensors", mimeType=FILE, buffer=b"good"))
    expect(owned.page.locator("#bring")).to_contain_text(
        "fine.safetensors was opened as a run that stands at step 120."
    )
    heading = owned.page.locator("[data-run=brought]").get_by_role("heading")
    expect(heading).to_have_text("From afar")
    expect(heading).to_be_focused()
    assert [run["id"] for run in owned.remembered()] == ["brought", "run1"]
    first = owned.page.locator(".run").first
    assert first.get_attribute("data-run") == "brought"


def test_a_run_whose_file_was_opened_before_gets_a_number(visit: Visit) -> None:
    owned = visit(listed(1), listed(2, name="From afar (3)"))
    field = owned.page.get_by_label("Choose a run that was downloaded")
    for run, title in {"brought": "From afar", "brought2": "From afar (2)", "brought3": "From afar (4)"}.items():
        field.set_input_files(FilePayload(name="fine.safetensors", mimeType=FILE, buffer=b"good"))
        expect(owned.page.locator(f"[data-run={run}]").get_by_role("heading")).to_have_text(title)
        expect(owned.page.locator(f"[data-run={run}]").get_by_role("heading")).to_be_focused()
    assert owned.asked("PATCH") == [
        ("/api/runs/brought2", {"name": "From afar (2)"}),
        ("/api/runs/brought3", {"name": "From afar (4)"}),
    ]


def test_a_number_takes_the_place_of_another_and_fits_into_a_name(module_page: Page) -> None:
    found = module_page.evaluate(
        """async (long) => {
          const { numbered } = await import("/static/js/runs/words.js");
          const one = numbered("A (2)", ["A", "A (2)"]);
          return [numbered("A", ["B"]), numbered("A", ["A"]), one, numbered(long, [long])];
        }""",
        "🎲" * 100,
    )
    assert found == ["A", "A (2)", "A (3)", "🎲" * 96 + " (2)"]


def test_a_file_can_be_dropped_anywhere(visit: Visit) -> None:
    owned = visit(listed(1))
    owned.page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["good"], "dropped.safetensors"));
          for (const name of ["dragover", "drop"]) {
            document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }"""
    )
    expect(owned.page.locator("#bring")).to_contain_text("dropped.safetensors was opened")


def test_the_list_follows_a_run_that_trains_and_keeps_the_focus(visit: Visit) -> None:
    owned = visit(listed(1, state="playing"), listed(2))
    card(owned, 1).get_by_role("button", name="Rename").focus()
    owned.runs[0]["step"] = 777
    expect(card(owned, 1)).to_contain_text("step 777")
    expect(card(owned, 1).get_by_role("button", name="Rename")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_axe_finds_no_barriers(visit: Visit, scheme: str, size: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {**(PHONE if size == "phone" else {}), "color_scheme": scheme}
    runs = [listed(n, name="W" * 100 if n == 2 else None) for n in range(12)]
    runs[0] |= {"expires_at": time.time() + 3600}
    owned = visit(*runs, options=options, store={"status": "failing", "problem": "the disk is full"})
    page = owned.page
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    card(owned, 2).get_by_role("checkbox").check()
    for opening in (None, page.locator("[data-do=compare]"), button(owned, 2, "Rename"), button(owned, 2, "Delete")):
        if opening is not None:
            opening.click()
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        page.keyboard.press("Escape")
    empty = visit(options=options).page
    results = Axe().run(empty)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [390, 800, 1440, 1920])
def test_nothing_jumps_and_nothing_is_cut_off(open_page: OpenPage, static_url: str, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    owned = Owned(page, static_url, *(listed(n, name="W" * 100 if n == 2 else None) for n in range(6)))
    owned.runs[0]["state"] = "playing"
    owned.open()
    page.evaluate(SHIFTS)
    owned.runs[0]["step"] = 123_456
    expect(card(owned, 0)).to_contain_text("123,456")
    card(owned, 1).get_by_role("checkbox").check()
    page.wait_for_timeout(100)
    assert sum(page.evaluate("window.shifts")[1:] or [0]) < 0.01
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


# ---- with the lab itself


def remembered(page: Page) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(page.evaluate("key => localStorage.getItem(key)", KEY) or "[]")
    return found


def another(lab_page: LabPage, dataset: str) -> str:
    """Open a run on other data in place of the one that there is; its id."""
    before = lab_page.state("state.run.id")
    lab_page.page.evaluate("(dataset) => window.dropoutLab.actions.newRun({ dataset })", dataset)
    lab_page.wait(f"state.run.id !== '{before}' && state.role === 'owner'")
    return str(lab_page.state("state.run.id"))


def test_a_run_of_the_lab_is_listed_opened_again_as_ones_own_and_taken_away(
    open_page: OpenPage, tmp_path: Path
) -> None:
    lab = Lab(
        timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_KEEP="true", DROPOUT_LAB_DATA=str(tmp_path), DROPOUT_LAB_WORKERS="1"
    )
    try:
        page = open_page()
        lab_page = LabPage(page, lab.url).open()
        lab_page.wait("state.steps.last > 60")
        lab_page.pause()
        first = lab_page.state("state.run.id")
        assert [run["id"] for run in remembered(page)] == [first]
        page.get_by_role("link", name="My runs").click()
        mine = page.locator(f"[data-run='{first}']")
        expect(mine.locator("path.val_loss")).to_have_count(2)
        with page.expect_download() as downloading:
            mine.get_by_role("link", name="Download").click()
        assert downloading.value.suggested_filename.startswith("dropout-lab-run-step-")
        downloading.value.save_as(tmp_path / "run.safetensors")
        mine.get_by_role("link", name="Open").click()
        lab_page.wait("state.role === 'owner' && state.run.state === 'paused'")
        assert lab_page.state("state.run.id") == first
        second = another(lab_page, "moons")
        lab_page.wait("state.steps.last > 5")
        third = another(lab_page, "circles")
        assert [run["id"] for run in remembered(page)] == [third, second, first]  # what was trained stays
        lab_page.pause()
        lab_page.reset()
        fourth = another(lab_page, "xor")
        assert [run["id"] for run in remembered(page)] == [fourth, second, first]  # and what was not has ended
        page.goto(f"{lab.url}/runs")
        expect(page.locator(".run")).to_have_count(3)
        expect(page.locator(f"[data-run='{second}']")).not_to_contain_text("training now")  # it was made to stand still
        page.get_by_label("Choose a run that was downloaded").set_input_files(tmp_path / "run.safetensors")
        expect(page.locator(".run")).to_have_count(4)
        page.locator(".run").first.get_by_role("link", name="Open").click()
        lab_page.wait("state.role === 'owner' && state.run.step > 60 && state.scores.length > 2")
        before = lab_page.state("state.run.step")
        lab_page.step()
        assert lab_page.last_step() == before + 1
        watcher = open_page()
        watcher.goto(f"{lab.url}/?run={first}#mine")  # a browser that has not its token watches
        watcher.wait_for_function("() => window.dropoutLab?.store.state.role === 'viewer'")
    finally:
        lab.stop(30 * TIMEOUT_FACTOR)
