"""What the parts of the server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.requests import HTTPConnection

from app.aside import MOST_WAITING, Aside
from app.body import Places
from app.eventline import Seats
from app.live import Live
from app.metrics import Metrics
from app.pool.base import Pool
from app.records import Records
from app.rooms.rooms import Rooms
from app.runs import Runs
from app.settings import Settings
from app.store.keeper import Keeper
from app.tables import Tables
from app.watched.watches import Watches

MAX_BODY_BYTES: Final = 256 * 1024  # of what is no file
MOST_LONG: Final = 4  # records of runs that are taken in at once,
MOST_FILES: Final = 2  # and files of runs: 48 MB each, and as much again while one is read


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
        long_files: where files of runs are taken in.
        files: where they are read and written.
        scripts: where scripts are written.
        records: where records of runs are made and kept.
        keeper: keeps runs beyond the life of the server.
        metrics: what is counted.
        rooms: the rooms that exist.
        watches: models of other programs that are watched.
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
    rooms: Rooms
    watches: Watches
    idx_folder: Path | None = None
    seats: Seats = field(default_factory=Seats)
    long_openings: Places = field(init=False)
    openings: Aside = field(init=False)
    long_files: Places = field(init=False)
    files: Aside = field(init=False)
    scripts: Aside = field(init=False)
    was_well: bool = False

    def __post_init__(self) -> None:
        share_of = self.settings.share_of
        self.long_openings = Places(MOST_LONG, MAX_BODY_BYTES, share_of(MOST_LONG))
        self.openings = Aside("runs to be opened", MOST_WAITING, share_of(MOST_WAITING))
        self.long_files = Places(MOST_FILES, MAX_BODY_BYTES, share_of(MOST_FILES))
        self.files = Aside("files of runs", MOST_WAITING, share_of(MOST_WAITING))
        self.scripts = Aside("scripts", MOST_WAITING, share_of(MOST_WAITING))


def lab_of(request: HTTPConnection) -> Lab:
    """Return the lab that a request came to."""
    lab = request.app.state.lab
    assert isinstance(lab, Lab)
    return lab
