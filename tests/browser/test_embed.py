"""Panels of the lab in somebody else's page: what is shown, what is not, and what the dialog says of it."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Page, expect

from app.embed import size_of, tag_of
from tests.browser.conftest import OpenPage
from tests.browser.pretend import Pretend
from tests.browser.test_core_modules import SCHEMA, ask
from tests.browser.test_experiments import Experiments
from tests.browser.test_panels import SHIFTS, shown
from trainer.settings.panels import PANELS

pytestmark = pytest.mark.timeout(300)

NO_STORAGE: Final = """for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("refused", "SecurityError"); } });
}"""


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """The page on a server that pretends."""
    return Pretend(page, static_url)


# What is shown


def test_the_panels_that_are_named_stand_alone_in_their_order_with_the_transport(lab: Pretend) -> None:
    page = lab.open("?embed=loss,network").page
    lab.wait("state.open.length === 2")
    assert shown(lab) == ["loss", "network"]
    tops = [box["y"] for name in ("loss", "network") if (box := page.locator(f".panel-{name}").bounding_box())]
    assert len(tops) == 2
    assert tops[0] <= tops[1]
    for hidden in (
        ".masthead .lead",
        ".masthead a",
        "#side",
        "footer",
        ".aside",
        "#experiment",
        "[data-panel-do=close]",
    ):
        expect(page.locator(hidden).first).to_be_hidden()
    for what in ("toggle", "step", "reset"):
        expect(page.locator(f"[data-do={what}]")).to_be_visible()
    expect(page.get_by_role("slider", name="Dropout rate (hidden)")).to_be_visible()
    page.locator("[data-do=step]").click()
    assert lab.commands[-1]["op"] == "step"


@pytest.mark.parametrize("size", [(320, 240), (320, 568), (480, 360), (760, 500), (860, 900), (1440, 900)])
def test_a_frame_of_any_size_is_filled_and_not_overflowed(
    open_page: OpenPage, static_url: str, size: tuple[int, int]
) -> None:
    width, height = size
    lab = Pretend(open_page(viewport={"width": width, "height": height}), static_url).open("?embed=network,masks,loss")
    lab.wait("state.open.length === 3")
    assert lab.page.evaluate("() => document.documentElement.scrollWidth - innerWidth") == 0
    bar = lab.page.locator("#toolbar").bounding_box()
    assert bar is not None
    assert bar["height"] < height / 2
    expect(lab.page.locator("#hero")).to_be_visible(visible=height >= 420)
    first, second = (lab.page.locator(f".panel-{name}").bounding_box() for name in ("network", "masks"))
    assert first is not None
    assert second is not None
    assert (first["y"] == second["y"]) == (width >= 760)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barriers(open_page: OpenPage, static_url: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(viewport={"width": 480, "height": 600}, color_scheme=scheme)
    lab = Pretend(page, static_url).open("?embed=network,masks,loss")
    lab.wait("state.open.length === 3")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dropout Lab")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("search", ["?embed=masks,loss,activity", "?embed=boundary&dataset=moons&network=mlp"])
def test_nothing_jumps(open_page: OpenPage, static_url: str, search: str) -> None:
    page = open_page(viewport={"width": 860, "height": 700})
    page.add_init_script(SHIFTS)
    lab = Pretend(page, static_url).open(search)
    lab.wait("state.open.length > 0")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("() => window.shifts.reduce((sum, each) => sum + each, 0)") < 0.1


def test_a_name_that_is_no_panels_is_quoted_and_the_others_are_shown(lab: Pretend) -> None:
    lab.open("?embed=loss,losss,%E2%80%AEx")
    lab.wait("state.open.length === 1")
    assert shown(lab) == ["loss"]
    notice = lab.page.locator("#notice")
    expect(notice).to_contain_text(
        "embed = “losss” in the address is no panel and is left out: there are network, masks"
    )
    expect(notice).to_contain_text("embed = “\\u{202e}x” in the address")


@pytest.mark.parametrize("embed", ["", "nothing", ",,"])
def test_without_a_panel_that_there_is_the_usual_ones_are_shown(lab: Pretend, embed: str) -> None:
    lab.open(f"?embed={embed}")
    lab.wait("state.open.length > 0")
    assert shown(lab) == ["network", "masks", "kept", "loss", "accuracy", "ensemble"]
    expect(lab.page.locator(".masthead .lead")).to_be_hidden()


def test_a_panel_that_shows_nothing_of_the_run_says_what_it_needs(lab: Pretend) -> None:
    lab.open("?embed=boundary,loss")
    told = "“Decision boundary” shows nothing of this run: it needs points in the plane."
    expect(lab.page.locator("#notice")).to_contain_text(told)
    assert shown(lab) == ["loss"]
    lab.open("?embed=boundary")
    nothing = lab.page.get_by_role("region", name="Nothing to show")
    expect(nothing).to_contain_text(told)
    expect(nothing.get_by_role("button")).to_have_count(0)


def test_who_watches_is_told_so_where_the_controls_would_say_it(lab: Pretend) -> None:
    lab.role = "viewer"
    lab.open("?embed=loss")
    expect(lab.page.locator("#embed")).to_contain_text("You are watching; only its owner moves this run.")
    expect(lab.page.locator("[data-do=toggle]")).to_be_disabled()


def test_an_experiment_is_shown_without_its_guess(page: Page, static_url: str) -> None:
    lab = Experiments(page, static_url).visit("/experiments/twin?embed=loss,network")
    lab.wait("state.experiment && state.open.length === 2")
    expect(page.locator("#experiment")).to_be_hidden()
    assert page.evaluate("() => document.documentElement.hasAttribute('data-veiled')") is False
    page.wait_for_function("() => window.dropoutLab.store.state.revealed")
    lab.wait("true")
    while not lab.did("play"):  # in sight at once; pytest-timeout ends it
        page.evaluate("() => new Promise(requestAnimationFrame)")
    assert lab.asked[-1]["experiment"] == "twin"


def test_a_run_begins_once_its_frame_is_scrolled_to(page: Page, static_url: str) -> None:
    """Whoever comes to it late would find it over."""
    lab = Pretend(page, static_url)
    page.set_viewport_size({"width": 600, "height": 20})  # too low for the bar
    lab.open("?embed=loss")
    for _ in range(5):
        page.evaluate("() => new Promise(requestAnimationFrame)")
    assert [command for command in lab.commands if command["op"] == "play"] == []
    page.set_viewport_size({"width": 600, "height": 500})
    while not any(command["op"] == "play" for command in lab.commands):  # pytest-timeout ends it
        page.evaluate("() => new Promise(requestAnimationFrame)")


# What is not remembered


@pytest.mark.expected_errors("404")  # the run of the first visit is asked for, and gone
def test_a_frame_remembers_neither_panels_nor_its_run(lab: Pretend) -> None:
    page = lab.open("?seed=1").page
    page.locator(".panel-kept [data-panel-do=close]").click()
    before = page.evaluate("() => ({ ...localStorage })")
    page.goto("about:blank")
    lab.open("?embed=loss,masks&seed=2")
    lab.wait("state.open.length === 2")
    page.evaluate("() => window.dropoutLab.panels.set('damage', true)")
    lab.wait("state.open.includes('damage')")
    assert page.evaluate("() => ({ ...localStorage })") == before
    first = lab.run["id"]
    page.reload()
    lab.wait("state.run && state.open.length === 2")
    assert lab.run["id"] != first
    page.goto("about:blank")
    lab.open("?seed=1")
    lab.wait("state.open.length > 2")
    assert "kept" not in shown(lab)


def test_the_run_of_a_frame_ends_with_it_unless_the_browser_may_come_back_to_it(lab: Pretend) -> None:
    page = lab.open("?embed=loss").page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    leave = "(persisted) => void dispatchEvent(new PageTransitionEvent('pagehide', { persisted }))"
    page.evaluate(leave, True)
    page.evaluate(leave, False)
    while not asked:  # pytest-timeout ends it
        page.evaluate("() => new Promise(requestAnimationFrame)")
    assert asked == [f"DELETE {lab.url}/api/runs/pretend1"]


def test_without_storage_a_frame_works(open_page: OpenPage, static_url: str) -> None:
    page = open_page()
    page.add_init_script(NO_STORAGE)
    lab = Pretend(page, static_url).open("?embed=loss,network")
    lab.wait("state.open.length === 2")
    page.locator("[data-do=step]").click()
    assert lab.commands[-1]["op"] == "step"


def test_the_way_to_all_of_the_lab_has_the_same_run(lab: Pretend) -> None:
    page = lab.open("?embed=loss&train_size=200&seed=4").page
    link = page.get_by_role("link", name="Open in Dropout Lab")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("href", f"{lab.url}/lab?train_size=200&seed=4")
    page.evaluate("() => window.dropoutLab.actions.set(null, { learning_rate: 0.01 })")
    lab.wait("state.run.config.learning_rate === 0.01")
    page.wait_for_function("() => location.search.startsWith('?embed=loss&')")


def test_a_panel_in_a_frame_is_enlarged_to_the_whole_screen(lab: Pretend) -> None:
    page = lab.open("?embed=loss,network").page
    loss = page.locator(".panel-loss")
    loss.get_by_role("button", name="Enlarge").click()
    page.wait_for_function("() => document.fullscreenElement === document.documentElement")
    expect(loss).to_have_class("panel panel-loss is-large")
    page.evaluate("() => document.exitFullscreen()")  # as the Escape key does
    expect(loss).to_have_class("panel panel-loss")


# The tag


def tags(page: Page) -> dict[str, str]:
    """The attributes of the frame that the dialog's text makes."""
    found: dict[str, str] = page.locator("#share-embed").evaluate(
        """(each) => {
          const parsed = new DOMParser().parseFromString(each.value, "text/html");
          const frame = parsed.querySelector("iframe");
          return Object.fromEntries([...frame.attributes].map(({ name, value }) => [name, value]));
        }"""
    )
    return found


def test_the_dialog_gives_the_whole_tag_for_the_panels_that_are_open(lab: Pretend) -> None:
    page = lab.open("?train_size=200").page
    page.locator(".panel-kept [data-panel-do=close]").click()
    page.locator("[data-do=share]").click()
    told = tags(page)
    assert told["src"] == f"{lab.url}/lab?embed=network,masks,loss,accuracy,ensemble&train_size=200"
    assert told["title"] == "Dropout Lab: Network, Masks, Loss, Accuracy, Ensemble"
    assert (told["loading"], told["allow"]) == ("lazy", "fullscreen")
    page.locator(".embed-choice > summary").click()
    for name in ("Masks", "Accuracy", "Ensemble"):
        page.locator(".embed-choice").get_by_role("checkbox", name=name, exact=True).uncheck()
    assert tags(page)["src"] == f"{lab.url}/lab?embed=network,loss&train_size=200"
    width, height = size_of(["network", "loss"])
    assert (tags(page)["width"], tags(page)["height"]) == (str(width), str(height))
    assert page.locator("#share-embed").input_value() == tag_of(
        f"{lab.url}/lab?embed=network,loss&train_size=200", "Dropout Lab: Network, Loss", width, height
    )
    expect(page.locator(".embed-choice").get_by_role("checkbox", name="Decision boundary")).to_be_disabled()
    page.get_by_role("radio", name="This very run").check()
    assert tags(page)["src"] == f"{lab.url}/lab?embed=network,loss&run=pretend1"


def test_the_tag_is_copied(open_page: OpenPage, static_url: str) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    lab = Pretend(page, static_url).open()
    page.locator("[data-do=share]").click()
    page.locator("[data-copy=share-embed]").click()
    expect(page.locator("[data-show=copied]")).to_have_text("Copied.")
    assert page.evaluate("() => navigator.clipboard.readText()") == page.locator("#share-embed").input_value()
    assert lab.url in page.locator("#share-embed").input_value()


def test_the_page_and_the_server_make_the_same_tag_of_the_same_size(module_page: Page) -> None:
    for names in ([], ["loss"], ["masks", "kept", "network"], [panel.id for panel in PANELS]):
        body = """const shown = given.panels.filter(({ id }) => given.names.includes(id));
          const size = embed.sizeOf(given.names.map((name) => shown.find(({ id }) => id === name)));
          return { ...size, tag: embed.tagOf("https://lab.example/?a=1&b=\\"'<", "A “B” & 'c'", size) };"""
        found = ask(module_page, "model/embed", body, {"names": names, "panels": SCHEMA["panels"]})
        width, height = size_of(names)
        assert (found["width"], found["height"]) == (width, height)
        assert found["tag"] == tag_of("https://lab.example/?a=1&b=\"'<", "A “B” & 'c'", width, height)


@pytest.mark.parametrize(
    ("ancestors", "words"),
    [
        ("'none'", "This server does not allow it now"),
        ("", "This server does not allow it now"),
        ("'self' https://course.example", "allows it to its own pages, https://course.example."),
        ("*", "allows it to any page."),
    ],
)
def test_whether_frames_are_allowed_is_said_with_the_setting(module_page: Page, ancestors: str, words: str) -> None:
    told = ask(module_page, "model/embed", "return embed.frameWords(given);", ancestors)
    assert words in told
    assert "DROPOUT_LAB_FRAME_ANCESTORS" in told


def test_an_address_gets_its_panels_first(module_page: Page) -> None:
    body = "return given.map((address) => embed.embedAddress(address, ['loss', 'masks']));"
    assert ask(module_page, "model/embed", body, ["https://a.example/x", "https://a.example/?run=r"]) == [
        "https://a.example/x?embed=loss,masks",
        "https://a.example/?embed=loss,masks&run=r",
    ]
