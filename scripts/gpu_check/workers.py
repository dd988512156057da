"""Part 8: real workers, as the app starts them: time to their hello, memory, and two of them on one GPU."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scripts.gpu_check.rows import Finding, Sheet, measured, verdict
from trainer.wire.frames import decode
from trainer.wire.stream import TOKEN_VARIABLE, Kind, Splitter, pack_message, parse_message

_ROOT: Final = Path(__file__).resolve().parents[2]
_PATIENCE_S: Final = 45.0  # for what a hang alone takes longer for; all of the part has a limit as well
_MORE_PATIENCE_S: Final = 300.0  # in a rehearsal, on a processor that many programs may share
_FAREWELL_S: Final = 30.0


class Worker:
    """A worker process and the app's end of its stream."""

    def __init__(self, listening: socket.socket, device: str) -> None:
        self._token = secrets.token_hex(16)
        host, port = listening.getsockname()
        command = [sys.executable, "-m", "trainer.worker", "--connect", f"tcp:{host}:{port}", "--device", device]
        environment = {**os.environ, TOKEN_VARIABLE: self._token, "OMP_NUM_THREADS": "1"}
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL)
        self.socket: socket.socket | None = None
        self.hello: dict[str, Any] = {}
        self.hello_s = 0.0
        self.messages: list[dict[str, Any]] = []
        self.steps: list[int] = []
        self._splitter = Splitter()

    def greet(self, sock: socket.socket, hello: dict[str, Any]) -> bool:
        """Whether a hello is this worker's; if so, its stream is."""
        if hello.get("token") != self._token:
            return False
        self.socket, self.hello, self.hello_s = sock, hello, time.monotonic() - self.began
        return True

    def send(self, message: dict[str, Any]) -> None:
        """Say something to it."""
        assert self.socket is not None
        self.socket.sendall(pack_message(message))

    def receive(self) -> None:
        """Take in what it has said, after waiting a little for it."""
        assert self.socket is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            if not selector.select(0.1):
                return
        for kind, payload in self._splitter.feed(self.socket.recv(2**16)):
            if kind is Kind.JSON:
                self.messages.append(parse_message(payload))
            else:
                frame = decode(payload)
                if frame.kind == "steps":
                    self.steps += frame.tensors["step"].tolist()

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.send({"op": "shutdown"})
            self.socket.close()
        try:
            self.process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(_FAREWELL_S)


@contextlib.contextmanager
def workers(count: int, device: str, patience_s: float = _PATIENCE_S) -> Iterator[list[Worker]]:
    """So many workers that have said hello."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as stack:
        started = [Worker(listening, device) for _ in range(count)]
        for each in started:
            stack.callback(each.end)
        until = time.monotonic() + patience_s
        while any(not each.hello for each in started):
            _accept(listening, started, until)
        yield started


def _accept(listening: socket.socket, started: list[Worker], until: float) -> None:
    """Wait for the next hello, as long as all workers live."""
    for each in started:
        if each.process.poll() is not None:
            raise RuntimeError(f"a worker ended with status {each.process.returncode} before its hello")
    if time.monotonic() > until:
        raise TimeoutError("no hello in time")
    listening.settimeout(0.2)
    try:
        sock, _ = listening.accept()
    except TimeoutError:
        return
    sock.settimeout(10)
    splitter, hello = Splitter(), list[dict[str, Any]]()
    while not hello:
        data = sock.recv(2**16)
        if not data:
            raise RuntimeError("a worker hung up before its hello")
        hello += [parse_message(payload) for _, payload in splitter.feed(data)]
    if not any(each.greet(sock, hello[0]) for each in started):
        raise RuntimeError(f"a hello with another token: {hello[0]}")


def check(sheet: Sheet) -> None:
    """Rows of one worker, and of two at once."""
    sheet.attempt("one worker", lambda: _trains(sheet, 1))
    if not sheet.small:  # each worker takes seconds to start
        sheet.attempt("two workers on one GPU", lambda: _trains(sheet, 2))
        sheet.attempt("the default run, as fast as it goes", lambda: _at_full_speed(sheet))


def _trains(sheet: Sheet, count: int) -> Finding:
    """Have workers train a run each: every step is told, in order."""
    wanted, patience_s = sheet.choose(500, 20), sheet.choose(_PATIENCE_S, _MORE_PATIENCE_S)
    before = _used(sheet.on_gpu)
    with workers(count, sheet.device, patience_s) as started:
        for each in started:
            _open(each, 1000.0)
        _until(started, wanted, patience_s)
        used = _used(sheet.on_gpu) - before
        resident = max(_resident(each.process.pid) for each in started)
        hello_s = max(each.hello_s for each in started)
        in_order = all(each.steps == list(range(1, len(each.steps) + 1)) for each in started)
        on_device = all(str(each.hello["device"]).startswith(sheet.device) for each in started)
    clean = all(each.process.returncode == 0 for each in started)
    detail = (
        f"hello after {hello_s:.1f} s on {started[0].hello['device']}; {resident / 2**20:,.0f} MiB of memory each, "
        f"{used / 2**20:,.0f} MiB of the GPU; {min(len(each.steps) for each in started)} steps each or more, "
        f"{'all in order' if in_order else 'not in order'}; {'ended well' if clean else 'ended badly'}"
    )
    right = in_order and on_device and clean
    finding = verdict(right, detail, hello_s=hello_s, resident=resident, device=used, workers=count)
    return finding if count == 1 or not right else sheet.on_gpu_only(finding)


def _at_full_speed(sheet: Sheet) -> Finding:
    """Steps a second that a worker makes and tells of, with a viewer that has no view open."""
    wanted = sheet.choose(2000, 20)
    with workers(1, sheet.device) as (worker,):
        _open(worker, None)
        _until([worker], 1)
        first, began = len(worker.steps), time.monotonic()
        _until([worker], first + wanted)
        speed = (len(worker.steps) - first) / (time.monotonic() - began)
    return sheet.on_gpu_only(measured(f"{speed:,.0f} steps/s with all masks told", steps_per_second=speed))


def _open(worker: Worker, steps_per_second: float | None) -> None:
    worker.send({"op": "open", "run": "gpu-check", "config": {}, "steps_per_second": steps_per_second})
    worker.send({"op": "command", "run": "gpu-check", "ref": 1, "command": {"op": "play"}})


def _until(started: list[Worker], wanted: int, patience_s: float = _PATIENCE_S) -> None:
    """Listen until each has told of so many steps."""
    until = time.monotonic() + patience_s
    while any(len(each.steps) < wanted for each in started):
        for each in started:
            each.receive()
            failed = [message for message in each.messages if message.get("op") == "failed" or message.get("error")]
            if failed:
                raise RuntimeError(f"the worker said {failed[0]}")
        if time.monotonic() > until:
            raise TimeoutError(f"{[len(each.steps) for each in started]} of {wanted} steps in {patience_s:.0f} s")


def _used(on_gpu: bool) -> int:
    """Bytes of the GPU that are in use, by whomever."""
    if not on_gpu:
        return 0
    import torch

    free, total = torch.cuda.mem_get_info()
    return total - free


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where that is not told."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
    return 0
