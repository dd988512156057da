"""Pictures and words of every kind of network and dropout: feature maps, sequences, tables, noise, dropped weights."""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import CNN, DROPCONNECT, GAUSSIAN, LSTM, PER_STEP, TABLE, build
from trainer.settings.dropouts import DROPOUTS, KINDS

pytestmark = pytest.mark.timeout(300)

SAY: Final = """async () => {
  const { networkSentence } = await import("/static/js/paint/phrases.js");
  const { pictureOfGraph } = await import("/static/js/paint/picture.js");
  return networkSentence(pictureOfGraph(world.graph(9), world.run, world.data), { followed: 2, cursor: null });
}"""
TELL: Final = """async ([block, unit]) => {
  const { cellWords } = await import("/static/js/paint/phrases.js");
  const { pictureOfGraph } = await import("/static/js/paint/picture.js");
  return cellWords(pictureOfGraph(world.graph(9), world.run, world.data), { block, unit });
}"""
PIXELS: Final = """async () => {
  const { layOut } = await import("/static/js/paint/layout.js");
  const { centre } = await import("/static/js/paint/lattice.js");
  const { paintNetwork } = await import("/static/js/paint/network.js");
  const { pictureOfGraph } = await import("/static/js/paint/picture.js");
  const { readPicturePalette, channels } = await import("/static/js/paint/palette.js");
  const palette = readPicturePalette(document);
  const { layers, run: { classes } } = world;
  const layout = layOut(620, { layers, classes });
  const canvas = new OffscreenCanvas(1, 1);
  const picture = { ...pictureOfGraph(world.graph(9), world.run, world.data), edges: [] };
  paintNetwork(canvas, { layout, palette, ratio: 4, picture, cursor: null });
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = palette.panel;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const colourAt = (x, y) => [...context.getImageData(Math.round(4 * x), Math.round(4 * y), 1, 1).data.slice(0, 3)];
  const isNear = (one, name) => one.every((value, at) => Math.abs(value - channels(palette[name])[at]) < 60);
  return { layout, picture, centre, colourAt, isNear };
}"""


def moments(groups: int, size: int, keep: float, group_keep: float) -> dict[str, Any]:
    return {"groups": groups, "size": size, "keep": keep, "groupKeep": group_keep}


def enumerated(groups: int, size: int, keep: float, group_keep: float) -> list[float]:
    """The distribution of the number kept, by adding up every outcome of every group and every element."""
    chances = [0.0] * (groups * size + 1)
    for outcome in itertools.product([0, 1], repeat=groups * (1 + size)):
        kept, chance = 0, 1.0
        for group in range(groups):
            whole, *elements = outcome[group * (1 + size) : (group + 1) * (1 + size)]
            chance *= group_keep if whole else 1 - group_keep
            for element in elements:
                chance *= keep if element else 1 - keep
            kept += whole * sum(elements)
        chances[kept] += chance
    return chances


def said_of(page: Page, **given: Any) -> str:
    return str(build(page, given).evaluate(SAY))


# The law that counts must follow


@pytest.mark.parametrize(
    "law", [(3, 3, 0.8, 0.7), (3, 3, 0.2, 0.2), (2, 5, 1, 0.75), (1, 8, 0.5, 1), (4, 2, 0.5, 0.9), (2, 3, 0, 0.5)]
)
def test_what_groups_and_elements_leave_is_distributed_as_every_outcome_counted(
    module_page: Page, law: tuple[int, int, float, float]
) -> None:
    found = module_page.evaluate(
        """async (law) => {
          const { keptMoments, keptPmf } = await import("/static/js/model/stats.js");
          const chances = Array.from({ length: law.groups * law.size + 1 }, (_, count) => keptPmf(law, count));
          return { chances, ...keptMoments(law) };
        }""",
        moments(*law),
    )
    exact = enumerated(*law)
    mean = sum(count * chance for count, chance in enumerate(exact))
    variance = sum((count - mean) ** 2 * chance for count, chance in enumerate(exact))
    assert found["chances"] == pytest.approx(exact, abs=1e-12)
    assert (found["mean"], found["sd"]) == pytest.approx((mean, math.sqrt(variance)))


def test_a_frame_names_a_kind_by_its_place_in_the_schema(module_page: Page) -> None:
    given = {"dropouts": [each.described() for each in DROPOUTS.values()], "count": len(KINDS)}
    found = module_page.evaluate(
        """async ({ dropouts, count }) => {
          const { dropoutAt } = await import("/static/js/model/kinds.js");
          return Array.from({ length: count }, (_, place) => dropoutAt({ dropouts }, place).name);
        }""",
        given,
    )
    assert found == list(KINDS)


@pytest.mark.parametrize(
    ("given", "kind", "rates", "law"),
    [
        ({}, "inverted", (0.2, 0), (1, 24, 0.8, 1)),
        (GAUSSIAN, "gaussian", (0.2, 0), (1, 24, 0.5, 1)),
        (GAUSSIAN, "gaussian", (0.2, 0.5), None),
        (DROPCONNECT, "dropconnect", (0.2, 0), (1, 24 * 24, 0.8, 1)),
    ],
)
def test_each_kind_of_dropout_has_its_law(
    module_page: Page, given: dict[str, Any], kind: str, rates: tuple[float, float], law: tuple[Any, ...] | None
) -> None:
    found = build(module_page, given).evaluate(
        """async ([kind, rates]) => {
          const { lawOf, sitesOf } = await import("/static/js/model/layers.js");
          return lawOf(sitesOf(world.run, 1)[1], world.run.dropouts.find(({ name }) => name === kind), rates);
        }""",
        [kind, list(rates)],
    )
    assert found == (law and moments(*law))


# Feature maps


def test_a_map_that_was_dropped_whole_is_crossed_out_as_one_and_single_elements_one_by_one(module_page: Page) -> None:
    wrong = build(module_page, CNN).evaluate(
        f"""async () => {{
          const {{ layout, picture, centre, colourAt, isNear }} = await ({PIXELS})();
          const {{ wholeMaps }} = await import("/static/js/paint/maps.js");
          const {{ mapBox }} = await import("/static/js/paint/lattice.js");
          const block = layout.blocks[2];
          const whole = wholeMaps(picture.layers[2]);
          const wrong = [];
          whole.forEach((isWhole, map) => {{
            const expected = Number(Array.from({{ length: 16 }}, (_, at) => map * 16 + at)
              .every((unit) => !world.kept(9, 2, unit)));
            const {{ x, y, width, height }} = mapBox(block, map);
            const isCrossed = isNear(colourAt(x + width / 2, y + height / 2), "dropped");
            if (isWhole !== expected || Boolean(isWhole) !== isCrossed) wrong.push(["map", map, isWhole, isCrossed]);
          }});
          picture.layers[2].states.forEach((state, unit) => {{
            const {{ x, y }} = centre(block, unit);
            const isCrossed = isNear(colourAt(x, y), "dropped");
            const isSingle = !world.kept(9, 2, unit) && !whole[Math.floor(unit / 16)];
            if (isSingle && !isCrossed) wrong.push(["element", unit]);
            if (state !== 0 && isCrossed) wrong.push(["kept", unit]);
          }});
          return {{ wrong, whole: whole.reduce((sum, each) => sum + each) }};
        }}"""
    )
    assert wrong["wrong"] == []
    assert 0 < wrong["whole"] < 16


def test_elements_of_a_map_are_told_by_map_row_and_column(module_page: Page) -> None:
    page = build(module_page, CNN)
    assert page.evaluate(TELL, [2, 16 * 2 + 4 + 3]).startswith("conv 2, map 3 of 16, row 2, column 4: ")
    whole = next(each for each in range(16) if not any(page.evaluate(f"world.kept(9, 2, {each * 16})") for _ in [0]))
    assert "dropped" in page.evaluate(TELL, [2, 16 * whole])


def test_the_sentence_counts_elements_and_whole_maps(module_page: Page) -> None:
    said = said_of(module_page, **CNN)
    mean = 16 * 16 * 0.75 * 0.75
    sd = math.sqrt(16 * (0.75 * 16 * 0.75 * 0.25 + (16 * 0.75) ** 2 * 0.75 * 0.25))
    assert f"of 256 elements in the 16 maps of conv 2 (expected {mean:.1f}, SD {sd:.1f}), " in said
    assert "of the 16 maps dropped whole, every kept output × 1.78;" in said
    assert "of 128 elements in the 8 maps of conv 1 (expected 96.0, SD 4.9), every kept output × 1.33;" in said


def test_edges_between_convolutions_join_maps_and_those_behind_them_join_elements_to_neurons(module_page: Page) -> None:
    ends = build(module_page, CNN | {"edges": [[0, 0, 5, 1], [1, 2, 9, 1], [2, 40, 7, 1]]}).evaluate(
        """async () => {
          const { layOut } = await import("/static/js/paint/layout.js");
          const { cellAt, mapBox } = await import("/static/js/paint/lattice.js");
          const { paintEdges } = await import("/static/js/paint/edges.js");
          const { pictureOfGraph } = await import("/static/js/paint/picture.js");
          const layout = layOut(620, { layers: world.layers, classes: world.run.classes });
          const drawn = [];
          let from = null;
          const nothing = () => {};
          const context = { beginPath: nothing, stroke: nothing, moveTo: (x, y) => { from = [x, y]; },
            bezierCurveTo: (_a, _b, _c, _d, x, y) => drawn.push([...from, x, y]) };
          paintEdges(context, layout, {}, pictureOfGraph(world.graph(9), world.run, world.data));
          const mapAt = (x, y) => {
            const cell = cellAt(layout, x, y);
            return cell && [cell.block, layout.blocks[cell.block].map ? Math.floor(cell.unit / 16) : cell.unit];
          };
          return drawn.map(([x0, y0, x1, y1], pair) => pair < 2
            ? [mapAt(x0 - 1, y0 + 1), mapAt(x1 + 1, y1 + 1)] : [cellAt(layout, x0, y0), cellAt(layout, x1, y1)]);
        }"""
    )
    assert ends[0][0][0] == 0
    assert ends[0][1] == [1, 5]
    assert ends[1] == [[1, 2], [2, 9]]
    assert ends[2] == [{"block": 2, "unit": 40}, {"block": 3, "unit": 7}]


# Sequences


def test_one_mask_for_all_time_steps_is_said_to_be_the_same_and_fresh_ones_to_be_others(module_page: Page) -> None:
    said = said_of(module_page, **LSTM)
    gone = module_page.evaluate("Array.from({ length: 64 }, (_, u) => 1 - world.kept(9, 1, u)).reduce((a, b) => a + b)")
    assert (
        f"{64 - gone} of 64 units of the state (expected 48.0, SD 3.5): the same {gone} of 64 units are dropped at all "
        "7 steps" in said
    )
    assert "columns are dropped in all 8 rows" in said
    fresh = said_of(module_page, **PER_STEP)
    sd = math.sqrt(448 * 0.25 * 0.75)
    assert f"of 448 values of the state, others at each of 7 steps (expected 336.0, SD {sd:.1f})" in fresh
    assert "the same" not in fresh


def test_a_variational_mask_makes_stripes_over_time(module_page: Page) -> None:
    stripes = build(module_page, LSTM).evaluate(
        f"""async () => {{
          const {{ layout, picture, centre, colourAt, isNear }} = await ({PIXELS})();
          const isRed = (unit) => {{
            const {{ x, y }} = centre(layout.blocks[1], unit);
            return isNear(colourAt(x, y), "dropped");
          }};
          const wrong = [...picture.layers[1].states].map((state, unit) => (state === 0) !== isRed(unit));
          const same = Array.from({{ length: 64 }}, (_, unit) =>
            new Set(Array.from({{ length: 7 }}, (_, time) => isRed(time * 64 + unit))).size);
          return {{ wrong: wrong.filter(Boolean).length, same: Math.max(...same) }};
        }}"""
    )
    assert stripes == {"wrong": 0, "same": 1}


def test_the_raster_keeps_the_time_steps_of_a_unit_together(module_page: Page) -> None:
    rows = build(module_page, LSTM).evaluate(
        """async () => {
          const { layRows } = await import("/static/js/paint/film.js");
          const { sitesOf } = await import("/static/js/model/layers.js");
          const { bands } = layRows(sitesOf(world.run, 1), 2000);
          return [...bands[1].unitOfRow].slice(0, 15);
        }"""
    )
    assert rows == [*range(0, 448, 64), *range(1, 448, 64), 2]


def test_values_of_the_state_are_told_by_time_step_and_unit(module_page: Page) -> None:
    page = build(module_page, LSTM)
    assert page.evaluate(TELL, [1, 64 * 2 + 4]).startswith("state from time step 3 to 4, unit 5 of 64: ")
    assert page.evaluate(TELL, [0, 8 * 3 + 1]).startswith("pixel in row 4 (time step 4), column 2: ")
    dropped = page.evaluate("Array.from({ length: 64 }, (_, unit) => unit).find((unit) => !world.kept(9, 1, unit))")
    assert "dropped with its whole unit" in page.evaluate(TELL, [1, dropped])


# Tables and lanes with widths of their own


def test_the_numbers_of_a_table_are_told_by_their_names(module_page: Page) -> None:
    page = build(module_page, TABLE)
    assert page.evaluate(TELL, [0, 3]).startswith("input alcalinity of ash: ")
    assert page.evaluate(TELL, [3, 1]) == "class Grignolino: probability 10.0%"


def test_units_that_a_narrower_lane_does_not_have_are_neither_drawn_nor_counted(module_page: Page) -> None:
    found = build(module_page, LSTM | {"knobs": {"hidden": [40]}}).evaluate(
        """async () => {
          const { readWindow } = await import("/static/js/paint/reading.js");
          const { pictureOfGraph, State } = await import("/static/js/paint/picture.js");
          const { sitesOf } = await import("/static/js/model/layers.js");
          const { layers } = pictureOfGraph(world.graph(9), world.run, world.data);
          const wrong = [...layers[1].states].filter((state, at) =>
            (state === State.DROPPED) === Boolean(world.kept(9, 1, Math.floor(at / 40) * 64 + (at % 40))));
          world.steps(1, 10);
          const { layers: counted } = readWindow(world.store.state.steps, world.run, { from: 1, to: 10 });
          const [units, whole] = [layers, sitesOf(world.run, 0)].map((all) => all.map((each) => each.units));
          return { wrong: wrong.length, units, whole, draws: counted.map(({ draws }) => draws) };
        }"""
    )
    assert found == {"wrong": 0, "units": [64, 280, 40], "draws": [640, 2800, 400], "whole": [64, 448, 64]}


# Kinds of dropout


def test_what_a_kept_unit_was_multiplied_by_is_said_for_each_kind(module_page: Page) -> None:
    assert "Every kept output" not in said_of(module_page, kind="inverted")
    classic = said_of(module_page, kind="classic", rates=[[0, 0], [0.25, 0], [0.25, 0]])
    assert "evaluation takes all of them × 0.75 instead." in classic
    assert "every kept output" not in classic
    unscaled = said_of(module_page, kind="unscaled", rates=[[0, 0], [0.25, 0], [0.25, 0]])
    assert "and in evaluation too: wrong, for there 1.33 times as much arrives." in unscaled


def test_noise_drops_nobody_and_turns_each_unit_up_or_down(module_page: Page) -> None:
    said = said_of(module_page, **GAUSSIAN)
    assert "turned up " in said
    assert "of 24 neurons of hidden 1 and 2 (expected 12.0, SD 2.4, in each)" in said
    spread = math.sqrt(0.25 / 0.75)
    assert (
        f"Nobody is dropped: each output is multiplied by a factor of its own, of mean 1 and SD 0.38 and {spread:.2f}."
        in said
    )
    page = module_page
    up = page.evaluate("[1, 3, 5, 7, 9, 11].find((unit) => world.kept(9, 1, unit))")
    down = page.evaluate("[1, 3, 5, 7, 9, 11, 13, 15].find((unit) => !world.kept(9, 1, unit))")
    for unit, word in ((up, "up"), (down, "down")):
        factor = page.evaluate(f"world.factorOf(9, 1, {unit})")
        shown = f"{factor:.2f}".replace("-", "−"), f"{factor:.3f}".replace("-", "−")
        assert page.evaluate(TELL, [1, unit]) == (
            f"hidden 1, neuron {unit + 1} of 24: turned {word}; 1.000 × {shown[0]} = {shown[1]}"
        )


def test_units_that_are_turned_up_and_down_point_up_and_down(module_page: Page) -> None:
    wrong = build(module_page, GAUSSIAN).evaluate(
        f"""async () => {{
          const {{ layout, picture, centre, colourAt, isNear }} = await ({PIXELS})();
          const {{ State }} = await import("/static/js/paint/picture.js");
          const block = layout.blocks[1];
          const wrong = [];
          picture.layers[1].states.forEach((state, unit) => {{
            const {{ x, y }} = centre(block, unit);
            const width = (at) => {{
              let wide = 0;
              for (let dx = -8; dx <= 8; dx += 0.25) {{
                const colour = colourAt(x + dx, y + at);
                wide += Number(!isNear(colour, "panel") && Math.abs(dx) < block.pitchX / 2);
              }}
              return wide;
            }};
            const lean = Math.sign(width(0.75) - width(-0.75));
            const expected = {{ [State.UP]: 1, [State.DOWN]: -1, [State.SILENT]: 0 }}[state];
            if (state !== State.SILENT && lean !== expected) wrong.push([unit, state, lean]);
          }});
          return {{ wrong, states: [...new Set(picture.layers[1].states)].sort() }};
        }}"""
    )
    assert wrong["states"] == [1, 4, 5]
    assert wrong["wrong"] == []


def test_where_weights_are_dropped_all_neurons_stay_and_weights_are_counted(module_page: Page) -> None:
    said = said_of(module_page, **DROPCONNECT)
    assert "of 576 weights out of hidden 1 (expected 432.0, SD 10.4), every kept weight × 1.33" in said
    assert "of 72 weights out of hidden 2" in said
    assert "Weights are dropped; the neurons stay." in said
    states = module_page.evaluate(
        """async () => {
          const { pictureOfGraph } = await import("/static/js/paint/picture.js");
          const { layers } = pictureOfGraph(world.graph(9), world.run, world.data);
          return [...new Set(layers.flatMap(({ states }) => [...states]))].sort();
        }"""
    )
    assert states == [1, 2], "silent or firing, none dropped"
    dropped = module_page.evaluate("Array.from({ length: 24 }, (_, at) => at).find((at) => !world.kept(9, 1, at))")
    told = module_page.evaluate(TELL, [1, dropped])
    assert told.endswith("; its weight to the first neuron of the next layer is dropped")


def test_the_raster_says_what_its_rows_are(module_page: Page) -> None:
    build(module_page, DROPCONNECT).evaluate(
        "async () => { await world.open('masks', 'masks'); world.steps(1, 30); await world.settle(); }"
    )
    bands = module_page.locator(".raster-band")
    expect(bands.nth(1)).to_have_text("hidden 1 →first neuronof hidden 2")
    expect(bands.nth(2)).to_have_text("hidden 2 →first class")
    expect(module_page.locator("#masks-sentence")).to_contain_text("a row is that from a unit to the first neuron")


def test_the_raster_of_noise_counts_factors_of_at_least_one(module_page: Page) -> None:
    build(module_page, GAUSSIAN).evaluate(
        "async () => { await world.open('masks', 'masks'); world.steps(1, 30); await world.settle(); }"
    )
    expect(module_page.locator(".legend-mask-kept")).to_have_text("factor of at least 1")
    error = math.sqrt(0.25 / (30 * 24))
    expect(module_page.locator("#masks-sentence")).to_contain_text(
        f"(expected 50.0%, SD {100 * error:.1f})",
    )
    expect(module_page.locator("#masks-sentence")).to_contain_text("Turned up over 30 steps: ")


# Schedules


@pytest.mark.parametrize(
    ("schedule", "end", "words"),
    [
        ("constant", 100, None),
        ("ramp_down", 100, "Rates now 0.13 and 0.25 (ramp down, ends at step 100)."),
        ("ramp_up", 5, "Rates now 0.13 and 0.25 (ramp up, ended at step 5)."),
        ("early", 100, "Early dropout: it ends at step 100."),
        ("late", 5, "Late dropout: it began after step 5."),
    ],
)
def test_a_schedule_says_what_it_has_made_of_the_rates(
    module_page: Page, schedule: str, end: int, words: str | None
) -> None:
    said = said_of(module_page, knobs={"schedule": schedule, "schedule_steps": end})
    if words is None:
        assert "step 100" not in said
    else:
        assert words in said


def test_a_schedule_that_drops_nothing_yet_is_not_taken_for_a_lane_without_dropout(module_page: Page) -> None:
    build(module_page, {"rates": [[0, 0], [0, 0], [0, 0]]})
    said = module_page.evaluate(
        """async () => {
          const { config } = world.run;
          Object.assign(config.lanes[1], { dropout: [0, 0.5, 0.5], schedule: "late", schedule_steps: 100 });
          return (SAY)();
        }""".replace("SAY", SAY)
    )
    assert "nothing is dropped at this step. Late dropout: it begins after step 100." in said
