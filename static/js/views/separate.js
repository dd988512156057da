// Networks that were trained one by one: each of them, and the average of those that are alike but for their seed.

/** @import { Chart } from "../charts/charts.js" */
/** @import { LegendColumn } from "../charts/legend.js" */
/** @import { Series } from "../charts/twofold.js" */
/** @import { DataTable, Frame, Run, State, Topic, View, ViewOptions } from "../types.js" */

import { createChart, withAlpha } from "../charts/charts.js";
import { laneStyle } from "../charts/curves.js";
import { twofoldAxes, twofoldTraces } from "../charts/twofold.js";
import { drops } from "../model/layers.js";
import { mean } from "../model/stats.js";
import { commonName, separateSentence } from "../words/separate.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

/** @type {LegendColumn[]} */
const COLUMNS = [
  { key: "single", label: "each alone", mark: "dots" },
  { key: "average", label: "average of n", mark: "line" },
  { key: "geometric", label: "geometric mean", mark: "thin" },
  { key: "mean", label: "one, on average", mark: "dash" },
];

/**
 * Networks that are alike but for their seed, or a single one. Averages are of the first 1, 2, … of them.
 * @typedef {object} Group
 * @property {string} name
 * @property {number[]} lanes
 * @property {boolean} drops
 * @property {number[]} accuracies
 * @property {number[]} losses
 * @property {Record<"average" | "geometric", { accuracy: number[], loss: number[] }>} means
 */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const label = "Validation accuracy and log-loss of the average of networks against their number";
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
  const frame = insights.separate;
  const groups = run && frame ? readGroups(run, frame) : null;
  const step = frame ? Number(frame.tensors.step.data[0]) : 0;
  chart.say(separateSentence(run && groups ? { step, valSize: run.val_size, groups: groups.map(inNumbers) } : null));
  if (!run || !groups) {
    chart.note("Waiting for the first averages …");
    return;
  }
  const most = Math.max(...groups.map(({ lanes }) => lanes.length));
  chart.legend.update(
    groups.map(({ name, lanes }) => ({ key: String(lanes[0]), name: counted(name, lanes.length), lane: lanes[0] })),
    COLUMNS,
  );
  const traces = twofoldTraces(groups.flatMap((group) => groupSeries(chart, group, most)));
  chart.plot(traces, {
    uirevision: run.id,
    ...twofoldAxes(
      traces,
      { title: "networks averaged, n", range: [0.7, most + 0.3], dtick: Math.ceil(most / 12), tick0: 1 },
      { close: true },
    ),
  });
}

/**
 * The kinds of networks in a frame; `null` where it speaks of other lanes than the run has.
 * @param {Run} run
 * @param {Frame} frame
 * @returns {Group[] | null}
 */
export function readGroups(run, { tensors }) {
  const kinds = Array.from(tensors.group.data, Number);
  const { lanes } = run.config;
  if (kinds.length !== lanes.length) {
    return null;
  }
  const most = tensors.average_accuracy.shape[1];
  return [...new Set(kinds)].map((kind) => {
    const own = lanes.flatMap((_, lane) => (kinds[lane] === kind ? [lane] : []));
    const of = (/** @type {string} */ name) => own.map((lane) => Number(tensors[name].data[lane]));
    const row = (/** @type {string} */ name) =>
      Array.from(tensors[name].data.subarray(kind * most, kind * most + own.length), Number);
    const both = (/** @type {string} */ name) => ({ accuracy: row(`${name}_accuracy`), loss: row(`${name}_loss`) });
    return {
      name: commonName(own.map((lane) => lanes[lane].name)),
      lanes: own,
      drops: drops(lanes[own[0]]),
      accuracies: of("accuracy"),
      losses: of("loss"),
      means: { average: both("average"), geometric: both("geometric") },
    };
  });
}

/** @param {Group} group */
function inNumbers({ name, drops: hasDropout, accuracies, losses, means: { average } }) {
  const last = accuracies.length - 1;
  return {
    ...{ name, drops: hasDropout, accuracies, loss: mean(losses) },
    ...{ average: average.accuracy[last], averageLoss: average.loss[last] },
  };
}

/**
 * @param {string} name
 * @param {number} count
 */
function counted(name, count) {
  return count > 1 ? `${name} × ${count}` : name;
}

/**
 * @param {Chart} chart
 * @param {Group} group
 * @param {number} most Networks of the largest group.
 * @returns {Series[]}
 */
function groupSeries({ legend, palette }, { name, lanes, accuracies, losses, means }, most) {
  const { colour, symbol } = laneStyle(palette, lanes[0]);
  const x = lanes.map((_, index) => index + 1);
  const line = { color: colour, width: 1.6 };
  const small = { size: 5, color: colour, symbol };
  const found = {
    single: {
      ...{ x, accuracy: accuracies, loss: losses, hover: "%{meta}: network %{x} alone" },
      look: { mode: "markers", marker: { size: 7, color: withAlpha(colour, 0.5), symbol } },
    },
    average: {
      ...{ x, ...means.average, hover: "%{meta}: average of %{x}" },
      look: { mode: "lines+markers", line: { ...line, width: 2.4 }, marker: small },
    },
    geometric: {
      ...{ x, ...means.geometric, hover: "%{meta}: geometric mean of %{x}" },
      look: { mode: "lines", line: { ...line, dash: "1.5px,2px" } },
    },
    mean: {
      ...{ x: [0.7, most + 0.3], accuracy: twice(mean(accuracies)), loss: twice(mean(losses)) },
      ...{ hover: "%{meta}: one network, on average", look: { mode: "lines", line: { ...line, dash: "dash" } } },
    },
  };
  return COLUMNS.filter(({ key }) => legend.shows(String(lanes[0]), key)).map(({ key, label }) => ({
    name: `${name}: ${label}`,
    network: name,
    ...found[/** @type {keyof typeof found} */ (key)],
  }));
}

/** @param {number} value */
const twice = (value) => [value, value];

/**
 * A row for each network, with the averages up to it; `null` before the first look.
 * @param {State} state
 * @returns {DataTable | null}
 */
function tableOf({ run, insights }) {
  const groups = run && insights.separate ? readGroups(run, insights.separate) : null;
  if (!run || !groups) {
    return null;
  }
  const rows = groups.flatMap(({ name, lanes, accuracies, losses, means: { average, geometric } }) =>
    lanes.map((lane, index) => [
      ...[name, index + 1, run.config.lanes[lane].name, accuracies[index], losses[index]],
      ...[average.accuracy[index], average.loss[index], geometric.accuracy[index], geometric.loss[index]],
    ]),
  );
  const columns = [
    ...["group", "n", "network", "accuracy", "log-loss"],
    ...["accuracy of the average of the first n", "log-loss of the average of the first n"],
    ...["accuracy of the geometric mean of the first n", "log-loss of the geometric mean of the first n"],
  ];
  return { name: "separate", columns, rows };
}
