"""By which names the lab may be asked for, and who may ask: DNS rebinding and pages of other sites."""

from __future__ import annotations

import asyncio
import json
import logging
import socket

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.errors import WrongHostError, WrongOriginError
from app.hosts import Hosts
from app.security import check_origin
from app.settings import Settings
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool

PAGE = {"Accept": "text/html,application/xhtml+xml"}
NOBODY: frozenset[str] = frozenset()


def answers(hosts: Hosts, header: str | None) -> bool:
    try:
        hosts.check(header)
    except WrongHostError:
        return False
    return True


LOOPBACK = ("localhost", "localhost:8000", "LOCALHOST:8000", "localhost.", "lab.localhost:8000", None, "")
NUMBERS = ("127.0.0.1:8000", "192.168.1.5", "[::1]:8000", "[2001:db8::1]", "0.0.0.0:8000")
LOCAL = ("teacher-pc:8000", "teacher-pc.local", "lab.lan:8000", "lab.home.arpa", "lab.ns.svc.cluster.local")
OTHERS = (
    *("evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "evil.com", "evillocal.com"),
    *("1.2.3.4.5", "[::1", "[evil.example]", "evil.example:80:80", "user@localhost", "localhost/", "a b", "local"),
)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "192.168.1.5", "lab.example"])
def test_names_of_loopback_and_addresses_in_numbers_are_answered_to_everywhere(host: str) -> None:
    for header in (*LOOPBACK, *NUMBERS):
        assert answers(Hosts(host), header), header


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "192.168.1.5"])
def test_a_name_that_is_not_the_labs_is_refused(host: str) -> None:
    for header in OTHERS[:-1]:
        assert not answers(Hosts(host), header), header


def test_names_of_the_local_network_are_answered_to_where_others_can_reach_the_lab_and_only_there() -> None:
    for header in LOCAL:
        for host in ("0.0.0.0", "::", "192.168.1.5", "lab.example"):
            assert answers(Hosts(host), header), (host, header)
        for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
            assert not answers(Hosts(host), header), (host, header)


def test_the_name_in_host_and_the_name_of_this_machine_are_answered_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(Hosts("Lab.Example"), "lab.example:8000")
    monkeypatch.setattr(socket, "gethostname", lambda: "PC12.school.example")
    assert answers(Hosts("0.0.0.0"), "pc12.school.example:8000")
    assert not answers(Hosts("0.0.0.0"), "pc13.school.example:8000")


def test_the_setting_names_further_hosts() -> None:
    hosts = Hosts("127.0.0.1", ["lab.example", "*.School.example"])
    for header in ("lab.example", "LAB.example.:443", "a.school.example", "a.b.school.example:8000"):
        assert answers(hosts, header), header
    for header in ("a.lab.example", "school.example", "aschool.example", "lab.example.evil.example"):
        assert not answers(hosts, header), header
    assert answers(Hosts("127.0.0.1", ["*"]), "evil.example")


# As the attack goes


async def test_a_page_whose_name_resolves_to_this_machine_gets_nothing(lab: Running) -> None:
    run = await lab.open()
    evil = {"Host": f"evil.example:{lab.port}", "Origin": f"http://evil.example:{lab.port}"}
    for answer in (
        await lab.client.post("/api/runs", json={}, headers=evil),
        await lab.client.get(f"/api/runs/{run['id']}", headers=evil),
        await lab.client.get("/", headers=evil),
        await lab.client.get("/static/js/main.js", headers=evil),
        await lab.client.get("/healthz", headers={**evil, "X-Forwarded-Host": "localhost"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_host")
    assert len(lab.app.state.lab.runs) == 1
    url = f"ws://127.0.0.1:{lab.port}/api/runs/{run['id']}/live?token={run['token']}"
    for more in ({}, {"X-Forwarded-Host": "localhost"}):
        with socket.create_connection(("127.0.0.1", lab.port)) as sock, pytest.raises(InvalidStatus) as refused:
            await connect(url.replace("127.0.0.1", "evil.example"), sock=sock, additional_headers={**evil, **more})
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body)["error"]["code"] == "wrong_host"


async def test_a_person_who_came_by_an_unknown_name_reads_a_page_that_names_it_and_the_setting(lab: Running) -> None:
    answer = await lab.client.get("/", headers={**PAGE, "Host": "pc<b>.school.example:8000"})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "<code>pc&lt;b&gt;.school.example:8000</code>" in answer.text
    assert "DROPOUT_LAB_ALLOWED_HOSTS=pc&lt;b&gt;.school.example<" in answer.text
    assert "src=" not in answer.text  # it would be refused as well


async def test_a_program_is_told_the_name_and_the_setting(lab: Running) -> None:
    told = (await lab.client.get("/api/schema", headers={"Host": "pc12.school.example"})).json()["error"]["message"]
    assert "'pc12.school.example'" in told
    assert "DROPOUT_LAB_ALLOWED_HOSTS" in told


async def test_a_host_that_the_setting_allows_is_served(pool: FakePool, patience: float) -> None:
    settings = Settings(allowed_hosts="lab.example", log_level="error")
    async with running(pool, settings, patience) as lab:
        mine = {"Host": "lab.example", "Origin": "https://lab.example"}
        assert (await lab.client.post("/api/runs", json={}, headers=mine)).status_code == 201


async def test_a_caller_without_a_host_is_no_browser(lab: Running, patience: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(patience):
        assert b" 200 " in await reader.readline()
    writer.close()


# Pages of other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"origin": "null"},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8001"},
        {"origin": "https://localhost"},
        {"origin": "http://["},
        {"origin": "localhost:8000"},
    ],
    ids=str,
)
def test_a_request_of_another_site_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WrongOriginError):
        check_origin({"host": "localhost:8000", **headers}, NOBODY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": "http://localhost:8000"},
        {"origin": "http://LOCALHOST:8000"},
        {"origin": "https://lab.example", "host": "lab.example:443"},
        {"origin": "http://lab.example", "host": "lab.example"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
    ],
    ids=str,
)
def test_a_request_of_the_labs_own_pages_and_of_programs_passes(headers: dict[str, str]) -> None:
    check_origin({"host": "localhost:8000", **headers}, NOBODY)


def test_another_site_that_the_setting_allows_may() -> None:
    headers = {"host": "localhost:8000", "origin": "https://course.example", "sec-fetch-site": "cross-site"}
    check_origin(headers, frozenset({"https://course.example"}))
    check_origin(headers, frozenset({"*"}))


async def test_what_a_browser_calls_cross_site_is_refused_without_an_origin_too(lab: Running) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await lab.client.post("/api/runs", json={}, headers=foreign)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_origin")
    run = await lab.open()
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{lab.port}/api/runs/{run['id']}/live", additional_headers=foreign)
    assert refused.value.response.status_code == 403
    assert (await lab.client.get("/", headers=foreign)).status_code == 200  # a link from elsewhere


async def test_other_sites_may_embed_nothing_of_the_lab(lab: Running) -> None:
    for path in ("/", "/api/schema", "/static/js/main.js", "/nothing"):
        answer: httpx.Response = await lab.client.get(path)
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", path


async def test_a_refused_handshake_leaves_no_error_in_the_log(lab: Running, caplog: pytest.LogCaptureFixture) -> None:
    run = await lab.open()
    url = f"ws://127.0.0.1:{lab.port}/api/runs/{run['id']}/live"
    with caplog.at_level(logging.INFO):
        for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
            with pytest.raises(InvalidStatus):
                await connect(url, additional_headers=headers)
        async with await lab.watch(run) as viewer:
            await viewer.until_text("hello")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
