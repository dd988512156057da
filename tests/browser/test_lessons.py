"""Lessons in a real browser: a learner goes through each to its last step, by mouse, by touch, by keys."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from app.lessons.course import Lesson, LessonStep, lessons
from tests.browser.driver import LabPage
from tests.browser.servers import Lab
from tests.conftest import TIMEOUT_FACTOR

pytestmark = pytest.mark.timeout(600)

PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PATIENCE_S: Final = 180 * TIMEOUT_FACTOR
LESSONS: Final = lessons()
KEY: Final = "Object.keys(localStorage).find((key) => key.includes('lessons'))"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of its own: lessons train fast, and others should not wait for them."""
    lab = Lab(timeout_s=90 * TIMEOUT_FACTOR, DROPOUT_LAB_WORKERS="1", DROPOUT_LAB_THREADS="1")
    yield lab
    lab.stop(30 * TIMEOUT_FACTOR)


class Learner:
    """Works through a lesson as a person does: with the page's own controls, or by keyboard alone."""

    def __init__(self, page: Page, url: str, by_keys: bool = False) -> None:
        self.page = page
        self.url = url
        self.by_keys = by_keys
        self.lab = LabPage(page, url)
        self.card = page.locator("#lesson")

    def open(self, number: int, rest: str = "") -> Learner:
        self.page.goto(f"{self.url}/lessons/{number}{rest}")
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
        expect(self.card).to_have_attribute("data-kind", re.compile("."))
        return self

    def do(self, what: str) -> Locator:
        return self.card.locator(f"[data-lesson-do={what}]")

    def show(self, what: str) -> Locator:
        return self.card.locator(f"[data-show={what}]")

    def name(self) -> str:
        return str(self.page.evaluate("() => location.hash.slice(1)"))

    def press(self, what: Locator) -> None:
        """Click something, or go to it by Tab and press Enter."""
        if self.by_keys:
            tab_to(self.page, what)
            self.page.keyboard.press("Enter")
        else:
            what.click()

    def begin(self) -> None:
        """Answer the question that is asked before."""
        unsure = self.card.get_by_label("I do not know yet")
        if self.by_keys:
            self.card.locator("form input").first.focus()
            self.page.keyboard.press("ArrowUp")  # round to the last
            expect(unsure).to_be_checked()
        else:
            unsure.check()
        self.press(self.card.get_by_role("button", name="Begin"))

    def act(self, step: LessonStep) -> None:
        """Do what a step waits for, once the run that it is done to is there."""
        act = step.act or {}
        expect(self.do("act")).to_be_enabled()
        if self.by_keys:
            if "play" in act:
                tab_to(self.page, self.page.locator("#speed"), "Shift+Tab")
                self.page.keyboard.press("End")
            self.press(self.do("act"))
        elif "step" in act:
            for _ in range(act["step"]):
                self.page.locator("[data-do=step]").click()
        elif "play" in act:
            self.fast()
            if self.lab.state("state.run.state") == "paused":
                self.page.locator("[data-do=toggle]").click()
        elif "look_back" in act:
            scrub = self.page.locator("#scrub input[type=range]")
            scrub.focus()
            scrub.press("ArrowLeft")
        elif "set" in act and set(act["set"]["knobs"]) == {"dropout"} and step.at == "slider":
            self.page.locator("#hero input[type=range]").fill(str(act["set"]["knobs"]["dropout"][-1]))
        else:
            self.do("act").click()
        if "code" in act:
            expect(self.page.locator("#code")).to_be_visible()
            self.page.keyboard.press("Escape")  # once the script has been read

    def fast(self) -> None:
        """Nobody wants to wait: the speed is a control of the page, too."""
        speed = self.page.locator("#speed")
        speed.fill(speed.get_attribute("max") or "")

    def answer(self, choice: int = 0, number: str = "1") -> None:
        radios = self.card.locator("form input[type=radio]")
        field = self.card.locator("form input[type=text]")
        if self.by_keys:
            tab_to(self.page, field if radios.count() == 0 else radios.first)
            self.page.keyboard.press("Space") if radios.count() > 0 else self.page.keyboard.type(number)
            self.page.keyboard.press("Enter")
            return
        if radios.count() > 0:
            radios.nth(choice).check()
        else:
            field.fill(number)
        self.card.locator("form button[type=submit]").click()

    def wait(self) -> None:
        expect(self.do("next")).to_be_enabled(timeout=PATIENCE_S * 1000)

    def next(self) -> None:
        before = self.name()
        self.press(self.do("next"))
        self.page.wait_for_function("before => location.hash.slice(1) !== before", arg=before)


def go_through(learner: Learner, lesson: Lesson, look: Callable[[LessonStep], None]) -> None:
    learner.begin()
    for step in lesson.steps[1:]:
        expect(learner.show("at")).to_have_text(f"{lesson.steps.index(step) + 1} of {len(lesson.steps)}")
        expect(learner.show("said")).to_be_focused()  # what is new is read aloud
        if step.kind == "end":
            break
        if step.kind in ("predict", "question"):
            learner.answer()
        elif step.until:
            expect(learner.do("next")).to_be_disabled()  # the learner's own action first
            learner.act(step)
        learner.wait()
        look(step)
        learner.next()


def shown(learner: Learner) -> str:
    return learner.card.inner_text()


def beyond(page: Page) -> float:
    """How far the page reaches beyond its window to the right, in px."""
    return float(page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("device", ["keys", "phone"])
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_learner_goes_through_a_lesson(open_page: Any, lab: Lab, lesson: Lesson, device: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    is_phone = device == "phone"
    has_axe = lesson.number % 2 == is_phone  # each step once: wide or on a phone, light or dark
    scheme = ("light", "dark")[lesson.number // 2 % 2]
    page = open_page(color_scheme=scheme, **(PHONE if is_phone else {}))
    learner = Learner(page, lab.url, by_keys=not is_phone).open(lesson.number)
    barriers: list[str] = []

    def look(step: LessonStep) -> None:
        text = shown(learner)
        assert "…" not in text.replace("… ", ""), (step.id, text)  # a number that never came
        assert beyond(page) <= 0, step.id
        if step.at:
            expect(page.locator(".is-pointed-at")).to_be_in_viewport(ratio=0.01)
        if step.then:
            expect(learner.show("then")).to_have_text(re.compile(r"\w"))
        if is_phone:
            expect(learner.do("next")).to_be_in_viewport(ratio=0.99)
        if has_axe:
            barriers.extend(f"{step.id}: {each['id']}" for each in Axe().run(page).response["violations"])

    go_through(learner, lesson, look)
    expect(learner.show("said")).to_contain_text(f"of {len(lesson.questions)} questions right")
    known = json.loads(page.evaluate(f"() => localStorage[{KEY}]"))
    assert known[str(lesson.number)]["finished"]
    assert len(known[str(lesson.number)]["answers"]) == len(lesson.questions)
    assert barriers == []


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until something has the focus."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError("it cannot be reached by Tab")


def test_one_leaves_and_comes_back_at_the_same_step(open_page: Any, lab: Lab) -> None:
    page = open_page()
    learner = Learner(page, lab.url).open(1)
    learner.begin()
    learner.next()
    learner.act(LESSONS[0].steps[2])
    learner.wait()
    run = learner.lab.state("state.run.id")
    page.reload()
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    expect(learner.show("at")).to_have_text(f"3 of {len(LESSONS[0].steps)}")
    assert learner.lab.state("state.run.id") == run
    expect(learner.do("next")).to_be_enabled()
    page.go_back()
    expect(learner.show("at")).to_have_text(f"2 of {len(LESSONS[0].steps)}")


def test_a_link_opens_the_step_elsewhere_and_the_run_is_trained_to_there(open_page: Any, lab: Lab) -> None:
    lesson = LESSONS[0]
    place = next(index for index, step in enumerate(lesson.steps) if step.reached >= 2)
    learner = Learner(open_page(), lab.url).open(1, f"?seed=3#{lesson.steps[place].id}")
    expect(learner.show("at")).to_have_text(f"{place + 1} of {len(lesson.steps)}")
    learner.lab.wait(f"state.run.step >= {lesson.steps[place].reached} && state.run.state === 'paused'")
    assert learner.lab.state("state.run.config.seed") == 3
    expect(learner.show("waits")).to_be_hidden()


@pytest.mark.expected_errors("status of 404")
def test_a_lesson_that_there_is_not_is_told(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/lessons/99")
    expect(page.locator("body")).to_contain_text(f"there is no lesson '99'; there are 1 to {len(LESSONS)}")


def test_an_answer_that_is_no_number_is_told(open_page: Any, lab: Lab) -> None:
    lesson = LESSONS[0]
    name = next(name for name, each in lesson.questions.items() if each.kind == "number")
    learner = Learner(open_page(), lab.url).open(1, f"#question-{name}")
    learner.lab.wait("state.run.state === 'paused'")
    field = learner.card.locator("form input[type=text]")
    field.fill("many")
    learner.card.get_by_role("button", name="Answer").click()
    expect(learner.card.locator(".trouble")).to_have_text("“many” is not a number. Write it with digits, such as 12.5.")
    assert learner.do("next").is_disabled()
    field.fill("999999")
    learner.card.get_by_role("button", name="Answer").click()
    expect(learner.card.locator(".lesson-mark")).to_have_text("not right")
    expect(learner.do("next")).to_be_enabled()


def test_what_was_chosen_and_what_is_right_are_marked(open_page: Any, lab: Lab) -> None:
    name, question = next((name, each) for name, each in LESSONS[0].questions.items() if each.kind == "choice")
    learner = Learner(open_page(), lab.url).open(1, f"#question-{name}")
    learner.lab.wait("state.run.state === 'paused'")
    right = question.right
    assert isinstance(right, int)
    learner.answer(choice=right % len(question.choices))  # the one behind it
    rows = learner.card.locator(".lesson-choice")
    expect(rows.nth(right % len(question.choices)).locator(".lesson-mark")).to_have_text("your answer")
    expect(rows.nth(right - 1).locator(".lesson-mark")).to_have_text("right")
    expect(learner.card.locator(".lesson-mark")).to_have_count(2)


def test_the_list_knows_what_was_done_and_gives_it_away(open_page: Any, lab: Lab) -> None:
    page = open_page()
    learner = Learner(page, lab.url).open(1)
    learner.begin()
    page.goto(f"{lab.url}/lessons")
    expect(page.locator(".course-card[data-lesson='1']")).to_contain_text(f"Begun: step 2 of {len(LESSONS[0].steps)}")
    answers = {name: {"given": 2, "right": index > 0} for index, name in enumerate(LESSONS[0].questions)}
    known = {"1": {"at": "end", "furthest": 9, "finished": "2026-11-30T10:00:00Z", "answers": answers}}
    page.evaluate(
        f"known => {{ localStorage[{KEY}] = known; }}",
        json.dumps(known),
    )
    page.reload()
    expect(page.locator(".course-card[data-lesson='1']")).to_contain_text("Finished: 2 of 3 right")
    expect(page.locator("[data-show=sum]")).to_have_text(f"1 of {len(LESSONS)} lessons finished, 2 of 3 answers right.")
    with page.expect_download() as taken:
        page.locator("[data-do=csv]").click()
    rows = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text())))
    assert [(row["lesson"], row["question"], row["right"]) for row in rows] == [
        ("1", name, "yes" if answer["right"] else "no") for name, answer in answers.items()
    ]
    page.evaluate("() => { window.print = () => {}; }")
    page.locator("#certificate-name").fill("Ana <b>Lem</b>")
    page.get_by_role("button", name="Print a certificate").click()
    page.emulate_media(media="print")
    expect(page.locator(".paper-name")).to_have_text("Ana <b>Lem</b>")
    expect(page.locator(".paper")).to_contain_text("2 of 3 questions right")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barriers_in_the_list(open_page: Any, lab: Lab, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(color_scheme=scheme)
    page.goto(f"{lab.url}/lessons")
    expect(page.locator(".course-card").first).to_be_visible()
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
