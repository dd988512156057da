"""The average of what the networks of a run predict, against the best of them and against dropout's own average.

Networks that err on different examples are better averaged than one by one (Hansen & Salamon 1990); Srivastava et al.
2014, section 1, take dropout to be a cheap stand-in for that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from trainer.ensemble.subnetworks import Averages
from trainer.ensemble.thinning import thin
from trainer.insight.base import Insight, Looking
from trainer.models import evaluating
from trainer.settings.pieces import Pieces, rows_of
from trainer.training.alone import Alone, Still
from trainer.wire.frames import Array

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

MEMBERS: Final = 32  # sub-networks of the best network: the first half of those that vote in the ensemble


class View(Insight):
    """The average of the predicted probabilities of those lanes whose knob ``averaged`` says so, in eval mode on the
    validation set; of each lane by itself; and of sub-networks of the best of them.

    A network that has diverged takes no part, for an average with it would be no number.

    Found, for L lanes: ``averaged`` (L,), whether a lane is in the average; ``loss``, ``accuracy`` (L,) of each by
    itself, NaN where it has diverged. Of the lanes in the average: ``average_loss``, ``average_accuracy`` (1,) of the
    mean of their probabilities; ``mean_loss``, ``mean_accuracy`` (1,), what one of them has by itself, on average;
    ``best`` (1,), the one with the lowest loss, or (0,) if there is none; ``thinned_loss``, ``thinned_accuracy`` (1,)
    of the mean of the probabilities of `MEMBERS` sub-networks of that one, with one mask for all examples each, NaN if
    it drops nothing. What does not exist is NaN.
    """

    interval_s: ClassVar[float] = 1.0

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self._alone = Alone(experiment.config, experiment.data, experiment.device, experiment.dtype)

    def look(self) -> Looking:
        """Look at the run as it is now, one lane or one sub-network after the other."""
        config, step, judge = self.experiment.config, self.experiment.step, self.experiment.judge
        still = Still.copy(self.experiment.model)
        yield
        averages = self._averages()
        figures = np.empty((len(config.lanes), 2), np.float32)  # accuracy and loss, as `Averages.judge` has them
        average = np.full(2, np.nan, np.float32)
        taken: list[int] = []
        for lane, own in enumerate(config.lanes):
            log_p = yield from self._predicted(still, lane)
            figures[lane] = averages.judge(log_p).float().cpu().numpy()
            if own.averaged and math.isfinite(figures[lane, 1]):
                average = averages.add(log_p)[1].float().cpu().numpy()
                taken.append(lane)
            yield
        thinned = np.full(2, np.nan, np.float32)
        best = min(taken, key=lambda lane: float(figures[lane, 1]), default=None)
        if best is not None and config.lanes[best].drops:
            own = config.lanes[best]
            network, alone = self._alone.take(still, best), config.model_copy(update={"lanes": (own,)})
            subnetworks = thin(network, alone, self.experiment.data, step, 0, own, judge.val_x, number=best)
            averages = self._averages()
            for member in range(MEMBERS):
                parts: list[Tensor] = []
                for part in range(subnetworks.parts):
                    with torch.no_grad():
                        parts.append(subnetworks.part(member, part))
                    yield
                thinned = averages.add(torch.log_softmax(torch.cat(parts, dim=1), dim=0))[1].float().cpu().numpy()
        mean = figures[taken].mean(axis=0, dtype=np.float64) if taken else np.full(2, np.nan)
        found: dict[str, Array] = {
            "step": np.array([step], np.uint32),
            "averaged": np.isin(np.arange(len(figures)), taken).astype(np.uint8),
            "best": np.array([] if best is None else [best], np.uint8),
            "accuracy": figures[:, 0].copy(),
            "loss": figures[:, 1].copy(),
        }
        for name, (accuracy, loss) in (("average", average), ("mean", mean), ("thinned", thinned)):
            found[f"{name}_accuracy"] = np.array([accuracy], np.float32)
            found[f"{name}_loss"] = np.array([loss], np.float32)
        return found

    def _averages(self) -> Averages:
        experiment = self.experiment
        return Averages(experiment.judge.val_y, len(experiment.data.classes), experiment.dtype)

    def _predicted(self, still: Still, lane: int) -> Pieces[Tensor]:
        """Log-probabilities (C, V) of one lane, in pieces."""
        parts: list[Tensor] = []
        for x in torch.split(self.experiment.judge.val_x, rows_of(self.experiment.config)):
            if parts:
                yield
            network = self._alone.take(still, lane)
            with torch.no_grad(), evaluating(network):
                parts.append(torch.log_softmax(network(x)[0], dim=1))
        return torch.cat(parts).T
