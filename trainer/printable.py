r"""Which texts can be seen as they are: one line, and nothing in it that hides, or that turns what stands beside it.

Left out are control characters (line ends, ESC and their like), the soft hyphen, zero-width characters and byte order
marks, those that turn the direction of writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), letters
that are blank, tags, surrogates, and code points that are no characters.
"""

from __future__ import annotations

import re
from typing import Final

_STEERING: Final = (
    r"\xad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\uffff"
    r"\U000e0000-\U000e0fff"
)
UNSEEN_IN_CELLS: Final = rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_STEERING}]"
"""A regular expression of what is taken out of the cells of a table, where a text may have lines and tabs."""

_UNSEEN: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_STEERING}]")
_UNSEEN_IN_CELLS: Final = re.compile(UNSEEN_IN_CELLS)


def is_printable(text: str) -> bool:
    """Whether a text is one line of characters that can be seen, and not only of blanks."""
    return bool(text.strip()) and _UNSEEN.search(text) is None


def one_line(text: str) -> str:
    """A text with a blank for whatever cannot be seen in it, and for every other run of blanks."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def unseen_in(text: str) -> list[str]:
    """What cannot be seen in a text of many lines, each as often as it is there."""
    return _UNSEEN_IN_CELLS.findall(text)


def without_unseen(cell: str) -> str:
    """A cell of a table without what cannot be seen in it."""
    return _UNSEEN_IN_CELLS.sub("", cell)


def base_name(path: str) -> str:
    """The name of a file without its folder, whichever system wrote it; empty where there is none."""
    name = one_line(re.split(r"[/\\]", path)[-1])
    name = re.sub(r"^[A-Za-z]:", "", name).strip()
    return "" if name in (".", "..") else name
