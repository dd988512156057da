"""Terms of the glossary where they stand: found, and opened by mouse, keyboard and touch; and the page of all words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from app.lessons.glossary import Found, glossary, places
from app.pages import glossary_page_of
from tests.browser.conftest import OpenPage
from tests.browser.pretend import Pretend
from tests.browser.static import Reply, answer
from tests.browser.test_page import PHONE, SIZES, sized
from tests.test_words import told
from trainer.presets import PRESETS

WORDS: Final = glossary().described(places())
MARK: Final = """async ([words, text]) => {
  const { marked } = await import("/static/js/base/glossary.js");
  window.fetch = async () => Response.json(words);
  const place = document.createElement("p");
  document.body.append(place);
  place.append(...marked(document, text));
  window.place = place;
}"""


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """A page on a pretended server, not opened yet."""
    return Pretend(page, static_url)


def term(within: Page | Locator, name: str) -> Locator:
    return within.locator(f".term[data-term={name}]")


def card(page: Page) -> Locator:
    """What a term has opened."""
    return page.locator("#term")


def test_the_page_finds_in_a_text_what_the_server_finds(module_page: Page) -> None:
    texts = [*told().values(), *(preset.title for preset in PRESETS), "Größe, größe-loss “mask” SD’s L1-norm a.b(c)"]
    found: list[list[Any]] = module_page.evaluate(
        """async ([words, texts]) => {
          const { createGlossary } = await import("/static/js/base/glossary.js");
          const glossary = createGlossary(words);
          const plain = (each) => typeof each === "string" ? each : [each.term.id, each.text];
          return texts.map((text) => glossary.pieces(text).map(plain));
        }""",
        [WORDS, texts],
    )
    expected = [
        [[each.term.id, each.text] if isinstance(each, Found) else each for each in glossary().pieces(text)]
        for text in texts
    ]
    assert found == expected
    assert sum(isinstance(each, list) for pieces in found for each in pieces) > 200


def test_a_text_has_its_terms_once_the_glossary_has_come(module_page: Page) -> None:
    text = "A mask, another mask and “noise”, but no <b>."
    module_page.evaluate(MARK, [WORDS, text])
    place = module_page.locator("p")
    expect(term(place, "mask")).to_have_text(["mask"])
    expect(place).to_have_text(text)
    assert place.locator("a").count() == 1
    assert place.locator("b").count() == 0


def test_texts_that_share_what_was_seen_have_each_term_once_together(module_page: Page) -> None:
    counts = module_page.evaluate(
        """async (words) => {
          const { loadGlossary, marked } = await import("/static/js/base/glossary.js");
          window.fetch = async () => Response.json(words);
          await loadGlossary(document);
          const seen = new Set();
          return ["mask and loss", "loss and mask", "noise"].map((text) => marked(document, text, seen).length);
        }""",
        WORDS,
    )
    assert counts == [3, 1, 1]


@pytest.mark.expected_errors("500")
def test_a_glossary_that_does_not_come_leaves_the_text_and_is_asked_for_again(module_page: Page) -> None:
    said = module_page.evaluate(
        """async (words) => {
          const { loadGlossary, marked } = await import("/static/js/base/glossary.js");
          window.fetch = async () => new Response("", { status: 500 });
          const [text] = marked(document, "a mask");
          const said = await loadGlossary(document).catch((error) => error.message);
          window.fetch = async () => Response.json(words);
          return [said, text.textContent, (await loadGlossary(document)).terms.size];
        }""",
        WORDS,
    )
    assert said == ["the server answered with status 500", "a mask", len(WORDS)]


def test_a_text_that_is_written_over_keeps_the_terms_that_are_the_same(module_page: Page) -> None:
    kept = module_page.evaluate(
        """async (words) => {
          const { loadGlossary, rewriteMarked } = await import("/static/js/base/glossary.js");
          window.fetch = async () => Response.json(words);
          const place = document.createElement("p");
          rewriteMarked(place, "before a mask");
          const before = place.children.length;
          await loadGlossary(document);
          const nodes = (text) => { rewriteMarked(place, text); return [...place.childNodes]; };
          const first = nodes("Step 1: a mask drops 3 units.");
          const second = nodes("Step 20: a mask drops 17 units.");
          const third = nodes("The loss of step 20.");
          const same = second.every((node, at) => node === first[at]);
          const text = second.map((node) => node.textContent).join("");
          return [before, same, text, third.length, place.textContent];
        }""",
        WORDS,
    )
    assert kept == [0, True, "Step 20: a mask drops 17 units.", 4 + 1, "The loss of step 20."]


def test_a_term_opens_by_the_keyboard_and_gives_the_focus_back(lab: Pretend) -> None:
    page = lab.open().page
    for name, text in {"dropout": "Dropout", "overfitting": "memorising", "loss": "What is a loss?"}.items():
        button = page.locator(".term", has_text=text)
        expect(card(page)).to_be_hidden()
        button.press("Enter")
        expect(card(page)).to_contain_text(glossary()[name].meaning)
        expect(card(page)).to_contain_text(f"Source: {glossary()[name].source[0]}")
        expect(card(page)).to_be_focused()
        expect(button).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("Escape")
        expect(card(page)).to_be_hidden()
        expect(button).to_be_focused()
        expect(button).to_have_attribute("aria-expanded", "false")


def test_the_focus_goes_through_what_is_open_and_on_from_the_word(lab: Pretend) -> None:
    page = lab.open().page
    term(page.locator("#lead"), "dropout").press("Enter")
    expect(card(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(card(page).get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    link = card(page).get_by_role("link", name="In the glossary")
    expect(link).to_be_focused()
    assert urlsplit(link.evaluate("(link) => link.href"))[2:] == ("/glossary", "", "term-dropout")
    page.keyboard.press("Tab")
    expect(card(page)).to_be_hidden()
    expect(term(page.locator("#lead"), "overfitting")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card(page)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(card(page)).to_be_hidden()
    expect(term(page.locator("#lead"), "dropout")).to_be_focused()


def test_a_term_opens_by_the_mouse_beside_its_word_and_a_press_elsewhere_closes_it(lab: Pretend) -> None:
    page = lab.open().page
    dropout = term(page.locator("#lead"), "dropout")
    dropout.click()
    expect(card(page)).to_contain_text("switched off")
    word, opened = dropout.bounding_box(), card(page).bounding_box()
    assert word
    assert opened
    assert 0 <= opened["y"] - (word["y"] + word["height"]) <= 10
    assert opened["x"] == pytest.approx(word["x"], abs=1)
    dropout.click()
    expect(card(page)).to_be_hidden()
    dropout.click()
    term(page.locator("#lead"), "overfitting").click()
    expect(card(page)).to_contain_text("memorises")
    expect(dropout).to_have_attribute("aria-expanded", "false")
    page.locator("#network-title").click()
    expect(card(page)).to_be_hidden()
    dropout.click()
    card(page).get_by_role("button", name="Close").click()
    expect(card(page)).to_be_hidden()
    expect(dropout).to_be_focused()


def test_a_term_opens_by_a_finger_within_the_screen_and_goes_with_its_word(
    open_page: OpenPage, static_url: str
) -> None:
    page = Pretend(open_page(**PHONE), static_url).open().page
    word = term(page.locator("#lead"), "overfitting")
    word.tap()
    expect(card(page)).to_contain_text("memorises")
    inside = card(page).evaluate(
        "(card) => { const { left, right } = card.getBoundingClientRect(); return left >= 0 && right <= innerWidth; }"
    )
    assert inside
    page.evaluate("() => window.scrollTo(0, 2000)")
    expect(card(page)).to_be_hidden()
    page.evaluate("() => window.scrollTo(0, 0)")
    word.tap()
    expect(card(page)).to_be_visible()
    page.locator("#network-title").tap()
    expect(card(page)).to_be_hidden()
    assert page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_in_the_help_a_term_opens_over_the_dialog_and_escape_closes_one_after_the_other(lab: Pretend) -> None:
    page = lab.open().page
    page.keyboard.press("?")
    dialog = page.locator("#help")
    expect(dialog).to_be_visible()
    word = dialog.locator(".words .term").first
    word.click()
    expect(card(page)).to_contain_text(glossary()[word.get_attribute("data-term") or ""].meaning)
    top = card(page).evaluate(
        """(card) => { const { left, top, width, height } = card.getBoundingClientRect();
          return card.contains(document.elementFromPoint(left + width / 2, top + height / 2)); }"""
    )
    assert top
    page.keyboard.press("Escape")
    expect(card(page)).to_be_hidden()
    expect(dialog).to_be_visible()
    expect(word).to_be_focused()
    expect(dialog.get_by_role("link", name="the glossary")).to_have_attribute("target", "_blank")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_the_help_of_a_knob_has_terms_when_it_is_opened_also_for_who_only_watches(lab: Pretend, role: str) -> None:
    lab.role = role
    page = lab.open().page
    help_text = page.locator("#knob-learning_rate-about")
    assert help_text.locator(".term").count() == 0
    page.get_by_role("button", name="About learning rate", exact=True).click()
    expect(term(help_text, "step")).to_have_text(["step"])
    term(help_text, "step").click()
    expect(card(page)).to_contain_text(glossary()["step"].meaning)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="About learning rate", exact=True).click()
    page.get_by_role("button", name="About learning rate", exact=True).click()
    expect(help_text.locator(".term")).to_have_count(2)


def test_the_glossary_is_fetched_when_the_first_term_opens_and_once(lab: Pretend) -> None:
    asked: list[str] = []

    def reply(*_: Any) -> tuple[int, Any]:
        asked.append("glossary")
        return 200, WORDS

    lab.answers["GET /api/glossary"] = reply
    page = lab.open().page
    assert asked == []
    for _ in range(2):
        term(page.locator("#lead"), "dropout").click()
        expect(card(page)).to_contain_text("switched off")
        page.keyboard.press("Escape")
    assert asked == ["glossary"]


@pytest.mark.expected_errors("503")
def test_a_meaning_that_cannot_be_fetched_is_said_and_tried_again(lab: Pretend) -> None:
    lab.answers["GET /api/glossary"] = lambda _query, _body: (503, {"error": {"code": "x", "message": "y"}})
    page = lab.open().page
    term(page.locator("#lead"), "dropout").click()
    expect(card(page)).to_contain_text("Its meaning could not be fetched: the server answered with status 503.")
    lab.answers["GET /api/glossary"] = lambda _query, _body: (200, WORDS)
    page.keyboard.press("Escape")
    term(page.locator("#lead"), "dropout").click()
    expect(card(page)).to_contain_text("switched off")


CAPTION: Final = """async (text) => {
  const { writeCaption } = await import("/static/js/base/caption.js");
  if (!document.querySelector("#own")) {
    document.querySelector("#network-sentence").insertAdjacentHTML("afterend", "<p id='own' class='sentence'></p>");
  }
  writeCaption(document.querySelector("#own"), text);
}"""


def test_a_caption_has_terms_in_its_details_alone_and_they_stay_while_it_changes(lab: Pretend) -> None:
    page = lab.open().page
    sentence = page.locator("#own")

    def write(step: int) -> None:
        head = f"Step {step}. The validation loss of “Dropout” is 0.{step}. The loss of the other one is 1.{step}. "
        rest = (
            f"Of {step} masks each dropped units, and the mean of {step} steps was as expected, which is a long tale. "
        )
        page.evaluate(CAPTION, head + rest + "So it goes on and on until it is long enough to be folded.")

    write(10)
    assert sentence.locator(".term").count() == 0
    sentence.get_by_role("button", name="Details").click()
    rest = sentence.locator(".caption-rest")
    expect(rest.locator(".term")).to_have_text(["masks", "units", "steps"])
    term(rest, "mask").click()
    expect(card(page)).to_contain_text(glossary()["mask"].meaning)
    write(11)
    expect(rest).to_contain_text("Of 11 masks")
    expect(card(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(term(rest, "mask")).to_be_focused()
    assert sentence.locator("> span").first.locator(".term").count() == 0


def test_the_card_of_an_experiment_keeps_its_terms_when_the_run_comes(lab: Pretend) -> None:
    from tests.browser.test_experiments import Experiments

    page = Experiments(lab.page, lab.url).visit("/experiments/twin").page
    ask = page.locator("#experiment legend")
    expect(term(ask, "loss")).to_have_text(["validation loss"])
    term(ask, "loss").click()
    expect(card(page)).to_contain_text(glossary()["loss"].more)


@pytest.fixture
def glossary_page(open_page: OpenPage, static_url: str) -> Callable[..., Page]:
    """Opens the page of all words."""

    def one(anchor: str = "", **options: Any) -> Page:
        page = open_page(**options)
        answer(page, lambda _m, address, _b: Reply(glossary_page_of()) if address == "/glossary" else None)
        page.goto(f"{static_url}/glossary{anchor}")
        return page

    return one


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_barriers_on_the_page_of_all_words(
    glossary_page: Callable[..., Page], scheme: str, size: tuple[int, int]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = glossary_page("#term-mask", **sized(size), color_scheme=scheme)
    expect(page.locator("#term-mask")).to_be_in_viewport()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barriers_in_an_open_term(open_page: OpenPage, static_url: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = Pretend(open_page(color_scheme=scheme), static_url).open().page
    term(page.locator("#lead"), "dropout").click()
    expect(card(page)).to_contain_text("switched off")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_the_page_of_all_words_works_without_a_script(glossary_page: Callable[..., Page]) -> None:
    page = glossary_page(java_script_enabled=False)
    expect(page.locator("#theme")).to_be_hidden()
    page.get_by_role("navigation", name="Words").get_by_role("link", name="weight scaling").click()
    expect(page.locator("#term-weight-scaling")).to_be_in_viewport()
    expect(page.locator("#term-weight-scaling")).to_contain_text(glossary()["weight-scaling"].meaning)


def test_with_a_script_its_theme_can_be_chosen(glossary_page: Callable[..., Page]) -> None:
    page = glossary_page()
    button = page.get_by_role("button", name="Theme")
    expect(button).to_be_visible()
    button.click()
    button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
