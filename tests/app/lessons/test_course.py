"""The course as it is: every text short and plain, every number from a run, every fact known to the page."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from textstat import textstat

from app.lessons.course import FOLDER, LANGUAGE, Lesson, LessonStep, lessons, read_course
from app.lessons.facts import FACTS
from app.lessons.texts import plain, sections
from scripts.npm import environment, node
from tests.conftest import TIMEOUT_FACTOR

ROOT: Final = Path(__file__).resolve().parents[3]
MOST_WORDS: Final = 60
MOST_IN_SENTENCE: Final = 25
MOST_GRADE: Final = 9  # Flesch & Kincaid: years of school
QUESTIONS: Final = 3
MINUTES: Final = range(5, 11)

FACT: Final = "ten"  # stands for a number that a run came to

COURSE: Final = lessons()


def texts(lesson: Lesson) -> Iterator[tuple[str, str, bool]]:
    """Every text of a lesson: where it stands, what it says, and whether it tells what a run came to."""
    yield "goal", lesson.goal, False
    yield "different", plain(lesson.different), False
    for step in lesson.steps:
        yield step.id, plain(step.text), False
        yield f"{step.id}/do", plain(step.do), False
        yield f"{step.id}/then", plain(step.then, FACT), True
        for name, _, text in step.variants:
            yield f"{step.id}/then-{name}", plain(text, FACT), True
        for index, choice in enumerate(step.choices):
            yield f"{step.id}/{index + 1}", plain([{"p": choice}]), False
    for question in lesson.questions.values():
        yield question.id, plain(question.text), False
        for name, text in question.told.items():
            yield f"{question.id}/{name}", plain(text), False
        for index, choice in enumerate(question.choices):
            yield f"{question.id}/{index + 1}", plain([{"p": choice}]), False


def sentences(text: str) -> list[str]:
    return [each for line in text.splitlines() for each in re.split(r"(?<=[.?:]) +", line) if each.strip()]


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.slug)
def test_a_text_is_short_and_its_sentences_are(lesson: Lesson) -> None:
    said = [(where, text) for where, text, _ in texts(lesson) if text]
    assert len(said) > 20
    assert [(where, len(text.split())) for where, text in said if len(text.split()) > MOST_WORDS] == []
    long = [each for _, text in said for each in sentences(text) if len(each.split()) > MOST_IN_SENTENCE]
    assert long == []


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.slug)
def test_a_lesson_reads_as_a_school_book_does(lesson: Lesson) -> None:
    whole = "\n".join(text if text.endswith((".", "?")) else f"{text}." for _, text, _ in texts(lesson) if text)
    assert textstat.flesch_kincaid_grade(whole) <= MOST_GRADE


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.slug)
def test_a_lesson_has_its_parts(lesson: Lesson) -> None:
    assert lesson.minutes in MINUTES
    assert len(lesson.questions) == QUESTIONS
    assert [each.kind for each in lesson.questions.values()].count("number") == 1
    assert any(step.kind == "predict" for step in lesson.steps)
    assert sum(bool(step.until) for step in lesson.steps) >= 4  # the learner acts
    before = lesson.questions[lesson.before]
    assert before.kind == "choice"


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.slug)
def test_what_a_run_came_to_is_told_in_its_own_numbers(lesson: Lesson) -> None:
    """A numeral in a text that tells a result is 0 or 1, a lesson's number, or a setting of that lesson."""
    plan = (FOLDER / "course" / f"{lesson.number:02d}-{lesson.slug}.toml").read_text()
    configs = [lesson.config, *(step.starts for step in lesson.steps if step.starts)]
    settings = json.dumps([config.model_dump(mode="json") for config in configs]) + plan
    allowed = {float(each) for each in re.findall(r"\d+(?:\.\d+)?", settings)} | {0.0, 1.0}
    for where, text, tells in texts(lesson):
        if tells:
            numerals = re.findall(r"\d+(?:\.\d+)?", re.sub(r"[Ll]essons? \d+", "", text))
            assert [each for each in numerals if float(each) not in allowed] == [], where


def test_the_page_works_out_every_fact_and_no_other() -> None:
    script = "import { FACTS } from './static/js/lessons/facts.js'; console.log(JSON.stringify(Object.keys(FACTS)))"
    ran = subprocess.run(
        [node(), "--input-type=module", "-e", script],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60 * TIMEOUT_FACTOR,
    )
    assert sorted(json.loads(ran.stdout)) == sorted(FACTS)


def test_every_language_says_what_every_lesson_needs() -> None:
    """A translation is a folder: it has the same files, with the same headings, as English."""
    folders = [path for path in FOLDER.iterdir() if path.is_dir() and path.name != "course"]
    assert (FOLDER / LANGUAGE) in folders
    for folder in folders:
        course = read_course(FOLDER, folder.name)
        assert [lesson.slug for lesson in course] == [lesson.slug for lesson in COURSE]
        for path in (FOLDER / LANGUAGE).glob("[0-9]*.md"):
            here, there = (
                set(sections(each.read_text().split("---", 2)[2], each.name)) for each in (path, folder / path.name)
            )
            assert here == there


def acts() -> list[tuple[Lesson, LessonStep]]:
    return [(lesson, step) for lesson in COURSE for step in lesson.steps if step.act]


def test_an_act_leads_to_what_its_step_waits_for_in_kind() -> None:
    """What waits for an update trains, what waits for a panel opens one, and so on; scripts.lessons does them."""
    leads: dict[str, set[str]] = {
        "step": {"step", "steps_here", "seen_steps"},
        "play": {
            "step",
            "steps_here",
            "seen_steps",
            "train_loss",
            "val_loss",
            "playing",
            "train_accuracy",
            "gap",
            "tried",
        },
        "set": {"rate", "kind", "knob", "factor", "expected"},
        "open": {"open", "view"},
        "look_back": {"looked_back"},
        "example": {"other_example"},
        "lane": {"followed"},
    }
    assert acts()
    for lesson, step in acts():
        (act,) = step.act or {}
        waits = {side["name"] for each in step.until for side in (each["left"], each["right"]) if "name" in side}
        assert waits & leads.get(act, waits), (lesson.slug, step.id, act, waits)


def described(lesson: Lesson) -> Any:
    return json.loads(json.dumps(lesson.described()))


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.slug)
def test_a_lesson_travels_as_json(lesson: Lesson) -> None:
    told = described(lesson)
    assert [step["id"] for step in told["steps"]] == [step.id for step in lesson.steps]
    assert len(json.dumps(told)) < 40_000
