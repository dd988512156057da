"""The lab in a real browser behind real proxies, nginx and that of JupyterHub: below a path, and without its name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import OpenPage
from tests.browser.driver import LabPage
from tests.browser.servers import Lab
from tests.chp import hub
from tests.conftest import TIMEOUT_FACTOR
from tests.jupyter import jupyter
from tests.nginx import example, nginx, without

pytestmark = pytest.mark.timeout(300)

AT: Final = "/user/ana/proxy/8000"
"""Where JupyterHub has what listens at port 8000 of Ana's server."""


def started(**settings: Any) -> Lab:
    """A lab that believes the proxies of this machine."""
    usual: dict[str, Any] = {
        "DROPOUT_LAB_TRUSTED_PROXIES": "127.0.0.1",
        "DROPOUT_LAB_WORKERS": "1",
        "DROPOUT_LAB_THREADS": "1",
    }
    return Lab(timeout_s=90 * TIMEOUT_FACTOR, **usual, **settings)


@pytest.fixture(scope="module")
def trusting() -> Iterator[Lab]:
    """A lab that is told nothing of a path."""
    lab = started()
    yield lab
    lab.stop(30 * TIMEOUT_FACTOR)


@pytest.fixture(scope="module")
def told() -> Iterator[Lab]:
    """A lab that is told its path, for the proxy that keeps it and does not say so."""
    lab = started(DROPOUT_LAB_ROOT_PATH=AT)
    yield lab
    lab.stop(30 * TIMEOUT_FACTOR)


def behind_hub(stack: ExitStack, lab: Lab, *options: str) -> str:
    """What JupyterHub runs, with a route to the lab."""
    return stack.enter_context(hub(AT, lab.port, options)) + AT


def behind_server(stack: ExitStack, lab: Lab, newer: bool) -> str:
    """The same in front of Ana's server, which has the lab behind a proxy of its own."""
    port = stack.enter_context(jupyter(AT, lab.port, newer))
    return stack.enter_context(hub("/user/ana", port)) + AT


PLACES: Final[dict[str, tuple[str, Callable[[ExitStack, Lab], str]]]] = {
    "nginx, stripped": (
        "trusting",
        lambda stack, lab: stack.enter_context(nginx(example("prefix-stripped"), lab.port)).url + "/lab",
    ),
    "nginx, kept": (
        "trusting",
        lambda stack, lab: stack.enter_context(nginx(example("prefix-kept"), lab.port)).url + "/lab",
    ),
    "hub, stripped": ("trusting", lambda stack, lab: behind_hub(stack, lab, "--no-include-prefix")),
    "hub, kept": ("told", behind_hub),
    "hub and server 4.4": ("trusting", lambda stack, lab: behind_server(stack, lab, newer=False)),
    "hub and server": ("trusting", lambda stack, lab: behind_server(stack, lab, newer=True)),
}
"""Which lab stands behind which proxies."""


@pytest.fixture(params=PLACES)
def below(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the lab is behind proxies, below a path."""
    name, place = PLACES[request.param]
    with ExitStack() as stack:
        yield place(stack, request.getfixturevalue(name))


def refusals(page: Page) -> list[str]:
    """The answers that say that something is wrong, as they come."""
    found: list[str] = []

    def on_response(response: Response) -> None:
        if response.status >= 400:
            found.append(f"{response.status} {response.url}")

    page.on("response", on_response)
    return found


def is_styled(page: Page) -> bool:
    font = page.evaluate("() => getComputedStyle(document.body).fontFamily")
    return str(font) != "" and "Times" not in str(font) and bool(page.evaluate("() => document.styleSheets.length > 2"))


def test_below_a_path_the_lab_is_whole(below: str, page: Page, open_page: OpenPage, tmp_path: Path) -> None:
    refused = refusals(page)
    lab = LabPage(page, below).open("?train_size=200")
    assert is_styled(page)
    lab.wait("state.steps.last > 20 && state.scores.length > 0")
    assert lab.state("state.connection.by") == "websocket"
    page.wait_for_function(
        "() => [...document.querySelectorAll('#network canvas')].some((each) => each.dataset.step > 0)"
    )
    expect(page.locator("#loss .js-plotly-plot, #loss .main-svg").first).to_be_visible()
    lab.pause()

    lab.button("share").click()
    reproduce = page.get_by_label("Reproduce it").input_value()
    watch = page.get_by_label("Watch it live").input_value()
    assert reproduce == f"{below}/?train_size=200"
    assert watch.startswith(f"{below}/?run=")
    page.locator("#share [value=close]").click()
    guest = open_page()
    guests = refusals(guest)
    guest.goto(watch)
    guest.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    assert guest.evaluate("() => window.dropoutLab.store.state.run.id") == lab.state("state.run.id")

    with page.expect_download() as record:
        lab.button("save").click()
        page.locator("#save a[download]").click()
    record.value.save_as(tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["run"]["id"] == lab.state("state.run.id")
    with page.expect_download() as report:
        page.locator("#save [data-do=report]").click()
    report.value.save_as(tmp_path / "report.html")
    written = (tmp_path / "report.html").read_text()
    assert f'href="{below}/?train_size=200"' in written
    assert len(written) > 1_000_000  # Plotly is in it
    page.locator("#save [value=close]").click()
    assert refused + guests == []


def test_below_a_path_experiments_and_error_pages_are_where_they_belong(below: str, page: Page) -> None:
    refused = refusals(page)
    lab = LabPage(page, below)
    page.goto(f"{below}/experiments/rate")
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    expect(page.locator("#experiment-title")).to_have_text(lab.state("state.experiment.title"))
    page.get_by_role("button", name="Experiments").click()
    page.locator("#experiments-list a").first.click()  # free play, two folders up from where the page was
    page.wait_for_url(f"{below}/")
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    page.get_by_role("button", name="Experiments").click()
    page.locator("#experiments-list a[href$='/experiments/twin']").click()
    page.wait_for_url(f"{below}/experiments/twin**")
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
    # The page rewrites its own address when its run belongs to no experiment any more; its links still lead there.
    page.evaluate("() => window.dropoutLab.actions.newRun({ dataset: 'wine', train_size: 100 })")
    page.wait_for_function("(path) => location.pathname === path", arg=urlsplit(below).path + "/")
    hrefs = page.locator("#experiments-list a").evaluate_all("(all) => all.map((each) => each.href)")
    assert len(hrefs) > 20
    beside = (f"{below}/", f"{below}/lessons")
    assert all(href in beside or href.startswith(f"{below}/experiments/") for href in hrefs)
    assert refused == []


def test_below_a_path_a_class_meets_by_the_link_of_its_room(below: str, page: Page, open_page: OpenPage) -> None:
    refused = refusals(page)
    page.goto(f"{below}/rooms")
    page.get_by_role("button", name="Open a room").click()
    page.wait_for_url(f"{below}/rooms/*/host")
    found = re.search(r"/rooms/(\w+)/host", page.url)
    assert found is not None
    link = page.locator("#address")
    expect(link).to_have_value(f"{below}/r/{found[1]}")
    phone = open_page(viewport={"width": 390, "height": 844})
    phones = refusals(phone)
    phone.goto(link.input_value())
    phone.get_by_label("Your name", exact=True).fill("Ada")
    phone.get_by_role("button", name="Join", exact=True).click()
    expect(phone.locator("#work")).to_be_visible()
    expect(page.locator("#people")).to_contain_text("Ada")
    code = page.request.get(f"{below}/api/rooms/{found[1]}/code.svg")
    assert code.headers["content-type"] == "image/svg+xml"
    assert refused + phones == []


def test_below_a_path_ones_runs_are_listed_and_lead_back(below: str, page: Page) -> None:
    refused = refusals(page)
    lab = LabPage(page, below).open("?train_size=200")
    lab.wait("state.steps.last > 5")
    lab.pause()
    run = lab.state("state.run.id")
    page.get_by_role("link", name="My runs").click()
    page.wait_for_url(f"{below}/runs")
    card = page.locator(f"a[href*='run={run}']").first
    expect(card).to_be_visible()
    card.click()
    page.wait_for_url(f"{below}/?run={run}#mine")
    lab.wait("state.role === 'owner'")
    assert lab.state("state.run.id") == run
    assert refused == []


def test_below_a_path_a_lesson_leads_through_its_run_and_frames_show_panels(below: str, page: Page) -> None:
    refused = refusals(page)
    page.goto(f"{below}/lessons")
    page.locator(".course-card[data-lesson='1'] a").first.click()
    page.wait_for_url(f"{below}/lessons/1")
    lab = LabPage(page, below)
    card = page.locator("#lesson")
    card.get_by_label("I do not know yet").check()
    card.get_by_role("button", name="Begin").click()
    card.get_by_role("button", name="Next").click()
    card.get_by_role("button", name="Do it for me").click()
    expect(card.get_by_role("button", name="Next")).to_be_enabled()
    assert lab.state("state.steps.last") == 1
    run = lab.state("state.run.id")
    page.reload()
    lab.wait("state.role === 'owner'")
    expect(card.locator("[data-show=at]")).to_contain_text("3 of")
    assert lab.state("state.run.id") == run
    card.get_by_role("link", name="Lesson 1").click()
    page.wait_for_url(f"{below}/lessons")
    expect(page.locator(".course-card[data-lesson='1']")).to_contain_text("Begun: step 3")

    page.goto(f"{below}/?embed=network,loss&train_size=200")
    lab.wait("state.open.length === 2 && state.steps.last > 3")
    assert str(page.locator("#embed a").get_attribute("href")).startswith(f"{below}/")
    assert refused == []


def test_below_a_path_a_slash_too_many_is_taken_away(below: str, page: Page) -> None:
    page.goto(f"{below}/experiments/twin/?seed=3")
    assert page.url.split("&")[0] == f"{below}/experiments/twin?seed=3"
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")


@pytest.mark.expected_errors("404")
def test_below_a_path_an_error_page_is_styled_and_leads_back(below: str, page: Page) -> None:
    page.goto(f"{below}/nothing/here")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    assert is_styled(page)
    page.get_by_role("link", name="To the lab").click()
    page.wait_for_url(f"{below}/**")
    page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")


@pytest.mark.expected_errors("403")
def test_where_the_proxy_hides_the_name_the_page_says_so_and_nothing_else(trusting: Lab, page: Page) -> None:
    server = without(example("root"), "proxy_set_header Host", "proxy_set_header X-Forwarded-Host")
    with nginx(server, trusting.port) as proxy:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(proxy.url)
        page.wait_for_function("() => window.dropoutLab?.store.state.connection.status === 'failed'")
        told = page.locator("body").inner_text()
        assert f"opened at {proxy.url}, but the server was asked for 127.0.0.1:{trusting.port}" in told
        assert "a proxy in between changes the name, and whoever runs it must let it pass on the name" in told
        assert "opened instead" not in told
        assert LabPage(page, proxy.url).overflow() == 0
        page.goto("about:blank")
