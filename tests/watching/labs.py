"""A lab in a thread of the tests' own process: the server as it is, without workers, so that it starts at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future

from app.settings import Settings
from tests.app.conftest import running
from tests.app.fakes import FakePool


@contextlib.contextmanager
def lab_at(patience: float) -> Iterator[str]:
    """Run a lab, and say where."""
    address: Future[str] = Future()
    over = threading.Event()

    async def serve() -> None:
        async with running(FakePool(), Settings(log_level="error"), patience) as lab:
            address.set_result(lab.url)
            await asyncio.to_thread(over.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not address.done():
                address.set_exception(error)
            raise

    thread = threading.Thread(target=run, name="lab")
    thread.start()
    try:
        yield address.result(patience)
    finally:
        over.set()
        thread.join(patience)
