"""What the numbers say of a question."""

from __future__ import annotations

import pytest

from app.rooms.questions import LOSS_NOISE, OF_THE_CLASS, Network, Question, find_ready, judge, ready_for
from trainer.presets import PRESETS, find_preset


def network(hidden: float, loss: float | None, train: float | None = 0.1) -> Network:
    """A network of a class run."""
    return Network("x", hidden, loss, None if loss is None else 1 - loss / 10, train)


RATE, AVERAGE, TRAINING = OF_THE_CLASS


def test_the_best_rate_is_that_of_the_group_with_the_lowest_mean() -> None:
    networks = [network(0.0, 0.9), network(0.1, 0.7), network(0.3, 0.45), network(0.5, 0.6), network(0.9, 2.0)]
    truth, why = judge(RATE, networks, None, 500)
    assert truth == 1
    assert why == (
        "Mean validation loss at step 500: 0 to 0.15: 0.800 (2 networks); 0.2 to 0.35: 0.450 (1 network); "
        "0.4 to 0.55: 0.600 (1 network); 0.6 or more: 2.000 (1 network)."
    )


def test_rates_that_cannot_be_told_apart_are_said_to_be_so() -> None:
    truth, why = judge(RATE, [network(0.0, 0.5), network(0.5, 0.5 * LOSS_NOISE * 0.99), network(0.9, 2.0)], None, 500)
    assert truth == 0
    assert "0 to 0.15 and 0.4 to 0.55 lie so close that chance may decide" in why


@pytest.mark.parametrize(
    "networks", [[], [network(0.5, 0.5)], [network(0.5, 0.5), network(0.4, 0.6)], [network(0, None)]]
)
def test_where_all_chose_alike_nobody_can_say(networks: list[Network]) -> None:
    assert judge(RATE, networks, None, 500)[0] is None


@pytest.mark.parametrize(
    ("hidden", "band"), [(0.0, 0), (0.15, 0), (0.2, 1), (0.35, 1), (0.4, 2), (0.55, 2), (0.6, 3), (0.95, 3)]
)
def test_every_rate_belongs_to_the_group_that_its_words_say(hidden: float, band: int) -> None:
    other = 0.9 if band != 3 else 0.0
    truth, _ = judge(RATE, [network(hidden, 0.1), network(other, 2.0)], None, 500)
    assert truth == band


@pytest.mark.parametrize(("average", "best", "truth"), [(0.4, 0.5, 0), (0.5, 0.4, 1)])
def test_the_average_is_better_or_not(average: float, best: float, truth: int) -> None:
    told = {"step": 480, "average": {"loss": average, "accuracy": 0.9}, "best": {"loss": best, "accuracy": 0.9}}
    found, why = judge(AVERAGE, [], told, 500)
    assert found == truth
    assert why.startswith("At step 480")


def test_without_an_average_nobody_can_say() -> None:
    assert judge(AVERAGE, [], None, 500)[0] is None
    assert judge(AVERAGE, [], {"step": 1, "average": None, "best": None}, 500)[0] is None


def test_training_losses_are_compared_by_the_rate() -> None:
    networks = [network(0.0, 0.9, 0.01), network(0.2, 0.5, 0.1), network(0.5, 0.5, 0.4)]
    truth, why = judge(TRAINING, networks, None, 500)
    assert (truth, why) == (0, "Mean training loss at step 500: 0.055 below 0.35, 0.400 from 0.35 on.")


def test_the_guess_of_an_experiment_is_judged_at_its_own_step() -> None:
    (ready,) = ready_for("follow", find_preset("twin"))
    networks = [Network("No dropout", 0.0, 0.7, 0.85, 0.01), Network("Dropout", 0.5, 0.45, 0.9, 0.2)]
    assert judge(ready, networks, None, ready.steps)[0] == 1
    truth, why = judge(ready, networks, None, ready.steps - 1)
    assert truth is None
    assert "too early: the question is about step 1,000" in why


def test_every_ready_made_question_is_found_by_its_key_and_has_two_to_six_choices() -> None:
    found = [*OF_THE_CLASS, *(each for preset in PRESETS for each in ready_for("follow", preset))]
    assert len({each.key for each in found}) == len(found) > 10
    for each in found:
        assert find_ready(each.key) == each
        assert 2 <= len(each.choices) <= 6
    assert find_ready("nothing") is None


def test_a_question_is_kept_as_it_is() -> None:
    question = Question(3, "Which?", ("this", "that"), "key", "told", 1, "why", True, [1, 2], [3, 4])
    assert Question.of(question.plain()) == question
