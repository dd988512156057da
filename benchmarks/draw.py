"""From a stroke to the votes on the page, while a run trains as fast as it goes: ``python -m benchmarks.draw``.

A real server, a real Chromium, both on the cores of this machine. A pointer draws on the pad; for every ``pointermove``
that the pad receives it is measured how long it takes until the votes on the page are of that drawing or a newer one,
to the end of the animation frame in which they were painted.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import Page, sync_playwright

from benchmarks.server import running_lab
from tests.browser.chromium import arguments, find_or_install

FLOOR_MS: Final = 150.0  # p95
STROKES: Final = 100
MOVES: Final = 12  # of the pointer in a stroke
PAUSE_MS: Final = 16  # between two moves: a screen's frame
LIFT_MS: Final = 200  # between two strokes: a hand that is quick
PANELS: Final = "network loss accuracy ensemble draw"

WATCH: Final = """() => {
  const pad = document.querySelector(".draw-pad");
  const votes = document.querySelector(".draw-votes");
  const bench = window.bench = { waiting: [], took: [] };
  const settle = () => {
    const shown = Number(votes.dataset.revision);
    requestAnimationFrame(() => setTimeout(() => {
      const now = performance.now();
      for (const [revision, began] of bench.waiting.filter(([revision]) => revision <= shown)) {
        bench.took.push(now - began);
      }
      bench.waiting = bench.waiting.filter(([revision]) => revision > shown);
    }));
  };
  pad.addEventListener("pointermove", ({ timeStamp, buttons }) => {
    if (buttons > 0) {
      bench.waiting.push([Number(pad.dataset.revision), timeStamp]);
    }
  });
  new MutationObserver(settle).observe(votes, { attributeFilter: ["data-revision"] });
}"""


def run(strokes: int = STROKES) -> list[float]:
    """Draw so many strokes on the page of a run that trains at full speed.

    Returns:
        For every move of the pointer, the milliseconds until its votes were on the page.
    """
    with running_lab() as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_or_install(), args=arguments())
        try:
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(f"localStorage.setItem('dropout-lab-panels-', '{PANELS}')")
            page.goto(url)
            page.wait_for_function("() => document.documentElement.dataset.ready === 'true'")
            page.evaluate("() => window.dropoutLab.actions.speed(null)")
            page.locator(".draw-pad").scroll_into_view_if_needed()
            page.wait_for_function("() => window.dropoutLab.store.state.run.state === 'playing'")
            page.evaluate(WATCH)
            for number in range(strokes):
                _draw(page, number)
            page.wait_for_function("() => window.bench.waiting.length === 0")
            took: list[float] = page.evaluate("() => window.bench.took")
            return took
        finally:
            chromium.close()


def _draw(page: Page, number: int) -> None:
    """One stroke; a new drawing begins with every fourth."""
    if number % 4 == 0:
        page.wait_for_function("() => window.bench.waiting.length === 0")
        page.get_by_role("button", name="Clear", exact=True).click(force=True)
    box = page.locator(".draw-pad").bounding_box()
    assert box is not None
    for index, (x, y) in enumerate(_points(number)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if index == 0:
            page.mouse.down()
        page.wait_for_timeout(PAUSE_MS)
    page.mouse.up()
    page.wait_for_timeout(LIFT_MS)


def _points(number: int) -> Iterator[tuple[float, float]]:
    """An arc, another for every number."""
    for index in range(MOVES + 1):
        angle = math.pi * (1.4 * index / MOVES + 0.37 * number)
        yield 0.5 + 0.3 * math.cos(angle), 0.5 + 0.38 * math.sin(angle)


def main() -> None:
    """Print how long it takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--strokes", type=int, default=STROKES)
    took = run(parser.parse_args().strokes)
    cuts = statistics.quantiles(took, n=20, method="inclusive")
    print(f"stroke to votes on the page, {len(took):,} moves of the pointer, while a run trains at full speed")
    print(f"{cuts[9]:.0f} ms p50, {cuts[18]:.0f} ms p95 (meant: below {FLOOR_MS:g})")


if __name__ == "__main__":
    main()
