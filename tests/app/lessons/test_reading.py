"""What is said of a lesson that cannot be read: the file, what it says, and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from app.lessons.conditions import read_condition
from app.lessons.course import Lesson, read_course, read_lesson
from app.lessons.errors import LessonError
from app.lessons.facts import read_call
from app.lessons.texts import facts_in, plain, read_blocks, sections

PLAN: Final = """
number = 1
slug = "small"
minutes = 5
panels = ["network"]
before = "what"

[[steps]]
id = "look"
at = "network"

[[steps]]
id = "go"
at = "network"
until = "step >= 3"
act = { step = 3 }
[steps.variants]
many = "kept(1) > expected(1)"

[[questions]]
id = "what"
right = 2
"""
WORDS: Final = """---
title: A small one
goal: One can read it.
---

## look

Here is a network.

## go

It trains.

### do

Take three steps.

### then

It kept {kept(1)}.

### then-many

It kept {kept(1)}, **more** than {expected(1):count}.

## what

What is it?

- this
- that

### right

Yes.

### wrong

No.

## different

It is random.
"""


def read(folder: Path, plan: str = PLAN, words: str = WORDS) -> Lesson:
    (folder / "en").mkdir(exist_ok=True)
    (folder / "course").mkdir(exist_ok=True)
    (folder / "course" / "01-small.toml").write_text(plan)
    (folder / "en" / "01-small.md").write_text(words)
    return read_lesson(folder / "course" / "01-small.toml", folder / "en" / "01-small.md")


def test_a_lesson_has_its_question_before_its_steps_its_questions_and_an_end(tmp_path: Path) -> None:
    lesson = read(tmp_path)
    assert [(step.id, step.kind) for step in lesson.steps] == [
        ("before", "before"),
        ("look", "say"),
        ("go", "say"),
        ("question-what", "question"),
        ("end", "end"),
    ]
    go = lesson.steps[2]
    assert [name for name, _, _ in go.variants] == ["many"]
    assert plain(go.variants[0][2], "N") == "It kept N, more than N."
    assert [call["format"] for call in facts_in(go.variants[0][2])] == ["count", "count"]
    assert lesson.steps[3].reached == 3  # a link to the question trains to there first
    assert go.reached == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('at = "network"\n\n', 'at = "moon"\n\n', "points at 'moon'; it can point at slider"),
        ('panels = ["network"]', 'panels = ["moon"]', "'moon' is no panel; there are network"),
        ("minutes = 5", "minutes = 5\nhours = 1", "it has no 'hours'; there are before, follow"),
        ("step >= 3", "moons >= 3", "'moons' is no fact; there are step"),
        ("step >= 3", "step", "'step' compares nothing; it needs one of <= >="),
        ("kept(1) >", "kept(1, 2) >", "'kept(1, 2)' has 2 arguments; kept takes place"),
        ("kept(1) >", "kept(x) >", "'x' in 'kept(x)' must be the number of a place"),
        ("act = { step = 3 }", "act = { jump = 3 }", "the act {'jump': 3} is none of step, play"),
        ("act = { step = 3 }", 'act = { step = "three" }', "step = 'three' must be of the type int"),
        ("act = { step = 3 }", "act = { set = { lane = 7, knobs = {} } }", "must have a lane of its run"),
        ("act = { step = 3 }", "", "does not say by which act one gets there"),
        ('before = "what"', 'before = "who"', "before = 'who' must be one of its questions: what"),
        ("right = 2", "right = 3", "right = 3 must be from 1 to 2"),
        ("right = 2", 'kind = "essay"', "kind = 'essay' must be choice or number"),
        ('id = "look"', 'id = "go"', "two of its steps have one name"),
        ("number = 1", "number = ", "Invalid value"),
        ('slug = "small"', 'slug = "small"\nrun = { dropout = 2 }', "dropout"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_words(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAN
    with pytest.raises(LessonError) as refused:
        read(tmp_path, plan=PLAN.replace(old, new, 1))
    assert said in str(refused.value)
    assert "01-small" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("## look\n\nHere is a network.\n", "", "'look' is missing"),
        ("### do\n\nTake three steps.\n", "", "'go/do' is missing"),
        ("### then-many", "### then-some", "'go/then-many' is missing"),
        ("## different", "## other\n\nMore.\n\n## different", "nothing says 'other'"),
        ("Take three steps.", "", "'go/do' is empty"),
        ("{kept(1)}.", "{moons(1)}.", "'moons(1)' is no fact"),
        ("{expected(1):count}", "{expected(1):stones}", "'stones' in '{expected(1):stones}' is no format"),
        ("- this\n- that\n", "- this\n", "must end with a list of 2 to 6 choices"),
        ("It trains.", "> It trains.", "is neither a paragraph nor a list nor code"),
        ("It trains.", "![It](x.png)", "cannot stand in a lesson"),
        ("It trains.", "<b>It</b> trains.", "cannot stand in a lesson"),
        ("title: A small one\n", "", "its head has no title"),
        ("## different", "## look", "the heading 'look' comes twice"),
        ("## look", "Before.\n\n## look", "'Before.' stands before the first heading"),
    ],
)
def test_words_that_do_not_fit_are_refused_in_words(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WORDS
    with pytest.raises(LessonError) as refused:
        read(tmp_path, words=WORDS.replace(old, new, 1))
    assert said in str(refused.value)
    assert "01-small" in str(refused.value)


def test_missing_words_and_numbers_out_of_order_are_told(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "en" / "01-small.md").unlink()
    with pytest.raises(LessonError, match=r"en/01-small\.md is missing"):
        read_course(tmp_path)
    read(tmp_path, plan=PLAN.replace("number = 1", "number = 2"))
    with pytest.raises(LessonError, match=r"have the numbers \[2\]; they must be 1, 2, 3"):
        read_course(tmp_path)


def test_markdown_becomes_a_tree_and_never_markup() -> None:
    blocks = read_blocks("A *b* **c** `d` [e](https://example.org) {step()}\n\n```python\nx = {1}\n```\n\n1. f", "here")
    assert blocks == [
        {
            "p": [
                *("A ", {"em": ["b"]}, " ", {"strong": ["c"]}, " ", {"code": "d"}, " "),
                {"link": "https://example.org", "inside": ["e"]},
                " ",
                {"fact": {"name": "step", "args": [], "format": "count"}},
            ]
        },
        {"code": "x = {1}", "language": "python"},
        {"list": [["f"]], "ordered": True},
    ]


def test_headings_within_code_are_none() -> None:
    assert sections("## a\n\n```\n## b\n```\n", "here") == {"a": "```\n## b\n```"}


def test_conditions_and_calls() -> None:
    (first, second) = read_condition("2 * gap(1) < gap(0) and step >= 300", "here")
    assert first["left"] == {"name": "gap", "args": [1], "format": "loss", "times": 2.0}
    assert first["operator"] == "<"
    assert second["right"] == {"number": 300.0}
    assert read_call("view(damage, accuracy, 2)", "here")["args"] == ["damage", "accuracy", 2.0]
