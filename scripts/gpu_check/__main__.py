"""Tell whether the lab does on this machine's GPU what its tests say of the CPU, and how fast: ``make gpu-check``.

Needs Python 3.12, PyTorch 2.11 or newer with CUDA, NumPy, scikit-learn and what ``--needs`` prints; no virtual
environment. Ends with 0 if all passed, 1 if something failed or was left out, 2 if it cannot run here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from scripts.gpu_check import needs
from scripts.gpu_check.parts import MINUTES, PARTS, Part, room_for
from scripts.gpu_check.report import Report
from scripts.gpu_check.supervisor import Crew

PASSED: Final = 0
FAILED: Final = 1
CANNOT: Final = 2
_START_S: Final = 120.0  # for the first import of PyTorch on a machine that has never done it


def main(arguments: list[str] | None = None, parts: Sequence[Part] = PARTS) -> int:
    """Do the parts that are asked for; the exit status."""
    options = _options(arguments, parts)
    if options.needs:
        print("\n".join(needs.requirements()))
        return PASSED
    chosen = [part for part in parts if options.parts is None or part.number in options.parts]
    asked = {"parts": [part.number for part in chosen], "minutes": options.minutes}
    report = Report(options.json, options.rehearse, asked)
    lacking = needs.missing()
    if lacking:
        report.say(needs.advice(lacking))
        report.conclude("modules are missing")
        return CANNOT
    crew = Crew("cpu" if options.rehearse else "cuda", options.rehearse, shared=options.rehearse)
    try:
        return _check(chosen, crew, report, time.monotonic() + 60 * options.minutes, options.rehearse)
    finally:
        crew.leave(at_once=True)


def _check(chosen: Sequence[Part], crew: Crew, report: Report, until: float, rehearse: bool) -> int:
    machine, end = crew.machine(min(_START_S, until - time.monotonic()))
    report.machine(machine)
    if machine is None:
        report.say(f"PyTorch could not be loaded: {end.error}")
        report.conclude("no PyTorch")
        return CANNOT
    if not rehearse and machine["gpu"] is None:
        report.say("There is no GPU that PyTorch can use here, so there is nothing to check.")
        report.say("--rehearse does the same on the CPU, with small counts.")
        report.conclude("no GPU")
        return CANNOT
    for index, part in enumerate(chosen):
        _do(part, chosen[index + 1 :], crew, report, until)
    return PASSED if report.conclude() else FAILED


def _do(part: Part, later: Sequence[Part], crew: Crew, report: Report, until: float) -> None:
    """Do one part, if there is time for it."""
    left = until - time.monotonic()
    room = room_for(part, later, left)
    if room is None:
        report.leave_out(part, f"{max(0.0, left):.0f} s were left of the whole, and it needs up to {part.seconds:.0f}")
        return
    report.begin(part, room)
    began = time.monotonic()
    end = crew.do(part.module, room, report.receive)
    report.finish(end, time.monotonic() - began)


def _options(arguments: list[str] | None, parts: Sequence[Part]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m scripts.gpu_check", description=__doc__)
    numbers = {part.number for part in parts}

    def listed(text: str) -> set[int]:
        wanted = text.split(",")
        if not all(each.strip().isdecimal() and int(each) in numbers for each in wanted):
            raise argparse.ArgumentTypeError(f"{text!r} names no parts: they are {min(numbers)} to {max(numbers)}")
        return {int(each) for each in wanted}

    def positive(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < 1440:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
        return value

    default: Any = Path("test-results") / "gpu-check.json"
    parser.add_argument("--parts", type=listed, help="only these parts, such as 1,3")
    parser.add_argument("--rehearse", action="store_true", help="do the same on the CPU, with small counts")
    parser.add_argument("--json", type=Path, default=default, help="where the result is written (%(default)s)")
    parser.add_argument("--minutes", type=positive, default=MINUTES, help="for all of it (%(default)s)")
    parser.add_argument("--needs", action="store_true", help="print the requirements that the machine may lack")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
