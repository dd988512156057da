"""Card, panel, captions and report call the same networks best, in every experiment, over twenty outcomes of each.

The outcomes are those of stored runs (`evidence.outcomes`) and, up to twenty, mixtures of them: each network as it
ended in one of the runs. Who is best is computed here a second time, from the rule as it is written down: two shares
differ beyond two standard errors, two losses beyond two standard deviations of the logarithm of their ratio.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page

from evidence.outcomes import FILE, SERIES
from tests.browser.test_figures import whole_state
from trainer.presets import PRESETS, Preset, find_preset
from trainer.presets.seeds import values_of
from trainer.search import Evaluation, parse_search
from trainer.settings.schema import schema

ROOT: Final = Path(__file__).parents[2]
OUTCOMES: Final = 20  # of each experiment
SPREAD: Final = 0.1  # of ln of a ratio of losses, from seed to seed

TEXTS: Final = """async (states) => {
  const load = (path) => import(`/static/js/${path}.js`);
  const [findings, seen, result, loss, accuracy, words, report] = await Promise.all([
    "model/findings", "words/seen/index", "views/result", "views/loss", "views/accuracy", "words/index", "shell/report",
  ].map(load));
  const { resultSentence } = await load("words/result");
  const views = {
    forgotten: [(await load("views/forgotten")).readForgotten, (await load("words/forgotten")).forgottenSentence],
    damage: [(await load("views/damage")).readDamage, (await load("words/damage")).damageSentence],
  };
  const { readSearch } = await load("model/candidates");
  const { searchSentence } = await load("words/search");
  return states.map(([state, guess]) => {
    const panels = { card: seen.seenWords(findings.readSeen(state, guess)) };
    if (state.run.search) {
      panels.search = searchSentence(readSearch(state.run.search));
    } else {
      panels.panel = resultSentence(result.readResult(state));
      panels.loss = words.lossSentence(loss.readLosses(state, 100));
      panels.accuracy = words.accuracySentence(accuracy.readAccuracies(state));
    }
    for (const [view, frame] of Object.entries(state.insights)) {
      if (view in views) {
        const [read, say] = views[view];
        for (const tensor of Object.values(frame.tensors)) {
          tensor.data = Float64Array.from(tensor.data, Number);
        }
        panels[view] = say(read(state.run, frame));
      }
    }
    const shown = Object.entries(panels).filter(([name]) => name !== "card");
    const story = {
      ...{ title: "Title", question: "", guess: "", seen: [panels.card], run: state.run, schema: state.schema },
      step: 1000,
      ...{ version: "1", date: new Date(0), link: "#", complete: true },
      panels: shown.map(([title, sentence]) => ({ title, about: "", sentence, figure: null, image: "" })),
    };
    const page = new DOMParser().parseFromString(report.reportOf(story, ""), "text/html");
    return { ...panels, report: page.body.querySelector("main").textContent };
  });
}"""


@cache
def stored() -> dict[str, dict[str, Any]]:
    held: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return held


def outcomes(preset: Preset) -> Iterator[tuple[int, dict[str, Any]]]:
    """Twenty outcomes of an experiment with their seeds: those that are stored, then mixtures of them."""
    runs = list(stored()[preset.id].values())
    yield from ((int(seed), run) for seed, run in stored()[preset.id].items())
    random = np.random.default_rng(preset.number)
    for seed in range(len(runs) + 1, OUTCOMES + 1):
        if "search" in runs[0]:
            yield (
                seed,
                {"search": [runs[pick]["search"][at] for at, pick in picks(random, runs, len(runs[0]["search"]))]},
            )
            continue
        lanes = list(picks(random, runs, len(preset.config.lanes)))
        mixed = {name: [runs[pick][name][lane] for lane, pick in lanes] for name in (*SERIES, "stopped")}
        views = {view: dict(frame) for view, frame in runs[lanes[0][1]]["views"].items()}
        if "forgotten" in views:
            views["forgotten"] = {
                name: {
                    "shape": each["shape"],
                    "data": [runs[p]["views"]["forgotten"][name]["data"][at] for at, p in lanes],
                }
                for name, each in views["forgotten"].items()
                if name != "step"
            }
        yield seed, {"step": runs[0]["step"], **mixed, "views": views}


def picks(random: np.random.Generator, runs: Sequence[Any], count: int) -> list[tuple[int, int]]:
    """For each place the run that it is taken from."""
    return list(enumerate(random.integers(len(runs), size=count).tolist()))


def state_of(preset: Preset, seed: int, outcome: dict[str, Any]) -> dict[str, Any]:
    """What the page's store holds at the end of such a run."""
    state = whole_state(preset) | {"losses": {"length": 0, "step": [], "loss": []}, "data": None}
    state["run"] |= {"dropouts": schema()["dropouts"], "config": state["run"]["config"] | {"seed": seed}}
    if "search" in outcome:
        search = parse_search(preset.search, preset.config)
        while not search.is_done:
            own = [outcome["search"][trial] for trial in search.batch]
            losses = [math.nan if loss is None else loss for loss, _ in own]
            search.add([Evaluation(search.config.steps, losses, [share for _, share in own])])
        state["run"]["search"] = search.described() | {"steps": preset.steps}
        return state
    state["run"]["stopped"] = outcome["stopped"]
    state["scores"] = {
        "length": len(outcome["step"]),
        "step": outcome["step"],
        **{name: outcome[name] for name in SERIES},
    }
    step = {"shape": [1], "data": [preset.steps]}
    state["insights"] = {view: {"tensors": {**frame, "step": step}} for view, frame in outcome["views"].items()}
    return state


# Who is best, computed a second time


def figures(outcome: dict[str, Any], measure: str) -> list[float]:
    """The figure of each network: the mean of the last evaluations, 25 steps apart."""
    if measure == "forgotten":
        frame = outcome["views"]["forgotten"]
        pairs = zip(frame["val_accuracy"]["data"], frame["forgotten_accuracy"]["data"], strict=True)
        return [right - left for right, left in pairs]
    close = [step for step in outcome["step"] if step >= outcome["step"][-1] - 50]
    rows = len(close) if all(later - step <= 25 for step, later in itertools.pairwise(close)) else 1
    values = np.array(outcome["val_loss" if measure == "val_loss" else "val_accuracy"])[:, -rows:].mean(axis=1)
    return list(1 - values if measure == "val_error" else values)


def leaders(
    outcome: dict[str, Any], measure: str, size: int, lanes: Sequence[int] = (), best: str | None = None
) -> set[int]:
    """All networks that cannot be told from the best, the least or the greatest."""
    values = figures(outcome, measure)
    eligible = list(lanes) or list(range(len(values)))
    sign = 1 if (best or ("least" if measure in ("val_loss", "val_error") else "greatest")) == "least" else -1
    first = min(eligible, key=lambda lane: sign * values[lane])
    return {lane for lane in eligible if lane == first or is_tie(outcome, measure, size, lane, first)}


def is_tie(outcome: dict[str, Any], measure: str, size: int, one: int, other: int) -> bool:
    values = figures(outcome, measure)
    if measure == "val_loss":
        return abs(math.log(values[one] / values[other])) <= 2 * SPREAD

    def squared_error(lane: int) -> float:
        shares = [values[lane]]
        if measure == "forgotten":
            right = outcome["views"]["forgotten"]["val_accuracy"]["data"][lane]
            shares = [right, right - values[lane]]
        return sum(share * (1 - share) / size for share in shares)

    return abs(values[one] - values[other]) <= 2 * math.sqrt(squared_error(one) + squared_error(other))


# What texts claim

NAMES: Final = {
    "validation loss": "val_loss",
    "validation accuracy": "val_accuracy",
    "validation error": "val_error",
    "loss of accuracy": "forgotten",
}
MEASURE: Final = f"({'|'.join(NAMES)})"


def claims(text: str, names: list[str]) -> list[tuple[str, set[str] | int]]:
    """Every claim of a text on who is best: the measure, and who share the first place, by name or by number."""
    found: list[tuple[str, set[str] | int]] = []
    for measure, name in re.findall(rf"(?:Lowest|Highest) {MEASURE}: “(.*?)”, ", text):
        found.append((NAMES[measure], {name}))
    for measure, listed in re.findall(
        rf"No single network has the (?:lowest|highest) {MEASURE}: (.*?), \S+(?: points)?(?: to|, are)", text
    ):
        count = re.match(r"(\d+) networks", listed)
        found.append((NAMES[measure], int(count.group(1)) if count else set(re.findall(r"“(.*?)”", listed))))
    alike = re.findall(rf"networks are too close in {MEASURE} to tell apart", text)
    found += [(NAMES[measure], set(names)) for measure in alike]
    found += [("val_loss", {low}) for low in re.findall(r"” has \S+ times the validation loss of “(.*?)”", text)]
    if "The validation losses are too close to tell apart" in text:
        found.append(("val_loss", set(names)))
    if "So far dropout looks worse" in text:
        found.append(("val_loss", {names[0]}))
    if "Dropout makes the validation loss lower" in text:
        found.append(("val_loss", {names[1]}))
    if "The validation loss is higher with dropout" in text:
        found.append(("val_loss", {names[0]}))
    found += [("forgotten", {name}) for name in re.findall(r"“([^”]*)” loses most when judged", text)]
    return found


def guessed(text: str, names: list[str]) -> tuple[str, set[str] | int, bool] | None:
    """What a text says of a guess: the measure, who share the first place, and whether the guess is among them."""
    verdict = re.search(rf"Your guess.*?{MEASURE}", text)
    if not verdict:
        return None
    measure = NAMES[verdict.group(1)]
    if right := re.search(r"Your guess is right: “(.*?)”, ", text):
        return measure, {right.group(1)}, True
    if other := re.search(r"is not the (?:lowest|highest) [^:]*: that is “(.*?)”, ", text):
        return measure, {other.group(1)}, False
    if tie := re.search(r"is one of (\d+) that share", text):
        return measure, int(tie.group(1)), True
    shared = re.search(r"is not among those that share [^:]*: (.*)", text)
    assert shared, text
    count = re.match(r"(\d+) networks", shared.group(1))
    return measure, int(count.group(1)) if count else set(re.findall(r"“(.*?)”", shared.group(1))), False


def agrees(claimed: set[str] | int, true: set[str]) -> bool:
    return claimed == (len(true) if isinstance(claimed, int) else true)


@pytest.mark.parametrize("preset", [each for each in PRESETS if each.search is None], ids=lambda preset: str(preset.id))
def test_card_panel_caption_and_report_name_the_same_networks_best(module_page: Page, preset: Preset) -> None:
    names = [lane.name for lane in preset.config.lanes]
    runs = list(outcomes(preset))
    assert len(runs) == OUTCOMES
    states: list[tuple[dict[str, Any], int]] = [(state_of(preset, seed, run), seed % len(names)) for seed, run in runs]
    size = states[0][0]["run"]["val_size"]
    told = 0
    for (_, guess), (seed, run), said in zip(states, runs, module_page.evaluate(TEXTS, states), strict=True):
        for place, text in said.items():
            if place != "report":
                assert " ".join(text.split()) in " ".join(said["report"].split())
            for measure, claimed in claims(text, names):
                true = {names[lane] for lane in leaders(run, measure, size)}
                assert agrees(claimed, true), f"seed {seed}, {place}: {claimed}, and it is {true}: {text}"
                told += 1
        assert claims(said["loss"], names), said["loss"]
        if preset.guess is not None and guess in (preset.guess.lanes or range(len(names))):
            verdict = guessed(said["card"], names)
            assert verdict, said["card"]
            measure, claimed, among = verdict
            true = {names[lane] for lane in leaders(run, measure, size, preset.guess.lanes, preset.guess.best)}
            assert measure == preset.guess.measure
            assert agrees(claimed, true), said["card"]
            assert among == (names[guess] in true)
    assert told >= 2 * OUTCOMES  # at least in a caption and in the report


def test_the_search_and_its_card_call_the_same_candidate_lowest_and_as_many_too_close(module_page: Page) -> None:
    preset = find_preset("search")
    runs = list(outcomes(preset))
    states = [[state_of(preset, seed, run), None] for seed, run in runs]
    for (_, run), said in zip(runs, module_page.evaluate(TEXTS, states), strict=True):
        losses = [loss for loss, _ in run["search"] if loss is not None]
        close = sum(loss <= min(losses) * math.exp(2 * SPREAD) for loss in losses) - 1
        for text in (said["card"], said["search"]):
            assert "lowest validation loss has the one with" in text
            found = re.search(r"(\d+|One) (?:others? |more )?(?:are|is) too close to tell apart", text)
            assert (int(found.group(1).replace("One", "1")) if found else 0) == close, text


def test_what_is_drawn_is_marked_as_the_words_say(module_page: Page) -> None:
    """The picture of a curve marks all networks that share the first place, and calls none lowest then."""
    preset = find_preset("rate")
    body = """async (state) => {
      const { readResult } = await import("/static/js/views/result.js");
      const { curve } = await import("/static/js/paint/results/curve.js");
      const inks = Object.fromEntries(["ink", "inkSoft", "panel"].map((name) => [name, "#123456"]));
      const palette = { ...inks, lanes: Array(8).fill("#654321") };
      const { traces, layout } = curve({ legend: { update() {} }, palette, width: 600 }, readResult(state));
      return [traces.at(-1).marker.size, layout.annotations.map(({ text }) => text)];
    }"""
    for seed, run in outcomes(preset):
        sizes, labels = module_page.evaluate(body, state_of(preset, seed, run))
        true = leaders(run, "val_loss", 797)
        assert {lane for lane, size in enumerate(sizes) if size == max(sizes)} == true
        assert labels[0].startswith("tie: " if len(true) > 1 else "lowest ")


# What README promises


def test_dropout_looks_worse_at_first_and_then_no_more(module_page: Page) -> None:
    """In every stored run: until which step the page says so, and from which on it says the contrary."""
    preset = find_preset("twin")
    for seed, run in stored()["twin"].items():
        states = []
        for count in range(1, len(run["step"]) + 1):
            state = state_of(preset, int(seed), run)
            state["scores"] = {
                "length": count,
                "step": run["step"][:count],
                **{name: [lane[:count] for lane in run[name]] for name in SERIES},
            }
            states.append([state, None])
        texts = [said["loss"] for said in module_page.evaluate(TEXTS, states)]
        worse = [step for step, text in zip(run["step"], texts, strict=True) if "dropout looks worse" in text]
        better = [
            step for step, text in zip(run["step"], texts, strict=True) if "times the validation loss of “Drop" in text
        ]
        assert worse[0] <= 50
        assert max(worse) <= WORSE_UNTIL
        assert [step for step in run["step"] if step >= BETTER_FROM] == [step for step in better if step >= BETTER_FROM]


WORSE_UNTIL: Final = 250  # as README says
BETTER_FROM: Final = 375


def test_with_all_labels_true_accuracies_are_mostly_a_tie_and_losses_are_not() -> None:
    """300 images, without dropout and with it, in every stored run."""
    preset = find_preset("data-size-true-labels")
    pair = [preset.picture.x.index(300) + shift for shift in (0, 6)] if preset.picture else []
    runs = stored()[preset.id].values()
    ties = [is_tie(run, "val_accuracy", 797, *pair) for run in runs]
    assert sum(ties) > len(ties) / 2
    assert all(is_tie(run, "val_loss", 797, *pair) is False for run in runs)
    assert all(figures(run, "val_loss")[pair[1]] < figures(run, "val_loss")[pair[0]] for run in runs)


def test_readme_has_the_means_of_the_stored_seeds() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    one, average, thinned = (
        round(float(np.mean(list(values_of("lab", "averages", row).values()))))
        for row in ("one/dropout", "average_64/dropout", "one/without")
    )
    assert f"One alone is right on {one}% of new digits, their average on {average}%" in readme
    assert f"falls to {thinned}% (after 1,000 steps, means of the stored seeds)" in readme
    assert f"until step {WORSE_UNTIL} at most; from step {BETTER_FROM} on it is ahead" in readme
