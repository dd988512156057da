"""Code to take away: what one network of a run does, as a script that needs neither this project nor its server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trainer.errors import KnobError
from trainer.export.keras import keras_script
from trainer.export.pytorch import pytorch_script
from trainer.export.recipe import Recipe, recipe
from trainer.settings.config import ExperimentConfig

FRAMEWORKS: Final[dict[str, Callable[[Recipe], str]]] = {"pytorch": pytorch_script, "keras": keras_script}


def script(
    config: ExperimentConfig,
    lane: int,
    framework: str,
    table: Mapping[str, Any] | None = None,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
) -> str:
    """A complete Python script that trains one lane's network as it is configured now.

    It draws other random numbers than the lane, from the same distributions (docs/code.md).

    Args:
        config: the run.
        lane: whose network.
        framework: ``"pytorch"`` or ``"keras"``.
        table: of a run on a table, its description (docs/protocol.md, *table*).
        shape: how the numbers of an example are arranged, where the data set alone does not say it.
        classes: how many there are, where the data set alone does not say it.

    Raises:
        KnobError: there is no such lane or framework.
    """
    if isinstance(lane, bool) or not isinstance(lane, int) or not 0 <= lane < len(config.lanes):
        raise KnobError("lane", lane, f"the number of a lane, from 0 to {len(config.lanes) - 1}")
    if framework not in FRAMEWORKS:
        raise KnobError("framework", framework, f"one of {', '.join(FRAMEWORKS)}")
    return FRAMEWORKS[framework](recipe(config, lane, table, shape, classes))
