"""Watching what Lightning trains: ``Trainer(callbacks=[WatchCallback()])``.

Nothing else imports this module, so that the lab needs no Lightning.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from dropout_lab.watching import watch
from dropout_lab.watching.lab import Watching
from dropout_lab.watching.series import role_of

if TYPE_CHECKING:
    from pytorch_lightning import Callback, LightningModule, Trainer

__all__ = ["WatchCallback"]

LIBRARIES: Final = ("lightning.pytorch", "pytorch_lightning")
"""The two names of Lightning: whoever has the first has the second, too, and their classes are not the same."""
PASSES: Final = ("training_step", "validation_step")


def _library() -> Any:
    """Lightning, under the name that the program uses already, if it uses one.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    for name in sorted(LIBRARIES, key=lambda each: each not in sys.modules):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name not in (name, name.split(".")[0]):
                raise  # it is there, and something that it needs is not
    raise ModuleNotFoundError(
        "dropout_lab.watching.lightning needs Lightning: pip install lightning (or pytorch-lightning)",
        name="lightning",
    )


if not TYPE_CHECKING:
    Callback = _library().Callback


class WatchCallback(Callback):
    """Watches the model of a ``Trainer`` from the beginning of ``fit`` to its end.

    A step is an update of the weights, as ``trainer.global_step`` counts them; a pass is one ``training_step`` or
    ``validation_step``. What the model logs is drawn over the steps, as a logger of Lightning would get it; where that
    is no training loss, the loss that ``training_step`` returned is drawn, too.

    Args:
        val: ``(x, y)`` for thinned sub-networks to vote on, as of `dropout_lab.watch`: by the model's ``forward``.
        name: how the page calls it; by default as the model's class is called.
        control: whether the page may move its rates, and pause the training.
        server: address of a lab, as of `dropout_lab.watch`.
        quiet: whether the address of the page is not printed.

    Attributes:
        lab: the watch; None before the first ``fit``.
    """

    def __init__(
        self,
        *,
        val: Any = None,
        name: str | None = None,
        control: bool = False,
        server: str | None = None,
        quiet: bool = False,
    ) -> None:
        self.lab: Watching | None = None
        self._given = {"val": val, "name": name, "control": control, "server": server, "quiet": quiet}
        self._drawn: dict[str, Any] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the watch, in the one process that speaks for all."""
        self._close(failed=True)
        self._drawn.clear()
        if trainer.is_global_zero:
            self.lab = watch(pl_module, methods=PASSES, **self._given)
            self.lab.reach(0)
            if getattr(pl_module, "_compiler_ctx", None) is not None:
                self.lab.hide()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count on from where a checkpoint left off."""
        if self.lab is not None:
            self.lab.reach(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell of a step, if this mini-batch has completed one."""
        if self.lab is None or trainer.global_step <= self.lab.steps:
            return
        values = self._new(trainer.logged_metrics)
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1 and "train_loss" not in map(role_of, values):
            share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            values["loss"] = loss.detach() * share  # Lightning divides it by the number of mini-batches of a step
        self.lab.log(trainer.global_step, **values)
        self.lab.reach(trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what was found; nothing of the try before training, or of a validation behind it."""
        if not trainer.sanity_checking and self.lab is not None and not self.lab.is_over:
            self._log(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what is logged once an epoch."""
        self._log(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the watch with the training that failed."""
        self._close(failed=not isinstance(exception, KeyboardInterrupt))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the watch with the training."""
        self._close()

    def _log(self, trainer: Trainer) -> None:
        if self.lab is not None:
            self.lab.log(trainer.global_step, **self._new(trainer.logged_metrics))

    def _new(self, logged: Mapping[str, Any]) -> dict[str, Any]:
        """What was logged since the last call: Lightning keeps all of the past beside it, but in other tensors."""
        new = {}
        for name, value in logged.items():
            held = self._drawn.get(name)
            if not isinstance(value, Tensor) or not isinstance(held, Tensor) or value.data_ptr() != held.data_ptr():
                new[name] = value
            self._drawn[name] = value  # held, so that its memory is not another's meanwhile
        return new

    def _close(self, failed: bool = False) -> None:
        if self.lab is not None:
            self.lab.close(failed)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "lab": None, "_drawn": {}}
