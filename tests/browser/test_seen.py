"""What is said of an run of an experiment: it follows from its own numbers, and contradicts the textbook if they do."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.browser.test_words import call
from trainer.presets import PRESETS, find_preset

NAN: Final = "NaN"
SCORES: Final = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
BAD: Final = re.compile(r"undefined|NaN|null|Infinity|\[object|  |“”")


def reading(preset: str, loss: list[Any], accuracy: list[Any] | None = None, **changed: Any) -> dict[str, Any]:
    """What is read of a run of a preset that has done its steps."""
    experiment = find_preset(preset).described()
    lanes = [lane["name"] for lane in experiment["config"]["lanes"]]
    assert len(loss) == len(lanes)
    usual = {
        "experiment": experiment,
        "step": experiment["steps"],
        "goal": experiment["steps"],
        "seed": 0,
        "evaluations": 1,
        "names": lanes,
        "loss": loss,
        "accuracy": accuracy or [0.8] * len(lanes),
        "trainLoss": [0.5] * len(lanes),
        "trainAccuracy": [0.85] * len(lanes),
        "best": loss,
        "bestStep": [experiment["steps"]] * len(lanes),
        "valSize": 797,
        "noise": 0.2,
        "guess": None,
        "isAsPlanned": True,
        "facts": {},
        "scores": {"length": 0, "step": [], **{name: [[] for _ in lanes] for name in SCORES}},
        "stopped": [None] * len(lanes),
        "search": None,
    }
    return usual | changed


def said(page: Page, preset: str, loss: list[Any], accuracy: list[Any] | None = None, **changed: Any) -> str:
    """The paragraph of such a run."""
    text = str(call(page, "words/seen/index", "seenWords", reading(preset, loss, accuracy, **changed)))
    assert not BAD.search(text), text
    return text


# Every writer


@pytest.mark.parametrize("figure", [1.0, NAN, 0.0])
def test_every_experiment_has_its_writer_and_none_claims_anything_of_networks_that_are_all_alike(
    module_page: Page, figure: Any
) -> None:
    for preset in PRESETS:
        count = len(preset.config.lanes)
        text = said(module_page, preset.id, [figure] * count, [figure] * count, guess=0 if preset.guess else None)
        assert text.startswith(f"Step {preset.steps:,}, seed 0. ")
        assert not re.search(r"apart from all others|does most with|removes [1-9]|makes the validation", text), text
    known = module_page.evaluate("async () => Object.keys((await import('/static/js/words/seen/index.js')).WRITERS)")
    assert sorted(known) == sorted(preset.id for preset in PRESETS)


def test_half_a_run_is_said_to_be_half_a_run(module_page: Page) -> None:
    assert said(module_page, "twin", [1.2, 0.5], step=600).startswith(
        "Step 600 of 1,000, so not the whole of it, seed 0."
    )


def test_means_are_said_to_be_means(module_page: Page) -> None:
    text = said(module_page, "twin", [1.2, 0.5], evaluations=3)
    assert text.startswith("Step 1,000, seed 0. Losses and accuracies are means of the last 3 evaluations. ")


def test_knobs_that_were_turned_are_owned_up_to(module_page: Page) -> None:
    assert said(module_page, "twin", [1.2, 0.5], isAsPlanned=False).endswith("so its figures can be others.")


# Guesses


@pytest.mark.parametrize(
    ("guess", "loss", "verdict"),
    [
        (1, [1.6, 0.45], "Your guess is right: “Dropout”, 0.450, is the lowest validation loss."),
        (
            0,
            [1.6, 0.45],
            "Your guess, “No dropout”, 1.60, is not the lowest validation loss: that is “Dropout”, 0.450.",
        ),
        (
            0,
            [0.46, 0.45],
            "Your guess, “No dropout”, 0.460, is one of 2 that share the lowest validation loss: a tie.",
        ),
        (1, [0.46, 0.45], "Your guess, “Dropout”, 0.450, is one of 2 that share the lowest validation loss: a tie."),
        (0, [0.4, 1.45], "Your guess is right: “No dropout”, 0.400,"),
        (1, [NAN, NAN], "Your guess cannot be judged"),
    ],
)
def test_a_guess_is_judged_by_the_numbers(module_page: Page, guess: int, loss: list[Any], verdict: str) -> None:
    assert verdict in said(module_page, "twin", loss, guess=guess)


def test_only_the_lanes_that_could_be_chosen_count_for_the_guess(module_page: Page) -> None:
    loss = [1.6, 0.55, 0.9, 1.3, 1.5, 0.65, 0.42, 0.44]  # the last two, of many places, were no choice
    assert "Your guess is right: “Input .2”, 0.550" in said(module_page, "layers", loss, guess=1)


@pytest.mark.parametrize("guess", ["skipped", None])
def test_nobody_is_told_of_a_guess_that_was_not_made(module_page: Page, guess: str | None) -> None:
    assert "guess" not in said(module_page, "twin", [1.6, 0.45], guess=guess)


# Each writer, with numbers that bear the claim out and numbers that do not


def test_the_twin_says_what_dropout_does_or_that_this_run_does_not_show_it(module_page: Page) -> None:
    usual = said(
        module_page,
        "twin",
        [1.69, 0.46],
        [0.744, 0.905],
        trainAccuracy=[1.0, 0.84],
        best=[0.51, 0.45],
        bestStep=[135, 975],
    )
    assert "lower: 0.460 with dropout against 1.69 without, which is 3.7 times as high." in usual
    assert "“No dropout” has memorised the training labels, the 20% that are wrong among them." in usual
    assert "That of “No dropout” was lowest, 0.510, at step 135, and has risen since." in usual
    assert "90.5% against 74.4%, 16.1 points more" in usual
    assert "this run does not show it" in said(module_page, "twin", [0.46, 0.45])
    worse = said(module_page, "twin", [0.4, 0.9], [0.9, 0.7])
    assert "higher with dropout" in worse
    assert "this run does not show it" in worse
    assert "20.0 points less" in worse


U: Final = [0.554, 0.486, 0.449, 0.432, 0.426, 0.443, 0.492, 0.661, 1.3, 2.23]


def test_no_single_best_rate_is_named_where_the_floor_is_flat(module_page: Page) -> None:
    text = said(module_page, "rate", U)
    assert "No single network has the lowest validation loss: 6 networks, 0.426 to 0.492, are too close" in text
    assert "So no single best rate can be named." in text
    assert "The curve is a U: it rises to 0.554 at 0 (1.3 times) on one side and 2.23 at 0.9 (5.2 times)" in text


def test_a_curve_that_is_no_u_is_not_called_one(module_page: Page) -> None:
    falling = said(module_page, "rate", [2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8, 0.6, 0.4, 0.2])
    assert "of a U this run shows one half" in falling
    assert "Lowest validation loss: “p = 0.9”, 0.200; highest: “p = 0”, 2.00." in falling
    assert "no single best rate" not in falling
    assert "A U would rise at both ends: this run does not show it." in said(module_page, "rate", [0.5] * 10)


def test_the_usual_rate_overfits_without_input_dropout_only_if_it_does(module_page: Page) -> None:
    usual = [1.66, 1.26, 1.04, 0.93, 0.8, 0.66, 0.53, 0.52, 1.0, 2.14]
    assert "The usual 0.5 still overfits without input dropout: 0.660" in said(module_page, "rate-hidden-only", usual)
    flat = said(module_page, "rate-hidden-only", [1.66, 1.26, 1.04, 0.93, 0.8, 0.54, 0.54, 0.53, 1.0, 2.14])
    assert "this run does not show" in flat


def test_a_wall_is_where_the_loss_rises(module_page: Page) -> None:
    usual = [1.54, 1.01, 0.92, 0.79, 0.76, 0.66, 0.61, 0.53, 0.51, 1.56]
    assert "At 0.9 it is a wall again: 1.56, 3.1 times" in said(module_page, "rate-constant-width", usual)
    assert "does not show it" in said(module_page, "rate-constant-width", [*usual[:-1], 0.52])


def test_the_search_names_its_best_and_how_many_are_as_good(module_page: Page) -> None:
    trials = [[0, 0, 0.002], [0.2, 0.5, 0.002], [0.2, 0.25, 0.001], [0.4, 0.75, 0.004]]
    results = [
        {"trial": trial, "val_loss": loss, "val_accuracy": 0.9, "best_val_loss": loss, "best_step": 900}
        for trial, loss in enumerate([1.6, 0.44, 0.46])
    ]
    lanes = len(find_preset("search").config.lanes)
    state = {"trials": trials, "results": results, "best": 1}
    text = said(module_page, "search", [1.0] * lanes, search=state)
    assert (
        "Of the 3 candidates tried so far the lowest validation loss has the one with an input rate of 0.2, a" in text
    )
    assert "1 more is too close to tell apart (within 22%, two standard deviations between seeds)" in text
    assert "Without any dropout the best is 1.60, 3.6 times as much." in text
    alike = {**state, "results": [{**each, "val_loss": 0.44} for each in results]}
    assert "this run does not show it" in said(module_page, "search", [1.0] * lanes, search=alike)
    assert "No candidate" in said(module_page, "search", [1.0] * lanes, search={**state, "results": []})


def sizes(gains: list[float]) -> tuple[list[float], list[float]]:
    return [1.0] * 12, [0.7] * 6 + [0.7 + gain for gain in gains]


def test_a_hump_is_claimed_only_where_chance_would_not_make_one(module_page: Page) -> None:
    hump = said(module_page, "data-size", *sizes([0.02, 0.12, 0.17, 0.16, 0.1, 0.02]))
    assert "17.0 points with 300 images" in hump
    assert "A hump: neither with the fewest" in hump
    usual = [1.0] * 12, [0.69, 0.725, 0.748, 0.775, 0.815, 0.844, 0.781, 0.871, 0.918, 0.936, 0.952, 0.958]
    assert "A hump: neither with the fewest" in said(module_page, "data-size", *usual)
    slope = said(module_page, "data-size", *sizes([0.17, 0.15, 0.12, 0.1, 0.08, 0.06]))
    assert "this run does not show it" in slope
    none = said(module_page, "data-size-true-labels", *sizes([0.01, 0.0, 0.01, 0.0, -0.01, 0.0]))
    assert "At no size can the gain be told from none" in none


def test_dropout_beside_batch_norm_helps_harms_or_cannot_be_told(module_page: Page) -> None:
    assert "still helps: “Both” (0.371) against “Batch norm” (0.828)" in said(
        module_page, "batch-norm", [1.66, 0.443, 0.828, 0.371]
    )
    assert "cannot be told" in said(module_page, "batch-norm", [0.35, 0.17, 0.15, 0.155])
    assert "does harm here" in said(module_page, "batch-norm", [0.35, 0.17, 0.13, 0.2])


SHIFT: Final = [1.0, 1.16, 1.34, 1.56, 1.85, 2.27, 2.91, 3.97, 6.19, 13.05]


@pytest.mark.parametrize(("preset", "layer"), [("variance-shift", "hidden1"), ("variance-shift-linear", "hidden2")])
def test_the_variance_shift_is_said_with_its_theory_and_its_harm(module_page: Page, preset: str, layer: str) -> None:
    facts = {f"variance/ratio/{layer}": SHIFT, f"variance/theory/{layer}": [NAN, *(1.01 * each for each in SHIFT[1:])]}
    text = said(module_page, preset, [0.077] * 8 + [0.1, 0.19], facts=facts)
    assert "2.3 times for “p = 0.5” and 13 times for “p = 0.9”" in text
    assert ("Theory gives the same within 1%." in text) == (layer == "hidden1")
    assert "Up to “p = 0.7” it does no harm that could be told" in text
    flat = said(module_page, preset, [0.077] * 10, facts={f"variance/ratio/{layer}": [1.0] * 10})
    assert "this run does not show it" in flat
    assert "the shift does no harm here" in flat
    assert "have not been measured at this step yet" in said(module_page, preset, [0.077] * 10)


def test_the_race_names_the_best_and_what_is_no_better_than_nothing(module_page: Page) -> None:
    usual = [1.655, 1.6, 0.711, 0.638, 0.646, 0.836, 0.58, 0.828, 0.443]
    text = said(module_page, "regularisers", usual)
    assert "Lowest validation loss: “Dropout”, 0.443; highest: “Nothing”, 1.66." in text
    assert "Early stopping comes to 0.580, behind dropout’s 0.443." in text
    assert "No better than nothing, as far as can be told: “L1”." in text
    stopped = said(module_page, "regularisers", [*usual[:6], 0.3, 0.828, 0.443])
    assert "does better here than dropout" in stopped


def test_earlier_layers_do_more_only_if_they_do(module_page: Page) -> None:
    usual = [1.655, 0.55, 0.89, 1.29, 1.52, 0.66, 0.42, 0.44]
    assert "The earlier the place, the more it does." in said(module_page, "layers", usual)
    turned = said(module_page, "layers", [1.655, 1.52, 1.29, 0.89, 0.55, 0.66, 0.42, 0.44])
    assert "Of single places “Hidden 3 .5” (0.550) does most" in turned
    assert "that order this run does not show" in turned
    assert "“Input .2” cannot be told from none at all." in turned
    assert "No single place can be told from no dropout" in said(module_page, "layers", [1.0] * 8)


def test_noise_is_worth_as_many_images_as_the_accuracies_say(module_page: Page) -> None:
    accuracy = [0.748, 0.6, 0.83, 0.918, 0.775, 0.815, 0.85]
    text = said(module_page, "noise-as-data", [1.0] * 7, accuracy)
    assert "“300, dropout everywhere” (91.8%) is worth more than all “1,000 images”." in text
    assert "“300, normal noise .3” (60.0%) does worse than the same images as they are." in text
    assert "“300, input dropout .2” (83.0%) cannot be told from “700 images” and “1,000 images”." in text


def test_training_time_is_told_in_steps_that_were_counted(module_page: Page) -> None:
    facts = {
        "reached/1.5": [40, 90],
        "reached/1": [68, 178],
        "reached/0.7": [122, 470],
        "reached/0.5": [178, 994],
        "reached/0.3": [250, NAN],
        "reached/0.1": [400, NAN],
        "cost/milliseconds": [1.0, 1.3],
    }
    text = said(module_page, "training-time", [1.7, 0.46], facts=facts)
    assert "Dropout needs 2.6 times as many steps to 1.00 (178 against 68), 3.9 times as many steps to 0.700" in text
    assert "A training loss of 0.300 it has not reached in 1,500 steps." in text
    assert "A single step takes it 1.3 times as long on this machine." in text
    faster = said(module_page, "training-time", [1.7, 0.46], facts={"reached/1": [178, 68]})
    assert "this run does not show it" in faster


def separate(without: float, single: float, accuracy: list[float]) -> dict[str, Any]:
    return {
        "separate/accuracy": accuracy,
        "separate/group": [0] * 5 + [1] * 5,
        "separate/average_accuracy": [0.74, 0.75, 0.76, 0.76, without, 0.91, 0.92, 0.92, 0.92, single + 0.01],
    }


def test_one_network_with_dropout_is_put_beside_the_average_of_five_without(module_page: Page) -> None:
    accuracy = [0.744] * 5 + [0.916] * 5
    # The last evaluations were others: what is averaged is compared with what it was averaged from.
    text = said(module_page, "real-ensemble", [1.0] * 10, [0.5] * 10, facts=separate(0.767, 0.916, accuracy))
    assert "does better than a real ensemble without: one network with dropout gets 91.6% on average, 5 without" in text
    assert "Averaging adds 2.3 points to the ones without and 1.0 points to the ones with." in text
    even = said(module_page, "real-ensemble", [1.0] * 10, facts=separate(0.91, 0.9, [0.9] * 10))
    assert "cannot be told apart" in even
    lost = said(module_page, "real-ensemble", [1.0] * 10, facts=separate(0.95, 0.7, [0.9] * 5 + [0.7] * 5))
    assert "this run does not show" in lost


def ensemble(accuracy: list[float], scaling: float, losses: tuple[float, float, float]) -> dict[str, Any]:
    return {
        "ensemble/accuracy/average": accuracy,
        "ensemble/accuracy/member": [0.77] * len(accuracy),
        "ensemble/accuracy/scaling": [scaling],
        "ensemble/loss/average": [losses[0]] * len(accuracy),
        "ensemble/loss/geometric": [losses[1]] * len(accuracy),
        "ensemble/loss/scaling": [losses[2]],
    }


def test_the_average_meets_the_whole_network_where_it_stays_near_it(module_page: Page) -> None:
    accuracy = [0.77, 0.88, 0.915, 0.91, 0.92, 0.921]
    text = said(module_page, "averages", [1.7, 0.46], facts=ensemble(accuracy, 0.92, (0.6, 0.446, 0.438)))
    assert "From 5 on it stays within half a point of the whole network." in text
    assert "In log-loss only the geometric mean gets there: 0.600" in text
    far = said(module_page, "averages", [1.7, 0.46], facts=ensemble([0.3, 0.4, 0.5], 0.92, (0.6, 0.7, 0.438)))
    assert "this run does not show" in far
    assert "only the geometric" not in far


def test_who_forgets_eval_loses_what_was_measured(module_page: Page) -> None:
    facts = {
        "forgotten/val_accuracy": [0.744, 0.921, 0.795, 0.924],
        "forgotten/forgotten_accuracy": [0.744, 0.771, 0.79, 0.8],
    }
    text = said(module_page, "forgotten-eval", [1.0] * 4, facts=facts, guess=1)
    assert (
        "No single network has the highest loss of accuracy: “Dropout” and “Both”, 12.4 points to 15.0 points" in text
    )
    assert "loses most" not in text
    assert "“No dropout” has nothing to forget" in text
    gain = facts | {"forgotten/forgotten_accuracy": [0.744, 0.671, 0.8, 0.8]}
    both = said(module_page, "forgotten-eval", [1.0] * 4, facts=gain, guess=1)
    assert "Points lost by each: “No dropout” 0.0, “Dropout” 25.0, " in both
    assert "−0.5" in both
    assert "+0.5" not in both
    assert "Your guess, “Dropout”, 15.0 points, is one of 2 that share the highest loss of accuracy: a tie." in text
    clear = facts | {"forgotten/forgotten_accuracy": [0.744, 0.671, 0.79, 0.8]}
    alone = said(module_page, "forgotten-eval", [1.0] * 4, facts=clear, guess=1)
    assert "“Dropout” loses most when judged in training mode: 25.0 points of accuracy." in alone
    assert "Your guess is right: “Dropout”, 25.0 points, is the highest loss of accuracy." in alone
    same = facts | {"forgotten/forgotten_accuracy": [0.744, 0.92, 0.795, 0.924]}
    none = said(module_page, "forgotten-eval", [1.0] * 4, facts=same)
    assert "this run does not show it" in none


def test_what_dropout_does_inside_is_said_layer_by_layer(module_page: Page) -> None:
    facts: dict[str, list[Any]] = {
        "activity/firing/hidden1": [0.5, 0.14],
        "activity/firing/hidden2": [0.4, 0.22],
        "correlation/mean/hidden1": [0.3, 0.2],
        "correlation/strong/hidden1": [0.01, 0.016],
        "damage/share": [0, 0.25, 0.5, 0.75],
        "damage/accuracy": [0.74, 0.55, 0.37, 0.2, 0.92, 0.9, 0.84, 0.59],
        "visits/masks": [1000],
        "visits/distinct": [1000],
    }
    text = said(module_page, "inside", [1.7, 0.46], facts=facts)
    assert "fire more rarely: 0.28 times as often in hidden 1 and 0.55 times as often in hidden 2." in text
    assert "Strongly correlated pairs are 1.6 times as frequent in hidden 1." in text
    assert "still gets 84.0% against 37.0% without." in text
    assert "All 1,000 masks on record are different." in text
    turned = {name: figures[::-1] if "/hidden" in name else figures for name, figures in facts.items()}
    turned["damage/accuracy"] = [0.9] * 8
    contrary = said(module_page, "inside", [1.7, 0.46], facts=turned)
    assert contrary.count("this run does not show") == 3


def test_strokes_are_clearer_only_if_the_atoms_are_sparser(module_page: Page) -> None:
    facts = {
        "features/auto/sparsity": [0.218, 0.351],
        "features/auto/val_loss": [0.00001, 0.0055],
        "features/auto/step": [1500],
        "features/auto/steps": [3000],
    }
    text = said(module_page, "features", [0.2, 0.2], facts=facts)
    assert "1.6 times as high: the strokes are clearer" in text
    assert "at step 1,500 of 3,000" in text
    assert "a mean squared error of 0.0055 on new digits against under 0.0001." in text
    assert "means of the last" not in said(module_page, "features", [0.2, 0.2], facts=facts, evaluations=3)
    assert "does not show" in said(
        module_page, "features", [0.2, 0.2], facts=facts | {"features/auto/sparsity": [0.3, 0.3]}
    )


def test_channels_and_elements_are_compared_as_they_came_out(module_page: Page) -> None:
    assert "cannot be told apart" in said(module_page, "convolutional", [1.07, 0.6, 0.57, 0.44, 0.47])
    usual = said(module_page, "convolutional", [1.07, 0.6, 0.57, 0.44, 0.7])
    assert "“Elements .2, dense .5” (0.440) is better than “Channels .2, dense .5” (0.700)." in usual
    assert "this run does not show it" in said(module_page, "convolutional", [0.44, 0.6, 0.57, 0.44, 0.7])


def test_one_mask_for_all_time_steps_is_better_only_if_it_is(module_page: Page) -> None:
    usual = said(module_page, "recurrent", [1.28, 1.33, 0.725, 0.565, 0.407])
    assert "Dropout of the output alone does not help: 1.33 against 1.28 without." in usual
    assert "One mask for all time steps is better than a fresh one at each: 0.565 against 0.725." in usual
    contrary = said(module_page, "recurrent", [1.28, 0.8, 0.5, 0.565, 0.6])
    assert "Dropout of the output alone helps here" in contrary
    assert "this run does not show" in contrary


def test_the_better_line_is_claimed_only_where_accuracies_can_be_told_apart(module_page: Page) -> None:
    usual = said(module_page, "boundaries", [1.0, 0.3], [0.853, 0.936], valSize=1000)
    assert "8.3 points more" in usual
    assert "does not show" not in usual
    assert "this run does not show it" in said(module_page, "boundaries", [1.0, 0.3], [0.93, 0.936], valSize=1000)


# Beside other seeds


def beside(page: Page, given: dict[str, Any], *expected: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = call(page, "words/seen/index", "besideOthers", given, list(expected))
    return rows


def row(name: str, values: list[float], unit: str = "nats", label: str = "", **changed: Any) -> dict[str, Any]:
    usual = {
        "id": name,
        "label": label or f"The {name}",
        "unit": unit,
        "seeds": list(range(1, len(values) + 1)),
        "values": values,
        "reference": None,
        "judged": {"word": "inside", "pairs": 12, "difference": 0.01, "error": 0.02, "p": 1.0},
        "note": "",
    }
    return usual | changed


DROPOUT: Final = [0.41, 0.47, 0.44, 0.43, 0.46]


def test_a_figure_is_put_beside_those_of_other_seeds_by_its_id(module_page: Page) -> None:
    given = reading("batch-norm", [1.7, 0.45, 2.0, 0.37], [0.75, 0.9, 0.8, 0.92])
    rows = beside(
        module_page,
        given,
        row("val_loss/Dropout", DROPOUT, label="What dropout comes to", reference={"mean": 0.45, "seeds": 5}),
        row("val_loss/Batch norm", [0.8, 0.85, 0.9, 0.78, 0.83]),
        row("val_accuracy/Both", [91.0, 93.5, 92.0, 92.4, 93.0], unit="%"),
        row("something else", DROPOUT, label="Validation loss: both"),
        row("val_loss/Both", []),
    )
    assert [(each["label"], each["isUsual"]) for each in rows] == [
        ("What dropout comes to", True),
        ("The val_loss/Batch norm", False),
        ("The val_accuracy/Both", True),
    ]
    assert (rows[0]["here"], rows[0]["elsewhere"], rows[0]["seeds"]) == ("0.450", "0.410 to 0.470", 5)
    assert (rows[0]["value"], rows[0]["others"], rows[0]["reference"]) == (0.45, DROPOUT, 0.45)
    words = call(module_page, "words/seen/index", "besideWords", rows)
    assert words == "1 of 3 values is further from the mean of 5 other seeds than 99 of 100 seeds should be."
    assert (
        call(module_page, "words/seen/index", "besideWords", rows[:1]) == "The one value is typical of 5 other seeds."
    )


def test_a_run_is_not_counted_among_the_others_of_its_own_seed(module_page: Page) -> None:
    given = reading("batch-norm", [1.7, 0.45, 0.8, 0.37], seed=3)
    (found,) = beside(module_page, given, row("val_loss/Dropout", [*DROPOUT, 0.45]))
    assert found["others"] == [0.41, 0.47, 0.43, 0.46, 0.45]
    assert found["seeds"] == 5


def test_of_a_few_seeds_nothing_is_said(module_page: Page) -> None:
    given = reading("batch-norm", [1.7, 0.45, 0.8, 0.37])
    assert beside(module_page, given, row("val_loss/Dropout", DROPOUT[:4])) == []


def test_what_is_usual_is_the_prediction_interval_for_one_more_seed(module_page: Page) -> None:
    # Twenty values of mean 1: t with 19 degrees of freedom at 1% is 2.86, and the margin 2% of the mean.
    others = [0.9, 1.1] * 10
    sd = 0.1 * (20 / 19) ** 0.5
    reach = 2.86 * sd * (1 + 1 / 20) ** 0.5 + 0.02
    for value, usual in ((1 + reach - 0.002, True), (1 + reach + 0.002, False), (1 - reach - 0.002, False)):
        given = reading("batch-norm", [1.7, value, 0.8, 0.37])
        (found,) = beside(module_page, given, row("val_loss/Dropout", others))
        assert found["isUsual"] == usual


def test_what_plain_pytorch_does_otherwise_is_said_with_its_error(module_page: Page) -> None:
    def agreement(*rows: dict[str, Any]) -> str:
        return str(call(module_page, "words/seen/index", "agreementWords", list(rows)))

    odd = row("b", DROPOUT, judged={"word": "outside", "pairs": 12, "difference": 0.031, "error": 0.004, "p": 0.001})
    said_ = agreement(row("a", DROPOUT), odd)
    assert said_.startswith("Compared with plain PyTorch on the same data and 12 seeds, 1 of 2 figures differs, with a")
    assert said_.endswith("The b (+0.031, standard error 0.004).")
    assert "none of 1 figures differs" in agreement(row("a", DROPOUT))
    assert "have not been compared with plain PyTorch" in agreement(row("a", DROPOUT, judged={"word": "no reference"}))
    assert agreement() == ""


@pytest.mark.parametrize("changed", [{"isAsPlanned": False}, {"step": 900}])
def test_other_settings_or_steps_are_put_beside_nothing(module_page: Page, changed: dict[str, Any]) -> None:
    given = reading("batch-norm", [1.7, 0.45, 0.8, 0.37])
    assert beside(module_page, given, row("val_loss/Dropout", DROPOUT)) != []
    assert beside(module_page, given | changed, row("val_loss/Dropout", DROPOUT)) == []
