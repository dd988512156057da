"""A watched model: what happens in its training loop, as the page is told of it, and what the page has done to it."""

from __future__ import annotations

import atexit
import contextlib
import html
import logging
import math
import os
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

from app.watched.names import id_of
from dropout_lab.watching import calls
from dropout_lab.watching.budget import Budget, Sampler
from dropout_lab.watching.capture import Capture, Draw
from dropout_lab.watching.feed import Feed
from dropout_lab.watching.finding import find
from dropout_lab.watching.kept import GRADIENTS, TRAINING, Kept, Row
from dropout_lab.watching.knobs import Knobs
from dropout_lab.watching.modes import Warnings
from dropout_lab.watching.modules import parameters_of
from dropout_lab.watching.series import as_number, role_of
from dropout_lab.watching.sites import COMPILED_WHOLE, NOT_CALLED, Sites, tree_of
from dropout_lab.watching.tracing import can_be_traced, stacked
from dropout_lab.watching.votes import Votes
from dropout_lab.watching.voting import USUAL_PASSES, first_tensor, scalar_in
from trainer.printable import one_line
from trainer.wire.jsontext import dumps

SHARE: Final = 0.015  # of the training's time for masks, as far as the pass itself shows it
LOOK_S: Final = 1.0  # between two looks at activations
PATIENCE_S: Final = 10.0  # for which a paused loop waits for a lab that has gone
GOODBYE_S: Final = 5.0
UNCALLED_S: Final = 2.0  # after a compiler has taken a call of the model in: if none came since, its calls are compiled
UNCALLED_STEPS: Final = 20  # after which a model that was never called is no part of what trains
MOST_STEPS: Final = 1000
FILE_KIND: Final = "dropout_lab_watch"
HEIGHT: Final = 640  # pixels, in a notebook

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
        self._optimizer = optimizer
        self._control = control
        self._name = name
        self._mode = "backward" if optimizer is None else "optimizer"
        self._step = self._passes = self._sampled = self._marked = 0
        self._state = "training"
        self._steps: deque[tuple[float, int]] = deque(maxlen=64)
        self.kept = Kept()
        self._votes = Votes(model, val, self.kept, self.kept.point)
        self._sites = Sites(model)
        self._budget = Budget(share)
        self._sampler = Sampler(self._budget)
        self._stride: deque[int] = deque(maxlen=16)
        self._last_sampled = 0
        self._inside: int | None = None  # the thread whose pass is sampled
        self._trained = False  # whether a pass with gradients was made
        self._passing: set[int] = set()  # the threads that are in a pass
        self._looked_at = self._saw_hidden_at = -LOOK_S
        self._fault: str | None = None
        self._compiled_before = calls.times_compiled(type(model))
        self._compiled = 0  # how often a compiler took a call of a model of this class in, as far as it was looked at
        self._uncalled: tuple[int, int, float] | None = None  # since it may be compiled: passes, step, and when
        self._model_told: tuple[Any, dict[str, Any]] | None = None
        self._warnings = Warnings()
        self._knobs = Knobs(self._sites)
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
        if optimizer is not None and not hasattr(optimizer, "register_step_post_hook"):
            raise TypeError(
                f"optimizer={type(optimizer).__name__} is not allowed: it must be a torch.optim.Optimizer; without "
                "one, calls of lab.step or backward passes are counted"
            )
        self._watched = calls.begin(model, self, methods)
        self._handle = optimizer.register_step_post_hook(_telling(self)) if optimizer is not None else None
        self._dropped = weakref.finalize(self, _drop, name, self._watched, self._handle, self._feed)
        self._dropped.atexit = False  # `_close_all` says how the program ends
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
            self.kept.point(name, at, as_number(name, value))

    def hide(self) -> None:
        """The model is compiled, so that no mask can be seen; not for callers outside."""
        self._sites.hide(COMPILED_WHOLE)

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
        self._votes.hold(passes, self._step)

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
        self._dropped.detach()
        try:
            for part in (self._let_go, self._votes.stop, self._read_pending, self.told_model, self._refuse_waiting):
                with self._guarded():
                    part()
        finally:
            self._feed.close(GOODBYE_S)

    def _let_go(self) -> None:
        """Leave the model and its optimizer as they were."""
        calls.end(self._watched)
        if self._handle is not None:
            self._handle.remove()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """What fails in here is no fault of the training: it is told, and recording ends."""
        try:
            yield
        except Exception as error:
            if self._fault is None:
                self._fault = one_line(f"recording has ended: {type(error).__name__}: {error}")[:300]
                _log.warning("watching %s: %s", self._name, self._fault, exc_info=True)

    def leave_to_parent(self) -> None:
        """End watching in a process that was forked from the one that watches; not for callers outside."""
        self._state = "ended"
        self._over.set()
        self._dropped.detach()
        self._steps_left = None
        self._let_go()

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
        return [dict(change) for change in self._knobs.changes]

    def code(self) -> str:
        """Return what was changed from the page as Python, to be taken over into the training program."""
        return self._knobs.code()

    @property
    def problem(self) -> str | None:
        """Why the page hears nothing, if it does not."""
        return self._fault or self._feed.problem or self._feed.fault

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
        began = time.perf_counter()
        is_sampled = self._sampler.wants(trains) and self._inside is None and can_be_traced() and self._can_see()
        looked_s = time.perf_counter() - began
        if not trains and (self._step or self._trained):  # before the first step it may be a trial
            with self._guarded():
                self._warnings.check(self._sites, self._step, is_sampled)
        if is_sampled and self._fault is None:
            self._inside = thread
            try:
                out = self._sample(forward, trains, looked_s)
            finally:
                self._inside = None
        else:
            began = time.perf_counter()
            out = forward()
            self._sampler.passed(trains, time.perf_counter() - began)
        if trains:
            self._trained = True
            with self._guarded():
                if self._mode == "backward":
                    self._mark(out)
                if not self._logs and (loss := scalar_in(out)) is not None:
                    self._pending_loss[:] = [("loss (of the model)", self._step + 1, loss.detach().clone())]
        return out

    def _can_see(self) -> bool:
        """Whether a pass can be looked into: the model, or a part of it, may have been compiled since the last one."""
        now = time.monotonic()
        if self._fault is not None or (self._sites.reason is not None and now - self._saw_hidden_at < LOOK_S):
            return False
        with self._guarded():
            self._sites.look()
        if self._sites.reason is not None:
            self._saw_hidden_at = now
        return self._sites.reason is None and self._fault is None

    def _sample(self, forward: Callable[[], Any], trains: bool, looked_s: float) -> Any:
        looks = time.monotonic() - self._looked_at >= LOOK_S
        stack: list[nn.Module] = [self._model]  # in one of its methods, none of its modules may run
        self._sites.begin_pass()
        capture = Capture(stack, looks, knows=self._sites.knows)
        began = time.perf_counter()
        with stacked(stack, capture.draws, self._sites.knows), capture:
            out = forward()
        passed = time.perf_counter()
        try:
            if capture.fault is not None:
                raise capture.fault
            self._note(capture.draws, trains)
            if trains:
                self._votes.note_modes()
        except Exception as error:
            self._fault = one_line(f"masks are recorded no more: {type(error).__name__}: {error}")[:300]
            _log.warning("watching %s: %s", self._name, self._fault, exc_info=True)
        if looks:
            self._looked_at = time.monotonic()
        self._sampled += 1
        self._stride.append(self._passes - self._last_sampled)
        self._last_sampled = self._passes
        self._sampler.sampled(trains, passed - began, time.perf_counter() - passed + looked_s)
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
            row = Row(site.index, site.units, step, mask, int(draw.kept), draw.size, draw.rate, flags)
            self.kept.add_row(row, silent, seen)
            if not trains and not training and math.isfinite(draw.rate):
                self._warnings.always_on(site, self._step)

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

    def updated(self) -> None:
        """The optimizer has updated the weights; not for callers outside."""
        if self._mode == "optimizer":
            self._stepped()
            self._between(may_wait=True)

    def _stepped(self, step: int | None = None) -> None:
        if not self._logs:
            self._read_pending()
        self._step = self._step + 1 if step is None else step
        self._steps.append((time.monotonic(), self._step))

    def _read_pending(self) -> None:
        pending, self._pending_loss = self._pending_loss, []
        for name, at, value in pending:
            try:
                number = float(value)
            except (RuntimeError, TypeError, ValueError):  # a tensor that holds nothing
                number = math.nan
            self.kept.point(name, at, number)

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
            self._votes.ask(command.get("passes", USUAL_PASSES))
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
            self._knobs.set(command, self._step + 1)
        else:
            raise ValueError(f"op = {op!r} is not allowed: it must be set, pause, play, step or vote")

    def _go_on_voting(self, free: bool = False) -> None:
        before = set(self._passing)
        self._passing.add(threading.get_ident())  # its passes are none of the training's
        try:
            self._votes.go_on(self._step, free)
        finally:
            if (thread := threading.get_ident()) not in before:
                self._passing.discard(thread)

    # What the lab is told

    def told_model(self) -> dict[str, Any]:
        """Return the model as it is known now; not for callers outside."""
        self._sites.look()
        self._sites.missed = self._missed()
        now = (
            self._sites.shape(),
            len(self.kept.series),
            tuple(site.module.training for site in tuple(self._sites.all) if site.module is not None),
            tuple(site.read_rate() for site in tuple(self._sites.all)),
        )
        if self._model_told is None or self._model_told[0] != now:
            sites = list(self._sites.all)
            rows, cut = tree_of(self._model, sites)
            parameters = parameters_of(self._model)
            told = {
                "name": self._name,
                "type": type(self._model).__name__,
                "parameters": rows[0]["parameters"],
                "device": str(parameters[0].device) if parameters else "cpu",
                "torch": torch.__version__,
                "tree": rows,
                "cut": cut,
                "sites": [site.told(self._sites.missed) for site in sites],
                "series": [{"name": name, "role": role_of(name)} for name in tuple(self.kept.series)],
                "val": self._votes.examples,
            }
            self._model_told = now, told
        return self._model_told[1]

    def _missed(self) -> str | None:
        """Why no mask is seen, though nothing in the model says so; None: its calls come, or nothing is known yet."""
        times, now = calls.times_compiled(type(self._model)), time.monotonic()
        if times != self._compiled or (self._uncalled is not None and self._uncalled[0] != self._passes):
            self._compiled, self._uncalled = times, (self._passes, self._step, now)
        if self._uncalled is not None:
            _, step, since = self._uncalled
            is_likely = times > self._compiled_before and (self._mode == "backward" or not self._trained)
            if (is_likely or self._step >= step + 2) and now - since >= UNCALLED_S:
                return COMPILED_WHOLE
        is_unknown = self._passes == 0 and self._mode != "backward" and self._step >= UNCALLED_STEPS
        return NOT_CALLED if is_unknown else None

    def told_state(self) -> dict[str, Any]:
        """Return how far it is; not for callers outside."""
        return {
            "step": self._step,
            "state": self._state,
            "steps_per_second": round(self._pace(), 2),
            "passes": self._passes,
            "sampled": self._sampled,
            "every": max(1, round(float(np.median(list(self._stride))))) if self._stride else 1,
            "cost": round(min(1.0, self._budget.cost + self._votes.budget.cost), 4),
            "lost": self.kept.lost,
            "mode": self._mode,
            "voting": self._votes.is_on,
            "vote_problem": self._votes.problem or self._fault,
        }

    def told_warnings(self) -> list[dict[str, Any]]:
        """Return what is probably wrong; not for callers outside."""
        return self._warnings.told()

    def told_changes(self) -> dict[str, Any]:
        """Return what was changed from the page; not for callers outside."""
        return {"changes": self.changes, "code": self.code()}

    def set_viewers(self, count: int) -> None:
        """So many look; not for callers outside."""
        self._viewers = count

    def _pace(self) -> float:
        """Steps a second, over the last few."""
        steps = tuple(self._steps)
        if len(steps) < 2 or self._state != "training":
            return 0.0
        (first_at, first), (_, last) = steps[0], steps[-1]
        return (last - first) / max(1e-6, time.monotonic() - first_at)


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _telling(watching: Watching) -> Callable[..., None]:
    """A hook that tells a watch of updates, as long as there is one: it does not keep it alive."""
    watch = weakref.ref(watching)

    def updated(*given: Any) -> None:
        this = watch()
        if this is not None:
            this.updated()

    return updated


def _drop(name: str, watched: calls.Watched, handle: Any, feed: Feed) -> None:
    """A watch is no more, because nobody holds what `watch` returned: leave no trace of it."""
    calls.end(watched)
    if handle is not None:
        handle.remove()
    feed.drop()
    _log.warning(
        "the watch of %s has ended, because nothing holds it any more: keep what watch(…) returned while it trains",
        name,
    )


_open: weakref.WeakSet[Watching] = weakref.WeakSet()


def _forked() -> None:
    """A process that was forked watches nothing: the connection is its parent's."""
    calls.renew_lock()
    for watching in list(_open):
        watching.leave_to_parent()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@atexit.register
def _close_all() -> None:
    """A program that ends without closing its watches has ended them; with an error, if that is what ended it."""
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_type", None)  # of a session, it may be an old one
    failed = error is not None and not issubclass(error, KeyboardInterrupt)
    for watching in list(_open):
        watching.close(failed)
