"""Small words for writing Python: blocks, indentation, and texts of strangers made harmless."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import dedent, indent


def block(text: str) -> str:
    """A block of code as it is written in an indented triple-quoted string."""
    return dedent(text).strip("\n")


def lines(*given: str | Iterable[str]) -> str:
    """Lines put together; a list stands for as many as it has."""
    flat: list[str] = []
    for each in given:
        flat += [each] if isinstance(each, str) else list(each)
    return "\n".join(flat)


def inside(text: str, levels: int = 1) -> str:
    """Code moved to the right."""
    return indent(text, "    " * levels)


def when(condition: object, *given: str) -> list[str]:
    """These lines if ``condition`` holds, none if not."""
    return list(given) if condition else []


def module(*blocks: str) -> str:
    """Top-level blocks of a file, two empty lines between them; empty blocks are left out."""
    return "\n\n\n".join(each for each in blocks if each) + "\n"


def quoted(text: str) -> str:
    """A stranger's text as a Python literal of one line: it can end neither a comment nor a string.

    ``repr`` escapes quotes, backslashes and everything that is not printable, line ends of every kind among it.
    """
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def word_set(words: Iterable[str]) -> str:
    """A set of words as a Python literal, always in the same order."""
    return f"{{{', '.join(quoted(word) for word in sorted(words))}}}"


def imports(given: Iterable[str]) -> list[str]:
    """Import statements in the usual order."""
    return sorted(given, key=lambda line: (line.startswith("from"), line))
