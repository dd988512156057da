"""Every figure that other seeds gave is found again in a run of its experiment, by its id, whatever its label says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.pretend import run_state
from trainer.insight import Found, finish, look_at
from trainer.presets import PRESETS, Preset, described, find_preset
from trainer.presets.expected import expected_for
from trainer.search import Evaluation, parse_search
from trainer.settings.panels import VIEWS
from trainer.settings.schema import schema
from trainer.training.experiment import Experiment
from trainer.worker.extras import EnsembleWanted, votes

NO_FIGURES: Final = ("cost", "gradient")  # views that take long, and of which no experiment has a figure
DESCRIBED: Final = {each["id"]: each for each in described()}
LARGE: Final = 100_000  # numbers of a tensor; no figure is made of so many

BESIDE: Final = """async ([state, expected]) => {
  const { readSeen } = await import("/static/js/model/findings.js");
  const { besideOthers } = await import("/static/js/words/seen/index.js");
  return besideOthers(readSeen(state, null), expected);
}"""


def whole_state(preset: Preset) -> dict[str, Any]:
    """What the page's store holds of a run of an experiment that has come to its end."""
    lanes = preset.config.lanes
    nobody: list[dict[str, Any] | None] = [None] * len(lanes)
    stopped = [{"step": 300, "best_step": 200, "best_loss": 0.5} if lane.patience else None for lane in lanes]
    run = run_state(
        preset.config,
        experiment=preset.id,
        stop_at=preset.steps,
        search=searched(preset),
        step=preset.steps,
        stopped=stopped,
        diverged=nobody,
    )
    if run["search"]:
        run["search"]["steps"] = preset.steps
    return {
        "schema": schema(),
        "run": run,
        "experiment": DESCRIBED[preset.id],
        "scores": scores(preset),
        "insights": {},
        "ensemble": None,
    }


def scores(preset: Preset) -> dict[str, Any]:
    """Evaluations of which every loss falls to nearly nothing, and the first lane's validation loss is the highest."""
    steps = np.arange(0, preset.steps + 1, 25)
    falling = np.linspace(2.3, 0.05, len(steps))
    lanes = range(len(preset.config.lanes))
    return {
        "length": len(steps),
        "step": steps.tolist(),
        "train_loss": [falling.tolist() for _ in lanes],
        "val_loss": [(falling + (2.0 if lane == 0 else 0.1 + lane / 100)).tolist() for lane in lanes],
        "train_accuracy": [(1 - falling / 3).tolist() for _ in lanes],
        "val_accuracy": [(0.9 - falling / 3 - lane / 1000).tolist() for lane in lanes],
    }


def searched(preset: Preset) -> dict[str, Any] | None:
    """A search that is through."""
    if preset.search is None:
        return None
    state = parse_search(preset.search, preset.config)
    while not state.is_done:
        losses = [0.4 + trial / 100 for trial in state.batch]
        state.add([Evaluation(step, losses, [0.9] * len(losses)) for step in (25, state.config.steps)])
    return state.described()


def plain(found: Found) -> dict[str, Any]:
    """A frame of these tensors, as the page decodes it."""
    tensors = {
        name: {"shape": list(tensor.shape), "data": np.nan_to_num(tensor.ravel(), nan=-1.0).tolist()}
        for name, tensor in found.items()
        if tensor.size < LARGE
    }
    return {"tensors": tensors}


def states(preset: Preset) -> Iterator[dict[str, Any]]:
    """States with what the panels of the experiment show: one for each choice that a reader has there.

    The networks have made one step: what is measured of them is nonsense, and has the names that it always has.
    """
    state = whole_state(preset)
    experiment = Experiment(preset.config, device="cpu")
    experiment.run(1)
    step = np.array([preset.steps], np.uint32)
    for view in set(preset.panels) & set(VIEWS) - set(NO_FIGURES):
        found = dict(look_at(view, experiment)) | {"step": step}
        if view == "features":
            found["auto/step"] = found["auto/steps"]  # as if they had been trained to their end
        state["insights"][view] = plain(found)
    if preset.id != "averages":
        yield state
        return
    for lane in (0, 1):
        experiment.follow(lane=lane)
        for masks in ("per_member", "per_example"):
            ensemble = finish(votes(experiment, EnsembleWanted(64, masks)))
            yield state | {"ensemble": plain(dict(ensemble) | {"step": step})}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.id))
def test_every_figure_of_other_seeds_is_found_in_a_run_by_its_id(module_page: Page, preset: Preset) -> None:
    measured = {"seeds": [1, 2, 3, 4, 5], "values": [1.0] * 5}  # whatever is stored
    rows = [row | measured for row in DESCRIBED[preset.id]["expected"]]
    reworded = [row | {"label": f"Figure {number}"} for number, row in enumerate(rows)]
    found: set[str] = set()
    for state in states(preset):
        told = module_page.evaluate(BESIDE, [state, rows])
        other = module_page.evaluate(BESIDE, [state, reworded])
        assert [each["id"] for each in told] == [each["id"] for each in other], "a label may be reworded"
        found |= {each["id"] for each in told}
    expected = {row.id for row in expected_for(preset.id) if not row.is_claim and not row.not_on_page}
    assert found == expected
    assert bool(found) == (preset.id != "draw")


def test_a_figure_that_is_not_of_this_run_has_its_reason() -> None:
    reasons = {row.id: row.not_on_page for row in expected_for("draw") if not row.is_claim}
    assert reasons
    assert all(reasons.values())
    assert all(not row.not_on_page for preset in PRESETS for row in expected_for(preset.id) if row.is_claim)


def test_figures_of_a_step_that_was_not_evaluated_are_left_out(module_page: Page) -> None:
    preset = find_preset("twin")
    state = whole_state(preset)
    rows = [row | {"seeds": [1, 2, 3, 4, 5], "values": [1.0] * 5} for row in DESCRIBED["twin"]["expected"]]
    whole = {each["id"] for each in module_page.evaluate(BESIDE, [state, rows])}
    missing = state["scores"]["step"].index(200)
    state["scores"] = {
        name: column
        if name == "length"
        else [*column[:missing], *column[missing + 1 :]]
        if name == "step"
        else [[*lane[:missing], *lane[missing + 1 :]] for lane in column]
        for name, column in state["scores"].items()
    } | {"length": len(state["scores"]["step"]) - 1}
    gone = whole - {each["id"] for each in module_page.evaluate(BESIDE, [state, rows])}
    assert gone == {
        *(f"{name}/{lane}@200" for name in ("val_loss", "val_accuracy") for lane in ("without", "dropout")),
        *("ratio@200", "gain@200", "crossing"),
        *("best_loss/without", "rise/without", "rise/dropout"),
    }
