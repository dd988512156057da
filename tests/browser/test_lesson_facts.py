"""The numbers that lessons quote, worked out of a state as the page has it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.browser.pretend import run_state
from trainer.settings.config import parse
from trainer.settings.dropouts import DROPOUTS

FACT: Final = """async ([name, args, known]) => {
  const { factOf } = await import("/static/js/lessons/facts.js");
  const columns = (rows) => rows.map((row) => Float32Array.from(row));
  const { scores, kept, ensemble, last, ...rest } = known;
  const state = {
    insights: {}, open: [], cursor: null, ...rest,
    steps: { last, at: (step) => (step === last ? { kept } : null) },
    scores: { length: scores.step.length, step: scores.step, val_loss: columns(scores.val_loss), val_accuracy: [] },
    ensemble: ensemble && { tensors: ensemble },
  };
  return factOf(state, { guesses: {} }, { name, args });
}"""
RATES: Final = (0.0, 0.2, 0.5, 0.9)


def known(**beside: Any) -> dict[str, Any]:
    """A run of four networks that differ in their rates, at step 1,000."""
    lanes = [{"name": f"p = {rate}", "dropout": [0.2, rate, rate, rate]} for rate in RATES]
    run = run_state(parse({"lanes": beside.pop("lanes", lanes)}), step=1000, follow={"lane": 2, "example": 0})
    run["dropouts"] = [each.described() for each in DROPOUTS.values()]
    scores = {"step": [975, 1000], "val_loss": [[0.8, 0.8], [0.40, 0.44], [0.41, 0.39], [2.2, 2.2]]}
    kept = {"input": 50, "hidden1": 66}
    return {"run": run, "scores": scores, "kept": kept, "last": 1000, "ensemble": None} | beside


def fact(page: Page, name: str, *args: Any, state: dict[str, Any] | None = None) -> Any:
    return page.evaluate(FACT, [name, list(args), state or known()])


def test_kept_outputs_are_weighed_by_the_factor_of_their_network(module_page: Page) -> None:
    assert fact(module_page, "keep", 1, 0) == pytest.approx(0.8)
    assert fact(module_page, "factor", 1, 1) == pytest.approx(1.25)
    assert fact(module_page, "scaled", 1) == pytest.approx(132)
    assert fact(module_page, "shrunk", 1) == pytest.approx(33)
    assert fact(module_page, "scaled", 0) == pytest.approx(50 / 0.8)


def test_a_mask_of_an_earlier_step_is_not_taken_for_that_of_the_newest(module_page: Page) -> None:
    before = fact(module_page, "kept", 1, state=known(last=999))
    assert before != before  # not known yet
    assert fact(module_page, "kept", 1, state=known(last=999, cursor=999)) == 66
    assert fact(module_page, "kept", 1) == 66


@pytest.mark.parametrize("kind", DROPOUTS)
def test_a_kind_that_does_not_scale_in_training_has_the_factor_one(module_page: Page, kind: str) -> None:
    state = known(lanes=[{"name": "a", "dropout": [0.0, 0.5, 0.5, 0.5], "dropout_kind": kind}])
    scales = DROPOUTS[kind].scaled == "training"
    assert fact(module_page, "factor", 0, 1, state=state) == (2 if scales else 1)
    assert [fact(module_page, "kind", 0, each, state=state) for each in DROPOUTS] == [each == kind for each in DROPOUTS]


def test_the_best_rate_is_that_of_the_verdict_with_those_that_cannot_be_told_from_it(module_page: Page) -> None:
    """0.42 and 0.40, the means of two evaluations, are within the fifth by which seeds differ; 0.8 is not."""
    assert fact(module_page, "least_lane") == 2
    assert fact(module_page, "least_rate", 1) == 0.5
    assert fact(module_page, "ties") == 2
    assert (fact(module_page, "tie_from", 1), fact(module_page, "tie_to", 1)) == (0.2, 0.5)
    empty = known(scores={"step": [], "val_loss": [[], [], [], []]})
    for name, args in {"least_lane": [], "least_rate": [1], "ties": [], "tie_from": [1], "tie_to": [1]}.items():
        assert fact(module_page, name, *args, state=empty) != fact(module_page, name, *args, state=empty), name  # NaN


def test_sub_networks_agree_that_give_the_class_of_their_average_the_most(module_page: Page) -> None:
    votes = [[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]
    ensemble: dict[str, dict[str, Any]] = {
        "step": {"shape": [1], "data": [1000]},
        "lane": {"shape": [2], "data": [2, 0]},
        "vote": {"shape": [2, 2, 3], "data": [number for row in votes for number in row]},
        "vote/average": {"shape": [2, 3], "data": [0.55, 0.35, 0.1, 0.15, 0.5, 0.35]},
    }
    state = known(ensemble=ensemble)
    assert fact(module_page, "agreeing", 2, state=state) == 2
    assert fact(module_page, "agreeing", 0, state=state) == 1
    of_others = fact(module_page, "agreeing", 1, state=state)
    assert of_others != of_others  # nobody has voted for that network
    ensemble["step"]["data"] = [990]
    before = fact(module_page, "agreeing", 2, state=known(ensemble=ensemble))
    assert before != before  # of other weights
