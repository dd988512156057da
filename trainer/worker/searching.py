"""A run that searches: its lanes are candidates, and when one batch of them is trained, the next takes its place."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trainer.errors import DropoutLabError, KnobError, StateError, quote
from trainer.search import Evaluation, SearchState, parse_search
from trainer.settings.arguments import CommandError
from trainer.settings.changes import ChangeLog
from trainer.settings.config import parse
from trainer.settings.lane import EVALUATE_EVERY
from trainer.wire.frames import decode
from trainer.worker import publish
from trainer.worker.session import Accounts, Saving, Sender, Session, State

if TYPE_CHECKING:
    from trainer.settings.pieces import Pieces
    from trainer.training.experiment import Experiment
    from trainer.training.trace import Trace


def _evaluations_of(text: str, lanes: int) -> list[Evaluation]:
    """What a checkpoint says of the evaluations of the present batch.

    Raises:
        StateError: it is none of a search.
    """
    try:
        found = [Evaluation(*each) for each in json.loads(text)["evaluations"]]
        for each in found:
            if type(each.step) is not int or len(each.val_loss) != lanes or len(each.val_accuracy) != lanes:
                raise ValueError(f"{each} is no evaluation of {lanes} lanes")
            all(math.isfinite(number) for number in (*each.val_loss, *each.val_accuracy))  # or they are no numbers
        return found
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StateError(f"this is no checkpoint of a search: {quote(error)}") from error


class SearchSession(Session):
    """One search under way.

    Args:
        run: its id.
        search: what it tries, and what has come of it so far.
        make: makes the experiment of the search's present batch.
        sender: as `Session` takes it, and so are ``clock``, ``accounts`` and ``look``.
    """

    def __init__(
        self,
        run: str,
        search: SearchState,
        make: Callable[[], Experiment],
        sender: Sender,
        clock: Callable[[], float],
        accounts: Accounts,
        look: Callable[[Experiment], Trace],
        saving: Saving | None = None,
    ) -> None:
        super().__init__(run, make(), sender, clock, accounts, look, saving)
        self._search = search
        self._make = make
        self._evaluations: list[Evaluation] = []  # of the present batch

    def open(self, request: Mapping[str, Any]) -> None:
        """Set the search up; one that is over stands still, and none stops anywhere but at its end."""
        state = "paused" if self._search.is_done else request.get("state")
        super().open({**request, "state": state, "stop_at": None})

    def _resume(self, request: Mapping[str, Any]) -> None:
        super()._resume(request)
        if self._experiment.step > 0:
            session = decode(request["checkpoint"]).meta.get("session", "")
            self._evaluations = _evaluations_of(session, len(self._experiment.config.lanes))

    # Inside

    def _obey(self, ref: Any, command: Mapping[str, Any]) -> None:
        """Obey a viewer's command, as any run does, unless it cannot be of a search."""
        objection = self._objection(command)
        if objection is not None:
            self._reply(ref, {"error": publish.error(objection)})
            return
        if command.get("op") == "reset":
            self._start_over()
        super()._obey(ref, command)

    def _objection(self, command: Mapping[str, Any]) -> DropoutLabError | None:
        """Why a command is not obeyed, if it is not."""
        operation, knobs = command.get("op"), command.get("knobs")
        if operation == "set":
            name = ", ".join(knobs) if isinstance(knobs, dict) and knobs else "knobs"
            return KnobError(name, knobs, "left alone: a search turns the knobs itself")
        if operation in ("play", "step") and self._search.is_done:
            count = len(self._search.trials)
            return CommandError(f"the search is over, all {count} candidates were trained: reset starts it again")
        return None

    def _start_over(self) -> None:
        """Forget what came of all candidates, and have the first batch in place of the present one."""
        self._search.restart()
        self._evaluations = []
        self._experiment = self._make()
        self._news.restart(self._experiment)
        self._extras.restart(self._experiment)

    @property
    def _left(self) -> int | None:
        """Steps until the batch ends, or those that were asked for."""
        to_go = self._search.config.steps - self._experiment.step
        if self.state is State.STEPPING:
            return min(self._remaining, to_go)
        return to_go if self.state is State.PLAYING else None

    def _scores_allowed(self, now: float) -> bool:
        """Always: what becomes of a candidate must not depend on the pace, so that no evaluation may be left out."""
        return True

    def _score(self) -> Pieces[None]:
        """Evaluate, show it, and remember it if it is one of those that count.

        The time is the search's own and not taken from what all runs have for their scores.
        """
        step = self._scored = self._experiment.step
        self._scores.mark(self._clock())
        scores = yield from self._experiment.evaluate_in_pieces()
        self._emit("scores", publish.scores(scores))
        seen = self._evaluations[-1].step if self._evaluations else 0
        if step > seen and step % EVALUATE_EVERY == 0:
            self._evaluations.append(Evaluation(step, scores.val_loss.tolist(), scores.val_accuracy.tolist()))

    def _after_one_more(self) -> Pieces[None]:
        """The step that is made for a pause counts like any other: an evaluation may fall on it, or the end."""
        yield from super()._after_one_more()
        if self._experiment.step % EVALUATE_EVERY == 0:
            yield from self._score()
        if self._experiment.step == self._search.config.steps:
            yield from self._arriving()

    def _arriving(self) -> Pieces[None]:
        """Go on with the next batch at the end of one; pause at the end of all, or of the steps that were asked for."""
        if self._experiment.step < self._search.config.steps:
            yield from super()._arriving()
            return
        self._search.add(self._evaluations)
        if self._search.is_done:
            yield from super()._arriving()
            return
        self._evaluations = []
        if self.state is State.STEPPING and (self._remaining == 0 or self._catching_up):
            self._rest()
        followed = self._experiment.followed[1]
        experiment = self._make()
        experiment.follow(example=followed)
        yield from self._replacing(experiment, "batch")

    def _kept(self) -> dict[str, Any]:
        seen = [(each.step, each.val_loss, each.val_accuracy) for each in self._evaluations]
        return super()._kept() | {"evaluations": seen}

    def _described(self) -> dict[str, Any]:
        return {**super()._described(), "search": self._search.described()}


def make_search_session(
    run: str,
    request: Mapping[str, Any],
    make: Callable[[Mapping[str, Any]], Experiment],
    sender: Sender,
    clock: Callable[[], float],
    accounts: Accounts,
    look: Callable[[Experiment], Trace],
    saving: Saving | None = None,
) -> SearchSession:
    """The session of a search.

    Args:
        run: its id.
        request: what it is opened with; its ``search`` says what is tried, its ``config`` how everything else is.
        make: makes the experiment that a request asks for.
        sender: hears about it.
        clock: the time in seconds.
        accounts: what it shares with the worker's other runs.
        look: traces an evaluation pass of the followed example.
        saving: how checkpoints are made.

    Raises:
        KnobError: the search cannot be.
    """
    base = parse(request.get("config"))
    search = parse_search(request.get("search"), base)

    checkpoints = [request.get("checkpoint")]  # of the batch that it goes on with, and of none after it

    def make_batch() -> Experiment:
        config = search.lanes(base).model_dump(mode="json")
        checkpoint = checkpoints.pop() if checkpoints else None
        return make({**request, "config": config, "changes": ChangeLog(), "checkpoint": checkpoint})

    return SearchSession(run, search, make_batch, sender, clock, accounts, look, saving)
