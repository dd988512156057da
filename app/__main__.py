"""``python -m app``: the server."""

from __future__ import annotations

import logging
import sys

from app.main import create_app
from app.server import AddressError, Server, listen
from app.settings import SettingsError, from_environment


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
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Below a warning uvicorn writes the addresses of WebSockets, and with them the owners' tokens.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with listener:
        Server(create_app(settings), settings).run([listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
