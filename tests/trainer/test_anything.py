"""Of any run that can be: nothing that looks at it fails, and what is told of it is a number or none."""

from __future__ import annotations

import ast
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from tests.anything import stories, tried
from trainer.export import FRAMEWORKS, script
from trainer.insight import look_at
from trainer.insight.asking import ask
from trainer.settings.config import parse
from trainer.settings.panels import VIEWS, fits
from trainer.training.experiment import Experiment
from trainer.wire.frames import Frame, decode, encode
from trainer.wire.jsontext import dumps
from trainer.worker import publish
from trainer.worker.extras import EnsembleWanted, boundary, votes
from trainer.worker.look import evaluation_trace

SLOW = ("cost", "features")  # which train networks of their own, whatever the run is like: one example in ten


def made(job: Any) -> dict[str, Any]:
    """Do a job of the extras to its end; what it found."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            return dict(end.value)


def frames_of(experiment: Experiment, slow: bool) -> dict[str, Any]:
    """The tensors of every kind of frame that shows the run as it is now."""
    frames = {
        "scores": publish.scores(experiment.evaluate()),
        "graph": publish.graph(evaluation_trace(experiment)),
        "ensemble": made(votes(experiment, EnsembleWanted(members=3))),
    }
    if experiment.data.extent is not None:
        frames["boundary"] = made(boundary(experiment))
    for view in VIEWS:
        if fits(view, experiment.config) and (slow or view not in SLOW):
            frames[view] = dict(look_at(view, experiment))
    return frames


@pytest.mark.timeout(1200)
@tried(15)
@given(story=stories())
def test_whatever_a_run_is_like_it_trains_and_every_view_of_it_can_be_made(story: Any) -> None:
    config, moves = story
    experiment = Experiment(parse(config), device="cpu")
    lanes = len(config["lanes"])
    parts = [experiment.run(7, trace=True)]
    for lane, knobs in moves:
        try:
            experiment.set(lane, **knobs)
        except ValueError:
            continue  # what a lane alone cannot know: DropConnect's size, say
        parts.append(experiment.run(30, trace=True))
    for steps in parts:
        assert steps.loss.shape[1] == lanes
        assert steps.trace is not None
        assert bool(steps.trace.edges.value.isfinite().all())
    for lane, gone in enumerate(experiment.diverged):
        losses = torch.cat([steps.loss[:, lane] for steps in parts])
        assert bool(losses[: gone["step"] - 1 if gone else None].isfinite().all())
        assert gone is None or bool(losses[gone["step"] - 1 :].isnan().all())
        experiment.follow(lane=lane)
        for kind, tensors in frames_of(experiment, slow=lane == 0 and len(moves) == 2).items():
            back = decode(encode(Frame(kind, "r", 1, tensors)))
            assert {name: tensor.shape for name, tensor in back.tensors.items()} == {
                name: np.asarray(tensor).shape for name, tensor in tensors.items()
            }
        example = experiment.data.val_x[:1].tolist()
        json.loads(dumps(ask(experiment, example, lane, members=3).described()), parse_constant=pytest.fail)
        for framework in FRAMEWORKS:
            ast.parse(script(experiment.config, lane, framework, shape=experiment.layers[0].shape))
    scores = experiment.evaluate()
    for loss, accuracy in ((scores.train_loss, scores.train_accuracy), (scores.val_loss, scores.val_accuracy)):
        assert torch.equal(loss.isfinite(), accuracy.isfinite())


@pytest.mark.timeout(1200)
@tried(10)
@given(story=stories())
def test_whatever_a_run_is_like_it_is_the_same_however_it_is_cut_saved_or_replayed(story: Any) -> None:
    config, moves = story
    whole, cut = (Experiment(parse(config), device="cpu") for _ in range(2))
    for experiment, counts in ((whole, (26,)), (cut, (1, 24, 1))):
        losses = [experiment.run(count).loss for count in counts]
        for lane, knobs in moves:
            try:
                experiment.set(lane, **knobs)
            except ValueError:
                continue
            losses += [experiment.run(count).loss for count in counts]
            experiment.evaluate()
        experiment.losses = torch.cat(losses)  # type: ignore[attr-defined]
    replayed = Experiment(parse(config), device="cpu", changes=whole.changes)
    again = replayed.run(whole.step).loss
    saved = Experiment(parse(config), device="cpu")
    saved.load_state_dict(whole.state_dict())
    assert whole.diverged == cut.diverged == replayed.diverged == saved.diverged
    assert whole.stopped == cut.stopped == replayed.stopped == saved.stopped
    mine = whole.losses  # type: ignore[attr-defined]
    for theirs in (cut.losses, again):  # type: ignore[attr-defined]
        assert torch.equal(mine.nan_to_num(-1), theirs.nan_to_num(-1))
    assert torch.equal(whole.run(10).loss.nan_to_num(-1), saved.run(10).loss.nan_to_num(-1))
