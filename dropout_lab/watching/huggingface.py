"""Watching what the ``Trainer`` of Hugging Face's transformers trains: ``Trainer(…, callbacks=[WatchCallback()])``.

Nothing else imports this module, so that the lab needs no transformers.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from dropout_lab.watching import watch
from dropout_lab.watching.lab import Watching

try:
    import transformers
    from transformers import TrainerCallback
except ModuleNotFoundError as missing:
    if missing.name != "transformers":
        raise
    raise ModuleNotFoundError(
        "dropout_lab.watching.huggingface needs transformers: pip install transformers accelerate", name="transformers"
    ) from None

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

__all__ = ["WatchCallback"]

NOT_DRAWN: Final = ("epoch", "step", "total_flos", "num_input_tokens_seen")
"""What the Trainer logs beside losses and scores: how far it is, and (below) how fast."""
SPEEDS: Final = ("_runtime", "_per_second", "_preparation_time")
LAST: Final = "train_runtime"
"""What is logged with the mean loss of all steps, behind the last one."""
LOOK_S: Final = 0.2
_LIBRARY: Final = str(Path(transformers.__file__).parent)


class WatchCallback(TrainerCallback):  # type: ignore[misc]
    """Watches the model of a ``Trainer`` from the beginning of ``train`` to its end.

    A step is an update of the weights, as ``state.global_step`` counts them. What the Trainer logs is drawn over the
    steps; ``TrainingArguments(logging_steps=…)`` says how often it does. Without gradient accumulation the loss that
    the model gives is drawn at each step as well.

    Args:
        val: ``(x, y)`` for thinned sub-networks to vote on, as of `dropout_lab.watch`.
        name: how the page calls it; by default as the model's class is called.
        control: whether the page may move its rates, and pause the training.
        server: address of a lab, as of `dropout_lab.watch`.
        quiet: whether the address of the page is not printed.

    Attributes:
        lab: the watch; None before the first ``train``.
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

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the watch, in the one process that speaks for all."""
        if self.lab is not None:
            self.lab.close(failed=True)  # that training was given up, as with auto_find_batch_size
        if state.is_world_process_zero:
            self.lab = watch(kwargs["model"], **self._given)
            self.lab.reach(state.global_step)
            if args.torch_compile:
                self.lab.hide()
            _Failing(self.lab, sys._getframe()).start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Tell of a step."""
        if self.lab is not None:
            self.lab.reach(state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Draw what the Trainer logs, of evaluations too."""
        if self.lab is None or self.lab.is_over or logs is None or LAST in logs:
            return
        values = {name: value for name, value in logs.items() if _is_drawn(name, value)}
        if args.gradient_accumulation_steps == 1:
            self.lab.draw(state.global_step, values)
        else:
            self.lab.log(state.global_step, **values)  # and no longer what the model gives, of a part of the step

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the watch with the training."""
        if self.lab is not None:
            self.lab.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "lab": None}


def _is_drawn(name: str, value: Any) -> bool:
    return isinstance(value, int | float) and name not in NOT_DRAWN and not name.endswith(SPEEDS)


class _Failing(threading.Thread):
    """Ends a watch when its training has come to an end without a word: of an exception a Trainer tells no callback.

    Args:
        lab: the watch.
        frame: of the callback; among those above it is the one of ``Trainer.train``.
    """

    def __init__(self, lab: Watching, frame: FrameType) -> None:
        super().__init__(name="dropout-lab training", daemon=True)
        self._lab = lab
        self._trains_in = threading.get_ident()
        self._training = _outermost(frame)

    def run(self) -> None:
        """Look now and then whether the training still runs."""
        while self._training is not None and not self._lab.wait_until_over(LOOK_S):
            if not self._is_running():
                self._lab.close(failed=True)

    def _is_running(self) -> bool:
        frame = sys._current_frames().get(self._trains_in)
        while frame is not None and frame is not self._training:
            frame = frame.f_back
        return frame is not None


def _outermost(frame: FrameType | None) -> FrameType | None:
    """The frame of transformers that is called by none of it."""
    found = None
    while frame is not None:
        if frame.f_code.co_filename.startswith(_LIBRARY):
            found = frame
        frame = frame.f_back
    return found
