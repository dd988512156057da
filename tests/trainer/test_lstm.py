"""Every lane of an LSTM computes what plain `torch.nn` computes with the same weights and masks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.lanes import LIMIT, Lab, assert_close, gradient, lab
from tests.trainer.plain_lstm import GATED, compared, given, network_of, pairs, plain, rows
from trainer.settings.dropouts import KINDS

LANES: list[dict[str, Any]] = [
    {
        "name": f"{kind} p {rate} bn {norm} {how}",
        "dropout_kind": kind,
        "dropout": [rate] * 3,
        "batch_norm": norm,
        "recurrent_mask": how,
    }
    for kind in KINDS
    for rate, how in (
        (0, "variational"),
        (0.2, "variational"),
        (0.8, "variational"),
        (0.2, "per_step"),
        (0.8, "per_step"),
    )
    for norm in (False, True)
]


def recurrent(dtype: torch.dtype, **knobs: Any) -> Lab:
    return lab(dtype, **{"network": "lstm", "hidden": [12]} | knobs)


def assert_lanes_are_plain(made: Lab) -> None:
    """Outputs, gradients and running statistics of every lane are those of a plain network."""
    for each in compared(made):
        assert_close(each.mine, each.theirs, LIMIT[made.dtype], each.largest)


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_forward_and_gradient_are_those_of_a_loop_over_lstm_cells(dtype: torch.dtype, mask: str, order: str) -> None:
    # No layer may be dropped as a whole: a gradient that is nothing but rounding cannot be compared. So the state is
    # wide, and a single mask of all examples spares the eight pixels of a row, which p = 0.8 drops one time in six.
    most = 1 if mask == "per_example" else 0.2
    lanes = [{**lane, "dropout": [min(most, lane["dropout"][0]), *lane["dropout"][1:]]} for lane in LANES]
    made = recurrent(dtype, hidden=[32], lanes=lanes, mask=mask, batch_norm_order=order)
    made.train(2)  # so that scales, shifts and statistics are no longer those of the start
    assert_lanes_are_plain(made)


@pytest.mark.parametrize("dtype", LIMIT)
def test_without_recurrent_masks_a_lane_is_nn_lstm(dtype: torch.dtype) -> None:
    lanes = [{"dropout": [0, 0, rate], "batch_norm": norm} for rate in (0, 0.2, 0.8) for norm in (False, True)]
    made = recurrent(dtype, lanes=lanes)
    x, labels = made.batch()
    plains = [plain(made, lane) for lane in range(len(lanes))]
    logits = made.network(x)
    torch.autograd.backward(made.losses_of(logits, labels).sum())
    for lane, own in enumerate(plains):
        whole = nn.LSTM(8, 12, batch_first=True).to(dtype)
        with torch.no_grad():
            for name in GATED:
                getattr(whole, f"{name}_l0").copy_(getattr(own.cell, name))
        factors, weights = given(made, lane)
        states, _ = whole(rows(x))
        theirs = own.head(states[:, -1], factors[-1], weights)
        torch.autograd.backward(nn.functional.cross_entropy(theirs, labels))
        assert_close(logits[lane], theirs, LIMIT[dtype])
        for name in GATED:  # the lane's gradients where those of a plain cell would be
            getattr(own.cell, name).grad = gradient(getattr(whole, f"{name}_l0"))
        for mine, others in pairs(network_of(made), lane, own.cell, grad=True):
            assert_close(mine, others, LIMIT[dtype])


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_evaluation_is_that_of_plain_networks_in_eval_mode(dtype: torch.dtype, order: str) -> None:
    made = recurrent(dtype, lanes=LANES, batch_norm_order=order)
    made.train(3)
    made.network.eval()
    x, _ = made.batch()
    logits = made.network(x)
    for lane in range(len(LANES)):
        theirs = plain(made, lane).eval()(rows(x), *given(made, lane, training=False))
        assert_close(logits[lane], theirs, LIMIT[dtype])


def test_lanes_that_see_different_inputs_are_those_of_plain_networks() -> None:
    made = recurrent(torch.float64, lanes=LANES[:6])
    x = torch.rand(6, 16, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits = made.network(x)
    for lane in range(6):
        assert_close(logits[lane], plain(made, lane)(rows(x[lane]), *given(made, lane)), 1e-9)


def test_initial_weights_are_those_of_nn_lstm_and_nn_linear_after_manual_seed() -> None:
    own: list[dict[str, Any]] = [{}, {"seed": 11}, {"hidden": [5]}, {"seed": 11, "hidden": [7]}]
    made = recurrent(torch.float32, lanes=own)
    for lane, knobs in enumerate(own):
        units = knobs.get("hidden", [12])[0]
        with torch.random.fork_rng():
            torch.manual_seed(knobs.get("seed", 3))
            theirs, linear = nn.LSTM(8, units), nn.Linear(units, 10)
        mine = plain(made, lane)
        for name in GATED:
            assert torch.equal(getattr(mine.cell, name), getattr(theirs, f"{name}_l0"))
        assert torch.equal(mine.linear.weight, linear.weight)
        assert torch.equal(mine.linear.bias, linear.bias)


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("kind", KINDS)
def test_narrower_lanes_are_plain_narrow_networks_and_their_padding_stays_zero(kind: str, order: str) -> None:
    own: list[dict[str, Any]] = [{}, {"hidden": [5], "seed": 8}, {"hidden": [5], "batch_norm": True}]
    knobs = {"dropout_kind": kind, "dropout": [0.2] * 3}
    made = recurrent(torch.float64, lanes=[knobs | each for each in own], batch_norm_order=order)
    made.train(5)
    network = network_of(made)
    for lane in (1, 2):
        for name in GATED:
            gates = getattr(network.cell, name)[lane].view(-1, 4, 12)
            assert not gates[:, :, 5:].count_nonzero()
        for padding in (network.cell.weight_hh[lane, 5:], network.output.linear.weight[lane, 5:]):
            assert padding.numel() > 0
            assert not padding.count_nonzero()
        assert not network.norm.bias[lane, 0, 5:].count_nonzero()
    activations: list[Tensor] = []
    network(made.batch()[0], activations)
    for states in (activations[1].view(3, 16, 7, 12), activations[2]):
        assert not states[1:, ..., 5:].count_nonzero()
    assert_lanes_are_plain(made)


def test_a_variational_mask_is_the_same_at_all_time_steps_and_a_mask_per_step_is_not() -> None:
    lanes = [{"dropout": [0.5, 0.5, 0.5], "recurrent_mask": how} for how in ("variational", "per_step")]
    made = recurrent(torch.float32, lanes=lanes)
    for site, steps, units in zip(made.network.dropouts, (8, 7), (8, 12), strict=False):
        variational, per_step = torch.as_tensor(site.keep).view(2, 16, steps, units)
        assert torch.equal(variational.all(dim=1), variational.any(dim=1))
        constant = per_step.all(dim=1) | ~per_step.any(dim=1)
        # Each of at most 192 units has one mask for 7 time steps by chance with probability 2⁻⁶, 3 on average: more
        # than 20 at most once in 1e10 seeds.
        assert int(constant.sum()) <= 20
        for mask in (variational[:, 0], per_step):
            count = mask.numel()
            assert abs(int(mask.sum()) - count / 2) < 6 * (count / 4) ** 0.5  # Binomial(count, ½): once in 5e8 seeds


def test_the_recurrent_mask_drops_neither_the_last_state_nor_what_is_recorded() -> None:
    lanes = [{"dropout": [0, rate, 0]} for rate in (0, 0.5)]
    made = recurrent(torch.float64, lanes=lanes)
    activations: list[Tensor] = []
    made.network(made.batch()[0], activations)
    assert [tuple(each.shape) for each in activations] == [(2, 16, 64), (2, 16, 84), (2, 16, 12)]
    states = activations[1].view(2, 16, 7, 12)
    assert torch.equal(states[0, :, 0], states[1, :, 0])  # nothing was dropped before the first of them
    assert not torch.equal(states[0, :, 1], states[1, :, 1])
    assert states.count_nonzero() == states.numel()
    assert activations[2].count_nonzero() == activations[2].numel()


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
def test_statistics_estimated_from_examples_are_those_of_what_batch_norm_sees(order: str) -> None:
    lanes = [{"dropout": [0.5] * 3, "dropout_kind": "classic", "batch_norm": norm} for norm in (True, True, False)]
    made = recurrent(torch.float64, lanes=lanes, batch_norm_order=order)
    x, norm = made.data.train_x.double(), network_of(made).norm
    was = norm.running_mean.clone()
    made.network.estimate_norms(x, [True, False, False])
    assert made.network.training
    own, seen = plain(made, 0), []
    own.norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    own.eval()(rows(x), *given(made, 0, training=False))
    assert_close(norm.running_mean[0, 0], seen[0].mean(dim=0), 1e-9)
    assert_close(norm.running_var[0, 0], seen[0].var(dim=0), 1e-9)
    assert torch.equal(norm.running_mean[1:], was[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_to_the_classes_add_up_to_the_logits_and_time_has_none(kind: str) -> None:
    made = recurrent(torch.float64, lanes=[{"dropout_kind": kind, "dropout": [0.2] * 3}])
    network, activations = network_of(made), list[Tensor]()
    logits = network(made.batch()[0], activations)
    passed = [each[0, 4] * site.factor_of(0, 4) for each, site in zip(activations, network.dropouts, strict=True)]
    *time, last = network.contributions(0, 4, passed)
    assert time == [None, None]
    assert last is not None
    assert_close(last.sum(dim=0) + network.output.linear.bias[0, 0], logits[0, 4], 1e-9)


def test_edges_behind_batch_norm_carry_what_it_handed_on() -> None:
    knobs = {"dropout": [0, 0, 0.5], "batch_norm": True}
    made = recurrent(torch.float64, lanes=[knobs], batch_norm_order="after_dropout")
    made.train(2)
    made.noise.draw(3)
    network, activations = network_of(made), list[Tensor]()
    logits = network(made.batch()[0], activations)
    passed = activations[-1][0, 4] * network.output.site.factor_of(0, 4)
    last = network.contributions(0, 4, [passed])[-1]
    assert last is not None
    kept = passed != 0
    assert kept.any()
    assert not kept.all()
    assert not last[~kept].any()
    # What batch norm makes of the zeros of dropped units is no edge, but it is a part of the logits.
    norm, linear = network.norm, network.output.linear
    batch = activations[-1][0] * torch.as_tensor(network.output.site.multiplier[0])
    zero = norm.bias[0, 0] - norm.weight[0, 0] * batch.mean(dim=0) / (batch.var(dim=0, unbiased=False) + 1e-5).sqrt()
    rest = (zero * ~kept) @ linear.weight[0]
    assert_close(last.sum(dim=0) + rest + linear.bias[0, 0], logits[0, 4], 1e-9)


def test_each_gradient_lies_in_a_contiguous_memory_of_its_own_as_the_optimiser_needs() -> None:
    made = recurrent(torch.float32)
    logits = made.network(made.batch()[0])
    gradients = torch.autograd.grad(logits.sum(), made.network.weights)
    assert all(each.is_contiguous() for each in gradients)
    assert len({each.untyped_storage().data_ptr() for each in gradients}) == len(made.network.weights)


def test_max_norm_takes_the_weights_into_each_gate() -> None:
    made = recurrent(torch.float32)
    lengths = [tuple(torch.linalg.vector_norm(weight, dim=dims).shape) for weight, dims in made.network.limited]
    assert lengths == [(2, 48), (2, 48)]
