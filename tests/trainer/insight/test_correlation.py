"""Correlations are numpy's; dead units, widths and large layers are what they are said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.trainer.insight.test_activity import trained
from trainer.insight import finish, look_at
from trainer.insight.correlation import BINS, correlations, evenly, matrix
from trainer.insight.snapshot import Snapshot
from trainer.settings.networks import NETWORKS


@pytest.mark.parametrize("network", NETWORKS)
def test_every_figure_is_that_of_the_pairs_of_units_that_change(network: str) -> None:
    experiment = trained(network)
    experiment.follow(lane=1)
    found = look_at("correlation", experiment)
    snapshot = Snapshot(experiment)
    entered = snapshot.activations(experiment.judge.val_x)
    assert found["lane"].tolist() == [1, 0]
    for place, layer in enumerate(experiment.config.layers[1:], start=1):
        for lane in range(len(experiment.config.lanes)):
            own = entered[place][lane][:, snapshot.real(place, lane)].numpy()
            r = np.corrcoef(own[:, np.ptp(own, axis=0) > 0].T)
            pairs = r[np.triu_indices(len(r), k=1)]
            assert found[f"mean/{layer}"][lane] == pytest.approx(np.abs(pairs).mean(), rel=1e-5)
            assert found[f"strong/{layer}"][lane] == pytest.approx((np.abs(pairs) > 0.7).mean(), rel=1e-6)
            assert found[f"histogram/{layer}"][lane].sum() == len(pairs)
        units = min(128, entered[place].shape[2])
        for entry, lane in enumerate([1, 0]):
            x = entered[place][lane][:, :units].numpy()
            alive = np.ptp(x, axis=0) > 0
            expected = np.zeros((units, units))
            expected[np.ix_(alive, alive)] = np.corrcoef(x[:, alive].T)
            assert np.abs(found[f"matrix/{layer}"][entry] - 127 * expected).max() <= 0.5 + 1e-6


def test_the_pairs_are_counted_as_numpy_counts_them_however_they_are_cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn((50, 30), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x[:, 7] = 3.0  # a unit that never changes
    x[:, 9] = -2 * x[:, 4] + 1
    whole = finish(correlations(x))
    r = np.corrcoef(np.delete(x.numpy(), 7, axis=1).T)
    pairs = r[np.triu_indices(29, k=1)]
    assert whole.histogram.tolist() == np.histogram(pairs.clip(-1, 1), BINS, (-1, 1))[0].tolist()
    assert whole.histogram[0] == 1, "two units that say the opposite of each other"
    monkeypatch.setattr("trainer.insight.correlation._WORK", 50 * 29 * 4)
    parts = list(correlations(x))
    assert len(parts) == 8, "29 units, four at a time"
    cut = finish(correlations(x))
    assert (cut.strong, cut.histogram.tolist()) == (whole.strong, whole.histogram.tolist())
    assert cut.mean == pytest.approx(whole.mean, rel=1e-12)


def test_where_no_two_units_change_there_is_no_correlation() -> None:
    x = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    found = finish(correlations(x))
    assert math.isnan(found.mean)
    assert math.isnan(found.strong)
    assert matrix(x).tolist() == [[0, 0], [0, 127]]


def test_activations_that_are_no_numbers_have_no_correlation() -> None:
    x = torch.tensor([[0.0, 1.0, math.nan], [0.5, 2.0, 1.0], [0.1, 3.0, 2.0]])
    found = finish(correlations(x))
    assert math.isnan(found.mean)
    assert found.histogram.sum() == 0
    assert matrix(x)[2].tolist() == [0, 0, 0]


def test_of_too_many_units_some_are_taken_evenly_from_the_first_to_the_last() -> None:
    assert evenly(torch.arange(5), 8).tolist() == [0, 1, 2, 3, 4]
    some = evenly(torch.arange(0, 2000, 2), 400).numpy()
    assert (len(some), some[0], some[-1]) == (400, 0, 1998)
    assert set(np.diff(some)) == {4, 6}
