"""What open views cost: the whole lab with all of them open against none, by turns: ``python -m benchmarks.views``."""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
from typing import Any, Final

from benchmarks.server import Traffic, owning, running_lab
from trainer.settings.config import parse
from trainer.settings.panels import VIEWS, fits

FLOOR: Final = 0.7
CASES: Final[dict[str, dict[str, Any]]] = {
    # Two of its lanes are alike and one has batch norm, so that every view of images means something.
    "digits, four lanes, all views that fit": {
        "lanes": [
            {"name": "none"},
            {"name": "dropout", "dropout": [0.2, 0.5, 0.5, 0.5]},
            {"name": "dropout, another seed", "dropout": [0.2, 0.5, 0.5, 0.5], "seed": 1},
            {"name": "batch norm", "batch_norm": True},
        ]
    },
    "digits, the default twin": {},
    "moons, the recommended twin": {"dataset": "moons"},
    "CNN, the recommended twin": {"network": "cnn"},
}


async def measure(
    url: str, config: dict[str, Any], views: list[str], rounds: int, seconds: float
) -> tuple[float, float, float, Traffic]:
    """Let a run train with and without views.

    Returns:
        Steps a second of both, the median of the rounds' ratios, and what was sent in the last turn with views.
    """
    async with owning(url, config) as viewer:
        await viewer.ask("speed", steps_per_second=None)
        await viewer.play(seconds)
        turns = []
        for _ in range(rounds):
            await viewer.ask("views", open=views)
            viewer.traffic, kept = Traffic(), viewer.traffic
            with_views = await viewer.play(seconds)
            traffic, viewer.traffic = viewer.traffic, kept
            await viewer.ask("views", open=[])
            turns.append((with_views, await viewer.play(seconds)))
    missing = [view for view in views if view not in traffic.frames]
    if missing:
        print(f"    not seen in the last turn: {', '.join(missing)}")
    ratio = statistics.median(with_views / without for with_views, without in turns)
    with_views, without = (statistics.median(side) for side in zip(*turns, strict=True))
    return with_views, without, ratio, traffic


def main() -> None:
    """Print what the views cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns that each side takes")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a turn takes")
    options = parser.parse_args()
    print(f"{platform.machine()}, whole lab, one viewer, steps a second, median of {options.rounds} turns")
    with running_lab() as url:
        for name, config in CASES.items():
            views = [view for view in VIEWS if fits(view, parse(config))]
            measured = measure(url, config, views, options.rounds, options.seconds)
            with_views, without, ratio, traffic = asyncio.run(measured)
            seen = ", ".join(f"{kind} {traffic.frames[kind]}" for kind in VIEWS if kind in traffic.frames)
            print(f"{name:<42} {with_views:>7,.0f} {without:>7,.0f} {ratio:.2f}× (meant: {FLOOR}×); frames: {seen}")


if __name__ == "__main__":
    main()
