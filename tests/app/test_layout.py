"""Where panels stand on the page of every experiment, and on the page that belongs to none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.layout import FIRST, Placed, layout, obstacles_of
from app.lessons.course import LessonStep, lessons
from trainer.presets import PRESETS, Preset, find_preset
from trainer.settings.config import parse
from trainer.settings.panels import PANELS
from trainer.settings.shapes import PLANE

every_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.id))


def ids(column: tuple[Placed, ...]) -> list[str]:
    return [each.panel.id for each in column]


def test_the_first_page_has_pictures_on_the_left_and_charts_on_the_right() -> None:
    page = layout()
    left = ["boundary", "network", "masks", "kept", "draw", "subnetworks", "features", "correlation", "visits"]
    right = ["loss", "accuracy", "recall", "ensemble", "result", "search", "separate", "average", "forgotten"]
    assert ids(page.left) == left
    assert ids(page.right) == [*right, "activity", "damage", "gradient", "variance", "cost"]
    assert page.standard == ("boundary", "network", "masks", "loss", "accuracy", "recall", "kept", "ensemble")
    assert [each.panel.id for each in page.placed if each.shown] == [
        *("network", "masks", "kept"),
        *("loss", "accuracy", "ensemble"),
    ]
    assert not any(each.leading for each in page.placed)


@every_preset
def test_no_panel_is_in_two_places_or_nowhere(preset: Preset) -> None:
    assert sorted(ids(layout(preset).placed)) == sorted(panel.id for panel in PANELS)


@every_preset
def test_the_panels_of_an_experiment_lead_and_are_open(preset: Preset) -> None:
    page = layout(preset)
    assert {each.panel.id for each in page.placed if each.leading} == set(preset.panels)
    assert {*preset.panels} <= {*page.standard}
    for column in (page.left, page.right):
        own = [each for each in column if each.panel.column == "left"]
        assert own == sorted(own, key=lambda each: not each.leading), "pictures that lead stand first"
    charts = [name for name in preset.panels if name in ids(page.right)]
    assert ids(page.right)[: len(charts)] == charts, "in its own order"


@every_preset
def test_each_open_chart_went_into_the_column_that_was_shorter(preset: Preset) -> None:
    page = layout(preset)
    heights = {"left": sum(each.panel.height for each in page.left if each.shown and each.panel.column == "left")}
    heights["right"] = 0
    charts = [panel.id for panel in PANELS if panel.column == "right"]
    order = [name for name in dict.fromkeys((*preset.panels, *FIRST)) if name in charts]
    assert order
    for name in order:
        shorter = "right" if heights["right"] <= heights["left"] else "left"
        assert name in ids(page.left if shorter == "left" else page.right)
        heights[shorter] += next(panel.height for panel in PANELS if panel.id == name)


def test_a_chart_stands_on_the_left_where_there_is_more_room() -> None:
    twin = find_preset("twin")
    assert "accuracy" in ids(layout(replace(twin, panels=())).right)
    crowded = layout(replace(twin, panels=("ensemble", "damage", "activity")))
    assert [name for name in ("ensemble", "damage", "activity") if name in ids(crowded.left)] == ["activity"]


def test_the_picture_of_an_experiment_has_its_own_heading() -> None:
    preset = find_preset("batch-norm")
    (result,) = (each for each in layout(preset).placed if each.panel.id == "result")
    assert result.title == "Validation loss of the four"
    (usual,) = (each for each in layout(find_preset("twin")).placed if each.panel.id == "result")
    assert usual.title == "Compared"


@every_preset
def test_what_needs_other_data_is_not_shown(preset: Preset) -> None:
    shown = {each.panel.id: each.shown for each in layout(preset).placed}
    assert shown["boundary"] == (preset.config.dataset in PLANE)
    assert shown["loss"]


def test_the_page_is_told_which_panels_are_of_some_data_alone() -> None:
    told = layout().datasets
    assert set(told) == {"boundary", "subnetworks", "features", "draw", "recall"}
    assert told["boundary"] == PLANE


def test_the_charts_of_a_lesson_fill_both_columns_beside_its_card() -> None:
    lesson = replace(lessons()[0], panels=("loss",), steps=(LessonStep("more", "say", opens=("accuracy", "result")),))
    placed = layout(lesson=lesson)
    charts = {"loss", "accuracy", "result"}
    assert [each.panel.id for each in placed.left if each.panel.id in charts] == ["loss"]
    assert [each.panel.id for each in placed.right if each.panel.id in charts] == ["accuracy", "result"]
    assert [each.panel.id for each in placed.placed if each.shown] == ["loss"], "the others wait for their step"
    beside = layout(lesson=replace(lesson, panels=("network", "loss")))
    assert next(each.panel.id for each in beside.right if each.panel.id in charts) == "loss"


def test_networks_are_compared_where_there_are_several_and_searched_where_a_run_searches() -> None:
    alone = parse({"lanes": [{"name": "alone"}]})
    assert obstacles_of(alone, None)["result"] == "needs at least two networks"
    assert "result" not in obstacles_of(parse({}), None)
    search = find_preset("search")
    assert obstacles_of(search.config, None)["search"] == "needs an experiment that searches"
    assert "search" not in obstacles_of(search.config, search.search)
