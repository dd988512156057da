"""``python -m trainer.worker --connect ADDRESS``: warm up, dial the app, train what it sends."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.errors import DropoutLabError
from trainer.logs import of_run, set_up
from trainer.settings.config import parse
from trainer.tables.table import Table
from trainer.wire.stream import TOKEN_VARIABLE, StreamError
from trainer.worker.link import LinkClosedError, connect
from trainer.worker.loop import Worker
from trainer.worker.pulse import Pulse

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

_log = logging.getLogger(__package__)


def main(arguments: list[str] | None = None) -> int:
    """Be a worker until the app hangs up or says that it is over; the exit status."""
    # Ctrl-C in a terminal reaches every process: the app ends its workers itself. Asked to end, a worker just does: it
    # holds nothing that anybody would miss.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    options = _options(arguments)
    set_up(options.log, options.log_level, f"worker {options.worker}")
    token = os.environ.pop(TOKEN_VARIABLE, "")

    import torch

    from trainer.data.datasets import Sources
    from trainer.training.checkpoint import packed, state_of, unpack
    from trainer.training.experiment import Experiment
    from trainer.worker.look import evaluation_trace

    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)

    try:
        device = usable_device(options.device, lambda name: str(warm_up(Experiment(parse({}), name)).device))
        link = connect(options.connect)
    except (DropoutLabError, OSError, ValueError) as error:
        _log.error("cannot start: %s", error)
        return 1

    def make(request: Mapping[str, Any]) -> Experiment:
        table = request.get("table")
        sources = Sources(Table.decode(table) if table else None, options.idx_folder)
        config, changes = parse(request.get("config")), request["changes"]
        experiment = Experiment(config, device, changes=changes, sources=sources)
        checkpoint = request.get("checkpoint")
        if checkpoint is not None:
            try:  # with all changes, of which some may have come after it
                saved = unpack(state_of(checkpoint))
                experiment.load_state_dict(saved, changes)
            except DropoutLabError as error:
                if request.get("strict"):  # somebody brought it, and is told
                    raise
                run = str(request.get("run"))
                _log.error(
                    "a checkpoint cannot be used, and run %s begins at step 0: %s", run, error, extra=of_run(run)
                )
                return Experiment(config, device, changes=changes, sources=sources)
        return experiment

    with contextlib.closing(link), contextlib.suppress(LinkClosedError), _told_apart():
        hello = {"worker": options.worker, "epoch": options.epoch, "token": token}
        about = {"pid": os.getpid(), "device": device, "torch": torch.__version__}
        link.send({"op": "hello", **hello, **about})
        # A GPU works while this process waits for it.
        worked = time.process_time if device == "cpu" else time.monotonic
        worker = Worker(link, make, evaluation_trace, pack=packed, worked=worked)
        with Pulse(link):
            worker.serve()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """A stream that is none cannot be listened to any further: that is said in a line, and the worker ends.

    Raises:
        SystemExit: with status 1.
    """
    try:
        yield
    except StreamError as error:
        _log.error("the app does not speak this worker's language: %s", error)
        sys.exit(1)


def _leave(number: int, frame: object) -> None:
    """Exit, and do not let a second signal interrupt that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def usable_device(wanted: str, warm_up: Callable[[str], str]) -> str:
    """Warm up on the device that is wanted and return its name; if it was not asked for by name, the CPU will do, too.

    Args:
        wanted: a device, or ``"auto"``.
        warm_up: trains a little on a device and returns its name.
    """
    try:
        return warm_up(wanted)
    except RuntimeError as error:  # what torch raises of a driver too old, or of a GPU whose memory is full
        if wanted != "auto":
            raise
        _log.warning("the GPU cannot be used, training goes on with the CPU: %s", error)
        return warm_up("cpu")


def warm_up(experiment: Experiment) -> Experiment:
    """Do once what a run does, so that the first real one begins training at once; returns ``experiment``."""
    experiment.run(30, trace=True)
    experiment.evaluate()
    experiment.sample_subnetworks(lane=0, members=2, dropout=experiment.config.lanes[-1].dropout)
    return experiment


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("--connect", required=True, metavar="ADDRESS", help="unix:PATH or tcp:HOST:PORT of the app")
    parser.add_argument("--worker", type=int, default=0, help="which of the pool's workers this is")
    parser.add_argument("--epoch", type=int, default=1, help="how often this worker was started")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--idx-folder", type=Path, help="where files of images lie, if there are any")
    parser.add_argument("--threads", type=int, default=1, help="threads that a step may use")
    parser.add_argument("--log", choices=("text", "json"), default="text", help="how it writes its log")
    parser.add_argument("--log-level", default="info", help="how much it writes: debug, info, warning or error")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
