"""Batch norm's switch and its places, DropConnect's product, and padding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.plain import relative_error
from trainer.dropout.dropconnect import CHUNK, drop_weights
from trainer.layers.dense import LaneBatchNorm, LaneDense, LaneDropout, LaneLinear, default_init, padded

CPU = torch.device("cpu")


def normed(on: list[bool]) -> tuple[LaneBatchNorm, Tensor]:
    layer = LaneBatchNorm(len(on), 6, CPU, torch.float64)
    layer.switch(on)
    return layer, torch.randn(len(on), 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 3 + 2


def test_a_lane_with_batch_norm_off_passes_its_input_on_and_its_statistics_stand_still() -> None:
    layer, x = normed([False, True])
    out = layer(x).detach()
    assert torch.equal(out[0], x[0])
    assert torch.equal(layer.running_mean[0], torch.zeros(1, 6, dtype=torch.float64))
    assert torch.equal(layer.running_var[0], torch.ones(1, 6, dtype=torch.float64))
    assert float(out[1].mean(dim=0).abs().max()) < 1e-12
    assert bool((layer.running_mean[1] != 0).all())


def test_evaluation_uses_the_running_statistics_and_leaves_them() -> None:
    layer, x = normed([True])
    layer(x)
    before = layer.running_mean.clone(), layer.running_var.clone()
    out = layer.eval()(x)
    assert torch.allclose(out, (x - before[0]) / torch.sqrt(before[1] + 1e-5))
    assert torch.equal(layer.running_mean, before[0])
    assert torch.equal(layer.running_var, before[1])


def test_batch_norm_of_channels_is_that_of_plain_pytorch_in_both_modes() -> None:
    layer, random = LaneBatchNorm(2, 3, CPU, torch.float64), torch.Generator().manual_seed(2)
    layer.switch([True, True])
    x = torch.randn(2, 8, 3, 4, 5, dtype=torch.float64, generator=random) * 2 + 1
    plain = [nn.BatchNorm2d(3, dtype=torch.float64) for _ in range(2)]
    theirs = torch.stack([norm(own) for norm, own in zip(plain, x, strict=True)])
    assert relative_error(layer(x), theirs) < 1e-12
    layer.eval()
    theirs = torch.stack([norm.eval()(own) for norm, own in zip(plain, x, strict=True)])
    assert relative_error(layer(x), theirs) < 1e-12


def test_statistics_can_be_estimated_for_some_lanes() -> None:
    layer, x = normed([True, True])
    layer.estimate(x, torch.tensor([False, True]).view(-1, 1, 1))
    assert torch.equal(layer.running_mean[0], torch.zeros(1, 6, dtype=torch.float64))
    assert torch.allclose(layer.running_mean[1, 0], x[1].mean(dim=0))
    assert torch.allclose(layer.running_var[1, 0], x[1].var(dim=0))


def test_in_eval_mode_batch_norm_is_its_factor_and_its_shift() -> None:
    layer, x = normed([True, False])
    layer(x)
    layer.eval()
    for lane in range(2):
        factor, shift = layer.affine(lane)
        assert torch.allclose(layer(x)[lane], x[lane] * factor + shift)


def masked(examples: int, rows: int, shape: tuple[int, int] = (5, 3)) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(4)
    x = torch.randn(examples, shape[0], dtype=torch.float64, generator=random, requires_grad=True)
    weight = torch.randn(*shape, dtype=torch.float64, generator=random, requires_grad=True)
    return x, weight, torch.rand(rows, *shape, generator=random) < 0.6


@pytest.mark.parametrize("rows", [1, 4])
def test_a_product_with_dropped_weights_has_the_gradient_of_its_own_formula(rows: int) -> None:
    x, weight, keep = masked(4, rows)
    scale = torch.tensor(2.5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, weight: drop_weights(x, weight, keep, scale), (x, weight))


def test_a_mini_batch_that_is_worked_on_in_parts_gives_the_same_as_one_loop_over_its_examples() -> None:
    shape = (300, 200)
    x, weight, keep = masked(7, 7, shape)
    assert 1 < CHUNK["cpu"] // (shape[0] * shape[1]) < 7  # so that there are several parts, the last one smaller
    y = drop_weights(x, weight, keep, torch.tensor(2.0, dtype=torch.float64))
    theirs = torch.stack([(own * 2.0 * weight).T @ row for row, own in zip(x, keep, strict=True)])
    assert relative_error(y, theirs) < 1e-12
    towards = torch.randn(7, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    mine = torch.autograd.grad(y, (x, weight), towards)
    for own, other in zip(mine, torch.autograd.grad(theirs, (x, weight), towards), strict=True):
        assert relative_error(own, other) < 1e-12


def test_a_dense_layer_drops_weights_in_the_lanes_that_ask_for_it_and_no_biases() -> None:
    site = LaneDropout(2, 4, (6,), CPU, torch.float64)
    dense = LaneDense(site, LaneLinear([default_init((6, 3), 0)[0]] * 2, 6, 3, CPU, torch.float64))
    site.set(["inverted", "dropconnect"], [0.0, 0.5], [0.0, 0.0])
    assert site.connecting == (1,)
    site.weight_keep.fill_(False)
    x = torch.ones(2, 4, 6, dtype=torch.float64)
    y, linear = dense(x), dense.linear
    assert torch.allclose(y[0], x[0] @ linear.weight[0] + linear.bias[0])
    assert torch.equal(y[1], linear.bias[1].expand(4, 3))
    assert torch.allclose(dense.eval()(x)[1], x[1] @ linear.weight[1] + linear.bias[1])


def test_what_is_padded_stands_at_the_start_of_zeros() -> None:
    tensor = torch.arange(1.0, 7).view(2, 3)
    assert torch.equal(padded(tensor, (3, 4))[:2, :3], tensor)
    assert float(padded(tensor, (3, 4)).sum()) == float(tensor.sum())
    assert padded(tensor, (2, 3)) is tensor
