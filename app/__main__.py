"""``python -m app``: the server."""

from __future__ import annotations

import sys

from app.server import serve

if __name__ == "__main__":
    sys.exit(serve())
