"""Features: autoencoders that are those of plain PyTorch and show what was measured, and the first layer as images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.trainer.plain import relative_error
from trainer import Experiment
from trainer.insight import features, finish, look_at, make_insight
from trainer.insight.autoencoder import RATES, Autoencoders, hoyer
from trainer.presets import find_preset
from trainer.settings.config import parse

CPU = torch.device("cpu")


def experiment(**knobs: Any) -> Experiment:
    given = {"hidden": [20], "train_size": 70, "batch_size": 16} | knobs
    return Experiment(parse(given), device="cpu")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> int:
    """Autoencoders that have learned all that they will after so many steps."""
    steps = 30
    monkeypatch.setattr(features, "Autoencoders", partial(Autoencoders, steps=steps))
    return steps


def test_both_autoencoders_are_those_of_plain_pytorch_given_the_same_masks() -> None:
    data = experiment().data
    pair = Autoencoders(data, 3, CPU, torch.float64)
    images = data.train_x.double()
    plain = [(nn.Linear(64, 256).double(), nn.Linear(256, 64).double()) for _ in RATES]
    for lane, network in enumerate(plain):
        for linear, own in zip(network, (pair._encoder, pair._decoder), strict=True):
            with torch.no_grad():
                linear.weight.copy_(own.weight[lane].T)
                linear.bias.copy_(own.bias[lane, 0])
    assert torch.equal(pair.atoms()[0], pair.atoms()[1]), "both start from the same weights"
    rules = [torch.optim.Adam([*first.parameters(), *second.parameters()], lr=1e-3) for first, second in plain]
    for step in range(1, 9):
        pair.advance(1)
        x = pair._course.at(step)[0]
        for lane, (network, rule) in enumerate(zip(plain, rules, strict=True)):
            mask = torch.as_tensor(pair._dropout.keep)[lane].double() / (1 - RATES[lane])
            rule.zero_grad()
            made = network[1](torch.relu(network[0](x)) * mask)
            nn.functional.mse_loss(made, x).backward()  # type: ignore[no-untyped-call]
            rule.step()
    for lane, network in enumerate(plain):
        assert relative_error(pair.atoms()[lane], network[1].weight.T) < 1e-9
        made = network[1](torch.relu(network[0](images))).detach()
        train, _ = finish(pair.errors())
        assert float(train[lane]) == pytest.approx(float(nn.functional.mse_loss(made, images)), rel=1e-9)


def test_it_does_not_matter_how_their_steps_are_cut() -> None:
    data = experiment().data
    once, often = (Autoencoders(data, 0, CPU, torch.float32, steps=12) for _ in range(2))
    once.advance(100)
    for _ in range(12):
        often.advance(1)
    assert once.finished
    assert often.finished
    assert torch.equal(once.atoms(), often.atoms())


def test_sparsity_is_0_of_equal_sizes_and_1_of_a_single_one() -> None:
    found = hoyer(torch.tensor([[1.0, -1, 1, -1], [0, 0, -3, 0], [3, 4, 0, 0], [0, 0, 0, 0]]))
    assert found[:3].tolist() == pytest.approx([0, 1, 2 - 7 / 5], abs=1e-6)
    assert found[3].isnan()


def test_with_dropout_the_decoder_is_as_much_sparser_as_was_measured() -> None:
    """Over five seeds of plain PyTorch .2180 ± .0023 and .3510 ± .0048, ratio 1.61 ± .02; errors below .00005 and
    .0055 ± .0003. Each bound is at least five of those standard deviations away.
    """
    config = find_preset("features").config
    pair = Autoencoders(Experiment(config, device="cpu").data, config.seed, CPU, torch.float32)
    pair.advance(3000)
    without, with_dropout = hoyer(pair.atoms()).mean(dim=1).tolist()
    assert 0.206 < without < 0.230
    assert 0.325 < with_dropout < 0.377
    assert 1.5 < with_dropout / without < 1.72
    _, val = finish(pair.errors())
    assert float(val[0]) < 0.0003
    assert 0.004 < float(val[1]) < 0.007


def test_the_autoencoders_learn_while_somebody_looks_and_are_kept(short: int) -> None:
    view = make_insight("features", experiment())
    assert not view.settled
    looking = view.look()
    next(looking)
    first = finish(looking)
    while not view.settled:
        finish(view.look())
    last = finish(view.look())
    assert first["auto/step"] <= last["auto/step"] == [short]
    assert last["auto/steps"] == [short]
    assert last["auto/train_loss"].max() < 0.2
    assert np.array_equal(finish(view.look())["auto/atoms"], last["auto/atoms"])


def test_what_is_shown_has_the_shapes_of_the_protocol(short: int) -> None:
    found = look_at("features", experiment(lanes=[{}, {"dropout": [0, 0.5]}, {}]))
    shapes = {name: (array.dtype, array.shape) for name, array in found.items()}
    pair = (np.dtype(np.float32), (2,))
    assert shapes == {
        "step": (np.uint32, (1,)),
        "lane": (np.uint8, (2,)),
        "first": (np.float32, (2, 20, 8, 8)),
        "auto/step": (np.uint32, (1,)),
        "auto/steps": (np.uint32, (1,)),
        "auto/rate": pair,
        "auto/train_loss": pair,
        "auto/val_loss": pair,
        "auto/sparsity": pair,
        "auto/atoms": (np.float32, (2, 256, 8, 8)),
    }
    assert found["lane"].tolist() == [1, 0], "the followed lane and its contrast"


def test_the_first_layer_is_that_of_the_lanes_with_gaps_where_one_has_no_unit(short: int) -> None:
    own = experiment(hidden=[80], lanes=[{}, {"dropout": [0, 0.5], "hidden": [10]}])
    own.run(3)
    first = look_at("features", own)["first"]
    assert first.shape == (2, 64, 8, 8)
    weight = own.model.get_parameter("dense0.linear.weight").detach()  # (L, D, U)
    assert np.array_equal(first[1].reshape(64, 64), weight[0, :, :64].T.numpy())
    assert np.array_equal(first[0, :10].reshape(10, 64), weight[1, :, :10].T.numpy())
    assert np.isnan(first[0, 10:]).all()


def test_of_a_convolutional_network_the_first_kernels_are_shown_and_of_an_lstm_nothing(short: int) -> None:
    cnn = experiment(network="cnn", channels=[5], lanes=[{}, {"dropout": [0, 0.5, 0]}])
    first = look_at("features", cnn)["first"]
    kernels = cnn.model.get_parameter("conv0.weight").detach().numpy()
    assert np.array_equal(first, kernels[[1, 0], :, 0])
    assert first.shape == (2, 5, 3, 3)
    assert "first" not in look_at("features", experiment(network="lstm"))


def test_a_look_in_bites_is_of_the_network_as_it_was_when_it_began(short: int) -> None:
    own = experiment()
    before = own.model.get_parameter("dense0.linear.weight").detach().clone()
    looking = make_insight("features", own).look()
    next(looking)
    own.run(5)
    found = finish(looking)
    assert found["step"] == [0]
    assert np.array_equal(found["first"][0].reshape(20, 64), before[1].T.numpy())


def test_training_the_autoencoders_touches_neither_the_run_nor_torchs_generator(short: int) -> None:
    def left(looks: int) -> Iterator[torch.Tensor]:
        own = experiment()
        for _ in range(looks):
            look_at("features", own)
        own.run(5)
        yield from own.model.state_dict().values()

    before = torch.get_rng_state()
    assert all(torch.equal(one, other) for one, other in zip(left(0), left(2), strict=True))
    assert torch.equal(torch.get_rng_state(), before)
