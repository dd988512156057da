"""A trace is one training pass as it was, and its edges are those of the active sub-network."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainer import Experiment
from trainer.config import parse
from trainer.trace import share_out, strongest_edges


def experiment_of(**knobs: Any) -> Experiment:
    lanes = [{"name": "without"}, {"name": "with", "dropout": [0.2, 0.5, 0.4]}]
    given = {"hidden": [20, 12], "batch_size": 16, "train_size": 70, "lanes": lanes}
    return Experiment(parse(given | knobs), device="cpu")


def test_a_trace_is_the_pass_that_was_made_before_the_weights_moved() -> None:
    experiment = experiment_of()
    experiment.run(10)
    weights = [linear.weight[1].detach().clone() for linear in experiment.model.linears]
    biases = [linear.bias[1, 0].detach().clone() for linear in experiment.model.linears]
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
    weights = [linear.weight[1].detach().clone() for linear in experiment.model.linears]
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


def test_only_the_strongest_edges_are_kept_and_every_pair_of_layers_has_its_share() -> None:
    random = torch.Generator().manual_seed(2)
    weights = [torch.randn(30, 40, generator=random), torch.randn(40, 5, generator=random)]
    activations, masks = [torch.ones(30), torch.ones(40)], [torch.ones(30) > 0, torch.ones(40) > 0]
    edges = strongest_edges(activations, masks, [1.0, 1.0], weights, limit=100)
    for layer, weight in enumerate(weights):
        values = edges.value[edges.layer == layer].abs()
        assert torch.equal(values, weight.abs().flatten().sort(descending=True).values[:50])


@pytest.mark.parametrize(
    ("total", "wanted", "shares"),
    [(9, [9, 9, 9], [3, 3, 3]), (10, [1, 20, 20], [1, 4, 5]), (100, [1, 2, 3], [1, 2, 3]), (5, [0, 0], [0, 0])],
)
def test_what_one_does_not_want_goes_to_the_others(total: int, wanted: list[int], shares: list[int]) -> None:
    assert share_out(total, wanted) == shares
