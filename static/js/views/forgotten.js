// The forgotten eval(): networks judged as they should be, and with training mode left on, against the step.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Series } from "../charts/twofold.js" */
/** @import { DataTable, Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { h } from "../base/dom.js";
import { createChart } from "../charts/charts.js";
import { FEW, laneRows, laneStyle, lineWidth } from "../charts/curves.js";
import { lookedAt } from "../charts/lookback.js";
import { twofoldAxes, twofoldTraces } from "../charts/twofold.js";
import { drops } from "../model/layers.js";
import { forgottenSentence } from "../words/forgotten.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "cursor", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "val", label: "evaluation mode", mark: "line" },
  { key: "forgotten", label: "training mode left on", mark: "dash" },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Validation accuracy and log-loss in evaluation mode and with training mode left on, against the step";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  const code = (/** @type {string} */ text) => h(document, "code", {}, text);
  element.append(
    h(
      document,
      "p",
      { class: "forgotten-fix" },
      ...["What was forgotten, before validation: ", code("model.eval()")],
      ...[", and before the next step ", code("model.train()"), "."],
    ),
  );
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
function draw(chart, { run, trails, cursor }) {
  const frames = run ? framesOf(run, trails.forgotten) : [];
  chart.say(forgottenSentence(run && frames.length > 0 ? readForgotten(run, frames[frames.length - 1]) : null));
  if (!run || frames.length === 0) {
    chart.note("Waiting for the first look …");
    return;
  }
  chart.legend.update(laneRows(run), COLUMNS);
  const traces = twofoldTraces(run.config.lanes.flatMap((_, lane) => laneSeries(chart, run, frames, lane)));
  const end = Math.max(100, stepOf(frames[frames.length - 1]));
  const back = lookedAt(chart, cursor, end);
  chart.plot(traces, {
    uirevision: run.id,
    shapes: back.shapes,
    annotations: back.labels,
    hovermode: "closest",
    ...twofoldAxes(traces, { title: "step", range: [0, end], tickformat: ",d" }),
  });
}

/**
 * The frames that speak of the run's lanes, oldest first.
 * @param {Run} run
 * @param {Frame[] | undefined} trail
 */
function framesOf({ config }, trail = []) {
  return trail.filter(({ tensors }) => tensors.val_loss?.data.length === config.lanes.length);
}

/** @param {Frame} frame */
const stepOf = ({ tensors }) => Number(tensors.step.data[0]);

/**
 * The numbers of which the sentence speaks.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readForgotten({ config, val_size: valSize }, frame) {
  const lanes = config.lanes.map((lane, index) => {
    const at = (/** @type {string} */ name) => Number(frame.tensors[name].data[index]);
    return {
      ...{ name: lane.name, drops: drops(lane), norm: lane.batch_norm },
      ...{ accuracy: at("val_accuracy"), loss: at("val_loss") },
      ...{ forgotten: at("forgotten_accuracy"), forgottenLoss: at("forgotten_loss") },
    };
  });
  return { step: stepOf(frame), valSize, lanes };
}

/**
 * @param {Chart} chart
 * @param {Run} run
 * @param {Frame[]} frames
 * @param {number} lane
 * @returns {Series[]}
 */
function laneSeries({ legend, palette }, run, frames, lane) {
  const { colour } = laneStyle(palette, lane);
  const { name } = run.config.lanes[lane];
  const x = frames.map(stepOf);
  const across = (/** @type {string} */ what) => frames.map(({ tensors }) => Number(tensors[what].data[lane]));
  const mode = frames.length > 1 ? "lines" : "lines+markers";
  const width = run.config.lanes.length > FEW ? lineWidth(run, lane) : 2.2;
  return COLUMNS.filter(({ key }) => legend.shows(String(lane), key)).map(({ key, label }) => ({
    name: `${name}: ${label}`,
    network: name,
    x,
    accuracy: across(`${key}_accuracy`),
    loss: across(`${key}_loss`),
    hover: `%{meta}, ${label}, step %{x:,d}:`,
    look: { mode, line: { color: colour, width, dash: key === "val" ? "solid" : "dash" } },
  }));
}

/**
 * A row for each look and network; `null` before the first.
 * @param {State} state
 * @returns {DataTable | null}
 */
function tableOf({ run, trails }) {
  const frames = run ? framesOf(run, trails.forgotten) : [];
  if (!run || frames.length === 0) {
    return null;
  }
  const rows = frames.flatMap((frame) =>
    readForgotten(run, frame).lanes.map(({ name, accuracy, loss, forgotten, forgottenLoss }) => [
      ...[stepOf(frame), name, accuracy, loss, forgotten, forgottenLoss],
    ]),
  );
  const columns = [
    ...["step", "network", "accuracy in evaluation mode", "log-loss in evaluation mode"],
    ...["accuracy with training mode left on", "log-loss with training mode left on"],
  ];
  return { name: "forgotten", columns, rows };
}
