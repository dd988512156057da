"""Where steps are recorded as CUDA graphs: on one stream and in one pool of memory for all recordings of a device.

A stream of its own for each recording would keep a cuBLAS workspace of 32 MiB for each, and a pool of its own for each
would be given back to the GPU only when memory runs out. One pool may serve all graphs, in whatever order they are
launched, because what a recorded step leaves behind lies in tensors that were there before
(`trainer.training.captured`), and because all of them are launched on one stream.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

Compute = Callable[[Tensor, Tensor], None]
"""Makes one step of a mini-batch and its targets; what it leaves behind is in tensors that were there before."""


class Graph(Protocol):
    """A recorded step."""

    def replay(self) -> None:
        """Make it again, of what now lies where its mini-batch lay."""


class Graphs(Protocol):
    """Records steps."""

    def aside(self) -> AbstractContextManager[None]:
        """Have what is asked of the device done where recordings are made, behind all that was asked for before."""

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        """Record what ``compute`` asks of the device, without doing it; within `aside`.

        Raises:
            RuntimeError: it cannot be recorded, or there is no memory for it.
        """


class CudaGraphs:
    """Records CUDA graphs of one GPU.

    Args:
        device: the GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._anchor: torch.cuda.CUDAGraph | None = None
        self._spoiled: list[torch.cuda.CUDAGraph] = []

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Do what follows on the stream of all recordings."""
        here = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(here)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            here.wait_stream(self._stream)

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        """Record what ``compute`` asks of the GPU."""
        with undisturbed():
            if self._anchor is None:  # a pool is there for as long as some graph belongs to it
                self._anchor = self._captured(lambda: torch.zeros(1, device=self._device))
            return self._captured(lambda: compute(x, target))

    def _captured(self, compute: Callable[[], object]) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                compute()
        except BaseException:
            # The allocator may not have been told that the capture is over, and asks the graph about its allocations.
            self._spoiled.append(graph)
            with suppress(RuntimeError):
                torch._C._cuda_endAllocateToPool(self._stream.device_index, self._pool)
            raise
        return graph


class NoGraphs:
    """Records nothing: an experiment that is given this makes the steps that a recorded one makes, of the same noise,
    but each as it is written. It is there to compare the two.
    """

    def aside(self) -> AbstractContextManager[None]:
        """Do what follows where everything is done."""
        return nullcontext()

    def record(self, compute: Compute, x: Tensor, target: Tensor) -> Graph:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("this experiment was told to record nothing")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect garbage now, and none before this is over: a graph that is destroyed in the middle of a capture, as part
    of some old cycle, spoils that capture.
    """
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def graphs_of(device: torch.device) -> Graphs | None:
    """What records steps on a device; None where nothing can be recorded."""
    if device.type != "cuda":
        return None
    return _cuda_graphs(torch.cuda.current_device() if device.index is None else device.index)


@cache
def _cuda_graphs(index: int) -> CudaGraphs:
    return CudaGraphs(torch.device("cuda", index))
