"""A state that went through bytes goes on bit for bit, whatever the run; and other bytes are refused."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import configs, tried
from tests.trainer.test_experiment import assert_same_steps, assert_same_weights, small
from trainer import Experiment
from trainer.errors import StateError
from trainer.settings.changes import ChangeLog
from trainer.settings.config import MAX_LANES, parse
from trainer.training import checkpoint
from trainer.training.checkpoint import pack, packed, unpack


def same(one: Any, other: Any) -> bool:
    """Whether two states are alike, to the last bit."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(each, other[name]) for name, each in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)


@pytest.mark.long
@tried(8)
@given(config=configs(), steps=st.integers(1, 60))
def test_any_run_goes_on_from_its_bytes_as_if_nothing_had_been(config: dict[str, Any], steps: int) -> None:
    first = Experiment(parse(config), "cpu")
    first.run(steps)
    data = packed(first)
    assert data is not None
    state = unpack(data)
    assert same(state, first.state_dict() | {"changes": []}) or any(
        each is not None for each in first.diverged
    )  # NaN is no equal
    second = Experiment(parse(config), "cpu")
    second.load_state_dict(state)
    mine, theirs = first.run(30), second.run(30)
    assert mine.loss.numpy().tobytes() == theirs.loss.numpy().tobytes()
    for name, mask in mine.masks.items():
        assert torch.equal(mask, theirs.masks[name])


@pytest.mark.parametrize(
    "knobs",
    [{"dropout": [0.0, 0.8, 0.8]}, {"batch_norm": True}, {"l2": 0.05}, {"patience": 1}],
    ids=lambda each: next(iter(each)),
)
def test_a_change_that_was_made_where_a_state_was_saved_can_be_left_out_or_come_later(knobs: dict[str, Any]) -> None:
    changed, left = (small(train_size=60, learning_rate=0.05) for _ in range(2))
    for each in (changed, left):
        each.run(40)
    before = packed(changed)
    changed.set(lane=1, **knobs)
    after = packed(changed)
    assert before is not None
    assert after is not None
    with_it, without = ChangeLog(changed.changes), ChangeLog()
    for data, log, like in ((before, with_it, changed), (after, with_it, changed), (after, without, left)):
        again = small(train_size=60, learning_rate=0.05)
        again.load_state_dict(unpack(data), log)
        assert again.config == like.config
        expected = Experiment(like.first_config, "cpu", changes=like.changes)
        expected.run(40)
        assert_same_steps(again.run(40), expected.run(40))


def test_early_stopping_and_a_change_that_comes_after_it_go_on_too() -> None:
    changes = [{"step": 71, "lane": 0, "knobs": {"dropout": [0.3, 0.3, 0.3]}}]
    lanes = [{"name": "a", "patience": 1}, {"name": "b", "dropout": [0.0, 0.5, 0.5]}]
    first, second = (small(lanes=lanes, changes=changes, learning_rate=0.1) for _ in range(2))
    first.run(60)
    data = packed(first)
    assert data is not None
    second.load_state_dict(unpack(data), second.log)
    assert second.stopped == first.stopped
    assert_same_steps(first.run(60), second.run(60))
    assert_same_weights(first, second)
    assert second.stopped == first.stopped
    assert first.stopped[0] is not None


def test_numbers_that_are_none_come_back_as_they_were() -> None:
    state = {"loss": float("nan"), "least": float("inf"), "none": None, "list": [1, 2.5, "x", True], "t": torch.ones(2)}
    again = unpack(pack(state))
    assert json.dumps({**again, "t": None}) == json.dumps({**state, "t": None})
    assert torch.equal(again["t"], torch.ones(2))


def test_tensors_that_share_memory_are_kept_apart() -> None:
    whole = torch.arange(6.0).reshape(2, 3)
    again = unpack(pack({"whole": whole, "row": whole[1], "column": whole[:, 1]}))
    assert torch.equal(again["row"], torch.tensor([3.0, 4.0, 5.0]))
    assert torch.equal(again["column"], torch.tensor([1.0, 4.0]))


def test_what_would_be_too_long_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = small()
    assert packed(experiment) is not None
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 1000)
    assert packed(experiment) is None


GOOD = pack({"step": 3, "t": torch.ones(4)})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 7,
        b"x" * 100,
        GOOD[:-1],
        GOOD[:20],
        (2**62).to_bytes(8, "little") + GOOD[8:],
        (2).to_bytes(8, "little") + b"{}",
        (len(b'{"__metadata__":[]}')).to_bytes(8, "little") + b'{"__metadata__":[]}',
        GOOD.replace(b'"t\\"}', b'"u\\"}'),
        GOOD.replace(b'"F32"', b'"F99"'),
        GOOD.replace(b"[0,16]", b"[0,99]"),
    ],
    ids=count(),  # what is written in a file's header stands in another order each time
)
def test_other_bytes_are_refused(data: bytes) -> None:
    assert data != GOOD
    with pytest.raises(StateError, match="this is no checkpoint"):
        unpack(data)


def test_a_checkpoint_of_another_version_says_so() -> None:
    with pytest.raises(StateError, match="this checkpoint has version '7'; this Dropout Lab reads version 1"):
        unpack(GOOD.replace(b'"version":"1"', b'"version":"7"'))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("step",), "3", "step is '3'"),
        (("step",), -1, "step is -1"),
        (("followed",), [1], "followed is"),
        (("followed",), [0, 10**6], "followed"),
        (("model",), [], "other names or shapes in model"),
        (("optimizer", "weights"), {}, "optimizer.weights"),
        (("stopping", "best"), [3, None], "stopping.best"),
        (("stopping", "stopped"), [{"step": 1}, None], "stopping.stopped"),
        (("diverged",), [0.5, None], "diverged"),
        (("diverged",), [{"step": 3, "after": {"step": 1}}, None], "diverged"),
        (("diverged",), [], "diverged"),
    ],
)
def test_a_state_that_is_none_is_refused_whole(place: tuple[str, ...], value: Any, words: str) -> None:
    experiment = small()
    experiment.run(3)
    state = unpack(pack(experiment.state_dict() | {"changes": []}))
    *above, last = place
    inside = state
    for name in above:
        inside = inside[name]
    inside[last] = value
    with pytest.raises(StateError, match="this is no state of an experiment") as refused:
        experiment.load_state_dict(state)
    assert words in str(refused.value)
    assert experiment.step == 3


def test_of_as_many_lanes_as_there_may_be_each_is_looked_at() -> None:
    lanes: list[dict[str, Any]] = [{"name": str(lane)} for lane in range(MAX_LANES)]
    given = {"hidden": [4], "dataset": "moons", "train_size": 40, "batch_size": 20}
    experiment = Experiment(parse({**given, "lanes": lanes}), "cpu")
    experiment.run(3)
    after = {"step": 2, "lane": MAX_LANES - 1, "knobs": {"l2": 0.1}}
    state = experiment.state_dict()
    state["diverged"][MAX_LANES - 1] = {"step": 3, "after": after}
    other = Experiment(parse({**given, "lanes": lanes}), "cpu")
    other.load_state_dict(unpack(pack(state)))
    assert other.diverged[MAX_LANES - 1] == {"step": 3, "after": after}
    lanes[-1] = {"name": "last", "seed": 3}
    with pytest.raises(StateError, match=f"lane {MAX_LANES - 1}'s seed = None"):
        Experiment(parse({**given, "lanes": lanes}), "cpu").load_state_dict(state)
