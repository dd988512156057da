"""The glossary as it is served: as data that is sent only when it is new, and as a page that needs no script."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from app.lessons.glossary import glossary, places
from app.pages import HELP, glossary_page_of, page_of, term_button, with_terms
from tests.app.conftest import Running
from tests.app.test_api import PAGE
from trainer.presets import PRESETS, find_preset


class Parts(HTMLParser):
    """What a page has: ids, links, buttons of terms, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.terms: list[str] = []
        self.text = ""
        self._silent = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self._silent = tag in ("script", "style")
        self.ids += [told["id"]] if "id" in told else []
        self.links += [told["href"]] if tag == "a" and "href" in told else []
        self.terms += [told["data-term"]] if "data-term" in told else []

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data


async def test_the_words_are_served_as_data(lab: Running) -> None:
    answer = await lab.client.get("/api/glossary", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (answer.headers["cache-control"], answer.headers["content-encoding"]) == ("no-cache", "gzip")
    told = answer.json()
    assert [each["id"] for each in told] == [*glossary()]
    assert told == glossary().described(places())
    rate = next(each for each in told if each["id"] == "dropout-rate")
    assert rate["source"] == ["Srivastava et al. 2014, section 7.3 and appendix A.4"]
    assert rate["met"][0] == {"path": "experiments/rate", "title": "Choosing the rate"}


async def test_they_are_sent_again_only_when_they_are_others(lab: Running) -> None:
    tag = (await lab.client.get("/api/glossary")).headers["etag"]
    again = await lab.client.get("/api/glossary", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await lab.client.get("/api/glossary", headers={"If-None-Match": '"another-gzip"'})
    assert other.status_code == 200


async def test_the_page_has_an_anchor_for_each_word_and_every_link_leads_somewhere(lab: Running) -> None:
    answer = await lab.client.get("/glossary", headers=PAGE)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    parts = Parts(answer.text)
    assert len(parts.ids) == len({*parts.ids})
    assert {f"term-{name}" for name in glossary()} <= {*parts.ids}
    assert {link[1:] for link in parts.links if link.startswith("#")} <= {*parts.ids}
    tag = answer.headers["etag"]
    assert (await lab.client.get("/glossary", headers=PAGE | {"If-None-Match": tag})).status_code == 304
    outside = {link for link in parts.links if not link.startswith(("#", "./"))}
    assert outside == set()


def test_the_page_says_all_of_each_word_without_a_script() -> None:
    text = " ".join(Parts(glossary_page_of()).text.split())
    for term in glossary().values():
        assert f"{term.meaning} {term.more}".strip() in text
        for source in term.source:
            assert str(source) in text
    for work in glossary().works:
        assert f"{work.cited}: {work.work}" in text


def test_the_help_lists_words_of_the_glossary_and_links_to_it() -> None:
    page = page_of()
    help_text = page[page.index('<dialog id="help"') : page.index('<dialog id="upload"')]
    parts = Parts(help_text)
    for name in HELP:
        assert glossary()[name].meaning in " ".join(parts.text.split())
    assert "./glossary" in parts.links
    assert len(parts.terms) == len({*parts.terms}) > 3
    assert not {*parts.terms} & {*HELP}


def test_the_card_of_an_experiment_has_its_terms_and_the_same_text() -> None:
    for preset in PRESETS:
        page = page_of(find_preset(preset.id))
        head = page[page.index('<p class="experiment-question"') : page.index('<p class="experiment-source"')]
        parts = Parts(head)
        assert " ".join(parts.text.split()) == f"{preset.question} Look at {preset.look}"
        assert len(parts.terms) == len({*parts.terms})
        ask = re.search(r'<legend data-show="ask">(.*?)</legend>', page)
        assert ask is not None
        assert Parts(ask[1]).text == (preset.guess.text if preset.guess else "")


def test_a_text_with_terms_is_escaped() -> None:
    button = str(term_button(glossary()["mask"], "masks"))
    assert str(with_terms("<i>masks</i> & “masks”")) == f"&lt;i&gt;{button}&lt;/i&gt; &amp; “masks”"
    assert str(term_button(glossary()["mask"], "<b>")).endswith("&lt;b&gt;</a>")
