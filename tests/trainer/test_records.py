"""The records of kinds of dropout and of networks: scale, size and work are those of PyTorch's modules."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import pytest
import torch
from torch import nn

from trainer.settings.dropouts import DROPOUTS, layers_of
from trainer.settings.networks import NETWORKS
from trainer.settings.shapes import SIZES, Size

DIGITS: Final = SIZES["digits"]  # 8 × 8 pixels, 10 classes
SCALES: Final = {
    "inverted": (1 / 0.75 / 0.5, 1.0),
    "classic": (1.0, 0.75 * 0.5),
    "unscaled": (1.0, 1.0),
    "gaussian": (1.0, 1.0),
    "dropconnect": (1 / 0.75 / 0.5, 1.0),
}


@pytest.mark.parametrize("kind", DROPOUTS)
def test_a_kind_is_scaled_where_it_says_and_by_both_rates(kind: str) -> None:
    training, evaluation = SCALES[kind]
    assert DROPOUTS[kind].training_scale(0.25, 0.5) == pytest.approx(training)
    assert DROPOUTS[kind].evaluation_scale(0.25, 0.5) == pytest.approx(evaluation)


def test_what_a_page_is_told_of_a_kind_is_what_its_record_has() -> None:
    for kind, record in DROPOUTS.items():
        told = record.described()
        assert set(told) == {"name", "title", "help", "counted", "scaled", "balanced", "phrases"}
        assert (told["name"], told["counted"], told["scaled"]) == (kind, record.counted, record.scaled)
        assert told["phrases"]["loses"] == record.phrases.loses
    phrases = {kind: record.described()["phrases"] for kind, record in DROPOUTS.items()}
    assert phrases["dropconnect"]["loses"] == "switches off a new random set of weights"
    assert phrases["gaussian"]["made"] == "Gaussian noise drops nothing"
    assert phrases["inverted"]["loses"] != phrases["dropconnect"]["loses"]


def test_the_layers_of_both_frameworks_are_listed_with_their_kinds() -> None:
    assert layers_of("pytorch") == "inverted: nn.Dropout"
    assert layers_of("keras") == "inverted: layers.Dropout; gaussian: layers.GaussianDropout"


def weights(*modules: nn.Module) -> int:
    """How many numbers of matrices and kernels these modules have."""
    return sum(each.numel() for module in modules for each in module.parameters() if each.dim() > 1)


def dense(*sizes: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes)]


def test_a_multilayer_perceptron_has_the_weights_of_its_linear_modules() -> None:
    mlp, expected = NETWORKS["mlp"], weights(*dense(64, 30, 20, 10))
    assert mlp.all_weights(DIGITS, (), (30, 20)) == mlp.dense_weights(DIGITS, (), (30, 20)) == expected
    assert mlp.multiplications(DIGITS, (), (30, 20)) == expected
    assert (mlp.widest_layer(DIGITS, (), (30, 20)), mlp.widest_layer(DIGITS, (), (30, 200))) == (64, 200)


def test_a_convolutional_network_has_the_weights_and_the_work_of_its_modules() -> None:
    cnn = NETWORKS["cnn"]
    kernels = [nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 5, 3, padding=1)]
    linear = dense(5 * 4 * 4, 7, 10)  # the first maps are 8 × 8, behind the pooling 4 × 4
    assert cnn.dense_weights(DIGITS, (3, 5), (7,)) == weights(*linear)
    assert cnn.all_weights(DIGITS, (3, 5), (7,)) == weights(*kernels, *linear)
    work = 64 * weights(kernels[0]) + 16 * weights(kernels[1]) + weights(*linear)
    assert cnn.multiplications(DIGITS, (3, 5), (7,)) == work
    assert cnn.widest_layer(DIGITS, (3, 5), (7,)) == 8 * 64
    assert cnn.widest_layer(DIGITS, (3, 5), (600,)) == 600
    assert cnn.widest_layer(Size(2, 2, 100), (), (1,)) == 2


def test_an_lstm_has_the_weights_and_the_work_of_its_modules() -> None:
    lstm, linear = NETWORKS["lstm"], nn.Linear(12, 10)
    cell = nn.LSTM(8, 12)
    assert lstm.all_weights(DIGITS, (), (12,)) == weights(cell, linear)
    assert lstm.dense_weights(DIGITS, (), (12,)) == weights(linear)
    assert lstm.multiplications(DIGITS, (), (12,)) == 8 * weights(cell) + weights(linear)
    assert lstm.widest_layer(DIGITS, (), (12,)) == 8 * 4 * 12


def test_what_a_lanes_rates_mean_at_each_place() -> None:
    assert NETWORKS["mlp"].rates((0.2, 0.5), (), "variational") == ((0.2, 0.5), (0.0, 0.0))
    cnn = NETWORKS["cnn"].rates((0.1, 0.2, 0.3, 0.5), (0.4, 0.6), "variational")
    assert cnn == ((0.1, 0.2, 0.3, 0.5), (0.0, 0.4, 0.6, 0.0))
    lstm = NETWORKS["lstm"]
    assert lstm.rates((0.2, 0.3, 0.5), (), "variational") == ((0.0, 0.0, 0.5), (0.2, 0.3, 0.0))
    assert lstm.rates((0.2, 0.3, 0.5), (), "per_step") == ((0.2, 0.3, 0.5), (0.0, 0.0, 0.0))


def told(network: str, shapes: list[tuple[int, ...]], channels: tuple[int, ...], hidden: tuple[int, ...]) -> Any:
    return list(NETWORKS[network].layers(shapes, channels, hidden))


def test_what_a_page_is_told_of_the_places_of_a_multilayer_perceptron() -> None:
    first, one, two = told("mlp", [(13,), (30,), (20,)], (), (30, 20))
    assert (first["name"], first["units"], first["shape"], first["family"]) == ("input", 13, [13], "input")
    assert (first["width"], first["dense"], first["tied"], first["group"]) == (None, True, [], "")
    assert (first["unit_name"], first["units_name"], set(first)) == ("input {feature}", "inputs", set(one))
    assert [(each["name"], each["units"], each["width"], each["dense"]) for each in (one, two)] == [
        ("hidden1", 30, 0, True),
        ("hidden2", 20, 1, True),
    ]
    image, *_ = told("mlp", [(8, 8), (30,)], (), (30,))
    assert (image["units"], image["shape"], image["units_name"]) == (64, [8, 8], "pixels")


def test_what_a_page_is_told_of_the_places_of_other_networks() -> None:
    places = told("cnn", [(8, 8), (3, 4, 4), (5, 2, 2), (7,)], (3, 5), (7,))
    assert [(each["name"], each["units"], each["dense"], each["width"], each["tied"]) for each in places] == [
        ("input", 64, False, None, []),
        ("conv1", 48, False, None, [1, 2]),
        ("conv2", 20, True, None, [1, 2]),
        ("hidden1", 7, True, 0, []),
    ]
    places = told("lstm", [(8, 8), (7, 12), (12,)], (), (12,))
    assert [(each["name"], each["units"], each["dense"], each["width"], each["group"]) for each in places] == [
        ("input", 64, False, None, "column"),
        ("recurrent", 84, False, 0, "unit"),
        ("output", 12, True, 0, ""),
    ]


def test_what_a_page_is_told_of_a_network_is_what_its_record_has() -> None:
    for name, record in NETWORKS.items():
        described = record.described()
        assert (described["name"], described["title"], described["article"]) == (name, record.title, record.article)
        assert [place["family"] for place in described["places"]] == [place.family for place in record.places]
        assert all(place["together"] for place in described["places"])
    cnn = NETWORKS["cnn"].described()
    assert [place["together"] for place in cnn["places"]] == ["input", "convolutions", "dense"]
    assert [place["each"] for place in cnn["places"]] == ["", "channels", "hidden"]
    assert [place["aside"] for place in cnn["places"]] == [True, False, False]
    assert (cnn["groups_of"], cnn["first"], cnn["signed"]) == ("conv", "kernel", False)


def test_of_an_odd_side_pooling_leaves_what_it_leaves_in_torch() -> None:
    assert tuple(nn.MaxPool2d(2)(torch.zeros(1, 5, 5)).shape) == (1, 2, 2)
    odd = Size(25, 3, 100, side=5)
    assert NETWORKS["cnn"].dense_weights(odd, (2, 4), (6,)) == weights(*dense(4 * 2 * 2, 6, 3))
