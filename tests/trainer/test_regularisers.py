"""Penalties, limits, noise and rates of a lane do what plain PyTorch does when one writes them by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.settings.config import parse
from trainer.training.experiment import Experiment
from trainer.training.optim import limit_norms

STEPS = 10
RATE = 0.01
Penalty = Callable[[nn.Module], Tensor]
AfterStep = Callable[[nn.Module], None]


def experiment_of(*lanes: dict[str, Any], **knobs: Any) -> Experiment:
    given = {"hidden": [24, 16], "batch_size": 32, "train_size": 100, "seed": 3, "learning_rate": RATE}
    named = [{"name": f"lane {index}", **lane} for index, lane in enumerate(lanes)]
    return Experiment(parse(given | knobs | {"lanes": named}), device="cpu", dtype=torch.float64)


def plain_network(seed: int = 3) -> nn.Sequential:
    """The network of a lane at step 0, as plain PyTorch makes it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 10)]
        return nn.Sequential(*layers).double()


def linears(network: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def train_plain(
    experiment: Experiment,
    network: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    penalty: Penalty = lambda network: torch.zeros(()),
    after: AfterStep = lambda network: None,
    smoothing: float = 0.0,
    lane: int = 0,
) -> nn.Sequential:
    """Train on the very mini-batches of a lane."""
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
    for step in range(1, STEPS + 1):
        x, target = experiment.batches.at(step)
        if x.dim() == 3:
            x, target = x[lane], target[lane]
        optimizer.zero_grad()
        (loss(network(x), target.argmax(dim=1)) + penalty(network)).backward()
        optimizer.step()
        with torch.no_grad():
            after(network)
    return network


def assert_same(experiment: Experiment, lane: int, network: nn.Sequential) -> None:
    parameters = [parameter.detach() for parameter in experiment.model.weights]
    for number, layer in enumerate(linears(network)):
        weight, bias = parameters[2 * number][lane].T, parameters[2 * number + 1][lane, 0]
        for mine, theirs in ((weight, layer.weight.detach()), (bias, layer.bias.detach())):
            assert float((mine - theirs).abs().max() / theirs.abs().max()) < 1e-9


def distance(mine: Tensor, theirs: Tensor) -> float:
    return float((mine - theirs).detach().abs().max())


def absolute_sum(network: nn.Module) -> Tensor:
    return sum((each.abs().sum() for each in network.parameters()), torch.zeros(()))


def test_each_lane_has_its_own_penalty_decay_and_learning_rate() -> None:
    experiment = experiment_of(
        {},
        {"l1": 1e-3},
        {"l2": 1e-2},
        {"weight_decay": 3.0},
        {"learning_rate": 0.03},
        {"l1": 1e-4, "l2": 1e-3, "weight_decay": 0.3, "learning_rate": 0.001},
    )
    experiment.run(STEPS)
    adam = torch.optim.Adam
    for lane, (l1, l2, decay, rate) in enumerate(
        [
            (0, 0, 0, RATE),
            (1e-3, 0, 0, RATE),
            (0, 1e-2, 0, RATE),
            (0, 0, 3.0, RATE),
            (0, 0, 0, 0.03),
            (1e-4, 1e-3, 0.3, 0.001),
        ]
    ):
        network = plain_network()
        rule: torch.optim.Optimizer = adam(network.parameters(), lr=rate, weight_decay=l2)

        def shrink(network: nn.Module, share: float = 1 - rate * decay) -> None:
            for parameter in network.parameters():
                parameter.mul_(share)

        if decay and not l2:
            rule = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
            shrink = nothing  # type: ignore[assignment]
        if decay and l2:  # both at once: torch has no such optimiser, so decay is done by hand before each step
            rule = BeforeEachStep(rule, shrink, network)
        train_plain(experiment, network, rule, penalty=lambda network, l1=l1: l1 * absolute_sum(network))  # type: ignore[misc]
        assert_same(experiment, lane, network)


def nothing(network: nn.Module) -> None:
    """Leave the network as it is."""


class BeforeEachStep(torch.optim.Optimizer):
    """An optimiser that does something to the network before each of its steps."""

    def __init__(self, rule: torch.optim.Optimizer, before: AfterStep, network: nn.Module) -> None:
        self._rule, self._before, self._network = rule, before, network

    def zero_grad(self, set_to_none: bool = True) -> None:
        self._rule.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        # The penalty of torch's weight_decay is taken of the weights as they were when the gradient was made.
        group = self._rule.param_groups[0]
        l2, group["weight_decay"] = group["weight_decay"], 0.0
        with torch.no_grad():
            for parameter in self._network.parameters():
                assert parameter.grad is not None
                parameter.grad.add_(parameter, alpha=l2)
            self._before(self._network)
        self._rule.step()
        group["weight_decay"] = l2


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_gradient_descent_takes_penalties_and_own_rates_too(optimizer: str) -> None:
    lanes = ({"l2": 1e-2}, {"learning_rate": 0.002}, {"weight_decay": 0.5})
    experiment = experiment_of(*lanes, optimizer=optimizer)
    experiment.run(STEPS)
    for lane, (l2, rate, decay) in enumerate([(1e-2, RATE, 0.0), (0.0, 0.002, 0.0), (0.0, RATE, 0.5)]):
        network = plain_network()
        if optimizer == "adam":
            rule: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=l2)
        else:
            rule = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, weight_decay=l2)

        def shrink(network: nn.Module, share: float = 1 - rate * decay) -> None:
            for parameter in network.parameters():
                parameter.mul_(share)

        train_plain(experiment, network, BeforeEachStep(rule, shrink, network))
        assert_same(experiment, lane, network)


def test_max_norm_shortens_what_enters_a_hidden_unit_after_each_step_and_leaves_biases_and_the_output_alone() -> None:
    experiment = experiment_of({}, {"max_norm": 0.5}, {"max_norm": 2.0})
    experiment.run(STEPS)
    for lane, limit in enumerate([float("inf"), 0.5, 2.0]):

        def shorten(network: nn.Module, limit: float = limit) -> None:
            for layer in linears(network)[:-1]:  # type: ignore[arg-type]
                norms = layer.weight.norm(dim=1, keepdim=True)
                layer.weight.mul_((limit / norms).clamp_max(1))

        network = plain_network()
        train_plain(experiment, network, torch.optim.Adam(network.parameters(), lr=RATE), after=shorten)
        assert_same(experiment, lane, network)
    for weight, dims in experiment.model.limited:
        assert float(weight[1].detach().norm(dim=dims[0] - 1).max()) <= 0.5 * (1 + 1e-9)


def test_max_norm_is_what_torch_renorm_does() -> None:
    weight = torch.randn(1, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    theirs = torch.renorm(weight[0].T, p=2, dim=0, maxnorm=1.5).T
    limit_norms(weight, (1,), torch.tensor(1.5))
    assert float((weight[0] - theirs).abs().max()) < 1e-6  # renorm divides by the norm plus 1e-7
    assert float(weight[0].norm(dim=0).max()) == pytest.approx(1.5)


def test_label_smoothing_is_that_of_torch_and_the_recorded_loss_is_without_it() -> None:
    experiment = experiment_of({}, {"label_smoothing": 0.1}, {"label_smoothing": 0.5})
    losses = experiment.run(STEPS).loss
    for lane, smoothing in enumerate([0.0, 0.1, 0.5]):
        network = plain_network()
        rule = torch.optim.Adam(network.parameters(), lr=RATE)
        train_plain(experiment, network, rule, smoothing=smoothing)
        assert_same(experiment, lane, network)
    assert torch.equal(losses[0, :1].expand(3), losses[0])  # at the first step all three are the same network


def test_input_noise_has_its_standard_deviation_and_is_no_part_of_evaluation() -> None:
    experiment = experiment_of({}, {"input_noise": 0.5}, batch_size=100)
    x, _ = experiment.batches.at(1)
    noise = torch.cat([experiment._input_noise.add(x, step) - x for step in range(1, 21)], dim=1)
    assert noise[0].abs().max() == 0
    count = noise[1].numel()  # 128,000 normal numbers: their mean is off by sigma/sqrt(n), their sd by sigma/sqrt(2n)
    assert abs(float(noise[1].mean())) < 5 * 0.5 / count**0.5
    assert abs(float(noise[1].std()) - 0.5) < 5 * 0.5 / (2 * count) ** 0.5
    scores = experiment.evaluate()
    assert scores.val_loss[0] == scores.val_loss[1]
    losses = experiment.run(1).loss[0]
    assert losses[0] != losses[1]


def test_input_noise_does_not_depend_on_how_steps_are_cut() -> None:
    lanes: list[dict[str, Any]] = [{}, {"input_noise": 0.3}]
    whole, cut = experiment_of(*lanes), experiment_of(*lanes)
    whole.run(6)
    cut.run(1)
    cut.evaluate()
    cut.run(5)
    for mine, theirs in zip(whole.model.weights, cut.model.weights, strict=True):
        assert torch.equal(mine, theirs)


def test_the_knobs_of_some_lanes_leave_the_others_alone() -> None:
    alone = experiment_of({})
    among = experiment_of({}, {"l1": 1e-3}, {"weight_decay": 1.0}, {"max_norm": 0.5}, {"label_smoothing": 0.1})
    alone.run(STEPS)
    among.run(STEPS)
    for mine, theirs in zip(alone.model.weights, among.model.weights, strict=True):
        assert distance(mine[0], theirs[0]) < 1e-12


class TestOwnTrainingSets:
    def test_a_lane_with_fewer_examples_trains_as_a_run_of_that_size_does(self) -> None:
        among = experiment_of({}, {"train_size": 60}, label_noise=0.2)
        alone = experiment_of({}, train_size=60, label_noise=0.2)
        among.run(STEPS)
        alone.run(STEPS)
        for mine, theirs in zip(among.model.weights, alone.model.weights, strict=True):
            assert distance(mine[1], theirs[0]) < 1e-12
        assert among.evaluate().train_loss[1] == pytest.approx(float(alone.evaluate().train_loss[0]), rel=1e-6)
        assert among.evaluate().val_accuracy[1] == alone.evaluate().val_accuracy[0]

    def test_its_mini_batches_hold_only_its_own_examples(self) -> None:
        experiment = experiment_of({}, {"train_size": 40})
        experiment.follow(lane=1, example=3)
        assert int(experiment.run(30).example.max()) < 40

    def test_an_example_that_it_does_not_have_cannot_be_followed(self) -> None:
        experiment = experiment_of({}, {"train_size": 40})
        with pytest.raises(ValueError, match="example = 70 is not allowed: it must be a number from 0 to 39"):
            experiment.follow(lane=1, example=70)
        experiment.follow(lane=0, example=70)
        experiment.follow(lane=1)
        assert experiment.followed == (1, 0)


class TestOwnSeeds:
    def test_a_lane_with_its_own_seed_has_the_weights_and_mini_batches_of_that_seed(self) -> None:
        experiment = experiment_of({}, {"seed": 11})
        networks = [plain_network(3), plain_network(11)]
        assert_same(experiment, 0, networks[0])
        assert_same(experiment, 1, networks[1])
        experiment.run(STEPS)
        for lane, network in enumerate(networks):
            train_plain(experiment, network, torch.optim.Adam(network.parameters(), lr=RATE), lane=lane)
            assert_same(experiment, lane, network)

    def test_the_data_stay_those_of_the_run(self) -> None:
        experiment = experiment_of({}, {"seed": 11})
        assert torch.equal(experiment.data.val_x, experiment_of({}).data.val_x)
        x, _ = experiment.batches.at(1)
        assert not torch.equal(x[0], x[1])
        rows = {tuple(row.tolist()) for row in experiment.data.train_x.double()}
        assert {tuple(row.tolist()) for row in x[1]} <= rows


class TestEarlyStopping:
    def overfitting(self, *lanes: dict[str, Any], **knobs: Any) -> Experiment:
        given = {"hidden": [64, 64], "batch_size": 20, "train_size": 40, "label_noise": 0.3, "learning_rate": 0.01}
        return Experiment(parse(given | knobs | {"lanes": list(lanes), "seed": 1}), device="cpu")

    def test_a_lane_that_no_longer_improves_stops_and_has_its_best_weights(self) -> None:
        experiment = self.overfitting({"name": "all the way"}, {"name": "stops", "patience": 4})
        losses = {}
        while experiment.stopped[1] is None:
            experiment.run(25)
            losses[experiment.step] = float(experiment.evaluate().val_loss[0])
            assert experiment.step < 1000
        stop = experiment.stopped[1]
        assert stop is not None
        best = min(losses, key=losses.__getitem__)  # both lanes are the same network until one of them stops
        assert stop == {"step": best + 100, "best_step": best, "best_loss": pytest.approx(losses[best])}
        assert experiment.stopped[0] is None
        for _ in range(3):
            experiment.run(10)
            assert float(experiment.evaluate().val_loss[1]) == pytest.approx(losses[best], rel=1e-6)
        assert float(experiment.evaluate().val_loss[0]) > losses[best]

    def test_where_it_stops_does_not_depend_on_how_steps_are_cut(self) -> None:
        lanes: list[dict[str, Any]] = [{"patience": 3, "dropout": [0.1, 0.2, 0.2], "batch_norm": True}, {}]
        whole, cut = self.overfitting(*lanes), self.overfitting(*lanes)
        whole.run(300)
        for count in (1, 24, 7, 68, 200):
            cut.run(count)
            cut.evaluate()
        assert whole.stopped == cut.stopped != [None, None]
        for mine, theirs in zip(whole.model.state_dict().values(), cut.model.state_dict().values(), strict=True):
            assert torch.equal(mine, theirs)

    def test_with_patience_0_a_lane_that_was_stopped_goes_on(self) -> None:
        experiment = self.overfitting({"patience": 2}, {})
        experiment.run(400)
        assert experiment.stopped[0] is not None
        before = [weight[0].clone() for weight in experiment.model.weights]
        experiment.set(lane=0, patience=0)
        assert experiment.stopped == [None, None]
        experiment.run(1)
        pairs = zip(before, experiment.model.weights, strict=True)
        assert any(not torch.equal(was, now[0]) for was, now in pairs)

    def test_a_saved_run_that_has_stopped_goes_on_standing_still(self) -> None:
        experiment = self.overfitting({"patience": 2}, {"patience": 40})
        experiment.run(400)
        state = copy.deepcopy(experiment.state_dict())
        other = self.overfitting({"patience": 2}, {"patience": 40})
        other.load_state_dict(state)
        assert other.stopped == experiment.stopped
        experiment.run(50)
        other.run(50)
        for mine, theirs in zip(other.model.state_dict().values(), experiment.model.state_dict().values(), strict=True):
            assert torch.equal(mine, theirs)

    def test_a_reset_forgets_that_it_had_stopped(self) -> None:
        experiment = self.overfitting({"patience": 2}, {})
        experiment.run(400)
        experiment.reset()
        assert experiment.stopped == [None, None]
