// How many units the masks kept, layer by layer, against the Binomial distribution that they must follow.

/** @import { Chart } from "../charts.js" */
/** @import { LegendColumn } from "../legend.js" */
/** @import { Run, State, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts.js";
import { laneStyle } from "../curves.js";
import { binomial, binomialPmf, formatCount, mean } from "../stats.js";
import { keptHeading, keptSentence } from "../words.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "steps", "cursor", "theme"];

/**
 * The counts of one layer with dropout.
 * @typedef {object} LayerCounts
 * @property {string} name
 * @property {number} units
 * @property {number} rate
 * @property {number[]} kept One count for each step.
 */

const NARROW = 480; // px: below it the histograms stand two in a row
const TAIL = 4; // standard deviations shown on either side of the mean: one count in 16,000 falls outside
const GAP = 0.05; // of the width, between two histograms
const ROOM = 0.38; // of the height of a row, for its ticks and the headings of the next
/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "seen", label: "share of the steps seen", mark: "bars" },
  { key: "expected", label: "Binomial (n,\u00a01\u00a0−\u00a0p)", mark: "dotted", ink: true },
  { key: "step", label: "this step", mark: "pointer", ink: true },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Histogram of the number of units kept on each step, for each layer with dropout";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return { update: chart.invalidate, resize: chart.resize, destroy: chart.destroy };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, state) {
  const { run, steps } = state;
  if (!run) {
    chart.note("Waiting for the first step …");
    return;
  }
  const { lane } = run.follow;
  const { name } = run.config.lanes[lane];
  const layers = countKept(run, steps);
  const counted = layers.length > 0 ? layers[0].kept.length : 0;
  chart.legend.update([{ key: String(lane), name, lane }], COLUMNS);
  chart.say(keptSentence({ name, steps: counted, layers: layers.map(summary) }));
  if (layers.length === 0 || counted === 0) {
    chart.note(layers.length === 0 ? `“${name}” drops nothing.` : "Waiting for the first step at these rates …");
    return;
  }
  const grid = gridOf(layers.length, chart.width);
  chart.picture.style.setProperty("--rows", String(grid.rows));
  const panels = layers.map((layer, index) => panelOf(layer, grid, index));
  const highest = Math.max(...panels.flatMap(({ seen, expected }) => [...seen, ...expected]));
  chart.plot(
    panels.flatMap((panel, index) => traces(chart, state, lane, panel, index)),
    {
      uirevision: `${run.id} ${lane} ${layers.map(({ name: layer, rate }) => `${layer}${rate}`)}`,
      margin: { l: 40, r: 8, t: 34, b: 36 },
      annotations: panels.map(({ heading, x, y }) => ({
        text: heading,
        x: (x[0] + x[1]) / 2,
        y: y[1],
        xref: "paper",
        yref: "paper",
        xanchor: "center",
        yanchor: "bottom",
        showarrow: false,
        font: { size: 11, color: chart.palette.inkSoft },
      })),
      ...Object.assign({}, ...panels.map((panel, index) => axes(panel, index, highest * 1.08, grid))),
    },
  );
}

/**
 * The counts of the followed lane's steps since its rates were last changed.
 * @param {Run} run
 * @param {State["steps"]} steps
 * @returns {LayerCounts[]}
 */
export function countKept({ layers, config, changes, follow }, steps) {
  const rates = config.lanes[follow.lane].dropout;
  const mine = changes.filter(({ lane, knobs }) => lane === follow.lane && "dropout" in knobs);
  const since = Math.max(1, steps.first, ...mine.map(({ step }) => step));
  const counts = layers
    .map(({ name, units }, index) => ({ name, units, rate: rates[index], kept: /** @type {number[]} */ ([]) }))
    .filter(({ rate }) => rate > 0);
  for (let step = since; counts.length > 0 && step <= steps.last; step += 1) {
    const record = steps.laneOf(step) === follow.lane ? steps.at(step) : null;
    if (record) {
      for (const layer of counts) {
        layer.kept.push(record.kept[layer.name]);
      }
    }
  }
  return counts;
}

/** @param {LayerCounts} layer */
function summary({ name, units, rate, kept }) {
  const { mean: expected, sd } = binomial(units, 1 - rate);
  return { name, units, rate, mean: mean(kept), expected, error: sd / Math.sqrt(kept.length) };
}

/**
 * @param {number} count
 * @param {number} width
 */
function gridOf(count, width) {
  const columns = Math.min(count, width < NARROW ? 2 : count);
  return { columns, rows: Math.ceil(count / columns) };
}

/**
 * One histogram: its numbers and its place in the picture.
 * @param {LayerCounts} layer
 * @param {{ columns: number, rows: number }} grid
 * @param {number} index
 */
function panelOf(layer, { columns, rows }, index) {
  const { units, rate, kept } = layer;
  const { mean: middle, sd } = binomial(units, 1 - rate);
  const low = Math.max(0, Math.min(Math.floor(middle - TAIL * sd), ...kept));
  const high = Math.min(units, Math.max(Math.ceil(middle + TAIL * sd), ...kept));
  const counts = Array.from({ length: high - low + 1 }, (_, offset) => low + offset);
  const seen = new Array(counts.length).fill(0);
  for (const count of kept) {
    seen[count - low] += 1 / kept.length;
  }
  const [column, row] = [index % columns, Math.floor(index / columns)];
  const [wide, tall] = [(1 - GAP * (columns - 1)) / columns, 1 / rows];
  return {
    layer: layer.name,
    heading: keptHeading(layer),
    counts,
    seen,
    expected: counts.map((count) => binomialPmf(units, 1 - rate, count)),
    x: [column * (wide + GAP), column * (wide + GAP) + wide],
    y: [1 - (row + 1) * tall + (row < rows - 1 ? ROOM * tall : 0), 1 - row * tall],
  };
}

/**
 * @param {Chart} chart
 * @param {State} state
 * @param {number} lane
 * @param {ReturnType<typeof panelOf>} panel
 * @param {number} index
 */
function traces({ legend, palette }, { steps, cursor }, lane, { layer, counts, seen, expected }, index) {
  const { colour } = laneStyle(palette, lane);
  const place = {
    type: "scatter",
    xaxis: index === 0 ? "x" : `x${index + 1}`,
    yaxis: index === 0 ? "y" : `y${index + 1}`,
  };
  const step = cursor ?? steps.last;
  const now = steps.laneOf(step) === lane ? steps.at(step) : null;
  const found = {
    seen: {
      ...place,
      mode: "lines",
      x: counts,
      y: seen,
      line: { shape: "hvh", width: 1, color: colour },
      fill: "tozeroy",
      fillcolor: withAlpha(colour, 0.35),
      hovertemplate: "%{x} kept: %{y:.1%} of the steps<extra></extra>",
    },
    expected: {
      ...place,
      mode: "lines",
      x: counts,
      y: expected,
      line: { dash: "2px,2px", width: 2.5, color: palette.ink },
      hovertemplate: "%{x} kept: %{y:.1%} expected<extra></extra>",
    },
    step: now && {
      ...place,
      mode: "markers",
      x: [now.kept[layer]],
      y: [0],
      marker: { symbol: "triangle-up", size: 11, color: palette.ink, line: { color: palette.panel, width: 1 } },
      hovertemplate: `step ${formatCount(step)}: %{x} kept<extra></extra>`,
      cliponaxis: false,
    },
  };
  return Object.entries(found).flatMap(([key, trace]) => (trace && legend.shows(String(lane), key) ? [trace] : []));
}

/**
 * @param {ReturnType<typeof panelOf>} panel
 * @param {number} index
 * @param {number} highest
 * @param {{ columns: number, rows: number }} grid
 */
function axes({ counts, x, y }, index, highest, { columns, rows }) {
  const number = index === 0 ? "" : String(index + 1);
  const first = index % columns === 0;
  const lowest = index >= columns * (rows - 1);
  return {
    [`xaxis${number}`]: {
      domain: x,
      anchor: `y${number}`,
      range: [counts[0] - 0.7, counts[counts.length - 1] + 0.7],
      showgrid: false,
      nticks: 4,
      title: lowest ? "units kept" : undefined,
    },
    [`yaxis${number}`]: {
      domain: y,
      anchor: `x${number}`,
      range: [0, highest],
      nticks: 4,
      tickformat: ".0%",
      showticklabels: first,
    },
  };
}
