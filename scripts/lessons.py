"""``python -m scripts.lessons``: works through every lesson with several seeds, without a page.

Each lesson is done as its button “Do it for me” does it. What the texts quote and compare is worked out by the page's
own module, from the run's own numbers. The table says of each text that compares how many seeds were shown which case.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from app.lessons.course import Lesson, LessonStep, lessons
from app.lessons.texts import facts_in
from scripts.npm import environment, node
from trainer.insight import make_insight
from trainer.search import Evaluation, SearchState, parse_search
from trainer.settings.config import ExperimentConfig
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.lane import EVALUATE_EVERY
from trainer.settings.panels import PANELS, VIEWS
from trainer.training.experiment import Experiment
from trainer.training.trace import Steps
from trainer.worker.extras import EnsembleWanted, votes
from trainer.worker.publish import state

SCRIPT: Final = Path(__file__).with_name("facts.mjs")
SEEDS: Final = 20
MOST_STEPS: Final = 5000  # until an act must have led to what its step waits for
PIECE: Final = 10  # updates between two looks at a condition
_SCHEMA: Final = {"panels": [{"id": panel.id, "own_networks": panel.own_networks} for panel in PANELS]}
_VOTES: Final = {"members", "member_accuracy", "average_accuracy", "whole_accuracy", "agreeing", "entropy"}
_DROPOUTS: Final = [each.described() for each in DROPOUTS.values()]  # which the page has of the schema


@dataclass
class Told:
    """What one text came to over the seeds.

    Attributes:
        lesson: its number.
        step: the step of the lesson.
        cases: how many seeds were shown each case; ``then`` is the plain one.
        values: of each fact that it quotes, the value of each seed.
        missing: facts that were not known when the text was shown.
    """

    lesson: int
    step: str
    cases: Counter[str] = field(default_factory=Counter)
    values: dict[str, list[float]] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)


class Facts:
    """The page's module, in a process of its own."""

    def __enter__(self) -> Facts:
        """Start it."""
        self._process = subprocess.Popen(
            [node(), str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def ask(self, known: Mapping[str, Any], marks: Mapping[str, Any], calls: list[Any], conditions: list[Any]) -> Any:
        """Return the values of facts, whether conditions hold, and which of their facts are not known."""
        assert self._process.stdin
        assert self._process.stdout
        asked = {"known": known, "marks": marks, "calls": calls, "conditions": conditions}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Learner:
    """Works through one lesson with one seed.

    Args:
        lesson: which.
        seed: of its runs.
        facts: works out facts.
    """

    def __init__(self, lesson: Lesson, seed: int, facts: Facts) -> None:
        self._lesson, self._seed, self._facts = lesson, seed, facts
        self._marks: dict[str, Any] = {"guesses": {}}
        self._open: set[str] = set(lesson.panels)
        self._begin(lesson.config)
        if lesson.follow is not None:
            self._experiment.follow(lane=lesson.follow)

    def _begin(self, config: ExperimentConfig, search: Mapping[str, Any] | None = None) -> None:
        config = config.model_copy(update={"seed": self._seed})
        self._search = None if search is None else parse_search(search, config)
        self._experiment = Experiment(config if self._search is None else self._search.lanes(config))
        self._insights: dict[str, Any] = {}
        self._scores: dict[str, list[Any]] = {"step": []}
        self._newest: Steps | None = None
        self._look()

    def work(self, told: dict[tuple[int, str], Told]) -> None:
        """Go through all steps of the lesson, and note what is told."""
        for step in self._lesson.steps:
            if step.starts is not None:
                self._begin(step.starts, step.search)
            if step.follow is not None:
                self._experiment.follow(lane=step.follow)
            self._open.update(step.opens)
            self._marks |= {
                "step": self._experiment.step,
                "example": self._experiment.followed[1],
                "seen": 0,
                "lookedBack": False,
                "asked": False,
                "code": False,
            }
            if step.kind == "predict":
                self._marks["guesses"][step.id] = 1
            if step.until:
                self._act(step)
            texts = [step.then, *(text for _, _, text in step.variants)] if step.until else [step.text]
            if step.question and step.kind == "question":
                question = self._lesson.questions[step.question]
                texts = [question.text, *question.told.values()]
            self._tell(step, texts, told)

    def _act(self, step: LessonStep) -> None:
        act = step.act or {}
        experiment = self._experiment
        if "set" in act:
            experiment.set(act["set"]["lane"], **act["set"]["knobs"])
        elif "open" in act:
            self._open.update(act["open"])
        elif "look_back" in act:
            self._marks["lookedBack"] = True
        elif "code" in act:
            self._marks["code"] = True
        elif "example" in act:
            experiment.follow(example=act["example"])
        elif "lane" in act:
            experiment.follow(lane=act["lane"])
        if "step" in act:
            self._train(act["step"])
        if self._search is not None and "play" in act:
            self._experiment = _searched(self._search, experiment)
        while not self._holds(step.until):
            if "play" not in act or experiment.step > MOST_STEPS:
                raise AssertionError(
                    f"lesson {self._lesson.number}, {step.id}, seed {self._seed}: its act {act} does not lead to "
                    f"what it waits for, at step {experiment.step}"
                )
            self._train(PIECE)
        self._look()

    def _train(self, count: int) -> None:
        self._newest = self._experiment.run(count, trace=False)
        self._marks["seen"] += count
        for insight in self._insights.values():
            insight.saw(self._newest)
        if self._experiment.step % (2 * PIECE) == 0:
            self._look()

    def _look(self) -> None:
        """Evaluate, as the page is told it."""
        experiment = self._experiment
        if self._scores["step"] and self._scores["step"][-1] == experiment.step:
            return
        scores = experiment.evaluate()
        self._scores["step"].append(experiment.step)
        for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
            lanes = [_number(each) for each in getattr(scores, name).tolist()]
            for lane, value in enumerate(lanes):
                rows = self._scores.setdefault(name, [[] for _ in lanes])
                rows[lane].append(value)

    def _holds(self, condition: list[dict[str, Any]]) -> bool:
        sides = [side for each in condition for side in (each["left"], each["right"])]
        (holds,) = self._facts.ask(self._known(_views_of(sides)), self._marks, [], [condition])["holds"]
        return bool(holds)

    def _tell(self, step: LessonStep, texts: list[Any], told: dict[tuple[int, str], Told]) -> None:
        calls = [call for text in texts for call in facts_in(text)]
        conditions = [condition for _, condition, _ in step.variants]
        named = {each["name"] for each in calls}
        sides = [side for condition in conditions for each in condition for side in (each["left"], each["right"])]
        named |= {side["name"] for side in sides if "name" in side}
        if not calls and not conditions:
            return
        wanted = _views_of([*calls, *sides]) | ({"ensemble"} if named & _VOTES else set())
        answer = self._facts.ask(self._known(wanted), self._marks, calls, conditions)
        entry = told.setdefault((self._lesson.number, step.id), Told(self._lesson.number, step.id))
        names = [name for (name, _, _), holds in zip(step.variants, answer["holds"], strict=True) if holds]
        if conditions:
            entry.cases[names[0] if names else "then"] += 1
        for call, value in zip(calls, answer["values"], strict=True):
            label = f"{call['name']}({', '.join(map(str, call['args']))})"
            if value is None:
                entry.missing[label] += 1
            else:
                entry.values.setdefault(label, []).append(value)
        entry.missing.update(answer["missing"])

    def _known(self, wanted: set[str]) -> dict[str, Any]:
        """What the page would know; views and votes, which cost, only where they are wanted."""
        experiment, newest = self._experiment, self._newest
        search = None if self._search is None else self._search.described()
        views = {name: self._view(name) for name in wanted if name in VIEWS}
        return {
            "schema": _SCHEMA,
            "run": state(experiment, playing=False, steps_per_second=None) | {"dropouts": _DROPOUTS, "search": search},
            "steps": {
                "last": experiment.step,
                "kept": {name: int(kept[-1]) for name, kept in newest.kept.items()} if newest else {},
            },
            "scores": self._scores,
            "ensemble": _frame(_finish(votes(experiment, EnsembleWanted()))) if "ensemble" in wanted else None,
            "insights": views,
            "open": sorted(self._open),
            "cursor": None,
        }

    def _view(self, name: str) -> Any:
        insight = self._insights.get(name) or self._insights.setdefault(name, make_insight(name, self._experiment))
        return _frame(_finish(insight.look()))


def _views_of(calls: list[Mapping[str, Any]]) -> set[str]:
    """The views that facts are of."""
    named = {call["args"][0] for call in calls if call.get("name") == "view"}
    return named | {call["name"] for call in calls if call.get("name") in VIEWS}


def _searched(search: SearchState, experiment: Experiment) -> Experiment:
    """Train all candidates of a search, and return the run of the last ones."""
    while True:
        evaluations = []
        while experiment.step < search.config.steps:
            experiment.run(EVALUATE_EVERY)
            scores = experiment.evaluate()
            evaluations.append(Evaluation(experiment.step, scores.val_loss.tolist(), scores.val_accuracy.tolist()))
        search.add(evaluations)
        if search.is_done:
            return experiment
        experiment = Experiment(search.lanes(experiment.config))


def _finish(job: Any) -> Mapping[str, Any]:
    try:
        while True:
            next(job)
    except StopIteration as end:
        return dict(end.value)


def _frame(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"shape": list(array.shape), "data": [_number(each) for each in array.ravel().tolist()]}
        for name, array in tensors.items()
        if array.size <= 100_000
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def table(told: Mapping[tuple[int, str], Told], seeds: int) -> str:
    """Say of each text how often which case was shown, and between which values its numbers lay."""
    lines = []
    for entry in told.values():
        shown = ", ".join(f"{name} {count} of {seeds}" for name, count in entry.cases.most_common())
        lines.append(f"lesson {entry.lesson}, {entry.step}: {shown or 'one text'}")
        lines += [f"    {name}: {min(values):.4g} to {max(values):.4g}" for name, values in entry.values.items()]
        lines += [f"    NOT KNOWN: {name}, {count} times" for name, count in entry.missing.items()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Work through the lessons and print the table; 1 if a text quotes what is not known."""
    parser = argparse.ArgumentParser(prog="python -m scripts.lessons", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many of each")
    parser.add_argument("--lessons", type=int, nargs="*", help="which, by their numbers; all if left out")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    told: dict[tuple[int, str], Told] = {}
    with Facts() as facts:
        for lesson in lessons():
            if chosen.lessons and lesson.number not in chosen.lessons:
                continue
            for seed in range(1, chosen.seeds + 1):
                Learner(lesson, seed, facts).work(told)
            print(f"lesson {lesson.number} is done", file=sys.stderr, flush=True)
    print(table(told, chosen.seeds))
    return 1 if any(entry.missing for entry in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
