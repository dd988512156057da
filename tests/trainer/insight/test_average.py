"""The average of the networks of a run: of those that are in it, beside each by itself, and dropout's own average."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from tests.networks import OTHERS, everywhere, small
from trainer import Experiment
from trainer.insight import Found, finish, look_at, make_insight
from trainer.insight.average import MEMBERS
from trainer.models import evaluating
from trainer.settings.config import MAX_LANES, parse
from trainer.settings.panels import fits

DROPPED = [0.2, 0.5, 0.3]
LANES: list[dict[str, Any]] = [
    {"name": "plain"},
    {"name": "dropped", "dropout": DROPPED},
    {"name": "left out", "dropout": DROPPED, "seed": 8, "averaged": False},
    {"name": "narrow", "dropout": DROPPED, "hidden": [9, 14], "batch_norm": True, "seed": 4},
]
FIGURES = [f"{of}_{what}" for of in ("average", "mean", "thinned") for what in ("accuracy", "loss")]


def trained(steps: int = 60, lanes: list[dict[str, Any]] = LANES, **knobs: Any) -> Experiment:
    given = {"hidden": [20, 16], "batch_size": 16, "train_size": 70, "learning_rate": 0.01, "lanes": lanes} | knobs
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    if steps:
        experiment.run(steps)
    return experiment


def predicted(experiment: Experiment) -> Tensor:
    """Log-probabilities of every lane on the validation set, (L, V, C)."""
    with torch.no_grad(), evaluating(experiment.model):
        return torch.log_softmax(experiment.model(experiment.data.val_x.double()), dim=2)


def worth(experiment: Experiment, log_p: Tensor) -> tuple[float, float]:
    """Accuracy and log-loss of log-probabilities (V, C)."""
    y = experiment.data.val_y
    return float((log_p.argmax(dim=1) == y).double().mean()), float(nll_loss(log_p, y))


def assert_worth(found: Found, name: str, expected: tuple[float, float]) -> None:
    accuracy, loss = expected
    assert found[f"{name}_accuracy"] == pytest.approx([accuracy])
    assert found[f"{name}_loss"] == pytest.approx([loss], rel=1e-5)


def test_the_average_is_the_mean_of_the_probabilities_of_those_that_are_in_it() -> None:
    experiment = trained()
    found, log_p = look_at("average", experiment), predicted(experiment)
    assert found["step"].tolist() == [60]
    assert found["averaged"].tolist() == [1, 1, 0, 1]
    assert_worth(found, "average", worth(experiment, log_p[[0, 1, 3]].exp().mean(dim=0).log()))
    each = [worth(experiment, log_p[lane]) for lane in (0, 1, 3)]
    assert_worth(found, "mean", (float(np.mean([one for one, _ in each])), float(np.mean([one for _, one in each]))))


def test_each_network_by_itself_is_judged_as_in_every_evaluation() -> None:
    experiment = trained()
    found, scores = look_at("average", experiment), experiment.evaluate()
    assert found["loss"] == pytest.approx(scores.val_loss.numpy(), rel=1e-5)
    assert found["accuracy"] == pytest.approx(scores.val_accuracy.numpy())
    losses = scores.val_loss.tolist()
    assert found["best"].tolist() == [min((0, 1, 3), key=lambda lane: losses[lane])]
    assert {name: array.dtype for name, array in found.items()} == {
        "step": np.uint32,
        **dict.fromkeys(("averaged", "best"), np.uint8),
        **dict.fromkeys(("accuracy", "loss", *FIGURES), np.float32),
    }
    assert {found[name].shape for name in FIGURES} == {(1,)}


@pytest.mark.parametrize("kind", ["inverted", "gaussian", "dropconnect"])
def test_sub_networks_of_the_best_are_the_first_that_vote_in_the_ensemble(kind: str) -> None:
    lanes = [{**own, "dropout_kind": kind} for own in LANES]
    experiment = trained(lanes=lanes)
    experiment.set(lane=0, averaged=False)
    found = look_at("average", experiment)
    best = int(found["best"][0])
    assert best in (1, 3)
    ensemble = experiment.sample_subnetworks(best, MEMBERS)
    expected = float(ensemble.average_accuracy[-1]), float(ensemble.average_loss[-1])
    assert_worth(found, "thinned", expected)


def test_a_best_network_without_dropout_has_no_sub_networks() -> None:
    found = look_at("average", trained(lanes=[{"name": "a"}, {"name": "b", "seed": 2}]))
    assert np.isnan([found["thinned_loss"], found["thinned_accuracy"]]).all()
    assert np.isfinite(found["average_loss"]).all()


def test_a_network_that_diverged_is_not_in_it() -> None:
    experiment = trained()
    expected = worth(experiment, predicted(experiment)[[0, 3]].exp().mean(dim=0).log())
    with torch.no_grad():
        experiment.model.weights[0][1] = float("nan")
    found = look_at("average", experiment)
    assert found["averaged"].tolist() == [1, 0, 0, 1]
    assert np.isnan([found["loss"][1], found["accuracy"][1]]).all()
    assert_worth(found, "average", expected)


def test_without_any_network_in_it_there_is_no_number() -> None:
    found = look_at("average", trained(5, [{**own, "averaged": False} for own in LANES]))
    assert found["averaged"].tolist() == [0] * 4
    assert found["best"].tolist() == []
    assert np.isnan([found[name] for name in FIGURES]).all()
    assert np.isfinite(found["loss"]).all()


def test_a_look_is_of_the_networks_as_they_were_when_it_began() -> None:
    experiment, still = trained(), trained()
    looking = make_insight("average", experiment).look()
    next(looking)
    experiment.set(lane=1, averaged=False, batch_norm=True, restarts=1)
    experiment.run(20)
    found, expected = finish(looking), look_at("average", still)
    assert all(np.array_equal(found[name], expected[name], equal_nan=True) for name in expected)


def test_who_is_in_it_changes_nothing_of_how_networks_learn() -> None:
    experiment, left = trained(10), trained(10)
    experiment.set(lane=0, averaged=False)
    look_at("average", experiment)
    assert torch.equal(experiment.run(10).loss, left.run(10).loss)
    assert experiment.changes == [{"step": 11, "lane": 0, "knobs": {"averaged": False}}]


@pytest.mark.parametrize("network", OTHERS)
def test_other_kinds_of_network_are_averaged_too(network: str) -> None:
    shape = small(network, 12)
    lanes = [{"name": str(seed), "seed": seed, **everywhere(shape, 0.2, 0.4)} for seed in range(3)]
    experiment = trained(5, lanes, **shape)
    found = look_at("average", experiment)
    assert_worth(found, "average", worth(experiment, predicted(experiment).exp().mean(dim=0).log()))
    assert np.isfinite(found["thinned_loss"]).all()


def test_of_as_many_networks_as_there_may_be_one_is_looked_at_at_a_time() -> None:
    lanes = [{"name": str(lane), "seed": lane, "dropout": [0.1, 0.3]} for lane in range(MAX_LANES)]
    experiment = trained(2, lanes, hidden=[8], dataset="moons")
    looking = make_insight("average", experiment).look()
    bites = 0
    while True:
        try:
            next(looking)
        except StopIteration as end:
            found = end.value
            break
        bites += 1
    assert bites == 1 + MAX_LANES + MEMBERS
    assert_worth(found, "average", worth(experiment, predicted(experiment).exp().mean(dim=0).log()))


def test_it_takes_two() -> None:
    assert not fits("average", parse({"lanes": [{"name": "alone"}]}))
    assert fits("average", parse({"lanes": [{"name": "one"}, {"name": "other"}]}))
