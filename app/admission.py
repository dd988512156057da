"""Whether there is memory for one more run: what it takes is estimated, and what does not fit is refused."""

from __future__ import annotations

from typing import Final

from app.errors import TooManyRunsError
from app.opening import Opening
from app.pool.base import PoolStatus
from trainer.errors import KnobError
from trainer.search import parse_search
from trainer.settings.memory import lanes_that_fit, memory_of

MB: Final = 1_000_000


def needed(opening: Opening) -> int:
    """Return the bytes that a worker needs for a run; of a search for one of its batches."""
    if opening.search is None:
        return memory_of(opening.config).total
    return memory_of(parse_search(opening.search, opening.config).lanes(opening.config)).total


def check_size(opening: Opening, status: PoolStatus) -> int:
    """Return the bytes that a worker needs for a run.

    Raises:
        KnobError: it is more than any worker has.
    """
    need, room = needed(opening), status.room
    if room is None or need <= room:
        return need
    config = opening.config
    if opening.search is not None:
        wanted = "a smaller batch of candidates, or smaller networks"
    elif fitting := lanes_that_fit(config, room):
        wanted = f"at most {fitting} such networks, or smaller ones"
    else:
        wanted = "smaller networks, or a smaller mini-batch"
    raise KnobError(
        "hidden",
        config.hidden,
        f"such that the run fits into memory: it would take about {need / MB:,.0f} MB, and a worker of this server has "
        f"{room / MB:,.0f} MB for its runs; {wanted} would fit",
    )


def check_rest(need: int, taken: int, status: PoolStatus) -> None:
    """Let a run in if all workers together have as much memory left.

    Args:
        need: bytes that it takes.
        taken: bytes that the other runs take.
        status: of the pool.

    Raises:
        TooManyRunsError: they have not.
    """
    if status.room is not None and taken + need > status.wanted * status.room:
        raise TooManyRunsError(
            f"the server has no memory left for this run: it would take about {need / MB:,.0f} MB, and of "
            f"{status.wanted * status.room / MB:,.0f} MB {taken / MB:,.0f} MB are taken by runs that are in use; "
            "a smaller run may fit, or this one later"
        )
