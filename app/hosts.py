"""By which names the lab may be asked for.

A page of any site can let its own name resolve to an address that only its visitor reaches (DNS rebinding). To the
browser that page and the lab are then one site, and only the name in ``Host``, which no script can change, tells them
apart. So the lab answers to names that such a page cannot have.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final

from app.errors import WrongHostError

LOCAL_ENDINGS: Final = ("local", "lan", "home", "corp", "internal", "intranet", "private", "localdomain", "home.arpa")
"""Endings that exist on local networks alone: RFC 6762 (appendix G), RFC 8375, and what routers give out."""

EVERYWHERE: Final = ("", "0.0.0.0", "::")
"""What to listen on for all addresses of the machine."""

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:/?#@\s]+))(?::\d*)?", re.IGNORECASE)


class Hosts:
    """The hosts that the lab answers to.

    Addresses written as numbers are always among them, for there is nothing to resolve; and so are the names of
    loopback, what ``HOST`` names and what the setting allows. A lab that others can reach answers to this machine's
    name as well, and to all that machines have on a local network: a name on the internet cannot be one of those.

    Args:
        host: where the lab listens.
        allowed: further names; ``*.course.example`` are all below it, ``*`` is every name.
    """

    def __init__(self, host: str, allowed: Iterable[str] = ()) -> None:
        listens = host.lower().strip("[]")
        self._allowed = frozenset(name.lower().removesuffix(".") for name in allowed)
        self._is_reached_by_others = listens in EVERYWHERE or not (_is_loopback(listens) or listens == "localhost")
        own = {socket.gethostname().lower()} if self._is_reached_by_others else set()
        self._known = {"localhost", listens} | own

    @property
    def are_named(self) -> bool:
        """Whether the setting names any."""
        return bool(self._allowed)

    def check(self, header: str | None) -> None:
        """Check a ``Host`` header. A caller without one is no browser, and may.

        Raises:
            WrongHostError: it is not a host that the lab answers to.
        """
        if header is None or header == "":
            return
        name = name_in(header)
        if name is None or not (_is_address(name) or self._answers_to(name)):
            raise WrongHostError(header)

    def _answers_to(self, name: str) -> bool:
        if name in self._known or name.endswith(".localhost") or self._is_allowed(name):
            return True
        is_local = "." not in name or name.endswith(tuple("." + ending for ending in LOCAL_ENDINGS))
        return is_local and self._is_reached_by_others

    def _is_allowed(self, name: str) -> bool:
        parts = name.split(".")
        above = {"*." + ".".join(parts[place:]) for place in range(1, len(parts))}
        return not self._allowed.isdisjoint({name, "*"} | above)


def name_in(header: str) -> str | None:
    """Return the name or address in a ``Host`` header, in lower case and without its port; of nonsense, ``None``."""
    match = _HOST.fullmatch(header.strip())
    if match is None:
        return None
    return (match["v6"] or match["name"]).lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
