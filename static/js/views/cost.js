// What a step of each network costs by itself: one bar for each.

/** @import { Chart } from "../charts/charts.js" */
/** @import { DataTable, Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import { laneStyle } from "../charts/curves.js";
import { drops } from "../model/layers.js";
import { costSentence, formatTime } from "../words/cost.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Median time of a training step of each network by itself";
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
function draw(chart, { run, insights }) {
  const reading = run && insights.cost ? readCost(run, insights.cost) : null;
  chart.say(costSentence(reading));
  const timed = reading?.lanes
    .map((lane, index) => ({ ...lane, index }))
    .filter(({ milliseconds }) => milliseconds > 0);
  if (!run || !timed || timed.length === 0) {
    chart.note("The stop-watch is running …");
    return;
  }
  chart.picture.style.setProperty("--bars", String(timed.length));
  const places = timed.map((_, place) => place);
  const labels = timed.map(({ name }) => shortened(name, Math.max(8, Math.floor(chart.width / 26))));
  const widest = Math.max(...labels.map(({ length }) => length));
  const bars = {
    type: "bar",
    orientation: "h",
    name: "a step",
    x: timed.map(({ milliseconds }) => milliseconds),
    y: places,
    error_x: {
      type: "data",
      symmetric: false,
      array: timed.map(({ milliseconds, upper }) => upper - milliseconds),
      arrayminus: timed.map(({ milliseconds, lower }) => milliseconds - lower),
      color: chart.palette.inkSoft,
      thickness: 1.2,
      width: 3,
    },
    marker: { color: timed.map(({ index }) => laneStyle(chart.palette, index).colour) },
    text: timed.map(({ milliseconds }) => formatTime(milliseconds)),
    textposition: "inside",
    insidetextanchor: "start",
    textfont: { color: chart.palette.panel },
    customdata: timed.map(({ name }) => name),
    hovertemplate: "%{customdata}: %{text}<extra></extra>",
  };
  chart.plot([bars], {
    uirevision: run.id,
    bargap: 0.25,
    margin: { l: Math.min(7 * widest + 12, 0.36 * chart.width), r: 12, t: 8, b: 36 },
    xaxis: { title: "milliseconds a step, with quartiles", rangemode: "tozero" },
    yaxis: {
      autorange: "reversed",
      showgrid: false,
      tickvals: places,
      ticktext: labels,
    },
  });
}

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of lanes that the run does not have.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readCost({ config, device }, { tensors }) {
  const { data } = tensors.milliseconds;
  return data.length === config.lanes.length
    ? {
        device,
        stepCount: Number(tensors.step_count.data[0]),
        lanes: config.lanes.map((lane, index) => ({
          name: lane.name,
          drops: drops(lane),
          milliseconds: Number(data[index]),
          lower: Number(tensors.lower.data[index]),
          upper: Number(tensors.upper.data[index]),
        })),
      }
    : null;
}

/**
 * @param {State} state
 * @returns {DataTable | null}
 */
export function tableOf({ run, insights }) {
  const reading = run && insights.cost ? readCost(run, insights.cost) : null;
  const columns = ["network", "milliseconds", "lower quartile", "upper quartile"];
  const rows = reading?.lanes.map(({ name, milliseconds, lower, upper }) => [name, milliseconds, lower, upper]);
  return rows ? { name: "cost", columns, rows } : null;
}

/**
 * @param {string} name
 * @param {number} most Characters.
 */
function shortened(name, most) {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}
