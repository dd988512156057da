"""What knobs take, and what is said when they are given something else."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args

import pytest

from tests.conftest import TIMEOUT_FACTOR
from trainer.errors import KnobError, UnknownKnobError
from trainer.settings.agreement import check_rates
from trainer.settings.changes import ChangeLog, read_changes
from trainer.settings.config import Dataset, ExperimentConfig, Lane, Network, _check_live, parse, recommended
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS
from trainer.settings.shapes import PLANE


def lane(**knobs: Any) -> dict[str, Any]:
    return {"lanes": [{"name": "a", **knobs}]}


RATE = "a number from 0 to 0.95"
NAME = "a text of 1 to 40 characters that can be seen, in one line"
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
    (lane(name=""), "lanes[0].name", "''", NAME),
    (lane(name="a\nb"), "lanes[0].name", r"'a\nb'", NAME),
    (lane(name="\x1b[31mred"), "lanes[0].name", r"'\x1b[31mred'", NAME),
    (lane(name="abc\u202egpj"), "lanes[0].name", r"'abc\u202egpj'", NAME),
    (lane(name="a\u2066b"), "lanes[0].name", r"'a\u2066b'", NAME),
    (lane(name="a\u061cb"), "lanes[0].name", r"'a\u061cb'", NAME),
    (lane(name="a\u200b"), "lanes[0].name", r"'a\u200b'", NAME),
    (lane(name="a\u2028b"), "lanes[0].name", r"'a\u2028b'", NAME),
    (lane(name=" \u00a0 "), "lanes[0].name", r"' \xa0 '", NAME),
    ({"hidden": [0]}, "hidden[0]", "0", "a whole number from 1 to 640"),
    ({"hidden": [128, 10**9]}, "hidden[1]", "1000000000", "a whole number from 1 to 640"),
    ({"hidden": []}, "hidden", "()", "a list of 1 to 4 values"),
    ({"hidden": [8] * 5}, "hidden", "(8, 8, 8, 8, 8)", "a list of 1 to 4 values"),
    ({"hidden": 8}, "hidden", "8", "a list of 1 to 4 values"),
    ({"label_noise": 2}, "label_noise", "2", "a number from 0 to 0.9"),
    (
        {"dataset": "mnist"},
        "dataset",
        "'mnist'",
        "one of digits, moons, circles, spirals, xor, gaussians, breast_cancer, wine, csv, idx",
    ),
    ({"seed": 1.5}, "seed", "1.5", "a whole number from 0 to 2,147,483,647"),
    ({"batch_size": 400}, "batch_size", "400", "at most the number of training examples, 300"),
    (
        lane(batch_norm=True) | {"batch_size": 1},
        "lanes[0].batch_norm",
        "True",
        "false while a mini-batch is a single example",
    ),
    ({"network": "perceptron"}, "network", "'perceptron'", f"one of {', '.join(NETWORKS)}"),
    ({"network": "cnn", "dataset": "wine"}, "network", "'cnn'", "mlp for wine, which has no images"),
    (
        {"network": "lstm", "dataset": "moons"},
        "network",
        "'lstm'",
        "mlp for moons, which has no rows to be read one after the other",
    ),
    (
        {"network": "lstm", "hidden": [8, 8]},
        "hidden",
        "(8, 8)",
        "one number for an lstm, the units of its state",
    ),
    ({"network": "cnn", "channels": [0]}, "channels[0]", "0", "a whole number from 1 to 64"),
    ({"network": "cnn", "channels": [1] * 4}, "channels", "(1, 1, 1, 1)", "a list of 1 to 3 values"),
    ({"dataset": "wine", "train_size": 121}, "train_size", "121", "at most 120 for wine"),
    (lane(spatial_dropout=[0.5]), "lanes[0].spatial_dropout", "(0.5,)", "empty for an mlp"),
    (
        lane(spatial_dropout=[0.5]) | {"network": "cnn"},
        "lanes[0].spatial_dropout",
        "(0.5,)",
        "2 rates, one for each convolution",
    ),
    (
        lane(dropout=[0.5]) | {"network": "lstm"},
        "lanes[0].dropout",
        "(0.5,)",
        "3 rates, one for each of input, recurrent, output",
    ),
    (
        lane(dropout_kind="half"),
        "lanes[0].dropout_kind",
        "'half'",
        f"one of {', '.join(KINDS)}",
    ),
    (lane(hidden=[8, 8, 200]), "lanes[0].hidden", "(8, 8, 200)", "widths of at most 128, 128, 128, those of the run"),
    (lane(hidden=[8]), "lanes[0].hidden", "(8,)", "widths of at most 128, 128, 128, those of the run"),
    (
        lane(train_size=301),
        "lanes[0].train_size",
        "301",
        "a number from 64 to 300, the mini-batch and the run’s examples",
    ),
    (
        lane(train_size=40),
        "lanes[0].train_size",
        "40",
        "a number from 64 to 300, the mini-batch and the run’s examples",
    ),
    (lane(seed=-1), "lanes[0].seed", "-1", "a whole number from 0 to 2,147,483,647, or null for that of the run"),
    (lane(learning_rate=0), "lanes[0].learning_rate", "0", "a number from 1e-05 to 1, or null for that of the run"),
    (lane(patience=101), "lanes[0].patience", "101", "a whole number from 0 to 100"),
    ({"lanes": 5}, "lanes", "5", "a list of 1 to 128 networks"),
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


def test_one_lane_more_than_there_may_be_is_too_many() -> None:
    assert len(parse({"lanes": [{}] * 128}).lanes) == 128
    with pytest.raises(KnobError, match="a list of 1 to 128 networks"):
        parse({"lanes": [{}] * 129})


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
    assert all(lane.dropout_kind == "inverted" and lane.seed is None for lane in config.lanes)
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
    assert (config.lanes[1].dropout[0] > 0) == (dataset not in PLANE)


@pytest.mark.parametrize("network", get_args(Network))
def test_each_kind_of_network_alone_is_enough_to_ask_for_it(network: str) -> None:
    config = parse({"network": network})
    assert (config.network, config.dataset) == (network, "digits")
    known = {
        "mlp": ("input", "hidden1", "hidden2", "hidden3"),
        "cnn": ("input", "conv1", "conv2", "hidden1"),
        "lstm": ("input", "recurrent", "output"),
    }
    assert config.layers == known.get(network, NETWORKS[network].site_names(config.channels, config.hidden))
    assert recommended("digits", network).network == network
    assert [lane.drops for lane in recommended("digits", network).lanes] == [False, True]


@pytest.mark.parametrize("dataset", get_args(Dataset))
def test_each_data_set_alone_is_enough_to_ask_for_it(dataset: str) -> None:
    assert parse({"dataset": dataset}).dataset == dataset


def test_a_lane_has_what_the_run_has_unless_it_has_its_own() -> None:
    own = {"seed": 0, "hidden": [8, 128, 64], "train_size": 100}
    config = parse({"seed": 7, "lanes": [{}, own]})
    assert [config.seed_of(0), config.widths(0), config.examples(0)] == [7, (128, 128, 128), 300]
    assert [config.seed_of(1), config.widths(1), config.examples(1)] == [0, (8, 128, 64), 100]


def test_what_a_lane_has_of_its_own_cannot_move_but_its_learning_rate() -> None:
    config = ExperimentConfig()
    assert config.with_knobs({"learning_rate": 0.5}, 0).lanes[0].learning_rate == 0.5
    for knob, value in (("seed", 1), ("hidden", [8, 8, 8]), ("train_size", 100)):
        with pytest.raises(KnobError, match=f"{knob} = .* it must be left as it is while the run trains"):
            config.with_knobs({knob: value}, 0)


def test_more_masks_of_weights_than_fit_into_memory_are_refused() -> None:
    lanes = [{"dropout_kind": "dropconnect"}] * 12
    with pytest.raises(KnobError, match=r"dropout_kind = 'dropconnect' .* at most 30,000,000 are allowed"):
        parse({"lanes": lanes})
    assert parse({"lanes": lanes, "mask": "per_batch"}).mask == "per_batch"


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
        ({"colour": 1}, 0, "there is no knob 'colour'; the knobs are name, dropout, batch_norm, dropout_kind, "),
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
    code = "import sys, trainer.settings.schema; trainer.settings.schema.schema(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60 * TIMEOUT_FACTOR
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("batch_size", [64, 8, 1])
def test_a_run_whose_single_step_would_hold_a_worker_for_seconds_is_refused(batch_size: int) -> None:
    wide = {"hidden": [512] * 4, "batch_size": batch_size}
    assert len(parse({**wide, "lanes": [{}] * 18}).lanes) == 18
    with pytest.raises(
        KnobError,
        match=r"hidden = \(512, .* 19 networks of 824,320 weights and 824,320 multiplications on 64 examples .* "
        "at most 1,700,000,000",
    ):
        parse({**wide, "lanes": [{}] * 19})


def test_weights_count_however_few_examples_there_are() -> None:
    """64 networks of 1.3 million weights: 0.65 seconds a step with a mini-batch of 8, for weights alone."""
    with pytest.raises(KnobError, match="weights"):
        parse({"hidden": [640] * 4, "batch_size": 8, "train_size": 1000, "lanes": [{}] * 64})


KNOBS: list[tuple[int | None, dict[str, Any]]] = [
    (None, {"learning_rate": 0.01}),
    (None, {"learning_rate": 7}),
    (None, {"seed": 3}),
    (None, {"wings": 3}),
    (None, {"lanes": []}),
    (0, {"dropout": [0.1, 0.2, 0.3]}),
    (0, {"dropout": [0.1, 0.2, 0.99]}),
    (1, {"dropout": [0.1]}),
    (1, {"dropout": []}),
    (1, {"dropout": None}),
    (1, {"dropout": "much"}),
    (1, {"dropout": [0.1, "0.2", 0]}),
    (1, {"spatial_dropout": None}),
    (1, {"spatial_dropout": [0.5]}),
    (1, {"batch_norm": True, "l2": 0.01, "dropout_kind": "dropconnect"}),
    (1, {"batch_norm": "yes"}),
    (1, {"name": "", "l2": -1}),
    (1, {"l2": float("nan")}),
    (1, {"learning_rate": None}),
    (1, {"hidden": [3, 3]}),
    (1, {}),
    (2, {"l2": 0.1}),
    (True, {"l2": 0.1}),
]


@pytest.mark.parametrize(("lane", "knobs"), KNOBS)
@pytest.mark.parametrize("batch_size", [16, 1])
def test_a_moved_knob_means_what_the_whole_configuration_would_with_it(
    lane: int | None, knobs: dict[str, Any], batch_size: int
) -> None:
    """Only what moves is validated anew; it must make no difference."""
    config = parse({"hidden": [20, 12], "batch_size": batch_size, "lanes": [{"name": "a"}, {"dropout": [0.2, 0.5, 0]}]})

    def told(does: Callable[[], Any]) -> Any:
        try:
            return does()
        except (KnobError, UnknownKnobError) as error:
            return error.described()

    assert told(lambda: config.with_knobs(knobs, lane)) == told(lambda: whole(config, knobs, lane))


def whole(config: ExperimentConfig, knobs: dict[str, Any], lane: int | None) -> ExperimentConfig:
    """What `with_knobs` is, with all of the configuration validated."""
    config.with_knobs({}, lane)
    _check_live(ExperimentConfig if lane is None else Lane, knobs)
    if lane is None:
        return parse({**config.model_dump(), **knobs})
    if isinstance(knobs.get("dropout"), list):
        check_rates(knobs["dropout"], config.layers, f"lanes[{lane}].dropout")
    lanes = [each.model_dump() for each in config.lanes]
    lanes[lane] |= knobs
    return parse({**config.model_dump(), "lanes": lanes})


def test_a_thousand_changes_validate_each_no_more_than_the_lane_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    validated: list[str] = []

    def counted(model: type[Any]) -> Callable[[Any], Any]:
        original = model.model_validate

        def validate(given: Any, **more: Any) -> Any:
            validated.append(model.__name__)
            return original(given, **more)

        return validate

    config = parse({"lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5]}] * 64})
    for model in (ExperimentConfig, Lane):
        monkeypatch.setattr(model, "model_validate", counted(model))
    given = [{"step": 1 + index // 2, "lane": index % 64, "knobs": {"l2": index / 1e5}} for index in range(1000)]
    assert len(read_changes(config, given)) == 1000
    assert validated == ["Lane"] * 1000


def test_changes_are_found_by_their_step() -> None:
    log = ChangeLog()
    for step, lane, l2 in ((30, 1, 0.1), (10, None, 0.2), (30, 0, 0.3), (30, 1, 0.4), (20, 1, 0.5)):
        log.insert(step, lane, {"l2": l2})
    assert [(each["step"], each.get("lane"), each["knobs"]["l2"]) for each in log.changes] == [
        (10, None, 0.2),
        (20, 1, 0.5),
        (30, 1, 0.4),
        (30, 0, 0.3),
    ]
    assert [each["knobs"]["l2"] for each in log.at(30)] == [0.4, 0.3]
    assert list(log.at(11)) == []
    assert [log.next_after(step) for step in (0, 10, 19, 20, 30)] == [10, 20, 20, 30, None]
