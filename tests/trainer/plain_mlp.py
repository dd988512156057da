"""Networks of dense lanes without an experiment around them, and single ones of plain `torch.nn` to hold them to."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from tests.trainer.lanes import Compared, Lab, copy_linear, copy_norm, factor_given, gradient, weights_given
from tests.trainer.plain import PlainNetwork
from trainer.models import LaneMLP


def network_of(made: Lab) -> LaneMLP:
    assert isinstance(made.network, LaneMLP)
    return made.network


def plain(made: Lab, lane: int) -> PlainNetwork:
    """One lane as plain PyTorch, in its own widths."""
    network, config = network_of(made), made.config
    sizes = [made.data.features, *config.widths(lane), len(made.data.classes)]
    own = PlainNetwork(sizes, config.lanes[lane].batch_norm, network.norm_first, made.dtype).to(network.weights[0])
    for linear, lanes in zip(own.linears, network.linears, strict=True):
        copy_linear(linear, lanes.weight[lane], lanes.bias[lane])
    for norm, norms in zip(own.norms, network.norms, strict=config.lanes[lane].batch_norm):
        copy_norm(norm, norms, lane)
    return own


def given(made: Lab, lane: int, training: bool = True) -> tuple[list[Tensor | float], list[Tensor | None]]:
    """What one lane's places multiply by, and what its weights are multiplied by, in its own widths."""
    sites, widths = made.network.dropouts, (*made.config.widths(lane), len(made.data.classes))
    inputs = (made.data.features, *widths)
    factors: list[Tensor | float] = []
    weights: list[Tensor | None] = []
    for site, rows, columns in zip(sites, inputs, widths, strict=False):
        own = weights_given(site, lane) if training else None
        weights.append(None if own is None else own[:, :rows, :columns])
        factors.append(factor_given(site, lane, training).flatten(1)[:, :rows])
    return factors, weights


def compared(made: Lab) -> Iterator[Compared]:
    """Outputs, gradients and running statistics of every lane, and those of a plain network."""
    x, labels = made.batch()
    plains = [plain(made, lane) for lane in range(made.network.lanes)]
    logits = made.network(x)
    torch.autograd.backward(made.losses_of(logits, labels).sum())
    for lane, own in enumerate(plains):
        theirs = own(x, *given(made, lane))
        torch.autograd.backward(nn.functional.cross_entropy(theirs, labels))
        yield Compared(lane, "logits", logits[lane], theirs)
        yield from _gradients(network_of(made), lane, own)


def _gradients(network: LaneMLP, lane: int, own: PlainNetwork) -> Iterator[Compared]:
    for linear, lanes in zip(own.linears, network.linears, strict=True):
        whole, (outputs, inputs) = gradient(linear.weight), linear.weight.shape
        yield Compared(lane, "gradient of a layer", gradient(lanes.weight)[lane, :inputs, :outputs].T, whole)
        bias = gradient(lanes.bias)[lane, 0, :outputs]
        yield Compared(lane, "gradient of its bias", bias, gradient(linear.bias), whole.abs().max())
    for norm, norms in zip(own.norms, network.norms[: len(own.norms)], strict=True):
        units, largest = norm.num_features, gradient(norm.weight).abs().max()
        for name in ("weight", "bias"):
            mine, theirs = gradient(getattr(norms, name))[lane, 0, :units], gradient(getattr(norm, name))
            yield Compared(lane, f"gradient of batch norm’s {name}", mine, theirs, largest)
        for name in ("running_mean", "running_var"):
            yield Compared(lane, name, getattr(norms, name)[lane, 0, :units], getattr(norm, name))
