"""What a search tries, what came of it, and how it is read again."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from trainer.errors import KnobError, UnknownKnobError
from trainer.search import Evaluation, SearchConfig, SearchState, Trial, lanes_for, name_of, parse_search, trials
from trainer.settings.config import ExperimentConfig, parse

SMALL: dict[str, Any] = {"input": [0, 0.2], "hidden": [0.5], "learning_rate": [1e-3, 2e-3, 4e-3], "batch": 4}


def read(given: Any, base: ExperimentConfig | None = None) -> SearchState:
    return parse_search(given, base or ExperimentConfig())


def evaluations(*losses: list[float]) -> list[Evaluation]:
    """Every 25 steps the losses of the lanes; accuracies are their complements."""
    return [Evaluation(25 * number, each, [1 - loss for loss in each]) for number, each in enumerate(losses, start=1)]


# ---- candidates


def test_without_a_word_a_search_is_a_grid_of_64() -> None:
    state = read({})
    assert (len(state.trials), state.config.candidates) == (64, 64)
    assert len(set(state.trials)) == 64
    assert {trial.input for trial in state.trials} == {0, 0.1, 0.2, 0.4}
    assert {trial.learning_rate for trial in state.trials[:4]} == {5e-4, 1e-3, 2e-3, 4e-3}
    assert {(trial.input, trial.hidden) for trial in state.trials[:4]} == {(0, 0)}


def test_a_grid_has_as_many_candidates_as_its_lists_make() -> None:
    state = read(SMALL)
    assert state.config.candidates == len(state.trials) == 6
    assert state.trials[0] == Trial(0, 0.5, 1e-3)
    assert state.trials[-1] == Trial(0.2, 0.5, 4e-3)


def test_random_candidates_lie_in_the_ranges_and_fill_them() -> None:
    config = SearchConfig(method="random", candidates=256, input=(0.4, 0.1), hidden=(0.3,), learning_rate=(1e-4, 1e-2))
    found = trials(config)
    assert all(0.1 <= trial.input <= 0.4 and trial.hidden == 0.3 for trial in found)
    assert all(1e-4 <= trial.learning_rate <= 1e-2 for trial in found)
    # Learning rates are uniform in their logarithm: half of them lie below 1e-3. A Binomial is within 5 standard
    # deviations of its mean in all but one of two million seeds.
    slow = [trial.learning_rate < 1e-3 for trial in found]
    low = [trial.input < 0.25 for trial in found]
    both = [one and other for one, other in zip(slow, low, strict=True)]
    for counted, share in ((slow, 0.5), (low, 0.5), (both, 0.25)):
        assert abs(sum(counted) - 256 * share) < 5 * math.sqrt(256 * share * (1 - share))


def test_the_seed_fixes_what_is_drawn_at_random() -> None:
    drawn = [read({"method": "random", "seed": seed}).trials for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1] != drawn[2]
    more = read({"method": "random", "seed": 3, "candidates": 100}).trials
    assert more[:64] == drawn[0]


@pytest.mark.parametrize(
    ("trial", "name"),
    [
        (Trial(0.2, 0.5, 2e-3), "in .2, hid .5, lr 2e-3"),
        (Trial(0, 0.75, 5e-4), "in 0, hid .75, lr 5e-4"),
        (Trial(0.137, 0.482, 1.53e-3), "in .137, hid .482, lr 1.53e-3"),
        (Trial(0.95, 0.95, 1.0), "in .95, hid .95, lr 1e0"),
    ],
)
def test_a_candidate_is_called_by_what_it_is(trial: Trial, name: str) -> None:
    assert name_of(trial) == name
    assert len(name) <= 40


@pytest.mark.parametrize(
    ("base", "rates"),
    [
        ({}, (0.2, 0.5, 0.5, 0.5)),
        ({"network": "cnn", "learning_rate": 3e-3}, (0.2, 0.5, 0.5, 0.5)),
        ({"network": "lstm"}, (0.2, 0.5, 0.5)),
        ({"dataset": "moons", "hidden": [8]}, (0.2, 0.5)),
    ],
)
def test_candidates_become_lanes_of_every_kind_of_network(base: dict[str, Any], rates: tuple[float, ...]) -> None:
    config = parse(base)
    run = lanes_for([Trial(0.2, 0.5, 2e-3), Trial(0, 0, 1e-3)], config)
    assert [lane.dropout for lane in run.lanes] == [rates, (0.0,) * len(rates)]
    assert [lane.learning_rate for lane in run.lanes] == [2e-3, 1e-3]
    assert run.model_dump(exclude={"lanes"}) == config.model_dump(exclude={"lanes"})


# ---- refused

REFUSED: list[tuple[Any, str, str]] = [
    ([], "search", "an object of a search’s knobs and their values"),
    ({"method": "bayes"}, "search.method", "one of grid, random"),
    ({"hidden": [0, 0.5, 1]}, "search.hidden[2]", "a number from 0 to 0.95"),
    ({"input": [math.nan]}, "search.input[0]", "a number from 0 to 0.95"),
    ({"input": [True]}, "search.input[0]", "a number from 0 to 0.95"),
    ({"input": 0.2}, "search.input", "a list of 1 to 16 values"),
    ({"hidden": []}, "search.hidden", "a list of 1 to 16 values"),
    ({"learning_rate": [0]}, "search.learning_rate[0]", "a number from 1e-05 to 1"),
    ({"hidden": [0.5, 0.2, 0.5]}, "search.hidden[2]", "a value that is not in the list already"),
    ({"candidates": 10}, "search.candidates", "64, as the lists make a grid of 4 × 4 × 4"),
    ({"input": [k / 20 for k in range(17)]}, "search.input", "a list of 1 to 16 values"),
    (
        {"input": [k / 20 for k in range(16)], "hidden": [k / 20 for k in range(16)]},
        "search.candidates",
        "at most 256: the lists make a grid of 16 × 16 × 4",
    ),
    ({"method": "random", "candidates": 257}, "search.candidates", "a whole number from 1 to 256"),
    ({"steps": 1010}, "search.steps", "a multiple of 25, the steps from one evaluation to the next"),
    ({"steps": 5025}, "search.steps", "a whole number from 25 to 5,000"),
    ({"steps": "1000"}, "search.steps", "a whole number from 25 to 5,000"),
    ({"batch": 65}, "search.batch", "a whole number from 1 to 64"),
    ({"seed": -1}, "search.seed", "a whole number from 0 to 2,147,483,647"),
    ({"trials": []}, "search.trials", "those of this search, or left out"),
    ({"results": 3}, "search.results", "a list of at most 64 results"),
    ({"results": [{}] * 65}, "search.results", "a list of at most 64 results"),
    ({"results": ["x"]}, "search.results[0]", "an object of trial, val_loss, val_accuracy, best_val_loss, best_step"),
]


@pytest.mark.parametrize(("given", "knob", "allowed"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_refused_with_what_can(given: Any, knob: str, allowed: str) -> None:
    with pytest.raises(KnobError) as refused:
        read(given)
    assert (refused.value.knob, refused.value.allowed) == (knob, allowed)


@pytest.mark.parametrize("given", [{"rates": [0.5]}, {5: 5}])
def test_an_unknown_name_is_refused_with_those_that_there_are(given: Any) -> None:
    with pytest.raises(UnknownKnobError, match=r"method, input, hidden, learning_rate, candidates, steps, batch, seed"):
        read(given)


def test_a_batch_that_is_too_much_work_is_refused_before_it_begins() -> None:
    wide = parse({"hidden": [640] * 4, "batch_size": 128, "lanes": [{}]})
    assert len(read({"batch": 4}, wide).trials) == 64
    with pytest.raises(KnobError, match="64 networks of"):
        read({"batch": 64}, wide)


@pytest.mark.parametrize(
    ("changed", "knob"),
    [
        ({"trial": 1}, "search.results[0].trial"),
        ({"trial": False}, "search.results[0].trial"),
        ({"val_loss": math.inf}, "search.results[0].val_loss"),
        ({"val_loss": -1}, "search.results[0].val_loss"),
        ({"val_accuracy": "1"}, "search.results[0].val_accuracy"),
        ({"best_val_loss": True}, "search.results[0].best_val_loss"),
        ({"best_step": 2.5}, "search.results[0].best_step"),
    ],
)
def test_results_that_are_none_are_refused(changed: dict[str, Any], knob: str) -> None:
    good = {"trial": 0, "val_loss": 0.5, "val_accuracy": 0.9, "best_val_loss": None, "best_step": 25}
    read({"results": [good]})
    with pytest.raises(KnobError) as refused:
        read({"results": [good | changed]})
    assert refused.value.knob == knob


# ---- results


def test_a_result_is_the_mean_of_the_last_three_evaluations_and_the_best_of_all() -> None:
    state = read(SMALL)
    flat = [1.0, 1.0, 1.0]
    state.add(evaluations([0.3, *flat], [0.9, *flat], [0.6, *flat], [0.6, *flat]))
    first = state.results[0]
    assert first.trial == 0
    assert first.val_loss == pytest.approx(0.7)
    assert first.val_accuracy == pytest.approx(0.3)
    assert (first.best_val_loss, first.best_step) == (0.3, 25)
    assert state.results[1].best_step == 25  # the first of equals


def test_of_fewer_than_three_evaluations_all_count() -> None:
    state = read({**SMALL, "steps": 50})
    state.add(evaluations([1.0] * 4, [0.5] * 4))
    assert state.results[0].val_loss == pytest.approx(0.75)


def test_a_candidate_that_diverged_has_no_loss_and_is_never_the_best() -> None:
    state = read(SMALL)
    state.add(evaluations([0.4, 2.0, math.nan, 3.0], [math.nan, 2.0, math.nan, 3.0], [math.inf, 2.0, math.nan, 3.0]))
    diverged, fine, never = state.results[:3]
    assert (diverged.val_loss, diverged.best_val_loss, diverged.best_step) == (None, 0.4, 25)
    assert (never.val_loss, never.best_val_loss, never.best_step) == (None, None, None)
    assert fine.val_loss == 2.0
    assert state.best == 1
    json.dumps(state.described(), allow_nan=False)


def test_of_equals_the_first_is_the_best_and_of_none_none() -> None:
    state = read(SMALL)
    assert state.best is None
    state.add(evaluations([0.5, 0.4, 0.4, 0.5]))
    assert state.best == 1


def test_batches_follow_one_another_and_the_last_may_be_smaller() -> None:
    state = read(SMALL)
    seen = []
    while not state.is_done:
        described = state.described()
        seen.append((state.batch, described["batch_number"], described["batches"], described["done"]))
        assert [lane.learning_rate for lane in state.lanes(ExperimentConfig()).lanes] == [
            state.trials[trial].learning_rate for trial in state.batch
        ]
        state.add(evaluations([1.0] * len(state.batch)))
    assert seen == [(range(4), 1, 2, 0), (range(4, 6), 2, 2, 4)]
    assert (state.batch, state.described()["batch_number"], state.described()["done"]) == (range(4, 6), 2, 6)
    assert [result.trial for result in state.results] == list(range(6))


def test_a_search_that_was_written_down_goes_on_where_it_was() -> None:
    state = read({**SMALL, "method": "random", "candidates": 9, "seed": 5})
    state.add(evaluations([1.0, 0.3, 0.5, 0.7]))
    again = read(json.loads(json.dumps(state.described())))
    assert again.described() == state.described()
    assert again.batch == range(4, 8)
    assert again.trials == state.trials


def test_a_batch_that_was_not_whole_is_trained_again() -> None:
    state = read(SMALL)
    state.add(evaluations([1.0, 0.3, 0.5, 0.7]))
    plain = state.described()
    plain["results"] = plain["results"][:3]
    assert read(plain).described()["done"] == 0


def test_a_search_that_is_done_stays_done() -> None:
    state = read(SMALL)
    state.add(evaluations([1.0] * 4))
    state.add(evaluations([0.9] * 2))
    again = read(json.loads(json.dumps(state.described())))
    assert again.is_done
    assert (again.best, again.described()["done"]) == (4, 6)


def test_other_candidates_than_those_of_the_search_are_refused() -> None:
    plain = read(SMALL).described()
    plain["hidden"] = [0.25]
    with pytest.raises(KnobError, match=r"search\.trials"):
        read(plain)


def test_started_again_it_has_no_results() -> None:
    state = read(SMALL)
    state.add(evaluations([1.0] * 4))
    state.restart()
    assert state.described() == read(SMALL).described()
