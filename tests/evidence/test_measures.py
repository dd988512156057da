"""What is measured is what its name says."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evidence.measures.costs import steps_to
from evidence.measures.networks import GRID, SIDE, length
from evidence.trained import Trained, train, train_run
from trainer.presets import find_preset
from trainer.settings.config import parse


@pytest.fixture(scope="module")
def small() -> Trained:
    return train_run(parse({"hidden": [8], "lanes": [{"dropout": [0, 0]}, {"dropout": [0, 0.5]}]}), 100, 25)


def test_the_lengths_of_lines_are_measured_as_they_are() -> None:
    at = torch.linspace(-SIDE, SIDE, GRID, dtype=torch.float64)
    y, x = torch.meshgrid(at, at, indexing="ij")
    # A straight line through the square, at any slope; a circle, whose chords are shorter by less than a thousandth.
    assert length((x + 0.013).numpy(), 0.0) == pytest.approx(2 * SIDE)
    assert length((y - 0.5 * x + 0.013).numpy(), 0.0) == pytest.approx(2 * SIDE * 1.25**0.5, rel=1e-6)
    assert length((x**2 + y**2).numpy(), 4.0) == pytest.approx(4 * torch.pi, rel=1e-3)
    assert length((x * 0).numpy(), 0.5) == 0


def test_a_run_is_evaluated_after_every_so_many_steps(small: Trained) -> None:
    assert small.step.tolist() == [25, 50, 75, 100]
    assert small.val_loss.shape == small.train_accuracy.shape == (4, 2)
    scores = small.experiment.evaluate()
    assert small.val_loss[-1] == pytest.approx(scores.val_loss.numpy())
    assert small.val_accuracy[-1] == pytest.approx(100 * scores.val_accuracy.numpy())


def test_what_a_run_has_come_to_is_the_mean_of_its_last_three_evaluations(small: Trained) -> None:
    assert small.final(small.val_loss) == pytest.approx(small.val_loss[1:].mean(axis=0))
    assert small.at(small.val_loss, 50) == pytest.approx(small.val_loss[1])


@pytest.mark.parametrize(
    ("holds", "first"),
    [([True] * 4, 25.0), ([True, False, True, True], 75.0), ([False] * 4, np.nan), ([True, True, True, False], np.nan)],
)
def test_for_good_is_from_when_on_it_never_fails_again(small: Trained, holds: list[bool], first: float) -> None:
    assert small.for_good(np.array(holds)) == pytest.approx(first, nan_ok=True)


def test_steps_to_a_loss_are_those_of_the_first_evaluation_at_or_below_it(small: Trained) -> None:
    losses = small.train_loss[:, 0]
    assert steps_to(small, 0, float(losses[2])) == 75
    assert np.isnan(steps_to(small, 0, float(losses.min()) / 2))


def test_a_seed_and_knobs_of_its_own_make_another_run() -> None:
    preset = replace(find_preset("twin"), steps=200)
    runs = [train(preset, 0), train(preset, 0), train(preset, 0, label_noise=0.0), train(preset, 1)]
    assert runs[0] is runs[1]
    assert runs[2].experiment.config.label_noise == 0
    assert runs[2].val_loss[-1, 0] < runs[0].val_loss[-1, 0]
    assert runs[3].experiment.config.seed == 1
    assert runs[3].val_loss[-1, 0] != runs[0].val_loss[-1, 0]


def test_the_evidence_knows_nothing_of_the_app() -> None:
    files = sorted((Path(__file__).parents[2] / "evidence").rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"app", "tests", "benchmarks", "scripts"}, file
