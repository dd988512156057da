"""A trace is one training pass as it was, and its edges are those of the active sub-network."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.trainer.plain import mlp_of
from trainer import Experiment
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.training.trace import share_out, strongest_edges


def experiment_of(**knobs: Any) -> Experiment:
    lanes = [{"name": "without"}, {"name": "with", "dropout": [0.2, 0.5, 0.4]}]
    given = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": lanes}
    return Experiment(parse(given | knobs), device="cpu")


def test_a_trace_is_the_pass_that_was_made_before_the_weights_moved() -> None:
    experiment = experiment_of()
    experiment.run(10)
    weights = [linear.weight[1].detach().clone() for linear in mlp_of(experiment).linears]
    biases = [linear.bias[1, 0].detach().clone() for linear in mlp_of(experiment).linears]
    trace = experiment.run(1, trace=True).trace
    assert trace is not None
    assert (trace.step, trace.lane, trace.label) == (11, 1, int(experiment.data.train_y[trace.example]))
    assert torch.equal(trace.activations["input"], experiment.data.train_x[trace.example])
    assert torch.allclose(trace.scale, torch.tensor([1 / 0.8, 2.0, 1 / 0.6]))
    h = trace.activations["input"]
    for index, name in enumerate(("input", "hidden1", "hidden2")):
        assert torch.allclose(h, trace.activations[name], atol=1e-5)
        h = (h * trace.masks[name] * trace.scale[index]) @ weights[index] + biases[index]
        h = torch.relu(h) if index < 2 else h
    assert torch.allclose(torch.softmax(h, dim=0), trace.probability, atol=1e-5)


def test_the_last_step_whose_mini_batch_held_the_followed_example_is_traced() -> None:
    experiment = experiment_of()
    for example in range(0, 70, 10):
        experiment.follow(example=example)
        steps = experiment.run(9, trace=True)
        assert steps.trace is not None
        held = [int(step) for step, seen in zip(steps.step, steps.example, strict=True) if int(seen) == example]
        assert steps.trace.step == (held[-1] if held else int(steps.step[-1]))
        place = int(torch.nonzero(steps.step == steps.trace.step))
        assert int(steps.example[place]) == steps.trace.example
        assert all(torch.equal(mask, steps.masks[name][place]) for name, mask in steps.trace.masks.items())
    assert experiment.run(2).trace is None


def test_edges_join_kept_units_and_carry_weight_times_activation_as_multiplied() -> None:
    experiment = experiment_of()
    experiment.run(5)
    weights = [linear.weight[1].detach().clone() for linear in mlp_of(experiment).linears]
    trace = experiment.run(1, trace=True).trace
    assert trace is not None
    names, edges = list(trace.masks), trace.edges
    assert 0 < len(edges.value) <= 2000
    assert set(edges.layer.tolist()) == {0, 1, 2}
    for layer, source, target, value in zip(*(each.tolist() for each in vars(edges).values()), strict=True):
        activation = trace.activations[names[layer]][source] * trace.scale[layer]
        assert bool(trace.masks[names[layer]][source])
        assert layer == 2 or bool(trace.masks[names[layer + 1]][target])
        assert value == pytest.approx(float(weights[layer][source, target] * activation), rel=1e-5)
        assert value != 0


def test_a_lane_without_dropout_has_masks_that_keep_everything() -> None:
    experiment = experiment_of()
    experiment.follow(lane=0)
    trace = experiment.run(1, trace=True).trace
    assert trace is not None
    assert all(bool(mask.all()) for mask in trace.masks.values())
    assert torch.equal(trace.scale, torch.ones(3))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("kind", KINDS)
def test_all_edges_into_a_class_add_up_to_its_logit_less_its_bias(kind: str, order: str, batch_norm: bool) -> None:
    """Whatever the kind: each edge carries weight × activation as multiplied, and none is missing or too many.

    Where batch norm stands behind dropout, a dropped unit, too, hands something on (batch norm makes a shift of its 0),
    but has no edge: what is missing from the sum is what such units hand on.
    """
    lane = {"name": "a", "dropout": [0.2, 0.5, 0.4], "dropout_kind": kind, "batch_norm": batch_norm, "hidden": [20, 9]}
    experiment = experiment_of(lanes=[{"name": "b"}, lane], batch_norm_order=order)
    experiment.run(10)
    linear = mlp_of(experiment).linears[2]
    weight, bias = linear.weight[1].detach().clone(), linear.bias[1, 0].detach().clone()
    trace = experiment.run(1, trace=True).trace
    assert trace is not None
    last = trace.edges.layer == 2
    into = torch.zeros(10).index_add_(0, trace.edges.target[last], trace.edges.value[last])
    if batch_norm and order == "after_dropout":
        entered = mlp_of(experiment)._entered[1][1]  # of the whole mini-batch
        dropped = torch.zeros(12) if kind in ("gaussian", "dropconnect") else (~trace.masks["hidden2"]).float()
        rows = [torch.softmax((into + (own * dropped) @ weight + bias), dim=0) for own in entered]
        assert min(float((row - trace.probability).abs().max()) for row in rows) < 1e-5
    else:
        assert torch.allclose(torch.softmax(into + bias, dim=0), trace.probability, atol=1e-5)
    assert int(trace.edges.target[trace.edges.layer == 1].max()) < 9


def test_an_edge_of_dropped_weights_is_one_that_was_kept() -> None:
    lane = {"name": "a", "dropout": [0.2, 0.5, 0.4], "dropout_kind": "dropconnect"}
    experiment = experiment_of(lanes=[lane])
    steps = experiment.run(4, trace=True)
    trace, sites = steps.trace, experiment.model.dropouts
    assert trace is not None
    row = experiment.batches.row_of(trace.example, trace.step, 0)
    if trace.step == 4 and row is not None:
        edges = zip(trace.edges.layer.tolist(), trace.edges.source.tolist(), trace.edges.target.tolist(), strict=True)
        assert all(bool(sites[layer].weight_keep[0, row, source, target]) for layer, source, target in edges)
    assert trace.kept == {name: int(count[trace.step - 1]) for name, count in steps.kept.items()}
    for name, units, outputs, rate in (("input", 64, 20, 0.2), ("hidden1", 20, 12, 0.5), ("hidden2", 12, 10, 0.4)):
        count = units * outputs
        bound = 7 * math.sqrt(count * rate * (1 - rate)) + count * 2**-17  # 7 standard deviations: below 1e-11 each
        assert bool(((steps.kept[name] - count * (1 - rate)).abs() < bound).all())
    assert trace.scale.tolist() == pytest.approx([1 / 0.8, 2, 1 / 0.6])


@pytest.mark.parametrize("kind", KINDS)
def test_units_that_a_narrow_lane_does_not_have_are_neither_kept_nor_counted(kind: str) -> None:
    lane = {"name": "a", "dropout": [0, 0.5, 0], "dropout_kind": kind, "hidden": [7, 5]}
    experiment = experiment_of(lanes=[{"name": "wide"}, lane])
    steps = experiment.run(20, trace=True)
    assert not bool(steps.masks["hidden1"][:, 7:].any())
    assert not bool(steps.masks["hidden2"][:, 5:].any())
    assert int(steps.kept["hidden1"].max()) <= (7 * 5 if kind == "dropconnect" else 7)
    assert steps.kept["hidden2"].tolist() == [5] * 20
    assert steps.trace is not None
    assert steps.trace.masks["hidden2"].tolist() == [True] * 5 + [False] * 7


def test_a_change_of_kind_is_on_record_from_its_step_on() -> None:
    changes = [{"step": 4, "lane": 1, "knobs": {"dropout_kind": "dropconnect", "dropout": [0.2, 0, 0.4]}}]
    lanes = [{"name": "without"}, {"name": "with", "dropout": [0.2, 0.5, 0.4]}]
    given = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": lanes}
    steps = Experiment(parse(given), device="cpu", changes=changes).run(6)
    assert [KINDS[kind] for kind in steps.kinds.tolist()] == ["inverted"] * 3 + ["dropconnect"] * 3
    assert steps.rates[:, 1].tolist() == [0.5] * 3 + [0] * 3
    assert max(steps.kept["input"][:3].tolist()) <= 64
    assert min(steps.kept["input"][3:].tolist()) > 64  # of 1,280 weights, 800 of which are kept by nearly all masks
    assert steps.kept["hidden1"][3:].tolist() == [20] * 3


def test_only_the_strongest_edges_are_kept_and_every_pair_of_layers_has_its_share() -> None:
    random = torch.Generator().manual_seed(2)
    values = [torch.randn(30, 40, generator=random), None, torch.randn(40, 5, generator=random)]
    edges = strongest_edges(values, limit=100)
    assert not bool((edges.layer == 1).any())
    for layer, value in enumerate(values):
        if value is not None:
            found = edges.value[edges.layer == layer]
            assert torch.equal(found.abs(), value.abs().flatten().sort(descending=True).values[:50])
            assert torch.equal(found, value[edges.source[edges.layer == layer], edges.target[edges.layer == layer]])


@pytest.mark.parametrize(
    ("total", "wanted", "shares"),
    [(9, [9, 9, 9], [3, 3, 3]), (10, [1, 20, 20], [1, 4, 5]), (100, [1, 2, 3], [1, 2, 3]), (5, [0, 0], [0, 0])],
)
def test_what_one_does_not_want_goes_to_the_others(total: int, wanted: list[int], shares: list[int]) -> None:
    assert share_out(total, wanted) == shares
