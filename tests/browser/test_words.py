"""The page's sentences and statistics, run in a real Chromium: what is said follows from the numbers."""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from trainer.settings.dropouts import DROPOUTS

NAN = "NaN"  # JSON has none: `call` turns it into a number on the other side
CALL = """async ([module, name, given]) => {
  const { [name]: called } = await import(`/static/js/${module}.js`);
  const revive = (value) => value === "NaN" ? Number.NaN : value === "Infinity" ? Number.POSITIVE_INFINITY
    : Array.isArray(value) ? value.map(revive)
    : value === null || typeof value !== "object" ? value
    : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revive(each)]));
  const answer = called(...given.map(revive));
  return ArrayBuffer.isView(answer) ? [...answer] : answer;
}"""


def call(page: Page, module: str, name: str, *given: Any) -> Any:
    """What a function of a module answers."""
    return page.evaluate(CALL, [module, name, list(given)])


def lane(name: str = "Dropout", **changed: Any) -> dict[str, Any]:
    """The losses of a lane that is at its best."""
    usual = {
        "name": name,
        "dropout": name == "Dropout",
        "batchNorm": False,
        "train": 0.49,
        "val": 0.46,
        "best": 0.46,
        "bestStep": 1000,
        "trainAtBest": 0.49,
        "masked": NAN,
        "diverged": None,
    }
    return usual | changed


def memorising(name: str = "No dropout", **changed: Any) -> dict[str, Any]:
    """The losses of a lane that has memorised the training set."""
    risen = {"train": 0.002, "val": 1.69, "best": 0.51, "bestStep": 135, "trainAtBest": 0.4}
    return lane(name, **({"dropout": False} | risen | changed))


def losses(page: Page, *lanes: dict[str, Any], **changed: Any) -> str:
    usual = {"step": 1000, "lanes": list(lanes), "ceiling": 2.5}
    return str(call(page, "words/index", "lossSentence", usual | changed))


def accuracies(page: Page, *lanes: dict[str, Any], wrong: int = 60, **changed: Any) -> str:
    usual = {"step": 1000, "lanes": [{"wrong": wrong, **lane} for lane in lanes], "valSize": 797, "classes": 10}
    return str(call(page, "words/index", "accuracySentence", usual | changed))


def right(name: str, val: float, train: float = 0.8, **changed: Any) -> dict[str, Any]:
    return {"name": name, "val": val, "train": train, "trainSize": 300, "diverged": None, **changed}


def apart(page: Page, *lanes: dict[str, Any]) -> dict[str, Any]:
    usual: dict[str, Any] = {"name": "A", "seed": None, "hidden": None, "train_size": None}
    config = {"seed": 0, "train_size": 300, "lanes": [usual | lane for lane in lanes]}
    found: dict[str, Any] = call(page, "words/index", "setApart", config)
    return found


def layer(name: str, mean: float, units: int = 128, rate: float = 0.5, **changed: Any) -> dict[str, Any]:
    error = math.sqrt(units * rate * (1 - rate) / 100)
    return {"name": name, "counted": "units", "mean": mean, "expected": units * (1 - rate), "error": error} | changed


INVERTED: Final = DROPOUTS["inverted"].described()


def votes_of(name: str = "Dropout", **changed: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "thinned": True,
        "untrained": False,
        "single": 0.774,
        "average": 0.919,
        "scaling": 0.921,
        "within": 16,
        "averageLoss": 0.598,
        "geometricLoss": 0.446,
        "scalingLoss": 0.438,
        "kind": INVERTED,
    }
    return usual | changed


def ensemble(page: Page, *lanes: dict[str, Any]) -> str:
    return str(call(page, "words/index", "ensembleSentence", {"step": 1000, "members": 64, "lanes": list(lanes)}))


# Statistics


@pytest.mark.parametrize(("units", "keep"), [(1, 0.5), (64, 0.8), (128, 0.2), (512, 0.05)])
def test_the_binomial_agrees_with_exact_arithmetic(module_page: Page, units: int, keep: float) -> None:
    for count in {0, 1, units // 2, round(units * keep), units}:
        exact = math.comb(units, count) * keep**count * (1 - keep) ** (units - count)
        found = call(module_page, "model/stats", "binomialPmf", units, keep, count)
        assert found == pytest.approx(exact, rel=1e-10)


def test_a_binomial_of_certain_units_has_one_outcome(module_page: Page) -> None:
    assert [call(module_page, "model/stats", "binomialPmf", 8, 1, count) for count in (7, 8)] == [0, 1]
    assert [call(module_page, "model/stats", "binomialPmf", 8, 0, count) for count in (0, 1)] == [1, 0]
    assert [call(module_page, "model/stats", "binomialPmf", 8, 0.5, count) for count in (-1, 9)] == [0, 0]


def test_a_binomial_has_the_mean_and_spread_of_its_units(module_page: Page) -> None:
    assert call(module_page, "model/stats", "binomial", 64, 0.8) == {
        "mean": pytest.approx(51.2),
        "sd": pytest.approx(math.sqrt(64 * 0.16)),
    }


def test_the_exponential_average_weighs_by_steps_and_passes_over_gaps(module_page: Page) -> None:
    found = call(module_page, "model/stats", "exponentialAverage", [1, 2, 12, 13], [1, 0, NAN, 0], 4, 10)
    after_one = math.exp(-1 / 10)
    assert found[:2] == pytest.approx([1, after_one], rel=1e-6)
    assert math.isnan(found[2])
    assert found[3] == pytest.approx(after_one * math.exp(-11 / 10), rel=1e-6)  # 11 steps after the last number


def test_spreading_keeps_the_ends_and_never_repeats(module_page: Page) -> None:
    assert call(module_page, "model/stats", "spread", 4, 10) == [0, 1, 2, 3]
    found = call(module_page, "model/stats", "spread", 1001, 200)
    assert (len(found), found[0], found[-1]) == (200, 0, 1000)
    assert all(after > before for before, after in itertools.pairwise(found))


def test_the_least_value_is_found_among_those_that_are_numbers(module_page: Page) -> None:
    assert call(module_page, "model/stats", "indexOfLeast", [NAN, 3, 1, 2]) == 2
    assert call(module_page, "model/stats", "indexOfLeast", [NAN, "Infinity"]) == -1
    assert call(module_page, "model/stats", "indexOfLeast", [3, 2, 1], 2) == 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.4434, "0.443"),
        (1.694, "1.69"),
        (9.996, "10.0"),
        (27.13, "27.1"),
        (1284, "1,284"),
        (0, "0.000"),
        (0.0002, "under 0.001"),
        (3.2e7, "3.2 × 10^7"),
        (NAN, "no number"),
    ],
)
def test_a_loss_is_written_with_three_digits(module_page: Page, value: Any, written: str) -> None:
    assert call(module_page, "model/stats", "formatLoss", value) == written


def test_numbers_are_written_in_english(module_page: Page) -> None:
    assert call(module_page, "model/stats", "formatCount", 1284) == "1,284"
    assert call(module_page, "model/stats", "formatPercent", 0.9211) == "92.1%"
    assert call(module_page, "model/stats", "formatTimes", 3.72) == "3.7"
    assert call(module_page, "model/stats", "formatTimes", 45.2) == "45"
    assert call(module_page, "model/stats", "formatPlain", 0.5) == "0.5"


# Loss


def test_before_the_first_evaluation_there_is_no_loss_to_speak_of(module_page: Page) -> None:
    assert call(module_page, "words/index", "lossSentence", None) == "No loss has been measured yet."
    assert call(module_page, "words/index", "accuracySentence", None) == "No accuracy has been measured yet."
    assert call(module_page, "words/index", "ensembleSentence", None) == "No sub-networks have been sampled yet."


def test_at_step_0_networks_stand_where_the_same_weights_put_them(module_page: Page) -> None:
    start: dict[str, Any] = {"train": 2.3, "val": 2.3, "best": 2.3, "bestStep": 0, "trainAtBest": 2.3}
    said = losses(module_page, lane("No dropout", **start), lane(**start), step=0)
    assert said == "Step 0. Both networks have a validation loss of 2.30, as they start from the same weights."


def test_overfitting_is_told_with_the_best_step_and_both_losses(module_page: Page) -> None:
    said = losses(module_page, memorising(), lane())
    assert "“No dropout” has 3.7 times the validation loss of “Dropout”: 1.69 against 0.460." in said
    assert "“No dropout” overfits: its validation loss has risen to 3.3 times its best (0.510 at step 135)" in said
    assert "its training loss fell from 0.400 to 0.002" in said
    assert "“Dropout” is still within 5% of its best." in said


def test_a_rise_that_training_shares_is_not_called_overfitting(module_page: Page) -> None:
    said = losses(module_page, memorising(train=0.9), lane())
    assert "overfit" not in said
    assert "The validation loss of “No dropout” has risen to 3.3 times its best" in said


def test_dropout_that_is_behind_is_said_to_be_behind(module_page: Page) -> None:
    ahead = lane("No dropout", train=0.41, val=0.59, best=0.51, bestStep=135, trainAtBest=0.45)
    behind = lane(train=0.94, val=0.77, best=0.77, bestStep=200)
    said = losses(module_page, ahead, behind, step=200)
    assert "So far dropout looks worse: a validation loss of 0.770 against 0.590 without." in said
    assert "learns more slowly (training loss 0.940 against 0.410) and is still getting better" in said


def test_no_turn_is_promised_once_dropout_has_stopped_getting_better(module_page: Page) -> None:
    ahead = lane("No dropout", train=0.41, val=0.59, best=0.59, bestStep=200)
    said = losses(module_page, ahead, lane(train=0.94, val=0.77, best=0.60, bestStep=100), step=200)
    assert "So far dropout looks worse" in said
    assert "getting better" not in said
    assert "(training loss 0.940 against 0.410)." in said


def test_identical_networks_are_said_to_lie_on_one_another(module_page: Page) -> None:
    said = losses(module_page, lane("A", dropout=False), lane("B", dropout=False))
    assert said == "Step 1,000. Both networks have a validation loss of 0.460, and their lines lie on one another."


def test_close_losses_are_called_close(module_page: Page) -> None:
    said = losses(module_page, lane("A", val=0.47, best=0.47), lane("B", val=0.49, best=0.49))
    assert "The validation losses are too close to tell apart: 0.470 for “A”, 0.490 for “B”." in said


def test_dropout_does_not_look_worse_where_the_losses_are_a_tie(module_page: Page) -> None:
    ahead, behind = lane("No dropout", val=0.156, best=0.156), lane(val=0.161, best=0.161)
    said = losses(module_page, ahead, behind)
    assert "too close to tell apart: 0.156 for “No dropout”, 0.161 for “Dropout”." in said
    assert "worse" not in said


def test_losses_are_compared_by_the_mean_of_the_last_evaluations(module_page: Page) -> None:
    ahead, behind = lane("A", val=0.9, best=0.4, figure=0.5), lane("B", val=0.3, best=0.3, figure=0.8)
    said = losses(module_page, ahead, behind, evaluations=3)
    assert said.startswith("Step 1,000, mean of the last 3 evaluations. “B” has 1.6 times the validation loss of “A”")


def test_the_two_training_losses_of_dropout_are_told_apart(module_page: Page) -> None:
    said = losses(module_page, memorising(), lane(masked=0.81))
    assert "The same weights of “Dropout” have a training loss of about 0.810 with dropout and 0.490 without." in said
    assert "masks on" not in losses(module_page, memorising(masked=0.1), lane(dropout=False))


def test_batch_norm_is_mentioned_where_it_is_on(module_page: Page) -> None:
    assert "batch norm (“Dropout”) uses each mini-batch's statistics" in losses(
        module_page, memorising(), lane(batchNorm=True)
    )
    assert "batch norm" not in losses(module_page, memorising(), lane())


def test_a_network_that_diverged_is_named_with_its_step_and_compared_with_none(module_page: Page) -> None:
    broken = lane("Fast", val=NAN, train=NAN, diverged=75)
    said = losses(module_page, broken, lane())
    assert "“Fast” diverged by step 75: its loss is no longer a finite number." in said
    assert "“Dropout” has a loss of 0.460 on validation and 0.490 on training data." in said
    assert "times the validation loss" not in said
    assert (
        losses(module_page, broken) == "Step 1,000. “Fast” diverged by step 75: its loss is no longer a finite number."
    )


def test_what_is_known_of_a_divergence_is_said_with_its_cause_and_what_may_help(module_page: Page) -> None:
    broken = lane(
        "Fast", val=NAN, train=NAN, diverged=14, cause="after the change at step 8 (learning rate 0.5)", good=13
    )
    said = losses(module_page, broken, lane())
    assert (
        "“Fast” diverged at step 14 after the change at step 8 (learning rate 0.5): its loss is no longer a finite "
        "number. A lower learning rate may help: reset, or look back to step 13 and choose “Go on from here”. "
        "“Dropout” has a loss of" in said
    )
    many = [{**broken, "name": f"F{number}"} for number in range(4)]
    said = losses(module_page, *many, lane())
    assert "4 of 5 networks diverged: their losses are no longer finite numbers. A lower learning rate" in said


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (None, "with the knobs that it started with (learning rate 0.5)"),
        ({"step": 1200, "lane": 0, "knobs": {"l2": 0.03}}, "after the change at step 1,200 (L2 penalty 0.03)"),
        ({"step": 3, "knobs": {"learning_rate": 1}}, "after the change at step 3 (learning rate 1)"),
        ({"step": 3, "lane": 0, "knobs": {"x": 1, "l2": 0}}, "after the change at step 3 (x 1; L2 penalty off)"),
    ],
)
def test_the_cause_of_a_divergence_is_told_in_the_words_of_the_schema(
    module_page: Page, after: Any, words: str
) -> None:
    config = {"learning_rate": 0.002, "lanes": [{"learning_rate": 0.5}]}
    run = {"diverged": [{"step": 14, "after": after}], "first_config": config, "config": config}
    l2 = {"name": "l2", "label": "L2 penalty", "type": "number", "scale": "log", "smallest": 1e-6}
    rate = {"name": "learning_rate", "label": "learning rate", "type": "number", "scale": "log"}
    assert call(module_page, "model/diverged", "causeWords", run, {"lane": [l2], "run": [rate]}, 0) == words


def test_a_tenth_of_the_rate_is_to_be_tried_next_as_long_as_there_is_one(module_page: Page) -> None:
    def tried(own: float | None, of_run: float) -> Any:
        config = {"learning_rate": of_run, "lanes": [{"learning_rate": own}]}
        return call(module_page, "model/diverged", "lowerRate", config, 0)

    assert tried(None, 1.0) == 0.1
    assert tried(0.03, 1.0) == 0.003
    assert tried(5e-5, 1.0) is None


def test_what_the_axis_cut_off_before_is_said_too_of_a_network_that_diverged_as_well(module_page: Page) -> None:
    gone = lane("Fast", val=NAN, train=NAN, diverged=75, highest=91.2)
    said = losses(module_page, gone, lane(highest=1.2), ceiling=5)
    assert "The axis ends at 5.00: “Fast” was above it, up to 91.2." in said
    said = losses(module_page, memorising(val=45, train=0.2), lane("Dropout", highest=7.5), ceiling=5)
    assert "The axis ends at 5.00: “No dropout” is above it; “Dropout” was above it, up to 7.50." in said
    assert "axis" not in losses(module_page, lane(highest=4.9), ceiling=5)


def test_what_the_axis_cuts_off_is_said(module_page: Page) -> None:
    said = losses(module_page, memorising(val=45, train=0.2), lane(), ceiling=9)
    assert "The axis ends at 9.00: “No dropout” is above it." in said
    assert "axis" not in losses(module_page, memorising(), lane())


def test_of_many_networks_the_extremes_are_named_and_the_overfitting_counted(module_page: Page) -> None:
    lanes = [memorising(f"ND {number}", val=1 + number / 10) for number in range(3)]
    said = losses(module_page, *lanes, lane())
    assert "Lowest validation loss: “Dropout”, 0.460; highest: “ND 2”, 1.20." in said
    assert "3 of 4 networks overfit" in said
    everyone = [lane(f"D {number}") for number in range(5)]
    assert "overfit" not in losses(module_page, *everyone)
    assert "All 5 networks have a validation loss of 0.460." in losses(module_page, *everyone)


def frozen(**changed: Any) -> dict[str, Any]:
    return lane(val=0.49, best=0.49, bestStep=130, stopped={"step": 230, "bestStep": 130, "bestLoss": 0.49}, **changed)


def test_a_lane_that_early_stopping_froze_is_said_to_have_the_weights_of_its_best_step(module_page: Page) -> None:
    said = losses(module_page, memorising(), frozen())
    assert "“Dropout” was stopped at 230 and has the weights of 130, its best step (0.490); it learns no more." in said
    assert "stopped" not in losses(module_page, memorising(), lane())
    many = losses(module_page, memorising(), *(frozen(name=f"S {number}") for number in range(3)))
    assert "3 of 4 networks were stopped early and have the weights of their best step." in many


def test_a_frozen_lane_is_not_said_to_be_still_getting_better(module_page: Page) -> None:
    ahead = lane("No dropout", train=0.3, val=0.3, best=0.3)
    said = losses(module_page, ahead, frozen(train=0.6))
    assert "So far dropout looks worse" in said
    assert "getting better" not in said


def test_dropout_that_is_not_scaled_is_said_to_be_wrong_in_evaluation(module_page: Page) -> None:
    said = losses(module_page, memorising(), lane(unbalanced=True))
    assert (
        "“Dropout” drops without scaling: in evaluation mode more arrives at every layer than was trained on." in said
    )
    assert "scaling" not in losses(module_page, memorising(), lane())


def test_networks_that_differ_in_more_than_knobs_are_said_to(module_page: Page) -> None:
    assert apart(module_page, {}, {"name": "B"}) == {"words": None, "isAlike": True}
    sizes = apart(module_page, {"name": "A"}, {"name": "B", "train_size": 100}, {"name": "C", "train_size": 50})
    assert sizes == {"words": "“B” trained on 100 and “C” on 50 of the 300 examples.", "isAlike": True}
    seeds = apart(module_page, {"seed": 0}, {"seed": 1})
    assert seeds["words"].startswith("The networks have different seeds, so chance has a part")
    assert not seeds["isAlike"]
    assert apart(module_page, {"seed": 0}, {"seed": None})["isAlike"], "its own seed is that of the run"
    widths = apart(module_page, {}, {"name": "B", "hidden": [32]})
    assert widths == {"words": "“B” has widths of its own.", "isAlike": False}


def test_networks_with_other_seeds_are_not_said_to_start_from_the_same_weights(module_page: Page) -> None:
    start: dict[str, Any] = {"train": 2.3, "val": 2.3, "best": 2.3, "bestStep": 0, "trainAtBest": 2.3}
    other = {"words": "The networks have different seeds.", "isAlike": False}
    said = losses(module_page, lane("A", **start), lane("B", **start), step=0, apart=other)
    assert said == "Step 0. Both networks have a validation loss of 2.30. The networks have different seeds."


# Accuracy


def test_accuracies_are_compared_in_points_with_the_size_of_the_validation_set(module_page: Page) -> None:
    said = accuracies(module_page, right("No dropout", 0.744, 1.0), right("Dropout", 0.905, 0.783))
    assert (
        "“Dropout” gets 90.5% of 797 validation examples right, “No dropout” 74.4%: 16.1 points between them." in said
    )
    assert "“No dropout” reproduces all 300 training labels, the 60 wrong ones included: it has memorised them." in said
    assert "“Dropout” reproduces 78.3% of the training labels; 80.0% of them are true." in said


def test_a_difference_within_two_standard_errors_is_not_called_one(module_page: Page) -> None:
    said = accuracies(module_page, right("A", 0.90), right("B", 0.91))
    doubt = 200 * math.hypot(math.sqrt(0.9 * 0.1 / 797), math.sqrt(0.91 * 0.09 / 797))
    assert (
        f"1.0 points between them, too few to tell apart on so many examples (two standard errors: {doubt:.1f} points)"
        in said
    )


def test_without_wrong_labels_nothing_is_called_memorised(module_page: Page) -> None:
    said = accuracies(module_page, right("A", 0.97, 1.0), wrong=0)
    assert "“A” reproduces all 300 training labels." in said
    assert "memorised" not in said
    assert "true" not in said


def test_what_a_lane_memorised_is_counted_among_its_own_examples(module_page: Page) -> None:
    few = right("Few", 0.7, 1.0, trainSize=100, wrong=21)
    said = accuracies(module_page, few, right("All", 0.8, 0.9), apart={"words": "“Few” trained on 100 of the 300."})
    assert "“Few” reproduces all 100 training labels, the 21 wrong ones included" in said
    assert "“All” reproduces 90.0% of the training labels; 80.0% of them are true." in said
    assert said.endswith("“Few” trained on 100 of the 300.")


def test_guessing_is_the_yardstick_of_an_untrained_network(module_page: Page) -> None:
    assert "Guessing among 10 classes gets about 10.0%." in accuracies(
        module_page, right("A", 0.1), right("B", 0.1), step=0
    )
    assert "Guessing" not in accuracies(module_page, right("A", 0.5))


def test_the_accuracy_of_a_network_that_diverged_is_left_out(module_page: Page) -> None:
    said = accuracies(module_page, right("Fast", 0.1, 0.1, diverged=75), right("Dropout", 0.9))
    assert "“Fast” diverged: an accuracy means nothing there." in said
    assert "points" not in said
    said = accuracies(module_page, right("Fast", 0.1, 0.1, diverged=75, at=75), right("Dropout", 0.9))
    assert "“Fast” (step 75) diverged: an accuracy means nothing there." in said


# Kept counts


def test_kept_counts_are_told_with_expectation_and_standard_error(module_page: Page) -> None:
    layers = [layer("input", 51.0, units=64, rate=0.2), layer("hidden1", 64.9)]
    said = call(module_page, "words/index", "keptSentence", {"name": "Dropout", "steps": 100, "layers": layers})
    assert "Over the 100 steps of “Dropout” seen at its present rates" in said
    assert "input 51.0 (51.2 ± 0.3), hidden 1 64.9 (64.0 ± 0.6)." in said
    assert "The furthest off, hidden 1, is 1.6 standard errors away, as chance allows." in said


@pytest.mark.parametrize(
    ("off", "verdict"),
    [(2.9, "as chance allows"), (3.5, "rare for fair masks"), (4.5, "more than fair masks would show")],
)
def test_a_mean_far_from_its_expectation_is_never_explained_away(module_page: Page, off: float, verdict: str) -> None:
    one = layer("hidden1", 64 + off * math.sqrt(32 / 100))
    said = call(module_page, "words/index", "keptSentence", {"name": "Dropout", "steps": 100, "layers": [one]})
    assert said.endswith(f"That is {off} standard errors away, {verdict}.")


def test_a_lane_without_dropout_keeps_everything(module_page: Page) -> None:
    said = call(module_page, "words/index", "keptSentence", {"name": "No dropout", "steps": 9, "layers": []})
    assert said == "“No dropout” has no dropout now: every unit is kept on every step."


def test_rates_that_have_just_moved_have_no_counts_yet(module_page: Page) -> None:
    said = call(
        module_page, "words/index", "keptSentence", {"name": "Dropout", "isPlanned": True, "steps": 0, "layers": []}
    )
    assert said == "No step of “Dropout” with dropout has been seen yet."


def test_weights_and_factors_are_called_what_they_are(module_page: Page) -> None:
    def said(counted: str, **changed: Any) -> str:
        layers = [layer("hidden1", 64.9, counted=counted)]
        given = {"name": "Dropout", "steps": 100, "layers": layers, **changed}
        return str(call(module_page, "words/index", "keptSentence", given))

    assert "weights kept on average (expected ± standard error): hidden 1 64.9 (64.0 ± 0.6)." in said("weights")
    assert "factors of at least 1 on average" in said("factors")
    assert "A ramp moves the rates at every step until step 250." in said("units", moving=250)
    assert "standard errors away" not in str(
        call(
            module_page,
            "words/index",
            "keptSentence",
            {"name": "D", "steps": 1, "layers": [layer("conv1", 9, expected=NAN)]},
        )
    )


# Sub-networks


def test_sub_networks_are_compared_with_their_average_and_weight_scaling(module_page: Page) -> None:
    contrast = votes_of("No dropout", untrained=True, single=0.303, average=0.674, scaling=0.747)
    said = ensemble(module_page, votes_of(), contrast)
    assert "One thinned sub-network of “Dropout” gets 77.4% of the validation examples right on average" in said
    assert "the average of 64 91.9%, and weight scaling (one pass, nothing dropped) 92.1%." in said
    assert "stays within 0.5 points of it from 16 members on" in said
    last = ensemble(module_page, votes_of(within=64))
    assert "The average of all 64 is within 0.5 points of it, that of one fewer is not." in last
    assert "members on" not in last
    assert "By log-loss the average is worse, 0.598 against 0.438; averaged geometrically it has 0.446." in said
    assert "“No dropout”, which never trained with dropout, thinned the same way: 30.3%, 67.4% and 74.7%." in said


def test_an_average_that_does_not_reach_weight_scaling_is_said_to_fall_short(module_page: Page) -> None:
    said = ensemble(module_page, votes_of(within=None, average=0.88))
    assert "The average is 4.1 points below it." in said
    assert "members on" not in said


def test_an_average_with_the_better_log_loss_is_called_better(module_page: Page) -> None:
    assert "By log-loss the average is better, 1.33 against 1.66" in ensemble(
        module_page, votes_of(averageLoss=1.33, scalingLoss=1.66)
    )


def test_a_lane_that_once_had_dropout_is_not_said_to_be_without(module_page: Page) -> None:
    assert "never trained" not in ensemble(module_page, votes_of(), votes_of("Other", untrained=False))


def test_noise_makes_copies_and_no_sub_networks(module_page: Page) -> None:
    said = ensemble(
        module_page, votes_of(kind=DROPOUTS["gaussian"].described()), votes_of("No dropout", untrained=True)
    )
    assert "One noisy copy of “Dropout” gets 77.4% of the validation examples right on average" in said
    assert "and the network without noise (one pass) 92.1%." in said
    assert "“No dropout”, which never trained with dropout, with such noise: " in said
    assert "thinned" not in said
    votes = {
        "name": "Dropout",
        "counts": [1, 3],
        "classes": ["a", "b"],
        "truth": 1,
        "kind": DROPOUTS["gaussian"].described(),
    }
    assert call(module_page, "words/index", "votesSentence", votes).startswith(
        "3 of 4 noisy copies of “Dropout” vote for b"
    )


def test_an_unscaled_network_is_not_called_weight_scaling(module_page: Page) -> None:
    said = ensemble(module_page, votes_of(kind=DROPOUTS["unscaled"].described()))
    assert "weight scaling" not in said
    assert "nothing dropped and nothing scaled, which is wrong" in said


def test_without_any_dropout_there_are_no_sub_networks(module_page: Page) -> None:
    assert ensemble(module_page, votes_of(thinned=False)).startswith("No network of this run has dropout")


def test_sub_networks_of_a_network_that_diverged_vote_for_nothing(module_page: Page) -> None:
    votes = {"name": "Fast", "counts": [0, 0, 0], "classes": ["a", "b", "c"], "truth": 1, "kind": INVERTED}
    said = "“Fast” has diverged: its sub-networks have nothing to say."
    assert call(module_page, "words/ensemble", "votesSentence", votes) == said
    body = """async (run) => {
      const { readVotes } = await import("/static/js/views/votes.js");
      const sizeOf = (shape) => shape.reduce((product, size) => product * size);
      const tensor = (shape) => ({ dtype: "F32", shape, data: new Float32Array(sizeOf(shape)).fill(Number.NaN) });
      const tensors = { vote: tensor([1, 4, 3]), "vote/average": tensor([1, 3]), "vote/scaling": tensor([1, 3]) };
      return readVotes(run, { tensors }, 0, 0, 1, "inverted").members.map(({ choice }) => choice);
    }"""
    run = {"classes": ["a", "b", "c"], "config": {"lanes": [{"name": "Fast"}]}}
    assert module_page.evaluate(body, run) == [-1] * 4


def test_an_ensemble_that_diverged_has_nothing_to_say(module_page: Page) -> None:
    assert (
        ensemble(module_page, votes_of(scalingLoss=NAN))
        == "“Dropout” has diverged: its sub-networks have nothing to say."
    )


def test_members_are_counted_until_the_average_stays_close(module_page: Page) -> None:
    reach = "membersToReach"
    assert call(module_page, "words/index", reach, [0.8, 0.92, 0.85, 0.918, 0.921], 0.92) == 4
    assert call(module_page, "words/index", reach, [0.92, 0.92], 0.92) == 1
    assert call(module_page, "words/index", reach, [0.92, 0.8], 0.92) is None
    assert call(module_page, "words/index", reach, [0.8, 0.915], 0.92) == 2  # exactly half a point


def test_votes_are_counted_for_the_true_class_first(module_page: Page) -> None:
    votes = {
        "name": "Dropout",
        "counts": [4, 51, 6, 1, 2],
        "classes": ["a", "b", "c", "d", "e"],
        "truth": 1,
        "kind": INVERTED,
    }
    said = call(module_page, "words/index", "votesSentence", votes)
    assert (
        said
        == "51 of 64 sub-networks of “Dropout” vote for b, the true class; 6 for c, 4 for a, 2 for e, 1 for others."
    )
    agreed = call(module_page, "words/index", "votesSentence", {**votes, "counts": [0, 64, 0, 0, 0]})
    assert agreed == "64 of 64 sub-networks of “Dropout” vote for b, the true class."


@pytest.mark.parametrize(
    ("classes", "short"),
    [
        (["0", "10"], ["0", "10"]),
        (["class_0", "class_1"], ["0", "1"]),
        (["benign", "malignant"], ["be", "ma"]),
        (["shirt", "shoe", "ship"], ["1", "2", "3"]),
        (["cat", "cats"], ["1", "2"]),
    ],
)
def test_classes_are_told_apart_in_two_letters(module_page: Page, classes: list[str], short: list[str]) -> None:
    assert call(module_page, "words/index", "shortNames", classes) == short


def test_a_wrong_label_is_said_to_be_wrong(module_page: Page) -> None:
    named = {"example": 1017, "label": "3", "truth": "8"}
    assert (
        call(module_page, "words/index", "exampleWords", named)
        == "Training example 1,017: class 8, wrongly labelled 3."
    )
    assert (
        call(module_page, "words/index", "exampleWords", {**named, "label": "8"}) == "Training example 1,017: class 8."
    )


# Examples


def test_where_the_picture_is_of_another_example_than_the_selected_one_it_is_said(module_page: Page) -> None:
    given: dict[str, Any] = {"followed": 0, "label": "6", "truth": "6", "wrong": 60, "total": 300}
    given |= {"mayChoose": True, "isPlane": False}

    def said(**more: Any) -> str:
        return str(call(module_page, "paint/captions", "pickerSentence", given | more))

    assert said(shown=46).startswith("Selected: training example 0, labelled 6. 60 of the 300 ")
    assert said(shown=46).endswith("Pictured: example 46.")
    assert "Pictured" not in said(shown=0)
    assert "Pictured" not in said()
