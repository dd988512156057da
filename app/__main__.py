"""``python -m app``: the server."""

from __future__ import annotations

import logging
import sys

from app.main import create_app
from app.server import AddressError, Server, listen
from app.settings import SettingsError, from_environment
from trainer.logs import set_up


def main() -> int:
    """Serve until a signal says to end.

    Returns:
        The exit status: 0 after a signal, 2 when it could not start as it was told to.
    """
    try:
        settings = from_environment()
        listener = listen(settings.host, settings.port)
    except (SettingsError, AddressError) as error:
        print(f"Dropout Lab cannot start: {error}", file=sys.stderr)
        return 2
    set_up(settings.log, settings.log_level)
    # Below a warning uvicorn writes a line for each WebSocket that comes or goes, with its address.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with listener:
        Server(create_app(settings), settings).run([listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
