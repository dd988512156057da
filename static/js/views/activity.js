// How strongly and how often units fire: a histogram of each hidden layer, and bars for what fires and what is dead.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts/charts.js";
import { FEW, laneRows, laneStyle, lineWidth, MANY } from "../charts/curves.js";
import { gridOf, placeOf } from "../charts/multiples.js";
import { withContrast } from "../model/contrast.js";
import { activitySentence } from "../words/activity.js";
import { layerLabel } from "../words/common.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "histogram", label: "how strong: share of activations", mark: "line" },
  { key: "firing", label: "how often: above zero", mark: "bars" },
  { key: "dead", label: "dead units", mark: "dots" },
];
const FOOT = 11; // rem of the picture for the bars, and ROW for each row of histograms: as in inside.css
const ROW = 10.5;
const BARS = 6.5; // rem of the bars themselves
const ROOM = { gap: 0.05, below: 0.3 };
const FLOOR = 0.5; // of the least share there is: an empty bin lies below the axis

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label =
    "For each hidden layer a histogram of activations, and the share of activations above zero and of dead units";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return { update: chart.invalidate, resize: chart.resize, destroy: chart.destroy, ...chart.exports };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, { run, insights }) {
  const frame = insights.activity;
  const reading = run && frame ? readActivity(run, frame) : null;
  chart.say(activitySentence(reading));
  if (!run || !frame || !reading) {
    chart.note("The units are being looked at …");
    return;
  }
  const { layers } = reading;
  const pair = withContrast(run);
  const most = (/** @type {string} */ key) => (key === "histogram" ? MANY : FEW); // lines have more room than bars
  const { lanes } = run.config;
  chart.legend.update(laneRows(run), COLUMNS, ({ lane }, { key }) => lanes.length > most(key) && !pair.includes(lane));
  const grid = gridOf(layers.length, chart.width);
  chart.picture.style.setProperty("--rows", String(grid.rows));
  const height = FOOT + ROW * grid.rows;
  const places = layers.map((_, index) => placeOf(grid, index, { ...ROOM, bottom: (FOOT - 1) / height }));
  const traces = layers.flatMap((layer, index) => histograms(chart, run, frame, layer, index));
  chart.plot([...traces, ...bars(chart, run, frame, layers)], {
    uirevision: `${run.id} ${layers}`,
    barmode: "group",
    bargap: 0.3,
    margin: { l: 46, r: 8, t: 24, b: 24 },
    annotations: places.map(({ x, y }, index) => heading(chart, layerLabel(layers[index]), x, y)),
    ...Object.assign({}, ...places.map((place, index) => axes(frame, layers[index], place, index, traces))),
    [`xaxis${layers.length + 1}`]: {
      domain: [0, 1],
      anchor: `y${layers.length + 1}`,
      showgrid: false,
      fixedrange: true,
    },
    [`yaxis${layers.length + 1}`]: {
      ...{
        domain: [0, BARS / height],
        anchor: `x${layers.length + 1}`,
        range: [0, 1.02],
        tickformat: ".0%",
        dtick: 0.5,
      },
      title: "share",
    },
  });
}

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of other networks than the run's.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readActivity(run, frame) {
  const layers = layersOf(run, frame, "mean/");
  if (layers.length === 0) {
    return null;
  }
  const at = (/** @type {string} */ name, /** @type {number} */ lane) => Number(frame.tensors[name]?.data[lane]);
  const [own, other] = withContrast(run).map((lane) => ({
    name: run.config.lanes[lane].name,
    mean: layers.map((layer) => at(`mean/${layer}`, lane)),
    firing: layers.map((layer) => at(`firing/${layer}`, lane)),
    dead: layers.map((layer) => at(`dead/${layer}`, lane)),
    weight: at("weight", lane),
  }));
  return { step: at("step", 0), layers, signed: run.network.signed, own, other: other ?? null };
}

/**
 * The hidden layers of a run that a frame tells about, if it tells about all of the run's networks.
 * @param {Run} run
 * @param {Frame} frame
 * @param {string} prefix Of a tensor with the networks as its first dimension.
 */
export function layersOf({ layers, config }, { tensors }, prefix) {
  const known = layers.map(({ name }) => name).filter((name) => tensors[prefix + name]);
  return known.every((name) => tensors[prefix + name].shape[0] === config.lanes.length) ? known : [];
}

/**
 * @param {Chart} chart
 * @param {string} text
 * @param {number[]} x
 * @param {number[]} y
 */
function heading({ palette }, text, x, y) {
  return {
    ...{ text, x: (x[0] + x[1]) / 2, y: y[1], xref: "paper", yref: "paper", xanchor: "center", yanchor: "bottom" },
    ...{ showarrow: false, font: { size: 11, color: palette.inkSoft } },
  };
}

/**
 * The histogram of one layer, a line for each network; shares are of all activations, those of zero included.
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame} frame
 * @param {string} layer
 * @param {number} index
 */
function histograms({ legend, palette }, run, { tensors }, layer, index) {
  const edges = Array.from(tensors[`edges/${layer}`].data, Number);
  const bins = edges.length - 1;
  const middles = edges.slice(0, bins).map((edge, bin) => (edge + edges[bin + 1]) / 2);
  return run.config.lanes.flatMap(({ name }, lane) => {
    if (!legend.shows(String(lane), "histogram")) {
      return [];
    }
    const counts = Array.from(tensors[`histogram/${layer}`].data.subarray(lane * bins, (lane + 1) * bins), Number);
    const positive = counts.reduce((sum, count) => sum + count, 0);
    const total = positive / Number(tensors[`firing/${layer}`].data[lane]);
    if (!(total > 0)) {
      return [];
    }
    const { colour, dash } = laneStyle(palette, lane);
    const axis = index === 0 ? "" : String(index + 1);
    return [
      {
        ...{ type: "scatter", mode: "lines", xaxis: `x${axis}`, yaxis: `y${axis}` },
        name: `${name}: ${layerLabel(layer)}, share of activations`,
        x: middles,
        y: counts.map((count) => Math.max(count, FLOOR) / total),
        line: { shape: "hvh", color: colour, dash, width: Math.min(2, lineWidth(run, lane)) },
        meta: name,
        hovertemplate: "%{meta}: activation %{x:.3g}, %{y:.3%}<extra></extra>",
      },
    ];
  });
}

/**
 * For each network a bar a layer: what fires, and what is dead.
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame} frame
 * @param {string[]} layers
 */
function bars({ legend, palette }, run, { tensors }, layers) {
  const number = layers.length + 1;
  const kinds = /** @type {const} */ ([
    { key: "firing", what: "above zero" },
    { key: "dead", what: "dead" },
  ]);
  return run.config.lanes.flatMap(({ name }, lane) =>
    kinds
      .filter(({ key }) => legend.shows(String(lane), key))
      .map(({ key, what }) => {
        const { colour } = laneStyle(palette, lane);
        const isDead = key === "dead";
        return {
          ...{ type: "bar", xaxis: `x${number}`, yaxis: `y${number}`, name: `${name}: ${what}` },
          x: layers.map(layerLabel),
          y: layers.map((layer) => finite(tensors[`${key}/${layer}`].data[lane])),
          marker: {
            color: withAlpha(colour, isDead ? 0.25 : 0.8),
            line: { color: colour, width: 1 },
            pattern: isDead ? { shape: ".", size: 4, fgcolor: colour, bgcolor: palette.panel } : undefined,
          },
          meta: name,
          hovertemplate: `%{meta}: %{y:.1%} ${isDead ? "of the units are dead" : "of the activations are above zero"}<extra></extra>`,
        };
      }),
  );
}

/** @param {number | bigint} value */
function finite(value) {
  return Number.isFinite(Number(value)) ? Number(value) : null;
}

/**
 * @param {Frame} frame
 * @param {string} layer
 * @param {ReturnType<typeof placeOf>} place
 * @param {number} index
 * @param {{ y: number[] }[]} traces
 */
function axes({ tensors }, layer, { x, y, isFirst }, index, traces) {
  const number = index === 0 ? "" : String(index + 1);
  const edges = tensors[`edges/${layer}`].data;
  const all = traces.flatMap((trace) => trace.y);
  const [low, high] = all.length > 0 ? [Math.min(...all), Math.max(...all)] : [1e-5, 1];
  return {
    [`xaxis${number}`]: {
      ...{ domain: x, anchor: `y${number}`, range: [0, Number(edges[edges.length - 1])], showgrid: false, nticks: 4 },
    },
    [`yaxis${number}`]: {
      ...{ domain: y, anchor: `x${number}`, type: "log", range: [Math.log10(low * 1.5), Math.log10(high * 1.5)] },
      ...{ tickformat: ".3~%", nticks: 4, dtick: 1, showticklabels: isFirst },
    },
  };
}
