"""The views of averages (sub-networks, separate networks, the forgotten eval()), on frames of the tests, and what is
said of them.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import NAN, call, feed, lane, play, table, traces


@pytest.fixture
def stage(module_page: Page) -> Page:
    """A page that a test fills."""
    return module_page


# Sub-networks


def ensemble(members: int, fresh: bool = False) -> dict[str, Any]:
    """Votes of one lane, all for class 3; the average comes near, the geometric mean is better, both get closer."""
    numbers = range(1, members + 1)
    return {
        "step": [[1], [100]],
        "example": [[1], [0]],
        "fresh": [[1], [int(fresh)]],
        "lane": [[1], [0]],
        "rate": [[1, 2], [0.2, 0.5]],
        "vote": [[1, members, 10], [float(place == 3) for _ in numbers for place in range(10)]],
        "vote/average": [[1, 10], [float(place == 3) for place in range(10)]],
        "vote/scaling": [[1, 10], [float(place == 3) for place in range(10)]],
        "accuracy/member": [[1, members], [0.75] * members],
        "accuracy/average": [[1, members], [0.9 - 0.15 / n for n in numbers]],
        "accuracy/geometric": [[1, members], [0.9 - 0.1 / n for n in numbers]],
        "loss/average": [[1, members], [0.6 + 0.4 / n for n in numbers]],
        "loss/geometric": [[1, members], [0.45 + 0.55 / n for n in numbers]],
        "accuracy/scaling": [[1], [0.9]],
        "loss/scaling": [[1], [0.44]],
    }


DATA = """() => window.stage.store.update("data", { data: { tensors: {
  "train/y": { data: Uint8Array.of(3) }, "train/true": { data: Uint8Array.of(3) } } } })"""


def test_both_means_are_drawn_by_accuracy_and_by_log_loss_against_weight_scaling(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)])
    feed(stage, "ensemble", ensemble(64))
    drawn = traces(stage, "ensemble", 7)
    assert [(trace["name"], trace["below"]) for trace in drawn] == [
        ("Dropout: each alone", False),
        *((f"Dropout: {what}", below) for what in ("average of n", "geometric mean") for below in (False, True)),
        ("Dropout: weight scaling", False),
        ("Dropout: weight scaling", True),
    ]
    assert drawn[1]["y"][-1] == pytest.approx(100 * (0.9 - 0.15 / 64), rel=1e-5)
    assert drawn[4]["y"][:2] == pytest.approx([1.0, 0.725], rel=1e-5)
    assert drawn[6]["y"] == pytest.approx([0.44, 0.44], rel=1e-5)
    expect(stage.locator("#ensemble-sentence")).to_contain_text("Only the geometric mean comes within a tenth")


def test_256_votes_are_small_marks_and_their_lines_keep_the_ends(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)], members=256, masks="per_example")
    stage.evaluate(DATA)
    feed(stage, "ensemble", ensemble(256, fresh=True))
    expect(stage.locator(".votes-large .vote")).to_have_count(256)
    line = traces(stage, "ensemble", 7)[1]
    assert line["x"][:64] == list(range(1, 65))
    assert line["x"][-1] == 256
    assert len(line["x"]) == len(line["y"]) == 112
    assert stage.evaluate("document.querySelector('#ensemble .chart-picture').layout.xaxis.tickvals.at(-1)") == 256
    expect(stage.locator("#ensemble-sentence")).to_contain_text(
        "One pass of “Dropout”, with a fresh mask for each example, gets 75.0% of the validation examples right"
    )
    assert len(table(stage)["rows"]) == 256


def test_the_owner_chooses_how_many_vote_and_with_which_masks(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)])
    members, masks = stage.get_by_role("combobox", name="Sub-networks"), stage.get_by_role("combobox", name="Masks")
    expect(members).to_have_value("64")
    assert members.locator("option").all_inner_texts() == ["16", "64", "256"]
    members.select_option("256")
    masks.select_option("fresh per example")
    assert stage.evaluate("window.stage.asked") == [{"members": 256}, {"masks": "per_example"}]
    feed(stage, "ensemble", ensemble(64))
    expect(members).to_have_value("256")  # what was chosen stays while the server has not answered
    expect(masks).to_have_value("per_example")


def test_a_choice_that_was_refused_goes_back(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)])
    stage.evaluate("window.stage.refuse = true")
    stage.get_by_role("combobox", name="Sub-networks").select_option("16")
    expect(stage.get_by_role("combobox", name="Sub-networks")).to_have_value("64")


def test_votes_that_are_still_of_the_old_kind_are_said_to_be_waited_for(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)], members=100, masks="per_example")
    expect(stage.get_by_role("combobox", name="Sub-networks")).to_have_value("100")
    feed(stage, "ensemble", ensemble(64))
    expect(stage.get_by_role("status")).to_have_text("asking them …")
    feed(stage, "ensemble", ensemble(100, fresh=True))
    expect(stage.get_by_role("status")).to_have_text("")


def test_who_watches_reads_what_the_owner_has_chosen(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)], role="viewer", members=16)
    expect(stage.get_by_role("combobox")).to_have_count(0)
    expect(stage.locator(".members-told")).to_have_text("16 sub-networks; masks: one per sub-network.")


def test_the_ensemble_is_a_table_of_both_means(stage: Page) -> None:
    play(stage, "ensemble", [lane("Dropout", 0.2, 0.5)])
    assert stage.evaluate("() => window.stage.view.table()") is None
    feed(stage, "ensemble", ensemble(16))
    found = table(stage)
    assert found["columns"][:2] == ["n", "Dropout: this one alone, accuracy"]
    assert found["rows"][15] == pytest.approx([16, 0.75, 0.890625, 0.625, 0.89375, 0.484375, 0.9, 0.44], rel=1e-5)


# Separate networks

FIVE = [
    lane(f"{name}, seed {seed}", *rates)
    for name, rates in (("No dropout", ()), ("Dropout", (0.2, 0.5)))
    for seed in range(2)
]


def separate() -> dict[str, Any]:
    return {
        "step": [[1], [1000]],
        "group": [[4], [0, 0, 1, 1]],
        "accuracy": [[4], [0.76, 0.74, 0.9, 0.92]],
        "loss": [[4], [1.5, 1.7, 0.5, 0.4]],
        "average_accuracy": [[2, 2], [0.76, 0.77, 0.9, 0.925]],
        "average_loss": [[2, 2], [1.5, 1.2, 0.5, 0.42]],
        "geometric_accuracy": [[2, 2], [0.76, 0.75, 0.9, 0.915]],
        "geometric_loss": [[2, 2], [1.5, 1.4, 0.5, 0.41]],
    }


def test_separate_networks_are_drawn_by_kind_with_each_network_and_the_averages(stage: Page) -> None:
    play(stage, "separate", FIVE)
    expect(stage.locator("#separate .chart-note")).to_have_text("Waiting for the first averages …")
    feed(stage, "separate", separate())
    drawn = {(trace["name"], trace["below"]): trace for trace in traces(stage, "separate", 16)}
    assert drawn["No dropout: each alone", False]["y"] == pytest.approx([76, 74], rel=1e-5)
    assert drawn["Dropout: average of n", False]["x"] == [1, 2]
    assert drawn["Dropout: average of n", False]["y"] == pytest.approx([90, 92.5], rel=1e-5)
    assert drawn["No dropout: geometric mean", True]["y"] == pytest.approx([1.5, 1.4], rel=1e-5)
    assert drawn["Dropout: one, on average", False]["y"] == pytest.approx([91, 91], rel=1e-5)
    expect(stage.locator("#separate .chart-legend tbody th")).to_have_text(["No dropout × 2", "Dropout × 2"])
    expect(stage.locator("#separate-sentence")).to_have_text(
        "Step 1,000. The 2 networks “No dropout” get 75.0% of the validation examples right on average, and averaged "
        "77.0%: 2.0 points more; their log-loss 1.60 becomes 1.20. The 2 networks “Dropout” get 91.0% of the "
        "validation examples right on average, and averaged 92.5%: 1.5 points more; their log-loss 0.450 becomes "
        "0.420. One network with dropout gets 91.0% on average, 2 without, averaged, 77.0%: one network with dropout "
        "is 14.0 points better than their average."
    )
    rows = table(stage)["rows"]
    assert [row[:3] for row in rows[:2]] == [
        ["No dropout", 1, "No dropout, seed 0"],
        ["No dropout", 2, "No dropout, seed 1"],
    ]
    assert rows[3][3:] == pytest.approx([0.92, 0.4, 0.925, 0.42, 0.915, 0.41], rel=1e-5)


# The average of the networks


FOUR = [lane("Plain"), lane("Dropped", 0.2, 0.5), lane("Wild"), lane("Left", averaged=False)]


def average(**changed: Any) -> dict[str, Any]:
    return {
        "step": [[1], [1000]],
        "averaged": [[4], [1, 1, 0, 0]],
        "best": [[1], [1]],
        "accuracy": [[4], [0.8, 0.9, NAN, 0.7]],
        "loss": [[4], [1.5, 0.4, NAN, 2.0]],
        "average_accuracy": [[1], [0.95]],
        "average_loss": [[1], [0.3]],
        "mean_accuracy": [[1], [0.85]],
        "mean_loss": [[1], [0.95]],
        "thinned_accuracy": [[1], [0.91]],
        "thinned_loss": [[1], [0.35]],
        **changed,
    }


def test_the_average_stands_beside_each_network_the_best_and_its_sub_networks(stage: Page) -> None:
    play(stage, "average", FOUR)
    expect(stage.locator("#average .chart-note")).to_have_text("Waiting for the first average …")
    feed(stage, "average", average())
    drawn = {(trace["name"], trace["below"]): trace for trace in traces(stage, "average", 10)}
    assert drawn["each network", False]["y"][:2] == pytest.approx([80, 90], rel=1e-5)
    assert drawn["each network", False]["y"][2] is None
    assert drawn["the best alone, Dropped", False]["y"] == pytest.approx([90], rel=1e-5)
    assert drawn["sub-networks of Dropped", True]["y"] == pytest.approx([0.35], rel=1e-5)
    assert drawn["average of the networks", True]["y"] == pytest.approx([0.3], rel=1e-5)
    assert len({tuple(trace["x"]) for trace in drawn.values()}) == 5
    expect(stage.locator("#average-sentence")).to_have_text(
        "Step 1,000. The predicted probabilities of 2 networks, averaged, get 95.0% of the validation examples right "
        "(log-loss 0.300); one of them alone gets 85.0% (log-loss 0.950) on average. The one with the lowest loss, "
        "“Dropped”, gets 90.0% (log-loss 0.400): the average is 5.0 points better. 32 sub-networks of “Dropped”, "
        "averaged, get 91.0% (log-loss 0.350). 1 network diverged and is not in it. 1 network is left out of it by "
        "choice."
    )
    rows = table(stage)["rows"]
    assert [row[:2] for row in rows[:4]] == [["Plain", 1], ["Dropped", 1], ["Wild", 0], ["Left", 0]]
    assert [row[0] for row in rows[4:]] == [
        "one network, on average",
        "sub-networks of Dropped, averaged",
        "average of the networks",
    ]
    assert rows[-1][2:] == pytest.approx([0.95, 0.3], rel=1e-5)


def test_what_the_average_says_follows_from_the_numbers(module_page: Page) -> None:
    def said(**changed: Any) -> str:
        reading = {
            "step": 10,
            "valSize": 800,
            "names": ["a", "b"],
            "leftOut": 0,
            "gone": 0,
            "average": {"accuracy": 0.9, "loss": 0.5},
            "mean": {"accuracy": 0.8, "loss": 0.7},
            "best": {"name": "a", "accuracy": 0.9, "loss": 0.5},
            "thinned": {"accuracy": NAN, "loss": NAN},
        }
        return str(call(module_page, "words/average", "averageSentence", reading | changed))

    assert call(module_page, "words/average", "averageSentence", None) == "No networks have been averaged yet."
    assert "0.0 points between it and the average, no more than chance may make (3.0 points)." in said()
    assert said().endswith("“a” has no dropout, and so no sub-networks.")
    worse = {"accuracy": 0.85, "loss": 0.6}
    assert "the average is 5.0 points worse." in said(average=worse)
    alone = said(names=["a"])
    assert "“a” alone is in the average, which is its own prediction: it gets 90.0%" in alone
    assert "better" not in alone
    none = said(names=[], best=None, gone=2, leftOut=3)
    assert none == (
        "Step 10. No network is in the average. 2 networks diverged and are not in it. "
        "3 networks are left out of it by choice."
    )


def test_an_average_of_other_lanes_is_not_drawn(stage: Page) -> None:
    play(stage, "average", FOUR[:3])
    feed(stage, "average", average())
    expect(stage.locator("#average .chart-note")).to_have_text("Waiting for the first average …")
    assert stage.evaluate("() => window.stage.view.table()") is None


def test_a_frame_of_other_lanes_is_not_drawn(stage: Page) -> None:
    play(stage, "separate", FIVE[:3])
    feed(stage, "separate", separate())
    expect(stage.locator("#separate .chart-note")).to_have_text("Waiting for the first averages …")
    assert stage.evaluate("() => window.stage.view.table()") is None


def group(name: str, accuracies: list[Any], average: Any, **changed: Any) -> dict[str, Any]:
    usual = {"drops": name != "No dropout", "loss": 1.0, "averageLoss": 0.9}
    return {"name": name, "accuracies": accuracies, "average": average} | usual | changed


def separates(page: Page, *groups: dict[str, Any]) -> str:
    return str(call(page, "words/separate", "separateSentence", {"step": 10, "valSize": 800, "groups": list(groups)}))


def test_networks_without_kin_or_without_numbers_are_told_as_none(module_page: Page) -> None:
    assert call(module_page, "words/separate", "separateSentence", None) == "No networks have been averaged yet."
    assert "there is nothing to average" in separates(module_page, group("Dropout", [0.9], 0.9))
    said = separates(module_page, group("No dropout", [0.7, NAN], NAN), group("Dropout", [0.9], 0.9))
    assert said == "Step 10. A network of “No dropout” has diverged, and with it the average."


def test_what_chance_may_make_is_not_called_better(module_page: Page) -> None:
    """Two standard errors of the difference of .86 and .85, each counted on 800 examples, are 3.5 points."""
    kin = group("No dropout", [0.8, 0.82], 0.85)
    assert "1.0 points between them, no more than chance may make (3.5 points)." in separates(
        module_page, kin, group("D", [0.86], 0.86)
    )
    assert "one network with dropout is 5.0 points better than their average." in separates(
        module_page, kin, group("D", [0.88, 0.92], 0.91)
    )
    assert "their average is 15.0 points better than one network with dropout." in separates(
        module_page, kin, group("D", [0.7], 0.7)
    )
    assert "no gain" in separates(module_page, group("No dropout", [0.8, 0.82], 0.81))


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["Dropout, seed 0", "Dropout, seed 1"], "Dropout"),
        (["Net #1", "Net #2"], "Net"),
        (["Only one"], "Only one"),
        (["Ada", "Bert"], "Ada …"),
        (["Twin", "Twin"], "Twin"),
        (["seed 1", "seed 2"], "seed 1 …"),
    ],
)
def test_networks_of_a_kind_are_called_by_what_their_names_have_in_common(
    module_page: Page, names: list[str], common: str
) -> None:
    assert call(module_page, "words/separate", "commonName", names) == common


# The forgotten eval()


def forgotten(step: int, val: list[Any], left_on: list[Any]) -> dict[str, Any]:
    count = len(val)
    return {
        "step": [[1], [step]],
        "val_accuracy": [[count], val],
        "val_loss": [[count], [0.5 if value != NAN else NAN for value in val]],
        "forgotten_accuracy": [[count], left_on],
        "forgotten_loss": [[count], [0.9 if value != NAN else NAN for value in left_on]],
    }


PAIR = [lane("No dropout"), lane("Dropout", 0.2, 0.5)]


def test_both_modes_are_drawn_against_the_step(stage: Page) -> None:
    play(stage, "forgotten", PAIR)
    expect(stage.locator("#forgotten code").first).to_have_text("model.eval()")
    feed(stage, "forgotten", forgotten(100, [0.8, 0.7], [0.8, 0.5]), forgotten(200, [0.75, 0.9], [0.75, 0.77]))
    drawn = {(trace["name"], trace["below"]): trace for trace in traces(stage, "forgotten", 8)}
    solid, dashed = drawn["Dropout: evaluation mode", False], drawn["Dropout: training mode left on", False]
    assert (solid["x"], solid["dash"], dashed["dash"]) == ([100, 200], "solid", "dash")
    assert solid["y"] == pytest.approx([70, 90], rel=1e-5)
    assert dashed["y"] == pytest.approx([50, 77], rel=1e-5)
    assert drawn["Dropout: training mode left on", True]["y"] == pytest.approx([0.9, 0.9], rel=1e-5)
    expect(stage.locator("#forgotten-sentence")).to_have_text(
        "Step 200. “Dropout” gets 90.0% of the validation examples right, and 77.0% with training mode left on: 13.0 "
        "points lost by dropout left on (log-loss 0.500 and 0.900). “No dropout” has neither dropout nor batch norm: "
        "both modes are the same to it."
    )
    rows = table(stage)["rows"]
    assert [row[:2] for row in rows] == [[step, name] for step in (100, 200) for name in ("No dropout", "Dropout")]
    assert rows[3][2:] == pytest.approx([0.9, 0.5, 0.77, 0.9], rel=1e-5)


def test_a_network_that_diverged_leaves_a_gap(stage: Page) -> None:
    play(stage, "forgotten", PAIR)
    feed(stage, "forgotten", forgotten(100, [0.8, 0.7], [0.8, 0.5]), forgotten(200, [NAN, 0.9], [NAN, 0.77]))
    line = traces(stage, "forgotten", 8)[0]
    assert line["y"] == [pytest.approx(80, rel=1e-5), None]
    expect(stage.locator("#forgotten-sentence")).to_contain_text("Step 200. “No dropout” diverged. “Dropout” gets")


def judged(name: str, accuracy: float, left_on: float, **changed: Any) -> dict[str, Any]:
    usual = {"drops": True, "norm": False, "loss": 0.5, "forgottenLoss": 0.9}
    return {"name": name, "accuracy": accuracy, "forgotten": left_on} | usual | changed


def eval_words(page: Page, *lanes: dict[str, Any]) -> str:
    return str(call(page, "words/forgotten", "forgottenSentence", {"step": 0, "valSize": 800, "lanes": list(lanes)}))


def test_what_is_forgotten_is_named_and_small_differences_are_not_made_much_of(module_page: Page) -> None:
    assert (
        call(module_page, "words/forgotten", "forgottenSentence", None)
        == "No network has been judged in both modes yet."
    )
    said = eval_words(
        module_page, judged("Both", 0.9, 0.7, norm=True), judged("Norm", 0.8, 0.805, drops=False, norm=True)
    )
    assert "20.0 points lost by dropout and batch norm left on" in said
    assert (
        "“Norm” gets 80.0% of the validation examples right, and 80.5% with training mode left on: 0.5 points, too few"
        in said
    )
    assert "5.0 points won by batch norm left on" in eval_words(
        module_page, judged("Norm", 0.6, 0.65, drops=False, norm=True)
    )


def test_of_many_networks_the_one_that_loses_most_and_the_one_that_loses_least_are_named(module_page: Page) -> None:
    lanes = [judged(f"p{number}", 0.9, 0.9 - 0.1 * number) for number in range(1, 6)]
    said = eval_words(module_page, *lanes, judged("a", 0.7, 0.7, drops=False), judged("b", 0.7, 0.7, drops=False))
    assert said.startswith("Step 0. “p5” gets 90.0%")
    assert "That is the most of 5; the least is 10.0 points, of “p1”." in said
    assert said.endswith("“a” and “b” have neither dropout nor batch norm: both modes are the same to them.")
