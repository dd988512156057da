"""What the server says when it is ready: addresses that the people it speaks to can open."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import psutil
import pytest

from app import greeting as greeting_module
from app.greeting import addresses, families, greeting, in_container
from app.server import listen
from tests.app.test_process import process

BOTH = frozenset({socket.AF_INET, socket.AF_INET6})
INTERFACES: dict[str, list[tuple[int, str]]] = {
    "lo": [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")],
    "eth0": [
        (psutil.AF_LINK, "02:42:ac:11:00:02"),
        (socket.AF_INET6, "2001:db8::7"),
        (socket.AF_INET6, "fe80::1%eth0"),
        (socket.AF_INET, "192.168.1.7"),
    ],
    "wlan0": [(socket.AF_INET, "10.0.0.3")],
    "docker0": [(socket.AF_INET, "172.17.0.1")],
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine in two networks, with an interface that is down; no container."""
    found = {
        name: [SimpleNamespace(family=family, address=address) for family, address in addresses]
        for name, addresses in INTERFACES.items()
    }
    states = {name: SimpleNamespace(isup=name != "docker0") for name in ("lo", "eth0", "docker0")}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: states)
    monkeypatch.setattr(greeting_module, "in_container", lambda: False)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as found:
        yield found


@pytest.mark.usefixtures("machine")
def test_everywhere_means_every_address_that_others_can_open(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert greeting("1", "0.0.0.0", listener) == (
        f"Dropout Lab 1 is ready at http://192.168.1.7:{port}/ (Ctrl-C ends it)\n"
        f"  and at http://10.0.0.3:{port}/\n"
        f"  on this machine also at http://127.0.0.1:{port}/"
    )
    assert addresses(BOTH) == ["192.168.1.7", "10.0.0.3", "2001:db8::7"]


@pytest.mark.usefixtures("machine")
def test_a_machine_without_a_network_says_that_nobody_else_can_open_it(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "net_if_addrs", dict)
    told = greeting("1", "0.0.0.0", listener)
    assert told.startswith(
        f"Dropout Lab 1 is ready at http://127.0.0.1:{listener.getsockname()[1]}/ (Ctrl-C ends it)\n"
    )
    assert "nobody else can open the lab for now" in told


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("lab.example", "lab.example")]
)
def test_one_address_is_told_as_it_is(listener: socket.socket, host: str, shown: str) -> None:
    port = listener.getsockname()[1]
    assert greeting("1", host, listener) == f"Dropout Lab 1 is ready at http://{shown}:{port}/ (Ctrl-C ends it)"


def test_a_container_does_not_offer_an_address_that_only_it_has(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("container", "oci")
    assert in_container()
    assert not in_container({"container": ""})
    port = listener.getsockname()[1]
    told = greeting("1", "0.0.0.0", listener)
    assert f"is ready at port {port} of its container" in told
    assert (
        f"with -p {port}:{port} http://127.0.0.1:{port}/ there, and http://ITS-ADDRESS:{port}/ from elsewhere" in told
    )
    assert "container" not in greeting("1", "127.0.0.1", listener)


def test_the_image_says_that_it_is_a_container() -> None:
    dockerfile = (Path(__file__).parents[2] / "Dockerfile").read_text()
    assert re.search(r"^ENV .*\bcontainer=oci\b", dockerfile, re.MULTILINE)


class Socket(socket.socket):
    """A socket for IPv6 on a machine that may have none.

    Args:
        alone: whether it takes IPv6 alone.
    """

    family = socket.AF_INET6

    def __init__(self, alone: int) -> None:
        super().__init__()
        self._alone = alone

    def getsockopt(self, *option: int) -> int:  # type: ignore[override]
        """The one option that is asked for."""
        assert option == (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return self._alone


def test_a_socket_for_ipv6_takes_ipv4_as_well_unless_it_says_otherwise(listener: socket.socket) -> None:
    with Socket(0) as both, Socket(1) as alone:
        assert families(both) == BOTH
        assert families(alone) == {socket.AF_INET6}
    assert families(listener) == {socket.AF_INET}


async def test_every_address_that_is_printed_can_be_opened(patience: float) -> None:
    async with process(patience, HOST="0.0.0.0", DROPOUT_LAB_WORKERS="1", container="") as (lab, url):
        assert lab.stdout is not None
        printed = [url]
        for address in addresses(frozenset({socket.AF_INET}))[1:]:
            line = (await lab.stdout.readline()).decode()
            assert address in line
            printed += re.findall(r"http://\S+(?=/)", line)
        async with httpx.AsyncClient(timeout=patience) as client:
            for each in printed:
                assert (await client.get(f"{each}/healthz")).json()["version"]
