"""A watched model: what happens in its training loop, as the page is told of it, and what the page has done to it."""

from __future__ import annotations

import atexit
import contextlib
import html
import logging
import math
import secrets
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from app.watched.names import id_of
from dropout_lab.watching import calls
from dropout_lab.watching.budget import Budget, Sampler
from dropout_lab.watching.capture import MOST_UNITS, Capture, Draw
from dropout_lab.watching.feed import Feed
from dropout_lab.watching.finding import find
from dropout_lab.watching.kept import GRADIENTS, TRAINING, Kept, Row
from dropout_lab.watching.sites import COMPILED, Site, Sites, tree_of
from dropout_lab.watching.stack import caller, is_recomputed
from dropout_lab.watching.voting import (
    LEAST_PASSES,
    MOST_PASSES,
    USUAL_PASSES,
    Vote,
    VoteError,
    first_tensor,
    read_val,
    scalar_in,
)
from trainer.printable import one_line
from trainer.wire.jsontext import dumps

SHARE: Final = 0.025  # of the training's time for masks,
VOTE_SHARE: Final = 0.015  # and for votes
LOOK_S: Final = 1.0  # between two looks at activations
FIRST_VOTE_S: Final = 2.0
FIRST_TOLD: Final = (8, 16, 32)  # of the first vote: after so many it is told how far it is
PATIENCE_S: Final = 10.0  # for which a paused loop waits for a lab that has gone
GOODBYE_S: Final = 5.0
MOST_NAME: Final = 100
MOST_STEPS: Final = 1000
FILE_KIND: Final = "dropout_lab_watch"
HEIGHT: Final = 640  # pixels, in a notebook

ROLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("loss", "train_loss", "training_loss", "train/loss"), "train_loss"),
    **dict.fromkeys(("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "val/loss"), "val_loss"),
    **dict.fromkeys(("accuracy", "acc", "train_accuracy", "train_acc", "train/accuracy"), "train_accuracy"),
    **dict.fromkeys(
        ("val_accuracy", "val_acc", "valid_accuracy", "validation_accuracy", "eval_accuracy", "test_accuracy"),
        "val_accuracy",
    ),
}
"""What a series means, by its name."""

_log = logging.getLogger("dropout_lab")


class Watching:
    """One watched model; `dropout_lab.watch` makes it.

    Args:
        model: the model.
        optimizer: what updates it; without it, and without `step`, a step is a backward pass.
        val: what sub-networks vote on.
        name: how the page calls it.
        control: whether the page may turn its knobs.
        server: address of the lab; None: one on this machine, which is started if there is none.
        methods: of the model, a call of which is a pass as well.
        share: of the training's time that recording masks may take.

    Attributes:
        url: the address of the page, with the right to turn knobs if ``control``.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None,
        val: Any,
        name: str,
        control: bool,
        server: str | None,
        methods: Sequence[str] = (),
        share: float = SHARE,
    ) -> None:
        self._model = model
        self._val = None if val is None else read_val(val)
        self._optimizer = optimizer
        self._control = control
        self._name = name
        self._mode = "backward" if optimizer is None else "optimizer"
        self._step = self._passes = self._sampled = self._marked = 0
        self._state = "training"
        self._steps: deque[tuple[float, int]] = deque(maxlen=64)
        self.kept = Kept()
        self._sites = Sites(model)
        self._budget = Budget(share)
        self._vote_budget = Budget(VOTE_SHARE)
        self._sampler = Sampler(self._budget)
        self._stride: deque[int] = deque(maxlen=16)
        self._last_sampled = 0
        self._inside: int | None = None  # the thread whose pass is sampled, or that asks sub-networks
        self._passing: set[int] = set()  # the threads that are in a pass
        self._looked_at = -LOOK_S
        self._began = time.monotonic()
        self._fault: str | None = None
        self._model_told: tuple[Any, dict[str, Any]] | None = None
        self._warnings: dict[str, dict[str, Any]] = {}
        self._changes: list[dict[str, Any]] = []
        self._vote: Vote | None = None
        self._votes = 0
        self._vote_asked: int | None = None
        self._vote_problem: str | None = None
        self._pending_loss: list[tuple[str, int, Tensor]] = []
        self._logs = False
        self._commands: deque[tuple[Mapping[str, Any], Callable[[dict[str, Any]], None]]] = deque()
        self._woken = threading.Condition()
        self._over = threading.Event()
        self._steps_left: int | None = None  # while paused: how many may still be made
        self._viewers = 0

        found = find(server)
        self._token = secrets.token_urlsafe(32)
        self._id = id_of(self._token)
        self._page = f"{found.address}/watch/{self._id}"
        self.url = f"{self._page}#token={self._token}"
        self._feed = Feed(found.address, self._id, self._token, name, control, self, found.log is not None)
        calls.begin(model, self, methods)
        self._handle = optimizer.register_step_post_hook(self._updated) if optimizer is not None else None
        self._feed.start()
        _open.add(self)

    # What the training program says

    def step(self, loss: Any = None, **values: Any) -> None:
        """One training step is done.

        Without any call of this a step is an update of the optimizer that was given, or a backward pass. While the page
        has paused the training, this waits.

        Args:
            loss: of the mini-batch: a number, or a tensor that is one.
            values: anything else that is to be drawn over the steps: ``val_loss=…``, ``accuracy=…``.

        Raises:
            TypeError: a value is no number.
        """
        if self._mode == "backward":
            self._step = 0
        if self._mode != "optimizer" or self._step == 0:  # the update before this call was counted
            self._stepped()
        self._mode = "step"
        if loss is not None:
            values = {"loss": loss, **values}
        self.log(**values)
        self._between(may_wait=True)

    def log(self, step: int | None = None, /, **values: Any) -> None:
        """Draw values over the steps.

        Args:
            step: that they belong to; None: the one that is done.
            values: numbers, or tensors that are one, by name.

        Raises:
            TypeError: a value is no number.
        """
        if values and not self._logs:
            self._logs = True  # from now on the program itself says what its losses are
            self._pending_loss.clear()
        self.draw(self._step if step is None else int(step), values)

    def draw(self, at: int, values: Mapping[str, Any]) -> None:
        """Draw values over the steps, beside the losses that the model gives; not for callers outside."""
        for name, value in values.items():
            if isinstance(value, Tensor) and value.numel() == 1:
                value = value.detach()
                if value.device.type != "cpu":  # to read it now would wait for the device
                    self._pending_loss.append((name, at, value.clone()))
                    if len(self._pending_loss) >= 32:
                        self._read_pending()
                    continue
            self._point(name, at, _float(name, value))

    def hide(self) -> None:
        """The model is compiled, so that no mask can be seen; not for callers outside."""
        self._sites.hide(COMPILED)

    def reach(self, step: int) -> None:
        """So many steps are done, as a library counts them; not for callers outside."""
        self._mode = "step"
        if step > self._step:
            self._stepped(step)
        self._between(may_wait=True)

    def vote(self, passes: int = USUAL_PASSES) -> None:
        """Have thinned sub-networks vote on ``val`` now, and wait for it.

        Args:
            passes: how many, 2 to 256.

        Raises:
            ValueError: there is nothing to vote on, or so many cannot.
            VoteError: the model fails on ``val``.
        """
        self._check_passes(passes)
        vote = self._begin_vote(passes)
        while not vote.is_done:
            vote.go_on()
        self._end_vote(vote)

    def close(self, failed: bool = False) -> None:
        """End watching, and leave no trace in the model; what was seen stays on the page.

        Args:
            failed: whether training ended with an error.
        """
        if self.is_over:
            return
        self._state = "failed" if failed else "ended"
        self._over.set()
        _open.discard(self)
        calls.end(self._model)
        if self._handle is not None:
            self._handle.remove()
        self._vote = None
        self._read_pending()
        self.told_model()
        self._refuse_waiting()
        self._feed.close(GOODBYE_S)

    def save(self, path: str | Path) -> None:
        """Write all that is known of this watch into a file, which a lab can open.

        Args:
            path: of the file.
        """
        tensors = {
            f"{kind}/{name}": np.ascontiguousarray(array)
            for kind, found in self.kept.whole(self._step).items()
            for name, array in found.items()
        }
        watch = {
            "name": self._name,
            "model": self.told_model(),
            "state": self.told_state(),
            "warnings": self.told_warnings(),
            **self.told_changes(),
        }
        save_file(tensors, path, {"kind": FILE_KIND, "version": "1", "watch": dumps(watch)})

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What was changed from the page: each with its step, its site, and what it was before and afterwards."""
        return [dict(change) for change in self._changes]

    def code(self) -> str:
        """Return what was changed from the page as Python, to be taken over into the training program."""
        lines = []
        for change in self._changes:
            site = self._sites.all[change["site"]]
            value = (
                (0.0 if change["to"] else site.off_from or change["rate"]) if change["knob"] == "off" else change["to"]
            )
            lines.append(f"# from step {change['step']} on")
            lines.append(f"model.get_submodule({site.path!r}).{site.knob} = {value:g}")
        return "\n".join(lines)

    @property
    def problem(self) -> str | None:
        """Why the page hears nothing, if it does not."""
        return self._fault or self._feed.problem

    @property
    def steps(self) -> int:
        """How many steps are done."""
        return self._step

    @property
    def is_over(self) -> bool:
        """Whether watching has ended."""
        return self._over.is_set()

    def wait_until_over(self, timeout_s: float) -> bool:
        """Wait until watching has ended, and say whether it has; not for callers outside."""
        return self._over.wait(timeout_s)

    def __enter__(self) -> Watching:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(failed=kind is not None and not issubclass(kind, KeyboardInterrupt))

    def __repr__(self) -> str:
        return f"<watch of {self._name}: step {self._step}, {self._page}>"

    def _repr_html_(self) -> str:
        address = html.escape(f"{self._page}?embed=1#token={self._token}", quote=True)
        return (
            f'<iframe src="{address}" width="100%" height="{HEIGHT}" style="border: 0" '
            f'title="Dropout Lab: {html.escape(self._name, quote=True)}"></iframe>'
        )

    def __getstate__(self) -> Any:
        raise TypeError("a watch cannot be pickled or copied: it is a connection of this process")

    # What happens in the model

    def call(self, forward: Callable[[], Any]) -> Any:
        """One call of the model; not for callers outside."""
        thread = threading.get_ident()
        if thread in self._passing or self._inside == thread or torch._C._current_graph_task_id() != -1:
            return forward()  # the model calls itself, or a checkpoint makes a pass again in the backward pass
        self._passing.add(thread)
        try:
            return self._pass(forward, thread)
        finally:
            self._passing.discard(thread)

    def _pass(self, forward: Callable[[], Any], thread: int) -> Any:
        if self._mode == "backward" and self._marked:
            self._marked = 0
            self._between(may_wait=True)
        trains = torch.is_grad_enabled()
        self._passes += 1
        if not trains:
            self._check_modes()
        if self._sampler.wants(trains) and self._inside is None and self._can_see():
            self._inside = thread
            try:
                out = self._sample(forward, trains)
            finally:
                self._inside = None
        else:
            began = time.perf_counter()
            out = forward()
            self._sampler.passed(trains, time.perf_counter() - began)
        if trains:
            if self._mode == "backward":
                self._mark(out)
            if not self._logs and (loss := scalar_in(out)) is not None:
                self._pending_loss[:] = [("loss (of the model)", self._step + 1, loss.detach().clone())]
        return out

    def _can_see(self) -> bool:
        """Whether this pass can be looked into without changing it."""
        return (
            self._sites.reason is None
            and self._fault is None
            and not torch.compiler.is_compiling()
            and not torch._C._get_tracing_state()
            and torch._C._functorch.peek_interpreter_stack() is None
            and not _get_current_dispatch_mode_stack()
            and not _records_a_graph()
        )

    def _sample(self, forward: Callable[[], Any], trains: bool) -> Any:
        looks = time.monotonic() - self._looked_at >= LOOK_S
        stack: list[nn.Module] = [self._model]  # in one of its methods, none of its modules may run
        capture = Capture(stack, looks)
        began = time.perf_counter()
        with _stacked(stack, capture.draws), capture:
            out = forward()
        passed = time.perf_counter()
        try:
            if capture.fault is not None:
                raise capture.fault
            self._note(capture.draws, trains)
        except Exception as error:
            self._fault = f"masks are recorded no more: {type(error).__name__}: {error}"
            _log.warning("watching %s: %s", self._name, self._fault, exc_info=True)
        if looks:
            self._looked_at = time.monotonic()
        self._sampled += 1
        self._stride.append(self._passes - self._last_sampled)
        self._last_sampled = self._passes
        self._sampler.sampled(trains, passed - began, time.perf_counter() - passed)
        return out

    def _note(self, draws: list[Draw], trains: bool) -> None:
        drawn: dict[int, int] = {}
        drew = {id(draw.module) for draw in draws}
        step = self._step + 1 if trains else self._step
        for draw in draws:
            call = drawn[id(draw.module)] = drawn.get(id(draw.module), 0) + 1
            site = self._sites.of(draw, call, drew)
            if site is None or draw.row is None or draw.kept is None:
                continue
            training = draw.module is None or draw.module.training
            mask = draw.row.cpu().numpy()[: site.units]
            silent = None if draw.silent is None else draw.silent.cpu().numpy()[: site.units]
            seen = None if draw.activations is None else draw.activations.cpu().numpy()
            flags = TRAINING * training | GRADIENTS * trains
            rate = draw.rate if math.isfinite(draw.rate) else 0.0
            row = Row(site.index, site.units, step, mask, int(draw.kept), draw.size, rate, flags)
            self.kept.add_row(row, silent, seen)
            if not trains and not training:
                self._warn_always_on(site)

    def _check_modes(self) -> None:
        """Dropout in a pass without gradients: the forgotten eval()."""
        for site in self._sites.all:
            if site.module is not None and site.module.training and site.read_rate() > 0:
                frame = sys._getframe(1)
                if is_recomputed(frame):
                    return
                where = caller(frame) or "somewhere"
                self._warn(
                    "dropout_in_evaluation",
                    where,
                    f"Dropout was on in a pass without gradients, called at {where}. If this evaluates the model, call "
                    "model.eval() before it and model.train() behind it. If it is meant (Monte Carlo dropout), all is "
                    "well.",
                )
                return

    def _warn_always_on(self, site: Site) -> None:
        where = site.where or caller(sys._getframe(1)) or "somewhere"
        self._warn(
            "dropout_always_on",
            where,
            f"{site.kind} in {site.path or 'the model'} drops although the module is in evaluation mode ({where}). "
            "Pass training=self.training to it.",
        )

    def _warn(self, kind: str, where: str, text: str) -> None:
        key = f"{kind}:{where}"[:150]
        found = self._warnings.get(key)
        if found is None:
            if len(self._warnings) >= 32:
                return
            found = {"id": key, "kind": kind, "step": self._step, "count": 0, "where": where[:200], "text": text[:500]}
        self._warnings[key] = {**found, "count": found["count"] + 1}

    def _mark(self, out: Any) -> None:
        """Have a backward pass through this pass count."""
        tensor = first_tensor(out, want_grad=True)
        if tensor is not None and tensor.grad_fn is not None:
            watch = weakref.ref(self)
            counted = [False]

            def backward(grad: Tensor) -> None:
                this = watch()
                if this is not None and not counted[0] and this._mode == "backward":
                    counted[0] = True
                    this._marked = 1
                    this._stepped()

            tensor.register_hook(backward)  # type: ignore[no-untyped-call]

    def _updated(self, *given: Any) -> None:
        """The optimizer has updated the weights."""
        if self._mode == "optimizer":
            self._stepped()
            self._between(may_wait=True)

    def _stepped(self, step: int | None = None) -> None:
        if not self._logs:
            self._read_pending()
        self._step = self._step + 1 if step is None else step
        self._steps.append((time.monotonic(), self._step))

    def _point(self, name: str, step: int, value: float) -> None:
        self.kept.add_point(_printable(name), min(max(step, 0), 2**32 - 1), value)

    def _read_pending(self) -> None:
        pending, self._pending_loss = self._pending_loss, []
        for name, at, value in pending:
            self._point(name, at, float(value))

    # Between two steps

    def _between(self, may_wait: bool) -> None:
        """Do what was asked for, and wait while the training is paused."""
        self._obey()
        self._go_on_voting()
        if self._steps_left is None or not may_wait:
            return
        if self._steps_left > 0:
            self._steps_left -= 1
            return
        self._state, lost_at = "paused", None
        while self._steps_left == 0:
            with self._woken:
                if not self._commands:
                    self._woken.wait(0.1)
            self._obey()
            self._go_on_voting(free=True)
            now = time.monotonic()
            if self._feed.connected.is_set():
                lost_at = None
            else:
                lost_at = lost_at or now
                if now - lost_at > PATIENCE_S or self._feed.is_over:
                    _log.warning("the lab has gone: the training that its page had paused goes on")
                    self._steps_left = None
        if self._steps_left is not None:
            self._steps_left -= 1
        if not self.is_over:  # it may have been closed by another thread meanwhile
            self._state = "training"

    def receive(self, ref: Any, command: Mapping[str, Any], answer: Callable[[dict[str, Any]], None]) -> None:
        """A command came from the page; not for callers outside."""
        if self.is_over:
            answer(_refusal("ended", "the training has ended: nothing can be changed any more"))
            return
        with self._woken:
            self._commands.append((command, answer))
            self._woken.notify_all()

    def _refuse_waiting(self) -> None:
        while self._commands:
            self._commands.popleft()[1](_refusal("ended", "the training has ended: nothing can be changed any more"))

    def _obey(self) -> None:
        while self._commands:
            command, answer = self._commands.popleft()
            try:
                self._do(command)
            except (ValueError, TypeError, KeyError) as error:
                answer(_refusal("bad_value", str(error)))
            else:
                answer({"step": self._step})

    def _do(self, command: Mapping[str, Any]) -> None:
        op = command.get("op")
        if op == "vote":
            passes = command.get("passes", USUAL_PASSES)
            self._check_passes(passes)
            self._vote_asked, self._vote = passes, None
            return
        if not self._control:
            raise ValueError("the page may not change this training: watch(…, control=True) would allow it")
        if op == "pause":
            self._steps_left = 0
        elif op == "play":
            self._steps_left = None
        elif op == "step":
            count = command.get("count", 1)
            if type(count) is not int or not 1 <= count <= MOST_STEPS:
                raise ValueError(f"count = {count!r} is not allowed: it must be a whole number from 1 to {MOST_STEPS}")
            self._steps_left = count
        elif op == "set":
            self._set(command)
        else:
            raise ValueError(f"op = {op!r} is not allowed: it must be set, pause, play, step or vote")

    def _set(self, command: Mapping[str, Any]) -> None:
        index = command.get("site")
        if type(index) is not int or not 0 <= index < len(self._sites.all):
            raise ValueError(f"site = {index!r} is not allowed: it must be 0 to {len(self._sites.all) - 1}")
        site = self._sites.all[index]
        if site.knob is None or site.module is None:
            raise ValueError(f"the rate of {site.name} stands in the code, at {site.where or site.kind}")
        before = site.read_rate()
        change: dict[str, Any]
        if "off" in command:
            off = command["off"]
            if type(off) is not bool:
                raise ValueError(f"off = {off!r} is not allowed: it must be true or false")
            if off == (site.off_from is not None):
                return
            rate, site.off_from = (0.0, before) if off else (site.off_from or 0.0, None)
            change = {"knob": "off", "from": not off, "to": off, "rate": before if off else rate}
        else:
            given: Any = command.get("rate")
            if type(given) not in (int, float) or not 0 <= given <= 1:
                raise ValueError(f"rate = {given!r} is not allowed: it must be a number from 0 to 1")
            rate, site.off_from = float(given), None
            change = {"knob": "rate", "from": before, "to": rate}
        setattr(site.module, site.knob, rate)
        for other in self._sites.all:  # a module that is used twice has one rate
            if other.module is site.module:
                other.off_from = site.off_from
        told = {"step": self._step + 1, "site": index, "path": site.path, "name": site.name, **change}
        self._changes.append(told)
        del self._changes[:-MOST_STEPS]

    # Votes

    def _check_passes(self, passes: Any) -> None:
        if self._val is None:
            raise ValueError("there is nothing to vote on: pass val=(x_val, y_val) to watch")
        if type(passes) is not int or not LEAST_PASSES <= passes <= MOST_PASSES:
            raise ValueError(
                f"passes = {passes!r} is not allowed: it must be a whole number from {LEAST_PASSES} to {MOST_PASSES}"
            )

    def _begin_vote(self, passes: int) -> Vote:
        assert self._val is not None
        self._votes += 1
        return Vote(self._model, *self._val, passes, self._step, seed=1_000_003 * self._votes)

    def _go_on_voting(self, free: bool = False) -> None:
        """Let sub-networks vote as far as there is time for it."""
        if self._val is None or (self._vote_problem is not None and self._vote_asked is None):
            return
        asked = self._vote_asked is not None
        if self._vote is None and not asked and (free or time.monotonic() - self._began < FIRST_VOTE_S):
            return
        if not (asked or free or self._vote_budget.may()):
            return
        began = time.perf_counter()
        try:
            self._inside, was = threading.get_ident(), self._inside
            if self._vote is None:
                self._vote = self._begin_vote(self._vote_asked or USUAL_PASSES)
            else:
                self._vote.go_on()
            if self._vote.is_done:
                self._end_vote(self._vote)
            elif self._vote.asked in FIRST_TOLD and self._votes == 1:
                self.kept.set_ensemble(*self._vote.result()[:2])  # something to see before all have voted
        except VoteError as error:
            self._vote, self._vote_asked, self._vote_problem = None, None, str(error)[:300]
        except Exception as error:
            self._vote, self._vote_asked, self._vote_problem = None, None, f"{type(error).__name__}: {error}"[:300]
            _log.warning("sub-networks of %s cannot be asked", self._name, exc_info=True)
        finally:
            self._inside = was
            self._vote_budget.spend(time.perf_counter() - began)

    def _end_vote(self, vote: Vote) -> None:
        tensors, meta, beside = vote.result()
        self.kept.set_ensemble(tensors, meta)
        for name, value in beside.items():
            if name not in self.kept.series:  # the reader's own are better: they are of the whole set
                self._point(f"{name} (on val)", vote.step, value)
        self._vote = self._vote_asked = self._vote_problem = None

    # What the lab is told

    def told_model(self) -> dict[str, Any]:
        """Return the model as it is known now; not for callers outside."""
        now = (
            self._sites.shape(),
            len(self.kept.series),
            tuple(site.module.training for site in self._sites.all if site.module is not None),
            tuple(site.read_rate() for site in self._sites.all),
        )
        if self._model_told is None or self._model_told[0] != now:
            rows, cut = tree_of(self._model, self._sites.all)
            parameter = next(self._model.parameters(), None)
            told = {
                "name": self._name,
                "type": type(self._model).__name__,
                "parameters": sum(each.numel() for each in self._model.parameters()),
                "device": str(parameter.device) if parameter is not None else "cpu",
                "torch": torch.__version__,
                "tree": rows,
                "cut": cut,
                "sites": [site.told() for site in self._sites.all],
                "series": [{"name": name, "role": role_of(name)} for name in self.kept.series],
                "val": 0 if self._val is None else len(self._val[1]),
            }
            self._model_told = now, told
        return self._model_told[1]

    def told_state(self) -> dict[str, Any]:
        """Return how far it is; not for callers outside."""
        return {
            "step": self._step,
            "state": self._state,
            "steps_per_second": round(self._pace(), 2),
            "passes": self._passes,
            "sampled": self._sampled,
            "every": max(1, round(float(np.median(self._stride)))) if self._stride else 1,
            "cost": round(min(1.0, self._budget.cost + self._vote_budget.cost), 4),
            "lost": self.kept.lost,
            "mode": self._mode,
            "voting": self._vote is not None or self._vote_asked is not None,
            "vote_problem": self._vote_problem or self._fault,
        }

    def told_warnings(self) -> list[dict[str, Any]]:
        """Return what is probably wrong; not for callers outside."""
        return list(self._warnings.values())

    def told_changes(self) -> dict[str, Any]:
        """Return what was changed from the page; not for callers outside."""
        return {"changes": [{**change} for change in self._changes], "code": self.code()}

    def set_viewers(self, count: int) -> None:
        """So many look; not for callers outside."""
        self._viewers = count

    def _pace(self) -> float:
        """Steps a second, over the last few."""
        if len(self._steps) < 2 or self._state != "training":
            return 0.0
        (first_at, first), (_, last) = self._steps[0], self._steps[-1]
        return (last - first) / max(1e-6, time.monotonic() - first_at)


def _records_a_graph() -> bool:
    """Whether a CUDA graph is being recorded, into which nothing of ours belongs."""
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _stacked(stack: list[nn.Module], draws: list[Draw]) -> Iterator[None]:
    """Keep ``stack`` up to date with the modules whose forward is running in this thread.

    The hooks are PyTorch's own and for all modules: there is none in the model.
    """
    thread = threading.get_ident()
    before = [0 for _ in stack]

    def enter(module: nn.Module, given: Any) -> None:
        if threading.get_ident() == thread:
            stack.append(module)
            before.append(len(draws))

    def leave(module: nn.Module, given: Any, out: Any) -> None:
        if threading.get_ident() != thread:
            return
        while stack:
            left, drawn = stack.pop(), before.pop()
            if left is module:
                if len(draws) == drawn and isinstance(module, _DropoutNd) and module.training and module.p == 0:
                    draws.append(_all_kept(module, out))
                break

    handles = (
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _all_kept(module: _DropoutNd, out: Any) -> Draw:
    """What a rate of 0 comes to: nothing is drawn, and all is kept."""
    values = out if isinstance(out, Tensor) else torch.zeros(1)
    per_channel = isinstance(module, nn.Dropout1d | nn.Dropout2d | nn.Dropout3d | nn.FeatureAlphaDropout)
    shape = tuple(values.shape[:2]) + (1,) * (values.dim() - 2) if per_channel and values.dim() > 2 else values.shape
    size = math.prod(shape)
    row = torch.ones(min(MOST_UNITS, size // max(1, shape[0]) if shape else 1), dtype=torch.bool)
    of = "channels" if per_channel else "units"
    return Draw(module, f"nn.{type(module).__name__}", of, 0.0, row, torch.tensor(size), size, tuple(shape))


def role_of(name: str) -> str:
    """Return what a series means, by its name: ``val_loss`` and its like, or ``other``."""
    plain = name.removesuffix(" (on val)").removesuffix(" (of the model)").lower().replace(" ", "_").replace("-", "_")
    return ROLES.get(plain.removesuffix("_step").removesuffix("_epoch"), "other")  # as Lightning tells them apart


def _printable(name: str) -> str:
    """A name on one line, with nothing in it that cannot be seen."""
    return one_line(str(name)).strip()[:MOST_NAME] or "value"


def _float(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} = {value!r:.100} is not allowed: it must be a number") from None


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


_open: set[Watching] = set()


@atexit.register
def _close_all() -> None:
    """A program that ends without closing its watches has ended them; with an error, if that is what ended it."""
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_type", None)  # of a session, it may be an old one
    failed = error is not None and not issubclass(error, KeyboardInterrupt)
    for watching in list(_open):
        watching.close(failed)
