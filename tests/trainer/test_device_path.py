"""What a GPU is asked to do, done on the CPU: the rates that its kernels read, its noise, its mini-batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer.graphs import Counting, Trusting
from tests.trainer.plain import factors_of, plain_lane, relative_error
from trainer.data.batches import Batches
from trainer.dropout import kinds
from trainer.dropout.inputs import DeviceInputNoise
from trainer.dropout.noise import DeviceNoise
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS
from trainer.training.experiment import Experiment
from trainer.training.optim import LaneOptimizer

LIMIT = {torch.float64: 1e-9, torch.float32: 1e-4}
LOSS = nn.CrossEntropyLoss()


def experiment_of(dtype: torch.dtype, **knobs: Any) -> Experiment:
    given = {"hidden": [16, 12], "batch_size": 16, "train_size": 64, "seed": 3, **knobs}
    return Experiment(parse(given), "cpu", dtype, graphs=Trusting())


class Rates(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down the learning rates that the fused kernel is given."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.given: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "_fused_adam" in str(func):
            self.given.append((kwargs or {})["lr"])
        return func(*args, **(kwargs or {}))


def stepped(optimizer: str, dtype: torch.dtype, rates: list[float], steps: int = 10) -> tuple[list[Tensor], list[Any]]:
    """Weights of as many lanes as there are rates after some steps along made-up gradients, and the kernel's rates."""
    random = torch.Generator().manual_seed(0)
    lanes = [{"name": str(rate), "learning_rate": rate} for rate in rates]
    config = parse({"optimizer": optimizer, "lanes": lanes})
    weights = [torch.randn(len(rates), *shape, dtype=dtype, generator=random) for shape in ((5, 3), (1, 3))]
    for weight in weights:
        weight.requires_grad_()
    rule = LaneOptimizer(optimizer, weights, [torch.zeros(len(rates), 1, 1, dtype=dtype)], live=True)
    rule.use(config)
    with Rates() as seen:
        for _ in range(steps):
            # Of very different sizes, so that Adam's second moments are, too.
            towards = [
                torch.randn(each.shape, dtype=dtype, generator=random)
                * 10.0 ** torch.randint(-6, 2, each.shape, generator=random)
                for each in weights
            ]
            logits = sum(((weight * along).sum() for weight, along in zip(weights, towards, strict=True)))
            assert isinstance(logits, Tensor)
            rule.step(logits, torch.ones((), dtype=dtype), None)
    return [weight.detach() for weight in weights], seen.given


def plainly(optimizer: str, dtype: torch.dtype, rates: list[float], steps: int = 10) -> list[Tensor]:
    """The same by an optimiser of `torch.optim` for each lane."""
    random = torch.Generator().manual_seed(0)
    weights = [torch.randn(len(rates), *shape, dtype=dtype, generator=random) for shape in ((5, 3), (1, 3))]
    own = [[weight[lane].clone().requires_grad_() for weight in weights] for lane in range(len(rates))]
    if optimizer == "adam":
        rules: list[torch.optim.Optimizer] = [
            torch.optim.Adam(each, lr=rate) for each, rate in zip(own, rates, strict=True)
        ]
    else:
        rules = [torch.optim.SGD(each, lr=rate, momentum=0.9) for each, rate in zip(own, rates, strict=True)]
    for _ in range(steps):
        towards = [
            torch.randn(each.shape, dtype=dtype, generator=random)
            * 10.0 ** torch.randint(-6, 2, each.shape, generator=random)
            for each in weights
        ]
        for lane, rule in enumerate(rules):
            for weight, along in zip(own[lane], towards, strict=True):
                weight.grad = along[lane].clone()
            rule.step()
    return [torch.stack([each[index].detach() for each in own]) for index in range(len(weights))]


@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_rates_that_are_read_where_they_lie_move_weights_as_torch_optim_does(
    dtype: torch.dtype, limit: float, optimizer: str, count: int
) -> None:
    rates = [1e-3 * (1 + lane) for lane in range(count)]
    mine, _ = stepped(optimizer, dtype, rates)
    for own, theirs in zip(mine, plainly(optimizer, dtype, rates), strict=True):
        assert relative_error(own, theirs) < limit


@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_fused_kernel_is_given_no_rate_that_a_gpu_would_read_wrongly(dtype: torch.dtype, count: int) -> None:
    """It reads a tensor's memory as float32, whatever the weights are."""
    _, given = stepped("adam", dtype, [1e-3 * (1 + lane) for lane in range(count)])
    assert all(isinstance(rate, Tensor) and rate.dtype == torch.float32 for rate in given)
    assert bool(given) == (dtype == torch.float32 and count <= 3)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_sixty_four_learning_rates_cost_no_more_operations_than_nine(optimizer: str) -> None:
    counts = []
    for lanes in (9, 64):
        rates = [1e-4 * (1 + lane) for lane in range(lanes)]
        with Counting() as seen:
            stepped(optimizer, torch.float32, rates, steps=1)
        counts.append(len(seen.names))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("rates", [(0.01, 0.01), (0.01, 0.02)], ids=["one rate", "two rates"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("optimizer", "dtype"), [("adam", torch.float64), ("sgd", torch.float64), ("sgd", torch.float32)]
)
def test_ten_steps_are_those_of_plain_networks_and_of_torch_optim(
    optimizer: str, dtype: torch.dtype, kind: str, rates: tuple[float, float]
) -> None:
    lanes: list[dict[str, Any]] = [
        {"name": "drops", "dropout": [0.2, 0.5, 0.5], "dropout_kind": kind, "learning_rate": rates[0]},
        {"name": "does not", "learning_rate": rates[1]},
    ]
    experiment = experiment_of(dtype, optimizer=optimizer, lanes=lanes)
    plain = [plain_lane(experiment, lane) for lane in range(2)]
    rules: list[torch.optim.Optimizer] = [
        torch.optim.Adam(network.parameters(), lr=rate)
        if optimizer == "adam"
        else torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
        for network, rate in zip(plain, rates, strict=True)
    ]
    for step in range(1, 11):
        losses = experiment.run(1).loss[0]
        x, target = experiment.batches.at(step)
        for lane, (network, rule) in enumerate(zip(plain, rules, strict=True)):
            rule.zero_grad()
            loss = LOSS(network(x, *factors_of(experiment, lane)), target.argmax(dim=1))
            loss.backward()
            rule.step()
            assert losses[lane] == pytest.approx(float(loss.detach()), rel=1e-5)
    for lane, network in enumerate(plain):
        for mine, theirs in zip(plain_lane(experiment, lane).parameters(), network.parameters(), strict=True):
            assert relative_error(mine, theirs) < LIMIT[dtype]


def test_words_of_the_device_are_a_function_of_the_step_and_use_all_sixteen_bits() -> None:
    experiment = experiment_of(torch.float32, batch_size=64, hidden=[128, 128])
    experiment.run(1)
    noise = experiment._noise
    assert isinstance(noise, DeviceNoise)
    words = []
    for step in (1, 2, 1):
        noise.fill(step)
        words.append(noise._block.view(torch.int16).clone())
    assert torch.equal(words[0], words[2])
    assert not torch.equal(words[0], words[1])
    shares = (words[0].flatten()[:, None].int() >> torch.arange(16) & 1).double().mean(dim=0)
    bound = 5 * 0.5 / words[0].numel() ** 0.5  # five standard errors
    assert float((shares - 0.5).abs().max()) < bound


def test_noise_on_inputs_is_drawn_for_all_lanes_and_added_where_it_is_wanted() -> None:
    lanes = [{"name": "a"}, {"name": "b", "input_noise": 0.5}, {"name": "c", "input_noise": 0.1}]
    x = torch.rand(50, 40, dtype=torch.float64)
    noise = DeviceInputNoise(parse({"lanes": lanes}), x)
    added = torch.cat([noise.add(x, step) - x for step in range(1, 21)], dim=1)
    assert not added[0].count_nonzero()
    for lane, sigma in ((1, 0.5), (2, 0.1)):
        count = added[lane].numel()
        assert float(added[lane].std()) == pytest.approx(sigma, abs=5 * sigma / (2 * count) ** 0.5)
        assert abs(float(added[lane].mean())) < 5 * sigma / count**0.5
    assert torch.equal(noise.add(x, 3), noise.add(x, 3))
    assert not torch.equal(noise.add(x, 3), noise.add(x, 4))
    noise.use(parse({"lanes": [{}]}).model_copy(update={"lanes": parse({"lanes": [{}] * 3}).lanes}))
    assert noise.add(x, 3) is x


def test_normal_numbers_are_brought_to_a_device_once() -> None:
    kinds.factor_table_on.cache_clear()
    experiment = experiment_of(torch.float32, lanes=[{"dropout": [0.2, 0.5, 0.5], "dropout_kind": "gaussian"}])
    experiment.run(5)
    told = kinds.factor_table_on.cache_info()
    assert told.misses == 1
    assert told.hits > 5


@pytest.mark.parametrize("counts", [(60, 60, 60), (60, 40, 60)], ids=["of one length", "of two lengths"])
def test_mini_batches_of_lanes_of_their_own_are_the_epochs_of_each_lane_alone(
    counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever order steps are asked for in, and however many of them are brought into order at once."""
    monkeypatch.setattr("trainer.data.batches._AT_ONCE", 7 * 3 * 8 * 74)  # seven steps, which no epoch is a multiple of
    lanes = [{"name": str(seed), "seed": seed, "train_size": count} for seed, count in enumerate(counts)]
    config = parse({"lanes": lanes, "train_size": 60, "batch_size": 8})
    experiment = Experiment(config, "cpu")
    batches, data = experiment.batches, experiment.data
    for step in (1, 2, 7, 8, 30, 3, 31, 29):
        x, target = batches.at(step)
        assert x.shape == (3, 8, 64)
        for lane, count in enumerate(counts):
            alone = Batches(data, parse({"lanes": [lanes[lane]], "train_size": 60, "batch_size": 8}), *like(x))
            own_x, own_target = alone.at(step)
            assert torch.equal(x[lane], own_x)
            assert torch.equal(target[lane], own_target)
            chosen = [batches.example(step, row, lane) for row in range(8)]
            assert torch.equal(x[lane], data.train_x[chosen])
            assert torch.equal(target[lane].argmax(dim=1), data.labels_for(count)[torch.tensor(chosen)])
            assert max(chosen) < count


def like(x: Tensor) -> tuple[torch.device, torch.dtype]:
    return x.device, x.dtype


def test_lanes_of_their_own_do_not_make_a_step_of_sixty_four_ask_for_sixty_four_mini_batches() -> None:
    lanes = [{"name": str(seed), "seed": seed} for seed in range(64)]
    experiment = Experiment(parse({"lanes": lanes, "hidden": [4], "batch_size": 16}), "cpu")
    experiment.batches.at(1)
    with Counting() as seen:
        for step in (2, 3, 4):
            experiment.batches.at(step)
    assert seen.names == []
