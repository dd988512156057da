"""What the parts of the server share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from app.live import Live
from app.pool.base import Pool
from app.runs import Runs
from app.settings import Settings


@dataclass
class Lab:
    """One running server.

    Attributes:
        settings: what its operator chose.
        pool: where the runs train.
        runs: the runs that exist.
        live: everybody who watches.
        was_well: whether a worker was ever there.
    """

    settings: Settings
    pool: Pool
    runs: Runs
    live: Live
    was_well: bool = False


def lab_of(request: HTTPConnection) -> Lab:
    """Return the lab that a request came to."""
    lab = request.app.state.lab
    assert isinstance(lab, Lab)
    return lab
