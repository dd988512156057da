"""A tab of a browser, as the tests need it: one interface, with an implementation for each browser."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.conftest import TIMEOUT_FACTOR

PATIENCE_S: Final = 60.0
EVERY_S: Final = 0.05
T = TypeVar("T")
KEYS: Final = {"End": "\ue010", "Home": "\ue011", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Escape": "\ue00c"}
"""Keys that write nothing, by the code points that WebDriver gives them."""

SHOWN: Final = """(selector) => {
  const element = document.querySelector(selector);
  element.scrollIntoView({ block: "center", behavior: "instant" });
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2, width, height };
}"""

STANDS: Final = """(selector) => {
  const element = document.querySelector(selector);
  return element !== null && !element.disabled && element.getClientRects().length > 0;
}"""


class TabError(RuntimeError):
    """The browser could not do what it was asked to, or something did not come about in time."""


class Tab(ABC):
    """A tab with a visitor of its own, who has stored nothing.

    Attributes:
        downloads: the folder in which files arrive that are downloaded.
    """

    def __init__(self, downloads: Path) -> None:
        self.downloads = downloads

    @abstractmethod
    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""

    @abstractmethod
    def evaluate(self, function: str, *given: Any) -> Any:
        """Call a JavaScript function, asynchronous or not, and return what it answers; both ways as JSON.

        Raises:
            TabError: it threw.
        """

    @abstractmethod
    def perform(self, actions: list[dict[str, Any]]) -> None:
        """Do what hands do: sources of input with their actions, as both WebDriver protocols write them."""

    @abstractmethod
    def upload(self, selector: str, file: Path) -> None:
        """Choose a file."""

    @abstractmethod
    def errors(self) -> list[str]:
        """What a developer would have seen in red so far."""

    @abstractmethod
    def photograph(self, file: Path) -> None:
        """Keep a picture of the window."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Make the window so large inside, or as near to it as the browser lets it be."""

    @abstractmethod
    def close(self) -> None:
        """End the browser."""

    def wait(self, function: str, *given: Any, what: str = "") -> Any:
        """Wait until a JavaScript function answers something true; that answer.

        Raises:
            TabError: it did not; with what it answered last.
        """
        return self.until(lambda: self.evaluate(function, *given), bool, what=f"{what or function} {given or ''}")

    def until(self, look: Callable[[], T], is_good: Callable[[T], bool], *, what: str) -> T:
        """Look again and again until what is seen is good; that.

        Raises:
            TabError: it never was; with what was seen last.
        """
        seconds = PATIENCE_S * TIMEOUT_FACTOR
        deadline = time.monotonic() + seconds
        while not is_good(seen := look()):
            if time.monotonic() > deadline:
                raise TabError(f"not after {seconds:g} s: {what}; seen last: {seen!r}")
            time.sleep(EVERY_S)
        return seen

    def press(self, selector: str) -> None:
        """Bring a button into sight, wait until it can be pressed, and press it in its middle."""
        self.wait(STANDS, selector, what=f"can be pressed: {selector}")
        self.stroke(selector, [(0, 0)])

    def stroke(self, selector: str, points: Sequence[tuple[float, float]]) -> None:
        """Press the pointer down at the first point of an element, move it through the others, and lift it.

        Args:
            selector: of the element, which is brought into sight.
            points: from its middle, in halves of its width and height: (-1, -1) is the upper left corner.
        """
        box = self.evaluate(SHOWN, selector)
        places = [(round(box["x"] + x * box["width"] / 2), round(box["y"] + y * box["height"] / 2)) for x, y in points]
        move = [{"type": "pointerMove", "x": x, "y": y, "duration": 20, "origin": "viewport"} for x, y in places]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.perform([pointer | {"actions": [move[0], down, *move[1:], up]}])

    def type(self, selector: str, *keys: str) -> None:
        """Press keys while an element has the focus."""
        self.evaluate("(selector) => document.querySelector(selector).focus({ preventScroll: true })", selector)
        values = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        self.perform([{"type": "key", "id": "keyboard", "actions": actions}])

    def text(self, selector: str) -> str:
        """What an element says."""
        return str(self.evaluate("(selector) => document.querySelector(selector)?.textContent ?? ''", selector))

    def downloaded(self, ending: str) -> Path:
        """Wait until a file with an ending has arrived as a whole; that file."""
        deadline = time.monotonic() + PATIENCE_S * TIMEOUT_FACTOR
        while time.monotonic() < deadline:
            partial = [*self.downloads.rglob("*.part"), *self.downloads.rglob("*.wkdownload")]
            found = [file for file in self.downloads.rglob(f"*{ending}") if file.stat().st_size > 0]
            if found and not partial:
                return found[0]
            time.sleep(EVERY_S)
        raise TabError(f"no file *{ending} arrived; there are {sorted(self.downloads.rglob('*'))}")


def called(function: str, given: Sequence[Any]) -> str:
    """The JavaScript expression of a promise of what a function answers, as JSON."""
    return f"(async () => JSON.stringify((await ({function})(...{json.dumps(given)})) ?? null))()"
