// Gradient noise against the step: how far one mini-batch is from the mean of many, how long that mean is, and masks alone.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import { FEW, laneRows, laneStyle, lineWidth, MANY } from "../charts/curves.js";
import { lookedAt } from "../charts/lookback.js";
import { gradientSentence } from "../words/gradient.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "cursor", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "noise", label: "noise of one mini-batch", mark: "line" },
  { key: "masks", label: "noise of masks alone", mark: "thin" },
  { key: "norm", label: "length of the mean", mark: "dash" },
];
const DASHES = { noise: "solid", masks: "dot", norm: "dash" };

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Gradient noise of each network and the length of its mean gradient, against the step";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return { update: chart.invalidate, resize: chart.resize, destroy: chart.destroy, ...chart.exports };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, { run, insights, trails, cursor }) {
  const reading = run && insights.gradient ? readGradient(run, insights.gradient) : null;
  chart.say(gradientSentence(reading));
  if (!run || !reading) {
    chart.note("Waiting for the first gradients …");
    return;
  }
  const lanes = run.config.lanes.length;
  chart.legend.update(laneRows(run), COLUMNS, (_, { key }) => lanes > FEW && key !== "noise");
  const frames = (trails.gradient ?? [insights.gradient]).filter((frame) => fits(run, frame));
  const traces = run.config.lanes.flatMap((_, lane) => laneTraces(chart, run, frames, lane));
  const end = Math.max(100, reading.step);
  const back = lookedAt(chart, cursor, end);
  chart.plot(traces, {
    uirevision: run.id,
    shapes: back.shapes,
    annotations: back.labels,
    xaxis: { title: "step", range: [0, 1.02 * end], tickformat: ",d" },
    yaxis: { title: "length of a gradient", type: "log", tickformat: "~g", nticks: 6 },
  });
}

/**
 * @param {Run} run
 * @param {Frame} frame
 */
function fits({ config }, frame) {
  return frame.tensors.norm?.data.length === config.lanes.length;
}

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of lanes that the run does not have.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readGradient(run, frame) {
  const { tensors } = frame;
  return fits(run, frame)
    ? {
        step: Number(tensors.step.data[0]),
        draws: Number(tensors.draws.data[0]),
        lanes: run.config.lanes.map(({ name }, lane) => ({
          name,
          norm: Number(tensors.norm.data[lane]),
          noise: Number(tensors.noise.data[lane]),
          ratio: Number(tensors.ratio.data[lane]),
          masks: Number(tensors.masks.data[lane]),
        })),
      }
    : null;
}

/**
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame[]} frames
 * @param {number} lane
 */
function laneTraces({ legend, palette }, run, frames, lane) {
  const { name } = run.config.lanes[lane];
  const { colour, symbol } = laneStyle(palette, lane);
  const keys = /** @type {const} */ (["noise", "masks", "norm"]);
  const x = frames.map(({ tensors }) => Number(tensors.step.data[0]));
  return keys
    .filter((key) => legend.shows(String(lane), key))
    .map((key) => ({
      type: "scatter",
      mode: frames.length > MANY ? "lines" : "lines+markers",
      x,
      y: frames.map(({ tensors }) => positive(Number(tensors[key].data[lane]))),
      name: `${name}: ${COLUMNS.find((column) => column.key === key)?.label}`,
      line: { color: colour, width: key === "noise" ? lineWidth(run, lane) : 1.4, dash: DASHES[key] },
      marker: { color: colour, symbol, size: 5 },
      hovertemplate: "%{y:.3g}",
    }));
}

/** What a logarithmic axis can show. @param {number} value */
function positive(value) {
  return value > 0 ? value : null;
}
