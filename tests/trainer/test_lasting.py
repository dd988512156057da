"""A seed means the same masks, mini-batches and noise on every processor, and in every version: links are kept."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from trainer.settings.config import parse
from trainer.training.experiment import Experiment

LANES: dict[str, list[dict[str, Any]]] = {
    kind: [{"name": "a"}, {"name": "b", "dropout": [0.2, 0.5, 0.7], "dropout_kind": kind}]
    for kind in ("inverted", "gaussian", "dropconnect")
}
RUNS: dict[str, dict[str, Any]] = {
    **{kind: {"hidden": [24, 16], "lanes": lanes} for kind, lanes in LANES.items()},
    "one mask for all": {"hidden": [24, 16], "lanes": LANES["inverted"], "mask": "per_batch"},
    "a ramp": {"hidden": [24, 16], "lanes": [{"dropout": [0.2, 0.5, 0.7], "schedule": "ramp_up", "schedule_steps": 9}]},
    "seeds": {
        "hidden": [24, 16],
        "lanes": [{"name": str(seed), "dropout": [0.2, 0.5, 0.7], "seed": seed, "train_size": 60} for seed in range(3)],
    },
    "cnn": {
        "network": "cnn",
        "hidden": [12],
        "channels": [2, 3],
        "lanes": [{"dropout": [0.2, 0.1, 0.1, 0.5], "spatial_dropout": [0.1, 0.2]}],
    },
    "lstm": {"network": "lstm", "hidden": [12], "lanes": [{"dropout": [0.2, 0.5, 0.5]}]},
}
MASKS = {
    "inverted": "d485c63e9dd58e56",
    "gaussian": "415987b99a81986a",
    "dropconnect": "d27ec9724d4140c8",
    "one mask for all": "96caf5ad0716b395",
    "a ramp": "af274d6938de44b6",
    "seeds": "6a825dcd27c0f6f7",
    "cnn": "a104f7fd5680c746",
    "lstm": "9cff137ba5165a8e",
}


def digest(*arrays: Any) -> str:
    return sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)).hexdigest()[:16]


def run_of(name: str) -> Experiment:
    return Experiment(parse({"train_size": 100, "batch_size": 32, "seed": 3, **RUNS[name]}), "cpu")


@pytest.mark.parametrize("name", RUNS)
def test_a_seed_has_the_masks_that_it_has_always_had(name: str) -> None:
    experiment = run_of(name)
    found: list[Any] = []
    for lane in range(len(experiment.config.lanes)):
        experiment.follow(lane=lane)
        steps = experiment.run(3)
        found += [steps.step, steps.example, *steps.masks.values(), *steps.kept.values()]
        found += [np.asarray(site.keep) for site in experiment.model.dropouts]
        found += [site.weight_keep for site in experiment.model.dropouts]
    assert digest(*found) == MASKS[name]


def test_a_seed_has_the_mini_batches_and_the_noise_on_inputs_that_it_has_always_had() -> None:
    """Which examples, in which order; and noise that is added, as multiples of 2⁻¹⁰."""
    experiment = run_of("seeds")
    chosen = [experiment.batches.example(step, row, lane) for lane in (0, 2) for step in (1, 2, 9) for row in range(32)]
    noisy = Experiment(parse({"lanes": [{}, {"input_noise": 0.5}], "seed": 3}), "cpu")
    x, _ = noisy.batches.at(5)
    added = ((noisy._input_noise.add(x, 5) - x)[1] * 1024).round().int()
    assert (digest(np.array(chosen)), digest(added)) == ("47bbb7e3b9cd6a14", "28f04d9176948bb7")
