"""What takes long gives way: questions and evaluations are cut, and commands of other runs come between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.trainer.worker.fakes import Day, FakeExperiment, live
from trainer.errors import KnobError
from trainer.insight import asking
from trainer.wire.frames import Frame
from trainer.worker.loop import QUESTIONS_SHARE

PLAYING: dict[str, Any] = {"state": "playing", "steps_per_second": None}


class FakeAsking:
    """Answers in as many pieces as there are examples, each of which takes ``piece_s``."""

    piece_s = 0.004

    def __init__(self, experiment: Any) -> None:
        self.experiment = experiment

    def ask_in_pieces(self, x: Any, lane: int | None = None) -> Any:
        step = self.experiment.step
        if not x:
            raise KnobError("x", x, "an example at least")
        for _ in x:
            self.experiment.clock.now += self.piece_s
            yield
        return SimpleNamespace(step=step, described=lambda: {"step": step})


@pytest.fixture(autouse=True)
def fake_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "Asking", FakeAsking)


def to(run: str, ref: Any, **command: Any) -> dict[str, Any]:
    return {"op": "command", "run": run, "ref": ref, "command": command}


def ask(run: str, ref: Any, examples: int) -> dict[str, Any]:
    return to(run, ref, op="ask", x=[[0.0]] * examples)


def replies(day: Day) -> list[tuple[Any, float]]:
    """References of all replies in the order of their sending, and when each was sent."""
    start = day.messages("opened")[0][0]
    return [(each["ref"], at - start) for at, each in day.said if isinstance(each, dict) and each["op"] == "reply"]


def test_a_command_is_obeyed_before_a_question_that_came_first_is_answered() -> None:
    script = [(1.0, ask("r", "question", 16)), (1.0, ask("r", "second", 1)), (1.0, to("other", "command", op="play"))]
    day = live(4.0, script, runs={"r": PLAYING, "other": {}})
    assert [ref for ref, _ in replies(day)] == ["command", "question", "second"]


def test_an_ask_holds_up_a_command_for_a_bite_only() -> None:
    """Sixteen examples of 4 ms: a bite has two of them, and never all 64 ms."""
    script = [(1.0, ask("r", "question", 16)), (1.0001, to("other", "command", op="speed", steps_per_second=None))]
    day = live(3.0, script, runs={"r": {}, "other": {}})
    times = dict(replies(day))
    assert times["command"] < 1.0 + 0.0085
    assert times["question"] > 1.06  # the command came between


def test_questions_are_answered_at_once_while_nobody_trains() -> None:
    day = live(3.0, [(1.0, ask("r", 0, 16)), (1.0, ask("other", 1, 16))], runs={"r": {}, "other": {}})
    assert max(at for _, at in replies(day)) < 1.0 + 2 * 0.064 + 0.02


def test_questions_without_end_leave_training_its_time() -> None:
    """Every 10 ms a question of 64: of ten seconds they get a fifth, what was saved and one bite on top."""
    script = [(1.0 + 0.01 * number, ask("r", number, 16)) for number in range(1000)]
    day = live(11.0, script, runs={"r": {}, "other": PLAYING})
    answered = [at for _, at in replies(day) if at <= 11.0]
    assert 0.9 * QUESTIONS_SHARE * 10 < len(answered) * 0.064 <= QUESTIONS_SHARE * 10 + 0.1 + 0.01
    assert len(day.steps("other")) * 0.001 > 0.6 * 11


def test_runs_with_questions_take_turns() -> None:
    script = [(1.0, ask(run, (run, number), 4)) for number in range(20) for run in ("a", "b")]
    day = live(5.0, script, runs={"r": {}, "a": {}, "b": {}})
    order = [ref[0] for ref, _ in replies(day)]
    assert len(order) == 40
    assert all({first, second} == {"a", "b"} for first, second in zip(order[::2], order[1::2], strict=True))


def test_a_question_that_cannot_be_is_refused_and_the_next_is_answered() -> None:
    day = live(2.0, [(1.0, ask("r", "bad", 0)), (1.0, ask("r", "good", 1))], runs={"r": {}})
    bad, good = (each for _, each in day.messages("reply"))
    assert (bad["ref"], bad["error"]["code"], bad["error"]["knob"]) == ("bad", "bad_value", "x")
    assert (good["ref"], good["answer"]) == ("good", {"step": 0})


def test_a_question_that_waits_is_asked_of_the_new_start() -> None:
    script = [
        (1.0, to("r", "play", op="step", count=30)),
        (1.5, ask("r", "question", 16)),
        (1.5001, to("r", "reset", op="reset")),
    ]
    day = live(3.0, script)
    by_ref = {each["ref"]: each for _, each in day.messages("reply")}
    assert [ref for ref, _ in replies(day)] == ["play", "reset", "question"]
    assert by_ref["question"]["answer"] == {"step": 0}


# ---- evaluations


def long(run: str, experiment: FakeExperiment) -> None:
    """An evaluation of the run ``r`` has 50 pieces of 8 ms."""
    if run == "r":
        experiment.evaluate_s, experiment.evaluate_pieces = 0.008, 50


def test_an_evaluation_gives_way_to_the_commands_and_the_steps_of_other_runs() -> None:
    at = [0.8 + 0.013 * number for number in range(60)]
    script = [(moment, to("other", number, op="speed", steps_per_second=None)) for number, moment in enumerate(at)]
    day = live(4.0, script, runs={"r": PLAYING, "other": PLAYING}, tune=long)
    waits = [said - moment for (_, said), moment in zip(replies(day), at, strict=True)]
    assert max(waits) < 0.0165  # a slice of training at most
    scored = [at for at, _ in day.frames("scores")]
    between = [at for at, _ in day.frames("steps", "other") if scored[0] < at < scored[1]]
    assert len(between) > 10


def test_no_step_is_made_while_the_one_before_is_judged() -> None:
    day = live(6.0, [], runs={"r": PLAYING}, tune=long)
    order = [
        (each.kind, int(each.tensors["step"][-1]))
        for _, each in day.said
        if isinstance(each, Frame) and each.kind in ("steps", "scores")
    ]
    seen = 0
    for kind, step in order:
        if kind == "scores":
            assert step >= seen
        seen = max(seen, step)
    assert len([step for kind, step in order if kind == "scores"]) >= 3
    assert seen > 25


def test_a_command_waits_for_what_its_own_run_owes_and_keeps_its_place() -> None:
    script = [
        (0.1, to("r", 1, op="play")),
        (0.11, to("r", 2, op="set", lane=1, knobs={"l2": 0.01})),
        (0.12, to("r", 3, op="pause")),
        (0.13, to("other", 4, op="play")),
    ]
    day = live(3.0, script, runs={"r": {}, "other": {}}, tune=long)
    assert [ref for ref, _ in replies(day)] == [4, 1, 2, 3]
    assert dict(replies(day))[1] >= 0.39  # when the beginning was judged


def test_a_reset_does_not_wait_for_what_it_makes_void() -> None:
    day = live(3.0, [(0.1, to("r", 1, op="reset"))], tune=long)
    assert dict(replies(day))[1] < 0.12
    assert [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")] == [0]  # judged once, from its start


def test_a_run_that_is_closed_while_it_is_judged_says_nothing_more() -> None:
    day = live(2.0, [(0.1, {"op": "close", "run": "r"})], tune=long)
    assert day.frames("scores") == []


@pytest.mark.parametrize("pieces", [1, 7])
def test_how_an_evaluation_is_cut_changes_nothing_but_the_times(pieces: int) -> None:
    def cut(run: str, experiment: FakeExperiment) -> None:
        experiment.evaluate_s, experiment.evaluate_pieces = 0.014 / pieces, pieces

    day = live(5.0, [(0.5, to("r", 0, op="play")), (3.0, to("r", 1, op="pause"))], tune=cut)
    scored = [int(frame.tensors["step"][0]) for _, frame in day.frames("scores")]
    assert scored[:4] == [0, 25, 50, 75]
    assert scored[-1] == day.steps()[-1]
    assert day.steps() == list(range(1, day.steps()[-1] + 1))


def test_runs_that_are_opened_at_once_hold_up_a_command_for_one_of_them_only() -> None:
    """Sixty-four lanes with a thousand changes take a twentieth of a second: eight at once took all of it."""

    def tune(run: str, experiment: FakeExperiment) -> None:
        if run.startswith("new"):
            experiment.clock.now += 0.070

    script: list[tuple[float, dict[str, Any]]] = []
    for number in range(8):
        script.append((1.0, {"op": "open", "run": f"new{number}"}))
        script.append((1.0, {"op": "watch", "run": f"new{number}", "viewers": 1}))
    at = [1.0001 + 0.03 * number for number in range(30)]
    script += [(moment, to("r", number, op="speed", steps_per_second=None)) for number, moment in enumerate(at)]
    day = live(4.0, script, runs={"r": PLAYING}, tune=tune)
    waits = [sent - moment for (_, sent), moment in zip(replies(day), at, strict=True)]
    # The opening itself, what it shows first (an evaluation of 2 ms), a slice of 15 ms or a bite of 10.
    assert 0.06 < max(waits) < 0.070 + 0.002 + 0.015 + 0.001
    assert all(day.messages("opened", f"new{number}") for number in range(8))


def test_changes_that_come_in_parts_are_taken_in_between_the_slices_of_other_runs() -> None:
    """Each part costs its time; the other run trains between two of them, and the run has all of them at last."""
    parts = [
        [{"step": 10 * number + each + 1, "knobs": {"learning_rate": 0.1}} for each in range(3)] for number in range(40)
    ]
    script: list[tuple[float, dict[str, Any]]] = [
        (1.0 + 0.001 * number, {"op": "changes", "run": "long", "changes": part}) for number, part in enumerate(parts)
    ]
    script += [(1.001 * 1.04, {"op": "open", "run": "long"}), (1.05, {"op": "close", "run": "gone"})]
    script += [(1.01, {"op": "changes", "run": "gone", "changes": parts[0]})]
    script += [(1.06, {"op": "open", "run": "gone"})]
    day = live(3.0, script, runs={"r": PLAYING})
    assert day.experiments["long"].log.changes == [change for part in parts for change in part]
    assert day.experiments["gone"].log.changes == [], "a close undoes them"
    assert day.steps() == list(range(1, day.steps()[-1] + 1))


def test_what_is_said_to_a_run_that_is_still_to_be_opened_waits_for_it_and_a_close_undoes_it() -> None:
    def tune(run: str, experiment: FakeExperiment) -> None:
        experiment.clock.now += 0.070

    script: list[tuple[float, dict[str, Any]]] = [
        *((1.0, {"op": "open", "run": run}) for run in "abc"),
        (1.0, to("c", 7, op="play")),
        (1.01, {"op": "close", "run": "b"}),
        (1.01, to("b", 8, op="play")),
    ]
    day = live(4.0, script, tune=tune)
    assert [bool(day.messages("opened", run)) for run in "abc"] == [True, False, True]
    assert [message["ref"] for _, message in day.messages("reply", "c")] == [7]
    assert day.steps("c")[:3] == [1, 2, 3]
    assert [message["error"]["code"] for _, message in day.messages("reply", "b")] == ["not_found"]
