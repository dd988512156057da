"""The page of a watched model, with a real server and a model that trains nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.watched import feeding
from tests.browser import watched
from tests.browser.conftest import OpenPage
from tests.browser.servers import Lab
from tests.browser.test_page import PHONE, SHIFTS, sized
from tests.browser.watched import Model
from tests.conftest import TIMEOUT_FACTOR

Watched = Callable[..., Model]
SIZES = [(1440, 900), (1366, 768), (390, 844)]
REFUSED = r"ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET"


@pytest.fixture
def watch(lab_url: str) -> Iterator[Watched]:
    """Gives models that are watched; their feeds end with the test."""
    with ExitStack() as stack:

        def one(url: str = lab_url, **options: Any) -> Model:
            return stack.enter_context(Model(url, patience=30 * TIMEOUT_FACTOR, **options))

        yield one


def opened(page: Page, address: str) -> Page:
    """The page of a watch, once it has what there is."""
    page.goto(address)
    expect(page.locator("html")).to_have_attribute("data-started", "true")
    return page


def standing(page: Page) -> Locator:
    return page.locator(".standing")


def card(page: Page, site: int) -> Locator:
    return page.locator(f"article[data-site='{site}']")


def settled(page: Page) -> None:
    """Wait until what has come is painted."""
    page.evaluate(
        "() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done, 50)), 250))"
    )


def test_a_model_that_trains_is_shown_with_its_state_and_what_sampling_costs(page: Page, watch: Watched) -> None:
    model = watch()
    opened(page, model.address)
    expect(standing(page)).to_have_text("training")
    expect(page.locator("[data-show=sampling]")).to_have_text("No mask has been recorded yet.")
    expect(card(page, 0)).to_contain_text("A row for each recorded pass will be here.")
    model.train(1, 700)
    model.tell(lost=2)
    expect(page.locator("h1")).to_have_text("Classifier")
    expect(page.locator("[data-show=step]")).to_have_text("700")
    expect(page.locator("[data-show=speed]")).to_have_text("48")
    expect(page.locator("[data-show=sampling]")).to_have_text(
        "Masks of about every 7th pass are recorded; watching costs 2.1% of the training’s time. 2 frames were lost."
    )
    expect(page).to_have_title("Classifier: training · Dropout Lab")
    expect(page.locator(".head-buttons")).to_be_hidden()
    model.tell(state="paused")
    expect(standing(page)).to_have_text("paused")
    expect(page.locator("[data-show=speed]")).to_have_text("–")
    model.tell(state="failed")
    expect(standing(page)).to_have_text("failed")
    model.tell(state="ended")
    expect(standing(page)).to_have_text("ended")
    expect(page.locator("[data-show=sampling]")).to_contain_text("were recorded; watching cost 2.1%")


def test_a_site_shows_masks_counts_units_and_activations(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 700)
    opened(page, model.address)
    site = card(page, 1)
    expect(site.locator("h3")).to_have_text("block.drop")
    expect(site.locator(".site-about")).to_have_text("nn.Dropout · drops units · p = 0.5")
    site.scroll_into_view_if_needed()
    expect(site.get_by_role("img", name="Masks of block.drop: 72 recorded passes, steps 203 to 700")).to_be_visible()
    expect(site.locator("[data-line=kept]")).to_contain_text("of the last 100 masks at p = 0.5")
    expect(site.locator("[data-line=units]")).to_contain_text("Each of 256 units was kept at least once")
    expect(site.locator("[data-line=dead]")).to_contain_text("12 of 256 units were 0 for every example of all 100")
    expect(site.locator("[data-line=activations]")).to_contain_text(
        "mean 0.410, standard deviation 0.620; 52.3% are 0."
    )
    expect(site.locator(".band")).to_have_count(1)
    expect(site.locator(".bars")).to_have_count(1)
    expect(site.locator("canvas")).to_have_attribute("data-step", "700")
    pixels = (
        "canvas => new Set(new Uint32Array(canvas.getContext('2d').getImageData(60, 0, 400, 150).data.buffer)).size"
    )
    assert site.locator("canvas").evaluate(pixels) == 2


def test_the_raster_scrolls_back_to_its_first_row_and_stays_there(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 1400)
    opened(page, model.address)
    view = card(page, 0).locator(".raster-view")
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "1400")
    view.focus()
    page.keyboard.press("Home")
    expect(card(page, 0).get_by_role("img", name="steps 7 to")).to_be_visible()
    model.train(1401, 1470)
    expect(page.locator("[data-show=step]")).to_have_text("1,470")
    settled(page)
    expect(card(page, 0).get_by_role("img", name="steps 7 to")).to_be_visible()
    page.keyboard.press("End")
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "1470")


def test_the_keyboard_chooses_a_pass_and_a_unit_and_it_is_said(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 1400)
    opened(page, model.address)
    site = card(page, 1)
    spoken, tip = site.locator(".raster-frame > [aria-live]"), site.locator(".tip")

    def said(words: str) -> str:
        expect(spoken).to_have_text(re.compile(f"^{words}$"))
        return str(spoken.text_content())

    site.scroll_into_view_if_needed()
    expect(site.locator("canvas")).to_have_attribute("data-step", "1400")
    site.get_by_role("application", name="Masks of block.drop. Arrow keys move over recorded passes and units.").focus()
    page.keyboard.press("ArrowUp")
    said(r"Step 1,400, p = 0\.5: \d+ of 256 units kept\. Unit 0: (kept|dropped)\.")
    expect(tip).to_contain_text("step 1,400, unit 0:")
    page.keyboard.press("ArrowRight")
    said(r"Unit 1 at step 1,400: (kept|dropped)\.")
    page.keyboard.press("ArrowUp")
    words = said(r"Step 1,393, p = 0\.5: \d+ of 256 units kept\. Unit 1: (kept|dropped)\.")
    row = "window.dropoutLab.known.rows.get(1).rows.find(({ step }) => step === 1393)"
    kept = page.evaluate(
        f"[...{row}.mask].flatMap((byte) => [...Array(8).keys()].map((bit) => (byte >> (7 - bit)) & 1))"
    )
    assert f": {sum(kept)} of 256 units kept. Unit 1: {'kept' if kept[1] else 'dropped'}." in words
    model.train(1401, 1470)
    expect(page.locator("[data-show=step]")).to_have_text("1,470")
    settled(page)
    expect(tip).to_contain_text("step 1,393, unit 1:")  # it stays where it was put
    page.keyboard.press("Home")
    said(r"Step 7, p = .* Unit 1: .*")
    expect(site.get_by_role("img", name="steps 7 to")).to_be_visible()
    page.keyboard.press("PageDown")
    said(r"Step 504, p = .*")
    page.keyboard.press("End")
    said(r"Step 1,470, p = .*")
    model.train(1471, 1505)
    expect(tip).to_contain_text("step 1,505, unit 1:")  # it follows the newest, and does not chatter
    said(r"Step 1,470, p = .*")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(tip).to_be_visible()
    page.keyboard.press("Tab")
    expect(tip).to_be_hidden()


def test_the_first_sites_are_shown_and_the_others_are_one_click_away(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 100)
    opened(page, model.address)
    cards = page.locator("article.site")
    expect(cards).to_have_count(3)
    expect(page.locator("[data-show=sites]")).to_have_text("3 of 10 places that drop.")
    page.locator(".more-sites").get_by_role("button", name="block.flash (not available)").click()
    expect(card(page, 9)).to_contain_text(f"Its mask is not available: {watched.HIDDEN}.")
    expect(card(page, 9).locator("canvas")).to_be_hidden()
    tree = page.locator(".tree")
    button = tree.get_by_role("button", name="Masks of block.drop (call 2)")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(cards).to_have_count(5)
    expect(card(page, 7).locator("h3")).to_be_focused()
    card(page, 0).get_by_role("button", name="Put embed.drop away").click()
    expect(cards).to_have_count(4)
    page.get_by_role("button", name="Show all").click()
    expect(cards).to_have_count(10)
    page.get_by_role("button", name="Show the first few").click()
    expect(cards).to_have_count(3)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_when_a_card_comes_into_sight(open_page: OpenPage, watch: Watched, size: tuple[int, int]) -> None:
    model = watch()
    page = opened(open_page(**sized(size)), model.address)
    expect(page.locator("article.site")).to_have_count(3)
    model.train(1, 700)
    last, below = card(page, 2), page.locator(".more-sites")
    expect(last.locator("[data-line=activations]")).to_contain_text("standard deviation 0.620")
    settled(page)
    expect(last.locator("canvas")).not_to_have_attribute("data-step", "700")  # it is out of sight
    place = "element => Math.round(element.getBoundingClientRect().top + scrollY)"
    before = below.evaluate(place)
    last.scroll_into_view_if_needed()
    expect(last.locator("canvas")).to_have_attribute("data-step", "700")
    expect(last.locator(".bars")).to_have_count(1)
    settled(page)
    assert below.evaluate(place) == before


def test_a_card_that_came_and_went_while_the_page_was_busy_is_painted(page: Page, watch: Watched) -> None:
    page.add_init_script("""
      const Real = IntersectionObserver;
      window.IntersectionObserver = class extends Real {
        constructor(tell, options) {
          const stale = ({ target, isIntersecting }) => ({ target, isIntersecting: !isIntersecting });
          super((entries, observer) => tell([...entries.map(stale), ...entries], observer), options);
        }
      };
    """)
    model = watch()
    model.train(1, 700)
    opened(page, model.address)
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "700")


def test_a_transformer_of_forty_sites_stays_usable(page: Page, watch: Watched) -> None:
    model = watch(name="Transformer", sites=watched.transformer_sites())
    model.train(1, 300)
    opened(page, model.address)
    expect(page.locator("article.site")).to_have_count(3)
    expect(page.locator(".tree-list > li")).to_have_count(73)
    page.get_by_role("button", name="96 modules without dropout").click()
    expect(page.locator(".tree-list > li")).to_have_count(169)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("article.site")).to_have_count(40)
    last = card(page, 39)
    last.scroll_into_view_if_needed()
    expect(last.locator("canvas")).to_have_attribute("data-step", "294")


def test_the_tree_says_what_is_trained_and_what_is_evaluated(page: Page, watch: Watched) -> None:
    model = watch()
    opened(page, model.address)
    rows = page.locator(".tree-list > li")
    expect(rows.first).to_contain_text("Classifier")
    expect(page.locator(".tree-about")).to_have_text("__main__.Net · 1,234,567 parameters · cpu · PyTorch 2.13.0")
    expect(page.locator(".module-mode.is-eval")).to_have_count(0)
    told = model.model()
    for module in told["tree"]:
        module["training"] = False
    model.say("model", model=told)
    expect(page.locator(".module-mode.is-eval")).to_have_count(18)


def test_a_forgotten_eval_is_told_in_red_with_its_line(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 20)
    opened(page, model.address)
    expect(page.locator(".warnings")).to_have_text(re.compile("^No warning so far."))
    model.warn()
    warning = page.locator(".warning")
    expect(warning).to_contain_text("called at train.py:57")
    expect(warning).to_contain_text("call model.eval() before it")
    expect(page.locator(".warning-times")).to_have_text("Seen once")
    model.warn(12)
    expect(page.locator(".warning-times")).to_have_text("Seen 12 times")
    warn, colour = page.evaluate("""() => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.color = "var(--warn)";
      return [getComputedStyle(probe).color, getComputedStyle(document.querySelector(".warning")).color];
    }""")
    assert warn == colour
    page.get_by_role("button", name="Details").click()
    expect(page.locator(".warning-list")).to_contain_text("Seen 12 times, first at step 20.")


def test_with_the_token_rates_are_moved_and_training_waits(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 300)
    opened(page, model.owned)
    assert model.watch["token"] not in page.url
    slider = card(page, 1).get_by_label("Dropout rate p")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(card(page, 1).locator(".site-about")).to_contain_text("p = 0.49")
    assert model.commands == [{"op": "set", "site": 1, "rate": 0.49}]
    model.train(301, 400)
    expect(page.locator("[data-panel=changes] li")).to_have_text("From step 301: block.drop p from 0.5 to 0.49")
    expect(page.locator("[data-panel=changes] pre")).to_have_text(watched.CODE)
    expect(page.locator("[data-panel=loss] .change")).to_have_count(1)
    expect(page.locator("[data-panel=loss] .change-number")).to_have_text("1")
    expect(card(page, 1).locator("[data-line=kept]")).to_contain_text("masks at p = 0.49")
    card(page, 1).get_by_role("switch").uncheck()
    expect(card(page, 1).locator(".site-about")).to_contain_text("switched off")
    assert model.commands[-1] == {"op": "set", "site": 1, "off": True}
    page.get_by_role("button", name="Pause").click()
    expect(standing(page)).to_have_text("paused")
    page.get_by_role("button", name="Step", exact=True).click()
    expect(page.locator("[data-show=step]")).to_have_text("401")
    page.get_by_role("button", name="Continue").click()
    expect(standing(page)).to_have_text("training")
    assert [each["op"] for each in model.commands[-3:]] == ["pause", "step", "play"]
    page.reload()
    expect(page.locator(".head-buttons")).to_be_visible()  # this tab keeps the token


def test_without_control_the_token_gives_votes_and_nothing_else(page: Page, watch: Watched) -> None:
    model = watch(control=False)
    model.train(1, 100)
    opened(page, model.owned)
    expect(page.locator("[data-panel=votes]")).to_contain_text("400 validation examples can be voted on: ask")
    expect(page.locator(".head-buttons")).to_be_hidden()
    expect(card(page, 0).locator(".site-controls")).to_be_hidden()
    expect(page.locator("[data-panel=changes]")).to_contain_text("With watch(…, control=True)")
    page.get_by_role("button", name="Ask 64 sub-networks").click()
    votes = page.locator("[data-panel=votes]")
    expect(votes).to_contain_text("the average of 64 sub-networks has an accuracy of 91.0%")
    expect(votes).to_contain_text("Where it is wrong, the sub-networks disagree more")
    expect(votes.locator(".member, .average, .scaling")).to_have_count(3)
    assert model.commands == [{"op": "vote", "passes": 64}]


def test_a_wrong_token_looks_on(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 100)
    opened(page, f"{model.address}#token={'x' * 43}")
    expect(standing(page)).to_have_text("training")
    expect(page.locator("#notice")).to_contain_text("you can look, and change nothing")
    expect(page.locator(".head-buttons")).to_be_hidden()


def test_without_validation_examples_the_page_says_what_to_pass(page: Page, watch: Watched) -> None:
    opened(page, watch(val=0).owned)
    expect(page.locator("[data-panel=votes]")).to_contain_text(
        "Pass val=(x, y) to watch(…), and sub-networks vote here."
    )
    expect(page.get_by_role("button", name="Ask 64 sub-networks")).to_be_hidden()


def test_losses_have_a_gap_a_log_axis_and_other_series(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 400)
    opened(page, model.address)
    loss = page.locator("[data-panel=loss]")
    expect(loss.locator(".sentence")).to_contain_text("At step 400 the validation loss is")
    expect(loss.locator(".sentence")).to_contain_text("The gap is")
    expect(loss.locator("path.series")).to_have_count(3)
    loss.get_by_role("button", name="val_loss").click()
    expect(loss.locator("path.series")).to_have_count(2)
    loss.get_by_role("switch", name="Log axis").check()
    expect(loss.locator("text.tick", has_text=re.compile(r"^0\.\d+$")).first).to_be_visible()
    other = page.locator("[data-panel=other]")
    expect(other.locator(".sentence")).to_contain_text("Accuracy: training")
    other.get_by_label("Series").select_option(label="gradient norm")
    expect(other.locator(".sentence")).to_contain_text("gradient norm is")


@pytest.mark.expected_errors(REFUSED, "404")
def test_after_the_server_was_restarted_the_page_comes_back_with_what_it_had(page: Page, watch: Watched) -> None:
    lab = Lab(timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_WORKERS="1")
    try:
        model = watch(lab.url)
        model.train(1, 700)
        model.warn(3)
        opened(page, model.owned)
        expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "700")
        lab.kill()
        expect(standing(page)).to_have_text("reconnecting to the lab")
        expect(page.locator("[data-show=sampling]")).to_contain_text("What is shown here came before.")
        expect(card(page, 0).get_by_label("Dropout rate p")).to_be_disabled()
        expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "700")
        lab = Lab(port=lab.port, timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_WORKERS="1")
        model.connect(again=True)
        model.train(701, 770)
        expect(standing(page)).to_have_text("training")
        expect(page.locator("[data-show=step]")).to_have_text("770")
        expect(card(page, 0).locator("[data-line=kept]")).to_contain_text("of the last 110 masks")
        expect(page.locator(".warning-times")).to_have_text("Seen 3 times")
        expect(card(page, 0).get_by_label("Dropout rate p")).to_be_enabled()
    finally:
        lab.kill()


def test_a_training_process_that_goes_is_told_and_what_came_stays(page: Page, watch: Watched) -> None:
    model = watch()
    model.train(1, 100)
    opened(page, model.owned)
    expect(standing(page)).to_have_text("training")
    model.leave()
    expect(standing(page)).to_have_text("the training process is not connected")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "98")
    model.connect()
    expect(standing(page)).to_have_text("training")


@pytest.mark.expected_errors("404")
def test_an_address_of_nothing_says_so_and_where_to_go(page: Page, lab_url: str) -> None:
    opened(page, f"{lab_url}/watch/{'x' * 22}")
    expect(page.locator("#nowhere")).to_be_visible()
    expect(standing(page)).to_have_text("not found")
    page.get_by_role("link", name="How to watch a model").click()
    expect(page.locator("h1")).to_have_text("Watch a model of your own")


def test_a_saved_watch_is_opened_and_compared(page: Page, watch: Watched, lab_url: str, tmp_path: Path) -> None:
    model = watch()
    model.train(1, 400)
    model.tell(state="ended")
    opened(page, model.address)
    expect(standing(page)).to_have_text("ended")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as file").click()
    file = tmp_path / "saved.safetensors"
    download.value.save_as(file)
    opened(page, f"{lab_url}/watch")
    expect(page.locator(".recent a")).to_have_text(["Classifier"])
    page.locator("#open-file").set_input_files(file)
    expect(standing(page)).to_have_text("ended")
    assert model.watch["id"] not in page.url
    expect(page.locator("[data-show=step]")).to_have_text("400")
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "399")
    page.get_by_label("Compare its losses with another watch").fill(model.owned)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("[data-panel=loss] path.is-compared")).to_have_count(2)
    expect(page.locator("[data-panel=loss] .sentence")).to_contain_text("“Classifier” is drawn with dashes")
    assert page.url.endswith(f"?with={model.watch['id']}")
    page.reload()
    expect(page.locator("[data-panel=loss] path.is-compared")).to_have_count(2)
    page.get_by_role("button", name="Compare no more").click()
    expect(page.locator("[data-panel=loss] path.is-compared")).to_have_count(0)
    page.get_by_label("Compare its losses with another watch").fill("nonsense")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".compare-form .trouble")).to_contain_text("This is no address of a watched model")
    page.locator("[data-do=compare-file]").set_input_files(file)
    expect(page.locator("[data-panel=loss] path.is-compared")).to_have_count(2)


@pytest.mark.expected_errors("40[0-9]|422")
def test_a_file_of_something_else_is_refused_in_words(page: Page, lab_url: str, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    file.write_bytes(b"nothing of the kind")
    opened(page, f"{lab_url}/watch")
    page.locator("#open-file").set_input_files(file)
    expect(page.locator(".trouble")).to_contain_text("The file was not opened:")


def test_a_report_is_one_file_that_needs_nothing_else(page: Page, watch: Watched, tmp_path: Path) -> None:
    model = watch(name="<img src=x onerror=alert(1)>")
    model.train(1, 400)
    model.warn(3)
    model.vote()
    opened(page, model.address)
    expect(page.locator("[data-panel=votes] .average")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    text = file.read_text()
    assert "<img src=x" not in text
    assert "http-equiv" in text
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    expect(page.locator("h1")).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator("img[alt^='Masks of block.drop:']")).to_be_visible()
    expect(page.locator("svg.chart-svg")).to_have_count(2 + 9 + 7 + 3)
    expect(page.locator("body")).to_contain_text(f"Its mask is not available: {watched.HIDDEN}.")
    expect(page.locator("body")).to_contain_text("Seen 3 times, first at step 400.")
    stroke = page.locator("svg .series.is-val-loss").first.evaluate("each => getComputedStyle(each).stroke")
    assert stroke == "rgb(213, 94, 0)"
    assert [each for each in asked if not each.startswith(("file:", "data:"))] == []


def test_in_a_frame_it_is_compact_and_needs_no_storage(page: Page, watch: Watched) -> None:
    page.add_init_script("""for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
    }""")
    model = watch()
    model.train(1, 100)
    opened(page, model.owned.replace("#", "?embed=1#"))
    expect(standing(page)).to_have_text("training")
    expect(page.locator(".head-buttons")).to_be_visible()
    expect(page.locator(".watch-brand, #theme, .keep").and_(page.locator(":visible"))).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    expect(standing(page)).to_have_text("paused")


def test_names_of_strangers_are_text(page: Page, watch: Watched) -> None:
    bad = "<img src=x onerror=window.hit=1>"
    sites = [feeding.a_site(0, 16, path=bad, name=bad, kind=bad, of="units", where=bad)]
    model = watch(name=bad, sites=sites)
    model.train(1, 50)
    model.warn(text=bad, where=bad)
    model.say("changed", changes=[feeding.a_change(path=bad, name=bad)], code=bad)
    opened(page, model.owned)
    expect(page.locator("h1")).to_have_text(bad)
    expect(card(page, 0).locator("h3")).to_have_text(bad)
    expect(page.locator("[data-panel=changes] pre")).to_have_text(bad)
    settled(page)
    assert page.evaluate("() => [window.hit, document.querySelectorAll('main img').length]") == [None, 0]


@pytest.mark.parametrize("size", SIZES)
def test_nothing_jumps_while_it_trains(open_page: OpenPage, watch: Watched, size: tuple[int, int]) -> None:
    model = watch()
    model.train(1, 100)
    page = opened(open_page(**sized(size)), model.owned)
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "98")
    settled(page)
    page.evaluate(SHIFTS)
    page.evaluate("() => { window.shifts.length = 0; }")
    for first in range(101, 901, 100):
        model.train(first, first + 99)
        expect(page.locator("[data-show=step]")).to_have_text(f"{first + 99:,}")
        settled(page)
    model.warn(3)
    model.tell(lost=2)
    model.vote()
    expect(page.locator(".warning")).to_be_visible()
    for state in ("paused", "training", "ended"):
        model.tell(state=state)
        expect(standing(page)).to_have_text(state)
    settled(page)
    assert sum(page.evaluate("window.shifts")) < 0.02


@pytest.mark.parametrize("size", SIZES)
def test_the_first_data_push_nothing_about(open_page: OpenPage, watch: Watched, size: tuple[int, int]) -> None:
    model = watch()
    page = open_page(**sized(size))
    page.add_init_script(SHIFTS)
    opened(page, model.owned)
    expect(standing(page)).to_have_text("training")
    model.train(1, 300)
    expect(page.locator("[data-show=step]")).to_have_text("300")
    settled(page)
    assert sum(page.evaluate("window.shifts")) < 0.02


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_axe_finds_no_barriers(open_page: OpenPage, watch: Watched, size: tuple[int, int], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    model = watch()
    page = opened(open_page(color_scheme=scheme, **sized(size)), model.owned)
    expect(standing(page)).to_have_text("training")
    assert (found := Axe().run(page)).violations_count == 0, found.generate_report()
    model.train(1, 400)
    model.warn(3)
    model.vote()
    page.locator(".more-sites").get_by_role("button", name="block.flash").click()
    expect(page.locator(".warning")).to_be_visible()
    expect(page.locator("[data-panel=votes] .average")).to_have_count(1)
    card(page, 0).locator(".raster-view").focus()
    page.keyboard.press("ArrowUp")
    expect(card(page, 0).locator(".tip")).to_be_visible()
    settled(page)
    assert (found := Axe().run(page)).violations_count == 0, found.generate_report()
    model.leave()
    expect(standing(page)).to_have_text("the training process is not connected")
    page.evaluate("() => Promise.all(document.getAnimations().map((each) => each.finished))")
    assert (found := Axe().run(page)).violations_count == 0, found.generate_report()
    opened(page, f"{model.url}/watch")
    assert (found := Axe().run(page)).violations_count == 0, found.generate_report()


def test_nothing_is_wider_than_a_phone(open_page: OpenPage, watch: Watched) -> None:
    model = watch(name="A classifier with a name that is much longer than a phone is wide")
    model.train(1, 400)
    model.vote()
    page = opened(open_page(**PHONE), model.owned)
    expect(page.locator("[data-panel=votes] .average")).to_have_count(1)
    page.locator(".tree > summary").click()
    page.get_by_role("button", name="Show all").click()
    settled(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.mouse.wheel(0, 2000)
    settled(page)
    assert page.locator(".standing").bounding_box() is not None
    box = page.locator(".standing").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 200  # how it stands is in sight wherever one reads


def test_both_themes_have_their_colours_in_the_raster(open_page: OpenPage, watch: Watched) -> None:
    model = watch()
    model.train(1, 400)
    page = opened(open_page(color_scheme="light"), model.address)
    expect(card(page, 0).locator("canvas")).to_have_attribute("data-step", "399")
    colours = (
        "canvas => [...new Set(new Uint32Array(canvas.getContext('2d').getImageData(60, 0, 400, 150).data.buffer))]"
    )
    light = card(page, 0).locator("canvas").evaluate(colours)
    page.locator("[data-do=theme]").click()
    page.locator("[data-do=theme]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = card(page, 0).locator("canvas").evaluate(colours)
    assert len(light) == len(dark) == 2
    assert {*light}.isdisjoint(dark)


def test_the_lab_leads_to_it(page: Page, lab_url: str) -> None:
    page.goto(lab_url)
    link = page.get_by_role("link", name="Watch a model of your own")
    expect(link).to_be_visible()
    assert link.evaluate("each => each.pathname") == "/watch"
