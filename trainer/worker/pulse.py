"""The worker's pulse: a thread that says twice a second that the process is alive, whatever the training does, and in
between sends what the loop could not send at once.

A thread beats on while another one trains: operators of PyTorch let it, however long they take, and Python does every
few milliseconds. So silence means that the whole process stands still, and is noticed within seconds. What a thread
cannot notice is an endless loop beside it; so each beat says for how long the loop has been at one thing, and the app
judges that with a limit of its own, far above what anything takes.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from trainer.wire.stream import BEAT_S
from trainer.worker.link import LinkClosedError


class Beating(Protocol):
    """What a pulse needs of a `trainer.worker.link.Link`."""

    def beat(self) -> None:
        """Say that this process is alive."""

    def push(self, for_s: float) -> None:
        """Send what is left, for some seconds."""

    def stir(self) -> None:
        """Have that end."""


class Pulse:
    """Beats for as long as it is entered.

    Args:
        line: the stream to the app.
        every_s: seconds between two beats.
    """

    def __init__(self, line: Beating, every_s: float = BEAT_S) -> None:
        self._line = line
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._line.stir()
        self._thread.join(self._every_s)

    def _run(self) -> None:
        try:
            due_at = time.monotonic() + self._every_s
            while not self._over.is_set():
                self._line.push(max(0.0, due_at - time.monotonic()))
                if time.monotonic() >= due_at and not self._over.is_set():
                    self._line.beat()
                    due_at = time.monotonic() + self._every_s
        except LinkClosedError:
            pass  # the loop finds out as well, and ends the worker
