"""An old step that is looked at again shows what was shown then, bit for bit, from wherever it is trained again."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from tests.networks import everywhere
from tests.networks import small as narrow
from trainer import Experiment
from trainer.errors import KnobError
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.settings.pieces import finish
from trainer.training.checkpoint import pack, unpack
from trainer.wire.frames import Frame, Tensors, decode
from trainer.worker import publish
from trainer.worker.extras import EnsembleWanted, boundary, votes
from trainer.worker.past import PastSession

STEP, LAST = 57, 90
FOLLOW = {"lane": 1, "example": 3}


class Heard:
    """What a session says."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.frames: dict[str, Frame] = {}

    def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def send_frame(self, frame: bytes) -> None:
        read = decode(frame)
        assert read.kind not in self.frames
        self.frames[read.kind] = read


def run_of(network: str, dataset: str | None) -> dict[str, Any]:
    run = {**narrow(network, 7, 5, 4), "train_size": 60, "batch_size": 16, "seed": 3}
    if dataset is not None:
        run["dataset"] = dataset
    lanes = [{"name": "a", **everywhere(run, 0.0)}, {"name": "b", "batch_norm": True, **everywhere(run, 0.2, 0.5)}]
    return {**run, "lanes": lanes}


def train(experiment: Experiment, until: int) -> None:
    """As a session does: with changes that were made at their steps."""
    while experiment.step < until:
        experiment.run(1)
        if experiment.step == 30:
            experiment.set(learning_rate=0.02)
        if experiment.step == 60:
            experiment.set(lane=1, batch_norm=False)


def same(one: Tensors, other: Tensors) -> None:
    assert list(one)
    assert sorted(one) == sorted(other)
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype
        assert tensor.tobytes() == np.ascontiguousarray(other[name]).tobytes(), name


def look(experiment: Experiment, **wanted: Any) -> Heard:
    heard = Heard()
    session = PastSession("r.1", experiment, heard, time.monotonic)
    session.open({"past": wanted, "follow": FOLLOW, "ensemble": {"members": 5}})
    while session.due_at(0.0) == 0.0:
        session.train()
    assert [message["op"] for message in heard.messages] == ["opened", "done"]
    assert all(frame.run == "r.1" for frame in heard.frames.values())
    session.close()
    return heard


@pytest.mark.parametrize("begun", [0, 40, STEP - 1, STEP])
@pytest.mark.parametrize(("network", "dataset"), [*((name, None) for name in NETWORKS), ("mlp", "moons")])
def test_an_old_step_is_what_it_was(network: str, dataset: str | None, begun: int) -> None:
    config = parse(run_of(network, dataset))
    live = Experiment(config, "cpu")
    live.follow(**FOLLOW)
    train(live, begun)
    state = unpack(pack(live.state_dict()))
    train(live, STEP - 1)
    if live.step < STEP:
        trace = live.run(1, trace=True).trace
        assert trace is not None
        graph = publish.graph(trace)
    scores = publish.scores(live.evaluate())
    shown = {"ensemble": dict(finish(votes(live, EnsembleWanted(5)))), "scores": scores}
    if dataset is not None:
        shown["boundary"] = dict(finish(boundary(live)))
    train(live, LAST)

    again = Experiment(config, "cpu", changes=live.log)
    if begun:
        again.load_state_dict(state, live.log)
    heard = look(again, step=STEP)
    if begun < STEP:
        shown["graph"] = graph
        assert heard.frames["graph"].meta["pass"] == "training"
    assert heard.frames.keys() == shown.keys()
    for kind, tensors in shown.items():
        same(heard.frames[kind].tensors, tensors)


def test_a_film_has_the_masks_that_were_sent_then() -> None:
    config = parse(run_of("mlp", None))
    live = Experiment(config, "cpu")
    live.follow(**FOLLOW)
    sent = publish.steps([live.run(40)])
    del sent["loss"]
    heard = look(Experiment(config, "cpu", changes=live.log), first=1, count=40)
    assert heard.frames.keys() == {"steps"}
    same(heard.frames["steps"].tensors, sent)


def test_many_steps_are_done_in_bites() -> None:
    heard = Heard()
    session = PastSession("r.1", Experiment(parse(run_of("mlp", None)), "cpu"), heard, time.monotonic)
    session.open({"past": {"first": 1, "count": 2000, "step": 400}, "follow": FOLLOW})
    session.train()
    assert heard.frames == {}, "2,000 masks and 400 steps are no bite"
    session.close()
    session.train()
    assert session.due_at(0.0) == float("inf")
    assert heard.frames == {}


def test_an_example_that_there_is_not_is_refused() -> None:
    session = PastSession("r.1", Experiment(parse(run_of("mlp", None)), "cpu"), Heard(), time.monotonic)
    with pytest.raises(KnobError, match="example = 600"):
        session.open({"past": {"step": 3}, "follow": {"lane": 0, "example": 600}})
