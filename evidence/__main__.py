"""``python -m evidence``: every experiment over several seeds beside plain PyTorch, as a table and as a report."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from evidence.pairs import Paired
from evidence.report import html
from evidence.results import Results
from evidence.running import SOURCES, Progress, run, tasks
from evidence.stored import judged_together, rounded, rows_of, write
from evidence.table import MARKS, statement, summary, text
from trainer.presets import PRESETS, Preset, find_preset
from trainer.presets.expected import expected_for
from trainer.presets.seeds import FILE, FIRST, values_of

OUT: Final = Path("evidence.html")
SEEDS: Final = 20


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write the report; 1 if a row is outside."""
    chosen = options(arguments)
    presets = [find_preset(name) for name in chosen.presets]
    if chosen.stored:
        rows = rows_of(presets)
    else:
        try:
            rows = judged_together(rounded(trained(chosen, presets)))
        except KeyboardInterrupt:
            print("\nStopped. The same command goes on from here.", file=sys.stderr)
            return 130
    for preset in presets:
        print(text(preset, rows[preset.id]))
    every = [row for own in rows.values() for row in own]
    chosen.out.write_text(html([(preset, rows[preset.id]) for preset in presets]), encoding="utf-8")
    if chosen.write:
        write(rows)
        print(f"\nThe page will compare with these values: {FILE}.")
    print(f"\n{summary(every)} {statement(every)}\nThe report is {chosen.out}.")
    print("Marks: " + ", ".join(f"{mark} {word}" for word, mark in MARKS.items() if mark.strip()))
    return 1 if any(row.word == "outside" for row in every) else 0


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
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many of each")
    parser.add_argument("--out", type=Path, default=OUT, help="where the report goes; what is finished goes beside it")
    parser.add_argument("--fresh", action="store_true", help="measure again what is finished")
    parser.add_argument(
        "--more",
        action="store_true",
        help="train only seeds of which the page has no values: what it has was measured by the code as it was then",
    )
    parser.add_argument("--stored", action="store_true", help="train nothing: judge the values that the page has")
    parser.add_argument("--write", action="store_true", help="keep the values for the page; of all experiments only")
    cores = os.cpu_count() or 1
    parser.add_argument("--processes", type=int, default=min(2, cores), help="how many train at once")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.presets if name not in known]:
        parser.error(f"there is no experiment {', '.join(unknown)}; there are {', '.join(known)}")
    if chosen.seeds < 1 or chosen.processes < 1:
        parser.error("seeds and processes are whole numbers from 1")
    if chosen.write and set(chosen.presets) != set(known):
        parser.error("values are kept of all experiments together: leave --presets out")
    return chosen


def trained(chosen: argparse.Namespace, presets: list[Preset]) -> dict[str, list[Paired]]:
    """Every row with the values of all seeds, trained as far as they are not there yet; not judged."""
    results = Results(chosen.out.with_suffix(".kept"), chosen.fresh)
    if chosen.more:
        take_over(results, presets)
    todo = tasks([preset.id for preset in presets], chosen.seeds)
    print(
        f"{len(presets)} experiments, {chosen.seeds} seeds each, by the lab and by plain PyTorch; "
        f"what is finished is kept in {results.path}",
        flush=True,
    )
    for name in run(todo, results, tell, chosen.processes):
        print(f"{name} is done.", file=sys.stderr, flush=True)
    seeds = range(FIRST, FIRST + chosen.seeds)

    def column(source: str, preset: str, row: str) -> dict[int, float]:
        each = {seed: results.get(f"{source}/{preset}", seed) or {} for seed in seeds}
        return {seed: values[row] for seed, values in each.items() if row in values}

    return {
        preset.id: [
            Paired(row, column("lab", preset.id, row.id), column("plain", preset.id, row.id))
            for row in expected_for(preset.id)
        ]
        for preset in presets
    }


def take_over(results: Results, presets: list[Preset]) -> None:
    """Put in what the page has, where nothing was measured: each seed is a sample by itself, whoever measured it."""
    for preset in presets:
        for source in SOURCES:
            columns = {row.id: values_of(source, preset.id, row.id) for row in expected_for(preset.id)}
            for seed in sorted({seed for column in columns.values() for seed in column}):
                if results.get(f"{source}/{preset.id}", seed) is None:
                    values = {row: column[seed] for row, column in columns.items() if seed in column}
                    results.put(f"{source}/{preset.id}", seed, values)


def tell(progress: Progress) -> None:
    """Say how far it has come."""
    task, left = progress.task, progress.left_s
    time = f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"
    print(
        f"{progress.done:>4} of {progress.total}: {task.name}, seed {task.seed}, {progress.seconds:.0f} s; {time}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
