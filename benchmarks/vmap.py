"""Many networks by `torch.func`, PyTorch's own way, beside the plain loop and the lab, in one process, taking turns:
``python -m benchmarks.vmap``.
"""

from __future__ import annotations

import copy
import platform
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from benchmarks.plain import PlainLoop, network
from benchmarks.trainer import RATES
from benchmarks.turns import options, times_in_turns
from trainer.settings.config import ExperimentConfig, parse
from trainer.training.experiment import Experiment

HIDDEN: Final = (128, 128, 128)
LANES: Final = (2, 16, 64)


class VmapLoop(PlainLoop):
    """The networks of a plain loop as one, by ``vmap`` over their stacked parameters; one learning rate for all.

    What it is given of an advantage: PyTorch's fused Adam, and losses that stay where they are until a call is over.
    It keeps no record of masks.
    """

    def __init__(
        self, networks: Iterable[nn.Module], x: Tensor, y: Tensor, batch_size: int, learning_rate: float
    ) -> None:
        super().__init__(networks, x, y, batch_size, learning_rate)
        parameters, self._buffers = stack_module_state(self.networks)
        self._parameters = {name: each.detach() for name, each in parameters.items()}
        self._optimizer = torch.optim.Adam(self._parameters.values(), lr=learning_rate, fused=True)
        base = copy.deepcopy(self.networks[0]).to("meta")

        def loss_of(parameters: Any, buffers: Any, x: Tensor, y: Tensor) -> Tensor:
            loss: Tensor = self.loss(functional_call(base, (parameters, buffers), (x,)), y)
            return loss

        self._gradients = vmap(grad_and_value(loss_of), in_dims=(0, 0, None, None), randomness="different")

    def run(self, steps: int) -> list[list[float]]:
        """Train all networks for some steps; the losses by step and network."""
        losses = []
        for _ in range(steps):
            batch = next(self._batches)
            gradients, loss = self._gradients(self._parameters, self._buffers, self.x[batch], self.y[batch])
            for name, parameter in self._parameters.items():
                parameter.grad = gradients[name]
            self._optimizer.step()
            losses.append(loss)
        found: list[list[float]] = torch.stack(losses).tolist()
        return found


@dataclass(frozen=True)
class Sides:
    """The same networks three times.

    Attributes:
        one: the plain loop over a single one.
        vmap: all of them by ``vmap``.
        lab: all of them in lanes.
    """

    one: PlainLoop
    vmap: VmapLoop
    lab: Experiment


def config_of(lanes: int) -> ExperimentConfig:
    """The default network with dropout at every place so many times, be they more than the lab allows a viewer."""
    config = parse({"hidden": HIDDEN, "lanes": [{"name": "lane", "dropout": RATES}]})
    return config.model_copy(update={"lanes": config.lanes * lanes})


def sides(lanes: int, device: str) -> Sides:
    """So many networks with dropout, three times."""
    config = config_of(lanes)
    experiment = Experiment(config, device=device)
    data = experiment.data
    x, y = data.train_x.to(experiment.device), data.train_y.to(experiment.device)
    sizes = (data.features, *HIDDEN, len(data.classes))
    rest = (x, y, config.batch_size, config.learning_rate)
    many = VmapLoop((network(sizes, RATES) for _ in range(lanes)), *rest)
    return Sides(PlainLoop([network(sizes, RATES)], *rest), many, experiment)


def main() -> None:
    """Print a line for each number of networks, with 1 thread and with 2."""
    chosen = options(__doc__)
    print(f"torch {torch.__version__}, {platform.machine()}, network-steps a second, median of {chosen.rounds} turns")
    columns = ("plain", "vmap", "lab", "vmap/plain", "lab/plain", "lab/vmap")
    print(f"{'networks':>8} {'threads':>7}", *(f"{name:>10}" for name in columns))
    for threads in chosen.threads:
        torch.set_num_threads(threads)
        for lanes in LANES:
            made = sides(lanes, "cpu")
            times = times_in_turns((made.one.run, made.vmap.run, made.lab.run), chosen.rounds, chosen.seconds)
            plain, stacked, lab = (
                [count / each for each in own] for count, own in zip((1, lanes, lanes), times, strict=True)
            )
            ratios = [_ratio(stacked, plain), _ratio(lab, plain), _ratio(lab, stacked)]
            speeds = [f"{statistics.median(own):>10,.0f}" for own in (plain, stacked, lab)]
            print(f"{lanes:>8} {threads:>7}", *speeds, *(f"{ratio:>9.2f}×" for ratio in ratios), flush=True)


def _ratio(mine: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(own / other for own, other in zip(mine, theirs, strict=True))


if __name__ == "__main__":
    main()
