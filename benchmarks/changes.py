"""What a long list of changes costs: a step of the run, one more `set` from the worker to a viewer, and a joiner.

``python -m benchmarks.changes``: before and now, turn about in one process, with 1,000 and 10,000 changes. *Before* is
what stood in the code until 2026-11-29: each state carried the whole list, and the app went through all of it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import torch

from trainer import Experiment
from trainer.settings.changes import ChangeLog
from trainer.settings.config import parse
from trainer.wire.jsontext import dumps

TURNS: Final = 15
COUNTS: Final = (1_000, 10_000)
STATE: Final = {"id": "r", "state": "playing", "step": 3, "config": parse({}).model_dump(mode="json")}
Change = dict[str, Any]


def many(count: int) -> list[Change]:
    """Changes as sliders leave them, most of them still to be made when the run has made 30 steps."""
    return [{"step": k + 1, "lane": k % 2, "knobs": {"dropout": [0.2, 0.5, 0.5, k % 9 / 10]}} for k in range(count)]


def told_before(changes: list[Change], step: int) -> Callable[[], int]:
    """One more `set`: told by the worker, read and learned by the app, told to a viewer, each time as a whole."""

    def tell() -> int:
        sent = dumps({"op": "changed", "state": {**STATE, "changes": list(changes)}})
        told = [_change(change) for change in json.loads(sent)["state"]["changes"]]
        known = {(change["step"], change.get("lane")) for change in told}
        to_come = [each for each in told if each["step"] > step and (each["step"], each.get("lane")) not in known]
        return len(sent) + len(dumps({"op": "changed", "run": {**STATE, "changes": [*told, *to_come]}}))

    return tell


def _change(given: Change) -> Change:
    return {"step": given["step"], "lane": given["lane"], "knobs": given["knobs"]}


def told_now(changes: list[Change]) -> Callable[[], int]:
    """The same as what is new."""
    worker, app = ChangeLog(changes), ChangeLog(changes)

    def tell() -> int:
        known, knew = worker.revision, app.revision
        worker.insert(len(changes), 1, {"l2": known / 1e6})
        sent = dumps({"op": "changed", "state": STATE, "changes": worker.text_since(known)})
        for change in json.loads(sent)["changes"]:
            app.insert(change["step"], change.get("lane"), change["knobs"])
        return len(sent) + len(dumps({"op": "changed", "run": STATE, "changes": app.text_since(knew)}))

    return tell


def joined_before(changes: list[Change]) -> Callable[[], int]:
    """One more viewer: all changes written for it."""
    return lambda: len(dumps({"op": "hello", "run": {**STATE, "changes": changes}}))


def joined_now(changes: list[Change]) -> Callable[[], int]:
    """The same, of a run that stood still since the last one came."""
    log = ChangeLog(changes)
    return lambda: len(dumps({"op": "hello", "run": {**STATE, "changes": log.text}}))


def step_of(changes: list[Change]) -> Callable[[], int]:
    """One step of a run that has these changes."""
    experiment = Experiment(parse({}), "cpu", changes=ChangeLog(changes))
    experiment.run(30)

    def step() -> int:
        experiment.prepare(1)
        experiment.run(1)
        return 0

    return step


def seconds(work: Callable[[], int]) -> tuple[float, int]:
    """How long it takes, and what it returns."""
    began = time.process_time()
    size = work()
    return time.process_time() - began, size


def medians(works: dict[str, Callable[[], int]]) -> dict[str, tuple[float, int]]:
    """Medians of several works that are done turn about: seconds of processor time, and bytes."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in works}
    for _ in range(TURNS):
        for name, work in works.items():
            found[name].append(seconds(work))
    return {name: (statistics.median(each[0] for each in those), those[-1][1]) for name, those in found.items()}


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(1)
    works: dict[str, Callable[[], int]] = {}
    for count in COUNTS:
        changes = many(count)
        works |= {
            f"set before {count}": told_before(changes, 30),
            f"set now {count}": told_now(changes),
            f"join before {count}": joined_before(changes),
            f"join now {count}": joined_now(changes),
            f"step now {count}": step_of(changes),
        }
    found = medians(works)
    print("| what | changes | before | now | ratio |\n|---|---|---|---|---|")
    for what, name in (("one more `set`", "set"), ("one more viewer", "join")):
        for count in COUNTS:
            (before, long), (now, short) = found[f"{name} before {count}"], found[f"{name} now {count}"]
            sizes = f"{long:,} bytes | {1e3 * now:.2f} ms, {short:,} bytes"
            print(f"| {what} | {count:,} | {1e3 * before:.2f} ms, {sizes} | {before / now:.1f}× |")
    few, lots = (found[f"step now {count}"][0] for count in COUNTS)
    print(f"| a step | 1,000, 10,000 | | {1e3 * few:.2f} ms, {1e3 * lots:.2f} ms | {lots / few:.2f}× |")


if __name__ == "__main__":
    main()
