"""Every lane computes what plain `torch.nn` computes with the same weights, masks and mini-batches."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.plain import (
    PlainNetwork,
    eval_factors,
    factors_of,
    gradient,
    gradient_error,
    largest_gradient,
    mlp_of,
    plain_lane,
    relative_error,
)
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.training.devices import pick_device
from trainer.training.experiment import Experiment

LIMIT = {torch.float64: 1e-9, torch.float32: 1e-4}
LANES: list[dict[str, Any]] = [
    {"name": f"{kind} p {rate} bn {norm}", "dropout": [rate] * 3, "dropout_kind": kind, "batch_norm": norm}
    for kind, rate, norm in product(KINDS, (0, 0.2, 0.8), (False, True))
] + [
    {"name": "mixed", "dropout": [0.2, 0, 0.8], "batch_norm": True},
    {"name": "mixed weights", "dropout": [0.2, 0, 0.8], "dropout_kind": "dropconnect", "batch_norm": True},
    *(
        {"name": f"own {kind}", "dropout": [0.2, 0.8, 0.5], "dropout_kind": kind, "batch_norm": norm, **own}
        for kind, norm in product(KINDS, (False, True))
        for own in ({"hidden": [7, 16]}, {"hidden": [24, 5], "seed": 8}, {"seed": 9})
    ),
]
TRAINED: list[dict[str, Any]] = [
    {
        "name": f"{kind} l2 {l2} bn {norm}",
        "dropout": [0.8, 0.5, 0.2],
        "dropout_kind": kind,
        "batch_norm": norm,
        "l2": l2,
    }
    for kind, norm, l2 in product(KINDS, (False, True), (0, 0.01))
] + [
    {"name": "without", "batch_norm": True},
    {"name": "narrow", "dropout": [0.8, 0.5, 0.2], "batch_norm": True, "hidden": [9, 13], "l2": 0.01},
    {"name": "own seed", "dropout": [0.8, 0.5, 0.2], "hidden": [9, 13], "seed": 5, "train_size": 50},
]
ORDERS = ("before_dropout", "after_dropout")
BATCH = 32
TERMS = BATCH * 64  # an element of a gradient is a sum over the mini-batch, of sums over at most 64 units
LOSS = nn.CrossEntropyLoss()
DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def experiment_of(
    dtype: torch.dtype, device: str = "cpu", lanes: list[dict[str, Any]] = TRAINED, **knobs: Any
) -> Experiment:
    given = {"hidden": [24, 16], "batch_size": BATCH, "train_size": 100, "lanes": lanes, "seed": 3}
    return Experiment(parse(given | knobs), device=device, dtype=dtype)


def batch_of(experiment: Experiment, step: int, lane: int) -> tuple[Tensor, Tensor]:
    """The examples and labels of one lane at a step."""
    x, target = experiment.batches.at(step)
    return (x, target.argmax(dim=1)) if x.dim() == 2 else (x[lane], target[lane].argmax(dim=1))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_forward_and_gradient_are_those_of_plain_networks(
    dtype: torch.dtype, mask: str, order: str, device: str
) -> None:
    experiment = experiment_of(dtype, device, LANES, mask=mask, batch_norm_order=order)
    experiment.run(3)  # so that batch norm's parameters and statistics are no longer those of the start
    model = mlp_of(experiment)
    plain = [plain_lane(experiment, lane).to(experiment.device) for lane in range(len(LANES))]
    x, target = experiment.batches.at(4)
    experiment._noise.draw(4)
    logits = model(x)
    loss = -(torch.log_softmax(logits, dim=2) * target).sum(dim=2).mean(dim=1)  # (L,)
    parameters = [each for linear in model.linears for each in (linear.weight, linear.bias)]
    scales = [each for norm in model.norms for each in (norm.weight, norm.bias)]
    gradients = torch.autograd.grad(loss.sum(), parameters + scales)
    for lane, network in enumerate(plain):
        own_x, own_y = batch_of(experiment, 4, lane)
        theirs = network(own_x, *factors_of(experiment, lane))
        LOSS(theirs, own_y).backward()
        assert relative_error(logits[lane], theirs) < LIMIT[dtype]
        largest = largest_gradient(network)
        for index, linear in enumerate(network.linears):
            weight, bias = inside(gradients[2 * index][lane].T, linear.weight), gradients[2 * index + 1][lane, 0]
            assert gradient_error(weight, gradient(linear.weight), largest, TERMS) < LIMIT[dtype]
            assert gradient_error(inside(bias, linear.bias), gradient(linear.bias), largest, TERMS) < LIMIT[dtype]
        for index, norm in enumerate(network.norms):
            at = len(parameters) + 2 * index
            for mine, parameter in ((gradients[at], norm.weight), (gradients[at + 1], norm.bias)):
                own = inside(mine[lane, 0], parameter)
                assert gradient_error(own, gradient(parameter), largest, TERMS) < LIMIT[dtype]


@pytest.mark.parametrize("dtype", LIMIT)
def test_a_gradient_of_nothing_but_rounding_is_no_error_and_a_wrong_one_is(dtype: torch.dtype) -> None:
    rounding, largest = torch.finfo(dtype).eps, 0.08
    assert gradient_error(torch.tensor([rounding * 0.01], dtype=dtype), torch.zeros(1, dtype=dtype), largest, 64) == 0
    right = torch.tensor([largest, largest / 3], dtype=dtype)
    assert gradient_error(right * (1 - 2 * LIMIT[dtype]), right, largest, 64) > LIMIT[dtype]
    assert gradient_error(right.flip(0), right, largest, 64) > LIMIT[dtype]


def inside(mine: Tensor, theirs: Tensor) -> Tensor:
    """The part of a padded tensor that a narrower network has; what is outside of it is exactly 0."""
    part = mine[tuple(slice(size) for size in theirs.shape)]
    assert int(mine.count_nonzero()) == int(part.count_nonzero())
    return part


# Adam divides a gradient by its own size, and so makes a step out of the rounding error of a gradient that is zero, as
# that of a bias before batch norm; where ReLU stands between them, of a unit that fires for every example. Such biases,
# which have no effect, are left out with Adam; and in float32 only
# gradient descent can be compared after several steps. Nor can it where batch norm stands behind dropout: a unit that
# was dropped in nearly all examples has next to no variance, and the rounding error of a step is divided by its root.
@pytest.mark.parametrize(
    ("optimizer", "dtype", "order"),
    [(kind, torch.float64, order) for kind in ("adam", "sgd") for order in ORDERS]
    + [("sgd", torch.float32, "before_dropout")],
)
def test_ten_steps_are_those_of_plain_networks_and_of_torch_optim(
    optimizer: str, dtype: torch.dtype, order: str
) -> None:
    experiment = experiment_of(dtype, optimizer=optimizer, learning_rate=0.01, batch_norm_order=order)
    plain = [plain_lane(experiment, lane) for lane in range(len(TRAINED))]
    rules = [optimizer_of(optimizer, network, TRAINED[lane].get("l2", 0)) for lane, network in enumerate(plain)]
    for step in range(1, 11):
        losses = experiment.run(1).loss[0]
        for lane, (network, rule) in enumerate(zip(plain, rules, strict=True)):
            x, y = batch_of(experiment, step, lane)
            rule.zero_grad()
            loss = LOSS(network(x, *factors_of(experiment, lane)), y)
            loss.backward()
            rule.step()
            assert losses[lane] == pytest.approx(float(loss.detach()), rel=1e-5)  # recorded in float32
    for lane, network in enumerate(plain):
        idle = bool(network.norms) and optimizer == "adam"
        assert_same_weights(plain_lane(experiment, lane), network, LIMIT[dtype], idle)


def assert_same_weights(mine: PlainNetwork, theirs: PlainNetwork, limit: float, idle_biases: bool) -> None:
    """Compare two networks; ``idle_biases`` says that the biases of hidden layers have no effect, and are no matter."""
    for ours, other in zip(mine.linears, theirs.linears, strict=True):
        assert relative_error(ours.weight, other.weight) < limit
    first = len(theirs.linears) - 1 if idle_biases else 0
    for ours, other in zip(mine.linears[first:], theirs.linears[first:], strict=True):
        assert relative_error(ours.bias, other.bias) < limit
    for norm, norms in zip(mine.norms, theirs.norms, strict=True):
        assert relative_error(norm.weight, norms.weight) < limit
        assert relative_error(norm.bias, norms.bias) < limit
        assert relative_error(statistic(norm, "var"), statistic(norms, "var")) < limit
        # Those biases move the mean, by as much as Adam made of their rounding errors.
        assert relative_error(statistic(norm, "mean"), statistic(norms, "mean")) < 10 * limit


def statistic(norm: nn.BatchNorm1d, name: str) -> Tensor:
    found = getattr(norm, f"running_{name}")
    assert isinstance(found, Tensor)
    return found


def optimizer_of(kind: str, network: nn.Module, l2: float) -> torch.optim.Optimizer:
    if kind == "adam":
        return torch.optim.Adam(network.parameters(), lr=0.01, weight_decay=l2)
    return torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=l2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", LIMIT)
def test_evaluation_is_that_of_plain_networks_in_eval_mode(dtype: torch.dtype, order: str) -> None:
    experiment = experiment_of(dtype, lanes=LANES, batch_norm_order=order)
    experiment.run(10)
    scores, data = experiment.evaluate(), experiment.data
    for lane in range(len(LANES)):
        network, factors = plain_lane(experiment, lane).eval(), eval_factors(experiment.config, lane)
        with torch.no_grad():
            train, val = network(data.train_x.to(dtype), factors), network(data.val_x.to(dtype), factors)
        for logits, y, loss, accuracy in (
            (train, data.train_y, scores.train_loss, scores.train_accuracy),
            (val, data.val_y, scores.val_loss, scores.val_accuracy),
        ):
            assert loss[lane] == pytest.approx(float(nn.functional.cross_entropy(logits, y)), rel=1e-4)
            assert accuracy[lane] == pytest.approx(float((logits.argmax(dim=1) == y).double().mean()), abs=1e-6)


def test_initial_weights_are_those_of_plain_pytorch_after_manual_seed() -> None:
    lanes: list[dict[str, Any]] = [{}, {"seed": 4}, {"hidden": [9, 13]}, {"seed": 4, "hidden": [24, 1]}]
    experiment = experiment_of(torch.float32, lanes=[{"name": "a", **own} for own in lanes], seed=11)
    for lane, own in enumerate(lanes):
        first, second = own.get("hidden", [24, 16])
        with torch.random.fork_rng():
            torch.manual_seed(own.get("seed", 11))
            layers = [nn.Linear(64, first), nn.Linear(first, second), nn.Linear(second, 10)]
        for mine, theirs in zip(mlp_of(experiment).linears, layers, strict=True):
            assert torch.equal(inside(mine.weight[lane].T, theirs.weight), theirs.weight)
            assert torch.equal(inside(mine.bias[lane, 0], theirs.bias), theirs.bias)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("order", ORDERS)
def test_the_units_that_a_narrow_lane_does_not_have_stay_exactly_zero(order: str, optimizer: str) -> None:
    """Weights, biases, batch norm's shifts and running means, and every moment of the optimiser."""
    own = {"hidden": [7, 5], "batch_norm": True, "l1": 1e-3, "l2": 1e-3, "weight_decay": 0.1, "max_norm": 1.0}
    lanes = [{"name": "wide"}] + [
        {"name": kind, "dropout": [0.2, 0.5, 0.5], "dropout_kind": kind, "input_noise": 0.1, **own} for kind in KINDS
    ]
    experiment = experiment_of(torch.float32, lanes=lanes, batch_norm_order=order, optimizer=optimizer)
    experiment.run(30)
    experiment.set(lane=1, batch_norm=False)
    experiment.run(10)
    model, moments = mlp_of(experiment), experiment._optimizer.state_dict()
    names = ("velocities",) if optimizer == "sgd" else ("first", "second")
    remembered = [tensor for name in names for tensor in moments["weights"][name]]
    weights = [parameter for linear in model.linears for parameter in (linear.weight, linear.bias)]
    for lane, kind in enumerate(KINDS, 1):
        sizes = (64, 7, 5, 10)
        for index, tensor in enumerate([*weights, *remembered]):
            layer, is_bias = divmod(index % len(weights), 2)
            shape = (1 if is_bias else sizes[layer], sizes[layer + 1])
            rest = tensor[lane].clone()
            rest[: shape[0], : shape[1]] = 0
            assert not rest.count_nonzero(), (kind, index)
            assert tensor[lane, : shape[0], : shape[1]].count_nonzero()
        for norm, width in zip(model.norms, sizes[1:-1], strict=True):
            assert not norm.bias[lane, 0, width:].count_nonzero()
            assert not norm.running_mean[lane, 0, width:].count_nonzero()
    # Batch norm's parameters are remembered flat. A padded scale shrinks by its penalties, whatever it multiplies; a
    # padded shift has nothing that could move it.
    shifts = [any(parameter is norm.bias for norm in model.norms) for parameter in model.norm_parameters]
    for name in ("first",) if optimizer == "sgd" else ("first", "second"):
        parts = torch.split(moments["norms"][name][0], [each.numel() for each in model.norm_parameters])
        for part, parameter, shift in zip(parts, model.norm_parameters, shifts, strict=True):
            width, own_part = {24: 7, 16: 5}[parameter.shape[2]], part.view_as(parameter)[1:, 0]
            assert own_part[:, :width].count_nonzero()
            assert not shift or not own_part[:, width:].count_nonzero()


def test_batch_norm_switched_on_later_takes_steps_like_a_fresh_adam() -> None:
    lanes: list[dict[str, Any]] = [{"name": "off", "batch_norm": False}, {"name": "on", "batch_norm": True}]
    experiment = experiment_of(torch.float64, lanes=lanes, learning_rate=0.01)
    experiment.run(7)
    experiment.set(lane=0, batch_norm=True)
    network = plain_lane(experiment, 0)
    fresh = torch.optim.Adam([each for norm in network.norms for each in norm.parameters()], lr=0.01)
    x, target = experiment.batches.at(8)
    LOSS(network(x), target.argmax(dim=1)).backward()
    fresh.step()
    experiment.run(1)
    for mine, theirs in zip(mlp_of(experiment).norms, network.norms, strict=True):
        assert relative_error(mine.weight[0, 0], theirs.weight) < 1e-9
        assert relative_error(mine.bias[0, 0], theirs.bias) < 1e-6  # starts at 0: the size of one step of 0.01


def test_devices_that_are_not_there_are_refused_by_name() -> None:
    with pytest.raises(
        ValueError, match="device = 'tpu' is not allowed: it must be one that this machine has: auto, cpu"
    ):
        pick_device("tpu")
