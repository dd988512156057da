"""The decision boundary: how long it is, which side is which, and how one follows a point of the plane."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import build

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    return build(module_page)


def test_the_length_of_a_boundary_is_that_of_the_circle_it_draws(module_page: Page) -> None:
    size, radius = 64, 20.0
    row, column = np.mgrid[0:size, 0:size]
    distance = np.hypot(row - 31.5, column - 31.5)
    probability = np.clip(127.5 + 20 * (radius - distance), 0, 255).round().astype(int)
    found: dict[str, Any] = module_page.evaluate(
        """async ({ cells, size }) => {
          const { contour, disagreement, lengthOf, nearest } = await import("/static/js/paint/plane.js");
          const probability = Uint8Array.from(cells);
          const inside = probability.map((value) => 255 - value);
          return { length: lengthOf(contour(probability, size), 0.5, 0.5),
            empty: contour(new Uint8Array(size * size), size).length,
            same: disagreement(probability, probability), opposite: disagreement(probability, inside),
            nearest: nearest(Float32Array.of(0, 0, 5, 5, 1, 2), 1.2, 1.6) };
        }""",
        {"cells": probability.flatten().tolist(), "size": size},
    )
    # Chords of at most √2 cells on a circle of 20 fall short by at most (√2/20)²/24 = 0.02%. Rounding to 256 shades
    # moves a crossing by at most 0.5/20 = 0.025 cells, so that each chord, 0.8 cells on average, is off by at most 0.05
    # across and far less along its way: together below 1%.
    assert found["length"] == pytest.approx(2 * math.pi * radius * 0.5, rel=0.01)
    assert found["empty"] == 0
    assert (found["same"], found["opposite"]) == (0, 1)
    assert found["nearest"] == 2


PLANE: Final = """async () => {
  const { tensor, frame, store, run, emptyRecords } = world;
  const layers = [{ name: "input", units: 2, shape: [2] }, { name: "hidden1", units: 24, shape: [24] }];
  const points = Float32Array.of(-1, -1, 1, 1, 0.5, -0.5, -0.5, 0.5);
  const follow = { lane: 1, example: 0 };
  store.update("run", { run: { ...run, layers, classes: ["0", "1"], follow }, ...emptyRecords(layers, 2) });
  const data = frame("data", {
    "train/x": tensor("F32", [4, 2], points),
    "train/y": tensor("U8", [4], Uint8Array.of(0, 1, 1, 0)),
    "train/true": tensor("U8", [4], Uint8Array.of(0, 1, 0, 0)),
    extent: tensor("F32", [4], Float32Array.of(-2, 2, -2, 2)),
  });
  store.update("data", { data });
  const right = Uint8Array.from({ length: 4096 }, (_, cell) => (cell % 64 < 32 ? 0 : 255));
  const top = Uint8Array.from({ length: 4096 }, (_, cell) => (cell < 2048 ? 0 : 255));
  const probability = new Uint8Array(8192);
  probability.set(right);
  probability.set(top, 4096);
  await world.open("boundary", "boundary");
  store.update("boundary", { boundary: frame("boundary", { step: tensor("U32", [1], Uint32Array.of(70)),
    probability: tensor("U8", [2, 64, 64], probability) }) });
  await world.settle();
}"""


def test_the_boundary_is_hidden_where_the_data_are_no_points(world: Page) -> None:
    world.evaluate("async () => { await world.open('boundary', 'boundary'); }")
    expect(world.locator("#boundary")).to_be_hidden()


def test_each_lane_has_a_map_with_its_bottom_below_and_the_sentence_measures_them(world: Page) -> None:
    world.evaluate(PLANE)
    expect(world.locator("#boundary figure")).to_have_count(2)
    # One vertical and one horizontal line of 4 units, which differ on two of four quarters.
    expect(world.locator("#boundary-sentence")).to_have_text(
        "Step 70, in evaluation mode: “No dropout” and “Dropout” disagree on 50.0% of the plane; boundary "
        "length 4.0 and 4.0 (× 1.00)."
    )
    corners = world.evaluate(
        """() => [...document.querySelectorAll("#boundary canvas")].map((canvas) => {
          const at = (x, y) => {
            const place = [Math.round(x * canvas.width), Math.round(y * canvas.height)];
            const [red, , blue] = canvas.getContext("2d").getImageData(...place, 1, 1).data;
            return Number(red > blue);
          };
          return [at(0.1, 0.1), at(0.9, 0.1), at(0.1, 0.9), at(0.9, 0.9)];
        })"""
    )
    assert corners == [[0, 1, 0, 1], [1, 1, 0, 0]], "upper left, upper right, lower left, lower right of each"


def test_clicking_near_a_point_of_the_plane_follows_it(world: Page) -> None:
    world.evaluate(PLANE)
    canvas = world.locator("#boundary canvas").first
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 0.63 * box["width"], "y": 0.63 * box["height"]})  # (0.52, -0.52): nearest is the third
    assert world.evaluate("() => world.log") == [["follow", 2]]


def test_arrow_keys_walk_over_the_points_of_the_plane(world: Page) -> None:
    world.evaluate(PLANE)
    canvas = world.locator("#boundary canvas").first
    canvas.focus()
    for _ in range(3):
        canvas.press("ArrowRight")
    canvas.press("ArrowRight")
    canvas.press("ArrowLeft")
    assert world.evaluate("() => world.log.map(([, example]) => example)") == [1, 2, 3, 0, 3]
