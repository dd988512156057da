"""Workers as processes on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import psutil

import trainer
from app.pool.hub import WorkerHub
from app.pool.signs import USUAL, Limits
from trainer.logs import Kind
from trainer.wire.stream import TOKEN_VARIABLE

DYING_S: Final = 10.0  # for a process that was killed to end
MAX_WORKERS: Final = 64
WORKER_BYTES: Final = 350_000_000  # that a worker holds as soon as torch is imported,
RUNS_BYTES: Final = 350_000_000  # and what it has at least for its runs
LEAST_ROOM: Final = 100_000_000  # where memory is short
WEB_BYTES: Final = 250_000_000  # of the web process, with what it remembers of runs, and of what else there is
_TRAINER: Final = trainer.__name__  # of the installed package it is ``dropout_lab.trainer``
_ROOT: Final = Path(__file__).resolve().parents[2 + _TRAINER.count(".")]  # where it is imported from
_PYTHON: Final = (sys.executable, *(("-P",) if "." in _TRAINER else ()))
"""How Python is called. What is installed it finds without the folder in which it starts, and that folder, with all
that is installed, must not come before Python's own modules."""
_VERSION_1: Final = ("cpu", "cpu,cpuacct")  # where it has its files, by how it was mounted
_MEMORY: Final = ("memory.max", "memory/memory.limit_in_bytes")  # of version 2 and of version 1
_GPU: Final = re.compile(r"nvidia\d+")

_log = logging.getLogger(__name__)


class LocalPlacer:
    """Starts workers as child processes.

    Args:
        device: what they train on: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: threads of each worker.
        gpus: names of the GPUs to share out, one a worker, as ``CUDA_VISIBLE_DEVICES`` names them.
        idx_folder: where files of images lie.
        log: how they write their log, and how much: ``("json", "info")``.
    """

    def __init__(
        self,
        device: str = "auto",
        threads: int = 1,
        gpus: tuple[str, ...] = (),
        idx_folder: Path | None = None,
        log: tuple[Kind, str] = ("text", "info"),
    ) -> None:
        self._log = log
        self._device = device
        self._idx_folder = idx_folder
        self._threads = threads
        self._gpus = gpus if device in ("auto", "cuda") else ()

    async def place(self, worker: int, epoch: int, address: str, token: str) -> LocalWorker:
        """Start worker number ``worker``. The token travels in its environment: arguments can be read by every user.

        Raises:
            OSError: the process cannot be started.
        """
        environment = {**os.environ, TOKEN_VARIABLE: token, "OMP_NUM_THREADS": str(self._threads)}
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[worker % len(self._gpus)]
        options: dict[str, str | int] = {
            "connect": address,
            "worker": worker,
            "epoch": epoch,
            "device": self._device,
            "threads": self._threads,
            "log": self._log[0],
            "log-level": self._log[1],
        }
        if self._idx_folder is not None:
            options["idx-folder"] = str(self._idx_folder)
        arguments = (word for name, value in options.items() for word in (f"--{name}", str(value)))
        process = await asyncio.create_subprocess_exec(
            *_PYTHON, "-m", f"{_TRAINER}.worker", *arguments, stdin=DEVNULL, cwd=_ROOT, env=environment
        )
        return LocalWorker(process)


class LocalWorker:
    """A worker process that was started."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def wait(self) -> int:
        """Wait until it has ended; its exit status, negative for a signal."""
        return await self._process.wait()

    async def end(self, grace_s: float) -> None:
        """Ask it to end, and after ``grace_s`` seconds kill it. Returns once it is gone.

        A process that is stopped hears a SIGTERM only when it goes on; SIGKILL ends it as it is. One that waits within
        a driver dies when the driver lets it, and is not waited for longer than `DYING_S`.
        """
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_s)
        finally:  # also when the waiting itself was cancelled
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                try:
                    await asyncio.wait_for(self._process.wait(), DYING_S)
                except TimeoutError:
                    _log.error("process %d was killed and does not end: a driver holds it", self._process.pid)


def local_pool(
    workers: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    idx_folder: Path | None = None,
    limits: Limits = USUAL,
    log: tuple[Kind, str] = ("text", "info"),
) -> WorkerHub:
    """Return a pool of local processes, not yet started.

    Args:
        workers: how many; by default one for each GPU or, without any, one for each core, as far as memory goes.
        device: what they train on: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: threads of each worker; by default the cores are shared out evenly.
        idx_folder: where files of images lie that they may need.
        limits: when a worker that hangs is given up.
        log: how they write their log, and how much.
    """
    gpus = visible_gpus() if device in ("auto", "cuda") else ()
    cores = usable_cores()
    memory = usable_memory()
    count = workers or default_workers(len(gpus) or (1 if device == "mps" else cores), memory)
    room = None if gpus or device == "mps" else room_of_each(count, memory)  # a GPU has a memory of its own
    placer = LocalPlacer(device, threads or max(1, cores // count), gpus, idx_folder, log)
    return WorkerHub(placer, count, limits=limits, room=room)


def default_workers(wanted: int, memory: int) -> int:
    """Return how many workers there are if nobody says it: as many as are wanted and have room, at least 1.

    Args:
        wanted: one for each GPU or core.
        memory: bytes that there are.
    """
    return max(1, min(MAX_WORKERS, wanted, (memory - WEB_BYTES) // (WORKER_BYTES + RUNS_BYTES)))


def room_of_each(workers: int, memory: int) -> int:
    """Return how many bytes each of some workers has for its runs: its share of what there is, without its own.

    There is always room for some runs: that workers are too many is their operator's choice.
    """
    return max(LEAST_ROOM, (memory - WEB_BYTES) // workers - WORKER_BYTES)


def usable_memory(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many bytes of memory all processes of the lab may use together.

    Version 2 of control groups writes ``max`` where there is no limit, version 1 a number beyond every machine.

    Args:
        root: folder of the control groups.
    """
    limits = [int(psutil.virtual_memory().total)]
    for name in _MEMORY:
        with contextlib.suppress(OSError, ValueError):
            limits.append(int((root / name).read_text()))
    return min(limits)


def usable_cores(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many cores this process may keep busy, at least 1.

    Args:
        root: folder of the control groups, which know a container's share of the machine.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *map(round, cgroup_quotas(root))]))


def cgroup_quotas(root: Path) -> list[float]:
    """Return the cores that control groups of version 2 and of version 1 allow, as far as they limit them.

    Version 2 writes ``max 100000``, or ``150000 100000`` for 1.5 cores, into one file; version 1 writes the two numbers
    into two, the first negative where there is no limit.

    Args:
        root: folder of the control groups.
    """
    quotas = []
    for names in (("cpu.max",), *((f"{at}/cpu.cfs_quota_us", f"{at}/cpu.cfs_period_us") for at in _VERSION_1)):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = " ".join((root / name).read_text() for name in names).split()
            quotas += [int(quota) / int(period)] if int(quota) > 0 else []
    return quotas


def visible_gpus(environment: Mapping[str, str] = os.environ, devices: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the NVIDIA GPUs that a worker could use, without importing torch.

    ``CUDA_VISIBLE_DEVICES`` decides where it is set; elsewhere the driver's device files are counted. A GPU that torch
    cannot use after all does no harm: with ``auto`` its worker trains on the processor.

    Args:
        environment: the environment variables.
        devices: names of the files in ``/dev``.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        names = [name.strip() for name in chosen.split(",")]
        return tuple(name for name in names if name and name != "-1")
    if devices is None:
        devices = os.listdir("/dev") if os.path.isdir("/dev") else ()
    found = sorted(int(name.removeprefix("nvidia")) for name in devices if _GPU.fullmatch(name))
    return tuple(str(index) for index, _ in enumerate(found))
