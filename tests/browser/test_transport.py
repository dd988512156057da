"""The page where networks let no WebSocket through, over a real nginx that does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.servers import Lab
from tests.nginx import Nginx, example, nginx, replaced, without

BLOCKED: Final = without(example("root"), "proxy_set_header Upgrade", "proxy_set_header Connection")
NO_SOCKET: Final = "WebSocket connection to"  # what the browser says of each attempt that was refused


@pytest.fixture(scope="module")
def blocking(lab: Lab) -> Iterator[Nginx]:
    """A proxy that lets no WebSocket through, in front of the lab."""
    with nginx(BLOCKED, lab.port) as proxy:
        yield proxy


@pytest.mark.expected_errors(NO_SOCKET)
def test_where_websockets_are_blocked_the_page_trains_by_plain_http_and_says_so(
    open_page: OpenPage, blocking: Nginx
) -> None:
    lab_page = LabPage(open_page(), blocking.url).open()
    lab_page.wait("state.steps.last > 20 && state.graph && state.scores.length > 1")
    expect(lab_page.shown("connection")).to_have_text("live, by plain HTTP")
    about = lab_page.page.locator("#connection")
    expect(about).to_contain_text("This network blocks WebSockets")
    expect(about).to_contain_text(f"in front of 127.0.0.1:{blocking.port}, to let WebSockets through")
    lab_page.page.locator("#hero-hidden").fill("0.9")
    change = lab_page.change("change.knobs.dropout?.[1] === 0.9")
    lab_page.wait(f"state.steps.last >= {change['step'] + 99}", seconds=60)
    lab_page.pause()
    rows = lab_page.masks(change["step"], change["step"] + 99)
    assert len(rows) == 100
    # Of 128 units 0.1 are kept: over 100 steps Binomial(12,800, 0.1), mean 1,280, standard deviation 34; six of those.
    assert abs(sum(row["kept"]["hidden1"] for row in rows.values()) - 1280) < 204
    before = lab_page.last_step()
    assert lab_page.step() == before + 1
    assert set(re.findall(r'"POST [^ ]*/commands[^"]*" (\d+)', blocking.requests())) == {"204"}


@pytest.mark.expected_errors(NO_SOCKET)
def test_two_tabs_by_plain_http_both_train_and_hear_commands(open_page: OpenPage, blocking: Nginx) -> None:
    first = LabPage(open_page(), blocking.url).open()
    tabs = [first, *(LabPage(first.page.context.new_page(), blocking.url).open() for _ in range(2))]
    for tab in tabs:
        tab.wait("state.connection.by === 'http' && state.steps.last > 5")
    for tab in tabs:
        tab.pause()
        assert tab.step() > 0


@pytest.mark.expected_errors(NO_SOCKET)
def test_who_watches_by_plain_http_sees_the_same_masks_and_turns_no_knobs(
    open_page: OpenPage, lab_url: str, blocking: Nginx
) -> None:
    owner = LabPage(open_page(), lab_url).open_still()
    owner.step(3)
    watcher = LabPage(open_page(), blocking.url).open(f"?run={owner.state('state.run.id')}")
    watcher.wait("state.connection.by === 'http' && state.steps.last === 3")
    assert watcher.state("state.role") == "viewer"
    assert watcher.masks(1, 3) == owner.masks(1, 3)
    owner.step()
    watcher.wait("state.steps.last === 4")
    assert watcher.masks(4, 4) == owner.masks(4, 4)


@pytest.mark.expected_errors(NO_SOCKET, "403")
def test_where_streams_are_held_back_too_the_page_says_that_pages_arrive_and_what_to_ask(
    open_page: OpenPage, lab: Lab
) -> None:
    refuse = "    location ~ /events$ { return 403; }\n\n    location / {"
    with nginx(replaced(BLOCKED, "    location / {", refuse), lab.port) as proxy:
        page = open_page()
        page.goto(proxy.url)
        about = page.locator("#connection")
        expect(about).to_contain_text(f"Pages of 127.0.0.1:{proxy.port} arrive here, and live connections do not")
        expect(about).to_contain_text("Ask whoever runs the network")
        expect(page.locator("[data-show=connection]")).to_have_text("reconnecting")


@pytest.mark.expected_errors("ERR_INCOMPLETE_CHUNKED_ENCODING", NO_SOCKET)
def test_a_later_reconnect_tries_websockets_again(open_page: OpenPage, lab: Lab) -> None:
    """The proxy cuts what is silent for two seconds, as the stream of a paused run is between two heartbeats."""
    page = open_page()
    blocked = [True]
    page.route_web_socket(
        "**/live", lambda socket: socket.close(code=1011) if blocked[0] else socket.connect_to_server()
    )
    server = replaced(example("root"), "proxy_read_timeout 1h;", "proxy_read_timeout 2s;")
    with nginx(server, lab.port) as proxy:
        lab_page = LabPage(page, proxy.url).open()
        lab_page.wait("state.connection.by === 'http' && state.steps.last > 5")
        run = lab_page.state("state.run.id")
        blocked[0] = False
        lab_page.pause()
        lab_page.wait("state.connection.by === 'websocket'", seconds=60)
        assert lab_page.state("state.run.id") == run
        page.goto("about:blank")


@pytest.mark.expected_errors(NO_SOCKET, "ERR_FAILED")
def test_a_server_that_was_away_is_not_taken_for_a_network_that_blocks(open_page: OpenPage, lab_url: str) -> None:
    page = open_page()
    sockets: list[WebSocketRoute] = []
    away, refused = [False], [0]

    def pass_on(socket: WebSocketRoute) -> None:
        if away[0]:
            refused[0] += 1
            socket.close(code=1011)
        else:
            sockets.append(socket)
            socket.connect_to_server()

    page.route_web_socket("**/live", pass_on)
    lab_page = LabPage(page, lab_url).open()
    lab_page.wait("state.connection.status === 'live' && state.steps.last > 5")
    run = re.compile(r"/api/runs/\w+$")
    page.route(run, lambda route: route.abort())
    away[0] = True
    sockets[-1].close(code=1011)
    lab_page.wait("state.connection.status === 'reconnecting'")
    while refused[0] < 5:  # two more than before plain HTTP would be tried
        page.wait_for_timeout(100)
        assert lab_page.state("state.connection.status") == "reconnecting"
    away[0] = False
    page.unroute(run)
    lab_page.wait("state.connection.status === 'live'", seconds=60)
    assert lab_page.state("state.connection.by") == "websocket"
    assert "blocks" not in page.locator("#connection").inner_text()


def test_the_owners_token_is_in_no_address(open_page: OpenPage, lab: Lab) -> None:
    page = open_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    with nginx(example("root"), lab.port) as proxy:
        lab_page = LabPage(page, proxy.url).open()
        lab_page.wait("state.steps.last > 5")
        token = page.evaluate("() => JSON.parse(sessionStorage.getItem('dropout-lab-run'))?.token ?? null")
        if token is None:  # it is remembered with the address, a second after the first step
            page.wait_for_function("() => sessionStorage.getItem('dropout-lab-run') !== null")
            token = page.evaluate("() => JSON.parse(sessionStorage.getItem('dropout-lab-run')).token")
        lab_page.button("share").click()
        links = [field.input_value() for field in page.locator("#share input").all()]
        log = proxy.requests()
    assert len(token) >= 24
    assert len(links) >= 2
    assert any(address.endswith("/live") for address in addresses)
    assert not [address for address in [*addresses, *links, page.url, log] if token in address]


SWALLOWED: Final = """
  window.sockets = 0;
  window.WebSocket = class extends EventTarget {
    constructor() { super(); window.sockets += 1; setTimeout(() => this.dispatchEvent(new Event("open"))); }
    send() {}
    close() {}
  };
"""


def test_a_network_that_swallows_what_a_websocket_carries_is_waited_for_once(open_page: OpenPage, lab_url: str) -> None:
    page = open_page()
    page.clock.install()
    page.add_init_script(SWALLOWED)
    page.goto(lab_url)
    page.wait_for_function("() => window.sockets === 1")
    page.clock.fast_forward(10_000)
    page.wait_for_function("() => window.dropoutLab.store.state.connection.by === 'http'")
    assert page.evaluate("() => window.sockets") == 1


def test_a_frame_that_a_stream_cuts_anywhere_is_put_together(module_page: Page) -> None:
    events = module_page.evaluate("""async () => {
      const { bytesOf, createEventReader } = await import("/static/js/link/eventstream.js");
      const text = 'event: seat\\ndata: {"a": 1}\\n\\n: still here\\n\\ndata: {"b": 2}\\r\\n\\r\\n'
        + 'event: frame\\ndata: AAEC/w==\\n\\n';
      const all = [];
      for (let cut = 1; cut < text.length; cut += 1) {
        const seen = [];
        const read = createEventReader({ onEvent: (...event) => seen.push(event), onComment: () => seen.push("beat") });
        read(text.slice(0, cut));
        read(text.slice(cut));
        all.push(JSON.stringify(seen));
      }
      return [[...new Set(all)], [...new Uint8Array(bytesOf("AAEC/w=="))]];
    }""")
    assert events == [
        ['[["seat","{\\"a\\": 1}"],"beat",["message","{\\"b\\": 2}"],["frame","AAEC/w=="]]'],
        [0, 1, 2, 255],
    ]
