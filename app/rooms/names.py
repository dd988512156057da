"""Names of students: the only free text of a room. One line, at most 24 characters, each name once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from typing import Any, Final

from trainer.errors import KnobError
from trainer.printable import is_printable

LONGEST: Final = 24
MOST_MARKS: Final = 3  # on a letter: scripts that have vowels and tones need two
_VARIATIONS: Final = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors: they change how a letter looks, if at all, and not which it is."""
_BLANKS: Final = re.compile("[\u2800\u17b4\u17b5\U0001d159\U0001d173-\U0001d17a]")
"""What looks like nothing, and is in no list of blanks."""
ALLOWED: Final = f"1 to {LONGEST} characters that can be seen, in one line"


def read_name(given: Any) -> str:
    """Return a name as it is shown: blanks at its ends are left out, and runs of them become one.

    Args:
        given: what somebody wants to be called.

    Raises:
        KnobError: it is no text, empty, longer than `LONGEST`, or has characters that cannot be seen or that turn the
            direction of writing.
    """
    if not isinstance(given, str) or len(given) > 16 * LONGEST:
        raise KnobError("name", given if not isinstance(given, str) else given[:40] + "…", ALLOWED)
    name = " ".join(unicodedata.normalize("NFC", _VARIATIONS.sub("", given)).split())
    if not is_printable(given.strip()) or not 1 <= len(name) <= LONGEST or _BLANKS.search(name) or _is_stacked(name):
        raise KnobError("name", given[:40], ALLOWED)
    return name


def _is_stacked(name: str) -> bool:
    """Whether marks are heaped on letters, so that they would cover what stands above or below."""
    marks = 0
    for letter in name:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks > MOST_MARKS:
            return True
    return False


def unique(name: str, taken: Container[str]) -> str:
    """Return a name that nobody has: the second Ada is “Ada 2”.

    Args:
        name: that is wanted, as `read_name` returns it.
        taken: names that others have, as `likeness` sees them.
    """
    if likeness(name) not in taken:
        return name
    number = 2
    while True:
        end = f" {number}"
        other = name[: LONGEST - len(end)].rstrip() + end
        if likeness(other) not in taken:
            return other
        number += 1


def likeness(name: str) -> str:
    """Return what two names have in common that nobody can tell apart: case and width count for nothing."""
    return unicodedata.normalize("NFKC", name).casefold()
