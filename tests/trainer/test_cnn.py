"""Every lane of a CNN computes what plain `torch.nn` computes with the same weights and masks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.lanes import LIMIT, Lab, assert_close, lab
from tests.trainer.plain_cnn import PlainCNN, compared, given, network_of, plain
from trainer.settings.dropouts import KINDS

SPATIAL = 0.3
LANES: list[dict[str, Any]] = [
    {
        "name": f"{kind} p {rate} bn {norm}",
        "dropout_kind": kind,
        "dropout": [rate] * 4,
        "spatial_dropout": [SPATIAL if rate else 0] * 2,
        "batch_norm": norm,
    }
    for kind in KINDS
    for rate in (0, 0.2, 0.8)
    for norm in (False, True)
]


def cnn(dtype: torch.dtype, **knobs: Any) -> Lab:
    """Small networks: 8×8 → 3 maps of 4×4 → 4 maps of 4×4 → 12 → 10."""
    return lab(dtype, **{"network": "cnn", "channels": [3, 4], "hidden": [12]} | knobs)


def assert_lanes_are_plain(made: Lab) -> None:
    """Outputs, gradients and running statistics of every lane are those of a plain network."""
    for each in compared(made):
        assert_close(each.mine, each.theirs, LIMIT[made.dtype], each.largest)


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_forward_and_gradient_are_those_of_plain_networks(dtype: torch.dtype, mask: str, order: str) -> None:
    # Wide enough that no layer is dropped as a whole: a gradient that is nothing but rounding cannot be compared.
    made = cnn(dtype, channels=[8, 16], hidden=[32], lanes=LANES, mask=mask, batch_norm_order=order)
    made.train(2)  # so that scales, shifts and statistics are no longer those of the start
    assert_lanes_are_plain(made)


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
def test_three_convolutions_pool_twice_and_are_those_of_plain_networks(order: str) -> None:
    lanes = [
        {"dropout": [0.2, 0.2, 0, 0.5, 0.5], "spatial_dropout": [0, 0.2, 0.5], "batch_norm": norm}
        for norm in (False, True)
    ]
    made = cnn(torch.float64, channels=[3, 4, 5], lanes=lanes, batch_norm_order=order)
    assert [site.shape for site in made.network.dropouts] == [(8, 8), (3, 4, 4), (4, 2, 2), (5, 2, 2), (12,)]
    assert_lanes_are_plain(made)


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_evaluation_is_that_of_plain_networks_in_eval_mode(dtype: torch.dtype, order: str) -> None:
    made = cnn(dtype, lanes=LANES, batch_norm_order=order)
    made.train(3)
    made.network.eval()
    x, _ = made.batch()
    logits = made.network(x)
    for lane in range(len(LANES)):
        theirs = plain(made, lane).eval()(x, *given(made, lane, training=False))
        assert_close(logits[lane], theirs, LIMIT[dtype])


def test_lanes_that_see_different_inputs_are_those_of_plain_networks() -> None:
    made = cnn(torch.float64, lanes=LANES[:4])
    x = torch.rand(4, 16, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits = made.network(x)
    for lane in range(4):
        assert_close(logits[lane], plain(made, lane)(x[lane], *given(made, lane)), 1e-9)


def test_initial_weights_are_those_of_plain_pytorch_after_manual_seed_in_order_of_construction() -> None:
    own: list[dict[str, Any]] = [{}, {"seed": 11}, {"hidden": [5]}, {"seed": 11, "hidden": [7]}]
    made = cnn(torch.float32, lanes=own)
    for lane, knobs in enumerate(own):
        with torch.random.fork_rng():
            torch.manual_seed(knobs.get("seed", 3))
            width = knobs.get("hidden", [12])[0]
            theirs = PlainCNN((3, 4), (64, width, 10), norm_first=True, norm=False)
        mine = plain(made, lane)
        for name, weight in theirs.named_parameters():
            assert torch.equal(mine.get_parameter(name), weight), name


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("kind", KINDS)
def test_narrower_lanes_are_plain_narrow_networks_and_their_padding_stays_zero(kind: str, order: str) -> None:
    knobs = {"dropout_kind": kind, "dropout": [0.2] * 4, "spatial_dropout": [0.2, 0.2]}
    own: list[dict[str, Any]] = [{}, {"hidden": [5], "seed": 8}, {"hidden": [5], "batch_norm": True}]
    made = cnn(torch.float64, lanes=[knobs | each for each in own], batch_norm_order=order)
    made.train(5)
    network = network_of(made)
    first, last = (dense.linear for dense in network.dense)
    for lane in (1, 2):
        for padding in (first.weight[lane, :, 5:], first.bias[lane, :, 5:], last.weight[lane, 5:]):
            assert padding.numel() > 0
            assert not padding.count_nonzero()
        assert not network.norms[-1].bias[lane, 0, 5:].count_nonzero()
    network.zero_grad()
    assert_lanes_are_plain(made)


def test_spatial_dropout_drops_whole_channels_and_its_rate_is_that_of_channels() -> None:
    made = cnn(torch.float32, batch_size=60, lanes=[{"dropout": [0, 0, 0, 0], "spatial_dropout": [0.5, 0.25]}])
    dropped, channels = [0, 0], [0, 0]
    for step in range(1, 41):
        made.noise.draw(step)
        for index, site in enumerate(made.network.dropouts[1:3]):
            keep = torch.as_tensor(site.keep[0]).view(60, site.shape[0], -1)
            assert torch.equal(keep.all(dim=2), keep.any(dim=2))
            dropped[index] += int((~keep[:, :, 0]).sum())
            channels[index] += 60 * site.shape[0]
    for count, rate, number in zip(dropped, (0.5, 0.25), channels, strict=True):
        # Binomial(number, rate), six standard deviations: wrong once in 5e8 draws.
        assert abs(count - number * rate) < 6 * (number * rate * (1 - rate)) ** 0.5


def test_element_dropout_drops_single_places_of_a_channel() -> None:
    made = cnn(torch.float32, batch_size=60, lanes=[{"dropout": [0, 0.5, 0, 0]}])
    keep = torch.as_tensor(made.network.dropouts[1].keep[0]).view(60 * 3, 16)
    whole = int((keep.all(dim=1) | ~keep.any(dim=1)).sum())
    assert whole <= 2  # each of 180 channels is whole with probability 2⁻¹⁵: more than two at most once in 1e7 seeds
    assert abs(int(keep.sum()) - 1440) < 6 * (2880 * 0.25) ** 0.5


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
def test_statistics_estimated_from_examples_are_those_of_what_batch_norm_sees(order: str) -> None:
    lanes = [{"dropout": [0.5] * 4, "dropout_kind": "classic", "batch_norm": norm} for norm in (True, True, False)]
    made = cnn(torch.float64, lanes=lanes, batch_norm_order=order)
    x = made.data.train_x.double()
    was = made.network.norms[0].running_mean.clone()
    made.network.estimate_norms(x, [True, False, False])
    assert made.network.training
    own = plain(made, 0)
    seen: dict[int, tuple[Tensor, Tensor]] = {}
    for number, norm in enumerate(own.norms):

        def look(module: nn.Module, inputs: tuple[Tensor], number: int = number) -> None:
            (entered,) = inputs
            flat = entered.transpose(0, 1).flatten(1)
            seen[number] = flat.mean(dim=1), flat.var(dim=1)

        norm.register_forward_pre_hook(look)
    own.eval()(x, *given(made, 0, training=False))
    for number, norms in enumerate(network_of(made).norms):
        assert_close(norms.running_mean[0, 0], seen[number][0], 1e-9)
        assert_close(norms.running_var[0, 0], seen[number][1], 1e-9)
    assert torch.equal(made.network.norms[0].running_mean[1:], was[1:])


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("kind", KINDS)
def test_contributions_add_up_to_what_the_layers_computed(kind: str, order: str) -> None:
    knobs = {"dropout_kind": kind, "dropout": [0.2] * 4, "spatial_dropout": [0.2, 0.2]}
    made = cnn(torch.float64, lanes=[knobs], batch_norm_order=order)
    network, lane, row = network_of(made), 0, 4
    x, _ = made.batch()
    activations: list[Tensor] = []
    logits = network(x, activations)
    passed = [
        each[lane, row] * site.factor_of(lane, row) for each, site in zip(activations, network.dropouts, strict=True)
    ]
    edges = network.contributions(lane, row, passed)
    assert [tuple(each.shape) for each in edges if each is not None] == [(1, 3), (3, 4), (64, 12), (12, 10)]
    for number, conv in enumerate(network.convs):
        image = passed[number].view(1, *network.shapes[number])
        theirs = nn.functional.conv2d(image, conv.weight[lane], padding=1)[0].sum(dim=(1, 2))
        edge = edges[number]
        assert edge is not None
        assert_close(edge.sum(dim=0), theirs, 1e-9)
    last = edges[-1]
    assert last is not None
    assert_close(last.sum(dim=0) + network.dense[-1].linear.bias[lane, 0], logits[lane, row], 1e-9)


def test_edges_behind_batch_norm_carry_what_it_handed_on() -> None:
    knobs = {"dropout": [0.2] * 4, "batch_norm": True}
    made = cnn(torch.float64, lanes=[knobs], batch_norm_order="after_dropout")
    network = network_of(made)
    made.train(2)
    made.noise.draw(3)
    activations: list[Tensor] = []
    logits = network(made.batch()[0], activations)
    passed = [each[0, 2] * site.factor_of(0, 2) for each, site in zip(activations, network.dropouts, strict=True)]
    last = network.contributions(0, 2, passed)[-1]
    assert last is not None
    kept = network.dropouts[-1].factor_of(0, 2) != 0
    assert kept.any()
    assert not kept.all()
    assert not last[~kept].any()
    # What batch norm makes of the zeros of dropped units is no edge, but it is a part of the logits.
    weight, bias, norm = network.dense[-1].linear.weight[0], network.dense[-1].linear.bias[0, 0], network.norms[-1]
    batch = torch.relu(activations[-1][0]) * torch.as_tensor(network.dropouts[-1].multiplier[0])
    zero = (0 - batch.mean(dim=0)) / (batch.var(dim=0, unbiased=False) + 1e-5).sqrt() * norm.weight[0, 0] + norm.bias[
        0, 0
    ]
    rest = (zero * ~kept) @ weight
    assert_close(last.sum(dim=0) + rest + bias, logits[0, 2], 1e-9)


def test_each_gradient_lies_in_a_contiguous_memory_of_its_own_as_the_optimiser_needs() -> None:
    made = cnn(torch.float32)
    logits = made.network(made.batch()[0])
    gradients = torch.autograd.grad(logits.sum(), made.network.weights)
    assert all(each.is_contiguous() for each in gradients)
    assert len({each.untyped_storage().data_ptr() for each in gradients}) == len(made.network.weights)


def test_max_norm_takes_the_weights_into_each_hidden_unit() -> None:
    made = cnn(torch.float32)
    lengths = [tuple(torch.linalg.vector_norm(weight, dim=dims).shape) for weight, dims in made.network.limited]
    assert lengths == [(2, 3), (2, 4), (2, 12)]
