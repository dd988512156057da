"""How a page arrives: when it works, and what went over the wire until then."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page

_REQUEST: Final = re.compile(rb"^(?:GET|HEAD|POST|DELETE) (\S+) HTTP/1\.1\r\n", re.MULTILINE)
_CHUNK: Final = 65_536


PATIENCE_S: Final = 120.0
THE_LAB: Final = {
    "works": """Number(document.querySelector("#network canvas[data-step]")?.dataset.step) > 0
      && document.documentElement.dataset.ready === "true"
      && document.querySelector("#hero input[type=range]:not(:disabled)") !== null""",
    "chart": """document.querySelector("#loss .main-svg .scatterlayer .trace path") !== null""",
}
"""The lab's page works when the network's picture shows a step and a slider can be moved; then its first chart."""
A_LESSON: Final = {
    "readable": """performance.getEntriesByName("first-contentful-paint").length > 0
      && document.querySelector("#lesson .lesson-said")?.innerText.length > 40""",
    "works": """document.documentElement.dataset.ready === "true"
      && document.querySelector("#lesson form fieldset:not(:disabled) input") !== null""",
}
"""A lesson can be read when its first words are painted, and works when its first question can be answered."""
_WATCH: Final = """(() => {
  const found = { FOUND };
  const look = () => {
    for (const [name, holds] of Object.entries(found)) {
      if (holds()) {
        delete found[name];
        window.arrived(name, performance.now(), performance.timeOrigin);
      }
    }
  };
  const often = () => {
    look();
    if (Object.keys(found).length > 0) requestAnimationFrame(often);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ["data-step"] });
  requestAnimationFrame(often);
})()"""


@dataclass
class Traffic:
    """What went through.

    Attributes:
        asked: the paths that were asked for, each with its time in seconds since 1970.
        sent: bytes that the browser got, with all headers, and when.
    """

    asked: list[tuple[float, str]] = field(default_factory=list)
    sent: list[tuple[float, int]] = field(default_factory=list)

    @property
    def requests(self) -> list[str]:
        """The paths that were asked for."""
        return [path for _, path in self.asked]

    @property
    def received(self) -> int:
        """Bytes that the browser got."""
        return sum(size for _, size in self.sent)

    def between(self, start: float, end: float) -> Traffic:
        """Return what went through from one time to another."""
        return Traffic(
            [each for each in self.asked if start <= each[0] <= end],
            [each for each in self.sent if start <= each[0] <= end],
        )


@contextlib.contextmanager
def relay(port: int) -> Iterator[tuple[int, Traffic]]:
    """Pass on what comes to a port of the system's choice; yields that port, and what went through so far.

    Args:
        port: of this machine, where it goes.
    """
    traffic = Traffic()
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept() -> None:
        while True:
            try:
                browser, _ = listener.accept()
            except OSError:
                return
            lab = socket.create_connection(("127.0.0.1", port))
            sockets.extend((browser, lab))
            for each in (browser, lab):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for way in ((browser, lab, True), (lab, browser, False)):
                threads.append(threading.Thread(target=_pass_on, args=(*way, traffic)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1], traffic
    finally:
        _end(listener)
        accepting.join()
        for each in sockets:
            _end(each)
        for thread in threads:
            thread.join()
        for each in (listener, *sockets):
            each.close()


def _pass_on(source: socket.socket, target: socket.socket, asks: bool, traffic: Traffic) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(_CHUNK):
            if asks:
                traffic.asked.extend((time.time(), path.decode()) for path in _REQUEST.findall(part))
            else:
                traffic.sent.append((time.time(), len(part)))
            target.sendall(part)
    _end(target)


def _end(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Visit:
    """How a visit went.

    Attributes:
        times: seconds until each thing that was looked for was there.
        before: what had gone over the wire when the page worked.
    """

    times: Mapping[str, float]
    before: Traffic

    @property
    def works_s(self) -> float:
        """Seconds until the page worked."""
        return self.times["works"]

    @property
    def chart_s(self) -> float:
        """Seconds until its first chart was drawn."""
        return self.times["chart"]


def visit(
    page: Page,
    url: str,
    traffic: Traffic,
    network: dict[str, float] | None = None,
    found: Mapping[str, str] = THE_LAB,
) -> Visit:
    """Open the page in a tab and wait until it works and has all that is looked for.

    Args:
        page: the tab.
        url: of the page, through a relay.
        traffic: what goes through the relay.
        network: as Chromium emulates it; by default as it is.
        found: what is looked for, each an expression in JavaScript; ``works`` is among them.
    """
    start = time.time()
    times: dict[str, float] = {}
    before: dict[str, Traffic] = {}

    def arrived(name: str, ms: float, origin: float) -> None:
        before[name] = traffic.between(start, (origin + ms) / 1000)
        times[name] = ms / 1000

    page.expose_function("arrived", arrived)
    page.add_init_script(_WATCH.replace("FOUND", ", ".join(f"{name}: () => {holds}" for name, holds in found.items())))
    if network:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", {"offline": False, **network})
    page.goto(url, wait_until="commit", timeout=PATIENCE_S * 1000)
    deadline = time.monotonic() + PATIENCE_S
    while len(times) < len(found):
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {PATIENCE_S:g} s the page had only reached {sorted(times)}")
        page.wait_for_timeout(20)
    return Visit(times, before["works"])


@contextlib.contextmanager
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody who has never been here."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        yield context
    finally:
        context.close()


def two_visits(
    browser: Browser,
    port: int,
    network: dict[str, float] | None = None,
    path: str = "",
    found: Mapping[str, str] = THE_LAB,
) -> tuple[Visit, Visit]:
    """A first visit with nothing cached, and a second in another tab."""
    with relay(port) as (door, traffic), visitor(browser) as context:
        url = f"http://127.0.0.1:{door}/{path}"
        page = context.new_page()
        first = visit(page, url, traffic, network, found)
        page.wait_for_timeout(4000)  # what the page fetches for later
        page.close()
        return first, visit(context.new_page(), url, traffic, network, found)
