"""What a person does with the lab, in Firefox and in WebKit: nothing that is here may depend on one browser."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browsers.page import Page
from tests.browsers.tab import Tab
from tests.browsers.wire import Wire

pytestmark = pytest.mark.timeout(300)

BEHIND_S: Final = 0.5
"""Seconds that a picture may be behind the header's step."""

PICTURES: Final = ("network", "masks")


def test_it_trains_and_every_picture_keeps_up_with_the_header(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """After 10 s at 100 steps/s; what holds a picture up for longer than half a second holds it up for ever.

    On a busy machine a single look may fall into a pause of the whole browser, so each is tried until it is good: a
    picture that stands still never is. In Firefox that of the network stood at its first frame.
    """
    page.open()
    opened = page.shown()["at"]
    page.wait(f"performance.now() / 1000 > {opened + 10} && state.steps.last >= 100 && state.scores.length > 0")
    assert page.state("state.run.steps_per_second") == 100
    seen = [page.shown()]
    for _ in range(5):
        seen.append(keeps_up(page, seen[-1]))
    rate = (seen[-1]["step"] - seen[0]["step"]) / (seen[-1]["at"] - seen[0]["at"])
    with capsys.disabled():
        print(f" {rate:.0f} steps/s, behind by", *(f"{behind(each) / rate:.2f}" for each in seen[1:]), "s")
    stopped_at = page.pause()
    page.tab.wait(f"() => ({SHOWS_ALL})({stopped_at})", what=f"both pictures show step {stopped_at}")
    page.tab.until(
        lambda: page.shown()["sentences"],
        lambda said: all(f"{stopped_at:,}" in said[name] for name in PICTURES),
        what=f"both sentences speak of step {stopped_at:,}",
    )
    assert page.tab.text("#network + .stopped") == ""


SHOWS_ALL: Final = """(step) => [...document.querySelectorAll("canvas.network-canvas, canvas.raster-canvas")].every(
  (canvas) => Number(canvas.dataset.step) === step)"""


def behind(shown: dict[str, Any]) -> int:
    """By how many steps the picture that is furthest behind the header is."""
    return int(max(shown["step"] - shown["pictures"][name] for name in PICTURES))


def keeps_up(page: Page, before: dict[str, Any]) -> dict[str, Any]:
    """Wait for an instant, at least 30 steps on, at which no picture is further behind than it may be; that instant."""

    def is_good(now: dict[str, Any]) -> bool:
        rate = (now["step"] - before["step"]) / (now["at"] - before["at"])
        moved = all(now["pictures"][name] > before["pictures"][name] for name in PICTURES)
        return now["step"] >= before["step"] + 30 and moved and behind(now) <= BEHIND_S * rate

    return page.tab.until(page.shown, is_good, what=f"every picture within {BEHIND_S} s of the header's step")


def test_a_slider_and_batch_norm_are_moved_while_it_trains(page: Page) -> None:
    """From the step at which the greatest rate is in force, so few neurons are kept as it says; before it, half.

    The kept neurons of 100 steps are Binomial(100 n, 1-p): 5 standard errors are passed once in 1.7 million draws.
    """
    page.open().wait("state.steps.last > 120")
    page.tab.type("#hero-hidden", "End")
    page.wait("state.run.changes.length > 0")
    change = page.state("state.run.changes[0]")
    rate = change["knobs"]["dropout"][1]
    assert rate > 0.5
    page.wait(f"state.steps.last >= {change['step'] + 99}")
    page.tab.press(".card[data-lane='1'] summary")
    page.tab.press("#lane-1-batch_norm")
    page.wait("state.run.changes.some((change) => change.knobs.batch_norm === true)")
    assert page.state("state.run.config.lanes.map((lane) => lane.batch_norm)") == [False, True]
    page.pause()
    for first, expected in ((change["step"] - 100, 0.5), (change["step"], rate)):
        kept = page.state(f"Array.from({{ length: 100 }}, (_, at) => state.steps.at({first} + at)?.kept.hidden1)")
        error = math.sqrt(100 * 128 * expected * (1 - expected))
        assert abs(sum(kept) - 100 * 128 * (1 - expected)) < 5 * error


def test_it_steps_by_hand_and_looks_back(page: Page) -> None:
    page.open().wait("state.steps.last >= 20")
    last = page.pause()
    for step in (last + 1, last + 2, last + 3):
        page.do("step")
        page.wait(f"state.steps.last === {step} && state.run.state === 'paused'")
        page.tab.wait(f"() => ({SHOWS_ALL})({step})", what=f"both pictures show step {step}")
    page.tab.type("#scrubber", "ArrowLeft", "ArrowLeft")
    page.wait(f"state.cursor === {last + 1}")
    page.tab.wait("(step) => Number(document.querySelector('canvas.network-canvas').dataset.step) === step", last + 1)
    page.wait_for_text("#network-sentence", f"tep {last + 1:,}")
    kept = page.state(f"state.steps.at({last + 1}).kept.hidden1")
    assert re.search(rf"\b{kept}\b", page.tab.text("#network-sentence"))
    page.tab.press(".raster-live")
    page.wait("state.cursor === null")


@pytest.mark.expected_errors("WebSocket", "connection", "ws://")
def test_it_connects_again_after_its_wire_was_cut(tab: Tab, wire: Wire) -> None:
    page = Page(tab, wire.url).open()
    page.wait("state.steps.last > 20")
    run = page.state("state.run.id")
    wire.cut()
    page.wait("state.connection.status === 'reconnecting'")
    page.wait_for_text("[data-show=connection]", "reconnect")
    wire.mend()
    page.wait("state.connection.status === 'live'")
    assert page.state("state.run.id") == run
    assert page.state("state.role") == "owner"
    before = page.shown()
    keeps_up(page, before)


ROWS: Final = [
    (width, width * 2 + row % 3, "red" if row % 2 else "blue", "tall" if row % 3 else "short")
    for row in range(120)
    for width in [row % 7]
]


def test_a_table_of_ones_own_is_uploaded_and_learnt_from(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "flowers.csv"
    file.write_text("width,height,colour,kind\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS))
    page.open().wait("state.steps.last > 5")
    page.tab.press("[data-choice=csv]")
    page.tab.wait("() => document.querySelector('dialog#upload').open")
    page.tab.upload("#upload-file", file)
    page.wait_for_text("dialog#upload", "120 rows")
    page.tab.press("dialog#upload [data-do=use]")
    page.tab.press("#draft button.primary")
    page.wait("state.run.config.dataset === 'csv' && state.steps.last > 20")
    assert sorted(page.state("state.run.classes")) == ["short", "tall"]


def test_a_drawing_is_voted_on(page: Page) -> None:
    page.open().wait("state.steps.last > 100")
    page.do("views")
    page.tab.press("dialog#views input[value=draw]")
    page.tab.press("dialog#views button[value=close]")
    page.tab.stroke(".draw-pad", [(-0.4, -0.6), (0.4, -0.6), (0.1, 0.1), (-0.2, 0.7)])
    page.tab.wait("""() => {
      const revision = (name) => document.querySelector(name).dataset.revision;
      return revision(".draw-pad") && revision(".draw-votes") === revision(".draw-pad");
    }""")
    words = page.tab.text("#draw-sentence")
    assert re.search(r"\d+ of 64|All 64", words), words


def test_pictures_and_numbers_are_downloaded(page: Page) -> None:
    page.open().wait("state.steps.last >= 100 && state.graph")
    page.pause()
    page.tab.press(".panel-masks [data-panel-do=csv]")
    rows = list(csv.DictReader(page.tab.downloaded(".csv").read_text().splitlines()))
    last = page.state("state.steps.last")
    assert max(int(row["step"]) for row in rows) == last
    page.tab.press(".panel-network [data-panel-do=png]")
    assert page.tab.downloaded(".png").read_bytes().startswith(b"\x89PNG")
