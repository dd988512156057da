"""Every lane computes what plain `torch.nn` computes with the same weights, masks and mini-batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.plain import PlainNetwork, gradient, masks_of, plain_lane, relative_error
from trainer.config import parse
from trainer.devices import pick_device
from trainer.experiment import Experiment

LIMIT = {torch.float64: 1e-9, torch.float32: 1e-4}
LANES: list[dict[str, Any]] = [
    {"name": f"p {rate} bn {norm} l2 {l2}", "dropout": [rate] * 3, "batch_norm": norm, "l2": l2}
    for rate in (0, 0.2, 0.8)
    for norm in (False, True)
    for l2 in (0, 0.01)
] + [{"name": "mixed", "dropout": [0.2, 0, 0.8], "batch_norm": True}]
BATCH = 32
LOSS = nn.CrossEntropyLoss()
DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def experiment_of(dtype: torch.dtype, device: str = "cpu", **knobs: Any) -> Experiment:
    given = {"hidden": [24, 16], "batch_size": BATCH, "train_size": 100, "lanes": LANES, "seed": 3}
    return Experiment(parse(given | knobs), device=device, dtype=dtype)


def to_cpu(network: PlainNetwork, experiment: Experiment) -> PlainNetwork:
    return network.to(experiment.device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_forward_and_gradient_are_those_of_plain_networks(dtype: torch.dtype, mask: str, device: str) -> None:
    experiment = experiment_of(dtype, device, mask=mask)
    experiment.run(3)  # so that batch norm's parameters and statistics are no longer those of the start
    plain = [to_cpu(plain_lane(experiment, lane), experiment) for lane in range(len(LANES))]
    x, target = experiment._batches.at(4)
    experiment._noise.draw(4, experiment.model.dropouts)
    logits = experiment.model(x)
    loss = -(torch.log_softmax(logits, dim=2) * target).sum(dim=2).mean(dim=1)  # (L,)
    parameters = [each for linear in experiment.model.linears for each in (linear.weight, linear.bias)]
    scales = [each for norm in experiment.model.norms for each in (norm.weight, norm.bias)]
    gradients = torch.autograd.grad(loss.sum(), parameters + scales)
    for lane, network in enumerate(plain):
        theirs = network(x, masks_of(experiment, lane))
        LOSS(theirs, target.argmax(dim=1)).backward()
        assert relative_error(logits[lane], theirs) < LIMIT[dtype]
        for index, linear in enumerate(network.linears):
            weight, bias = gradients[2 * index][lane].T, gradients[2 * index + 1][lane, 0]
            assert relative_error(weight, gradient(linear.weight)) < LIMIT[dtype]
            # A bias before batch norm has no effect: its gradient is rounding, and an error no share of it.
            whole = gradient(linear.weight).abs().max()
            assert float((bias - gradient(linear.bias)).abs().max() / whole) < LIMIT[dtype]
        for index, norm in enumerate(network.norms):
            at = len(parameters) + 2 * index
            assert relative_error(gradients[at][lane, 0], gradient(norm.weight)) < LIMIT[dtype]
            assert relative_error(gradients[at + 1][lane, 0], gradient(norm.bias)) < LIMIT[dtype]


# Adam divides a gradient by its own size, and so makes a step out of the rounding error of a gradient that is zero, as
# that of a bias before batch norm. Such biases, which have no effect, are left out with Adam; and in float32 only
# gradient descent can be compared after several steps.
@pytest.mark.parametrize(
    ("optimizer", "dtype"), [("adam", torch.float64), ("sgd", torch.float64), ("sgd", torch.float32)]
)
def test_ten_steps_are_those_of_plain_networks_and_of_torch_optim(optimizer: str, dtype: torch.dtype) -> None:
    experiment = experiment_of(dtype, optimizer=optimizer, learning_rate=0.01)
    plain = [plain_lane(experiment, lane) for lane in range(len(LANES))]
    rules = [optimizer_of(optimizer, network, LANES[lane].get("l2", 0)) for lane, network in enumerate(plain)]
    for step in range(1, 11):
        x, target = experiment._batches.at(step)
        losses = experiment.run(1).loss[0]
        for lane, (network, rule) in enumerate(zip(plain, rules, strict=True)):
            rule.zero_grad()
            loss = LOSS(network(x, masks_of(experiment, lane)), target.argmax(dim=1))
            loss.backward()
            rule.step()
            assert losses[lane] == pytest.approx(float(loss.detach()), rel=1e-5)  # recorded in float32
    for lane, network in enumerate(plain):
        mine = plain_lane(experiment, lane)
        for ours, theirs in zip(mine.linears, network.linears, strict=True):
            assert relative_error(ours.weight, theirs.weight) < LIMIT[dtype]
        shifted = network.linears[-1:] if network.norms and optimizer == "adam" else network.linears
        for ours, theirs in zip(mine.linears[-len(shifted) :], shifted, strict=True):
            assert relative_error(ours.bias, theirs.bias) < LIMIT[dtype]
        for norm, norms in zip(mine.norms, network.norms, strict=True):
            assert relative_error(norm.weight, norms.weight) < LIMIT[dtype]
            assert relative_error(norm.bias, norms.bias) < LIMIT[dtype]
            assert relative_error(statistic(norm, "var"), statistic(norms, "var")) < LIMIT[dtype]
            # Those biases move the mean, by as much as Adam made of their rounding errors.
            assert relative_error(statistic(norm, "mean"), statistic(norms, "mean")) < 10 * LIMIT[dtype]


def statistic(norm: nn.BatchNorm1d, name: str) -> Tensor:
    found = getattr(norm, f"running_{name}")
    assert isinstance(found, Tensor)
    return found


def optimizer_of(kind: str, network: nn.Module, l2: float) -> torch.optim.Optimizer:
    if kind == "adam":
        return torch.optim.Adam(network.parameters(), lr=0.01, weight_decay=l2)
    return torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=l2)


@pytest.mark.parametrize("dtype", LIMIT)
def test_evaluation_is_that_of_plain_networks_in_eval_mode(dtype: torch.dtype) -> None:
    experiment = experiment_of(dtype)
    experiment.run(10)
    scores, data = experiment.evaluate(), experiment.data
    for lane in range(len(LANES)):
        network = plain_lane(experiment, lane).eval()
        with torch.no_grad():
            train, val = network(data.train_x.to(dtype)), network(data.val_x.to(dtype))
        for logits, y, loss, accuracy in (
            (train, data.train_y, scores.train_loss, scores.train_accuracy),
            (val, data.val_y, scores.val_loss, scores.val_accuracy),
        ):
            assert loss[lane] == pytest.approx(float(nn.functional.cross_entropy(logits, y)), rel=1e-4)
            assert accuracy[lane] == pytest.approx(float((logits.argmax(dim=1) == y).double().mean()), abs=1e-6)


def test_initial_weights_are_those_of_plain_pytorch_after_manual_seed() -> None:
    experiment = experiment_of(torch.float32, seed=11)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        layers = [nn.Linear(64, 24), nn.Linear(24, 16), nn.Linear(16, 10)]
    for mine, theirs in zip(experiment.model.linears, layers, strict=True):
        for lane in range(len(LANES)):
            assert torch.equal(mine.weight[lane].T, theirs.weight)
            assert torch.equal(mine.bias[lane, 0], theirs.bias)


def test_batch_norm_switched_on_later_takes_steps_like_a_fresh_adam() -> None:
    lanes = [{"name": "off", "batch_norm": False}, {"name": "on", "batch_norm": True}]
    experiment = experiment_of(torch.float64, lanes=lanes, learning_rate=0.01)
    experiment.run(7)
    experiment.set(lane=0, batch_norm=True)
    network = plain_lane(experiment, 0)
    fresh = torch.optim.Adam([each for norm in network.norms for each in norm.parameters()], lr=0.01)
    x, target = experiment._batches.at(8)
    LOSS(network(x, masks_of(experiment, 0)), target.argmax(dim=1)).backward()
    fresh.step()
    experiment.run(1)
    for mine, theirs in zip(experiment.model.norms, network.norms, strict=True):
        assert relative_error(mine.weight[0, 0], theirs.weight) < 1e-9
        assert relative_error(mine.bias[0, 0], theirs.bias) < 1e-6  # starts at 0: the size of one step of 0.01


def test_devices_that_are_not_there_are_refused_by_name() -> None:
    with pytest.raises(
        ValueError, match="device = 'tpu' is not allowed: it must be one that this machine has: auto, cpu"
    ):
        pick_device("tpu")
