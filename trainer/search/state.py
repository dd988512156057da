"""What has come of a search so far: kept, told as plain data, and read again so that the search can go on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from trainer.errors import KnobError, UnknownKnobError
from trainer.search.candidates import lanes_for, trials
from trainer.settings.config import ExperimentConfig, is_broken_name
from trainer.settings.knobs import allowed, describe
from trainer.settings.search import AXES, MAX_VALUES, SearchConfig

FINAL: Final = 3  # evaluations whose mean is how a candidate ends: one alone is noisy


class Evaluation(NamedTuple):
    """How the lanes of a batch did in eval mode at one step."""

    step: int
    val_loss: Sequence[float]
    val_accuracy: Sequence[float]


class Result(NamedTuple):
    """What came of a candidate; None where a number is none, because the network diverged.

    Attributes:
        trial: which.
        val_loss: mean of the last three evaluations, and so is ``val_accuracy``.
        best_val_loss: the least of all evaluations, and ``best_step`` when it was.
    """

    trial: int
    val_loss: float | None
    val_accuracy: float | None
    best_val_loss: float | None
    best_step: int | None


def results_of(batch: range, evaluations: Sequence[Evaluation]) -> list[Result]:
    """What came of a batch.

    Args:
        batch: its candidates, lane by lane.
        evaluations: of the trained networks, in the order of their steps, the last one at the end.
    """
    return [_result(trial, lane, evaluations) for lane, trial in enumerate(batch)]


def _result(trial: int, lane: int, evaluations: Sequence[Evaluation]) -> Result:
    final = evaluations[-FINAL:]
    finite = [(each.val_loss[lane], each.step) for each in evaluations if math.isfinite(each.val_loss[lane])]
    best_loss, best_step = min(finite, default=(None, None))
    return Result(
        trial,
        _plain(sum(each.val_loss[lane] for each in final) / len(final)),
        _plain(sum(each.val_accuracy[lane] for each in final) / len(final)),
        _plain(best_loss),
        best_step,
    )


def _plain(value: float | None) -> float | None:
    """A number as JSON can hold it, to the digits that mean something."""
    return round(value, 6) if value is not None and math.isfinite(value) else None


class SearchState:
    """A search under way: what is tried, and what has come of it so far.

    Args:
        config: what is tried.
        results: of the first candidates, in their order; what is no whole batch is trained again.

    Attributes:
        config: what is tried.
        trials: the candidates.
        results: what has come of those of the batches that are done.
    """

    def __init__(self, config: SearchConfig, results: Sequence[Result] = ()) -> None:
        self.config = config
        self.trials = trials(config)
        whole = len(results) if len(results) == len(self.trials) else len(results) // config.batch * config.batch
        self.results = list(results[:whole])

    @property
    def is_done(self) -> bool:
        """Whether every candidate was trained."""
        return len(self.results) == len(self.trials)

    @property
    def batch(self) -> range:
        """The candidates to be trained now; when all are done, those that were the last."""
        size, done = self.config.batch, len(self.results)
        first = (done - 1) // size * size if self.is_done else done
        return range(first, min(first + size, len(self.trials)))

    @property
    def best(self) -> int | None:
        """The candidate with the least validation loss so far, the first of equals."""
        finite = [(each.val_loss, each.trial) for each in self.results if each.val_loss is not None]
        return min(finite)[1] if finite else None

    def lanes(self, base: ExperimentConfig) -> ExperimentConfig:
        """The run of the present batch."""
        return lanes_for((self.trials[trial] for trial in self.batch), base)

    def add(self, evaluations: Sequence[Evaluation]) -> None:
        """Take note of what came of the present batch."""
        self.results += results_of(self.batch, evaluations)

    def restart(self) -> None:
        """Forget all results."""
        self.results = []

    def described(self) -> dict[str, Any]:
        """The search as plain data (docs/protocol.md, Searches); `parse_search` reads it again."""
        size = self.config.batch
        return {
            **self.config.model_dump(mode="json"),
            "done": len(self.results),
            "batch_number": self.batch.start // size + 1,
            "batches": math.ceil(len(self.trials) / size),
            "trials": [list(trial) for trial in self.trials],
            "results": [each._asdict() for each in self.results],
            "best": self.best,
        }


_FOLLOWS: Final = ("done", "batch_number", "batches", "best")  # from the results


def parse_search(given: Any, base: ExperimentConfig) -> SearchState:
    """Validate a search, a fresh one or one that was described before.

    Args:
        given: any of the knobs of `SearchConfig`, and what `SearchState.described` has beside them.
        base: the run whose lanes the candidates are to be.

    Raises:
        KnobError: a value that cannot be, or results that are not of these candidates.
        UnknownKnobError: a name that a search does not have.
    """
    if not isinstance(given, Mapping):
        raise KnobError("search", given, "an object of a search’s knobs and their values")
    beside = (*_FOLLOWS, "trials", "results")
    try:
        config = SearchConfig.model_validate({name: value for name, value in given.items() if name not in beside})
    except ValidationError as error:
        raise _refusal(error) from None
    candidates = trials(config)
    if "trials" in given and given["trials"] != [list(trial) for trial in candidates]:
        raise KnobError("search.trials", given["trials"], "those of this search, or left out")
    state = SearchState(config, _read_results(given.get("results", []), len(candidates)))
    lanes_for(candidates[: config.batch], base)  # refuses what is too much work
    return state


def _refusal(error: ValidationError) -> KnobError | UnknownKnobError:
    """Say the first thing that Pydantic found in the words of this project."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, KnobError):
        return cause
    if first["type"] in ("extra_forbidden", "invalid_key") or is_broken_name(first):
        name = first["loc"][0] if first["type"] == "extra_forbidden" else first["input"]
        return UnknownKnobError(f"search.{name}", list(SearchConfig.model_fields))
    name, *index = first["loc"]
    path = f"search.{name}" + "".join(f"[{each}]" for each in index)
    return KnobError(path, first["input"], _takes(str(name), whole=not index))


def _takes(name: str, whole: bool) -> str:
    if whole and name in AXES:
        return f"a list of 1 to {MAX_VALUES} values"
    return allowed(describe(name, SearchConfig.model_fields[name]), whole)


def _read_results(given: Any, candidates: int) -> list[Result]:
    """Results as plain data.

    Raises:
        KnobError: they are no results, or not of the first candidates in their order.
    """
    if not isinstance(given, list | tuple) or len(given) > candidates:
        raise KnobError("search.results", given, f"a list of at most {candidates} results")
    found = []
    for index, each in enumerate(given):
        path = f"search.results[{index}]"
        if not isinstance(each, Mapping) or set(each) != set(Result._fields):
            raise KnobError(path, each, f"an object of {', '.join(Result._fields)}")
        if each["trial"] != index or isinstance(each["trial"], bool):
            raise KnobError(f"{path}.trial", each["trial"], f"{index}: results are in the order of their candidates")
        for name in Result._fields[1:]:
            if not _is_figure(each[name], whole=name == "best_step"):
                kind = "a whole number" if name == "best_step" else "a number"
                raise KnobError(f"{path}.{name}", each[name], f"{kind} of at least 0, or null where there is none")
        found.append(Result(**each))
    return found


def _is_figure(value: Any, whole: bool) -> bool:
    if value is None:
        return True
    kinds = int if whole else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < math.inf
