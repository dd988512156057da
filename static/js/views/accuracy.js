// Accuracy against the step: on the training labels in eval mode, and on validation data.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Run, State, View, ViewOptions } from "../types.js" */

import { createChart } from "../charts/charts.js";
import {
  brokenAt,
  divergedAt,
  FEW,
  hasScores,
  laneRows,
  laneStyle,
  lineWidth,
  percentFloor,
  stopOf,
  thinned,
} from "../charts/curves.js";
import { curveTable } from "../charts/curvetable.js";
import { lookedAt } from "../charts/lookback.js";
import { changeLines } from "../charts/turns.js";
import { divergenceOf } from "../model/diverged.js";
import { lastRows, meanOf } from "../model/verdict.js";
import { accuracySentence, setApart } from "../words/index.js";

/** @type {import("../types.js").Topic[]} */
export const topics = ["run", "data", "scores", "cursor", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "val", label: "validation", mark: "line" },
  { key: "train", label: "training labels", mark: "dash" },
];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Accuracy of each network against the step";
  const chart = createChart(element, { document, label, draw: (own) => draw(own, store.state) });
  return {
    update: chart.invalidate,
    resize: chart.resize,
    destroy: chart.destroy,
    ...chart.exports,
    table: () => accuracyTable(store.state),
  };
}

/**
 * All that was measured, as shares from 0 to 1.
 * @param {State} state
 */
function accuracyTable({ run, scores }) {
  const curves = (run?.config.lanes ?? []).flatMap(({ name }, lane) => [
    { ...scores, name: `${name}: training labels`, values: scores.train_accuracy[lane] ?? [] },
    { ...scores, name: `${name}: validation`, values: scores.val_accuracy[lane] ?? [] },
  ]);
  return curveTable("accuracy", curves);
}

/**
 * @param {Chart} chart
 * @param {State} state
 */
function draw(chart, state) {
  if (!hasScores(state)) {
    chart.say(accuracySentence(null));
    chart.note("Waiting for the first evaluation …");
    return;
  }
  const { run, scores } = state;
  chart.legend.update(laneRows(run), COLUMNS, (_, { key }) => run.config.lanes.length > FEW && key !== "val");
  chart.say(accuracySentence(readAccuracies(state)));
  const traces = accuracyTraces(chart, state);
  const end = Math.max(100, scores.step[scores.length - 1]);
  const turns = changeLines(chart, state, end);
  const back = lookedAt(chart, state.cursor, end);
  chart.plot(traces, {
    uirevision: run.id,
    shapes: [...turns.shapes, ...back.shapes],
    annotations: [...turns.labels, ...back.labels],
    hovermode: run.config.lanes.length > FEW ? "closest" : "x unified",
    xaxis: { title: "step", range: [0, end], tickformat: ",d" },
    yaxis: { title: "accuracy", range: [percentFloor(traces), 101], ticksuffix: "%", dtick: 25 },
  });
}

/**
 * The numbers of which the sentence speaks.
 * @param {State & { run: Run }} state
 */
export function readAccuracies(state) {
  const { run, scores } = state;
  const last = scores.length - 1;
  const rows = lastRows(scores);
  const lanes = run.config.lanes.map(({ name, train_size: own }, lane) => ({
    name,
    train: scores.train_accuracy[lane][last],
    val: meanOf(scores.val_accuracy[lane], rows),
    trainSize: own ?? run.train_size,
    wrong: wrongLabels(state, own ?? run.train_size),
    diverged: divergedAt(state, lane),
    at: divergenceOf(run, lane)?.step ?? null,
  }));
  const { val_size: valSize, classes } = run;
  return {
    step: scores.step[last],
    evaluations: rows.length,
    lanes,
    valSize,
    classes: classes.length,
    apart: setApart(run.config),
  };
}

/**
 * How many of the first training labels are wrong: a lane with fewer examples of its own has the first ones.
 * @param {State & { run: Run }} state
 * @param {number} count
 */
function wrongLabels({ data, run }, count) {
  const [taught, truth] = [data?.tensors["train/y"]?.data, data?.tensors["train/true"]?.data];
  if (!taught || !truth) {
    return Math.round(run.config.label_noise * count);
  }
  let wrong = 0;
  for (let example = 0; example < count; example += 1) {
    wrong += taught[example] === truth[example] ? 0 : 1;
  }
  return wrong;
}

/**
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 */
function accuracyTraces({ legend, palette }, { run, scores }) {
  const kinds = /** @type {const} */ ([
    { key: "train", values: scores.train_accuracy, name: "training labels", width: 1.6 },
    { key: "val", values: scores.val_accuracy, name: "validation", width: null },
  ]);
  const shown = kinds.flatMap((kind) =>
    run.config.lanes
      .map(({ name }, lane) => ({ ...kind, lane, title: `${name}: ${kind.name}` }))
      .filter(({ lane }) => legend.shows(String(lane), kind.key)),
  );
  return shown.flatMap(({ key, values, width, lane, title }) => {
    const { colour, dash } = laneStyle(palette, lane);
    const line = {
      type: "scatter",
      mode: "lines",
      ...thinned(scores, values[lane], scores.length, shown.length, 100),
      name: title,
      line: { color: colour, width: width ?? lineWidth(run, lane), dash: key === "train" ? "dash" : dash },
      hovertemplate: "%{y:.1f}%",
    };
    return brokenAt(line, stopOf(run, lane));
  });
}
