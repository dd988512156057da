"""What the server says when it is ready: where it can be opened, and by whom."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from app.hosts import EVERYWHERE

_CONTAINERS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))  # Docker's and Podman's marks


def greeting(version: str, host: str, listener: socket.socket) -> str:
    """Return the lines that say where the lab can be opened.

    Args:
        version: of the lab.
        host: what ``HOST`` says.
        listener: the socket that it listens on.
    """
    port = listener.getsockname()[1]
    ready = f"Dropout Lab {version} is ready"
    if host not in EVERYWHERE:
        return f"{ready} at {own_address(host, listener)} (Ctrl-C ends it)"
    if in_container():
        return (
            f"{ready} at port {port} of its container (Ctrl-C ends it)\n"
            "  Open the machine that runs the container, at the port that it publishes:\n"
            f"  with -p {port}:{port} http://127.0.0.1:{port}/ there, and http://ITS-ADDRESS:{port}/ from elsewhere"
        )
    here = own_address(host, listener)
    others = [url(address, port) for address in addresses(families(listener))]
    if not others:
        return (
            f"{ready} at {here} (Ctrl-C ends it)\n"
            "  This machine has no address in a network: nobody else can open the lab for now"
        )
    more = "".join(f"  and at {other}\n" for other in others[1:])
    return f"{ready} at {others[0]} (Ctrl-C ends it)\n{more}  on this machine also at {here}"


def on_this_machine(host: str, port: int, path: str = "") -> str:
    """Return where a lab can be opened on its own machine, with a slash at the end.

    Args:
        host: what ``HOST`` says.
        port: that it listens at.
        path: below which a proxy has it.
    """
    return url("127.0.0.1" if host in EVERYWHERE else host, port).rstrip("/") + path + "/"


def own_address(host: str, listener: socket.socket, path: str = "") -> str:
    """Return where the lab can be opened on this machine.

    Args:
        host: what ``HOST`` says.
        listener: the socket that it listens on.
        path: below which a proxy has it.
    """
    at = "::1" if host in EVERYWHERE and _is_ipv6_alone(listener) else host
    return on_this_machine(at, listener.getsockname()[1], path)


def addresses(wanted: frozenset[socket.AddressFamily]) -> list[str]:
    """Return the addresses of this machine that others may reach, IPv4 first. The kernel knows them; nobody is asked.

    Args:
        wanted: the families of addresses.
    """
    states = psutil.net_if_stats()
    up = [
        each for name, all in psutil.net_if_addrs().items() if name not in states or states[name].isup for each in all
    ]
    usable = [each.address for each in up if each.family in wanted and _is_for_others(each.address)]
    return sorted(dict.fromkeys(usable), key=lambda address: ":" in address)


def families(listener: socket.socket) -> frozenset[socket.AddressFamily]:
    """Return the families of addresses that a socket listens to: one for IPv6 may take IPv4 as well."""
    if listener.family == socket.AF_INET6 and not _is_ipv6_alone(listener):
        return frozenset({socket.AF_INET, socket.AF_INET6})
    return frozenset({socket.AddressFamily(listener.family)})


def in_container(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a container, whose own addresses are of no use to anybody else.

    The variable ``container`` says so, as systemd and Podman have it; with an empty one it is told to be none.
    """
    said = environment.get("container")
    return bool(said) if said is not None else any(mark.exists() for mark in _CONTAINERS)


def _is_ipv6_alone(listener: socket.socket) -> bool:
    return listener.family == socket.AF_INET6 and bool(listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))


def _is_for_others(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    is_of_one_cable = ip.version == 6 and ip.is_link_local  # and would need the name of the interface
    return not (ip.is_loopback or ip.is_unspecified or ip.is_multicast or is_of_one_cable)


def url(host: str, port: int) -> str:
    """Return the address of the lab at a host and a port."""
    return f"http://[{host}]:{port}/" if ":" in host and not host.startswith("[") else f"http://{host}:{port}/"
