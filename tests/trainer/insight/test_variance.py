"""The variance shift: as it was measured, as the theory has it, and of the units that are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.plain import mlp_of
from trainer import Experiment
from trainer.insight import look_at
from trainer.presets import find_preset
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS

NORM = {"batch_norm": True}


def experiment(dtype: torch.dtype = torch.float32, **knobs: Any) -> Experiment:
    given = {"hidden": [40, 24], "train_size": 96, "batch_size": 16, "label_noise": 0.0} | knobs
    return Experiment(parse(given), device="cpu", dtype=dtype)


def preset(name: str, *rates: float) -> Experiment:
    """The networks of a preset with these rates, after its steps."""
    found = find_preset(name)
    lanes = tuple(lane for lane in found.config.lanes if lane.dropout[1] in rates)
    own = Experiment(found.config.model_copy(update={"lanes": lanes}), device="cpu")
    own.run(found.steps)
    return own


def test_directly_behind_dropout_the_shift_is_what_was_measured_and_what_theory_says() -> None:
    """2.27 ± .01 at p = .5 over five seeds of plain PyTorch, within 1% of theory; safe to assert: 2.0-2.6 and 5%."""
    found = look_at("variance", preset("variance-shift", 0.0, 0.5))
    none, half = found["ratio/hidden1"]
    assert none == pytest.approx(1, abs=1e-4)  # the same images in both modes, and nothing dropped
    assert 2.0 < half < 2.6
    assert half == pytest.approx(found["theory/hidden1"][1], rel=0.05)
    assert found["theory/hidden1"][0] == pytest.approx(1)


def test_behind_a_linear_layer_the_shift_is_smaller_and_theory_is_silent() -> None:
    """1.30 ± .01 at p = .5 over five seeds."""
    found = look_at("variance", preset("variance-shift-linear", 0.5))
    assert 1.2 < found["ratio/hidden2"][0] < 1.4
    assert found["ratio/hidden1"][0] == pytest.approx(1, abs=1e-4)
    assert np.isnan(found["theory/hidden2"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_theory_holds_for_every_kind_of_dropout(kind: str) -> None:
    """Over 4,128 masked examples a unit's variance has a standard error of about 5%, and the median over 40 units
    one of about 1%: 8% is not reached by chance.
    """
    lanes = [{"dropout": [0, rate, 0], "dropout_kind": kind, **NORM} for rate in (0.2, 0.6)]
    own = experiment(lanes=lanes, batch_size=48, batch_norm_order="after_dropout")
    own.run(20)
    found = look_at("variance", own)
    assert found["ratio/hidden1"] == pytest.approx(found["theory/hidden1"], rel=0.08)
    if kind == "dropconnect":
        assert found["ratio/hidden1"] == pytest.approx(1, abs=1e-3), "weights are dropped behind batch norm"


def test_evaluation_has_the_variance_of_the_training_examples_themselves() -> None:
    own = experiment(torch.float64, lanes=[{"dropout": [0, 0.3, 0], **NORM}], batch_norm_order="after_dropout")
    own.run(20)
    found = look_at("variance", own)
    first = mlp_of(own).linears[0]
    active = torch.relu(own.judge.train_x @ first.weight[0] + first.bias[0]).detach()  # (N, U)
    assert found["evaluation/hidden1"][0] == pytest.approx(active.var(dim=0, correction=0).numpy(), rel=1e-5, abs=1e-9)
    moving = active.var(dim=0) > 0
    relative = active.square().mean(dim=0)[moving] / active.var(dim=0, correction=0)[moving]
    assert found["theory/hidden1"][0] == pytest.approx(1 + 0.3 / 0.7 * float(relative.median()), rel=1e-4)


def test_the_training_variance_is_that_which_batch_norms_running_variance_tends_to() -> None:
    """Both are of a few thousand masked examples: their medians over 40 units agree within 10%."""
    own = experiment(lanes=[{"dropout": [0.2, 0.5, 0], **NORM}], learning_rate=1e-5)
    own.run(200)  # weights hardly move, so that the running variance is one of these weights
    found = look_at("variance", own)
    running = own.model.norms[0].running_var[0, 0].numpy()
    assert np.median(found["training/hidden1"][0] / running) == pytest.approx(1, rel=0.1)


def test_networks_without_batch_norm_and_units_that_are_not_there_have_no_figures() -> None:
    own = experiment(lanes=[{}, {**NORM, "hidden": [30, 24]}, NORM])
    found = look_at("variance", own)
    assert set(found) == {
        "step",
        *(f"{what}/hidden{k}" for k in (1, 2) for what in ("training", "evaluation", "ratio", "theory")),
    }
    assert np.isnan(found["training/hidden1"][0]).all()
    assert np.isnan(found["ratio/hidden1"][0])
    assert np.isnan(found["evaluation/hidden1"][1, 30:]).all()
    assert np.isfinite(found["evaluation/hidden1"][1, :30]).all()
    assert found["training/hidden2"].shape == (3, 24)
    assert all(array.dtype == np.float32 for name, array in found.items() if name != "step")


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
def test_of_a_convolution_the_variance_is_that_of_its_channels(order: str) -> None:
    lanes = [{"dropout": [0, 0.3, 0, 0.4], "spatial_dropout": [0, 0.2], **NORM}, NORM]
    own = experiment(network="cnn", channels=[4, 6], hidden=[20], lanes=lanes, batch_norm_order=order)
    own.run(5)
    found = look_at("variance", own)
    assert [found[f"training/{name}"].shape for name in ("conv1", "conv2", "hidden1")] == [(2, 4), (2, 6), (2, 20)]
    assert np.isfinite(found["training/conv2"]).all()
    assert np.isfinite(found["ratio/conv2"]).all()
    assert np.isfinite(found["theory/conv1"]).all() == (order == "after_dropout")


def test_of_an_lstm_it_is_that_of_its_last_state() -> None:
    own = experiment(network="lstm", hidden=[16], lanes=[{"dropout": [0, 0, 0.5], **NORM}])
    assert look_at("variance", own)["training/output"].shape == (1, 16)


def test_looking_leaves_the_statistics_of_the_run_alone() -> None:
    own = experiment(lanes=[{"dropout": [0.2, 0.5, 0.5], **NORM}])
    own.run(10)
    before = own.state_dict()["model"]
    first, second = (look_at("variance", own) for _ in range(2))
    after = own.state_dict()["model"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)
