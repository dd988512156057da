"""Has parts of the check done in another process, and goes on whatever becomes of it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from scripts.gpu_check.child import MACHINE, SMALL

ROOT: Final = Path(__file__).resolve().parents[2]
_FAREWELL_S: Final = 5.0
_TAIL: Final = 2000  # characters of a process's last words that are kept

Hear = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class End:
    """How a part ended.

    Attributes:
        outcome: ``done``; ``raised`` something; ``died``, its process is gone; ``ended``, its time was over.
        error: what there is to say about it.
    """

    outcome: str
    error: str = ""


class Child:
    """A process of `scripts.gpu_check.child`; as a context, it is gone at the end.

    Args:
        device: what it works on.
        small: whether it rehearses.
    """

    def __init__(self, device: str, small: bool) -> None:
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        command = [sys.executable, "-m", "scripts.gpu_check.child", device, *([SMALL] if small else [])]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._words}
        # A group of its own, so that what hangs can be ended with all that it has started.
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload]
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        with contextlib.suppress(ValueError):  # half a line of a process that was ended
            for line in self._process.stdout:
                self._messages.put(json.loads(line))
        self._messages.put(None)

    def do(self, wanted: str, limit_s: float, hear: Hear) -> End:
        """Have one part done, in at most ``limit_s`` seconds; ``hear`` gets everything that it says."""
        with contextlib.suppress(OSError):  # a process that has died: the silence tells it
            self._process.stdin.write(wanted + "\n")
            self._process.stdin.flush()
        until = time.monotonic() + limit_s
        while True:
            try:
                message = self._messages.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return End("ended", f"it was ended after {limit_s:.0f} s")
            if message is None:
                return End("died", f"its process ended ({self._status()}); its last words: {self._last_words()}")
            hear(message)
            if "done" in message:
                return End("raised", message["error"]) if message.get("error") else End("done")

    def _status(self) -> str:
        try:
            status = self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            return "and its output is closed"
        return f"status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read().decode(errors="replace")[-_TAIL:].strip() or "none"

    def leave(self) -> None:
        """Let it end, or end it, and all that it has started."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self.end()
        self._listener.join(_FAREWELL_S)
        if not self._listener.is_alive():
            self._process.stdout.close()
        self._words.close()

    def end(self) -> None:
        """End it at once, and all that it has started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that hangs in the driver cannot be waited for
            self._process.wait(_FAREWELL_S)


class Crew:
    """Has one part after the other done: each in a process of its own, or all in one as long as nothing goes wrong.

    Args:
        device: what they work on.
        small: whether they rehearse.
        shared: whether a process that did a part well does the next one, too.
    """

    def __init__(self, device: str, small: bool, shared: bool) -> None:
        self._device, self._small = device, small
        self._shared = shared
        self._child: Child | None = None

    def machine(self, limit_s: float) -> tuple[dict[str, Any] | None, End]:
        """The facts of the machine; None if they could not be found."""
        found: list[dict[str, Any]] = []
        end = self._do(MACHINE, limit_s, found.append)
        return (found[-1]["machine"] if found and end.outcome == "done" else None), end

    def do(self, module: str, limit_s: float, hear: Hear) -> End:
        """Have one part done; how long its process takes to start counts."""
        end = self._do(module, limit_s, lambda message: hear(message["row"]) if "row" in message else None)
        if end.outcome == "done" and not self._shared:
            self.leave()
        return end

    def _do(self, wanted: str, limit_s: float, hear: Hear) -> End:
        if self._child is None:
            self._child = Child(self._device, self._small)
        end = self._child.do(wanted, limit_s, hear)
        if end.outcome != "done":
            self.leave(at_once=True)
        return end

    def leave(self, at_once: bool = False) -> None:
        """Have no process any more."""
        if self._child is not None:
            if at_once:
                self._child.end()
            self._child.leave()
        self._child = None
