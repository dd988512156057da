"""The words of the page: plain, and none of those that readers stumbled over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from textstat import textstat

from app.lessons.glossary import glossary
from trainer.presets import PRESETS
from trainer.settings.panels import PANELS
from trainer.settings.schema import schema

ROOT: Final = Path(__file__).resolve().parents[1]
MOST_GRADE: Final = 10  # Flesch & Kincaid: years of school, Kincaid et al. 1975
BANNED: Final = (
    "loses other neurons",
    "lose other neurons",
    "lose a different set",
    "One step of the followed",
    "what is missing was dropped",
    "Of its own",
    "did not reach this page",
    "knows who was kept",
    "share right",
    "as likely one as",
    "units of the axes",
    "otherwise than the rest",
    "Who is asked",
    "it is said here",
    "What was seen",
    "lie where those of",
    "judged on the spot",
    "Play on",
    "Again with another seed",
    "run of one’s own",
    "As at first",
    "Take the code away",
    "by heart",
    "which nothing follows",
    "training, masks on",
    "with masks on",
)
"""What was on the page once; a better way to say each stands there now."""

COMMENT: Final = re.compile(
    r'/\*.*?\*/|(?<![:"\'`])//[^\n]*|<!--.*?-->|\{#.*?#\}|"""(?:[^"]|"(?!""))*"""|#[^\n]*', re.DOTALL
)


def sources() -> Iterator[Path]:
    for folder, pattern in (
        ("static/js", "*.js"),
        ("templates", "*.html"),
        ("trainer", "*.py"),
        ("app", "*.py"),
        ("lessons", "*.toml"),
    ):
        yield from sorted((ROOT / folder).rglob(pattern))


def test_no_phrase_that_readers_stumbled_over_is_left() -> None:
    texts = {path: COMMENT.sub("", path.read_text()) for path in sources()}
    assert len(texts) > 200
    found = [f"{path.relative_to(ROOT)}: {words}" for path, text in texts.items() for words in BANNED if words in text]
    assert found == []
    readme = (ROOT / "README.md").read_text()
    assert [words for words in BANNED if words in readme] == []


def told() -> dict[str, str]:
    """What the page explains, by where it stands."""
    described = schema()
    texts = {f"{side} {knob['name']}": knob["help"] for side in ("run", "lane", "search") for knob in described[side]}
    texts |= {f"panel {panel.id}": panel.about for panel in PANELS}
    texts |= {f"term {term.id}": f"{term.meaning} {term.more}".strip() for term in glossary().values()}
    for preset in PRESETS:
        fields = preset.described()
        texts |= {f"{preset.id}: {name}": fields[name] for name in ("question", "look", "admits") if fields[name]}
    return texts


@pytest.mark.parametrize(("where", "text"), told().items(), ids=told())
def test_a_reader_of_fifteen_can_read_it(where: str, text: str) -> None:
    assert textstat.flesch_kincaid_grade(text) <= MOST_GRADE, where
