"""Runs every benchmark in a process of its own, one after the other, so that none disturbs another: ``make bench``."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from typing import Final

_ORDER: Final = "trainer vmap networks search server watched watching events views draw changes delivery"
BENCHMARKS: Final = tuple(f"benchmarks.{name}" for name in _ORDER.split())


def main() -> int:
    """Run them all; 1 if one of them failed."""
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {version('torch')}"
    )
    print(f"Dropout Lab on {platform.system()} {machine}", flush=True)
    failed = []
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", name], check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
