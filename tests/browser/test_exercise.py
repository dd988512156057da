"""A teacher's exercise: its link, its card, what it hides and refuses, and the form that makes one."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pretend import Pretend
from tests.browser.test_core_modules import SCHEMA, ask
from tests.browser.test_embed import NO_STORAGE
from tests.browser.test_experiments import Experiments
from tests.browser.test_panels import SHIFTS, shown
from trainer.settings.panels import PANELS

pytestmark = pytest.mark.timeout(300)

PHONE: Final = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
PLAIN: Final[dict[str, Any]] = {
    "title": "How much dropout?",
    "question": "Which rate gives the lowest loss on new examples after 500 steps?",
    "choices": ["0", "0.2", "0.5"],
}
RIGHT: Final[dict[str, Any]] = {
    **PLAIN,
    "right": 2,
    "after": "Without dropout the network memorises its 300 examples.",
    "first": True,
    "knobs": {"lane": ["dropout"]},
    "panels": ["network", "loss"],
}


def encoded(exercise: Any) -> str:
    """An exercise as an address has it."""
    text = exercise if isinstance(exercise, bytes) else json.dumps(exercise, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """The page on a server that pretends."""
    return Pretend(page, static_url)


def opened(lab: Pretend, exercise: Any, more: str = "") -> Page:
    """The page with an exercise, once it shows a run."""
    lab.open(f"?exercise={encoded(exercise)}{more}")
    lab.wait("state.run && state.schema")
    return lab.page


def said(lab: Pretend, op: str) -> list[dict[str, Any]]:
    """The commands of one kind that the page sent."""
    return [command for command in lab.commands if command["op"] == op]


def is_said(lab: Pretend, op: str) -> None:
    """Wait until the page sends such a command."""
    while not said(lab, op):  # pytest-timeout ends it
        lab.page.evaluate("() => new Promise(requestAnimationFrame)")


# As an address has it


def test_what_is_written_is_read_again(module_page: Page) -> None:
    exercises = [
        {**PLAIN, "right": None, "after": "", "first": False, "knobs": {"run": [], "lane": []}, "panels": []},
        {**RIGHT, "knobs": {"run": ["learning_rate", "seed"], "lane": ["dropout", "learning_rate"]}},
        {**RIGHT, "title": "Wie viel? Ünïcode, 日本語, 🎲", "knobs": {"run": [], "lane": ["l2"]}},
    ]
    body = """return given.exercises.map((each) => {
        const text = exercise.encode(each);
        return { text, back: exercise.decode(text, given.schema) };
      });"""
    found = ask(module_page, "model/exercise", body, {"exercises": exercises, "schema": SCHEMA})
    assert [each["back"] for each in found] == exercises
    for each in found:
        assert set(each["text"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert found[0]["text"] == encoded(json.dumps(PLAIN, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "“” is not JSON in base64url"),
        ("%%%", "“%%%” is not JSON in base64url: the link is cut off or was changed"),
        (encoded(PLAIN)[:-3], "is not JSON in base64url"),
        (encoded(b"\xff\xfe"), "is not JSON in base64url"),
        (encoded([]), "it is no object"),
        (encoded({**PLAIN, "html": "<b>"}), "it has “html”, and may have title, question, choices"),
        (encoded({**PLAIN, "title": ""}), "its title is missing: it must be a line of 1 to 80 characters"),
        (encoded({**PLAIN, "title": "x" * 81}), "its title has 81 characters, and may have 80"),
        (encoded({**PLAIN, "question": "y" * 301}), "its question has 301 characters, and may have 300"),
        (encoded({**PLAIN, "question": "a\nb"}), "its question has characters that cannot be seen: “a\\u{a}b”"),
        (encoded({**PLAIN, "title": "a\u202eb"}), "its title has characters that cannot be seen: “a\\u{202e}b”"),
        (encoded({**PLAIN, "question": 7}), "its question is missing"),
        (encoded({**PLAIN, "choices": ["one"]}), "it has 1 choices: there must be 2 to 6"),
        (encoded({**PLAIN, "choices": list("abcdefg")}), "it has 7 choices"),
        (encoded({**PLAIN, "choices": ["a", "b", " a"]}), "its choices 1 and 3 are the same"),
        (encoded({**PLAIN, "choices": ["a", "z" * 81]}), "its choice 2 has 81 characters"),
        (encoded({**PLAIN, "right": 3}), "its right answer is “3”: it must be a whole number from 0 to 2"),
        (encoded({**PLAIN, "right": "1"}), "its right answer is “1”"),
        (encoded({**PLAIN, "after": "w" * 301}), "the text shown afterwards has 301 characters"),
        (encoded({**PLAIN, "first": "yes"}), "first is “yes”: it must be true or false"),
        (encoded({**PLAIN, "knobs": {"run": ["speed"]}}), "“speed” is no knob of a run: there are network, dataset"),
        (encoded({**PLAIN, "knobs": {"lane": ["restarts"]}}), "“restarts” is no knob of a network: there are name"),
        (encoded({**PLAIN, "knobs": ["dropout"]}), "its knobs must be an object of run and lane"),
        (encoded({**PLAIN, "knobs": {"both": []}}), "its knobs must be an object of run and lane"),
        (encoded({**PLAIN, "panels": ["losss"]}), "“losss” is no panel: there are network, masks"),
        (encoded({**PLAIN, "panels": "loss"}), "“loss” is no list of names of a panel"),
    ],
)
def test_a_broken_one_says_what_is_wrong(module_page: Page, given: str, why: str) -> None:
    body = (
        """try { exercise.decode(given.text, given.schema); return "taken"; } catch (error) { return error.message; }"""
    )
    assert why in ask(module_page, "model/exercise", body, {"text": given, "schema": SCHEMA})


def test_which_knobs_another_run_would_move_is_found_out(module_page: Page) -> None:
    lanes = [{"name": "A", "dropout": [0.1], "l2": 0}, {"name": "B", "dropout": [0.5], "l2": 0}]
    now = {"dataset": "digits", "network": "mlp", "train_size": 300, "seed": 1, "lanes": lanes}
    other = [{**lanes[0], "l2": 0.1}, {**lanes[1], "dropout": [0.2]}]
    wanted = [
        {"seed": 2},
        {"train_size": 100},
        {"lanes": other},
        {"lanes": lanes[:1]},
        {"dataset": "wine", "seed": 9},
        {},
    ]
    body = """const leaves = (run, lane) => ({ knobs: { run, lane } });
      return [leaves(["seed"], ["dropout"]), leaves(["dataset"], [])].map((each) =>
        given.wanted.map((config) => exercise.refusedRun(each, given.now, config)));"""
    found = ask(module_page, "model/exercise", body, {"now": now, "wanted": wanted})
    assert found[0] == [[], ["train_size"], ["l2"], ["networks"], ["dataset"], []]
    assert found[1] == [["seed"], ["train_size"], ["l2", "dropout"], ["networks"], [], []]


# The page that is opened with one


def test_an_exercise_shows_its_question_and_nothing_that_it_does_not_leave(lab: Pretend) -> None:
    page = opened(lab, RIGHT, "&train_size=200")
    card = page.get_by_role("region", name="How much dropout?")
    expect(card).to_contain_text("Which rate gives the lowest loss")
    assert card.get_by_role("radio").count() == 3
    assert shown(lab) == ["network", "loss"]
    for what in ("views", "code", "save", "share"):
        expect(page.locator(f"[data-do={what}]")).to_be_hidden()
    expect(page.get_by_role("button", name="Close")).to_have_count(0)  # no menu would open a panel again
    expect(page.get_by_role("slider", name="Dropout rate (hidden)")).to_be_visible()
    lab.unfold()
    expect(page.locator("#controls")).to_be_hidden()
    expect(page.locator("#groups .fold:visible")).to_have_count(0)
    expect(page.locator("#lanes").get_by_role("slider", name="hidden, dropout of Dropout")).to_be_visible()
    expect(page.locator("#lanes .remove:visible, #lanes .add:visible")).to_have_count(0)
    expect(page.get_by_role("switch", name="batch norm, Dropout")).to_be_hidden()
    assert lab.opened[-1]["train_size"] == 200
    assert page.title() == "How much dropout? · Dropout Lab"


def test_a_knob_that_is_not_left_is_refused_however_it_is_moved(lab: Pretend) -> None:
    page = opened(lab, {**PLAIN, "knobs": {"run": ["seed"], "lane": ["dropout"]}})
    told = page.evaluate(
        """async () => {
          const { actions, store } = window.dropoutLab;
          const said = [];
          for (const [lane, knobs] of [[null, { learning_rate: 0.1 }], [1, { batch_norm: true }], [1, { seed: 3 }]]) {
            await actions.set(lane, knobs).catch((error) => said.push(error.message));
          }
          await actions.set(1, { dropout: [0, 0.1, 0.1, 0.1] });
          await actions.newRun({ ...store.state.run.config, train_size: 100 });
          for (const act of [() => actions.openRecord(new Blob()), () => actions.upload(new Blob(), "a.csv")]) {
            await act().catch((error) => said.push(error.message));
          }
          return said;
        }"""
    )
    assert told[:3] == [
        "This exercise leaves learning rate as it is.",
        "This exercise leaves batch norm as it is.",
        "This exercise leaves seed as it is.",
    ]
    assert all("This exercise has its own run and data" in each for each in told[3:])
    assert len(told) == 5
    assert [command["knobs"] for command in said(lab, "set")] == [{"dropout": [0, 0.1, 0.1, 0.1]}]
    assert len(lab.opened) == 1
    expect(page.locator("#notice")).to_contain_text("This exercise leaves training examples as it is.")
    page.evaluate(
        """() => { const { actions, store } = window.dropoutLab;
          actions.newRun({ ...store.state.run.config, seed: 5 }); }"""
    )
    lab.wait("state.run.config.seed === 5")


def test_where_the_answer_comes_first_nothing_runs_before_it(lab: Pretend) -> None:
    page = opened(lab, RIGHT)
    for what in ("toggle", "step", "reset"):
        expect(page.locator(f"[data-do={what}]")).to_be_disabled()
    page.keyboard.press("Space")
    expect(page.locator("#notice")).to_contain_text("Choose an answer first: then the run starts.")
    page.wait_for_function("() => document.documentElement.hasAttribute('data-veiled')")
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_disabled()
    page.get_by_role("radio", name="0.2").check()
    assert said(lab, "play") == []
    start.click()
    is_said(lab, "play")
    expect(page.locator("#exercise")).to_contain_text("You chose “0.2”. The answer is “0.5”.")
    expect(page.locator("#exercise")).to_contain_text("Without dropout the network memorises")
    expect(page.locator("[data-do=toggle]")).to_be_enabled()
    page.wait_for_function("() => !document.documentElement.hasAttribute('data-veiled')")


def test_else_the_run_plays_and_the_answer_can_wait(lab: Pretend) -> None:
    page = opened(lab, {**PLAIN, "right": 0})
    is_said(lab, "play")
    expect(page.locator("[data-do=toggle]")).to_be_enabled()
    page.get_by_role("radio", name="0", exact=True).check()
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("#exercise")).to_contain_text("You chose “0”. That is right.")
    assert len(said(lab, "play")) == 1


def test_an_answer_is_kept_for_a_reload_and_belongs_to_its_exercise(lab: Pretend) -> None:
    page = opened(lab, RIGHT)
    lab.answers["GET /api/runs/pretend1"] = lambda _query, _body: (200, lab.run)
    page.get_by_role("radio", name="0.5").check()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#exercise")).to_contain_text("That is right.")
    page.wait_for_function("() => sessionStorage.getItem('dropout-lab-run')?.includes('exercise=')")
    page.reload()
    expect(page.locator("#exercise")).to_contain_text("You chose “0.5”. That is right.")
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    page.goto("about:blank")
    opened(lab, {**RIGHT, "title": "Another one"})
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_without_storage_an_exercise_is_answered_all_the_same(open_page: OpenPage, static_url: str) -> None:
    page = open_page()
    page.add_init_script(NO_STORAGE)
    lab = Pretend(page, static_url)
    opened(lab, RIGHT)
    page.get_by_role("radio", name="0.5").check()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#exercise")).to_contain_text("That is right.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("eyJ0aXRsZSI6", "“eyJ0aXRsZSI6” is not JSON in base64url: the link is cut off or was changed"),
        (encoded({**PLAIN, "question": "y" * 301}), "its question has 301 characters, and may have 300"),
    ],
)
def test_a_broken_link_says_what_is_wrong_and_opens_the_lab_without_it(lab: Pretend, text: str, why: str) -> None:
    lab.open(f"?exercise={text}&train_size=200")
    lab.wait("state.open.length > 2")
    notice = lab.page.locator("#notice")
    expect(notice).to_contain_text(f"The exercise in the address cannot be shown: {why}. The lab opens without it.")
    expect(lab.page.locator("#exercise")).to_be_hidden()
    expect(lab.page.locator("[data-do=share]")).to_be_visible()
    expect(lab.page.locator("#controls")).to_be_visible()
    assert lab.opened[-1]["train_size"] == 200
    lab.page.wait_for_function("() => location.search === '?train_size=200'")


def test_what_a_stranger_writes_is_shown_as_it_is(lab: Pretend) -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = opened(
        lab, {**PLAIN, "title": evil, "question": f"{evil}?", "choices": [evil, "b"], "after": evil, "right": 0}
    )
    card = page.locator("#exercise")
    assert card.get_by_role("heading").inner_text() == evil
    assert card.locator("img, script").count() == 0
    page.get_by_role("radio", name=evil).check()
    page.get_by_role("button", name="Answer").click()
    expect(card).to_contain_text(f"You chose “{evil}”. That is right.")
    assert card.locator("img, script").count() == 0


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_nothing_jumps_however_long_the_texts_are(open_page: OpenPage, static_url: str, size: str) -> None:
    page = open_page(**(PHONE if size == "phone" else {}))
    page.add_init_script(SHIFTS)
    lab = Pretend(page, static_url)
    long = {
        **RIGHT,
        "question": "word " * 60,
        "choices": [f"{index} " + "x" * 78 for index in range(6)],
        "after": "y " * 150,
    }
    opened(lab, {**long, "question": long["question"].strip()})
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-show=exercise-said]")).to_be_visible()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("() => window.shifts.reduce((sum, each) => sum + each, 0)") < 0.1
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") == 0


def test_on_the_page_of_an_experiment_it_takes_its_place_and_has_its_configuration(page: Page, static_url: str) -> None:
    lab = Experiments(page, static_url).visit(f"/experiments/rate?exercise={encoded(PLAIN)}")
    lab.wait("state.run && state.exercise")
    expect(page.locator("#experiment")).to_be_hidden()
    expect(page.locator("#exercise")).to_contain_text("How much dropout?")
    assert "experiment" not in lab.asked[-1]
    assert len(lab.asked[-1]["lanes"]) == 10


def test_in_a_frame_an_exercise_has_its_card_and_its_panels(lab: Pretend) -> None:
    page = opened(lab, RIGHT, "&embed=")
    lab.wait("state.open.length === 2")
    assert shown(lab) == ["network", "loss"]
    expect(page.locator("#exercise")).to_contain_text("Which rate gives the lowest loss")
    expect(page.locator(".masthead .lead")).to_be_hidden()
    href = page.get_by_role("link", name="Open in Dropout Lab").get_attribute("href")
    assert href == f"{lab.url}/lab?exercise={encoded(RIGHT)}"


# The form


def form(lab: Pretend) -> Page:
    page = lab.open("?train_size=200").page
    page.locator("[data-do=share]").click()
    page.get_by_role("button", name="Make an exercise").click()
    expect(page.get_by_role("heading", name="Make an exercise")).to_be_visible()
    return page


def test_the_form_makes_a_link_that_opens_what_was_written(lab: Pretend) -> None:
    page = form(lab)
    link, told = page.get_by_label("Link to the exercise"), page.locator("[data-show=exercise-told]")
    expect(told).to_have_text("Not yet a link: its title is missing: it must be a line of 1 to 80 characters.")
    page.get_by_label("Title").fill("How much dropout?")
    page.get_by_label("Question").fill("Which rate gives\nthe lowest loss?")
    for number, text in enumerate(("0", "0.2"), 1):
        page.get_by_role("textbox", name=f"Choice {number}").fill(text)
    page.get_by_role("button", name="Add a choice").click()
    expect(page.get_by_role("textbox", name="Choice 3")).to_be_focused()
    expect(told).to_contain_text("its choice 3 is missing")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")  # is no end of it
    page.get_by_role("radio", name="Choice 3 is right").check()
    page.get_by_label("Shown after the answer").fill("It memorises less.")
    page.locator("#make-exercise summary", has_text="Knobs that stay").click()
    page.locator("#make-exercise").get_by_role("checkbox", name="learning rate", exact=True).check()
    page.locator("#make-exercise summary", has_text="Panels").click()
    for name in ("Masks", "How many were kept", "Accuracy", "Ensemble"):
        page.locator("#make-exercise").get_by_role("checkbox", name=name, exact=True).uncheck()
    expect(told).to_have_text("")
    written = link.input_value()
    assert written.startswith(f"{lab.url}/lab?exercise=")
    assert written.endswith("&train_size=200")
    text = written.split("exercise=")[1].split("&")[0]
    assert json.loads(base64.urlsafe_b64decode(text + "==")) == {
        "title": "How much dropout?",
        "question": "Which rate gives the lowest loss?",
        "choices": ["0", "0.2", "0.5"],
        "right": 2,
        "after": "It memorises less.",
        "first": True,
        "knobs": {"run": ["learning_rate"], "lane": ["dropout"]},
        "panels": ["network", "loss"],
    }
    page.goto(written)
    expect(page.get_by_role("region", name="How much dropout?")).to_contain_text("Which rate gives the lowest loss?")
    expect(page.get_by_role("slider", name="learning rate")).to_be_visible()


def test_the_form_has_two_to_six_choices_and_says_which_is_wanting(lab: Pretend) -> None:
    page = form(lab)
    more = page.get_by_role("button", name="Add a choice")
    expect(page.get_by_role("button", name="Remove choice 1")).to_be_disabled()
    for _ in range(4):
        more.click()
    expect(more).to_be_disabled()
    expect(page.get_by_role("textbox", name="Choice 6")).to_be_visible()
    page.get_by_role("button", name="Remove choice 2").click()
    expect(page.get_by_role("textbox", name="Choice 6")).to_have_count(0)
    expect(more).to_be_enabled()
    page.get_by_label("Title").fill("x" * 200)
    assert len(page.get_by_label("Title").input_value()) == 80
    page.get_by_label("Question").fill("Which?")
    for number in range(1, 6):
        page.get_by_role("textbox", name=f"Choice {number}").fill("the same")
    expect(page.locator("[data-show=exercise-told]")).to_contain_text("its choices 1 and 2 are the same")
    expect(page.locator("#make-exercise [data-do=copy]")).to_be_disabled()


def test_a_link_that_no_server_would_take_is_not_given(lab: Pretend) -> None:
    page = form(lab)
    for label, text in (("Title", "題" * 80), ("Question", "問" * 300), ("Shown after the answer", "答" * 300)):
        page.get_by_label(label).fill(text)
    for _ in range(4):
        page.get_by_role("button", name="Add a choice").click()
    for number in range(1, 7):
        page.get_by_role("textbox", name=f"Choice {number}").fill(f"{number}" + "選" * 79)
    link, told = page.get_by_label("Link to the exercise"), page.locator("[data-show=exercise-told]")
    expect(told).to_have_text("")
    assert 4000 < len(link.input_value()) < 8000
    page.evaluate(
        """() => { const { store } = window.dropoutLab; const { run } = store.state;
          const lane = (_, index) => ({ ...run.config.lanes[1], name: "N".repeat(30) + index });
          const lanes = Array.from({ length: 60 }, lane);
          run.config = { ...run.config, lanes }; }"""
    )
    page.get_by_label("Title").fill("A short one")
    expect(told).to_contain_text("characters, and servers take some 8000: write less, or start from fewer networks.")
    assert link.input_value() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_axe_finds_no_barriers(open_page: OpenPage, static_url: str, size: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    options = PHONE if size == "phone" else {}
    page = opened(Pretend(open_page(color_scheme=scheme, **options), static_url), RIGHT)
    asked = Axe().run(page)
    page.get_by_role("radio", name="0.2").check()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#exercise")).to_contain_text("You chose “0.2”. The answer is “0.5”.")
    answered = Axe().run(page)
    for results in (asked, answered):
        assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_form_fits(open_page: OpenPage, static_url: str, width: int) -> None:
    lab = Pretend(open_page(viewport={"width": width, "height": 844}), static_url)
    page = form(lab)
    for summary in page.locator("#make-exercise summary").all():
        summary.click()
    wide = page.locator("#make-exercise").evaluate("(each) => each.scrollWidth - each.clientWidth")
    assert wide <= 0
    assert page.locator("#make-exercise [data-show=panel-list] input").count() == len(PANELS)
