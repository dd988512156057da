"""The log of a run's changes: found by step, told as what is new, limited, and no dearer when it is long.

What it costs is counted: comparisons of steps, validations, bytes.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trainer import Experiment
from trainer.errors import KnobError, TooManyChangesError
from trainer.settings import changes as module
from trainer.settings.changes import Change, ChangeLog, read_changes
from trainer.settings.config import ExperimentConfig, Lane, parse
from trainer.wire.jsontext import Written

SMALL = {"hidden": [8], "dataset": "moons", "train_size": 40, "batch_size": 20}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps of the changes that were looked at, one after the other."""
    seen: list[int] = []
    original = module._step

    def step(entry: module.Entry) -> int:
        seen.append(entry.step)
        return original(entry)

    monkeypatch.setattr(module, "_step", step)
    return seen


def long_log(count: int, lanes: int = 4) -> ChangeLog:
    """A log of so many changes: of each lane in turn, at every third step."""
    changes = [{"step": 3 * k + 1, "lane": k % lanes, "knobs": {"l2": k / 1e6}} for k in range(count)]
    return ChangeLog(changes)


def merged(told: list[Change]) -> list[Change]:
    """What a log has after it was told these changes, found in the plainest way."""
    kept: list[Change] = []
    for change in told:
        same = [each for each in kept if (each["step"], each.get("lane")) == (change["step"], change.get("lane"))]
        if same:
            same[0]["knobs"] |= change["knobs"]
        else:
            kept.append({**change, "knobs": dict(change["knobs"])})
    return sorted(kept, key=lambda change: int(change["step"]))


def some_changes(seed: int, count: int) -> list[Change]:
    draw = random.Random(seed)
    found: list[Change] = []
    for _ in range(count):
        lane = draw.choice([None, 0, 1, 2])
        names = ["learning_rate"] if lane is None else draw.sample(["l1", "l2", "max_norm"], draw.randint(1, 2))
        knobs = {name: draw.random() for name in names}
        found.append({"step": draw.randint(1, 12), **({} if lane is None else {"lane": lane}), "knobs": knobs})
    return found


@pytest.mark.parametrize("seed", range(20))
def test_whoever_is_told_what_is_new_knows_all_however_seldom_that_is(seed: int) -> None:
    told = some_changes(seed, 300)
    log, reader, known = ChangeLog(), ChangeLog(), 0
    draw = random.Random(seed)
    for number, change in enumerate(told, 1):
        log.insert(change["step"], change.get("lane"), change["knobs"])
        if draw.random() < 0.1:
            for each in json.loads(log.text_since(known)):
                reader.insert(each["step"], each.get("lane"), each["knobs"])
            known = log.revision
            assert reader.changes == log.changes == merged(told[:number]) == json.loads(log.text)
    assert log.since(log.revision) == []
    assert len(log) < 50  # of so many that were told: what was told again and again is forgotten
    assert len(log._news) <= 2 * len(log) + 65


@pytest.mark.parametrize("seed", range(20))
def test_the_last_change_that_concerns_somebody_is_that_of_a_plain_search(seed: int) -> None:
    told = some_changes(seed, 60)
    log = ChangeLog(told)
    for step in range(14):
        for lane in (0, 1, 2):
            for without in ((), ("learning_rate",), ("l1", "l2")):

                def concerns(of: int | None, knob: str, lane: int = lane, without: tuple[str, ...] = without) -> bool:
                    return of in (None, lane) and knob not in without

                plain = [
                    change
                    for change in merged(told)
                    if change["step"] <= step and any(concerns(change.get("lane"), knob) for knob in change["knobs"])
                ]
                assert log.last(step, concerns) == (plain[-1] if plain else None)


def test_one_more_change_costs_what_is_new_however_long_the_log_is(looked: list[int]) -> None:
    costs = {}
    for count in (1_000, 10_000):
        log = long_log(count)
        known = log.revision
        assert len(log.text) > 40 * count
        looked.clear()
        log.insert(3 * count + 1, 1, {"l2": 0.5})  # now
        log.insert(2, 1, {"l2": 0.5})  # amid the others, as in a run that is made again and changed
        news = log.text_since(known)
        log.at(3 * count // 2)
        log.next_after(3 * count // 2)
        log.last(3 * count // 2, lambda lane, knob: lane == 1)
        costs[count] = len(looked)
        assert len(news) < 120
        assert len(looked) <= 10 * math.ceil(math.log2(count + 2)) + 20
    assert costs[10_000] <= costs[1_000] + 10 * math.ceil(math.log2(10))


def test_all_of_it_is_written_once_for_all_who_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    log = long_log(100)
    written: list[int] = []
    original = module._joined

    def joined(entries: list[module.Entry]) -> Written:
        written.append(len(entries))
        return original(entries)

    monkeypatch.setattr(module, "_joined", joined)
    assert log.text is log.text
    assert log.text is log.text
    assert written == [100]
    log.insert(7, 1, {"l1": 0.5})
    assert json.loads(log.text) == log.changes
    assert written == [100, 101]


@pytest.mark.parametrize("count", [1_000, 4_000])
def test_reading_changes_validates_each_once_and_looks_at_few_others(
    looked: list[int], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    config = parse({**SMALL, "lanes": [{}] * 4})
    given = long_log(count).changes
    validated = counted(monkeypatch)
    looked.clear()
    assert len(read_changes(config, given)) == count
    assert validated == ["Lane"] * count
    assert len(looked) <= count * (math.ceil(math.log2(count)) + 4)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is validated from now on, by the names of the models."""
    validated: list[str] = []

    def watch(model: type[Any]) -> Callable[..., Any]:
        original = model.model_validate

        def validate(given: Any, **more: Any) -> Any:
            validated.append(model.__name__)
            return original(given, **more)

        return validate

    for model in (ExperimentConfig, Lane):
        monkeypatch.setattr(model, "model_validate", watch(model))
    return validated


def test_a_knob_that_is_set_is_validated_once_by_the_time_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = Experiment(parse(SMALL), "cpu")
    experiment.run(3)
    validated = counted(monkeypatch)
    experiment.set(lane=1, l2=0.01)
    experiment.run(2)
    assert validated == ["Lane"]
    assert experiment.changes == [{"step": 4, "lane": 1, "knobs": {"l2": 0.01}}]


def test_a_step_of_a_run_with_ten_times_the_changes_looks_at_hardly_more(looked: list[int]) -> None:
    costs = []
    for count in (1_000, 10_000):
        log = long_log(count, lanes=2)
        experiment = Experiment(parse(SMALL), "cpu", changes=log)
        experiment.run(30)
        looked.clear()
        experiment.prepare(100)
        experiment.run(6)  # with two changes that are made again
        experiment.set(lane=1, l1=0.01)
        costs.append(len(looked))
    assert costs[1] <= costs[0] + 30 * math.ceil(math.log2(10))
    assert costs[1] <= 30 * math.ceil(math.log2(10_000))


def test_a_log_that_was_checked_makes_the_same_run_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [{"step": 4, "lane": 1, "knobs": {"dropout": [0.1, 0.5]}}, {"step": 9, "knobs": {"learning_rate": 0.01}}]
    losses = [Experiment(parse(SMALL), "cpu", changes=given).run(12).loss for given in (changes, ChangeLog(changes))]
    np.testing.assert_array_equal(losses[0], losses[1])


def test_at_the_limit_a_change_is_refused_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES", 3)
    experiment, free = Experiment(parse(SMALL), "cpu"), Experiment(parse(SMALL), "cpu")
    for number in range(3):
        for each in (experiment, free):
            each.run(2)
            each.set(lane=1, l2=number / 100)
    experiment.run(2)
    free.run(2)
    before = experiment.config
    with pytest.raises(
        TooManyChangesError, match=r"this run has 3 changes already, .* 3 and 12,000,000 bytes are kept"
    ):
        experiment.set(lane=1, l2=0.09)
    assert experiment.config == before
    assert len(experiment.changes) == 3
    np.testing.assert_array_equal(experiment.run(5).loss, free.run(5).loss)
    experiment.reset()
    experiment.set(lane=1, l2=0.09)
    assert len(experiment.changes) == 1


def test_a_change_that_is_there_may_be_changed_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES", 1)
    log = ChangeLog()
    log.insert(4, 1, {"l2": 0.1})
    log.insert(4, 1, {"l2": 0.2})
    with pytest.raises(TooManyChangesError):
        log.insert(4, 0, {"l2": 0.2})
    assert log.changes == [{"step": 4, "lane": 1, "knobs": {"l2": 0.2}}]


def test_changes_are_limited_in_bytes_too_so_that_all_of_them_fit_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES_BYTES", 120)
    log = ChangeLog()
    log.insert(1, 0, {"name": "x" * 40})
    log.insert(1, 0, {"name": "y" * 40})
    with pytest.raises(TooManyChangesError):
        log.insert(2, 0, {"name": "z" * 80})
    with pytest.raises(TooManyChangesError):
        log.insert(1, 0, {"name": "z" * 100})
    assert log.changes == [{"step": 1, "lane": 0, "knobs": {"name": "y" * 40}}]
    assert log.size == len(log.text) - len("[]")


def test_what_a_log_allows_fits_a_message_to_a_worker_with_all_that_stands_beside_it() -> None:
    from trainer.wire.stream import MAX_PAYLOAD

    lanes = len(json.dumps(parse({"hidden": [8], "lanes": [{"name": "\U0001f600" * 40}] * 64}).model_dump(mode="json")))
    table = 3_000_000  # MAX_FEATURES × 1,250 rows of float32 in base64 are 1.7 MB
    assert module.MAX_CHANGES_BYTES + module.MAX_CHANGES + lanes + table < MAX_PAYLOAD  # with commas


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("abc", f"changes = 'abc' is not allowed: it must be a list of at most {module.MAX_CHANGES:,} changes"),
        (7, f"changes = 7 is not allowed: it must be a list of at most {module.MAX_CHANGES:,} changes"),
        (
            [{"step": 1, "knobs": {}}, 7],
            "changes[1] = 7 is not allowed: it must be an object with step, knobs and, for the knobs of a lane, lane",
        ),
        (
            [{"step": 1}],
            "changes[0] = {'step': 1} is not allowed: it must be an object with step, knobs and, for the knobs of a "
            "lane, lane",
        ),
        *(
            (
                [{"step": step, "knobs": {}}],
                f"changes[0].step = {step!r} is not allowed: it must be a whole number, at least 1",
            )
            for step in (0, True, "1", 1.5)
        ),
        (
            [{"step": 1, "knobs": 7}],
            "changes[0].knobs = 7 is not allowed: it must be an object of knobs and their values",
        ),
    ],
)
def test_what_is_no_change_is_refused_with_where_it_stands_and_what_would_be_one(given: Any, words: str) -> None:
    with pytest.raises(KnobError) as refused:
        read_changes(ExperimentConfig(), given)
    assert str(refused.value) == words


def test_too_many_changes_are_refused_with_how_many_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES", 2)
    given = [{"step": step, "knobs": {"learning_rate": 0.01}} for step in range(1, 4)]
    assert len(read_changes(ExperimentConfig(), given[:2])) == 2
    with pytest.raises(TooManyChangesError) as refused:
        read_changes(ExperimentConfig(), given)
    assert str(refused.value) == "3 changes are too many: a run has at most 2"


def test_before_the_first_change_and_after_a_reset_the_log_is_an_empty_list() -> None:
    log = ChangeLog()
    assert (log.revision, log.text, log.next_after(0)) == (0, "[]", None)
    log.insert(3, None, {"learning_rate": 0.01})
    log.clear()
    assert (log.revision, log.text, log.next_after(0)) == (1, "[]", None)


def test_the_next_step_with_changes_is_found_until_there_is_none() -> None:
    log = ChangeLog([{"step": step, "knobs": {"learning_rate": 0.01}} for step in (3, 3, 8)])
    assert [log.next_after(step) for step in (0, 3, 7, 8, 9)] == [3, 8, 8, None, None]


def test_a_knob_that_is_turned_back_and_forth_at_one_step_is_kept_once() -> None:
    log = ChangeLog()
    for turn in range(500):
        log.insert(5, 1, {"l1": turn / 1000})
    assert log.changes == [{"step": 5, "lane": 1, "knobs": {"l1": 0.499}}]
    assert [len(entries) for entries in log._by_knob.values()] == [1]
    assert len(log._news) <= 2 * len(log) + 64, "older news of the same change is forgotten"
    assert log.since(0) == log.changes


def test_whether_there_is_room_is_said_of_the_change_that_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    log = ChangeLog([{"step": 5, "lane": 1, "knobs": {"l1": 0.1}}])
    monkeypatch.setattr(module, "MAX_CHANGES", 1)
    log.check_room(5, 1, {"l1": 0.2})
    for step, lane in ((5, 0), (5, None), (6, 1)):
        with pytest.raises(TooManyChangesError, match=r"a reset or a new run begins with none$"):
            log.check_room(step, lane, {"l1": 0.2})


def test_parts_are_all_changes_in_order_and_none_is_much_longer_than_asked_for() -> None:
    log = ChangeLog(
        {"step": 1 + number // 3, "lane": number % 3, "knobs": {"l2": number / 1e4}} for number in range(300)
    )
    log.insert(50, 1, {"l1": 0.5})  # an alteration, which is no later than it was
    parts = [*log.parts(500)]
    longest = max(len(entry.text) for entry in log._entries)
    assert max(map(len, parts)) < 500 + longest + len(parts[0].split("},{")) + 2
    assert len(parts) > 20
    assert [change for part in parts for change in json.loads(part)] == log.changes
    again = ChangeLog()
    for part in parts:
        again.extend(json.loads(part))
    assert again.changes == log.changes
    assert again.text == log.text
    assert [*log.parts(log.size)] == [log.text]
    assert [*ChangeLog().parts(1)] == ["[]"]


def test_parts_that_are_still_to_be_made_have_what_came_meanwhile_behind_them_and_nothing_of_an_old_start() -> None:
    log = ChangeLog({"step": step, "knobs": {"learning_rate": step / 1e3}} for step in range(1, 101))
    parts = log.parts(300)
    first = json.loads(next(parts))
    log.insert(101, None, {"learning_rate": 0.5})
    rest = [change for part in parts for change in json.loads(part)]
    assert [each["step"] for each in (*first, *rest)] == [*range(1, 102)]
    parts = log.parts(300)
    next(parts)
    log.clear()
    assert [*parts] == ["[]"]
