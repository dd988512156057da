"""Part 6: recording steps anew, and making experiments and letting go of them, takes no memory for good."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch

from scripts.gpu_check.rows import Finding, Sheet, measured, verdict
from scripts.gpu_check.runs import config_of, every_kind, started
from trainer.settings.config import parse

RECORDINGS: Final = 40
EXPERIMENTS: Final = 30
_SETTLING: Final = 10  # turns after which kernels are loaded and the allocator has its blocks

MAX_TENSORS: Final = 2**20
"""Bytes by which tensors may grow. The weights of one default network alone are 170,000."""

MAX_DEVICE: Final = 2**26
"""Bytes by which the whole GPU may: a workspace of cuBLAS that each of 20 turns keeps would be ten times as many."""


@dataclass(frozen=True)
class Held:
    """Bytes of tensors, bytes that PyTorch holds for tensors, and bytes of the GPU that are in use."""

    tensors: int
    reserved: int
    device: int


def held(on_gpu: bool) -> Held:
    """What is held now; nothing on a CPU."""
    if not on_gpu:
        return Held(0, 0, 0)
    torch.cuda.synchronize()
    free, total = torch.cuda.mem_get_info()
    return Held(torch.cuda.memory_allocated(), torch.cuda.memory_reserved(), total - free)


def check(sheet: Sheet) -> None:
    """Rows of re-recordings, of experiments, and of what a run takes."""
    recordings, experiments = sheet.choose(RECORDINGS, 4), sheet.choose(EXPERIMENTS, 3)
    sheet.attempt("what the default run takes", lambda: _default_run(sheet))
    sheet.attempt(f"{recordings} re-recordings", lambda: _grown(sheet, recordings, _recordings(sheet, recordings)))
    made = _experiments(sheet, experiments)
    sheet.attempt(f"{experiments} experiments made and let go", lambda: _grown(sheet, experiments, made))
    sheet.attempt("an experiment that nobody has any more is gone at once", lambda: _gone_at_once(sheet))


def _default_run(sheet: Sheet) -> Finding:
    before = held(sheet.on_gpu)
    experiment = started(sheet, parse({}))
    experiment.run(10)
    after = held(sheet.on_gpu)
    tensors, device = after.tensors - before.tensors, after.device - before.device
    finding = measured(
        f"{tensors / 2**20:.1f} MiB of tensors, {device / 2**20:.0f} MiB of the GPU with CUDA’s own share",
        tensors=tensors,
        device=device,
        steps=experiment.step,
    )
    return sheet.on_gpu_only(finding)


def _recordings(sheet: Sheet, count: int) -> Callable[[], Iterator[None]]:
    """Turns, each with two changes that make another computation of a step."""

    def turns() -> Iterator[None]:
        experiment = started(sheet, config_of("mlp", [*every_kind(), {"rate": 0.2}]))
        for turn in range(count):
            experiment.set(0, batch_norm=turn % 2 == 0, dropout_kind="dropconnect" if turn % 4 < 2 else "inverted")
            experiment.run(2)
            yield

    return turns


def _experiments(sheet: Sheet, count: int) -> Callable[[], Iterator[None]]:
    def turns() -> Iterator[None]:
        for _ in range(count):
            experiment = started(sheet, config_of("mlp", [*every_kind(), {"batch_norm": True}]))
            experiment.run(3)
            del experiment
            yield

    return turns


def _grown(sheet: Sheet, count: int, turns: Callable[[], Iterator[None]]) -> Finding:
    """How much memory grew from the turn on at which all is set up."""
    seen = [held(sheet.on_gpu) for _ in turns()]
    first, last = seen[min(_SETTLING, count // 2) - 1], seen[-1]
    tensors, device = last.tensors - first.tensors, last.device - first.device
    detail = f"{tensors / 2**10:+.0f} KiB of tensors and {device / 2**20:+.0f} MiB of the GPU after the first turns"
    right = tensors <= MAX_TENSORS and device <= MAX_DEVICE
    reserved = last.reserved - first.reserved
    return sheet.on_gpu_only(verdict(right, detail, tensors=tensors, device=device, reserved=reserved, turns=count))


def _gone_at_once(sheet: Sheet) -> Finding:
    """Whether an experiment needs no garbage collector: its graph might be collected while another is recorded."""
    with _no_collection():
        experiment = started(sheet, config_of("mlp", [{"rate": 0.2}]))
        experiment.run(2)
        watched = weakref.ref(experiment)
        del experiment
        gone = watched() is None
    return verdict(gone, "gone" if gone else "something that it refers to refers to it")


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
