"""The lab's page in a tab: what a person does there, and what the page shows."""

from __future__ import annotations

from typing import Any, Final

from tests.browsers.tab import Tab

STATE: Final = "() => {{ const {{ state }} = window.dropoutLab.store; return {expression}; }}"
SHOWN: Final = """() => ({
  step: Number(document.querySelector("[data-show=step]").textContent.replace(/\\D/g, "")),
  pictures: Object.fromEntries([["network", "canvas.network-canvas"], ["masks", "canvas.raster-canvas"]].map(
    ([name, selector]) => [name, Number(document.querySelector(selector)?.dataset.step ?? -1)])),
  sentences: Object.fromEntries(["network", "masks"].map(
    (name) => [name, document.getElementById(`${name}-sentence`).textContent])),
  at: performance.now() / 1000,
})"""

CHOOSE: Final = """(selector, value) => {
  const list = document.querySelector(selector);
  list.value = value; // its pop-up is not part of the page: no driver reaches it
  list.dispatchEvent(new Event("input", { bubbles: true }));
  list.dispatchEvent(new Event("change", { bubbles: true }));
}"""


class Page:
    """The lab's page.

    Attributes:
        tab: in which it is open.
        url: where the lab is.
    """

    def __init__(self, tab: Tab, url: str) -> None:
        self.tab = tab
        self.url = url

    def open(self, search: str = "") -> Page:
        """Go to the page and wait until it shows a run."""
        self.tab.open(self.url + "/" + search)
        self.tab.wait("() => document.documentElement.dataset.ready === 'true'", what="a run is shown")
        return self

    def state(self, expression: str) -> Any:
        """What the store holds: a JavaScript expression of ``state``."""
        return self.tab.evaluate(STATE.format(expression=expression))

    def wait(self, expression: str) -> Any:
        """Wait until a JavaScript expression of ``state`` holds."""
        return self.tab.wait(STATE.format(expression=expression), what=expression)

    def wait_for_text(self, selector: str, words: str) -> None:
        """Wait until an element says some words."""
        function = "(selector, words) => document.querySelector(selector)?.textContent.includes(words)"
        self.tab.wait(function, selector, words)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list."""
        self.tab.evaluate(CHOOSE, selector, value)

    def do(self, what: str) -> None:
        """Press a button of the toolbar."""
        self.tab.press(f"#toolbar [data-do={what}]")

    def pause(self) -> int:
        """Press pause once the run plays, and wait until it stands; its step."""
        self.wait("state.run.state === 'playing'")
        self.do("toggle")
        self.wait("state.run.state === 'paused' && state.steps.last === state.run.step")
        return int(self.state("state.run.step"))

    def play(self) -> None:
        """Press play and wait until the run plays."""
        self.do("toggle")
        self.wait("state.run.state === 'playing'")

    def shown(self) -> dict[str, Any]:
        """What is shown at one instant: the header's ``step``, that of each of the ``pictures``, their sentences."""
        shown: dict[str, Any] = self.tab.evaluate(SHOWN)
        return shown
