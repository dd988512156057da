"""The address that a phone can reach."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from app.proxies import PREFIX
from app.rooms import links
from app.rooms.links import is_loopback, links_to, only_here, read_at
from app.settings import Settings
from trainer.errors import KnobError


def asked(host: str, scheme: str = "http", prefix: str = "", port: int = 8000) -> HTTPConnection:
    """A request that came to a host."""
    scope: dict[str, Any] = {"type": "http", "scheme": scheme, "headers": [(b"host", host.encode())]}
    return HTTPConnection({**scope, PREFIX: prefix, "server": ("0.0.0.0", port)})


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two addresses, and no container."""
    monkeypatch.setattr(links, "addresses", lambda wanted: ["192.168.1.5", "10.0.0.4"])
    monkeypatch.setattr(links, "in_container", lambda: False)


EVERYWHERE = Settings(host="0.0.0.0")


@pytest.mark.parametrize(
    ("connection", "link"),
    [
        (asked("192.168.1.9:8000"), "http://192.168.1.9:8000/r/K7QX3M"),
        (asked("lab.school.example", "https"), "https://lab.school.example/r/K7QX3M"),
        (asked("course.example", "wss", "/lab"), "https://course.example/lab/r/K7QX3M"),
        (asked("[fe80::1]:8000", "ws"), "http://[fe80::1]:8000/r/K7QX3M"),
    ],
    ids=["address", "name", "proxy", "six"],
)
def test_the_address_by_which_the_host_came_is_the_one(connection: HTTPConnection, link: str) -> None:
    assert links_to(connection, EVERYWHERE, "K7QX3M") == [link]
    assert not only_here(link)


def test_who_came_by_loopback_gets_the_addresses_of_the_machine_to_choose_from() -> None:
    found = links_to(asked("127.0.0.1:8000", prefix="/lab"), EVERYWHERE, "K7QX3M")
    assert found == [
        "http://192.168.1.5:8000/lab/r/K7QX3M",
        "http://10.0.0.4:8000/lab/r/K7QX3M",
        "http://127.0.0.1:8000/lab/r/K7QX3M",
    ]
    assert [only_here(each) for each in found] == [False, False, True]


def test_a_path_that_a_proxy_took_away_in_silence_is_what_the_hosts_browser_says() -> None:
    assert links_to(asked("hub.example"), EVERYWHERE, "K7QX3M", "/user/ana/proxy/8000") == [
        "http://hub.example/user/ana/proxy/8000/r/K7QX3M"
    ]
    assert links_to(asked("hub.example", prefix="/lab"), EVERYWHERE, "K7QX3M", "/other") == [
        "http://hub.example/lab/r/K7QX3M"
    ]
    first, *_ = links_to(asked("127.0.0.1:8000"), EVERYWHERE, "K7QX3M", "/lab")
    assert first == "http://192.168.1.5:8000/lab/r/K7QX3M"


@pytest.mark.parametrize(
    ("given", "path"), [("/", ""), ("", ""), ("/lab/", "/lab"), ("/user/a%20b/x/", "/user/a%20b/x")]
)
def test_the_path_of_a_browser_is_read_without_its_last_slash(given: str, path: str) -> None:
    assert read_at(given) == path


@pytest.mark.parametrize(
    "given", ["lab", "//evil.example", "/a b/", "/lab?x", "/lab#x", "/é", "/" + "x" * 300, 3, None]
)
def test_what_is_no_path_is_refused_and_quoted(given: Any) -> None:
    with pytest.raises(KnobError, match="it must be the path of the lab") as refused:
        read_at(given)
    assert refused.value.value == given


def test_a_lab_that_listens_to_loopback_alone_has_no_other_address() -> None:
    found = links_to(asked("localhost:8000"), Settings(host="127.0.0.1"), "K7QX3M")
    assert found == ["http://localhost:8000/r/K7QX3M"]
    assert only_here(found[0])


def test_a_containers_own_addresses_are_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "in_container", lambda: True)
    assert links_to(asked("localhost:9000"), EVERYWHERE, "K7QX3M") == ["http://localhost:9000/r/K7QX3M"]


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1:8000", True),
        ("localhost", True),
        ("a.localhost", True),
        ("[::1]:80", True),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_known_by_its_names(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one
