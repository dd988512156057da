"""A run as a file: what is in it, and that nothing a stranger writes into one does any harm."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest

from app.pool import local_pool
from app.runfile import MAX_HEADER, read
from app.settings import Settings
from tests.app.conftest import running
from tests.app.runfiles import CHANGES, SMALL, forged, good, joined, parts
from trainer.errors import DropoutLabError, StateError
from trainer.settings.config import parse
from trainer.training.checkpoint import unpack

Change = Callable[[dict[str, Any], dict[str, Any]], Any]


def test_a_file_says_all_that_a_run_goes_on_from() -> None:
    file = read(good())
    assert (file.name, file.step) == ("two moons", 30)
    assert file.opening.config == parse(SMALL)
    assert file.opening.changes.changes == CHANGES
    assert file.kept["steps_per_second"] == 7
    assert file.kept["follow"] == {"lane": 1, "example": 3}
    assert file.config["lanes"][1]["l2"] == 0.01
    assert "state" not in file.kept
    assert file.state is not None
    assert unpack(file.state)["step"] == 30
    assert file.history is not None
    assert file.history.curves()["losses"]["step"].tolist() == list(range(1, 31))


def test_its_weights_can_be_read_by_any_program() -> None:
    _, _, tensors = parts(good())
    assert tensors["state/model.dense0.linear.weight"].shape == (2, 2, 8)
    assert tensors["history/losses/loss"].shape == (31, 2)  # and the newest once more


def test_the_configuration_follows_from_the_changes_whatever_the_file_says() -> None:
    def lie(told: dict[str, Any], tensors: dict[str, Any]) -> None:
        told["checkpoint"]["config"]["learning_rate"] = 0.5

    assert read(forged(lie)).config == read(good()).config


def rows(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda told, tensors: tensors.update({name: change(tensors[name])})


def tell(*path: str, value: Any) -> Change:
    def change(told: dict[str, Any], tensors: dict[str, Any]) -> None:
        for name in path[:-1]:
            told = told[name]
        told[path[-1]] = value

    return change


FORGED: dict[str, tuple[Change, str]] = {
    "foreign tensor": (lambda _, t: t.update(extra=np.zeros(3)), "'extra'"),
    "foreign tensor beside the curves": (lambda _, t: t.update({"history/odd": np.zeros(3)}), "'odd'"),
    "curve of more networks": (rows("history/losses/loss", lambda v: np.repeat(v, 99, 1)), "losses/loss"),
    "curve of other numbers": (rows("history/scores/val_loss", lambda v: v.astype(np.float64)), "scores/val_loss"),
    "curve without an end": (rows("history/losses/step", lambda v: v[:0]), "curves"),
    "curve of many rows": (
        lambda _, t: t.update({n: np.resize(v, (5000, *v.shape[1:])) for n, v in t.items() if "losses" in n}),
        "losses/step",
    ),
    "steps that fall": (rows("history/losses/step", lambda v: v[::-1].copy()), "rising order"),
    "steps beyond the end": (rows("history/steps/step", lambda v: v + np.uint32(7)), "beyond step 30"),
    "masks of a network that is not there": (rows("history/steps/lane", lambda v: v + np.uint8(9)), "does not have"),
    "masks of a kind that there is not": (
        rows("history/steps/dropout_kind", lambda v: v + np.uint8(99)),
        "kind of dropout",
    ),
    "masks without bound": (rows("history/steps/mask/input", lambda v: np.resize(v, (30, 9000))), "larger"),
    "changes that are no JSON": (lambda _, t: t.update(changes=np.frombuffer(b"{", np.uint8)), "JSON"),
    "changes that are no bytes": (lambda _, t: t.update(changes=np.zeros(3)), "row of bytes"),
    "changes nested deeply": (
        lambda _, t: t.update(changes=np.frombuffer(b"[" * 200_000, np.uint8)),
        "nested too deeply",
    ),
    "a change of nothing": (
        lambda _, t: t.update(changes=np.frombuffer(b'[{"step": 0, "knobs": {"x": 1}}]', np.uint8)),
        "step",
    ),
    "no first configuration": (tell("first_config", value=[]), "first_config"),
    "an unknown knob": (tell("first_config", "wings", value=2), "wings"),
    "a step that is none": (tell("checkpoint", "step", value=-3), "step = -3"),
    "a step that is true": (tell("checkpoint", "step", value=True), "step = True"),
    "a step without end": (tell("checkpoint", "step", value=10**30), "step"),
    "counts that are none": (tell("checkpoint", "counts", value={"losses": 3}), "counts.losses"),
    "a stride of nothing": (
        tell("checkpoint", "counts", "losses", value={"stride": 0, "seen": 4}),
        "counts.losses.stride",
    ),
    "a state that is a list": (tell("checkpoint", "state", value=["x"]), "state"),
    "a state that is no JSON": (tell("checkpoint", "state", "state", value="{"), "JSON"),
    "words that are numbers": (tell("checkpoint", "state", "version", value=1), "no text"),
    "a speed beyond all": (tell("kept", "steps_per_second", value=10**9), "steps_per_second"),
    "sub-networks without number": (tell("kept", "ensemble", value={"members": 10**9}), "members"),
    "what it goes on with is a text": (tell("kept", value="x"), "kept"),
    "an experiment that is none": (tell("kept", "experiment", value="wings"), "experiment"),
    "an example that is not there": (tell("kept", "follow", value={"lane": 1, "example": 10**6}), "example"),
    "a search that is none": (tell("kept", "search", value={"kind": 7}), "search"),
    "a name of two lines": (tell("name", value="a\nb"), "name"),
    "a name that turns around": (tell("name", value="a\u202eb"), "name"),
    "a name without end": (tell("name", value="a" * 5000), "name"),
    "a name that is a number": (tell("name", value=7), "name"),
    "a table that nobody described": (lambda _, t: t.update(table=np.zeros(9, np.uint8)), "table"),
    "a table too large": (lambda _, t: t.update(table=np.zeros(6_000_000, np.uint8)), "6,000,000"),
}


@pytest.mark.parametrize(("change", "said"), FORGED.values(), ids=FORGED)
def test_a_file_that_does_not_hang_together_is_refused_in_words(change: Change, said: str) -> None:
    with pytest.raises(DropoutLabError, match=said):
        read(forged(change))


def headed(header: Any, rest: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


WORDS = {"kind": "dropout_lab_run", "version": "1", "run": "{}"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no safetensors file"),
        (b"x" * 7, "no safetensors file"),
        ((2**63).to_bytes(8, "little") + b"{}", "cut off"),
        (b"\xff" * 100, "cut off"),
        (headed(b" " * (MAX_HEADER + 1)), "its header has"),
        (headed(b"[" * 100_000), "does not say"),
        (headed(b"\xff\xfe{}"), "does not say"),
        (headed([]), "does not say"),
        (headed({"__metadata__": {"format": "pt"}}), "does not say"),
        (headed({"__metadata__": {**WORDS, "kind": "model"}}), "does not say"),
        (headed({"__metadata__": {**WORDS, "version": "2"}}), "this file has version '2'; .* reads version 1"),
        (
            headed(
                {"__metadata__": WORDS, "a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"1234"
            ),
            "damaged",
        ),
        (
            headed({"__metadata__": WORDS, "a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4]}}, b"1234"),
            "damaged",
        ),
        (
            headed({"__metadata__": WORDS, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4000]}}, b"1234"),
            "damaged",
        ),
        (
            headed({"__metadata__": WORDS, "a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234"),
            "damaged",
        ),
        (
            headed({"__metadata__": WORDS, "a": {"dtype": "Q7", "shape": [1], "data_offsets": [0, 4]}}, b"1234"),
            "damaged",
        ),
        (headed({"__metadata__": WORDS}, b"1234"), "damaged"),
        (headed({"__metadata__": WORDS}), "first_config"),
        (headed({"__metadata__": {**WORDS, "run": "["}}), "JSON"),
        (headed({"__metadata__": {**WORDS, "run": "3"}}), "says nothing"),
        (headed({"__metadata__": {**WORDS, "run": 3}}), "damaged"),
        (good()[:-9], "damaged"),
        (good()[:300], "cut off"),
    ],
    ids=count(),
)
def test_bytes_that_are_no_file_of_a_run_are_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(DropoutLabError, match=said):
        read(data)


def test_whatever_becomes_of_a_file_on_its_way_it_is_read_or_refused() -> None:
    data, dice = good(), random.Random(7)
    refused = 0
    for _ in range(400):
        broken = bytearray(data)
        end = 8 + int.from_bytes(data[:8], "little") if dice.random() < 0.7 else len(data)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(end)] = dice.randrange(256)
        try:
            read(bytes(broken))
        except DropoutLabError:
            refused += 1
    assert refused > 100


STATES: dict[str, Change] = {
    "weights of another shape": rows("state/model.dense0.linear.weight", lambda v: np.zeros((2, 2, 9), np.float32)),
    "weights that are whole numbers": rows("state/model.dense0.linear.weight", lambda v: v.astype(np.int32)),
    "weights that are not there": lambda _, t: t.pop("state/model.dense0.linear.weight"),
    "a tensor too many": lambda told, t: (
        t.update({"state/model.more": np.zeros(2, np.float32)}),
        _within(told, lambda state: state["model"].update(more={"tensor": "model.more"})),
    ),
    "moments of another shape": rows("state/optimizer.weights.first.0", lambda v: v[:, :1]),
    "no moments": lambda told, t: _within(told, lambda state: state.update(optimizer={})),
    "what is followed is not there": lambda told, t: _within(told, lambda state: state.update(followed=[99, 0])),
    "followed by a text": lambda told, t: _within(told, lambda state: state.update(followed="ab")),
    "stopped at a text": lambda told, t: _within(told, lambda state: state["stopping"].update(stopped=["x", None])),
    "best of too few networks": lambda told, t: _within(told, lambda state: state["stopping"].update(best=[])),
    "best weights of nothing": lambda told, t: _within(
        told, lambda state: state["stopping"].update(best=[{"step": 1, "loss": 0.1, "weights": [], "worse": 0}, None])
    ),
    "diverged at a text": lambda told, t: _within(told, lambda state: state.update(diverged=[{"step": "x"}, None])),
    "a state of another version": tell("checkpoint", "state", "version", value="7"),
    "a tensor that is a list": lambda told, t: _within(told, lambda state: state.update(model={"tensor": ["x"]})),
    "another configuration": tell("first_config", "hidden", value=[8, 9]),
    "masks of another width": rows("history/steps/mask/hidden1", lambda v: np.resize(v, (len(v), 3))),
}


def _within(told: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> Any:
    """Change what is said of the state."""
    words = told["checkpoint"]["state"]
    state = json.loads(words["state"])
    change(state)
    words["state"] = json.dumps(state)


async def test_a_state_that_is_not_of_its_run_is_refused_and_no_worker_is_hurt(patience: float) -> None:
    pool = local_pool(1, "cpu", 1, None)
    async with running(pool, Settings(log_level="error"), patience) as lab:
        mine = await lab.open(seed=2)
        for name, change in STATES.items():
            answer = await lab.client.post("/api/runs/file", content=forged(change))
            assert answer.status_code in (400, 422), (name, answer.text)
            error = answer.json()["error"]
            assert error["code"] in ("bad_run_file", "bad_value"), (name, error)
            assert len(lab.app.state.lab.runs) == 1, name
        for data in (b"", b"x" * 100, good()[:-9], good()[:300]):
            assert (await lab.client.post("/api/runs/file", content=data)).status_code == 422
        sent = await lab.client.post("/api/runs/file", content=good())
        assert sent.status_code == 201, sent.text
        async with await lab.watch(mine, owner=True) as owner:  # the worker that got all of these trains on
            await owner.ask("step", count=3)
            await owner.until_step(3)


async def test_a_file_beyond_the_limit_is_not_taken_in(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.mine.MAX_RUN_FILE", 1000)
    answer = await lab.client.post("/api/runs/file", content=good())
    assert answer.status_code == 413


def test_a_state_is_believed_of_nothing_that_can_be_checked() -> None:
    from tests.trainer.test_experiment import small

    experiment = small()
    experiment.run(3)
    state = small().state_dict()
    for part, value in (
        ("step", -1),
        ("step", True),
        ("step", 2.5),
        ("followed", [0]),
        ("diverged", []),
        ("stopping", 3),
    ):
        with pytest.raises(StateError, match="no state of an experiment"):
            experiment.load_state_dict({**state, part: value})
    assert experiment.step == 3


def test_what_is_kept_without_a_checkpoint_begins_at_the_first_step() -> None:
    words, told, tensors = parts(good())
    told["checkpoint"] = None
    file = read(joined(words, told, {"changes": tensors["changes"]}))
    assert (file.step, file.state, file.checkpoint("x")) == (0, None, None)
    with pytest.raises(DropoutLabError, match="which no file of a run has"):
        read(joined(words, told, tensors))
