"""The frames of a real experiment, against docs/protocol.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.plain import mlp_of
from trainer.errors import DropoutLabError, KnobError, UnknownKnobError
from trainer.insight import finish
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.settings.schema import schema
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, Tensors, decode, encode, unpack
from trainer.worker import publish
from trainer.worker.extras import EnsembleWanted, votes
from trainer.worker.look import evaluation_trace

LAYERS = ("input", "hidden1", "hidden2")


@pytest.fixture
def experiment() -> Experiment:
    return Experiment(parse({"hidden": [12, 9], "train_size": 60, "batch_size": 20}), device="cpu")


def shapes(tensors: Tensors) -> dict[str, tuple[str, tuple[int, ...]]]:
    again = decode(encode(Frame("kind", "r", 1, tensors))).tensors
    return {name: (str(array.dtype), array.shape) for name, array in again.items()}


def test_steps_are_joined_with_their_masks_in_the_order_they_were_made(experiment: Experiment) -> None:
    parts = [experiment.run(4), experiment.run(1), experiment.run(3)]
    tensors = publish.steps(parts)
    assert shapes(tensors) == {
        "step": ("uint32", (8,)),
        "lane": ("uint8", (8,)),
        "example": ("uint32", (8,)),
        "loss": ("float32", (8, 2)),
        "mask/input": ("uint8", (8, 8)),
        "mask/hidden1": ("uint8", (8, 2)),
        "mask/hidden2": ("uint8", (8, 2)),
        "dropout_kind": ("uint8", (8,)),
        **{f"kept/{layer}": ("uint32", (8,)) for layer in LAYERS},
        **{f"{rate}/{layer}": ("float32", (8,)) for rate in ("rate", "group_rate") for layer in LAYERS},
    }
    assert tensors["step"].tolist() == list(range(1, 9))
    masks = unpack(tensors["mask/hidden1"], 12)
    np.testing.assert_array_equal(masks, np.concatenate([part.masks["hidden1"].numpy() for part in parts]))
    np.testing.assert_array_equal(masks.sum(axis=1), tensors["kept/hidden1"])


def test_scores_are_one_row_of_every_lane(experiment: Experiment) -> None:
    row = ("float32", (1, 2))
    names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    assert shapes(publish.scores(experiment.evaluate())) == {"step": ("uint32", (1,)), **dict.fromkeys(names, row)}


def test_a_graph_has_the_documented_tensors(experiment: Experiment) -> None:
    trace = experiment.run(3, trace=True).trace
    assert trace is not None
    found = shapes(publish.graph(trace))
    edges = found["edge/value"][1]
    assert found == {
        "step": ("uint32", (1,)),
        "lane": ("uint8", (1,)),
        "example": ("uint32", (1,)),
        "label": ("uint8", (1,)),
        "mask/input": ("uint8", (8,)),
        "mask/hidden1": ("uint8", (2,)),
        "mask/hidden2": ("uint8", (2,)),
        "activation/input": ("float32", (64,)),
        "activation/hidden1": ("float32", (12,)),
        "activation/hidden2": ("float32", (9,)),
        "scale": ("float32", (3,)),
        "dropout_kind": ("uint8", (1,)),
        **{f"kept/{layer}": ("uint32", (1,)) for layer in LAYERS},
        **{f"{rate}/{layer}": ("float32", (1,)) for rate in ("rate", "group_rate") for layer in LAYERS},
        "probability": ("float32", (10,)),
        "edge/layer": ("uint8", edges),
        "edge/source": ("uint16", edges),
        "edge/target": ("uint16", edges),
        "edge/value": ("float32", edges),
    }


def test_a_graph_of_gaussian_noise_says_what_each_unit_was_multiplied_by() -> None:
    lane = {"name": "a", "dropout": [0, 0.5, 0.2], "dropout_kind": "gaussian"}
    noisy = Experiment(parse({"hidden": [12, 9], "train_size": 60, "batch_size": 20, "lanes": [lane]}), device="cpu")
    trace = noisy.run(3, trace=True).trace
    assert trace is not None
    tensors = publish.graph(trace)
    assert "factor/input" not in tensors
    assert tensors["factor/hidden1"].shape == (12,)
    np.testing.assert_array_equal(unpack(tensors["mask/hidden1"], 12), tensors["factor/hidden1"] >= 1)
    assert int(tensors["kept/hidden1"][0]) == (tensors["factor/hidden1"] >= 1).sum()
    assert [choice["value"] for choice in kinds()][int(tensors["dropout_kind"][0])] == "gaussian"
    assert tensors["rate/hidden2"].tolist() == [np.float32(0.2)]


def kinds() -> list[dict[str, Any]]:
    (knob,) = (each for each in schema()["lane"] if each["name"] == "dropout_kind")
    choices: list[dict[str, Any]] = knob["choices"]
    return choices


def test_the_number_of_a_kind_is_its_place_in_the_schemas_choices() -> None:
    assert [choice["value"] for choice in kinds()] == list(KINDS)


def test_rates_are_those_in_force_at_each_step() -> None:
    lane = {"name": "a", "dropout": [0, 0.5, 0.2], "schedule": "early", "schedule_steps": 4}
    early = Experiment(parse({"hidden": [12, 9], "train_size": 60, "batch_size": 20, "lanes": [lane]}), device="cpu")
    tensors = publish.steps([early.run(3), early.run(3)])
    assert tensors["rate/hidden1"].tolist() == [0.5] * 4 + [0] * 2
    assert tensors["kept/hidden1"][4:].tolist() == [12, 12]


def test_an_ensemble_has_the_documented_tensors(experiment: Experiment) -> None:
    found = shapes(dict(finish(votes(experiment, EnsembleWanted()))))
    curve, one = ("float32", (2, 64)), ("float32", (2,))
    assert found == {
        "step": ("uint32", (1,)),
        "example": ("uint32", (1,)),
        "fresh": ("uint8", (1,)),
        "lane": ("uint8", (2,)),
        "rate": ("float32", (2, 3)),
        "vote": ("float32", (2, 64, 10)),
        "vote/average": ("float32", (2, 10)),
        "vote/scaling": ("float32", (2, 10)),
        "accuracy/member": curve,
        "accuracy/average": curve,
        "loss/average": curve,
        "accuracy/geometric": curve,
        "loss/geometric": curve,
        "accuracy/scaling": one,
        "loss/scaling": one,
    }


def test_an_evaluation_pass_keeps_every_unit_and_is_the_plain_network(experiment: Experiment) -> None:
    experiment.run(20)
    experiment.follow(lane=0, example=7)
    training = experiment.model.training
    trace = evaluation_trace(experiment)
    assert (trace.step, trace.lane, trace.example) == (20, 0, 7)
    assert all(mask.all() for mask in trace.masks.values())
    assert trace.scale.tolist() == [1, 1, 1]
    h = experiment.data.train_x[7]
    for weight, bias in mlp_of(experiment).plain(0):
        logits = h @ weight + bias
        h = logits.relu()
    np.testing.assert_allclose(trace.probability, logits.softmax(0), rtol=1e-4)
    # Each edge carries weight × activation, so that what enters an output unit adds up to its logit less its bias.
    last = trace.edges.layer == 2
    into = np.bincount(trace.edges.target[last], trace.edges.value[last], minlength=10)
    np.testing.assert_allclose(into, logits - bias, atol=1e-4)
    assert experiment.model.training is training


def test_an_evaluation_pass_of_the_classic_kind_has_its_scaling_there() -> None:
    lane = {"name": "a", "dropout": [0, 0.5, 0.2], "dropout_kind": "classic"}
    classic = Experiment(parse({"hidden": [12, 9], "train_size": 60, "batch_size": 20, "lanes": [lane]}), device="cpu")
    classic.run(2)
    trace = evaluation_trace(classic)
    assert trace.scale.tolist() == pytest.approx([1, 0.5, 0.8])
    assert trace.rates.tolist() == [0, 0, 0]
    assert trace.kept == {"input": 64, "hidden1": 12, "hidden2": 9}


def test_looking_does_not_disturb_the_training() -> None:
    config = parse({"hidden": [12], "train_size": 60, "batch_size": 20})
    watched, alone = Experiment(config, "cpu"), Experiment(config, "cpu")
    for _ in range(5):
        watched.run(3)
        evaluation_trace(watched)
        next(votes(watched, EnsembleWanted()))
        alone.run(3)
    np.testing.assert_array_equal(watched.run(1).loss, alone.run(1).loss)


def test_probabilities_become_shades_and_what_is_no_number_is_undecided() -> None:
    tensors = publish.boundary(3, np.array([[[0.0, 1.0], [0.5, np.nan]]]))
    assert tensors["probability"].tolist() == [[[0, 255], [128, 128]]]
    assert tensors["probability"].dtype == np.uint8


def test_the_state_can_be_sent_as_json_and_opens_the_same_run_again(experiment: Experiment) -> None:
    experiment.run(3)
    experiment.set(lane=1, dropout=(0.0, 0.8, 0.8))
    state = publish.state(experiment, playing=True, steps_per_second=None)
    assert (state["state"], state["step"], state["steps_per_second"]) == ("playing", 3, None)
    again = Experiment(parse(state["first_config"]), "cpu", changes=experiment.changes)
    again.run(3)
    np.testing.assert_array_equal(again.run(2).loss, experiment.run(2).loss)


def test_every_error_has_the_one_shape() -> None:
    refused = publish.error(KnobError("l2", 7, "a number from 0 to 0.1"))
    assert refused == {
        "code": "bad_value",
        "message": "l2 = 7 is not allowed: it must be a number from 0 to 0.1",
        "knob": "l2",
        "value": "7",
        "allowed": "a number from 0 to 0.1",
    }
    assert publish.error(UnknownKnobError("x", ["l2"]))["code"] == "unknown_knob"
    assert publish.error(DropoutLabError("no"))["code"] == "bad_message"
    assert publish.error(MemoryError("full")) == {"code": "internal", "message": "MemoryError: full"}
