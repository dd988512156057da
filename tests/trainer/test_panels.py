"""The panels: what is listed is there, drawn, made and documented; what a run lacks for one is said in words."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from trainer.settings.config import parse
from trainer.settings.panels import PANELS, VIEWS, Panel, Shown, fits, obstacles
from trainer.settings.schema import schema

ROOT: Final = Path(__file__).resolve().parents[2]
PROTOCOL: Final = (ROOT / "docs" / "protocol.md").read_text()
SEED: Final[list[dict[str, Any]]] = [
    {"name": "a", "seed": 1},
    {"name": "b", "seed": 2},
    {"dropout": [0.2, 0.5, 0.5, 0.5]},
]

every_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel.id))


def test_names_and_places_are_used_once() -> None:
    assert len({panel.id for panel in PANELS}) == len(PANELS)
    assert len({(panel.column, panel.row) for panel in PANELS}) == len(PANELS)
    groups = [panel.group for panel in PANELS]
    assert len(list(dict.fromkeys(groups))) == 1 + sum(a != b for a, b in pairwise(groups))


@every_panel
def test_a_panel_says_what_it_shows_and_what_it_needs(panel: Panel) -> None:
    assert re.fullmatch(r"[a-z]+", panel.id), "a class and a module of that name"
    assert panel.title
    assert panel.about.endswith(".")
    asks = bool(panel.networks or panel.datasets or panel.condition)
    assert panel.needs.startswith("needs ") if asks else panel.needs == ""


@every_panel
def test_a_panel_is_drawn_by_the_module_of_its_name(panel: Panel) -> None:
    source = (ROOT / "static" / "js" / "views" / f"{panel.id}.js").read_text()
    assert "export const topics = " in source
    assert "export function create(" in source


def test_each_view_is_made_by_the_module_of_its_name_and_no_other_is() -> None:
    sources = {path.stem: path.read_text() for path in (ROOT / "trainer" / "insight").glob("*.py")}
    assert {name for name, source in sources.items() if "class View(Insight)" in source} == set(VIEWS)


def test_each_view_is_in_the_protocol_and_no_other_is() -> None:
    section = PROTOCOL[PROTOCOL.index("**Views.**") : PROTOCOL.index("**Whose mask.**")]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(documented) == sorted(VIEWS)


def test_the_schema_has_every_panel_as_plain_data() -> None:
    told = json.loads(json.dumps(schema()["panels"], allow_nan=False))
    assert [panel["id"] for panel in told] == [panel.id for panel in PANELS]
    assert [panel["id"] for panel in told if panel["insight"]] == list(VIEWS)
    assert all(panel["title"] and panel["group"] and "condition" not in panel for panel in told)


PICTURES: Final = {"needs images": {"draw", "features"}, "needs points in the plane": {"boundary", "subnetworks"}}
NORM: Final = {"needs a network with batch norm": {"variance"}}
KIN: Final = {"needs two networks that differ in their seed alone": {"separate"}}
SEVERAL: Final = {"needs at least two networks": {"average", "result"}}
IMAGES: Final = {"needs images": PICTURES["needs images"]}
POINTS: Final = {"needs points in the plane": PICTURES["needs points in the plane"]}
ROWS: Final = {"needs rows of a table": {"recall"}}


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({}, ROWS | POINTS | NORM | KIN),
        ({"dataset": "moons"}, ROWS | IMAGES | NORM | KIN),
        ({"network": "cnn"}, ROWS | POINTS | NORM | KIN),
        ({"network": "lstm"}, ROWS | POINTS | NORM | KIN),
        ({"dataset": "wine"}, PICTURES | NORM | KIN),
        ({"lanes": [{"name": "a", "batch_norm": True}, {"name": "b"}]}, ROWS | POINTS | KIN),
        ({"lanes": SEED}, ROWS | POINTS | NORM),
        ({"lanes": SEED[1:]}, ROWS | POINTS | NORM | KIN),
        ({"lanes": SEED[2:]}, ROWS | POINTS | NORM | KIN | SEVERAL),
    ],
)
def test_what_stands_against_a_panel_is_said_in_words(knobs: dict[str, Any], expected: dict[str, set[str]]) -> None:
    config = parse(knobs)
    found = obstacles(Shown(config, searches=True))
    assert found == {panel: words for words, panels in expected.items() for panel in panels}
    assert {view for view in VIEWS if not fits(view, config)} == {panel for panel in found if panel in VIEWS}


def test_what_is_no_view_fits_nothing() -> None:
    assert not fits("loss", parse({}))
    assert not fits("nothing", parse({}))


def test_a_panel_may_be_of_some_networks_alone() -> None:
    panel = Panel("x", "X", "X.", "Inside", networks=("cnn",), needs="needs a convolution")
    assert panel.obstacle(Shown(parse({}))) == "needs a convolution"
    assert panel.obstacle(Shown(parse({"network": "cnn"}))) == ""
