"""The pictures: what they draw of a mask, what they say of it, and what they do when one clicks, scrubs or types.

The modules run in a real Chromium under the app's content security policy, fed by a store that a test fills itself.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timeout(300)

WORLD: Final = """async () => {
  for (const name of ["tokens", "pictures"]) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/static/css/${name}.css` });
    document.head.append(link);
    await new Promise((resolve) => link.addEventListener("load", resolve));
  }
  const { createStore, emptyRecords } = await import("/static/js/store.js");
  const widths = [16, 24, 24];
  const pack = (bits) => {
    const bytes = new Uint8Array(Math.ceil(bits.length / 8));
    bits.forEach((bit, unit) => { bytes[unit >> 3] |= bit << (7 - (unit & 7)); });
    return bytes;
  };
  const kept = (step, layer, unit) => Number((step * 7 + layer * 5 + unit * 3 + (unit >> 2)) % 4 !== 0);
  const bitsOf = (step, layer) => Array.from({ length: widths[layer] }, (_, unit) => kept(step, layer, unit));
  const lane = (name, rate) => ({ name, dropout: [rate / 2, rate, rate], batch_norm: false, l2: 0 });
  const config = { dataset: "digits", hidden: widths.slice(1), lanes: [lane("No dropout", 0), lane("Dropout", 0.25)] };
  const layers = [{ name: "input", units: 16, shape: [4, 4] }, { name: "hidden1", units: 24, shape: [24] },
    { name: "hidden2", units: 24, shape: [24] }];
  const run = { id: "r", state: "paused", step: 0, steps_per_second: null, config, first_config: config, changes: [],
    follow: { lane: 1, example: 2 }, viewers: 1, device: "cpu", layers, classes: ["a", "b", "c"], train_size: 40,
    val_size: 9, batches_per_epoch: 4 };
  const tensor = (dtype, shape, data) => ({ dtype, shape, data });
  const frame = (kind, tensors, meta = {}) => ({ kind, run: "r", seq: 1, meta: { kind, ...meta }, tensors });
  const data = frame("data", {
    "train/x": tensor("F32", [40, 16], Float32Array.from({ length: 640 }, (_, at) => (at % 5) / 4)),
    "train/y": tensor("U8", [40], Uint8Array.from({ length: 40 }, (_, at) => at % 3)),
    "train/true": tensor("U8", [40], Uint8Array.from({ length: 40 }, (_, at) => (at + Number(at % 10 === 4)) % 3)),
  });
  const graph = (step, { pass = "training", example = 2 } = {}) => {
    const tensors = { step: tensor("U32", [1], Uint32Array.of(step)), lane: tensor("U8", [1], Uint8Array.of(1)),
      example: tensor("U32", [1], Uint32Array.of(example)), label: tensor("U8", [1], Uint8Array.of(example % 3)),
      scale: tensor("F32", [3], Float32Array.of(1 / 0.875, 1 / 0.75, 1 / 0.75)),
      probability: tensor("F32", [3], Float32Array.of(0.2, 0.1, 0.7)),
      "edge/layer": tensor("U8", [3], Uint8Array.of(0, 1, 2)),
      "edge/source": tensor("U16", [3], Uint16Array.of(1, 1, 1)),
      "edge/target": tensor("U16", [3], Uint16Array.of(2, 3, 1)),
      "edge/value": tensor("F32", [3], Float32Array.of(1, -1, 0.5)) };
    layers.forEach(({ name, units }, layer) => {
      const all = pass === "evaluation" ? Array(units).fill(1) : bitsOf(step, layer);
      tensors[`mask/${name}`] = tensor("U8", [units / 8], pack(all));
      const activation = Float32Array.from({ length: units }, (_, unit) => unit % 2);
      tensors[`activation/${name}`] = tensor("F32", [units], activation);
    });
    return frame("graph", tensors, { pass });
  };
  const store = createStore({ schedule: (tell) => void setTimeout(tell) });
  const log = [];
  const actions = {
    scrub: (step) => { log.push(["scrub", step]); store.update("cursor", { cursor: step }); },
    follow: async (follow) => { log.push(["follow", follow.example]);
      store.update("run", { run: { ...store.state.run, follow: { ...store.state.run.follow, ...follow } } }); },
    notify: (kind, text) => log.push([kind, text]),
  };
  const push = (step) => store.state.steps.push({ step, lane: 1, example: step % 4 === 2 ? 2 : step % 40 },
    (name) => pack(bitsOf(step, layers.findIndex((layer) => layer.name === name))),
    (name) => bitsOf(step, layers.findIndex((layer) => layer.name === name)).reduce((sum, bit) => sum + bit, 0));
  const steps = (from, to) => { for (let step = from; step <= to; step += 1) push(step); store.update("steps"); };
  const show = (frame) => {
    store.state.graphs.set(frame.tensors.step.data[0], frame);
    store.update("graph", { graph: frame });
  };
  const settle = () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => setTimeout(resolve)), 0));
  const open = async (file, id, width = 620) => {
    const section = document.createElement("section");
    section.innerHTML = `<div id="${id}" class="${id}" style="width: ${width}px"></div><p id="${id}-sentence"></p>`;
    document.body.append(section);
    const element = section.firstElementChild;
    const { create, topics } = await import(`/static/js/views/${file}.js`);
    const view = create(element, { document, store, actions });
    store.subscribe(topics, (changed) => view.update(changed));
    view.update(new Set(topics));
    await settle();
    return { element, view };
  };
  document.documentElement.dataset.theme = "light";
  store.update("theme", { theme: "light" });
  store.update("run", { run, role: "owner", ...emptyRecords(layers, 2) });
  store.update("data", { data });
  globalThis.world = { store, actions, log, run, layers, data, graph, kept, bitsOf, pack, frame, tensor, steps, show,
    settle, open, emptyRecords };
}"""


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    module_page.evaluate(WORLD)
    return module_page


def test_masks_are_unpacked_as_numpy_packed_them(module_page: Page) -> None:
    mask = np.random.default_rng(5).random(131) < 0.5
    found: dict[str, Any] = module_page.evaluate(
        """async ({ packed, units }) => {
          const { countKept, isKept, unpack } = await import("/static/js/bits.js");
          const bytes = Uint8Array.from(packed);
          const one = Array.from({ length: units }, (_, unit) => isKept(bytes, unit));
          return { all: [...unpack(bytes, units)], one, count: countKept(bytes, units) };
        }""",
        {"packed": np.packbits(mask).tolist(), "units": len(mask)},
    )
    assert found["all"] == mask.astype(int).tolist()
    assert found["one"] == mask.tolist()
    assert found["count"] == int(mask.sum())


@pytest.mark.parametrize("width", [318, 560, 566, 900])
@pytest.mark.parametrize("hidden", [[1], [128, 128, 128], [512, 512, 512, 512], [7, 500, 3]])
def test_every_unit_has_a_cell_of_its_own_inside_the_picture(module_page: Page, width: int, hidden: list[int]) -> None:
    found: dict[str, Any] = module_page.evaluate(
        """async ({ width, hidden }) => {
          const { cellAt, centre, layOut } = await import("/static/js/paint/layout.js");
          const layers = [{ name: "input", units: 64, shape: [8, 8] },
            ...hidden.map((units, index) => ({ name: `hidden${index + 1}`, units, shape: [units] }))];
          const layout = layOut(width, layers, 10);
          const lost = [];
          layout.blocks.forEach((block, index) => {
            for (let unit = 0; unit < block.units; unit += 1) {
              const { x, y } = centre(block, unit);
              const cell = cellAt(layout, x, y);
              if (cell?.block !== index || cell.unit !== unit || x < 0 || x > width || y < 0 || y > layout.height) {
                lost.push([index, unit]);
              }
            }
          });
          return { lost, blocks: layout.blocks.length, height: layout.height, cell: layout.blocks[1].pitchX };
        }""",
        {"width": width, "hidden": hidden},
    )
    assert found["lost"] == []
    assert found["blocks"] == len(hidden) + 2
    assert found["cell"] >= 3
    # Downwards: layers of at most 420, input 88, output 84, five gaps of 40 and the margins 34. Across it is less.
    assert found["height"] <= 826


def test_arrow_keys_reach_every_block_and_never_leave_the_picture(module_page: Page) -> None:
    visited = module_page.evaluate(
        """async () => {
          const { layOut, neighbour } = await import("/static/js/paint/layout.js");
          const layers = [{ name: "input", units: 64, shape: [8, 8] }, { name: "hidden1", units: 100, shape: [100] },
            { name: "hidden2", units: 7, shape: [7] }];
          return [700, 320].map((width) => {
            const layout = layOut(width, layers, 3);
            const [dx, dy] = layout.across ? [1, 0] : [0, 1];
            const blocks = new Set();
            let cell = { block: 0, unit: 63 };
            for (let press = 0; press < 60; press += 1) {
              cell = neighbour(layout, cell, dx, dy);
              blocks.add(cell.block);
              if (cell.unit < 0 || cell.unit >= layout.blocks[cell.block].units) throw new Error(JSON.stringify(cell));
            }
            for (let press = 0; press < 90; press += 1) cell = neighbour(layout, cell, -dx, -dy);
            return [[...blocks], cell.block];
          });
        }"""
    )
    assert [(set(blocks) >= {1, 2, 3}, last) for blocks, last in visited] == [(True, 0), (True, 0)]


def test_the_rates_of_a_step_follow_from_the_changes_before_it(world: Page) -> None:
    rates = world.evaluate(
        """async () => {
          const { ratesAt } = await import("/static/js/paint/picture.js");
          const changes = [
            { step: 10, lane: 1, knobs: { dropout: [0, 0.5, 0.5] } },
            { step: 12, lane: 0, knobs: { dropout: [0.9, 0.9, 0.9] } },
            { step: 20, lane: 1, knobs: { batch_norm: true } },
            { step: 30, lane: 1, knobs: { dropout: [0, 0, 0] } },
          ];
          return [1, 9, 10, 29, 30].map((step) => ratesAt({ ...world.run, changes }, 1, step)[1]);
        }"""
    )
    assert rates == [0.25, 0.25, 0.5, 0.5, 0]


def test_a_picture_tells_dropped_silent_and_firing_apart(world: Page) -> None:
    wrong = world.evaluate(
        """async () => {
          const { pictureOfGraph, State } = await import("/static/js/paint/picture.js");
          const picture = pictureOfGraph(world.graph(9), world.run, world.data);
          return picture.layers.flatMap(({ name, states, kept }, layer) => [...states].filter((state, unit) =>
            state !== (!world.kept(9, layer, unit) ? State.DROPPED : unit % 2 ? State.FIRING : State.SILENT))
            .concat(kept === world.bitsOf(9, layer).reduce((sum, bit) => sum + bit, 0) ? [] : [name]));
        }"""
    )
    assert wrong == []


def test_the_sentence_under_the_network_is_true_of_its_picture(world: Page) -> None:
    said: dict[str, str] = world.evaluate(
        """async () => {
          const { networkSentence } = await import("/static/js/paint/phrases.js");
          const { pictureOfGraph, pictureOfRecord } = await import("/static/js/paint/picture.js");
          const { run, data, graph, store } = world;
          world.steps(1, 12);
          const say = (picture, followed = 2, cursor = null) => networkSentence(picture, { followed, cursor });
          const lanes = run.config.lanes.map((lane) => ({ ...lane, dropout: [0, 0, 0] }));
          const bare = { ...run, config: { ...run.config, lanes }, first_config: { ...run.config, lanes } };
          return {
            live: say(pictureOfGraph(graph(1284), run, data)),
            start: say(pictureOfGraph(graph(0, { pass: "evaluation" }), run, data)),
            other: say(pictureOfGraph(graph(9, { example: 5 }), run, data)),
            wrong: say(pictureOfGraph(graph(9, { example: 4 }), run, data), 4),
            past: say(pictureOfRecord(store.state.steps.at(6), run, data), 2, 6),
            bare: say(pictureOfRecord(store.state.steps.at(6), bare, data), 2, 6),
            gone: say(null, 2, 3),
            nothing: say(null),
            kept: world.bitsOf(1284, 1).reduce((sum, bit) => sum + bit, 0),
          };
        }"""
    )
    assert said["live"].startswith("Step 1,284 of “Dropout”, training example 2, labelled c: kept ")
    assert f"{said['kept']} and " in said["live"]
    sd = math.sqrt(24 * 0.25 * 0.75)
    assert (
        f"of 24 neurons of hidden 1 and 2 (expected 18.0 ± {sd:.1f} in each), every kept output × 1.33" in said["live"]
    )
    assert "of 16 inputs (expected 14.0 ± 1.3), every kept output × 1.14" in said["live"]
    assert said["live"].endswith("It puts 70.0% on c, its label.")
    assert "nothing is dropped. Nothing is trained yet." in said["start"]
    assert "expected" not in said["start"]
    assert "The followed example 2 was not in that mini-batch" in said["other"]
    assert "a c wrongly labelled b" in said["wrong"]
    assert "It puts 70.0% on c and 10.0% on b, its label." in said["wrong"]
    assert "who was kept, not what they gave" in said["past"]
    assert "this lane has no dropout: nothing is dropped." in said["bare"]
    assert "step 3 are not on this page" in said["gone"]
    assert said["nothing"].startswith("Waiting")


def test_the_film_shows_each_bit_of_each_mask_and_tells_gaps_from_other_lanes(world: Page) -> None:
    found: dict[str, Any] = world.evaluate(
        """async () => {
          const { drawColumns, layRows, windowOf } = await import("/static/js/paint/film.js");
          const { store, layers, kept, pack, bitsOf } = world;
          world.steps(1, 5);
          const ring = store.state.steps;
          ring.push({ step: 8, lane: 0, example: 0 }, () => null, () => 0);
          world.steps(9, 9);
          const rows = layRows(layers, 300);
          const ink = { kept: 1, dropped: 2, gap: 3 };
          const width = 11;
          const pixels = new Uint32Array(width * rows.rows);
          drawColumns(pixels, ring, { from: -1, to: 9, lane: 1 }, rows, ink);
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
          const crowded = layRows([{ name: "hidden1", units: 2000 }], 300).drawn;
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


def test_the_worker_and_the_page_paint_the_same_network(world: Page) -> None:
    found: dict[str, Any] = world.evaluate(
        """async () => {
          const { store, open, show, graph, settle } = world;
          const pixels = async () => {
            const { element, view } = await open("network", "network");
            show(graph(41));
            const canvas = element.querySelector("canvas");
            while (canvas.dataset.step !== "41") await settle();
            await settle();
            const copy = new OffscreenCanvas(620, canvas.clientHeight).getContext("2d");
            copy.drawImage(canvas, 0, 0);
            const image = copy.getImageData(0, 0, 620, canvas.clientHeight);
            view.destroy();
            element.parentElement.remove();
            store.state.graph = null;
            return image;
          };
          const inWorker = await pixels();
          HTMLCanvasElement.prototype.transferControlToOffscreen = undefined;
          const onPage = await pixels();
          let far = 0;
          inWorker.data.forEach((value, at) => { far += Number(Math.abs(value - onPage.data[at]) > 24); });
          const ink = inWorker.data.filter((value, at) => at % 4 === 3 && value > 0).length;
          return { far, size: inWorker.data.length, ink };
        }"""
    )
    assert found["ink"] > 5_000, "something is drawn"
    assert found["far"] < 0.002 * found["size"], "but for the smoothing of text they agree"


def test_a_dropped_neuron_is_drawn_in_another_shape_and_colour_than_a_kept_one(world: Page) -> None:
    found: dict[str, Any] = world.evaluate(
        """async () => {
          const { layOut, centre } = await import("/static/js/paint/layout.js");
          const { paintNetwork } = await import("/static/js/paint/network.js");
          const { pictureOfGraph, State } = await import("/static/js/paint/picture.js");
          const { readPicturePalette, channels } = await import("/static/js/paint/palette.js");
          const palette = readPicturePalette(document);
          const layout = layOut(620, world.layers, 3);
          const canvas = new OffscreenCanvas(1, 1);
          const picture = { ...pictureOfGraph(world.graph(9), world.run, world.data), edges: [] };
          paintNetwork(canvas, { layout, palette, ratio: 2, picture, cursor: null });
          const context = canvas.getContext("2d");
          const colourAt = (x, y) => {
            const place = [Math.round(2 * x), Math.round(2 * y)];
            return [...context.getImageData(...place, 1, 1).data.slice(0, 3)];
          };
          const near = (one, other) => one.every((value, at) => Math.abs(value - other[at]) < 60);
          const wrong = [];
          picture.layers[1].states.forEach((state, unit) => {
            const { x, y } = centre(layout.blocks[1], unit);
            const middle = colourAt(x, y);
            const { DROPPED, SILENT, FIRING } = State;
            const expected = { [DROPPED]: palette.dropped, [SILENT]: palette.panel, [FIRING]: palette.firing }[state];
            if (!near(middle, channels(expected))) wrong.push([unit, state, middle]);
          });
          return { wrong, states: [...new Set(picture.layers[1].states)].sort() };
        }"""
    )
    assert found["states"] == [0, 1, 2]
    assert found["wrong"] == []


def test_scrubbing_shows_the_mask_of_that_step_and_live_shows_the_newest(world: Page) -> None:
    world.evaluate(
        """async () => {
          await world.open("network", "network");
          await world.open("raster", "masks");
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
          await world.open("raster", "masks");
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
          const { element } = await world.open("raster", "masks");
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
          await world.open("raster", "masks");
          world.steps(1, 100);
          world.steps(118, 200);
        }"""
    )
    sentence = world.locator("#masks-sentence")
    expect(sentence).to_contain_text("17 steps of these did not reach this page and are hatched.")
    expect(sentence).to_contain_text("Kept over 183 steps:")


def test_the_shares_under_the_raster_are_those_of_its_masks(world: Page) -> None:
    share = world.evaluate(
        """async () => {
          await world.open("raster", "masks");
          world.steps(1, 200);
          let kept = 0;
          for (let step = 1; step <= 200; step += 1) kept += world.bitsOf(step, 1).reduce((sum, bit) => sum + bit, 0);
          return kept / (200 * 24);
        }"""
    )
    error = math.sqrt(0.25 * 0.75 / (200 * 24))
    expect(world.locator("#masks-sentence")).to_contain_text(
        f"hidden 1 {100 * share:.1f}% (expected 75.0% ± {100 * error:.1f})"
    )


def test_arrow_keys_walk_over_the_neurons_and_tell_their_numbers(world: Page) -> None:
    world.evaluate(
        "async () => { await world.open('network', 'network'); world.show(world.graph(9)); await world.settle(); }"
    )
    canvas = world.locator("#network canvas")
    canvas.focus()
    readout = world.locator("#network-readout")
    canvas.press("ArrowRight")
    expect(readout).to_contain_text("hidden 1, neuron 1 of 24: ")
    said = set()
    for _ in range(8):
        canvas.press("ArrowDown")
        said.add((readout.text_content() or "").split(": ")[1])
    kinds = {"dropped" if "dropped;" in words else "silent" if "silent" in words else "firing" for words in said}
    assert kinds & {"silent", "firing"}
    canvas.press("Escape")
    expect(readout).to_have_text("")


def test_hovering_over_a_neuron_shows_what_it_gave_and_what_became_of_it(world: Page) -> None:
    place = world.evaluate(
        """async () => {
          const { element } = await world.open("network", "network");
          world.show(world.graph(9));
          await world.settle();
          const { layOut, centre } = await import("/static/js/paint/layout.js");
          const block = layOut(element.clientWidth, world.layers, 3).blocks[1];
          const units = Array.from({ length: 24 }, (_, unit) => unit);
          const firing = units.find((unit) => unit % 2 && world.kept(9, 1, unit));
          return { ...centre(block, firing), unit: firing };
        }"""
    )
    world.locator("#network canvas").hover(position={"x": place["x"], "y": place["y"]})
    tip = world.locator("#network .tip")
    expect(tip).to_have_text(f"hidden 1, neuron {place['unit'] + 1} of 24: kept; 1.000 × 1.33 = 1.333")


def test_a_reader_who_asks_for_less_motion_gets_at_most_two_pictures_a_second(world: Page) -> None:
    world.emulate_media(reduced_motion="reduce")
    drawn = world.evaluate(
        """async () => {
          const { createPace } = await import("/static/js/paint/pace.js");
          const { reducedMotion } = await import("/static/js/theme.js");
          const runs = [];
          const pace = createPace(() => runs.push(performance.now()), () => (reducedMotion(document) ? 500 : 0));
          for (let request = 0; request < 5; request += 1) pace.request();
          const atOnce = runs.length;
          while (runs.length < 2) await world.settle();
          return { atOnce, gap: runs[1] - runs[0] };
        }"""
    )
    assert drawn["atOnce"] == 1
    assert drawn["gap"] >= 499  # timers may fire up to a millisecond early


def test_clicking_an_image_follows_it_and_wrong_labels_carry_a_sign(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    images = world.get_by_role("option")
    expect(images).to_have_count(14)
    expect(images.nth(2)).to_have_attribute("aria-selected", "true")
    wrong = world.get_by_role("option", name="Example 4: labelled b, wrong, it is a c")
    sign = wrong.locator(".picker-label").evaluate("(label) => getComputedStyle(label, '::before').content")
    assert "✕" in sign
    wrong.click()
    expect(wrong).to_have_attribute("aria-selected", "true")
    expect(world.locator("#picker-sentence")).to_contain_text(
        "Followed: training example 4, a c wrongly labelled b. 4 of the 40"
    )
    assert world.evaluate("() => world.log") == [["follow", 4]]


def test_the_picker_works_with_the_keyboard_across_its_pages(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    world.get_by_role("option").nth(2).focus()
    for _ in range(12):
        world.keyboard.press("ArrowRight")
    expect(world.get_by_role("option", name="Example 14: labelled c, wrong, it is an a")).to_be_focused()
    world.keyboard.press("Enter")
    world.keyboard.press("End")
    expect(world.get_by_role("option", name="Example 39: a")).to_be_focused()
    world.keyboard.press("Home")
    expect(world.get_by_role("option", name="Example 0: a")).to_be_focused()
    assert world.evaluate("() => world.log") == [["follow", 14]]


def test_only_wrong_labels_can_be_shown(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    world.get_by_role("checkbox", name="only wrong ones").check()
    expect(world.get_by_role("option")).to_have_count(4)
    expect(world.locator(".picker-range")).to_have_text("1–4 of 4")


def test_who_only_watches_cannot_choose_another_image(world: Page) -> None:
    world.evaluate(
        "async () => { world.store.update('run', { role: 'viewer' }); await world.open('picker', 'picker'); }"
    )
    world.get_by_role("option").nth(5).click(force=True)  # Playwright would wait until it is enabled
    expect(world.locator("#picker-sentence")).to_contain_text("Only the owner of the run can choose another.")
    expect(world.get_by_role("listbox")).to_have_attribute("aria-disabled", "true")
    assert world.evaluate("() => world.log") == []


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
        "Step 70, in evaluation mode: “No dropout” and “Dropout” disagree on 50.0% of the plane; the boundary of the "
        "first is 4.0 units of the axes long, that of the second 4.0 (× 1.00)."
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
