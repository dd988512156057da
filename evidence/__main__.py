"""``python -m evidence``: every experiment over several seeds, as a table and as a report."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from evidence.report import html
from evidence.results import Results
from evidence.running import Progress, run, tasks
from evidence.table import MARKS, closeness, summary, text
from evidence.verdict import Verdict, judge
from trainer.presets import PRESETS, Preset, find_preset
from trainer.presets.expected import expected_for

OUT: Final = Path("evidence.html")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write the report; 1 if a row is outside that is not known to be."""
    chosen = options(arguments)
    presets = [find_preset(name) for name in chosen.presets]
    results = Results(chosen.out.with_suffix(".kept"), chosen.fresh)
    todo = tasks([preset.id for preset in presets], chosen.seeds)
    print(
        f"{len(presets)} experiments, {chosen.seeds} seeds each; what is finished is kept in {results.path}", flush=True
    )
    outcome: dict[str, list[Verdict]] = {}
    try:
        for name in run(todo, results, tell, chosen.processes):
            outcome[name] = verdicts(find_preset(name), results, chosen.seeds)
            print(text(find_preset(name), outcome[name]), flush=True)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    pairs = [(preset, outcome[preset.id]) for preset in presets]
    chosen.out.write_text(html(pairs, chosen.seeds), encoding="utf-8")
    rows = [verdict for _, own in pairs for verdict in own]
    print(f"\n{summary(rows)} {closeness(rows)}\nThe report is {chosen.out}.")
    print("Marks: " + ", ".join(f"{mark} {word}" for word, mark in MARKS.items() if mark.strip()))
    return 1 if any(verdict.word == "outside" for verdict in rows) else 0


def options(arguments: list[str] | None) -> argparse.Namespace:
    """What may be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m evidence", description=__doc__)
    known = [preset.id for preset in PRESETS]
    parser.add_argument(
        "--presets",
        type=lambda given: [name.strip() for name in given.split(",")],
        default=known,
        help=f"which experiments, with commas between; all if left out ({', '.join(known)})",
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many of each")
    parser.add_argument("--out", type=Path, default=OUT, help="where the report goes; what is finished goes beside it")
    parser.add_argument("--fresh", action="store_true", help="measure again what is finished")
    cores = os.cpu_count() or 1
    parser.add_argument("--processes", type=int, default=min(2, cores), help="how many train at once")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.presets if name not in known]:
        parser.error(f"there is no experiment {', '.join(unknown)}; there are {', '.join(known)}")
    if chosen.seeds < 1 or chosen.processes < 1:
        parser.error("seeds and processes are whole numbers from 1")
    return chosen


def verdicts(preset: Preset, results: Results, seeds: int) -> list[Verdict]:
    """Every row of an experiment, judged."""
    each = [results.get(preset.id, seed) or {} for seed in range(seeds)]
    return [judge(row, [values[row.id] for values in each if row.id in values]) for row in expected_for(preset.id)]


def tell(progress: Progress) -> None:
    """Say how far it has come."""
    task, left = progress.task, progress.left_s
    time = f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"
    print(
        f"{progress.done:>4} of {progress.total}: {task.preset}, seed {task.seed}, {progress.seconds:.0f} s; {time}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
