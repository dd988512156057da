"""What a watch sees of a training loop, and what it lets the page do to it."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, distributed, nn
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from dropout_lab.watching import watch
from dropout_lab.watching.budget import AT_MOST, FIRST, LEAST_PER_SECOND, Budget, Sampler
from dropout_lab.watching.kept import MOST_POINTS, MOST_WAITING, Kept, Row
from dropout_lab.watching.lab import Watching, _close_all
from dropout_lab.watching.series import role_of
from dropout_lab.watching.sites import MOST_SITES
from dropout_lab.watching.stack import caller
from dropout_lab.watching.voting import VoteError
from tests.watching.models import CLASSES, FEATURES, KINDS, Functional, Kind, Model, Twice, batch, make
from tests.watching.test_untouched import NOWHERE, watching
from trainer.wire.frames import unpack

DENSE = KINDS["nn.Dropout"]


class Answers:
    """Gives commands, and keeps the answers."""

    def __init__(self, lab: Watching) -> None:
        self.lab = lab
        self.told: list[dict[str, Any]] = []

    def say(self, **command: Any) -> None:
        self.lab.receive(len(self.told), command, self.told.append)

    def do(self, **command: Any) -> dict[str, Any]:
        """Give a command that is obeyed between two steps."""
        self.say(**command)
        self.lab._obey()
        return self.told[-1]


def train(lab: Watching, kind: Kind, steps: int, *, calls_step: bool = True) -> None:
    model = lab._model
    for step in range(steps):
        x, y = batch(kind, step)
        loss = functional.cross_entropy(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        if calls_step:
            lab.step(loss=loss)


def rows(lab: Watching) -> dict[str, np.ndarray[Any, Any]]:
    return lab.kept.whole(0).get("rows", {})


def test_rows_are_what_was_dropped() -> None:
    model = make(DENSE)
    with watching(model, share=1.0) as lab:
        train(lab, DENSE, 40)
        found = rows(lab)
        steps = found["step/0"].tolist()
        assert steps[:3] == [1, 2, 3]
        assert sorted(steps) == steps
        assert set(found["size/0"]) == {48.0}
        assert set(found["rate/0"]) == {0.5}
        assert set(found["flags/0"]) == {3}
        assert set(found["used/0"]) == {6}
        masks = unpack(found["mask/0"], 6)
        summary = lab.kept.whole(40)["summary"]
        assert summary["samples/0"][0] == len(steps)
        assert summary["expected/0"][0] == pytest.approx(0.5 * len(steps))
        assert summary["dropped/0"].tolist() == (~masks).sum(0).tolist()
        kept, size = found["kept/0"].sum(), found["size/0"].sum()
        assert abs(kept - size / 2) < 5 * math.sqrt(size) / 2


def test_steps_are_what_the_program_says() -> None:
    with watching(make(DENSE)) as lab:
        train(lab, DENSE, 5)
        assert (lab.told_state()["step"], lab.told_state()["mode"]) == (5, "step")


def test_without_a_word_a_step_is_a_backward_pass() -> None:
    with watching(make(DENSE)) as lab:
        train(lab, DENSE, 5, calls_step=False)
        assert (lab.told_state()["step"], lab.told_state()["mode"]) == (5, "backward")
        x, y = batch(DENSE, 9)
        lab._model(x)  # nothing follows
        out = lab._model(x)
        functional.cross_entropy(out, y).backward(retain_graph=True)  # type: ignore[no-untyped-call]
        # The same pass: no second step.
        functional.cross_entropy(out, y).backward()  # type: ignore[no-untyped-call]
        assert lab.told_state()["step"] == 6


def test_with_an_optimizer_a_step_is_an_update() -> None:
    model = make(DENSE)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watching(model, optimizer=optimizer) as lab:
        for step in range(6):
            x, y = batch(DENSE, step)
            functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
            if step % 3 == 2:
                optimizer.step()
        assert (lab.told_state()["step"], lab.told_state()["mode"]) == (2, "optimizer")


def test_values_are_drawn_over_steps() -> None:
    with watching(make(DENSE)) as lab:
        lab.step(loss=torch.tensor(2.0), accuracy=0.5)
        lab.step(loss=1.5)
        lab.log(val_loss=3)
        lab.log(7, speed=np.float32(4))
        found = lab.kept.whole(0)["metrics"]
        series = {each["name"]: (index, each["role"]) for index, each in enumerate(lab.told_model()["series"])}
        assert {name: role for name, (_, role) in series.items()} == {
            "loss": "train_loss",
            "accuracy": "train_accuracy",
            "val_loss": "val_loss",
            "speed": "other",
        }
        assert found["step/0"].tolist() == [1, 2]
        assert found["value/0"].tolist() == [2.0, 1.5]
        assert found[f"step/{series['val_loss'][0]}"].tolist() == [2]
        assert found[f"step/{series['speed'][0]}"].tolist() == [7]


@pytest.mark.parametrize("value", ["much", None, torch.zeros(2), [1.0]])
def test_a_value_that_is_no_number_is_named(value: Any) -> None:
    with (
        watching(make(DENSE)) as lab,
        pytest.raises(TypeError, match=r"speed = .* is not allowed: it must be a number"),
    ):
        lab.log(speed=value)


def test_names_of_series_cannot_hide_anything() -> None:
    with watching(make(DENSE)) as lab:
        lab.log(**{"a\nb\x1b\u202e": 1.0})
        [series] = lab.told_model()["series"]
        assert series["name"] == "a b"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("loss", "train_loss"),
        ("Val loss", "val_loss"),
        ("val_loss (on val)", "val_loss"),
        ("eval_accuracy", "val_accuracy"),
        ("f1", "other"),
    ],
)
def test_roles(name: str, role: str) -> None:
    assert role_of(name) == role


# The forgotten eval()


def test_a_forgotten_eval_is_told_with_its_line() -> None:
    model = make(DENSE)
    with watching(model) as lab:
        x, _ = batch(DENSE, 1)
        model(x)
        for _ in range(3):
            with torch.no_grad():
                model(x)  # THE LINE
        model.eval()
        with torch.no_grad():
            model(x)
        [warning] = lab.told_warnings()
        line = next(
            n
            for n, text in enumerate(Path(__file__).read_text().splitlines(), 1)
            if "# THE LINE" in text and "text" not in text
        )
        assert warning["kind"] == "dropout_in_evaluation"
        assert warning["count"] == 3
        assert warning["where"] == f"test_lab.py:{line}"
        assert "model.eval()" in warning["text"]


def test_each_call_of_the_model_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def noting(frame: Any) -> str | None:
        looked.append(1)
        return caller(frame)

    monkeypatch.setattr("dropout_lab.watching.modes.caller", noting)
    model = make(DENSE)
    with watching(model, share=0.0) as lab:
        x, _ = batch(DENSE, 1)
        for _ in range(FIRST):
            model(x)
        with torch.no_grad():
            for _ in range(FIRST):
                model(x)  # these are sampled
        looked.clear()
        for _ in range(50):
            with torch.no_grad():
                model(x)
            with torch.no_grad():
                model(x)
        assert len(looked) == 2
        assert sum(warning["count"] for warning in lab.told_warnings()) == FIRST + 100
        assert len(lab.told_warnings()) == 3


def test_a_call_to_which_several_lines_lead_is_looked_up_each_time() -> None:
    model = make(DENSE)

    def run(x: Tensor) -> Tensor:
        out: Tensor = model(x)
        return out

    with watching(model, share=1.0) as lab:
        x = batch(DENSE, 1)[0].requires_grad_()
        run(x)
        for _ in range(2):  # the first is sampled
            checkpoint(run, x, use_reentrant=True)
        assert lab.told_warnings() == []
        with torch.no_grad():
            run(x)
        lab._sampler = Sampler(Budget(0.0))  # nothing is sampled any more
        lab._sampler._sampled = {True: FIRST, False: FIRST}
        for _ in range(3):
            checkpoint(run, x, use_reentrant=True)
            with torch.no_grad():
                run(x)
        [warning] = lab.told_warnings()
        assert warning["count"] == 4


def test_a_forgotten_eval_in_inference_mode() -> None:
    class Always(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.dropout(x, 0.5)

    model = Model(Kind(lambda: nn.Sequential(nn.Linear(FEATURES, 6), Always()), 6)).eval()
    with watching(model) as lab:
        with torch.inference_mode():
            model(torch.randn(4, FEATURES))
        [site] = lab.told_model()["sites"]
        assert (site["kind"], site["units"], site["rate"]) == ("F.dropout", 6, 0.5)
        assert [warning["kind"] for warning in lab.told_warnings()] == ["dropout_always_on"]


def test_dropout_that_cannot_be_switched_off_is_told() -> None:
    class Always(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.dropout(x, 0.5)

    model = Model(Kind(lambda: nn.Sequential(nn.Linear(FEATURES, 6), Always()), 6)).eval()
    with watching(model) as lab:
        with torch.no_grad():
            model(torch.randn(4, FEATURES))
        [warning] = lab.told_warnings()
        assert warning["kind"] == "dropout_always_on"
        assert "training=self.training" in warning["text"]


@pytest.mark.parametrize("name", ["checkpointed", "checkpointed, reentrant", "nn.LSTM"])
def test_training_is_no_forgotten_eval(name: str) -> None:
    kind = KINDS[name]
    model = make(kind)
    with watching(model) as lab:
        train(lab, kind, 5)
        model.eval()
        with torch.no_grad():
            model(batch(kind, 1)[0])
        assert lab.told_warnings() == []


# Knobs


@pytest.fixture
def controlled() -> Iterator[tuple[Watching, Answers]]:
    with watching(make(DENSE), control=True, share=1.0) as lab:
        yield lab, Answers(lab)


def test_a_rate_is_set_from_the_next_step_on(controlled: tuple[Watching, Answers]) -> None:
    lab, answers = controlled
    train(lab, DENSE, 3)
    assert answers.do(op="set", site=0, rate=0.9) == {"step": 3}
    train(lab, DENSE, 3)
    found = rows(lab)
    assert found["rate/0"].tolist() == pytest.approx([0.5] * 3 + [0.9] * (len(found["rate/0"]) - 3))
    assert lab.changes == [
        {"step": 4, "site": 0, "path": "body.2", "name": "body.2", "knob": "rate", "from": 0.5, "to": 0.9}
    ]
    model = lab._model
    model.get_submodule("body.2").p = 0.5  # type: ignore[assignment]
    exec(lab.code(), {"model": model})
    assert model.get_submodule("body.2").p == 0.9


def test_a_site_is_switched_off_and_on(controlled: tuple[Watching, Answers]) -> None:
    lab, answers = controlled
    train(lab, DENSE, 2)
    answers.do(op="set", site=0, off=True)
    train(lab, DENSE, 2)
    assert lab.told_model()["sites"][0]["off"]
    found = rows(lab)
    assert found["kept/0"][-1] == found["size/0"][-1]
    answers.do(op="set", site=0, off=False)
    [site] = lab.told_model()["sites"]
    assert (site["off"], site["rate"]) == (False, 0.5)
    assert [change["to"] for change in lab.changes] == [True, False]


def test_a_module_used_twice_has_one_rate() -> None:
    with watching(Twice(), control=True) as lab:
        lab._model(torch.randn(4, FEATURES))
        assert [site["name"] for site in lab.told_model()["sites"]] == ["drop", "drop (call 2)"]
        Answers(lab).do(op="set", site=1, off=True)
        assert [(site["off"], site["rate"]) for site in lab.told_model()["sites"]] == [(True, 0.0)] * 2


def test_a_rate_by_hand_is_found_by_its_value() -> None:
    model = Model(Kind(lambda: nn.Sequential(nn.Linear(FEATURES, 6), Functional(p=0.3)), 6))
    with watching(model, control=True) as lab:
        model(torch.randn(4, FEATURES))
        [site] = lab.told_model()["sites"]
        assert (site["kind"], site["settable"]) == ("F.dropout", True)
        Answers(lab).do(op="set", site=0, rate=0.7)
        assert model.body[1].p == 0.7


def test_a_rate_that_stands_in_the_code_cannot_be_moved() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.dropout(x, 0.3, self.training)

    model = Model(Kind(lambda: nn.Sequential(nn.Linear(FEATURES, 6), Fixed()), 6))
    with watching(model, control=True) as lab:
        model(torch.randn(4, FEATURES))
        [site] = lab.told_model()["sites"]
        assert not site["settable"]
        answer = Answers(lab).do(op="set", site=0, rate=0.7)
        assert "stands in the code" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"op": "set", "site": 0, "rate": 1.5}, "rate = 1.5 is not allowed: it must be a number from 0 to 1"),
        ({"op": "set", "site": 0, "rate": True}, "rate = True is not allowed"),
        ({"op": "set", "site": 0, "rate": math.nan}, "rate = nan is not allowed"),
        ({"op": "set", "site": 7, "rate": 0.5}, "site = 7 is not allowed: it must be 0 to 0"),
        ({"op": "set", "site": 0, "off": 1}, "off = 1 is not allowed"),
        ({"op": "step", "count": 0}, "count = 0 is not allowed: it must be a whole number from 1 to 1000"),
        ({"op": "explode"}, "op = 'explode' is not allowed"),
        ({"op": "vote"}, "pass val="),
    ],
)
def test_a_wrong_command_is_answered(
    controlled: tuple[Watching, Answers], command: Mapping[str, Any], words: str
) -> None:
    _, answers = controlled
    assert words in answers.do(**command)["error"]["message"]


def test_without_control_the_page_only_watches() -> None:
    with watching(make(DENSE)) as lab:
        answers = Answers(lab)
        for command in ({"op": "pause"}, {"op": "set", "site": 0, "rate": 0.1}):
            assert "control=True" in answers.do(**command)["error"]["message"]
        assert lab._model.get_submodule("body.2").p == 0.5


class Loop(threading.Thread):
    """A training loop of its own."""

    def __init__(self, lab: Watching) -> None:
        super().__init__(daemon=True)
        self.lab, self.done = lab, threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            train(self.lab, DENSE, 1)
            time.sleep(0.001)

    def rests_at(self) -> int:
        """The step at which it stands, once it stands."""
        last = -1
        while True:
            now: int = self.lab.told_state()["step"]
            if now == last and self.lab.told_state()["state"] == "paused":
                return now
            last = now
            time.sleep(0.1)


def test_pause_step_and_play(controlled: tuple[Watching, Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    lab, answers = controlled
    lab._feed.connected.set()  # as if a lab were there
    monkeypatch.setattr(lab._feed.connected, "clear", lambda: None)
    loop = Loop(lab)
    loop.start()
    answers.say(op="pause")
    stands = loop.rests_at()
    answers.say(op="step", count=3)
    while lab.told_state()["step"] < stands + 3:
        time.sleep(0.01)
    assert loop.rests_at() == stands + 3
    answers.say(op="set", site=0, rate=0.25)
    while len(answers.told) < 3:
        time.sleep(0.01)
    assert lab._model.get_submodule("body.2").p == 0.25
    answers.say(op="play")
    while lab.told_state()["step"] < stands + 10:
        time.sleep(0.01)
    loop.done.set()
    loop.join()
    assert all("step" in told for told in answers.told)


def test_a_paused_loop_goes_on_when_the_lab_has_gone(
    controlled: tuple[Watching, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropout_lab.watching.lab.PATIENCE_S", 0.3)
    lab, answers = controlled
    answers.say(op="pause")
    train(lab, DENSE, 3)  # nobody is connected: it waits, and goes on
    assert lab.told_state()["step"] == 3
    assert lab.told_state()["state"] == "training"


def test_commands_after_the_end_are_answered() -> None:
    lab = watching(make(DENSE), control=True)
    answers = Answers(lab)
    answers.say(op="pause")
    lab.close()
    answers.say(op="pause")
    assert [told["error"]["code"] for told in answers.told] == ["ended", "ended"]
    lab.close()  # twice does no harm


def test_an_error_in_training_is_told() -> None:
    with pytest.raises(ZeroDivisionError), watching(make(DENSE)) as lab:
        raise ZeroDivisionError
    assert lab.told_state()["state"] == "failed"


# Votes


def test_a_vote_is_what_many_passes_say() -> None:
    model = make(DENSE)
    x, y = batch(DENSE, 1, 60)
    with watching(model, val=(x, y)) as lab:
        lab.vote(40)
        found = lab.kept.whole(0)["ensemble"]
        model.eval()
        with torch.no_grad():
            logits = model(x)
        assert found["accuracy/scaling"][0] == pytest.approx(float((logits.argmax(1) == y).float().mean()))
        assert found["loss/scaling"][0] == pytest.approx(float(functional.cross_entropy(logits, y)), rel=1e-5)
        assert found["accuracy/member"].shape == found["accuracy/average"].shape == (40,)
        assert found["accuracy/average"][0] == found["accuracy/member"][0]
        assert len(set(found["accuracy/member"].tolist())) > 3
        assert found["entropy"].shape == found["information"].shape == found["right"].shape == (60,)
        assert (found["information"] <= found["entropy"] + 1e-6).all()
        assert (found["information"] >= 0).all()
        assert found["entropy"].max() <= math.log(CLASSES) + 1e-5
        assert found["right"].mean() == pytest.approx(found["accuracy/average"][-1])
        names = {each["name"]: each["role"] for each in lab.told_model()["series"]}
        assert names == {"val_loss (on val)": "val_loss", "val_accuracy (on val)": "val_accuracy"}


def test_votes_go_on_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dropout_lab.watching.votes.FIRST_AFTER_S", 0.0)
    with watching(make(DENSE), val=batch(DENSE, 1, 20)) as lab:
        lab._votes.budget.share = 0.9
        told: list[int] = []
        while 64 not in told:
            train(lab, DENSE, 1)
            if (new := lab.kept.take_ensemble()) is not None:
                told += new[0]["passes"].tolist()
        assert told == [8, 16, 32, 64]


def test_a_vote_is_asked_for_by_the_page() -> None:
    with watching(make(DENSE), val=batch(DENSE, 1, 20)) as lab:
        assert Answers(lab).do(op="vote", passes=8) == {"step": 0}
        assert lab.told_state()["voting"]
        train(lab, DENSE, 12)
        assert lab.kept.whole(0)["ensemble"]["passes"].tolist() == [8]
        assert not lab.told_state()["voting"]


def test_numbers_are_voted_on() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 1))
    x, y = torch.randn(30, 3), torch.randn(30)
    with watching(model, val=(x, y)) as lab:
        lab.vote(10)
        found = lab.kept.whole(0)["ensemble"]
        with torch.no_grad():
            expected = (model.eval()(x)[:, 0] - y).square().mean().sqrt()
        assert found["error/scaling"][0] == pytest.approx(float(expected), rel=1e-5)
        assert found["error/member"].shape == (10,)
        assert found["error/average"][-1] <= found["error/member"].max()
        assert (found["deviation"] > 0).all()


def test_a_sequence_of_classes_is_voted_on() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 8), nn.Dropout(0.5), nn.Linear(8, 7))
    x = torch.randint(7, (5, 6))
    with watching(model, val=(x, x)) as lab:
        lab.vote(4)
        assert lab.kept.whole(0)["ensemble"]["entropy"].shape == (30,)


@pytest.mark.parametrize(
    ("val", "words"),
    [
        ((torch.randn(4, FEATURES), torch.zeros(4, 9)), "does not go with answers of shape"),
        ((torch.randn(4, FEATURES), torch.full((4,), CLASSES)), "does not go with answers of shape"),
        ((torch.randn(4, 3), torch.zeros(4, dtype=torch.long)), "the model fails on `val`"),
    ],
)
def test_what_cannot_be_voted_on_is_said(val: Any, words: str) -> None:
    with watching(make(DENSE), val=val) as lab:
        with pytest.raises(VoteError, match=words):
            lab.vote(4)
        Answers(lab).do(op="vote", passes=4)
        train(lab, DENSE, 3)
        assert words in lab.told_state()["vote_problem"]
        assert lab.told_state()["step"] == 3


@pytest.mark.parametrize(
    "val", [7, (torch.zeros(3),), (torch.zeros(3, 2), torch.zeros(4)), (torch.zeros(0, 2), torch.zeros(0))]
)
def test_val_must_be_a_pair(val: Any) -> None:
    with pytest.raises(TypeError, match="val"):
        watching(make(DENSE), val=val)
    assert "__call__" not in Model.__dict__


def test_batch_norm_is_not_moved_by_votes() -> None:
    model = nn.Sequential(nn.Linear(FEATURES, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, CLASSES))
    with watching(model, val=batch(DENSE, 1, 20)) as lab:
        before = {name: value.clone() for name, value in model.state_dict().items()}
        lab.vote(4)
        assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


def frozen() -> nn.Sequential:
    """A model of which a part drops in no training."""
    torch.manual_seed(0)
    part = nn.Sequential(nn.Linear(FEATURES, 6), nn.Dropout(0.5), Functional(p=0.5))
    model = nn.Sequential(part, nn.Linear(6, CLASSES))
    part.eval()
    return model


def test_what_does_not_drop_in_training_drops_in_no_vote() -> None:
    model = frozen()
    with watching(model, val=batch(DENSE, 1, 60)) as lab:
        lab.vote(8)
        assert len(set(lab.kept.whole(0)["ensemble"]["loss/average"].tolist())) == 1
        assert (lab.kept.whole(0)["ensemble"]["information"] < 1e-6).all()
        model[0].train()
        lab.vote(8)
        assert len(set(lab.kept.whole(0)["ensemble"]["loss/average"].tolist())) > 1
        assert [module.training for module in model.modules()] == [True] * 6


def test_a_vote_during_evaluation_drops_what_training_drops() -> None:
    model = frozen()
    with watching(model, val=batch(DENSE, 1, 60), share=1.0) as lab:
        train(lab, DENSE, 1)
        model.eval()
        lab.vote(8)
        assert (lab.kept.whole(0)["ensemble"]["information"] < 1e-6).all()
        model.train()
        train(lab, DENSE, 1)
        model.eval()
        lab.vote(8)
        assert (lab.kept.whole(0)["ensemble"]["information"] > 1e-6).any()


def test_a_part_that_keeps_itself_in_evaluation_mode() -> None:
    class Frozen(nn.Sequential):
        def train(self, mode: bool = True) -> Frozen:
            return super().train(False)

    model = nn.Sequential(Frozen(nn.Linear(FEATURES, 6), nn.Dropout(0.5)), nn.Linear(6, CLASSES)).train()
    with watching(model, val=batch(DENSE, 1, 60)) as lab:
        lab.vote(8)
        assert (lab.kept.whole(0)["ensemble"]["information"] < 1e-6).all()


def test_on_an_apple_gpu_votes_are_refused_in_words_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dropout_lab.watching.voting._devices_of", lambda model: {torch.device("mps")})
    words = "Sub-networks cannot vote on Apple's GPU (mps): their random numbers cannot be kept apart"
    with watching(make(DENSE), val=batch(DENSE, 1, 20)) as lab:
        assert lab.told_state()["vote_problem"].startswith(words)
        with pytest.raises(VoteError, match="Apple's GPU"):
            lab.vote(4)
        monkeypatch.undo()  # the model was moved
        lab.vote(4)
        assert lab.told_state()["vote_problem"] is None
    with watching(make(DENSE)) as lab:
        assert lab.told_state()["vote_problem"] is None


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """This process as a group of one."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("way", ["fully_shard", "FullyShardedDataParallel", "parallelize_module"])
@pytest.mark.filterwarnings("ignore")
def test_of_a_model_that_is_spread_over_processes_nobody_votes(way: str) -> None:
    mesh = init_device_mesh("cpu", (1,))
    model: Any = nn.Sequential(nn.Linear(FEATURES, 6), nn.Dropout(0.5), nn.Linear(6, CLASSES))
    if way == "fully_shard":
        model = fsdp.fully_shard(model, mesh=mesh)
    elif way == "FullyShardedDataParallel":
        model = fsdp.FullyShardedDataParallel(model, device_id=torch.device("cpu"))
    else:
        model = parallelize_module(model, mesh, {"2": ColwiseParallel()})
    with watching(model, val=batch(DENSE, 1, 20), share=1.0) as lab:
        assert "spread over several processes" in lab.told_state()["vote_problem"]
        with pytest.raises(VoteError, match="would wait for the others"):
            lab.vote(4)
        if way != "parallelize_module":
            model(batch(DENSE, 1)[0]).sum().backward()
            assert rows(lab)["size/0"].tolist() == [48.0]  # masks of this process are seen all the same


def test_of_a_model_that_deepspeed_has_spread_nobody_votes() -> None:
    model = make(DENSE)
    next(model.parameters()).ds_id = 0  # type: ignore[attr-defined]
    with watching(model, val=batch(DENSE, 1, 20)) as lab:
        assert "spread over several processes" in lab.told_state()["vote_problem"]


# What is kept


def test_a_file_has_all_of_it(tmp_path: Path) -> None:
    with watching(make(DENSE), val=batch(DENSE, 1, 20), control=True, share=1.0) as lab:
        train(lab, DENSE, 10)
        lab.vote(4)
        Answers(lab).do(op="set", site=0, rate=0.2)
        lab.save(tmp_path / "watch.safetensors")
        with safe_open(tmp_path / "watch.safetensors", "np") as file:
            meta = file.metadata()
            assert (meta["kind"], meta["version"]) == ("dropout_lab_watch", "1")
            told = json.loads(meta["watch"])
            assert told["state"]["step"] == 10
            assert told["changes"][0]["to"] == 0.2
            assert "p = 0.2" in told["code"]
            for kind, tensors in lab.kept.whole(10).items():
                for name, array in tensors.items():
                    assert np.array_equal(file.get_tensor(f"{kind}/{name}"), array)


def _row(step: int, units: int = 1000) -> Row:
    return Row(0, units, step, np.ones(units, np.bool_), units, units, 0.5, 3)


def test_what_cannot_be_sent_is_lost_and_counted() -> None:
    kept = Kept()
    count = MOST_WAITING // _row(0).weight + 10
    for step in range(count):
        kept.add_row(_row(step))
    assert kept.lost == 10
    taken = kept.take_rows()
    assert taken is not None
    assert len(taken["step/0"]) == count - 10
    assert kept.take_rows() is None
    kept.begin_again()
    assert kept.take_rows() is not None


def test_series_are_thinned_and_all_points_are_sent() -> None:
    kept = Kept()
    sent: list[int] = []
    for step in range(3 * MOST_POINTS):
        kept.add_point("loss", step, 1.0)
        if step % 7 == 0 and (points := kept.take_points()):
            sent += points["step/0"].tolist()
    points = kept.take_points()
    sent += points["step/0"].tolist() if points else []
    assert sent == list(range(3 * MOST_POINTS))
    whole = kept.whole(0)["metrics"]["step/0"]
    assert len(whole) <= MOST_POINTS
    assert whole[0] == 0
    assert whole[-1] == 3 * MOST_POINTS - 1
    assert not kept.add_point("x", 1, 1.0) or [kept.add_point(f"s{n}", 1, 1.0) for n in range(70)][-1] is False


def test_a_model_with_very_many_sites() -> None:
    model = nn.Sequential(*(nn.Dropout(0.1) for _ in range(MOST_SITES + 50)))
    with watching(model) as lab:
        model(torch.ones(2, 3))
        assert len(lab.told_model()["sites"]) == MOST_SITES
        assert lab.problem is None or "masks" not in lab.problem


def test_a_watch_says_what_it_cannot_take() -> None:
    with pytest.raises(TypeError, match=r"takes a torch\.nn\.Module"):
        watch("model")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="server='nowhere' is not allowed"):
        watch(make(DENSE), server="nowhere")
    assert "__call__" not in Model.__dict__


def test_a_watch_in_a_notebook_shows_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    with watch(make(DENSE), server=NOWHERE, name="<b>") as lab:
        assert capsys.readouterr().out == f"Dropout Lab: {lab.url}\n"
        shown = lab._repr_html_()
        assert shown.startswith("<iframe")
        assert "?embed=1#token=" in shown
        assert "&lt;b&gt;" in shown
    with pytest.raises(TypeError, match="cannot be pickled"):
        lab.__getstate__()


# The budget


class Clock:
    """A time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_samples_take_their_share_of_the_time() -> None:
    clock = Clock()
    budget = Budget(0.025, clock)
    sampler = Sampler(budget, clock)
    sampled = 0
    for _ in range(20_000):
        if sampler.wants(True):
            clock.now += 0.003
            sampler.sampled(True, 0.0025, 0.0005)
            sampled += 1
        else:
            clock.now += 0.001
            sampler.passed(True, 0.001)
        clock.now += 0.004
    assert 0.015 < budget.cost <= 0.025
    assert sampled > 100


def test_some_passes_are_sampled_even_where_each_costs_much() -> None:
    clock = Clock()
    budget = Budget(0.001, clock)
    sampler = Sampler(budget, clock)
    sampled = 0
    for _ in range(20_000):
        if sampler.wants(True):
            clock.now += 0.003
            sampler.sampled(True, 0.0025, 0.0005)
            sampled += 1
        else:
            clock.now += 0.001
            sampler.passed(True, 0.001)
        clock.now += 0.004
    assert 0.9 * LEAST_PER_SECOND * clock.now < sampled <= LEAST_PER_SECOND * clock.now + FIRST
    assert budget.cost < AT_MOST


def test_a_pause_is_not_saved_up() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    budget.spend(1.0)
    clock.now += 5.0
    assert not budget.may()
    clock.now += 1000.0
    assert budget.may()
    budget.spend(1.0)
    clock.now += 5.0
    assert not budget.may()
    clock.now += 6.0
    assert budget.may()


def test_the_first_passes_are_always_sampled() -> None:
    sampler = Sampler(Budget(0.0))
    for trains in (True, False):
        for _ in range(FIRST):
            assert sampler.wants(trains)
            sampler.sampled(trains, 0.01, 0.01)
        assert not sampler.wants(trains)


def test_steps_are_counted_once_beside_an_optimizer() -> None:
    model = make(DENSE)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watching(model, optimizer=optimizer) as lab:
        for step in range(4):
            x, y = batch(DENSE, step)
            functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            lab.step()
            assert lab.told_state()["step"] == step + 1


def test_a_model_that_gives_its_loss_needs_no_word() -> None:
    class Losing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = make(DENSE)

        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            out = self.inner(x)
            return out, functional.cross_entropy(out, y)

    model = Losing()
    with watching(model) as lab:
        losses = []
        for step in range(4):
            _, loss = model(*batch(DENSE, step))
            loss.backward()
            losses.append(float(loss.detach()))
        found = lab.kept.whole(0)["metrics"]
        assert found["step/0"].tolist() == [1, 2, 3, 4]
        assert found["value/0"].tolist() == pytest.approx(losses)
        assert lab.told_model()["series"] == [{"name": "loss (of the model)", "role": "train_loss"}]
        lab.log(loss=1.0)
        _, loss = model(*batch(DENSE, 1))
        loss.backward()
        assert len(lab.kept.whole(0)["metrics"]["step/0"]) == 4


# Modules that only lend a rate, and methods that are passes


class Lends(nn.Module):
    """Drops with the rate of a dropout module that it never calls, as attention does in many models."""

    def __init__(self, own: bool = False) -> None:
        super().__init__()
        self.linear, self.lender, self.other = nn.Linear(FEATURES, 6), nn.Dropout(0.3), nn.Dropout(0.3)
        if own:
            self.dropout = 0.3

    def forward(self, x: Tensor) -> Tensor:
        rate = self.dropout if hasattr(self, "dropout") else self.lender.p
        return self.other(functional.dropout(self.linear(x), rate, self.training))  # type: ignore[no-any-return]


def test_a_module_that_lends_its_rate_is_the_site() -> None:
    model = Lends()
    with watching(model, control=True, share=1.0) as lab:
        model(torch.randn(4, FEATURES))
        lent, called = lab.told_model()["sites"]
        assert (lent["path"], lent["kind"], lent["units"], lent["settable"]) == ("lender", "F.dropout", 6, True)
        assert (called["path"], called["kind"], called["units"]) == ("other", "nn.Dropout", 6)
        Answers(lab).do(op="set", site=0, rate=0.6)
        model(torch.randn(4, FEATURES))
        assert rows(lab)["rate/0"] == pytest.approx([0.3, 0.6])
        assert lab.told_model()["sites"][0]["rate"] == 0.6


def test_a_module_of_the_same_rate_that_does_not_lend_it_is_not_the_site() -> None:
    model = Lends(own=True)
    with watching(model, control=True) as lab:
        model(torch.randn(4, FEATURES))
        named = {site["name"]: site["units"] for site in lab.told_model()["sites"]}
        assert named == {"lender": 0, "other": 6, "the model itself": 6}
        Answers(lab).do(op="set", site=2, rate=0.6)
        assert model.dropout == 0.6


def test_what_lends_nothing_after_all_is_found_out() -> None:
    class Fixed(Lends):
        def forward(self, x: Tensor) -> Tensor:
            return self.other(functional.dropout(self.linear(x), 0.3, self.training))  # type: ignore[no-any-return]

    model = Fixed()
    with watching(model, control=True, share=1.0) as lab:
        model(torch.randn(4, FEATURES))
        Answers(lab).do(op="set", site=0, rate=0.6)
        model(torch.randn(4, FEATURES))
        site = lab.told_model()["sites"][0]
        assert site["rate"] == pytest.approx(0.3)
        assert not site["settable"]


class Parts(nn.Module):
    """Is used by a method, and never called itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(FEATURES, 6), nn.Dropout(0.5), nn.Linear(6, CLASSES)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss."""
        hidden = functional.dropout(self.drop(self.first(x)), 0.25, self.training)
        return functional.cross_entropy(self.last(hidden), y)


def test_methods_may_be_passes() -> None:
    model = Parts()
    before = vars(Parts)["loss"]
    with watching(model, methods=["loss"]) as lab:
        assert model.loss.__doc__ == "The loss."
        for step in range(2):
            model.loss(*batch(DENSE, step)).backward()  # type: ignore[no-untyped-call]
        state = lab.told_state()
        assert (state["passes"], state["step"]) == (2, 2)
        assert [site["name"] for site in lab.told_model()["sites"]] == ["drop", "the model itself"]
        assert Parts().loss(*batch(DENSE, 0)).dim() == 0  # another model of the class
        assert lab.told_state()["passes"] == 2
    assert vars(Parts)["loss"] is before
    assert "__call__" not in vars(Parts)


def test_a_model_that_calls_itself_makes_one_pass() -> None:
    class Twofold(Parts):
        def forward(self, x: Tensor, deep: bool = True) -> Tensor:
            return self(x, False) if deep else self.last(self.drop(self.first(x)))  # type: ignore[no-any-return]

    model = Twofold()
    with watching(model, share=0.0) as lab:
        for step in range(6):
            model(batch(DENSE, step)[0])
        assert lab.told_state()["passes"] == 6


def test_a_method_must_be_there() -> None:
    with pytest.raises(TypeError, match="methods='lose' is not allowed: Parts has no method of that name"):
        watching(Parts(), methods=["lose"])
    assert "__call__" not in vars(Parts)


def test_steps_may_be_counted_by_others() -> None:
    with watching(make(DENSE), share=1.0) as lab:
        lab.reach(100)
        assert (lab.steps, lab.told_state()["mode"], lab.is_over) == (100, "step", False)
        train(lab, DENSE, 1, calls_step=False)
        lab.reach(102)
        lab.reach(101)
        assert lab.steps == 102
        assert rows(lab)["step/0"].tolist() == [101]
    assert lab.is_over
    assert lab.wait_until_over(0)


# How it ends


@pytest.mark.parametrize(
    ("error", "state"), [(ZeroDivisionError, "failed"), (KeyboardInterrupt, "ended"), (None, "ended")]
)
def test_a_program_that_ends_by_an_error_has_failed(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException] | None, state: str
) -> None:
    lab = watching(make(DENSE))
    monkeypatch.delattr(sys, "ps1", raising=False)
    monkeypatch.setattr(sys, "last_type", error, raising=False)
    _close_all()
    assert lab.told_state()["state"] == state


def test_what_is_closed_while_it_is_paused_stays_closed(controlled: tuple[Watching, Answers]) -> None:
    lab, answers = controlled
    answers.say(op="pause")
    training = threading.Thread(target=train, args=(lab, DENSE, 1))
    training.start()
    while lab.told_state()["state"] != "paused":
        time.sleep(0.01)
    lab.close()
    training.join()
    assert lab.told_state()["state"] == "ended"
