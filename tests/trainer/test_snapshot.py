"""A snapshot is the networks of one step, and looking at it changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.networks import everywhere, small
from trainer import Experiment
from trainer.insight.snapshot import Snapshot
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS
from trainer.training.judge import Judge


def run_of(network: str) -> dict[str, Any]:
    """A plain lane, and a narrow one with batch norm that drops wherever it can."""
    shape = small(network, 12, 9)
    narrow = [7, 8][-len(shape["hidden"]) :]
    other = {**everywhere(shape, 0.2, 0.5), "batch_norm": True, "hidden": narrow}
    return {**shape, "lanes": [{}, other], "train_size": 60, "batch_size": 20}


every_network = pytest.mark.parametrize("network", NETWORKS)


def trained(network: str) -> Experiment:
    experiment = Experiment(parse(run_of(network)), device="cpu")
    experiment.run(5)
    return experiment


@every_network
def test_a_specimen_says_what_the_networks_say(network: str) -> None:
    experiment = trained(network)
    snapshot = Snapshot(experiment, rows=7)
    judge: Judge = experiment.judge
    torch.testing.assert_close(
        judge.log_probabilities(snapshot.network, snapshot.val_x),
        judge.log_probabilities(experiment.model, snapshot.val_x),
    )


@every_network
def test_training_passes_of_a_specimen_do_not_change_the_run(network: str) -> None:
    looked_at, alone = trained(network), trained(network)
    snapshot = Snapshot(looked_at, rows=11)
    for number in range(3):
        snapshot.draw(number)
        snapshot.network(snapshot.train_x[:11])
    np.testing.assert_array_equal(looked_at.run(3).loss, alone.run(3).loss)


@every_network
def test_a_specimen_stays_as_it_was_when_the_run_goes_on(network: str) -> None:
    experiment = trained(network)
    snapshot = Snapshot(experiment)
    before = [each.clone() for each in snapshot.activations(snapshot.val_x[:50])]
    experiment.run(5)
    for now, then in zip(snapshot.activations(snapshot.val_x[:50]), before, strict=True):
        assert torch.equal(now, then)
    assert snapshot.step == 5


@every_network
def test_masks_of_one_number_are_the_same_and_of_another_are_not(network: str) -> None:
    experiment = trained(network)
    passes = []
    for number in (0, 0, 1):
        snapshot = Snapshot(experiment, rows=20)
        snapshot.draw(number)
        passes.append(snapshot.network(snapshot.train_x[:20])[1])
    assert torch.equal(passes[0], passes[1])
    assert not torch.equal(passes[0], passes[2])


@every_network
def test_every_row_has_a_mask_of_its_own_even_where_a_mini_batch_shares_one(network: str) -> None:
    config = run_of(network) | {"mask": "per_batch"}
    snapshot = Snapshot(Experiment(parse(config), device="cpu"), rows=30)
    snapshot.draw(0)
    same = snapshot.train_x[:1].expand(30, -1)
    logits = snapshot.network(same)[1]
    assert len(torch.unique(logits, dim=0)) > 1


@every_network
def test_activations_are_those_of_every_place_that_can_drop(network: str) -> None:
    experiment = trained(network)
    snapshot = Snapshot(experiment)
    entered = snapshot.activations(snapshot.val_x[:13])
    assert [tuple(each.shape) for each in entered] == [(2, 13, layer.units) for layer in experiment.layers]
    assert snapshot.network.training


def test_units_that_a_narrow_lane_does_not_have_are_named() -> None:
    snapshot = Snapshot(trained("mlp"))
    assert snapshot.real(1, 0).sum() == 12
    assert snapshot.real(1, 1).sum() == 7
