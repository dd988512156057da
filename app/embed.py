"""A few panels of the lab in a frame of somebody else's page: which, how large, and the tag that shows them.

The page's own dialog makes the same tag of the same numbers (`static/js/model/embed.js`).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import urlencode

from trainer.presets import Preset
from trainer.settings.panels import PANELS

PARAMETER: Final = "embed"
"""Of the page's address: the ids of the panels that are shown alone, with commas between them."""

ONE_COLUMN: Final = 600
TWO_COLUMNS: Final = 860
SPLIT: Final = 760
"""Pixels from which panels stand side by side (`static/css/embed.css`)."""
LEAST_HEIGHT: Final = 320
MOST_HEIGHT: Final = 900
"""Of a frame that nobody has limited: what is below is scrolled to."""
MOST_PIXELS: Final = 100_000
"""That may be asked for."""

_AROUND: Final = 150  # the bar above the panels and the line below them
_OF_A_PANEL: Final = 40  # the space around it

_HEIGHTS: Final = {panel.id: panel.height for panel in PANELS}


def usual_panels(experiment: Preset | None) -> tuple[str, ...]:
    """Return the panels that are shown of a page whose address names none.

    Args:
        experiment: whose page it is; None is that of any run.
    """
    return tuple(dict.fromkeys(("network", *(experiment.panels[:1] if experiment else ("loss",)))))


def named_in(text: str) -> tuple[str, ...]:
    """Return the panels that there are among the names in a text with commas between them, each once."""
    return tuple(dict.fromkeys(name for each in text.split(",") if (name := each.strip()) in _HEIGHTS))


def size_of(panels: Iterable[str], most_width: int | None = None, most_height: int | None = None) -> tuple[int, int]:
    """Return how wide and how high a frame is, in pixels.

    Args:
        panels: that it shows.
        most_width: no wider than that, however narrow it may be.
        most_height: likewise.
    """
    heights = [_HEIGHTS[panel] + _OF_A_PANEL for panel in panels]
    width = min(TWO_COLUMNS if len(heights) > 1 else ONE_COLUMN, most_width or TWO_COLUMNS)
    columns = 2 if width >= SPLIT else 1
    rows = [max(heights[first : first + columns]) for first in range(0, len(heights), columns)]
    height = min(max(_AROUND + sum(rows), LEAST_HEIGHT), MOST_HEIGHT)
    return width, min(height, most_height or MOST_HEIGHT)


def tag_of(address: str, title: str, width: int, height: int) -> str:
    """Return the HTML that shows an address in a frame.

    Args:
        address: absolute.
        title: what the frame is called for those who hear the page.
        width: in pixels; where there is less room the frame is narrower.
        height: in pixels.
    """
    source, name = (escape(text).replace("&#x27;", "&#39;") for text in (address, title))
    return (
        f'<iframe src="{source}" title="{name}" width="{width}" height="{height}" loading="lazy" allow="fullscreen" '
        'style="max-width: 100%; border: 0"></iframe>'
    )


def link_to(root: str, base: str, path: str, query: str) -> str:
    """Return where oEmbed tells of a page: what its head has, so that programs find it.

    It is relative as every address of a page is, so that it is found below any path, known to the lab or not.

    Args:
        root: how the page writes the address of the lab.
        base: that address, with a slash at its end.
        path: of the page from the lab on, without a slash in front, as it travels.
        query: of its address, without the question mark.
    """
    url = f"{base}{path}{'?' if query else ''}{query}"
    return f"{root}oembed?{urlencode({'url': url, 'format': 'json'})}"
