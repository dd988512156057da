"""What units look for, as images: the first layer of the classifier, and the atoms of two autoencoders beside it."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from trainer.insight.autoencoder import RATES, Autoencoders, hoyer
from trainer.insight.base import Found, Insight, Looking
from trainer.settings.contrast import with_contrast

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

UNITS: Final = 64  # of the first layer, shown at most
_BITE_S: Final = 0.008
_REPORT_S: Final = 1.0  # while the autoencoders train, what they have learned is shown so often


class View(Insight):
    """The first layer's weights of the followed lane and its contrast; the atoms of `Autoencoders` as they train.

    The autoencoders are trained while somebody looks, and are kept from look to look.
    """

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(experiment)
        self._pair: Autoencoders | None = None

    @property
    def settled(self) -> bool:
        """Whether the autoencoders have learned all that they will."""
        return self._pair is not None and self._pair.finished

    def look(self) -> Looking:
        """Train the autoencoders on for about a second of bites, and show them as they then are."""
        own = self.experiment
        pair = self._pair = self._pair or Autoencoders(own.data, own.config.seed, own.device, own.dtype)
        found = {"step": np.array([own.step], np.uint32), **first_layer(own)}
        began = perf_counter()
        while not pair.finished and perf_counter() - began < _REPORT_S:
            bite = perf_counter()
            while not pair.finished and perf_counter() - bite < _BITE_S:
                pair.advance(1)
            yield
        return {**found, **(yield from _autoencoded(pair))}


def _autoencoded(pair: Autoencoders) -> Looking:
    train, val = yield from pair.errors()
    atoms = pair.atoms()
    return {
        "auto/step": np.array([pair.step], np.uint32),
        "auto/steps": np.array([pair.steps], np.uint32),
        "auto/rate": np.array(RATES, np.float32),
        "auto/train_loss": _plain(train),
        "auto/val_loss": _plain(val),
        "auto/sparsity": _plain(hoyer(atoms).mean(dim=1)),
        "auto/atoms": _plain(atoms.view(*atoms.shape[:2], *pair.shape)),
    }


@torch.no_grad()
def first_layer(experiment: Experiment) -> Found:
    """The lanes that are shown, and their first weights as images; no images where the network reads none at once."""
    lanes = with_contrast(experiment.config, experiment.followed[0])
    found = {"lane": np.array(lanes, np.uint8)}
    images = [experiment.model.first_images(lane, UNITS) for lane in lanes]
    shown = [each for each in images if each is not None]
    return {**found, "first": _plain(torch.stack(shown))} if shown else found


def _plain(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
