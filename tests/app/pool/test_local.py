from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.pool.local import LocalPlacer, LocalWorker, local_pool, usable_cores, usable_memory, visible_gpus
from tests.app.pool.ears import Ears
from trainer.wire.stream import Kind, Splitter, pack_message, parse_message


async def child(program: str) -> Process:
    """Start Python on ``program`` and wait until it says that it is ready."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes() if sys.platform == "linux" else b""


async def test_a_worker_that_is_asked_to_end_ends_kindly() -> None:
    process = await child(
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('ready', flush=True); signal.pause()"
    )
    worker = LocalWorker(process)
    await worker.end(grace_s=60)
    assert await worker.wait() == 0


async def test_a_worker_that_does_not_listen_is_killed() -> None:
    process = await child(
        "import signal; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    )
    worker = LocalWorker(process)
    await worker.end(grace_s=0.01)
    assert await worker.wait() == -signal.SIGKILL
    await worker.end(grace_s=0.01)  # once more does no harm


@pytest.mark.parametrize("grace_s", [0.0, 0.01])
async def test_a_worker_that_is_stopped_is_killed_as_it_is(grace_s: float) -> None:
    process = await child(
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('ready', flush=True); signal.pause()"
    )
    process.send_signal(signal.SIGSTOP)
    worker = LocalWorker(process)
    await worker.end(grace_s)
    assert await worker.wait() == -signal.SIGKILL


async def test_a_process_that_no_signal_ends_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that a driver holds cannot be made; here a signal is lost on the way."""
    monkeypatch.setattr("app.pool.local.DYING_S", 0.01)
    process = await child("import signal; print('ready', flush=True); signal.pause()")
    with monkeypatch.context() as patched:
        for name in ("terminate", "kill"):
            patched.setattr(process, name, lambda: None)
        await LocalWorker(process).end(0.0)
    assert "does not end" in caplog.text
    process.kill()
    await process.wait()


async def test_a_worker_is_killed_even_when_the_waiting_is_given_up() -> None:
    process = await child(
        "import signal; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    )
    ending = asyncio.create_task(LocalWorker(process).end(grace_s=60))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert process.returncode == -signal.SIGKILL


async def test_stopping_a_pool_leaves_no_process_ready_or_not(patience: float) -> None:
    ears = Ears(patience * 2)
    pool = local_pool(workers=2, device="cpu", threads=1)
    await pool.start(ears)
    pool.open("r", {"config": {"hidden": [8], "train_size": 20, "batch_size": 10}})
    await ears.opened("r")
    pids = [worker.pid for worker in pool.workers]
    assert pids
    async with asyncio.timeout(patience):
        await pool.stop()
    assert not any(is_there(pid) for pid in pids)
    assert pool.status().alive == 0
    assert ears.lost == []


async def test_a_worker_keeps_its_token_out_of_its_arguments_and_ends_when_the_app_hangs_up(patience: float) -> None:
    hello: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ((kind, payload),) = Splitter().feed(await reader.read(4096))
        assert kind is Kind.JSON
        pid = parse_message(payload)["pid"]
        arguments = arguments_of(pid)
        hello.set_result({**parse_message(payload), "arguments": arguments})
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        address = "tcp:{}:{}".format(*server.sockets[0].getsockname())
        worker = await LocalPlacer("cpu").place(3, 7, address, "a-secret")
        async with asyncio.timeout(2 * patience):
            said = await hello
            assert await worker.wait() == 0
    assert (said["op"], said["worker"], said["epoch"], said["token"]) == ("hello", 3, 7, "a-secret")
    assert said["device"] == "cpu"
    assert b"a-secret" not in said["arguments"]  # type: ignore[operator]


@pytest.mark.parametrize("ending", ["shutdown", "SIGTERM", "SIGINT then shutdown"])
async def test_a_worker_ends_with_status_0_when_it_is_told_to_and_not_by_a_key_in_the_terminal(
    patience: float, ending: str
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ((_, payload),) = Splitter().feed(await reader.read(4096))
        pid = parse_message(payload)["pid"]
        if ending == "SIGTERM":
            os.kill(pid, signal.SIGTERM)
        else:
            if ending.startswith("SIGINT"):
                os.kill(pid, signal.SIGINT)
            writer.write(pack_message({"op": "shutdown"}))
        assert await reader.read() == b""
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        worker = await LocalPlacer("cpu").place(0, 1, "tcp:{}:{}".format(*server.sockets[0].getsockname()), "token")
        async with asyncio.timeout(2 * patience):
            assert await worker.wait() == 0


async def test_a_worker_that_finds_nobody_ends_with_status_1(patience: float, tmp_path: Path) -> None:
    worker = await LocalPlacer("cpu").place(0, 1, f"unix:{tmp_path}/nobody", "token")
    async with asyncio.timeout(2 * patience):
        assert await worker.wait() == 1


@pytest.mark.parametrize(
    ("environment", "devices", "expected"),
    [
        ({}, [], ()),
        ({}, ["null", "nvidiactl", "nvidia-uvm", "nvidia1", "nvidia0"], ("0", "1")),
        ({}, ["nvidia3"], ("0",)),  # a container that was given one of several sees it as its first
        ({"CUDA_VISIBLE_DEVICES": "2, GPU-8f"}, ["nvidia0"], ("2", "GPU-8f")),
        ({"CUDA_VISIBLE_DEVICES": ""}, ["nvidia0"], ()),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, ["nvidia0"], ()),
    ],
)
def test_gpus_are_counted_without_torch(
    environment: dict[str, str], devices: list[str], expected: tuple[str, ...]
) -> None:
    assert visible_gpus(environment, devices) == expected


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight cores."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("share", "cores"),
    [("100000 100000", 1), ("50000 100000", 1), ("250000 100000", 2), ("6400000 100000", 8), ("max 100000", 8)],
)
@pytest.mark.parametrize("folder", ["", "cpu", "cpu,cpuacct"], ids=["version 2", "version 1", "version 1 with cpuacct"])
def test_a_container_uses_no_more_cores_than_it_may(tmp_path: Path, share: str, cores: int, folder: str) -> None:
    if folder:
        (tmp_path / folder).mkdir()
        quota, period = share.replace("max", "-1").split()
        (tmp_path / folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (tmp_path / folder / "cpu.cfs_period_us").write_text(f"{period}\n")
    else:
        (tmp_path / "cpu.max").write_text(f"{share}\n")
    assert usable_cores(tmp_path) == cores


@pytest.mark.usefixtures("machine")
def test_without_a_limit_all_cores_are_used(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none") == 8
    (tmp_path / "cpu.max").write_text("nonsense")
    assert usable_cores(tmp_path) == 8


GB = 1_000_000_000


@pytest.mark.parametrize(("workers", "room"), [(2, 525_000_000), (4, 100_000_000), (1, 1_400_000_000)])
def test_a_worker_has_its_share_of_memory_for_runs_and_some_in_any_case(
    monkeypatch: pytest.MonkeyPatch, workers: int, room: int
) -> None:
    monkeypatch.setattr("app.pool.local.usable_memory", lambda: 2 * GB if workers < 4 else GB)
    assert local_pool(workers, device="cpu").status().room == room
    assert local_pool(workers, device="mps").status().room is None


@pytest.mark.parametrize(
    ("cores", "memory", "workers"),
    [(1, 16 * GB, 1), (8, 16 * GB, 8), (64, 256 * GB, 64), (128, 256 * GB, 64), (8, 2 * GB, 2), (4, GB // 4, 1)],
)
def test_a_pool_has_a_worker_for_each_core_as_far_as_memory_goes(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int, workers: int
) -> None:
    monkeypatch.setattr("app.pool.local.usable_cores", lambda: cores)
    monkeypatch.setattr("app.pool.local.usable_memory", lambda: memory)
    assert local_pool(device="cpu").status().wanted == workers
    assert local_pool(workers=7, device="cpu").status().wanted == 7


@pytest.mark.parametrize(
    ("file", "limit", "memory"),
    [
        ("memory.max", "2147483648", 2147483648),
        ("memory.max", "max", 8 * GB),
        ("memory.max", "99000000000", 8 * GB),
        ("memory/memory.limit_in_bytes", "1500000000", 1500000000),
        ("memory/memory.limit_in_bytes", "9223372036854771712", 8 * GB),  # as it is written without a limit
        ("other", "1", 8 * GB),
    ],
)
def test_a_container_uses_no_more_memory_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, limit: str, memory: int
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=8 * GB))
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(f"{limit}\n")
    assert usable_memory(tmp_path) == memory
