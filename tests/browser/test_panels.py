"""Panels are opened, closed and enlarged; the page remembers which, and nothing jumps for it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from app.pages import page_of
from tests.browser.conftest import OpenPage
from tests.browser.pretend import Pretend
from trainer.presets import PRESETS, find_preset
from trainer.settings.panels import PANELS, VIEWS
from trainer.settings.shapes import PLANE

pytestmark = pytest.mark.timeout(300)
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
STANDARD = ["network", "masks", "kept", "loss", "accuracy", "ensemble"]
SHIFTS = """window.shifts = []; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) { window.shifts.push(entry.value); }
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """The page on a server that pretends."""
    return Pretend(page, static_url)


def panel(lab: Pretend, name: str) -> Locator:
    return lab.page.locator(f".panel-{name}")


def shown(lab: Pretend) -> list[str]:
    """The panels that a reader sees, in the order of the document."""
    found: list[str] = lab.page.evaluate(
        "() => [...document.querySelectorAll('[data-panel]')].filter((each) => each.checkVisibility())"
        ".map((each) => each.dataset.panel)"
    )
    return found


def menu(lab: Pretend) -> Locator:
    lab.page.locator("[data-do=views]").click()
    return lab.page.locator("dialog#views")


def told(lab: Pretend, views: list[str]) -> int:
    """Wait until the server was told that just these views are open; how often it was told so."""
    said: list[list[str]] = []
    while not said or said[-1] != views:  # pytest-timeout ends it
        lab.page.evaluate("() => new Promise(requestAnimationFrame)")
        said = [command["open"] for command in lab.commands if command["op"] == "views"]
    return said.count(views)


# Open and closed


def test_a_first_visit_finds_the_usual_panels_open(lab: Pretend) -> None:
    lab.open()
    lab.wait("state.open.length > 0")
    assert shown(lab) == lab.state("state.open") == STANDARD


def test_a_panel_that_is_closed_stays_closed_after_a_reload(lab: Pretend) -> None:
    lab.open()
    panel(lab, "kept").get_by_role("button", name="Close").click()
    expect(panel(lab, "kept")).to_be_hidden()
    expect(lab.page.locator("[data-do=views]")).to_be_focused()
    lab.answers["GET /api/runs/pretend1"] = lambda _query, _body: (200, lab.run)
    lab.page.reload()
    lab.wait("state.open.length > 0")
    assert "kept" not in shown(lab)


def test_the_menu_opens_a_view_and_the_server_is_told_once(lab: Pretend) -> None:
    lab.open()
    dialog = menu(lab)
    dialog.locator("input[value=activity]").check()
    expect(panel(lab, "activity")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    lab.wait("state.open.includes('activity')")
    assert told(lab, ["activity"]) == 1
    lab.changed()
    dialog = menu(lab)
    dialog.locator("input[value=activity]").uncheck()
    expect(panel(lab, "activity")).to_be_hidden()
    lab.wait("!state.open.includes('activity')")
    told(lab, [])
    assert sum(command["op"] == "views" and command["open"] == ["activity"] for command in lab.commands) == 1


def test_what_does_not_fit_the_run_is_listed_with_the_reason_and_cannot_be_opened(lab: Pretend) -> None:
    dialog = menu(lab.open())
    for title, reason in {
        "Decision boundary": "needs points in the plane",
        "Variance shift": "needs a network with batch norm",
        "Separate networks": "needs two networks that differ in their seed alone",
        "Search": "needs an experiment that searches",
    }.items():
        expect(dialog.get_by_role("checkbox", name=title)).to_be_disabled()
        expect(dialog.locator(".view-entry", has_text=title)).to_contain_text(reason)
    assert dialog.get_by_role("checkbox").count() == lab.page.locator("[data-panel]").count()
    assert dialog.get_by_role("group").all_inner_texts()[0].startswith("Training")


def test_a_view_comes_back_by_itself_when_the_run_fits_it_again(lab: Pretend) -> None:
    lab.open()
    lanes = lab.run["config"]["lanes"]
    lanes[1]["batch_norm"] = True
    lab.changed()
    lab.wait("state.run.config.lanes[1].batch_norm")
    dialog = menu(lab)
    dialog.locator("input[value=variance]").check()
    dialog.get_by_role("button", name="Close").click()
    expect(panel(lab, "variance")).to_be_visible()
    lanes[1]["batch_norm"] = False
    lab.changed()
    expect(panel(lab, "variance")).to_be_hidden()
    lanes[1]["batch_norm"] = True
    lab.changed()
    expect(panel(lab, "variance")).to_be_visible()


def test_as_at_first_brings_the_usual_panels_back(lab: Pretend) -> None:
    lab.open()
    dialog = menu(lab)
    dialog.locator("input[value=loss]").uncheck()
    dialog.locator("input[value=damage]").check()
    lab.wait("state.open.includes('damage') && !state.open.includes('loss')")
    dialog.get_by_role("button", name="Restore default").click()
    lab.wait("!state.open.includes('damage') && state.open.includes('loss')")
    expect(dialog.locator("input[value=loss]")).to_be_checked()
    assert shown(lab) == STANDARD


def test_a_panel_that_was_opened_is_brought_into_view(lab: Pretend) -> None:
    dialog = menu(lab.open())
    dialog.locator("input[value=cost]").check()
    dialog.get_by_role("button", name="Close").click()
    expect(panel(lab, "cost").get_by_role("heading")).to_be_in_viewport()


def test_a_closed_panel_is_not_drawn_until_it_opens(lab: Pretend) -> None:
    lab.open()
    panel(lab, "loss").get_by_role("button", name="Close").click()
    lab.wait("!state.open.includes('loss')")
    feed = """() => {
      const { store } = window.dropoutLab;
      const { scores } = store.state;
      scores.step[0] = 0;
      for (const name of ["train_loss", "val_loss", "train_accuracy", "val_accuracy"]) {
        scores[name].forEach((lane) => { lane[0] = 0.5; });
      }
      scores.length = 1;
      store.update("scores");
    }"""
    lab.page.evaluate(feed)
    expect(lab.page.locator("#accuracy-sentence")).to_contain_text("Step 0.")  # it was its turn
    expect(lab.page.locator("#loss-sentence")).not_to_contain_text("Step 0.")
    menu(lab).locator("input[value=loss]").check()
    expect(lab.page.locator("#loss-sentence")).to_contain_text("Step 0.")


def test_without_storage_panels_still_open_and_close(open_page: OpenPage, static_url: str) -> None:
    page = open_page()
    page.add_init_script(
        """Object.defineProperty(window, "localStorage", { get() { throw new Error("refused"); } });"""
    )
    lab = Pretend(page, static_url).open()
    panel(lab, "masks").get_by_role("button", name="Close").click()
    expect(panel(lab, "masks")).to_be_hidden()
    menu(lab).locator("input[value=masks]").check()
    expect(panel(lab, "masks")).to_be_visible()


@pytest.mark.parametrize("stored", ["", "nonsense <b>  loss", "loss"])
def test_whatever_is_remembered_the_page_opens(open_page: OpenPage, static_url: str, stored: str) -> None:
    page = open_page()
    page.add_init_script(f"localStorage.setItem('dropout-lab-panels-', {json.dumps(stored)})")
    lab = Pretend(page, static_url).open()
    lab.wait(f"state.run && state.open.length === {int('loss' in stored)}")
    assert shown(lab) == (["loss"] if "loss" in stored else [])


def test_where_no_panel_is_open_the_page_says_how_to_open_one(open_page: OpenPage, static_url: str) -> None:
    page = open_page()
    page.add_init_script("localStorage.setItem('dropout-lab-panels-', '')")
    lab = Pretend(page, static_url).open()
    lab.wait("state.run && state.open.length === 0")
    closed = page.get_by_role("region", name="All views are closed")
    expect(closed).to_be_visible()
    closed.get_by_role("button", name="Open the menu").click()
    page.locator("dialog#views input[value=loss]").check()
    expect(closed).to_be_hidden()
    page.locator("dialog#views input[value=loss]").uncheck()
    page.locator("dialog#views").get_by_role("button", name="Close").click()
    closed.get_by_role("button", name="Restore default").click()
    expect(closed).to_be_hidden()
    assert shown(lab) == STANDARD


def test_that_all_panels_are_closed_is_said_from_the_first_paint_on(lab: Pretend) -> None:
    lab.page.add_init_script("localStorage.setItem('dropout-lab-panels-twin', '')")
    experiment_page(lab, "twin")
    expect(lab.page.locator("#closed")).to_be_visible()
    lab.page.evaluate("() => { document.documentElement.dataset.panels = 'loss'; }")
    expect(lab.page.locator("#closed")).to_be_hidden()


# Enlarged


def test_an_enlarged_panel_fills_the_window_below_a_toolbar_that_works(lab: Pretend) -> None:
    page = lab.open().page
    loss = panel(lab, "loss")
    before = loss.bounding_box()
    button = loss.get_by_role("button", name="Enlarge")
    button.click()
    box, bar = loss.bounding_box(), page.locator("#toolbar").bounding_box()
    assert box is not None
    assert bar is not None
    assert (box["width"], box["y"], box["y"] + box["height"]) == (1440, bar["height"], 900)
    assert (loss.locator(".chart-picture").bounding_box() or box)["width"] > 1300
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    behind = "() => ['#side', '#network', 'footer'].every((each) => document.querySelector(each).closest('[inert]'))"
    assert page.evaluate(behind)
    page.locator("[data-do=step]").click()
    assert lab.commands[-1]["op"] == "step"
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert loss.bounding_box() == before
    assert page.evaluate("() => document.querySelectorAll('[inert], .panel-hole').length") == 0


def test_a_large_panel_goes_back_to_where_the_reader_was(lab: Pretend) -> None:
    page = lab.open().page
    page.evaluate("() => scrollTo({ top: 500, behavior: 'instant' })")
    before = page.evaluate("() => scrollY")
    assert before == 500
    button = panel(lab, "ensemble").get_by_role("button", name="Enlarge")
    button.evaluate("(each) => each.click()")  # Playwright's own click would scroll to it
    expect(button).to_have_attribute("aria-pressed", "true")
    button.evaluate("(each) => each.click()")
    assert page.evaluate("() => scrollY") == before


def test_closing_a_large_panel_leaves_the_page_whole(lab: Pretend) -> None:
    page = lab.open().page
    panel(lab, "accuracy").get_by_role("button", name="Enlarge").click()
    panel(lab, "accuracy").get_by_role("button", name="Close").click()
    expect(panel(lab, "accuracy")).to_be_hidden()
    assert page.evaluate("() => document.querySelectorAll('[inert], .panel-hole, .has-large').length") == 0


def test_escape_in_a_dialog_over_a_large_panel_closes_the_dialog_alone(lab: Pretend) -> None:
    page = lab.open().page
    panel(lab, "loss").get_by_role("button", name="Enlarge").click()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(panel(lab, "loss")).to_have_class("panel panel-loss is-large")


# Experiments


def experiment_page(lab: Pretend, name: str) -> Pretend:
    """The page of an experiment, as the server renders it."""
    html = page_of(find_preset(name))
    lab.page.route("**/experiment-page", lambda route: route.fulfill(body=html, content_type="text/html"))
    lab.page.route("**/static/js/main.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    lab.page.goto(f"{lab.url}/experiment-page")
    return lab


def test_the_page_of_an_experiment_begins_with_its_own_panels(lab: Pretend) -> None:
    experiment_page(lab, "forgotten-eval")
    assert shown(lab) == ["network", "masks", "forgotten", "loss", "accuracy"]


def test_the_boundary_is_there_from_the_first_paint_where_the_data_are_points(lab: Pretend) -> None:
    plane = next(preset for preset in PRESETS if preset.config.dataset in PLANE)
    experiment_page(lab, plane.id)
    assert "boundary" in shown(lab)


def test_each_experiment_has_a_layout_of_its_own(lab: Pretend) -> None:
    lab.page.add_init_script("localStorage.setItem('dropout-lab-panels-twin', 'loss')")
    assert shown(experiment_page(lab, "twin")) == ["loss"]
    assert shown(experiment_page(lab, "rate"))[-2:] == ["loss", "accuracy"]


@pytest.mark.parametrize(
    ("dataset", "open_at_first"),
    [
        ("digits", ["masks", "draw", "features", "loss"]),
        ("moons", ["boundary", "masks", "subnetworks", "loss"]),
        ("wine", ["masks", "loss"]),
    ],
)
def test_what_shows_nothing_of_the_data_in_the_address_is_closed_before_the_first_paint(
    lab: Pretend, dataset: str, open_at_first: list[str]
) -> None:
    remembered = "masks draw features subnetworks boundary loss"
    lab.page.add_init_script(f"localStorage.setItem('dropout-lab-panels-', '{remembered}')")
    lab.page.route("**/static/js/main.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    html = page_of()
    lab.page.route("**/first-page*", lambda route: route.fulfill(body=html, content_type="text/html"))
    lab.page.goto(f"{lab.url}/first-page?dataset={dataset}")
    assert shown(lab) == open_at_first


def test_the_menu_lists_every_panel_in_the_groups_of_the_schema(lab: Pretend) -> None:
    dialog = menu(lab.open())
    groups: list[tuple[str, list[str]]] = []
    for panel in PANELS:
        if panel.group not in [title for title, _ in groups]:
            groups.append((panel.group, []))
        next(own for title, own in groups if title == panel.group).append(panel.id)
    listed = dialog.locator("fieldset").evaluate_all(
        """(all) => all.map((group) => [group.querySelector("legend").textContent,
             [...group.querySelectorAll("input")].map(({ value }) => value)])"""
    )
    assert [(title, own) for title, own in listed] == groups


# Nothing is cut off, nothing jumps


@pytest.mark.parametrize("width", [1440, 1366, 1920, 390])
def test_titles_and_what_stands_beside_them_are_whole(lab: Pretend, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 844})
    for name in ("twin", "training-time", "data-size", "boundaries"):
        experiment_page(lab, name)
        lab.page.evaluate(
            "() => { for (const each of document.querySelectorAll('[data-panel]')) each.hidden = false; }"
        )
        cut = lab.page.locator(".panel-head :is(h2, .about)").evaluate_all(
            """(all) => all.filter((each) => each.checkVisibility()
                 && (each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 2
                   || each.getBoundingClientRect().right > innerWidth)).map((each) => each.textContent)"""
        )
        assert cut == []


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_a_remembered_layout_is_there_from_the_first_paint(open_page: OpenPage, static_url: str, size: str) -> None:
    page = open_page(**(PHONE if size == "phone" else {}))
    page.add_init_script(SHIFTS)
    page.add_init_script("localStorage.setItem('dropout-lab-panels-', 'masks loss activity damage')")
    lab = Pretend(page, static_url).open()
    lab.wait("state.open.length === 4")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert shown(lab) == ["masks", "loss", "activity", "damage"]
    shifted: float = page.evaluate("() => window.shifts.reduce((sum, each) => sum + each, 0)")
    assert shifted < 0.1  # what Web Vitals call good


def test_the_tools_of_every_panel_fit_on_a_phone(open_page: OpenPage, static_url: str) -> None:
    page = open_page(**PHONE)
    names = " ".join(panel for panel in ("network", "masks", "kept", "loss", "accuracy", "ensemble", *VIEWS))
    page.add_init_script(f"localStorage.setItem('dropout-lab-panels-', {json.dumps(names)})")
    lab = Pretend(page, static_url).open()
    lab.wait("state.open.length > 10")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    menu(lab)
    assert page.evaluate("() => document.querySelector('dialog#views').scrollWidth") <= 390
