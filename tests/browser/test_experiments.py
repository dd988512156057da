"""The page of an experiment: its question, the guess, the course of its run, and what its address holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from app.pages import page_of
from tests.browser.driver import LabPage
from tests.browser.pretend import Pretend, run_state
from tests.browser.servers import Lab
from tests.browser.static import Reply
from tests.browser.test_words import call
from trainer.presets import PRESETS, Preset, described, find_preset
from trainer.presets.seeds import values_of
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.schema import schema
from trainer.wire.frames import Frame, encode

pytestmark = pytest.mark.timeout(300)

BESIDE: Final = ("experiment", "stop_at", "search")
TWIN: Final = find_preset("twin")
OTHERS: Final = len(values_of("lab", "twin", "val_loss/without@1000"))
NOISE: Final = 1.2214  # of losses, within which they are a tie


class Experiments(Pretend):
    """Pages of experiments on a server that pretends.

    Attributes:
        role: what the page is told it is.
        asked: the bodies of the runs that it asked for, whole.
    """

    def __init__(self, page: Page, url: str) -> None:
        super().__init__(page, url)
        self.asked: list[dict[str, Any]] = []
        self.answers["GET /api/experiments"] = lambda query, body: (200, described())
        self._seq = 0

    def visit(self, path: str) -> Experiments:
        """Go to a page of the lab and wait until it shows a run."""
        self.serve(lambda path: whole_page(path) if path in ("/", "/lab") or path.startswith("/experiments/") else None)
        self.page.goto(self.url + path)
        return self.ready()

    def ready(self) -> Experiments:
        """Wait until the page shows a run."""
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
        return self

    def scores(self, loss: list[list[float]], accuracy: list[list[float]], steps: list[int]) -> None:
        """Send evaluations: a row of figures, one for each lane, for each step."""
        self._seq += 1
        tensors = {
            "step": np.array(steps, np.uint32),
            **{name: np.array(loss, np.float32) for name in ("train_loss", "val_loss")},
            **{name: np.array(accuracy, np.float32) for name in ("train_accuracy", "val_accuracy")},
        }
        self._sockets[-1].send(encode(Frame("scores", self.run["id"], self._seq, tensors)))

    def arrive(self, state: str, step: int) -> None:
        """The run is at a step now, playing or paused."""
        self.run |= {"state": state, "step": step}
        self.changed("pause" if state == "paused" else "play")

    def did(self, operation: str) -> list[dict[str, Any]]:
        """The commands of one kind that the page sent."""
        return [command for command in self.commands if command["op"] == operation]

    def _answer(self, method: str, address: str, body: bytes) -> Reply:
        if (method, urlsplit(address).path) == ("GET", f"/api/runs/{self.run.get('id')}"):
            return Reply(json.dumps(self.run), "application/json")
        return super()._answer(method, address, body)

    def _create(self, given: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append(dict(given))
        beside = {name: given.pop(name, None) for name in BESIDE}
        given.pop("changes", None)
        follow = given.pop("follow", None) or {}
        self.config = parse(given)
        self.opened.append(given)
        ensemble = {"members": 64, "masks": "per_member"}
        self.run = run_state(self.config, **beside, ensemble=ensemble) | {"id": f"pretend{len(self.opened)}"}
        self.run["follow"] = {**self.run["follow"], **follow}
        return 201, {"id": self.run["id"], "token": "t", "config": self.run["config"]}

    def _obey(self, socket: WebSocketRoute, command: dict[str, Any]) -> None:
        if command["op"] in ("play", "pause"):
            self.run["state"] = "playing" if command["op"] == "play" else "paused"
        super()._obey(socket, command)


def whole_page(path: str) -> str:
    """The page as the server renders it."""
    name = path.removeprefix("/experiments/")
    experiment = find_preset(name) if name != path else None
    return page_of(experiment, root="../" if experiment else "./")


Visit = Callable[..., Experiments]


@pytest.fixture
def visit(page: Page, static_url: str) -> Visit:
    """Opens a page of the lab on a pretended server."""
    lab = Experiments(page, static_url)
    return lab.visit


# The list


def test_every_experiment_is_listed_once_with_a_link_and_its_question() -> None:
    html = whole_page("/")
    links = re.findall(r'<a href="\./experiments/([\w-]+)"', html)
    assert sorted(links) == sorted(preset.id for preset in PRESETS)
    for preset in PRESETS:
        assert preset.title.replace("’", "’") in html
        assert f'href="./experiments/{preset.id}"' in html


@pytest.mark.parametrize("preset", [TWIN, find_preset("layers"), find_preset("search")], ids=lambda each: each.id)
def test_the_head_stands_in_the_page_before_any_script_runs(preset: Preset) -> None:
    html = whole_page(f"/experiments/{preset.id}")
    text = re.sub(r'<a class="term"[^>]*>(.*?)</a>', r"\1", html)
    assert preset.question in text
    assert preset.look in text
    guessable = preset.guess.lanes or range(len(preset.config.lanes)) if preset.guess else ()
    assert re.findall(r'name="guess" value="(\d+)"', html) == [str(lane) for lane in guessable]


def test_the_list_opens_with_the_keyboard_and_leads_to_an_experiment(visit: Visit) -> None:
    page = visit("/").page
    opener = page.get_by_role("button", name="Experiments")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Free play")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Free play")).to_be_hidden()
    opener.click()
    page.get_by_role("link", name="Batch norm and dropout").click()
    expect(page.get_by_role("heading", name="Batch norm and dropout")).to_be_visible()


def test_every_experiment_is_within_reach_on_a_phone(open_page: Callable[..., Page], static_url: str) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    Experiments(page, static_url).visit("/experiments/data-size")
    overflow = "() => document.documentElement.scrollWidth - window.innerWidth"
    assert page.evaluate(overflow) <= 0
    page.get_by_role("button", name="Experiments").click()
    last = page.locator("#experiments-list a").last
    last.scroll_into_view_if_needed()
    box = last.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate(overflow) <= 0


def test_an_experiment_may_say_which_network_is_followed_at_first(visit: Visit) -> None:
    lab = visit("/experiments/rate")
    assert lab.asked[0]["follow"] == {"lane": 5}


@pytest.mark.parametrize("preset", [each for each in PRESETS if not each.search], ids=lambda each: each.id)
def test_the_pictures_of_an_experiment_begin_high_on_its_page(visit: Visit, preset: Preset) -> None:
    page = visit(f"/experiments/{preset.id}").page
    tops = page.evaluate(
        """() => [...document.querySelectorAll(".column")].map((column) => [...column.querySelectorAll(".picture")]
             .filter((each) => each.offsetParent).map((each) => each.getBoundingClientRect().top)[0])"""
    )
    assert len(tops) == 2
    assert all(top <= 420 for top in tops), tops


def test_a_row_of_the_list_is_a_link_as_a_whole_and_says_how_long_it_takes(visit: Visit) -> None:
    page = visit("/").page
    page.get_by_role("button", name="Experiments").click()
    rows = page.locator("#experiments-list li")
    expect(rows).to_have_count(len(PRESETS) + 2)  # free play, and the lessons
    for row in rows.all():
        assert row.evaluate("(row) => row.firstElementChild.offsetHeight === row.offsetHeight")
        assert row.evaluate("(row) => row.firstElementChild.tagName") == "A"
    for preset in PRESETS:
        told = page.locator(f"#experiments-list a[href$='/{preset.id}'] small")
        expect(told).to_have_text(re.compile(r"^about \d+ (s|min)$"))
    expect(page.locator("#experiments-list li", has_text="Start here")).to_contain_text(TWIN.title)


# The guess


def test_nothing_gives_the_answer_away_before_the_guess(visit: Visit) -> None:
    page = visit("/experiments/twin").page
    for place in (".experiment-look", "#seen", ".seen-admits"):
        expect(page.locator(place)).to_be_hidden()
    page.get_by_role("radio", name="No dropout").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".experiment-look")).to_be_visible()
    expect(page.locator("#seen")).to_be_hidden()


def test_the_numbers_of_new_examples_say_what_they_wait_for(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    page = lab.page
    numbers, when = page.locator(".hero-score strong"), page.locator("#hero-title small")
    tops = "(all) => all.map((each) => each.getBoundingClientRect().top)"
    before = numbers.evaluate_all(tops)
    expect(when).to_have_text("after your guess")
    expect(page.locator(".hero-score li")).to_have_text(["No dropout–", "Dropout–"])
    lab.scores([[0.9, 0.5]], [[0.5, 0.75]], [25])
    lab.wait("state.scores.length === 1")
    expect(numbers).to_have_text(["–", "–"])
    page.get_by_role("button", name="Start without guessing").click()
    expect(when).to_have_text("step 25")
    expect(numbers).to_have_text(["50.0%", "75.0%"])
    assert numbers.evaluate_all(tops) == before


def test_before_the_first_evaluation_the_numbers_say_so(visit: Visit) -> None:
    page = visit("/").page
    expect(page.locator("#hero-title small")).to_have_text("not measured yet")


def test_a_run_of_an_experiment_waits_for_the_guess_with_its_answers_covered(visit: Visit) -> None:
    lab = visit("/experiments/batch-norm")
    page = lab.page
    preset = find_preset("batch-norm")
    assert [lab.asked[0][name] for name in ("experiment", "stop_at")] == ["batch-norm", preset.steps]
    assert not {"search", "follow"} & lab.asked[0].keys()
    assert lab.opened[0]["lanes"] == preset.config.model_dump(mode="json")["lanes"]
    lab.wait("state.revealed === false")
    assert lab.did("play") == []
    expect(page.locator("#loss .chart-frame")).to_be_hidden()
    expect(page.locator("#result-sentence")).to_be_hidden()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    page.get_by_role("radio", name="Dropout").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("You guessed “Dropout”.")).to_be_visible()
    lab.wait("state.revealed && state.run.state === 'playing'")
    expect(page.locator("#loss .chart-frame")).to_be_visible()
    expect(page.locator("#experiment form.guess")).to_be_hidden()


def test_the_guess_outlives_a_reload(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    lab.page.get_by_role("radio", name="No dropout").check()
    lab.page.get_by_role("button", name="Start", exact=True).click()
    lab.wait("state.revealed")
    lab.page.reload()
    lab.ready()
    expect(lab.page.get_by_text("You guessed “No dropout”.")).to_be_visible()
    assert len(lab.opened) == 1, "the same run was found again"


def test_one_can_start_without_guessing(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    lab.page.get_by_role("button", name="Start without guessing").click()
    lab.wait("state.revealed && state.run.state === 'playing'")
    expect(lab.page.locator("[data-show=guessed]")).to_have_text("")


def test_an_experiment_with_nothing_to_guess_starts_by_itself(visit: Visit) -> None:
    lab = visit("/experiments/averages")
    lab.wait("state.revealed && state.run.state === 'playing'")
    expect(lab.page.locator("#experiment form.guess")).to_be_hidden()
    speeds = [command["steps_per_second"] for command in lab.did("speed")]
    assert speeds == [find_preset("averages").speed]


def test_who_watches_can_guess_but_neither_start_nor_stop(page: Page, static_url: str) -> None:
    lab = Experiments(page, static_url)
    lab.role = "viewer"
    lab.run = run_state(TWIN.config, id="w", experiment="twin", stop_at=1000, search=None, step=40)
    lab.visit("/?run=w")
    expect(page.get_by_role("heading", name=TWIN.title)).to_be_visible()
    assert lab.asked == []
    expect(page.locator("html")).to_have_attribute("data-veiled", "")
    page.get_by_role("radio", name="No dropout").check()
    page.get_by_role("button", name="Guess", exact=True).click()
    expect(page.get_by_text("You guessed “No dropout”.")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.get_by_role("button", name="New seed")).to_be_hidden()
    assert lab.did("play") == []
    expect(page.locator("#experiments-list [aria-current=page]")).to_have_count(1)


# The course of a run


def test_the_course_tells_how_far_it_is_and_stops_and_goes_on(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    page = lab.page
    page.get_by_role("button", name="Start without guessing").click()
    lab.wait("state.run.state === 'playing'")
    lab.arrive("playing", 250)
    expect(page.locator("#experiment progress")).to_have_js_property("value", 0.25)
    expect(page.locator("[data-show=told]")).to_contain_text("Step 250 of 1,000")
    page.get_by_role("button", name="Stop").click()
    lab.wait("state.run.state === 'paused'")
    expect(page.locator("[data-show=told]")).to_have_text("Step 250 of 1,000, stopped.")
    page.get_by_role("button", name="Resume").click()
    lab.wait("state.run.state === 'playing'")
    lab.arrive("paused", 1000)
    expect(page.locator("[data-show=told]")).to_have_text("All 1,000 steps are done. Play goes on beyond them.")
    lab.arrive("playing", 1200)
    expect(page.locator("[data-show=told]")).to_contain_text("beyond the 1,000 steps of this experiment")


@pytest.mark.parametrize(
    ("course", "words"),
    [
        ({"step": 0, "playing": False, "rate": None}, "1,000 steps are to come."),
        ({"step": 100, "playing": True, "rate": None}, "Step 100 of 1,000."),
        ({"step": 100, "playing": True, "rate": 100}, "Step 100 of 1,000, about 9 s left."),
        ({"step": 100, "playing": True, "rate": 20}, "Step 100 of 1,000, about 45 s left."),
        ({"step": 100, "playing": True, "rate": 5}, "Step 100 of 1,000, about 3 min left."),
        ({"step": 999, "playing": True, "rate": 100}, "Step 999 of 1,000, about a second left."),
        ({"step": 100, "playing": True, "rate": 0}, "Step 100 of 1,000."),
        ({"step": 1001, "playing": False, "rate": None}, "beyond the 1,000 steps of this experiment, stopped."),
        (
            {"step": 500, "playing": True, "rate": 100, "search": {"batch": 2, "batches": 4}},
            "Step 500 of 1,000, batch 2 of 4.",
        ),
        ({"step": 1000, "playing": False, "rate": None, "search": {"batch": 4, "batches": 4}}, "batch 4 of 4: done."),
    ],
)
def test_the_time_left_follows_from_the_measured_rate(module_page: Page, course: dict[str, Any], words: str) -> None:
    assert words in call(module_page, "words/course", "courseWords", {"goal": 1000, **course})


def test_another_seed_is_the_next_one_and_keeps_the_guess(visit: Visit) -> None:
    lab = visit("/experiments/twin?seed=4")
    lab.page.get_by_role("radio", name="No dropout").check()
    lab.page.get_by_role("button", name="Start", exact=True).click()
    lab.wait("state.run.state === 'playing'")
    lab.page.get_by_role("button", name="New seed").click()
    lab.wait("state.run.id === 'pretend2' && state.run.state === 'playing' && state.revealed")
    assert [(body["seed"], body["experiment"], body["stop_at"]) for body in lab.asked] == [
        (4, "twin", 1000),
        (5, "twin", 1000),
    ]
    expect(lab.page.get_by_text("You guessed “No dropout”.")).to_be_visible()
    lab.page.wait_for_url("**/experiments/twin?seed=5")


def test_what_was_seen_is_said_when_the_steps_are_done(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    page = lab.page
    page.get_by_role("radio", name="No dropout").check()
    page.get_by_role("button", name="Start", exact=True).click()
    lab.wait("state.run.state === 'playing'")
    expect(page.locator(".seen-words")).to_contain_text("When the 1,000 steps are done")
    rows = [[1.6, 0.5], [1.7, 0.46], [1.77, 0.42]]
    lab.scores(rows, [[0.744, 0.905]] * 3, [950, 975, 1000])
    lab.arrive("paused", 1000)
    words = page.locator(".seen-words")
    expect(words).to_be_visible()
    expect(words).to_contain_text("0.460 with dropout against 1.69 without")
    expect(words).to_contain_text("Your guess, “No dropout”, 1.69, is not the lowest validation loss")
    expect(page.locator(".seen-admits")).to_contain_text(TWIN.admits)
    expect(page.locator(".seen-beside summary")).to_have_text(f"All 7 values are typical of {OTHERS} other seeds.")
    page.locator(".seen-beside summary").click()
    expect(page.locator(".seen-dots").first.locator(".other")).to_have_count(OTHERS)
    expect(page.locator(".seen-dots .own")).to_have_count(7)
    expect(page.locator(".seen-key")).to_contain_text("Each dot is the value of one seed; the diamond is this run.")
    assert "±" not in page.locator("#seen").inner_text()
    lab.run |= {"step": 0}
    lab.changed("reset")
    expect(words).to_contain_text("When the 1,000 steps are done")


# Addresses


def test_the_address_holds_what_differs_from_the_experiment(module_page: Page) -> None:
    usual = find_preset("variance-shift").config.model_dump(mode="json")
    body = """async ([schema, usual, config]) => {
      const url = await import("/static/js/link/url.js");
      const search = url.write(schema, config, [], usual);
      return [search, url.read(schema, search, usual)];
    }"""
    for changes, search in (
        ({}, ""),
        ({"seed": 3}, "?seed=3"),
        ({"learning_rate": 0.002, "label_noise": 0.2}, "?label_noise=0.2&learning_rate=0.002"),
    ):
        config = usual | changes
        written, found = module_page.evaluate(body, [schema(), usual, config])
        assert sorted(written[1:].split("&")) == sorted(search[1:].split("&"))
        assert (found["config"], found["errors"]) == (config, [])


def test_another_data_set_is_relative_to_what_is_recommended_for_it(module_page: Page) -> None:
    usual = TWIN.config.model_dump(mode="json") | {"learning_rate": 0.5}
    body = """async ([schema, usual]) => {
      const url = await import("/static/js/link/url.js");
      const { config } = url.read(schema, "?dataset=wine", usual);
      return [config, url.write(schema, config, [], usual)];
    }"""
    config, written = module_page.evaluate(body, [schema(), usual])
    assert config == schema()["recommended"]["mlp"]["wine"]
    assert written == "?dataset=wine"


def test_links_to_a_run_stay_on_the_page_of_its_experiment(visit: Visit) -> None:
    lab = visit("/experiments/twin?seed=2")
    lab.page.get_by_role("button", name="Share").click()
    expect(lab.page.get_by_label("Reproduce it")).to_have_value(re.compile(r"/experiments/twin\?seed=2$"))
    expect(lab.page.get_by_label("Watch it live")).to_have_value(re.compile(r"/experiments/twin\?run=pretend1$"))


def test_a_new_run_with_the_same_networks_stays_with_the_experiment(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    config = TWIN.config.model_dump(mode="json") | {"train_size": 200}
    lab.page.evaluate("(config) => window.dropoutLab.actions.newRun(config)", config)
    lab.wait("state.run.id === 'pretend2' && state.experiment?.id === 'twin'")
    lab.page.wait_for_url("**/experiments/twin?train_size=200")
    assert lab.asked[1]["stop_at"] == 1000
    assert lab.state("state.revealed") is False, "nothing was guessed yet"
    assert lab.did("play") == []


def test_a_new_run_with_other_networks_is_free_play(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    config = TWIN.config.model_dump(mode="json")
    config["lanes"][1]["dropout"] = [0.1, 0.1, 0.1, 0.1]
    lab.page.evaluate("(config) => window.dropoutLab.actions.newRun(config)", config)
    lab.wait("state.run.id === 'pretend2' && state.experiment === null && state.revealed")
    lab.page.wait_for_url(lambda url: urlsplit(url).path == "/")
    assert not {"experiment", "stop_at"} & lab.asked[1].keys()
    expect(lab.page.locator("#experiment")).to_be_hidden()
    expect(lab.page.locator("#seen")).to_be_hidden()
    expect(lab.page.locator("#experiments-list [aria-current=page] b")).to_have_text("Free play")
    lab.wait("state.run.state === 'playing'")


def test_a_search_is_asked_for_as_one_and_has_no_step_to_stop_at(visit: Visit) -> None:
    lab = visit("/experiments/search")
    preset = find_preset("search")
    assert lab.asked[0]["search"] == preset.described()["search"]
    assert "stop_at" not in lab.asked[0]


def test_a_run_that_the_server_forgot_is_opened_again_as_what_it_was(visit: Visit) -> None:
    lab = visit("/experiments/twin")
    lab.page.get_by_role("radio", name="No dropout").check()
    lab.page.get_by_role("button", name="Start", exact=True).click()
    lab.wait("state.run.state === 'playing'")
    lab._sockets[-1].close(code=4404)
    lab.wait("state.run.id === 'pretend2'")
    assert [lab.asked[1][name] for name in ("experiment", "stop_at")] == ["twin", 1000]
    expect(lab.page.get_by_text("You guessed “No dropout”.")).to_be_visible()


# The comparison


def compared(page: Page, **given: Any) -> str:
    usual: dict[str, Any] = {
        "kind": "bars",
        "measure": "val_loss",
        "step": 1000,
        "evaluations": 3,
        "lanes": [{"name": name} for name in "ABC"],
        "values": [1.6, 0.45, 0.48],
        "best": "least",
        "valSize": 797,
    }
    return str(call(page, "words/result", "resultSentence", usual | given))


def test_the_comparison_names_the_best_and_what_cannot_be_told_from_it(module_page: Page) -> None:
    assert compared(module_page) == (
        "Step 1,000, mean of the last 3 evaluations. No single network has the lowest validation loss: “B” and “C”, "
        "0.450 to 0.480, are too close to tell apart (within 22%, two standard deviations between seeds). "
        "Highest: “A”, 1.60."
    )
    clear = compared(module_page, values=[1.6, 0.45, 0.6])
    assert "Lowest validation loss: “B”, 0.450; highest: “A”, 1.60." in clear
    alike = compared(module_page, values=[0.5, 0.501, 0.5])
    assert "All 3 networks are too close in validation loss to tell apart: 0.500 to 0.501" in alike
    assert "owest" not in alike
    assert "1 of 3 networks have no finite figure." in compared(module_page, values=[0.5, "NaN", 0.9])
    assert "No network has a finite figure." in compared(module_page, values=["NaN"] * 3)
    gone = compared(module_page, values=[0.5, "NaN", 0.9], diverged=[None, 142, None])
    assert "Lowest validation loss: “A”, 0.500; highest: “C”, 0.900." in gone
    assert gone.endswith("“B” diverged at step 142: it has no figure.")
    assert "finite" not in gone
    assert "“A” has a validation loss of 0.500." in compared(module_page, values=[0.5], lanes=[{"name": "A"}])
    shares = compared(module_page, measure="val_accuracy", best="greatest", values=[0.75, 0.92, 0.91], evaluations=1)
    assert "No single network has the highest validation accuracy: “B” and “C”, 91.0% to 92.0%, are too" in shares
    assert "(within two standard errors on 797 examples). Lowest: “A”, 75.0%." in shares
    assert call(module_page, "words/result", "resultSentence", None) == "Nothing has been measured yet."


def test_a_gain_is_said_where_it_is_most_and_least(module_page: Page) -> None:
    pairs = {"without": [0.31, 0.25, 0.16], "with": [0.22, 0.08, 0.17]}
    given = {"kind": "gain", "measure": "val_error", "x": [100, 300, 1000], "unit": "training images", "pairs": pairs}
    text = compared(module_page, **given)
    assert "Dropout removes most at 300 training images: 17.0 points of error (25.0% without, 8.0% with)." in text
    assert "At 1,000 training images it adds 1.0 points." in text
    assert "1 of 3 gains are too small to tell from none on 797 examples." in text


def test_steps_to_a_loss_are_interpolated_and_what_was_not_reached_is_said(module_page: Page) -> None:
    scores = {"length": 4, "step": [0, 25, 50, 75]}
    found = call(module_page, "model/outcome", "crossings", scores, [2.0, 1.0, 0.25, 0.125], [3, 1.0, 0.5, 0.125, 0.1])
    assert found == [0, 25, pytest.approx(37.5), pytest.approx(75), None]
    reached = [[68, 122, 400], [178, 470, None]]
    text = compared(
        module_page,
        kind="thresholds",
        step=1500,
        lanes=[{"name": "Without"}, {"name": "With"}],
        x=[1.0, 0.7, 0.1],
        reached=reached,
    )
    assert "A training loss of 0.700 took “Without” 122 steps and “With” 470: 3.9 times as many." in text
    assert "By step 1,500 “With” has not reached 0.100." in text


def test_a_network_that_diverged_since_the_last_evaluation_is_not_the_best(module_page: Page) -> None:
    body = """async (run) => {
      const { readResult } = await import("/static/js/views/result.js");
      const { createColumns, appendRow } = await import("/static/js/state/columns.js");
      const names = ["train_loss", "val_loss", "train_accuracy", "val_accuracy"];
      const scores = createColumns(names, 2);
      appendRow(scores, 100, Object.fromEntries(names.map((name) => [name, [0.1, 0.9]])));
      return readResult({ run, scores, insights: {}, experiment: null }).values;
    }"""
    run = run_state(parse({}))
    assert module_page.evaluate(body, run) == pytest.approx([0.1, 0.9])
    run["diverged"] = [{"step": 110, "after": None}, None]
    lost, sound = module_page.evaluate(body, run)
    assert math.isnan(lost)
    assert sound == pytest.approx(0.9)


def rising(page: Page, *lanes: dict[str, Any]) -> Any:
    return call(page, "model/outcome", "risingRates", [{"name": f"{place}"} | lane for place, lane in enumerate(lanes)])


def test_networks_that_differ_in_their_rate_alone_make_a_curve(module_page: Page) -> None:
    rates = [{"dropout": [0.2, rate, rate], "l2": 0} for rate in (0, 0.5, 0.9)]
    assert rising(module_page, *rates) == [0, 0.5, 0.9]
    assert rising(module_page, *({"dropout": [rate]} for rate in (0.1, 0.2, 0.3))) == [0.1, 0.2, 0.3]
    assert rising(module_page, *rates[:2]) == [], "two make no curve"
    assert rising(module_page, *reversed(rates)) == []
    assert rising(module_page, *rates[:2], rates[1]) == [], "two of one rate"
    assert rising(module_page, *rates[:2], rates[2] | {"l2": 0.1}) == [], "one differs in more"
    assert rising(module_page, *rates[:2], {"dropout": [0.2, 0.9, 0.8], "l2": 0}) == [], "two rates in one network"
    assert rising(module_page, *rates[:1] * 3) == []
    assert rising(module_page) == []


def test_a_figure_is_the_mean_of_evaluations_that_lie_close_together(module_page: Page) -> None:
    def rows(*steps: int) -> Any:
        return call(module_page, "model/verdict", "lastRows", {"length": len(steps), "step": list(steps)})

    assert rows(900, 950, 975, 1000) == [1, 2, 3]
    assert rows(25, 975, 1000) == [1, 2]
    assert rows(400, 1000) == [1]
    assert rows() == []


@pytest.mark.parametrize("name", ["rate", "data-size", "training-time", "regularisers", "noise-as-data"])
def test_every_kind_of_comparison_is_drawn(module_page: Page, name: str) -> None:
    """The traces and the layout that Plotly would get, of a run with figures and of one that diverged."""
    config: ExperimentConfig = find_preset(name).config
    experiment = next(each for each in described() if each["id"] == name)
    run = run_state(config, experiment=name, stop_at=1000, search=None)
    body = """async ([experiment, run, broken]) => {
      const { readResult } = await import("/static/js/views/result.js");
      const { createColumns, appendRow } = await import("/static/js/state/columns.js");
      const { kind } = experiment.picture;
      const painter = (await import(`/static/js/paint/results/${kind}.js`))[kind];
      const names = ["train_loss", "val_loss", "train_accuracy", "val_accuracy"];
      const lanes = run.config.lanes.length;
      const scores = createColumns(names, lanes);
      for (let step = 0; step <= 1000; step += 25) {
        const fall = (_, lane) => broken ? Number.NaN : 2.3 * Math.exp(-step / (200 + 90 * lane));
        const loss = Array.from({ length: lanes }, fall);
        const share = loss.map((each) => 1 - each / 4);
        appendRow(scores, step, { train_loss: loss, val_loss: loss, train_accuracy: share, val_accuracy: share });
      }
      const result = readResult({ run, scores, insights: {}, experiment });
      const plain = Object.fromEntries(["ink", "inkSoft", "panel", "accent", "line"].map((name) => [name, "#123456"]));
      const palette = { ...plain, lanes: Array(8).fill("#123456") };
      const legend = { update() {}, shows: () => true };
      const { traces, layout } = painter({ legend, palette, width: 600 }, result);
      const ranges = Object.values(layout).flatMap((each) => each?.range ?? []);
      return [traces.length, ranges.every(Number.isFinite), JSON.stringify(traces).includes("undefined")];
    }"""
    for broken in (False, True):
        count, is_sound, is_odd = module_page.evaluate(body, [experiment, run, broken])
        assert count > 0
        assert is_sound, "every axis ends somewhere"
        assert not is_odd


# The real lab


def test_an_experiment_runs_from_its_question_to_its_answer(page: Page, lab: Lab) -> None:
    driven = LabPage(page, lab.url)
    driven.open("experiments/twin?seed=1")
    page.get_by_role("radio", name="Dropout", exact=True).check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.evaluate("() => window.dropoutLab.actions.speed(null)")
    driven.wait("state.run.state === 'paused' && state.run.step === 1000", seconds=120)
    words = page.locator(".seen-words")
    expect(words).to_contain_text("Step 1,000, seed 1.")
    expect(words).to_contain_text("guess")
    losses = driven.scores()["val_loss"]
    verdict = "lower" if losses[1] * NOISE < losses[0] else "too close|higher"
    expect(words).to_contain_text(re.compile(verdict))
