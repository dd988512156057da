"""What it costs a training to be watched: ``python -m benchmarks.watching``.

Two copies of a model take turns, one of them watched, with a lab in a process of its own; on one core, so that what the
watch's thread does is paid for.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.server import running_lab
from benchmarks.turns import times_in_turns
from dropout_lab.watching import Watching, watch

MEANT: Final = 1.05  # of a step with nn.Dropout alone at this size,
AT_MOST: Final = 1.60  # and of any other


def dense(widths: list[int], rate: float) -> nn.Module:
    """A dense network with dropout behind each hidden layer."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths[:-1]):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(rate)]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


class Sequences(nn.Module):
    """Something that reads sequences, and classifies them by its mean."""

    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, 10) of sequences (batch, time, width)."""
        found = self.body(x)
        out: Tensor = self.head((found[0] if isinstance(found, tuple) else found).mean(1))
        return out


@dataclass(frozen=True)
class Case:
    """A model that is watched, and what it may come to."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    meant: float


def _encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(128, 4, 256, 0.1, batch_first=True)
    return Sequences(nn.TransformerEncoder(layer, 4, enable_nested_tensor=False), 128)


CASES: Final = (
    Case("784-1024-1024-10, batch 128", lambda: dense([784, 1024, 1024, 10], 0.5), (128, 784), MEANT),
    Case("64-128-128-128-10, batch 32", lambda: dense([64, 128, 128, 128, 10], 0.5), (32, 64), AT_MOST),
    Case("transformer, 4 blocks of 128, batch 16 × 32", _encoder, (16, 32, 128), AT_MOST),
    Case(
        "LSTM, 3 layers of 128, batch 16 × 32",
        lambda: Sequences(nn.LSTM(64, 128, 3, dropout=0.3, batch_first=True), 128),
        (16, 32, 64),
        AT_MOST,
    ),
)


class Side:
    """One copy of a model, and its training."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(0)
        self.model = case.make()
        self._optimizer = torch.optim.SGD(self.model.parameters(), 0.01, momentum=0.9)
        self._x, self._y = torch.randn(case.shape), torch.randint(10, case.shape[:1])
        self.lab: Watching | None = None

    def run(self, steps: int) -> None:
        """Make steps."""
        for _ in range(steps):
            loss = functional.cross_entropy(self.model(self._x), self._y)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._optimizer.zero_grad()
            if self.lab is not None:
                self.lab.step(loss=loss)


def main() -> None:
    """Print for each case how much longer a watched step takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a turn takes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print("a step, watched over unwatched: median of the turns' ratios")
    with running_lab() as url:
        for case in CASES:
            plain, watched = Side(case), Side(case)
            plain.run(30)
            with watch(watched.model, server=url, quiet=True) as lab:
                watched.lab = lab
                watched.run(30)
                times = times_in_turns((plain.run, watched.run), chosen.rounds, chosen.seconds)
                state = lab.told_state()
            ratio = statistics.median(ours / theirs for theirs, ours in zip(*times, strict=True))
            word = "" if ratio <= case.meant else f"  MORE THAN MEANT ({case.meant:.2f})"
            share = state["sampled"] / state["passes"]
            seen = f"masks of {share:.1%} of the passes, own account {state['cost']:.1%}"
            print(f"  {case.name:<45} {ratio:.3f}×  {seen}{word}", flush=True)


if __name__ == "__main__":
    main()
