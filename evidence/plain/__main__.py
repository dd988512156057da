"""``python -m evidence.plain``: experiments in plain PyTorch, each value printed as it comes."""

from __future__ import annotations

import argparse

from evidence.plain.measures import MEASURES, measure
from trainer.presets import find_preset
from trainer.presets.seeds import FIRST


def main(arguments: list[str] | None = None) -> int:
    """Train and print."""
    parser = argparse.ArgumentParser(prog="python -m evidence.plain", description=__doc__)
    parser.add_argument("--presets", default=",".join(MEASURES), help="which experiments, with commas between")
    parser.add_argument("--seeds", type=int, default=1, help="how many of each")
    chosen = parser.parse_args(arguments)
    names = [name.strip() for name in chosen.presets.split(",")]
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"{', '.join(unknown)} has no reference; there are {', '.join(MEASURES)}")
    for seed in range(FIRST, FIRST + chosen.seeds):
        for name in names:
            for row, value in measure(find_preset(name), seed).items():
                print(f"{name}, seed {seed}: {row} = {value:.4g}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
