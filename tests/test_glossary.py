"""The glossary is sound: each word has one short sentence and a source, and is met somewhere; a broken one is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest

from app.lessons.glossary import LESSONS, Found, GlossaryError, Term, glossary, places, read, read_works
from tests.test_words import COMMENT, ROOT
from trainer.settings.schema import schema

MOST_WORDS: Final = 25
FOR_LESSONS: Final = {
    *("baseline", "bias", "data-augmentation", "epoch", "generalisation", "generalisation-gap", "grid-search"),
    *("hyperparameter", "model-averaging", "monte-carlo-dropout", "softmax", "test-set"),
}
"""Words that the lab itself has no place for: lessons need them."""
WORDS: Final = glossary()
LANGUAGES: Final = sorted(path.parent for path in LESSONS.glob("*/glossary.toml"))
WHOLE: Final = {"term": "mask", "meaning": "Zeros and ones.", "source": ["li2019"]}


def sentences(text: str) -> list[str]:
    return re.findall(r"[^.!?]+(?:[.!?](?!\s|$)[^.!?]*)*[.!?]", text)


@pytest.mark.parametrize("term", WORDS.values(), ids=lambda term: term.id)
def test_each_meaning_is_one_short_sentence(term: Term) -> None:
    for text in filter(None, (term.meaning, term.more)):
        assert sentences(text) == [text]
        assert len(text.split()) <= MOST_WORDS
        assert text[0].isupper()


@pytest.mark.parametrize("term", WORDS.values(), ids=lambda term: term.id)
def test_each_has_a_source_and_names_what_is_there(term: Term) -> None:
    assert term.source
    assert {*term.see} <= {*WORDS} - {term.id}
    assert len({*term.see}) == len(term.see)
    assert {*term.met} <= {*places()}


def test_no_word_has_two_meanings_and_the_file_is_in_order() -> None:
    spelled = [spelling.casefold() for term in WORDS.values() for spelling in term.spellings]
    assert len(spelled) == len({*spelled})
    names = re.findall(r"^\[([\w-]+)\]$", (LESSONS / "en" / "glossary.toml").read_text(), re.MULTILINE)
    assert names == sorted(names)
    assert {*names} == {*WORDS}
    assert [term.term.casefold() for term in WORDS.values()] == sorted(term.term.casefold() for term in WORDS.values())


def test_every_work_is_cited_and_in_order() -> None:
    works = read_works(LESSONS / "works.toml")
    assert list(works) == sorted(works)
    others = "".join(path.read_text() for path in LESSONS.rglob("*.md"))
    assert {name for name in works if name not in others} <= {work.id for work in WORDS.works}


def test_every_word_is_met_on_the_page_in_a_lesson_or_in_the_meaning_of_another() -> None:
    files = [
        *(ROOT / "static" / "js").rglob("*.js"),
        *(path for path in (ROOT / "templates").glob("*.html") if path.name != "glossary.html"),
        *(path for room in ("settings", "presets") for path in (ROOT / "trainer" / room).rglob("*.py")),
    ]
    met = "\n".join(COMMENT.sub("", path.read_text()) for path in files) + json.dumps(schema())
    met += "".join(path.read_text() for path in LESSONS.glob("en/**/*.md"))

    def is_met(term: Term) -> bool:
        others = " ".join(f"{each.meaning} {each.more}" for each in WORDS.values() if each.id != term.id)
        words = "|".join(map(re.escape, term.spellings))
        return re.search(rf"(?<![\w-])(?:{words})(?![\w-])", met + others, re.IGNORECASE) is not None

    assert {term.id for term in WORDS.values() if not is_met(term)} <= FOR_LESSONS


@pytest.mark.parametrize("folder", LANGUAGES, ids=lambda folder: folder.name)
def test_every_language_has_the_same_words(folder: Path) -> None:
    words = read(folder, read_works(LESSONS / "works.toml"))
    assert {*words} == {*WORDS}
    for name, term in words.items():
        assert (term.source, term.see, term.met) == (WORDS[name].source, WORDS[name].see, WORDS[name].met)


def told(pieces: list[str | Found]) -> list[str]:
    """Pieces as text, terms as ``[text: id]``."""
    return [f"[{each.text}: {each.term.id}]" if isinstance(each, Found) else each for each in pieces]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("None of it.", ["None of it."]),
        ("Masks drop units.", ["[Masks: mask]", " drop ", "[units: neuron]", "."]),
        ("A mini-batch, a batch", ["A ", "[mini-batch: mini-batch]", ", a batch"]),
        ("L2 weight decay", ["[L2: l2]", " ", "[weight decay: weight-decay]"]),
        ("the max-norms of unmasked stepwise L1-norms", ["the max-norms of unmasked stepwise L1-norms"]),
        ("“No dropout” has the mask’s", ["“No dropout” has the ", "[mask: mask]", "’s"]),
        ("log-loss and loss", ["[log-loss: cross-entropy]", " and ", "[loss: loss]"]),
        ("LOSS <b>", ["[LOSS: loss]", " <b>"]),
        ("Größe, größe-loss", ["Größe, größe-loss"]),
    ],
)
def test_whole_words_are_found_the_longest_first_each_once_and_none_in_names(text: str, found: list[str]) -> None:
    pieces = WORDS.pieces(text)
    assert told(pieces) == found
    assert "".join(each.text if isinstance(each, Found) else each for each in pieces) == text


def test_texts_that_share_what_was_seen_have_each_term_once() -> None:
    seen = {"loss"}
    assert told(WORDS.pieces("a mask, the loss", seen)) == ["a ", "[mask: mask]", ", the loss"]
    assert told(WORDS.pieces("masks and noise", seen)) == ["masks and ", "[noise: noise]"]
    assert seen == {"loss", "mask", "noise"}


def written(folder: Path, terms: object) -> Path:
    """A folder with a glossary: TOML takes JSON's texts and lists as they are."""
    if isinstance(terms, str):
        text = terms
    else:
        assert isinstance(terms, dict)
        text = "".join(
            f"[{name}]\n" + "".join(f"{field} = {json.dumps(value)}\n" for field, value in fields.items())
            for name, fields in terms.items()
        )
    (folder / "glossary.toml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("= 3", "glossary.toml cannot be read"),
        ({"Mask": WHOLE}, "glossary.toml: Mask: the id must be of small letters"),
        ({"mask": {**WHOLE, "sea": []}}, "mask: has to have term, meaning, source, and may have"),
        ({"mask": {"term": "mask", "meaning": "Ones."}}, "mask: has to have term, meaning, source"),
        ({"mask": {**WHOLE, "source": []}}, "mask: needs a source"),
        ({"mask": {**WHOLE, "source": ["li2020: section 3"]}}, "mask: “li2020” is no work of works.toml"),
        ({"mask": {**WHOLE, "meaning": "Two\nlines."}}, "mask: meaning must be a text on one line, and not 'Two"),
        ({"mask": {**WHOLE, "also": "masks"}}, "mask: also must be a list of texts, and not 'masks'"),
        ({"mask": {**WHOLE, "see": ["step"]}}, "mask: see “step” must be the id of another term"),
        ({"mask": {**WHOLE, "see": ["mask"]}}, "mask: see “mask” must be the id of another term"),
        (
            {"mask": WHOLE, "noise": {**WHOLE, "term": "noise", "forms": ["Mask"]}},
            "noise: “mask” stands for mask already",
        ),
    ],
)
def test_a_broken_glossary_is_refused_in_words_that_say_where(tmp_path: Path, terms: object, said: str) -> None:
    works = read_works(LESSONS / "works.toml")
    assert read(written(tmp_path, {"mask": WHOLE}), works)["mask"].title == "Mask"
    with pytest.raises(GlossaryError) as raised:
        read(written(tmp_path, terms), works)
    assert said in str(raised.value)


def test_works_have_what_they_must_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "works.toml"
    path.write_text('[li2019]\ncited = "Li et al. 2019"\n')
    with pytest.raises(GlossaryError, match=r"works\.toml: li2019 must have the fields cited and work"):
        read_works(path)
    with pytest.raises(GlossaryError, match=r"none\.toml cannot be read"):
        read_works(tmp_path / "none.toml")


def test_a_source_says_the_place_where_it_is_known() -> None:
    assert [str(source) for source in WORDS["dropconnect"].source] == ["Wan et al. 2013"]
    assert [str(source) for source in WORDS["max-norm"].source] == ["Srivastava et al. 2014, section 5.1"]
