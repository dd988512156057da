"""Part 9: how fast networks train side by side, beside one network trained as everybody writes it."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from benchmarks.plain import PlainLoop
from benchmarks.turns import times_in_turns
from benchmarks.vmap import config_of, sides
from scripts.gpu_check.machine import nvidia_smi
from scripts.gpu_check.rows import Finding, Sheet, goal, measured
from trainer.settings.config import parse
from trainer.training.experiment import Experiment

LANES: Final = (1, 2, 16, 64, 128, 256, 512, 1024)
FREE_LANES: Final = 256
"""Goal: so many lanes train in the time of one plain network."""

RATIO: Final = 100.0
"""Goal: so many times as fast as plain networks one after the other, with 64 lanes."""

_AT: Final = 64
_CALLS: Final = ("cudaLaunch", "cuLaunch", "cudaGraphLaunch", "cudaMemcpy", "cudaMemset", "cudaStreamSynchronize")


@dataclass(frozen=True)
class Measured:
    """Seconds for one step, medians over rounds: of one plain network (with its loss fetched at every step, and
    without), of so many by ``vmap``, and of so many in lanes; and the median of the rounds' ratios of network-steps.
    """

    lanes: int
    plain: float
    unread: float
    vmap: float
    lab: float
    ratio: float
    ratio_unread: float
    ratio_vmap: float


class UnreadLoop(PlainLoop):
    """The plain loop, but losses stay where they are until a call is over: what a careful hand writes for a GPU."""

    def run(self, steps: int) -> list[list[float]]:
        """Train every network for some steps; the losses by step and network."""
        losses = []
        for _ in range(steps):
            batch = next(self._batches)
            x, y = self.x[batch], self.y[batch]
            for each, optimizer in zip(self.networks, self.optimizers, strict=True):
                optimizer.zero_grad()
                loss = self.loss(each(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
        found: list[list[float]] = torch.stack(losses).view(steps, -1).tolist()
        return found


def check(sheet: Sheet) -> None:
    """A row for each number of lanes, then the curve and the goals."""
    sheet.attempt("clocks before", _clocks)
    found: list[Measured] = []
    for lanes in sheet.choose(LANES, (2,)):
        sheet.attempt(f"{lanes:,} lanes", lambda: _row(sheet, lanes, found))  # noqa: B023
    sheet.attempt("lanes that are free", lambda: _free(sheet, found))
    sheet.attempt(f"{_AT} lanes, times one after the other", lambda: _ratio(sheet, found))
    sheet.attempt("64 lanes, each with a seed of its own", lambda: _own_seeds(sheet))
    sheet.attempt("what a step asks of the GPU", lambda: _launches(sheet))
    sheet.attempt("clocks after", _clocks)


def _row(sheet: Sheet, lanes: int, found: list[Measured]) -> Finding:
    own = measure(sheet, lanes)
    found.append(own)
    detail = (
        f"{1e6 * own.lab:,.0f} µs a step, {lanes / own.lab:,.0f} network-steps/s; one plain network "
        f"{1e6 * own.plain:,.0f} µs ({1e6 * own.unread:,.0f} with losses left on the device), vmap "
        f"{1e6 * own.vmap:,.0f} µs; {own.ratio:.1f}× plain ({own.ratio_unread:.1f}×), {own.ratio_vmap:.1f}× vmap"
    )
    return sheet.on_gpu_only(measured(detail, **vars(own)))


def measure(sheet: Sheet, lanes: int) -> Measured:
    """Time all sides in turns."""
    made = sides(lanes, sheet.device)
    unread = UnreadLoop(made.one.networks, made.one.x, made.one.y, made.one.batch_size, 2e-3)
    runs = [_finished(each.run, sheet.on_gpu) for each in (made.one, unread, made.vmap, made.lab)]
    plain, careful, stacked, lab = times_in_turns(runs, sheet.choose(5, 1), sheet.choose(0.25, 0.02))
    return Measured(
        lanes,
        plain=statistics.median(plain),
        unread=statistics.median(careful),
        vmap=statistics.median(stacked),
        lab=statistics.median(lab),
        ratio=lanes * _median_ratio(plain, lab),
        ratio_unread=lanes * _median_ratio(careful, lab),
        ratio_vmap=_median_ratio(stacked, lab),
    )


def _finished(run: Callable[[int], Any], on_gpu: bool) -> Callable[[int], object]:
    """The same, and when it returns the GPU has done it."""

    def finished(steps: int) -> None:
        run(steps)
        if on_gpu:
            torch.cuda.synchronize()

    return finished


def _median_ratio(theirs: Sequence[float], mine: Sequence[float]) -> float:
    return statistics.median(other / own for other, own in zip(theirs, mine, strict=True))


def free_lanes(times: Sequence[tuple[int, float]], limit: float) -> float:
    """How many lanes train in ``limit`` seconds: between two numbers that were measured, on a straight line.

    Args:
        times: numbers of lanes, rising, and seconds for a step of each.
        limit: seconds.
    """
    free = 0.0
    for index, (lanes, seconds) in enumerate(times):
        if seconds <= limit:
            free = float(lanes)
            continue
        if index:
            fewer, faster = times[index - 1]
            free = fewer + (lanes - fewer) * (limit - faster) / (seconds - faster)
        break
    return free


def _free(sheet: Sheet, found: Sequence[Measured]) -> Finding:
    """The free-lanes curve: each number of lanes, and its time in times of one plain network."""
    curve = [(each.lanes, each.lab) for each in found]
    limit = statistics.median(each.plain for each in found)
    careful = statistics.median(each.unread for each in found)
    free, free_unread = (free_lanes(curve, each) for each in (limit, careful))
    more = f" or more, of {curve[-1][0]:,} measured" if free == curve[-1][0] else ""
    points = ", ".join(f"{each.lanes:,}: {each.lab / each.plain:.2f}" for each in found)
    detail = (
        f"{free:,.0f}{more} (goal {FREE_LANES}) in the time of one plain network; {free_unread:,.0f} in that of one "
        f"whose losses stay on the device; time in times of one plain network by lanes: {points}"
    )
    figures = {"free": free, "free_unread": free_unread, "goal": float(FREE_LANES)}
    return sheet.on_gpu_only(goal(free >= FREE_LANES, detail, **figures))


def _ratio(sheet: Sheet, found: Sequence[Measured]) -> Finding:
    own = next((each for each in found if each.lanes == _AT), None)
    ratio, unread = (math.nan, math.nan) if own is None else (own.ratio, own.ratio_unread)
    detail = f"{ratio:.0f}× (goal {RATIO:.0f}×); {unread:.0f}× of networks whose losses stay on the device"
    return sheet.on_gpu_only(goal(ratio >= RATIO, detail, ratio=ratio, ratio_unread=unread, goal=RATIO))


def _own_seeds(sheet: Sheet) -> Finding:
    """Lanes with mini-batches of their own, against lanes that share theirs."""
    lanes = sheet.choose(_AT, 4)
    shared = config_of(lanes)
    own = [lane.model_copy(update={"seed": seed}) for seed, lane in enumerate(shared.lanes)]
    configs = (shared, shared.model_copy(update={"lanes": tuple(own)}))
    runs = [_finished(Experiment(config, sheet.device).run, sheet.on_gpu) for config in configs]
    together, apart = times_in_turns(runs, sheet.choose(5, 1), sheet.choose(0.25, 0.02))
    ratio = _median_ratio(apart, together)
    times = [1e6 * statistics.median(each) for each in (together, apart)]
    detail = f"{times[1]:,.0f} µs a step, {ratio:.2f} times the {times[0]:,.0f} of lanes that share their mini-batches"
    return sheet.on_gpu_only(measured(detail, microseconds=times[1], shared=times[0], ratio=ratio))


def _launches(sheet: Sheet) -> Finding:
    """How often the CPU asks something of the GPU for one step of the default run, by the profiler's count."""
    experiment, steps = Experiment(parse({}), sheet.device), sheet.choose(40, 4)
    experiment.run(2)
    activity = torch.profiler.ProfilerActivity
    watched = [activity.CPU, activity.CUDA] if sheet.on_gpu else [activity.CPU]
    with torch.profiler.profile(activities=watched) as profile:
        experiment.run(steps)
    counts = Counter(event.name for event in profile.events() if event.name.startswith(_CALLS))
    detail = ", ".join(f"{count / steps:.1f} {name}" for name, count in counts.most_common()) or "none was counted"
    finding = measured(f"for one step: {detail}", **{name: count / steps for name, count in counts.items()})
    return sheet.on_gpu_only(finding)


def _clocks() -> Finding:
    found = nvidia_smi()
    return measured(", ".join(f"{name} {value}" for name, value in found.items()) or "no nvidia-smi here", **found)
