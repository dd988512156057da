"""The lessons: what they do stands once in ``lessons/course/``, what they say in one folder a language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import frontmatter

from app.delivery import ROOT
from app.lessons.conditions import read_condition, read_operand
from app.lessons.errors import LessonError
from app.lessons.texts import Block, facts_in, read_blocks, sections
from trainer.errors import DropoutLabError
from trainer.search import parse_search
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.panels import PANELS

FOLDER: Final = ROOT / "lessons"
LANGUAGE: Final = "en"
"""Of the texts: the name of their folder, and what ``<html lang>`` says."""

PLACES: Final = ("slider", "numbers", "transport", "controls", "scrub", "picker", "code", "")
"""Parts of the page that a step may point at, beside its panels; nothing points at none."""

_PANELS: Final = tuple(panel.id for panel in PANELS)
_ACTS: Final = {
    "step": int,
    "play": bool,
    "set": dict,
    "open": list,
    "look_back": int,
    "example": int,
    "lane": int,
    "code": bool,
}
"""What a learner can do on the page, and what the button “Do it for me” does."""
_STEP_KEYS: Final = {
    *("id", "at", "until", "act", "variants", "opens", "starts", "search", "speed", "pauses", "predicts", "follow")
}
_LESSON_KEYS: Final = {"number", "slug", "minutes", "panels", "speed", "run", "follow", "before", "steps", "questions"}
_QUESTION_KEYS: Final = {"id", "kind", "right", "within", "format"}

Kind = Literal["say", "predict", "before", "question", "end"]


@dataclass(frozen=True)
class Question:
    """A question with its choices, or one whose answer is a number.

    Attributes:
        id: its name in the lesson.
        kind: ``choice``, or ``number``, which the learner's own run has decided.
        text: what is asked.
        choices: of a ``choice``.
        right: of a ``choice`` the number of the right one, from 1; of a ``number`` an operand (`read_operand`).
        within: by how much a ``number`` may be wrong.
        format: how a ``number`` is written.
        told: what is said behind it, ``right`` and ``wrong``.
    """

    id: str
    kind: Literal["choice", "number"]
    text: list[Block]
    choices: list[list[Any]]
    right: int | dict[str, Any]
    within: float
    format: str
    told: Mapping[str, list[Block]]


@dataclass(frozen=True)
class LessonStep:
    """One thing that a lesson says.

    Attributes:
        id: its name in the lesson, and in its address behind ``#``.
        kind: whether it says something, asks for a prediction, or is a question.
        at: what it points at: a panel, one of `PLACES`, or nothing.
        text: what it says.
        do: what the learner is to do, if something.
        until: what must hold before the learner goes on (`read_condition`).
        act: what “Do it for me” does: one of `_ACTS`.
        then: what is said once that holds, in the first case of ``variants`` that holds, else this.
        variants: cases, each ``(its name, its condition, its text)``.
        choices: of a prediction.
        question: which one it asks.
        opens: panels that open with it.
        starts: the configuration of another run that begins with it.
        search: what that run tries, if it is a search.
        speed: steps a second from here on; 0 is as fast as it goes.
        follow: whose masks are shown from here on.
        pauses: whether the run pauses once ``until`` holds.
        reached: the update that the run must have come to before this step makes sense.
    """

    id: str
    kind: Kind
    at: str = ""
    text: list[Block] = field(default_factory=list)
    do: list[Block] = field(default_factory=list)
    until: list[dict[str, Any]] = field(default_factory=list)
    act: dict[str, Any] | None = None
    then: list[Block] = field(default_factory=list)
    variants: tuple[tuple[str, list[dict[str, Any]], list[Block]], ...] = ()
    choices: list[list[Any]] = field(default_factory=list)
    question: str | None = None
    opens: tuple[str, ...] = ()
    starts: ExperimentConfig | None = None
    search: dict[str, Any] | None = None
    speed: float | None = None
    follow: int | None = None
    pauses: bool = False
    reached: int = 0


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes:
        number: its place in the course, from 1, and its address.
        slug: its name in files.
        title: its name to people.
        goal: what one can do afterwards, in one sentence.
        minutes: how long it takes, about.
        panels: which are open at its beginning.
        speed: steps a second at its beginning; 0 is as fast as it goes.
        follow: whose masks are shown at first.
        config: what its first run is.
        different: what is said to somebody whose run comes out otherwise.
        steps: what it says, in order: the question that is asked before, the steps, the questions, the end.
        questions: all of them, by their names.
        before: the question that is asked before the lesson, too.
        language: of its texts.
    """

    number: int
    slug: str
    title: str
    goal: str
    minutes: int
    panels: tuple[str, ...]
    speed: float
    follow: int | None
    config: ExperimentConfig
    different: list[Block]
    steps: tuple[LessonStep, ...]
    questions: Mapping[str, Question]
    before: str
    language: str = LANGUAGE

    def described(self) -> dict[str, Any]:
        """The lesson as plain data, for its page."""
        return {
            **{
                name: getattr(self, name) for name in ("number", "slug", "title", "goal", "minutes", "before", "follow")
            },
            "panels": list(self.panels),
            "speed": self.speed or None,
            "config": self.config.model_dump(mode="json"),
            "different": self.different,
            "steps": [_described(step) for step in self.steps],
            "questions": {name: _described_question(each) for name, each in self.questions.items()},
            "language": self.language,
        }


def _described(step: LessonStep) -> dict[str, Any]:
    names = (
        "id",
        "kind",
        "at",
        "text",
        "do",
        "until",
        "act",
        "then",
        "choices",
        "question",
        "pauses",
        "reached",
        "follow",
        "search",
    )
    return {
        **{name: getattr(step, name) for name in names},
        "opens": list(step.opens),
        "variants": [{"name": name, "when": when, "text": text} for name, when, text in step.variants],
        "starts": step.starts.model_dump(mode="json") if step.starts else None,
        "speed": step.speed,
    }


def _described_question(question: Question) -> dict[str, Any]:
    names = ("id", "kind", "text", "choices", "right", "within", "format")
    return {**{name: getattr(question, name) for name in names}, "told": dict(question.told)}


@cache
def lessons(language: str = LANGUAGE) -> tuple[Lesson, ...]:
    """Return the course, in order.

    Raises:
        LessonError: a lesson cannot be read.
    """
    return read_course(FOLDER, language)


def read_course(folder: Path, language: str = LANGUAGE) -> tuple[Lesson, ...]:
    """Read all lessons of a folder.

    Args:
        folder: with ``course/NN-slug.toml`` and ``LANGUAGE/NN-slug.md``.
        language: whose texts.

    Raises:
        LessonError: one of them cannot be read, or their numbers are not 1, 2, 3, …
    """
    found = [read_lesson(path, folder / language / f"{path.stem}.md") for path in sorted(folder.glob("course/*.toml"))]
    numbers = [lesson.number for lesson in found]
    if numbers != [*range(1, len(found) + 1)]:
        raise LessonError(f"{folder / 'course'}: the lessons have the numbers {numbers}; they must be 1, 2, 3, …")
    return tuple(found)


def read_lesson(plan: Path, words: Path) -> Lesson:
    """Read one lesson.

    Args:
        plan: what it does.
        words: what it says.

    Raises:
        LessonError: something is missing, unknown, or points at nothing.
    """
    where = plan.name
    try:
        told = tomllib.loads(plan.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LessonError(f"{where}: {error}") from None
    _only(told, _LESSON_KEYS, where)
    try:
        text = frontmatter.loads(words.read_text("utf-8"))
    except FileNotFoundError:
        raise LessonError(f"{words.parent.name}/{words.name} is missing") from None
    return _Reader(told, text.metadata, sections(text.content, words.name), where, words).lesson(words.parent.name)


class _Reader:
    """Puts a plan and its words together, and counts which words were used."""

    def __init__(
        self, told: Mapping[str, Any], head: Mapping[str, Any], said: dict[str, str], where: str, words: Path
    ) -> None:
        self._told, self._head, self._said, self._where = told, head, said, where
        self._words = f"{words.parent.name}/{words.name}"
        self._used: set[str] = set()
        self._config = self._configured(told.get("run", {}), "run")
        self._reached = 0

    def lesson(self, language: str) -> Lesson:
        told = self._told
        questions = {each["id"]: self._question(each) for each in self._list("questions")}
        before = told.get("before")
        if not isinstance(before, str) or before not in questions:
            raise LessonError(
                f"{self._where}: before = {before!r} must be one of its questions: {', '.join(questions)}"
            )
        steps = [LessonStep("before", "before", question=before)]
        steps += [self._step(each) for each in self._list("steps")]
        steps += [
            LessonStep(f"question-{name}", "question", question=name, reached=self._reached) for name in questions
        ]
        steps.append(LessonStep("end", "end", reached=self._reached))
        names = [step.id for step in steps]
        if len({*names}) < len(names):
            raise LessonError(f"{self._where}: two of its steps have one name: {', '.join(names)}")
        different = self._blocks("different")
        unused = [name for name in self._said if name not in self._used]
        if unused:
            raise LessonError(f"{self._words}: nothing says {', '.join(map(repr, unused))}; it is not in {self._where}")
        for name in ("title", "goal"):
            if not isinstance(self._head.get(name), str):
                raise LessonError(f"{self._words}: its head has no {name}")
        self._panels(told["panels"], "panels")
        return Lesson(
            number=told["number"],
            slug=told["slug"],
            title=self._head["title"],
            goal=self._head["goal"],
            minutes=told["minutes"],
            panels=tuple(told["panels"]),
            speed=float(told.get("speed", 0)),
            follow=told.get("follow"),
            config=self._first_config(),
            different=different,
            steps=tuple(steps),
            questions=questions,
            before=before,
            language=language,
        )

    def _first_config(self) -> ExperimentConfig:
        return self._configured(self._told.get("run", {}), "run")

    def _list(self, name: str) -> list[dict[str, Any]]:
        found = self._told.get(name)
        if not isinstance(found, list) or not found:
            raise LessonError(f"{self._where}: it has no {name}")
        for each in found:
            if not isinstance(each.get("id"), str):
                raise LessonError(f"{self._where}: one of its {name} has no id: {each}")
        return found

    def _step(self, told: dict[str, Any]) -> LessonStep:
        name = told["id"]
        where = f"{self._where}, {name}"
        _only(told, _STEP_KEYS, where)
        at = told.get("at", "")
        if at not in (*PLACES, *_PANELS):
            raise LessonError(f"{where}: it points at {at!r}; it can point at {', '.join((*PLACES[:-1], *_PANELS))}")
        if "starts" in told:
            self._config, self._reached = self._configured(told["starts"], f"{name}, starts"), 0
        reached = self._reached
        predicts = bool(told.get("predicts", False))
        until = [] if "until" not in told else read_condition(told["until"], where)
        text = self._blocks(name)
        choices: list[list[Any]] = []
        if predicts:
            text, choices = _split_choices(text, f"{self._words}, {name}")
        variants = [
            (each, read_condition(condition, where), self._blocks(f"{name}/then-{each}"))
            for each, condition in told.get("variants", {}).items()
        ]
        step = LessonStep(
            id=name,
            kind="predict" if predicts else "say",
            at=at,
            text=text,
            do=self._blocks(f"{name}/do") if until else [],
            until=until,
            act=self._act(told.get("act"), where),
            then=self._blocks(f"{name}/then") if variants or f"{name}/then" in self._said else [],
            variants=tuple(variants),
            choices=choices,
            opens=tuple(self._panels(told.get("opens", []), name)),
            starts=self._config if "starts" in told else None,
            search=self._search(told, where),
            speed=float(told["speed"]) if "speed" in told else None,
            follow=told.get("follow"),
            pauses=bool(told.get("pauses", False)),
            reached=reached,
        )
        if until and step.act is None:
            raise LessonError(f"{where}: it waits for {told['until']!r} and does not say by which act one gets there")
        self._reached = max(reached, *(_steps_of(each) for each in until)) if until else reached
        return step

    def _search(self, told: Mapping[str, Any], where: str) -> dict[str, Any] | None:
        if "search" not in told:
            return None
        if "starts" not in told:
            raise LessonError(f"{where}: a search needs a run of its own, with starts = {{…}}")
        try:
            return parse_search(told["search"], self._config).config.model_dump(mode="json")
        except DropoutLabError as error:
            raise LessonError(f"{where}: {error}") from None

    def _act(self, told: Any, where: str) -> dict[str, Any] | None:
        if told is None:
            return None
        if not isinstance(told, dict) or len(told) != 1 or (name := next(iter(told))) not in _ACTS:
            raise LessonError(f"{where}: the act {told!r} is none of {', '.join(_ACTS)}")
        if not isinstance(told[name], _ACTS[name]):
            raise LessonError(f"{where}: {name} = {told[name]!r} must be of the type {_ACTS[name].__name__}")
        if name == "open":
            self._panels(told[name], where)
        if name == "set":
            lane, knobs = told[name].get("lane"), told[name].get("knobs")
            if not isinstance(lane, int) or lane >= len(self._config.lanes) or not isinstance(knobs, dict):
                raise LessonError(f"{where}: set = {told[name]!r} must have a lane of its run, and knobs")
        return dict(told)

    def _question(self, told: dict[str, Any]) -> Question:
        where = f"{self._where}, {told['id']}"
        _only(told, _QUESTION_KEYS, where)
        text = self._blocks(told["id"])
        kind = told.get("kind", "choice")
        answers = {each: self._blocks(f"{told['id']}/{each}") for each in ("right", "wrong")}
        if kind == "choice":
            text, choices = _split_choices(text, f"{self._words}, {told['id']}")
            if not isinstance(told.get("right"), int) or not 1 <= told["right"] <= len(choices):
                raise LessonError(f"{where}: right = {told.get('right')!r} must be from 1 to {len(choices)}")
            return Question(told["id"], "choice", text, choices, told["right"], 0.0, "count", answers)
        if kind != "number":
            raise LessonError(f"{where}: kind = {kind!r} must be choice or number")
        right = read_operand(str(told.get("right")), where)
        written = told.get("format", right.get("format", "number"))
        return Question(told["id"], "number", text, [], right, float(told["within"]), written, answers)

    def _blocks(self, name: str) -> list[Block]:
        if name not in self._said:
            raise LessonError(f"{self._words}: {name!r} is missing")
        self._used.add(name)
        blocks = read_blocks(self._said[name], f"{self._words}, {name}")
        if not blocks:
            raise LessonError(f"{self._words}: {name!r} is empty")
        for fact in facts_in(blocks):
            self._check_fact(fact, f"{self._words}, {name}")
        return blocks

    def _check_fact(self, fact: Mapping[str, Any], where: str) -> None:
        lanes = max(len(self._config.lanes), len(self._first_config().lanes))
        if fact["name"] in ("train_loss", "val_loss", "result", "gap") and fact["args"][0] >= lanes:
            raise LessonError(f"{where}: {fact['name']} of network {fact['args'][0]}; the run has {lanes}, from 0")

    def _configured(self, knobs: Mapping[str, Any], name: str) -> ExperimentConfig:
        try:
            return parse(dict(knobs))
        except DropoutLabError as error:
            raise LessonError(f"{self._where}, {name}: {error}") from None

    def _panels(self, names: Any, where: str) -> list[str]:
        unknown = [name for name in names if name not in _PANELS]
        if unknown:
            raise LessonError(f"{self._where}, {where}: {unknown[0]!r} is no panel; there are {', '.join(_PANELS)}")
        return list(names)


def _split_choices(blocks: list[Block], where: str) -> tuple[list[Block], list[list[Any]]]:
    """Part the list at a text's end, which are the choices, from the rest."""
    if len(blocks) < 2 or "list" not in blocks[-1] or not 2 <= len(blocks[-1]["list"]) <= 6:
        raise LessonError(f"{where}: it must end with a list of 2 to 6 choices")
    return blocks[:-1], blocks[-1]["list"]


def _steps_of(comparison: Mapping[str, Any]) -> int:
    """The update that a comparison such as ``step >= 300`` waits for; 0 if it waits for something else."""
    left, right = comparison["left"], comparison["right"]
    return int(right["number"]) if left.get("name") == "step" and "number" in right else 0


def _only(told: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for name in told:
        if name not in allowed:
            raise LessonError(f"{where}: it has no {name!r}; there are {', '.join(sorted(allowed))}")
