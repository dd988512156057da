"""What the parts of the server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.requests import HTTPConnection

from app.aside import Aside
from app.body import Places
from app.eventline import Seats
from app.live import Live
from app.metrics import Metrics
from app.pool.base import Pool
from app.records import Records
from app.runs import Runs
from app.settings import Settings
from app.store.keeper import Keeper
from app.tables import Tables

MAX_BODY_BYTES: Final = 256 * 1024  # of what is no file
MOST_LONG: Final = 4  # records of runs that are taken in at once


@dataclass
class Lab:
    """One running server.

    Attributes:
        settings: what its operator chose.
        pool: where the runs train.
        runs: the runs that exist.
        live: everybody who watches.
        seats: those of them who watch by events.
        tables: what was uploaded.
        long_openings: where what runs are opened with is taken in, if it is long.
        openings: where what runs are opened with is read.
        scripts: where scripts are written.
        records: where records of runs are made and kept.
        keeper: keeps runs beyond the life of the server.
        metrics: what is counted.
        idx_folder: where files of images lie, if there are any that can be read.
        was_well: whether a worker was ever there.
    """

    settings: Settings
    pool: Pool
    runs: Runs
    live: Live
    tables: Tables
    records: Records
    keeper: Keeper
    metrics: Metrics
    seats: Seats = field(default_factory=Seats)
    long_openings: Places = field(default_factory=lambda: Places(MOST_LONG, MAX_BODY_BYTES))
    openings: Aside = field(default_factory=lambda: Aside("runs to be opened"))
    scripts: Aside = field(default_factory=lambda: Aside("scripts"))
    idx_folder: Path | None = None
    was_well: bool = False


def lab_of(request: HTTPConnection) -> Lab:
    """Return the lab that a request came to."""
    lab = request.app.state.lab
    assert isinstance(lab, Lab)
    return lab
