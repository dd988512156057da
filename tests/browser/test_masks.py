"""The mask raster: that it shows every bit, and what happens when one scrubs back through it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import build

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    return build(module_page)


def test_the_film_shows_each_bit_of_each_mask_and_tells_gaps_from_other_lanes(world: Page) -> None:
    found: dict[str, Any] = world.evaluate(
        """async () => {
          const { drawColumns, layRows, windowOf } = await import("/static/js/paint/film.js");
          const { sitesOf } = await import("/static/js/model/layers.js");
          const { store, run, kept } = world;
          world.steps(1, 5);
          const ring = store.state.steps;
          ring.push({ step: 8, lane: 0, example: 0 }, () => null, () => 0);
          world.steps(9, 9);
          const rows = layRows(sitesOf(run, 1), 300);
          const ink = { kept: 1, dropped: 2, down: 4, gap: 3 };
          const width = 11;
          const pixels = new Uint32Array(width * rows.rows);
          drawColumns(pixels, ring, { from: -1, to: 9, lane: 1 }, rows, ink, run.dropouts);
          const column = (step) => Array.from({ length: rows.rows }, (_, row) => pixels[row * width + step + 1]);
          const wrong = [];
          for (const step of [1, 2, 3, 4, 5, 9]) {
            rows.bands.forEach(({ top, unitOfRow }, layer) => unitOfRow.forEach((unit, row) => {
              if (column(step)[top + row] !== (kept(step, layer, unit) ? 1 : 2)) wrong.push([step, layer, unit]);
            }));
          }
          const held = { first: 1, last: 900 };
          const back = [1, 200, 700, 899].map((cursor) => {
            const { from, to } = windowOf(held, 300, cursor);
            return from <= cursor && cursor <= to && to <= 900;
          });
          const crowded = layRows([{ name: "hidden1", units: 2000, bits: null, order: null }], 300).drawn;
          return { wrong, back, crowded, drawn: rows.drawn, height: rows.rows * rows.rowHeight,
            before: new Set(column(0)).size, other: [...new Set(column(8))], gap: [...new Set(column(6))].sort(),
            live: windowOf(held, 300, null) };
        }"""
    )
    assert found["wrong"] == []
    assert found["drawn"] == 64, "there is room for every unit"
    assert found["height"] <= 300
    assert found["other"] == [0], "the masks of another lane are not shown as those of this one"
    assert found["gap"] == [0, 3]
    assert found["before"] == 1
    assert found["crowded"] == 300
    assert found["live"] == {"from": 601, "to": 900}
    assert found["back"] == [True] * 4


def test_scrubbing_shows_the_mask_of_that_step_and_live_shows_the_newest(world: Page) -> None:
    world.evaluate(
        """async () => {
          await world.open("network", "network");
          await world.open("masks", "masks");
          await world.open("scrubber", "scrub");
          world.steps(1, 400);
          world.show(world.graph(400));
        }"""
    )
    canvas, sentence = world.locator("#network canvas"), world.locator("#network-sentence")
    expect(canvas).to_have_attribute("data-step", "400")
    scrubber = world.get_by_role("slider")
    expect(scrubber).to_have_value("400")
    scrubber.fill("123")
    expect(canvas).to_have_attribute("data-step", "123")
    expect(sentence).to_contain_text("Step 123 of “Dropout”")
    expect(world.locator("#masks-sentence")).to_contain_text("You are looking at step 123.")
    scrubber.press("ArrowLeft")
    expect(canvas).to_have_attribute("data-step", "122")
    scrubber.press("ArrowRight")
    expect(canvas).to_have_attribute("data-step", "123")
    kept = world.evaluate("() => world.bitsOf(123, 1).reduce((sum, bit) => sum + bit, 0)")
    expect(sentence).to_contain_text(f" {kept} and ")
    world.get_by_role("button", name="back to live").click()
    expect(canvas).to_have_attribute("data-step", "400")
    expect(scrubber).to_have_value("400")


def test_the_film_is_held_while_one_looks_back_and_training_goes_on(world: Page) -> None:
    world.evaluate(
        """async () => {
          await world.open("network", "network");
          await world.open("masks", "masks");
          await world.open("scrubber", "scrub");
          world.steps(1, 1500);
          await world.settle();
          world.actions.scrub(700);
          await world.settle();
          world.steps(1501, 5000);
        }"""
    )
    expect(world.locator("#masks-sentence")).to_contain_text(
        "You are looking at step 700; training has gone on to step 5,000."
    )
    expect(world.get_by_role("slider")).to_have_value("700")
    world.get_by_role("slider").fill("650")
    expect(world.locator("#network canvas")).to_have_attribute("data-step", "650")
    world.get_by_role("button", name="back to live").click()
    expect(world.get_by_role("slider")).to_have_value("5000")


def test_the_raster_drawn_step_by_step_equals_the_raster_drawn_at_once(world: Page) -> None:
    found: dict[str, Any] = world.evaluate(
        """async () => {
          const { element } = await world.open("masks", "masks");
          const canvas = element.querySelector("canvas");
          const image = () => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data].join();
          for (let step = 1; step <= 900; step += 37) {
            world.steps(step, Math.min(900, step + 36));
            await world.settle();
          }
          const bitByBit = image();
          const step = canvas.dataset.step;
          world.store.update("theme"); // draws all anew
          await world.settle();
          await world.settle();
          return { same: bitByBit === image(), step, colours: new Set(bitByBit.split(",")).size };
        }"""
    )
    assert found["step"] == "900"
    assert found["colours"] > 3
    assert found["same"]


def test_steps_that_did_not_reach_the_page_are_counted(world: Page) -> None:
    world.evaluate(
        """async () => {
          await world.open("masks", "masks");
          await world.open("scrubber", "scrub");
          world.steps(1, 100);
          world.steps(118, 200);
        }"""
    )
    sentence = world.locator("#masks-sentence")
    expect(sentence).to_contain_text("17 steps of these were not received (hatched).")
    expect(sentence).to_contain_text("Kept over 183 steps:")


def test_the_shares_under_the_raster_are_those_of_its_masks(world: Page) -> None:
    share = world.evaluate(
        """async () => {
          await world.open("masks", "masks");
          await world.open("scrubber", "scrub");
          world.steps(1, 200);
          let kept = 0;
          for (let step = 1; step <= 200; step += 1) kept += world.bitsOf(step, 1).reduce((sum, bit) => sum + bit, 0);
          return kept / (200 * 24);
        }"""
    )
    error = math.sqrt(0.25 * 0.75 / (200 * 24))
    expect(world.locator("#masks-sentence")).to_contain_text(
        f"hidden 1 {100 * share:.1f}% (expected 75.0%, SD {100 * error:.1f})"
    )
