"""A small model of Lightning's, and its training; imported only by tests that have the time for Lightning."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

FEATURES, CLASSES, EXAMPLES, BATCH = 8, 3, 96, 8


class Net(LightningModule):
    """A dense network with dropout.

    Args:
        by: how it is used in ``training_step``: ``call``: itself is called, ``part``: only what it consists of;
            ``hand``: that, and it is also updated there.
        fails_at: the step at which its training fails.
        error: how.
    """

    def __init__(
        self, by: str = "call", fails_at: int | None = None, error: type[BaseException] = ZeroDivisionError
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, CLASSES))
        self._by, self._fails_at, self._error = by, fails_at, error
        self.automatic_optimization = by != "hand"

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(x)
        return logits

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if self.global_step == self._fails_at:
            raise self._error
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        if self._by == "hand":
            optimizer: Any = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 1e-2)

    def _loss(self, batch: Any) -> Tensor:
        x, y = batch
        return functional.cross_entropy((self if self._by == "call" else self.body)(x), y)


class Kept(Logger):
    """Keeps what Lightning logs."""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[str, list[float]] = {}

    name = "kept"
    version = 0

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        for name, value in metrics.items():
            self.points.setdefault(name, []).append(value)

    def log_hyperparams(self, *given: Any, **named: Any) -> None:
        pass


@dataclass
class Trained:
    """What a training came to."""

    model: Net
    logged: dict[str, list[float]] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)
    generator: Tensor | None = None
    trainer: Trainer | None = None

    def equals(self, other: Trained) -> bool:
        assert self.generator is not None
        assert other.generator is not None
        return (
            self.logged == other.logged
            and torch.equal(self.generator, other.generator)
            and all(torch.equal(value, other.state[name]) for name, value in self.state.items())
        )


def loader() -> DataLoader[Any]:
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(EXAMPLES, FEATURES, generator=draw)
    return DataLoader(TensorDataset(x, torch.randint(CLASSES, (EXAMPLES,), generator=draw)), BATCH)


def train(
    folder: Path, callbacks: list[Callback], model: Net | None = None, checkpoint: Path | None = None, **settings: Any
) -> Trained:
    """Train 30 steps of 2 mini-batches, with a validation behind every 4th mini-batch."""
    trained = Trained(model or Net())
    usual = {"max_steps": 30, "accumulate_grad_batches": 2 if trained.model.automatic_optimization else 1}
    logger = Kept()
    trained.trainer = Trainer(
        **{**usual, **settings},
        callbacks=callbacks,
        logger=logger,
        log_every_n_steps=1,
        val_check_interval=4,
        default_root_dir=folder,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    torch.manual_seed(7)
    trained.trainer.fit(trained.model, loader(), loader(), ckpt_path=checkpoint, weights_only=False)
    trained.logged = logger.points
    trained.state = {name: value.clone() for name, value in trained.model.state_dict().items()}
    trained.generator = torch.get_rng_state()
    return trained
