"""Two autoencoders of images that differ in their dropout alone: what their hidden units paint can be looked at.

The features that Srivastava et al. 2014 show in figure 7 are those of an autoencoder with 256 hidden ReLUs, without
dropout and with it. Here both are two lanes of one network, from the same weights and the same mini-batches.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import torch
from torch import Tensor

from trainer.data.batches import Course
from trainer.data.datasets import Dataset
from trainer.dropout.noise import LaneNoise
from trainer.layers.dense import LaneDropout, LaneLinear, default_init
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.dropouts import KINDS
from trainer.training.rules import Adam

HIDDEN: Final = 256
RATES: Final = (0.0, 0.5)  # of the hidden units, in each lane
STEPS: Final = 3000
_BATCH: Final = 64
_LEARNING_RATE: Final = 1e-3
_AT_ONCE: Final = 1_000_000  # activations of one pass that evaluates: some milliseconds


class Autoencoders:
    """Pixels → linear → ReLU → dropout → linear → pixels, in two lanes, by Adam on the mean squared error.

    Everything is a function of the data and the seed: it does not matter how steps are cut into calls.

    Args:
        data: whose training images are learned.
        seed: of the weights, the order of the images and the masks.
        device: where the tensors live.
        dtype: of all of them.
        steps: how many updates there are to be.

    Attributes:
        step: updates made so far, of at most ``steps``.
    """

    def __init__(self, data: Dataset, seed: int, device: torch.device, dtype: torch.dtype, steps: int = STEPS) -> None:
        self.step, self.steps = 0, steps
        self.shape = data.shape
        train, val = (x.to(device, dtype) for x in (data.train_x, data.val_x))
        self._images = (train, val)
        lanes, sizes = len(RATES), (data.features, HIDDEN, data.features)
        encoder, decoder = default_init(sizes, key(seed, Purpose.AUTOENCODER))
        self._encoder = LaneLinear([encoder] * lanes, data.features, HIDDEN, device, dtype)
        self._decoder = LaneLinear([decoder] * lanes, HIDDEN, data.features, device, dtype)
        self._weights = [*self._encoder.parameters(), *self._decoder.parameters()]
        batch = min(_BATCH, len(train))
        self._dropout = LaneDropout(lanes, batch, (HIDDEN,), device, dtype)
        self._dropout.set((KINDS[0],) * lanes, RATES, (0.0,) * lanes)
        streams = [WordStream(key(seed, Purpose.AUTOENCODER, 1, lane)) for lane in range(lanes)]
        self._noise = LaneNoise(streams, [self._dropout], device)
        self._course = Course(train, train, key(seed, Purpose.AUTOENCODER, 2), batch)  # an image is its own label
        self._rule = Adam(self._weights)

    @property
    def finished(self) -> bool:
        """Whether all steps have been made."""
        return self.step == self.steps

    def advance(self, count: int) -> None:
        """Make the next ``count`` steps, as far as there are any."""
        for _ in range(min(count, self.steps - self.step)):
            self.step += 1
            x, _ = self._course.at(self.step)
            self._noise.draw(self.step)
            made = self._decoder.forward(self._dropout.forward(self._hidden(x)))  # (2, B, F)
            with torch.no_grad():
                gradient = (made - x).mul_(2 / x.numel())
                gradients = [each.contiguous() for each in torch.autograd.grad(made, self._weights, gradient)]
                self._rule.step(gradients, [(_LEARNING_RATE, list(range(len(RATES))))])

    def _hidden(self, x: Tensor) -> Tensor:
        return torch.relu(self._encoder.forward(x.expand(len(RATES), -1, -1)))  # (2, B, H)

    @torch.no_grad()
    def errors(self) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """Mean squared errors without masks, on training and on validation images: (2,) each. In bites."""
        found = []
        for images in self._images:
            total = torch.zeros(len(RATES), dtype=images.dtype, device=images.device)
            for part in torch.split(images, max(1, _AT_ONCE // (len(RATES) * (HIDDEN + images.shape[1])))):
                yield
                total += (self._decoder.forward(self._hidden(part)) - part).square_().sum(dim=(1, 2))
            found.append(total / images.numel())
        return found[0], found[1]

    def atoms(self) -> Tensor:
        """What each hidden unit adds to the image when it fires: a copy of the decoder's weights, (2, 256, F)."""
        return self._decoder.weight.detach().clone()


def hoyer(x: Tensor) -> Tensor:
    """How sparse vectors (…, n) are: 0 if all entries are of one size, 1 if all but one are 0; NaN if all are.

    (√n - ‖x‖₁/‖x‖₂) / (√n - 1), Hoyer 2004, section 3.1.
    """
    root = x.shape[-1] ** 0.5
    ratio = torch.linalg.vector_norm(x, 1, dim=-1) / torch.linalg.vector_norm(x, 2, dim=-1)
    sparsity: Tensor = (root - ratio) / (root - 1)
    return sparsity
