"""Programs that are odd in one way or another: none of them fails because it is watched, and nothing false is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim.swa_utils import AveragedModel, update_bn

from app.watched.frames import Known, read_frame
from app.watched.told import read_model, read_state
from dropout_lab.watching.lab import Watching
from dropout_lab.watching.voting import VoteError
from tests.watching.models import CLASSES, KINDS, batch, make
from tests.watching.test_untouched import watching
from trainer.wire.frames import Frame, encode
from trainer.wire.jsontext import dumps

DENSE = KINDS["nn.Dropout"]


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))


def read_all(lab: Watching) -> None:
    """What the lab would say of all that it is sent: nothing."""
    model = json.loads(dumps(lab.told_model()))
    read_model(model)
    read_state(json.loads(dumps(lab.told_state())))
    known = Known(len(model["sites"]), len(model["series"]))
    for number, (kind, tensors) in enumerate(lab.kept.whole(lab.steps).items(), 1):
        read_frame(encode(Frame(kind, lab._id, number, tensors)), lab._id, known)


class Giving(nn.Module):
    """A model that gives something odd."""

    def __init__(self, give: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.net, self.give = net(), give

    def forward(self, x: Tensor) -> Any:
        return self.give(self.net(x))


class Refusing:
    """An object whose attributes cannot be asked for."""

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


def _endless(x: Tensor) -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "give", [lambda x: Refusing(), _endless, lambda x: None, lambda x: {"loss": x.sum().to("meta")}]
)
def test_whatever_a_model_gives_training_goes_on(give: Callable[[Tensor], Any]) -> None:
    model = Giving(give)
    with watching(model) as lab:
        for _ in range(3):
            model(torch.randn(4, 8))
            lab.step()
        assert lab.steps == 3


def test_a_step_falls_for_nobody() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watching(model, share=1.0) as lab:
        for _ in range(6):
            model(torch.randn(4, 8)).sum().backward()
            optimizer.step()
            with torch.no_grad():
                model(torch.randn(4, 8)).argmax()
            lab.step(loss=1.0)
        steps = lab.kept.whole(6)["rows"]["step/0"].tolist()
        assert steps == sorted(steps)
        read_all(lab)


def test_double_precision_everywhere() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        model = net()
        with watching(model) as lab:
            model(torch.randn(4, 8)).sum().backward()
            read_all(lab)
            assert "mean/0" in lab.kept.whole(1)["summary"]
    finally:
        torch.set_default_dtype(torch.float32)


def test_an_error_of_many_lines_is_told_on_one() -> None:
    def fail(x: Tensor) -> Tensor:
        raise RuntimeError("one\ntwo")

    model = Giving(fail)
    with watching(model, val=(torch.randn(4, 8), torch.zeros(4).long())) as lab:
        lab._votes.ask(4)
        lab.step()
        lab.step()
        assert "one two" in lab.told_state()["vote_problem"]
        read_all(lab)


def test_a_rate_that_nobody_knows_is_told_as_unknown() -> None:
    class Gate(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.bernoulli(torch.sigmoid(x))

    model = nn.Sequential(nn.Linear(8, 8), Gate())
    with watching(model) as lab:
        model(torch.randn(4, 8))
        assert bool(torch.isnan(torch.tensor(lab.kept.whole(0)["rows"]["rate/0"])).all())
        model.eval()
        with torch.no_grad():
            model(torch.randn(4, 8))
        assert lab.told_warnings() == []  # a gate is meant to act in evaluation, too
        read_all(lab)


def test_no_false_alarm_of_a_forgotten_eval() -> None:
    model = net()
    with watching(model) as lab:
        with torch.no_grad():
            model(torch.zeros(1, 8))  # a trial before the first step
        model(torch.randn(4, 8)).sum().backward()
        model[2] = nn.Dropout(0.3)  # the old one stays in training mode for ever
        model(torch.randn(4, 8)).sum().backward()
        model.eval()
        with torch.no_grad():
            model(torch.randn(4, 8))
        assert lab.told_warnings() == []


def test_averaged_weights_are_no_forgotten_eval() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    averaged = AveragedModel(model)
    with watching(averaged) as lab:
        averaged(torch.randn(4, 8)).sum().backward()
        update_bn([torch.randn(4, 8)], averaged)
        assert lab.told_warnings() == []


def test_a_rate_that_is_no_number_any_more() -> None:
    class Drop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop_prob: float | None = 0.5

        def forward(self, x: Tensor) -> Tensor:
            return x if self.drop_prob is None else x * torch.bernoulli(torch.full(x.shape, 1 - self.drop_prob))

    drop = Drop()
    model = nn.Sequential(nn.Linear(8, 8), drop)
    with watching(model) as lab:
        model(torch.randn(4, 8)).sum().backward()
        drop.drop_prob = None
        with torch.no_grad():
            model(torch.randn(4, 8))
        read_all(lab)


def test_what_is_no_loss_is_not_drawn_as_one() -> None:
    model = Giving(lambda x: (x, x.square().mean()))
    with watching(model) as lab:
        model(torch.randn(4, 8))[1].backward()
        assert "metrics" not in lab.kept.whole(1)


def test_votes_are_heard_by_no_hook_of_the_reader() -> None:
    model, heard = net(), []
    model[0].register_forward_hook(lambda module, given, out: heard.append(len(out)))
    with watching(model, val=(torch.randn(7, 8), torch.zeros(7).long())) as lab:
        lab.vote(4)
    assert heard == []


def test_too_many_numbers_for_a_vote_are_refused() -> None:
    model = nn.Sequential(nn.Embedding(2000, 8), nn.Dropout(0.5), nn.Linear(8, 2000))
    x = torch.randint(2000, (20, 64))
    with watching(model, val=(x, x)) as lab, pytest.raises(VoteError, match="fewer examples"):
        lab.vote(64)


def test_a_class_that_changes_meanwhile_is_left_as_it_was() -> None:
    class Twice(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return weight * 2

    model = nn.Linear(8, 8)
    lab = watching(model)
    parametrize.register_parametrization(model, "weight", Twice())
    lab.close()
    assert "__call__" not in nn.Linear.__dict__
    assert lab.is_over


def test_an_optimizer_that_is_none_is_named() -> None:
    model = net()
    with pytest.raises(TypeError, match="optimizer=list is not allowed"):
        watching(model, optimizer=[torch.optim.SGD(model.parameters(), 0.1)])
    assert "__call__" not in nn.Sequential.__dict__
    watching(model).close()


def test_a_forked_process_watches_nothing() -> None:
    model = make(DENSE)
    with watching(model, control=True) as lab:
        lab._steps_left = 0
        child = os.fork()
        if child == 0:
            lab.step()  # would wait for ever
            model(batch(DENSE, 1)[0])
            os._exit(0 if lab.is_over and lab._passes == 0 else 1)
        _, status = os.waitpid(child, 0)
        assert status == 0
        lab._steps_left = None
        assert not lab.is_over
        assert model(batch(DENSE, 1)[0]).shape == (8, CLASSES)
        assert lab._passes == 1
