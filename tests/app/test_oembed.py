"""oEmbed: what a program is told that shows a page of the lab in its own, and how it finds out that it may ask."""

from __future__ import annotations

import gzip
import html
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import httpx
import pytest
from starlette.requests import HTTPConnection

from app.compression import Gapped
from app.embed import LEAST_HEIGHT, MOST_HEIGHT, ONE_COLUMN, SPLIT, TWO_COLUMNS, named_in, size_of, tag_of, usual_panels
from app.oembed import described
from app.proxies import lab_address
from app.settings import Settings
from tests.app.conftest import Running, running
from tests.app.fakes import FakePool
from tests.app.test_proxies import seen
from trainer.presets import PRESETS, find_preset
from trainer.settings.panels import PANELS

FRAMED = Settings(log_level="error", frame_ancestors="https://course.example", trusted_proxies="127.0.0.1")
BASE = "https://lab.example/labs/"
PAGE = {"Accept": "text/html"}


class Frame(HTMLParser):
    """The attributes of the one element of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def frame_of(told: dict[str, Any]) -> dict[str, str]:
    """The attributes of the frame that an answer has."""
    ((tag, attributes),) = Frame(told["html"]).found
    assert tag == "iframe"
    return {name: value or "" for name, value in attributes.items()}


def asked(url: str, width: int | None = None, height: int | None = None) -> dict[str, Any]:
    return described(url, BASE, width, height, may_be_framed=True)


# What is answered


def test_the_answer_has_what_oembed_wants_of_a_rich_one() -> None:
    told = asked(f"{BASE}experiments/twin")
    assert (told["version"], told["type"]) == ("1.0", "rich")
    assert told["title"] == f"{find_preset('twin').title} · Dropout Lab"
    assert (told["provider_name"], told["provider_url"]) == ("Dropout Lab", BASE)
    frame = frame_of(told)
    assert frame["src"] == f"{BASE}experiments/twin?embed=network,loss"
    assert (frame["width"], frame["height"]) == (str(told["width"]), str(told["height"]))
    assert (frame["loading"], frame["allow"], frame["title"]) == ("lazy", "fullscreen", told["title"])


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("", "?embed=network,loss"),
        ("?embed=masks", "?embed=masks"),
        ("?train_size=200&lane=dropout:0.5", "?embed=network,loss&train_size=200&lane=dropout:0.5"),
        ("?exercise=eyJ9", "?embed=&exercise=eyJ9"),
        ("?embed=&seed=3", "?embed=&seed=3"),
        ("?run=abc#mine", "?embed=network,loss&run=abc"),
        ("experiments/boundaries?seed=2", "experiments/boundaries?embed=network,boundary&seed=2"),
        ("lessons/4", "lessons/4"),
        ("lessons/4?step=2", "lessons/4?step=2"),
    ],
)
def test_all_that_stands_behind_an_address_comes_along_and_nothing_that_makes_an_owner(url: str, source: str) -> None:
    assert frame_of(asked(BASE + url))["src"] == BASE + source


def test_the_address_of_the_lab_may_come_without_its_slash_and_by_http() -> None:
    assert frame_of(asked("https://lab.example/labs"))["src"] == f"{BASE}?embed=network,loss"
    assert frame_of(asked("http://lab.example/labs/"))["src"] == "http://lab.example/labs/?embed=network,loss"
    assert frame_of(asked("https://LAB.example:443/labs/"))["title"] == "Dropout Lab"


def test_whatever_stands_in_an_address_it_ends_no_attribute() -> None:
    evil = "?train_size=200&lane=name:\"><script>alert(1)</script>'&x=é\u202e"
    told = asked(BASE + evil)
    ((tag, attributes),) = Frame(told["html"]).found
    assert tag == "iframe"
    assert (
        attributes["src"]
        == BASE
        + "?embed=network,loss&train_size=200&lane=name:"
        + quote('"><script>alert(1)</script>', safe="()/")
        + "'&x=%C3%A9%E2%80%AE"
    )
    assert "<script" not in told["html"]


@pytest.mark.parametrize(
    "url",
    [
        *("https://other.example/labs/", "https://lab.example/", "https://lab.example/labsx/", "/labs/", "lab.example"),
        *("https://lab.example:8443/labs/", "ftp://lab.example/labs/", "https://lab.example:x/labs/", "https://[1/"),
        *("https://ana:secret@lab.example/labs/", "javascript:alert(1)", "https://lab.example/labs/runs"),
        *("https://lab.example/labs/experiments/nothing", "https://lab.example/labs/experiments/"),
        *(
            "https://lab.example/labs/api/schema",
            "https://lab.example/labs/lessons/4/5",
            "https://lab.example.evil/labs/",
        ),
    ],
)
async def test_what_is_no_page_of_this_lab_is_not_found(url: str, patience: float) -> None:
    async with running(FakePool(), FRAMED, patience) as lab:
        answer = await ask(lab, url=url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert url[:40] in answer.json()["error"]["message"]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: str(preset.id))
def test_of_each_experiment_something_is_shown_that_its_data_have(preset: Any) -> None:
    panels = usual_panels(preset)
    known = {panel.id: panel for panel in PANELS}
    assert 1 <= len(panels) <= 2
    assert all(not known[each].datasets or preset.config.dataset in known[each].datasets for each in panels)


# How large


def test_a_frame_is_no_larger_than_it_may_be_and_grows_with_what_it_shows() -> None:
    assert size_of(["loss"])[0] == ONE_COLUMN
    assert size_of(["network", "loss"])[0] == TWO_COLUMNS
    assert size_of(["loss"])[1] < size_of(["masks"])[1] <= MOST_HEIGHT
    narrow = size_of(["accuracy", "loss"], most_width=SPLIT - 1)
    assert narrow[0] == SPLIT - 1
    assert narrow[1] > size_of(["accuracy", "loss"])[1]  # one below the other
    assert size_of(["network", "loss"], 200, 100) == (200, 100)
    assert size_of([])[1] == LEAST_HEIGHT
    assert size_of([panel.id for panel in PANELS], 10_000, 10_000) == (TWO_COLUMNS, MOST_HEIGHT)


def test_names_that_are_none_are_left_out() -> None:
    assert named_in("loss, nothing,<b>,network,loss") == ("loss", "network")


def test_a_title_is_text() -> None:
    ((_, attributes),) = Frame(tag_of("https://lab.example/?a=1&b=2", '"Tom\'s" <b>', 1, 1)).found
    assert attributes["title"] == '"Tom\'s" <b>'
    assert attributes["src"] == "https://lab.example/?a=1&b=2"


# Asked over HTTP


async def ask(lab: Running, **query: str) -> httpx.Response:
    return await lab.client.get("/oembed", params=query, headers={"X-Forwarded-Host": "lab.example", **HTTPS})


HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/labs"}


async def test_a_page_is_told_of_as_json_and_no_wider_or_higher_than_is_asked(patience: float) -> None:
    async with running(FakePool(), FRAMED, patience) as lab:
        answer = await ask(lab, url=BASE, format="json", maxwidth="400", maxheight="300")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert (answer.json()["width"], answer.json()["height"]) == (400, 300)


async def test_another_format_is_not_made_here(patience: float) -> None:
    async with running(FakePool(), FRAMED, patience) as lab:
        for wanted in ("xml", "yaml", ""):
            answer = await ask(lab, url=BASE, format=wanted)
            assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_implemented")
            assert f"format = {wanted!r}" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            {},
            "url = None is not allowed: it must be the address of a page of this lab, such as https://lab.example/labs/",
        ),
        ({"url": BASE, "maxwidth": "wide"}, "maxwidth = 'wide' is not allowed: it must be a whole number of pixels"),
        ({"url": BASE, "maxheight": "0"}, "maxheight = '0' is not allowed"),
        ({"url": BASE, "maxwidth": "\u0665"}, "maxwidth = '\u0665' is not allowed"),
        ({"url": BASE + "?" + "x" * 9000}, "url = 'https://lab.example/labs/?xxx"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(query: dict[str, str], told: str, patience: float) -> None:
    async with running(FakePool(), FRAMED, patience) as lab:
        answer = await ask(lab, **query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_value")
        assert told in answer.json()["error"]["message"]


async def test_where_no_frame_is_allowed_the_answer_is_a_link_without_html(lab: Running) -> None:
    answer = await lab.client.get("/oembed", params={"url": f"{lab.url}/experiments/twin"})
    assert answer.status_code == 200
    assert answer.json()["type"] == "link"
    assert answer.json()["title"].endswith("Dropout Lab")
    assert not answer.json().keys() & {"html", "width", "height"}


# How it is found


def links_in(page: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'type="application/json\+oembed" href="([^"]*)"', page)]


async def test_a_page_says_where_it_is_told_of_with_the_address_by_which_it_was_asked_for(patience: float) -> None:
    async with running(FakePool(), FRAMED, patience) as lab:
        for path in ("/", "/?train_size=200&lane=name:a%20%26%20b", "/experiments/twin?seed=3"):
            page = await lab.client.get(path, headers={**PAGE, **HTTPS, "X-Forwarded-Host": "lab.example"})
            (link,) = links_in(page.text)
            parts = urlsplit(urljoin(BASE + path.lstrip("/"), link))
            assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{BASE}oembed"
            assert parse_qs(parts.query) == {"url": [BASE + path.lstrip("/")], "format": ["json"]}
            answer = await lab.client.get(
                f"/oembed?{parts.query}", headers={**HTTPS, "X-Forwarded-Host": "lab.example"}
            )
            assert answer.json()["html"].startswith('<iframe src="https://lab.example/labs/')


async def test_a_page_of_any_address_comes_compressed_and_is_asked_for_again_by_its_own_mark(lab: Running) -> None:
    texts, marks = set(), set()
    for query in ("", "?seed=1", "?seed=2&x=%22%3E%3Cscript%3E"):
        packed = await lab.client.get(f"/{query}", headers=PAGE)
        plain = await lab.client.get(f"/{query}", headers={**PAGE, "Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content
        assert len(links_in(plain.text)) == 1
        mark = packed.headers["etag"]
        same = await lab.client.get(f"/{query}", headers={**PAGE, "If-None-Match": mark})
        other = await lab.client.get("/?seed=9", headers={**PAGE, "If-None-Match": mark})
        assert (same.status_code, other.status_code) == (304, 200)
        texts.add(plain.text)
        marks.add(mark)
    assert len(texts) == len(marks) == 3


async def test_of_hosts_of_strangers_nothing_comes_into_a_page(patience: float) -> None:
    settings = Settings(log_level="error", allowed_hosts="*")
    async with running(FakePool(), settings, patience) as lab:
        page = await lab.client.get("/", headers={**PAGE, "Host": 'x"onclick=alert(1)'})
        assert page.status_code == 200
        assert 'x"onclick' not in page.text


async def test_the_address_of_the_lab_is_what_it_was_asked_for() -> None:
    told = (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "school.example"), ("X-Forwarded-Prefix", "/lab"))
    assert lab_address(HTTPConnection(await seen(FRAMED, "127.0.0.1", *told))) == "https://school.example/lab/"
    assert lab_address(HTTPConnection(await seen(Settings(), "127.0.0.1", *told))) == "http://upstream:8000/"


@pytest.mark.parametrize("gap", [b"", b"x", b"between " * 5000, bytes(range(256))])
def test_a_body_with_a_gap_is_the_same_packed_and_not(gap: bytes) -> None:
    before, after = b"<p>before the gap</p>" * 400, b"<p>behind it</p>" * 400
    made = Gapped(before, after)
    assert made.filled(gap) == before + gap + after
    assert gzip.decompress(made.compressed(gap)) == before + gap + after
    assert made.compressed(gap) == made.compressed(gap)
    assert len(made.compressed(b"")) < 400
