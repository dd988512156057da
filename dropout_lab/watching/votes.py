"""When sub-networks of a watched model vote: again and again, within their share of the time, and when asked to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from torch import Tensor, nn

from dropout_lab.watching.budget import Budget
from dropout_lab.watching.kept import Kept
from dropout_lab.watching.voting import (
    LEAST_PASSES,
    MOST_PASSES,
    USUAL_PASSES,
    Vote,
    VoteError,
    check_model,
    modes_of,
    read_val,
)
from trainer.printable import one_line

SHARE: Final = 0.01  # of the training's time,
FIRST_SHARE: Final = 0.03  # and until the first have voted, for which somebody waits
FIRST_AFTER_S: Final = 2.0
FIRST_TOLD: Final = (8, 16, 32)  # of the first vote: after so many it is told how far it is

_log = logging.getLogger("dropout_lab")


class Votes:
    """Votes of a model on examples that it does not learn from.

    Args:
        model: the model.
        val: the examples, as `watch` takes them; None: there are none.
        kept: where results go.
        point: draws a value over the steps: name, step, value.

    Attributes:
        budget: the time that votes may take by themselves.
        problem: why nobody votes, if nobody can.
        asked: how many were asked for from outside; None: nobody asks.

    Raises:
        TypeError: ``val`` is no pair of examples and answers.
    """

    def __init__(self, model: nn.Module, val: Any, kept: Kept, point: Callable[[str, int, float], None]) -> None:
        self.budget = Budget(FIRST_SHARE)
        self.problem: str | None = None
        self.asked: int | None = None
        self._model = model
        self._val: tuple[tuple[Any, ...], Tensor] | None = None if val is None else read_val(val)
        self._kept = kept
        self._point = point
        self._modes: list[bool] | None = None  # which modules were in training mode in a pass of the training
        if self._val is not None:
            try:
                check_model(model)
            except VoteError as error:
                self._fail(str(error))
        self._began = time.monotonic()
        self._vote: Vote | None = None
        self._count = 0  # of votes so far

    @property
    def examples(self) -> int:
        """How many examples are voted on."""
        return 0 if self._val is None else len(self._val[1])

    @property
    def is_on(self) -> bool:
        """Whether a vote is going on, or was asked for."""
        return self._vote is not None or self.asked is not None

    def ask(self, passes: Any) -> None:
        """Have so many vote as soon as possible, whatever it costs.

        Raises:
            ValueError: there is nothing to vote on, or so many cannot.
        """
        self._check(passes)
        self.asked, self._vote = passes, None

    def hold(self, passes: int, step: int) -> None:
        """Have so many vote now, and wait for it.

        Raises:
            ValueError: as of `ask`.
            VoteError: the model fails.
        """
        self._check(passes)
        vote = self._begin(passes, step)
        while not vote.is_done:
            vote.go_on()
        self._end(vote)

    def note_modes(self) -> None:
        """A pass of the training was made: what is in training mode now drops in training."""
        if self._val is not None:
            self._modes = modes_of(self._model)

    def stop(self) -> None:
        """Let nobody vote any more."""
        self._vote = self.asked = None

    def go_on(self, step: int, free: bool) -> None:
        """Let one more vote, if there is time for it.

        Args:
            step: of the training, which stands between two.
            free: whether time does not count, because the training waits.
        """
        if self._val is None or (self.problem is not None and self.asked is None):
            return
        asked = self.asked is not None
        if self._vote is None and not asked and (free or time.monotonic() - self._began < FIRST_AFTER_S):
            return
        if not (asked or free or self.budget.may()):
            return
        began = time.perf_counter()
        try:
            if self._vote is None:
                self._vote = self._begin(self.asked or USUAL_PASSES, step)
            else:
                self._vote.go_on()
            if self._vote.is_done:
                self._end(self._vote)
            elif self._vote.asked in FIRST_TOLD and self._count == 1:
                self._kept.set_ensemble(*self._vote.result()[:2])  # something to see before all have voted
        except VoteError as error:
            self._fail(str(error))
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
            _log.warning("sub-networks cannot be asked", exc_info=True)
        finally:
            self.budget.spend(time.perf_counter() - began)

    def _check(self, passes: Any) -> None:
        if self._val is None:
            raise ValueError("there is nothing to vote on: pass val=(x_val, y_val) to watch")
        if type(passes) is not int or not LEAST_PASSES <= passes <= MOST_PASSES:
            raise ValueError(
                f"passes = {passes!r} is not allowed: it must be a whole number from {LEAST_PASSES} to {MOST_PASSES}"
            )

    def _begin(self, passes: int, step: int) -> Vote:
        assert self._val is not None
        self._count += 1
        modes = modes_of(self._model) if self._model.training else self._modes
        return Vote(self._model, *self._val, passes, step, seed=1_000_003 * self._count, modes=modes)

    def _end(self, vote: Vote) -> None:
        tensors, meta, beside = vote.result()
        self._kept.set_ensemble(tensors, meta)
        for name, value in beside.items():
            if name not in self._kept.series:  # the reader's own are better: they are of the whole set
                self._point(f"{name} (on val)", vote.step, value)
        self._vote = self.asked = self.problem = None
        self.budget.share = min(self.budget.share, SHARE)

    def _fail(self, problem: str) -> None:
        self._vote = self.asked = None
        self.problem = one_line(problem)[:300]
