"""The addresses under which phones may reach a room: as it was asked for, else those of this machine."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

from starlette.requests import HTTPConnection

from app.greeting import addresses, in_container
from app.hosts import EVERYWHERE, name_in
from app.proxies import PREFIX, lab_address
from app.settings import PATH, Settings
from trainer.errors import KnobError

LONGEST: Final = 200
"""Characters of the path of the lab."""
_BOTH: Final = frozenset({socket.AF_INET, socket.AF_INET6})


def read_at(given: Any) -> str:
    """Return the path of the lab as a host's browser knows it, without the slash at its end.

    Raises:
        KnobError: it is none.
    """
    path = given.rstrip("/") if isinstance(given, str) else given
    if not isinstance(path, str) or len(path) > LONGEST or (path and not PATH.fullmatch(path)):
        raise KnobError("at", given, f"the path of the lab, such as / or /lab/, of at most {LONGEST} characters")
    return path


def links_to(connection: HTTPConnection, settings: Settings, code: str, at: str = "") -> list[str]:
    """Return the addresses of a room's page for students, the best first.

    That by which somebody has just reached the lab is the first, unless it is one of loopback: then those of this
    machine are, if the lab listens to them. In a container its own addresses are of no use to anybody.

    Args:
        connection: of a host, with what trusted proxies said of it.
        settings: where the lab listens.
        code: of the room.
        at: the path of the lab as the host's browser knows it: a proxy may take it away and not say so.
    """
    asked = f"{lab_address(connection, at)}r/{code}"
    if not only_here(asked):
        return [asked]
    if settings.host not in EVERYWHERE or in_container():
        return [asked]
    server = connection.scope.get("server")
    port = server[1] if server and server[1] else settings.port
    families = frozenset({socket.AF_INET}) if settings.host == "0.0.0.0" else _BOTH
    below = f"{connection.scope.get(PREFIX) or at}/r/{code}"
    return [f"http://{f'[{each}]' if ':' in each else each}:{port}{below}" for each in addresses(families)] + [asked]


def is_loopback(host: str) -> bool:
    """Whether a host, as in ``Host``, is this machine and no other can reach it by that name."""
    name = name_in(host) or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def only_here(link: str) -> bool:
    """Whether an address of a room can be reached from this machine alone."""
    return is_loopback(link.partition("://")[2].partition("/")[0])
