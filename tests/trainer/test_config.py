"""What knobs take, and what is said when they are given something else."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any, get_args

import pytest

from trainer.config import Dataset, ExperimentConfig, Lane, parse, recommended
from trainer.errors import KnobError, UnknownKnobError


def lane(**knobs: Any) -> dict[str, Any]:
    return {"lanes": [{"name": "a", **knobs}]}


RATE = "a number from 0 to 0.95"
REFUSED: list[tuple[Any, str, str, str]] = [
    (lane(dropout=[-0.1, 0, 0, 0]), "lanes[0].dropout[0]", "-0.1", RATE),
    (lane(dropout=[0, 1, 0, 0]), "lanes[0].dropout[1]", "1", RATE),
    (lane(dropout=[0, 0, "a", 0]), "lanes[0].dropout[2]", "'a'", RATE),
    (lane(dropout=[0, 0, 0, math.nan]), "lanes[0].dropout[3]", "nan", RATE),
    (lane(dropout=[True, 0, 0, 0]), "lanes[0].dropout[0]", "True", RATE),
    (lane(dropout=0.5), "lanes[0].dropout", "0.5", "a list of rates"),
    (lane(dropout=[0.5]), "lanes[0].dropout", "(0.5,)", "4 rates, one for each of input, hidden1, hidden2, hidden3"),
    (lane(l2=math.inf), "lanes[0].l2", "inf", "a number from 0 to 0.1"),
    (lane(batch_norm=1), "lanes[0].batch_norm", "1", "true or false"),
    (lane(name=""), "lanes[0].name", "''", "a text of 1 to 40 characters"),
    ({"hidden": [0]}, "hidden[0]", "0", "a whole number from 1 to 512"),
    ({"hidden": [128, 10**9]}, "hidden[1]", "1000000000", "a whole number from 1 to 512"),
    ({"hidden": []}, "hidden", "()", "a list of 1 to 4 values"),
    ({"hidden": [8] * 5}, "hidden", "(8, 8, 8, 8, 8)", "a list of 1 to 4 values"),
    ({"hidden": 8}, "hidden", "8", "a list of 1 to 4 values"),
    ({"label_noise": 2}, "label_noise", "2", "a number from 0 to 0.9"),
    ({"dataset": "mnist"}, "dataset", "'mnist'", "one of digits, moons, circles, spirals, xor, gaussians"),
    ({"seed": 1.5}, "seed", "1.5", "a whole number from 0 to 2,147,483,647"),
    ({"batch_size": 400}, "batch_size", "400", "at most the number of training examples, 300"),
    (
        lane(batch_norm=True) | {"batch_size": 1},
        "lanes[0].batch_norm",
        "True",
        "false while a mini-batch is a single example",
    ),
    ({"lanes": 5}, "lanes", "5", "a list of 1 to 64 networks"),
    ({"lanes": [5]}, "lanes[0]", "5", "an object of a network's knobs and their values"),
    (5, "config", "5", "an object of knobs and their values"),
]


@pytest.mark.parametrize(("given", "knob", "value", "allowed"), REFUSED)
def test_a_bad_value_is_refused_with_its_knob_its_value_and_what_is_allowed(
    given: Any, knob: str, value: str, allowed: str
) -> None:
    with pytest.raises(KnobError) as caught:
        parse(given)
    assert str(caught.value) == f"{knob} = {value} is not allowed: it must be {allowed}"


def test_sixty_five_lanes_are_one_too_many() -> None:
    assert len(parse({"lanes": [{}] * 64}).lanes) == 64
    with pytest.raises(KnobError, match="a list of 1 to 64 networks"):
        parse({"lanes": [{}] * 65})


@pytest.mark.parametrize(
    ("given", "name"), [({"speed": 1}, "speed"), (lane(rate=1), "lanes[0].rate"), ({1: 2}, "1"), ({None: 2}, "None")]
)
def test_a_name_that_is_no_knob_is_refused_and_the_knobs_are_listed(given: Any, name: str) -> None:
    with pytest.raises(UnknownKnobError) as caught:
        parse(given)
    assert str(caught.value).startswith(f"there is no knob {name!r}; the knobs are ")


def test_the_default_is_the_twin_on_digits() -> None:
    config = ExperimentConfig()
    assert (config.dataset, config.hidden, config.train_size, config.batch_size) == ("digits", (128, 128, 128), 300, 64)
    assert [each.dropout for each in config.lanes] == [(0, 0, 0, 0), (0.2, 0.5, 0.5, 0.5)]
    assert config == parse({})
    assert config.layers == ("input", "hidden1", "hidden2", "hidden3")


def test_a_lane_without_rates_drops_nothing_in_any_layer() -> None:
    config = parse({"hidden": [8, 8], "lanes": [{"name": "a"}, Lane(name="b")]})
    assert [each.dropout for each in config.lanes] == [(0, 0, 0), (0, 0, 0)]


def test_a_config_survives_the_way_through_json() -> None:
    config = parse({"dataset": "moons", "hidden": [16], "lanes": [{"dropout": [0, 0.5], "l2": 0.01}]})
    assert parse(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("dataset", get_args(Dataset))
def test_what_is_recommended_for_each_data_set_is_a_twin_without_dropout_on_coordinates(dataset: str) -> None:
    config = recommended(dataset)
    assert config.dataset == dataset
    assert [any(each.dropout) for each in config.lanes] == [False, True]
    assert (config.lanes[1].dropout[0] > 0) == (dataset == "digits")


def test_live_knobs_move_in_a_copy() -> None:
    config = ExperimentConfig()
    moved = config.with_knobs({"dropout": [0, 0, 0, 0.9], "batch_norm": True}, lane=1).with_knobs(
        {"learning_rate": 0.1}
    )
    assert moved.lanes[1].dropout == (0, 0, 0, 0.9)
    assert moved.lanes[1].batch_norm
    assert moved.learning_rate == 0.1
    assert moved.lanes[0] == config.lanes[0]
    assert config == ExperimentConfig()


@pytest.mark.parametrize(
    ("knobs", "lane_index", "message"),
    [
        ({"hidden": [4]}, None, "hidden = .*only learning_rate can move"),
        ({"lanes": []}, None, "lanes = "),
        ({"dropout": [0, 0, 0, 0]}, None, "there is no knob 'dropout'; the knobs are learning_rate"),
        ({"colour": 1}, 0, "there is no knob 'colour'; the knobs are name, dropout, batch_norm, l2"),
        ({"dropout": [0.5]}, 1, r"lanes\[1\].dropout = \(0.5,\) is not allowed: it must be 4 rates"),
        ({"dropout": [0, 0, 0, 1]}, 1, r"lanes\[1\].dropout\[3\] = 1 is not allowed"),
        ({}, 99, "lane = 99 is not allowed: it must be the number of a lane, from 0 to 1"),
        ({}, -1, "lane = -1 is not allowed"),
        ({}, True, "lane = True is not allowed"),
    ],
)
def test_a_live_change_that_cannot_be_is_refused(knobs: dict[str, Any], lane_index: int | None, message: str) -> None:
    with pytest.raises((KnobError, UnknownKnobError), match=message):
        ExperimentConfig().with_knobs(knobs, lane_index)


def test_describing_the_knobs_does_not_load_torch() -> None:
    code = "import sys, trainer, trainer.config, trainer.schema; trainer.schema.schema(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_a_run_whose_single_step_would_hold_a_worker_for_seconds_is_refused() -> None:
    wide = {"hidden": [512] * 4, "batch_size": 64}
    assert len(parse({**wide, "lanes": [{}] * 18}).lanes) == 18
    with pytest.raises(
        KnobError, match=r"hidden = \(512, .* 19 networks of 824,320 weights on 64 examples .* at most 1,000,000,000"
    ):
        parse({**wide, "lanes": [{}] * 19})
