"""What a step of each network costs by itself: a run of that lane alone, with a stop-watch."""

from __future__ import annotations

from copy import copy
from time import perf_counter
from typing import Final

import numpy as np

from trainer.data.batches import Batches
from trainer.insight.base import Found, Insight, Looking
from trainer.settings.changes import ChangeLog
from trainer.settings.config import ExperimentConfig
from trainer.settings.pieces import rows_of
from trainer.training.experiment import Experiment
from trainer.training.judge import Judge

LANES: Final = 16  # that are timed, the first ones
TURNS: Final = 21  # odd, so that the median is one of them
AT_ONCE: Final = 4  # steps of one turn, as training makes several at once; fewer of a network whose steps are long
_EXAMPLE: Final = 3  # passes that an example of a step costs: forward, and back to weights and to activations
_WARM_UP: Final = 3  # turns that do not count: memory is set up, and on a GPU the step is recorded


class View(Insight):
    """The median time of a step and its quartiles, the lanes taking turns: what disturbs the machine disturbs them all.

    It is measured once for each configuration, whatever the weights.
    """

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self._timed: tuple[ExperimentConfig, Found] | None = None

    def look(self) -> Looking:
        """Time every lane, or tell again what is known."""
        config = self.experiment.config
        if self._timed is None or self._timed[0] != config:
            self._timed = config, (yield from self._time())
        return self._timed[1]

    def _time(self) -> Looking:
        step, config = self.experiment.step, self.experiment.config
        runs = []
        for lane in range(min(LANES, len(config.lanes))):
            runs.append(alone(self.experiment, lane, config))
            yield
        at_once = max(1, min(AT_ONCE, rows_of(config) // (_EXAMPLE * config.batch_size)))
        taken: list[list[float]] = [[] for _ in runs]
        for turn in range(-_WARM_UP, TURNS):
            for run, own in zip(runs, taken, strict=True):
                began = perf_counter()
                run.run(at_once)
                if turn >= 0:
                    own.append(1000 * (perf_counter() - began) / at_once)
                yield
        figures = np.full((3, len(config.lanes)), np.nan, np.float32)
        figures[:, : len(runs)] = np.quantile(taken, (0.25, 0.5, 0.75), axis=1)
        lower, milliseconds, upper = figures
        return {
            "step": np.array([step], np.uint32),
            "step_count": np.array([TURNS * at_once], np.uint32),
            "milliseconds": milliseconds,
            "lower": lower,
            "upper": upper,
        }


def alone(experiment: Experiment, lane: int, config: ExperimentConfig) -> Experiment:
    """A run of one lane by itself, at step 0, on the data of another run, in the lane's own widths.

    Its rates are in force all the time, whatever their schedule says, and it is not stopped early.
    """
    own = config.lanes[lane]
    apart = {"seed": config.seed_of(lane), "hidden": config.widths(lane)}
    steady = own.model_copy(update={"hidden": None, "schedule": "constant", "patience": 0})
    run = copy(experiment)
    run.log = ChangeLog()  # of its own: beginning anew forgets what is in it
    run.config = config.model_copy(update={"lanes": (steady,), **apart})
    run.batches = Batches(run.data, run.config, run.device, run.dtype)
    run.judge = Judge(run.data, run.config, run.device, run.dtype)
    run.followed = (0, 0)
    run.reset()
    return run
