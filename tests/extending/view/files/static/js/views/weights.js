// How long the vector of all weights of each network is, against the step.

/** @import { Chart } from "../charts/charts.js" */
/** @import { Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import { laneRows, laneStyle, lineWidth } from "../charts/curves.js";
import { weightsSentence } from "../words/weights.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

const COLUMNS = [{ key: "length", label: "length of all weights", mark: "line" }];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Length of the vector of all weights of each network, against the step";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return { update: chart.invalidate, resize: chart.resize, destroy: chart.destroy, ...chart.exports };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, { run, insights, trails }) {
  const reading = run && insights.weights ? readWeights(run, insights.weights) : null;
  chart.say(weightsSentence(reading));
  if (!run || !reading) {
    chart.note("Waiting for the first weights …");
    return;
  }
  chart.legend.update(laneRows(run), COLUMNS);
  const traces = run.config.lanes.map(({ name }, lane) => ({
    type: "scatter",
    mode: "lines",
    name,
    x: trails.weights.map(({ tensors }) => Number(tensors.step.data[0])),
    y: trails.weights.map(({ tensors }) => Number(tensors.length.data[lane])),
    line: { color: laneStyle(chart.palette, lane).colour, width: lineWidth(run, lane) },
    hovertemplate: "%{y:.3g}",
  }));
  chart.plot(traces, {
    uirevision: run.id,
    xaxis: { title: "step", range: [0, 1.02 * Math.max(100, reading.step)], tickformat: ",d" },
    yaxis: { title: "length of all weights", rangemode: "tozero" },
  });
}

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of lanes that the run does not have.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readWeights({ config }, { tensors }) {
  return tensors.length.data.length === config.lanes.length
    ? {
        step: Number(tensors.step.data[0]),
        lanes: config.lanes.map(({ name }, lane) => ({
          name,
          length: Number(tensors.length.data[lane]),
          largest: Number(tensors.largest.data[lane]),
        })),
      }
    : null;
}
