"""Measures the known curve of the class run: ``python -m scripts.known_curve``, a minute or two.

Networks as the class has them, of the same data and with the input rate that a student begins with, differ in the
dropout rate of their hidden layers alone. Each seed is a run of its own; that of the class, 0, is not among them.
"""

from __future__ import annotations

import json
from typing import Final

from app.rooms.known import FILE
from app.rooms.open import HIDDEN
from app.rooms.people import INPUT_RATE
from trainer.settings.config import parse
from trainer.training.experiment import Experiment

RATES: Final = tuple(round(twentieths / 20, 2) for twentieths in range(0, 19, 2))
STEPS: Final = (250, 500, 1000, 1500, 2000, 3000)
SEEDS: Final = range(1, 21)


def losses(seed: int, steps: tuple[int, ...] = STEPS) -> dict[int, list[float]]:
    """Return the validation loss at each rate, by step.

    Args:
        seed: of the run.
        steps: at which it is evaluated, rising.
    """
    lanes = [{"name": f"p = {rate:g}", "dropout": [INPUT_RATE] + [rate] * len(HIDDEN)} for rate in RATES]
    experiment = Experiment(parse({"seed": seed, "hidden": list(HIDDEN), "lanes": lanes}), "cpu")
    found = {}
    for step in steps:
        experiment.run(step - experiment.step)
        found[step] = [round(loss, 4) for loss in experiment.evaluate().val_loss.tolist()]
    return found


def main() -> None:
    """Measure all seeds and write the file."""
    of_seeds = [losses(seed) for seed in SEEDS]
    told = {
        "rates": list(RATES),
        "seeds": list(SEEDS),
        "losses": {str(step): [each[step] for each in of_seeds] for step in STEPS},
    }
    FILE.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
