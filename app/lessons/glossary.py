"""The glossary: the words of the lab, each with its meaning and where that is from, and the terms that a text holds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from app.delivery import ROOT
from trainer.presets import PRESETS

LESSONS: Final = ROOT / "lessons"
"""A folder for each language, and the works that are cited, which are the same in all of them."""
USUAL: Final = "en"
_ID: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_FIELDS: Final = ("term", "also", "forms", "meaning", "more", "source", "see", "met")
_NEEDED: Final = ("term", "meaning", "source")


class GlossaryError(ValueError):
    """A glossary is not as it must be; says where, and what is allowed."""


@dataclass(frozen=True)
class Work:
    """A paper or a book.

    Attributes:
        id: its name in `lessons/works.toml`.
        cited: how it is cited: ``Li et al. 2019``.
        work: who wrote it, what it is called, where it was published.
    """

    id: str
    cited: str
    work: str


@dataclass(frozen=True)
class Source:
    """Where a meaning is from.

    Attributes:
        work: a paper or a book.
        where: the place in it: ``section 3``; empty where it is the whole of it, or that is not known.
    """

    work: Work
    where: str

    def __str__(self) -> str:
        """How it is cited."""
        return f"{self.work.cited}, {self.where}" if self.where else self.work.cited


@dataclass(frozen=True)
class Term:
    """A word of the lab.

    Attributes:
        id: its name in addresses.
        term: as it is written in the middle of a sentence.
        also: other names for the same.
        forms: other forms of all these words.
        meaning: one sentence of at most 25 words.
        more: one sentence more, or nothing.
        source: where the meaning is from, at least one.
        see: ids of terms that are close to it.
        met: addresses of pages that are about it, from the lab on: ``experiments/twin``.
    """

    id: str
    term: str
    also: tuple[str, ...]
    forms: tuple[str, ...]
    meaning: str
    more: str
    source: tuple[Source, ...]
    see: tuple[str, ...]
    met: tuple[str, ...]

    @property
    def spellings(self) -> tuple[str, ...]:
        """All by which it is found in a text."""
        return (self.term, *self.also, *self.forms)

    @property
    def title(self) -> str:
        """The term as it stands at the beginning of a line."""
        return self.term[:1].upper() + self.term[1:]


@dataclass(frozen=True)
class Found:
    """A term in a text.

    Attributes:
        term: which.
        text: as it is written there.
    """

    term: Term
    text: str


class Glossary(Mapping[str, Term]):
    """The terms of a language by id, in the order of the alphabet.

    Args:
        terms: in any order.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self._terms = dict(sorted(terms.items(), key=lambda item: item[1].term.casefold()))
        self._by_spelling = {spelling.casefold(): term for term in self._terms.values() for spelling in term.spellings}

    def __getitem__(self, name: str) -> Term:
        return self._terms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)

    @property
    def works(self) -> list[Work]:
        """What is cited, in the order of the alphabet."""
        cited = {source.work.id: source.work for term in self.values() for source in term.source}
        return sorted(cited.values(), key=lambda work: work.cited.casefold())

    @cached_property
    def _searched(self) -> re.Pattern[str]:
        spellings = sorted(self._by_spelling, key=len, reverse=True)
        return re.compile(rf"“[^”]*”|(?<![\w-])(?:{'|'.join(map(re.escape, spellings))})(?![\w-])", re.IGNORECASE)

    def pieces(self, text: str, seen: set[str] | None = None) -> list[str | Found]:
        """Return a text in pieces: what is a term, and what stands between.

        Whole words are found, the longest first, and each term once. What stands in “quotation marks” is a name, and
        holds none. `static/js/base/glossary.js` finds the same.

        Args:
            text: without mark-up.
            seen: ids of terms that are not to be found any more; those that are found come to them.
        """
        seen = set() if seen is None else seen
        found: list[str | Found] = []
        place = 0
        for match in self._searched.finditer(text):
            term = self._by_spelling.get(match[0].casefold())
            if term is None or term.id in seen:
                continue
            seen.add(term.id)
            found += [text[place : match.start()], Found(term, match[0])]
            place = match.end()
        return [piece for piece in (*found, text[place:]) if piece]

    def described(self, places: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the terms as plain data.

        Args:
            places: titles of pages by their addresses.
        """
        return [
            {
                "id": term.id,
                "term": term.term,
                "also": [*term.also],
                "forms": [*term.forms],
                "meaning": term.meaning,
                "more": term.more,
                "source": [str(source) for source in term.source],
                "see": [*term.see],
                "met": [{"path": path, "title": places[path]} for path in term.met],
            }
            for term in self.values()
        ]


def read(folder: Path, works: Mapping[str, Work]) -> Glossary:
    """Read the glossary of a language.

    Args:
        folder: of the language.
        works: what may be cited, by name.

    Raises:
        GlossaryError: it is no TOML; a term has other fields than it should; two are written alike; or one names a
            term or a work that is not there.
    """
    path = folder / "glossary.toml"
    terms = {name: _term(f"{path.name}: {name}", name, fields, works) for name, fields in _toml(path).items()}
    spelled: dict[str, str] = {}
    for name, term in terms.items():
        for spelling in map(str.casefold, term.spellings):
            if spelling in spelled:
                raise GlossaryError(f"{path.name}: {name}: “{spelling}” stands for {spelled[spelling]} already")
            spelled[spelling] = name
        for other in term.see:
            if other not in terms or other == name:
                raise GlossaryError(f"{path.name}: {name}: see “{other}” must be the id of another term")
    return Glossary(terms)


def read_works(path: Path) -> dict[str, Work]:
    """Read what is cited.

    Raises:
        GlossaryError: it is no TOML, or a work has other fields than it should.
    """
    found = {}
    for name, fields in _toml(path).items():
        if not isinstance(fields, dict) or fields.keys() != {"cited", "work"}:
            raise GlossaryError(f"{path.name}: {name} must have the fields cited and work")
        found[name] = Work(name, **{field: _text(f"{path.name}: {name}", field, fields[field]) for field in fields})
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise GlossaryError(f"{path.name} cannot be read: {error}") from None


def _term(where: str, name: str, fields: Any, works: Mapping[str, Work]) -> Term:
    if not _ID.fullmatch(name):
        raise GlossaryError(f"{where}: the id must be of small letters, digits and single hyphens")
    if not isinstance(fields, dict) or not {*_NEEDED} <= fields.keys() <= {*_FIELDS}:
        raise GlossaryError(f"{where}: has to have {', '.join(_NEEDED)}, and may have {', '.join(_FIELDS)}")
    lists = {field: _texts(where, field, fields.get(field, [])) for field in ("also", "forms", "source", "see", "met")}
    if not lists["source"]:
        raise GlossaryError(f"{where}: needs a source")
    return Term(
        id=name,
        term=_text(where, "term", fields["term"]),
        also=lists["also"],
        forms=lists["forms"],
        meaning=_text(where, "meaning", fields["meaning"]),
        more=_text(where, "more", fields["more"]) if "more" in fields else "",
        source=tuple(_source(where, each, works) for each in lists["source"]),
        see=lists["see"],
        met=lists["met"],
    )


def _text(where: str, field: str, value: Any) -> str:
    if not isinstance(value, str) or not value or value != " ".join(value.split()):
        raise GlossaryError(f"{where}: {field} must be a text on one line, and not {value!r}")
    return value


def _texts(where: str, field: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise GlossaryError(f"{where}: {field} must be a list of texts, and not {values!r}")
    return tuple(_text(where, field, value) for value in values)


def _source(where: str, text: str, works: Mapping[str, Work]) -> Source:
    name, _, place = text.partition(":")
    if name not in works:
        raise GlossaryError(f"{where}: “{name}” is no work of works.toml")
    return Source(works[name], place.strip())


@cache
def glossary(language: str = USUAL) -> Glossary:
    """Return the glossary of a language: it is the same as long as the lab runs.

    Raises:
        GlossaryError: it is not as it must be.
    """
    return read(LESSONS / language, read_works(LESSONS / "works.toml"))


def places() -> dict[str, str]:
    """Return what a term may be met in: titles of pages by their addresses, from the lab on."""
    return {f"experiments/{preset.id}": preset.title for preset in PRESETS}
