"""Drives the lab's page as a person does, and reads from its store what it shows."""

from __future__ import annotations

import re
from typing import Any, Final

from playwright.sync_api import Locator, Page, expect

from tests.conftest import TIMEOUT_FACTOR

MASKS: Final = """([first, last]) => {
  const { steps } = window.dropoutLab.store.state;
  const rows = {};
  for (let step = first; step <= last; step += 1) {
    const row = steps.at(step);
    if (row) {
      rows[step] = { lane: row.lane, example: row.example, kept: { ...row.kept },
        masks: Object.fromEntries(Object.entries(row.masks).map(([layer, mask]) => [layer, [...mask]])) };
    }
  }
  return rows;
}"""

SCORES: Final = """() => {
  const { scores } = window.dropoutLab.store.state;
  const last = scores.length - 1;
  const names = ["train_loss", "val_loss", "train_accuracy", "val_accuracy"];
  const newest = names.map((name) => [name, scores[name].map((lane) => lane[last])]);
  return { step: scores.step[last], ...Object.fromEntries(newest) };
}"""
LOSSES: Final = """count => {
  const { losses } = window.dropoutLab.store.state;
  return { step: [...losses.step.slice(0, count)], loss: losses.loss.map((lane) => [...lane.slice(0, count)]) };
}"""


class LabPage:
    """The lab's page in one tab.

    Attributes:
        page: the tab.
        url: where the lab is.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self, search: str = "") -> LabPage:
        """Go to the page and wait until it shows a run."""
        self.page.goto(self.url + "/" + search)
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
        return self

    def open_still(self, search: str = "") -> LabPage:
        """Go to the page, pause the run that plays by itself and take it back to step 0."""
        self.open(search).pause()
        self.reset()
        return self

    def unfold(self) -> LabPage:
        """Open the cards of the networks, which begin folded."""
        self.page.evaluate("() => { for (const card of document.querySelectorAll('.card-body')) card.open = true; }")
        return self

    def button(self, what: str) -> Locator:
        """A button by what it does: ``toggle``, ``step``, ``reset``, ``share``, ``theme`` or ``help``."""
        return self.page.locator(f"[data-do={what}]")

    def shown(self, what: str) -> Locator:
        """Where the page shows something: ``step``, ``connection``, ``speed``, …"""
        return self.page.locator(f"[data-show={what}]")

    def state(self, expression: str) -> Any:
        """What the store holds: a JavaScript expression of ``state``."""
        return self.page.evaluate(f"() => {{ const {{ state }} = window.dropoutLab.store; return {expression}; }}")

    def wait(self, expression: str, seconds: float = 60) -> None:
        """Wait until a JavaScript expression of ``state`` holds, of a page that may still be starting."""
        code = f"() => {{ const state = window.dropoutLab?.store.state; return Boolean(state && ({expression})); }}"
        self.page.wait_for_function(code, timeout=seconds * 1000 * TIMEOUT_FACTOR)

    def play(self) -> None:
        """Press play, if the run is paused."""
        self.wait("state.run.state === 'playing' || state.run.state === 'paused'")
        if self.state("state.run.state") == "paused":
            self.button("toggle").click()
        self.wait("state.run.state === 'playing'")

    def pause(self) -> None:
        """Press pause once the run plays: a fresh one starts by itself."""
        self.wait("state.run.state === 'playing'")
        self.button("toggle").click()
        self.wait("state.run.state === 'paused'")

    def reset(self) -> None:
        """Press reset and wait until step 0 is shown."""
        self.button("reset").click()
        self.wait("state.run.step === 0 && state.steps.length === 0")
        expect(self.shown("step")).to_have_text("0")

    def step(self, times: int = 1) -> int:
        """Press step some times, each time waiting until the step is there; the step that is then shown."""
        for _ in range(times):
            before = self.last_step()
            self.button("step").click()
            self.wait(f"state.steps.last > {before} && state.run.state === 'paused'")
        return self.last_step()

    def change(self, condition: str) -> dict[str, Any]:
        """Wait until the run has a ``change`` for which a JavaScript condition holds; that change."""
        self.wait(f"state.run.changes.some((change) => {condition})")
        found: dict[str, Any] = self.state(f"state.run.changes.find((change) => {condition})")
        return found

    def last_step(self) -> int:
        """The newest step whose mask has arrived."""
        return int(self.state("state.steps.last"))

    def shown_step(self) -> int:
        """The step number that a reader sees in the toolbar."""
        return int(re.sub(r"\D", "", self.shown("step").inner_text()))

    def masks(self, first: int, last: int) -> dict[int, dict[str, Any]]:
        """Rows of the ring of masks, by step: ``lane``, ``example``, ``kept`` and packed ``masks``, each by layer."""
        rows: dict[str, Any] = self.page.evaluate(MASKS, [first, last])
        return {int(step): row for step, row in rows.items()}

    def scores(self) -> dict[str, Any]:
        """The newest scores: ``step``, and each loss and accuracy by lane."""
        newest: dict[str, Any] = self.page.evaluate(SCORES)
        return newest

    def losses(self, count: int) -> dict[str, Any]:
        """The first training losses: ``step``, and ``loss`` by lane."""
        first: dict[str, Any] = self.page.evaluate(LOSSES, count)
        return first

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))
