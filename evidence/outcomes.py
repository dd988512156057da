"""How runs of each experiment ended, for tests of what the page says: ``python -m evidence.outcomes --seeds 10``.

What is kept of a run is what sentences that compare its networks are made of: the last evaluations and the best one, or
all of them where a sentence speaks of the course, and what views found.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from evidence.pairs import shortened
from evidence.trained import EVERY, FINAL, Scored, train, train_run
from trainer.insight import look_at
from trainer.presets import PRESETS, Preset
from trainer.presets.seeds import FIRST
from trainer.search import Evaluation, parse_search

FILE: Final = Path(__file__).with_name("outcomes.json")
SERIES: Final = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
VIEWS: Final = ("forgotten", "separate", "damage", "variance")  # of which sentences compare networks
WHOLE: Final = ("twin",)  # experiments whose course is kept
LARGEST: Final = 200  # numbers of a tensor


def outcome(preset: Preset, seed: int) -> dict[str, Any]:
    """How a run with a seed ended."""
    if preset.search is not None:
        return {"search": searched(preset, seed)}
    run = train(preset, seed)
    views = [view for view in VIEWS if view in preset.panels]
    return of_run(run, preset.id in WHOLE) | {"views": {view: plain(look_at(view, run.experiment)) for view in views}}


def of_run(run: Scored, whole: bool) -> dict[str, Any]:
    """The evaluations that are kept: all, or the best one of each network, whenever it was, and the last ones."""
    best = run.val_loss.argmin(axis=0)
    found: dict[str, Any] = {"step": run.step.tolist() if whole else [EVERY, *run.step[-FINAL:].tolist()]}
    for name in SERIES:
        values = getattr(run, name) / (100 if name.endswith("accuracy") else 1)
        rows = values if whole else np.vstack([values[best, range(values.shape[1])], values[-FINAL:]])
        found[name] = [[shortened(value, 4) for value in lane] for lane in rows.T.tolist()]
    found["stopped"] = [None if stop is None else dict(stop) for stop in run.stopped]
    return found


def plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """The small tensors of a view."""
    arrays = {name: np.asarray(tensor) for name, tensor in found.items()}
    return {
        name: {"shape": list(tensor.shape), "data": [shortened(float(each), 4) for each in tensor.ravel()]}
        for name, tensor in arrays.items()
        if (tensor.size <= LARGEST and "/" not in name) or name.startswith(("ratio/", "theory/"))
    }


def searched(preset: Preset, seed: int) -> list[list[float | None]]:
    """Final validation loss and accuracy of each candidate."""
    base = preset.config.model_copy(update={"seed": seed})
    state = parse_search(preset.search, base)
    while not state.is_done:
        run = train_run(state.lanes(base), state.config.steps, EVERY)
        scores = zip(run.step.tolist(), run.val_loss.tolist(), (run.val_accuracy / 100).tolist(), strict=True)
        state.add([Evaluation(*each) for each in scores])
    return [[shortened(each.val_loss, 4), shortened(each.val_accuracy, 4)] for each in state.results]


def to_text(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """The file: one run a line."""
    parts = []
    for preset, seeds in outcomes.items():
        lines = ",\n".join(f'  "{seed}": {json.dumps(run, separators=(",", ":"))}' for seed, run in seeds.items())
        parts.append(f"{json.dumps(preset)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and write the file anew."""
    parser = argparse.ArgumentParser(prog="python -m evidence.outcomes", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many of each")
    parser.add_argument("--out", type=Path, default=FILE, help="where they go")
    chosen = parser.parse_args(arguments)
    seeds = range(FIRST, FIRST + chosen.seeds)
    found = {preset.id: {str(seed): outcome(preset, seed) for seed in seeds} for preset in PRESETS}
    chosen.out.write_text(to_text(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
