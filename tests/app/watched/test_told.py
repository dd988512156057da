"""What a feed says is looked at: messages and frames that make no sense are refused, quoted, and change nothing."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadMessageError
from app.settings import Settings
from app.viewers import Outbox
from app.watched.joining import WatchBacklog
from app.watched.watch import Watch
from tests.anything import tried
from tests.app.watched.feeding import (
    a_change,
    a_model,
    a_site,
    a_state,
    a_warning,
    ensemble,
    metrics,
    rows,
    summary,
)
from trainer.wire.frames import Frame, encode

Tensors = dict[str, Any]


@pytest.fixture
def watch() -> Watch:
    """A watch whose model is known, at step 5."""
    found = Watch("w" * 22, "Net", True, b"", Settings(keep=False))
    found.hear({"op": "model", "model": a_model()})
    found.take(encode(Frame("rows", found.id, 3, rows([4, 5]))))
    return found


MODELS: Final[list[tuple[dict[str, Any], str]]] = [
    ({"name": "a\nb"}, "model.name = 'a\\nb'"),
    ({"name": "x" * 201}, "model.name = 'xxx"),
    ({"name": "\u202eevil"}, "model.name"),
    ({"name": None}, "model.name = None"),
    ({"parameters": -1}, "model.parameters = -1"),
    ({"parameters": 1.5}, "model.parameters = 1.5"),
    ({"parameters": True}, "model.parameters = True"),
    ({"parameters": 10**30}, "model.parameters = 1000"),
    ({"cut": float("nan")}, "model.cut = nan"),
    ({"tree": None}, "model.tree = None"),
    ({"tree": [{}] * 2001}, "model.tree = 2,001 of them"),
    ({"tree": [5]}, "model.tree[0] = 5"),
    ({"tree": [{**a_model()["tree"][0], "sites": [3]}]}, "model.tree[0].sites = [3]"),
    ({"tree": [{**a_model()["tree"][0], "path": "x" * 401}]}, "model.tree[0].path"),
    ({"sites": {}}, "model.sites = {}"),
    ({"sites": [a_site(0)] * 513}, "model.sites = 513 of them"),
    ({"sites": [a_site(1)], "tree": []}, "model.sites[0].index = 1"),
    ({"sites": [a_site(0, 1025)], "tree": []}, "model.sites[0].units = 1025"),
    ({"sites": [a_site(0, rate=1.01)], "tree": []}, "model.sites[0].rate = 1.01"),
    ({"sites": [a_site(0, rate=float("inf"))], "tree": []}, "model.sites[0].rate = inf"),
    ({"sites": [a_site(0, shape=[1] * 9)], "tree": []}, "model.sites[0].shape"),
    ({"sites": [a_site(0, available="yes")], "tree": []}, "model.sites[0].available = 'yes'"),
    ({"sites": [a_site(0, reason="x" * 1001)], "tree": []}, "model.sites[0].reason"),
    ({"series": [{"name": "loss", "role": "best"}]}, "model.series[0].role = 'best'"),
    ({"series": [{"name": "loss", "role": "other"}] * 65}, "model.series = 65 of them"),
]
SAID: Final[list[tuple[dict[str, Any], str]]] = [
    *(({"op": "model", "model": a_model(**fields)}, named) for fields, named in MODELS),
    ({"op": "model"}, "model = None"),
    ({"op": "model", "model": []}, "model = []"),
    ({"op": "state", "state": a_state(-1)}, "state.step = -1"),
    ({"op": "state", "state": a_state(2**32)}, "state.step = 4294967296"),
    ({"op": "state", "state": a_state(1, state="asleep")}, "state.state = 'asleep'"),
    ({"op": "state", "state": a_state(1, cost=float("nan"))}, "state.cost = nan"),
    ({"op": "state", "state": a_state(1, voting=None)}, "state.voting = None"),
    ({"op": "warning", "warning": a_warning(id=None)}, "warning.id = None"),
    ({"op": "warning", "warning": a_warning(text="x" * 1001)}, "warning.text"),
    ({"op": "warning", "warning": a_warning(where="a\u200bb")}, "warning.where"),
    ({"op": "changed", "changes": [a_change(knob="weight")], "code": ""}, "changes[0].knob = 'weight'"),
    ({"op": "changed", "changes": [a_change(to=2)], "code": ""}, "changes[0].to = 2"),
    ({"op": "changed", "changes": [{}] * 2001, "code": ""}, "changes = 2,001 of them"),
    ({"op": "changed", "changes": [], "code": "a\x1b[2J"}, "code = "),
    ({"op": "changed", "changes": [], "code": "x" * (256 * 1024 + 1)}, "code = "),
    ({"op": "reply", "ref": "1", "step": 1}, "ref = '1'"),
    ({"op": "reply", "ref": 1}, "step = None"),
    ({"op": "reply", "ref": 1, "error": {"code": "<b>", "message": "x"}}, "error.code = '<b>'"),
    ({"op": "reply", "ref": 1, "error": "no"}, "error = 'no'"),
    ({"op": "hello"}, "op = 'hello'"),
    ({"op": ["model"]}, "op = ['model']"),
    ({}, "op = None"),
]


@pytest.mark.parametrize(("message", "named"), SAID, ids=[str(number) for number in range(len(SAID))])
def test_a_message_that_makes_no_sense_is_refused_and_quoted_and_changes_nothing(
    watch: Watch, message: dict[str, Any], named: str
) -> None:
    before = json.dumps(watch.described())
    with pytest.raises(BadMessageError) as refusal:
        watch.hear(message)
    assert named in refusal.value.message
    assert len(refusal.value.message) < 500
    assert json.dumps(watch.described()) == before


def broken(**tensors: Any) -> Tensors:
    """Rows of one step, with other tensors; None takes one away."""
    changed = {**rows([6]), **{name.replace("_", "/"): array for name, array in tensors.items()}}
    return {name: array for name, array in changed.items() if array is not None}


def less(tensors: Tensors, name: str) -> Tensors:
    return {other: array for other, array in tensors.items() if other != name}


FRAMES: Final[list[tuple[str, Tensors, str]]] = [
    ("steps", rows([6]), "kind = 'steps'"),
    ("rows", {}, "without tensors"),
    ("rows", broken(step_0=None), "'step/0 of rows'"),
    ("rows", {**rows([6]), "extra/0": np.zeros(1, np.uint8)}, "'extra/0 of rows'"),
    ("rows", rows([6], {2: 8, 3: 8}), "/3' of rows"),
    ("rows", {f"{name}0": array for name, array in rows([6], {0: 8}).items()}, "/00' of rows"),
    ("rows", {f"{name}x": array for name, array in rows([6], {0: 8}).items()}, "/0x' of rows"),
    ("rows", {"step": np.zeros(1, np.uint32)}, "'step' of rows"),
    ("rows", broken(step_0=np.array([6], np.int32)), "step/0 of rows = int32 [1]"),
    ("rows", broken(step_0=np.array([[6]], np.uint32)), "step/0 of rows = uint32 [1, 1]"),
    ("rows", broken(rate_0=np.zeros(2, np.float32)), "rate/0 of rows has the shape [2]"),
    ("rows", broken(mask_0=np.zeros((1, 129), np.uint8)), "mask/0 of rows has 129 bytes"),
    ("rows", broken(mask_0=np.zeros((1, 0), np.uint8)), "mask/0 of rows has 0 bytes"),
    ("rows", broken(used_0=np.array([65], np.uint16)), "used/0 of rows = 65"),
    ("rows", {name: array[:0] for name, array in rows([6]).items()}, "at least one row"),
    ("rows", rows([7, 6]), "steps must rise"),
    ("rows", rows([4]), "the last was 5"),
    ("metrics", metrics([6], (3,)), "/3' of metrics"),
    ("metrics", less(metrics([6]), "value/0"), "'value/0 of metrics'"),
    ("metrics", {}, "without tensors"),
    ("metrics", {name: array[:0] for name, array in metrics([6]).items()}, "at least one row"),
    ("metrics", metrics([6]) | {"value/0": np.zeros(2, np.float32)}, "value/0 of metrics has the shape [2]"),
    ("summary", less(summary(6), "step"), "step of summary = nothing"),
    ("summary", summary(6, {5: 8}), "/5' of summary"),
    ("summary", less(summary(6), "expected/1"), "'expected/1 of summary'"),
    ("summary", less(summary(6), "zero/0"), "'zero/0 of summary'"),
    ("summary", summary(6, {0: 2000, 1: 8}), "dropped/0 of summary has 2,000 units"),
    ("summary", summary(6) | {"edges/0": np.zeros(40, np.float32)}, "edges/0 of summary has the shape [40]"),
    ("summary", summary(6) | {"silent/0": np.zeros(3, np.uint32)}, "silent/0 of summary has the shape [3]"),
    ("ensemble", ensemble(6), "task = ''"),
]


@pytest.mark.parametrize(("kind", "tensors", "named"), FRAMES, ids=[str(number) for number in range(len(FRAMES))])
def test_a_frame_that_makes_no_sense_is_refused_and_quoted_and_changes_nothing(
    watch: Watch, kind: str, tensors: Tensors, named: str
) -> None:
    before = [packet.raw for packet in watch.kept.frames()]
    with pytest.raises(BadMessageError) as refusal:
        watch.take(encode(Frame(kind, watch.id, 4, tensors)))
    assert named in refusal.value.message
    assert len(refusal.value.message) < 500
    assert [packet.raw for packet in watch.kept.frames()] == before
    assert watch.seq == 3


def test_everything_that_feeds_tell_in_these_tests_is_taken(watch: Watch) -> None:
    watch.hear({"op": "state", "state": a_state(5)})
    watch.hear({"op": "warning", "warning": a_warning()})
    watch.hear({"op": "changed", "changes": [a_change(), a_change(knob="off", to=True)], "code": "a = 1\n"})
    for seq, (kind, tensors) in enumerate((("metrics", metrics([6])), ("summary", summary(6)), ("rows", rows([6]))), 4):
        watch.take(encode(Frame(kind, watch.id, seq, tensors)))
    for seq, task in enumerate(("classes", "numbers"), 7):
        watch.take(encode(Frame("ensemble", watch.id, seq, ensemble(6, task=task), {"task": task})))
    assert [packet.kind for packet in watch.kept.frames()] == ["metrics", "summary", "rows", "ensemble"]


def test_activations_and_silent_units_are_told_each_by_itself(watch: Watch) -> None:
    for seq, names in enumerate((("silent/0",), ("mean/0", "deviation/0", "zero/0", "edges/0", "histogram/0")), 4):
        tensors = {name: array for name, array in summary(6).items() if name not in names}
        watch.take(encode(Frame("summary", watch.id, seq, tensors)))
        assert watch.kept.frames()[-1].frame.tensors.keys() == tensors.keys()


def test_a_viewer_that_cannot_be_served_costs_nobody_else_anything(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Outbox):
        def put(self, packet: object) -> None:
            raise ZeroDivisionError

    broken, other = Broken(), Outbox(backlog=WatchBacklog())
    watch.viewers |= {broken, other}
    watch.take(encode(Frame("rows", watch.id, 4, rows([6]))))
    assert (broken.closing, other.closing) == ((1011, "internal"), None)
    assert other._next_frame() is not None
    assert "could not be served" in caplog.text


def test_what_nobody_asked_for_goes_no_further(watch: Watch) -> None:
    watch.hear({"op": "model", "model": a_model(evil="<script>", sites=[a_site(0, evil=1)], tree=[])})
    watch.hear({"op": "state", "state": a_state(5, evil="x")})
    assert "evil" not in json.dumps(watch.described())


def test_sites_and_series_that_a_model_has_no_more_are_forgotten(watch: Watch) -> None:
    watch.take(encode(Frame("metrics", watch.id, 4, metrics([6], (0, 2)))))
    watch.hear({"op": "model", "model": a_model(sites=[a_site(0)], tree=[], series=a_model()["series"][:1])})
    kept, numbers = watch.kept.frames()
    assert (kept.frame.tensors.keys(), "step/2" in numbers.frame.tensors) == (rows([1], {0: 64}).keys(), False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@tried(300)
@given(st.data())
def test_whatever_a_field_is_a_message_is_taken_or_refused(data: st.DataObject) -> None:
    watch = Watch("w" * 22, "Net", True, b"", Settings(keep=False))
    messages: list[dict[str, Any]] = [
        {"op": "model", "model": a_model()},
        {"op": "state", "state": a_state(5)},
        {"op": "warning", "warning": a_warning()},
        {"op": "changed", "changes": [a_change()], "code": ""},
        {"op": "reply", "ref": 1, "error": {"code": "bad_value", "message": "no"}},
    ]
    message = data.draw(st.sampled_from(messages))
    place: Any = message
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(json_values)
            break
        place = place[key]
    try:
        watch.hear(message)
    except BadMessageError:
        assert watch.described()["model"] is None
    json.dumps(watch.described(), allow_nan=False)
