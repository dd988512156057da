// What is left of each network's accuracy when more and more of its hidden units are killed for good.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts/charts.js";
import { FEW, laneRows, laneStyle, lineWidth } from "../charts/curves.js";
import { withContrast } from "../model/contrast.js";
import { damageSentence } from "../words/damage.js";
import { rowOf } from "./ensemble.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "mean", label: "mean over random choices", mark: "line" },
  { key: "spread", label: "± their standard deviation", mark: "bars" },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Validation accuracy of each network against the share of its hidden units that were killed";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return { update: chart.invalidate, resize: chart.resize, destroy: chart.destroy, ...chart.exports };
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, { run, insights }) {
  const frame = insights.damage;
  const reading = run && frame ? readDamage(run, frame) : null;
  chart.say(damageSentence(reading));
  if (!run || !frame || !reading) {
    chart.note("Units are being killed …");
    return;
  }
  const many = run.config.lanes.length > FEW;
  chart.legend.update(laneRows(run), COLUMNS, (_, { key }) => many && key === "spread");
  const shares = reading.shares.map((share) => 100 * share);
  const last = shares[shares.length - 1];
  chart.plot(
    [...run.config.lanes.flatMap((_, lane) => laneTraces(chart, run, frame, lane, shares)), chance(chart, run, last)],
    {
      uirevision: run.id,
      xaxis: { title: "hidden units killed", range: [-2, last + 2], tickvals: shares, ticksuffix: "%" },
      yaxis: { title: "validation accuracy", range: [0, 101], ticksuffix: "%", dtick: 25 },
    },
  );
}

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of other networks than the run's.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readDamage(run, frame) {
  const { tensors } = frame;
  const lanes = run.config.lanes.map((_, lane) => lane);
  if (tensors.accuracy.shape[0] !== lanes.length) {
    return null;
  }
  const pair = withContrast(run);
  const order = [...pair, ...lanes.filter((lane) => !pair.includes(lane))];
  return {
    step: Number(tensors.step.data[0]),
    draws: Number(tensors.draws.data[0]),
    shares: Array.from(tensors.share.data, Number),
    classes: run.classes.length,
    valSize: run.val_size,
    lanes: order.map((lane) => ({
      name: run.config.lanes[lane].name,
      accuracy: rowOf(frame, "accuracy", lane),
      spread: rowOf(frame, "spread", lane),
    })),
  };
}

/**
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame} frame
 * @param {number} lane
 * @param {number[]} shares In percent.
 */
function laneTraces({ legend, palette }, run, frame, lane, shares) {
  const { name } = run.config.lanes[lane];
  const { colour, dash, symbol } = laneStyle(palette, lane);
  const [mean, spread] = ["accuracy", "spread"].map((tensor) =>
    rowOf(frame, tensor, lane).map((share) => (Number.isFinite(share) ? 100 * share : null)),
  );
  const bound = (/** @type {number} */ side) =>
    mean.map((value, at) => (value === null ? null : Math.min(100, Math.max(0, value + side * (spread[at] ?? 0)))));
  const band = { type: "scatter", mode: "lines", x: shares, line: { width: 0 }, hoverinfo: "skip" };
  return [
    ...(legend.shows(String(lane), "spread")
      ? [
          { ...band, y: bound(1) },
          { ...band, y: bound(-1), fill: "tonexty", fillcolor: withAlpha(colour, 0.16) },
        ]
      : []),
    ...(legend.shows(String(lane), "mean")
      ? [
          {
            ...{ type: "scatter", mode: "lines+markers", name, x: shares, y: mean },
            line: { color: colour, dash, width: lineWidth(run, lane) },
            marker: { symbol, size: 7, color: colour },
            customdata: spread.map((value) => value ?? 0),
            meta: name,
            hovertemplate: "%{meta}: %{y:.1f}% ± %{customdata:.1f}<extra></extra>",
          },
        ]
      : []),
  ];
}

/**
 * What guessing gets.
 * @param {Chart} chart
 * @param {Run} run
 * @param {number} last
 */
function chance({ palette }, { classes }, last) {
  const level = 100 / classes.length;
  return {
    ...{ type: "scatter", mode: "lines+text", name: "guessing", x: [-2, last + 2], y: [level, level] },
    line: { color: palette.inkSoft, width: 1.2, dash: "dot" },
    ...{ text: ["guessing", ""], textposition: "bottom right", textfont: { size: 11, color: palette.inkSoft } },
    hovertemplate: "guessing: %{y:.1f}%<extra></extra>",
  };
}
