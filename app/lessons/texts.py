"""Markdown into a small tree that the page builds elements of: nothing of it is ever taken for mark-up."""

from __future__ import annotations

import re
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.lessons.errors import LessonError
from app.lessons.facts import FORMATS, read_call

Inline = str | dict[str, Any]
"""A text; or ``{"strong"|"em": [Inline, …]}``, ``{"code": text}``, ``{"link": address, "inside": [Inline, …]}``,
``{"fact": call}``."""
Block = dict[str, Any]
"""``{"p": [Inline, …]}``, ``{"list": [[Inline, …], …], "ordered": bool}`` or ``{"code": text, "language": name}``."""

_MARKDOWN: Final = MarkdownIt("commonmark")
_FACT: Final = re.compile(r"\{([^{}:]+)(?::([a-z]+))?\}")
_WRAPS: Final = {"strong_open": "strong", "em_open": "em"}


def sections(text: str, where: str) -> dict[str, str]:
    """Split a text at its headings: ``## mask`` begins ``mask``, ``### then`` below it ``mask/then``.

    Raises:
        LessonError: a heading comes twice, or something stands before the first.
    """
    found: dict[str, str] = {}
    name, above = "", ""
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else re.fullmatch(r"(#{2,3}) +(.+?) *", line)
        if heading is None:
            if name:
                found[name] += line + "\n"
            elif line.strip():
                raise LessonError(f"{where}: {line!r} stands before the first heading")
            continue
        above, name = (heading[2], heading[2]) if heading[1] == "##" else (above, f"{above}/{heading[2]}")
        if name in found:
            raise LessonError(f"{where}: the heading {name!r} comes twice")
        found[name] = ""
    return {key: body.strip() for key, body in found.items()}


def read_blocks(text: str, where: str) -> list[Block]:
    """Read Markdown: paragraphs, lists and code, with emphasis, links, and facts in braces.

    Raises:
        LessonError: it has something else, or a fact that there is not.
    """
    tokens = iter(_MARKDOWN.parse(text))
    return list(_blocks(tokens, where))


def _blocks(tokens: Any, where: str) -> Any:
    for token in tokens:
        if token.type == "paragraph_open":
            yield {"p": _inline(next(tokens).children or [], where)}
            next(tokens)
        elif token.type == "fence":
            yield {"code": token.content.rstrip("\n"), "language": token.info.strip()}
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            yield {"list": list(_items(tokens, where)), "ordered": token.type.startswith("ordered")}
        else:
            raise LessonError(f"{where}: {token.content or token.markup!r} is neither a paragraph nor a list nor code")


def _items(tokens: Any, where: str) -> Any:
    for token in tokens:
        if token.type.endswith("_list_close"):
            return
        if token.type == "inline":
            yield _inline(token.children or [], where)


def _inline(children: list[Token], where: str) -> list[Inline]:
    top: list[Inline] = []
    stack: list[list[Inline]] = [top]
    for child in children:
        if child.type == "text":
            stack[-1].extend(_with_facts(child.content, where))
        elif child.type in ("softbreak", "hardbreak"):
            stack[-1].append(" ")
        elif child.type == "code_inline":
            stack[-1].append({"code": child.content})
        elif child.type in _WRAPS or child.type == "link_open":
            inside: list[Inline] = []
            address = child.attrGet("href")
            is_link = child.type == "link_open"
            stack[-1].append({"link": address, "inside": inside} if is_link else {_WRAPS[child.type]: inside})
            stack.append(inside)
        elif child.type.endswith("_close"):
            stack.pop()
        else:
            raise LessonError(f"{where}: {child.content!r} cannot stand in a lesson")
    return top


def _with_facts(text: str, where: str) -> list[Inline]:
    parts: list[Inline] = []
    end = 0
    for match in _FACT.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        call = read_call(match[1], where)
        if match[2] is not None:
            if match[2] not in FORMATS:
                raise LessonError(f"{where}: {match[2]!r} in {match[0]!r} is no format; there are {', '.join(FORMATS)}")
            call["format"] = match[2]
        parts.append({"fact": call})
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return parts


def facts_in(blocks: list[Block]) -> list[dict[str, Any]]:
    """Return the facts that a text quotes."""
    found: list[dict[str, Any]] = []

    def look(inlines: list[Inline]) -> None:
        for each in inlines:
            if isinstance(each, dict):
                if "fact" in each:
                    found.append(each["fact"])
                for key in ("strong", "em", "inside"):
                    look(each.get(key, []))

    for block in blocks:
        look(block.get("p", []))
        for item in block.get("list", []):
            look(item)
    return found


def plain(blocks: list[Block], quoted: str = "5") -> str:
    """Return a text without its mark-up, each fact as a number, for whoever counts its words.

    Args:
        blocks: the text.
        quoted: what stands for a fact.
    """

    def said(inlines: list[Inline]) -> str:
        words = []
        for each in inlines:
            if isinstance(each, str):
                words.append(each)
            elif "fact" in each:
                words.append(quoted)
            elif "code" in each:
                words.append(each["code"])
            else:
                words.append(said(each.get("strong") or each.get("em") or each.get("inside") or []))
        return "".join(words)

    lines = []
    for block in blocks:
        if "p" in block:
            lines.append(said(block["p"]))
        lines.extend(said(item) for item in block.get("list", []))
    return "\n".join(lines)
