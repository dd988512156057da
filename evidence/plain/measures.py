"""What the plain networks came to: the same rows as the lab's, from the same arithmetic on their own scores."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from evidence.measures import costs, dense, ensembles, networks
from evidence.plain.training import SEEDS, PlainRun, judged, train
from evidence.trained import Measure, Values
from trainer.data import datasets
from trainer.ensemble.subnetworks import Averages
from trainer.insight.autoencoder import hoyer
from trainer.presets import Preset
from trainer.presets.expected import expected_for
from trainer.settings.panels import kinship

MEMBERS: Final = ensembles.MEMBERS
PASSES: Final = 4  # over the validation set with training mode left on
MASKED: Final = 4096  # examples passed with dropout on, at least, where variances are measured


def of_scores(name: str, of: Callable[[PlainRun], Values]) -> Measure:
    """A measure that needs nothing but the scores of every evaluation."""

    def measured(preset: Preset, seed: int) -> Values:
        return of(train(preset, seed, every=costs.CLOSE if name == "training-time" else 25))

    return measured


def batch_norm(preset: Preset, seed: int) -> Values:
    """The four networks, with wrong labels and with all of them true."""
    return costs.both_labels(train(preset, seed), train(preset, seed, label_noise=0.0))


def boundaries(preset: Preset, seed: int) -> Values:
    """Both lines in the plane."""
    run = train(preset, seed)
    with torch.no_grad():
        planes = [net(networks.square()).softmax(dim=1)[:, 1].double().numpy() for net in run.networks]
    return networks.of_planes(run, np.stack([each.reshape(networks.GRID, -1) for each in planes]))


def real_ensemble(preset: Preset, seed: int) -> Values:
    """One network and the average of all of its kind, with and without dropout."""
    return together(train(preset, seed))


@torch.no_grad()
def together(run: PlainRun) -> Values:
    """The same of a run."""
    group = kinship(run.config)
    values: dict[str, float] = {}
    for number, name in enumerate(ensembles.LANES):
        own = [net for net, its in zip(run.networks, group, strict=True) if its == number]
        averages = Averages(run.data.val_y, len(run.data.classes), torch.float32)
        figures = [averages.add(net(run.data.val_x).log_softmax(dim=1).T) for net in own]  # accuracy and loss
        one = torch.stack([each[0] for each in figures]).mean(dim=0)
        values |= {f"accuracy/{name}/one": 100 * float(one[0]), f"loss/{name}/one": float(one[1])}
        values |= {
            f"accuracy/{name}/five": 100 * float(figures[-1][1, 0]),
            f"loss/{name}/five": float(figures[-1][1, 1]),
        }
    return values | {"lead": values["accuracy/dropout/one"] - values["accuracy/without/five"]}


def averages(preset: Preset, seed: int) -> Values:
    """Sub-networks of both networks, thinned with the rates of the one with dropout."""
    run = train(preset, seed)
    rates = run.config.lanes[1].dropout
    torch.manual_seed(SEEDS + seed)  # of the masks, whatever was trained before
    own = zip(ensembles.LANES, run.networks, strict=True)
    return ensembles.of_averages({name: averages_of(net, rates, run) for name, net in own})


@torch.no_grad()
def averages_of(net: nn.Module, rates: tuple[float, ...], run: PlainRun) -> dict[str, float]:
    """One network, thinned."""
    x, y, classes = run.data.val_x, run.data.val_y, len(run.data.classes)
    whole = judged(net(x), y)
    same, fresh = (Averages(y, classes, torch.float32) for _ in range(2))
    of_same = [same.add(thinned(net, rates, x, 1).log_softmax(dim=1).T) for _ in range(MEMBERS)]
    of_fresh = [fresh.add(thinned(net, rates, x, len(x)).log_softmax(dim=1).T) for _ in range(MEMBERS)]
    return {
        "one": 100 * float(torch.stack([each[0, 0] for each in of_same]).mean()),
        "average_64": 100 * float(of_same[-1][1, 0]),
        "scaling": 100 * whole[1],
        "scaling_loss": whole[0],
        "arithmetic_loss": float(of_same[-1][1, 1]),
        "geometric_loss": float(of_same[-1][2, 1]),
        **{f"fresh_{count}": 100 * float(of_fresh[count - 1][1, 0]) for count in (2, 4, 8, 16, 32, 64)},
    }


def thinned(net: nn.Module, rates: tuple[float, ...], x: Tensor, rows: int) -> Tensor:
    """Logits of a multilayer perceptron whose units are dropped at given rates.

    Args:
        net: of `evidence.plain.networks.dense`.
        rates: one for each of its dropout layers.
        x: (n, F).
        rows: of each mask: 1 is one mask for all examples, n a fresh one for each.
    """
    left = list(rates)
    for layer in net.children():
        if isinstance(layer, nn.Dropout):
            kept = 1 - left.pop(0)
            x = x * torch.bernoulli(torch.full((rows, x.shape[1]), kept)) / kept
        else:
            x = layer(x)
    return x


def forgotten(preset: Preset, seed: int) -> Values:
    """As it should be judged, and with training mode left on."""
    return in_both_modes(train(preset, seed))


@torch.no_grad()
def in_both_modes(run: PlainRun) -> Values:
    """The same of a run, whose running statistics stay as they are."""
    x, y, size = run.data.val_x, run.data.val_y, run.config.batch_size
    values: dict[str, float] = {}
    torch.manual_seed(SEEDS + run.config.seed)
    for name, trained in zip(run.lanes, run.networks, strict=True):
        values[f"loss/{name}"], accuracy = judged(trained(x), y)
        net = copy.deepcopy(trained).train()
        passes = [judged(torch.cat([net(part) for part in batches(x, size)])[: len(x)], y) for _ in range(PASSES)]
        loss, left = np.mean(passes, axis=0)
        values |= {f"accuracy/{name}": 100 * accuracy, f"forgotten_accuracy/{name}": 100 * float(left)}
        values[f"forgotten_loss/{name}"] = float(loss)
    return ensembles.with_differences(values, run.lanes)


def batches(x: Tensor, size: int) -> tuple[Tensor, ...]:
    """Whole mini-batches; the last is filled up with the first examples."""
    return torch.split(x[torch.arange(ceil(len(x) / size) * size) % len(x)], size)


def variance(preset: Preset, seed: int) -> Values:
    """Variance of what enters batch norm, in training over evaluation, at each rate."""
    run = train(preset, seed)
    torch.manual_seed(SEEDS + seed)
    place = 0 if costs.looked_at(run) == "hidden1" else 1
    return costs.of_ratios(run, [ratio_of(net, place, run) for net in run.networks])


@torch.no_grad()
def ratio_of(net: nn.Module, place: int, run: PlainRun) -> float:
    """The median over units, of one network."""
    net = copy.deepcopy(net)  # in training mode running statistics move
    norm = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm1d)][place]
    entered: list[Tensor] = []
    norm.register_forward_pre_hook(lambda _, given: entered.append(given[0].double()))
    spread = []
    for training in (True, False):
        entered.clear()
        net.train(training)
        for _ in range(ceil(MASKED / len(run.data.train_x)) if training else 1):
            for part in torch.split(run.data.train_x, run.config.batch_size):
                net(part)
        spread.append(torch.cat(entered).var(dim=0, correction=0))
    alive = spread[1] > 0
    return float((spread[0] / spread[1])[alive].median())


def inside(preset: Preset, seed: int) -> Values:
    """What the units of both networks do, and how many of them can be lost."""
    return within(train(preset, seed))


@torch.no_grad()
def within(run: PlainRun) -> Values:
    """The same of a run."""
    torch.manual_seed(SEEDS + run.config.seed)
    figures = [of_units(net, run) for net in run.networks]
    values = {name: value / figures[0][name] for name, value in figures[1].items()}
    for share in (0.25, 0.5, 0.75):
        for name, net in zip(ensembles.LANES, run.networks, strict=True):
            values[f"damage_{round(100 * share)}/{name}"] = damaged(net, share, run)
    for layer in run.config.layers[1:]:
        values[f"mean_ceiling/{layer}"] = values[f"mean/{layer}"]
    return values | {"damage_lead": values["damage_50/dropout"] - values["damage_50/without"]}


def of_units(net: nn.Module, run: PlainRun) -> dict[str, float]:
    """Mean activation, share of firing pairs, correlations and sizes of weights of one network."""
    x, hidden = run.data.val_x, 0
    found: dict[str, float] = {}
    for layer in net.children():
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            hidden += 1
            alive = x[:, x.amax(dim=0) > x.amin(dim=0)]
            r = torch.corrcoef(alive.T.double())
            pairs = r[torch.ones_like(r).triu(1).bool()].abs()
            found |= {f"mean/hidden{hidden}": float(x.mean()), f"firing/hidden{hidden}": float((x > 0).double().mean())}
            found |= {f"correlation/hidden{hidden}": float(pairs.mean())}
            found |= {f"strong/hidden{hidden}": float((pairs > 0.7).double().mean())}
    linears = [layer for layer in net.children() if isinstance(layer, nn.Linear)]
    return found | {f"weights/{place}": float(each.weight.abs().mean()) for place, each in enumerate(linears, 1)}


def damaged(net: nn.Module, share: float, run: PlainRun) -> float:
    """Accuracy in percent, over 64 choices, with a share of each hidden layer's units cut off and the others scaled."""
    x, y, found = run.data.val_x, run.data.val_y, []
    for _ in range(64):
        h = x
        for layer in net.children():
            h = layer(h)
            if isinstance(layer, nn.ReLU):
                units = h.shape[1]
                left = torch.randperm(units)[round(share * units) :]
                factor = torch.zeros(units)
                factor[left] = units / len(left)
                h = h * factor
        found.append(judged(h, y)[1])
    return 100 * float(np.mean(found))


def draw(preset: Preset, seed: int) -> Values:
    """How far sub-networks agree on digits that were held out, where their answer is right and where it is wrong."""
    run = train(preset, seed)
    torch.manual_seed(SEEDS + seed)
    return ensembles.of_votes(*votes(run.networks[1], run), run.data.val_y)


@torch.no_grad()
def votes(net: nn.Module, run: PlainRun) -> tuple[Tensor, Tensor]:
    """Probabilities (V, M, C) of sub-networks, and mutual information (V,) of answer and mask."""
    rates = run.config.lanes[1].dropout
    each = [thinned(net, rates, run.data.val_x, 1).softmax(dim=1).double() for _ in range(MEMBERS)]
    p = torch.stack(each, dim=1)
    return p, entropy(p.mean(dim=1)) - entropy(p).mean(dim=1)


def entropy(p: Tensor) -> Tensor:
    """Of distributions (…, C), in nats."""
    found: Tensor = -torch.special.xlogy(p, p).sum(dim=-1)
    return found


def features(preset: Preset, seed: int) -> Values:
    """How sparse the atoms of two autoencoders' decoders are, without and with dropout, and their errors."""
    data = datasets.load(preset.config.model_copy(update={"seed": seed}))
    (without, plain), (dropout, dropped) = (autoencoder(rate, seed, data) for rate in (0.0, 0.5))
    return {
        "sparsity/without": without,
        "sparsity/dropout": dropout,
        "sparsity_ratio": dropout / without,
        "mse/without": plain,
        "mse/dropout": dropped,
    }


def autoencoder(rate: float, seed: int, data: datasets.Dataset) -> tuple[float, float]:
    """Hoyer's sparsity of the decoder's atoms and the validation error of one autoencoder of 256 hidden units."""
    torch.manual_seed(SEEDS + seed)
    sizes = (data.features, 256)
    decoder = nn.Linear(*sizes[::-1])
    net = nn.Sequential(nn.Linear(*sizes), nn.ReLU(), nn.Dropout(rate), decoder)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    order = torch.Generator().manual_seed(SEEDS + seed)
    left: list[Tensor] = []
    for _ in range(3000):
        if not left:
            rows = torch.randperm(len(data.train_x), generator=order)
            left = list(torch.split(rows[: len(rows) // 64 * 64], 64))
        x = data.train_x[left.pop()]
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.mse_loss(net(x), x))
        optimizer.step()
    net.eval()
    with torch.no_grad():
        error = nn.functional.mse_loss(net(data.val_x), data.val_x)
        return float(hoyer(decoder.weight.T).nanmean()), float(error)


OF_RUN: Final[dict[str, Callable[[Any], Values]]] = {**dense.OF_RUN, **networks.OF_RUN, "training-time": costs.times}
MEASURES: Final[dict[str, Measure]] = {
    **{name: of_scores(name, of) for name, of in OF_RUN.items()},
    "batch-norm": batch_norm,
    "boundaries": boundaries,
    "real-ensemble": real_ensemble,
    "averages": averages,
    "forgotten-eval": forgotten,
    "variance-shift": variance,
    "variance-shift-linear": variance,
    "inside": inside,
    "draw": draw,
    "features": features,
}
"""By the id of the experiment; the search has no reference."""


def measure(preset: Preset, seed: int) -> Mapping[str, float]:
    """The rows of an experiment that plain networks have; none where there is no reference."""
    if preset.id not in MEASURES:
        return {}
    values = MEASURES[preset.id](preset, seed)
    return {row.id: float(values[row.id]) for row in expected_for(preset.id) if row.id in values}
