// The variance shift: how much more what enters batch norm varies in training than in evaluation, and unit by unit.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Palette } from "../base/theme.js" */
/** @import { Point } from "./shifts.js" */
/** @import { Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import { laneRows, laneStyle } from "../charts/curves.js";
import { layerLabel } from "../words/common.js";
import { varianceSentence } from "../words/variance.js";
import { rowOf } from "./ensemble.js";
import { layersOf, mostShifted, readPoints, readVariance, tableOf, variedLayers } from "./shifts.js";

/** @type {Topic[]} */
export const topics = ["run", "scores", "insights", "theme"];

const COARSE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000]; // ticks of the ratio
const NARROW = 400; // pixels
const FINE = [0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2];

/** @type {LegendColumn[]} */
const COLUMNS = [{ key: "ratio", label: "training ÷ evaluation", mark: "best" }];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Variance of what enters batch norm in training by that in evaluation, and of each unit in both";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return {
    update: chart.invalidate,
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    table: () => tableOf(store.state),
  };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, state) {
  const { run, insights } = state;
  const points = run && insights.variance ? readPoints(run, insights.variance) : null;
  chart.say(varianceSentence(points && readVariance(state, points)));
  if (!run || !points) {
    chart.note("Waiting for the first variances …");
    return;
  }
  if (points.length === 0) {
    chart.note("No network has batch norm.");
    return;
  }
  const varied = variedLayers(points);
  const lanes = new Set(points.map(({ lane }) => lane));
  const rows = varied.length > 0 ? [] : laneRows(run).filter((row) => lanes.has(row.lane));
  chart.legend.update(rows, rows.length > 0 ? COLUMNS : []);
  const shown = points.filter(({ lane }) => varied.length > 0 || chart.legend.shows(String(lane), "ratio"));
  const ratios = ratioPicture(chart.palette, run, shown, varied);
  const units = unitPicture(chart, run, insights.variance, points);
  chart.plot([...ratios.traces, ...units.traces], {
    uirevision: run.id,
    margin: { l: 48, r: 12, t: 22, b: 36 },
    xaxis: { ...ratios.axis, anchor: "y" },
    yaxis: { title: "training ÷ evaluation", type: "log", domain: [0.57, 1], ...ratioRange(shown) },
    xaxis2: { ...units.axis, anchor: "y2" },
    yaxis2: { title: "variance", type: "log", domain: [0, 0.34], exponentformat: "power", nticks: 5 },
    shapes: [
      { type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: chart.palette.inkSoft, width: 1 } },
    ],
    annotations: [heading(chart.palette, ratios.title, 1), heading(chart.palette, units.title, 0.34)],
  });
}

/**
 * The heading of one of the two pictures.
 * @param {Palette} palette
 * @param {string} text
 * @param {number} y Of its upper edge.
 */
function heading(palette, text, y) {
  const font = { size: 11, color: palette.inkSoft };
  return { text, font, xref: "paper", yref: "paper", x: 0, y, xanchor: "left", yanchor: "bottom", showarrow: false };
}

/**
 * Range and ticks of the ratio: 1 is always there, and never closer to an edge than a tenth.
 * @param {Point[]} points
 */
function ratioRange(points) {
  const values = points.flatMap(({ ratio, theory }) => [ratio, theory]).filter((value) => value > 0);
  const [low, high] = [0.92 * Math.min(1, ...values), 1.1 * Math.max(1, ...values)];
  return { tickvals: high > 2.1 ? COARSE : FINE, range: [Math.log10(low), Math.log10(Math.max(high, 1.25))] };
}

/**
 * The ratio against the rate, for the layers where that varies; else of each network, side by side.
 * @param {Palette} palette
 * @param {Run} run
 * @param {Point[]} points
 * @param {string[]} varied
 */
function ratioPicture(palette, run, points, varied) {
  if (varied.length > 0) {
    const where = run.config.batch_norm_order === "after_dropout" ? "right before it" : "before the layer";
    const of = (/** @type {string} */ layer) => points.filter((point) => point.layer === layer);
    const theory = points.some((point) => varied.includes(point.layer) && point.theory > 0) ? "; dashed: theory" : "";
    return {
      title: `Ratio of variances, ${varied.map(layerLabel).join(" and ")}${theory}`,
      axis: { title: `dropout rate ${where}`, tickformat: "~g" },
      traces: varied.flatMap((layer, number) => [
        theoryLine(palette, of(layer), layer),
        ...dots(palette, of(layer), (point) => point.rate, number > 0),
      ]),
    };
  }
  const layers = layersOf(points);
  const lanes = [...new Set(points.map(({ lane }) => lane))];
  const placeOf = (/** @type {Point} */ { layer, lane }) =>
    layers.indexOf(layer) + (0.5 * (lanes.indexOf(lane) + 0.5)) / lanes.length - 0.25;
  return {
    title: `Ratio of variances, median over units${points.some(({ theory }) => theory > 0) ? "; dash: theory" : ""}`,
    axis: {
      tickvals: layers.map((_, place) => place),
      ticktext: layers.map(layerLabel),
      range: [-0.5, layers.length - 0.5],
      showgrid: false,
    },
    traces: [
      {
        ...theoryLine(palette, points, "all", placeOf),
        mode: "markers",
        marker: { symbol: "line-ew-open", size: 16, color: palette.ink },
      },
      ...dots(palette, points, placeOf, false),
    ],
  };
}

/**
 * @param {Palette} palette
 * @param {Point[]} points
 * @param {string} layer
 * @param {(point: Point) => number} [placeOf]
 */
function theoryLine(palette, points, layer, placeOf = ({ rate }) => rate) {
  const told = points.filter(({ theory }) => theory > 0).sort((one, other) => placeOf(one) - placeOf(other));
  return {
    type: "scatter",
    mode: "lines",
    name: `theory, ${layerLabel(layer)}`,
    x: told.map(placeOf),
    y: told.map(({ theory }) => theory),
    line: { color: palette.ink, width: 1.4, dash: "dash" },
    hovertemplate: "theory %{y:.3f}<extra></extra>",
  };
}

/**
 * @param {Palette} palette
 * @param {Point[]} points
 * @param {(point: Point) => number} placeOf
 * @param {boolean} isOpen Whether the markers are hollow, of a second layer.
 */
function dots(palette, points, placeOf, isOpen) {
  return points
    .filter(({ ratio }) => ratio > 0)
    .map((point) => {
      const { colour, symbol } = laneStyle(palette, point.lane);
      const name = `${point.name}, ${layerLabel(point.layer)}`;
      return {
        type: "scatter",
        mode: "markers",
        name,
        x: [placeOf(point)],
        y: [point.ratio],
        marker: { color: colour, symbol: isOpen ? `${symbol}-open` : symbol, size: 9 },
        meta: name,
        hovertemplate: "%{meta}: %{y:.3f}<extra></extra>",
      };
    });
}

/**
 * The units of one layer of the followed network, or of the first with batch norm: variance in both modes, least first.
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame} frame
 * @param {Point[]} points At least one.
 */
function unitPicture({ palette, width }, run, frame, points) {
  const lane = points.some((point) => point.lane === run.follow.lane) ? run.follow.lane : points[0].lane;
  const own = points.filter((point) => point.lane === lane);
  const { layer, name } = mostShifted(own) ?? own[0];
  const [training, evaluation] = ["training", "evaluation"].map((mode) => rowOf(frame, `${mode}/${layer}`, lane));
  const there = evaluation.map((value, unit) => ({ unit, value })).filter(({ value }) => Number.isFinite(value));
  const varying = there.filter(({ value }) => value > 0).sort((one, other) => one.value - other.value);
  const still = there.length - varying.length;
  const trace = (/** @type {string} */ mode, /** @type {number[]} */ values, /** @type {object} */ marker) => ({
    ...{ type: "scatter", mode: "markers", name: `${mode}, each unit`, xaxis: "x2", yaxis: "y2", marker },
    x: varying.map((_, place) => place + 1),
    y: varying.map(({ unit }) => values[unit]),
    customdata: varying.map(({ unit }) => unit + 1),
    hovertemplate: `unit %{customdata}, ${mode}: %{y:.3g}<extra></extra>`,
  });
  const { colour } = laneStyle(palette, lane);
  return {
    title: `${width < NARROW ? "" : "Each unit of "}${layerLabel(layer)}, ${shortened(name)}: ● training ○ evaluation`,
    axis: {
      title: `units, least varying first${still > 0 ? `; ${still} never vary` : ""}`,
      range: [0, varying.length + 1],
    },
    traces: [
      trace("training", training, { color: colour, size: 4 }),
      trace("evaluation", evaluation, { color: palette.inkSoft, size: 4, symbol: "circle-open" }),
    ],
  };
}

/** A name that fits into a heading. @param {string} name */
function shortened(name) {
  return name.length > 16 ? `${name.slice(0, 15)}…` : name;
}
