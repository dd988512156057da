"""Models of every kind of site, small, and how each is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

CLASSES = 5
FEATURES = 12
EXAMPLES = 8


class DropPath(nn.Module):
    """Stochastic depth, as image models write it."""

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        if self.drop_prob == 0 or not self.training:
            return x
        keep = 1 - self.drop_prob
        mask = x.new_empty((len(x),) + (1,) * (x.dim() - 1)).bernoulli_(keep)
        return x * mask.div_(keep)


class FlooredDropPath(DropPath):
    """The same, as it was written before: the floor of a uniform number."""

    def forward(self, x: Tensor) -> Tensor:
        if self.drop_prob == 0 or not self.training:
            return x
        keep = 1 - self.drop_prob
        mask = keep + torch.rand((len(x),) + (1,) * (x.dim() - 1), dtype=x.dtype)
        return x.div(keep) * mask.floor_()


class ComparedDropout(DropPath):
    """The same, by comparing a uniform number."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (torch.rand_like(x) > self.drop_prob).to(x.dtype) / (1 - self.drop_prob)


class FilledDropout(DropPath):
    """The same, by filling zeros in."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x.masked_fill(torch.rand_like(x) < self.drop_prob, 0.0) / (1 - self.drop_prob)


class Functional(nn.Module):
    """`F.dropout` in a forward."""

    def __init__(self, drop: Callable[..., Tensor] = functional.dropout, p: float = 0.3, inplace: bool = False) -> None:
        super().__init__()
        self.drop, self.p, self.inplace = drop, p, inplace

    def forward(self, x: Tensor) -> Tensor:
        if self.inplace:
            return self.drop(x * 1.0, self.p, self.training, True)
        return self.drop(x, self.p, self.training)


class Attention(nn.Module):
    """`F.scaled_dot_product_attention` as GPTs call it."""

    def __init__(self, p: float = 0.2) -> None:
        super().__init__()
        self.dropout = p
        self.qkv = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each.unflatten(-1, (2, 2)).transpose(1, 2) for each in self.qkv(x).split(4, -1))
        out = functional.scaled_dot_product_attention(
            q, k, v, dropout_p=self.dropout if self.training else 0, is_causal=True
        )
        given: Tensor = out.transpose(1, 2).flatten(2)
        return given


class Recurrent(nn.Module):
    """A recurrent layer with dropout between its layers; its last outputs."""

    def __init__(self, kind: Callable[..., nn.RNNBase], batch_first: bool = True) -> None:
        super().__init__()
        self.rnn = kind(4, 6, num_layers=3, dropout=0.4, batch_first=batch_first)
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        out = self.rnn(x if self.batch_first else x.transpose(0, 1))[0]
        last: Tensor = out[:, -1] if self.batch_first else out[-1]
        return last


class Heads(nn.Module):
    """`nn.MultiheadAttention` of a sequence with itself."""

    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.25, batch_first=True)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.attention(x, x, x, need_weights=self.weights)[0]
        return out


class Twice(nn.Module):
    """One dropout module, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.drop = nn.Linear(FEATURES, 6), nn.Linear(6, 6), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(self.two(self.drop(self.one(x).relu())).relu())
        return out


class Checkpointed(nn.Module):
    """A part whose activations are made again in the backward pass."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.part = nn.Sequential(nn.Linear(FEATURES, 6), nn.ReLU(), nn.Dropout(0.5))
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = checkpoint(self.part, x.requires_grad_(), use_reentrant=self.reentrant)
        return out


@dataclass(frozen=True)
class Kind:
    """A kind of site.

    Attributes:
        body: makes the part that drops.
        width: of what it gives, flattened.
        sites: how many there are.
        kinds: what they are called.
        of: what one bit stands for.
        shape: of what it takes.
        numbers: whether its masks multiply, so that after = before × mask / (1 − p).
    """

    body: Callable[[], nn.Module]
    width: int
    sites: int = 1
    kinds: tuple[str, ...] = ("nn.Dropout",)
    of: str = "units"
    shape: tuple[int, ...] = (FEATURES,)
    alpha: bool = False


def _dense(drop: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(FEATURES, 6), nn.ReLU(), drop())


_sequence = (3, 4)
KINDS: dict[str, Kind] = {
    "nn.Dropout": Kind(_dense(lambda: nn.Dropout(0.5)), 6),
    "nn.Dropout in place": Kind(lambda: nn.Sequential(nn.Linear(FEATURES, 6), nn.Dropout(0.3, inplace=True)), 6),
    "nn.Dropout1d": Kind(
        lambda: nn.Sequential(nn.Unflatten(1, (3, 4)), nn.Conv1d(3, 6, 1), nn.Dropout1d(0.4)),
        24,
        1,
        ("nn.Dropout1d",),
        "channels",
    ),
    "nn.Dropout2d": Kind(
        lambda: nn.Sequential(nn.Unflatten(1, (3, 2, 2)), nn.Conv2d(3, 6, 1), nn.Dropout2d(0.4)),
        24,
        1,
        ("nn.Dropout2d",),
        "channels",
    ),
    "nn.Dropout3d": Kind(
        lambda: nn.Sequential(nn.Unflatten(1, (3, 1, 2, 2)), nn.Conv3d(3, 6, 1), nn.Dropout3d(0.4)),
        24,
        1,
        ("nn.Dropout3d",),
        "channels",
    ),
    "nn.AlphaDropout": Kind(_dense(lambda: nn.AlphaDropout(0.3)), 6, 1, ("nn.AlphaDropout",), alpha=True),
    "nn.FeatureAlphaDropout": Kind(
        lambda: nn.Sequential(nn.Unflatten(1, (3, 4)), nn.Conv1d(3, 6, 1), nn.FeatureAlphaDropout(0.4)),
        24,
        1,
        ("nn.FeatureAlphaDropout",),
        "channels",
        alpha=True,
    ),
    "F.dropout": Kind(_dense(Functional), 6, 1, ("F.dropout",)),
    "F.dropout in place": Kind(_dense(lambda: Functional(inplace=True)), 6, 1, ("F.dropout",)),
    "F.alpha_dropout": Kind(
        _dense(lambda: Functional(functional.alpha_dropout)), 6, 1, ("F.alpha_dropout",), alpha=True
    ),
    "nn.LSTM": Kind(lambda: Recurrent(nn.LSTM), 6, 2, ("nn.LSTM",), shape=_sequence),
    "nn.GRU, time first": Kind(lambda: Recurrent(nn.GRU, batch_first=False), 6, 2, ("nn.GRU",), shape=_sequence),
    "nn.RNN": Kind(lambda: Recurrent(nn.RNN), 6, 2, ("nn.RNN",), shape=_sequence),
    "scaled_dot_product_attention": Kind(
        Attention, 12, 1, ("scaled_dot_product_attention",), "attention weights", shape=_sequence
    ),
    "nn.MultiheadAttention": Kind(
        lambda: Heads(weights=True), 12, 1, ("nn.MultiheadAttention",), "attention weights", shape=_sequence
    ),
    "nn.MultiheadAttention, without weights": Kind(
        lambda: Heads(weights=False), 12, 1, ("nn.MultiheadAttention",), "attention weights", shape=_sequence
    ),
    "nn.TransformerEncoderLayer": Kind(
        lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2, batch_first=True),
        12,
        4,
        ("nn.MultiheadAttention", "nn.Dropout", "nn.Dropout", "nn.Dropout"),
        "",
        shape=_sequence,
    ),
    "DropPath by hand": Kind(_dense(lambda: DropPath(0.3)), 6, 1, ("by hand",), "branches"),
    "DropPath by floor": Kind(_dense(lambda: FlooredDropPath(0.3)), 6, 1, ("by hand",), "branches"),
    "compared": Kind(_dense(lambda: ComparedDropout(0.3)), 6, 1, ("by hand",)),
    "filled": Kind(_dense(lambda: FilledDropout(0.3)), 6, 1, ("by hand",)),
    "used twice": Kind(Twice, 6, 2, ("nn.Dropout", "nn.Dropout")),
    "checkpointed": Kind(lambda: Checkpointed(reentrant=False), 6),
    "checkpointed, reentrant": Kind(lambda: Checkpointed(reentrant=True), 6),
}


class Model(nn.Module):
    """A part that drops, with a layer that classifies behind it."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.body: Any = kind.body()
        self.head = nn.Linear(kind.width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x).flatten(1))
        return out


def make(kind: Kind, seed: int = 0) -> Model:
    """A model of a kind, always the same."""
    torch.manual_seed(seed)
    return Model(kind)


def batch(kind: Kind, step: int, examples: int = EXAMPLES) -> tuple[Tensor, Tensor]:
    """The mini-batch of a step, always the same."""
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(examples, *kind.shape, generator=generator)
    return x, torch.randint(CLASSES, (examples,), generator=generator)


def state_of(model: nn.Module) -> dict[str, Any]:
    """All that a model is."""
    return {name: value.clone() for name, value in model.state_dict().items()}
