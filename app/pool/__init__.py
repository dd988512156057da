"""Where the workers live that train the runs."""

from app.pool.base import Pool, PoolListener, PoolStatus
from app.pool.hub import WorkerHub
from app.pool.local import LocalPlacer, local_pool
from app.pool.signs import Limits

__all__ = ["Limits", "LocalPlacer", "Pool", "PoolListener", "PoolStatus", "WorkerHub", "local_pool"]
