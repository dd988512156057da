"""oEmbed 1.0 (https://oembed.com): what a program needs to show a page of the lab in a page of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import answer
from app.embed import MOST_PIXELS, PARAMETER, named_in, size_of, tag_of, usual_panels
from app.errors import NotFoundError, UnknownFormatError
from app.lab import lab_of
from app.proxies import lab_address
from trainer.errors import KnobError
from trainer.errors import quote as quoted
from trainer.presets import Preset, find_preset

VERSION: Final = "1.0"
NAME: Final = "Dropout Lab"
LONGEST: Final = 8192
"""Characters of an address: no server or proxy takes a longer one as it comes."""
_LESSON: Final = re.compile(r"lessons/([\w.-]{1,100})")
_PORTS: Final = {"http": 80, "https": 443}
_IN_QUERIES: Final = "%/:;,=&+@!$'()*?~"  # what stands in one as it is

router = APIRouter()


@router.get("/oembed")
async def get_oembed(request: Request) -> Response:
    """Return what a program needs to show a page of this lab in a page of its own, as oEmbed has it."""
    given = request.query_params
    wanted = given.get("format", "json")
    if wanted != "json":
        raise UnknownFormatError(f"format = {quoted(wanted)} is not made here: it must be json")
    most = {name: _pixels(name, given.get(name)) for name in ("maxwidth", "maxheight")}
    url = given.get("url")
    allowed = f"the address of a page of this lab, such as {lab_address(request)}"
    if not url or len(url) > LONGEST:
        raise KnobError("url", url, allowed)
    base = lab_address(request)
    may_be_framed = lab_of(request).settings.may_be_framed
    return answer(described(url, base, most["maxwidth"], most["maxheight"], may_be_framed=may_be_framed))


def described(
    url: str, base: str, most_width: int | None, most_height: int | None, *, may_be_framed: bool
) -> dict[str, Any]:
    """Return the answer of oEmbed about an address.

    Args:
        url: the address.
        base: that of the lab, with a slash at its end.
        most_width: pixels that a frame may be wide; None: as it likes.
        most_height: likewise.
        may_be_framed: whether pages of others may show the lab in a frame. If not, the answer is of type ``link``,
            which has a title and no HTML: a browser would refuse the frame.

    Raises:
        NotFoundError: it is no page of this lab that can be shown.
    """
    parts, prefix, path = _within(url, base)
    experiment = _experiment(path, url)
    lesson = _LESSON.fullmatch(path)
    if not (path == "" or experiment or lesson):
        raise NotFoundError(f"{quoted(url)} is no page that can be shown in another: {_shown(base)}")
    title = f"Lesson {lesson[1]}" if lesson else experiment.title if experiment else ""
    told = {
        "version": VERSION,
        "type": "rich" if may_be_framed else "link",
        "title": f"{title} · {NAME}" if title else NAME,
        "provider_name": NAME,
        "provider_url": base,
    }
    if not may_be_framed:
        return told
    query, panels = _query(parts.query, experiment, lesson is None)
    width, height = size_of(panels, most_width, most_height)
    address = f"{parts.scheme}://{parts.netloc}{prefix}/{path}{query}"
    return told | {"html": tag_of(address, told["title"], width, height), "width": width, "height": height}


def _within(url: str, base: str) -> tuple[SplitResult, str, str]:
    """The parts of an address of the lab, the path of the lab, and the path from there on.

    Whether it is http or https makes no difference: a proxy may not say which it was asked by.

    Raises:
        NotFoundError: it is another server's, or no address.
    """
    root = urlsplit(base)
    prefix = root.path.rstrip("/")
    foreign = NotFoundError(f"{quoted(url)} is no address of this lab: {_shown(base)}")
    try:
        parts = urlsplit(url)
        place = (parts.hostname, parts.port or _PORTS[parts.scheme])
        ours = {(root.hostname, root.port or port) for port in _PORTS.values()}
    except (ValueError, KeyError):  # a port that is no number, a bracket too few, another scheme
        raise foreign from None
    path = parts.path or "/"
    is_below = path == prefix or path.startswith(prefix + "/")
    if place not in ours or parts.username is not None or not is_below:
        raise foreign
    return parts, prefix, path.removeprefix(prefix).removeprefix("/")


def _shown(base: str) -> str:
    return f"there are {base}, {base}experiments/… and {base}lessons/…"


def _experiment(path: str, url: str) -> Preset | None:
    """The experiment whose page a path is.

    Raises:
        NotFoundError: there is none of that name.
    """
    folder, _, name = path.partition("/")
    if folder != "experiments":
        return None
    try:
        return find_preset(name)
    except KnobError as error:
        raise NotFoundError(f"{quoted(url)} is no page of this lab: {error}") from None


def _query(query: str, experiment: Preset | None, has_panels: bool) -> tuple[str, tuple[str, ...]]:
    """What stands behind the address in a frame, with its question mark, and the panels that are shown."""
    text = quote(query, safe=_IN_QUERIES)
    given: Mapping[str, list[str]] = parse_qs(query, keep_blank_values=True)
    usual = usual_panels(experiment)
    if not has_panels:
        return (f"?{text}" if text else ""), usual
    if PARAMETER in given:
        return f"?{text}", named_in(given[PARAMETER][0]) or usual
    named = "" if "exercise" in given else ",".join(usual)  # an exercise says itself which there are
    return f"?{PARAMETER}={named}" + (f"&{text}" if text else ""), usual


def _pixels(name: str, text: str | None) -> int | None:
    """How many pixels there may be.

    Raises:
        KnobError: that is no number of pixels.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_PIXELS):
        raise KnobError(name, text, f"a whole number of pixels from 1 to {MOST_PIXELS:,}")
    return int(text)
