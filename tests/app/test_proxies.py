"""The lab behind a real nginx, with the very configurations of deploy/nginx; and what of a proxy's word is believed."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from app.proxies import PREFIX, VOUCHED, Forwarded
from app.settings import Settings
from tests.app.clients import join, watch
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.nginx import Nginx, example, nginx, replaced, without

PAGE = {"Accept": "text/html,application/xhtml+xml"}
TRUSTING = Settings(trusted_proxies="127.0.0.1", log_level="error")


@asynccontextmanager
async def behind(
    server: str, settings: Settings, patience: float, host: str = ""
) -> AsyncIterator[tuple[Running, Nginx, httpx.AsyncClient]]:
    """Run a lab behind nginx; the client asks nginx, for a host if one is named."""
    async with running(FakePool(), settings, patience) as lab:
        with nginx(server, lab.port) as proxy:
            headers = {"Host": host} if host else {}
            async with httpx.AsyncClient(base_url=proxy.url, headers=headers, timeout=patience, verify=False) as client:
                yield lab, proxy, client


async def test_at_the_root_of_a_host_pages_the_api_and_the_websocket_pass_through_nginx(patience: float) -> None:
    async with behind(example("root"), TRUSTING, patience, "lab.example") as (_, proxy, client):
        page = await client.get("/")
        opened = await client.post("/api/runs", json={}, headers={"Origin": "http://lab.example"})
        assert (page.status_code, opened.status_code) == (200, 201), (page.text, opened.text)
        async with await watch(proxy.url, opened.json(), patience, owner=True) as owner:
            assert (await owner.until_text("hello"))["role"] == "owner"


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        (example("prefix-stripped"), Settings(log_level="error")),
        (example("prefix-stripped"), Settings(log_level="error", root_path="/lab")),
        (example("prefix-stripped"), TRUSTING),
        (example("prefix-kept"), TRUSTING),
        (example("prefix-kept"), Settings(log_level="error", root_path="/lab/")),
    ],
    ids=["stripped", "stripped, set", "stripped, trusted", "kept, told by the proxy", "kept, set"],
)
async def test_below_a_path_every_address_of_every_page_leads_somewhere(
    server: str, settings: Settings, patience: float
) -> None:
    async with behind(server, settings, patience) as (_, proxy, client):
        rooms = ("/lab/rooms", "/lab/r/K7QX3M", "/lab/rooms/K7QX3M/host", "/lab/rooms/K7QX3M/projector")
        for path in ("/lab/", "/lab/experiments/twin", "/lab/nothing", "/lab/nothing/to/see", *rooms):
            page = await client.get(path, headers=PAGE)
            assert page.status_code == (404 if "nothing" in path else 200)
            addresses = set(re.findall(r'(?:src|href)="([^"#]+)"', page.text))
            assert len(addresses) > 5
            for address in addresses:
                whole = urljoin(f"{proxy.url}{path}", address)
                assert whole.startswith(f"{proxy.url}/lab/"), address
                assert (await client.get(whole)).status_code == 200, address
        opened = (await client.post("/lab/api/runs", json={}, headers={"Origin": proxy.url})).json()
        record = await client.get(f"/lab/api/runs/{opened['id']}/record?download=1")
        assert "attachment" in record.headers["content-disposition"]
        async with await watch(f"{proxy.url}/lab", opened, patience, owner=True) as owner:
            assert (await owner.until_text("hello"))["role"] == "owner"


@pytest.mark.parametrize("name", ["prefix-stripped", "prefix-kept"])
async def test_below_a_path_redirects_stay_below_it(name: str, patience: float) -> None:
    async with behind(example(name), TRUSTING, patience) as (_, proxy, client):
        for path, place in (
            ("/lab", "/lab/"),
            ("/lab/experiments/twin/", "/lab/experiments/twin"),
            ("/lab/experiments/twin/?seed=3", "/lab/experiments/twin?seed=3"),
        ):
            answer = await client.get(path, follow_redirects=True, headers=PAGE)
            assert (answer.status_code, str(answer.url)) == (200, proxy.url + place)
            assert len(answer.history) == 1


async def test_the_lab_itself_is_found_without_its_slash_whatever_stands_in_front(patience: float) -> None:
    async with running(FakePool(), Settings(log_level="error", root_path="/a/lab"), patience) as lab:
        for path, place in (("/a/lab", "lab/"), ("/a/lab?seed=3", "lab/?seed=3")):
            answer = await lab.client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (307, place)
        assert (await lab.client.get("/a/lab/healthz")).status_code == 200
        assert (await lab.client.get("/healthz")).status_code == 200  # of a container's own health check
        assert (await lab.client.get("/a/labs/healthz")).status_code == 404
        missing = await lab.client.get("/a/lab/api/nothing")
        assert missing.json()["error"]["message"] == "there is nothing at /a/lab/api/nothing"


NO_HOST = without(example("root"), "proxy_set_header Host", "proxy_set_header X-Forwarded-Host")


async def test_where_the_proxy_hides_the_name_the_refusal_says_what_happened_and_what_to_ask_for(
    patience: float,
) -> None:
    async with behind(NO_HOST, Settings(log_level="error"), patience, "school.example") as (lab, _, client):
        assert (await client.get("/")).status_code == 200
        answer = await client.post("/api/runs", json={}, headers={"Origin": "http://school.example"})
        told = answer.json()["error"]
        assert (answer.status_code, told["code"]) == (403, "wrong_origin")
        assert f"opened at http://school.example, but the server was asked for 127.0.0.1:{lab.port}" in told["message"]
        assert "whoever runs it must let it pass on the name (the header Host" in told["message"]


async def test_the_name_may_come_in_x_forwarded_host_of_a_trusted_proxy(patience: float) -> None:
    server = without(example("root"), "proxy_set_header Host")
    async with behind(server, TRUSTING, patience, "school.example") as (_, __, client):
        answer = await client.post("/api/runs", json={}, headers={"Origin": "http://school.example"})
        assert answer.status_code == 201, answer.text


async def test_a_table_beyond_the_proxys_limit_is_the_proxys_refusal(patience: float) -> None:
    server = replaced(example("root"), "client_max_body_size 33m;", "client_max_body_size 1k;")
    async with behind(server, TRUSTING, patience) as (_, __, client):
        answer = await client.post("/api/tables", content=b"a,b\n" * 1000)
        assert answer.status_code == 413
        assert answer.headers["content-type"].startswith("text/html")
    async with behind(example("root"), TRUSTING, patience) as (_, __, client):
        table = b"a,b\n" + b"1,2\n2,1\n" * 600_000  # 4.8 MB: the lab's own limit is 5
        assert (await client.post("/api/tables", content=table)).status_code != 413


# What of a proxy's word is believed


async def seen(settings: Settings, client: str, *headers: tuple[str, str], path: str = "/lab/x%20y/z") -> Scope:
    """What the application sees of a request."""
    found: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)

    async def nothing(*message: Any) -> Any:
        raise AssertionError

    raw = [(b"host", b"upstream:8000")] + [(name.lower().encode(), value.encode()) for name, value in headers]
    scope: Scope = {
        "type": "http",
        "scheme": "http",
        "client": (client, 40_000),
        "headers": raw,
        "path": path.replace("%20", " "),
        "raw_path": path.encode(),
    }
    await Forwarded(application, settings)(scope, nothing, nothing)
    return found[0]


TOLD = (
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "school.example"),
    ("X-Forwarded-Prefix", "/lab"),
)


def host_of(scope: Scope) -> str:
    return Headers(scope=scope)["host"]


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8", "127.0.0.2"])
async def test_nobody_is_believed_who_is_not_named(proxies: str) -> None:
    scope = await seen(Settings(trusted_proxies=proxies), "127.0.0.1", *TOLD)
    assert (scope["client"], scope["scheme"], host_of(scope)) == (("127.0.0.1", 40_000), "http", "upstream:8000")
    assert (scope["path"], scope["raw_path"]) == ("/lab/x y/z", b"/lab/x%20y/z")
    assert not scope.get(VOUCHED)


@pytest.mark.parametrize(
    ("proxies", "client"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),  # at a socket for IPv6 that takes IPv4 as well
        ("::1 10.1.2.3/8", "10.9.9.9"),
        ("0:0::1", "::1"),
        ("*", "198.51.100.1"),
    ],
)
async def test_a_trusted_proxy_is_believed_whom_it_asks_for_and_by_which_name(proxies: str, client: str) -> None:
    scope = await seen(Settings(trusted_proxies=proxies), client, *TOLD)
    assert (scope["client"][0], scope["scheme"], host_of(scope)) == ("203.0.113.9", "https", "school.example")
    assert (scope["path"], scope["raw_path"], scope[PREFIX]) == ("/x y/z", b"/x%20y/z", "/lab")
    assert scope[VOUCHED]


async def test_what_jupyter_server_proxy_calls_its_context_is_the_path_of_the_lab() -> None:
    context = ("X-Forwarded-Context", "/user/ana/proxy/8000/")
    scope = await seen(TRUSTING, "127.0.0.1", context, path="/runs")
    assert (scope["path"], scope[PREFIX]) == ("/runs", "/user/ana/proxy/8000")
    both = await seen(TRUSTING, "127.0.0.1", context, ("X-Forwarded-Prefix", "/lab"))
    assert (both["path"], both[PREFIX]) == ("/x y/z", "/lab")
    assert (await seen(Settings(), "127.0.0.1", context, path="/runs"))[PREFIX] == ""


async def test_a_redirect_behind_jupyter_server_proxy_names_its_host(pool: FakePool, patience: float) -> None:
    """It puts its own path before whatever names none, so before a ``../`` as well."""
    told = {"X-Forwarded-Host": "hub.example", "X-Forwarded-Context": "/user/ana/proxy/8000"}
    async with running(pool, TRUSTING, patience) as lab:
        for more, place in (
            ({"X-ProxyContextPath": "/user/ana/proxy/8000"}, "//hub.example/user/ana/proxy/8000"),
            ({}, ".."),
        ):
            answer = await lab.client.get("/experiments/twin/?seed=3", headers={**PAGE, **told, **more})
            path = "/experiments/twin" if more else "/twin"
            assert (answer.status_code, answer.headers["location"]) == (307, f"{place}{path}?seed=3")


async def test_of_several_names_the_nearest_proxys_counts() -> None:
    told = (("X-Forwarded-Host", "localhost"), ("X-Forwarded-Host", "evil.example, school.example"))
    assert host_of(await seen(TRUSTING, "127.0.0.1", *told)) == "school.example"


@pytest.mark.parametrize("prefix", ["lab", "/", "//", "/l ab", "/lab?x", "/\u00e9"])
async def test_a_prefix_that_is_no_path_is_passed_over(prefix: str) -> None:
    scope = await seen(TRUSTING, "127.0.0.1", ("X-Forwarded-Prefix", prefix))
    assert scope["path"] == "/lab/x y/z"


async def test_hosts_that_are_named_hold_for_trusted_proxies_too(pool: FakePool, patience: float) -> None:
    settings = Settings(trusted_proxies="127.0.0.1", allowed_hosts="lab.example", log_level="error")
    async with running(pool, settings, patience) as lab:
        for host, status in (("lab.example", 200), ("evil.example", 403)):
            answer = await lab.client.get("/healthz", headers={"X-Forwarded-Host": host})
            assert answer.status_code == status, host
    async with running(FakePool(), TRUSTING, patience) as lab:
        answer = await lab.client.get("/healthz", headers={"X-Forwarded-Host": "any.example"})
        assert answer.status_code == 200


async def test_a_websocket_is_seen_as_a_trusted_proxy_tells_it(pool: FakePool, patience: float) -> None:
    settings = Settings(trusted_proxies="127.0.0.1", log_level="error")
    async with running(pool, settings, patience) as lab:
        run = await lab.open()
        told = {"X-Forwarded-Host": "school.example", "X-Forwarded-Prefix": "/lab", "Origin": "https://school.example"}
        with socket.create_connection(("127.0.0.1", lab.port)) as sock:
            url = f"ws://127.0.0.1/lab/api/runs/{run['id']}/live"
            async with connect(url, sock=sock, additional_headers=told) as viewer:
                await viewer.send(join())
                assert '"hello"' in str(await viewer.recv())
