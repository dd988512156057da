"""The experiments: what is listed can be trained, looked at and guessed."""

from __future__ import annotations

import re

import pytest

from trainer.errors import KnobError
from trainer.presets import GROUPS, PRESETS, Preset, described, find_preset, grouped
from trainer.settings.panels import PANELS, Shown, obstacles


def by_id(preset: Preset) -> str:
    return preset.id


every_preset = pytest.mark.parametrize("preset", PRESETS, ids=by_id)


def test_names_and_numbers_are_used_once() -> None:
    for own in ({preset.id for preset in PRESETS}, {preset.number for preset in PRESETS}):
        assert len(own) == len(PRESETS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", preset.id) for preset in PRESETS)


def test_every_experiment_is_in_a_group_and_the_list_has_all_of_them_once() -> None:
    listed = [preset for _, own in grouped() for preset in own]
    assert sorted(listed, key=lambda preset: preset.number) == list(PRESETS)
    assert [group for group, own in grouped() if own] == list(GROUPS)


def test_the_twelve_experiments_that_the_lab_promises_are_there() -> None:
    promised = {
        *("twin", "rate", "rate-constant-width", "search", "data-size", "batch-norm", "variance-shift"),
        *("regularisers", "layers", "training-time", "real-ensemble", "convolutional", "recurrent", "forgotten-eval"),
    }
    assert promised <= {preset.id for preset in PRESETS}


@every_preset
def test_the_network_that_is_followed_at_first_drops_hidden_units(preset: Preset) -> None:
    """Else the pictures of masks would begin with nothing in them."""
    lanes = preset.config.lanes
    lane = lanes[preset.config.followed_at_first if preset.follow is None else preset.follow]
    assert any(lane.dropout[1:])


@every_preset
def test_an_experiment_asks_a_question_and_says_what_to_look_at(preset: Preset) -> None:
    assert preset.question.endswith("?")
    assert preset.look.endswith(".")
    assert preset.admits == "" or preset.admits.endswith(".")


@every_preset
def test_the_panels_of_an_experiment_exist_and_mean_something_for_it(preset: Preset) -> None:
    assert set(preset.panels) <= {panel.id for panel in PANELS}
    shown = Shown(preset.config, searches=preset.search is not None)
    assert not set(preset.panels) & set(obstacles(shown))
    assert ("result" in preset.panels) == (preset.picture is not None)
    assert ("search" in preset.panels) == (preset.search is not None)


@every_preset
def test_what_can_be_guessed_is_there(preset: Preset) -> None:
    if preset.guess is not None:
        assert preset.guess.text.endswith("?")
        assert all(0 <= lane < len(preset.config.lanes) for lane in preset.guess.lanes)
        assert len(preset.config.lanes) > 1


@every_preset
def test_the_picture_of_an_experiment_has_a_place_for_every_lane(preset: Preset) -> None:
    picture, lanes = preset.picture, range(len(preset.config.lanes))
    if picture is None:
        return
    if picture.kind == "curve":
        assert len(picture.x) == len(lanes)
    elif picture.kind == "gain":
        assert sorted(lane for series in picture.series for lane in series) == list(lanes)
        assert {len(series) for series in picture.series} == {len(picture.x)}
    elif picture.kind == "thresholds":
        assert list(picture.x) == sorted(picture.x, reverse=True)
    else:
        assert picture.x == ()


@every_preset
def test_lanes_can_be_told_apart_by_their_names(preset: Preset) -> None:
    names = [lane.name for lane in preset.config.lanes]
    assert len(set(names)) == len(names)


@every_preset
def test_its_last_evaluation_is_at_the_step_where_it_stops(preset: Preset) -> None:
    assert preset.steps % 25 == 0


def test_data_size_compares_networks_with_equally_many_images() -> None:
    preset = find_preset("data-size")
    assert preset.picture is not None
    without, with_dropout = preset.picture.series
    for size, one, other in zip(preset.picture.x, without, with_dropout, strict=True):
        assert preset.config.examples(one) == preset.config.examples(other) == size
        assert not preset.config.lanes[one].drops
        assert preset.config.lanes[other].drops


def test_constant_width_keeps_sixty_four_units_at_any_rate() -> None:
    preset = find_preset("rate-constant-width")
    for index, lane in enumerate(preset.config.lanes):
        for rate, width in zip(lane.dropout[1:], preset.config.widths(index), strict=True):
            assert abs(width * (1 - rate) - 64) <= 0.5


def test_an_experiment_that_is_not_there_is_refused_by_naming_those_that_are() -> None:
    with pytest.raises(KnobError, match=r"'fly' is not allowed: it must be one of twin, rate"):
        find_preset("fly")


def test_a_description_has_the_whole_configuration() -> None:
    first = described()[0]
    assert (first["id"], first["config"]["hidden"], len(first["config"]["lanes"])) == ("twin", [128, 128, 128], 2)
