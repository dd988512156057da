"""The charts of a room: what they are made of, and what they say in words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import roomed
from tests.browser.stage import call

CHARTS = "rooms/charts/"
SIZE = {"width": 1400, "height": 800}
NOTHING = {"steps": None, "top": None}


def marks(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """All marks of a chart, those inside others too."""
    todo, found = list(chart["marks"]), []
    while todo:
        one = todo.pop(0)
        found.append(one)
        todo += one.get("inside", [])
    return found


def having(chart: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The marks of a class."""
    return [each for each in marks(chart) if name in str(each["at"].get("class", "")).split()]


def texts(chart: dict[str, Any]) -> list[str]:
    return [each["text"] for each in marks(chart) if "text" in each]


class TestAxes:
    def test_they_end_at_round_numbers(self, module_page: Page) -> None:
        found = [call(module_page, f"{CHARTS}axes", "roundAbove", value) for value in (0.23, 0.3, 1, 7.1, 480, 0, -3)]
        assert found == [0.3, 0.3, 1, 8, 500, 1, 1]

    def test_an_end_stays_while_the_data_fill_half_of_it(self, module_page: Page) -> None:
        top: float | None = None
        tops = []
        for need in (2.3, 1.9, 1.6, 1.4, 1.55, 1.4, 0.4, 0.44, 0.39, 5):
            top = call(module_page, f"{CHARTS}axes", "steadyTop", top, need)
            tops.append(top)
        assert tops == [3, 3, 3, 2, 2, 2, 0.5, 0.5, 0.5, 5]

    def test_a_value_that_trembles_moves_no_limit(self, module_page: Page) -> None:
        for base in (0.2, 0.25, 0.29, 0.3, 0.31, 0.6, 1.5):
            limits = call(module_page, f"{CHARTS}axes", "steadyRange", None, base * 0.7, base * 1.02)
            for wobble in (0.99, 1.0, 1.02, 0.985):
                again = call(module_page, f"{CHARTS}axes", "steadyRange", limits, base * 0.7, base * wobble)
                assert again == limits

    def test_a_range_begins_at_nothing_unless_that_costs_too_much(self, module_page: Page) -> None:
        low, high = call(module_page, f"{CHARTS}axes", "steadyRange", None, 0.1, 0.5)
        assert (low, high) == (0, 0.5)
        low, high = call(module_page, f"{CHARTS}axes", "steadyRange", None, 0.41, 0.47)
        assert 0 < low <= 0.41
        assert 0.47 <= high < 0.6

    def test_ticks_are_round_and_inside(self, module_page: Page) -> None:
        ticks = call(module_page, f"{CHARTS}axes", "ticksOf", [0, 0.6], 5)
        assert [tick["text"] for tick in ticks] == ["0", "0.2", "0.4", "0.6"]
        ticks = call(module_page, f"{CHARTS}axes", "ticksOf", [0, 3000], 5)
        assert [tick["text"] for tick in ticks] == ["0", "1,000", "2,000", "3,000"]


class TestLabels:
    @pytest.mark.parametrize("wanted", [[10, 10, 10, 10], [0, 500, 499, 498, 3], [400, 5, 200], [7]])
    def test_none_is_nearer_to_another_than_it_may_be(self, module_page: Page, wanted: list[float]) -> None:
        found = call(module_page, f"{CHARTS}labels", "spreadLabels", wanted, 60, [0, 500])
        assert all(after - before >= 59.9 for before, after in pairwise(sorted(found)))
        assert min(found) >= 0
        assert max(found) <= 500
        order = sorted(range(len(wanted)), key=lambda index: wanted[index])
        assert all(found[one] <= found[other] for one, other in pairwise(order) if wanted[one] < wanted[other])

    def test_one_with_room_stays_where_it_belongs(self, module_page: Page) -> None:
        assert call(module_page, f"{CHARTS}labels", "spreadLabels", [100, 300], 60, [0, 500]) == [100, 300]

    def test_a_long_name_is_cut_by_letters(self, module_page: Page) -> None:
        assert call(module_page, f"{CHARTS}labels", "short", "Maximiliane", 6) == "Maxim…"
        assert call(module_page, f"{CHARTS}labels", "short", "Zoë", 6) == "Zoë"


def race_of(page: Page, places: dict[str, Any], **beside: Any) -> dict[str, Any]:
    marked = {"changed": None, "shown": None, **beside}
    given = {"race": roomed.race(places), "places": places["places"], **marked}
    found: dict[str, Any] = call(page, f"{CHARTS}race", "raceChart", given, SIZE, beside.get("before", NOTHING))
    return found


class TestRace:
    def test_each_place_has_a_line_and_the_lowest_and_highest_a_name(self, module_page: Page) -> None:
        places = roomed.places(128, 28)
        chart = race_of(module_page, places)
        assert len(having(chart, "race-line")) == 128
        assert len(having(chart, "is-simulated")) == 28
        running = [each for each in places["places"] if not each["gone"]]
        best = min(running, key=lambda each: each["loss"])
        worst = max(running, key=lambda each: each["loss"])
        assert {each["text"] for each in having(chart, "line-name")} == {best["name"], worst["name"]}
        assert f"{best['name']}, lowest" in chart["words"]
        assert "128 places" in chart["words"]
        assert "4 diverged." in chart["words"]

    def test_whose_knobs_were_turned_last_has_a_name_as_well(self, module_page: Page) -> None:
        places = roomed.places(40)
        chart = race_of(module_page, places, changed=7, shown=9)
        assert {places["places"][7]["name"], places["places"][9]["name"]} <= set(texts(chart))
        ends = [float(each["at"]["y"]) for each in having(chart, "line-name")]
        assert len(ends) == 4
        assert all(after - before >= 60 for before, after in pairwise(sorted(ends)))

    def test_few_places_all_have_names(self, module_page: Page) -> None:
        places = roomed.places(3)
        chart = race_of(module_page, places)
        assert {each["text"] for each in having(chart, "line-name")} == {"Ada", "Bo", "Chiara"}

    def test_a_simulated_one_is_called_so_where_it_is_named(self, module_page: Page) -> None:
        chart = race_of(module_page, roomed.places(5, 5))
        names = [each["text"] for each in having(chart, "line-name")]
        assert names
        assert all("(sim.)" in name or "imulated" in name for name in names)

    def test_one_that_diverged_is_neither_lowest_nor_highest(self, module_page: Page) -> None:
        places = roomed.places(3)
        places["places"][1] |= {"gone": "diverged at step 40", "loss": None}
        found = race_of(module_page, places)
        assert "Bo, lowest" not in found["words"]
        assert "Bo, highest" not in found["words"]
        assert "1 diverged." in found["words"]

    def test_axes_stay_while_a_run_goes_on(self, module_page: Page) -> None:
        before = race_of(module_page, roomed.places(40, step=600))["limits"]
        after = race_of(module_page, roomed.places(40, step=620), before=before)["limits"]
        assert after == before
        assert before["steps"] >= 620

    def test_without_an_evaluation_it_says_so(self, module_page: Page) -> None:
        nothing = {"op": "race", "lanes": [], "step": [], "loss": []}
        given: dict[str, Any] = {"race": nothing, "places": [], "changed": None, "shown": None}
        chart = call(module_page, f"{CHARTS}race", "raceChart", given, SIZE, NOTHING)
        assert chart["words"] == "No place has been evaluated yet."

    def test_the_last_change_is_told_from_two_topics(self, module_page: Page) -> None:
        before = roomed.places(5)["places"]
        now = [dict(each) for each in before]
        now[3]["hidden"] = 0.77
        told = f"{CHARTS}changes"
        assert call(module_page, told, "changedLast", before, now, None) == 3
        assert call(module_page, told, "changedLast", now, now, 3) == 3
        assert call(module_page, told, "changedLast", now, now[:3], 3) is None
        now[3]["id"] = "somebody else"
        assert call(module_page, told, "changedLast", before, now, None) is None


def curve_of(page: Page, places: dict[str, Any], known: Any = None) -> dict[str, Any]:
    given = {"places": places["places"], "known": known}
    found: dict[str, Any] = call(page, f"{CHARTS}classcurve", "classCurve", given, SIZE, {"loss": None})
    return found


class TestClassCurve:
    def test_each_place_with_a_loss_has_a_dot_and_simulated_ones_another(self, module_page: Page) -> None:
        chart = curve_of(module_page, roomed.places(60, 10))
        assert len(having(chart, "dot")) == 60 - 2  # two have diverged, one of them simulated
        assert len(having(chart, "is-simulated")) == 9
        assert "58 of 60 places" in chart["words"]
        assert [each["kind"] for each in chart["legend"]][:2] == ["dot", "dot is-simulated"]

    def test_a_line_of_medians_comes_with_enough_dots_and_says_what_it_is(self, module_page: Page) -> None:
        few = curve_of(module_page, roomed.places(6))
        assert having(few, "median") == []
        assert "median" not in [each["kind"] for each in few["legend"]]
        many = curve_of(module_page, roomed.places(100))
        assert len(having(many, "median")) == 1
        assert "median of each tenth (3 dots or more)" in [each["text"] for each in many["legend"]]

    def test_the_medians_are_those_of_their_tenth(self, module_page: Page) -> None:
        dots = [
            {"lane": index, "hidden": rate, "loss": loss}
            for index, (rate, loss) in enumerate(
                [
                    (0.0, 5),
                    (0.05, 1),
                    (0.09, 3),
                    (0.3, 2),
                    (0.31, 4),
                    (0.39, 9),
                    (0.5, 1),
                    (0.8, 1),
                    (0.81, 2),
                    (0.95, 7),
                    (0.82, 6),
                ]
            )
        ]
        found = call(module_page, f"{CHARTS}classcurve", "mediansOf", dots)
        assert found == [
            {"rate": 0.05, "loss": 3, "count": 3},
            {"rate": 0.31, "loss": 4, "count": 3},
            {"rate": 0.81, "loss": 2, "count": 3},
        ]

    def test_the_known_curve_comes_with_its_band_and_its_legend(self, module_page: Page) -> None:
        chart = curve_of(module_page, roomed.places(20), roomed.known())
        assert len(having(chart, "band")) == len(having(chart, "known")) == 1
        assert "known: mean of 9 seeds at step 2,000, and their range" in [each["text"] for each in chart["legend"]]
        assert "9 seeds" in chart["words"]
        assert having(curve_of(module_page, roomed.places(20)), "known") == []

    def test_one_far_above_does_not_flatten_the_others_and_is_told(self, module_page: Page) -> None:
        places = roomed.places(20)
        places["places"][4]["loss"] = 40.0
        chart = curve_of(module_page, places)
        assert chart["limits"]["loss"][1] < 2
        assert len(having(chart, "dot-above")) == 1
        assert "one is above the chart" in [each["text"] for each in chart["legend"]]

    def test_what_else_sets_them_apart_is_said(self, module_page: Page) -> None:
        assert "They also differ in input dropout." in [
            each["text"] for each in curve_of(module_page, roomed.places(20))["legend"]
        ]
        alike = roomed.places(20)
        for each in alike["places"]:
            each["input"] = 0.0
        assert "note" not in [each["kind"] for each in curve_of(module_page, alike)["legend"]]


class TestTogether:
    def test_there_is_a_row_for_each_outcome_that_is_known(self, module_page: Page) -> None:
        rows = call(module_page, f"{CHARTS}together", "rowsOf", roomed.average(31))
        assert [row["name"] for row in rows] == [
            "All 31 networks, averaged",
            "Best single network: Dmitri",
            "Mean of the single ones",
            "Sub-networks of the best",
        ]
        rows = call(module_page, f"{CHARTS}together", "rowsOf", roomed.average(2, dropout=None, best=None))
        assert [row["key"] for row in rows] == ["average", "mean"]
        assert rows[0]["name"] == "Both networks, averaged"

    def test_bars_are_as_long_as_their_numbers(self, module_page: Page) -> None:
        chart = call(module_page, f"{CHARTS}together", "togetherChart", roomed.average(), SIZE, {"loss": None})
        [ground] = [each for each in marks(chart) if each["key"] == "average accuracy ground"]
        [bar] = [each for each in marks(chart) if each["key"] == "average accuracy bar"]
        assert bar["at"]["width"] / ground["at"]["width"] == pytest.approx(0.941)
        first, second = (
            next(each for each in marks(chart) if each["key"] == f"{key} loss bar") for key in ("average", "mean")
        )
        assert first["at"]["width"] / second["at"]["width"] == pytest.approx(0.214 / 0.341)

    @pytest.mark.parametrize(
        ("topic", "said"),
        [
            (None, "The networks of the class have not been averaged yet."),
            (roomed.average(1), "With one network there is nothing to average yet."),
            (
                roomed.average(31),
                "The average of all 31 networks has a loss of 0.214. A single one has 0.341 in the mean: the average "
                "is better. Even the best single network, Dmitri, has more: 0.257.",
            ),
            (
                roomed.average(2, average={"loss": 0.3, "accuracy": 0.9}),
                "The average of both networks has a loss of 0.300. A single one has 0.341 in the mean: the average is "
                "better. The best single network, Dmitri, has less: 0.257.",
            ),
            (
                roomed.average(9, average={"loss": 0.3411, "accuracy": 0.9}, best=None),
                "The average of all 9 networks has a loss of 0.341, the same as a single one has in the mean.",
            ),
            (
                roomed.average(9, average={"loss": 0.2571, "accuracy": 0.9}),
                "The average of all 9 networks has a loss of 0.257. A single one has 0.341 in the mean: the average is "
                "better. The best single network, Dmitri, has the same.",
            ),
        ],
    )
    def test_the_sentence_is_true_of_the_numbers(self, module_page: Page, topic: Any, said: str) -> None:
        assert call(module_page, f"{CHARTS}together", "togetherSentence", topic) == said


class TestRun:
    def losses(self, page: Page, topic: dict[str, Any], trail: Any = None, before: Any = None) -> dict[str, Any]:
        given = {**topic, "trail": trail or {"step": [], "train": []}}
        found: dict[str, Any] = call(page, f"{CHARTS}losses", "lossChart", given, SIZE, before or NOTHING)
        return found

    def test_validation_and_training_have_a_line_for_each_network(self, module_page: Page) -> None:
        trail = {"step": [400, 420, 432], "train": [[0.1, 0.1, 0.1], [0.2, None, 0.2]]}
        chart = self.losses(module_page, roomed.followed(), trail)
        assert [each["at"]["class"] for each in having(chart, "loss-line")] == [
            *["loss-line train"] * 2,
            *["loss-line validation"] * 2,
        ]
        assert [each["text"] for each in having(chart, "line-name")] == ["No dropout", "Dropout"]
        assert chart["words"].startswith("Losses up to step 432. No dropout: validation loss 0.577, accuracy 88.3%.")

    def test_the_axes_stay_from_one_topic_to_the_next(self, module_page: Page) -> None:
        before = self.losses(module_page, roomed.followed(step=432))["limits"]
        assert self.losses(module_page, roomed.followed(step=468), before=before)["limits"] == before

    def test_without_an_evaluation_it_says_so(self, module_page: Page) -> None:
        topic = roomed.followed(curve={"step": [], "loss": [[], []]})
        assert self.losses(module_page, topic)["words"] == "No network has been evaluated yet."

    def test_the_training_losses_are_kept_as_they_come_and_begin_anew_with_a_run(self, module_page: Page) -> None:
        trail: Any = {"run": "", "step": [], "train": []}
        for step in range(0, 600, 2):
            trail = call(module_page, f"{CHARTS}trail", "withNewest", trail, roomed.followed(step=step))
        assert trail["step"][-1] == 598
        assert 100 < len(trail["step"]) <= 240
        assert [len(line) for line in trail["train"]] == [len(trail["step"])] * 2
        other = call(module_page, f"{CHARTS}trail", "withNewest", trail, roomed.followed(step=610, run="another"))
        assert other["step"] == [610]
        back = call(module_page, f"{CHARTS}trail", "withNewest", trail, roomed.followed(step=3))
        assert back["step"] == [3]

    def test_a_mask_has_a_disc_for_each_kept_and_a_cross_for_each_dropped(self, module_page: Page) -> None:
        layers = [
            {"name": "hidden1", "units": 5, "kept": [1, 0, 0, 1, 1]},
            {"name": "hidden2", "units": 2, "kept": [1, 1]},
        ]
        mask = {"name": "Dropout", "step": 431, "layers": layers}
        chart = call(module_page, f"{CHARTS}mask", "maskChart", mask, {"width": 500, "height": 600})
        kept, dropped = (having(chart, name) for name in ("kept", "dropped"))
        assert [each["at"]["d"].count("z") for each in kept] == [3, 2]
        assert [each["at"]["d"].count("m0") for each in dropped] == [2, 0]
        assert texts(chart) == ["hidden 1: 3 of 5 kept", "hidden 2: 2 of 2 kept"]
        assert chart["words"] == "The mask of Dropout at step 431. hidden 1: 3 of 5 kept; hidden 2: 2 of 2 kept."

    def test_of_a_wide_layer_it_says_which_units_are_told(self, module_page: Page) -> None:
        mask = {"name": "D", "step": 1, "layers": [{"name": "hidden1", "units": 512, "kept": [1, 0, 1]}]}
        chart = call(module_page, f"{CHARTS}mask", "maskChart", mask, {"width": 500, "height": 600})
        assert texts(chart) == ["hidden 1: 2 of the first 3 of 512 kept"]

    @pytest.mark.parametrize("units", [[8], [128, 64], [512, 512, 512], [4096]])
    def test_a_mask_stays_in_its_place_and_says_what_is_left_out(self, module_page: Page, units: list[int]) -> None:
        layers = [{"name": f"hidden{at}", "units": count, "kept": [1] * count} for at, count in enumerate(units, 1)]
        size = {"width": 560, "height": 520}
        chart = call(module_page, f"{CHARTS}mask", "maskChart", {"name": "D", "step": 1, "layers": layers}, size)
        drawn = [each["at"]["d"].count("z") for each in having(chart, "kept")]
        for count, some, text in zip(units, drawn, texts(chart), strict=True):
            assert (some == count) == ("drawn" not in text)
            assert some == count or f"the first {some:,} drawn" in text
        lowest = max(
            float(point.split("a")[0].split()[1])
            for each in having(chart, "kept")
            for point in each["at"]["d"].split("M")[1:]
        )
        assert lowest < size["height"]


class TestAnswers:
    def test_shares_are_of_those_who_answered(self, module_page: Page) -> None:
        found = call(module_page, f"{CHARTS}answers", "choicesOf", roomed.question("told"))
        assert [each["letter"] for each in found] == ["A", "B", "C", "D"]
        assert [each["right"] for each in found] == [False, True, False, False]
        assert found[1]["first"] == {"count": 9, "share": 9 / 31}
        assert found[1]["again"] == {"count": 19, "share": 19 / 30}

    def test_nothing_is_given_away_while_phones_answer(self, module_page: Page) -> None:
        found = call(module_page, f"{CHARTS}answers", "choicesOf", roomed.question("asked"))
        assert {(each["right"], each["first"], each["again"]) for each in found} == {(None, None, None)}

    def test_nobody_answered_is_no_division_by_nothing(self, module_page: Page) -> None:
        found = call(module_page, f"{CHARTS}answers", "choicesOf", roomed.question("shown", counts=[0, 0, 0, 0]))
        assert [each["first"] for each in found] == [{"count": 0, "share": 0}] * 4

    def test_what_changed_is_said_where_it_is_known(self, module_page: Page) -> None:
        told = roomed.question("told")
        assert call(module_page, f"{CHARTS}answers", "changeWords", told) == "At first 9 of 31 chose it, then 19 of 30."
        assert call(module_page, f"{CHARTS}answers", "changeWords", {**told, "truth": None}) == ""

    def test_the_phase_is_said_in_words(self, module_page: Page) -> None:
        found = [
            call(module_page, f"{CHARTS}answers", "phaseWords", roomed.question(phase))
            for phase in ("asked", "again", "told")
        ]
        assert found == [
            "22 of 31 have answered. The run waits.",
            "What did you see? 22 of 31 have answered again.",
            "This is what is true.",
        ]


PAINT = """async (charts) => {
  const { createPainter } = await import("/static/js/rooms/charts/painter.js");
  document.body.replaceChildren();
  const painter = createPainter(document, document.body);
  const found = [];
  for (const chart of charts) {
    const before = [...painter.element.querySelectorAll("*")];
    painter.paint(chart);
    const now = [...painter.element.querySelectorAll("*")];
    found.push({ kept: now.filter((each) => before.includes(each)).length, count: now.length,
      order: [...painter.element.children].map((each) => each.dataset.name), html: painter.element.outerHTML });
  }
  return found;
}"""


def mark(key: str, tag: str = "circle", **at: Any) -> dict[str, Any]:
    return {"key": key, "tag": tag, "at": {"data-name": key, **at}}


def test_a_painter_keeps_what_stays_and_puts_it_in_order(module_page: Page) -> None:
    def chart(*inside: dict[str, Any]) -> dict[str, Any]:
        return {"width": 10, "height": 10, "words": "Words", "marks": list(inside)}

    first, second, third, fourth = module_page.evaluate(
        PAINT,
        [
            chart(mark("a", r=1), mark("b"), mark("c")),
            chart(mark("c"), mark("a", r=2.345), mark("d")),
            chart(),
            chart({**mark("g", "g"), "inside": [mark("a"), {"key": "t", "tag": "text", "at": {}, "text": "<b>"}]}),
        ],
    )
    assert first["order"] == ["a", "b", "c"]
    assert (second["order"], second["kept"]) == (["c", "a", "d"], 2)
    assert 'r="2.3"' in second["html"]
    assert third["count"] == 0
    assert "&lt;b&gt;" in fourth["html"]
    assert 'role="img"' in fourth["html"]
    assert 'aria-label="Words"' in fourth["html"]
