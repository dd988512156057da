"""Workers as processes on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from app.pool.hub import WorkerHub
from trainer.logs import Kind
from trainer.wire.stream import TOKEN_VARIABLE

MAX_WORKERS: Final = 4  # each holds 350 MB as soon as torch is imported, and trains many runs
_ROOT: Final = Path(__file__).resolve().parents[2]  # where `trainer` is imported from
_VERSION_1: Final = ("cpu", "cpu,cpuacct")  # where it has its files, by how it was mounted
_GPU: Final = re.compile(r"nvidia\d+")


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
            sys.executable, "-m", "trainer.worker", *arguments, stdin=DEVNULL, cwd=_ROOT, env=environment
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
        """Ask it to end, and after ``grace_s`` seconds kill it. Returns once it is gone."""
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
                await self._process.wait()


def local_pool(
    workers: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    idx_folder: Path | None = None,
    log: tuple[Kind, str] = ("text", "info"),
) -> WorkerHub:
    """Return a pool of local processes, not yet started.

    Args:
        workers: how many; by default one for each GPU or, without any, one for each core, at most four.
        device: what they train on: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: threads of each worker; by default the cores are shared out evenly.
        idx_folder: where files of images lie that they may need.
        log: how they write their log, and how much.
    """
    gpus = visible_gpus() if device in ("auto", "cuda") else ()
    cores = usable_cores()
    count = workers or min(MAX_WORKERS, len(gpus) or (1 if device == "mps" else cores))
    return WorkerHub(LocalPlacer(device, threads or max(1, cores // count), gpus, idx_folder, log), count)


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
