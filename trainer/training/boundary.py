"""The boundary of each network in the plane: what it says of a grid of points, in eval mode."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.errors import KnobError
from trainer.models import LaneNetwork, evaluating
from trainer.settings.config import ExperimentConfig
from trainer.settings.pieces import Pieces, rows_of
from trainer.training.alone import Alone, Still


def probability_in_pieces(
    model: LaneNetwork,
    config: ExperimentConfig,
    extent: tuple[float, float, float, float] | None,
    alone: Alone,
    size: int,
) -> Pieces[Tensor]:
    """Probability of class 1 on a grid, in pieces, of the weights as they are now, whatever is trained meanwhile.

    Args:
        model: the networks.
        config: of their run, as it is now.
        extent: of the grid, x and y from the least to the greatest; None: the data are no points in the plane.
        alone: takes one lane at a time.
        size: points along each side.

    Returns:
        (L, size, size) float32, row 0 at the bottom.

    Raises:
        KnobError: the data are no points in the plane, or ``size`` is not 2 to 512.
    """
    if extent is None:
        raise KnobError("dataset", config.dataset, "a set of points in the plane to have a boundary")
    if isinstance(size, bool) or not isinstance(size, int) or not 2 <= size <= 512:
        raise KnobError("size", size, "a whole number from 2 to 512")
    x_min, x_max, y_min, y_max = extent
    y, x = torch.meshgrid(torch.linspace(y_min, y_max, size), torch.linspace(x_min, x_max, size), indexing="ij")
    points = torch.stack([x.flatten(), y.flatten()], dim=1).to(model.weights[0])  # (size², 2)
    if rows_of(config, model.lanes) >= len(points):
        return _of_class_1(model, points).view(-1, size, size)
    still, rows = Still.copy(model), rows_of(config)
    found = []
    for lane in range(model.lanes):
        for part in torch.split(points, rows):
            yield
            found.append(_of_class_1(alone.take(still, lane), part))
    return torch.cat(found, dim=1).view(-1, size, size)


@torch.no_grad()
def _of_class_1(network: LaneNetwork, x: Tensor) -> Tensor:
    """Probability of class 1 of x (n, F) in eval mode, (L, n) float32 on the CPU."""
    with evaluating(network):
        return torch.softmax(network(x), dim=2)[..., 1].float().cpu()
