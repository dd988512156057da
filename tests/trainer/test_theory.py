"""What is proved of dropout where a network is simple enough: one sigmoid unit, and linear regression."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.dropout.noise import LaneNoise
from trainer.dropout.site import LaneDropout
from trainer.ensemble.subnetworks import geometric_mean
from trainer.layers.dense import LaneDense, LaneLinear
from trainer.seeds import Purpose, WordStream, key

CPU: Final = torch.device("cpu")
KEPT, DROPPED = 2**15 - 1, -(2**15)  # the noise words that keep a unit, and drop it, at any rate
LIKE: Final[dict[str, Any]] = {"dtype": torch.float64}


def unit(weight: Tensor, bias: Tensor, rows: int, kind: str, rate: float, lanes: int = 1) -> LaneDense:
    """Linear units (U, n) that drop their n inputs, with as many masks at once as there are rows."""
    outputs, inputs = weight.shape
    site = LaneDropout(lanes, rows, (inputs,), CPU, torch.float64)
    layer = LaneDense(site, LaneLinear([(weight, bias)] * lanes, inputs, outputs, CPU, torch.float64))
    site.set([kind] * lanes, [rate] * lanes, [0.0] * lanes)
    return layer


def enumerate_masks(layer: LaneDense) -> tuple[Tensor, Tensor]:
    """Have a unit with 2ⁿ rows draw every mask once; the masks (2ⁿ, n) and the probability of each, (2ⁿ,)."""
    site = layer.site
    masks = torch.tensor(list(itertools.product([0.0, 1.0], repeat=site.units)), **LIKE)
    site.draw([np.where(masks.numpy().ravel() > 0, KEPT, DROPPED).astype(np.int16)], 0)
    kept, rate = masks.sum(dim=1), site.rates[0]
    return masks, (1 - rate) ** kept * rate ** (site.units - kept)


# Baldi & Sadowski 2013


@pytest.mark.parametrize("kind", ["inverted", "classic"])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("inputs", range(1, 13))
def test_of_one_sigmoid_unit_weight_scaling_is_the_geometric_mean_over_all_masks(
    inputs: int, rate: float, kind: str
) -> None:
    """Baldi & Sadowski 2013, "Understanding dropout": the normalised geometric mean of σ(z) over the masks is σ(E z).

    ∏ σ(zₘ)^Pₘ / (∏ σ(zₘ)^Pₘ + ∏ (1 - σ(zₘ))^Pₘ) = 1/(1 + ∏ ((1 - σ(zₘ))/σ(zₘ))^Pₘ) = 1/(1 + exp(-Σ Pₘ zₘ)), for
    (1 - σ(z))/σ(z) = exp(-z); and z is linear in the mask, so that its mean is that of the scaled weights.
    """
    random = torch.Generator().manual_seed(inputs)
    for scale in (0.1, 1.0, 4.0):
        weight = scale * torch.randn((1, inputs), generator=random, **LIKE)
        bias, x = torch.randn((2, 1, inputs), generator=random, **LIKE)
        layer = unit(weight, bias[0, :1], 2**inputs, kind, rate)
        _, share = enumerate_masks(layer)
        with torch.no_grad():
            z = layer(x.expand(1, 2**inputs, -1))[0, :, 0]  # (2ⁿ,)
            whole = layer.eval()(x[None])[0, 0, 0]
        log_p = torch.nn.functional.logsigmoid(torch.stack([z, -z]))  # (C = 2, 2ⁿ)
        mean = geometric_mean((log_p @ share)[:, None])
        assert float(share.sum()) == pytest.approx(1, abs=1e-12)
        assert float(mean[0].exp()) == pytest.approx(float(torch.sigmoid(whole)), abs=1e-12)


def test_the_arithmetic_mean_over_all_masks_is_not_weight_scaling() -> None:
    """σ(2 · 3m) with m = 0 or 1: (½ + σ(6))/2 = .749, where σ(3) = .953."""
    layer = unit(torch.tensor([[3.0]], **LIKE), torch.zeros(1, **LIKE), 2, "inverted", 0.5)
    _, share = enumerate_masks(layer)
    one = torch.ones((1, 2, 1), **LIKE)
    with torch.no_grad():
        mean = torch.sigmoid(layer(one)[0, :, 0]) @ share
        whole = torch.sigmoid(layer.eval()(one[:, :1]))
    assert float(mean) == pytest.approx(0.74876, abs=1e-5)
    assert float(whole) == pytest.approx(0.95257, abs=1e-5)


# Linear regression: Srivastava et al. 2014, section 9.1, where p is the probability of keeping a unit


def regression(examples: int, inputs: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """X (N, n), its columns of different lengths and correlated, and y (N,)."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.eye(inputs, **LIKE) + 0.2 * torch.randn((inputs, inputs), generator=random, **LIKE)
    x = torch.randn((examples, inputs), generator=random, **LIKE) @ mixing * torch.linspace(0.8, 1.2, inputs, **LIKE)
    return x, x.sum(dim=1) + 0.5 * torch.randn(examples, generator=random, **LIKE)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("inputs", [1, 3, 8])
def test_the_expected_loss_of_linear_regression_with_dropout_is_that_of_a_ridge(inputs: int, rate: float) -> None:
    """E ‖y - (m ∘ X) w/(1 - p)‖² = ‖y - X w‖² + p/(1 - p) · wᵀ diag(XᵀX) w, over all masks of every example.

    Each mask value has mean 1 and variance p/(1 - p), and they are independent: of one example the mean of the squared
    error is the square of its mean plus the variance Σ wᵢ² xᵢ² p/(1 - p), whose sum over examples is the last term.
    """
    x, y = regression(7, inputs)
    weight = torch.randn((1, inputs), generator=torch.Generator().manual_seed(1), **LIKE)
    layer = unit(weight, torch.zeros(1, **LIKE), 2**inputs, "inverted", rate)
    _, share = enumerate_masks(layer)
    with torch.no_grad():
        answers = torch.stack([layer(row.expand(1, 2**inputs, -1))[0, :, 0] for row in x])  # (N, 2ⁿ)
        expected = float(((y[:, None] - answers) ** 2 @ share).sum())
        plain = float(((y - layer.eval()(x[None])[0, :, 0]) ** 2).sum())
    penalty = rate / (1 - rate) * float(weight[0] @ torch.diag((x**2).sum(dim=0)) @ weight[0])
    assert expected == pytest.approx(plain + penalty, rel=1e-10)


def trained(x: Tensor, y: Tensor, rate: float, seeds: int, steps: int, step_size: float) -> Tensor:
    """Weights (seeds, n) that SGD finds from 0 on the whole batch, with fresh inverted dropout at every step."""
    zeros = (torch.zeros((1, x.shape[1])), torch.zeros(1))
    layer = unit(*zeros, rows=len(x), kind="inverted", rate=rate, lanes=seeds)
    streams = [WordStream(key(seed, Purpose.MASKS, 0)) for seed in range(seeds)]
    noise = LaneNoise(streams, [layer.site], CPU)
    rule = torch.optim.SGD([layer.linear.weight], lr=step_size)
    for step in range(1, steps + 1):
        noise.draw(step)
        rule.zero_grad()
        errors = y - layer(x.expand(seeds, -1, -1))[..., 0]  # (seeds, N)
        torch.autograd.backward((errors**2).mean(dim=1).sum() / 2)
        rule.step()
    return layer.linear.weight.detach()[..., 0]


@pytest.mark.parametrize("rate", [0.25, 0.75])
def test_the_mean_of_what_sgd_finds_with_dropout_is_the_closed_form_of_the_ridge(rate: float) -> None:
    """w* = (XᵀX + p/(1 - p) diag(XᵀX))⁻¹ Xᵀy, where the expected loss is least.

    With X̃ the masked and scaled examples of step t, SGD makes w(t+1) = w(t) - η (Ãw(t) - b̃) of Ã = X̃ᵀX̃/N and
    b̃ = X̃ᵀy/N. These masks are independent of w(t), so E w(t+1) = E w(t) - η (A E w(t) - b) with A = E Ã and b = E b̃,
    and A w* = b. Hence E w(T) - w* is (I - ηA) to the power T times (0 - w*), whatever the noise: that is computed
    here, and is below 1e-3.

    What remains is the chance of 24 independent seeds: by Student's law with 23 degrees of freedom their mean lies
    more than eight of its estimated standard errors away less than once in 1e7 times, and there are ten weights in
    all. (Rates that are multiples of 2⁻¹⁶ are drawn exactly.) The bound must tell the ridge from least squares: it is
    less than a tenth of what lies between them.
    """
    seeds, steps, step_size, inputs = 24, 400, 0.04, 5
    x, y = regression(30, inputs)
    gram = x.T @ x
    ridge = gram + rate / (1 - rate) * torch.diag(gram.diagonal())
    closed, least_squares = torch.linalg.solve(ridge, x.T @ y), torch.linalg.solve(gram, x.T @ y)
    contraction = torch.eye(inputs, **LIKE) - step_size * ridge / len(x)
    rest = (torch.linalg.matrix_power(contraction, steps) @ closed).abs()
    assert float(rest.max()) < 1e-3
    found = trained(x, y, rate, seeds, steps, step_size)
    bound = 8 * found.std(dim=0) / seeds**0.5 + rest
    assert bool(((found.mean(dim=0) - closed).abs() < bound).all())
    assert float(bound.norm()) < 0.1 * float((least_squares - closed).norm())
