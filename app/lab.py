"""What the parts of the server share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import HTTPConnection

from app.live import Live
from app.pool.base import Pool
from app.runs import Runs
from app.settings import Settings
from app.tables import Tables


@dataclass
class Lab:
    """One running server.

    Attributes:
        settings: what its operator chose.
        pool: where the runs train.
        runs: the runs that exist.
        live: everybody who watches.
        tables: what was uploaded.
        idx_folder: where files of images lie, if there are any that can be read.
        was_well: whether a worker was ever there.
    """

    settings: Settings
    pool: Pool
    runs: Runs
    live: Live
    tables: Tables
    idx_folder: Path | None = None
    was_well: bool = False


def lab_of(request: HTTPConnection) -> Lab:
    """Return the lab that a request came to."""
    lab = request.app.state.lab
    assert isinstance(lab, Lab)
    return lab
