"""The knobs as plain data say everything that a control needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainer.errors import KnobError
from trainer.search import parse_search
from trainer.settings.config import MAX_LANES, ExperimentConfig, Lane, parse
from trainer.settings.schema import schema
from trainer.settings.search import SearchConfig

SCHEMA = schema()
KNOBS = [(side, knob) for side in ("run", "lane", "search") for knob in SCHEMA[side]]
NAMES = [f"{side}.{knob['name']}" for side, knob in KNOBS]


def test_it_is_json_and_parses_back_to_the_configurations_it_was_made_of() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert parse(SCHEMA["defaults"]) == ExperimentConfig()
    for network, settings in SCHEMA["recommended"].items():
        assert all((parse(config).network, config["dataset"]) == (network, name) for name, config in settings.items())
    assert list(SCHEMA["recommended"]["cnn"]) == ["digits", "idx"]
    assert SCHEMA["max_lanes"] == MAX_LANES


def test_every_field_of_the_models_is_described() -> None:
    assert [knob["name"] for knob in SCHEMA["run"]] == [
        name for name in ExperimentConfig.model_fields if name != "lanes"
    ]
    assert [knob["name"] for knob in SCHEMA["lane"]] == list(Lane.model_fields)
    assert [knob["name"] for knob in SCHEMA["search"]] == list(SearchConfig.model_fields)


@pytest.mark.parametrize(("side", "knob"), KNOBS, ids=NAMES)
def test_a_knob_has_a_label_one_sentence_of_help_and_what_its_type_needs(side: str, knob: dict[str, Any]) -> None:
    assert knob["label"]
    assert knob["help"].endswith(".")
    assert isinstance(knob["live"], bool)
    assert knob["scale"] in ("linear", "log")
    if knob["type"] == "choice":
        assert all(choice["help"] for choice in knob["choices"])
        assert knob["default"] in [choice["value"] for choice in knob["choices"]]
    elif knob["type"] != "boolean":
        assert knob["min"] < knob["max"]
        if knob["type"] in ("integer", "number"):
            assert knob["step"] > 0
            assert knob["scale"] == "linear" or knob.get("smallest", knob["min"]) > 0
    assert knob["default"] is not None or knob["optional"]
    for name, values in knob.get("only_for", {}).items():
        beside = SCHEMA["search" if side == "search" else "run"]
        choices = next(each["choices"] for each in beside if each["name"] == name)
        assert set(values) <= {choice["value"] for choice in choices}


def test_knobs_stand_in_the_groups_of_the_protocol() -> None:
    groups = {side: list(dict.fromkeys(knob["group"] for knob in SCHEMA[side])) for side in ("run", "lane")}
    assert sorted(groups["run"]) == ["data", "network", "training"]
    assert groups["lane"] == ["main", "dropout", "regularisers", "own", "class"]


@pytest.mark.parametrize("knob", [knob for knob in SCHEMA["lane"] if knob["group"] == "regularisers"])
def test_a_regulariser_has_its_formula_and_its_names_elsewhere(knob: dict[str, Any]) -> None:
    assert knob["formula"]
    assert knob["pytorch"]
    assert knob["keras"]


@pytest.mark.parametrize("side", ["run", "lane"])
def test_the_bounds_are_taken_and_what_lies_beyond_is_refused(side: str) -> None:
    for knob in SCHEMA[side]:
        if knob["type"] not in ("integer", "number"):
            continue
        reach = 1 if knob["type"] == "integer" else knob["max"] / 10
        for good, bad in ((knob["min"], knob["min"] - reach), (knob["max"], knob["max"] + reach)):
            parse(config_with(side, knob, good))
            with pytest.raises(KnobError) as caught:
                parse(config_with(side, knob, bad))
            assert knob["name"] in caught.value.knob


@pytest.mark.parametrize("knob", [knob for knob in SCHEMA["search"] if "max" in knob], ids=lambda knob: knob["name"])
def test_the_bounds_of_a_search_are_taken_and_what_lies_beyond_is_refused(knob: dict[str, Any]) -> None:
    drawn = {"method": "random"} if "only_for" in knob else {}
    reach = knob["step"] if knob["type"] == "integer" else knob["max"] / 10
    for good, bad in ((knob["min"], knob["min"] - reach), (knob["max"], knob["max"] + reach)):
        given, refused = ({**drawn, knob["name"]: [each] if knob.get("items") else each} for each in (good, bad))
        parse_search(given, ExperimentConfig())
        with pytest.raises(KnobError) as caught:
            parse_search(refused, ExperimentConfig())
        assert knob["name"] in caught.value.knob


def config_with(side: str, knob: dict[str, Any], value: float) -> dict[str, Any]:
    name = knob["name"]
    network = {"network": knob["only_for"]["network"][0]} if "network" in knob.get("only_for", {}) else {}
    if side == "lane":
        count = {"dropout": 4, "spatial_dropout": 2, "hidden": 3}.get(name, 1)
        room = {"hidden": [640] * 3} if name == "hidden" else {"train_size": 1000, "batch_size": 1}
        return network | room | {"lanes": [{name: [value] * count if knob.get("items") else value}]}
    given: dict[str, Any] = {name: [value] if knob.get("items") else value}
    small = {"batch_size": 1} if name == "train_size" else {}
    return {"train_size": 600} | network | small | given
