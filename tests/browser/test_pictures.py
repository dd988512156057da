"""The network picture: what it draws of a pass, what it says of it, and how one walks over it.

The modules run in a real Chromium under the app's content security policy, fed by a store that a test fills itself.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.servers import ROOT
from tests.browser.world import build

pytestmark = pytest.mark.timeout(300)

PERCEPTRONS: Final = [[[8, 8], *([units] for units in hidden)] for hidden in ([1], [128] * 3, [512] * 4, [7, 500, 3])]
OTHERS: Final = [
    [[13], [64]],
    [[100], [128], [128]],
    [[8, 8], [8, 4, 4], [16, 4, 4], [128]],
    [[28, 28], [8, 14, 14], [16, 14, 14], [128]],
    [[28, 28], [64, 14, 14], [64, 7, 7], [64, 7, 7], [640], [640], [640], [640]],
    [[8, 8], [7, 64], [64]],
    [[28, 28], [27, 640], [640]],
]
TALL: Final = OTHERS[-3:-2]


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    return build(module_page)


@pytest.mark.parametrize("width", [340, 523, 565, 836])
def test_the_names_of_a_table_are_whole_and_no_cross_strikes_through_one(module_page: Page, width: int) -> None:
    found: dict[str, Any] = module_page.evaluate(
        """async ({ width, features }) => {
          const { layOut } = await import("/static/js/paint/layout.js");
          const { paintValues } = await import("/static/js/paint/input.js");
          const { State } = await import("/static/js/paint/picture.js");
          const layers = [{ name: "input", units: 13, shape: [13] },
            ...["hidden1", "hidden2"].map((name) => ({ name, units: 128, shape: [128] }))];
          const layout = layOut(width, { layers, classes: ["class_0", "class_1", "class_2"], features });
          const [block, ...hidden] = layout.blocks;
          const context = document.createElement("canvas").getContext("2d");
          const [written, crossed] = [[], []];
          const fillText = context.fillText.bind(context);
          context.fillText = (text, x, y) => {
            written.push({ text, y, right: context.textAlign === "left" ? x + context.measureText(text).width : x });
            fillText(text, x, y);
          };
          context.moveTo = (x, y) => crossed.push({ x, y });
          const inks = Object.fromEntries(
            ["panel", "ink", "inkSoft", "line", "dropped"].map((name) => [name, "#123456"]));
          const palette = { ...inks, font: "sans-serif" };
          const layer = { units: 13, states: Array(13).fill(State.DROPPED), activation: null };
          paintValues({ context, block, layer, picture: { features }, palette, ratio: 1 });
          const middles = hidden.map(({ x, pitchX, columns }) => x + (pitchX * columns) / 2);
          return { written, crossed, middles, across: layout.across, height: block.pitchY };
        }""",
        {
            "width": width,
            "features": [
                *["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"],
                *["nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines"],
                "proline",
            ],
        },
    )
    assert len(found["written"]) == 13
    assert [each["text"] for each in found["written"] if "…" in each["text"]] == []
    assert len(found["crossed"]) == 26
    for name in found["written"]:
        own = [cross for cross in found["crossed"] if abs(cross["y"] - name["y"]) < found["height"] / 2]
        assert len(own) == 2
        assert all(cross["x"] > name["right"] for cross in own)
    if found["across"]:
        first, second, _ = found["middles"]
        assert second - first >= 70  # what “hidden 1” takes, and a gap to the next


@pytest.mark.parametrize("width", [340, 440, 523, 836])
def test_names_of_classes_keep_off_the_edges_and_their_bars_begin_alike(module_page: Page, width: int) -> None:
    found: dict[str, Any] = module_page.evaluate(
        """async (width) => {
          const { layOut } = await import("/static/js/paint/layout.js");
          const { paintClasses } = await import("/static/js/paint/output.js");
          const layers = [{ name: "input", units: 13, shape: [13] },
            ...["hidden1", "hidden2"].map((name) => ({ name, units: 128, shape: [128] }))];
          const classes = ["class_0", "class_1", "class_2"];
          const layout = layOut(width, { layers, classes, features: layers.map(() => "flavanoids") });
          const context = document.createElement("canvas").getContext("2d");
          const [names, bars] = [[], []];
          context.fillText = (text, x) => {
            if (classes.includes(text)) {
              names.push({ left: x - context.measureText(text).width, right: x, align: context.textAlign });
            }
          };
          context.fillRect = (x) => bars.push(x);
          const palette = Object.fromEntries(
            ["panel", "ink", "inkSoft", "line", "firing", "warn"].map((name) => [name, "#123456"]));
          const picture = { probability: [0.2, 0.3, 0.5], classes, label: 2, truth: 1 };
          paintClasses(context, layout, { ...palette, font: "sans-serif" }, picture);
          return { names, bars, edge: layout.blocks.at(-1).x };
        }""",
        width,
    )
    assert len({*found["bars"]}) == 1
    assert len(found["names"]) == 3
    for name in found["names"]:
        assert name["align"] == "right"
        assert name["left"] - found["edge"] >= 7
        assert found["bars"][0] - name["right"] >= 7


def test_lanes_that_share_a_colour_differ_in_shape_wherever_they_are_marked(module_page: Page) -> None:
    looks = module_page.evaluate(
        """async () => {
          const { markLane } = await import("/static/js/base/theme.js");
          for (const sheet of ["tokens", "hero"]) {
            const link = document.createElement("link");
            Object.assign(link, { rel: "stylesheet", href: `/static/css/${sheet}.css` });
            document.head.append(link);
            await new Promise((loaded) => link.addEventListener("load", loaded));
          }
          return Array.from({ length: 64 }, (_, lane) => {
            const [place, mark] = [document.createElement("span"), document.createElement("i")];
            mark.className = "mark";
            place.append(mark);
            document.body.append(place);
            markLane(place, lane);
            const look = getComputedStyle(mark);
            const { backgroundColor, backgroundImage, borderTopColor, borderTopLeftRadius, transform } = look;
            return [backgroundColor, backgroundImage, borderTopColor, borderTopLeftRadius, transform].join();
          });
        }"""
    )
    assert len({*looks}) == 64


def test_no_other_module_gives_lanes_their_colours() -> None:
    modules = {path: path.read_text() for path in (ROOT / "static" / "js").rglob("*.js") if path.name != "theme.js"}
    assert len(modules) > 150
    own = re.compile(r"--lane-\$|lane % 8|index % 8|palette\.lanes\[\w+ % ")
    assert [path.name for path, text in modules.items() if own.search(text)] == []


def test_masks_are_unpacked_as_numpy_packed_them(module_page: Page) -> None:
    mask = np.random.default_rng(5).random(131) < 0.5
    found: dict[str, Any] = module_page.evaluate(
        """async ({ packed, units }) => {
          const { countKept, isKept, unpack } = await import("/static/js/model/bits.js");
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
@pytest.mark.parametrize("shapes", [*PERCEPTRONS, *OTHERS])
def test_every_unit_has_a_cell_of_its_own_inside_the_picture(
    module_page: Page, width: int, shapes: list[list[int]]
) -> None:
    found: dict[str, Any] = module_page.evaluate(
        """async ({ width, shapes, classes }) => {
          const { layOut } = await import("/static/js/paint/layout.js");
          const { cellAt, centre } = await import("/static/js/paint/lattice.js");
          const layers = shapes.map((shape, index) =>
            ({ name: index ? `layer${index}` : "input", units: shape.reduce((all, size) => all * size), shape }));
          const layout = layOut(width, { layers, classes });
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
          const cell = layout.blocks.slice(1, -1).map(({ kind, pitchX }) => [kind, pitchX]);
          return { lost, blocks: layout.blocks.length, height: layout.height, cell };
        }""",
        {"width": width, "shapes": shapes, "classes": list("0123456789")},
    )
    assert found["lost"] == []
    assert found["blocks"] == len(shapes) + 1
    least = {"neurons": 3, "maps": 1.5, "matrix": 0.46}  # 640 units in 298 pixels
    assert all(pitch >= least[kind] for kind, pitch in found["cell"])
    # Downwards: layers of at most 420, input 112, classes 84, five gaps of 40 and the margins 34. Across it is less.
    assert found["height"] <= 850 or shapes in TALL


def test_arrow_keys_reach_every_block_and_never_leave_the_picture(module_page: Page) -> None:
    visited = module_page.evaluate(
        """async () => {
          const { layOut } = await import("/static/js/paint/layout.js");
          const { neighbour } = await import("/static/js/paint/lattice.js");
          const layers = [{ name: "input", units: 64, shape: [8, 8] }, { name: "conv1", units: 80, shape: [5, 4, 4] },
            { name: "hidden1", units: 7, shape: [7] }];
          return [700, 320].map((width) => {
            const layout = layOut(width, { layers, classes: ["a", "b", "c"] });
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


def test_the_knobs_of_a_step_follow_from_the_changes_before_it(world: Page) -> None:
    rates = world.evaluate(
        """async () => {
          const { knobsAt } = await import("/static/js/model/layers.js");
          const changes = [
            { step: 10, lane: 1, knobs: { dropout: [0, 0.5, 0.5] } },
            { step: 12, lane: 0, knobs: { dropout: [0.9, 0.9, 0.9] } },
            { step: 20, lane: 1, knobs: { batch_norm: true } },
            { step: 30, lane: 1, knobs: { dropout: [0, 0, 0] } },
          ];
          return [1, 9, 10, 29, 30].map((step) => knobsAt({ ...world.run, changes }, 1, step).dropout[1]);
        }"""
    )
    assert rates == [0.25, 0.25, 0.5, 0.5, 0]


def test_a_picture_tells_dropped_silent_and_firing_apart(world: Page) -> None:
    wrong = world.evaluate(
        """async () => {
          const { pictureOfGraph, State } = await import("/static/js/paint/picture.js");
          const picture = pictureOfGraph(world.graph(9), world.run, world.data);
          const { DROPPED, FIRING, SILENT } = State;
          return picture.layers.flatMap(({ name, states, kept, activation: gave }, layer) => [...states]
            .filter((state, unit) => state !== (!world.kept(9, layer, unit) ? DROPPED : gave[unit] ? FIRING : SILENT))
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
          const say = (picture, followed = 2, missing = null) => networkSentence(picture, { followed, missing });
          const said = {
            live: say(pictureOfGraph(graph(1284), run, data)),
            start: say(pictureOfGraph(graph(0, { pass: "evaluation" }), run, data)),
            other: say(pictureOfGraph(graph(9, { example: 5 }), run, data)),
            wrong: say(pictureOfGraph(graph(9, { example: 4 }), run, data), 4),
            past: say(pictureOfRecord(store.state.steps.at(6), run, data), 2),
            gone: say(null, 2, "Fetching step 3 …"),
            nothing: say(null),
            busy: networkSentence(pictureOfGraph(graph(1284), run, data), { followed: 2, missing: null, every: 2 }),
            busier: networkSentence(pictureOfGraph(graph(9), run, data), { followed: 2, missing: null, every: 0.5 }),
            idle: networkSentence(pictureOfGraph(graph(1284), run, data), { followed: 2, missing: null, every: null }),
            kept: world.bitsOf(1284, 1).reduce((sum, bit) => sum + bit, 0),
          };
          world.become({ rates: [[0, 0], [0, 0], [0, 0]] });
          world.steps(1, 12);
          return { ...said, bare: say(pictureOfRecord(store.state.steps.at(6), world.run, data), 2) };
        }"""
    )
    assert said["live"].startswith("Step 1,284 of “Dropout”, training example 2, labelled c: kept ")
    assert said["busy"] == f"{said['live']} The server is busy: a new picture about every 2 seconds."
    assert said["busier"].startswith("Step 9 of")
    assert said["busier"].endswith("The server is busy: a new picture about every half second.")
    assert said["idle"] == said["live"]
    assert f"{said['kept']} and " in said["live"]
    sd = math.sqrt(24 * 0.25 * 0.75)
    assert (
        f"of 24 neurons of hidden 1 and 2 (expected 18.0, SD {sd:.1f}, in each), every kept output × 1.33"
        in said["live"]
    )
    assert "of 16 pixels (expected 14.0, SD 1.3), every kept output × 1.14" in said["live"]
    assert said["live"].endswith("It puts 70.0% on c, its label.")
    assert "nothing is dropped. Nothing is trained yet." in said["start"]
    assert "expected" not in said["start"]
    assert "The selected example 2 was not in that mini-batch" in said["other"]
    assert "a c wrongly labelled b" in said["wrong"]
    assert "It puts 70.0% on c and 10.0% on b, its label." in said["wrong"]
    assert "Only the mask was recorded for this step." in said["past"]
    assert "this lane has no dropout: nothing is dropped." in said["bare"]
    assert said["gone"] == "Fetching step 3 …"
    assert said["nothing"].startswith("Waiting")


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
          const { layOut } = await import("/static/js/paint/layout.js");
          const { centre } = await import("/static/js/paint/lattice.js");
          const { paintNetwork } = await import("/static/js/paint/network.js");
          const { pictureOfGraph, State } = await import("/static/js/paint/picture.js");
          const { readPicturePalette, channels } = await import("/static/js/paint/palette.js");
          const palette = readPicturePalette(document);
          const layout = layOut(620, { layers: world.layers, classes: world.run.classes });
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
          const { layOut } = await import("/static/js/paint/layout.js");
          const { centre } = await import("/static/js/paint/lattice.js");
          const { run: { classes }, layers } = world;
          const block = layOut(element.clientWidth, { layers, classes }).blocks[1];
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
          const { reducedMotion } = await import("/static/js/base/theme.js");
          const clock = { now: 0, timers: [] };
          const setTimeout = (work, delay) => clock.timers.push([clock.now + delay, work]);
          const timing = { now: () => clock.now, setTimeout, clearTimeout: () => {} };
          const runs = [];
          const pace = createPace(() => runs.push(clock.now), () => (reducedMotion(document) ? 500 : 0), timing);
          for (let request = 0; request < 5; request += 1) pace.request();
          const waiting = clock.timers.length;
          const [[at, work]] = clock.timers;
          clock.now = at;
          work();
          return { runs, waiting };
        }"""
    )
    assert drawn == {"runs": [0, 500], "waiting": 1}
